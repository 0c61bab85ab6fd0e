/* http.c - the Device Provisioning Service: its device API and its service API.
 *
 * Errors have one envelope of their own, on every surface: {"errorCode","trackingId","message",...};
 * x-ms-error-code repeats the number.
 * Source: DPS REST API, device.json and service.json, 2021-10-01. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/num.h"
#include "front/dps/dps.h"
#include "front/rest/call.h"

static const char *const json_type = "application/json; charset=utf-8";

struct dps_http {
    struct dps *dps;
    struct rest_site site;
};

/* A call of this front, until it is answered. */
struct request {
    struct call *call;
    struct dps *dps;
    struct dps_wait wait;
};

static struct dps *dps_of(const struct call *c)
{
    return ((const struct dps_http *)c->ctx)->dps;
}

/* ---- answering */

static void answer_with(struct call *c, int status, const struct http1_header *headers,
                        size_t count, struct slice body)
{
    struct buf bare = {0};
    bool hides = rest_hides_keys(c) && body.len;
    if (hides) rest_put_without_keys(&bare, body);
    rest_answer_with(c, &(struct http1_response){.status = status,
                                                 .content_type = body.len ? json_type : NULL,
                                                 .headers = headers,
                                                 .header_count = count,
                                                 .body = hides ? buf_slice(&bare) : body});
    buf_free(&bare);
}

static void send_error(struct call *c, unsigned code, struct slice body)
{
    char number[16], retry[16];
    unsigned http = code / 1000;
    snprintf(number, sizeof number, "%u", code);
    snprintf(retry, sizeof retry, "%d", DPS_RETRY_AFTER_S);
    struct http1_header headers[] = {{SLICE_LIT("x-ms-error-code"), slice_str(number)},
                                     {SLICE_LIT("retry-after"), slice_str(retry)}};
    if (http == 401)
        headers[1] = (struct http1_header){SLICE_LIT("www-authenticate"),
                                           SLICE_LIT("SharedAccessSignature")};
    bool second = http == 401 || http == 429 || http == 503;
    answer_with(c, (int)http, headers, second ? 2 : 1, body);
}

static void answer_error(struct call *c, unsigned code, struct slice body)
{
    if (code / 1000 == 401) conn_login_failed(c->conn);
    send_error(c, code, body);
}

static void fail_with(struct call *c, unsigned code, const char *text)
{
    struct buf body = {0};
    dps_error_write(&body, code, slice_str(text));
    answer_error(c, code, buf_slice(&body));
    buf_free(&body);
}

static bool is_ours_alone(const struct call *c)
{
    return slice_starts(slice_str(c->route->path), SLICE_LIT("/admin/"));
}

/* Who called has been counted already, where it matters. */
static bool refuse(struct call *c, enum status s, const char *text)
{
    struct buf body = {0};
    unsigned code = status_http(s) == 429 ? DPS_THROTTLED : status_number(s);
    if (is_ours_alone(c)) return false;
    dps_error_write(&body, code, slice_str(text));
    send_error(c, code, buf_slice(&body));
    buf_free(&body);
    return true;
}

static void answer(struct call *c, const struct dps_answer *a)
{
    struct buf etag = {0};
    buf_printf(&etag, "\"%.*s\"", SLICE_ARG(a->etag));
    const struct http1_header header = {SLICE_LIT("etag"), buf_slice(&etag)};
    if (a->code >= 1000)
        answer_error(c, a->code, a->body);
    else if (a->body.len == 0)
        answer_with(c, 204, NULL, 0, SLICE_NONE);
    else
        answer_with(c, (int)a->code, &header, a->etag.len > 0, a->body);
    buf_free(&etag);
}

/* What services ask is a resource log's; what administrators ask is none of DPS in Azure. */
static void diagnose(struct call *c, const struct dps_answer *a)
{
    struct arena arena = {0};
    struct json *body = NULL;
    if (is_ours_alone(c)) return;
    if (a->code >= 1000 && json_parse(&arena, a->body, &body) != OK) body = NULL;
    rest_diagnose_provisioning(c, a->code, json_str(body, "message"));
    arena_free(&arena);
}

static void finish(struct dps_wait *w, const struct dps_answer *a,
                   void (*say)(struct call *c, const struct dps_answer *a))
{
    struct request *r = CONTAINER_OF(w, struct request, wait);
    struct call *c = r->call;
    free(r);
    c->forget = NULL;
    rest_call_resume(c);
    say(c, a);
    rest_call_end(c);
}

static void say_plainly(struct call *c, const struct dps_answer *a)
{
    diagnose(c, a);
    answer(c, a);
}

static void on_answer(struct dps_wait *w, const struct dps_answer *a)
{
    finish(w, a, say_plainly);
}

static void forget(struct call *c)
{
    struct request *r = c->own;
    dps_forget(r->dps, &r->wait);
    free(r);
}

#define REVOKE_WAIT_US (600 * 1000000ll) /* thousands of devices, one after the other */

static struct dps_wait *wait_long(struct call *c, int64_t us)
{
    struct request *r = NEW(struct request);
    r->call = c;
    r->dps = dps_of(c);
    r->wait.fn = on_answer;
    c->own = r;
    c->forget = forget;
    rest_call_wait_long(c, WAITING_SITE, us);
    return &r->wait;
}

static struct dps_wait *wait(struct call *c)
{
    return wait_long(c, REST_WAIT_US);
}

static struct slice if_match(const struct call *c)
{
    return http1_header(c->request, "if-match");
}

/* ---- for services */

/* /enrollments/{registration} or /enrollmentGroups/{group} */
static enum dps_kind kind_of(const struct call *c)
{
    return slice_starts(slice_str(c->route->path), SLICE_LIT("/enrollmentGroups")) ? DPS_GROUP
                                                                                   : DPS_INDIVIDUAL;
}

static struct slice id_of(const struct call *c)
{
    return rest_route_param(c, "id");
}

static void enrollment_get(struct call *c)
{
    dps_enrollment_get(dps_of(c), kind_of(c), id_of(c), wait(c));
}

static void enrollment_put(struct call *c)
{
    dps_enrollment_put(dps_of(c), kind_of(c), id_of(c), if_match(c), buf_slice(&c->body), wait(c));
}

static void enrollment_delete(struct call *c)
{
    dps_enrollment_delete(dps_of(c), kind_of(c), id_of(c), if_match(c), wait(c));
}

static void enrollment_attestation(struct call *c)
{
    dps_enrollment_attestation(dps_of(c), kind_of(c), id_of(c), wait(c));
}

static void enrollment_bulk(struct call *c)
{
    dps_enrollment_bulk(dps_of(c), kind_of(c), buf_slice(&c->body), wait(c));
}

/* ---- queries */

/* .NET throws when there is no type, and none of the SDKs minds its case. */
static const char *item_type(const struct call *c)
{
    if (slice_starts(slice_str(c->route->path), SLICE_LIT("/registrations")))
        return "deviceRegistration";
    return kind_of(c) == DPS_GROUP ? "enrollmentGroup" : "enrollment";
}

/* Of the page that is asked for: x-ms-max-item-count, or as much as a page has.  False: it is no number. */
static bool page_size(const struct call *c, unsigned *top)
{
    struct slice text = http1_header(c->request, "x-ms-max-item-count");
    int64_t count = 0;
    if (text.len && (num_i64(slice_trim(text), &count) != OK || count < -1)) return false;
    *top = count > 0 && count < DPS_PAGE_MAX ? (unsigned)count : DPS_PAGE_MAX;
    return true;
}

static void say_page(struct call *c, const struct dps_answer *a)
{
    char size[16] = "";
    unsigned top;
    if (page_size(c, &top)) snprintf(size, sizeof size, "%u", top);
    const struct http1_header headers[] = {{SLICE_LIT("x-ms-item-type"), slice_str(item_type(c))},
                                           {SLICE_LIT("x-ms-max-item-count"), slice_str(size)},
                                           {SLICE_LIT("x-ms-continuation"), a->continuation}};
    diagnose(c, a);
    if (a->code >= 1000)
        answer(c, a);
    else
        answer_with(c, 200, headers, a->continuation.len ? 3 : 2, a->body);
}

static void on_page(struct dps_wait *w, const struct dps_answer *a)
{
    finish(w, a, say_page);
}

/* False: the call is answered. */
static bool read_page(struct call *c, struct dps_page *page)
{
    *page = (struct dps_page){.json = buf_slice(&c->body),
                              .continuation = http1_header(c->request, "x-ms-continuation")};
    bool fine = page_size(c, &page->top);
    if (!fine) fail_with(c, DPS_BAD_ARGUMENT, "x-ms-max-item-count is not a number");
    return fine;
}

static void enrollment_query(struct call *c)
{
    struct dps_page page;
    if (!read_page(c, &page)) return;
    struct dps_wait *w = wait(c);
    w->fn = on_page;
    dps_enrollment_query(dps_of(c), kind_of(c), &page, w);
}

static void registration_query(struct call *c)
{
    struct dps_page page;
    if (!read_page(c, &page)) return;
    struct dps_wait *w = wait(c);
    w->fn = on_page;
    dps_registration_query(dps_of(c), id_of(c), &page, w);
}

static void registration_get(struct call *c)
{
    dps_registration_get(dps_of(c), id_of(c), wait(c));
}

static void registration_delete(struct call *c)
{
    dps_registration_delete(dps_of(c), id_of(c), if_match(c), wait(c));
}

/* ---- for administrators */

static struct slice name_of(const struct call *c)
{
    return rest_route_param(c, "name");
}

static void group_revoke(struct call *c)
{
    dps_group_revoke(dps_of(c), id_of(c), buf_slice(&c->body), wait_long(c, REVOKE_WAIT_US));
}

static void hub_list(struct call *c)
{
    dps_hub_list(dps_of(c), wait(c));
}

static void attempt_list(struct call *c)
{
    dps_attempts(dps_of(c), wait(c));
}

static void hub_get(struct call *c)
{
    dps_hub_get(dps_of(c), name_of(c), wait(c));
}

static void hub_put(struct call *c)
{
    dps_hub_put(dps_of(c), name_of(c), if_match(c), buf_slice(&c->body), wait(c));
}

static void hub_delete(struct call *c)
{
    dps_hub_delete(dps_of(c), name_of(c), if_match(c), wait(c));
}

/* ---- for devices */

/* False: the path's id scope is another's, and the call is answered. */
static bool is_ours(struct call *c)
{
    const struct hub *hub = dps_hub(dps_of(c));
    if (slice_eq_nocase(rest_route_param(c, "scope"), slice_str(hub->id_scope))) return true;
    fail_with(c, DPS_UNAUTHORIZED, "this service has another id scope");
    return false;
}

static struct dps_device device_of(const struct call *c)
{
    return (struct dps_device){.protocol = HUB_HTTP,
                               .registration_id = id_of(c),
                               .token = http1_header(c->request, "authorization"),
                               .certificate = conn_peer_certificate(c->conn),
                               .peer = slice_str(conn_peer(c->conn))};
}

/* Where to ask how far it is, and when. */
static void answer_accepted(struct call *c, const struct dps_answer *a)
{
    const struct hub *hub = dps_hub(dps_of(c));
    struct buf place = {0};
    char retry[16];
    snprintf(retry, sizeof retry, "%d", DPS_RETRY_AFTER_S);
    buf_printf(&place, "/%s/registrations/%.*s/operations/%.*s", hub->id_scope, SLICE_ARG(id_of(c)),
               SLICE_ARG(a->operation_id));
    const struct http1_header headers[] = {{SLICE_LIT("retry-after"), slice_str(retry)},
                                           {SLICE_LIT("location"), buf_slice(&place)}};
    answer_with(c, 202, headers, 2, a->body);
    buf_free(&place);
}

static void say_device(struct call *c, const struct dps_answer *a)
{
    if (a->code == DPS_ACCEPTED)
        answer_accepted(c, a);
    else
        answer(c, a);
}

static void on_device_answer(struct dps_wait *w, const struct dps_answer *a)
{
    finish(w, a, say_device);
}

static struct dps_wait *wait_for_device(struct call *c)
{
    struct dps_wait *w = wait(c);
    w->fn = on_device_answer;
    return w;
}

static void device_register(struct call *c)
{
    if (!is_ours(c)) return;
    struct dps_device who = device_of(c);
    dps_register(dps_of(c), &who, buf_slice(&c->body), wait_for_device(c));
}

static void device_poll(struct call *c)
{
    if (!is_ours(c)) return;
    struct dps_device who = device_of(c);
    dps_poll(dps_of(c), &who, rest_route_param(c, "operation"), wait_for_device(c));
}

static void device_lookup(struct call *c)
{
    if (!is_ours(c)) return;
    struct dps_device who = device_of(c);
    dps_lookup(dps_of(c), &who, wait_for_device(c));
}

/* ---- the routes */

#define ENROLLMENT_READ    ACCESS_RIGHTS, AUTH_ENROLLMENT_READ, THROTTLE_FREE
#define ENROLLMENT_WRITE   ACCESS_RIGHTS, AUTH_ENROLLMENT_WRITE, THROTTLE_FREE
#define REGISTRATION_READ  ACCESS_RIGHTS, AUTH_REGISTRATION_READ, THROTTLE_FREE
#define REGISTRATION_WRITE ACCESS_RIGHTS, AUTH_REGISTRATION_WRITE, THROTTLE_FREE
#define BY_DEVICE          ACCESS_PUBLIC, 0, THROTTLE_FREE /* its home looks at what it shows */
#define NO_BODY            REST_SMALL_BODY_MAX
#define BY_OWNER                                                                                   \
    ACCESS_RIGHTS,                                                                                 \
        AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT,     \
        THROTTLE_FREE

static const struct route routes[] = {
    {"PUT", "/{scope}/registrations/{id}/register", BY_DEVICE, DPS_REGISTER_MAX + 1,
     device_register, "Register a device"},
    {"GET", "/{scope}/registrations/{id}/operations/{operation}", BY_DEVICE, NO_BODY, device_poll,
     "Ask how far a registration is"},
    {"POST", "/{scope}/registrations/{id}", BY_DEVICE, DPS_REGISTER_MAX + 1, device_lookup,
     "Ask what became of a registration"},
    {"POST", "/enrollments", ENROLLMENT_WRITE, DPS_BULK_BODY_MAX, enrollment_bulk,
     "Create, update or delete up to 10 enrollments of devices"},
    {"POST", "/enrollments/query", ENROLLMENT_READ, DPS_QUERY_MAX, enrollment_query,
     "List the enrollments of devices"},
    {"POST", "/enrollmentGroups", ENROLLMENT_WRITE, DPS_BULK_BODY_MAX, enrollment_bulk,
     "Create, update or delete up to 10 enrollment groups"},
    {"POST", "/enrollmentGroups/query", ENROLLMENT_READ, DPS_QUERY_MAX, enrollment_query,
     "List enrollment groups"},
    {"POST", "/registrations/{id}/query", REGISTRATION_READ, DPS_QUERY_MAX, registration_query,
     "List the registrations of an enrollment group"},
    {"GET", "/enrollments/{id}", ENROLLMENT_READ, NO_BODY, enrollment_get,
     "Show the enrollment of a device"},
    {"PUT", "/enrollments/{id}", ENROLLMENT_WRITE, DPS_DOCUMENT_MAX + 1, enrollment_put,
     "Create or replace the enrollment of a device"},
    {"DELETE", "/enrollments/{id}", ENROLLMENT_WRITE, NO_BODY, enrollment_delete,
     "Delete the enrollment of a device"},
    {"POST", "/enrollments/{id}/attestationmechanism", ENROLLMENT_WRITE, NO_BODY,
     enrollment_attestation, "Show how a device attests, with its keys"},
    {"GET", "/enrollmentGroups/{id}", ENROLLMENT_READ, NO_BODY, enrollment_get,
     "Show an enrollment group"},
    {"PUT", "/enrollmentGroups/{id}", ENROLLMENT_WRITE, DPS_DOCUMENT_MAX + 1, enrollment_put,
     "Create or replace an enrollment group"},
    {"DELETE", "/enrollmentGroups/{id}", ENROLLMENT_WRITE, NO_BODY, enrollment_delete,
     "Delete an enrollment group"},
    {"POST", "/enrollmentGroups/{id}/attestationmechanism", ENROLLMENT_WRITE, NO_BODY,
     enrollment_attestation, "Show how the devices of a group attest, with its keys"},
    {"POST", "/admin/v1/dps/enrollmentGroups/{id}/revoke", BY_OWNER, NO_BODY, group_revoke,
     "Disable an enrollment group and the devices that registered through it"},
    {"GET", "/admin/v1/dps/attempts", BY_OWNER, NO_BODY, attempt_list,
     "List the last attempts of devices to be provisioned, the newest first"},
    {"GET", "/admin/v1/dps/linkedHubs", BY_OWNER, NO_BODY, hub_list,
     "List the hubs that device provisioning assigns devices to"},
    {"GET", "/admin/v1/dps/linkedHubs/{name}", BY_OWNER, NO_BODY, hub_get, "Show a linked hub"},
    {"PUT", "/admin/v1/dps/linkedHubs/{name}", BY_OWNER, DPS_HUB_DOCUMENT_MAX + 1, hub_put,
     "Link a hub, or change how it is chosen"},
    {"DELETE", "/admin/v1/dps/linkedHubs/{name}", BY_OWNER, NO_BODY, hub_delete, "Unlink a hub"},
    {"GET", "/registrations/{id}", REGISTRATION_READ, NO_BODY, registration_get,
     "Show what became of a device's registration"},
    {"DELETE", "/registrations/{id}", REGISTRATION_WRITE, NO_BODY, registration_delete,
     "Forget a device's registration"},
};

struct dps_http *dps_http_new(struct dps *dps, struct rest_service *rest)
{
    struct dps_http *h = NEW(struct dps_http);
    h->dps = dps;
    h->site = (struct rest_site){.routes = routes,
                                 .route_count = sizeof routes / sizeof *routes,
                                 .ctx = h,
                                 .refuse = refuse};
    rest_add_site(rest, &h->site);
    return h;
}

void dps_http_free(struct dps_http *h)
{
    free(h);
}
