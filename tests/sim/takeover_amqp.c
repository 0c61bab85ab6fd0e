/* takeover_amqp.c - one of two who are one device, over AMQP: it sends. */
#include <stdio.h>

#include "takeover.h"

static struct takeover_amqp *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct takeover_amqp, peer);
}

/* What it has no credit for is lost. */
static void send(struct takeover_half *h, unsigned number)
{
    struct takeover_amqp *a = CONTAINER_OF(h, struct takeover_amqp, half);
    struct buf body = {0};
    if (a->link == NULL || !amqp_can_send(a->link)) return;
    model_runs_put_body(&body, number);
    amqp_put_data(amqp_transfer_begin(a->link, &(struct amqp_transfer){0}), buf_slice(&body));
    takeover_sent(h, amqp_transfer_end(a->link), number);
    client_flush(&a->peer.client);
    buf_free(&body);
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct takeover_amqp *a = ctx;
    if (a->peer.client.connects == connect) client_hang_up(&a->peer.client);
}

static void give_up(struct takeover_amqp *a)
{
    a->link = NULL;
    a->half.connected = false;
    world_at(world.now_us, hang_up, a, a->peer.client.connects);
}

/* What was refused is lost, and so may be all that was sent behind it. */
static void on_disposition(struct takeover_amqp *a, const struct amqp_disposition *said)
{
    for (uint32_t id = said->first; a->link && id - said->first <= said->last - said->first; id++) {
        if (said->outcome != AMQP_ACCEPTED)
            give_up(a);
        else if (!takeover_acknowledged(&a->half, id))
            world_violated("%s: delivery %u was settled out of order", a->half.pair->id, id);
    }
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct takeover_amqp *a = of(p);
    if (a->link == NULL) return;
    if (ev->kind == AMQP_ON_DISPOSITION && ev->disposition.from_receiver)
        on_disposition(a, &ev->disposition);
    if (ev->kind == AMQP_ON_DETACH || ev->kind == AMQP_ON_END || ev->kind == AMQP_ON_CLOSE)
        give_up(a);
    else if (!a->half.connected && a->link && amqp_can_send(a->link))
        takeover_connected(&a->half);
}

static void ready(struct amqp_peer *p)
{
    char address[WORLD_NAME_MAX + 32];
    snprintf(address, sizeof address, "/devices/%s/messages/events", of(p)->half.pair->id);
    of(p)->link = amqp_peer_sender(p, "telemetry", address);
}

static void lost(struct amqp_peer *p)
{
    of(p)->link = NULL;
    takeover_lost(&of(p)->half);
}

void takeover_amqp_init(struct takeover_amqp *a, struct takeover_pair *pair, struct sim_hub *hub)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    static const struct takeover_wire wire = {send};
    *a = (struct takeover_amqp){0};
    amqp_peer_init_device(&a->peer, &actor, hub, pair->id);
    takeover_half_init(&a->half, &wire, pair, &a->peer.client);
}
