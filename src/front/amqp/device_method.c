/* device_method.c - direct methods: calls go out on the device's receiver, answers come on its sender.
 *
 *   correlation-id uuid, "IoThub-methodname"  ─▶  the device
 *   correlation-id uuid or text, "IoThub-status"  ◀─
 *
 * A call is sent settled: it is delivered at most once.  One that comes before the device has given
 * credit (it attached a moment ago, and calls may come at once) waits for that in its link, as long as
 * its caller does.
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "base/text.h"
#include "front/amqp/device.h"

enum { UUID_LEN = 16 };

COUNTER(busy, "azimuth_amqp_methods_busy_total",
        "Direct methods refused because the device gives no credit");

/* A call that waits for credit. */
struct unsent {
    struct list node;
    uint64_t rid;
    struct buf message;
};

struct method_link {
    struct device_link device_link;
    struct list unsent;
    size_t unsent_bytes; /* not more than AMQP_METHOD_UNSENT_MAX before the last one */
};

static struct method_link *of(struct peer_link *l)
{
    return CONTAINER_OF(device_link_of(l), struct method_link, device_link);
}

static struct method_calls *calls_of(struct method_link *l)
{
    return &l->device_link.device->calls;
}

/* ---- a rid as uuid and back */

/* A valid one of version 4: Node answers with text that is none of ours otherwise, and the C SDK takes
 * nothing but an uuid. */
static void put_uuid(struct buf *out, uint64_t rid)
{
    uint8_t uuid[UUID_LEN] = {[6] = 0x40, [8] = 0x80};
    for (unsigned i = 0; i < 4; i++) {
        uuid[i] = (uint8_t)(rid >> (56 - 8 * i));
        uuid[12 + i] = (uint8_t)(rid >> (24 - 8 * i));
    }
    amqp_put_uuid(out, uuid);
}

static uint64_t rid_of_uuid(struct slice uuid)
{
    struct buf again = {0};
    uint64_t rid = 0;
    if (uuid.len != UUID_LEN) return 0;
    for (unsigned i = 0; i < 8; i++) rid = rid << 8 | uuid.ptr[i < 4 ? i : i + 8];
    put_uuid(&again, rid);
    bool ours = slice_ends(buf_slice(&again), uuid);
    buf_free(&again);
    return ours ? rid : 0;
}

static uint64_t rid_of_text(struct slice text)
{
    struct buf hex = {0}, uuid = {0};
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '-') buf_put_u8(&hex, text.ptr[i]);
    uint64_t rid = text_unhex(&uuid, buf_slice(&hex)) == OK ? rid_of_uuid(buf_slice(&uuid)) : 0;
    buf_free(&hex);
    buf_free(&uuid);
    return rid;
}

/* 0: nobody's. */
static uint64_t rid_of(const struct amqp_value *id)
{
    return id->type == AMQP_UUID ? rid_of_uuid(id->bytes) : rid_of_text(amqp_text(id));
}

/* ---- calls */

static void put_call(struct buf *out, const struct method_request *r, uint64_t rid)
{
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(out);
    put_uuid(out, rid);
    amqp_close(out, list, AMQP_CORRELATION_ID + 1);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "IoThub-methodname");
    amqp_put_string(out, r->name);
    amqp_close(out, map, 2);
    amqp_put_data(out, r->payload);
}

static void unsent_free(struct method_link *l, struct unsent *u)
{
    list_remove(&u->node);
    l->unsent_bytes -= buf_size(&u->message);
    buf_free(&u->message);
    free(u);
}

/* Nobody waits for those that were in time when they came. */
static void forget_late(struct method_link *l)
{
    LIST_EACH(node, &l->unsent)
    {
        struct unsent *u = CONTAINER_OF(node, struct unsent, node);
        if (!method_waits(calls_of(l), u->rid)) unsent_free(l, u);
    }
}

static void pump(struct peer_link *base)
{
    struct method_link *l = of(base);
    forget_late(l);
    while (!list_empty(&l->unsent) && amqp_can_send(base->link) &&
           !conn_congested(base->peer->conn)) {
        struct unsent *u = CONTAINER_OF(l->unsent.next, struct unsent, node);
        struct buf *out = amqp_transfer_begin(base->link, &(struct amqp_transfer){.settled = true});
        buf_put_slice(out, buf_slice(&u->message));
        amqp_transfer_end(base->link);
        unsent_free(l, u);
    }
}

static void send(struct peer_link *base, const struct method_request *r, uint64_t rid)
{
    struct unsent *u = NEW(struct unsent);
    u->rid = rid;
    put_call(&u->message, r, rid);
    list_push(&of(base)->unsent, &u->node);
    of(base)->unsent_bytes += buf_size(&u->message);
    peer_touch(base->peer);
    pump(base);
}

static void refuse_busy(struct device *d, const struct method_request *r)
{
    metric_inc(&busy);
    method_refuse(&d->calls, r, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
}

void device_on_method(struct session *s, const struct method_request *r)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    struct peer_link *l = device_link_to(d, &node_device_methods);
    uint64_t rid;
    if (l) forget_late(of(l));
    if (l == NULL)
        method_refuse(&d->calls, r, STATUS_DEVICE_NOT_ONLINE);
    else if (of(l)->unsent_bytes >= AMQP_METHOD_UNSENT_MAX)
        refuse_busy(d, r);
    else if (method_begin(&d->calls, r, &rid))
        send(l, r, rid);
}

/* ---- answers */

static void settle(struct peer_link *l, const struct amqp_delivery *d, const struct amqp_error *no)
{
    peer_settle(l, d->id, d->settled, no);
    if (l->link->credit <= AMQP_METHOD_CREDIT / 2)
        amqp_send_flow(l->link, AMQP_METHOD_CREDIT, false);
}

static void answer(struct device *d, const struct amqp_message *m)
{
    uint64_t rid = rid_of(&m->properties[AMQP_CORRELATION_ID]);
    struct slice payload = m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
    struct amqp_value status;
    int64_t number;
    if (amqp_map_find(&m->application, "IoThub-status", &status) &&
        amqp_integer(&status, &number) && number >= INT32_MIN && number <= INT32_MAX)
        method_answer(&d->calls, rid, (int32_t)number, payload);
    else
        method_answer_invalid(&d->calls, rid);
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct device *device = device_link_of(l)->device;
    struct amqp_error no = amqp_error_of(AMQP_DECODE_ERROR, "The answer is not an AMQP message.");
    struct amqp_message m;
    bool readable = amqp_message_parse(d->payload, &m) == OK;
    device_active(device);
    settle(l, d, readable ? NULL : &no);
    if (readable) answer(device, &m);
}

/* ---- the links */

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    list_init(&of(l)->unsent);
    device_attach(l, ev);
}

static void on_ready(struct peer_link *l)
{
    amqp_answer_attach(l->link,
                       &(struct amqp_link_answer){.max_message_size = AMQP_METHOD_MESSAGE_MAX});
    if (!l->link->sender) amqp_send_flow(l->link, AMQP_METHOD_CREDIT, false);
}

/* Without a link to answer on, nobody will. */
static void on_detached(struct peer_link *l)
{
    struct device *d = device_link_of(l)->device;
    list_remove(&device_link_of(l)->node);
    while (!list_empty(&of(l)->unsent)) {
        struct unsent *u = CONTAINER_OF(of(l)->unsent.next, struct unsent, node);
        method_unsent(&d->calls, u->rid);
        unsent_free(of(l), u);
    }
    if (device_link_from(d, &node_device_methods) == NULL) method_calls_drop(&d->calls);
    device_detached(l);
}

static void on_flow(struct peer_link *l)
{
    if (!l->link->sender) return;
    pump(l);
    if (l->link->drain) amqp_send_drained(l->link);
}

const struct node node_device_methods = {
    .name = "device methods",
    .size = sizeof(struct method_link),
    .sender = true,
    .receiver = true,
    .of_device = true,
    .feature = SESSION_METHODS,
    .attach = on_attach,
    .ready = on_ready,
    .flow = on_flow,
    .delivery = on_delivery,
    .detached = on_detached,
};
