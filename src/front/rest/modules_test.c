/* modules_test.c - module identities over HTTP: verbs, envelopes, and devices that ask for themselves. */
#include "front/rest/fakes_test.h"

#define V "?api-version=2021-04-12"

static void module_requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"GET /devices/d1/modules" V, NULL, "modules d1"},
        {"GET /devices/d1/modules/" V, NULL, "modules d1"},
        {"GET /devices/d1/modules/m1" V, NULL, "get d1/m1"},
        {"GET /Devices/d%2525/Modules/%24edgeAgent" V, NULL, "get d%25/$edgeAgent"},
        {"PUT /devices/d1/modules/m1" V, "{\"a\":1}", "put d1/m1 match=none {\"a\":1}"},
        {"DELETE /devices/d1/modules/m1" V, NULL, "delete d1/m1 match=none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("registryReadWrite", ""), rows[i].body);
        assert_string_equal(world.registry.asked, rows[i].asked);
        assert_false(world.registry.wait->token.ptr != NULL);
        registry_says(&(struct registry_answer){.etag = SLICE_LIT("x"), .body = SLICE_LIT("{}")});
        assert_int_equal(answered(), 200);
        assert_true(said_line("etag: \"x\"\r\n"));
    }
}

static void refusals_that_are_modules_have_the_number(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        int http;
        const char *number; /* NULL: the other envelope */
    } rows[] = {
        {STATUS_MODULE_ALREADY_EXISTS, 409, "409301"}, {STATUS_MODULE_NOT_FOUND, 404, "404010"},
        {STATUS_TOO_MANY_MODULES, 413, "413003"},      {STATUS_PRECONDITION_FAILED, 412, "412001"},
        {STATUS_ARGUMENT_INVALID, 400, "400004"},      {STATUS_DEVICE_NOT_FOUND, 404, NULL},
        {STATUS_UNAUTHORIZED_ACCESS, 401, NULL},       {STATUS_SERVICE_UNAVAILABLE, 503, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char start[64], header[96];
        request("PUT /devices/d1/modules/m1" V, token("iothubowner", ""), "{}");
        registry_says(&(struct registry_answer){.status = rows[i].status, .text = SLICE_LIT("t")});
        if (rows[i].number == NULL) {
            expect_error(rows[i].http, status_name(rows[i].status));
            continue;
        }
        assert_int_equal(answered(), rows[i].http);
        snprintf(start, sizeof start, "{\"errorCode\":%s,\"trackingId\":\"", rows[i].number);
        snprintf(header, sizeof header, "iothub-errorcode: %s\r\n", status_name(rows[i].status));
        assert_memory_equal(said_body(), start, strlen(start));
        assert_non_null(strstr(said_body(), "\"message\":\"t\",\"timestampUtc\":\"20"));
        assert_true(said_line(header));
    }
}

static void a_devices_own_token_is_for_its_home_to_judge(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET /devices/d1/modules" V, "GET /devices/d1/modules/m" V,
                                        "PUT /devices/d1/modules/m" V,
                                        "DELETE /devices/d1/modules/m" V};
    for (size_t i = 0; i < 4; i++) {
        const char *credential = own_token("/devices/d1");
        request(lines[i], credential, NULL);
        assert_non_null(world.registry.wait);
        assert_true(slice_is(world.registry.wait->token, credential));
        registry_says(&(struct registry_answer){.status = STATUS_UNAUTHORIZED_ACCESS});
        expect_error(401, "IotHubUnauthorizedAccess");
    }
    request("GET /devices/d1" V, own_token("/devices/d1"), NULL);
    expect_error(401, "IotHubUnauthorizedAccess");
    request("GET /devices" V, own_token("/devices/d1"), NULL);
    expect_error(401, "IotHubUnauthorizedAccess");
}

static void a_slash_in_an_id_makes_no_module(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET /devices/d%2Fm" V,         "PUT /devices/d%2Fm" V,
        "DELETE /devices/d%2Fm" V,      "GET /devices/d/modules/m%2Fx" V,
        "GET /devices/d%2Fm/modules" V, "GET /devices/d%20/modules/m" V};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        request(lines[i], token("iothubowner", ""), NULL);
        expect_error(400, "ArgumentInvalid");
        assert_null(world.registry.wait);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(module_requests_become_verbs),
        TEST(refusals_that_are_modules_have_the_number),
        TEST(a_devices_own_token_is_for_its_home_to_judge),
        TEST(a_slash_in_an_id_makes_no_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
