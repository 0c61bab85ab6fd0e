/* home.h - a core's routing from inside.  Private to hub/routing. */
#ifndef HUB_ROUTING_HOME_H
#define HUB_ROUTING_HOME_H

#include "hub/rollout.h"
#include "hub/routing/snapshot.h"
#include "store/store.h"

struct route_matcher;

struct routing {
    const struct hub *hub;
    struct lane *lane;
    struct routing_config config;
    struct snapshot *now;
    struct list listeners;
    routing_health_fn health;
    void *health_ctx;
    struct route_matcher *matcher;
    struct buf extra; /* of the choice at hand */
    /* on the first core: */
    struct routing_bits bits;
    struct rollout changes;        /* ROUTING_CHANGE */
    struct snapshot *next;         /* what the one under way makes */
    struct routing_bits next_bits; /* likewise */
    struct store_wait wait;
    struct addr seeker; /* reuse.c: whom the log answers */
    unsigned seek_bit, seek_partition;
    msg_fn other_seek; /* who else asks the log on this lane */
    void *other_seek_ctx;
    bool seeks; /* ... is known */
};

/* If-Match is there and is of the document that is kept. */
enum err routing_check_match(const struct routing *r, struct slice if_match) MUST_USE;

/* reuse.c: asks the log whether it retains a record that may have that bit of `next_bits`, and goes on
 * with routing_reused() or, with the reason, routing_refused(). */
void routing_ask_log(struct routing *r, unsigned bit);
void routing_reused(struct routing *r);
void routing_refused(struct routing *r, enum err e);

#endif
