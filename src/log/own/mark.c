/* mark.c - points in a partition. */
#include "log/own/mark.h"

void mark_put(struct buf *out, const struct mark *m)
{
    buf_put_le64(out, m->ordinal);
    buf_put_le64(out, (uint64_t)m->sequence);
    buf_put_le64(out, (uint64_t)m->enqueued_us);
    buf_put_le64(out, (uint64_t)m->visible_us);
}

struct mark mark_get(struct cur *c)
{
    struct mark m;
    m.ordinal = cur_le64(c);
    m.sequence = (int64_t)cur_le64(c);
    m.enqueued_us = (int64_t)cur_le64(c);
    m.visible_us = (int64_t)cur_le64(c);
    return m;
}

bool mark_is_possible(const struct mark *m)
{
    return m->ordinal <= (uint64_t)1 << 62 && m->sequence >= 0 &&
           (uint64_t)m->sequence <= m->ordinal && m->enqueued_us >= m->visible_us;
}

bool mark_takes(const struct mark *m, const struct record *r)
{
    bool visible = r->destinations & RECORD_TO_STREAM;
    return r->ordinal == m->ordinal && r->sequence == (visible ? m->sequence : -1) &&
           r->enqueued_us >= m->enqueued_us;
}

bool mark_before(const struct mark *m, const struct target *t)
{
    switch (t->where) {
    case LOG_SEQUENCE: return m->sequence <= t->value;
    case LOG_TIME: return m->enqueued_us < t->value;
    default: return (int64_t)m->ordinal <= t->value;
    }
}

bool mark_hits(const struct record *r, const struct target *t)
{
    switch (t->where) {
    case LOG_SEQUENCE: return r->sequence >= 0 && r->sequence >= t->value;
    case LOG_TIME: return r->enqueued_us >= t->value;
    default: return (int64_t)r->ordinal >= t->value;
    }
}
