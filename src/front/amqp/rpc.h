/* rpc.h - nodes that are asked and answer: $cbs and $management.  Private to front/amqp.
 *
 *   request ──▶ node->request(ticket) ... rpc_answer(ticket) ──▶ credit ──▶ the client's receiver
 *
 * The client attaches a sender and a receiver.  The answer goes to its receiver at the same node in
 * the same session: Python names no reply-to, and whoever has several pairs in one session does.
 * Requests under way and answers that wait for credit count against the credit that we give, so a
 * client that does not take its answers cannot ask for more.
 */
#ifndef FRONT_AMQP_RPC_H
#define FRONT_AMQP_RPC_H

#include "front/amqp/peer.h"
#include "log/log.h"

/* State of both links of such a node. */
struct rpc_link {
    struct peer_link base;
    unsigned under_way;  /* requests without an answer, and answers not sent */
    struct list waiting; /* answers */
    char *name, *target; /* what reply-to may name */
};

/* For struct node. */
void rpc_attach(struct peer_link *l, const struct amqp_attach_event *ev);
void rpc_flow(struct peer_link *l);
void rpc_delivery(struct peer_link *l, const struct amqp_delivery *d);
void rpc_detached(struct peer_link *l);

/* A request that waits for its answer; exactly one rpc_answer() ends it, now or later. */
struct rpc_ticket;

struct rpc_answer {
    int32_t code;
    const char *description;
    const char *condition; /* NULL: none */
    struct slice body;     /* an encoded AMQP value; empty: null */
};

/* Harmless when the client has gone. */
void rpc_answer(struct rpc_ticket *t, const struct rpc_answer *a);

struct peer *rpc_peer(const struct rpc_ticket *t);
const struct address *rpc_address(const struct rpc_ticket *t); /* where the request came in */

/* For answers that the log has to give: who asks it, to be told how it is answered, and back from him. */
struct log_asker *rpc_asker(struct rpc_ticket *t);
struct rpc_ticket *rpc_of_asker(struct log_asker *a);

/* A string application property, or SLICE_NONE. */
struct slice rpc_property(const struct amqp_message *m, const char *name);

void rpc_free_tickets(struct peer *p);

#endif
