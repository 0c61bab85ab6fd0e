/* c2d_http.c - a device that asks for its messages over HTTPS, one after the other. */
#include <stdio.h>

#include "c2d.h"

enum { PAUSE_US_MAX = 50000, LOCK_S = 5, FORGET_PERCENT = 10 };
#define SLACK_US 1000000ll /* the hub may begin a lock that long after it was asked */

static struct c2d_http *of(struct http_peer *p)
{
    return CONTAINER_OF(p, struct c2d_http, peer);
}

static void settle(struct c2d_http *d, bool sure)
{
    switch (d->verdict) {
    case C2D_COMPLETES: model_c2d_settled(d->model, d->number, END_SUCCESS, sure); break;
    case C2D_REJECTS: model_c2d_settled(d->model, d->number, END_REJECTED, sure); break;
    case C2D_GIVES_BACK: model_c2d_given_back(d->model, d->number, sure); break;
    }
}

/* ---- asking */

static void ask(struct c2d_http *d, const char *method, const char *what)
{
    struct buf token = {0}, headers = {0}, path = {0};
    char resource[64];
    snprintf(resource, sizeof resource, "devices/%s", d->id);
    sim_hub_token(d->peer.client.hub, "device", resource, &token);
    buf_printf(&headers, "Authorization: %.*s\r\niothub-messagelocktimeout: %d\r\n",
               SLICE_ARG(buf_slice(&token)), LOCK_S);
    buf_printf(&path, "/%s/messages/deviceBound%sapi-version=2021-04-12", resource, what);
    d->asked_us = world.now_us;
    http_peer_ask(&d->peer, method, buf_cstr(&path), buf_cstr(&headers), SLICE_NONE);
    buf_free(&token);
    buf_free(&headers);
    buf_free(&path);
}

static void next(void *ctx, uint64_t connect)
{
    struct c2d_http *d = ctx;
    char what[100];
    if (!http_peer_idle(&d->peer) || d->peer.client.connects != connect) return;
    d->settles = *d->lock != '\0';
    if (!d->settles) {
        ask(d, "GET", "?");
        return;
    }
    settle(d, false);
    snprintf(what, sizeof what, "/%s%s", d->lock,
             d->verdict == C2D_COMPLETES ? "?"
             : d->verdict == C2D_REJECTS ? "?reject&"
                                         : "/abandon?");
    ask(d, d->verdict == C2D_GIVES_BACK ? "POST" : "DELETE", what);
}

static void go_on(struct http_peer *p)
{
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), next, of(p), p->client.connects);
}

/* ---- hearing */

/* What it has in hand it forgets; until the locks are over it does not know what is hidden. */
static void doubt(struct c2d_http *d)
{
    if (d->settles) *d->lock = '\0';
    d->doubt_us = world.now_us + LOCK_S * 1000000ll + SLACK_US;
}

/* Some it forgets at once: they come again when their lock is over, and not before. */
static void on_message(struct c2d_http *d, const struct http_answer *a)
{
    struct slice id = http_answer_header(a, "iothub-messageid"),
                 etag = http_answer_header(a, "etag");
    struct c2d_receipt how = {.device = d->id,
                              .since_us = d->asked_us,
                              .lock_us = LOCK_S * 1000000ll,
                              .life = d->peer.client.life,
                              .locked = true,
                              .doubt_us = d->doubt_us};
    model_c2d_delivered(d->model, &how, id, a->body);
    if (!model_c2d_number(id, &d->number)) return;
    if (world_chance(FORGET_PERCENT)) {
        doubt(d);
        return;
    }
    d->verdict = c2d_verdict(d->number);
    snprintf(d->lock, sizeof d->lock, "%.*s",
             SLICE_ARG(slice_from(slice_head(etag, etag.len - 1), 1)));
}

/* A lock may be over, a disk full or broken. */
static void answered(struct http_peer *p, const struct http_answer *a)
{
    struct c2d_http *d = of(p);
    if (!d->settles && a->status == 200)
        on_message(d, a);
    else if (!d->settles && a->status == 204)
        model_c2d_none(d->model, d->id, d->asked_us, d->doubt_us);
    else if (d->settles && a->status == 204)
        settle(d, true);
    else if (a->status < 500 && a->status != 204 && a->status != 412 && a->status != 429)
        world_violated("%s: answer %u: %.*s", d->id, a->status, SLICE_ARG(a->body));
    if (d->settles || a->status >= 400) doubt(d);
    go_on(p);
}

static void lost(struct http_peer *p)
{
    doubt(of(p));
}

void c2d_http_init(struct c2d_http *d, struct model_c2d *m, struct sim_hub *hub, const char *id)
{
    static const struct http_actor actor = {go_on, answered, lost};
    *d = (struct c2d_http){.model = m};
    snprintf(d->id, sizeof d->id, "%s", id);
    http_peer_init(&d->peer, &actor, hub);
}
