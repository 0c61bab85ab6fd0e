/* service_notices.c - receivers of what the hub has to tell services: links from
 * /messages/servicebound/feedback and /messages/servicebound/filenotifications.
 *
 * Each transfer is a batch of records as JSON, of files one record.  Accepted deletes them, released and modified give them
 * back, rejected drops them.  Who settles second hears of it when the hub has done it (.NET, Java).
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "front/amqp/peer.h"
#include "hub/c2d/c2d.h"
#include "hub/notice/notice.h"

/* What a link is about.  .NET throws at any other content type. */
struct about {
    const char *to, *content_type;
    struct notices *(*notices)(const struct amqp_doors *doors);
};

struct notice_link {
    struct peer_link base;
    const struct about *about;
    struct notice_receiver receiver;
    struct list unsent; /* struct batch that wait for credit or room */
    struct list sent;   /* ... for a disposition, or for the hub to do it */
};

struct batch {
    struct list node;
    uint8_t lock[C2D_TOKEN_LEN];
    int64_t enqueued_us;
    uint32_t delivery_id;
    enum amqp_outcome outcome; /* what the client said; AMQP_NO_STATE: nothing yet */
    bool waits;                /* it waits for our word */
    size_t len;
    uint8_t json[];
};

static struct notice_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct notice_link, base);
}

static struct notices *notices_of(const struct notice_link *f)
{
    return f->about->notices(&f->base.peer->service->doors);
}

static struct batch *batch_of(struct list *node)
{
    return CONTAINER_OF(node, struct batch, node);
}

static void batch_free(struct batch *b)
{
    list_remove(&b->node);
    free(b);
}

/* ---- sending */

/* user-id has to be there and iothub-enqueuedtime a timestamp: .NET reads both without asking. */
static void put_message(struct buf *out, const struct batch *b, const struct about *about,
                        const char *hub_name)
{
    char id[C2D_TOKEN_TEXT_LEN + 1];
    c2d_token_text(b->lock, id);
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "iothub-enqueuedtime");
    amqp_put_timestamp(out, b->enqueued_us / 1000);
    amqp_close(out, map, 2);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_str(out, id);
    amqp_put_binary(out, slice_str(hub_name));
    amqp_put_str(out, about->to);
    amqp_put_null(out); /* subject */
    amqp_put_null(out); /* reply-to */
    amqp_put_null(out); /* correlation-id */
    amqp_put_sym(out, about->content_type);
    amqp_put_sym(out, "utf-8");
    amqp_close(out, list, 8);
    amqp_put_data(out, slice_of(b->json, b->len));
}

static void send_batch(struct notice_link *f, struct batch *b)
{
    struct amqp_link *l = f->base.link;
    enum { SND_SETTLED = 1 };
    struct amqp_transfer t = {.tag = slice_of(b->lock, sizeof b->lock),
                              .settled = l->snd_mode == SND_SETTLED};
    put_message(amqp_transfer_begin(l, &t), b, f->about, f->base.peer->service->hub->name);
    b->delivery_id = amqp_transfer_end(l);
    list_remove(&b->node);
    list_push(&f->sent, &b->node);
    if (t.settled) notices_settle(notices_of(f), &f->receiver, b->lock, NOTICE_COMPLETE);
}

static void pump(struct notice_link *f)
{
    struct amqp_link *l = f->base.link;
    while (!list_empty(&f->unsent) && amqp_can_send(l) && !conn_congested(f->base.peer->conn))
        send_batch(f, batch_of(f->unsent.next));
}

static void on_batch(struct notice_receiver *r, const uint8_t lock[C2D_TOKEN_LEN],
                     int64_t enqueued_us, struct slice json)
{
    struct notice_link *f = CONTAINER_OF(r, struct notice_link, receiver);
    struct batch *b = mem_zero(sizeof *b + json.len);
    memcpy(b->lock, lock, sizeof b->lock);
    b->enqueued_us = enqueued_us;
    b->len = json.len;
    memcpy(b->json, json.ptr, json.len);
    list_push(&f->unsent, &b->node);
    peer_touch(f->base.peer);
    pump(f);
}

/* What was handed to us and waits counts against the credit. */
static void on_flow(struct peer_link *l)
{
    struct notice_link *f = of(l);
    uint32_t waiting = 0;
    pump(f);
    LIST_EACH(node, &f->unsent) waiting++;
    if (l->link->drain && l->link->credit) amqp_send_drained(l->link);
    notices_credit(notices_of(f), &f->receiver,
                   l->link->credit > waiting ? l->link->credit - waiting : 0);
}

/* ---- settling */

static void say_settled(struct notice_link *f, const struct batch *b, enum amqp_outcome outcome)
{
    struct amqp_disposition d = {
        .settled = true, .first = b->delivery_id, .last = b->delivery_id, .outcome = outcome};
    if (outcome == AMQP_REJECTED && b->outcome != AMQP_REJECTED)
        d.error = amqp_error_of(AMQP_NOT_FOUND, "The lock of the message is over.");
    peer_touch(f->base.peer);
    amqp_send_disposition(f->base.link->session, &d);
}

static void on_settled(struct notice_receiver *r, const uint8_t lock[C2D_TOKEN_LEN],
                       enum status status)
{
    struct notice_link *f = CONTAINER_OF(r, struct notice_link, receiver);
    LIST_EACH(node, &f->sent)
    {
        struct batch *b = batch_of(node);
        if (memcmp(b->lock, lock, C2D_TOKEN_LEN) != 0) continue;
        if (b->waits) say_settled(f, b, status == STATUS_OK ? b->outcome : AMQP_REJECTED);
        batch_free(b);
    }
}

static bool is_final(enum amqp_outcome outcome)
{
    return outcome == AMQP_ACCEPTED || outcome == AMQP_REJECTED || outcome == AMQP_RELEASED ||
           outcome == AMQP_MODIFIED;
}

static enum notice_outcome outcome_of(enum amqp_outcome outcome)
{
    switch (outcome) {
    case AMQP_ACCEPTED: return NOTICE_COMPLETE;
    case AMQP_REJECTED: return NOTICE_REJECT;
    default: return NOTICE_ABANDON;
    }
}

/* Settled without an outcome gives it back, too (specification 2.6.12). */
static void on_disposition(struct peer_link *l, const struct amqp_disposition *d, struct buf *known)
{
    struct notice_link *f = of(l);
    LIST_EACH(node, &f->sent)
    {
        struct batch *b = batch_of(node);
        uint32_t offset = b->delivery_id - d->first;
        if (offset > d->last - d->first) continue;
        buf_put(known, &offset, sizeof offset);
        if (b->outcome != AMQP_NO_STATE || !(d->settled || is_final(d->outcome))) continue;
        b->outcome = is_final(d->outcome) ? d->outcome : AMQP_RELEASED;
        b->waits = !d->settled;
        notices_settle(notices_of(f), &f->receiver, b->lock, outcome_of(b->outcome));
    }
}

/* ---- the link */

static void attach(struct peer_link *l, const struct about *about)
{
    struct notice_link *f = of(l);
    f->about = about;
    list_init(&f->unsent);
    list_init(&f->sent);
    f->receiver.batch = on_batch;
    f->receiver.settled = on_settled;
    notices_open(notices_of(f), &f->receiver);
    amqp_answer_attach(l->link, &(struct amqp_link_answer){0});
}

static void on_detached(struct peer_link *l)
{
    struct notice_link *f = of(l);
    notices_close(notices_of(f), &f->receiver);
    LIST_EACH(node, &f->unsent) batch_free(batch_of(node));
    LIST_EACH(node, &f->sent) batch_free(batch_of(node));
}

static struct notices *feedback_of(const struct amqp_doors *doors)
{
    return c2d_feedback(doors->c2d);
}

static void attach_feedback(struct peer_link *l, const struct amqp_attach_event *ev)
{
    static const struct about about = {"/messages/serviceBound/feedback",
                                       "application/vnd.microsoft.iothub.feedback.json",
                                       feedback_of};
    (void)ev;
    attach(l, &about);
}

static struct notices *files_of(const struct amqp_doors *doors)
{
    return doors->files;
}

static void attach_files(struct peer_link *l, const struct amqp_attach_event *ev)
{
    static const struct about about = {"/messages/serviceBound/filenotifications",
                                       "application/vnd.microsoft.iothub.filenotification.json",
                                       files_of};
    (void)ev;
    attach(l, &about);
}

#define RECEIVER(name_, attach_)                                                                   \
    {                                                                                              \
        .name = name_, .size = sizeof(struct notice_link), .sender = true,                         \
        .right = AUTH_SERVICE_CONNECT, .attach = attach_, .flow = on_flow,                         \
        .disposition = on_disposition, .detached = on_detached,                                    \
    }

const struct node node_service_feedback = RECEIVER("service_feedback", attach_feedback);
const struct node node_service_files = RECEIVER("service_files", attach_files);
