/* amqp_peer.h - an AMQP client on a virtual link: it signs in with SASL PLAIN, opens a session, then its
 * actor attaches links.
 */
#ifndef SIM_AMQP_PEER_H
#define SIM_AMQP_PEER_H

#include "client.h"
#include "proto/amqp/amqp.h"

enum { AMQP_PEER_USER_MAX = 63 };

struct amqp_peer;

struct amqp_actor {
    void (*ready)(struct amqp_peer *p); /* p->session is there */
    void (*heard)(struct amqp_peer *p, const struct amqp_event *ev);
    void (*lost)(struct amqp_peer *p); /* after `ready` */
};

struct amqp_peer {
    struct client client;
    const struct amqp_actor *actor;
    struct amqp amqp; /* alive while the link is */
    struct amqp_session *session;
    char user[AMQP_PEER_USER_MAX + 1], policy[16], path[AMQP_PEER_USER_MAX + 1];
};

/* A service: the policy itself signs in. */
void amqp_peer_init_service(struct amqp_peer *p, const struct amqp_actor *actor,
                            struct sim_hub *hub);
void amqp_peer_init_device(struct amqp_peer *p, const struct amqp_actor *actor, struct sim_hub *hub,
                           const char *id);
void amqp_peer_fini(struct amqp_peer *p);

/* Links with modes as SDKs have them: unsettled; receivers settle second. */
struct amqp_link *amqp_peer_sender(struct amqp_peer *p, const char *name, const char *target);
struct amqp_link *amqp_peer_receiver(struct amqp_peer *p, const char *name, const char *source,
                                     uint32_t credit);

/* A disposition of one delivery that we received. */
void amqp_peer_dispose(struct amqp_peer *p, uint32_t delivery, bool settled,
                       enum amqp_outcome outcome);

#endif
