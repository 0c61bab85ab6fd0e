/* endpoint.h - one endpoint at its pace.  Private to deliver.
 *
 *                    ┌──────────── answer: no, after a pause ◀───────────┐
 *                    ▼                                                   │
 *   connecting ─▶ connected ─▶ each partition: gather ─▶ send ─▶ answer: yes ─▶ done, gather ...
 *
 * While it fails (`failures`), one partition at a time tries, each in turn, so that what makes one
 * partition fail does not stop the others for long.  If the target granted a rate, the partitions take turns,
 * too, each request a minute's part after the one before (`pace`). */
#ifndef DELIVER_ENDPOINT_H
#define DELIVER_ENDPOINT_H

#include "deliver/health.h"
#include "deliver/kind.h"

struct endpoint;

/* One partition of the log, for one endpoint. */
struct feed {
    struct endpoint *endpoint;
    struct cursor *cursor;
    struct deliver_call call;
    bool sending;
    struct buf batch;
    unsigned count;            /* messages in it */
    struct record_tally tally; /* ... by source */
    struct event_tally events; /* ... by what they are for Event Grid */
    uint64_t next;             /* behind its last */
    struct buf held;           /* the frame of a message that is the first of the next batch */
    uint64_t alone_until;      /* what is before it goes alone: the target refused it in company */
    unsigned doubts;           /* about the message that is next: how often it came back alone */
};

struct endpoint {
    struct list node;
    struct lane *lane;
    struct healths *healths;
    const struct deliver_kind *kind;
    char name[ROUTE_NAME_MAX + 1];
    unsigned bit;
    int64_t since_us;
    struct buf json; /* as this version of it is */
    struct deliver_target *target;
    struct deliver_call connecting;
    bool asks, connected;
    unsigned sending;         /* feeds that do */
    unsigned failures;        /* in a row */
    int64_t failing_since_us; /* 0: it is not */
    struct timer again;
    struct timer pace;    /* no request before it */
    int64_t next_send_us; /* likewise; with what a late timer left */
    unsigned turn;        /* whose feed tries first */
    struct routing_health health;
    bool untold; /* of a change in it */
    struct health_counters counters;
    unsigned refused; /* messages, since the last line on them */
    int64_t said_us;  /* ... which was then */
    bool listed;      /* deliver.c: in the document */
    unsigned feed_count;
    struct feed feeds[];
};

struct endpoint *endpoint_new(struct healths *healths, const struct deliver_doors *doors,
                              const struct routing_endpoint *e);

/* Another version of the document may have another version of it. */
void endpoint_take(struct endpoint *ep, const struct deliver_doors *doors,
                   const struct routing_endpoint *e);

/* Whoever has this code says that messages are wanted.  Errors as routing_agree_fn has them. */
enum err endpoint_agree(struct endpoint *ep, const struct routing_consent *consent) MUST_USE;

/* It is gone from the document, with its place in the log; or the server ends. */
void endpoint_remove(struct endpoint *ep);
void endpoint_free(struct endpoint *ep);

/* Once a second: lag, health. */
void endpoint_tick(struct endpoint *ep);

/* ---- between feed.c and endpoint.c */

void feed_open(struct feed *f, struct cursors *cursors, unsigned partition);
void feed_run(struct feed *f);    /* sends the next batch, if one can go now */
void feed_forget(struct feed *f); /* no answer, please */
void feed_rewind(struct feed *f); /* what was not done comes again */
void feed_fini(struct feed *f, bool remove);

void endpoint_run(struct endpoint *ep);
void endpoint_sends(struct endpoint *ep); /* a feed does */
bool endpoint_may_send(const struct endpoint *ep);
void endpoint_reached(struct endpoint *ep, enum deliver_outcome outcome); /* it took or refused */
void endpoint_failed(struct endpoint *ep, const struct deliver_result *r);
void endpoint_dropped(struct endpoint *ep, const struct record_tally *messages);

/* One message, for good. */
void endpoint_refused(struct endpoint *ep, const struct record_tally *message, const char *text);

static inline bool endpoint_is_dead(const struct endpoint *ep)
{
    return ep->health.status == ROUTING_DEAD;
}

#endif
