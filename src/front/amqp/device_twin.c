/* device_twin.c - a device's twin: requests come on its sender, answers and desired patches go out on
 * its receiver.
 *
 *   operation  resource                                     answer
 *   GET                                                     200, the twin
 *   PATCH      /properties/reported                         204, version
 *   PUT        /notifications/twin/properties/desired       204: changes are sent from now on
 *   DELETE     /notifications/twin/properties/desired       204: no more
 *              /properties/desired                          ◀─ a change, without correlation-id
 *
 * All of it is in message annotations.  An answer has the correlation-id that was asked with, in the
 * very type that it came in: the C SDK wants a string, Java an uuid.  Requests under way and answers
 * that wait for credit count against the credit that we give.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "front/amqp/device.h"
#include "hub/twin/twin.h"

COUNTER(behind, "azimuth_amqp_twin_behind_total",
        "AMQP twin links detached because too many desired patches waited for credit");

#define DESIRED_CHANGES "/notifications/twin/properties/desired"

/* Either of the two. */
struct twin_link {
    struct device_link device_link;
    unsigned under_way;   /* requests without an answer, and answers not sent */
    unsigned patch_count; /* of those in `unsent` */
    struct list unsent;   /* struct outgoing, in the order in which they are sent */
};

enum operation { GET, PATCH, PUT, DELETE, NOTHING };

/* A request that was not answered, or whose answer was not sent. */
struct request {
    struct list node; /* in device.twin_requests */
    struct device *device;
    struct twin_link *asked; /* NULL: gone meanwhile */
    struct twin_wait wait;
    enum operation operation;
    bool answered;
    size_t id_len;
    uint8_t id[]; /* correlation-id as it was encoded */
};

struct outgoing {
    struct list node;        /* in twin_link.unsent */
    struct request *request; /* NULL: a desired patch */
    struct buf message;
};

static struct twin_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct twin_link, device_link.base);
}

static struct peer_link *base_of(struct twin_link *t)
{
    return &t->device_link.base;
}

static struct twins *twins_of(const struct device *d)
{
    return d->peer->service->doors.twins;
}

/* ---- requests */

/* When half of it is free again, so that a flow is not sent for each answer. */
static void renew_credit(struct twin_link *t)
{
    struct amqp_link *l = base_of(t)->link;
    if (l->credit + t->under_way > AMQP_TWIN_CREDIT / 2) return;
    amqp_send_flow(l, AMQP_TWIN_CREDIT - t->under_way, false);
}

static struct request *request_new(struct twin_link *asked, const struct amqp_message *m)
{
    struct slice id = m->properties[AMQP_CORRELATION_ID].whole;
    struct request *r = mem_zero(sizeof *r + id.len);
    r->device = asked->device_link.device;
    r->asked = asked;
    r->id_len = id.len;
    if (id.len) memcpy(r->id, id.ptr, id.len);
    list_push(&r->device->twin_requests, &r->node);
    asked->under_way++;
    return r;
}

static void request_free(struct request *r)
{
    if (r->asked) r->asked->under_way--;
    if (r->asked && base_of(r->asked)->link) renew_credit(r->asked);
    list_remove(&r->node);
    free(r);
}

/* ---- sending */

static void outgoing_free(struct outgoing *o)
{
    list_remove(&o->node);
    if (o->request) request_free(o->request);
    buf_free(&o->message);
    free(o);
}

static void pump(struct twin_link *t)
{
    struct peer_link *l = base_of(t);
    while (!list_empty(&t->unsent) && amqp_can_send(l->link) && !conn_congested(l->peer->conn)) {
        struct outgoing *o = CONTAINER_OF(t->unsent.next, struct outgoing, node);
        struct buf *out = amqp_transfer_begin(l->link, &(struct amqp_transfer){.settled = true});
        buf_put_slice(out, buf_slice(&o->message));
        amqp_transfer_end(l->link);
        if (o->request == NULL) t->patch_count--;
        outgoing_free(o);
    }
}

/* Takes the message. */
static void send(struct twin_link *t, struct request *r, struct buf *message)
{
    struct outgoing *o = NEW(struct outgoing);
    o->request = r;
    o->message = *message;
    if (r == NULL) t->patch_count++;
    list_push(&t->unsent, &o->node);
    peer_touch(base_of(t)->peer);
    pump(t);
}

/* ---- answers */

static void put_answer(struct buf *out, const struct request *r, unsigned status, int64_t version,
                       struct slice body)
{
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "status");
    amqp_put_int(out, (int32_t)status);
    if (version) {
        amqp_put_sym(out, "version");
        amqp_put_long(out, version);
    }
    amqp_close(out, map, version ? 4 : 2);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(out);
    if (r->id_len)
        buf_put(out, r->id, r->id_len);
    else
        amqp_put_null(out);
    amqp_close(out, list, AMQP_CORRELATION_ID + 1);
    amqp_put_data(out, body);
}

/* To the newest receiver; without any the answer is for nobody. */
static void answer(struct request *r, unsigned status, int64_t version, struct slice body)
{
    struct peer_link *l = device_link_to(r->device, &node_device_twin);
    struct buf message = {0};
    r->answered = true;
    peer_touch(r->device->peer);
    if (l == NULL) {
        request_free(r);
        return;
    }
    put_answer(&message, r, status, version, body);
    send(of(l), r, &message);
}

/* Node parses the body as JSON. */
static void answer_error(struct request *r, enum status status, struct slice text)
{
    struct buf body = {0};
    status_put_json(&body, status_number(status), text);
    answer(r, status_http(status), 0, buf_slice(&body));
    buf_free(&body);
}

static void answer_twin(struct request *r, struct slice twin)
{
    quota_count_read(r->device->peer->service->hub->quota, twin.len);
    answer(r, 200, 0, twin);
}

static void on_answer(struct twin_wait *w, const struct twin_answer *a)
{
    struct request *r = CONTAINER_OF(w, struct request, wait);
    if (a->status != STATUS_OK)
        answer_error(r, a->status, a->text);
    else if (r->operation == GET)
        answer_twin(r, a->body);
    else
        answer(r, 204, a->version, SLICE_NONE);
}

/* Home sends changes, or does not any more. */
void device_on_synced(struct device *d)
{
    LIST_EACH(node, &d->twin_requests)
    {
        struct request *r = CONTAINER_OF(node, struct request, node);
        if (!r->answered && (r->operation == PUT || r->operation == DELETE))
            answer(r, 204, 0, SLICE_NONE);
    }
}

/* ---- operations */

static struct slice annotation(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    return amqp_map_find(&m->annotations, name, &v) ? amqp_text(&v) : SLICE_NONE;
}

static bool names(struct slice resource, const char *path)
{
    if (resource.len && resource.ptr[resource.len - 1] == '/') resource.len--;
    return slice_eq_nocase(resource, slice_str(path));
}

static enum operation operation_of(const struct amqp_message *m)
{
    struct slice operation = annotation(m, "operation"), resource = annotation(m, "resource");
    if (slice_is_nocase(operation, "GET")) return GET;
    if (slice_is_nocase(operation, "PATCH") && names(resource, "/properties/reported"))
        return PATCH;
    if (!names(resource, DESIRED_CHANGES)) return NOTHING;
    if (slice_is_nocase(operation, "PUT")) return PUT;
    return slice_is_nocase(operation, "DELETE") ? DELETE : NOTHING;
}

static void want_desired(struct device *d, bool want)
{
    d->wants_desired = want;
    device_sync(d);
    if (!d->subscribing) device_on_synced(d);
}

/* One that has its turn soon is not held back: the link's credit bounds how many there are. */
static bool is_throttled(const struct request *r)
{
    enum throttle_operation op = r->operation == GET     ? THROTTLE_TWIN_READ
                                 : r->operation == PATCH ? THROTTLE_TWIN_UPDATE
                                                         : THROTTLE_FREE;
    return throttle_take_now(r->device->peer->service->hub->throttle, op, 1) == THROTTLE_REFUSED;
}

static void ask(struct request *r, const struct amqp_message *m)
{
    struct device *d = r->device;
    struct slice who = slice_str(d->session.who);
    struct slice body = m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
    r->operation = operation_of(m);
    r->wait.fn = on_answer;
    if (is_throttled(r)) {
        answer_error(r, STATUS_THROTTLING_BACKLOG_TIMEOUT,
                     SLICE_LIT("the twins of the hub are asked too often; try again later"));
        return;
    }
    if ((r->operation == GET || r->operation == PATCH) &&
        !quota_take(d->peer->service->hub->quota, body.len)) {
        answer_error(r, STATUS_QUOTA_EXCEEDED, SLICE_LIT("the messages of the day are used up"));
        return;
    }
    switch (r->operation) {
    case GET: twin_read(twins_of(d), who, d->session.slot, &r->wait); break;
    case PATCH: twin_report(twins_of(d), who, TWIN_ANY_VERSION, body, &r->wait); break;
    case PUT: want_desired(d, true); break;
    case DELETE: want_desired(d, false); break;
    case NOTHING:
        answer_error(r, STATUS_ARGUMENT_INVALID,
                     SLICE_LIT("there is no such operation on that resource"));
        break;
    }
}

static void settle(struct peer_link *l, const struct amqp_delivery *d, const struct amqp_error *no)
{
    peer_settle(l, d->id, d->settled, no);
    if (no) renew_credit(of(l));
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct device *device = device_link_of(l)->device;
    struct amqp_error no = amqp_error_of(AMQP_DECODE_ERROR, "The request is not an AMQP message.");
    struct amqp_message m;
    device_active(device);
    if (amqp_message_parse(d->payload, &m) != OK) {
        settle(l, d, &no);
    } else if (device_link_to(device, &node_device_twin) == NULL) {
        no = amqp_error_of(AMQP_NOT_ALLOWED, "No receiver for the answer is attached.");
        settle(l, d, &no);
    } else {
        settle(l, d, NULL);
        ask(request_new(of(l), &m), &m);
    }
}

/* ---- desired patches */

static void put_patch(struct buf *out, const struct twin_desired *patch)
{
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "resource");
    amqp_put_str(out, "/properties/desired");
    amqp_put_sym(out, "version");
    amqp_put_long(out, patch->version);
    amqp_close(out, map, 4);
    amqp_put_data(out, patch->json);
}

/* None may be lost: who is too far behind is detached, comes back and reads its twin anew. */
void device_on_desired(struct session *s, const struct twin_desired *patch)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    struct peer_link *l = device_link_to(d, &node_device_twin);
    struct buf message = {0};
    if (l == NULL || !d->wants_desired) return;
    if (of(l)->patch_count >= AMQP_TWIN_PATCHES_MAX) {
        metric_inc(&behind);
        peer_detach(l, AMQP_DETACH_FORCED,
                    "%d changes of desired properties wait for credit; read the twin anew.",
                    AMQP_TWIN_PATCHES_MAX);
        return;
    }
    put_patch(&message, patch);
    send(of(l), NULL, &message);
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
                       &(struct amqp_link_answer){.max_message_size = AMQP_TWIN_MESSAGE_MAX});
    if (!l->link->sender) renew_credit(of(l));
}

static void on_flow(struct peer_link *l)
{
    if (!l->link->sender) return;
    pump(of(l));
    if (l->link->drain && list_empty(&of(l)->unsent)) amqp_send_drained(l->link);
}

static void on_detached(struct peer_link *l)
{
    struct twin_link *t = of(l);
    struct device *d = t->device_link.device;
    LIST_EACH(node, &t->unsent) outgoing_free(CONTAINER_OF(node, struct outgoing, node));
    LIST_EACH(node, &d->twin_requests)
    {
        struct request *r = CONTAINER_OF(node, struct request, node);
        if (r->asked == t) r->asked = NULL;
    }
    list_remove(&t->device_link.node);
    if (device_link_to(d, &node_device_twin) == NULL) d->wants_desired = false;
    device_detached(l);
}

/* Answers that wait in a link went with it. */
void device_drop_twin(struct device *d)
{
    while (!list_empty(&d->twin_requests)) {
        struct request *r = CONTAINER_OF(d->twin_requests.next, struct request, node);
        if (!r->answered && (r->operation == GET || r->operation == PATCH))
            twin_forget(twins_of(d), &r->wait);
        request_free(r);
    }
}

static bool owes(const struct peer_link *l)
{
    return CONTAINER_OF(l, const struct twin_link, device_link.base)->under_way > 0;
}

const struct node node_device_twin = {
    .name = "device twin",
    .size = sizeof(struct twin_link),
    .sender = true,
    .receiver = true,
    .of_device = true,
    .attach = on_attach,
    .ready = on_ready,
    .flow = on_flow,
    .delivery = on_delivery,
    .owes = owes,
    .detached = on_detached,
};
