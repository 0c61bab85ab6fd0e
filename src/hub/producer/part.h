/* part.h - the producers of a partition.  Private to hub/producer.
 *
 *   LOADING ─row─▶ READING ─end of the log─▶ READY
 *      └─no row: SEEKING the end ─▶ MAKING the row ─▶ READY
 */
#ifndef HUB_PRODUCER_PART_H
#define HUB_PRODUCER_PART_H

#include "hub/producer/producer.h"
#include "store/store.h"

enum part_state { PART_LOADING, PART_SEEKING, PART_MAKING, PART_READING, PART_READY };

/* Of a batch; `last` is the smaller one where the numbers begin again between them. */
struct range {
    uint32_t first, last;
};

struct producer {
    struct list node; /* in part.producers, the one used last at the end */
    int64_t id;
    int32_t epoch;
    uint32_t next;   /* sequence number that is taken, behind what is under way */
    uint32_t stored; /* ... behind what is durable */
    /* Where its newest batch began is not known, or only a part of it is stored: what is below `next`
     * was there, and of a batch that comes again the rest is taken. */
    bool loose;
    struct range done[PRODUCER_BATCHES]; /* the newest first; {1, 0} is none */
    struct list flights;                 /* struct flight, the oldest first */
};

struct part {
    struct list node;
    struct producers *ps;
    uint16_t stream, partition;
    enum part_state state;
    struct log_asker asker;
    struct list producers;
    unsigned count;
    struct list waiting; /* struct question */
    unsigned waiting_count;
    uint64_t at;  /* where to read on; what the row has */
    bool storing; /* the row */
    struct store_wait wait;
};

/* A message that was kept. */
struct question {
    struct list node;
    struct msg *m;
};

/* A batch on its way into the log, and who asked for it; more than one, if it came again. */
struct flight {
    struct list node;
    struct producers *ps;
    struct producer *producer; /* NULL: it was forgotten, or begins anew; then it is in orphans */
    struct addr slot;
    struct range range;
    unsigned left;
    enum err failed;
    struct list askers; /* struct question */
};

struct producers {
    const struct hub *hub;
    struct lane *lane;
    struct log_writer *writer;
    struct event_hubs *event_hubs;
    struct list parts, orphans;
    struct timer tick;
};

/* ---- sequence numbers: 0 comes after INT32_MAX */

static inline uint32_t sequence_plus(uint32_t at, uint32_t count)
{
    return (at + count) & INT32_MAX;
}

static inline uint32_t sequence_before(uint32_t at)
{
    return sequence_plus(at, INT32_MAX);
}

/* How far `at` is ahead of `from`; negative: behind.  Of two ways round, the shorter. */
static inline int64_t sequence_ahead(uint32_t from, uint32_t at)
{
    int64_t ahead = (at - from) & INT32_MAX;
    return ahead < INT64_C(1) << 30 ? ahead : ahead - (INT64_C(1) << 31);
}

/* ---- place.c */

void place_open(struct part *p); /* part_ready() or part_fail() follows */
void place_init(struct producers *ps);

/* ---- producer.c */

void part_ready(struct part *p);
void part_fail(struct part *p, enum producer_outcome why);
void part_free(struct part *p);

/* The producer with that number, used last from then on; NULL: there is none. */
struct producer *part_find(struct part *p, int64_t id);
struct producer *part_add(struct part *p, int64_t id, int32_t epoch, uint32_t next);

#endif
