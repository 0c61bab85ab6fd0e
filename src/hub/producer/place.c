/* place.c - what a partition's producers have sent: found after a start, kept now and then.
 *
 * A row says what was there before an ordinal of the log.  It is made before the first producer is told
 * that it may send, so that a partition without a row has none.
 *
 * Row, little-endian, for each producer: u64 number | u32 owner level | u32 next sequence number
 */
#include <stdlib.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "hub/producer/part.h"
#include "hub/producer/producer_sql.h"

/* ---- the row */

static void put_producers(const struct part *p, struct buf *out)
{
    LIST_EACH(node, &p->producers)
    {
        const struct producer *who = CONTAINER_OF(node, struct producer, node);
        buf_put_le64(out, (uint64_t)who->id);
        buf_put_le32(out, (uint32_t)who->epoch);
        buf_put_le32(out, who->stored);
    }
}

static void take_producers(struct part *p, struct slice row)
{
    struct cur c = cur_of(row);
    while (cur_left(&c) >= 16) {
        int64_t id = (int64_t)cur_le64(&c);
        int32_t epoch = (int32_t)cur_le32(&c);
        part_add(p, id, epoch, cur_le32(&c) & INT32_MAX)->loose = true;
    }
}

static void on_kept(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, wait);
    p->storing = false;
    if (a->err != OK) {
        say_warn("producer.not_kept", "stream=%u partition=%u why=%s", p->stream, p->partition,
                 err_name(a->err));
        p->at = UINT64_MAX; /* the next tick tries again */
    }
    if (p->state != PART_MAKING) return;
    if (a->err == OK)
        part_ready(p);
    else
        part_fail(p, a->err == ERR_THROTTLED ? PRODUCER_BUSY : PRODUCER_BROKEN);
}

static void keep_row(struct part *p, uint64_t ordinal)
{
    struct store_request u;
    struct buf row = {0};
    put_producers(p, &row);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_producer_state_put, 1);
    store_put_int(&u, "stream", p->stream);
    store_put_int(&u, "partition", p->partition);
    store_put_int(&u, "ordinal", (int64_t)ordinal);
    store_put_blob(&u, "producers", buf_slice(&row));
    buf_free(&row);
    p->at = ordinal;
    p->storing = true;
    p->wait.fn = on_kept;
    store_ask(p->ps->hub->store, p->ps->lane, &u, &p->wait);
}

/* ---- reading the log */

static bool number_of(const struct record *r, const char *key, int64_t *out)
{
    struct cur c = cur_of(r->pairs);
    struct amqp_value name, value;
    while (cur_left(&c) && amqp_get(&c, &name) == OK && amqp_get(&c, &value) == OK)
        if (slice_is(amqp_text(&name), key)) return amqp_integer(&value, out);
    return false;
}

/* What the row knows already changes nothing. */
static void take_record(struct part *p, const struct record *r)
{
    int64_t id, epoch, sequence;
    if (!number_of(r, PRODUCER_ID, &id) || !number_of(r, PRODUCER_EPOCH, &epoch) ||
        !number_of(r, PRODUCER_SEQUENCE, &sequence))
        return;
    uint32_t next = sequence_plus((uint32_t)sequence, 1);
    struct producer *who = part_find(p, id);
    if (who == NULL) who = part_add(p, id, (int32_t)epoch, next);
    who->loose = true;
    if (epoch < who->epoch || (epoch == who->epoch && sequence_ahead(who->next, next) < 0)) return;
    who->epoch = (int32_t)epoch;
    who->next = who->stored = next;
}

static void read_on(struct part *p)
{
    struct log_read_msg m = {.stream = p->stream,
                             .partition = p->partition,
                             .max_bytes = PRODUCER_READ_BYTES,
                             .from_ordinal = p->at};
    p->state = PART_READING;
    log_ask_read(&p->asker, &m);
}

static void take_frames(struct part *p, const struct log_read_done *d)
{
    struct slice rest = slice_of(d->blob->bytes + d->offset, d->len);
    struct record r;
    for (; record_parse(rest, &r) == OK; rest = slice_from(rest, r.frame.len)) take_record(p, &r);
}

static void on_read(struct log_asker *a, const struct log_read_done *d)
{
    struct part *p = CONTAINER_OF(a, struct part, asker);
    uint64_t before = p->at;
    if (d->err == OK) take_frames(p, d);
    blob_drop(d->blob);
    if (d->err == OK || d->err == ERR_CORRUPT) p->at = d->next;
    if (d->err == ERR_NOT_FOUND) p->at = d->ends.first_ordinal;
    if (p->at > before)
        read_on(p);
    else if (d->err == ERR_AGAIN || d->err == ERR_INVALID) /* the end, or behind it */
        part_ready(p);
    else
        part_fail(p, PRODUCER_BROKEN);
}

static void on_sought(struct log_asker *a, const struct log_seek_done *d)
{
    struct part *p = CONTAINER_OF(a, struct part, asker);
    if (d->err != OK && p->state == PART_SEEKING) {
        part_fail(p, PRODUCER_GONE);
    } else if (p->state == PART_SEEKING) {
        p->state = PART_MAKING;
        keep_row(p, d->ends.next_ordinal);
    } else if (d->err == OK && !p->storing && d->ends.next_ordinal != p->at) {
        keep_row(p, d->ends.next_ordinal); /* all below it was answered before this was */
    }
}

/* ---- opening */

static void on_row(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, wait);
    p->storing = false;
    if (a->err != OK) {
        part_fail(p, PRODUCER_BROKEN);
    } else if (store_next(a)) {
        p->at = (uint64_t)a->col[0].number;
        take_producers(p, a->col[1].bytes);
        read_on(p);
    } else {
        p->state = PART_SEEKING;
        log_ask_ends(&p->asker, p->stream, p->partition);
    }
}

void place_open(struct part *p)
{
    struct store_request q;
    store_begin_query(&q, &sql_producer_state_get);
    store_put_int(&q, "stream", p->stream);
    store_put_int(&q, "partition", p->partition);
    p->asker = (struct log_asker){
        .lane = p->ps->lane, .log = p->ps->hub->log, .read = on_read, .sought = on_sought};
    p->state = PART_LOADING;
    p->storing = true;
    p->wait.fn = on_row;
    store_ask(p->ps->hub->store, p->ps->lane, &q, &p->wait);
}

/* ---- time */

/* Of an event hub that is gone. */
static void on_forgotten(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, wait);
    (void)a;
    p->storing = false;
    part_free(p);
}

static void forget(struct part *p)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_producer_state_delete, STORE_ANY);
    store_put_int(&u, "stream", p->stream);
    p->storing = true;
    p->wait.fn = on_forgotten;
    store_ask(p->ps->hub->store, p->ps->lane, &u, &p->wait);
}

static void on_tick(struct timer *t, int64_t now_us)
{
    struct producers *ps = CONTAINER_OF(t, struct producers, tick);
    LIST_EACH(node, &ps->parts)
    {
        struct part *p = CONTAINER_OF(node, struct part, node);
        if (p->state != PART_READY || p->storing) continue;
        if (event_hub_of_stream(ps->event_hubs, p->stream))
            log_ask_ends(&p->asker, p->stream, p->partition);
        else
            forget(p);
    }
    timer_set(&ps->lane->timers, t, now_us + PRODUCER_KEEP_US);
}

/* ---- life */

void place_init(struct producers *ps)
{
    timer_init(&ps->tick, on_tick);
    timer_set(&ps->lane->timers, &ps->tick, clock_mono_us() + PRODUCER_KEEP_US);
}
