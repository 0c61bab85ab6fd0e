/* tail.h - the newest records of every partition, in memory.
 *
 * Frames are copied into chunks: blobs that only grow at their end, so that a reader holds a reference
 * and reads published bytes while the log lane appends behind them.  Chunks are also what is written
 * to segments: a record leaves memory only after that.
 *
 *      first            written        requested       durable      next
 *        │  only in files    │  in files     │  not yet      │ being    │
 *        │  or in both       │  (unsynced)   │  asked for    │ committed│
 *
 * Runs on: the log lane.
 * Limits:  `limit` bytes of chunks, more only while what is in them is not written yet.
 */
#ifndef LOG_OWN_TAIL_H
#define LOG_OWN_TAIL_H

#include "base/blob.h"
#include "base/list.h"
#include "log/own/journal.h"
#include "log/own/segment.h"

enum {
    CHUNK_MIN = 4 << 10,
    CHUNK_MAX = 256 << 10,
    SPARES_MAX =
        8, /* blobs of CHUNK_MAX that are kept for chunks to come: fresh memory costs a fault a page */
};

struct partition {
    struct shelf_id id;
    bool gone;                       /* its stream was dropped; not found any more */
    struct mark first;               /* oldest retained */
    struct mark durable;             /* behind the newest committed */
    struct mark next;                /* behind the newest copied here */
    uint64_t requested;              /* ordinals before it were asked to be written */
    uint64_t written;                /* ordinals before it are in segment files */
    uint64_t synced;                 /* ordinals before it are durable there */
    uint64_t need[JOURNAL_SECTIONS]; /* a section is clean when ordinals before it are durable */
    struct list chunks;              /* oldest first; the last one grows */
    struct list touched;             /* in tails.touched while a commit is under way */
    struct list waiting;             /* struct waiting_read */
    unsigned waiting_count;
};

struct chunk {
    struct list in_partition, in_age;
    struct partition *owner;
    struct blob *blob;
    uint32_t used;
    struct mark first;
    uint32_t *offsets; /* of each record */
    uint32_t count, offsets_cap;
};

struct tail_stream {
    uint16_t id;
    unsigned count;
    struct partition *partitions;
};

struct tails {
    struct tail_stream *streams[LOG_STREAMS_MAX]; /* the first is stream 0 */
    unsigned count;
    struct list by_age;  /* all chunks, oldest first */
    struct list touched; /* partitions with records that are not durable yet */
    uint64_t bytes, limit;
    struct blob *spares[SPARES_MAX];
    unsigned spare_count;
};

void tails_init(struct tails *t, uint64_t limit);
void tails_fini(struct tails *t);

/* A stream with nothing in it. */
struct tail_stream *tails_add_stream(struct tails *t, unsigned stream, unsigned partitions);

/* Not found any more; what is being written stays until tails_free_stream().  NULL: no such one. */
struct tail_stream *tails_take_stream(struct tails *t, unsigned stream);
void tails_free_stream(struct tails *t, struct tail_stream *s);

/* All partitions, one after the other: for (p = NULL; (p = tails_next(t, p)) != NULL;). */
struct partition *tails_next(const struct tails *t, const struct partition *p);

struct partition *tails_partition(struct tails *t, unsigned stream,
                                  unsigned partition);                      /* or NULL */
void tails_start(struct partition *p, struct mark first, struct mark next); /* after recovery */

/* Copies a stamped frame; it becomes readable by tails_publish(). */
void tails_add(struct tails *t, struct partition *p, const struct record *r);
void tails_publish(struct partition *p);

/* Durable frames from `from` on, at most `max` bytes but at least one: *blob is borrowed.  False:
 * they are not in memory any more. */
bool tails_read(const struct partition *p, uint64_t from, size_t max, struct blob **blob,
                uint32_t *offset, uint32_t *len, uint64_t *next);

/* The first durable record that hits, or the end.  False: it is older than what is in memory. */
bool tails_seek(const struct partition *p, const struct target *t, uint64_t *ordinal);

/* The next stretch of one chunk to be written, whole chunks only or anything durable; it counts as
 * requested.  Its bytes stay until tails_written().  False: nothing. */
bool tails_next_write(struct partition *p, bool partial, struct slice *frames);
void tails_written(struct partition *p, uint64_t next);
void tails_not_written(struct partition *p); /* forget what was requested: ask again */

/* Drops the oldest chunks until the limit is kept, as far as they are written.  Returns a partition
 * whose oldest chunk should be written so that this can go on, or NULL. */
struct partition *tails_evict(struct tails *t);

void tails_trim(struct tails *t, struct partition *p, struct mark first);

#endif
