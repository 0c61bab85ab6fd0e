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

/* ---- whom the cores know: who is connected, or was not long ago (hub/registry/presence.h) */

enum { REGISTRY_KNOWN_MAX = 256 }; /* identities of one answer */

struct registry_known_ask {
    unsigned core;   /* of the hub's, from 0: each is asked by itself */
    uint64_t after;  /* `after` of the answer before; 0: from the start */
    bool of_modules; /* else devices */
    bool connected;  /* only those */
    unsigned max;    /* REGISTRY_KNOWN_MAX at most; 0: nobody, only how many there are */
};

/* Borrowed during the call. */
struct registry_known {
    const struct presence_seen
        *seen;      /* in the order in which they came; `after` is the `number` of each */
    unsigned count; /* may be 0 although there are more */
    uint64_t after;
    bool more;
    uint64_t total; /* how many there are, at a guess */
};

/* As registry_presences_wait. */
struct registry_known_wait {
    void (*fn)(struct registry_known_wait *w, const struct registry_known *known);
    struct addr slot;
};

void registry_known(struct registry *r, const struct registry_known_ask *ask,
                    struct registry_known_wait *w);
void registry_known_forget(struct registry *r, struct registry_known_wait *w);

#endif
