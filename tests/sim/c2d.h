/* c2d.h - messages from the cloud to devices: a service over AMQP (c2d_service.c) that sends and reads
 * feedback, devices that receive over MQTT, AMQP and HTTPS (c2d_mqtt.c, c2d_amqp.c, c2d_http.c).  All of
 * them tell the one model.
 */
#ifndef SIM_C2D_H
#define SIM_C2D_H

#include "amqp_peer.h"
#include "http_peer.h"
#include "model_c2d.h"
#include "mqtt_peer.h"

enum { C2D_DEVICES = 5, C2D_HELD_MAX = 64 };

extern char c2d_devices[C2D_DEVICES][WORLD_NAME_MAX + 1]; /* of the newest world */

/* The hub locks what it sends in a session for a minute; it was sent some time before it came. */
#define C2D_SESSION_LOCK_US (50 * 1000000ll)

/* What a device does with a message.  Some it gives back whenever they come, until they are dead. */
enum c2d_verdict { C2D_COMPLETES, C2D_REJECTS, C2D_GIVES_BACK };
enum c2d_verdict c2d_verdict(unsigned number);

/* ---- devices */

struct c2d_mqtt {
    struct mqtt_peer peer;
    struct model_c2d *model;
};

/* A delivery whose disposition the hub has not confirmed. */
struct c2d_held {
    uint32_t delivery;
    unsigned number;
    enum c2d_verdict verdict;
};

struct c2d_amqp {
    struct amqp_peer peer;
    struct model_c2d *model;
    char id[MQTT_PEER_ID_MAX + 1];
    struct amqp_link *link;
    struct c2d_held held[C2D_HELD_MAX];
    unsigned held_count;
};

struct c2d_http {
    struct http_peer peer;
    struct model_c2d *model;
    char id[MQTT_PEER_ID_MAX + 1];
    char lock[64]; /* of the message in hand; empty: none */
    unsigned number;
    enum c2d_verdict verdict;
    bool settles;               /* what waits is about the message in hand */
    int64_t asked_us, doubt_us; /* when what waits was asked; until when some may be hidden */
};

void c2d_mqtt_init(struct c2d_mqtt *d, struct model_c2d *m, struct sim_hub *hub, const char *id);
void c2d_amqp_init(struct c2d_amqp *d, struct model_c2d *m, struct sim_hub *hub, const char *id);
void c2d_http_init(struct c2d_http *d, struct model_c2d *m, struct sim_hub *hub, const char *id);

/* ---- the service */

struct c2d_sending {
    uint32_t delivery;
    unsigned number;
};

struct c2d_service {
    struct amqp_peer peer;
    struct model_c2d *model;
    unsigned goal; /* messages in all */
    struct amqp_link *sender, *feedback;
    struct c2d_sending sending[C2D_HELD_MAX];
    unsigned sending_count;
};

void c2d_service_init(struct c2d_service *s, struct model_c2d *m, struct sim_hub *hub,
                      unsigned goal);

/* ---- all of them */

struct c2d_world {
    struct model_c2d model;
    struct c2d_mqtt mqtt[2];
    struct c2d_amqp amqp[2];
    struct c2d_http http;
    struct c2d_service service;
};

void c2d_world_init(struct c2d_world *w, struct sim_hub *hub, unsigned goal);
void c2d_world_start(struct c2d_world *w);
bool c2d_world_done(const struct c2d_world *w);
void c2d_world_fini(struct c2d_world *w);

#endif
