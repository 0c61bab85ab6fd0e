/* methods_test.c - direct methods over HTTP. */
#include "front/rest/fakes_test.h"

#define V "?api-version=2021-04-12"

static const char d1[] = "POST /twins/d1/methods" V;

static void requests_become_calls(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {d1, "{\"methodName\":\"m\"}", "d1 m 30+0 ''"},
        {"POST /Twins/a%25b/Methods/" V, "{\"methodName\":\"m\",\"payload\":null}",
         "a%b m 30+0 'null'"},
        {"POST /twins/d1/modules/$edgeAgent/methods" V,
         "{\"methodName\":\"ping\",\"payload\":{\"a\":[1.0,\"\\u00e4\"]},"
         "\"responseTimeoutInSeconds\":15,\"connectTimeoutInSeconds\":5}",
         "d1/$edgeAgent ping 15+5 '{\"a\":[1.0,\"\xC3\xA4\"]}'"},
        {d1,
         "{\"methodName\":\"a*b\",\"payload\":\"\",\"responseTimeoutInSeconds\":null,"
         "\"connectTimeoutInSeconds\":null}",
         "d1 a*b 30+0 '\"\"'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), rows[i].body);
        assert_string_equal(world.methods.asked, rows[i].asked);
        assert_int_equal(answered(), 0);
        method_says(&(struct method_result){.device_status = -5, .payload = SLICE_LIT("[1.0]")});
        assert_int_equal(answered(), 200);
        assert_string_equal(said_body(), "{\"status\":-5,\"payload\":[1.0]}");
    }
}

/* The numbered envelope as text in Message, flat, with `number` and the header's name. */
static void expect_nested(int status, const char *name, const char *number)
{
    char header[96], message[96];
    assert_int_equal(answered(), status);
    snprintf(header, sizeof header, "iothub-errorcode: %s\r\n", name);
    snprintf(message, sizeof message,
             "{\"Message\":\"{\\\"errorCode\\\":%s,\\\"trackingId\\\":\\\"", number);
    assert_true(said_line(header));
    assert_memory_equal(said_body(), message, strlen(message));
    assert_non_null(strstr(said_body(), "\\\"info\\\":null}\",\"ExceptionMessage\":\"\"}"));
}

static void what_came_to_nothing_has_azures_error(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        const char *nested;
    } rows[] = {
        {STATUS_DEVICE_NOT_ONLINE, "404103"},
        {STATUS_GATEWAY_TIMEOUT, "504101"},
        {STATUS_BAD_GATEWAY, "502000"},
        {STATUS_DEVICE_NOT_FOUND, NULL},
        {STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED, NULL},
        {STATUS_SERVICE_UNAVAILABLE, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int http = (int)status_http(rows[i].status);
        request(d1, token("service", ""), "{\"methodName\":\"m\"}");
        method_says(&(struct method_result){.status = rows[i].status, .text = "because"});
        if (rows[i].nested)
            expect_nested(http, status_name(rows[i].status), rows[i].nested);
        else
            expect_error(http, status_name(rows[i].status));
    }
}

static void a_call_that_cannot_begin_is_refused(void **state)
{
    (void)state;
    request(d1, token("service", ""), "{");
    expect_error(400, "DeserializationError");
    static const char *const bodies[] = {
        "[]",
        "{}",
        "{\"methodName\":7}",
        "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":\"30\"}",
        "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":1.5}",
        "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":-1}",
        "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":70000}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        request(d1, token("service", ""), bodies[i]);
        expect_nested(400, "ArgumentInvalid", "400004");
    }
    world.methods.err = ERR_INVALID;
    request(d1, token("service", ""), "{\"methodName\":\"a/b\"}");
    expect_nested(400, "ArgumentInvalid", "400004");
    world.methods.err = ERR_TOO_BIG;
    request(d1, token("service", ""), "{\"methodName\":\"m\"}");
    expect_error(413, "MessageTooLarge");
    world.methods.err = ERR_THROTTLED;
    request(d1, token("service", ""), "{\"methodName\":\"m\"}");
    expect_error(429, "ThrottleBacklogLimitExceeded");
    request("POST /twins/a%2Fb/methods" V, token("service", ""), "{\"methodName\":\"m\"}");
    expect_error(400, "ArgumentInvalid");
}

static void only_services_call(void **state)
{
    (void)state;
    static const char *const others[] = {"registryRead", "registryReadWrite", "device"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        request(d1, token(others[i], ""), "{\"methodName\":\"m\"}");
        expect_error(401, "IotHubUnauthorizedAccess");
    }
}

static void a_slow_call_is_waited_for_and_a_lost_one_is_not(void **state)
{
    (void)state;
    const char *body = "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":300,"
                       "\"connectTimeoutInSeconds\":60}";
    request(d1, token("service", ""), body);
    pass(INT64_C(360000000));
    assert_int_equal(answered(), 0);
    method_says(&(struct method_result){.payload = SLICE_LIT("null")});
    assert_int_equal(answered(), 200);
    request(d1, token("service", ""), body);
    pass(INT64_C(365010000));
    expect_error(503, "ServiceUnavailable");
    assert_null(world.methods.call);
}

static void a_body_has_512_kib(void **state)
{
    (void)state;
    char *body = malloc(REST_METHOD_BODY_MAX + 2);
    memset(body, ' ', REST_METHOD_BODY_MAX + 1);
    memcpy(body, "{\"methodName\":\"m\"}", 18);
    body[REST_METHOD_BODY_MAX] = '\0';
    request(d1, token("service", ""), body);
    assert_string_equal(world.methods.asked, "d1 m 30+0 ''");
    method_says(&(struct method_result){.payload = SLICE_LIT("null")});
    assert_int_equal(answered(), 200);
    body[REST_METHOD_BODY_MAX] = ' ';
    body[REST_METHOD_BODY_MAX + 1] = '\0';
    request(d1, token("service", ""), body);
    assert_int_equal(answered(), 413);
    free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_become_calls),
        TEST(what_came_to_nothing_has_azures_error),
        TEST(a_call_that_cannot_begin_is_refused),
        TEST(only_services_call),
        TEST(a_slow_call_is_waited_for_and_a_lost_one_is_not),
        TEST(a_body_has_512_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
