/* method.h - direct methods: services that call them over HTTPS (method_caller.c), and devices that answer
 * over MQTT (method_mqtt.c) and AMQP (method_amqp.c): late, twice, not at all, or to calls that nobody made.
 */
#ifndef SIM_METHOD_H
#define SIM_METHOD_H

#include "amqp_peer.h"
#include "http_peer.h"
#include "model_method.h"
#include "mqtt_peer.h"

enum { METHOD_MQTT = 2, METHOD_AMQP = 1, METHOD_DEVICES = METHOD_MQTT + METHOD_AMQP };
enum { METHOD_CALLERS = 3, METHOD_WAITING = 256 };

extern char method_devices[METHOD_DEVICES][WORLD_NAME_MAX + 1]; /* of the newest world */

struct method_mqtt {
    struct mqtt_peer peer;
    struct model_method *model;
    uint64_t rids[METHOD_WAITING]; /* of calls that are answered later, by number */
};

struct method_amqp {
    struct amqp_peer peer;
    struct model_method *model;
    char id[WORLD_NAME_MAX + 1];
    struct amqp_link *in, *out;      /* NULL: not attached */
    uint8_t ids[METHOD_WAITING][16]; /* of calls that are answered later, by number */
};

struct method_caller {
    struct http_peer peer;
    struct model_method *model;
    unsigned number;        /* of the call that waits */
    unsigned answers, goal; /* of devices */
};

void method_mqtt_init(struct method_mqtt *d, struct model_method *m, struct sim_hub *hub,
                      const char *id);
void method_amqp_init(struct method_amqp *d, struct model_method *m, struct sim_hub *hub,
                      const char *id);
void method_caller_init(struct method_caller *c, struct model_method *m, struct sim_hub *hub,
                        unsigned goal);

struct method_world {
    struct model_method model;
    struct method_mqtt mqtt[METHOD_MQTT];
    struct method_amqp amqp[METHOD_AMQP];
    struct method_caller callers[METHOD_CALLERS];
};

void method_world_init(struct method_world *w, struct sim_hub *hub, unsigned goal);
void method_world_start(struct method_world *w);
bool method_world_done(const struct method_world *w);
void method_world_fini(struct method_world *w);

#endif
