/* dps_client_test.h - devices, services and administrators of a hub in one thread that provisions, in words
 * as short as tests need. */
#ifndef SERVER_DPS_CLIENT_TEST_H
#define SERVER_DPS_CLIENT_TEST_H

#include "base/test.h"

#include "auth/sas.h"
#include "base/json.h"
#include "base/text.h"
#include "dps/dps.h"
#include "out/out.h"
#include "server/rig.h"

static struct rig rig;
static struct arena arena;

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define BY_KEY                                                                                     \
    "\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" KEY           \
    "\",\"secondaryKey\":\"" KEY "\"}}"

/* ---- HTTP */

struct reply {
    int status;
    const char *head;
    struct json *body; /* NULL: none */
};

static inline struct reply ask(const char *method, const char *path, const char *token,
                               const char *headers, const char *body)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct buf request = {0};
    struct reply r = {0};
    buf_printf(&request,
               "%s %s?api-version=2021-10-01 HTTP/1.1\r\nHost: hub.test\r\n"
               "Authorization: %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
               method, path, token, headers, strlen(body), body);
    rig_say(c, buf_slice(&request));
    struct slice all = arena_copy(&arena, buf_slice(&c->heard));
    assert_true(all.len > 12);
    r.status = atoi((const char *)all.ptr + 9);
    const char *gap = strstr((const char *)all.ptr, "\r\n\r\n");
    assert_non_null(gap);
    r.head = (const char *)all.ptr;
    if (gap[4] && json_parse(&arena, slice_str(gap + 4), &r.body) != OK) r.body = NULL;
    buf_free(&request);
    rig_free(c);
    return r;
}

static inline const char *service_token(void)
{
    static char text[512];
    struct buf token = {0};
    rig_token(&rig, "provisioningserviceowner", "", &token);
    snprintf(text, sizeof text, "%s", buf_cstr(&token));
    buf_free(&token);
    return text;
}

static inline struct reply serve(const char *method, const char *path, const char *headers,
                                 const char *body)
{
    return ask(method, path, service_token(), headers, body);
}

static inline void put_enrollment(const char *id, const char *more)
{
    char path[256], body[1024];
    snprintf(path, sizeof path, "/enrollments/%s", id);
    snprintf(body, sizeof body, "{\"registrationId\":\"%s\"," BY_KEY "%s}", id, more);
    assert_int_equal(serve("PUT", path, "", body).status, 200);
}

static inline void put_group(const char *id, const char *more)
{
    char path[256], body[1024];
    snprintf(path, sizeof path, "/enrollmentGroups/%s", id);
    snprintf(body, sizeof body, "{\"enrollmentGroupId\":\"%s\"," BY_KEY "%s}", id, more);
    assert_int_equal(serve("PUT", path, "", body).status, 200);
}

/* A token of the device, signed with that key. */
static inline const char *device_token(const char *id, struct slice key)
{
    static char text[512];
    char resource[256];
    struct buf token = {0};
    snprintf(resource, sizeof resource, "%s/registrations/%s", rig.wire.hub.id_scope, id);
    sas_make(&token, slice_str(resource), key, "registration",
             (rig.now_us + rig.wall_us) / 1000000 + 3600);
    snprintf(text, sizeof text, "%s", buf_cstr(&token));
    buf_free(&token);
    return text;
}

static inline const char *own_token(const char *id)
{
    struct buf key = {0};
    assert_int_equal(text_unbase64(&key, SLICE_LIT(KEY)), OK);
    const char *token = device_token(id, buf_slice(&key));
    buf_free(&key);
    return token;
}

static inline struct reply say_register(const char *id, const char *token, const char *body)
{
    char path[256];
    snprintf(path, sizeof path, "/%s/registrations/%s/register", rig.wire.hub.id_scope, id);
    return ask("PUT", path, token, "", body);
}

static inline struct reply say_poll(const char *id, const char *token, const char *operation)
{
    char path[512];
    snprintf(path, sizeof path, "/%s/registrations/%s/operations/%s", rig.wire.hub.id_scope, id,
             operation);
    return ask("GET", path, token, "", "");
}

static inline const char *text_of(const struct json *object, const char *key)
{
    struct slice s = json_str(object, key);
    return (const char *)arena_copy(&arena, s.len ? s : SLICE_LIT("")).ptr;
}

/* The state in which the registration ends. */
static inline struct json *provision(const char *id, const char *token)
{
    struct reply r = say_register(id, token, "{}");
    assert_int_equal(r.status, 202);
    assert_non_null(strstr(r.head, "etry-"));
    struct reply end = say_poll(id, token, text_of(r.body, "operationId"));
    assert_int_equal(end.status, 200);
    return json_get(end.body, "registrationState");
}

static inline void assert_text(const struct json *object, const char *key, const char *expected)
{
    assert_string_equal(text_of(object, key), expected);
}

static inline void assert_code(struct reply r, unsigned code)
{
    int64_t number = 0;
    const struct json *member = json_get(r.body, "errorCode");
    assert_non_null(member);
    assert_int_equal(json_i64(member, &number), OK);
    assert_int_equal(number, code);
    assert_int_equal(r.status, code / 1000);
}

static struct out_call *called; /* the last one, until it is answered */
static unsigned calls;

static inline void on_call(void *ctx, struct out_call *call)
{
    (void)ctx;
    called = call;
    calls++;
}

static inline void on_abandon(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
    called = NULL;
}

static const struct out_carrier network = {on_call, on_abandon, NULL};

static inline void answer_with(const struct out_answer *a)
{
    assert_non_null(called);
    lane_running = &rig.wire.out_lane;
    struct out_call *call = called;
    called = NULL;
    out_call_end(call, a);
    rig_run(&rig);
}

static inline void answer_call(unsigned http, const char *body)
{
    answer_with(&(struct out_answer){.http = http, .body = slice_str(body)});
}

#define WEBHOOK                                                                                    \
    ",\"allocationPolicy\":\"custom\",\"customAllocationDefinition\":{\"webhookUrl\":"             \
    "\"https://f.test/x?code=secret\",\"apiVersion\":\"2021-10-01\"}"

struct heard {
    struct dps_wait wait;
    unsigned code;
};

static inline void on_heard(struct dps_wait *w, const struct dps_answer *a)
{
    CONTAINER_OF(w, struct heard, wait)->code = a->code;
}

static inline unsigned register_quickly(const char *id, const char *token)
{
    struct heard h = {.wait = {.fn = on_heard}};
    lane_running = &rig.core;
    dps_register(rig.wire.cores[0].dps,
                 &(struct dps_device){.registration_id = slice_str(id), .token = slice_str(token)},
                 SLICE_LIT("{}"), &h.wait);
    rig_run(&rig);
    return h.code;
}

static inline unsigned register_with(struct slice key_text, const char *group, unsigned number)
{
    uint8_t mac[SAS_SIGNATURE_LEN];
    struct buf key = {0};
    char id[64];
    snprintf(id, sizeof id, "%s-%u", group, number);
    assert_int_equal(text_unbase64(&key, key_text), OK);
    sas_derive_key(buf_slice(&key), slice_str(id), mac);
    buf_free(&key);
    return register_quickly(id, device_token(id, slice_of(mac, sizeof mac)));
}

static inline unsigned register_in_group(const char *group, unsigned number)
{
    return register_with(SLICE_LIT(KEY), group, number);
}

static inline void put_request(struct buf *out, const char *method, const char *path,
                               const char *headers, const char *body)
{
    struct buf token = {0};
    rig_token(&rig, "iothubowner", "", &token);
    buf_printf(out,
               "%s /admin/v1/dps%s HTTP/1.1\r\nHost: localhost\r\n"
               "Authorization: %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
               method, path, buf_cstr(&token), headers, strlen(body), body);
    buf_free(&token);
}

static inline struct reply reply_of(const struct rig_conn *c)
{
    struct reply r = {0};
    struct slice all = arena_copy(&arena, buf_slice(&c->heard));
    assert_true(all.len > 12);
    r.status = atoi((const char *)all.ptr + 9);
    r.head = (const char *)all.ptr;
    const char *gap = strstr(r.head, "\r\n\r\n");
    if (gap[4] && json_parse(&arena, slice_str(gap + 4), &r.body) != OK) r.body = NULL;
    return r;
}

static inline struct reply administer_at(const char *method, const char *path, const char *headers,
                                         const char *body)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_CONSOLE);
    struct buf request = {0};
    put_request(&request, method, path, headers, body);
    rig_say(c, buf_slice(&request));
    if (c->heard.len == 0) rig_wait(&rig, 2001000); /* devices are looked for again */
    struct reply r = reply_of(c);
    buf_free(&request);
    rig_free(c);
    return r;
}

#endif
