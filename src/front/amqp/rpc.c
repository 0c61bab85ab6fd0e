/* rpc.c - answers to requests, sent or waiting for credit. */
#include "front/amqp/rpc.h"

#include <stdlib.h>

#include "base/metrics.h"

COUNTER(dropped, "azimuth_amqp_replies_dropped_total",
        "Answers of $cbs and $management for which the client gave no credit");

enum { RPC_CREDIT = 100 };

struct reply {
    struct list node;
    struct amqp_session *session;
    const struct node *kind;
    struct buf message;
};

struct slice rpc_message_id(const struct amqp_message *m)
{
    return m->properties[AMQP_MESSAGE_ID].whole;
}

struct slice rpc_property(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    if (m->application.type != AMQP_MAP || !amqp_map_find(&m->application, name, &v))
        return SLICE_NONE;
    return amqp_text(&v);
}

/* ---- sending */

static struct peer_link *answering_link(struct peer *p, const struct reply *r)
{
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->link && l->node == r->kind && l->link->sender && l->link->session == r->session)
            return l;
    }
    return NULL;
}

static void free_reply(struct peer *p, struct reply *r)
{
    list_remove(&r->node);
    p->reply_count--;
    buf_free(&r->message);
    free(r);
}

static bool send_reply(struct peer *p, const struct reply *r)
{
    struct peer_link *l = answering_link(p, r);
    if (l == NULL || !amqp_can_send(l->link)) return false;
    struct buf *out = amqp_transfer_begin(l->link, &(struct amqp_transfer){.settled = true});
    buf_put_slice(out, buf_slice(&r->message));
    amqp_transfer_end(l->link);
    peer_touch(p);
    return true;
}

void rpc_flow(struct peer_link *l)
{
    LIST_EACH(node, &l->peer->replies)
    {
        struct reply *r = CONTAINER_OF(node, struct reply, node);
        if (send_reply(l->peer, r)) free_reply(l->peer, r);
    }
    if (l->link->drain) amqp_send_drained(l->link);
}

static void put_text_pair(struct buf *b, const char *key, const char *value)
{
    amqp_put_str(b, key);
    amqp_put_str(b, value);
}

static void write_answer(struct buf *b, const struct rpc_answer *a)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(b);
    if (a->correlation_id.len)
        buf_put_slice(b, a->correlation_id);
    else
        amqp_put_null(b);
    amqp_close(b, list, AMQP_CORRELATION_ID + 1);

    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "status-code");
    amqp_put_int(b, a->code);
    put_text_pair(b, "status-description", a->description);
    if (a->condition) put_text_pair(b, "error-condition", a->condition);
    amqp_close(b, map, a->condition ? 6 : 4);

    amqp_put_descriptor(b, AMQP_AMQP_VALUE);
    if (a->body.len)
        buf_put_slice(b, a->body);
    else
        amqp_put_null(b);
}

void rpc_answer(struct peer_link *request_link, const struct rpc_answer *a)
{
    struct peer *p = request_link->peer;
    if (request_link->link == NULL) return;
    struct reply *r = NEW(struct reply);
    r->session = request_link->link->session;
    r->kind = request_link->node;
    write_answer(&r->message, a);
    list_push(&p->replies, &r->node);
    p->reply_count++;
    if (send_reply(p, r)) {
        free_reply(p, r);
    } else if (p->reply_count > AMQP_PEER_REPLIES_MAX) {
        metric_inc(&dropped);
        free_reply(p, CONTAINER_OF(p->replies.next, struct reply, node));
    }
}

void rpc_free_replies(struct peer *p)
{
    LIST_EACH(node, &p->replies) free_reply(p, CONTAINER_OF(node, struct reply, node));
}

/* ---- links */

void rpc_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    (void)ev;
    amqp_answer_attach(l->link, &(struct amqp_link_answer){.max_message_size = 64 << 10});
    if (!l->link->sender) amqp_send_flow(l->link, RPC_CREDIT, false);
}

void rpc_accept(struct peer_link *l, const struct amqp_delivery *d)
{
    struct amqp_disposition accepted = {.from_receiver = true,
                                        .settled = true,
                                        .first = d->id,
                                        .last = d->id,
                                        .outcome = AMQP_ACCEPTED};
    if (!d->settled) amqp_send_disposition(l->link->session, &accepted);
    amqp_send_flow(l->link, RPC_CREDIT, false);
}

/* Answers for a session whose receiver is gone find nobody. */
void rpc_detached(struct peer_link *l)
{
    struct peer *p = l->peer;
    LIST_EACH(node, &p->replies)
    {
        struct reply *r = CONTAINER_OF(node, struct reply, node);
        if (r->kind == l->node && answering_link(p, r) == NULL) free_reply(p, r);
    }
    free(l);
}
