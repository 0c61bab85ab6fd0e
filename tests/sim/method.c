/* method.c - everybody who has to do with direct methods. */
#include "method.h"

char method_devices[METHOD_DEVICES][WORLD_NAME_MAX + 1];

void method_world_init(struct method_world *w, struct sim_hub *hub, unsigned goal)
{
    model_method_init(&w->model);
    for (unsigned i = 0; i < METHOD_DEVICES; i++) world_name(method_devices[i], "method", i);
    for (unsigned i = 0; i < METHOD_MQTT; i++)
        method_mqtt_init(&w->mqtt[i], &w->model, hub, method_devices[i]);
    for (unsigned i = 0; i < METHOD_AMQP; i++)
        method_amqp_init(&w->amqp[i], &w->model, hub, method_devices[METHOD_MQTT + i]);
    for (unsigned i = 0; i < METHOD_CALLERS; i++)
        method_caller_init(&w->callers[i], &w->model, hub, goal);
}

void method_world_start(struct method_world *w)
{
    for (unsigned i = 0; i < METHOD_MQTT; i++) client_start(&w->mqtt[i].peer.client);
    for (unsigned i = 0; i < METHOD_AMQP; i++) client_start(&w->amqp[i].peer.client);
    for (unsigned i = 0; i < METHOD_CALLERS; i++) client_start(&w->callers[i].peer.client);
}

bool method_world_done(const struct method_world *w)
{
    for (unsigned i = 0; i < METHOD_CALLERS; i++)
        if (w->callers[i].answers < w->callers[i].goal) return false;
    return true;
}

void method_world_fini(struct method_world *w)
{
    for (unsigned i = 0; i < METHOD_MQTT; i++) mqtt_peer_fini(&w->mqtt[i].peer);
    for (unsigned i = 0; i < METHOD_AMQP; i++) amqp_peer_fini(&w->amqp[i].peer);
    for (unsigned i = 0; i < METHOD_CALLERS; i++) http_peer_fini(&w->callers[i].peer);
    model_method_fini(&w->model);
}
