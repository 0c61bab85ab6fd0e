/* notice.h - records for services: written by the hub, delivered in batches, gone once somebody has them.
 *
 *   records ──read──▶ batch ──▶ returned ──credit──▶ locked ──complete, reject──▶ deleted
 *                                  ▲                    │
 *                                  └── abandon, receiver gone, lock over
 *
 * A visitor takes one batch and goes, as who asks over HTTP does; what it took stays locked.
 *
 * Feedback about cloud-to-device messages is one such source, notifications of uploaded files another:
 * each has a table of its own.  Records join the units in which what they tell happens; the first core
 * reads them, oldest first, and deletes them when a receiver has them.  Locks and counts of deliveries
 * are in memory: after a restart every record is new.
 *
 * Runs on: struct notices on each core; batches live on the first one.  The verbs are messages.
 * Life:    a receiver is embedded in its owner, from notices_open() to notices_close().
 * Limits:  those of the source.
 */
#ifndef HUB_NOTICE_NOTICE_H
#define HUB_NOTICE_NOTICE_H

#include "base/metrics.h"
#include "hub/hub.h"
#include "hub/status.h"
#include "store/store.h"

enum {
    NOTICE_LOCK_LEN = 16, /* a GUID in .NET's byte order */
    NOTICE_KINDS = 9,     /* of message that a source needs */
    NOTICE_COLUMNS_MAX = 8,
    NOTICE_KEYS_MAX = 4,
    NOTICE_BATCH_MAX = 64,
};

/* Where records come from, and what they look like; lives as long as the program. */
struct notice_source {
    unsigned first_kind;                  /* NOTICE_KINDS of them in hub's range */
    const struct store_statement *page;   /* $most; records, the oldest first; column 0 is when */
    const struct store_statement *remove; /* the first columns of the page, by `keys` */
    const struct store_statement *expire; /* $at_us and older */
    unsigned columns;                     /* of the page */
    const char *keys[NOTICE_KEYS_MAX];    /* NULL behind the last */
    unsigned batch_max;                   /* records; 1: they are no array */
    unsigned locked_max;                  /* batches that are delivered and not settled */
    unsigned deliveries_max;              /* then a batch is dropped */
    int64_t ttl_us, lock_us;
    int64_t wait_us; /* records gather that long */
    bool (*is_good)(const struct store_value *col);
    void (*write)(struct buf *out, const struct store_value *col); /* as JSON */
    struct metric *sent, *dropped, *receivers;
};

struct notices;

struct notices *notices_new(const struct hub *hub, struct lane *lane,
                            const struct notice_source *source);
void notices_free(struct notices *n); /* NULL is fine */

/* A unit with a record is on disk.  Any core. */
void notices_news(struct notices *n);

/* ---- receivers, on any core */

enum notice_outcome { NOTICE_COMPLETE, NOTICE_ABANDON, NOTICE_REJECT };

/* Embedded in its owner.  Batches go to the receivers that gave credit, in turn; what a receiver has
 * not settled when it closes, or after lock_us, goes to another. */
struct notice_receiver {
    /* One credit is used; `json` is borrowed. */
    void (*batch)(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                  int64_t enqueued_us, struct slice json);
    void (*settled)(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                    enum status status); /* of notices_settle(); NULL: nobody waits */
    void (*nothing)(struct notice_receiver *r, enum status status); /* of notices_take() */
    struct addr slot;
};

void notices_open(struct notices *n, struct notice_receiver *r);
void notices_close(struct notices *n, struct notice_receiver *r);

/* So many batches are wanted from now on. */
void notices_credit(struct notices *n, struct notice_receiver *r, uint32_t credit);
void notices_settle(struct notices *n, struct notice_receiver *r,
                    const uint8_t lock[NOTICE_LOCK_LEN], enum notice_outcome outcome);

/* ---- visitors: from notices_visit() to notices_close(), too */

/* No batch comes to it by itself.  It may settle, also what another visitor took. */
void notices_visit(struct notices *n, struct notice_receiver *r);

/* The first batch that nobody has, records that still gather among it: r->batch() is called once, or
 * r->nothing() with why; STATUS_OK: there is none. */
void notices_take(struct notices *n, struct notice_receiver *r);

#endif
