/* device_amqp.c - a device that sends over AMQP: several transfers under way, some of them batches. */
#include <stdio.h>

#include "base/num.h"
#include "device.h"
#include "promise/payload.h"

enum { BATCH_PERCENT = 25 };

static struct device_amqp *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct device_amqp, peer);
}

/* ---- sending */

/* A batch is data sections that hold whole messages. */
static void put_message(struct buf *out, const struct device_amqp *d, uint64_t number, bool batch)
{
    struct buf body = {0}, message = {0};
    payload_write(&body, d->index, number, (size_t)world_random(DEVICE_PADDING_MAX));
    amqp_put_data(batch ? &message : out, buf_slice(&body));
    if (batch) amqp_put_data(out, buf_slice(&message));
    buf_free(&body);
    buf_free(&message);
}

static void send_one(struct device_amqp *d)
{
    bool batch = world_chance(BATCH_PERCENT);
    unsigned count = batch ? 1 + (unsigned)world_random(DEVICE_BATCH_MAX) : 1;
    count = (unsigned)MIN(count, d->goal - d->sent);
    struct amqp_transfer t = {.format = batch ? AMQP_FORMAT_BATCH : 0};
    struct buf *out = amqp_transfer_begin(d->link, &t);
    for (unsigned i = 0; i < count; i++) put_message(out, d, d->sent + i, batch);
    d->in_flight[d->in_flight_count++] =
        (struct device_transfer){amqp_transfer_end(d->link), count};
    d->sent += count;
    d->account->sent = MAX(d->account->sent, d->sent);
}

static void fill(struct device_amqp *d)
{
    while (d->link && d->in_flight_count < d->window && d->sent < d->goal && amqp_can_send(d->link))
        send_one(d);
}

/* ---- hearing */

static void hang_up(void *ctx, uint64_t connect)
{
    struct device_amqp *d = ctx;
    if (d->peer.client.connects == connect) client_hang_up(&d->peer.client);
}

/* What was refused is sent again on another connection. */
static void give_up(struct device_amqp *d)
{
    d->link = NULL;
    world_at(world.now_us, hang_up, d, d->peer.client.connects);
}

static void on_disposition(struct device_amqp *d, const struct amqp_disposition *said)
{
    while (d->link && d->in_flight_count &&
           d->in_flight[0].delivery - said->first <= said->last - said->first) {
        if (said->outcome != AMQP_ACCEPTED) {
            give_up(d);
            return;
        }
        d->account->acked += d->in_flight[0].messages;
        d->in_flight_count--;
        memmove(d->in_flight, d->in_flight + 1, d->in_flight_count * sizeof *d->in_flight);
    }
    if (d->account->acked >= d->goal) client_done(&d->peer.client);
    for (unsigned i = 0; d->link && i < d->in_flight_count; i++)
        if (d->in_flight[i].delivery - said->first <= said->last - said->first)
            world_violated("%s: delivery %u was settled before %u", d->account->id,
                           d->in_flight[i].delivery, d->in_flight[0].delivery);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct device_amqp *d = of(p);
    if (ev->kind == AMQP_ON_DISPOSITION && ev->disposition.from_receiver)
        on_disposition(d, &ev->disposition);
    if (ev->kind == AMQP_ON_DETACH || ev->kind == AMQP_ON_END || ev->kind == AMQP_ON_CLOSE)
        give_up(d);
    else
        fill(d);
}

static void ready(struct amqp_peer *p)
{
    struct device_amqp *d = of(p);
    char address[LEDGER_ID_MAX + 32];
    snprintf(address, sizeof address, "/devices/%s/messages/events", d->account->id);
    d->in_flight_count = 0;
    d->sent = d->account->acked;
    d->link = amqp_peer_sender(p, "telemetry", address);
}

/* What was not accepted may be stored or not. */
static void lost(struct amqp_peer *p)
{
    struct device_amqp *d = of(p);
    account_unsettled(d->account, d->account->acked, d->sent);
    d->link = NULL;
}

void device_amqp_init(struct device_amqp *d, struct ledger *l, unsigned index, uint64_t goal,
                      unsigned window, struct sim_hub *hub)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    *d = (struct device_amqp){
        .account = &l->accounts[index], .index = index, .goal = goal, .window = window};
    world_name(d->account->id, "amqp", index);
    amqp_peer_init_device(&d->peer, &actor, hub, d->account->id);
}
