/* peer.h - an AMQP connection and the nodes its links lead to.  Private to front/amqp.
 *
 * A node is found by the link's address; its functions are called with the link's state.  A node
 * answers or refuses the attach itself, now or later.
 */
#ifndef FRONT_AMQP_PEER_H
#define FRONT_AMQP_PEER_H

#include "auth/auth.h"
#include "front/amqp/address.h"
#include "front/amqp/amqp.h"
#include "proto/amqp/amqp.h"

struct owners;

struct amqp_service {
    const struct hub *hub;
    struct lane *lane;
    struct consumer_groups *groups;
    struct owners *owners;
    struct amqp_config engine;
    uint32_t readers_max;
};

struct node;

/* A link, known by amqp_link.user. */
struct peer_link {
    struct list node_in_peer;
    struct peer *peer;
    struct amqp_link *link; /* NULL: gone; whoever still waits for something frees the state */
    const struct node *node;
    struct address address;
    char path[ADDRESS_MAX + 1]; /* what the address was, for authorisation and messages */
};

struct peer_token {
    struct list node;
    char *audience; /* the put-token's name */
    char *text;
    int64_t ends_us; /* wall time, grace included */
};

struct peer {
    struct amqp_service *service;
    struct conn *conn;
    struct amqp engine;
    struct timer timer;
    struct list links, tokens;
    unsigned token_count;
    struct list replies; /* struct reply, of rpc.h */
    unsigned reply_count;
    struct policy const *plain; /* SASL PLAIN: the policy logged in with, or NULL */
    int64_t plain_ends_us;
    int64_t no_link_us; /* monotonic: when to close for lack of links; INT64_MAX: there are some */
    bool opened, over;
    char host[HUB_HOST_LEN_MAX + 1]; /* open.hostname: the name the client dialled */
};

/* What a kind of node does.  Functions may be NULL. */
struct node {
    const char *name;
    size_t size;           /* of its link state, which begins with struct peer_link */
    bool sender, receiver; /* sender: we send, the client receives */
    unsigned right;        /* enum auth_right that attaching needs; 0: none */
    void (*attach)(struct peer_link *l, const struct amqp_attach_event *ev);
    void (*flow)(struct peer_link *l);
    void (*delivery)(struct peer_link *l, const struct amqp_delivery *d);
    void (*drained)(struct peer_link *l);  /* the connection takes output again */
    void (*detached)(struct peer_link *l); /* link is NULL; free the state */
};

extern const struct node node_cbs, node_management, node_partition, node_redirect;

/* Marks the connection's output as dirty; whoever calls the engine outside an event does it. */
void peer_touch(struct peer *p);

void peer_refuse(struct peer_link *l, const char *condition, const char *fmt, ...) PRINTF(3, 4);
void peer_detach(struct peer_link *l, const char *condition, const char *fmt, ...) PRINTF(3, 4);

void peer_detach_with(struct peer_link *l, const struct amqp_error *error);

/* ---- tokens (tokens.c) */

/* Keeps a token that is good for anything at all; AUTH_OK or why not. */
enum auth_cause peer_put_token(struct peer *p, struct slice audience, struct slice token);

/* SASL PLAIN: {policy}@sas.root.{hub} with a token, or {policy} with its key. */
bool peer_login_plain(struct peer *p, struct slice response);

/* Does any credential of this connection cover the address with that right now? */
bool peer_may(const struct peer *p, const struct address *a, unsigned right, int64_t wall_us);
int64_t peer_next_expiry(const struct peer *p); /* wall time; INT64_MAX: none */
void peer_drop_expired(struct peer *p, int64_t wall_us);
void peer_free_tokens(struct peer *p);

#endif
