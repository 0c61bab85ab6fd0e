/* device.c - senders over MQTT. */
#include "device.h"

#include <stdio.h>

enum { TROUBLE_PERCENT = 60, TROUBLE_US_MAX = 500000 };

static struct device *of(struct client *c)
{
    return CONTAINER_OF(c, struct device, client);
}

static void hand_over(struct device *d)
{
    buf_put_slice(&d->client.out, buf_slice(&d->sender.out));
    buf_clear(&d->sender.out);
}

static void up(struct client *c)
{
    struct device *d = of(c);
    struct buf user_name = {0}, token = {0};
    const char *id = d->sender.account->id;
    char path[LEDGER_ID_MAX + 32];
    snprintf(path, sizeof path, "devices/%s", id);
    buf_printf(&user_name, "hub.sim/%s/?api-version=2021-04-12", id);
    client_token(c, "device", path, &token);
    sender_connect(&d->sender, buf_slice(&user_name), buf_slice(&token),
                   1 + (unsigned)world_random(DEVICE_WINDOW_MAX), world.now_us);
    hand_over(d);
    buf_free(&user_name);
    buf_free(&token);
    if (sender_done(&d->sender)) c->trouble = 0;
}

static void received(struct client *c, struct slice bytes)
{
    struct device *d = of(c);
    enum err e = sender_feed(&d->sender, bytes, world.now_us);
    if (e != OK) world_violated("%s: %s", d->sender.account->id, fail_text());
    hand_over(d);
    if (sender_done(&d->sender)) client_done(c);
}

static void down(struct client *c)
{
    sender_lost(&of(c)->sender);
}

void device_init(struct device *d, struct ledger *l, unsigned index, uint64_t goal,
                 struct sim_hub *hub)
{
    static const struct client_actor actor = {up, received, down};
    *d = (struct device){0};
    client_init(&d->client, &actor, hub, WIRE_MQTT);
    d->client.trouble = TROUBLE_PERCENT;
    d->client.trouble_us_max = TROUBLE_US_MAX;
    world_name(l->accounts[index].id, "sim", index);
    sender_init(&d->sender, l, index);
    d->sender.goal = goal;
    d->sender.padding_max = 300;
    d->sender.padding_large_max = 60000;
}

void device_fini(struct device *d)
{
    client_fini(&d->client);
    sender_fini(&d->sender);
}
