/* hubs.c - this server's own hub: its verbs, asked as anybody would over HTTP; and others, over HTTP. */
#include "dps/hubs.h"

#include <stdio.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"

COUNTER(asked_total, "azimuth_dps_linked_hub_calls_total", "Questions to linked hubs");
COUNTER(failed_total, "azimuth_dps_linked_hub_failures_total",
        "Questions that a linked hub did not answer");

#define API_VERSION "?api-version=2021-04-12"

static void on_soon(struct timer *t, int64_t now_us);

void hub_ask_init(struct hub_ask *ask, struct dps *d)
{
    *ask = (struct hub_ask){.dps = d};
    timer_init(&ask->soon, on_soon);
}

void hub_ask_forget(struct hub_ask *ask)
{
    struct dps *d = ask->dps;
    switch (ask->waiting) {
    case HUB_ASKS_REGISTRY: registry_forget(d->doors.registry, &ask->registry); break;
    case HUB_ASKS_TWINS: twin_forget(d->doors.twins, &ask->twin); break;
    case HUB_ASKS_ANOTHER: out_forget(d->lane, &ask->out); break;
    case HUB_ASKS_NONE: timer_stop(&ask->soon); break;
    case HUB_ASKS_NOBODY: break;
    }
    ask->waiting = HUB_ASKS_NOBODY;
}

bool hub_is_linked(const struct dps *d, struct slice hub)
{
    return linked_find(&d->linked, hub) != NULL;
}

/* ---- answers */

static void answer(struct hub_ask *ask, const struct hub_reply *reply)
{
    ask->waiting = HUB_ASKS_NOBODY;
    ask->fn(ask, reply);
}

static void on_registry(struct registry_wait *w, const struct registry_answer *a)
{
    answer(CONTAINER_OF(w, struct hub_ask, registry),
           &(struct hub_reply){.http = status_http(a->status), .body = a->body, .text = a->text});
}

static void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    answer(CONTAINER_OF(w, struct hub_ask, twin),
           &(struct hub_reply){.http = status_http(a->status), .body = a->body, .text = a->text});
}

static void on_other(struct out_wait *w, const struct out_answer *a)
{
    if (a->err != OK) metric_inc(&failed_total);
    answer(CONTAINER_OF(w, struct hub_ask, out),
           &(struct hub_reply){.http = a->err == OK ? a->http : 0,
                               .body = a->body,
                               .text = a->err == OK ? SLICE_NONE : slice_str(a->text)});
}

static void on_soon(struct timer *t, int64_t now_us)
{
    (void)now_us;
    answer(CONTAINER_OF(t, struct hub_ask, soon),
           &(struct hub_reply){.http = 404, .text = SLICE_LIT("it is not linked any more")});
}

/* ---- asking */

static struct registry_wait *registry_waits(struct hub_ask *ask)
{
    ask->waiting = HUB_ASKS_REGISTRY;
    ask->registry = (struct registry_wait){.fn = on_registry};
    return &ask->registry;
}

static void put_token(struct buf *out, const struct linked_hub *h)
{
    char policy[SAS_POLICY_MAX + 1];
    snprintf(policy, sizeof policy, "%.*s", SLICE_ARG(h->policy));
    sas_make(out, h->name, slice_of(h->key.bytes, h->key.len), policy,
             clock_wall_us() / 1000000 + HUB_TOKEN_LIFE_S);
}

static void ask_other(struct hub_ask *ask, const struct linked_hub *h, const char *method,
                      struct slice path, struct slice json)
{
    struct buf url = {0}, token = BUF_SECRET;
    buf_printf(&url, "https://%.*s:%u%.*s" API_VERSION, SLICE_ARG(h->name), h->port,
               SLICE_ARG(path));
    put_token(&token, h);
    ask->waiting = HUB_ASKS_ANOTHER;
    ask->out = (struct out_wait){.fn = on_other};
    struct out_request r = {
        .method = method,
        .url = buf_slice(&url),
        .headers = {{SLICE_LIT("Authorization"), buf_slice(&token)},
                    {SLICE_LIT("Content-Type"), SLICE_LIT("application/json; charset=utf-8")}},
        .body = json,
        .timeout_ms = HUB_TIMEOUT_MS,
        .answer_max = HUB_ANSWER_MAX};
    bool changes_one = *method != 'G' && !slice_is(path, "/devices");
    if (changes_one) r.headers[2] = (struct out_header){SLICE_LIT("If-Match"), SLICE_LIT("*")};
    metric_inc(&asked_total);
    out_send(ask->dps->doors.out, ask->dps->lane, &r, &ask->out);
    buf_wipe(&token);
    buf_free(&url);
}

static void ask_about(struct hub_ask *ask, const struct linked_hub *h, const char *method,
                      const char *what, struct slice device_id, struct slice json)
{
    struct buf path = {0};
    buf_printf(&path, "/%s/", what);
    text_percent(&path, device_id);
    ask_other(ask, h, method, buf_slice(&path), json);
    buf_free(&path);
}

/* NULL: it is not linked, and that is the answer. */
static const struct linked_hub *find(struct hub_ask *ask, struct slice hub)
{
    const struct linked_hub *h = linked_find(&ask->dps->linked, hub);
    if (h) return h;
    ask->waiting = HUB_ASKS_NONE;
    timer_set(&ask->dps->lane->timers, &ask->soon, clock_mono_us());
    return NULL;
}

/* ---- questions */

void hub_get_identity(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    const struct linked_hub *h = find(ask, hub);
    if (h && h->own)
        registry_get(ask->dps->doors.registry, device_id, registry_waits(ask));
    else if (h)
        ask_about(ask, h, "GET", "devices", device_id, SLICE_NONE);
}

void hub_put_identity(struct hub_ask *ask, struct slice hub, struct slice device_id,
                      struct slice json)
{
    const struct linked_hub *h = find(ask, hub);
    if (h && h->own)
        registry_put(ask->dps->doors.registry, device_id, SLICE_LIT("*"), json,
                     registry_waits(ask));
    else if (h)
        ask_about(ask, h, "PUT", "devices", device_id, json);
}

void hub_delete_identity(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    const struct linked_hub *h = find(ask, hub);
    if (h && h->own)
        registry_delete(ask->dps->doors.registry, device_id, SLICE_LIT("*"), registry_waits(ask));
    else if (h)
        ask_about(ask, h, "DELETE", "devices", device_id, SLICE_NONE);
}

void hub_import(struct hub_ask *ask, struct slice hub, struct slice json)
{
    const struct linked_hub *h = find(ask, hub);
    if (h && h->own)
        registry_bulk(ask->dps->doors.registry, json, registry_waits(ask));
    else if (h)
        ask_other(ask, h, "POST", SLICE_LIT("/devices"), json);
}

void hub_get_twin(struct hub_ask *ask, struct slice hub, struct slice device_id)
{
    const struct linked_hub *h = find(ask, hub);
    if (h && h->own) {
        ask->waiting = HUB_ASKS_TWINS;
        ask->twin = (struct twin_wait){.fn = on_twin};
        twin_get(ask->dps->doors.twins, device_id, &ask->twin);
    } else if (h) {
        ask_about(ask, h, "GET", "twins", device_id, SLICE_NONE);
    }
}
