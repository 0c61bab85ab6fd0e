/* devices_test.c - identities and twins of devices: which verb a request becomes, what its answer says. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

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
        {"POST /devices/keys/regenerate?api-version=2024-03-31", "{}", "rekey {}"},
        {"POST /Devices/Keys/Regenerate/?api-version=2026-11-01-preview", "{}", "rekey {}"},
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

static void keys_made_anew_in_part_are_207_and_older_versions_have_no_such_call(void **state)
{
    static const char *const line = "POST /devices/keys/regenerate?api-version=2024-03-31";
    (void)state;
    request(line, token("registryReadWrite", ""), "{}");
    registry_says(&(struct registry_answer){.partly = true, .body = SLICE_LIT("{\"a\":1}")});
    assert_int_equal(answered(), 207);
    assert_string_equal(said_body(), "{\"a\":1}");
    request(line, token("registryReadWrite", ""), "{}");
    registry_says(&(struct registry_answer){.status = STATUS_BULK_REGENERATE_KEY_FAILURE,
                                            .body = SLICE_LIT("{\"a\":1}")});
    assert_int_equal(answered(), 400);
    assert_true(said_line("iothub-errorcode: BulkRegenerateDeviceKeyOperationFailure\r\n"));
    request("POST /devices/keys/regenerate?" V, token("registryReadWrite", ""), "{}");
    expect_error(400, "InvalidProtocolVersion");
    request(line, token("registryRead", ""), "{}");
    expect_error(401, "IotHubUnauthorizedAccess");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(device_requests_become_verbs),
        TEST(if_match_is_handed_on_as_it_was_sent),
        TEST(answers_carry_the_etag_in_quotes_and_a_request_id),
        TEST(refusals_of_the_registry_become_error_bodies),
        TEST(a_bulk_that_failed_keeps_its_body),
        TEST(keys_made_anew_in_part_are_207_and_older_versions_have_no_such_call),
        TEST(the_length_of_a_list_is_checked),
        TEST(twin_requests_become_verbs),
        TEST(a_history_of_a_twin_is_asked_for),
        TEST(a_twin_hears_who_writes_it),
        TEST(twins_need_the_right_to_serve),
        TEST(an_id_with_a_slash_is_no_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
