/* cursor.h - somebody's place in a partition of the log: read on from it, say what is done.
 *
 *   cursor_new() ─▶ fn() "there is something" ─▶ cursor_next() until ERR_AGAIN ─▶ cursor_done(ordinal)
 *                    ▲                                                                   │
 *                    └───────────────────────── more comes ◀─────────────────────────────┘
 *
 * The owner pulls: nothing is read ahead of him but two windows.  What he has said to be done is
 * stored at most once a second and when the server stops, so that after a crash records come again from
 * there: at least once, in order.  A sink that stores the position with its own output is told
 * nothing twice: it gives `at`, and the cursor stores nothing (CURSOR_AT).
 *
 * Runs on: one lane, which is attached to the store (store_attach) unless all its cursors are
 *          CURSOR_AT; it posts to the log and never blocks.
 * Life:    cursors_new() once per lane, after whoever else reads the log there (a core's AMQP
 *          readers); then cursor_new() .. cursor_free() or cursor_remove().
 * Order:   ordinals rise; a record comes again only after cursor_rewind() or a restart.
 * Retention: who falls behind the oldest record is moved there, once, with one line in the log and
 *          `lost` counted; records that are damaged on disk are passed over likewise.
 * Limits:  the constants below.
 */
#ifndef CURSOR_CURSOR_H
#define CURSOR_CURSOR_H

#include "log/log.h"
#include "store/store.h"

enum {
    CURSOR_NAME_MAX = 256,             /* bytes: "endpoint/warehouse" */
    CURSOR_WINDOW_DEFAULT = 256 << 10, /* bytes asked for at a time; two are kept at most */
    CURSOR_WINDOW_MAX = LOG_READ_MAX,  /* a larger wish gets this much */
    CURSOR_STORE_US = 1000000,         /* the position is stored that often at most */
    CURSOR_LAG_US = 5000000,           /* how often the end is asked for while nobody pulls */
};

struct cursor;
struct cursors; /* of a lane */

enum cursor_start {
    CURSOR_EARLIEST,
    CURSOR_LATEST, /* what is appended from now on */
    CURSOR_TIME,   /* enqueued at or after start_us */
    CURSOR_AT,     /* ordinal `at`: the owner stores it */
};

struct cursor_config {
    struct slice name; /* with stream and partition: what the position is stored under; copied */
    unsigned stream, partition;
    enum cursor_start start; /* when no position is stored under that name */
    int64_t start_us;
    uint64_t at;
    uint64_t destinations; /* records with one of these bits only; 0: all */
    uint32_t window_bytes; /* 0: the default */
    uint32_t
        gather_us; /* after the newest record was read the log is asked again this much later, so
                              that an owner who is in no hurry gets many at a time; 0: at once */

    /* Something can be pulled, or a `fell` can be looked at.  May call everything but cursors_free(). */
    void (*fn)(struct cursor *c, void *ctx);
    void *ctx;
};

/* `log` outlives them; `store` may be NULL when all are CURSOR_AT. */
struct cursors *cursors_new(struct lane *lane, struct log *log, const struct store *store);

/* A clean stop, after the lane has stopped: stores what is done.  NULL is fine. */
void cursors_store(struct cursors *cs, struct store *store);

/* After the lane has stopped; frees what cursors are left, storing nothing.  NULL is fine. */
void cursors_free(struct cursors *cs);

/* Begins to find its place and to read. */
struct cursor *cursor_new(struct cursors *cs, const struct cursor_config *cfg);

/* The next record that is wanted, borrowed until the next call on this cursor.  ERR_AGAIN: fn() says
 * when. */
enum err cursor_next(struct cursor *c, struct record *out) MUST_USE;

/* Everything below `ordinal` is done: of a record that was handled, its ordinal + 1.  Never goes back. */
void cursor_done(struct cursor *c, uint64_t ordinal);

/* All that was handed out is done. */
void cursor_done_all(struct cursor *c);

/* What was handed out and is not done comes again. */
void cursor_rewind(struct cursor *c);

/* No fn() any more, nothing is stored; NULL is fine. */
void cursor_free(struct cursor *c);

/* Also forgets the stored position, then calls `removed` (NULL: nobody cares): a cursor of that name begins anew. */
void cursor_remove(struct cursor *c, void (*removed)(void *ctx), void *ctx);

struct cursor_status {
    bool placed;          /* it has found its place, and heard how far it is to the end */
    uint64_t done;        /* below it everything is done */
    uint64_t pulled;      /* below it everything was handed out, or passed over */
    uint64_t end;         /* of the partition, as last heard */
    uint64_t lost;        /* records that retention took before they were pulled, since the start */
    uint64_t lag_records; /* end - done: of all destinations */
    int64_t lag_us;       /* age of the oldest record that is not done; 0: none */
};

void cursor_status(const struct cursor *c, struct cursor_status *out);

#endif
