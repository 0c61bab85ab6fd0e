/* console_test.c - the console over its listener: files, sign-in, what a session may, the live link. */
#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "front/console/console.h"
#include "front/console/live.h"
#include "front/console/series.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/method/method.h"
#include "hub/news/news.h"
#include "hub/policy/policy.h"
#include "hub/refusal/refusal.h"
#include "hub/saved_query/saved_query.h"
#include "hub/user/user.h"
#include "server/rig.h"

static struct rig rig;
static struct rig_conn *conn;

static int start_hub(void **state)
{
    (void)state;
    rig_start(&rig);
    rig.wire.rest.admin_url = "http://127.0.0.1:8080";
    conn = rig_dial(&rig, WIRE_CONSOLE);
    return 0;
}

static int stop_hub(void **state)
{
    (void)state;
    rig_free(conn);
    rig_stop(&rig);
    return 0;
}

/* ---- requests */

static char head[8192];
static struct buf body;

/* Splits what the hub answered; the status. */
static int answered(void)
{
    struct slice all = buf_slice(&conn->heard);
    const char *text = buf_cstr(&conn->heard), *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    size_t len = (size_t)(end - text) + 2;
    assert_true(len < sizeof head);
    memcpy(head, text, len);
    head[len] = '\0';
    buf_clear(&body);
    buf_put_slice(&body, slice_from(all, len + 2));
    buf_free(&conn->heard);
    return atoi(head + strlen("HTTP/1.1 "));
}

/* `headers` end each with CRLF. */
static int request(const char *line, const char *headers, const char *content)
{
    struct buf b = {0};
    buf_printf(&b, "%s HTTP/1.1\r\nHost: localhost:8080\r\n%s", line, headers);
    if (content)
        buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(content), content);
    else
        buf_put_str(&b, "\r\n");
    rig_say(conn, buf_slice(&b));
    buf_free(&b);
    return answered();
}

static const char *said(void)
{
    return buf_cstr(&body);
}

/* The value of a header, or "". */
static const char *header(const char *name)
{
    static char value[1024];
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(head, wanted);
    value[0] = '\0';
    if (at) snprintf(value, sizeof value, "%s", at + strlen(wanted));
    value[strcspn(value, "\r")] = '\0';
    return value;
}

static void expect(int got, int wanted)
{
    if (got != wanted) fail_msg("%d instead of %d: %s%s", got, wanted, head, said());
}

/* ---- signing in */

static char cookie[256], proof[256], both[512];

static void take_session(void)
{
    struct arena a = {0};
    struct json *j;
    const char *set = header("set-cookie");
    snprintf(cookie, sizeof cookie, "Cookie: %.*s\r\n", (int)strcspn(set, ";"), set);
    assert_int_equal(json_parse(&a, buf_slice(&body), &j), OK);
    snprintf(proof, sizeof proof, "x-azimuth-csrf: %.*s\r\n", SLICE_ARG(json_str(j, "csrf")));
    snprintf(both, sizeof both, "%s%s", cookie, proof);
    arena_free(&a);
}

static void link_body(char out[256])
{
    struct buf link = {0};
    console_put_link(rig.wire.cores[0].console, &link);
    const char *at = strstr(buf_cstr(&link), "#token=");
    assert_non_null(at);
    snprintf(out, 256, "{\"token\":\"%s\"}", at + strlen("#token="));
    buf_free(&link);
}

static void sign_in(void)
{
    char token[256];
    link_body(token);
    expect(request("POST /admin/v1/session", "", token), 200);
    take_session();
}

static int sign_in_with(const char *host, const char *policy, const char *key)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"connectionString\":\"HostName=%s;SharedAccessKeyName=%s;SharedAccessKey=%s\"}",
             host, policy, key);
    return request("POST /admin/v1/session", "", text);
}

static const char *key_of(const char *policy)
{
    return policies_find(rig.wire.hub.policies, slice_str(policy))->keys[1].text;
}

/* ---- files */

static void files_are_served_compressed_and_kept_by_the_browser(void **state)
{
    (void)state;
    static const char *const gzip = "Accept-Encoding: deflate, gzip;q=1.0\r\n";
    char known[256];
    expect(request("GET /console/", gzip, NULL), 200);
    assert_string_equal(header("content-encoding"), "gzip");
    assert_string_equal(header("content-type"), "text/html; charset=utf-8");
    assert_string_equal(header("cache-control"), "no-cache");
    assert_memory_equal(buf_slice(&body).ptr, "\x1f\x8b", 2);
    snprintf(known, sizeof known, "%sIf-None-Match: \"x\", %s\r\n", gzip, header("etag"));
    expect(request("GET /console/", known, NULL), 304);
    assert_int_equal(buf_size(&body), 0);
    expect(request("GET /console/devices/a%2Fb/twin", "", NULL), 200);
    assert_string_equal(header("content-encoding"), "");
    assert_non_null(strstr(said(), "<!doctype html>"));
    expect(request("HEAD /console/", gzip, NULL), 200);
    assert_int_equal(buf_size(&body), 0);
    expect(request("GET /console/assets/none.js", gzip, NULL), 404);
}

static void the_documentation_stands_beside_the_pages(void **state)
{
    (void)state;
    static const struct {
        const char *path, *location; /* location: "" is a page of its own */
        int status;
    } rows[] = {
        {"GET /console/docs/index.html", "", 200},
        {"GET /console/docs", "/console/docs/index.html", 302},
        {"GET /console/docs/", "/console/docs/index.html", 302},
        {"GET /console/docs/C131", "/console/docs/reference/why.html#c131", 302},
        {"GET /console/docs/c1310", "", 404},
        {"GET /console/docs/none.html", "", 404},
        {"GET /console/docs/tutorials/none.html", "", 404},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(request(rows[i].path, "", NULL), rows[i].status);
        if (rows[i].status == 302) assert_string_equal(header("location"), rows[i].location);
    }
}

static void no_script_or_frame_of_others_gets_in(void **state)
{
    (void)state;
    expect(request("GET /console/", "", NULL), 200);
    const char *policy = header("content-security-policy");
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_null(strstr(policy, "unsafe"));
    assert_string_equal(header("x-content-type-options"), "nosniff");
    assert_string_equal(header("referrer-policy"), "no-referrer");
}

static void browsers_are_led_to_the_pages(void **state)
{
    (void)state;
    expect(request("GET /", "", NULL), 302);
    assert_string_equal(header("location"), "/console/");
    expect(request("GET /console", "", NULL), 302);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_HTTP);
    expect(request("GET /", "Accept: text/html,*/*\r\n", NULL), 302);
    assert_string_equal(header("location"), "http://localhost:8080/console/");
    expect(request("GET /console/", "", NULL), 302);
    expect(request("GET /", "", NULL), 426);
    expect(request("GET /console/assets/none.js", "", NULL), 404);
}

/* ---- sessions */

static void a_link_signs_in_once(void **state)
{
    (void)state;
    char token[256];
    link_body(token);
    expect(request("POST /admin/v1/session", "", token), 200);
    const char *set = header("set-cookie");
    assert_non_null(strstr(set, "HttpOnly"));
    assert_non_null(strstr(set, "SameSite=Strict"));
    assert_null(strstr(set, "Secure"));
    assert_non_null(strstr(said(), "\"RegistryWrite\""));
    expect(request("POST /admin/v1/session", "", token), 401);
    expect(request("GET /admin/v1/session", "", NULL), 401);
}

static void a_policy_gives_the_rights_that_it_has(void **state)
{
    (void)state;
    expect(sign_in_with("localhost", "registryRead", key_of("registryRead")), 200);
    assert_non_null(strstr(said(), "\"rights\":[\"RegistryRead\"]"));
    assert_null(strstr(said(), key_of("registryRead")));
    take_session();
    expect(request("GET /devices?api-version=2021-04-12", cookie, NULL), 200);
    expect(request("PUT /devices/d?api-version=2021-04-12", both, "{\"deviceId\":\"d\"}"), 403);
    expect(request("GET /twins/d?api-version=2021-04-12", cookie, NULL), 403);
    expect(request("GET /metrics", cookie, NULL), 403);
    expect(request("GET /admin/v1/live", cookie, NULL), 403);
}

static void a_wrong_policy_key_or_hub_is_refused_and_not_for_ever(void **state)
{
    (void)state;
    expect(sign_in_with("localhost", "service", "AAAA"), 401);
    expect(sign_in_with("localhost", "service", ""), 401);
    expect(sign_in_with("localhost", "none", key_of("service")), 401);
    expect(sign_in_with("other.hub", "service", key_of("service")), 401);
    expect(request("POST /admin/v1/session", "", "{}"), 400);
    expect(request("POST /admin/v1/session", "", "nonsense"), 400);
    for (int i = 4; i < SESSION_FAILURES_MAX; i++)
        expect(request("POST /admin/v1/session", "", "{\"token\":\"x\"}"), 401);
    expect(sign_in_with("localhost", "service", key_of("service")), 429);
    rig_wait(&rig, SESSION_FAILURES_US);
    expect(sign_in_with("localhost", "service", key_of("service")), 200);
}

static void a_session_opens_the_service_api(void **state)
{
    (void)state;
    expect(request("GET /devices?api-version=2021-04-12", "", NULL), 401);
    expect(request("GET /devices?api-version=2021-04-12", "Authorization: x\r\n", NULL), 404);
    sign_in();
    expect(request("PUT /devices/d1?api-version=2021-04-12", both, "{\"deviceId\":\"d1\"}"), 200);
    expect(request("GET /devices/d1?api-version=2021-04-12", cookie, NULL), 200);
    expect(request("GET /admin/v1/hub", cookie, NULL), 200);
    expect(request("POST /admin/v1/console/links", both, "{}"), 403);
    expect(request("GET /metrics", cookie, NULL), 200);
}

/* ---- keys of policies */

#define RENEW "POST /admin/v1/policies/service/renewKey"

static void keys_of_policies_are_told_to_who_came_by_a_link_alone(void **state)
{
    (void)state;
    expect(sign_in_with("localhost", "iothubowner", key_of("iothubowner")), 200);
    take_session();
    expect(request("GET /admin/v1/policies", cookie, NULL), 403);
    expect(request(RENEW, both, "{\"keyType\":\"primary\"}"), 403);
    sign_in();
    expect(request("GET /admin/v1/policies", cookie, NULL), 200);
    assert_non_null(strstr(said(), "{\"keyName\":\"service\",\"rights\":\"ServiceConnect\"}"));
    assert_null(strstr(said(), key_of("service")));
    expect(request("GET /admin/v1/policies/service", cookie, NULL), 200);
    assert_non_null(strstr(said(), key_of("service")));
    expect(request(RENEW, cookie, "{\"keyType\":\"primary\"}"), 403);
}

static void a_key_that_is_renewed_counts_at_once_and_is_kept(void **state)
{
    (void)state;
    static struct policies kept;
    struct hub hub = {.store = rig.wire.store};
    char old[AUTH_KEY_TEXT_MAX + 1], now[AUTH_KEY_TEXT_MAX + 1];
    sign_in();
    snprintf(old, sizeof old, "%s", key_of("service"));
    expect(request(RENEW, both, "{\"keyType\":\"third\"}"), 400);
    expect(request("POST /admin/v1/policies/none/renewKey", both, "{\"keyType\":\"primary\"}"),
           404);
    expect(request(RENEW, both, "{\"keyType\":\"secondary\"}"), 200);
    snprintf(now, sizeof now, "%s", key_of("service"));
    assert_string_not_equal(now, old);
    assert_non_null(strstr(said(), now));
    expect(sign_in_with("localhost", "service", old), 401);
    expect(sign_in_with("localhost", "service", now), 200);
    assert_int_equal(policy_load(&hub, &kept), OK);
    assert_string_equal(policies_find(&kept, SLICE_LIT("service"))->keys[1].text, now);
}

static void never(struct policy_wait *w, enum err result)
{
    (void)w, (void)result;
    fail_msg("who has gone is told");
}

/* Who asked for it has gone before the answer. */
static void renew(const char *policy, unsigned which)
{
    struct policy_wait w = {.fn = never};
    struct policy_keys *keys = rig.wire.policy_keys;
    lane_running = &rig.core;
    assert_int_equal(policy_renew(keys, slice_str(policy), which, &w), OK);
    policy_forget(keys, &w);
    lane_running = NULL;
    rig_run(&rig);
}

static void sessions_of_a_key_end_with_it_though_nobody_hears_the_answer(void **state)
{
    (void)state;
    static const char *const path = "GET /devices?api-version=2021-04-12";
    expect(sign_in_with("localhost", "registryRead", key_of("registryRead")), 200);
    take_session();
    renew("registryRead", 0);
    renew("service", 1);
    expect(request(path, cookie, NULL), 200);
    renew("registryRead", 1);
    expect(request(path, cookie, NULL), 401);
    expect(sign_in_with("localhost", "registryRead", key_of("registryRead")), 200);
    take_session();
    expect(request(path, cookie, NULL), 200);
}

/* ---- policies that are made */

#define PANEL        "/admin/v1/policies/panel"
#define READS        "{\"rights\":\"RegistryRead\"}"
#define DEVICES_PATH "GET /devices?api-version=2021-04-12"

static void a_policy_is_made_changed_and_deleted(void **state)
{
    (void)state;
    static struct policies kept;
    struct hub hub = {.store = rig.wire.store};
    sign_in();
    expect(request("PUT " PANEL, cookie, READS), 403);
    expect(request("PATCH " PANEL, both, READS), 404);
    expect(request("PUT " PANEL, both, "{\"rights\":\"RegistryRead, serviceconnect\"}"), 200);
    assert_non_null(strstr(said(), "\"rights\":\"RegistryRead, ServiceConnect\""));
    assert_non_null(strstr(said(), key_of("panel")));
    expect(request("PUT /admin/v1/policies/PANEL", both, READS), 409);
    assert_int_equal(policy_load(&hub, &kept), OK);
    assert_string_equal(policies_find(&kept, SLICE_LIT("panel"))->keys[1].text, key_of("panel"));
    expect(request("PATCH " PANEL, both, READS), 200);
    assert_int_equal(policies_find(rig.wire.hub.policies, SLICE_LIT("panel"))->rights,
                     AUTH_REGISTRY_READ);
    expect(request("DELETE /admin/v1/policies/device", both, NULL), 204);
    assert_string_equal(rig.wire.hub.policies->items[5].name, "panel");
    expect(request("DELETE " PANEL, both, NULL), 204);
    expect(request("DELETE " PANEL, both, NULL), 404);
    assert_int_equal(policy_load(&hub, &kept), OK);
    assert_int_equal(kept.count, 5);
}

static void a_policy_that_cannot_be_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        int status;
        const char *text;
    } rows[] = {
        {"PUT " PANEL, "nonsense", 400, "expected {"},
        {"PUT " PANEL, "{\"rights\":[]}", 400, "expected {"},
        {"PUT " PANEL, "{\"rights\":\"\"}", 400, "rights are RegistryRead, RegistryWrite, "},
        {"PUT " PANEL, "{\"rights\":\"RegistryRead, Fly\"}", 400, "no right 'Fly'"},
        {"PUT /admin/v1/policies/a%20b", READS, 400, "1 to 64 characters"},
        {"PATCH /admin/v1/policies/iothubowner", READS, 400, "the command line"},
        {"DELETE /admin/v1/policies/iothubowner", NULL, 400, "cannot be deleted: the command"},
        {"DELETE /admin/v1/policies/service", NULL, 400, "event hubs"},
        {"DELETE /admin/v1/policies/provisioningserviceowner", NULL, 400, "azimuth dps"},
    };
    sign_in();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(request(rows[i].line, both, rows[i].body), rows[i].status);
        assert_non_null(strstr(said(), rows[i].text));
    }
    assert_int_equal(rig.wire.hub.policies->count, 6);
}

static int make_policy(const char *name)
{
    char line[256];
    snprintf(line, sizeof line, "PUT /admin/v1/policies/%s", name);
    return request(line, both, READS);
}

static void names_of_policies_and_their_number_have_an_end(void **state)
{
    (void)state;
    char name[SAS_POLICY_MAX + 2] = "";
    sign_in();
    memset(name, 'n', sizeof name - 1);
    expect(make_policy(name), 400);
    name[SAS_POLICY_MAX] = '\0';
    for (size_t i = rig.wire.hub.policies->count; i < AUTH_POLICIES_MAX; i++) {
        expect(make_policy(name), 200);
        snprintf(name, sizeof name, "p-%zu._", i);
    }
    expect(make_policy(name), 403);
    assert_non_null(strstr(said(), "there are 64 policies"));
    expect(request("DELETE /admin/v1/policies/device", both, NULL), 204);
    expect(make_policy(name), 200);
}

static void sessions_of_a_policy_end_with_its_rights_and_with_itself(void **state)
{
    (void)state;
    char admin[sizeof both];
    sign_in();
    snprintf(admin, sizeof admin, "%s", both);
    expect(make_policy("panel"), 200);
    expect(sign_in_with("localhost", "panel", key_of("panel")), 200);
    take_session();
    expect(request(DEVICES_PATH, cookie, NULL), 200);
    expect(request("PATCH " PANEL, admin, "{\"rights\":\"RegistryWrite\"}"), 200);
    expect(request(DEVICES_PATH, cookie, NULL), 401);
    expect(sign_in_with("localhost", "panel", key_of("panel")), 200);
    take_session();
    expect(request(DEVICES_PATH, cookie, NULL), 200);
    expect(request("DELETE " PANEL, admin, NULL), 204);
    expect(request(DEVICES_PATH, cookie, NULL), 401);
}

/* ---- users */

#define PASSWORD "a horse that is correct"
#define MARIA    "PUT /admin/v1/users/Maria"

static char admin_headers[512]; /* of a session that a link began */

static void make_user(const char *name, const char *role)
{
    char line[128], text[256];
    sign_in();
    memcpy(admin_headers, both, sizeof both);
    snprintf(line, sizeof line, "PUT /admin/v1/users/%s", name);
    snprintf(text, sizeof text, "{\"role\":\"%s\",\"password\":\"" PASSWORD "\"}", role);
    expect(request(line, both, text), 200);
}

static int sign_in_as(const char *user, const char *password)
{
    char text[512];
    snprintf(text, sizeof text, "{\"user\":\"%s\",\"password\":\"%s\"}", user, password);
    return request("POST /admin/v1/session", "", text);
}

static void become(const char *user)
{
    expect(sign_in_as(user, PASSWORD), 200);
    take_session();
}

/* Whole and read at its limit, where what it has is no setting. */
static void a_diagnostic_setting_has_a_limit(void **state)
{
    (void)state;
    static char text[DIAGNOSTIC_BODY_MAX + 2];
    sign_in();
    for (size_t over = 0; over < 2; over++) {
        memset(text, ' ', sizeof text);
        memcpy(text, "{}", 2);
        text[DIAGNOSTIC_BODY_MAX + over] = '\0';
        expect(request("PUT /admin/v1/diagnostic-settings/x", both, text), over ? 413 : 400);
    }
}

static void users_are_made_by_administrators(void **state)
{
    (void)state;
    static const char *const good = "{\"role\":\"reader\",\"password\":\"" PASSWORD "\"}";
    static const char *const wrong[] = {
        "nonsense",
        "[]",
        "{}",
        "{\"role\":\"reader\"}",
        "{\"password\":\"" PASSWORD "\"}",
        "{\"role\":\"king\",\"password\":\"" PASSWORD "\"}",
        "{\"role\":\"reader\",\"password\":7}",
        "{\"role\":\"reader\",\"password\":\"short\"}",
        "{\"role\":\"reader\",\"password\":\"" PASSWORD "\",\"status\":\"disabled\"}",
    };
    expect(request(MARIA, "", good), 401);
    expect(sign_in_with("localhost", "iothubowner", key_of("iothubowner")), 200);
    take_session();
    expect(request(MARIA, both, good), 403);
    expect(request("GET /admin/v1/users", cookie, NULL), 403);
    sign_in();
    expect(request(MARIA, cookie, good), 403);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(request(MARIA, both, wrong[i]), 400);
    expect(request(MARIA, both, good), 200);
    assert_non_null(
        strstr(said(), "{\"name\":\"Maria\",\"role\":\"reader\",\"status\":\"enabled\","));
    assert_null(strstr(said(), "horse"));
    expect(request(MARIA, both, good), 409);
    expect(request("GET /admin/v1/users/MARIA", cookie, NULL), 200);
    expect(request("GET /admin/v1/users", cookie, NULL), 200);
    assert_memory_equal(said(), "[{\"name\":\"Maria\"", 16);
    expect(request("GET /admin/v1/users/otto", cookie, NULL), 404);
    expect(request("PATCH /admin/v1/users/otto", both, "{\"role\":\"reader\"}"), 404);
    expect(request("PATCH /admin/v1/users/Maria", both, "{\"status\":\"gone\"}"), 400);
    expect(request("DELETE /admin/v1/users/maria", both, NULL), 204);
    expect(request("DELETE /admin/v1/users/maria", both, NULL), 404);
}

/* What each role may; 0: let in, whatever comes then. */
static void a_role_gives_rights(void **state)
{
    (void)state;
    static const char *const roles[] = {"reader", "operator", "administrator"};
    static const struct {
        const char *line, *body;
        int refused[3];
    } rows[] = {
        {"GET /devices?api-version=1", NULL, {0}},
        {"GET /twins/d1?api-version=1", NULL, {0}},
        {"POST /devices/query?api-version=1", "{\"query\":\"SELECT * FROM devices\"}", {0}},
        {"GET /admin/v1/hub", NULL, {0}},
        {"GET /admin/v1/routing", NULL, {0}},
        {"GET /admin/v1/refusals", NULL, {0}},
        {"GET /metrics", NULL, {0}},
        {"POST /admin/v1/series", "{\"from\":\"-1h\"}", {0}},
        {"PATCH /twins/d1?api-version=1", "{\"tags\":{\"a\":1}}", {403, 0, 0}},
        {"POST /twins/d1/methods?api-version=1", "{\"methodName\":\"m\"}", {403, 0, 0}},
        {"POST /admin/v1/devices/d1/messages", "{\"body\":\"on\"}", {403, 0, 0}},
        {"PUT /devices/d2?api-version=1", "{\"deviceId\":\"d2\"}", {403, 403, 0}},
        {"PUT /admin/v1/consumer-groups/g", NULL, {403, 403, 0}},
        {"POST /admin/v1/container/uri", NULL, {403, 403, 0}},
        {"GET /admin/v1/policies", NULL, {403, 403, 0}},
        {"GET /admin/v1/policies/service", NULL, {403, 403, 0}},
        {"GET /admin/v1/users", NULL, {403, 403, 0}},
        {"POST /admin/v1/console/links", NULL, {403, 403, 403}},
    };
    rig_create_device(&rig, "d1");
    for (int r = 0; r < 3; r++) {
        make_user(roles[r], roles[r]);
        become(roles[r]);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            int status = request(rows[i].line, both, rows[i].body);
            bool out = status == 403 || status == 401;
            if (out != (rows[i].refused[r] != 0))
                fail_msg("%s: %s is answered %d %s", roles[r], rows[i].line, status, said());
        }
    }
}

static void who_reads_is_not_shown_keys(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET /devices?api-version=1", "GET /devices/d1?api-version=1",
        "GET /devices/d1/modules?api-version=1", "GET /devices/d1/modules/m1?api-version=1"};
    rig_create_device(&rig, "d1");
    make_user("op", "operator");
    expect(request("PUT /devices/d1/modules/m1?api-version=1", admin_headers,
                   "{\"deviceId\":\"d1\",\"moduleId\":\"m1\"}"),
           200);
    become("op");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect(request(lines[i], admin_headers, NULL), 200);
        assert_null(strstr(said(), "\"primaryKey\":null"));
        expect(request(lines[i], cookie, NULL), 200);
        assert_non_null(strstr(said(), "\"primaryKey\":null,\"secondaryKey\":null"));
    }
}

/* A function's key stands in the query of its address. */
static void who_reads_is_not_shown_the_keys_of_webhooks(void **state)
{
    (void)state;
    static const char *const enrollment =
        "{\"%s\":\"e1\",\"attestation\":{\"type\":\"symmetricKey\"},"
        "\"allocationPolicy\":\"custom\",\"iotHubs\":[\"localhost\"],"
        "\"customAllocationDefinition\":{\"webhookUrl\":\"https://f.test/x?code=secret\","
        "\"apiVersion\":\"2021-10-01\"}}";
    static const struct {
        const char *collection, *id;
    } kinds[] = {{"enrollments", "registrationId"}, {"enrollmentGroups", "enrollmentGroupId"}};
    static const char *const roles[] = {"reader", "operator", "administrator"};
    char line[128], json[512];
    for (int r = 0; r < 3; r++) make_user(roles[r], roles[r]);
    for (int k = 0; k < 2; k++) {
        snprintf(line, sizeof line, "PUT /%s/e1?api-version=1", kinds[k].collection);
        snprintf(json, sizeof json, enrollment, kinds[k].id);
        expect(request(line, admin_headers, json), 200);
        for (int r = 0; r < 3; r++) {
            const char *shown =
                r < 2 ? "https://f.test/x?****\"" : "https://f.test/x?code=secret\"";
            become(roles[r]);
            snprintf(line, sizeof line, "GET /%s/e1?api-version=1", kinds[k].collection);
            expect(request(line, both, NULL), 200);
            assert_non_null(strstr(said(), shown));
            snprintf(line, sizeof line, "POST /%s/query?api-version=1", kinds[k].collection);
            expect(request(line, both, "{\"query\":\"SELECT *\"}"), 200);
            assert_non_null(strstr(said(), shown));
        }
    }
}

static void a_wrong_password_and_a_wrong_name_are_told_alike(void **state)
{
    (void)state;
    char wrong[512];
    make_user("maria", "reader");
    expect(sign_in_as("maria", "another horse"), 401);
    snprintf(wrong, sizeof wrong, "%s", strstr(said(), "ErrorCode"));
    expect(sign_in_as("otto", PASSWORD), 401);
    assert_memory_equal(strstr(said(), "ErrorCode"), wrong, 60);
    expect(request("POST /admin/v1/session", "", "{\"user\":\"maria\"}"), 401);
    expect(sign_in_as("MARIA", PASSWORD), 200);
    assert_non_null(strstr(said(), "\"name\":\"user maria\""));
    assert_non_null(strstr(said(), "\"reader\":true,\"user\":true"));
    for (int i = 3; i < SESSION_FAILURES_MAX; i++) expect(sign_in_as("maria", ""), 401);
    expect(sign_in_as("maria", PASSWORD), 429);
    assert_string_equal(header("retry-after"), "60");
    rig_wait(&rig, SESSION_FAILURES_US);
    expect(sign_in_as("maria", PASSWORD), 200);
}

static void a_longer_name_is_not_that_of_its_first_part(void **state)
{
    (void)state;
    char name[USER_NAME_MAX + 2] = {0};
    memset(name, 'n', USER_NAME_MAX);
    make_user(name, "reader");
    expect(sign_in_as(name, PASSWORD), 200);
    name[USER_NAME_MAX] = 'n';
    expect(sign_in_as(name, PASSWORD), 401);
}

static void what_a_user_loses_ends_his_sessions(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        int status;
    } rows[] = {
        {"PATCH /admin/v1/users/maria", "{\"role\":\"operator\"}", 200},
        {"PATCH /admin/v1/users/maria", "{\"password\":\"" PASSWORD "\"}", 200},
        {"PATCH /admin/v1/users/maria", "{\"status\":\"disabled\"}", 200},
        {"DELETE /admin/v1/users/maria", NULL, 204},
    };
    make_user("maria", "reader");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        become("maria");
        expect(request("GET /admin/v1/hub", cookie, NULL), 200);
        expect(request(rows[i].line, admin_headers, rows[i].body), rows[i].status);
        expect(request("GET /admin/v1/hub", cookie, NULL), 401);
        expect(sign_in_as("maria", PASSWORD), i < 2 ? 200 : 401);
        if (i == 2)
            expect(
                request("PATCH /admin/v1/users/maria", admin_headers, "{\"status\":\"enabled\"}"),
                200);
    }
}

/* What is asked for before it is lost and comes to its end behind that, is not done. */
static void who_is_demoted_does_not_finish_what_he_began(void **state)
{
    (void)state;
    static const char *const content = "{\"role\":\"administrator\",\"password\":\"" PASSWORD "\"}";
    static const char *const changes[] = {"{\"role\":\"reader\"}", "{\"status\":\"disabled\"}"};
    char first[1024];
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *name = i ? "otto" : "ann";
        char line[128];
        make_user(name, "administrator");
        become(name);
        snprintf(first, sizeof first,
                 "PUT /admin/v1/users/backdoor HTTP/1.1\r\nHost: localhost:8080\r\n%s"
                 "Content-Length: %zu\r\n\r\n{",
                 both, strlen(content));
        struct rig_conn *slow = rig_dial(&rig, WIRE_CONSOLE);
        rig_say(slow, slice_str(first));
        snprintf(line, sizeof line, "PATCH /admin/v1/users/%s", name);
        expect(request(line, admin_headers, changes[i]), 200);
        rig_say(slow, slice_str(content + 1));
        assert_memory_equal(buf_cstr(&slow->heard), "HTTP/1.1 401", 12);
        rig_free(slow);
        assert_null(users_find(rig.wire.users, SLICE_LIT("backdoor")));
    }
}

static void one_changes_his_own_password(void **state)
{
    (void)state;
    static const char *const path = "POST /admin/v1/session/password";
    static const char *const good =
        "{\"password\":\"" PASSWORD "\",\"newPassword\":\"battery staple\"}";
    char other[256];
    make_user("maria", "reader");
    expect(request(path, both, good), 401); /* who came by a link has none */
    become("maria");
    memcpy(other, cookie, sizeof other);
    become("maria");
    expect(request(path, cookie, good), 403);
    expect(request(path, both, "{\"newPassword\":\"battery staple\"}"), 400);
    expect(request(path, both, "{\"password\":\"" PASSWORD "\",\"newPassword\":\"short\"}"), 400);
    expect(request(path, both, "{\"password\":\"x\",\"newPassword\":\"battery staple\"}"), 401);
    expect(request("GET /admin/v1/hub", other, NULL), 200);
    expect(request(path, both, good), 204);
    expect(request("GET /admin/v1/hub", cookie, NULL), 200);
    expect(request("GET /admin/v1/hub", other, NULL), 401);
    expect(sign_in_as("maria", PASSWORD), 401);
    expect(sign_in_as("maria", "battery staple"), 200);
}

/* The peer sends, and no lane runs yet. */
static void feed(struct rig_conn *c, const char *text)
{
    lane_running = &rig.core;
    conn_received(&c->conn, slice_str(text), rig.now_us);
    lane_running = NULL;
}

static void run_once(struct lane *lane)
{
    lane_run_once(lane, rig.now_us);
}

/* Until his old password is found right, and the new one is hashed. */
static void hash_own_password(void)
{
    struct lane *hashing = &rig.wire.password_lane;
    run_once(&rig.core);
    run_once(hashing);
    run_once(&rig.core);
    run_once(hashing);
}

/* Neither his rights outlive it, nor does his password take the place of the administrator's. */
static void who_changes_his_password_keeps_nothing_that_is_taken_meanwhile(void **state)
{
    (void)state;
    static const char *const changes[] = {"{\"role\":\"reader\"}", "{\"status\":\"disabled\"}"};
    static const char *const names[] = {"ann", "otto"};
    static const char *const content =
        "{\"password\":\"" PASSWORD "\",\"newPassword\":\"battery staple\"}";
    char own[1024], theirs[1024];
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        make_user(names[i], "administrator");
        become(names[i]);
        snprintf(own, sizeof own,
                 "POST /admin/v1/session/password HTTP/1.1\r\nHost: localhost\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 both, strlen(content), content);
        snprintf(theirs, sizeof theirs,
                 "PATCH /admin/v1/users/%s HTTP/1.1\r\nHost: localhost\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 names[i], admin_headers, strlen(changes[i]), changes[i]);
        struct rig_conn *slow = rig_dial(&rig, WIRE_CONSOLE);
        feed(slow, own);
        hash_own_password();
        feed(conn, theirs);
        rig_run(&rig);
        rig_say(slow, SLICE_LIT("\r\n")); /* what was answered is sent */
        rig_say(conn, SLICE_LIT("\r\n"));
        assert_memory_equal(buf_cstr(&slow->heard), "HTTP/1.1 409", 12);
        rig_free(slow);
        expect(answered(), 200);
        expect(request("GET /admin/v1/users", cookie, NULL), 401);
        expect(sign_in_as(names[i], "battery staple"), 401);
    }
}

/* More at a time than may wait: told to come again.  Who has gone is forgotten. */
static void passwords_wait_for_their_turn_and_so_many(void **state)
{
    (void)state;
    static const char *const asks =
        "POST /admin/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33\r\n\r\n"
        "{\"user\":\"x\",\"password\":\"1234567\"}";
    struct rig_conn *many[USER_HASHES_MAX];
    for (size_t i = 0; i < USER_HASHES_MAX; i++) many[i] = rig_dial(&rig, WIRE_CONSOLE);
    for (size_t i = 0; i < USER_HASHES_MAX; i++) feed(many[i], asks);
    feed(conn, asks);
    lane_running = &rig.core;
    conn_ended(&many[0]->conn, ERR_CLOSED);
    rig_free(many[0]);
    expect(answered(), 503);
    assert_string_equal(header("retry-after"), "5");
    for (size_t i = 1; i < USER_HASHES_MAX; i++) {
        assert_non_null(strstr(buf_cstr(&many[i]->heard), " 401 "));
        rig_free(many[i]);
    }
}

static void keys_are_renewed_so_often_and_no_more(void **state)
{
    (void)state;
    sign_in();
    for (int i = 0; i < POLICY_CHANGES_MAX; i++)
        expect(request(RENEW, both, "{\"keyType\":\"primary\"}"), 200);
    expect(request(RENEW, both, "{\"keyType\":\"primary\"}"), 403);
}

static void a_change_needs_the_proof_of_a_page(void **state)
{
    (void)state;
    sign_in();
    expect(request("PUT /devices/d1?api-version=2021-04-12", cookie, "{\"deviceId\":\"d1\"}"), 403);
    expect(request("DELETE /admin/v1/session", cookie, NULL), 403);
    expect(request("GET /admin/v1/session", cookie, NULL), 200);
    char foreign[1024];
    snprintf(foreign, sizeof foreign, "%sOrigin: http://evil.example\r\n", both);
    expect(request("DELETE /admin/v1/session", foreign, NULL), 403);
}

static void who_signs_out_or_stays_away_is_told_so(void **state)
{
    (void)state;
    sign_in();
    expect(request("DELETE /admin/v1/session", both, NULL), 204);
    assert_non_null(strstr(header("set-cookie"), "Max-Age=0"));
    expect(request("GET /devices?api-version=2021-04-12", cookie, NULL), 401);
    sign_in();
    rig_wait(&rig, SESSION_IDLE_US);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_CONSOLE);
    expect(request("GET /devices?api-version=2021-04-12", cookie, NULL), 401);
    expect(request("GET /console/", cookie, NULL), 200);
}

/* Whoever it is; also who signed in by somebody else's word, whom no change of a user ends. */
static void an_administrator_ends_a_session(void **state)
{
    (void)state;
    char line[64], theirs[256];
    make_user("maria", "reader");
    become("maria");
    memcpy(theirs, cookie, sizeof theirs);
    expect(request("GET /admin/v1/sessions", theirs, NULL), 403);
    expect(request("DELETE /admin/v1/sessions/1", both, NULL), 403);
    snprintf(conn->conn.peer, sizeof conn->conn.peer, "10.0.0.7:1234");
    become("maria");
    expect(request("GET /admin/v1/sessions", admin_headers, NULL), 200);
    assert_ptr_equal(strstr(said(), "[{\"number\":1,\"name\":\"one-time link\",\"address\":\"\","),
                     said());
    assert_non_null(strstr(said(), "\"own\":true},{\"number\":2,\"name\":\"user maria\","));
    assert_non_null(
        strstr(said(), "\"name\":\"user maria\",\"address\":\"10.0.0.7\",\"began\":\"2"));
    const char *secret = strchr(cookie, '=') + 1;
    assert_null(strstr(said(), "csrf"));
    snprintf(line, sizeof line, "%.20s", secret);
    assert_null(strstr(said(), line));
    expect(request("DELETE /admin/v1/sessions/2", admin_headers, NULL), 204);
    expect(request("GET /admin/v1/hub", theirs, NULL), 401);
    expect(request("GET /admin/v1/hub", cookie, NULL), 200);
    expect(request("DELETE /admin/v1/sessions/2", admin_headers, NULL), 404);
    expect(request("DELETE /admin/v1/sessions/0", admin_headers, NULL), 404);
    expect(request("DELETE /admin/v1/sessions/x", admin_headers, NULL), 404);
    rig_wait(&rig, SESSION_IDLE_US);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_CONSOLE);
    sign_in();
    expect(request("GET /admin/v1/sessions", cookie, NULL), 200);
    assert_ptr_equal(strstr(said(), "[{\"number\":4,"), said()); /* no other one is left */
    assert_null(strstr(said(), "},{"));
}

static void everybody_ends_the_own_sessions_and_no_others(void **state)
{
    (void)state;
    char before[256];
    expect(request("GET /admin/v1/session/own", "", NULL), 401);
    expect(request("DELETE /admin/v1/session/own/1", "", NULL), 401);
    make_user("maria", "reader");
    become("maria");
    memcpy(before, cookie, sizeof before);
    become("maria");
    expect(request("GET /admin/v1/session/own", cookie, NULL), 200);
    assert_ptr_equal(strstr(said(), "[{\"number\":2,\"name\":\"user maria\","), said());
    assert_non_null(strstr(said(), "\"own\":false},{\"number\":3,"));
    assert_non_null(strstr(said(), "\"own\":true}]"));
    expect(request("DELETE /admin/v1/session/own/2", cookie, NULL), 403);
    expect(request("DELETE /admin/v1/session/own/1", both, NULL), 404); /* the administrator's */
    expect(request("DELETE /admin/v1/session/own/x", both, NULL), 404);
    expect(request("DELETE /admin/v1/session/own/2", both, NULL), 204);
    expect(request("GET /admin/v1/session", before, NULL), 401);
    expect(request("DELETE /admin/v1/session/own/3", both, NULL), 204);
    expect(request("GET /admin/v1/session", cookie, NULL), 401);
    expect(request("GET /admin/v1/session", admin_headers, NULL), 200);
}

static void a_message_to_a_device_is_queued(void **state)
{
    (void)state;
    static const char *const path = "POST /admin/v1/devices/d1/messages";
    sign_in();
    expect(request(path, both, "{\"body\":\"on\"}"), 404);
    rig_create_device(&rig, "d1");
    expect(request(path, both, "{\"body\":\"on\",\"properties\":{\"a\":\"b\"},\"ack\":\"full\"}"),
           200);
    assert_non_null(strstr(said(), "messageId"));
    expect(request(path, both, "{\"body\":7}"), 400);
    expect(request(path, both, "{\"body\":\"on\",\"properties\":{\"a\":1}}"), 400);
    expect(request(path, both, "{\"body\":\"on\",\"ack\":\"some\"}"), 400);
    expect(request("GET /devices/d1?api-version=2021-04-12", cookie, NULL), 200);
    assert_non_null(strstr(said(), "\"cloudToDeviceMessageCount\":1"));
}

static void a_query_is_saved(void **state)
{
    (void)state;
    sign_in();
    expect(request("GET /admin/v1/saved-queries", "", NULL), 401);
    expect(request("PUT /admin/v1/saved-queries/Line%204", cookie, "{}"), 403);
    expect(request("PUT /admin/v1/saved-queries/Line%204", both, "{\"condition\":1}"), 400);
    assert_non_null(strstr(said(), "condition: expected text"));
    expect(request("PUT /admin/v1/saved-queries/Line%204", both,
                   "{\"condition\":\"tags.line = '4'\",\"columns\":[\"tags.line\"]}"),
           200);
    assert_non_null(strstr(said(), "\"name\":\"Line 4\""));
    expect(request("GET /admin/v1/saved-queries", cookie, NULL), 200);
    assert_non_null(strstr(said(), "[{\"name\":\"Line 4\",\"condition\":\"tags.line = '4'\""));
    expect(request("DELETE /admin/v1/saved-queries/Line%204", both, NULL), 204);
    expect(request("DELETE /admin/v1/saved-queries/Line%204", both, NULL), 404);
}

/* ---- numbers over time */

static void on_appended(struct lane *core, struct addr who, uint64_t cookie_, enum err result)
{
    (void)core, (void)who, (void)cookie_;
    assert_int_equal(result, OK);
}

static void append(const char *json)
{
    struct log_writer *w = &rig.wire.cores[0].writer;
    lane_running = &rig.core;
    struct buf *b = log_begin(w, 0, 0, RECORD_TELEMETRY, RECORD_TO_STREAM);
    log_pairs_done(w, 0);
    amqp_put_data(b, slice_str(json));
    log_end(w, on_appended, (struct addr){0}, 0);
    log_flush(w);
    lane_running = NULL;
    rig_run(&rig);
    rig_wait(&rig, 100000); /* what comes in the moment of asking is not in the answer */
}

static void numbers_are_read_from_the_log(void **state)
{
    (void)state;
    static const char *const ask = "POST /admin/v1/series";
    char again[512];
    append("{\"t\":20}");
    append("{\"t\":22}");
    append("no JSON");
    expect(request(ask, "", "{\"from\":\"-1h\"}"), 401);
    sign_in();
    expect(request(ask, both, "{\"from\":\"tomorrow\"}"), 400);
    expect(request(ask, both, "{\"paths\":[\"t\"],\"from\":\"-1h\",\"buckets\":1}"), 200);
    assert_non_null(strstr(said(), "\"records\":3,\"skipped\":1"));
    assert_non_null(strstr(said(), "\"values\":2,\"points\":[[0,2,20,22,21]]"));
    assert_non_null(strstr(said(), "\"complete\":true"));
    const char *next = strstr(said(), "\"next\":");
    snprintf(again, sizeof again, "{\"paths\":[\"t\"],\"from\":\"-1h\",\"buckets\":1,%.*s}",
             (int)(strchr(next, '}') + 1 - next), next);
    append("{\"t\":7}");
    expect(request(ask, both, again), 200);
    assert_non_null(strstr(said(), "\"points\":[[0,1,7,7,7]]"));
    expect(request(ask, both, "{\"from\":\"-1h\"}"), 200);
    assert_non_null(strstr(said(), "\"found\":[\"t\"]"));
    expect(request(ask, both, "{\"devices\":[\"d\"],\"from\":\"-1h\"}"), 200);
    assert_non_null(strstr(said(), "\"records\":0"));
}

static void questions_have_a_largest_size(void **state)
{
    (void)state;
    static const struct {
        const char *line, *json;
        size_t max;
    } rows[] = {
        {"PUT /admin/v1/saved-queries/wide", "{\"condition\":\"tags.line = '4'\"}",
         SAVED_QUERY_BODY_MAX},
        {"POST /admin/v1/series", "{\"paths\":[\"t\"],\"from\":\"-1h\"}", SERIES_REQUEST_MAX},
    };
    sign_in();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t over = 0; over < 2; over++) {
            struct buf json = {0};
            buf_put_str(&json, rows[i].json);
            while (buf_size(&json) < rows[i].max + over) buf_put_u8(&json, ' ');
            expect(request(rows[i].line, both, buf_cstr(&json)), over ? 413 : 200);
            buf_free(&json);
            rig_free(conn); /* who says too much is not heard to the end */
            conn = rig_dial(&rig, WIRE_CONSOLE);
        }
}

/* ---- the live link */

#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static int upgrade(const char *protocol)
{
    char headers[1024];
    snprintf(headers, sizeof headers, "%s" UPGRADE "Sec-WebSocket-Protocol: %s\r\n", cookie,
             protocol);
    return request("GET /admin/v1/live", headers, NULL);
}

static void open_link(void)
{
    sign_in();
    expect(upgrade("azm.live.1"), 101);
    assert_string_equal(header("sec-websocket-protocol"), "azm.live.1");
}

/* A text frame of a client, masked with zeros, in two parts if `parts`. */
static void say_frame(const char *text, bool parts)
{
    struct buf b = {0};
    size_t len = strlen(text), first = parts ? len / 2 : len;
    for (size_t at = 0; at < len; at += first, first = len - at) {
        bool last = at + first >= len;
        buf_put_u8(&b, (uint8_t)((last ? 0x80 : 0) | (at ? 0 : 1)));
        buf_put_u8(&b, (uint8_t)(0x80 | (first < 126 ? first : 126)));
        if (first >= 126) buf_put_be16(&b, (uint16_t)first);
        buf_put(&b, "\0\0\0\0", 4);
        buf_put(&b, text + at, first);
    }
    rig_say(conn, buf_slice(&b));
    buf_free(&b);
}

/* The next message of the server, or NULL. */
static const char *next_message(void)
{
    struct slice s = buf_slice(&conn->heard);
    size_t at = 2, len;
    if (s.len < 2) return NULL;
    assert_int_equal(s.ptr[0], 0x81); /* text, whole */
    len = s.ptr[1];
    if (len == 126) {
        len = (size_t)s.ptr[2] << 8 | s.ptr[3];
        at = 4;
    }
    assert_true(len < 126 * 1000 && s.len >= at + len);
    buf_clear(&body);
    buf_put(&body, s.ptr + at, len);
    buf_consume(&conn->heard, at + len);
    return said();
}

static void expect_message(const char *part)
{
    const char *text = next_message();
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("'%s' instead of %s", text ? text : "nothing", part);
}

/* Of a subscription; the first batch may be empty. */
static void expect_batch(const char *part)
{
    const char *text = next_message();
    if (text && strstr(text, "\"batch\":[]")) text = next_message();
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("'%s' instead of %s", text ? text : "nothing", part);
}

static void a_live_link_needs_a_session_and_its_protocol(void **state)
{
    (void)state;
    cookie[0] = '\0';
    expect(upgrade("azm.live.1"), 401);
    sign_in();
    expect(upgrade("mqtt"), 400);
    expect(request("GET /admin/v1/live", cookie, NULL), 426);
    expect(upgrade("other, azm.live.1"), 101);
}

static void what_a_page_asks_wrongly_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer;
    } rows[] = {
        {"nonsense", "JSON object"},
        {"[]", "JSON object"},
        {"{}", "id: "},
        {"{\"id\":\"x\"}", "id: "},
        {"{\"id\":1}", "no such subscription"},
        {"{\"id\":1,\"sub\":\"other\"}", "events, metrics or query"},
        {"{\"id\":1,\"sub\":\"events\",\"max_hz\":0}", "max_hz"},
        {"{\"id\":1,\"sub\":\"events\",\"max_hz\":11}", "max_hz"},
        {"{\"id\":1,\"sub\":\"events\",\"kinds\":[\"none\"]}", "kinds"},
        {"{\"id\":1,\"sub\":\"events\",\"kinds\":{}}", "kinds"},
        {"{\"id\":1,\"sub\":\"events\",\"from\":\"soon\"}", "from"},
        {"{\"id\":1,\"sub\":\"events\",\"from\":{\"9999\":1}}", "from"},
        {"{\"id\":1,\"sub\":\"events\",\"from\":{\"0\":-1}}", "from"},
        {"{\"id\":1,\"sub\":\"events\",\"device\":\"a/b\"}", "device"},
        {"{\"id\":1,\"sub\":\"metrics\"}", "names"},
        {"{\"id\":1,\"sub\":\"query\"}", "query"},
        {"{\"id\":1,\"sub\":\"query\",\"query\":7}", "query"},
    };
    open_link();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say_frame(rows[i].text, i % 2);
        expect_message(rows[i].answer);
    }
    assert_null(next_message());
}

/* An unsub of nothing that is so long, with blanks before its end. */
static void say_at_length(size_t len)
{
    char *text = mem_new(len + 1);
    memset(text, ' ', len);
    memcpy(text, "{\"id\":1,\"unsub\":true", strlen("{\"id\":1,\"unsub\":true"));
    text[len - 1] = '}';
    text[len] = '\0';
    say_frame(text, true);
    free(text);
}

static void a_message_of_the_page_has_a_longest(void **state)
{
    (void)state;
    open_link();
    say_at_length(LIVE_REQUEST_MAX);
    expect_message("no such subscription");
    say_at_length(LIVE_REQUEST_MAX + 1);
    assert_int_equal(conn->heard.ptr[conn->heard.off], 0x88); /* Close */
}

static void there_are_so_many_subscriptions(void **state)
{
    (void)state;
    char text[128];
    int64_t refused = limit_reached("live-subscriptions");
    open_link();
    for (int i = 0; i <= LIVE_SUBS_MAX; i++) {
        snprintf(text, sizeof text, "{\"id\":%d,\"sub\":\"events\"}", i);
        say_frame(text, false);
        rig_wait(&rig, 100000);
        expect_message(i < LIVE_SUBS_MAX ? "\"batch\":[]" : "at most 16");
    }
    assert_int_equal(limit_reached("live-subscriptions") - refused, 1);
    say_frame("{\"id\":3,\"sub\":\"events\"}", false);
    expect_message("taken");
    say_frame("{\"id\":3,\"unsub\":true}", false);
    say_frame("{\"id\":3,\"sub\":\"metrics\",\"names\":[\"azimuth_live_links\"]}", false);
    rig_wait(&rig, 1000000);
    expect_message("\"metrics\":{\"azimuth_live_links\":1}");
}

static void a_subscription_has_so_many_metrics(void **state)
{
    (void)state;
    open_link();
    for (int count = LIVE_NAMES_MAX; count <= LIVE_NAMES_MAX + 1; count++) {
        struct buf text = {0};
        buf_printf(&text, "{\"id\":%d,\"sub\":\"metrics\",\"names\":[", count);
        for (int i = 0; i < count; i++) buf_printf(&text, "%s\"azimuth_live_links\"", i ? "," : "");
        buf_put_str(&text, "]}");
        say_frame(buf_cstr(&text), false);
        rig_wait(&rig, 100000);
        expect_message(count > LIVE_NAMES_MAX ? "at most 32 metrics" : "\"metrics\":{");
        buf_free(&text);
    }
}

#define ROWS(id, where)                                                                            \
    "{\"id\":" id ",\"sub\":\"query\",\"query\":\"SELECT deviceId, status FROM devices" where "\"" \
    "}"

static void rows_of_a_query_are_told_again_when_they_change(void **state)
{
    (void)state;
    rig_create_device(&rig, "d1");
    rig_create_device(&rig, "d2");
    open_link();
    say_frame(ROWS("1", " WHERE deviceId IN ['d1','d2','d3']"), false);
    rig_wait(&rig, 1000);
    expect_message("{\"id\":1,\"rows\":[[0,{\"deviceId\":\"d1\",\"status\":\"enabled\"}],"
                   "[1,{\"deviceId\":\"d2\",\"status\":\"enabled\"}]],\"count\":2,\"more\":false}");
    rig_wait(&rig, 2 * LIVE_QUERY_US);
    assert_null(next_message());
    rig_put_device(&rig, "d2", "{\"deviceId\":\"d2\",\"status\":\"disabled\"}", "*");
    rig_create_device(&rig, "d3");
    rig_wait(&rig, LIVE_QUERY_US);
    expect_message("\"rows\":[[1,{\"deviceId\":\"d2\",\"status\":\"disabled\"}],"
                   "[2,{\"deviceId\":\"d3\",\"status\":\"enabled\"}]],\"count\":3,");
    say_frame("{\"id\":1,\"pause\":true}", false);
    rig_delete(&rig, "d3");
    rig_wait(&rig, 2 * LIVE_QUERY_US);
    assert_null(next_message());
    say_frame("{\"id\":1,\"pause\":false}", false);
    rig_wait(&rig, 1000);
    expect_message("\"rows\":[],\"count\":2,");
    say_frame("{\"id\":1,\"unsub\":true}", false);
    rig_delete(&rig, "d2");
    rig_wait(&rig, 2 * LIVE_QUERY_US);
    assert_null(next_message());
}

static void a_query_that_goes_on_waits_for_its_turn(void **state)
{
    (void)state;
    rig_create_device(&rig, "d1");
    open_link();
    say_frame(ROWS("1", ""), false);
    rig_wait(&rig, 1000);
    expect_message("\"count\":1,");
    say_frame("{\"id\":1,\"pause\":true}", false);
    rig_create_device(&rig, "d2");
    say_frame("{\"id\":1,\"pause\":false}", false);
    rig_wait(&rig, LIVE_QUERY_US / 2);
    assert_null(next_message());
    rig_wait(&rig, LIVE_QUERY_US);
    expect_message("\"count\":2,");
}

static int64_t look_us; /* of each look at the clock */

static int64_t slow_mono_us(void)
{
    return rig.now_us += look_us;
}

static int64_t slow_wall_us(void)
{
    return rig.now_us + rig.wall_us;
}

/* One that takes long costs the next one its time, also where the first has ended. */
static void queries_of_a_link_have_their_share_of_time_together(void **state)
{
    static const struct clock_source slow = {slow_mono_us, slow_wall_us};
    (void)state;
    rig_create_device(&rig, "d1");
    open_link();
    clock_use(&slow);
    look_us = 100000;
    say_frame(ROWS("1", ""), false);
    rig_wait(&rig, 1000);
    look_us = 0;
    expect_message("{\"id\":1,\"rows\":[[0,");
    say_frame("{\"id\":1,\"unsub\":true}", false);
    say_frame(ROWS("2", ""), false);
    rig_wait(&rig, 1000);
    assert_null(next_message());
    rig_wait(&rig, 100 * 1000000ll);
    expect_message("{\"id\":2,\"rows\":[[0,");
}

static void a_query_has_so_many_rows_and_a_link_so_many_queries(void **state)
{
    (void)state;
    char text[64];
    for (int i = 0; i <= LIVE_ROWS_MAX; i++) {
        snprintf(text, sizeof text, "d%03d", i);
        rig_create_device(&rig, text);
    }
    open_link();
    say_frame(ROWS("1", " WHERE deviceId < 'd100'"), false);
    rig_wait(&rig, 1000);
    expect_message("\"count\":100,\"more\":false}");
    say_frame(ROWS("2", ""), false);
    rig_wait(&rig, 1000);
    expect_message("\"count\":100,\"more\":true}");
    assert_null(strstr(said(), "d100"));
    int64_t reached = limit_reached("live-queries");
    say_frame(ROWS("3", ""), false);
    expect_message("at most 2 subscriptions to queries");
    assert_int_equal(limit_reached("live-queries"), reached + 1);
    say_frame("{\"id\":2,\"unsub\":true}", false);
    say_frame(ROWS("3", " WHERE deviceId = 'd100'"), false);
    rig_wait(&rig, 1000);
    expect_message("{\"id\":3,\"rows\":[[0,{\"deviceId\":\"d100\"");
}

static void a_query_that_is_wrong_ends_with_an_error(void **state)
{
    (void)state;
    open_link();
    say_frame("{\"id\":1,\"sub\":\"query\",\"query\":\"SELECT * FROM nowhere\"}", false);
    rig_wait(&rig, 1000);
    expect_message("{\"id\":1,\"error\":\"");
    rig_wait(&rig, 2 * LIVE_QUERY_US);
    assert_null(next_message());
    say_frame("{\"id\":1,\"unsub\":true}", false);
    expect_message("no such subscription");
}

static void a_query_has_so_many_bytes(void **state)
{
    (void)state;
    static const char query[] = "SELECT deviceId FROM devices";
    open_link();
    for (int more = 0; more <= 1; more++) {
        struct buf text = {0};
        buf_printf(&text, "{\"id\":%d,\"sub\":\"query\",\"query\":\"%s%*s\"}", more, query,
                   (int)(LIVE_QUERY_MAX - strlen(query)) + more, "");
        say_frame(buf_cstr(&text), false);
        rig_wait(&rig, 1000);
        expect_message(more ? "at most 16 KiB" : "\"rows\":[],\"count\":0,");
        buf_free(&text);
    }
}

static void there_are_so_many_links(void **state)
{
    (void)state;
    struct rig_conn *links[LIVE_LINKS_MAX];
    int64_t refused = limit_reached("live-links");
    open_link();
    links[0] = conn;
    for (int i = 1; i < LIVE_LINKS_MAX; i++) {
        links[i] = conn = rig_dial(&rig, WIRE_CONSOLE);
        expect(upgrade("azm.live.1"), 101);
    }
    conn = rig_dial(&rig, WIRE_CONSOLE);
    expect(upgrade("azm.live.1"), 503);
    assert_int_equal(limit_reached("live-links") - refused, 1);
    rig_free(links[1]);
    expect(upgrade("azm.live.1"), 101);
    for (int i = 0; i < LIVE_LINKS_MAX; i++)
        if (i != 1) rig_free(links[i]);
}

/* An event of a device's life is in the stream, since the hub was told to put it there. */
static void events_come_in_batches_and_resume_where_they_ended(void **state)
{
    (void)state;
    char again[512];
    open_link();
    say_frame("{\"id\":7,\"sub\":\"events\",\"from\":\"now\"}", false);
    rig_wait(&rig, 100000);
    expect_message("{\"id\":7,\"batch\":[],\"next\":{");
    rig_create_device(&rig, "d-1");
    rig_wait(&rig, 100000);
    expect_message("\"kind\":\"lifecycle\"");
    assert_non_null(strstr(said(), "\"device\":\"d-1\""));
    assert_non_null(strstr(said(), "\"lost\":0"));
    const char *next = strstr(said(), "\"next\":");
    snprintf(again, sizeof again, "{\"id\":8,\"sub\":\"events\",\"from\":%.*s}",
             (int)(strchr(next, '}') + 1 - next - 7), next + 7);

    say_frame("{\"id\":7,\"pause\":true}", false);
    rig_create_device(&rig, "d-2");
    rig_wait(&rig, 1000000);
    assert_null(next_message());
    say_frame("{\"id\":7,\"pause\":false}", false);
    rig_wait(&rig, 200000);
    expect_message("\"device\":\"d-2\"");
    say_frame("{\"id\":7,\"unsub\":true}", false);

    say_frame(again, true);
    rig_wait(&rig, 200000);
    expect_batch("\"device\":\"d-2\"");
    say_frame("{\"id\":9,\"sub\":\"events\",\"from\":\"-1h\",\"device\":\"d-1\"}", false);
    rig_wait(&rig, 200000);
    expect_batch("\"device\":\"d-1\"");
    assert_null(strstr(said(), "d-2"));
    say_frame("{\"id\":10,\"sub\":\"events\",\"from\":\"-1h\",\"kinds\":[\"telemetry\"]}", false);
    rig_wait(&rig, 200000);
    expect_message("{\"id\":10,\"batch\":[]");
}

/* An event with such a body and such a property. */
static void append_event(size_t len, char with, size_t property_len)
{
    struct log_writer *w = &rig.wire.cores[0].writer;
    struct buf text = {0};
    memset(buf_reserve(&text, MAX(len, property_len)), with, MAX(len, property_len));
    buf_commit(&text, MAX(len, property_len));
    lane_running = &rig.core;
    struct buf *b = log_begin(w, 0, 0, RECORD_TELEMETRY, RECORD_TO_STREAM);
    amqp_put_sym(b, "long");
    amqp_put_string(b, slice_head(buf_slice(&text), property_len));
    log_pairs_done(w, 1);
    amqp_put_data(b, slice_head(buf_slice(&text), len));
    log_end(w, on_appended, (struct addr){0}, 0);
    log_flush(w);
    lane_running = NULL;
    buf_free(&text);
}

static size_t told_of(const char *member)
{
    const char *at = strstr(said(), member);
    assert_non_null(at);
    at += strlen(member);
    return strcspn(at, "\"");
}

static void of_a_long_event_the_first_part_is_told(void **state)
{
    (void)state;
    static const struct {
        size_t body, property, told_body, told_property;
        char with;
    } rows[] = {
        {LIVE_BODY_MAX, LIVE_TEXT_MAX, LIVE_BODY_MAX, LIVE_TEXT_MAX, 'x'},
        {LIVE_BODY_MAX + 1, LIVE_TEXT_MAX + 1, LIVE_BODY_MAX, LIVE_TEXT_MAX, 'x'},
        /* in base64, which has four characters for three bytes */
        {LIVE_BODY_MAX / 4, 1, (LIVE_BODY_MAX / 4 + 2) / 3 * 4, 4, '\xff'},
        {LIVE_BODY_MAX / 4 + 1, 1, (LIVE_BODY_MAX / 4 + 2) / 3 * 4, 4, '\xff'},
    };
    open_link();
    say_frame("{\"id\":1,\"sub\":\"events\",\"from\":\"now\"}", false);
    rig_wait(&rig, 100000);
    expect_message("\"batch\":[]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char size[32];
        append_event(rows[i].body, rows[i].with, rows[i].property);
        rig_wait(&rig, 100000);
        rig_wait(&rig, 100000);
        snprintf(size, sizeof size, "\"size\":%zu,", rows[i].body);
        expect_message(size);
        assert_int_equal(told_of("\"body\":\""), rows[i].told_body);
        assert_int_equal(told_of("\"long\":\""), rows[i].told_property);
        assert_int_equal(strstr(said(), "\"truncated\":true") != NULL, i % 2);
        assert_int_equal(strstr(said(), "\"propertiesTruncated\":true") != NULL,
                         rows[i].property > LIVE_TEXT_MAX);
    }
}

static void append_with_properties(unsigned count)
{
    struct log_writer *w = &rig.wire.cores[0].writer;
    lane_running = &rig.core;
    struct buf *b = log_begin(w, 0, 0, RECORD_TELEMETRY, RECORD_TO_STREAM);
    log_pairs_done(w, 0);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    for (unsigned i = 1; i <= count; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", i);
        amqp_put_str(b, name);
        amqp_put_uint(b, i);
    }
    amqp_close(b, map, 2 * count);
    amqp_put_data(b, SLICE_LIT("{}"));
    log_end(w, on_appended, (struct addr){0}, 0);
    log_flush(w);
    lane_running = NULL;
}

static void of_many_properties_64_are_told(void **state)
{
    (void)state;
    open_link();
    say_frame("{\"id\":1,\"sub\":\"events\",\"from\":\"now\"}", false);
    rig_wait(&rig, 100000);
    expect_message("\"batch\":[]");
    for (unsigned over = 0; over < 2; over++) {
        append_with_properties(LIVE_PROPERTIES_MAX + over);
        rig_wait(&rig, 100000);
        rig_wait(&rig, 100000);
        expect_message("\"p64\":64");
        assert_null(strstr(said(), "\"p65\""));
        assert_int_equal(strstr(said(), "\"propertiesTruncated\":true") != NULL, over);
    }
}

static unsigned told_events(void)
{
    unsigned told = 0;
    for (const char *p = said(); (p = strstr(p, "\"kind\":")) != NULL; p++) told++;
    return told;
}

/* Of such events a read has one, and what is read for a batch are three. */
static void who_is_behind_for_three_batches_is_moved_to_the_end(void **state)
{
    (void)state;
    enum { LARGE = 200 << 10, OF_A_BATCH = 3 };
    char text[100], lost[32];
    open_link();
    for (unsigned over = 0; over < 2; over++) {
        snprintf(text, sizeof text,
                 "{\"id\":%u,\"sub\":\"events\",\"kinds\":[\"telemetry\"],\"max_hz\":1}", over);
        say_frame(text, false);
        rig_wait(&rig, 100000);
        expect_message("\"batch\":[]");
        for (unsigned i = 0; i < OF_A_BATCH * LIVE_BEHIND_MAX + over; i++)
            append_event(LARGE, '\xff', 1);
        rig_wait(&rig, 0);
        for (unsigned batch = 1; batch <= LIVE_BEHIND_MAX; batch++) {
            rig_wait(&rig, 1000000);
            snprintf(lost, sizeof lost, "\"lost\":%u}", batch == LIVE_BEHIND_MAX ? over : 0);
            expect_message(lost);
            assert_int_equal(told_events(), OF_A_BATCH);
        }
        rig_wait(&rig, 1000000);
        assert_null(next_message());
        snprintf(text, sizeof text, "{\"id\":%u,\"unsub\":true}", over);
        say_frame(text, false);
    }
}

static void a_burst_is_sampled_and_counted(void **state)
{
    (void)state;
    char id[32];
    unsigned long lost = 0, told = 0;
    open_link();
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "burst-%03d", i);
        rig_create_device(&rig, id);
    }
    say_frame("{\"id\":1,\"sub\":\"events\",\"from\":\"-1h\"}", false);
    rig_wait(&rig, 100000);
    rig_wait(&rig, 100000);
    while (next_message()) {
        assert_true(buf_size(&body) < LIVE_BYTES_MAX / LIVE_HZ_MAX + 4096);
        lost += strtoul(strstr(said(), "\"lost\":") + 7, NULL, 10);
        told += told_events();
    }
    assert_int_equal(told + lost, 100);
    assert_true(lost > 0 && told > 10);
}

static void hear_nothing(struct method_call *c, const struct method_result *r)
{
    (void)c, (void)r;
}

/* Of a device that is not connected. */
static void call_method(const char *id)
{
    static struct method_call call = {.fn = hear_nothing};
    const struct method_ask ask = {.who = slice_str(id),
                                   .name = SLICE_LIT("reboot"),
                                   .payload = SLICE_LIT("{\"delay\":3}"),
                                   .response_s = 5};
    lane_running = &rig.core;
    assert_int_equal(method_call(rig.wire.cores[0].methods, &ask, &call), OK);
    lane_running = NULL;
    rig_wait(&rig, 100000); /* it comes to its end */
    rig_wait(&rig, 100000); /* and is told */
}

static void refuse(const char *who)
{
    const struct refusal r = {.cause = REFUSAL_SAS_SIGNATURE,
                              .protocol = "mqtt",
                              .who = slice_str(who),
                              .peer = SLICE_LIT("10.0.0.7:4711")};
    lane_running = &rig.core;
    refusal_note(rig.wire.hub.refusals, &rig.core, &r);
    lane_running = NULL;
    rig_wait(&rig, 100000); /* it comes to its end */
    rig_wait(&rig, 100000); /* and is told */
}

static void methods_and_refusals_are_told_as_they_happen(void **state)
{
    (void)state;
    open_link();
    rig_create_device(&rig, "d1");
    say_frame("{\"id\":1,\"sub\":\"events\",\"kinds\":[\"method\",\"refused\"]}", false);
    rig_wait(&rig, 100000);
    expect_message("{\"id\":1,\"batch\":[],\"next\":{\"news\":");
    call_method("d1");
    expect_message("\"kind\":\"method\",\"device\":\"d1\",\"method\":\"reboot\",\"requestSize\":11,"
                   "\"request\":\"{\\\"delay\\\":3}\"");
    assert_non_null(strstr(said(), "\"error\":\"DeviceNotOnline\""));
    refuse("a\"b/m");
    expect_message("\"kind\":\"refused\",\"device\":\"a\\\"b\",\"module\":\"m\"");
    assert_non_null(strstr(said(), "\"cause\":\"C133\""));
    refuse("a\"b/m"); /* within the second */
    assert_null(next_message());
    rig_wait(&rig, REFUSAL_TELL_S * 1000000);
    refuse("a\"b/m");
    expect_message("\"count\":3");
}

/* What waited while the page was paused comes afterwards, and what is older is found again. */
static void news_of_before_are_told_to_who_asks(void **state)
{
    (void)state;
    open_link();
    rig_create_device(&rig, "d1");
    call_method("d1");
    say_frame("{\"id\":1,\"sub\":\"events\",\"kinds\":[\"method\"],\"from\":\"-1h\"}", false);
    rig_wait(&rig, 100000);
    expect_batch("\"method\":\"reboot\"");
    say_frame("{\"id\":1,\"pause\":true}", false);
    call_method("d1");
    assert_null(next_message());
    say_frame("{\"id\":1,\"pause\":false}", false);
    rig_wait(&rig, 200000);
    expect_message("\"method\":\"reboot\"");
    say_frame("{\"id\":2,\"sub\":\"events\",\"device\":\"d2\",\"from\":\"-1h\"}", false);
    rig_wait(&rig, 200000);
    expect_message("{\"id\":2,\"batch\":[]");
    say_frame("{\"id\":3,\"sub\":\"events\",\"kinds\":[\"method\"],\"from\":{\"news\":-1}}", false);
    expect_message("from: not the next of a batch");
    say_frame("{\"id\":3,\"sub\":\"events\",\"kinds\":[\"method\"],\"from\":{\"news\":1}}", false);
    rig_wait(&rig, 200000);
    expect_batch("\"method\":\"reboot\"");
    assert_non_null(strstr(said(), "\"lost\":0"));
}

static void refusals_are_for_who_may_read_their_journal(void **state)
{
    (void)state;
    expect(sign_in_with("localhost", "service", key_of("service")), 200);
    take_session();
    expect(upgrade("azm.live.1"), 101);
    say_frame("{\"id\":1,\"sub\":\"events\",\"kinds\":[\"refused\"]}", false);
    expect_message("the rights of this session do not reach so far");
    say_frame("{\"id\":1,\"sub\":\"events\"}", false);
    rig_wait(&rig, 100000);
    expect_message("{\"id\":1,\"batch\":[]");
    refuse("d1");
    assert_null(next_message());
}

static void news_are_sampled_and_counted_too(void **state)
{
    (void)state;
    unsigned long lost = 0, told = 0;
    char who[300];
    open_link();
    for (int i = 0; i < 60; i++) {
        snprintf(who, sizeof who, "%d-%0120d", i, i);
        refuse(who);
    }
    say_frame("{\"id\":1,\"sub\":\"events\",\"kinds\":[\"refused\"],\"from\":\"-1h\"}", false);
    rig_wait(&rig, 100000);
    rig_wait(&rig, 100000);
    while (next_message()) {
        assert_true(buf_size(&body) < LIVE_BYTES_MAX / LIVE_HZ_MAX + NEWS_ITEM_MAX);
        lost += strtoul(strstr(said(), "\"lost\":") + 7, NULL, 10);
        told += told_events();
    }
    assert_int_equal(told + lost, 60);
    assert_true(lost > 0 && told > 5);
}

static void a_link_ends_with_its_session_and_with_nonsense(void **state)
{
    (void)state;
    open_link();
    rig_wait(&rig, SESSION_IDLE_US);
    assert_true(conn->conn.state >= CONN_CLOSING);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_CONSOLE);
    expect(sign_in_with("localhost", "service", key_of("service")), 200);
    take_session();
    expect(upgrade("azm.live.1"), 101);
    renew("service", 1);
    rig_wait(&rig, LIVE_METRICS_US);
    assert_true(conn->conn.state >= CONN_CLOSING);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_CONSOLE);
    open_link();
    char *large = mem_zero(40000);
    memset(large, ' ', 39999);
    say_frame(large, true);
    expect_message("JSON");
    struct buf b = {0};
    for (int i = 0; i < 2; i++) {
        buf_put(&b, i ? "\0\xfe" : "\x01\xfe", 2);
        buf_put_be16(&b, 39999);
        buf_put(&b, "\0\0\0\0", 4);
        buf_put(&b, large, 39999);
    }
    rig_say(conn, buf_slice(&b));
    assert_true(conn->conn.state >= CONN_CLOSING);
    buf_free(&b);
    free(large);
}

static int start_hub_with_events(void **state)
{
    rig.events = ~0u;
    int failed = start_hub(state);
    rig.events = 0;
    return failed;
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, start_hub, stop_hub)
#define EVENTS(name) cmocka_unit_test_setup_teardown(name, start_hub_with_events, stop_hub)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_served_compressed_and_kept_by_the_browser),
        TEST(the_documentation_stands_beside_the_pages),
        TEST(no_script_or_frame_of_others_gets_in),
        TEST(browsers_are_led_to_the_pages),
        TEST(a_link_signs_in_once),
        TEST(a_policy_gives_the_rights_that_it_has),
        TEST(a_wrong_policy_key_or_hub_is_refused_and_not_for_ever),
        TEST(a_session_opens_the_service_api),
        TEST(keys_of_policies_are_told_to_who_came_by_a_link_alone),
        TEST(a_key_that_is_renewed_counts_at_once_and_is_kept),
        TEST(sessions_of_a_key_end_with_it_though_nobody_hears_the_answer),
        TEST(a_policy_is_made_changed_and_deleted),
        TEST(a_policy_that_cannot_be_is_refused_with_a_reason),
        TEST(names_of_policies_and_their_number_have_an_end),
        TEST(sessions_of_a_policy_end_with_its_rights_and_with_itself),
        TEST(a_diagnostic_setting_has_a_limit),
        TEST(users_are_made_by_administrators),
        TEST(a_role_gives_rights),
        TEST(who_reads_is_not_shown_keys),
        TEST(who_reads_is_not_shown_the_keys_of_webhooks),
        TEST(a_wrong_password_and_a_wrong_name_are_told_alike),
        TEST(a_longer_name_is_not_that_of_its_first_part),
        TEST(what_a_user_loses_ends_his_sessions),
        TEST(who_is_demoted_does_not_finish_what_he_began),
        TEST(one_changes_his_own_password),
        TEST(who_changes_his_password_keeps_nothing_that_is_taken_meanwhile),
        TEST(passwords_wait_for_their_turn_and_so_many),
        TEST(keys_are_renewed_so_often_and_no_more),
        TEST(a_change_needs_the_proof_of_a_page),
        TEST(who_signs_out_or_stays_away_is_told_so),
        TEST(an_administrator_ends_a_session),
        TEST(everybody_ends_the_own_sessions_and_no_others),
        TEST(a_message_to_a_device_is_queued),
        TEST(a_query_is_saved),
        TEST(numbers_are_read_from_the_log),
        TEST(questions_have_a_largest_size),
        TEST(a_live_link_needs_a_session_and_its_protocol),
        TEST(what_a_page_asks_wrongly_is_told),
        TEST(a_message_of_the_page_has_a_longest),
        TEST(there_are_so_many_subscriptions),
        TEST(a_subscription_has_so_many_metrics),
        TEST(rows_of_a_query_are_told_again_when_they_change),
        TEST(a_query_that_goes_on_waits_for_its_turn),
        TEST(queries_of_a_link_have_their_share_of_time_together),
        TEST(a_query_has_so_many_rows_and_a_link_so_many_queries),
        TEST(a_query_that_is_wrong_ends_with_an_error),
        TEST(a_query_has_so_many_bytes),
        TEST(there_are_so_many_links),
        EVENTS(events_come_in_batches_and_resume_where_they_ended),
        TEST(of_a_long_event_the_first_part_is_told),
        TEST(of_many_properties_64_are_told),
        TEST(who_is_behind_for_three_batches_is_moved_to_the_end),
        EVENTS(a_burst_is_sampled_and_counted),
        TEST(methods_and_refusals_are_told_as_they_happen),
        TEST(news_of_before_are_told_to_who_asks),
        TEST(refusals_are_for_who_may_read_their_journal),
        TEST(news_are_sampled_and_counted_too),
        TEST(a_link_ends_with_its_session_and_with_nonsense),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&body);
    return failed;
}
