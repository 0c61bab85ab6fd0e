/* home.h - a core's routing from inside.  Private to hub/routing. */
#ifndef HUB_ROUTING_HOME_H
#define HUB_ROUTING_HOME_H

#include "hub/rollout.h"
#include "hub/routing/snapshot.h"
#include "log/log.h"
#include "route/route.h"
#include "store/store.h"

struct route_matcher;

enum routing_message_kind {
    ROUTING_CHANGE = HUB_ROUTING, /* struct change -> ROUTING_DONE */
    ROUTING_DONE,                 /* struct done */
    ROUTING_APPLY,                /* struct snapshot * -> ROUTING_APPLIED */
    ROUTING_APPLIED,
    ROUTING_AGREE, /* agree.c -> ROUTING_DONE */
};

struct routing {
    const struct hub *hub;
    struct lane *lane;
    struct routing_config config;
    struct snapshot *now;
    struct list listeners;
    routing_health_fn health;
    void *health_ctx;
    routing_agree_fn agree;
    void *agree_ctx;
    int64_t loop_said_us[ROUTE_ENDPOINTS_MAX]; /* by bit: when a loop was told of */
    struct route_matcher *matcher;
    struct buf extra; /* of the choice at hand */
    /* What messages too large for an endpoint are counted by, by its bit; those of `now` that were
     * asked for, since that takes a lock of the whole process. */
    struct metric *invalid[ROUTE_ENDPOINTS_MAX][RECORD_SOURCES];
    /* on the first core: */
    struct routing_bits bits;
    struct rollout changes;        /* ROUTING_CHANGE */
    struct snapshot *next;         /* what the one under way makes */
    struct routing_bits next_bits; /* likewise */
    struct store_wait wait;
    struct log_asker seeker; /* reuse.c */
    unsigned seek_bit, seek_partition;
};

/* If-Match is there and is of the document that is kept. */
enum err routing_check_match(const struct routing *r, struct slice if_match) MUST_USE;

/* reuse.c: asks the log whether it retains a record that may have that bit of `next_bits`, and goes on
 * with routing_reused() or, with the reason, routing_refused(). */
void routing_ask_log(struct routing *r, unsigned bit);
void routing_sought(struct log_asker *a, const struct log_seek_done *done);
void routing_reused(struct routing *r);
void routing_refused(struct routing *r, enum err e);

/* Answers a message with ROUTING_DONE; of an error, with fail_text(). */
void routing_answer(struct routing *r, const struct msg *m, enum err result);

/* passed.c: of the endpoints, those that the message has not passed yet. */
uint64_t routing_without_loops(struct routing *r, const struct route_message *m,
                               uint64_t endpoints);

void routing_listen_agree(struct routing *r); /* agree.c */

#endif
