/* peer.h - an AMQP connection and the nodes its links lead to.  Private to front/amqp.
 *
 * A node is found by the link's address; its functions are called with the link's state.  A node
 * answers or refuses the attach itself, now or later.
 */
#ifndef FRONT_AMQP_PEER_H
#define FRONT_AMQP_PEER_H

#include "auth/auth.h"
#include "base/arena.h"
#include "front/amqp/address.h"
#include "front/amqp/amqp.h"
#include "front/amqp/reader_share.h"
#include "hub/telemetry/telemetry.h"
#include "hub/throttle/throttle.h"
#include "proto/amqp/amqp.h"

struct owners;

struct amqp_service {
    const struct hub *hub;
    struct lane *lane;
    struct amqp_doors doors;
    struct owners *owners;
    struct amqp_config engine;
    uint32_t readers_max;
    struct list idle_readers; /* of reader.c */
    struct timer idle_timer;
    struct reader_share reader_share;
    struct session_desk *desk;
    struct telemetry telemetry;
    struct list full;         /* links of device_events.c that wait for room in the log */
    struct list full_senders; /* ... of event_sender.c */
    struct list stream_links; /* stream_link.c */
    unsigned next_partition;  /* of events without key */
    struct arena scratch;
    struct property space[TELEMETRY_PROPERTIES_MAX];
};

#define AMQP_THROTTLED "com.microsoft:device-container-throttled"

struct node;
struct rpc_ticket;

/* A link, known by amqp_link.user. */
struct peer_link {
    struct list node_in_peer;
    struct peer *peer;
    struct amqp_link *link; /* NULL while it is being given back */
    const struct node *node;
    struct address address;
    char *path;      /* what the address was, for messages */
    size_t kept;     /* bytes that it counts for (amqp_keep) */
    int64_t ends_us; /* wall time at which the right to it has to be looked at again */
};

struct peer {
    struct amqp_service *service;
    struct conn *conn;
    struct amqp engine;
    struct timer timer;
    struct list links;
    struct list tokens; /* tokens.c */
    unsigned token_count;
    struct list tickets;        /* rpc.c */
    struct peer_fault *fault;   /* device_fault.c; NULL: none was asked for */
    struct map devices;         /* struct device by who (device.h) */
    const struct policy *login; /* SASL PLAIN with this policy's key; NULL: none */
    unsigned login_key;         /* which of the two */
    bool plain;                 /* SASL PLAIN, with a key or a token */
    bool opened, had_link, over;
    bool known;           /* it has shown a good credential */
    bool put_off;         /* it is not read until a home has answered */
    unsigned asking;      /* identities whose homes have not */
    int64_t ends_us;      /* wall time: the first link's ends_us, or earlier */
    int64_t linkless_us;  /* monotonic: since when there is no link; counts while there is none */
    char *registering;    /* SASL PLAIN or TPM of a device that registers: its token; NULL: none */
    struct sasl_tpm *tpm; /* sasl_tpm.c; NULL: none */
    char *host;           /* our name as the client knows it; NULL: it did not say */
    unsigned port;        /* ... and the port that it dialled; 0: likewise */
};

/* What a kind of node does.  Functions may be NULL. */
struct node {
    const char *name;
    size_t size;           /* of its link state, which begins with struct peer_link */
    bool sender, receiver; /* sender: we send, the client receives */
    unsigned right;        /* enum auth_right that attaching needs; 0: none, or of an identity */
    bool of_device;        /* its link state begins with struct device_link (device.h) */
    uint32_t feature;      /* ... and what its senders are sent (enum session_feature) */
    void (*attach)(struct peer_link *l, const struct amqp_attach_event *ev);
    void (*ready)(struct peer_link *l); /* of a device: its session is open, answer the attach */
    void (*flow)(struct peer_link *l);  /* credit, drain or room to write changed */
    void (*delivery)(struct peer_link *l, const struct amqp_delivery *d);
    /* The client said something of deliveries in this session.  Those that are this link's it answers where the
     * client waits for that, and appends them to `known`: uint32_t, counted from d->first. */
    void (*disposition)(struct peer_link *l, const struct amqp_disposition *d, struct buf *known);
    /* Of a node that keeps no account and does nothing with what the client says: may some be this link's? */
    bool (*sent)(const struct peer_link *l, const struct amqp_disposition *d);
    bool (*owes)(
        const struct peer_link *l); /* something that came over it is not settled or answered */
    void (*detached)(struct peer_link *l); /* the link is gone: give up what the state holds */
    void (*request)(struct rpc_ticket *t, const struct amqp_message *m); /* of rpc.h */
};

extern const struct node node_cbs, node_management, node_partition;
extern const struct node node_redirect, node_management_redirect;
extern const struct node node_device_events, node_device_c2d, node_device_methods, node_device_twin;
extern const struct node node_service_send, node_service_feedback, node_service_files;
extern const struct node node_provisioning, node_event_sender;

/* Producers that wait for room in the log (event_sender.c). */
void event_senders_relief(struct amqp_service *s);
void idempotent_init(struct amqp_service *s); /* idempotent.c */

/* It has shown a good credential. */
void peer_is_known(struct peer *p);

/* A home has answered, and p->asking is one less: what was put off until then goes on. */
void peer_home_answered(struct peer *p);

/* Something is due earlier than the timer knows. */
void peer_arm(struct peer *p);

/* The engine was told something outside an event, and may have more to say. */
void peer_go_on(struct peer *p);

/* Marks the connection's output as dirty; whoever calls the engine outside an event does it. */
void peer_touch(struct peer *p);

void peer_refuse(struct peer_link *l, const char *condition, const char *fmt, ...) PRINTF(3, 4);
void peer_detach(struct peer_link *l, const char *condition, const char *fmt, ...) PRINTF(3, 4);

void peer_refuse_with(struct peer_link *l, const struct amqp_error *error);
void peer_detach_with(struct peer_link *l, const struct amqp_error *error);

/* Accepts the delivery that came over the link, or rejects it with *no.  One that came settled needs no
 * answer. */
void peer_settle(struct peer_link *l, uint32_t id, bool settled, const struct amqp_error *no);

const char *peer_host(const struct peer *p); /* our name as the client knows it */

/* ---- tokens (tokens.c) */

/* Keeps a token that is good for anything at all.  What it opens is asked when a link attaches.
 * ERR_DENIED: it is not good; ERR_FULL: AMQP_PEER_TOKENS_MAX, or more than the peer may make us keep. */
enum err peer_put_token(struct peer *p, struct slice token) MUST_USE;

/* SASL PLAIN: {policy}@sas.root.{hub} with a token, or {policy} with its key.  Of a device that registers
 * {id scope}/registrations/{id} with a token, which is looked at when a link attaches. */
bool peer_login_plain(struct peer *p, struct slice response);

/* Who logged in with PLAIN, or signed a token as IoT clients do, knows the hub and not what its stream is called. */
bool peer_knows_only_the_hub(const struct peer *p);

/* Keeps the token of a device that registers; false: it is none. */
bool peer_login_to_register(struct peer *p, struct slice token);

void peer_forget_registering(struct peer *p);

/* Answers SASL; it is counted and logged. */
void peer_refuse_login(struct peer *p, struct slice mechanism);

/* Until when any credential of this connection gives that right to the address, wall time;
 * INT64_MIN: none does. */
int64_t peer_may_until(const struct peer *p, const struct address *a, unsigned right);

/* The same question about a token that was not put. */
bool peer_token_opens(const struct peer *p, struct slice token, const struct address *a,
                      unsigned right);

/* Does the token say that it is for that path ("devices/d") of ours?  Its signature is not looked at. */
bool peer_token_covers(const struct peer *p, struct slice token, struct slice path);

/* Which of the two readings of its ids an address means, if there are two: by how SDKs write addresses, the
 * `sr` of the tokens that were put, and the link's name.  Node and Java write /devices/{d} with plain ids, and .NET
 * amqps://HOST/devices/{d} with encoded ones; so does C with plain ones, and is known by a `sr` that is as plain or,
 * where there is no token of the device's own, by its links' names (link-snd-{d}-GUID and so on). */
void peer_read_ids(const struct peer *p, struct address *a, struct slice link_name);

/* The newest token for that path, or SLICE_NONE. */
struct slice peer_token_for(const struct peer *p, struct slice path);

void peer_free_tokens(struct peer *p);

/* ---- devices (device.c) */

/* A new token: sessions that it covers rest on it from now on, if it is good. */
void devices_renew(struct peer *p, struct slice token);

void peer_drop_fault(struct peer *p); /* device_fault.c */

/* Until when the identity of that link may stay, wall time. */
int64_t device_ends_us(const struct peer_link *l);

#endif
