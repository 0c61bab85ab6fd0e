/* reads.c - the log lane answers readers from memory, lets them wait, or sends them to the files. */
#include <stdlib.h>

#include "base/limit.h"
#include "base/metrics.h"
#include "base/num.h"
#include "log/own/own.h"

/* Reads that came before their record. */
struct waiting_read {
    struct list node;
    struct msg *m; /* LOG_READ */
};

COUNTER(memory_reads, "azimuth_log_memory_reads_total", "Reads answered from memory.");
COUNTER(memory_bytes, "azimuth_log_memory_read_bytes_total", "Bytes of records read from memory.");
GAUGE(waiting, "azimuth_log_waiting_reads", "Reads that wait for new records.");
LIMIT_REACHED(too_many_waiting, "log-waiting-reads")

static struct log_ends ends_of(const struct partition *p)
{
    return (struct log_ends){
        .first_ordinal = p->first.ordinal,
        .next_ordinal = p->durable.ordinal,
        .first_sequence = p->first.sequence,
        .next_sequence = p->durable.sequence,
        .last_enqueued_us = p->durable.visible_us,
    };
}

/* ---- LOG_READ */

static void answer_read(struct log *l, const struct msg *m, const struct log_read_done *done)
{
    struct msg *reply = msg_new(LOG_READ_DONE, sizeof *done);
    memcpy(reply->body, done, sizeof *done);
    post_reply(l->lane, m, reply);
}

static void refuse_read(struct log *l, const struct msg *m, const struct log_read_msg *r,
                        const struct partition *p, enum err err)
{
    struct log_read_done done = {.err = err, .stream = r->stream, .partition = r->partition};
    done.first = done.next = r->from_ordinal;
    if (p) done.ends = ends_of(p);
    answer_read(l, m, &done);
}

/* The answer goes from the files straight to who asked. */
static void read_file(struct log *l, const struct msg *m, const struct log_read_msg *r,
                      const struct partition *p)
{
    struct read_file_msg body = {*r, ends_of(p)};
    struct msg *ask = msg_new(LOG_READ_FILE, sizeof body);
    memcpy(ask->body, &body, sizeof body);
    ask->call = m->call;
    post(l->lane, m->from, lane_addr(l->read_lane), ask);
}

/* There are records from `r->from_ordinal` on. */
static void serve(struct log *l, const struct msg *m, const struct log_read_msg *r,
                  const struct partition *p)
{
    struct log_read_done done = {.stream = r->stream, .partition = r->partition};
    if (!tails_read(p, r->from_ordinal, MIN(r->max_bytes, (uint32_t)LOG_READ_MAX), &done.blob,
                    &done.offset, &done.len, &done.next)) {
        read_file(l, m, r, p);
        return;
    }
    done.first = r->from_ordinal;
    done.ends = ends_of(p);
    blob_ref(done.blob);
    metric_inc(&memory_reads);
    metric_add(&memory_bytes, done.len);
    answer_read(l, m, &done);
}

static void wait_for_more(struct log *l, struct msg *m, const struct log_read_msg *r,
                          struct partition *p)
{
    if (p->waiting_count == LOG_WAITING_MAX) {
        metric_inc(&too_many_waiting);
        refuse_read(l, m, r, p, ERR_FULL);
        return;
    }
    struct waiting_read *w = NEW(struct waiting_read);
    w->m = m;
    msg_keep(m);
    list_push(&p->waiting, &w->node);
    p->waiting_count++;
    metric_add(&waiting, 1);
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct log_read_msg r;
    memcpy(&r, m->body, sizeof r);
    struct partition *p = tails_partition(&l->tails, r.stream, r.partition);
    if (p == NULL || r.from_ordinal > p->durable.ordinal)
        refuse_read(l, m, &r, p, ERR_INVALID);
    else if (r.from_ordinal < p->first.ordinal)
        refuse_read(l, m, &r, p, ERR_NOT_FOUND);
    else if (r.from_ordinal < p->durable.ordinal)
        serve(l, m, &r, p);
    else if (r.wait)
        wait_for_more(l, m, &r, p);
    else
        refuse_read(l, m, &r, p, ERR_AGAIN);
}

static void end_wait(struct partition *p, struct waiting_read *w)
{
    list_remove(&w->node);
    p->waiting_count--;
    metric_add(&waiting, -1);
    msg_free(w->m);
    free(w);
}

void reads_wake(struct log *l, struct partition *p)
{
    LIST_EACH(node, &p->waiting)
    {
        struct waiting_read *w = CONTAINER_OF(node, struct waiting_read, node);
        struct log_read_msg r;
        memcpy(&r, w->m->body, sizeof r);
        serve(l, w->m, &r, p);
        end_wait(p, w);
    }
}

static void on_cancel(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct log_cancel_msg c;
    memcpy(&c, m->body, sizeof c);
    struct partition *p = tails_partition(&l->tails, c.stream, c.partition);
    if (p == NULL) return;
    LIST_EACH(node, &p->waiting)
    {
        struct waiting_read *w = CONTAINER_OF(node, struct waiting_read, node);
        if (addr_eq(w->m->from, c.reader)) end_wait(p, w);
    }
}

/* ---- LOG_SEEK, LOG_ENDS */

static void answer_seek(struct log *l, const struct msg *m, const struct log_seek_done *done)
{
    struct msg *reply = msg_new(LOG_SEEK_DONE, sizeof *done);
    memcpy(reply->body, done, sizeof *done);
    post_reply(l->lane, m, reply);
}

static void seek_file(struct log *l, const struct msg *m, const struct log_seek_msg *s,
                      const struct partition *p)
{
    struct seek_file_msg body = {*s, ends_of(p)};
    struct msg *ask = msg_new(LOG_SEEK_FILE, sizeof body);
    memcpy(ask->body, &body, sizeof body);
    ask->call = m->call;
    post(l->lane, m->from, lane_addr(l->read_lane), ask);
}

static uint64_t clamp_ordinal(const struct partition *p, int64_t value)
{
    if (value < 0 || (uint64_t)value < p->first.ordinal) return p->first.ordinal;
    return MIN((uint64_t)value, p->durable.ordinal);
}

/* False: only the files know. */
static bool find_place(const struct partition *p, const struct log_seek_msg *s,
                       struct log_seek_done *done)
{
    struct target t = {s->where, s->value};
    switch (s->where) {
    case LOG_EARLIEST: done->ordinal = p->first.ordinal; return true;
    case LOG_LATEST: done->ordinal = p->durable.ordinal; return true;
    case LOG_ORDINAL: done->ordinal = clamp_ordinal(p, s->value); return true;
    case LOG_SEQUENCE:
    case LOG_TIME: return tails_seek(p, &t, &done->ordinal);
    }
    done->err = ERR_INVALID;
    return true;
}

static void on_seek(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct log_seek_msg s;
    memcpy(&s, m->body, sizeof s);
    if (m->kind == LOG_ENDS) s.where = LOG_LATEST;
    struct log_seek_done done = {.stream = s.stream, .partition = s.partition};
    const struct partition *p = tails_partition(&l->tails, s.stream, s.partition);
    if (p == NULL)
        done.err = ERR_NOT_FOUND;
    else
        done.ends = ends_of(p);
    if (p == NULL || find_place(p, &s, &done))
        answer_seek(l, m, &done);
    else
        seek_file(l, m, &s, p);
}

static void on_trimmed(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct trimmed_msg t;
    memcpy(&t, m->body, sizeof t);
    struct partition *p = tails_partition(&l->tails, t.id.stream, t.id.partition);
    if (p) tails_trim(&l->tails, p, t.first);
}

void reads_init(struct log *l)
{
    lane_on(l->lane, LOG_READ, on_read, l);
    lane_on(l->lane, LOG_CANCEL, on_cancel, l);
    lane_on(l->lane, LOG_SEEK, on_seek, l);
    lane_on(l->lane, LOG_ENDS, on_seek, l);
    lane_on(l->lane, LOG_TRIMMED, on_trimmed, l);
}

void reads_refuse(struct log *l, struct tail_stream *s)
{
    for (unsigned i = 0; i < s->count; i++) LIST_EACH(node, &s->partitions[i].waiting)
        {
            struct waiting_read *w = CONTAINER_OF(node, struct waiting_read, node);
            struct log_read_msg r;
            memcpy(&r, w->m->body, sizeof r);
            refuse_read(l, w->m, &r, NULL, ERR_INVALID);
            end_wait(&s->partitions[i], w);
        }
}

void reads_fini(struct log *l)
{
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;)
        LIST_EACH(node, &p->waiting) end_wait(p, CONTAINER_OF(node, struct waiting_read, node));
}
