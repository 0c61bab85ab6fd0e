/* answer.c - answers in Azure's words.
 *
 * Errors have the envelope {"Message":"ErrorCode:<Name>;<text>","ExceptionMessage":"Tracking ID:..."}
 * and the header iothub-errorcode with the same name: the .NET SDK compares the two, Node splits the
 * message at the first ';', Java descends into it.  Module identities and direct methods have another
 * one, with the number: {"errorCode":404103,"trackingId":...}, for methods as text inside of Message.
 * Its members are flat, for .NET reads them as a dictionary of strings. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "base/say.h"
#include "base/text.h"
#include "front/rest/call.h"

enum { HEADERS_MAX = 4, TRACKING_MAX = 96 };

static const char *const json_type = "application/json; charset=utf-8";

COUNTER(requests, "azimuth_http_requests_total", "HTTP requests answered");
COUNTER(failures, "azimuth_http_failures_total", "HTTP requests answered with 500 or above");

struct answer {
    struct http1_response response;
    struct http1_header headers[HEADERS_MAX];
    char request_id[RAND_GUID_LEN + 1];
};

static void add_header(struct answer *a, const char *name, struct slice value)
{
    assert(a->response.header_count < HEADERS_MAX);
    a->headers[a->response.header_count++] = (struct http1_header){slice_str(name), value};
}

static void answer_init(struct answer *a, int status)
{
    *a = (struct answer){.response.status = status};
    a->response.headers = a->headers;
    rand_guid(a->request_id);
    add_header(a, "x-ms-request-id", slice_str(a->request_id));
}

static void set_body(struct answer *a, const char *type, struct slice body)
{
    a->response.content_type = type;
    a->response.body = body;
}

static void count(int status)
{
    metric_inc(&requests);
    if (status >= 500) metric_inc(&failures);
}

static void send(struct call *c, const struct answer *a)
{
    count(a->response.status);
    rest_throttle_count_answer(c, &a->response);
    c->answered = true;
    http1_send_response(c->http, &a->response, c->now_us);
}

/* ---- errors */

/* "Tracking ID:<32 hex>-G:0-TimeStamp:11/23/2025 04:05:06" */
static void put_tracking(struct buf *out, const char *request_id)
{
    char date[32];
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%m/%d/%Y %H:%M:%S", &tm);
    buf_put_str(out, "Tracking ID:");
    for (const char *p = request_id; *p; p++)
        if (*p != '-') buf_put_u8(out, (uint8_t)*p);
    buf_printf(out, "-G:0-TimeStamp:%s", date);
}

/* The text may hold what a client sent; a ';' in it harms nobody, only the first one counts. */
static void put_envelope(struct buf *out, const char *name, const char *text,
                         const char *request_id)
{
    struct buf message = {0}, tracking = {0};
    buf_printf(&message, "ErrorCode:%s;%s", name, text);
    put_tracking(&tracking, request_id);
    buf_put_str(out, "{\"Message\":");
    text_json_untrusted(out, buf_slice(&message));
    buf_put_str(out, ",\"ExceptionMessage\":");
    text_json_string(out, buf_slice(&tracking));
    buf_put_u8(out, '}');
    buf_free(&message);
    buf_free(&tracking);
}

/* The other one. */
static void put_numbered(struct buf *out, enum status s, const char *text, const char *request_id)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), iso);
    buf_printf(out, "{\"errorCode\":%u,\"trackingId\":\"", status_number(s));
    for (const char *p = request_id; *p; p++)
        if (*p != '-') buf_put_u8(out, (uint8_t)*p);
    buf_printf(out, "-G:0-TimeStamp:%s\",\"message\":", iso);
    text_json_untrusted(out, slice_str(text));
    buf_printf(out, ",\"timestampUtc\":\"%s\",\"info\":null}", iso);
}

static void error_init(struct answer *a, struct buf *body, int http, const char *name,
                       const char *text)
{
    answer_init(a, http);
    put_envelope(body, name, text, a->request_id);
    set_body(a, json_type, buf_slice(body));
    add_header(a, "iothub-errorcode", slice_str(name));
}

static void send_error(struct call *c, int http, const char *name, const char *text,
                       const char *extra_name, const char *extra)
{
    struct answer a;
    struct buf body = {0};
    error_init(&a, &body, http, name, text);
    if (extra_name) add_header(&a, extra_name, slice_str(extra));
    send(c, &a);
    buf_free(&body);
}

void rest_answer_upgrade_required(struct call *c, const char *text)
{
    struct answer a;
    struct buf body = {0};
    error_init(&a, &body, 426, status_name(STATUS_INVALID_PROTOCOL_VERSION), text);
    add_header(&a, "upgrade", SLICE_LIT("websocket"));
    add_header(&a, "sec-websocket-version", SLICE_LIT("13"));
    send(c, &a);
    buf_free(&body);
}

void rest_answer_named(struct call *c, int http, const char *name, const char *text)
{
    send_error(c, http, name, text, NULL, NULL);
}

void rest_answer_not_allowed(struct call *c, const char *methods)
{
    send_error(c, 405, status_name(STATUS_INVALID_OPERATION), "the method is not allowed here",
               "allow", methods);
}

bool rest_refuses_head(struct call *c)
{
    if (!slice_is(c->request->method, "HEAD")) return false;
    rest_answer_not_allowed(c, "GET");
    return true;
}

void rest_answer_status(struct call *c, enum status s, const char *text)
{
    if (c->site && c->site->refuse && c->site->refuse(c, s, text)) return;
    int http = (int)status_http(s);
    const char *extra = http == 401 ? "www-authenticate" : http == 429 ? "retry-after" : NULL;
    send_error(c, http, status_name(s), text, extra, http == 401 ? "SharedAccessSignature" : "10");
}

void rest_answer_later(struct call *c, int http, const char *name, const char *text,
                       const char *seconds)
{
    send_error(c, http, name, text, "retry-after", seconds);
}

static void send_numbered(struct call *c, enum status s, const char *text, bool nested)
{
    struct answer a;
    struct buf numbered = {0}, body = {0};
    answer_init(&a, (int)status_http(s));
    put_numbered(&numbered, s, text, a.request_id);
    if (nested) {
        buf_put_str(&body, "{\"Message\":");
        text_json_string(&body, buf_slice(&numbered));
        buf_put_str(&body, ",\"ExceptionMessage\":\"\"}");
    }
    set_body(&a, json_type, buf_slice(nested ? &body : &numbered));
    add_header(&a, "iothub-errorcode", slice_str(status_name(s)));
    send(c, &a);
    buf_free(&numbered);
    buf_free(&body);
}

void rest_answer_nested(struct call *c, enum status s, const char *text)
{
    send_numbered(c, s, text, true);
}

/* What http1 found: the names that come nearest. */
void rest_answer_bad(struct http1 *h, int http, const char *reason, int64_t now_us)
{
    struct answer a;
    struct buf body = {0};
    enum status s = http == 413 ? STATUS_MESSAGE_TOO_LARGE : STATUS_FORMAT_ERROR;
    error_init(&a, &body, http, status_name(s), reason);
    count(http);
    http1_send_response(h, &a.response, now_us);
    buf_free(&body);
}

/* ---- success */

void rest_answer_text(struct call *c, int http, const char *content_type, struct slice text)
{
    struct answer a;
    answer_init(&a, http);
    set_body(&a, content_type, text);
    send(c, &a);
}

void rest_answer_json(struct call *c, struct slice json)
{
    rest_answer_text(c, 200, json_type, json);
}

/* .NET compares the type letter by letter; Node asks for the next page as long as there is a token. */
void rest_answer_page(struct call *c, const char *item_type, struct slice next, struct slice json)
{
    struct answer a;
    answer_init(&a, 200);
    set_body(&a, json_type, json);
    add_header(&a, "x-ms-item-type", slice_str(item_type));
    if (next.len) add_header(&a, "x-ms-continuation", next);
    send(c, &a);
}

void rest_answer_switching(struct call *c, const struct http1_header *headers, size_t count)
{
    const struct answer a = {
        .response = {.status = 101, .headers = headers, .header_count = count}};
    send(c, &a);
}

void rest_answer_nothing(struct call *c)
{
    struct answer a;
    answer_init(&a, 204);
    send(c, &a);
}

/* ---- of sites */

static void add_headers(struct answer *a, struct http1_header *space,
                        const struct http1_response *r)
{
    assert(r->header_count <= REST_SITE_HEADERS_MAX);
    for (size_t i = 0; i < r->header_count; i++) space[i] = r->headers[i];
    space[r->header_count] = a->headers[0];
    a->response = *r;
    a->response.headers = space;
    a->response.header_count = r->header_count + 1;
}

void rest_answer_with(struct call *c, const struct http1_response *r)
{
    struct answer a;
    struct http1_header headers[REST_SITE_HEADERS_MAX + 1];
    answer_init(&a, r->status);
    add_headers(&a, headers, r);
    send(c, &a);
}

void rest_answer_begin(struct call *c, const struct http1_response *r)
{
    struct answer a;
    struct http1_header headers[REST_SITE_HEADERS_MAX + 1];
    answer_init(&a, r->status);
    add_headers(&a, headers, r);
    count(r->status);
    c->begun = true;
    http1_begin_response(c->http, &a.response);
}

void rest_answer_piece(struct call *c, struct slice bytes)
{
    assert(c->begun);
    http1_send_chunk(c->http, bytes);
    conn_out(c->conn);
}

void rest_answer_done(struct call *c)
{
    assert(c->begun);
    c->answered = true;
    http1_end_response(c->http, c->now_us);
}

void rest_answer_break_off(struct call *c)
{
    assert(c->begun);
    conn_abort(c->conn);
}

/* ---- what the registry said */

/* .NET takes the header over the body's etag, and only if it is quoted. */
static void add_etag(struct answer *a, struct slice etag, struct buf *quoted)
{
    if (etag.len == 0) return;
    buf_printf(quoted, "\"%.*s\"", SLICE_ARG(etag));
    add_header(a, "etag", buf_slice(quoted));
}

void rest_answer_outcome(struct call *c, enum status s, struct slice text, struct slice json)
{
    struct buf why = {0};
    buf_put_slice(&why, text);
    if (s != STATUS_OK)
        rest_answer_status(c, s, buf_cstr(&why));
    else if (json.len)
        rest_answer_json(c, json);
    else
        rest_answer_nothing(c);
    buf_free(&why);
}

void rest_answer_accepted(struct call *c, struct slice etag, struct slice location)
{
    struct answer a;
    struct buf quoted = {0};
    answer_init(&a, 202);
    add_etag(&a, etag, &quoted);
    add_header(&a, "location", location);
    send(c, &a);
    buf_free(&quoted);
}

/* 200 whatever the device's own status is; that stands in a header. */
void rest_answer_command(struct call *c, int32_t device_status, struct slice payload)
{
    struct answer a;
    char status[16];
    snprintf(status, sizeof status, "%d", device_status);
    answer_init(&a, 200);
    set_body(&a, json_type, payload);
    add_header(&a, "x-ms-command-statuscode", slice_str(status));
    send(c, &a);
}

/* ---- what the registry said */

/* Is it a module's own?  Node knows a device that does not exist, .NET a missing right, by the usual
 * envelope only. */
static bool is_modules(enum status s)
{
    return s == STATUS_MODULE_NOT_FOUND || s == STATUS_MODULE_ALREADY_EXISTS ||
           s == STATUS_TOO_MANY_MODULES || s == STATUS_PRECONDITION_FAILED ||
           s == STATUS_ARGUMENT_INVALID;
}

void rest_answer_module(struct call *c, const struct registry_answer *r)
{
    struct buf text = {0};
    buf_put_slice(&text, r->text);
    if (is_modules(r->status))
        send_numbered(c, r->status, buf_cstr(&text), false);
    else
        rest_answer_registry(c, r);
    buf_free(&text);
}

void rest_answer_registry(struct call *c, const struct registry_answer *r)
{
    if (r->body.len == 0 && r->status == STATUS_OK) {
        rest_answer_nothing(c);
        return;
    }
    if (r->body.len == 0) {
        struct buf text = {0};
        buf_put_slice(&text, r->text);
        rest_answer_status(c, r->status, buf_cstr(&text));
        buf_free(&text);
        return;
    }
    struct answer a;
    struct buf etag = {0}, bare = {0};
    bool hides = rest_hides_keys(c);
    if (hides) rest_put_without_keys(&bare, r->body);
    answer_init(&a, r->partly ? 207 : (int)status_http(r->status));
    set_body(&a, json_type, hides ? buf_slice(&bare) : r->body);
    add_etag(&a, r->etag, &etag);
    if (r->status != STATUS_OK)
        add_header(&a, "iothub-errorcode", slice_str(status_name(r->status)));
    send(c, &a);
    buf_free(&etag);
    buf_free(&bare);
}
