/* provisioning.c - devices that register: links to {scope}/registrations/{id}.
 *
 * A link for requests and one for their answers.  Who it is is asked at each attach, by the token of
 * SASL PLAIN or TPM or the certificate of TLS, and again with each request.  An answer has the request's
 * correlation-id; what is refused is a rejected delivery whose description is the JSON error: .NET
 * reads it as such.
 *
 * Source: the SDKs for Node, .NET and C (azure-iot-provisioning-device-amqp and its like). */
#include <stdio.h>
#include <stdlib.h>

#include "dps/dps.h"
#include "front/amqp/sasl_tpm.h"

struct provisioning {
    struct peer_link base;
    struct dps_wait greeting;
    bool asking;
    struct list requests; /* of a link for requests: struct request */
    unsigned under_way;
    struct list waiting; /* of a link for answers: struct answer that wait for credit */
    unsigned waiting_count;
};

struct request {
    struct list node;
    struct provisioning *link;
    struct dps_wait wait;
    uint32_t delivery_id;
    bool settled;
    size_t kept;            /* bytes that it counts for (amqp_keep) */
    struct buf correlation; /* as it was encoded: clients compare it */
};

struct answer {
    struct list node;
    struct buf message;
};

static struct provisioning *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct provisioning, base);
}

static struct dps *dps_of(const struct provisioning *l)
{
    return l->base.peer->service->doors.dps;
}

static struct dps_device device_of(const struct provisioning *l)
{
    const struct peer *p = l->base.peer;
    return (struct dps_device){.registration_id = slice_str(l->base.address.who),
                               .token = slice_str(p->registering),
                               .tpm = sasl_tpm_keys(p),
                               .certificate = conn_peer_certificate(p->conn),
                               .peer = slice_str(conn_peer(p->conn)),
                               .protocol = HUB_AMQP};
}

/* ---- answers */

static void free_answer(struct provisioning *l, struct answer *a)
{
    list_remove(&a->node);
    l->waiting_count--;
    buf_free(&a->message);
    free(a);
}

static void on_flow(struct peer_link *base)
{
    struct provisioning *l = of(base);
    while (base->link->sender && !l->asking && !list_empty(&l->waiting) &&
           amqp_can_send(base->link)) {
        struct answer *a = CONTAINER_OF(l->waiting.next, struct answer, node);
        struct buf *out = amqp_transfer_begin(base->link, &(struct amqp_transfer){.settled = true});
        buf_put_slice(out, buf_slice(&a->message));
        amqp_transfer_end(base->link);
        free_answer(l, a);
    }
    if (base->link->drain && list_empty(&l->waiting)) amqp_send_drained(base->link);
}

/* .NET looks for Retry-After, all others for retry-after, and keys of maps have a case. */
static uint32_t put_retry_after(struct buf *b)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", DPS_RETRY_AFTER_S);
    amqp_put_str(b, "retry-after");
    amqp_put_str(b, seconds);
    amqp_put_str(b, "Retry-After");
    amqp_put_str(b, seconds);
    return 4;
}

static void put_message(struct buf *b, struct slice correlation, const struct dps_answer *a)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (int i = AMQP_MESSAGE_ID; i < AMQP_CORRELATION_ID; i++) amqp_put_null(b);
    if (correlation.len)
        buf_put_slice(b, correlation);
    else
        amqp_put_null(b);
    amqp_close(b, list, AMQP_CORRELATION_ID + 1);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_close(b, map, a->code == DPS_ACCEPTED ? put_retry_after(b) : 0);
    amqp_put_data(b, a->body);
}

/* The newest link for answers of that device in the connection; NULL: none. */
static struct provisioning *answering(const struct provisioning *asked)
{
    struct provisioning *newest = NULL;
    LIST_EACH(node, &asked->base.peer->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->node == asked->base.node && l->link->sender &&
            strcmp(l->address.who, asked->base.address.who) == 0)
            newest = of(l);
    }
    return newest;
}

static void send_answer(struct provisioning *to, struct slice correlation,
                        const struct dps_answer *said)
{
    struct answer *a = NEW(struct answer);
    put_message(&a->message, correlation, said);
    list_push(&to->waiting, &a->node);
    to->waiting_count++;
    on_flow(&to->base);
}

/* ---- outcomes */

static const char *condition_of(unsigned code)
{
    switch (code / 1000) {
    case 401: return AMQP_UNAUTHORIZED;
    case 404: return AMQP_NOT_FOUND;
    case 413: return AMQP_MESSAGE_SIZE_EXCEEDED;
    case 429: return "com.microsoft:device-container-throttled";
    case 400: return "com.microsoft:argument-error";
    default: return code / 1000 < 500 ? AMQP_NOT_ALLOWED : AMQP_INTERNAL_ERROR;
    }
}

static void renew_credit(struct provisioning *l)
{
    if (l->base.link->credit > AMQP_DPS_CREDIT / 2 || l->under_way >= AMQP_DPS_CREDIT) return;
    amqp_send_flow(l->base.link, AMQP_DPS_CREDIT - l->under_way, false);
}

static void settle(struct provisioning *l, uint32_t id, bool settled, const struct amqp_error *no)
{
    peer_settle(&l->base, id, settled, no);
    renew_credit(l);
}

static void refuse(struct provisioning *l, uint32_t id, bool settled, unsigned code,
                   struct slice json)
{
    struct buf text = {0}, info = {0};
    struct amqp_open map = amqp_open_map(&info);
    amqp_close(&info, map, put_retry_after(&info));
    buf_put_slice(&text, json);
    struct amqp_error error = amqp_error_of(condition_of(code), buf_cstr(&text));
    error.info = buf_slice(&info);
    settle(l, id, settled, &error);
    buf_free(&text);
    buf_free(&info);
}

static void refuse_words(struct provisioning *l, const struct amqp_delivery *d, unsigned code,
                         const char *words)
{
    struct buf json = {0};
    dps_error_write(&json, code, slice_str(words));
    refuse(l, d->id, d->settled, code, buf_slice(&json));
    buf_free(&json);
}

/* ---- requests */

static void free_request(struct request *r)
{
    list_remove(&r->node);
    r->link->under_way--;
    amqp_unkeep(&r->link->base.peer->engine, r->kept);
    buf_free(&r->correlation);
    free(r);
}

static void on_answer(struct dps_wait *w, const struct dps_answer *a)
{
    struct request *r = CONTAINER_OF(w, struct request, wait);
    struct provisioning *l = r->link, *to = answering(l);
    struct buf correlation = r->correlation;
    uint32_t id = r->delivery_id;
    bool settled = r->settled;
    r->correlation = (struct buf){0};
    free_request(r);
    if (a->code >= 1000) {
        refuse(l, id, settled, a->code, a->body);
    } else {
        settle(l, id, settled, NULL);
        if (to && to->waiting_count < AMQP_DPS_CREDIT) send_answer(to, buf_slice(&correlation), a);
    }
    buf_free(&correlation);
}

/* NULL: the peer makes us keep too much. */
static struct request *request_new(struct provisioning *l, const struct amqp_delivery *d,
                                   const struct amqp_message *m)
{
    size_t kept = sizeof(struct request) + m->properties[AMQP_CORRELATION_ID].whole.len;
    if (!amqp_keep(&l->base.peer->engine, kept)) return NULL;
    struct request *r = NEW(struct request);
    r->link = l;
    r->kept = kept;
    r->wait = (struct dps_wait){.fn = on_answer, .unhurried = true};
    r->delivery_id = d->id;
    r->settled = d->settled;
    buf_put_slice(&r->correlation, m->properties[AMQP_CORRELATION_ID].whole);
    list_push(&l->requests, &r->node);
    l->under_way++;
    return r;
}

static struct slice property(const struct amqp_message *m, const char *name)
{
    struct amqp_value v;
    return amqp_map_find(&m->application, name, &v) ? amqp_text(&v) : SLICE_NONE;
}

static void refuse_unknown(struct request *r, const struct amqp_delivery *d)
{
    struct provisioning *l = r->link;
    free_request(r);
    refuse_words(l, d, DPS_BAD_ARGUMENT, "iotdps-operation-type is none that is known");
}

static void on_delivery(struct peer_link *base, const struct amqp_delivery *d)
{
    struct provisioning *l = of(base);
    struct amqp_message m;
    if (amqp_message_parse(d->payload, &m) != OK) {
        refuse_words(l, d, DPS_BAD_ARGUMENT, "the request is not an AMQP message");
        return;
    }
    struct request *r = request_new(l, d, &m);
    if (r == NULL) {
        refuse_words(l, d, DPS_THROTTLED, "too many requests wait for their answers");
        return;
    }
    struct dps_device who = device_of(l);
    struct slice operation = property(&m, "iotdps-operation-type");
    struct slice body = m.body_kind == AMQP_DATA ? m.data : SLICE_NONE;
    if (slice_is(operation, "iotdps-register"))
        dps_register(dps_of(l), &who, body, &r->wait);
    else if (slice_is(operation, "iotdps-get-operationstatus"))
        dps_poll(dps_of(l), &who, property(&m, "iotdps-operation-id"), &r->wait);
    else if (slice_is(operation, "iotdps-get-registration"))
        dps_lookup(dps_of(l), &who, &r->wait);
    else
        refuse_unknown(r, d);
}

/* ---- links */

static void on_greeted(struct dps_wait *w, const struct dps_answer *a)
{
    struct provisioning *l = CONTAINER_OF(w, struct provisioning, greeting);
    struct amqp_link *link = l->base.link;
    l->asking = false;
    peer_touch(l->base.peer);
    if (a->code != DPS_OK && a->code != DPS_NO_ENROLLMENT) {
        if (a->code / 1000 == 401) conn_login_failed(l->base.peer->conn);
        peer_refuse(&l->base, condition_of(a->code), "%.*s", SLICE_ARG(a->body));
        return;
    }
    if (a->code == DPS_OK) peer_is_known(l->base.peer);
    amqp_answer_attach(link, &(struct amqp_link_answer){.max_message_size = AMQP_DPS_MESSAGE_MAX});
    if (!link->sender) amqp_send_flow(link, AMQP_DPS_CREDIT, false);
}

static void on_attach(struct peer_link *base, const struct amqp_attach_event *ev)
{
    struct provisioning *l = of(base);
    struct dps_device who = device_of(l);
    (void)ev;
    list_init(&l->requests);
    list_init(&l->waiting);
    l->asking = true;
    l->greeting.fn = on_greeted;
    dps_authenticate(dps_of(l), &who, &l->greeting);
}

static void on_detached(struct peer_link *base)
{
    struct provisioning *l = of(base);
    if (l->asking) dps_forget(dps_of(l), &l->greeting);
    LIST_EACH(node, &l->requests)
    {
        struct request *r = CONTAINER_OF(node, struct request, node);
        dps_forget(dps_of(l), &r->wait);
        free_request(r);
    }
    LIST_EACH(node, &l->waiting) free_answer(l, CONTAINER_OF(node, struct answer, node));
}

static bool owes(const struct peer_link *base)
{
    const struct provisioning *l = CONTAINER_OF(base, const struct provisioning, base);
    return l->asking || l->under_way;
}

const struct node node_provisioning = {
    .name = "provisioning",
    .size = sizeof(struct provisioning),
    .sender = true,
    .receiver = true,
    .attach = on_attach,
    .flow = on_flow,
    .delivery = on_delivery,
    .owes = owes,
    .detached = on_detached,
};
