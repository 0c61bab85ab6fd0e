/* c2d.c - everybody who has to do with messages to devices. */
#include "c2d.h"

char c2d_devices[C2D_DEVICES][WORLD_NAME_MAX + 1];

enum { REJECT_PERCENT = 5, GIVE_BACK_PERCENT = 12, UNWANTED_EVERY = 16 };

enum c2d_verdict c2d_verdict(unsigned number)
{
    if (number % UNWANTED_EVERY == UNWANTED_EVERY - 1) return C2D_GIVES_BACK;
    if (world_chance(REJECT_PERCENT)) return C2D_REJECTS;
    return world_chance(GIVE_BACK_PERCENT) ? C2D_GIVES_BACK : C2D_COMPLETES;
}

void c2d_world_init(struct c2d_world *w, struct sim_hub *hub, unsigned goal)
{
    w->model = (struct model_c2d){0};
    for (unsigned i = 0; i < C2D_DEVICES; i++) world_name(c2d_devices[i], "c2d", i);
    for (unsigned i = 0; i < 2; i++) {
        c2d_mqtt_init(&w->mqtt[i], &w->model, hub, c2d_devices[i]);
        c2d_amqp_init(&w->amqp[i], &w->model, hub, c2d_devices[2 + i]);
    }
    c2d_http_init(&w->http, &w->model, hub, c2d_devices[4]);
    c2d_service_init(&w->service, &w->model, hub, goal);
}

void c2d_world_start(struct c2d_world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        client_start(&w->mqtt[i].peer.client);
        client_start(&w->amqp[i].peer.client);
    }
    client_start(&w->http.peer.client);
    client_start(&w->service.peer.client);
}

bool c2d_world_done(const struct c2d_world *w)
{
    return w->model.count >= w->service.goal && model_c2d_over(&w->model);
}

void c2d_world_fini(struct c2d_world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        mqtt_peer_fini(&w->mqtt[i].peer);
        amqp_peer_fini(&w->amqp[i].peer);
    }
    http_peer_fini(&w->http.peer);
    amqp_peer_fini(&w->service.peer);
}
