/* client.c - connections that come and go. */
#include "client.h"

enum {
    AWAY_US_MAX = 100000,
    TROUBLE_PERCENT = 40,
    TROUBLE_US_MAX = 1500000,
    DEAF_PERCENT = 10,
    DEAF_US_MAX = 3000000,
};

static void connect_now(void *ctx, uint64_t unused);

static void come_back_later(struct client *c)
{
    c->link = NULL;
    if (c->rests) return;
    world_at(world.now_us + 1000 + (int64_t)world_random(AWAY_US_MAX), connect_now, c, 0);
}

static void ended(void *ctx)
{
    struct client *c = ctx;
    buf_clear(&c->out);
    c->link = NULL;
    c->actor->down(c);
    come_back_later(c);
}

static void received(void *ctx, struct slice bytes)
{
    struct client *c = ctx;
    c->actor->received(c, bytes);
    client_flush(c);
}

void client_flush(struct client *c)
{
    if (c->link && buf_size(&c->out)) link_send(c->link, buf_slice(&c->out));
    buf_clear(&c->out);
}

void client_hang_up(struct client *c)
{
    if (c->link == NULL) return;
    link_close(c->link);
    ended(c);
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

static void connect_now(void *ctx, uint64_t unused)
{
    static const struct link_client client = {received, ended};
    struct client *c = ctx;
    (void)unused;
    c->link = sim_hub_dial(c->hub, c->protocol, &client, c);
    if (c->link == NULL) {
        come_back_later(c);
        return;
    }
    c->connects++;
    c->since_us = world.now_us;
    c->actor->up(c);
    client_flush(c);
    if (world_chance(c->trouble))
        world_at(world.now_us + (int64_t)world_random(TROUBLE_US_MAX), make_trouble, c,
                 c->connects);
    if (c->trouble && world_chance(DEAF_PERCENT))
        link_deaf(c->link, world.now_us + (int64_t)world_random(DEAF_US_MAX));
}

void client_init(struct client *c, const struct client_actor *actor, struct sim_hub *hub,
                 enum wire_protocol protocol)
{
    *c = (struct client){
        .actor = actor, .hub = hub, .protocol = protocol, .trouble = TROUBLE_PERCENT};
}

void client_start(struct client *c)
{
    come_back_later(c);
}

void client_fini(struct client *c)
{
    if (c->link) link_close(c->link);
    buf_free(&c->out);
}
