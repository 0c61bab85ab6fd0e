/* rows.h - identities as they lie in the store, for who reads many of them at once (hub/query).
 *
 * Who reads rows sees every write that was acknowledged, but not who is connected: that their homes
 * know, and say when they are asked for a list of identities.
 *
 * Runs on: the core's lane.
 * Limits:  REGISTRY_PRESENCES_MAX identities in one question.
 */
#ifndef HUB_REGISTRY_ROWS_H
#define HUB_REGISTRY_ROWS_H

#include "hub/registry/identity.h"

enum { REGISTRY_PRESENCES_MAX = 1000 };

/* Who waits.  Embedded in its owner; `fn` is called once, never before registry_presences() has
 * returned, unless forgotten. */
struct registry_presences_wait {
    void (*fn)(struct registry_presences_wait *w, const struct presence *presences);
    struct addr slot;
    unsigned cores_left;
    struct presence *presences; /* in the order of the question */
};

void registry_presences(struct registry *r, const struct slice *who, unsigned count,
                        struct registry_presences_wait *w);
void registry_presences_forget(struct registry *r, struct registry_presences_wait *w);

#endif
