/* device_http.c - a device that sends over HTTPS: one request after the other, some of them batches. */
#include <stdio.h>

#include "base/num.h"
#include "base/text.h"
#include "device.h"
#include "promise/payload.h"

enum { PAUSE_US_MAX = 20000, BATCH_PERCENT = 30 };

static struct device_http *of(struct http_peer *p)
{
    return CONTAINER_OF(p, struct device_http, peer);
}

/* ---- asking */

static void put_payload(struct buf *out, const struct device_http *d, uint64_t number)
{
    payload_write(out, d->index, number, (size_t)world_random(DEVICE_PADDING_MAX));
}

static void put_batch(struct buf *out, const struct device_http *d)
{
    for (unsigned i = 0; i < d->in_flight; i++) {
        struct buf body = {0};
        put_payload(&body, d, d->account->acked + i);
        buf_put_str(out, i ? ",{\"body\":\"" : "[{\"body\":\"");
        text_base64(out, buf_slice(&body));
        buf_put_str(out, "\"}");
        buf_free(&body);
    }
    buf_put_str(out, "]");
}

static void send(struct device_http *d, bool batch)
{
    struct buf token = {0}, headers = {0}, body = {0};
    char path[LEDGER_ID_MAX + 64];
    snprintf(path, sizeof path, "devices/%s", d->account->id);
    sim_hub_token(d->peer.client.hub, "device", path, &token);
    buf_printf(&headers, "Authorization: %.*s\r\n", SLICE_ARG(buf_slice(&token)));
    if (batch) buf_put_str(&headers, "Content-Type: application/vnd.microsoft.iothub.json\r\n");
    if (batch)
        put_batch(&body, d);
    else
        put_payload(&body, d, d->account->acked);
    snprintf(path, sizeof path, "/devices/%s/messages/events?api-version=2021-04-12",
             d->account->id);
    http_peer_ask(&d->peer, "POST", path, buf_cstr(&headers), buf_slice(&body));
    buf_free(&token);
    buf_free(&headers);
    buf_free(&body);
}

static void next(void *ctx, uint64_t connect)
{
    struct device_http *d = ctx;
    struct account *a = d->account;
    if (!http_peer_idle(&d->peer) || d->peer.client.connects != connect || a->acked >= d->goal)
        return;
    bool batch = world_chance(BATCH_PERCENT);
    d->in_flight = batch ? 1 + (unsigned)world_random(DEVICE_BATCH_MAX) : 1;
    d->in_flight = (unsigned)MIN(d->in_flight, d->goal - a->acked);
    a->sent = MAX(a->sent, a->acked + d->in_flight);
    send(d, batch);
}

static void go_on(struct http_peer *p)
{
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), next, of(p), p->client.connects);
}

/* ---- hearing */

/* They may be stored or not: all that did not end well is sent again. */
static void lost(struct http_peer *p)
{
    struct device_http *d = of(p);
    account_unsettled(d->account, d->account->acked, d->account->acked + d->in_flight);
}

static void answered(struct http_peer *p, const struct http_answer *a)
{
    struct device_http *d = of(p);
    if (a->status == 204)
        d->account->acked += d->in_flight;
    else if (a->status == 429 || a->status >= 500)
        lost(p);
    else
        world_violated("%s: answer %u: %.*s", d->account->id, a->status, SLICE_ARG(a->body));
    if (d->account->acked >= d->goal)
        client_done(&p->client);
    else
        go_on(p);
}

void device_http_init(struct device_http *d, struct ledger *l, unsigned index, uint64_t goal,
                      struct sim_hub *hub)
{
    static const struct http_actor actor = {go_on, answered, lost};
    *d = (struct device_http){.account = &l->accounts[index], .index = index, .goal = goal};
    world_name(d->account->id, "http", index);
    http_peer_init(&d->peer, &actor, hub);
}
