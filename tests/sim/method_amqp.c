/* method_amqp.c - a device that is called over AMQP: a call is told by an uuid. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "method.h"

enum { LATER_US_MAX = 150000, SILENT_PERCENT = 3, TWICE_PERCENT = 10, WRONG_PERCENT = 5 };
enum { CREDIT = 50 };

static struct method_amqp *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct method_amqp, peer);
}

static void ready(struct amqp_peer *p)
{
    struct method_amqp *d = of(p);
    char address[80];
    snprintf(address, sizeof address, "/devices/%s/methods/devicebound", d->id);
    d->in = amqp_peer_receiver(p, "calls", address, CREDIT);
    d->out = amqp_peer_sender(p, "answers", address);
}

/* ---- answers */

static void send_answer(struct method_amqp *d, const uint8_t id[16], unsigned status,
                        int64_t result)
{
    char body[32];
    if (d->out == NULL || !amqp_can_send(d->out)) return;
    struct buf *out = amqp_transfer_begin(d->out, &(struct amqp_transfer){0});
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(out);
    amqp_put_uuid(out, id);
    amqp_close(out, list, AMQP_CORRELATION_ID + 1);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "IoThub-status");
    amqp_put_int(out, (int32_t)status);
    amqp_close(out, map, 2);
    snprintf(body, sizeof body, "%" PRId64, result);
    amqp_put_data(out, slice_str(body));
    amqp_transfer_end(d->out);
    client_flush(&d->peer.client);
}

/* `number` and, above it, the connection of the call, as in method_mqtt.c. */
static void answer(void *ctx, uint64_t what)
{
    struct method_amqp *d = ctx;
    unsigned number = (unsigned)(what & 0xffffff);
    uint8_t *id = d->ids[number % METHOD_WAITING];
    if (d->out == NULL) return;
    if (d->peer.client.connects != what >> 24) {
        send_answer(d, id, 299, -1);
        return;
    }
    if (world_chance(WRONG_PERCENT)) {
        uint8_t other[16];
        memcpy(other, id, sizeof other);
        other[0] ^= 0x55;
        send_answer(d, other, 299, -1);
    }
    model_method_answered(d->model, number);
    send_answer(d, id, method_status(number), method_result(number));
    if (world_chance(TWICE_PERCENT)) send_answer(d, id, 299, -1);
}

/* ---- calls */

static void on_call(struct method_amqp *d, const struct amqp_message *m)
{
    const struct amqp_value *id = &m->properties[AMQP_CORRELATION_ID];
    int64_t number = -1;
    if (num_i64(m->data, &number) != OK || id->type != AMQP_UUID || id->bytes.len != 16) {
        world_violated("%s: a call with %.*s", d->id, SLICE_ARG(m->data));
        return;
    }
    if (!model_method_seen(d->model, d->id, number) || world_chance(SILENT_PERCENT)) return;
    memcpy(d->ids[number % METHOD_WAITING], id->bytes.ptr, 16);
    world_at(world.now_us + (int64_t)world_random(LATER_US_MAX), answer, d,
             (uint64_t)number | (uint64_t)d->peer.client.connects << 24);
}

static void on_delivery(struct method_amqp *d, const struct amqp_delivery *in)
{
    struct amqp_message m;
    if (!in->settled) world_violated("%s: a call that may come twice", d->id);
    if (amqp_message_parse(in->payload, &m) != OK)
        world_violated("%s: no AMQP message: %s", d->id, fail_text());
    else
        on_call(d, &m);
    amqp_send_flow(d->in, CREDIT, false);
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct method_amqp *d = ctx;
    if (d->peer.client.connects == connect) client_hang_up(&d->peer.client);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct method_amqp *d = of(p);
    if (ev->kind == AMQP_ON_DELIVERY) on_delivery(d, &ev->delivery);
    if (ev->kind != AMQP_ON_DETACH && ev->kind != AMQP_ON_END && ev->kind != AMQP_ON_CLOSE) return;
    d->in = d->out = NULL;
    world_at(world.now_us, hang_up, d, p->client.connects);
}

static void lost(struct amqp_peer *p)
{
    of(p)->in = of(p)->out = NULL;
}

void method_amqp_init(struct method_amqp *d, struct model_method *m, struct sim_hub *hub,
                      const char *id)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    *d = (struct method_amqp){.model = m};
    snprintf(d->id, sizeof d->id, "%s", id);
    amqp_peer_init_device(&d->peer, &actor, hub, id);
}
