/* device.c - sessions of the identities that share a connection (drawn in device.h). */
#include "front/amqp/device.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/explain.h"
#include "hub/status.h"

#define LINK_CONFLICT "com.microsoft:link-creation-conflict"

/* devices/{id}[/modules/{id}], as tokens name it. */
static void put_resource(struct buf *out, struct slice who)
{
    struct slice module_id = hub_module_of(who);
    buf_printf(out, "devices/%.*s", SLICE_ARG(hub_device_of(who)));
    if (module_id.len) buf_printf(out, "/modules/%.*s", SLICE_ARG(module_id));
}

/* ---- causes in the words of the SDKs */

struct words {
    const char *condition, *text;
    unsigned number;
};

static struct words words_of(enum session_cause cause)
{
    switch (cause) {
    case SESSION_TAKEN_OVER:
        return (struct words){LINK_CONFLICT, "Another connection of the same identity was opened.",
                              409002};
    case SESSION_UNAVAILABLE:
        return (struct words){AMQP_INTERNAL_ERROR, "The hub does not answer; try again.", 500001};
    default: return (struct words){AMQP_UNAUTHORIZED, "Unauthorized", 401002};
    }
}

/* Where each identity has a session of its own, one without a link is of no more use to its peer.  Java's
 * multiplexing client begins another at once, takes our answer to the end of the old one for the end of the
 * new one, and loses its whole connection over that (AmqpsSessionHandler.onSessionRemoteClose): so the end
 * has to come with the detach.  The only session of a connection stays: the C SDK attaches to it again. */
static void end_if_empty(struct peer *p, struct amqp_session *session,
                         const struct amqp_error *error)
{
    if (list_empty(&p->links)) return;
    LIST_EACH(at, &p->links)
    {
        if (CONTAINER_OF(at, struct peer_link, node_in_peer)->link->session == session) return;
    }
    amqp_send_end(session, error);
}

static void detach_last(struct peer_link *l, const struct amqp_error *error)
{
    struct peer *p = l->peer;
    struct amqp_session *session = l->link->session;
    peer_detach_with(l, error);
    end_if_empty(p, session, error);
}

/* Whether or not its attach was answered: the links of an identity end alike. */
static void end_links(struct device *d, enum session_cause cause, bool answered)
{
    struct words words = words_of(cause);
    struct buf text = {0};
    status_put_json(&text, words.number, slice_str(words.text));
    struct amqp_error error = amqp_error_of(words.condition, buf_cstr(&text));
    while (!list_empty(&d->links)) {
        struct device_link *l = CONTAINER_OF(d->links.next, struct device_link, node);
        if (answered)
            detach_last(&l->base, &error);
        else
            peer_refuse(&l->base, words.condition, "%s", buf_cstr(&text));
    }
    buf_free(&text);
}

/* ---- life */

static void set_state(struct device *d, enum device_state state)
{
    if (d->state == DEVICE_ASKING) d->peer->asking--;
    d->state = state;
}

static void free_device(struct device *d)
{
    set_state(d, DEVICE_OVER);
    map_remove(&d->peer->devices, slice_str(d->session.who));
    device_drop_twin(d);
    method_calls_drop(&d->calls);
    telemetry_sender_fini(&d->sender);
    buf_free(&d->model_id);
    session_end(&d->session);
    free(d);
}

static void stamp_sender(struct device *d)
{
    struct slice who = slice_str(d->session.who);
    telemetry_sender_fini(&d->sender);
    telemetry_sender_init(&d->sender, &d->peer->service->telemetry, who,
                          slice_str(d->grant.generation), session_scope(&d->grant, who),
                          d->grant.certified ? "x509" : "sas", buf_slice(&d->model_id));
    d->sender.session = &d->session;
    d->sender.transport = HUB_AMQP;
}

/* Empty: none, or none that a twin can keep. */
static struct slice model_of(const struct amqp_attach_event *ev)
{
    struct amqp_value v;
    if (!amqp_map_find(&ev->properties, "com.microsoft:model-id", &v) || v.type == AMQP_NULL)
        return SLICE_NONE;
    return session_model_id_valid(amqp_text(&v)) ? amqp_text(&v) : SLICE_NONE;
}

/* Java and .NET say it with the links on which they send. */
static void take_model(struct device *d, const struct amqp_attach_event *ev)
{
    struct slice model = model_of(ev);
    if (buf_size(&d->model_id) || model.len == 0) return;
    buf_put_slice(&d->model_id, model);
    if (d->state == DEVICE_OPEN) stamp_sender(d);
}

static void take_end(struct device *d, int64_t ends_us)
{
    d->ends_us = ends_us;
    LIST_EACH(node, &d->links) CONTAINER_OF(node, struct device_link, node)->base.ends_us = ends_us;
    d->peer->ends_us = MIN(d->peer->ends_us, ends_us);
}

static void make_ready(struct device *d)
{
    peer_touch(d->peer);
    LIST_EACH(node, &d->links)
    {
        struct device_link *l = CONTAINER_OF(node, struct device_link, node);
        if (l->ready || (l->feature & ~(d->features & ~d->leaving))) continue;
        l->ready = true;
        l->base.node->ready(&l->base);
    }
}

static uint32_t wanted(const struct device *d)
{
    uint32_t features = 0;
    LIST_EACH(node, &d->links)
    features |= CONTAINER_OF(node, struct device_link, node)->feature;
    if (d->wants_desired && device_link_to(d, &node_device_twin)) features |= SESSION_DESIRED;
    return features;
}

void device_sync(struct device *d)
{
    if (d->state != DEVICE_OPEN || d->subscribing) return;
    d->leaving &= d->features;
    uint32_t want = wanted(d) & ~d->leaving;
    if (want == d->features) return;
    d->subscribing = true;
    enum err e = session_subscribe(&d->session, want & ~d->features, d->features & ~want, 0);
    assert(e == OK); /* one at a time */
}

static void on_subscribed(struct session *s, uint64_t cookie, uint32_t features, enum err e)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    (void)cookie;
    assert(e == OK); /* what AMQP connections want is not stored */
    if (d->state != DEVICE_OPEN) return;
    d->features = features;
    d->subscribing = false;
    device_sync(d);
    make_ready(d);
    if (!d->subscribing) device_on_synced(d);
}

static void grant(struct device *d, const struct session_opened *answer)
{
    set_state(d, DEVICE_OPEN);
    d->grant = *answer;
    stamp_sender(d);
    take_end(d, answer->ends_us);
    device_sync(d);
    make_ready(d);
    peer_arm(d->peer);
}

static void turn_away(struct device *d, const struct session_opened *answer)
{
    if (answer->cause != SESSION_UNAVAILABLE) conn_login_failed(d->peer->conn);
    say_info("amqp.device_refused", "device=%s peer=%s reason=\"%s\"", d->session.who,
             conn_peer(d->peer->conn), session_cause_text(answer));
    set_state(d, DEVICE_OVER);
    end_links(d, answer->cause, false);
    free_device(d);
}

static void on_opened(struct session *s, const struct session_opened *answer)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    struct peer *p = d->peer;
    if (answer->cause == SESSION_GRANTED) {
        peer_is_known(p);
        grant(d, answer);
    } else {
        turn_away(d, answer);
    }
    peer_home_answered(p);
}

/* A token that is not good changes nothing: the one before it counts until it ends. */
static void on_renewed(struct session *s, const struct session_opened *answer)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (d->state != DEVICE_OPEN || answer->cause != SESSION_GRANTED) return;
    take_end(d, answer->ends_us);
    peer_arm(d->peer);
}

static void on_close(struct session *s, enum session_cause cause)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    struct peer *p = d->peer;
    set_state(d, DEVICE_OVER);
    explain_close(p, slice_str(s->who), cause);
    end_links(d, cause, true);
    free_device(d);
    peer_home_answered(p);
}

static const struct session_owner owner = {
    .opened = on_opened,
    .renewed = on_renewed,
    .close = on_close,
    .subscribed = on_subscribed,
    .desired = device_on_desired,
    .method = device_on_method,
    .message = device_on_message,
    .recall = device_on_recall,
};

static struct slice chain_of(const struct amqp_attach_event *ev)
{
    struct amqp_value v;
    bool has = amqp_map_find(&ev->properties, "com.microsoft:auth-chain", &v);
    return has && v.type != AMQP_NULL ? amqp_text(&v) : SLICE_NONE;
}

/* What SDKs say that they are, with each link. */
static struct slice sdk_of(const struct amqp_attach_event *ev)
{
    struct amqp_value v;
    bool has = amqp_map_find(&ev->properties, "com.microsoft:client-version", &v);
    return has && v.type != AMQP_NULL ? amqp_text(&v) : SLICE_NONE;
}

bool device_chain_fits(const struct amqp_attach_event *ev)
{
    return chain_of(ev).len <= SESSION_AUTH_CHAIN_MAX;
}

/* With "identity;..;edge device" it is that device's edge hub who asks, with a token of its own. */
static void put_asker(struct buf *out, struct slice who, struct slice chain)
{
    size_t last = slice_rfind(chain, ';');
    put_resource(out, last < chain.len ? slice_from(chain, last + 1) : who);
    if (last < chain.len) buf_put_str(out, "/modules/$edgeHub");
}

static struct device *make(struct peer *p, struct slice who, uint32_t features,
                           const struct amqp_attach_event *ev)
{
    struct device *d = NEW(struct device);
    struct buf resource = {0};
    struct slice chain = chain_of(ev);
    struct slice model = model_of(ev);
    put_asker(&resource, who, chain);
    struct session_ask ask = {.protocol = HUB_AMQP,
                              .who = who,
                              .token = peer_token_for(p, buf_slice(&resource)),
                              .certificate = conn_peer_certificate(p->conn),
                              .peer = slice_str(conn_peer(p->conn)),
                              .sdk = sdk_of(ev),
                              .websocket = conn_in_websocket(p->conn),
                              .auth_chain = chain,
                              .model_id = model,
                              .features = features};
    *d = (struct device){.peer = p, .ends_us = INT64_MAX, .features = features};
    list_init(&d->links);
    list_init(&d->twin_requests);
    method_calls_init(&d->calls, p->service->doors.methods);
    p->asking++;
    session_open(&d->session, p->service->desk, &owner, &ask);
    map_put(&p->devices, slice_str(d->session.who), d);
    buf_free(&resource);
    return d;
}

/* ---- links */

static struct peer_link *newest(const struct device *d, const struct node *node, bool sender)
{
    for (struct list *at = d->links.prev; at != &d->links; at = at->prev) {
        struct device_link *l = CONTAINER_OF(at, struct device_link, node);
        if (l->ready && l->base.node == node && l->base.link->sender == sender) return &l->base;
    }
    return NULL;
}

struct peer_link *device_link_to(const struct device *d, const struct node *node)
{
    return newest(d, node, true);
}

struct peer_link *device_link_from(const struct device *d, const struct node *node)
{
    return newest(d, node, false);
}

void device_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct slice who = slice_str(l->address.who);
    struct device_link *link = device_link_of(l);
    struct device *d = map_get(&l->peer->devices, who);
    link->feature = l->link->sender ? l->node->feature : 0;
    if (d == NULL) d = make(l->peer, who, link->feature, ev);
    link->device = d;
    take_model(d, ev);
    list_push(&d->links, &link->node);
    if (d->state != DEVICE_OPEN) return;
    l->ends_us = d->ends_us;
    device_sync(d);
    make_ready(d);
}

/* The last link takes the session with it.  While another of its kind is left, home goes on sending;
 * else what home has under way for the device goes back, even if a link of the kind comes soon. */
void device_detached(struct peer_link *l)
{
    struct device_link *link = device_link_of(l);
    struct device *d = link->device;
    list_remove(&link->node);
    if (d->state == DEVICE_OVER) return;
    if (list_empty(&d->links)) {
        free_device(d);
        return;
    }
    d->leaving |= link->feature & ~wanted(d);
    device_sync(d);
}

int64_t device_ends_us(const struct peer_link *l)
{
    return CONTAINER_OF(l, const struct device_link, base)->device->ends_us;
}

void device_active(struct device *d)
{
    int64_t now_us = clock_mono_us();
    if (now_us < d->report_us) return;
    session_active(&d->session);
    d->report_us = now_us + SESSION_REPORT_S * 1000000ll;
}

void devices_renew(struct peer *p, struct slice token)
{
    struct device *d;
    for (size_t at = 0; (d = map_next(&p->devices, &at)) != NULL;) {
        struct buf resource = {0};
        put_asker(&resource, slice_str(d->session.who),
                  d->session.auth_chain ? slice_str(d->session.auth_chain) : SLICE_NONE);
        if (peer_token_covers(p, token, buf_slice(&resource))) session_renew(&d->session, token);
        buf_free(&resource);
    }
}
