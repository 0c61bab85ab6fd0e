/* twin.c - the twins of the simulated world. */
#include "twin.h"

#include <stdio.h>

void sim_twin_init(struct sim_twin *t, unsigned index)
{
    *t = (struct sim_twin){0};
    world_name(t->id, "twin", index);
    model_init(&t->desired, t->id, "desired");
    model_init(&t->reported, t->id, "reported");
}

void sim_twin_fini(struct sim_twin *t)
{
    model_fini(&t->desired);
    model_fini(&t->reported);
}

void twin_world_init(struct twin_world *w, struct sim_hub *hub, unsigned goal)
{
    enum { EACH = TWINS / TWIN_SERVICES };
    for (unsigned i = 0; i < TWINS; i++) {
        sim_twin_init(&w->twins[i], i);
    }
    for (unsigned i = 0; i < TWINS_MQTT; i++) {
        twin_mqtt_init(&w->mqtt[i], &w->twins[2 * i], hub, goal);
        w->devices[2 * i] = &w->mqtt[i].device;
    }
    for (unsigned i = 0; i < TWINS_AMQP; i++) {
        twin_amqp_init(&w->amqp[i], &w->twins[2 * i + 1], hub, goal);
        w->devices[2 * i + 1] = &w->amqp[i].device;
    }
    for (unsigned i = 0; i < TWIN_SERVICES; i++)
        twin_service_init(&w->services[i], w->twins + i * EACH, EACH, hub, goal * EACH);
}

void twin_world_start(struct twin_world *w)
{
    for (unsigned i = 0; i < TWINS; i++) client_start(w->devices[i]->client);
    for (unsigned i = 0; i < TWIN_SERVICES; i++) client_start(&w->services[i].peer.client);
}

bool twin_world_done(const struct twin_world *w)
{
    for (unsigned i = 0; i < TWIN_SERVICES; i++)
        if (!twin_service_done(&w->services[i])) return false;
    for (unsigned i = 0; i < TWINS; i++)
        if (!twin_device_done(w->devices[i])) return false;
    return true;
}

void twin_world_verify(struct twin_world *w)
{
    for (unsigned i = 0; i < TWINS; i++) {
        w->devices[i]->verified = false;
        w->devices[i]->client->trouble = 0;
    }
    for (unsigned i = 0; i < TWIN_SERVICES; i++) {
        w->services[i].verified = 0;
        w->services[i].peer.client.trouble = 0;
    }
}

bool twin_world_verified(const struct twin_world *w)
{
    for (unsigned i = 0; i < TWINS; i++)
        if (!w->devices[i]->verified) return false;
    for (unsigned i = 0; i < TWIN_SERVICES; i++)
        if (w->services[i].verified != (1u << w->services[i].count) - 1) return false;
    return true;
}

void twin_world_fini(struct twin_world *w)
{
    for (unsigned i = 0; i < TWIN_SERVICES; i++) twin_service_fini(&w->services[i]);
    for (unsigned i = 0; i < TWINS_MQTT; i++) mqtt_peer_fini(&w->mqtt[i].peer);
    for (unsigned i = 0; i < TWINS_AMQP; i++) amqp_peer_fini(&w->amqp[i].peer);
    for (unsigned i = 0; i < TWINS; i++) sim_twin_fini(&w->twins[i]);
}
