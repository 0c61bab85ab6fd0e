/* rpc.c - requests, tickets and the answers that end them. */
#include "front/amqp/rpc.h"

#include <stdlib.h>

#include "base/num.h"

enum { ANSWER_COST = 512 }; /* bytes of an answer, but for what the request brought along */

struct rpc_ticket {
    struct list node; /* of the peer */
    struct peer *peer;
    struct rpc_link *asked;     /* NULL: gone meanwhile */
    struct rpc_link *answering; /* likewise */
    struct address address;
    struct log_asker asker;
    size_t kept; /* bytes that it and its answer count for (amqp_keep) */
    size_t id_len, to_len;
    uint8_t bytes[]; /* message-id as it was encoded, then reply-to */
};

struct answer {
    struct list node; /* of the answering link */
    struct rpc_ticket *ticket;
    struct buf message;
};

static struct rpc_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct rpc_link, base);
}

/* ---- tickets */

struct peer *rpc_peer(const struct rpc_ticket *t)
{
    return t->peer;
}

const struct address *rpc_address(const struct rpc_ticket *t)
{
    return &t->address;
}

struct log_asker *rpc_asker(struct rpc_ticket *t)
{
    const struct amqp_service *s = t->peer->service;
    if (t->asker.lane == NULL) t->asker = (struct log_asker){.lane = s->lane, .log = s->hub->log};
    return &t->asker;
}

struct rpc_ticket *rpc_of_asker(struct log_asker *a)
{
    return CONTAINER_OF(a, struct rpc_ticket, asker);
}

static void free_ticket(struct rpc_ticket *t)
{
    log_ask_forget(&t->asker);
    list_remove(&t->node);
    amqp_unkeep(&t->peer->engine, t->kept);
    free(t);
}

void rpc_free_tickets(struct peer *p)
{
    LIST_EACH(node, &p->tickets) free_ticket(CONTAINER_OF(node, struct rpc_ticket, node));
}

/* The client hears of new credit when half of the old is used. */
static void renew_credit(struct rpc_link *l)
{
    if (l->base.link->credit > AMQP_RPC_CREDIT / 2 || l->under_way >= AMQP_RPC_CREDIT) return;
    amqp_send_flow(l->base.link, AMQP_RPC_CREDIT - l->under_way, false);
}

static void end_ticket(struct rpc_ticket *t)
{
    struct rpc_link *asked = t->asked;
    free_ticket(t);
    if (asked == NULL) return;
    asked->under_way--;
    renew_credit(asked);
}

/* NULL: the peer makes us keep too much. */
static struct rpc_ticket *ticket_new(struct rpc_link *asked, struct rpc_link *answering,
                                     const struct amqp_message *m)
{
    struct slice id = m->properties[AMQP_MESSAGE_ID].whole;
    struct slice to = amqp_text(&m->properties[AMQP_REPLY_TO]);
    size_t kept = sizeof(struct rpc_ticket) + ANSWER_COST + 2 * (id.len + to.len);
    if (!amqp_keep(&asked->base.peer->engine, kept)) return NULL;
    struct rpc_ticket *t = mem_new(sizeof *t + id.len + to.len);
    *t = (struct rpc_ticket){.peer = asked->base.peer,
                             .asked = asked,
                             .answering = answering,
                             .address = asked->base.address,
                             .kept = kept,
                             .id_len = id.len,
                             .to_len = to.len};
    if (id.len) memcpy(t->bytes, id.ptr, id.len);
    if (to.len) memcpy(t->bytes + id.len, to.ptr, to.len);
    list_push(&t->peer->tickets, &t->node);
    asked->under_way++;
    return t;
}

/* ---- requests */

struct slice rpc_property(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    return amqp_map_find(&m->application, name, &v) ? amqp_text(&v) : SLICE_NONE;
}

/* Among several receivers the one that reply-to names, else the newest. */
static struct rpc_link *find_answering(struct rpc_link *asked, struct slice reply_to)
{
    struct rpc_link *newest = NULL;
    LIST_EACH(node, &asked->base.peer->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        bool pair = l->node == asked->base.node && l->link->sender &&
                    l->link->session == asked->base.link->session;
        if (!pair) continue;
        newest = of(l);
        if (reply_to.len &&
            (slice_is(reply_to, newest->name) || slice_is(reply_to, newest->target)))
            return newest;
    }
    return newest;
}

static void settle(struct peer_link *l, const struct amqp_delivery *d, const struct amqp_error *no)
{
    peer_settle(l, d->id, d->settled, no);
    if (no) renew_credit(of(l));
}

void rpc_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct amqp_message m;
    struct amqp_error no = amqp_error_of(AMQP_DECODE_ERROR, "The request is not an AMQP message.");
    if (amqp_message_parse(d->payload, &m) != OK) {
        settle(l, d, &no);
        return;
    }
    struct rpc_link *answering = find_answering(of(l), amqp_text(&m.properties[AMQP_REPLY_TO]));
    if (answering == NULL) {
        no = amqp_error_of(AMQP_NOT_ALLOWED, "No receiver for the answer is attached.");
        settle(l, d, &no);
        return;
    }
    struct rpc_ticket *t = ticket_new(of(l), answering, &m);
    no = amqp_error_of(AMQP_RESOURCE_LIMIT, "Too many answers wait to be taken.");
    settle(l, d, t ? NULL : &no);
    if (t) l->node->request(t, &m);
}

/* ---- answers */

static void put_properties(struct buf *b, const struct rpc_ticket *t)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) {
        if (i == AMQP_TO && t->to_len)
            amqp_put_string(b, slice_of(t->bytes + t->id_len, t->to_len));
        else
            amqp_put_null(b);
    }
    if (t->id_len)
        buf_put(b, t->bytes, t->id_len); /* the very type that was sent: clients compare it */
    else
        amqp_put_null(b);
    amqp_close(b, list, AMQP_CORRELATION_ID + 1);
}

static void put_answer(struct buf *b, const struct rpc_ticket *t, const struct rpc_answer *a)
{
    put_properties(b, t);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "status-code");
    amqp_put_int(b, a->code);
    amqp_put_str(b, "status-description");
    amqp_put_str(b, a->description);
    if (a->condition) {
        amqp_put_str(b, "error-condition");
        amqp_put_sym(b, a->condition);
    }
    amqp_close(b, map, a->condition ? 6 : 4);
    amqp_put_descriptor(b, AMQP_AMQP_VALUE);
    if (a->body.len)
        buf_put_slice(b, a->body);
    else
        amqp_put_null(b);
}

static void free_answer(struct answer *a)
{
    end_ticket(a->ticket);
    buf_free(&a->message);
    free(a);
}

void rpc_flow(struct peer_link *l)
{
    struct list *node, *waiting = &of(l)->waiting;
    while (amqp_can_send(l->link) && !conn_congested(l->peer->conn) &&
           (node = list_shift(waiting)) != NULL) {
        struct answer *a = CONTAINER_OF(node, struct answer, node);
        struct buf *out = amqp_transfer_begin(l->link, &(struct amqp_transfer){.settled = true});
        buf_put_slice(out, buf_slice(&a->message));
        amqp_transfer_end(l->link);
        free_answer(a);
    }
    if (l->link->drain && list_empty(waiting)) amqp_send_drained(l->link);
}

void rpc_answer(struct rpc_ticket *t, const struct rpc_answer *said)
{
    struct rpc_link *answering = t->answering;
    peer_touch(t->peer);
    if (answering == NULL) {
        end_ticket(t);
        return;
    }
    struct answer *a = NEW(struct answer);
    a->ticket = t;
    put_answer(&a->message, t, said);
    list_push(&answering->waiting, &a->node);
    rpc_flow(&answering->base);
}

/* ---- links */

void rpc_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct rpc_link *r = of(l);
    list_init(&r->waiting);
    r->name = slice_dup(ev->name);
    r->target = slice_dup(ev->target.address);
    amqp_answer_attach(l->link,
                       &(struct amqp_link_answer){.max_message_size = AMQP_RPC_MESSAGE_MAX});
    if (!l->link->sender) amqp_send_flow(l->link, AMQP_RPC_CREDIT, false);
}

void rpc_detached(struct peer_link *l)
{
    struct rpc_link *r = of(l);
    struct list *node;
    while ((node = list_shift(&r->waiting)) != NULL)
        free_answer(CONTAINER_OF(node, struct answer, node));
    LIST_EACH(ticket, &l->peer->tickets)
    {
        struct rpc_ticket *t = CONTAINER_OF(ticket, struct rpc_ticket, node);
        if (t->asked == r) t->asked = NULL;
        if (t->answering == r) t->answering = NULL;
    }
    free(r->name);
    free(r->target);
}
