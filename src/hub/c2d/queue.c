/* queue.c - queues and items in memory: made, loaded, kept for a while. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

GAUGE(queues_now, "azimuth_c2d_queues", "Queues of devices in memory");
GAUGE(cached_now, "azimuth_c2d_cache_bytes", "Cloud-to-device messages in memory");
COUNTER(loads, "azimuth_c2d_queue_loads_total", "Queues read from the store");

#define RETRY_US 1000000ll

/* ---- items */

struct item *item_new(struct queue *q, uint64_t sequence, struct slice message_id)
{
    struct item *i = mem_zero(sizeof *i + message_id.len);
    i->queue = q;
    i->sequence = sequence;
    i->id_len = message_id.len;
    if (message_id.len) memcpy(i->message_id, message_id.ptr, message_id.len);
    list_push(&q->items, &i->node);
    q->count++;
    return i;
}

static void leave_session(struct item *i)
{
    if (i->in_session) i->queue->in_flight--;
    i->in_session = false;
}

void item_free(struct item *i)
{
    leave_session(i);
    item_drop_sections(i);
    list_remove(&i->node);
    i->queue->count--;
    free(i);
}

struct item *item_find(struct queue *q, uint64_t sequence)
{
    LIST_EACH(node, &q->items)
    {
        struct item *i = CONTAINER_OF(node, struct item, node);
        if (i->sequence == sequence) return i;
    }
    return NULL;
}

void item_keep_sections(struct item *i, struct slice sections, bool needed)
{
    struct c2d *c = i->queue->c2d;
    bool room = c->cache_bytes + sections.len <= C2D_CACHE_BYTES;
    if (i->sections || !(needed || room)) return;
    i->sections = mem_new(sections.len);
    i->sections_len = sections.len;
    memcpy(i->sections, sections.ptr, sections.len);
    c->cache_bytes += sections.len;
    metric_set(&cached_now, (int64_t)c->cache_bytes);
}

void item_drop_sections(struct item *i)
{
    struct c2d *c = i->queue->c2d;
    if (i->sections == NULL) return;
    c->cache_bytes -= i->sections_len;
    metric_set(&cached_now, (int64_t)c->cache_bytes);
    free(i->sections);
    i->sections = NULL;
}

void item_enqueue(struct item *i)
{
    leave_session(i);
    i->state = ITEM_ENQUEUED;
}

void item_lock(struct item *i, int64_t lock_us, bool in_session)
{
    assert(i->state == ITEM_ENQUEUED);
    rand_bytes(i->lock, sizeof i->lock);
    i->lock[7] = (uint8_t)((i->lock[7] & 0x0f) | 0x40); /* a version 4 GUID in .NET's order */
    i->lock[8] = (uint8_t)((i->lock[8] & 0x3f) | 0x80);
    i->state = ITEM_INVISIBLE;
    i->locked_until_us = clock_mono_us() + lock_us;
    i->in_session = in_session;
    if (in_session) i->queue->in_flight++;
}

void item_change(struct item *i)
{
    assert(i->state == ITEM_ENQUEUED || i->state == ITEM_INVISIBLE);
    leave_session(i);
    i->state = ITEM_CHANGING;
}

/* ---- queues */

struct queue *queue_find(const struct c2d *c, struct slice device_id)
{
    return map_get(&c->queues, device_id);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct queue *q = CONTAINER_OF(t, struct queue, timer);
    (void)now_us;
    if (q->state == QUEUE_COLD)
        queue_load(q);
    else
        queue_serve(q);
}

struct queue *queue_make(struct c2d *c, struct slice device_id)
{
    struct queue *q = mem_zero(sizeof *q + device_id.len);
    q->c2d = c;
    q->id_len = device_id.len;
    memcpy(q->device_id, device_id.ptr, device_id.len);
    q->last_call = &q->first_call;
    q->last_receive = &q->first_receive;
    list_init(&q->idle);
    list_init(&q->items);
    list_init(&q->works);
    list_init(&q->listings);
    timer_init(&q->timer, on_timer);
    list_push(&c->all, &q->node_in_all);
    map_put(&c->queues, queue_id(q), q);
    metric_add(&queues_now, 1);
    return q;
}

static void free_calls(struct msg *m)
{
    while (m) {
        struct msg *next = m->next;
        msg_free(m);
        m = next;
    }
}

void queue_free(struct queue *q)
{
    struct c2d *c = q->c2d;
    if (list_linked(&q->idle)) c->idle_count--;
    if (q->state != QUEUE_GONE) map_remove(&c->queues, queue_id(q));
    LIST_EACH(node, &q->items) item_free(CONTAINER_OF(node, struct item, node));
    works_free(q);
    listings_free(q);
    free_calls(q->first_call);
    free_calls(q->first_receive);
    list_remove(&q->idle);
    list_remove(&q->node_in_all);
    timer_stop(&q->timer);
    metric_add(&queues_now, -1);
    free(q);
}

static bool somebody_has_a_lock(const struct queue *q)
{
    LIST_EACH(node, &q->items)
    if (CONTAINER_OF(node, struct item, node)->state == ITEM_INVISIBLE) return true;
    return false;
}

static bool in_use(const struct queue *q)
{
    bool answers_come = q->awaited || !list_empty(&q->works) || !list_empty(&q->listings);
    if (q->state == QUEUE_GONE || answers_come) return answers_come;
    return q->linked || q->first_call || q->first_receive || somebody_has_a_lock(q);
}

static void keep_idle(struct queue *q)
{
    struct c2d *c = q->c2d;
    LIST_EACH(node, &q->items) item_drop_sections(CONTAINER_OF(node, struct item, node));
    list_push(&c->idle, &q->idle);
    if (c->idle_count++ < C2D_IDLE_QUEUES_MAX) return;
    queue_free(CONTAINER_OF(c->idle.next, struct queue, idle));
}

void queue_rest(struct queue *q)
{
    if (list_linked(&q->idle)) {
        q->c2d->idle_count--;
        list_remove(&q->idle);
    }
    if (in_use(q)) return;
    if (q->state == QUEUE_READY)
        keep_idle(q);
    else
        queue_free(q);
}

/* ---- answering those who wait */

static void answer_all(struct queue *q, enum err e)
{
    struct msg *m;
    while ((m = q->first_call) != NULL) {
        if ((q->first_call = m->next) == NULL) q->last_call = &q->first_call;
        call_answer_err(q->c2d, m, e);
    }
    while ((m = q->first_receive) != NULL) {
        if ((q->first_receive = m->next) == NULL) q->last_receive = &q->first_receive;
        call_answer_err(q->c2d, m, e);
    }
}

void queue_gone(struct queue *q)
{
    map_remove(&q->c2d->queues, queue_id(q));
    timer_stop(&q->timer);
    q->linked = false;
    answer_all(q, ERR_NOT_FOUND);
    q->state = QUEUE_GONE;
    queue_rest(q);
}

/* ---- loading */

static void load_failed(struct queue *q, enum err e)
{
    if (e == ERR_NOT_FOUND) {
        q->state = QUEUE_COLD;
        queue_gone(q);
        return;
    }
    q->state = QUEUE_COLD;
    answer_all(q, e);
    if (q->linked) timer_set(&q->c2d->lane->timers, &q->timer, clock_mono_us() + RETRY_US);
    queue_rest(q);
}

static void take_row(struct queue *q, const struct store_value *col)
{
    q->sequence = (uint64_t)col[0].number;
    if (col[1].type == STORE_NULL) return;
    struct item *i = item_new(q, (uint64_t)col[1].number, col[6].bytes);
    i->enqueued_us = col[2].number;
    i->expires_us = col[3].number;
    i->ack = (enum c2d_ack)col[4].number;
    i->delivery_count = (unsigned)col[5].number;
    i->sections_len = (size_t)col[7].number;
    i->state = ITEM_ENQUEUED;
}

static void run_calls(struct queue *q)
{
    struct msg *m = q->first_call;
    q->first_call = NULL;
    q->last_call = &q->first_call;
    while (m) {
        struct msg *next = m->next;
        call_run(q, m);
        m = next;
    }
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct queue *q = CONTAINER_OF(w, struct queue, wait);
    q->awaited = false;
    if (q->state == QUEUE_GONE) {
        queue_rest(q);
    } else if (a->err != OK) {
        load_failed(q, a->err);
    } else {
        while (store_next(a)) take_row(q, a->col);
        q->told = q->count;
        q->state = QUEUE_READY;
        run_calls(q);
        queue_serve(q);
    }
}

static void on_identity(struct registry_load *load, const struct identity *id, enum err e)
{
    struct queue *q = CONTAINER_OF(load, struct queue, load);
    struct store_request r;
    q->awaited = false;
    if (q->state == QUEUE_GONE) {
        queue_rest(q);
    } else if (e != OK) {
        load_failed(q, e);
    } else {
        snprintf(q->generation, sizeof q->generation, "%.*s", SLICE_ARG(id->generation));
        store_begin_query(&r, &sql_c2d_queue_get);
        store_put_text(&r, "device_id", queue_id(q));
        q->wait.fn = on_rows;
        q->awaited = true;
        store_ask(q->c2d->hub->store, q->c2d->lane, &r, &q->wait);
    }
}

void queue_load(struct queue *q)
{
    assert(q->state == QUEUE_COLD);
    q->state = QUEUE_LOADING;
    q->awaited = true;
    metric_inc(&loads);
    registry_load(q->c2d->registry, queue_id(q), &q->load, on_identity);
}
