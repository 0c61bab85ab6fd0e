/* call.c - the caller's part: a slot and a timer; and the life of a core's methods. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/method/message.h"

LIMIT_REACHED(too_many_calls, "method-calls")
COUNTER(calls_total, "azimuth_methods_called_total", "Direct methods called");
COUNTER(answered_total, "azimuth_methods_answered_total",
        "Direct methods that the device answered");
COUNTER(not_online_total, "azimuth_methods_not_online_total",
        "Direct methods for which no device was there");
COUNTER(timeouts_total, "azimuth_methods_timeouts_total",
        "Direct methods that were sent and not answered in time");
COUNTER(refused_total, "azimuth_methods_refused_total",
        "Direct methods refused because too many are under way");
/* IoT Hub's c2d.methods.{success,failure,requestSize,responseSize}. */
COUNTER(failures, "azimuth_c2d_methods_failure_total", "Direct methods that no device answered");
COUNTER(successes, "azimuth_c2d_methods_success_total", "Direct methods that a device answered");
COUNTER(request_bytes, "azimuth_c2d_methods_requestSize_bytes_total",
        "Bytes of payload of the methods that were answered");
COUNTER(response_bytes, "azimuth_c2d_methods_responseSize_bytes_total",
        "Bytes of payload of their answers");
GAUGE(calling, "azimuth_methods_calling", "Direct methods under way");

static const struct {
    enum status status;
    const char *text;
    struct metric *metric;
} ends[METHOD_ENDS] = {
    [METHOD_ANSWERED] = {STATUS_OK, NULL, &answered_total},
    [METHOD_NO_DEVICE] = {STATUS_DEVICE_NOT_FOUND, "the device is not registered", NULL},
    [METHOD_NOT_CONNECTED] = {STATUS_DEVICE_NOT_ONLINE,
                              "Timed out waiting for device to connect. It is not connected.",
                              &not_online_total},
    [METHOD_NOT_SUBSCRIBED] = {STATUS_DEVICE_NOT_ONLINE,
                               "Timed out waiting for device to connect. It is connected, but has "
                               "not subscribed to direct methods.",
                               &not_online_total},
    [METHOD_CONNECTION_LOST] = {STATUS_GATEWAY_TIMEOUT,
                                "The device's connection ended before it answered. It may have run "
                                "the method.",
                                &timeouts_total},
    [METHOD_NO_ANSWER] = {STATUS_GATEWAY_TIMEOUT, "Timed out waiting for the response from device.",
                          &timeouts_total},
    [METHOD_BAD_ANSWER] = {STATUS_BAD_GATEWAY,
                           "The device's answer is not a status and at most 128 KB of JSON.", NULL},
    [METHOD_BUSY] = {STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED,
                     "too many calls wait for this device, try again later", &refused_total},
    [METHOD_STORE_SILENT] = {STATUS_SERVICE_UNAVAILABLE, "the store does not answer", NULL},
};

/* ---- asking */

bool method_name_valid(struct slice name)
{
    if (name.len == 0 || name.len > METHOD_NAME_MAX || !text_is_utf8(name)) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7f || memchr("/+#?", name.ptr[i], 4))
            return false;
    return true;
}

static enum err check(const struct method_ask *ask)
{
    if (!method_name_valid(ask->name))
        return fail(ERR_INVALID,
                    "a method's name has 1 to %d bytes, without '/', '+', '#', '?' and "
                    "control characters",
                    METHOD_NAME_MAX);
    if (ask->response_s < METHOD_RESPONSE_S_MIN || ask->response_s > METHOD_RESPONSE_S_MAX)
        return fail(ERR_INVALID, "responseTimeoutInSeconds is a number from %d to %d",
                    METHOD_RESPONSE_S_MIN, METHOD_RESPONSE_S_MAX);
    if (ask->connect_s > METHOD_CONNECT_S_MAX)
        return fail(ERR_INVALID, "connectTimeoutInSeconds is a number from 0 to %d",
                    METHOD_CONNECT_S_MAX);
    if (ask->connect_s > ask->response_s)
        return fail(ERR_INVALID,
                    "connectTimeoutInSeconds must not exceed responseTimeoutInSeconds");
    if (ask->payload.len > METHOD_PAYLOAD_MAX)
        return fail(ERR_TOO_BIG, "a method's payload has at most %d bytes", METHOD_PAYLOAD_MAX);
    return OK;
}

static uint8_t *put(uint8_t *at, struct slice bytes)
{
    if (bytes.len) memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static struct msg *call_msg(const struct method_ask *ask)
{
    size_t len = ask->who.len + ask->name.len + ask->payload.len;
    struct msg *m = msg_new(METHOD_CALL, sizeof(struct method_call_msg) + len);
    struct method_call_msg *body = (void *)m->body;
    *body = (struct method_call_msg){.response_s = ask->response_s,
                                     .connect_s = ask->connect_s,
                                     .who_len = (uint32_t)ask->who.len,
                                     .name_len = (uint32_t)ask->name.len};
    put(put(put(body->bytes, ask->who), ask->name), ask->payload);
    return m;
}

static const struct method_call_msg *body_of(const struct msg *m)
{
    return (const void *)m->body;
}

struct slice method_msg_who(const struct msg *m)
{
    return slice_of(body_of(m)->bytes, body_of(m)->who_len);
}

struct slice method_msg_name(const struct msg *m)
{
    return slice_of(body_of(m)->bytes + body_of(m)->who_len, body_of(m)->name_len);
}

struct slice method_msg_payload(const struct msg *m)
{
    const struct method_call_msg *body = body_of(m);
    return slice_from(msg_body(m), sizeof *body + body->who_len + body->name_len);
}

/* ---- the end of a call */

void method_forget(struct method_call *c)
{
    timer_stop(&c->timer);
    slot_free(c->methods->lane, c->slot);
    free(c->who);
    free(c->sdk);
    c->who = c->sdk = NULL;
    buf_free(&c->told);
    metric_set(&calling, --c->methods->calling);
}

static void count(const struct method_call *c, bool answered, struct slice payload)
{
    metric_inc(answered ? &successes : &failures);
    if (!answered) return;
    metric_add(&request_bytes, c->asked);
    metric_add(&response_bytes, (int64_t)payload.len);
}

static void diagnose(const struct method_call *c, const struct method_result *r)
{
    const struct hub *hub = c->methods->hub;
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_DIRECT_METHODS,
                           .operation = "send",
                           .duration_us = clock_mono_us() - c->begun_us,
                           .properties = &properties};
    if (c->who == NULL || !diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_who(&properties, slice_str(c->who));
    diagnostic_put_number(&properties, "RequestSize", c->asked);
    diagnostic_put_number(&properties, "ResponseSize", (int64_t)r->payload.len);
    if (c->sdk) diagnostic_put_text(&properties, "sdkVersion", slice_str(c->sdk));
    diagnostic_set_status(&d, r->status);
    diagnostic_note(hub, c->methods->lane, &d);
    buf_free(&properties);
}

static void end(struct method_call *c, const struct method_done_msg *done, struct slice payload)
{
    struct method_result r = {.status = ends[done->end].status,
                              .text = ends[done->end].text,
                              .device_status = done->device_status,
                              .payload = payload};
    if (ends[done->end].metric) metric_inc(ends[done->end].metric);
    diagnose(c, &r);
    method_tell_ended(c, &r);
    count(c, done->end == METHOD_ANSWERED, payload);
    method_forget(c);
    c->fn(c, &r);
}

/* Callers put the payload into JSON of their own. */
static bool is_json(struct slice payload)
{
    struct arena arena = {0};
    struct json *value;
    bool is = payload.len <= METHOD_PAYLOAD_MAX && json_parse(&arena, payload, &value) == OK;
    arena_free(&arena);
    return is;
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    static const struct method_done_msg bad_answer = {.end = METHOD_BAD_ANSWER};
    const struct method_done_msg *done = (const void *)m->body;
    struct method_call *c = slot_get(lane, m->to);
    struct slice payload = slice_from(msg_body(m), sizeof *done);
    (void)ctx;
    if (c == NULL) return;
    if (payload.len == 0) payload = SLICE_LIT("null");
    if (done->end == METHOD_ANSWERED && !is_json(payload)) done = &bad_answer;
    end(c, done, payload);
}

static void on_sdk(void *ctx, struct lane *lane, struct msg *m)
{
    struct method_call *c = slot_get(lane, m->to);
    (void)ctx;
    if (c == NULL || c->who == NULL) return;
    free(c->sdk);
    c->sdk = slice_dup(msg_body(m));
}

/* Home and the session's core time out first; this is for when one of them is silent. */
static void on_timer(struct timer *t, int64_t now_us)
{
    static const struct method_done_msg no_answer = {.end = METHOD_NO_ANSWER};
    (void)now_us;
    end(CONTAINER_OF(t, struct method_call, timer), &no_answer, SLICE_NONE);
}

/* Node's service SDK gives up after exactly the sum of both timeouts. */
int64_t method_wait_us(unsigned s)
{
    enum { EARLY_US = 200000 };
    return s * INT64_C(1000000) - EARLY_US;
}

enum err method_call(struct methods *m, const struct method_ask *ask, struct method_call *c)
{
    ON_LANE(m->lane);
    TRY(check(ask));
    if (m->calling == METHOD_CALLS_MAX) {
        metric_inc(&too_many_calls);
        metric_inc(&refused_total);
        metric_inc(&failures);
        return fail(ERR_THROTTLED, "%d calls are under way, try again later", METHOD_CALLS_MAX);
    }
    metric_inc(&calls_total);
    metric_set(&calling, ++m->calling);
    c->methods = m;
    c->asked = (uint32_t)ask->payload.len;
    c->begun_us = clock_mono_us();
    c->sdk = NULL;
    method_tell_asked(c, ask);
    c->who = diagnostic_wanted(m->hub, DIAGNOSTIC_DIRECT_METHODS) ? slice_dup(ask->who) : NULL;
    c->slot = slot_new(m->lane, c);
    timer_init(&c->timer, on_timer);
    timer_set(&m->lane->timers, &c->timer,
              clock_mono_us() + method_wait_us(ask->connect_s + ask->response_s));
    post(m->lane, c->slot, hub_home(m->hub, ask->who), call_msg(ask));
    return OK;
}

void method_done(struct methods *m, struct addr caller, enum method_end how, int32_t device_status,
                 struct slice payload)
{
    struct msg *reply = msg_new(METHOD_DONE, sizeof(struct method_done_msg) + payload.len);
    struct method_done_msg *body = (void *)reply->body;
    body->end = how;
    body->device_status = device_status;
    put(body->payload, payload);
    post(m->lane, lane_addr(m->lane), caller, reply);
}

static void caller_join(struct methods *m)
{
    lane_on(m->lane, METHOD_DONE, on_done, m);
    lane_on(m->lane, METHOD_SDK, on_sdk, m);
}

/* ---- life */

struct methods *methods_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                            struct session_home *sessions)
{
    struct methods *m = NEW(struct methods);
    *m = (struct methods){.hub = hub, .lane = lane, .registry = registry, .sessions = sessions};
    caller_join(m);
    home_join(m);
    pending_join(m);
    return m;
}

void methods_free(struct methods *m)
{
    if (m == NULL) return;
    home_leave(m);
    free(m);
}
