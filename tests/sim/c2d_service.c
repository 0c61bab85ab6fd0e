/* c2d_service.c - a service that sends messages to devices over AMQP and reads what became of them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "c2d.h"

enum {
    PAUSE_US_MAX = 30000,
    EXPIRY_PERCENT = 15,
    EXPIRY_US_MAX = 3000000,
    FEEDBACK_CREDIT = 4,
    RELEASE_PERCENT = 10,
};

static struct c2d_service *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct c2d_service, peer);
}

/* ---- sending */

static void put_message(struct buf *out, const struct c2d_sent *s, unsigned number)
{
    static const char *const acks[] = {"none", "positive", "negative", "full"};
    char text[80];
    struct buf id = {0}, body = {0};
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    model_c2d_put_id(&id, number);
    amqp_put_string(out, buf_slice(&id));
    amqp_put_null(out); /* user-id */
    snprintf(text, sizeof text, "/devices/%s/messages/devicebound", s->device);
    amqp_put_str(out, text);
    for (int i = AMQP_SUBJECT; i < AMQP_ABSOLUTE_EXPIRY_TIME; i++) amqp_put_null(out);
    if (s->expiry_us)
        amqp_put_timestamp(out, s->expiry_us / 1000);
    else
        amqp_put_null(out);
    amqp_close(out, list, AMQP_ABSOLUTE_EXPIRY_TIME + 1);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "iothub-ack");
    amqp_put_str(out, acks[s->ack]);
    amqp_close(out, map, 2);
    model_c2d_put_body(&body, number);
    amqp_put_data(out, buf_slice(&body));
    buf_free(&id);
    buf_free(&body);
}

static void send_one(struct c2d_service *s)
{
    const char *device = c2d_devices[world_random(C2D_DEVICES)];
    int64_t expiry_us = 0;
    if (world_chance(EXPIRY_PERCENT)) /* whole milliseconds, as AMQP has them */
        expiry_us =
            (world.now_us + world.wall_us + (int64_t)world_random(EXPIRY_US_MAX)) / 1000 * 1000;
    unsigned number = model_c2d_send(s->model, device, (unsigned)world_random(4), expiry_us,
                                     s->peer.client.connects);
    struct buf *out = amqp_transfer_begin(s->sender, &(struct amqp_transfer){0});
    put_message(out, &s->model->messages[number], number);
    s->sending[s->sending_count++] = (struct c2d_sending){amqp_transfer_end(s->sender), number};
    client_flush(&s->peer.client);
}

static void next(void *ctx, uint64_t connect)
{
    struct c2d_service *s = ctx;
    if (s->sender == NULL || s->peer.client.connects != connect || s->model->count >= s->goal)
        return;
    if (amqp_can_send(s->sender) && s->sending_count < C2D_HELD_MAX) send_one(s);
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), next, s, connect);
}

/* Accepted: it is on disk.  Some errors say that it is nowhere, others say nothing. */
static void on_disposition(struct c2d_service *s, const struct amqp_disposition *said)
{
    for (unsigned i = 0; i < s->sending_count;) {
        struct c2d_sending one = s->sending[i];
        if (one.delivery - said->first > said->last - said->first) {
            i++;
            continue;
        }
        for (unsigned k = i + 1; k < s->sending_count; k++) s->sending[k - 1] = s->sending[k];
        s->sending_count--;
        struct c2d_sent *m = &s->model->messages[one.number];
        bool full = slice_is(said->error.condition, AMQP_RESOURCE_LIMIT) ||
                    slice_is(said->error.condition, "com.microsoft:argument-error");
        if (said->outcome == AMQP_ACCEPTED)
            m->fate = C2D_TAKEN, m->taken_us = world.now_us;
        else if (full && (m->fate = C2D_REFUSED) && m->deliveries)
            world_violated("message %u came, and was refused", one.number);
        else if (slice_is(said->error.condition, AMQP_NOT_FOUND))
            world_violated("message %u: %.*s", one.number, SLICE_ARG(said->error.description));
    }
}

/* ---- feedback */

static void on_feedback(struct c2d_service *s, const struct amqp_delivery *in)
{
    struct arena a = {0};
    struct json *records = NULL;
    struct amqp_message m;
    struct c2d_notice how = {in->id, s->peer.client.connects, world_chance(RELEASE_PERCENT)};
    if (amqp_message_parse(in->payload, &m) != OK || json_parse(&a, m.data, &records) != OK) {
        world_violated("feedback that cannot be read: %s", fail_text());
        arena_free(&a);
        return;
    }
    for (const struct json *r = records->child; r; r = r->next)
        model_c2d_told(s->model, &how, json_str(r, "originalMessageId"), json_str(r, "deviceId"),
                       json_str(r, "statusCode"));
    arena_free(&a);
    amqp_peer_dispose(&s->peer, in->id, world_chance(50),
                      how.gives_back ? AMQP_RELEASED : AMQP_ACCEPTED);
    amqp_send_flow(s->feedback, FEEDBACK_CREDIT, false);
}

/* The hub did what was said of those that were not settled yet. */
static void on_confirmed(struct c2d_service *s, const struct amqp_disposition *said)
{
    if (said->outcome == AMQP_ACCEPTED)
        model_c2d_heard(s->model, s->peer.client.connects, said->first, said->last);
    for (uint32_t id = said->first; id - said->first <= said->last - said->first; id++)
        amqp_peer_dispose(&s->peer, id, true, said->outcome);
}

/* ---- links */

static void ready(struct amqp_peer *p)
{
    struct c2d_service *s = of(p);
    s->sender = amqp_peer_sender(p, "out", "/messages/devicebound");
    s->feedback = amqp_peer_receiver(p, "back", "/messages/servicebound/feedback", FEEDBACK_CREDIT);
    s->sending_count = 0;
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), next, s, p->client.connects);
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct c2d_service *s = ctx;
    if (s->peer.client.connects == connect) client_hang_up(&s->peer.client);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct c2d_service *s = of(p);
    if (ev->kind == AMQP_ON_DELIVERY) on_feedback(s, &ev->delivery);
    if (ev->kind == AMQP_ON_DISPOSITION && ev->disposition.from_receiver)
        on_disposition(s, &ev->disposition);
    if (ev->kind == AMQP_ON_DISPOSITION && !ev->disposition.from_receiver)
        on_confirmed(s, &ev->disposition);
    if (ev->kind == AMQP_ON_DETACH) {
        s->sender = NULL;
        world_at(world.now_us, hang_up, s, p->client.connects);
    }
}

static void lost(struct amqp_peer *p)
{
    of(p)->sender = of(p)->feedback = NULL;
}

void c2d_service_init(struct c2d_service *s, struct model_c2d *m, struct sim_hub *hub,
                      unsigned goal)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    *s = (struct c2d_service){.model = m, .goal = goal};
    amqp_peer_init_service(&s->peer, &actor, hub);
}
