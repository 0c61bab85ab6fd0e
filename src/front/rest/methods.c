/* methods.c - direct methods: IoT Hub service REST API, "Devices - Invoke Method".
 *
 *   {"methodName", "payload", "responseTimeoutInSeconds", "connectTimeoutInSeconds"}
 *   200 {"status", "payload"}: whatever the device's status is
 */
#include "base/json.h"
#include "front/rest/call.h"

enum { SLACK_US = 5000000 }; /* hub/method answers in time; this is for when it does not */

/* ---- the answer */

static void answer_device(struct call *c, const struct method_result *r)
{
    struct buf json = {0};
    buf_printf(&json, "{\"status\":%d,\"payload\":", r->device_status);
    buf_put_slice(&json, r->payload);
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* Node knows a device that does not exist by the usual envelope only. */
static bool is_nested(enum status s)
{
    return s == STATUS_DEVICE_NOT_ONLINE || s == STATUS_GATEWAY_TIMEOUT ||
           s == STATUS_BAD_GATEWAY || s == STATUS_ARGUMENT_INVALID;
}

void rest_method_refuse(struct call *c, enum status s, const char *text)
{
    if (is_nested(s))
        rest_answer_nested(c, s, text);
    else
        rest_answer_status(c, s, text);
}

static void on_result(struct method_call *m, const struct method_result *r)
{
    struct call *c = CONTAINER_OF(m, struct call, method_call);
    rest_call_resume(c);
    if (r->status == STATUS_OK)
        answer_device(c, r);
    else
        rest_method_refuse(c, r->status, r->text);
    rest_call_end(c);
}

/* ---- the request */

static enum err read_seconds(const struct json *doc, const char *key, unsigned *out)
{
    const struct json *j = json_get_nocase(doc, key);
    int64_t s;
    if (j == NULL || j->type == JSON_NULL) return OK;
    if (j->type != JSON_NUMBER || json_i64(j, &s) != OK || s < 0 || s > UINT16_MAX)
        return fail(ERR_INVALID, "%s must be a whole number of seconds", key);
    *out = (unsigned)s;
    return OK;
}

/* `payload` gets the JSON of one that is there; null is one. */
static enum err read_ask(const struct json *doc, struct method_ask *ask, struct buf *payload)
{
    const struct json *name = json_get_nocase(doc, "methodName");
    const struct json *given = json_get_nocase(doc, "payload");
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "the body must be a JSON object");
    if (name == NULL || name->type != JSON_STRING)
        return fail(ERR_INVALID, "methodName must be a string");
    ask->name = name->text;
    TRY(read_seconds(doc, "responseTimeoutInSeconds", &ask->response_s));
    TRY(read_seconds(doc, "connectTimeoutInSeconds", &ask->connect_s));
    if (given) json_write(payload, given);
    ask->payload = buf_slice(payload);
    return OK;
}

static enum status status_of(enum err e)
{
    return e == ERR_THROTTLED ? STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED : status_of_err(e);
}

void rest_method_start(struct call *c, const struct method_ask *ask,
                       void (*fn)(struct method_call *m, const struct method_result *r))
{
    enum err e = method_call(c->service->doors.methods, ask, &c->method_call);
    if (e != OK) {
        rest_method_refuse(c, status_of(e), fail_text());
        return;
    }
    c->method_call.fn = fn;
    rest_call_wait_long(c, WAITING_METHOD,
                        (ask->response_s + ask->connect_s) * INT64_C(1000000) + SLACK_US);
}

void rest_method_call(struct call *c)
{
    struct arena arena = {0};
    struct buf payload = {0};
    struct json *doc;
    struct method_ask ask = {.response_s = METHOD_RESPONSE_S};
    if (!rest_route_who(c)) return;
    if (json_parse(&arena, buf_slice(&c->body), &doc) != OK)
        rest_answer_status(c, STATUS_DESERIALIZATION_ERROR, "the body is not JSON");
    else if (read_ask(doc, &ask, &payload) != OK)
        rest_method_refuse(c, STATUS_ARGUMENT_INVALID, fail_text());
    else {
        ask.who = buf_slice(&c->who);
        rest_method_start(c, &ask, on_result);
    }
    arena_free(&arena);
    buf_free(&payload);
}
