/* twin_amqp.c - a twin's device over AMQP: all of it is in message annotations. */
#include <stdio.h>

#include "base/num.h"
#include "twin.h"

enum { CREDIT = 50 };

/* The correlation-id of the request for changes; others have a number. */
#define CHANGES "changes"

static struct twin_amqp *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct twin_amqp, peer);
}

static struct twin_amqp *of_device(struct twin_device *d)
{
    return CONTAINER_OF(d, struct twin_amqp, device);
}

/* ---- asking */

static void send(struct twin_amqp *a, const char *operation, const char *resource, const char *id,
                 struct slice body)
{
    if (a->out == NULL || !amqp_can_send(a->out)) return; /* the connection is ending */
    struct buf *out = amqp_transfer_begin(a->out, &(struct amqp_transfer){0});
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "operation");
    amqp_put_str(out, operation);
    amqp_put_sym(out, "resource");
    amqp_put_str(out, resource);
    amqp_close(out, map, 4);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(out);
    amqp_put_str(out, id);
    amqp_close(out, list, AMQP_CORRELATION_ID + 1);
    amqp_put_data(out, body);
    amqp_transfer_end(a->out);
    client_flush(&a->peer.client);
}

static void ask(struct twin_device *d, const char *operation, const char *resource,
                struct slice body)
{
    char id[16];
    snprintf(id, sizeof id, "%u", d->waits);
    send(of_device(d), operation, resource, id, body);
}

/* The version is not looked at here. */
static void report(struct twin_device *d, struct slice body, int64_t version)
{
    (void)version;
    ask(d, "PATCH", "/properties/reported", body);
}

static void get(struct twin_device *d)
{
    ask(d, "GET", "", SLICE_LIT(" "));
}

/* Answers come to whoever is attached. */
static void subscribe(struct twin_device *d, bool changes)
{
    if (changes)
        send(of_device(d), "PUT", "/notifications/twin/properties/desired", CHANGES,
             SLICE_LIT(" "));
    else
        twin_device_subscribed(d, false);
}

/* ---- hearing */

static int64_t annotation(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    int64_t number = 0;
    return amqp_map_find(&m->annotations, name, &v) && amqp_integer(&v, &number) ? number : 0;
}

static void on_message(struct twin_amqp *a, const struct amqp_message *m)
{
    struct slice id = amqp_text(&m->properties[AMQP_CORRELATION_ID]);
    int64_t status = annotation(m, "status"), version = annotation(m, "version");
    uint64_t rid = 0;
    if (status == 0)
        twin_device_changed(&a->device, version, m->data);
    else if (slice_is(id, CHANGES))
        twin_device_subscribed(&a->device, status != 204);
    else if (num_u64(id, &rid) != OK)
        world_violated("%s: an answer to %.*s", a->device.twin->id, SLICE_ARG(id));
    else
        twin_device_answered(&a->device, (unsigned)rid, (unsigned)status, version, m->data);
}

static void on_delivery(struct twin_amqp *a, const struct amqp_delivery *in)
{
    struct amqp_message m;
    if (amqp_message_parse(in->payload, &m) != OK)
        world_violated("%s: no AMQP message: %s", a->device.twin->id, fail_text());
    else
        on_message(a, &m);
    if (a->in) amqp_send_flow(a->in, CREDIT, false);
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct twin_amqp *a = ctx;
    if (a->peer.client.connects == connect) client_hang_up(&a->peer.client);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct twin_amqp *a = of(p);
    if (ev->kind == AMQP_ON_DELIVERY) on_delivery(a, &ev->delivery);
    if (ev->kind == AMQP_ON_DETACH || ev->kind == AMQP_ON_END || ev->kind == AMQP_ON_CLOSE) {
        a->in = a->out = NULL;
        world_at(world.now_us, hang_up, a, p->client.connects);
    } else if (!a->device.connected && a->out && amqp_can_send(a->out)) {
        twin_device_connected(&a->device);
    }
}

/* ---- life */

static void ready(struct amqp_peer *p)
{
    struct twin_amqp *a = of(p);
    char address[80];
    snprintf(address, sizeof address, "/devices/%s/twin", a->device.twin->id);
    a->in = amqp_peer_receiver(p, "answers", address, CREDIT);
    a->out = amqp_peer_sender(p, "questions", address);
}

static void lost(struct amqp_peer *p)
{
    of(p)->in = of(p)->out = NULL;
    twin_device_lost(&of(p)->device);
}

void twin_amqp_init(struct twin_amqp *a, struct sim_twin *twin, struct sim_hub *hub, unsigned goal)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    static const struct twin_wire wire = {.report = report, .get = get, .subscribe = subscribe};
    *a = (struct twin_amqp){0};
    twin_device_init(&a->device, twin, goal, &wire, &a->peer.client);
    amqp_peer_init_device(&a->peer, &actor, hub, twin->id);
}
