/* work.c - units: what is in memory follows what the store said. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

COUNTER(enqueued, "azimuth_c2d_enqueued_total", "Cloud-to-device messages accepted");
COUNTER(abandoned, "azimuth_c2d_abandoned_total", "Cloud-to-device messages abandoned by devices");
#define OUTCOME(variable, labels)                                                                  \
    METRIC(variable, METRIC_COUNTER, "azimuth_c2d_settled_total", labels,                          \
           "Cloud-to-device messages that left their queue, by outcome")
OUTCOME(completed, "outcome=\"completed\"")
OUTCOME(expired, "outcome=\"expired\"")
OUTCOME(exceeded, "outcome=\"delivery-count-exceeded\"")
OUTCOME(rejected, "outcome=\"rejected\"")
OUTCOME(purged, "outcome=\"purged\"")

static struct metric *const outcomes[C2D_STATUSES] = {
    [C2D_SUCCESS] = &completed, [C2D_EXPIRED] = &expired, [C2D_DELIVERY_COUNT_EXCEEDED] = &exceeded,
    [C2D_REJECTED] = &rejected, [C2D_PURGED] = &purged,
};

#define RETRY_US 1000000ll

/* A unit under way for a queue. */
struct work {
    struct list node; /* in queue->works */
    struct store_wait wait;
    struct queue *queue;
    struct msg *m;          /* who waits; NULL: nobody */
    enum c2d_status status; /* of a removal */
    bool feedback;          /* the unit has records of it */
    struct slice sections;  /* of an insert; in `m` */
    unsigned count;
    struct item *items[];
};

static struct work *work_new(struct queue *q, unsigned count, struct msg *m)
{
    struct work *w = mem_zero(sizeof *w + count * sizeof w->items[0]);
    w->queue = q;
    w->m = m;
    w->count = count;
    list_push(&q->works, &w->node);
    return w;
}

static void work_free(struct work *w)
{
    list_remove(&w->node);
    free(w);
}

static void ask(struct work *w, struct store_request *u,
                void (*fn)(struct store_wait *w, struct store_answer *a))
{
    w->wait.fn = fn;
    store_ask(w->queue->c2d->hub->store, w->queue->c2d->lane, u, &w->wait);
}

void works_free(struct queue *q)
{
    LIST_EACH(node, &q->works)
    {
        struct work *w = CONTAINER_OF(node, struct work, node);
        msg_free(w->m);
        work_free(w);
    }
}

/* A removal that conflicts: the identity went first, and with it the row. */
static enum err meaning(enum err e)
{
    return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
}

/* ---- a message comes */

static void on_inserted(struct store_wait *wait, struct store_answer *a)
{
    struct work *w = CONTAINER_OF(wait, struct work, wait);
    struct queue *q = w->queue;
    struct item *i = w->items[0];
    if (a->err == OK) {
        metric_inc(&enqueued);
        item_enqueue(i);
        if (q->linked || q->first_receive) item_keep_sections(i, w->sections, false);
        call_answer(q->c2d, w->m, STATUS_OK, NULL);
    } else {
        item_free(i);
        call_answer_err(q->c2d, w->m, meaning(a->err));
    }
    work_free(w);
    queue_serve(q);
}

void work_insert(struct item *i, struct slice sections, struct msg *m)
{
    struct queue *q = i->queue;
    struct work *w = work_new(q, 1, m);
    struct store_request u;
    w->items[0] = i;
    w->sections = sections;
    i->sections_len = sections.len;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_c2d_insert, 1);
    store_put_text(&u, "device_id", queue_id(q));
    store_put_text(&u, "generation_id", slice_str(q->generation));
    store_put_int(&u, "sequence", (int64_t)i->sequence);
    store_put_int(&u, "enqueued_us", i->enqueued_us);
    store_put_int(&u, "expires_us", i->expires_us);
    store_put_int(&u, "ack", i->ack);
    store_put_text(&u, "message_id", item_id(i));
    store_put_blob(&u, "sections", sections);
    store_add(&u, &sql_c2d_queue_put, 1);
    store_put_text(&u, "device_id", queue_id(q));
    store_put_int(&u, "sequence", (int64_t)i->sequence);
    ask(w, &u, on_inserted);
}

/* ---- messages go */

static void took_effect(struct work *w)
{
    metric_add(outcomes[w->status], w->count);
    diagnose_removal(w->queue, w->items, w->count, w->status);
    for (unsigned n = 0; n < w->count; n++) item_free(w->items[n]);
    if (w->feedback) notices_news(w->queue->c2d->feedback);
    call_answer_count(w->queue->c2d, w->m, w->count);
}

/* They stay, and nobody has their lock any more. */
static void did_not(struct work *w, enum err e)
{
    struct queue *q = w->queue;
    for (unsigned n = 0; n < w->count; n++) item_enqueue(w->items[n]);
    q->retry_us = clock_mono_us() + RETRY_US;
    call_answer_err(q->c2d, w->m, meaning(e));
}

static void on_removed(struct store_wait *wait, struct store_answer *a)
{
    struct work *w = CONTAINER_OF(wait, struct work, wait);
    struct queue *q = w->queue;
    if (a->err == OK)
        took_effect(w);
    else
        did_not(w, a->err);
    work_free(w);
    queue_serve(q);
}

void work_remove(struct queue *q, struct item **items, unsigned count, enum c2d_status status,
                 struct msg *m)
{
    struct work *w = work_new(q, count, m);
    struct store_request u;
    int64_t at_us = clock_wall_us();
    w->status = status;
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned n = 0; n < count; n++) {
        w->items[n] = items[n];
        store_add(&u, &sql_c2d_remove, 1);
        store_put_text(&u, "device_id", queue_id(q));
        store_put_int(&u, "sequence", (int64_t)items[n]->sequence);
        if (!feedback_wanted(items[n]->ack, status)) continue;
        feedback_add(&u, items[n], status, at_us);
        w->feedback = true;
    }
    ask(w, &u, on_removed);
}

/* ---- a message is abandoned */

static void on_abandoned(struct store_wait *wait, struct store_answer *a)
{
    struct work *w = CONTAINER_OF(wait, struct work, wait);
    struct queue *q = w->queue;
    if (a->err == OK) {
        metric_inc(&abandoned);
        w->items[0]->delivery_count++;
        item_enqueue(w->items[0]);
        call_answer(q->c2d, w->m, STATUS_OK, NULL);
    } else {
        did_not(w, a->err);
    }
    work_free(w);
    queue_serve(q);
}

void work_abandon(struct item *i, struct msg *m)
{
    struct work *w = work_new(i->queue, 1, m);
    struct store_request u;
    w->items[0] = i;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_c2d_abandon, 1);
    store_put_text(&u, "device_id", queue_id(i->queue));
    store_put_int(&u, "sequence", (int64_t)i->sequence);
    store_put_int(&u, "delivery_count", i->delivery_count + 1);
    ask(w, &u, on_abandoned);
}

/* ---- the identity goes, and everything with it */

static void on_identity_changed(struct registry_listener *l, struct slice who,
                                enum registry_change change)
{
    struct c2d *c = CONTAINER_OF(l, struct c2d, identity_listener);
    struct queue *q = change == REGISTRY_DELETED ? queue_find(c, who) : NULL;
    if (q) queue_gone(q);
}

static void on_identity_deleting(struct registry_listener *l, struct slice who,
                                 struct store_request *unit)
{
    (void)l;
    if (hub_module_of(who).len) return;
    store_add(unit, &sql_c2d_remove_all, STORE_ANY);
    store_put_text(unit, "device_id", who);
    store_add(unit, &sql_c2d_queue_remove, STORE_ANY);
    store_put_text(unit, "device_id", who);
}

void works_join(struct c2d *c)
{
    c->identity_listener.changed = on_identity_changed;
    c->identity_listener.deleting = on_identity_deleting;
    registry_listen(c->registry, &c->identity_listener);
}
