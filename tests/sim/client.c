/* client.c - connections that come and go. */
#include "client.h"

enum {
    AWAY_US_MAX = 100000,
    LINGER_US_MAX = 50000,
    TROUBLE_PERCENT = 40,
    TROUBLE_US_MAX = 1500000,
    EARLY_PERCENT = 15, /* of those */
    EARLY_US_MAX = 10000,
    DEAF_PERCENT = 10,
    DEAF_US_MAX = 3000000,
    STUFFED_PERCENT = 50,
    TUNNEL_PERCENT = 20,
};

static struct list clients = {&clients, &clients};

static void connect_now(void *ctx, uint64_t unused);

static void come_within(struct client *c, int64_t us)
{
    c->link = NULL;
    if (c->rests) return;
    world_at(world.now_us + 1000 + (int64_t)world_random((uint64_t)us), connect_now, c, 0);
}

static void come_back_later(struct client *c)
{
    come_within(c, AWAY_US_MAX);
}

static void ended(void *ctx)
{
    struct client *c = ctx;
    bool was_up = c->is_up;
    buf_clear(&c->out);
    if (c->tunnelled) tunnel_fini(&c->tunnel);
    c->link = NULL;
    c->is_up = false;
    if (was_up) c->actor->down(c);
    come_back_later(c);
}

static void begin(struct client *c)
{
    c->is_up = true;
    c->actor->up(c);
    client_flush(c);
}

/* The actor may hang up in the middle of it. */
static void received_in_tunnel(struct client *c, struct slice bytes)
{
    struct slice piece;
    unsigned connect = c->connects;
    enum err e;
    tunnel_feed(&c->tunnel, bytes);
    while ((e = tunnel_next(&c->tunnel, &piece)) == OK && c->link && c->connects == connect) {
        if (!c->is_up) begin(c);
        if (piece.len) c->actor->received(c, piece);
        if (c->link == NULL) return;
    }
    if (e == ERR_PROTOCOL) world_violated("the hub breaks WebSocket: %s", fail_text());
    if (e == ERR_AGAIN)
        client_flush(c);
    else
        client_hang_up(c);
}

static void received(void *ctx, struct slice bytes)
{
    struct client *c = ctx;
    if (c->tunnelled) {
        received_in_tunnel(c, bytes);
        return;
    }
    c->actor->received(c, bytes);
    client_flush(c);
}

void client_flush(struct client *c)
{
    if (c->link && c->tunnelled) {
        tunnel_send(&c->tunnel, buf_slice(&c->out));
        link_send_all(c->link, &c->tunnel.out);
    } else if (c->link) {
        link_send_all(c->link, &c->out);
    }
    buf_clear(&c->out);
}

void client_hang_up(struct client *c)
{
    if (c->link == NULL) return;
    link_close(c->link);
    ended(c);
}

static void go(void *ctx, uint64_t connect)
{
    struct client *c = ctx;
    if (c->connects == connect) client_hang_up(c);
}

void client_done(struct client *c)
{
    if (!c->goes || c->rests) return;
    c->rests = true;
    world_at(world.now_us + (int64_t)world_random(LINGER_US_MAX), go, c, c->connects);
}

static void make_trouble(void *ctx, uint64_t connect)
{
    struct client *c = ctx;
    if (c->link == NULL || c->connects != connect || c->trouble == 0) return;
    if (world_chance(50))
        link_cut(c->link);
    else
        client_hang_up(c);
}

/* Some leave before they were let in. */
static void plan_trouble(struct client *c)
{
    uint64_t most = world_chance(EARLY_PERCENT) ? EARLY_US_MAX : (uint64_t)c->trouble_us_max;
    world_at(world.now_us + (int64_t)world_random(most), make_trouble, c, c->connects);
}

static void connect_now(void *ctx, uint64_t unused)
{
    static const struct link_client client = {received, ended};
    struct client *c = ctx;
    (void)unused;
    if (c->rests) return;
    c->tunnelled = c->protocol != WIRE_HTTP && world_chance(TUNNEL_PERCENT);
    c->link = sim_hub_dial(c->hub, c->tunnelled ? WIRE_HTTP : c->protocol, &client, c);
    if (c->link == NULL) {
        come_back_later(c);
        return;
    }
    c->connects++;
    c->since_us = world.now_us;
    c->token_us = 0;
    c->life = c->hub->lives;
    if (c->tunnelled) {
        tunnel_init(&c->tunnel, c->protocol == WIRE_MQTT ? "mqtt" : "amqp");
        client_flush(c);
    } else {
        begin(c);
    }
    if (world_chance(c->trouble)) plan_trouble(c);
    if (c->trouble && world_chance(DEAF_PERCENT))
        link_deaf(c->link, world.now_us + (int64_t)world_random(DEAF_US_MAX));
    if (world_chance(STUFFED_PERCENT)) link_stuff(c->link);
}

void client_init(struct client *c, const struct client_actor *actor, struct sim_hub *hub,
                 enum wire_protocol protocol)
{
    *c = (struct client){.actor = actor,
                         .hub = hub,
                         .protocol = protocol,
                         .trouble = TROUBLE_PERCENT,
                         .trouble_us_max = TROUBLE_US_MAX};
    list_push(&clients, &c->node);
}

void client_start(struct client *c)
{
    come_back_later(c);
}

void client_start_within(struct client *c, int64_t us)
{
    come_within(c, us);
}

void client_token(struct client *c, const char *policy, const char *path, struct buf *out)
{
    c->token_us = world.now_us;
    sim_hub_token(c->hub, policy, path, out);
}

bool client_overtaken(const struct client *c)
{
    return world.forward_us >= c->token_us;
}

void clients_stay(void)
{
    LIST_EACH(node, &clients) CONTAINER_OF(node, struct client, node)->trouble = 0;
}

/* HTTPS asks with a new token each time; who signs in after a step has a token of the new time. */
void clients_note(void)
{
    LIST_EACH(node, &clients)
    {
        struct client *c = CONTAINER_OF(node, struct client, node);
        c->noted = c->link && c->token_us ? c->connects : 0;
    }
}

void clients_must_be_gone(void)
{
    LIST_EACH(node, &clients)
    {
        const struct client *c = CONTAINER_OF(node, struct client, node);
        if (c->noted && c->link && c->connects == c->noted)
            world_violated("a connection of protocol %d outlives its credential", (int)c->protocol);
    }
}

void clients_leave(void)
{
    LIST_EACH(node, &clients)
    {
        struct client *c = CONTAINER_OF(node, struct client, node);
        c->rests = true;
        client_hang_up(c);
    }
}

void client_fini(struct client *c)
{
    list_remove(&c->node);
    if (c->link) link_close(c->link);
    if (c->link && c->tunnelled) tunnel_fini(&c->tunnel);
    buf_free(&c->out);
}
