/* device.c - the client side of the simulated world. */
#include "device.h"

#include <stdio.h>

static const struct device_net *net;

static void connect_now(void *ctx, uint64_t unused);

static void flush(struct device *d)
{
    struct buf *out = &d->sender.out;
    if (d->link && buf_size(out)) link_send(d->link, buf_slice(out));
    buf_clear(out);
}

static void come_back_later(struct device *d)
{
    d->link = NULL;
    world_at(world.now_us + 1000 + (int64_t)world_random(100000), connect_now, d, 0);
}

static void ended(void *ctx)
{
    struct device *d = ctx;
    sender_lost(&d->sender);
    come_back_later(d);
}

static void hang_up(struct device *d)
{
    link_close(d->link);
    ended(d);
}

static void received(void *ctx, struct slice bytes)
{
    struct device *d = ctx;
    enum err e = sender_feed(&d->sender, bytes, world.now_us);
    assert(e == OK);
    flush(d);
}

/* Now and then a device drops its connection, with or without the network's help. */
static void misbehave(void *ctx, uint64_t connect)
{
    struct device *d = ctx;
    if (d->link == NULL || d->sender.connects != connect || sender_done(&d->sender)) return;
    if (world_chance(50))
        link_cut(d->link);
    else
        hang_up(d);
}

/* ---- connecting */

static void connect_now(void *ctx, uint64_t unused)
{
    static const struct link_client client = {received, ended};
    struct device *d = ctx;
    struct buf user_name = {0}, token = {0};
    (void)unused;
    d->link = net->dial(d, &client);
    if (d->link == NULL) {
        come_back_later(d);
        return;
    }
    net->credential(d, &user_name, &token);
    sender_connect(&d->sender, buf_slice(&user_name), buf_slice(&token),
                   1 + (unsigned)world_random(DEVICE_WINDOW_MAX), world.now_us);
    flush(d);
    buf_free(&user_name);
    buf_free(&token);
    if (world_chance(60))
        world_at(world.now_us + (int64_t)world_random(500000), misbehave, d, d->sender.connects);
}

void device_init(struct device *d, struct ledger *l, unsigned index, uint64_t goal,
                 const struct device_net *how)
{
    net = how;
    *d = (struct device){0};
    snprintf(l->accounts[index].id, sizeof l->accounts[index].id, "sim-%03u", index);
    sender_init(&d->sender, l, index);
    d->sender.goal = goal;
    d->sender.padding_max = 300;
    d->sender.padding_large_max = 60000;
}

void device_start(struct device *d)
{
    come_back_later(d);
}

void device_fini(struct device *d)
{
    if (d->link) link_close(d->link);
    sender_fini(&d->sender);
}
