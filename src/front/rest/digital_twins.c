/* digital_twins.c - IoT Plug and Play: IoT Hub service REST API, "Digital Twin".
 *
 * A command is a direct method whose payload is the body itself and whose answer is the device's, with
 * the device's status in a header.
 */
#include "base/json.h"
#include "base/num.h"
#include "front/rest/call.h"

static void on_answer(struct digital_twin_call *d, const struct digital_twin_answer *a)
{
    struct call *c = CONTAINER_OF(d, struct call, digital_twin_call);
    struct buf text = {0};
    buf_put_slice(&text, a->text);
    rest_call_resume(c);
    if (a->status == STATUS_OK && a->body.len)
        rest_answer_registry(c, &(struct registry_answer){.etag = a->etag, .body = a->body});
    else if (a->status == STATUS_OK)
        rest_answer_accepted(c, a->etag, c->request->path);
    else if (a->error)
        rest_answer_named(c, (int)status_http(a->status), a->error, buf_cstr(&text));
    else
        rest_answer_status(c, a->status, buf_cstr(&text));
    buf_free(&text);
    rest_call_end(c);
}

static struct digital_twin_call *wait(struct call *c)
{
    c->digital_twin_call.fn = on_answer;
    rest_call_wait(c, WAITING_DIGITAL_TWIN);
    return &c->digital_twin_call;
}

void rest_digital_twin_get(struct call *c)
{
    if (rest_route_who(c)) digital_twin_get(c->service->doors.twins, buf_slice(&c->who), wait(c));
}

void rest_digital_twin_patch(struct call *c)
{
    struct slice if_match = http1_header(c->request, "if-match");
    if (!rest_route_who(c)) return;
    c->digital_twin_call.wait.by = rest_access_by(c);
    digital_twin_update(c->service->doors.twins, buf_slice(&c->who), if_match, buf_slice(&c->body),
                        wait(c));
}

/* ---- commands */

static void on_command(struct method_call *m, const struct method_result *r)
{
    struct call *c = CONTAINER_OF(m, struct call, method_call);
    rest_call_resume(c);
    if (r->status == STATUS_OK)
        rest_answer_command(c, r->device_status, r->payload);
    else
        rest_method_refuse(c, r->status, r->text);
    rest_call_end(c);
}

static enum err read_seconds(const struct call *c, const char *name, unsigned *out)
{
    struct buf text = {0};
    uint64_t s = *out;
    enum err e = OK;
    if (rest_query_get(c, name, &text) && buf_size(&text)) e = num_u64(buf_slice(&text), &s);
    buf_free(&text);
    if (e != OK || s > UINT16_MAX)
        return fail(ERR_INVALID, "%s must be a whole number of seconds", name);
    *out = (unsigned)s;
    return OK;
}

static enum err read_command(const struct call *c, struct method_ask *ask)
{
    struct arena arena = {0};
    struct json *payload;
    enum err e = OK;
    ask->payload = slice_trim(buf_slice(&c->body));
    if (ask->payload.len) e = json_parse(&arena, ask->payload, &payload);
    arena_free(&arena);
    if (e != OK) return fail(ERR_INVALID, "the body is not JSON");
    TRY(read_seconds(c, "responseTimeoutInSeconds", &ask->response_s));
    return read_seconds(c, "connectTimeoutInSeconds", &ask->connect_s);
}

void rest_digital_twin_command(struct call *c)
{
    struct buf name = {0};
    struct method_ask ask = {.response_s = METHOD_RESPONSE_S};
    if (!rest_route_who(c)) return;
    digital_twin_put_method(&name, rest_route_optional(c, "component"),
                            rest_route_param(c, "command"));
    ask.who = buf_slice(&c->who);
    ask.name = buf_slice(&name);
    if (read_command(c, &ask) == OK)
        rest_method_start(c, &ask, on_command);
    else
        rest_method_refuse(c, STATUS_ARGUMENT_INVALID, fail_text());
    buf_free(&name);
}
