/* call.c - what cores ask of a queue: send, receive, settle, purge, drop, list; and the answers. */
#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "hub/c2d/home.h"

LIMIT_REACHED(queue_full, "c2d-queue")
LIMIT_REACHED(too_many_calls, "c2d-calls")
COUNTER(refused, "azimuth_c2d_refused_total", "Calls about cloud-to-device messages refused");
GAUGE(waiting_now, "azimuth_c2d_waiting", "Calls about cloud-to-device messages under way");

/* ---- answering */

static struct msg *done_msg(const struct c2d_done_msg *head, struct slice sections,
                            const char *text)
{
    struct msg *reply = msg_new(C2D_DONE, sizeof *head + sections.len + head->text_len);
    struct c2d_done_msg *body = (void *)reply->body;
    *body = *head;
    slice_copy(slice_copy(body->message.sections, sections), slice_of(text, head->text_len));
    return reply;
}

void call_answer_with(struct c2d *c, struct msg *m, struct msg *reply)
{
    if (m->from.slot)
        post_reply(c->lane, m, reply);
    else /* nobody waits */
        msg_free(reply);
    metric_set(&waiting_now, --c->waiting);
    msg_free(m);
}

static void answer(struct c2d *c, struct msg *m, const struct c2d_done_msg *head,
                   struct slice sections, const char *text)
{
    call_answer_with(c, m, done_msg(head, sections, text));
}

void call_answer(struct c2d *c, struct msg *m, enum status status, const char *text)
{
    struct c2d_done_msg head = {.status = status,
                                .text_len = text ? (uint32_t)strlen(text) + 1 : 0};
    if (m == NULL) return;
    if (status != STATUS_OK) metric_inc(&refused);
    answer(c, m, &head, SLICE_NONE, text);
}

void call_answer_count(struct c2d *c, struct msg *m, unsigned count)
{
    if (m == NULL) return;
    answer(c, m, &(struct c2d_done_msg){.count = count}, SLICE_NONE, NULL);
}

void call_answer_item(struct c2d *c, struct msg *m, const struct item *i)
{
    struct c2d_done_msg head = {.has_message = true,
                                .message = {.sequence = i->sequence,
                                            .enqueued_us = i->enqueued_us,
                                            .expires_us = i->expires_us,
                                            .delivery_count = i->delivery_count,
                                            .sections_len = (uint32_t)i->sections_len}};
    memcpy(head.message.lock, i->lock, sizeof head.message.lock);
    answer(c, m, &head, slice_of(i->sections, i->sections_len), NULL);
}

void call_answer_err(struct c2d *c, struct msg *m, enum err e)
{
    if (e == ERR_NOT_FOUND)
        call_answer(c, m, STATUS_DEVICE_NOT_FOUND, "the device is not registered");
    else
        call_answer(c, m, status_of_err(e),
                    e == ERR_THROTTLED || e == ERR_FULL
                        ? "too much waits, or the disk is nearly full; try again later"
                        : "the store does not answer");
}

/* ---- sending */

static const struct c2d_send_msg *send_of(const struct msg *m)
{
    return (const void *)m->body;
}

static void run_send(struct queue *q, struct msg *m)
{
    const struct c2d_send_msg *s = send_of(m);
    struct slice rest = slice_from(msg_body(m), offsetof(struct c2d_send_msg, bytes) + s->who_len);
    if (q->count >= C2D_QUEUE_MAX) {
        metric_inc(&queue_full);
        call_answer(q->c2d, m, STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED,
                    "50 messages wait for the device; no more can be queued");
        return;
    }
    struct item *i = item_new(q, ++q->sequence, slice_head(rest, s->id_len));
    i->enqueued_us = clock_wall_us();
    i->expires_us = s->expires_us ? s->expires_us : i->enqueued_us + C2D_TTL_US;
    i->ack = (enum c2d_ack)s->ack;
    work_insert(i, slice_from(rest, s->id_len), m);
}

/* ---- receiving */

/* queue_serve() hands out messages, in the order of who asked. */
static void run_receive(struct queue *q, struct msg *m)
{
    m->next = NULL;
    *q->last_receive = m;
    q->last_receive = &m->next;
}

/* ---- settling */

static const struct c2d_ask_msg *ask_of(const struct msg *m)
{
    return (const void *)m->body;
}

static struct item *locked_item(struct queue *q, const uint8_t lock[C2D_TOKEN_LEN])
{
    LIST_EACH(node, &q->items)
    {
        struct item *i = CONTAINER_OF(node, struct item, node);
        if (i->state == ITEM_INVISIBLE && memcmp(i->lock, lock, C2D_TOKEN_LEN) == 0) return i;
    }
    return NULL;
}

static void lock_lost(struct c2d *c, struct msg *m)
{
    call_answer(c, m, STATUS_DEVICE_MESSAGE_LOCK_LOST,
                "the lock of the message is over; it may be delivered again");
}

static void run_settle(struct queue *q, struct msg *m)
{
    const struct c2d_ask_msg *ask = ask_of(m);
    struct item *i = locked_item(q, ask->lock);
    if (i == NULL) {
        lock_lost(q->c2d, m);
        return;
    }
    item_change(i);
    if (ask->outcome == C2D_COMPLETE)
        work_remove(q, &i, 1, C2D_SUCCESS, m);
    else if (ask->outcome == C2D_REJECT)
        work_remove(q, &i, 1, C2D_REJECTED, m);
    else if (i->delivery_count + 1 >= C2D_DELIVERIES_MAX)
        work_remove(q, &i, 1, C2D_DELIVERY_COUNT_EXCEEDED, m);
    else
        work_abandon(i, m);
}

/* ---- purging */

static void run_purge(struct queue *q, struct msg *m)
{
    struct item *items[C2D_QUEUE_MAX];
    unsigned count = 0;
    LIST_EACH(node, &q->items)
    {
        struct item *i = CONTAINER_OF(node, struct item, node);
        if (i->state != ITEM_ENQUEUED && i->state != ITEM_INVISIBLE) continue;
        item_recall(i);
        item_change(i);
        items[count++] = i;
    }
    if (count)
        work_remove(q, items, count, C2D_PURGED, m);
    else
        call_answer_count(q->c2d, m, 0);
}

/* ---- one message goes */

static void run_drop(struct queue *q, struct msg *m)
{
    struct item *i = item_find(q, ask_of(m)->sequence);
    if (i == NULL || (i->state != ITEM_ENQUEUED && i->state != ITEM_INVISIBLE)) {
        call_answer_count(q->c2d, m, 0);
        return;
    }
    item_recall(i);
    item_change(i);
    work_remove(q, &i, 1, C2D_PURGED, m);
}

/* ---- arriving */

void call_run(struct queue *q, struct msg *m)
{
    switch (m->kind) {
    case C2D_SEND: run_send(q, m); break;
    case C2D_RECEIVE: run_receive(q, m); break;
    case C2D_SETTLE: run_settle(q, m); break;
    case C2D_PURGE: run_purge(q, m); break;
    case C2D_DROP: run_drop(q, m); break;
    case C2D_LIST: list_page(q, m, ask_of(m)->sequence, ask_of(m)->top); break;
    default: call_answer(q->c2d, m, STATUS_OK, NULL); break; /* C2D_EXPIRE: queue_serve() does it */
    }
}

static void queue_call(struct queue *q, struct msg *m)
{
    m->next = NULL;
    *q->last_call = m;
    q->last_call = &m->next;
}

static struct slice who_of(const struct msg *m)
{
    if (m->kind == C2D_SEND) return slice_of(send_of(m)->bytes, send_of(m)->who_len);
    return slice_from(msg_body(m), offsetof(struct c2d_ask_msg, who));
}

static void on_call(void *ctx, struct lane *lane, struct msg *m)
{
    struct c2d *c = ctx;
    struct queue *q = queue_find(c, who_of(m));
    (void)lane;
    msg_keep(m);
    metric_set(&waiting_now, ++c->waiting);
    if (c->waiting > C2D_WAITING_MAX) {
        metric_inc(&too_many_calls);
        call_answer(c, m, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                    "too many calls wait; try again later");
        return;
    }
    if (q == NULL && m->kind == C2D_SETTLE) { /* locks keep their queue in memory */
        lock_lost(c, m);
        return;
    }
    if (q == NULL) q = queue_make(c, who_of(m));
    if (q->state == QUEUE_READY) {
        call_run(q, m);
        queue_serve(q);
    } else {
        queue_call(q, m);
        if (q->state == QUEUE_COLD) queue_load(q);
    }
}

void calls_join(struct c2d *c)
{
    for (unsigned kind = C2D_SEND; kind <= C2D_EXPIRE; kind++) lane_on(c->lane, kind, on_call, c);
}
