/* admin_test.c - our own surface: health, metrics, policies, consumer groups, certificates, its description. */
#include "front/rest/fakes_test.h"

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

static void a_certificates_body_has_a_limit(void **state)
{
    (void)state;
    static const char json[] = "{\"certificate\":\"abc\"}";
    static const char *const calls[] = {"PUT /admin/v1/certificates/x",
                                        "POST /admin/v1/certificates/x/verify"};
    static const struct certificate there = {.name = "x"};
    char *body = malloc(REST_CERTIFICATE_BODY_MAX + 2);
    world.certificates.there = &there;
    for (int i = 0; i < 4; i++) {
        int over = i % 2;
        call_console(); /* anew: the connection of a body over its limit takes no more */
        memset(body, ' ', REST_CERTIFICATE_BODY_MAX + 1);
        memcpy(body, json, strlen(json));
        body[REST_CERTIFICATE_BODY_MAX + over] = '\0';
        request(calls[i / 2], token("iothubowner", ""), body);
        if (!over) certificates_say(OK, "");
        assert_int_equal(answered(), over ? 413 : 200);
    }
    free(body);
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

/* In the description of the route; NULL: it is not there. */
static const struct json *described(const struct json *paths, const struct route *r,
                                    const char *name)
{
    const struct json *operation = json_get_nocase(json_get(paths, r->path), r->method);
    const struct json *list = json_get(operation, "parameters");
    for (const struct json *p = list ? list->child : NULL; p; p = p->next)
        if (slice_is(json_str(p, "name"), name) && slice_is(json_str(p, "in"), "query")) return p;
    return NULL;
}

static void the_description_has_the_parameters_that_are_read(void **state)
{
    struct arena a = {0};
    size_t found = 0;
    (void)state;
    call_console();
    request("GET /admin/v1/openapi.json", token("iothubowner", ""), NULL);
    struct json *paths = json_get(said_json(&a), "paths");
    for (size_t i = 0; i < rest_route_count; i++) {
        for (size_t k = 0; k < rest_parameter_count; k++) {
            const struct rest_parameter *p = &rest_parameters[k];
            if (p->handle != rest_routes[i].handle) continue;
            assert_true(rest_route_is_own(&rest_routes[i]));
            assert_non_null(described(paths, &rest_routes[i], p->name));
            found |= (size_t)1 << k;
        }
    }
    assert_int_equal(found, ((size_t)1 << rest_parameter_count) - 1); /* each is some route's */
    assert_non_null(strstr(said_body(),
                           "{\"name\":\"by\",\"in\":\"query\",\"description\":\"what is "
                           "counted\",\"schema\":{\"type\":\"string\",\"enum\":["
                           "\"messages\",\"bytes\"]}}"));
    assert_non_null(strstr(said_body(), "{\"type\":\"integer\",\"minimum\":1,\"maximum\":256}"));
    arena_free(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(health_is_public),
        TEST(metrics_need_their_token),
        TEST(the_hub_describes_itself),
        TEST(policies_and_connection_strings_are_told_over_the_socket),
        TEST(consumer_groups_are_listed_created_and_deleted),
        TEST(changes_of_consumer_groups_may_fail),
        TEST(certificates_are_uploaded_proven_and_deleted),
        TEST(a_certificates_body_has_a_limit),
        TEST(changes_of_certificates_may_fail),
        TEST(the_description_names_every_route_of_ours),
        TEST(the_description_has_the_parameters_that_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
