/* deliver.c - expiry, locks that are over, and messages on their way to devices. */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/c2d/home.h"

COUNTER(delivered, "azimuth_c2d_delivered_total", "Cloud-to-device messages handed to devices");
COUNTER(delivered_bytes, "azimuth_c2d_delivered_bytes_total",
        "Bytes of cloud-to-device messages handed to devices");
COUNTER(locks_lost, "azimuth_c2d_locks_lost_total",
        "Cloud-to-device messages that went back to the queue because their lock was over");

#define RETRY_US 1000000ll

static struct item *item_of(struct list *node)
{
    return CONTAINER_OF(node, struct item, node);
}

/* ---- time */

static void unlock_those_over(struct queue *q, int64_t now_us)
{
    LIST_EACH(node, &q->items)
    {
        struct item *i = item_of(node);
        if (i->state != ITEM_INVISIBLE || i->locked_until_us > now_us) continue;
        metric_inc(&locks_lost);
        item_enqueue(i);
    }
}

static void expire(struct queue *q, int64_t now_us)
{
    struct item *items[C2D_QUEUE_MAX];
    unsigned count = 0;
    int64_t wall_us = clock_wall_us();
    if (now_us < q->retry_us) return;
    LIST_EACH(node, &q->items)
    {
        struct item *i = item_of(node);
        if (i->state != ITEM_ENQUEUED || i->expires_us > wall_us) continue;
        item_change(i);
        items[count++] = i;
    }
    if (count) work_remove(q, items, count, C2D_EXPIRED, NULL);
}

/* Messages expire by the wall clock, locks end by the other one. */
static void arm(struct queue *q, int64_t now_us)
{
    int64_t due_us = INT64_MAX, wall_us = clock_wall_us();
    LIST_EACH(node, &q->items)
    {
        const struct item *i = item_of(node);
        if (i->state == ITEM_INVISIBLE)
            due_us = MIN(due_us, i->locked_until_us);
        else if (i->state == ITEM_ENQUEUED)
            due_us = MIN(due_us, now_us + MAX(i->expires_us - wall_us, 0));
    }
    if (q->retry_us > now_us && q->count) due_us = q->retry_us;
    if (due_us == INT64_MAX)
        timer_stop(&q->timer);
    else
        timer_set(&q->c2d->lane->timers, &q->timer, due_us);
}

/* ---- sections that are not in memory */

/* Whoever waits for these messages goes without; a session gets them later. */
static void read_failed(struct queue *q, enum err e)
{
    struct msg *m;
    while ((m = q->first_receive) != NULL) {
        if ((q->first_receive = m->next) == NULL) q->last_receive = &q->first_receive;
        call_answer_err(q->c2d, m, e);
    }
    q->retry_us = clock_mono_us() + RETRY_US;
}

/* Reads overtake units: what is being purged, or goes otherwise, may have no row any more. */
static enum err take_sections(struct queue *q, struct store_answer *a)
{
    TRY(a->err);
    while (store_next(a)) {
        uint64_t sequence = (uint64_t)a->col[0].number;
        struct item *i = item_find(q, sequence);
        if (i && i->state == ITEM_ENQUEUED)
            item_keep_sections(i, a->col[1].bytes, sequence == q->reading);
    }
    const struct item *needed = item_find(q, q->reading);
    return needed && needed->state == ITEM_ENQUEUED && !needed->sections ? ERR_CORRUPT : OK;
}

static void on_sections(struct store_wait *w, struct store_answer *a)
{
    struct queue *q = CONTAINER_OF(w, struct queue, wait);
    q->awaited = false;
    if (q->state == QUEUE_GONE) {
        queue_rest(q);
        return;
    }
    enum err e = take_sections(q, a);
    if (e != OK) read_failed(q, e);
    queue_serve(q);
}

static void read_sections(struct queue *q, const struct item *from)
{
    struct store_request r;
    if (q->awaited) return;
    store_begin_query(&r, &sql_c2d_sections);
    store_put_text(&r, "device_id", queue_id(q));
    store_put_int(&r, "from", (int64_t)from->sequence);
    store_put_int(&r, "most", C2D_WINDOW);
    q->reading = from->sequence;
    q->wait.fn = on_sections;
    q->awaited = true;
    store_ask(q->c2d->hub->store, q->c2d->lane, &r, &q->wait);
}

/* ---- handing out */

/* The next message for somebody, with its sections; NULL: there is none, or it is being read.  One whose time
 * is over may still be there, while the store takes nothing. */
static struct item *next_item(struct queue *q, bool *reading)
{
    int64_t wall_us = clock_wall_us();
    *reading = false;
    LIST_EACH(node, &q->items)
    {
        struct item *i = item_of(node);
        if (i->state != ITEM_ENQUEUED || i->expires_us <= wall_us) continue;
        if (i->sections) return i;
        *reading = true;
        read_sections(q, i);
        return NULL;
    }
    return NULL;
}

static void count_delivered(const struct item *i)
{
    metric_inc(&delivered);
    metric_add(&delivered_bytes, (int64_t)i->sections_len);
}

static void answer_receivers(struct queue *q)
{
    bool reading = false;
    while (q->first_receive && !reading) {
        struct item *i = next_item(q, &reading);
        if (reading) return;
        struct msg *m = q->first_receive;
        if ((q->first_receive = m->next) == NULL) q->last_receive = &q->first_receive;
        if (i == NULL) {
            call_answer(q->c2d, m, STATUS_OK, NULL);
            continue;
        }
        const struct c2d_ask_msg *ask = (const void *)m->body;
        item_lock(i, ask->lock_us, false);
        count_delivered(i);
        call_answer_item(q->c2d, m, i);
        item_drop_sections(i);
    }
}

static void deliver(struct queue *q, struct item *i)
{
    struct msg *m = msg_new(C2D_DELIVER, sizeof(struct c2d_delivery) + i->sections_len);
    struct c2d_delivery *d = (void *)m->body;
    item_lock(i, C2D_LOCK_US, true);
    *d = (struct c2d_delivery){.sequence = i->sequence,
                               .enqueued_us = i->enqueued_us,
                               .expires_us = i->expires_us,
                               .delivery_count = i->delivery_count,
                               .sections_len = (uint32_t)i->sections_len};
    memcpy(d->lock, i->lock, sizeof d->lock);
    memcpy(d->sections, i->sections, i->sections_len);
    count_delivered(i);
    item_drop_sections(i);
    post(q->c2d->lane, lane_addr(q->c2d->lane), q->link.session, m);
}

void item_recall(const struct item *i)
{
    const struct queue *q = i->queue;
    if (!i->in_session) return;
    struct msg *m = msg_new(C2D_RECALL, sizeof i->sequence);
    memcpy(m->body, &i->sequence, sizeof i->sequence);
    post(q->c2d->lane, lane_addr(q->c2d->lane), q->link.session, m);
}

static void deliver_to_session(struct queue *q, int64_t now_us)
{
    struct item *i;
    bool reading;
    if (now_us < q->retry_us) return;
    while (q->linked && q->in_flight < C2D_WINDOW && (i = next_item(q, &reading)) != NULL)
        deliver(q, i);
}

/* What GET shows as cloudToDeviceMessageCount. */
static void tell_registry(struct queue *q)
{
    unsigned stored = 0;
    LIST_EACH(node, &q->items) stored += item_of(node)->state != ITEM_INSERTING;
    if (stored == q->told) return;
    q->told = stored;
    registry_set_messages(q->c2d->registry, queue_id(q), stored);
}

void queue_serve(struct queue *q)
{
    if (q->state == QUEUE_READY) {
        int64_t now_us = clock_mono_us();
        unlock_those_over(q, now_us);
        expire(q, now_us);
        answer_receivers(q);
        deliver_to_session(q, now_us);
        arm(q, now_us);
        tell_registry(q);
    }
    queue_rest(q);
}

/* ---- sessions */

/* What the session had goes back at once. */
static void unlink_session(struct queue *q)
{
    LIST_EACH(node, &q->items)
    if (item_of(node)->in_session) item_enqueue(item_of(node));
    q->linked = false;
}

static void link_session(struct c2d *c, struct slice who, const struct session_link *link)
{
    struct queue *q = queue_find(c, who);
    if (q == NULL) q = queue_make(c, who);
    if (q->linked && !addr_eq(q->link.session, link->session)) unlink_session(q);
    q->linked = true;
    q->link = *link;
    if (q->state == QUEUE_COLD)
        queue_load(q);
    else
        queue_serve(q);
}

static void on_session(struct session_listener *l, struct slice who,
                       const struct session_link *link)
{
    struct c2d *c = CONTAINER_OF(l, struct c2d, session_listener);
    struct queue *q;
    if (hub_module_of(who).len) return; /* modules have no queues */
    if (link && link->protocol != HUB_HTTP && link->features & SESSION_C2D) {
        link_session(c, who, link);
    } else if ((q = queue_find(c, who)) != NULL && q->linked) {
        unlink_session(q);
        queue_serve(q);
    }
}

/* On the session's core. */
static void on_deliver(void *ctx, struct lane *lane, struct msg *m)
{
    const struct c2d_delivery *d = (const void *)m->body;
    struct session *s = session_of(lane, m);
    (void)ctx;
    if (s == NULL || s->owner->message == NULL) return; /* home hears that it has ended */
    struct c2d_message message = {.sequence = d->sequence,
                                  .enqueued_us = d->enqueued_us,
                                  .expires_us = d->expires_us,
                                  .delivery_count = d->delivery_count,
                                  .sections = slice_of(d->sections, d->sections_len)};
    memcpy(message.lock, d->lock, sizeof message.lock);
    s->owner->message(s, &message);
}

static void on_recall(void *ctx, struct lane *lane, struct msg *m)
{
    struct session *s = session_of(lane, m);
    uint64_t sequence;
    (void)ctx;
    memcpy(&sequence, m->body, sizeof sequence);
    if (s && s->owner->recall) s->owner->recall(s, sequence);
}

void deliveries_join(struct c2d *c)
{
    c->session_listener.changed = on_session;
    session_home_listen(c->sessions, &c->session_listener);
    lane_on(c->lane, C2D_DELIVER, on_deliver, c);
    lane_on(c->lane, C2D_RECALL, on_recall, c);
}
