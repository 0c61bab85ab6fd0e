/* takeover.h - pairs of clients that are one and the same device, over MQTT (takeover_mqtt.c) or one of them over
 * AMQP (takeover_amqp.c): each that connects takes over from the other, who is closed, and what he asks or sends
 * from then on is neither answered nor stored.  What they send is in the log connection by connection, see
 * model_runs.h.
 */
#ifndef SIM_TAKEOVER_H
#define SIM_TAKEOVER_H

#include "amqp_peer.h"
#include "model_runs.h"
#include "mqtt_peer.h"

enum { TAKEOVER_PAIRS = 2 };

extern char takeover_devices[TAKEOVER_PAIRS][WORLD_NAME_MAX + 1]; /* of the newest world */

struct takeover_pair;
struct takeover_half;

struct takeover_wire {
    void (*send)(struct takeover_half *h, unsigned number); /* that message */
};

struct takeover_half {
    const struct takeover_wire *wire;
    struct takeover_pair *pair;
    struct client *client;
    bool connected;
    int64_t connected_us; /* when the hub said yes */
    int64_t taken_us;     /* when the other one was told that it has the session; INT64_MAX: not */
    unsigned run;         /* of this connection */
    struct buf sent;      /* struct takeover_sent, the oldest first */
};

/* A message that is not acknowledged; its packet or delivery id. */
struct takeover_sent {
    uint32_t id;
    unsigned number;
};

struct takeover_pair {
    char *id;
    struct takeover_half *halves[2];
    unsigned takeovers, goal;
    struct model_runs runs;
};

void takeover_half_init(struct takeover_half *h, const struct takeover_wire *wire,
                        struct takeover_pair *pair, struct client *client);
void takeover_half_fini(struct takeover_half *h);

/* What its wire says; takeover_sent() of what it was to send. */
void takeover_connected(struct takeover_half *h);
void takeover_sent(struct takeover_half *h, uint32_t id, unsigned number);
bool takeover_acknowledged(struct takeover_half *h, uint32_t id); /* false: it is not the oldest */
void takeover_lost(struct takeover_half *h);

struct takeover_mqtt {
    struct takeover_half half;
    struct mqtt_peer peer;
    bool waits;
    unsigned rid;
    int64_t asked_us; /* the question that waits */
};

struct takeover_amqp {
    struct takeover_half half;
    struct amqp_peer peer;
    struct amqp_link *link; /* NULL: not attached */
};

void takeover_mqtt_init(struct takeover_mqtt *m, struct takeover_pair *pair, struct sim_hub *hub);
void takeover_amqp_init(struct takeover_amqp *a, struct takeover_pair *pair, struct sim_hub *hub);

/* ---- all of them */

struct takeover_world {
    struct takeover_pair pairs[TAKEOVER_PAIRS];
    struct takeover_mqtt mqtt[2 * TAKEOVER_PAIRS - 1];
    struct takeover_amqp amqp;
};

void takeover_world_init(struct takeover_world *w, struct sim_hub *hub, unsigned goal);
void takeover_world_start(struct takeover_world *w);
bool takeover_world_done(const struct takeover_world *w);
void takeover_world_fini(struct takeover_world *w);

/* The log is read from its beginning; each of its messages, false: somebody else's; the end of it. */
void takeover_world_read(struct takeover_world *w);
bool takeover_world_stored(struct takeover_world *w, struct slice sender, struct slice body);
void takeover_world_read_all(const struct takeover_world *w);

#endif
