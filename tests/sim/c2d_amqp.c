/* c2d_amqp.c - a device that receives over AMQP and settles second: the hub confirms what it says. */
#include <stdio.h>

#include "c2d.h"

enum { CREDIT = 20, HOLD_US_MAX = 20000 };

static struct c2d_amqp *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct c2d_amqp, peer);
}

static void ready(struct amqp_peer *p)
{
    struct c2d_amqp *d = of(p);
    char address[80];
    snprintf(address, sizeof address, "/devices/%s/messages/devicebound", d->id);
    d->link = amqp_peer_receiver(p, "in", address, CREDIT);
    d->held_count = 0;
}

/* ---- deliveries */

static enum amqp_outcome outcome_of(enum c2d_verdict v)
{
    static const enum amqp_outcome outcomes[] = {[C2D_COMPLETES] = AMQP_ACCEPTED,
                                                 [C2D_REJECTS] = AMQP_REJECTED,
                                                 [C2D_GIVES_BACK] = AMQP_RELEASED};
    return outcomes[v];
}

static void settle(struct c2d_amqp *d, const struct c2d_held *h, bool sure)
{
    switch (h->verdict) {
    case C2D_COMPLETES: model_c2d_settled(d->model, h->number, END_SUCCESS, sure); break;
    case C2D_REJECTS: model_c2d_settled(d->model, h->number, END_REJECTED, sure); break;
    case C2D_GIVES_BACK: model_c2d_given_back(d->model, h->number, sure); break;
    }
}

static void on_delivery(struct c2d_amqp *d, const struct amqp_delivery *in)
{
    struct amqp_message m;
    struct c2d_held h = {.delivery = in->id};
    if (amqp_message_parse(in->payload, &m) != OK) {
        world_violated("%s: no AMQP message: %s", d->id, fail_text());
        return;
    }
    struct slice id = amqp_text(&m.properties[AMQP_MESSAGE_ID]);
    struct c2d_receipt how = {.device = d->id,
                              .since_us = d->peer.client.since_us,
                              .lock_us = C2D_SESSION_LOCK_US,
                              .life = d->peer.client.life};
    model_c2d_delivered(d->model, &how, id, m.data);
    if (!model_c2d_number(id, &h.number)) return;
    h.verdict = c2d_verdict(h.number);
    settle(d, &h, false);
    assert(d->held_count < C2D_HELD_MAX);
    d->held[d->held_count++] = h;
    amqp_peer_dispose(&d->peer, in->id, false, outcome_of(h.verdict));
    amqp_send_flow(d->link, CREDIT, false);
}

static void confirm(struct c2d_amqp *d, const struct amqp_disposition *said)
{
    for (unsigned i = 0; i < d->held_count;) {
        struct c2d_held h = d->held[i];
        if (h.delivery - said->first > said->last - said->first) {
            i++;
            continue;
        }
        d->held[i] = d->held[--d->held_count];
        if (said->outcome == outcome_of(h.verdict) && said->error.condition.len == 0)
            settle(d, &h, true);
        amqp_peer_dispose(&d->peer, h.delivery, true, said->outcome);
    }
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct c2d_amqp *d = ctx;
    if (d->peer.client.connects == connect) client_hang_up(&d->peer.client);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct c2d_amqp *d = of(p);
    if (ev->kind == AMQP_ON_DELIVERY) on_delivery(d, &ev->delivery);
    if (ev->kind == AMQP_ON_DISPOSITION) confirm(d, &ev->disposition);
    if (ev->kind == AMQP_ON_DETACH) world_at(world.now_us, hang_up, d, p->client.connects);
}

static void lost(struct amqp_peer *p)
{
    of(p)->link = NULL;
    model_c2d_released(of(p)->model, of(p)->id);
}

void c2d_amqp_init(struct c2d_amqp *d, struct model_c2d *m, struct sim_hub *hub, const char *id)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    *d = (struct c2d_amqp){.model = m};
    snprintf(d->id, sizeof d->id, "%s", id);
    amqp_peer_init_device(&d->peer, &actor, hub, id);
}
