/* takeover.c - who of two is the device. */
#include "takeover.h"

enum {
    SEND_US_MAX = 6000,
    BURST_MAX = 4,
    MESSAGES_MAX = 3000,       /* of both */
    LONG_TURN_US_MAX = 100000, /* when it begins */
    TURN_US_MAX = 100000,
};
#define CLOSED_WITHIN_US (10 * 1000000ll) /* stalls, and a client that reads nothing for a while */

char takeover_devices[TAKEOVER_PAIRS][WORLD_NAME_MAX + 1];

static struct takeover_half *other(const struct takeover_half *h)
{
    return h->pair->halves[h == h->pair->halves[0]];
}

static bool is_done(const struct takeover_pair *p)
{
    return p->takeovers >= p->goal;
}

static bool is_still(const struct takeover_half *h, uint64_t connect)
{
    return h->connected && h->client->connects == connect;
}

/* ---- telemetry */

static void send(void *ctx, uint64_t connect)
{
    struct takeover_half *h = ctx;
    struct model_runs *runs = &h->pair->runs;
    if (!is_still(h, connect) || is_done(h->pair)) return;
    for (uint64_t left = 1 + world_random(BURST_MAX); left > 0; left--)
        if (runs->message_count < MESSAGES_MAX) h->wire->send(h, model_runs_sent(runs, h->run));
    world_at(world.now_us + (int64_t)world_random(SEND_US_MAX), send, h, connect);
}

void takeover_sent(struct takeover_half *h, uint32_t id, unsigned number)
{
    struct takeover_sent sent = {id, number};
    buf_put(&h->sent, &sent, sizeof sent);
}

bool takeover_acknowledged(struct takeover_half *h, uint32_t id)
{
    struct takeover_sent oldest;
    if (buf_size(&h->sent) == 0) return false;
    memcpy(&oldest, buf_slice(&h->sent).ptr, sizeof oldest);
    if (oldest.id != id) return false;
    model_runs_acked(&h->pair->runs, oldest.number);
    buf_consume(&h->sent, sizeof oldest);
    return true;
}

/* ---- connections */

/* Its core is busy with something else, perhaps just when it is to hear of a newer connection. */
static void prolong_turn(void *ctx, uint64_t connect)
{
    const struct takeover_half *h = ctx;
    if (is_still(h, connect))
        link_prolong_turn(h->client->link, (int64_t)world_random(TURN_US_MAX));
}

/* The hub told the other one that it has the session. */
static void must_be_closed(void *ctx, uint64_t connect)
{
    const struct takeover_half *h = ctx;
    if (is_still(h, connect)) world_violated("%s: two connections are one device", h->pair->id);
}

static void take_over(struct takeover_half *old)
{
    old->pair->takeovers++;
    old->taken_us = world.now_us;
    model_runs_taken(&old->pair->runs, old->run);
    world_at(world.now_us + CLOSED_WITHIN_US, must_be_closed, old, old->client->connects);
}

void takeover_connected(struct takeover_half *h)
{
    struct takeover_half *old = other(h);
    unsigned connect = h->client->connects;
    h->connected = true;
    h->connected_us = world.now_us;
    h->run = model_runs_connected(&h->pair->runs, h->client->since_us);
    world_at(world.now_us + (int64_t)world_random(LONG_TURN_US_MAX), prolong_turn, h, connect);
    world_at(world.now_us, send, h, connect);
    /* Else this one may be the older one, which hears of it late. */
    if (old->connected && old->connected_us < h->client->since_us) take_over(old);
}

void takeover_lost(struct takeover_half *h)
{
    h->connected = false;
    h->taken_us = INT64_MAX;
    buf_free(&h->sent);
    if (is_done(h->pair)) h->client->rests = true;
}

/* ---- life */

void takeover_half_init(struct takeover_half *h, const struct takeover_wire *wire,
                        struct takeover_pair *pair, struct client *client)
{
    *h =
        (struct takeover_half){.wire = wire, .pair = pair, .client = client, .taken_us = INT64_MAX};
    pair->halves[pair->halves[0] != NULL] = h;
}

void takeover_half_fini(struct takeover_half *h)
{
    buf_free(&h->sent);
}

void takeover_world_init(struct takeover_world *w, struct sim_hub *hub, unsigned goal)
{
    *w = (struct takeover_world){0};
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) {
        world_name(takeover_devices[i], "takeover", i);
        w->pairs[i] = (struct takeover_pair){.id = takeover_devices[i], .goal = goal};
        w->pairs[i].runs.who = takeover_devices[i];
    }
    takeover_mqtt_init(&w->mqtt[0], &w->pairs[0], hub);
    takeover_mqtt_init(&w->mqtt[1], &w->pairs[0], hub);
    takeover_mqtt_init(&w->mqtt[2], &w->pairs[1], hub);
    takeover_amqp_init(&w->amqp, &w->pairs[1], hub);
}

void takeover_world_start(struct takeover_world *w)
{
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) {
        client_start(w->pairs[i].halves[0]->client);
        client_start(w->pairs[i].halves[1]->client);
    }
}

bool takeover_world_done(const struct takeover_world *w)
{
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++)
        if (!is_done(&w->pairs[i])) return false;
    return true;
}

void takeover_world_fini(struct takeover_world *w)
{
    for (size_t i = 0; i < sizeof w->mqtt / sizeof *w->mqtt; i++) mqtt_peer_fini(&w->mqtt[i].peer);
    amqp_peer_fini(&w->amqp.peer);
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) {
        takeover_half_fini(w->pairs[i].halves[0]);
        takeover_half_fini(w->pairs[i].halves[1]);
        model_runs_fini(&w->pairs[i].runs);
    }
}

/* ---- the log */

void takeover_world_read(struct takeover_world *w)
{
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) model_runs_read(&w->pairs[i].runs);
}

bool takeover_world_stored(struct takeover_world *w, struct slice sender, struct slice body)
{
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) {
        if (!slice_is(sender, w->pairs[i].id)) continue;
        model_runs_stored(&w->pairs[i].runs, body);
        return true;
    }
    return false;
}

void takeover_world_read_all(const struct takeover_world *w)
{
    for (unsigned i = 0; i < TAKEOVER_PAIRS; i++) model_runs_read_all(&w->pairs[i].runs);
}
