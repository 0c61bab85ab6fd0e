/* device.c - the client side of the simulated world. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

static const struct device_net *net;

static void connect_now(void *ctx, uint64_t unused);

static void flush(struct device *d)
{
    if (d->link && buf_size(&d->out)) link_send(d->link, buf_slice(&d->out));
    buf_clear(&d->out);
}

static void come_back_later(struct device *d)
{
    d->phase = DEVICE_AWAY;
    d->link = NULL;
    world_at(world.now_us + 1000 + (int64_t)world_random(100000), connect_now, d, 0);
}

/* The connection is over: what is in flight may or may not be stored. */
static void forget_connection(struct device *d)
{
    for (uint64_t n = d->acked; n < d->acked + d->in_flight; n++)
        d->uncertain[n / 8] = (uint8_t)(d->uncertain[n / 8] | 1u << (n % 8));
    d->in_flight = 0;
    mqtt_fini(&d->mqtt);
    buf_clear(&d->out);
    come_back_later(d);
}

static void hang_up(struct device *d)
{
    link_close(d->link);
    forget_connection(d);
}

/* ---- sending */

static void publish(struct device *d, uint64_t n)
{
    char topic[80];
    struct buf body = {0};
    snprintf(topic, sizeof topic, "devices/%s/messages/events/n=%llu", d->id,
             (unsigned long long)n);
    buf_printf(&body, "%u %llu ", d->index, (unsigned long long)n);
    size_t padding = world_random(world_chance(2) ? 60000 : 300);
    for (size_t i = 0; i < padding; i++) buf_put_u8(&body, (uint8_t)('a' + (n + i) % 26));
    uint16_t id = mqtt_packet_id(&d->mqtt);
    struct mqtt_publish p = {.topic = slice_str(topic),
                             .payload = buf_slice(&body),
                             .packet_id = id,
                             .qos = 1,
                             .dup = n < d->sent};
    d->packet_ids[d->in_flight++] = id;
    d->sent = MAX(d->sent, n + 1);
    enum err e = mqtt_send_publish(&d->mqtt, &p);
    assert(e == OK);
    buf_free(&body);
}

static void fill_window(struct device *d)
{
    while (d->phase == DEVICE_CONNECTED && d->in_flight < d->window &&
           d->acked + d->in_flight < d->goal)
        publish(d, d->acked + d->in_flight);
    flush(d);
}

/* ---- hearing */

static void on_puback(struct device *d, uint16_t packet_id)
{
    assert(d->in_flight && d->packet_ids[0] == packet_id); /* acknowledged in order */
    d->acked++;
    d->in_flight--;
    memmove(d->packet_ids, d->packet_ids + 1, d->in_flight * sizeof *d->packet_ids);
}

static void received(void *ctx, struct slice bytes)
{
    struct device *d = ctx;
    struct mqtt_event ev;
    mqtt_feed(&d->mqtt, bytes, world.now_us);
    while (mqtt_next(&d->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_PUBACK) on_puback(d, ev.packet_id);
        if (ev.kind == MQTT_CONNACK && ev.connack.code == MQTT_ACCEPTED)
            d->phase = DEVICE_CONNECTED;
    }
    fill_window(d);
}

static void ended(void *ctx)
{
    forget_connection(ctx);
}

/* Now and then a device drops its connection, with or without the network's help. */
static void misbehave(void *ctx, uint64_t connect)
{
    struct device *d = ctx;
    if (d->phase == DEVICE_AWAY || d->connects != connect || device_done(d)) return;
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
    d->phase = DEVICE_CONNECTING;
    d->connects++;
    d->window = 1 + (unsigned)world_random(DEVICE_WINDOW_MAX);
    mqtt_init(&d->mqtt, &(struct mqtt_config){MQTT_CLIENT, &d->out, 0}, world.now_us);
    net->credential(d, &user_name, &token);
    struct mqtt_connect c = {.client_id = slice_str(d->id),
                             .user_name = buf_slice(&user_name),
                             .password = buf_slice(&token),
                             .keep_alive_s = 60,
                             .has_user_name = true,
                             .has_password = true};
    enum err e = mqtt_send_connect(&d->mqtt, &c);
    assert(e == OK);
    flush(d);
    buf_free(&user_name);
    buf_free(&token);
    if (world_chance(60))
        world_at(world.now_us + (int64_t)world_random(500000), misbehave, d, d->connects);
}

void device_init(struct device *d, unsigned index, uint64_t goal, const struct device_net *how)
{
    net = how;
    *d = (struct device){.index = index, .goal = MIN(goal, (uint64_t)DEVICE_MESSAGES_MAX)};
    snprintf(d->id, sizeof d->id, "sim-%03u", index);
}

void device_start(struct device *d)
{
    come_back_later(d);
}

void device_fini(struct device *d)
{
    if (d->phase != DEVICE_AWAY) {
        link_close(d->link);
        mqtt_fini(&d->mqtt);
    }
    buf_free(&d->out);
}

bool device_done(const struct device *d)
{
    return d->acked == d->goal;
}
