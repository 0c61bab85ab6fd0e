/* rest_test.c - requests in, verbs of the hub and answers out. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

/* ---- devices */

static void device_requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"GET /devices/d1?" V, NULL, "get d1"},
        {"GET /Devices/d1/?" V, NULL, "get d1"},
        {"GET /devices/a%2525%23%3F+b?" V, NULL, "get a%25#?+b"},
        {"GET /devices/raw*'()!$@=,+?" V, NULL, "get raw*'()!$@=,+"},
        {"PUT /devices/d1?" V, "{\"deviceId\":\"d1\"}", "put d1 match=none {\"deviceId\":\"d1\"}"},
        {"DELETE /devices/d1?" V, NULL, "delete d1 match=none"},
        {"POST /devices?" V, "[]", "bulk []"},
        {"POST /devices/?" V, "[]", "bulk []"},
        {"GET /devices?" V, NULL, "list 0"},
        {"GET /devices/?top=1000&" V, NULL, "list 1000"},
        {"GET /devices?" V "&top=1", NULL, "list 1"},
        {"GET /statistics/devices?" V, NULL, "count"},
        {"GET /statistics/service?API-Version=2018-06-30", NULL, "connected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        assert_string_equal(world.registry.asked, rows[i].asked);
        assert_int_equal(answered(), 0);
        registry_says(
            &(struct registry_answer){.status = STATUS_OK, .body = SLICE_LIT("{\"a\":1}")});
        assert_int_equal(answered(), 200);
        assert_string_equal(said_body(), "{\"a\":1}");
    }
}

static void if_match_is_handed_on_as_it_was_sent(void **state)
{
    (void)state;
    static const char *const spellings[] = {"*", "\"*\"", "W/\"x\"", "plain"};
    for (size_t i = 0; i < 4; i++) {
        char head[600];
        snprintf(head, sizeof head,
                 "DELETE /devices/d1?" V " HTTP/1.1\r\nHost: h\r\nIf-Match: %s\r\n"
                 "authorization: %s\r\n\r\n",
                 spellings[i], token("registryReadWrite", "/devices"));
        feed(slice_str(head));
        char asked[64];
        snprintf(asked, sizeof asked, "delete d1 match=%s", spellings[i]);
        assert_string_equal(world.registry.asked, asked);
        registry_says(&(struct registry_answer){.status = STATUS_OK});
        assert_int_equal(answered(), 204);
        assert_false(said_line("content-"));
    }
}

static void answers_carry_the_etag_in_quotes_and_a_request_id(void **state)
{
    (void)state;
    request("GET /devices/d1?" V, token("registryRead", ""), NULL);
    registry_says(&(struct registry_answer){
        .status = STATUS_OK, .etag = SLICE_LIT("ODAx"), .body = SLICE_LIT("{}")});
    assert_int_equal(answered(), 200);
    assert_true(said_line("etag: \"ODAx\"\r\n"));
    assert_true(said_line("x-ms-request-id: "));
    assert_true(said_line("content-type: application/json; charset=utf-8\r\n"));
    assert_false(said_line("iothub-errorcode"));
}

static void refusals_of_the_registry_become_error_bodies(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int http;
    } rows[] = {{STATUS_DEVICE_NOT_FOUND, 404},
                {STATUS_DEVICE_ALREADY_EXISTS, 409},
                {STATUS_PRECONDITION_FAILED, 412},
                {STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, 429}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("GET /devices/d1?" V, token("iothubowner", ""), NULL);
        registry_says(
            &(struct registry_answer){.status = rows[i].status, .text = SLICE_LIT("it is \"so\"")});
        expect_error(rows[i].http, status_name(rows[i].status));
        assert_non_null(strstr(said_body(), ";it is \\\"so\\\"\""));
        assert_int_equal(said_line("retry-after: 10\r\n"), rows[i].http == 429);
    }
}

static void a_bulk_that_failed_keeps_its_body(void **state)
{
    (void)state;
    request("POST /devices?" V, token("iothubowner", ""), "[{}]");
    registry_says(&(struct registry_answer){.status = STATUS_BULK_REGISTRY_OPERATION_FAILURE,
                                            .body = SLICE_LIT("{\"isSuccessful\":false}")});
    assert_int_equal(answered(), 400);
    assert_true(said_line("iothub-errorcode: BulkRegistryOperationFailure\r\n"));
    assert_string_equal(said_body(), "{\"isSuccessful\":false}");
}

static void the_length_of_a_list_is_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "1001", "-1", "many", "", "1x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[64];
        snprintf(line, sizeof line, "GET /devices?top=%s&" V, wrong[i]);
        request(line, token("iothubowner", ""), NULL);
        expect_error(400, "ArgumentInvalid");
    }
}

static void twin_requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"GET /twins/d1?" V, NULL, "get d1"},
        {"GET /twins/d%2B1/modules/m?" V, NULL, "get d+1/m"},
        {"PATCH /twins/d1?" V, "{}", "merge d1 match=none {}"},
        {"POST /twins/d1?" V " HTTP/1.1\r\nX-HTTP-Method-Override: PATCH\r\nx:", "{}",
         "merge d1 match=none {}"}, /* Java */
        {"PUT /twins/d1?" V, "{}", "replace d1 match=none {}"},
        {"PATCH /twins/d1/modules/m?" V, "{}", "merge d1/m match=none {}"},
        {"PUT /Twins/d1/Modules/m?" V, "{}", "replace d1/m match=none {}"},
        {"PATCH /twins/d1/properties/desired?" V, "{}", "merge-desired d1 match=none {}"},
        {"PUT /twins/d1/properties/desired?" V, "{}", "replace-desired d1 match=none {}"},
        {"PUT /twins/d1/tags?" V, "{}", "replace-tags d1 match=none {}"},
        {"PUT /twins/d1/modules/m/tags?" V, "{}", "replace-tags d1/m match=none {}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), rows[i].body);
        assert_string_equal(world.twins.asked, rows[i].asked);
        twins_say(
            &(struct twin_answer){.etag = SLICE_LIT("AAAAAAAAAAE="), .body = SLICE_LIT("{}")});
        assert_int_equal(answered(), 200);
        assert_true(said_line("etag: \"AAAAAAAAAAE=\"\r\n"));
    }
}

static void a_history_of_a_twin_is_asked_for(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"GET /admin/v1/twins/d1/history", "history d1"},
        {"GET /admin/v1/twins/d1/modules/m/history", "history d1/m"},
    };
    call_console();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i][0], token("service", ""), NULL);
        assert_string_equal(world.twins.asked, rows[i][1]);
        twins_say(&(struct twin_answer){.body = SLICE_LIT("{}")});
        assert_int_equal(answered(), 200);
    }
}

static void a_twin_hears_who_writes_it(void **state)
{
    (void)state;
    request("PATCH /twins/d1?" V, token("service", ""), "{}");
    assert_string_equal(world.twins.by, "policy service");
    twins_say(&(struct twin_answer){.body = SLICE_LIT("{}")});
    assert_int_equal(answered(), 200);
}

static void twins_need_the_right_to_serve(void **state)
{
    (void)state;
    static const char *const policies[] = {"registryRead", "registryReadWrite", "device"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        request("GET /twins/d1?" V, token(policies[i], ""), NULL);
        expect_error(401, "IotHubUnauthorizedAccess");
    }
    request("GET /twins/d1?" V, token("service", "/twins/d1"), NULL);
    twins_say(&(struct twin_answer){.status = STATUS_DEVICE_NOT_FOUND, .text = SLICE_LIT("no")});
    expect_error(404, "DeviceNotFound");
}

static void an_id_with_a_slash_is_no_module(void **state)
{
    (void)state;
    request("GET /twins/d1%2Fm?" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
    request("GET /twins/d1/modules/m%2Fn?" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
}

/* ---- who may */

static void rights_decide(void **state)
{
    (void)state;
    static const struct {
        const char *line, *policy, *path;
        bool allowed;
    } rows[] = {
        {"GET /devices/d1?" V, "registryRead", "", true},
        {"GET /devices/d1?" V, "registryReadWrite", "", true},
        {"GET /devices/d1?" V, "registryRead", "/devices", true},
        {"GET /devices/d1?" V, "registryRead", "/devices/d1", true},
        {"GET /devices/d1?" V, "registryRead", "/devices/d2", false},
        {"GET /devices/d1?" V, "registryRead", "/twins", false},
        {"GET /devices/d1?" V, "service", "", false},
        {"GET /devices/d1?" V, "device", "", false},
        {"DELETE /devices/d1?" V, "registryRead", "", false},
        {"GET /statistics/devices?" V, "registryRead", "", true},
        {"GET /admin/v1/consumer-groups", "service", "", false},
        {"GET /admin/v1/hub", "registryReadWrite", "", false},
        {"GET /admin/v1/policies", "iothubowner", "", false},
        {"GET /admin/v1/policies/service", "iothubowner", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world.registry.wait = NULL;
        if (strncmp(rows[i].line, "GET /admin", 10) == 0) call_console();
        request(rows[i].line, token(rows[i].policy, rows[i].path), NULL);
        assert_int_equal(world.registry.wait != NULL, rows[i].allowed);
        if (!rows[i].allowed)
            expect_error(401, "IotHubUnauthorizedAccess");
        else
            registry_says(&(struct registry_answer){.status = STATUS_OK});
        answered();
    }
}

static void a_bad_credential_is_refused_without_a_reason(void **state)
{
    (void)state;
    char spoilt[512];
    snprintf(spoilt, sizeof spoilt, "%s", token("iothubowner", ""));
    char *sig = strstr(spoilt, "sig=") + 4;
    *sig = *sig == 'A' ? 'B' : 'A';
    const char *const wrong[] = {"", "Bearer x", "SharedAccessSignature sr=", spoilt};
    for (size_t i = 0; i < 4; i++) {
        request("GET /devices/d1?" V, wrong[i], NULL);
        expect_error(401, "IotHubUnauthorizedAccess");
        assert_non_null(strstr(said_body(), ";Unauthorized\""));
        assert_true(said_line("www-authenticate: SharedAccessSignature\r\n"));
    }
}

static void an_expired_token_is_refused(void **state)
{
    (void)state;
    const char *old = token("iothubowner", "");
    for (int late = 0; late < 2; late++) {
        mono_us = 1000000 + (3600 + 300 + late) * 1000000ll;
        request("GET /healthz", "", NULL); /* keeps the connection from being idle */
        answered();
        request("GET /devices/d1?" V, old, NULL);
        if (late)
            expect_error(401, "IotHubUnauthorizedAccess");
        else
            registry_says(&(struct registry_answer){.status = STATUS_OK});
        answered();
    }
    mono_us = 1000000;
}

static void an_administrator_needs_no_token(void **state)
{
    (void)state;
    world.conn.admin = true;
    request("DELETE /devices/d1?" V, "", NULL);
    assert_string_equal(world.registry.asked, "delete d1 match=none");
    registry_says(&(struct registry_answer){.status = STATUS_OK});
    assert_int_equal(answered(), 204);
    request("GET /admin/v1/policies/SERVICE", "", NULL);
    assert_int_equal(answered(), 200);
    assert_non_null(strstr(said_body(), "\"keyName\":\"service\""));
    assert_non_null(
        strstr(said_body(), policies_find(&world.policies, SLICE_LIT("service"))->keys[0].text));
}

/* ---- what is no request of ours */

static void wrong_paths_methods_and_versions_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *name;
    } rows[] = {
        {"GET /nowhere", 404, "InvalidOperation"},
        {"GET /", 426, "InvalidProtocolVersion"},
        {"GET /device", 404, "InvalidOperation"},
        {"GET /devices/a/b?" V, 404, "InvalidOperation"},
        {"GET /devices//x?" V, 404, "InvalidOperation"},
        {"GET /a/b/c/d/e/f/g/h/i", 404, "InvalidOperation"},
        {"POST /$admin/exportRegistry?" V, 404, "InvalidOperation"},
        {"OPTIONS *", 404, "InvalidOperation"},
        {"PATCH /devices/d1?" V, 405, "InvalidOperation"},
        {"PUT /statistics/devices?" V, 405, "InvalidOperation"},
        {"POST /healthz", 405, "InvalidOperation"},
        {"GET /devices/d1", 400, "InvalidProtocolVersion"},
        {"GET /devices?top=3&api-version=", 400, "InvalidProtocolVersion"},
        {"GET /devices/%zz?" V, 400, "ArgumentInvalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("iothubowner", ""), NULL);
        expect_error(rows[i].status, rows[i].name);
    }
    request("PATCH /devices/d1?" V, "", NULL);
    answered();
    assert_true(said_line("allow: GET, PUT, DELETE\r\n"));
}

static void a_malformed_request_gets_an_error_body_and_the_end(void **state)
{
    (void)state;
    feed(SLICE_LIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
    expect_error(400, "IotHubFormatError");
    assert_true(said_line("connection: close\r\n"));
    assert_true(world.conn.closed);
    feed(SLICE_LIT("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")); /* too late */
    assert_int_equal(answered(), 0);
}

static void an_unknown_method_is_answered_501_with_an_error_body(void **state)
{
    (void)state;
    feed(SLICE_LIT("BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect_error(501, "IotHubFormatError");
    assert_true(said_line("connection: close\r\n"));
    assert_true(world.conn.closed);
}

static void a_body_over_the_limit_of_its_route_is_refused(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf body = {0};
        memset(buf_reserve(&body, REGISTRY_BODY_MAX + 1), 'x', REGISTRY_BODY_MAX + 1);
        buf_commit(&body, REGISTRY_BODY_MAX + over);
        request("PUT /devices/d1?" V, token("iothubowner", ""), buf_cstr(&body));
        if (over)
            expect_error(413, "MessageTooLarge");
        else
            registry_says(&(struct registry_answer){.status = STATUS_OK});
        answered();
        buf_free(&body);
    }
    assert_true(world.conn.closed);
}

/* Only the head is sent: what is announced counts. */
static int announced(const struct route *r, unsigned long long bytes)
{
    struct buf head = {0};
    buf_printf(&head, "%s ", r->method);
    for (const char *at = r->path; *at; at++) {
        if (*at != '{') buf_put_u8(&head, (uint8_t)*at);
        if (*at != '{') continue;
        buf_put_u8(&head, 'x');
        at = strchr(at, '}');
    }
    buf_printf(&head,
               "?" V " HTTP/1.1\r\nHost: my.hub\r\nAuthorization: %s\r\nContent-Length: %llu"
               "\r\n\r\n",
               token("iothubowner", ""), bytes);
    feed(buf_slice(&head));
    buf_free(&head);
    return answered();
}

static void every_route_has_a_largest_body(void **state)
{
    unsigned seen = 0;
    for (size_t i = 0; i < rest_route_count; i++) {
        const struct route *r = &rest_routes[i];
        if (r->access == ACCESS_PUBLIC || r->access == ACCESS_METRICS) continue;
        for (unsigned over = 0; over < 2; over++) {
            world_close(state);
            world_open(state);
            int status = announced(r, r->body_max + over);
            if (status == 404 || status == 401) break; /* served elsewhere, or not to a token */
            seen++;
            if (status != (over ? 413 : 0))
                fail_msg("%s %s: %d at %u + %u bytes", r->method, r->path, status, r->body_max,
                         over);
        }
    }
    assert_true(seen > 50);
}

static void a_path_has_so_many_segments(void **state)
{
    (void)state;
    for (unsigned count = REST_SEGMENTS_MAX; count <= REST_SEGMENTS_MAX + 1; count++) {
        struct buf line = {0};
        buf_put_str(&line, "GET ");
        for (unsigned i = 0; i < count; i++) buf_put_str(&line, "/s");
        buf_put_str(&line, "?" V);
        request(buf_cstr(&line), token("iothubowner", ""), NULL);
        assert_int_equal(answered(), 404);
        buf_free(&line);
    }
    request("GET /statistics/service?" V, token("iothubowner", ""), NULL); /* it goes on */
    assert_string_equal(world.registry.asked, "connected");
}

static void what_an_edge_hub_asks_has_its_limit(void **state)
{
    static const struct {
        const char *verb, *asked;
    } rows[] = {
        {"getModulesOnTargetDevice", "behalf list "},
        {"getModuleOnBehalfOf", "behalf get "},
        {"deleteModuleOnBehalfOf", "behalf delete "},
        {"devicesAndModulesInTargetDeviceScope", "scope "},
        {"getDeviceAndModuleOnBehalfOf", "scope "},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct buf body = {0};
        char line[128];
        bool over = i % 2;
        buf_put_str(&body,
                    "{\"authChain\":\"leaf;edge\",\"targetModuleId\":\"m\",\"moduleId\":\"m\"}");
        while (buf_size(&body) < REST_EDGE_BODY_MAX + (size_t)over) buf_put_u8(&body, ' ');
        snprintf(line, sizeof line, "POST /devices/edge/modules/$edgeHub/%s?" V, rows[i / 2].verb);
        world_close(state);
        world_open(state);
        request(line, token("iothubowner", ""), buf_cstr(&body));
        if (over) expect_error(413, "MessageTooLarge");
        if (over)
            assert_string_equal(world.registry.asked, "");
        else
            assert_true(
                slice_starts(slice_str(world.registry.asked), slice_str(rows[i / 2].asked)));
        buf_free(&body);
    }
}

static void nobody_reads_the_body_of_a_stranger(void **state)
{
    (void)state;
    request("PUT /devices/d1?" V, "", "{\"deviceId\":\"d1\"}");
    expect_error(401, "IotHubUnauthorizedAccess");
    assert_false(world.conn.closed);
    request("GET /healthz", "", NULL);
    assert_int_equal(answered(), 200);
}

static void head_is_get_without_the_body(void **state)
{
    (void)state;
    request("HEAD /healthz", "", NULL);
    assert_int_equal(answered(), 200);
    assert_true(said_line("content-length: 18\r\n"));
    assert_string_equal(said_body(), "");
}

/* ---- waiting */

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct buf b = {0};
    const char *credential = token("iothubowner", "");
    for (int i = 1; i <= 3; i++)
        buf_printf(&b, "GET /devices/d%d?" V " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n\r\n", i,
                   credential);
    feed(buf_slice(&b));
    buf_free(&b);
    for (int i = 1; i <= 3; i++) {
        char asked[24];
        snprintf(asked, sizeof asked, "get d%d", i);
        assert_string_equal(world.registry.asked, asked);
        assert_int_equal(world.conn.paused, i < 3);
        registry_says(&(struct registry_answer){.status = STATUS_OK});
        assert_int_equal(answered(), 204);
    }
    assert_null(world.registry.wait);
}

static void a_hub_that_does_not_answer_is_unavailable(void **state)
{
    (void)state;
    request("GET /devices/d1?" V, token("iothubowner", ""), NULL);
    pass(REST_WAIT_US - 10000);
    assert_int_equal(answered(), 0);
    pass(20000);
    expect_error(503, "ServiceUnavailable");
    assert_null(world.registry.wait); /* forgotten */
    request("GET /healthz", "", NULL);
    assert_int_equal(answered(), 200);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
    (void)state;
    request("GET /devices/d1?" V, token("iothubowner", ""), NULL);
    assert_non_null(world.registry.wait);
    world_close(NULL);
    assert_null(world.registry.wait);
    world_open(NULL);
    call_console();
    request("PUT /admin/v1/consumer-groups/cg", token("iothubowner", ""), NULL);
    assert_non_null(world.groups.wait);
    world_close(NULL);
    assert_null(world.groups.wait);
    world_open(NULL);
}

static void a_client_that_does_not_read_gets_no_further_answer(void **state)
{
    (void)state;
    world.conn.congested = true;
    request("GET /healthz", "", NULL);
    assert_int_equal(answered(), 0);
    assert_true(world.conn.paused);
    world.conn.congested = false;
    rest_front.drained(world.rest, mono_us);
    assert_int_equal(answered(), 200);
    assert_false(world.conn.paused);
}

static void slow_and_idle_clients_are_cut_off(void **state)
{
    (void)state;
    feed(SLICE_LIT("GET /healthz HT"));
    pass(HTTP1_HEAD_US + 10000);
    expect_error(408, "IotHubFormatError");
    assert_true(world.conn.closed);
    world_close(NULL);
    world_open(NULL);
    pass(HTTP1_IDLE_US + 10000);
    assert_int_equal(answered(), 0);
    assert_true(world.conn.closed);
}

/* ---- our own surface */

static void health_is_public(void **state)
{
    (void)state;
    request("GET /healthz", "", NULL);
    assert_int_equal(answered(), 200);
    request("GET /readyz", "", NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"status\":\"ready\"}");
    world.why_unready = "the log is \"poisoned\"";
    request("GET /readyz", "", NULL);
    assert_int_equal(answered(), 503);
    assert_string_equal(said_body(),
                        "{\"status\":\"unready\",\"reason\":\"the log is \\\"poisoned\\\"\"}");
}

static void metrics_need_their_token(void **state)
{
    (void)state;
    static const struct {
        const char *credential;
        int status;
    } rows[] = {{"", 401},
                {"Bearer wrong-token!", 401},
                {"Bearer ", 401},
                {"secret-token", 401},
                {"bearer secret-token", 200}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("GET /metrics", rows[i].credential, NULL);
        assert_int_equal(answered(), rows[i].status);
    }
    assert_non_null(strstr(said_body(), "# TYPE azimuth_http_requests_total counter\n"));
    world.config.metrics_token = SLICE_NONE;
    request("GET /metrics", "Bearer ", NULL);
    assert_int_equal(answered(), 401);
    world.conn.admin = true;
    request("GET /metrics", "", NULL);
    assert_int_equal(answered(), 200);
}

static struct json *said_json(struct arena *a)
{
    struct json *j;
    assert_int_equal(json_parse(a, slice_str(said_body()), &j), OK);
    return j;
}

static void the_hub_describes_itself(void **state)
{
    (void)state;
    struct arena a = {0};
    call_console();
    request("GET /admin/v1/hub", token("iothubowner", ""), NULL);
    assert_int_equal(answered(), 200);
    struct json *j = said_json(&a);
    assert_true(slice_is(json_str(j, "hostname"), "my.hub"));
    assert_true(slice_is(json_str(j, "hubName"), "myhub"));
    assert_true(slice_is(json_str(j, "ca"), "/data/ca.pem"));
    assert_true(slice_is(json_str(j, "idScope"), "0ne1"));
    assert_true(slice_is(json_get(j, "addresses")->child->text, "127.0.0.1"));
    assert_true(slice_is(json_get(j, "amqp")->text, "5672"));
    assert_int_equal(json_get(j, "plainMqtt")->type, JSON_NULL);
    assert_true(slice_is(json_str(j, "console"), "https://127.0.0.1:8443/console/"));
    assert_true(slice_is(json_str(j, "admin"), "https://127.0.0.1:8443"));
    arena_free(&a);
}

static void policies_and_connection_strings_are_told_over_the_socket(void **state)
{
    (void)state;
    struct arena a = {0};
    world.conn.admin = true;
    request("GET /admin/v1/policies", "", NULL);
    assert_int_equal(answered(), 200);
    size_t count = 0;
    for (struct json *p = said_json(&a)->child; p; p = p->next) count++;
    assert_int_equal(count, world.policies.count);
    assert_null(strstr(said_body(), "Key\":"));
    assert_null(strstr(said_body(), world.policies.items[0].keys[0].text));
    request("GET /admin/v1/policies/nobody", "", NULL);
    expect_error(404, "InvalidOperation");
    request("GET /admin/v1/policies/service/connection-strings", "", NULL);
    assert_int_equal(answered(), 200);
    char want[256];
    const struct policy *p = policies_find(&world.policies, SLICE_LIT("service"));
    struct json *j = said_json(&a);
    snprintf(want, sizeof want, "HostName=my.hub;SharedAccessKeyName=service;SharedAccessKey=%s",
             p->keys[0].text);
    assert_true(slice_is(json_str(j, "primary"), want));
    snprintf(want, sizeof want,
             "Endpoint=sb://my.hub:5672/;SharedAccessKeyName=service;SharedAccessKey=%s;"
             "EntityPath=myhub",
             p->keys[1].text);
    assert_true(slice_is(json_str(j, "eventHubSecondary"), want));
    request("GET /admin/v1/policies/device/connection-strings", "", NULL);
    answered();
    assert_null(strstr(said_body(), "eventHub"));
    request("GET /admin/v1/policies/nobody/connection-strings", "", NULL);
    expect_error(404, "InvalidOperation");
    arena_free(&a);
}

static void consumer_groups_are_listed_created_and_deleted(void **state)
{
    (void)state;
    const char *owner = token("iothubowner", "");
    call_console();
    request("GET /admin/v1/consumer-groups", owner, NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "[{\"name\":\"$Default\",\"properties\":{\"created\":"
                                     "\"1970-01-01T00:00:00.0000000Z\"}}]");
    request("PUT /admin/v1/consumer-groups/readers", owner, "{}");
    assert_string_equal(world.groups.asked, "create readers");
    world.groups.named = "readers";
    groups_say(OK);
    assert_int_equal(answered(), 200);
    assert_non_null(
        strstr(said_body(), "{\"name\":\"readers\",\"properties\":{\"created\":\"2025-"));
    request("GET /admin/v1/consumer-groups/READERS", owner, NULL);
    assert_int_equal(answered(), 200);
    request("GET /admin/v1/consumer-groups/absent", owner, NULL);
    expect_error(404, "InvalidOperation");
    request("DELETE /admin/v1/consumer-groups/readers", owner, NULL);
    assert_string_equal(world.groups.asked, "delete readers");
    groups_say(OK);
    assert_int_equal(answered(), 204);
}

static void changes_of_consumer_groups_may_fail(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int status;
        const char *name;
    } rows[] = {{ERR_INVALID, 400, "ArgumentInvalid"},
                {ERR_NOT_FOUND, 404, "InvalidOperation"},
                {ERR_FULL, 403, "IotHubQuotaExceeded"},
                {ERR_IO, 503, "ServiceUnavailable"},
                {ERR_THROTTLED, 429, "ThrottlingException"}};
    call_console();
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        request(i % 2 ? "PUT /admin/v1/consumer-groups/x" : "DELETE /admin/v1/consumer-groups/x",
                token("iothubowner", ""), NULL);
        groups_say(rows[i / 2].err);
        expect_error(rows[i / 2].status, rows[i / 2].name);
    }
    request("PUT /admin/v1/consumer-groups/x", token("iothubowner", ""), NULL);
    pass(REST_WAIT_US + 10000);
    expect_error(503, "ServiceUnavailable");
}

static void certificates_are_uploaded_proven_and_deleted(void **state)
{
    (void)state;
    static const struct certificate there = {.name = "Factory",
                                             .subject = "CN=factory",
                                             .thumbprint = "AB12",
                                             .code = "C0DE",
                                             .etag = 7,
                                             .created_us = 0,
                                             .updated_us = 1000000,
                                             .until_us = INT64_C(2208988799000000)};
    const char *owner = token("iothubowner", "");
    call_console();
    request("GET /admin/v1/certificates", owner, NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "[]");
    request("PUT /admin/v1/certificates/Factory", owner,
            "{\"properties\":{\"certificate\":\"abc\",\"isVerified\":true}}");
    assert_string_equal(world.certificates.asked, "put verified Factory match=none abc");
    world.certificates.there = &there;
    certificates_say(OK, "");
    assert_int_equal(answered(), 200);
    assert_true(said_line("etag: \"Nw==\"\r\n"));
    assert_string_equal(said_body(),
                        "{\"name\":\"Factory\",\"etag\":\"Nw==\",\"properties\":{\"subject\":"
                        "\"CN=factory\",\"expiry\":\"Sat, 31 Dec 2039 23:59:59 GMT\","
                        "\"thumbprint\":\"AB12\",\"isVerified\":false,\"created\":"
                        "\"Thu, 01 Jan 1970 00:00:00 GMT\",\"updated\":"
                        "\"Thu, 01 Jan 1970 00:00:01 GMT\",\"certificate\":\"\"}}");
    request("POST /admin/v1/certificates/factory/generateVerificationCode", owner, "");
    assert_string_equal(world.certificates.asked, "code factory match=none none");
    certificates_say(OK, "");
    assert_int_equal(answered(), 200);
    assert_non_null(strstr(said_body(), ",\"verificationCode\":\"C0DE\"}}"));
    request("POST /admin/v1/certificates/factory/verify", owner, "{\"certificate\":\"xyz\"}");
    assert_string_equal(world.certificates.asked, "verify factory match=none xyz");
    certificates_say(OK, "");
    assert_int_equal(answered(), 200);
    assert_null(strstr(said_body(), "verificationCode"));
    request("DELETE /admin/v1/certificates/factory HTTP/1.1\r\nIf-Match: \"Nw==\"\r\nx:", owner,
            NULL);
    assert_string_equal(world.certificates.asked, "delete factory match=\"Nw==\" none");
    certificates_say(OK, "");
    assert_int_equal(answered(), 204);
}

static void changes_of_certificates_may_fail(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int status;
        const char *name;
    } rows[] = {
        {ERR_INVALID, 400, "ArgumentInvalid"},         {ERR_DENIED, 400, "ArgumentInvalid"},
        {ERR_TOO_BIG, 413, "MessageTooLarge"},         {ERR_NOT_FOUND, 404, "InvalidOperation"},
        {ERR_EXISTS, 409, "InvalidOperation"},         {ERR_FULL, 403, "IotHubQuotaExceeded"},
        {ERR_PRECONDITION, 412, "PreconditionFailed"}, {ERR_IO, 503, "ServiceUnavailable"},
        {ERR_THROTTLED, 429, "ThrottlingException"}};
    call_console();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("PUT /admin/v1/certificates/x", token("iothubowner", ""),
                "{\"certificate\":\"abc\"}");
        certificates_say(rows[i].err, "the reason");
        expect_error(rows[i].status, rows[i].name);
        if (rows[i].err != ERR_NOT_FOUND) assert_non_null(strstr(said_body(), ";the reason"));
    }
    static const char *const bodies[] = {"", "x", "{}", "{\"certificate\":1}",
                                         "{\"properties\":{}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        request("PUT /admin/v1/certificates/x", token("iothubowner", ""), bodies[i]);
        expect_error(400, "ArgumentInvalid");
        request("POST /admin/v1/certificates/x/verify", token("iothubowner", ""), bodies[i]);
        expect_error(400, "ArgumentInvalid");
    }
    request("GET /admin/v1/certificates/x", token("iothubowner", ""), NULL);
    expect_error(404, "InvalidOperation");
    request("GET /admin/v1/certificates", token("service", ""), NULL);
    expect_error(401, "IotHubUnauthorizedAccess");
    request("DELETE /admin/v1/certificates/x", token("iothubowner", ""), NULL);
    pass(REST_WAIT_US + 10000);
    expect_error(503, "ServiceUnavailable");
}

static void the_description_names_every_route_of_ours(void **state)
{
    (void)state;
    struct arena a = {0};
    call_console();
    request("GET /admin/v1/openapi.json", "", NULL);
    expect_error(401, "IotHubUnauthorizedAccess");
    request("GET /admin/v1/openapi.json", token("iothubowner", ""), NULL);
    assert_int_equal(answered(), 200);
    struct json *paths = json_get(said_json(&a), "paths");
    for (size_t i = 0; i < rest_route_count; i++) {
        bool admin = strncmp(rest_routes[i].path, "/admin/v1/", 10) == 0;
        struct json *path = json_get(paths, rest_routes[i].path);
        assert_int_equal(path != NULL, admin);
        if (admin) assert_non_null(json_get_nocase(path, rest_routes[i].method));
    }
    assert_non_null(strstr(said_body(), "{\"name\":\"name\",\"in\":\"path\",\"required\":true"));
    arena_free(&a);
}

/* ---- who serves what where */

static void administration_is_on_the_console_and_the_socket_and_the_rest_on_https(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int https, console, socket; /* status; 0: the hub was asked */
    } rows[] = {
        {"GET /admin/v1/hub", 404, 200, 200},
        {"GET /Admin/v1/consumer-groups", 404, 200, 200},
        {"GET /admin/v1/openapi.json", 404, 200, 200},
        {"DELETE /admin/v1/hub", 404, 405, 405},
        {"GET /admin/v1/policies", 404, 401, 200},
        {"GET /admin/v1/nothing", 404, 404, 404},
        {"GET /devices/d1?" V, 0, 404, 0},
        {"GET /statistics/devices?" V, 0, 404, 0},
        {"GET /healthz", 200, 200, 200},
        {"GET /readyz", 200, 200, 200},
        {"GET /metrics", 401, 401, 200},
        {"GET /", 426, 404, 426},
    };
    for (int place = 0; place < 3; place++) {
        if (place == 1) call_console();
        if (place == 2) call_socket();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            request(rows[i].line, token("iothubowner", ""), NULL);
            if (world.registry.wait)
                registry_says(&(struct registry_answer){.status = STATUS_DEVICE_NOT_FOUND});
            int got = answered();
            int want = place == 0 ? rows[i].https : place == 1 ? rows[i].console : rows[i].socket;
            bool asked = strstr(said, "DeviceNotFound") != NULL;
            if (asked != (want == 0) || (want && got != want))
                fail_msg("%s at %d: %d, asked %d", rows[i].line, place, got, asked);
        }
    }
}

static void what_is_elsewhere_is_said(void **state)
{
    (void)state;
    request("GET /admin/v1/hub", "", NULL);
    answered();
    assert_non_null(strstr(said_body(), "on the console's address (--console)"));
    call_console();
    request("GET /", "", NULL);
    expect_error(404, "InvalidOperation");
    assert_non_null(strstr(said_body(), "/admin/v1/openapi.json"));
}

/* A request to the console with these headers. */
static int console_status(const char *headers)
{
    struct buf b = {0};
    buf_printf(&b, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n%s\r\n", headers);
    feed(buf_slice(&b));
    buf_free(&b);
    return answered();
}

static void a_console_is_asked_under_its_own_name_and_by_its_own_pages(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        {"Host: my.hub\r\n", 200},
        {"Host: MY.HUB:8443\r\n", 200},
        {"Host: 192.168.1.5:8443\r\n", 200},
        {"Host: [::1]:8443\r\n", 200},
        {"Host: my.hub.evil.example\r\n", 403},
        {"Host: 127.0.0.1.evil.example\r\n", 403},
        {"Host: \r\n", 403},
        {"", 403},
        {"Host: my.hub:8443\r\nOrigin: https://my.hub:8443\r\n", 200},
        {"Host: my.hub:8080\r\nOrigin: http://my.hub:8080\r\n", 200},
        {"Host: my.hub:8443\r\nOrigin: https://my.hub\r\n", 403},
        {"Host: my.hub:8443\r\nOrigin: https://evil.example\r\n", 403},
        {"Host: my.hub:8443\r\nOrigin: my.hub:8443\r\n", 403},
        {"Host: my.hub:8443\r\nOrigin: null\r\n", 403},
    };
    call_console();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int got = console_status(rows[i].headers);
        if (got != rows[i].status) fail_msg("%s: %d", rows[i].headers, got);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(device_requests_become_verbs),
        TEST(if_match_is_handed_on_as_it_was_sent),
        TEST(answers_carry_the_etag_in_quotes_and_a_request_id),
        TEST(refusals_of_the_registry_become_error_bodies),
        TEST(a_bulk_that_failed_keeps_its_body),
        TEST(the_length_of_a_list_is_checked),
        TEST(twin_requests_become_verbs),
        TEST(a_history_of_a_twin_is_asked_for),
        TEST(a_twin_hears_who_writes_it),
        TEST(twins_need_the_right_to_serve),
        TEST(an_id_with_a_slash_is_no_module),
        TEST(rights_decide),
        TEST(a_bad_credential_is_refused_without_a_reason),
        TEST(an_expired_token_is_refused),
        TEST(an_administrator_needs_no_token),
        TEST(wrong_paths_methods_and_versions_are_told_apart),
        TEST(a_malformed_request_gets_an_error_body_and_the_end),
        TEST(an_unknown_method_is_answered_501_with_an_error_body),
        TEST(a_body_over_the_limit_of_its_route_is_refused),
        TEST(every_route_has_a_largest_body),
        TEST(a_path_has_so_many_segments),
        TEST(what_an_edge_hub_asks_has_its_limit),
        TEST(nobody_reads_the_body_of_a_stranger),
        TEST(head_is_get_without_the_body),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_hub_that_does_not_answer_is_unavailable),
        TEST(a_client_that_leaves_is_forgotten),
        TEST(a_client_that_does_not_read_gets_no_further_answer),
        TEST(slow_and_idle_clients_are_cut_off),
        TEST(health_is_public),
        TEST(metrics_need_their_token),
        TEST(the_hub_describes_itself),
        TEST(policies_and_connection_strings_are_told_over_the_socket),
        TEST(consumer_groups_are_listed_created_and_deleted),
        TEST(changes_of_consumer_groups_may_fail),
        TEST(certificates_are_uploaded_proven_and_deleted),
        TEST(changes_of_certificates_may_fail),
        TEST(the_description_names_every_route_of_ours),
        TEST(administration_is_on_the_console_and_the_socket_and_the_rest_on_https),
        TEST(what_is_elsewhere_is_said),
        TEST(a_console_is_asked_under_its_own_name_and_by_its_own_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
