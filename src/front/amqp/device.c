/* device.c - sessions of the identities that share a connection (drawn in device.h). */
#include "front/amqp/device.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "base/text.h"
#include "hub/status.h"

#define LINK_CONFLICT "com.microsoft:link-creation-conflict"

static struct device_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct device_link, base);
}

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

/* As the hub describes errors of devices: a JSON text. */
static void put_description(struct buf *out, const struct words *w)
{
    char id[RAND_GUID_LEN + 1], now[CLOCK_ISO_LEN + 1];
    rand_guid(id);
    clock_iso(clock_wall_us(), now);
    buf_printf(
        out, "{\"errorCode\":%u,\"trackingId\":\"%s\",\"message\":\"%s\",\"timestampUtc\":\"%s\"}",
        w->number, id, w->text, now);
}

/* Whether or not its attach was answered: the links of an identity end alike. */
static void end_links(struct device *d, enum session_cause cause, bool answered)
{
    struct words words = words_of(cause);
    struct buf text = {0};
    put_description(&text, &words);
    while (!list_empty(&d->links)) {
        struct device_link *l = CONTAINER_OF(d->links.next, struct device_link, node);
        if (answered)
            peer_detach(&l->base, words.condition, "%s", buf_cstr(&text));
        else
            peer_refuse(&l->base, words.condition, "%s", buf_cstr(&text));
    }
    buf_free(&text);
}

/* ---- life */

static void free_device(struct device *d)
{
    map_remove(&d->peer->devices, slice_str(d->session.who));
    telemetry_sender_fini(&d->sender);
    session_end(&d->session);
    free(d);
}

static void take_end(struct device *d, int64_t ends_us)
{
    d->ends_us = ends_us;
    LIST_EACH(node, &d->links) CONTAINER_OF(node, struct device_link, node)->base.ends_us = ends_us;
    d->peer->ends_us = MIN(d->peer->ends_us, ends_us);
}

static void grant(struct device *d, const struct session_opened *answer)
{
    d->state = DEVICE_OPEN;
    struct slice who = slice_str(d->session.who);
    telemetry_sender_init(&d->sender, &d->peer->service->telemetry, who,
                          slice_str(answer->generation), session_scope(answer, who),
                          answer->certified ? "x509" : "sas", SLICE_NONE);
    take_end(d, answer->ends_us);
    peer_touch(d->peer);
    LIST_EACH(node, &d->links)
    {
        struct peer_link *l = &CONTAINER_OF(node, struct device_link, node)->base;
        l->node->ready(l);
    }
    peer_arm(d->peer);
}

static void on_opened(struct session *s, const struct session_opened *answer)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (answer->cause == SESSION_GRANTED) {
        grant(d, answer);
        return;
    }
    say_debug("amqp.device_refused", "identity=%s peer=%s cause=%s", s->who,
              conn_peer(d->peer->conn), session_cause_name(answer->cause));
    d->state = DEVICE_OVER;
    end_links(d, answer->cause, false);
    free_device(d);
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
    d->state = DEVICE_OVER;
    end_links(d, cause, true);
    free_device(d);
}

static const struct session_owner owner = {
    .opened = on_opened,
    .renewed = on_renewed,
    .close = on_close,
};

static struct device *make(struct peer *p, struct slice who)
{
    struct device *d = NEW(struct device);
    struct buf resource = {0};
    put_resource(&resource, who);
    struct session_ask ask = {.protocol = SESSION_AMQP,
                              .who = who,
                              .token = peer_token_for(p, buf_slice(&resource)),
                              .certificate = conn_peer_certificate(p->conn)};
    *d = (struct device){.peer = p, .ends_us = INT64_MAX};
    list_init(&d->links);
    session_open(&d->session, p->service->desk, &owner, &ask);
    map_put(&p->devices, slice_str(d->session.who), d);
    buf_free(&resource);
    return d;
}

/* ---- links */

void device_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct slice who = slice_str(l->address.who);
    struct device *d = map_get(&l->peer->devices, who);
    (void)ev;
    if (d == NULL) d = make(l->peer, who);
    of(l)->device = d;
    list_push(&d->links, &of(l)->node);
    if (d->state != DEVICE_OPEN) return;
    l->ends_us = d->ends_us;
    l->node->ready(l);
}

/* The last link takes the session with it. */
void device_detached(struct peer_link *l)
{
    struct device *d = of(l)->device;
    list_remove(&of(l)->node);
    if (d->state != DEVICE_OVER && list_empty(&d->links)) free_device(d);
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
        put_resource(&resource, slice_str(d->session.who));
        if (peer_token_covers(p, token, buf_slice(&resource))) session_renew(&d->session, token);
        buf_free(&resource);
    }
}
