/* webhook.c - see webhook.h. */
#include "dps/webhook.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "dps/operation.h"
#include "dps/webhook_answer.h"

COUNTER(asked_total, "azimuth_dps_webhook_calls_total", "Calls of custom allocation webhooks");
COUNTER(again_total, "azimuth_dps_webhook_retries_total",
        "Calls of custom allocation webhooks that are made again");

static void ask(struct operation *o);

/* ---- the request: AllocationRequest */

static void put_member(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

/* Of a certificate what it says; of keys only that there are some. */
static void put_proof(struct operation *o, struct buf *out)
{
    struct buf text = {0};
    struct json *proof;
    buf_printf(&text, "{%.*s}", SLICE_ARG(o->who.proof));
    const struct json *x509 = NULL;
    if (json_parse(&o->arena, buf_slice(&text), &proof) == OK) x509 = json_get(proof, "x509");
    if (x509) {
        buf_put_str(out, ",\"x509\":{\"clientCertificates\":{\"primary\":{\"info\":");
        json_write(out, json_get(x509, "certificateInfo"));
        buf_put_str(out, "}}}");
    } else {
        buf_put_str(out, ",\"symmetricKey\":{}");
    }
    buf_free(&text);
}

static void put_context(struct operation *o, struct buf *out)
{
    buf_put_str(out, ",\"deviceRuntimeContext\":{\"registrationId\":");
    text_json_string(out, o->next.id);
    if (operation_was_assigned(o)) {
        put_member(out, "currentIotHubHostName", o->before.hub);
        put_member(out, "currentDeviceId", o->before.device_id);
    }
    put_proof(o, out);
    if (o->device_payload.len) {
        buf_put_str(out, ",\"payload\":");
        buf_put_slice(out, o->device_payload);
    }
    buf_put_str(out, "},\"linkedHubs\":[");
    for (unsigned i = 0; i < o->webhook.hub_count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, o->webhook.hubs[i]);
    }
    buf_put_str(out, "]}");
}

static void put_request(struct operation *o, struct buf *out)
{
    const struct enrollment *e = &o->who.enrollment;
    buf_printf(out, "{\"%s\":", e->kind == DPS_GROUP ? "enrollmentGroup" : "individualEnrollment");
    enrollment_write(out, e, ENROLLMENT_WEBHOOK, SLICE_NONE);
    put_context(o, out);
}

/* ---- the answer */

static void failed(struct operation *o, unsigned code, const char *why)
{
    struct buf text = {0};
    buf_printf(&text, "custom allocation: %s", why);
    operation_failed(o, code, buf_slice(&text));
    buf_free(&text);
}

static void take(struct operation *o, struct slice body)
{
    struct webhook_answer answer;
    const struct webhook *w = &o->webhook;
    unsigned code = webhook_answer_read(&o->arena, body, w->hubs, w->hub_count, &answer);
    if (code != DPS_OK) {
        failed(o, code, fail_text());
        return;
    }
    if (answer.twin.len) o->initial_twin = answer.twin;
    o->next.payload = answer.payload;
    operation_allocated(o, answer.hub);
}

/* ---- again */

static struct operation *of_timer(struct timer *t)
{
    return CONTAINER_OF(CONTAINER_OF(t, struct webhook, again), struct operation, webhook);
}

static void on_again(struct timer *t, int64_t now_us)
{
    (void)now_us;
    ask(of_timer(t));
}

/* What may be better in a while: too busy, broken, slow, not there. */
static bool is_passing(const struct out_answer *a)
{
    if (a->err == OK) return a->http >= 429;
    return a->err == ERR_TIMEOUT || a->err == ERR_CLOSED || a->err == ERR_THROTTLED;
}

static void say_why(const struct out_answer *a, char *out, size_t size)
{
    if (a->err == OK)
        snprintf(out, size, "the webhook answered %u", a->http);
    else
        snprintf(out, size, "the webhook did not answer (%s)", a->text);
}

static void on_answer(struct out_wait *wait, const struct out_answer *a)
{
    struct webhook *w = CONTAINER_OF(wait, struct webhook, wait);
    struct operation *o = CONTAINER_OF(w, struct operation, webhook);
    char why[256];
    say_why(a, why, sizeof why);
    w->asked = false;
    if (a->err == OK && a->http == 200) {
        take(o, a->body);
    } else if (a->err == OK && a->http == 401) {
        failed(o, DPS_ALLOCATION_UNAUTHORIZED, why);
    } else if (is_passing(a) && w->tries < WEBHOOK_RETRIES) {
        int64_t wait_s = WEBHOOK_RETRY_FIRST_S + (int64_t)WEBHOOK_RETRY_MORE_S * w->tries++;
        metric_inc(&again_total);
        say_debug("dps.webhook", "registration=%.*s retry_s=%lld reason=\"%s\"",
                  SLICE_ARG(o->next.id), (long long)wait_s, why);
        timer_set(&o->dps->lane->timers, &w->again, clock_mono_us() + wait_s * 1000000);
    } else {
        failed(o, DPS_ALLOCATION_FAILED, why);
    }
}

/* ---- asking */

static void ask(struct operation *o)
{
    struct buf body = {0};
    put_request(o, &body);
    o->webhook.asked = true;
    o->webhook.wait.fn = on_answer;
    metric_inc(&asked_total);
    out_send(o->dps->doors.out, o->dps->lane,
             &(struct out_request){
                 .method = "POST",
                 .url = o->who.enrollment.webhook_url,
                 .headers = {{SLICE_LIT("Content-Type"), SLICE_LIT("application/json")},
                             {SLICE_LIT("Accept"), SLICE_LIT("application/json")}},
                 .body = buf_slice(&body),
                 .timeout_ms = WEBHOOK_TIMEOUT_MS,
                 .answer_max = WEBHOOK_ANSWER_MAX},
             &o->webhook.wait);
    buf_free(&body);
}

void webhook_ask(struct operation *o, const struct slice *hubs, unsigned count)
{
    struct slice *kept = arena_alloc(&o->arena, count * sizeof *kept);
    for (unsigned i = 0; i < count; i++) kept[i] = arena_copy(&o->arena, hubs[i]);
    o->webhook.hubs = kept;
    o->webhook.hub_count = count;
    ask(o);
}

void webhook_init(struct webhook *w)
{
    *w = (struct webhook){0};
    timer_init(&w->again, on_again);
}

void webhook_forget(struct operation *o)
{
    if (o->webhook.asked) out_forget(o->dps->lane, &o->webhook.wait);
    timer_stop(&o->webhook.again);
}
