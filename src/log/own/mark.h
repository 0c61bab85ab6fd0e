/* mark.h - a point in a partition: the numbers that the next record there gets.
 *
 * Marks stand at the head of a segment, in its index, at the head of a chunk in memory and at the
 * two ends of a partition.  All lookups are the same question to a row of marks: which is the last
 * one before the target?
 */
#ifndef LOG_OWN_MARK_H
#define LOG_OWN_MARK_H

#include "base/cur.h"
#include "log/log.h"

struct mark {
    uint64_t ordinal;    /* of the next record */
    int64_t sequence;    /* of the next record that readers of the stream see */
    int64_t enqueued_us; /* the next record is not earlier */
    int64_t visible_us;  /* of the last record that readers of the stream see; 0: none yet */
};

enum { MARK_BYTES = 32 };

void mark_put(struct buf *out, const struct mark *m);
struct mark mark_get(struct cur *c);

/* Numbers that a partition can have: far from where they would overflow. */
bool mark_is_possible(const struct mark *m);

/* The record is what may come at this mark. */
bool mark_takes(const struct mark *m, const struct record *r);

/* Moves behind the record. */
static inline void mark_pass(struct mark *m, const struct record *r)
{
    m->ordinal = r->ordinal + 1;
    m->enqueued_us = r->enqueued_us;
    if (r->sequence < 0) return;
    m->sequence = r->sequence + 1;
    m->visible_us = r->enqueued_us;
}

/* What a LOG_SEEK looks for: the first record that mark_hits(). */
struct target {
    enum log_where where; /* LOG_ORDINAL, LOG_SEQUENCE or LOG_TIME */
    int64_t value;
};

/* The target is at this mark or behind it. */
bool mark_before(const struct mark *m, const struct target *t);
bool mark_hits(const struct record *r, const struct target *t);

#endif
