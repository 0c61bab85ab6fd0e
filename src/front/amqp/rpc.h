/* rpc.h - nodes that are asked and answer: $cbs and $management.  Private to front/amqp.
 *
 * The client attaches a sender and a receiver; the answer goes to its receiver at the same node in
 * the same session, whatever the request says of reply-to (Python says nothing).  An answer that
 * finds no credit waits, at most AMQP_PEER_REPLIES_MAX per connection.
 */
#ifndef FRONT_AMQP_RPC_H
#define FRONT_AMQP_RPC_H

#include "front/amqp/peer.h"

/* Of both links of such a node. */
struct rpc_link {
    struct peer_link base;
};

void rpc_attach(struct peer_link *l, const struct amqp_attach_event *ev);
void rpc_flow(struct peer_link *l); /* sends answers that waited */

/* Settles a request, which is answered by a message of its own, and renews the credit. */
void rpc_accept(struct peer_link *l, const struct amqp_delivery *d);
void rpc_detached(struct peer_link *l);

struct rpc_answer {
    struct slice correlation_id; /* an encoded value: the request's message-id */
    int32_t code;
    const char *description;
    const char *condition; /* NULL: none */
    struct slice body;     /* an encoded AMQP value; empty: null */
};

/* To the client of `request_link`'s session and node. */
void rpc_answer(struct peer_link *request_link, const struct rpc_answer *a);

/* The message-id of a request as it was encoded, or SLICE_NONE. */
struct slice rpc_message_id(const struct amqp_message *m);

/* A string application property, or SLICE_NONE. */
struct slice rpc_property(const struct amqp_message *m, const char *name);

void rpc_free_replies(struct peer *p);

#endif
