/* routing.c - routes, endpoints, enrichments and the fallback route: one document.
 *
 * Source: ARM Microsoft.Devices/IotHubs: properties.routing, routing/routes/$testnew and $testall,
 *         routingEndpointsHealth. */
#include "hub/routing/routing.h"
#include "front/rest/call.h"

static void answer_error(struct call *c, enum err e, const char *text)
{
    switch (e) {
    case ERR_INVALID: rest_answer_status(c, STATUS_ARGUMENT_INVALID, text); break;
    case ERR_TOO_BIG: rest_answer_status(c, STATUS_MESSAGE_TOO_LARGE, text); break;
    case ERR_PRECONDITION: rest_answer_status(c, STATUS_PRECONDITION_FAILED, text); break;
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), text);
        break;
    case ERR_FULL: rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED), text); break;
    default: rest_answer_status(c, status_of_err(e), text);
    }
}

void rest_routing_get(struct call *c)
{
    struct buf json = {0};
    char etag[ETAG_MAX + 1];
    routing_etag(c->service->doors.routing, etag);
    routing_put_document(c->service->doors.routing, &json);
    rest_answer_registry(
        c, &(struct registry_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    buf_free(&json);
}

static void on_changed(struct routing_wait *w, enum err e, const char *text)
{
    struct call *c = CONTAINER_OF(w, struct call, routing_wait);
    rest_call_resume(c);
    if (e == OK)
        rest_routing_get(c);
    else
        answer_error(c, e, text);
    rest_call_end(c);
}

/* "?dryRun", "?dryRun=true". */
static bool only_tries(const struct call *c)
{
    struct buf value = {0};
    bool dry = rest_query_get(c, "dryRun", &value) && !slice_is_nocase(buf_slice(&value), "false");
    buf_free(&value);
    return dry;
}

/* An answer that a core has at once. */
static void answer_now(struct call *c, enum err e, struct buf *json)
{
    if (e == OK)
        rest_answer_json(c, buf_slice(json));
    else
        answer_error(c, e, fail_text());
    buf_free(json);
}

void rest_routing_put(struct call *c)
{
    struct routing *r = c->service->doors.routing;
    struct slice if_match = http1_header(c->request, "if-match");
    struct buf json = {0};
    if (only_tries(c)) {
        answer_now(c, routing_try(r, if_match, buf_slice(&c->body), &json), &json);
        return;
    }
    c->routing_wait.fn = on_changed;
    rest_call_wait(c, WAITING_ROUTING);
    routing_put(r, if_match, buf_slice(&c->body), &c->routing_wait);
}

void rest_routing_test_route(struct call *c)
{
    struct buf json = {0};
    answer_now(c, routing_test_route(c->service->doors.routing, buf_slice(&c->body), &json), &json);
}

void rest_routing_test_all(struct call *c)
{
    struct buf json = {0};
    answer_now(c, routing_test_all(c->service->doors.routing, buf_slice(&c->body), &json), &json);
}

void rest_routing_health(struct call *c)
{
    struct buf json = {0};
    routing_put_health(c->service->doors.routing, &json);
    answer_now(c, OK, &json);
}

/* ---- an endpoint that was asked whether it wants messages: its validationUrl, or its callback */

static void on_agreed(struct routing_wait *w, enum err e, const char *text)
{
    struct call *c = CONTAINER_OF(w, struct call, routing_wait);
    rest_call_resume(c);
    if (e == OK)
        rest_answer_text(c, 200, "text/plain; charset=utf-8",
                         SLICE_LIT("The endpoint is validated: it gets messages now.\n"));
    else
        answer_error(c, e, text);
    rest_call_end(c);
}

void rest_routing_agree(struct call *c)
{
    struct buf code = {0};
    rest_query_get(c, "id", &code);
    c->routing_wait.fn = on_agreed;
    rest_call_wait(c, WAITING_ROUTING);
    const struct routing_consent consent = {buf_slice(&code),
                                            http1_header(c->request, "WebHook-Allowed-Rate")};
    routing_agree(c->service->doors.routing, rest_route_param(c, "name"), &consent,
                  &c->routing_wait);
    buf_free(&code);
}
