/* ancestry.h - a device and the edge devices above it.  Private to hub/registry.
 *
 * An edge hub speaks for all that is below it: for its own modules, its children, their modules, and so
 * on.  Whose it is, is read from the store, for parents live on other cores; what the store has is what
 * was acknowledged.
 */
#ifndef HUB_REGISTRY_ANCESTRY_H
#define HUB_REGISTRY_ANCESTRY_H

#include "auth/auth.h"
#include "hub/registry/home.h"

struct ancestor {
    struct slice device_id;
    bool enabled, iot_edge;
    struct slice keys[2]; /* of its $edgeHub; empty: it has none */
};

/* From the device itself upwards; none when it is not there. */
struct ancestry {
    unsigned count;
    struct ancestor of[REGISTRY_ANCESTORS_MAX];
};

struct ancestry_wait {
    struct store_wait wait;
    void (*fn)(struct ancestry_wait *w, const struct ancestry *a, enum err e);
};

void ancestry_ask(const struct registry *r, struct slice device_id, struct ancestry_wait *w);

/* The one by that id, if it and all below it are enabled; NULL: it does not speak for the device. */
const struct ancestor *ancestry_find(const struct ancestry *a, struct slice device_id);

/* Is the chain "module or device;device;..;actor" what the store says, up to the actor, which is
 * returned?  `who` is its first element. */
const struct ancestor *ancestry_chain(const struct ancestry *a, struct slice who,
                                      struct slice chain);

/* A token of that edge device's $edgeHub. */
enum auth_cause ancestry_token(const struct registry *r, const struct ancestor *actor,
                               struct slice token, int64_t *ends_us);

#endif
