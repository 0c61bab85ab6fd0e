/* service_send.c - a sender of cloud-to-device messages: a service's link to /messages/devicebound.
 *
 * properties.to names the device.  A message is accepted when it is on disk; otherwise it is rejected
 * with the condition that the service SDKs know (refuse()).  Some services percent-encode the id in
 * `to` (.NET), most do not: what is written there is tried first, what it decodes to afterwards.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "front/amqp/peer.h"
#include "hub/c2d/c2d.h"

#define ARGUMENT_ERROR "com.microsoft:argument-error"

COUNTER(rejected, "azimuth_amqp_c2d_rejected_total",
        "Cloud-to-device messages that services sent and that were rejected");

struct service_send {
    struct peer_link base;
    unsigned under_way;
    struct list sends;
};

/* A message that home has not answered for. */
struct send {
    struct list node; /* in service_send.sends */
    struct c2d_wait wait;
    struct service_send *link;
    uint32_t delivery_id;
    bool settled;                     /* the client does not want to know */
    char decoded[HUB_ID_LEN_MAX + 1]; /* the other reading of `to`; empty: there is none */
    size_t payload_len;               /* kept for that other reading */
    uint8_t payload[];
};

static struct service_send *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct service_send, base);
}

/* ---- outcomes */

static void settle(struct service_send *l, uint32_t id, bool settled, const struct amqp_error *no)
{
    if (no) metric_inc(&rejected);
    peer_settle(&l->base, id, settled, no);
    if (l->base.link->credit > AMQP_C2D_CREDIT / 2 || l->under_way >= AMQP_C2D_CREDIT) return;
    amqp_send_flow(l->base.link, AMQP_C2D_CREDIT - l->under_way, false);
}

static const char *condition_of(enum status status)
{
    switch (status) {
    case STATUS_DEVICE_NOT_FOUND: return AMQP_NOT_FOUND;
    case STATUS_QUOTA_EXCEEDED:
    case STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED: return AMQP_RESOURCE_LIMIT;
    case STATUS_MESSAGE_TOO_LARGE: return AMQP_MESSAGE_SIZE_EXCEEDED;
    case STATUS_INVALID_OPERATION: return AMQP_NOT_ALLOWED;
    case STATUS_ARGUMENT_INVALID: return ARGUMENT_ERROR;
    case STATUS_THROTTLING:
    case STATUS_THROTTLING_BACKLOG_TIMEOUT:
    case STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED: return AMQP_THROTTLED;
    default: return AMQP_INTERNAL_ERROR;
    }
}

static void refuse(struct service_send *l, uint32_t id, bool settled, enum status status,
                   const char *text)
{
    struct buf words = {0}, info = {0};
    struct amqp_open map = amqp_open_map(&info);
    amqp_put_sym(&info, "com.microsoft:error-code");
    amqp_put_int(&info, (int32_t)status_number(status));
    amqp_close(&info, map, 2);
    buf_printf(&words, "%s: %s", status_name(status), text);
    struct amqp_error error = amqp_error_of(condition_of(status), buf_cstr(&words));
    error.info = buf_slice(&info);
    settle(l, id, settled, &error);
    buf_free(&words);
    buf_free(&info);
}

/* ---- reading a message */

/* A value as text; SLICE_NONE: there is none.  ERR_INVALID: it cannot be text. */
static enum err read_text(struct arena *a, const struct amqp_value *v, struct slice *out)
{
    char text[64];
    int len = 0;
    *out = SLICE_NONE;
    switch (v->type) {
    case AMQP_NULL: return OK;
    case AMQP_STRING:
    case AMQP_SYMBOL:
    case AMQP_BINARY: *out = v->bytes.ptr ? v->bytes : SLICE_LIT(""); return OK;
    case AMQP_UUID: /* Node sends a string that looks like a GUID as one */
        for (unsigned i = 0; i < 16; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, "%s%02x",
                            i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", v->bytes.ptr[i]);
        break;
    case AMQP_BOOL: len = snprintf(text, sizeof text, v->u ? "true" : "false"); break;
    case AMQP_UBYTE:
    case AMQP_USHORT:
    case AMQP_UINT:
    case AMQP_ULONG: len = snprintf(text, sizeof text, "%" PRIu64, v->u); break;
    case AMQP_BYTE:
    case AMQP_SHORT:
    case AMQP_INT:
    case AMQP_LONG: len = snprintf(text, sizeof text, "%" PRId64, v->i); break;
    case AMQP_FLOAT: len = snprintf(text, sizeof text, "%.9g", v->f); break;
    case AMQP_DOUBLE: len = snprintf(text, sizeof text, "%.17g", v->f); break;
    default: return fail(ERR_INVALID, "properties are text, numbers or booleans");
    }
    *out = arena_copy(a, slice_of(text, (size_t)len));
    return OK;
}

/* Null values are left out: several device SDKs cannot read them. */
static enum err read_properties(struct arena *a, const struct amqp_value *map, struct c2d_draft *d)
{
    struct cur c = cur_of(map->bytes);
    struct amqp_value name, value;
    struct c2d_property *all = arena_alloc(a, (map->count / 2 + 1) * sizeof *all);
    d->properties = all;
    for (uint32_t i = 0; i + 1 < map->count; i += 2) {
        struct c2d_property *p = &all[d->property_count];
        TRY(amqp_get(&c, &name));
        TRY(amqp_get(&c, &value));
        p->name = amqp_text(&name);
        TRY(read_text(a, &value, &p->value));
        if (p->value.ptr) d->property_count++;
    }
    return OK;
}

static enum err read_body(const struct amqp_message *m, struct c2d_draft *d)
{
    if (m->body_count > 1) return fail(ERR_INVALID, "the message has several bodies");
    if (m->body_count == 0) return OK;
    if (m->body_kind == AMQP_DATA) {
        d->body = m->data;
        return OK;
    }
    d->body = m->body_kind == AMQP_AMQP_VALUE ? amqp_text(&m->value) : SLICE_NONE;
    return d->body.ptr ? OK : fail(ERR_INVALID, "the body is neither data nor text");
}

static enum err read_message(struct arena *a, const struct amqp_message *m, struct c2d_draft *d)
{
    const struct amqp_value *p = m->properties;
    *d = (struct c2d_draft){0};
    TRY(read_text(a, &p[AMQP_MESSAGE_ID], &d->message_id));
    TRY(read_text(a, &p[AMQP_CORRELATION_ID], &d->correlation_id));
    TRY(read_text(a, &p[AMQP_USER_ID], &d->user_id));
    TRY(read_text(a, &p[AMQP_CONTENT_TYPE], &d->content_type));
    TRY(read_text(a, &p[AMQP_CONTENT_ENCODING], &d->content_encoding));
    if (p[AMQP_ABSOLUTE_EXPIRY_TIME].type == AMQP_TIMESTAMP)
        d->expiry_ms = p[AMQP_ABSOLUTE_EXPIRY_TIME].i;
    if (m->application.type == AMQP_MAP) TRY(read_properties(a, &m->application, d));
    return read_body(m, d);
}

/* /devices/{id}/messages/devicebound: the id as it is written.  A module's address is another
 * status: messages are for devices. */
static enum status read_to(struct slice to, struct slice *id)
{
    struct slice word, module = SLICE_NONE;
    if (to.len && to.ptr[0] == '/') to = slice_from(to, 1);
    if (!slice_split(&to, '/', &word) || !slice_is_nocase(word, "devices") ||
        !slice_split(&to, '/', id) || id->len == 0 || !slice_split(&to, '/', &word))
        return STATUS_ARGUMENT_INVALID;
    if (slice_is_nocase(word, "modules") &&
        (!slice_split(&to, '/', &module) || !slice_split(&to, '/', &word)))
        return STATUS_ARGUMENT_INVALID;
    if (!slice_is_nocase(word, "messages") || !slice_is_nocase(to, "devicebound"))
        return STATUS_ARGUMENT_INVALID;
    return module.ptr ? STATUS_INVALID_OPERATION : STATUS_OK;
}

/* ---- sending */

static void on_answer(struct c2d_wait *w, const struct c2d_answer *a);

/* To the hub; false and fail_text(): it is not a message for devices. */
static bool hand_over(struct send *s, struct slice payload, struct slice id)
{
    struct arena arena = {0};
    struct amqp_message m;
    struct c2d_draft draft;
    bool readable = amqp_message_parse(payload, &m) == OK;
    if (!readable) fail(ERR_INVALID, "the bytes are not an AMQP message");
    readable = readable && read_message(&arena, &m, &draft) == OK;
    s->wait.fn = on_answer;
    if (readable) c2d_send(s->link->base.peer->service->doors.c2d, id, &draft, &s->wait);
    arena_free(&arena);
    return readable;
}

static void send_free(struct send *s)
{
    list_remove(&s->node);
    s->link->under_way--;
    free(s);
}

/* The id is unknown as it was written: once more as it decodes. */
static bool tried_decoded(struct send *s, enum status status)
{
    struct slice id = slice_str(s->decoded);
    if (status != STATUS_DEVICE_NOT_FOUND || id.len == 0) return false;
    bool handed = hand_over(s, slice_of(s->payload, s->payload_len), id);
    s->decoded[0] = '\0';
    return handed;
}

static void on_answer(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct send *s = CONTAINER_OF(w, struct send, wait);
    struct service_send *l = s->link;
    if (tried_decoded(s, a->status)) return;
    uint32_t id = s->delivery_id;
    bool settled = s->settled;
    send_free(s);
    if (a->status == STATUS_OK)
        settle(l, id, settled, NULL);
    else
        refuse(l, id, settled, a->status, a->text);
}

static struct send *send_new(struct service_send *l, const struct amqp_delivery *d, struct slice id)
{
    struct buf other = {0};
    bool encoded = slice_find(id, '%') < id.len && text_unpercent(&other, id) == OK &&
                   hub_id_valid(buf_slice(&other));
    struct send *s = mem_zero(sizeof *s + (encoded ? d->payload.len : 0));
    s->link = l;
    s->delivery_id = d->id;
    s->settled = d->settled;
    if (encoded) {
        snprintf(s->decoded, sizeof s->decoded, "%.*s", SLICE_ARG(buf_slice(&other)));
        s->payload_len = d->payload.len;
        memcpy(s->payload, d->payload.ptr, d->payload.len);
    }
    buf_free(&other);
    list_push(&l->sends, &s->node);
    l->under_way++;
    return s;
}

/* An id that no device can have is not asked for. */
static struct slice askable(struct send *s, struct slice id)
{
    return hub_id_valid(id) ? id : slice_str(s->decoded);
}

static void take(struct service_send *l, const struct amqp_delivery *d, struct slice to)
{
    struct slice id;
    enum status status = read_to(to, &id);
    if (status != STATUS_OK) {
        refuse(l, d->id, d->settled, status,
               status == STATUS_INVALID_OPERATION
                   ? "modules do not get cloud-to-device messages"
                   : "properties.to has to be /devices/{id}/messages/devicebound");
        return;
    }
    if (throttle_take_now(l->base.peer->service->hub->throttle, THROTTLE_C2D_SEND, 1) ==
        THROTTLE_REFUSED) {
        refuse(l, d->id, d->settled, STATUS_THROTTLING_BACKLOG_TIMEOUT,
               "too many messages are sent to devices; wait 10 seconds and try again");
        return;
    }
    if (!quota_take(l->base.peer->service->hub->quota, d->payload.len)) {
        refuse(l, d->id, d->settled, STATUS_QUOTA_EXCEEDED, "the messages of the day are used up");
        return;
    }
    struct send *s = send_new(l, d, id);
    struct slice ask = askable(s, id);
    if (ask.len && hand_over(s, d->payload, ask)) return;
    status = ask.len ? STATUS_ARGUMENT_INVALID : STATUS_DEVICE_NOT_FOUND;
    send_free(s);
    refuse(l, d->id, d->settled, status, ask.len ? fail_text() : "no device has such an id");
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct amqp_message m;
    if (amqp_message_parse(d->payload, &m) == OK)
        take(of(l), d, amqp_text(&m.properties[AMQP_TO]));
    else
        refuse(of(l), d->id, d->settled, STATUS_ARGUMENT_INVALID,
               "the bytes are not an AMQP message");
}

/* ---- the link */

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    (void)ev;
    list_init(&of(l)->sends);
    amqp_answer_attach(l->link,
                       &(struct amqp_link_answer){.max_message_size = AMQP_C2D_MESSAGE_MAX});
    amqp_send_flow(l->link, AMQP_C2D_CREDIT, false);
}

static void on_detached(struct peer_link *l)
{
    LIST_EACH(node, &of(l)->sends)
    {
        struct send *s = CONTAINER_OF(node, struct send, node);
        c2d_forget(l->peer->service->doors.c2d, &s->wait);
        send_free(s);
    }
}

static bool owes(const struct peer_link *l)
{
    return CONTAINER_OF(l, const struct service_send, base)->under_way > 0;
}

const struct node node_service_send = {
    .name = "service_send",
    .size = sizeof(struct service_send),
    .receiver = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .delivery = on_delivery,
    .owes = owes,
    .detached = on_detached,
};
