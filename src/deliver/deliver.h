/* deliver.h - endpoints outside: messages that routes sent to one are brought there.
 *
 *   the log ──cursor per partition, the endpoint's bit──▶ a batch of its kind ──▶ the target
 *                 ▲                                             │ yes: done
 *                 └──────── rewound, tried again later ◀────────┘ no
 *
 * Each endpoint of the routing document but `events` goes at its own pace, on one core (its bit, modulo
 * the cores): what a slow one has not got yet lies in the log and costs no other endpoint anything.  One
 * batch per partition is under way at a time, so messages of one device come in their order, at least
 * once.  A failing target is tried again with growing pauses, one partition at a time, until it is dead:
 * then messages are dropped and counted, and now and then one batch tries whether it is back.
 *
 * A batch that the target refuses for good is sent again message by message; what it refuses alone is
 * counted and passed over, so that one message does not stop all behind it.
 *
 * Runs on: every core's lane; never blocks.
 * Life:    deliver_new() after routing_new() and cursors_new(), before the lanes run; deliver_free() after
 *          they stopped, before those two.
 * Limits:  the constants below, and those of a kind.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "cursor/cursor.h"
#include "hub/routing/routing.h"
#include "out/out.h"

enum {
    DELIVER_WINDOW = 64 << 10, /* bytes of the log that a cursor asks for at a time */
    DELIVER_BATCH_MAX =
        OUT_BODY_MAX,          /* bytes of a batch; a message that is larger alone is refused */
    DELIVER_PAUSE_FIRST_S = 1, /* after a failure; doubles with each one more */
    DELIVER_PAUSE_MAX_S = 60,
    DELIVER_PAUSE_SLOW_S = 300, /* after what time alone does not mend: credentials, addresses */
    DELIVER_PAUSE_ASKED_MAX_S = 600, /* that a target may ask for (Retry-After) */
    DELIVER_RETRIAL_S = 24 * 3600,   /* failing for so long: dead */
    DELIVER_DEAD_PROBE_S = 60,       /* a dead target is tried that often */
    DELIVER_DOUBTS_MAX = 6, /* tries of a message alone that is rejected for no known reason */
    DELIVER_LATE_MS = 10, /* what a late timer took from a granted rate is made up for up to this */
    DELIVER_SAY_S = 60,   /* a line on refused messages at most that often per endpoint */
};

struct deliver;
struct dialer;
struct event_hubs;
struct trust;

struct deliver_doors {
    struct routing *routing;
    struct cursors *cursors;
    struct out *out;       /* the lane is attached to it */
    struct dialer *dialer; /* of the core; NULL: it opens no connections */
    struct slice ca_pem;   /* that peers are judged by, kept; empty: the system's */
    struct trust *trust;   /* filled in by deliver_new() */
    struct log_writer *writer;
    const struct event_hubs *event_hubs; /* that users made here */
    struct lane *storage_lane; /* of storage endpoints (storage.h); NULL: there are none */
};

/* What routing_config has: the kinds of endpoints that there are, those of storage.h among them. */
extern const struct routing_kind *const deliver_kinds[];
extern const unsigned deliver_kind_count;

struct deliver *deliver_new(const struct hub *hub, struct lane *lane,
                            const struct deliver_doors *doors);
void deliver_free(struct deliver *d); /* NULL is fine; stores no places (cursors_store) */

#endif
