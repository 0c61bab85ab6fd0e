/* cast.c - everybody, and their identities. */
#include "cast.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/registry/registry.h"

enum { CROWD_MESSAGES_MIN = 2, CROWD_MESSAGES_MAX = 8, ARRIVE_US_MAX = 8000000 };

#define OPERATOR_PATIENCE_US (10 * 1000000ll)

/* ---- the operator */

struct operation {
    struct registry_wait wait;
    bool done;
};

static void operated(struct registry_wait *w, const struct registry_answer *a)
{
    struct operation *o = CONTAINER_OF(w, struct operation, wait);
    if (a->status != STATUS_OK) world_violated("an identity: %s", status_name(a->status));
    o->done = true;
}

static void wait_for(struct sim_hub *h, const struct operation *o)
{
    while (!o->done)
        if (!world_step(h->all, h->all_count, world.now_us + OPERATOR_PATIENCE_US)) abort();
}

static struct registry *enter(const struct sim_hub *h)
{
    lane_running = h->wire.cores[0].lane;
    return h->wire.cores[0].registry;
}

static void create_identity(struct sim_hub *h, const char *id)
{
    struct operation o = {.wait = {.fn = operated}};
    char json[LEDGER_ID_MAX + 32];
    snprintf(json, sizeof json, "{\"deviceId\":\"%s\"}", id);
    registry_put(enter(h), slice_str(id), SLICE_NONE, slice_str(json), &o.wait);
    wait_for(h, &o);
}

static void delete_identity(struct sim_hub *h, const char *id)
{
    struct operation o = {.wait = {.fn = operated}};
    registry_delete(enter(h), slice_str(id), slice_str("*"), &o.wait);
    wait_for(h, &o);
}

static void each_identity(struct cast *c, void (*fn)(struct sim_hub *h, const char *id))
{
    for (unsigned i = 0; i < c->ledger.count; i++) fn(c->hub, c->ledger.accounts[i].id);
    for (unsigned i = 0; i < TWINS; i++) fn(c->hub, c->twins.twins[i].id);
    for (unsigned i = 0; i < C2D_DEVICES; i++) fn(c->hub, c2d_devices[i]);
    for (unsigned i = 0; i < METHOD_DEVICES; i++) fn(c->hub, method_devices[i]);
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) fn(c->hub, takeover_devices[i]);
}

void cast_create(struct cast *c)
{
    each_identity(c, create_identity);
}

void cast_delete(struct cast *c)
{
    each_identity(c, delete_identity);
}

/* ---- life */

struct cast_goals cast_few(bool brief)
{
    return (struct cast_goals){.devices = brief ? 4 : 9,
                               .devices_amqp = 2,
                               .devices_http = 2,
                               .messages = brief ? 40 : 600,
                               .twin_writes = brief ? 3 : 25,
                               .c2d_messages = brief ? 20 : 100,
                               .method_answers = brief ? 8 : 15,
                               .takeovers = brief ? 6 : 30,
                               .arrive_us_max = 100000};
}

unsigned cast_senders(const struct cast_goals *g)
{
    return g->devices + g->devices_amqp + g->devices_http;
}

void cast_crowd(struct cast_goals *g, unsigned devices)
{
    g->devices_amqp = g->devices_http = devices / 4;
    g->devices = devices - g->devices_amqp - g->devices_http;
    g->messages = CROWD_MESSAGES_MIN + world_random(CROWD_MESSAGES_MAX - CROWD_MESSAGES_MIN + 1);
    g->arrive_us_max = 1 + (int64_t)world_random(ARRIVE_US_MAX);
    g->go_percent = (unsigned)world_random(101);
}

static void init_senders(struct cast *c)
{
    const struct cast_goals *g = &c->goals;
    unsigned account = 0;
    c->devices = mem_zero(g->devices * sizeof *c->devices);
    c->devices_amqp = mem_zero(g->devices_amqp * sizeof *c->devices_amqp);
    c->devices_http = mem_zero(g->devices_http * sizeof *c->devices_http);
    ledger_init(&c->ledger, cast_senders(g));
    for (unsigned i = 0; i < g->devices; i++)
        device_init(&c->devices[i], &c->ledger, account++, g->messages, c->hub);
    for (unsigned i = 0; i < g->devices_amqp; i++)
        device_amqp_init(&c->devices_amqp[i], &c->ledger, account++, g->messages,
                         g->disk_fills ? 1 : DEVICE_WINDOW_MAX, c->hub);
    for (unsigned i = 0; i < g->devices_http; i++)
        device_http_init(&c->devices_http[i], &c->ledger, account++, g->messages, c->hub);
}

void cast_init(struct cast *c, struct sim_hub *hub, const struct cast_goals *goals)
{
    world.casts++;
    c->hub = hub;
    c->goals = *goals;
    init_senders(c);
    twin_world_init(&c->twins, hub, goals->twin_writes);
    c2d_world_init(&c->c2d, hub, goals->c2d_messages);
    method_world_init(&c->methods, hub, goals->method_answers);
    takeover_world_init(&c->takeover, hub, goals->takeovers);
    reader_world_init(&c->readers, hub);
}

static void start_sender(const struct cast *c, struct client *sender)
{
    sender->goes = world_chance(c->goals.go_percent);
    client_start_within(sender, c->goals.arrive_us_max);
}

void cast_start(struct cast *c)
{
    for (unsigned i = 0; i < c->goals.devices; i++) start_sender(c, &c->devices[i].client);
    for (unsigned i = 0; i < c->goals.devices_amqp; i++)
        start_sender(c, &c->devices_amqp[i].peer.client);
    for (unsigned i = 0; i < c->goals.devices_http; i++)
        start_sender(c, &c->devices_http[i].peer.client);
    twin_world_start(&c->twins);
    c2d_world_start(&c->c2d);
    method_world_start(&c->methods);
    takeover_world_start(&c->takeover);
    reader_world_start(&c->readers);
}

bool cast_done(const struct cast *c)
{
    for (unsigned i = 0; i < c->ledger.count; i++)
        if (c->ledger.accounts[i].acked < c->goals.messages) return false;
    return twin_world_done(&c->twins) && c2d_world_done(&c->c2d) &&
           method_world_done(&c->methods) && takeover_world_done(&c->takeover);
}

void cast_fini(struct cast *c)
{
    for (unsigned i = 0; i < c->goals.devices; i++) device_fini(&c->devices[i]);
    for (unsigned i = 0; i < c->goals.devices_amqp; i++) amqp_peer_fini(&c->devices_amqp[i].peer);
    for (unsigned i = 0; i < c->goals.devices_http; i++) http_peer_fini(&c->devices_http[i].peer);
    twin_world_fini(&c->twins);
    c2d_world_fini(&c->c2d);
    method_world_fini(&c->methods);
    takeover_world_fini(&c->takeover);
    reader_world_fini(&c->readers);
    free(c->devices);
    free(c->devices_amqp);
    free(c->devices_http);
    ledger_fini(&c->ledger);
}
