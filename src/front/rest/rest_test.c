/* rest_test.c - who may ask what where, what is no request, and who has to wait. */
#include "base/limit.h"
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

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

#define CHUNKED "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What a stranger can make too long: before it, a fill of the rest of the `most` bytes, behind it. */
static const struct {
    const char *limit, *before, *behind;
    char fill;
    size_t most;
} too_longs[] = {
    {"http-request-line", "GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", 'x',
     HTTP1_LINE_MAX + sizeof "\r\nHost: a\r\n\r\n" - 1},
    {"http-headers", "GET / HTTP/1.1\r\nX: ", "\r\nHost: a\r\n\r\n", 'x',
     HTTP1_HEADERS_MAX + sizeof "GET / HTTP/1.1\r\n\r\n" - 1},
    {"http-framing", CHUNKED, "\r\n\r\n", '0', HTTP1_FRAMING_MAX + sizeof CHUNKED - 1},
};

static void what_is_too_long_for_http_is_counted_by_its_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof too_longs / sizeof *too_longs; i++) {
        size_t row = i / 2, over = i % 2;
        int64_t met = limit_reached(too_longs[row].limit);
        struct buf b = {0};
        buf_put_str(&b, too_longs[row].before);
        size_t fill = too_longs[row].most + over - buf_size(&b) - strlen(too_longs[row].behind);
        memset(buf_reserve(&b, fill), too_longs[row].fill, fill);
        buf_commit(&b, fill);
        buf_put_str(&b, too_longs[row].behind);
        call_again();
        feed(buf_slice(&b));
        answered();
        assert_int_equal(limit_reached(too_longs[row].limit) - met, over);
        buf_free(&b);
    }
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
    int64_t refused = limit_reached("http-body");
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
        assert_int_equal(limit_reached("http-body") - refused, over);
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

static void so_much_may_wait_behind_a_request_that_is_not_answered(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        int64_t met = limit_reached("http-pipelined");
        struct buf b = {0};
        memset(buf_reserve(&b, HTTP1_AHEAD_MAX + over), 'G', HTTP1_AHEAD_MAX + over);
        buf_commit(&b, HTTP1_AHEAD_MAX + over);
        call_again();
        request("GET /devices/d1?" V, token("iothubowner", ""), NULL);
        feed(buf_slice(&b));
        registry_says(&(struct registry_answer){.status = STATUS_OK});
        assert_int_equal(answered(), 204);
        assert_int_equal(said_line("HTTP/1.1 414 "), !over); /* what was behind is read */
        assert_true(world.conn.closed);
        assert_int_equal(limit_reached("http-pipelined") - met, over);
        buf_free(&b);
    }
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

static void nothing_is_elsewhere_of_what_the_socket_has_not(void **state)
{
    (void)state;
    call_socket();
    request("GET /admin/v1/nothing", "", NULL);
    expect_error(404, "InvalidOperation");
    assert_null(strstr(said_body(), "--console"));
    assert_non_null(strstr(said_body(), "there is nothing at this path"));
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
        TEST(rights_decide),
        TEST(a_bad_credential_is_refused_without_a_reason),
        TEST(an_expired_token_is_refused),
        TEST(an_administrator_needs_no_token),
        TEST(wrong_paths_methods_and_versions_are_told_apart),
        TEST(a_malformed_request_gets_an_error_body_and_the_end),
        TEST(what_is_too_long_for_http_is_counted_by_its_limit),
        TEST(an_unknown_method_is_answered_501_with_an_error_body),
        TEST(a_body_over_the_limit_of_its_route_is_refused),
        TEST(every_route_has_a_largest_body),
        TEST(a_path_has_so_many_segments),
        TEST(what_an_edge_hub_asks_has_its_limit),
        TEST(nobody_reads_the_body_of_a_stranger),
        TEST(head_is_get_without_the_body),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(so_much_may_wait_behind_a_request_that_is_not_answered),
        TEST(a_hub_that_does_not_answer_is_unavailable),
        TEST(a_client_that_leaves_is_forgotten),
        TEST(a_client_that_does_not_read_gets_no_further_answer),
        TEST(slow_and_idle_clients_are_cut_off),
        TEST(administration_is_on_the_console_and_the_socket_and_the_rest_on_https),
        TEST(what_is_elsewhere_is_said),
        TEST(nothing_is_elsewhere_of_what_the_socket_has_not),
        TEST(a_console_is_asked_under_its_own_name_and_by_its_own_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
