/* consumer_group.h - under which names a stream is read: $Default, and those that were created.
 *
 * Every core has its own copy, so that a link is attached without asking anybody.  The first core
 * makes the changes, one after the other: store, then every core's copy, then the answer; once a
 * creation is answered, every core knows the group.
 *
 * Runs on: the core's lane.
 * Life:    consumer_groups_new() after store_open(), before the lanes run; consumer_groups_free()
 *          after they stopped.
 * Limits:  the constants below.
 * Source:  Event Hubs: names have 1 to 50 letters, digits, '.', '-', '_', begin and end with a letter
 *          or digit and are compared without regard to case; quotas from 20 (Standard) to 1000
 *          (Dedicated) groups, of which the highest is ours.
 */
#ifndef HUB_CONSUMER_GROUP_CONSUMER_GROUP_H
#define HUB_CONSUMER_GROUP_CONSUMER_GROUP_H

#include "hub/hub.h"

enum {
    CONSUMER_GROUPS_MAX = 1000, /* per stream, $Default included; ERR_FULL */
    CONSUMER_GROUP_NAME_MAX = 50,
    CONSUMER_GROUP_CHANGES_MAX = 100, /* that wait for the store; ERR_THROTTLED */
};

struct consumer_groups;

enum err consumer_groups_new(const struct hub *hub, struct lane *lane,
                             struct consumer_groups **out) MUST_USE;
void consumer_groups_free(struct consumer_groups *g);

bool consumer_group_exists(const struct consumer_groups *g, unsigned stream, struct slice name);

/* Calls back for each group of the stream, $Default first, the others by name. */
typedef void (*consumer_group_fn)(void *ctx, const char *name, int64_t created_us);
void consumer_group_list(const struct consumer_groups *g, unsigned stream, consumer_group_fn fn,
                         void *ctx);

/* The stream is gone, here and in the store: so are its groups. */
void consumer_groups_drop_stream(struct consumer_groups *g, unsigned stream);

/* ---- changes, from any core */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct consumer_group_wait {
    void (*fn)(struct consumer_group_wait *w, enum err result);
    struct addr slot;
};

/* OK also when it is there already; ERR_INVALID: not a name; ERR_FULL: CONSUMER_GROUPS_MAX. */
void consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w);

/* ERR_NOT_FOUND; ERR_INVALID: $Default stays. */
void consumer_group_delete(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w);

void consumer_group_forget(struct consumer_groups *g, struct consumer_group_wait *w);

#endif
