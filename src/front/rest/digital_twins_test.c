/* digital_twins_test.c - digital twins and their commands over HTTP. */
#include "front/rest/fakes_test.h"

#define V "?api-version=2021-04-12"

static const char shown[] = "{\"deviceId\":\"d1\",\"modelId\":\"dtmi:x;1\",\"properties\":{"
                            "\"desired\":{},\"reported\":{}}}";

static void a_read_is_the_twin_in_another_shape(void **state)
{
    (void)state;
    request("GET /DigitalTwins/d1/" V, token("service", ""), NULL);
    assert_string_equal(world.twins.asked, "get d1");
    twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAE="), .body = slice_str(shown)});
    assert_int_equal(answered(), 200);
    assert_true(said_line("etag: \"AAE=\"\r\n"));
    assert_string_equal(said_body(), "{\"$dtId\":\"d1\",\"$metadata\":{\"$model\":\"dtmi:x;1\"}}");
}

static void a_patch_is_written_for_the_twin_that_was_read(void **state)
{
    (void)state;
    request("PATCH /digitaltwins/d1" V, token("service", ""),
            "[{\"op\":\"add\",\"path\":\"/c/w\",\"value\":2}]");
    for (int i = 0; i < 2; i++) { /* somebody else was faster */
        assert_string_equal(world.twins.asked, "get d1");
        twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAE="), .body = slice_str(shown)});
        assert_string_equal(world.twins.asked, "merge-desired d1 match=AAE= "
                                               "{\"c\":{\"__t\":\"c\",\"w\":2}}");
        if (i == 0) twins_say(&(struct twin_answer){.status = STATUS_PRECONDITION_FAILED});
    }
    twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAI="), .body = SLICE_LIT("{}")});
    assert_int_equal(answered(), 202);
    assert_true(said_line("etag: \"AAI=\"\r\n"));
    assert_true(said_line("location: /digitaltwins/d1\r\n"));
    assert_string_equal(said_body(), "");
}

static void a_patch_that_is_outrun_too_often_is_refused(void **state)
{
    (void)state;
    request("PATCH /digitaltwins/d1" V, token("service", ""),
            "[{\"op\":\"add\",\"path\":\"/w\",\"value\":2}]");
    for (int i = 0; i < DIGITAL_TWIN_TRIES; i++) {
        twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAE="), .body = slice_str(shown)});
        twins_say(&(struct twin_answer){.status = STATUS_PRECONDITION_FAILED});
    }
    expect_error(412, "PreconditionFailed");
}

static void bad_patches_have_azures_names(void **state)
{
    (void)state;
    static const struct {
        const char *body, *name;
    } rows[] = {
        {"{", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"add\",\"path\":\"/$x\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("PATCH /digitaltwins/d1" V, token("service", ""), rows[i].body);
        twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAE="), .body = slice_str(shown)});
        expect_error(400, rows[i].name);
    }
    request("GET /digitaltwins/d1" V, token("service", ""), NULL);
    twins_say(&(struct twin_answer){.status = STATUS_DEVICE_NOT_FOUND, .text = SLICE_LIT("no")});
    expect_error(404, "DeviceNotFound");
    request("GET /digitaltwins/d1" V, token("registryReadWrite", ""), NULL);
    expect_error(401, "IotHubUnauthorizedAccess");
}

static void another_etag_than_the_one_named_is_refused(void **state)
{
    (void)state;
    char head[512];
    const char *body = "[]";
    snprintf(head, sizeof head,
             "PATCH /digitaltwins/d1" V " HTTP/1.1\r\nHost: my.hub\r\nAuthorization: %s\r\n"
             "If-Match: \"AAA=\"\r\nContent-Length: 2\r\n\r\n%s",
             token("service", ""), body);
    feed(slice_str(head));
    twins_say(&(struct twin_answer){.etag = SLICE_LIT("AAE="), .body = slice_str(shown)});
    expect_error(412, "PreconditionFailed");
}

static void commands_are_methods(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"POST /digitaltwins/d1/commands/reboot" V, "{\"delay\":5}",
         "d1 reboot 30+0 '{\"delay\":5}'"},
        {"POST /digitaltwins/d1/commands/reboot" V, NULL, "d1 reboot 30+0 ''"},
        {"POST /digitaltwins/d1/components/c1/commands/go" V
         "&connectTimeoutInSeconds=5&responseTimeoutInSeconds=10",
         "null", "d1 c1*go 10+5 'null'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), rows[i].body);
        assert_string_equal(world.methods.asked, rows[i].asked);
        method_says(&(struct method_result){.device_status = 404, .payload = SLICE_LIT("[1]")});
        assert_int_equal(answered(), 200);
        assert_true(said_line("x-ms-command-statuscode: 404\r\n"));
        assert_string_equal(said_body(), "[1]");
    }
    request("POST /digitaltwins/d1/commands/reboot" V, token("service", ""), "{");
    assert_int_equal(answered(), 400);
    request("POST /digitaltwins/d1/commands/reboot" V "&connectTimeoutInSeconds=x",
            token("service", ""), "null");
    assert_int_equal(answered(), 400);
    request("POST /digitaltwins/d1/commands/reboot" V, token("service", ""), "null");
    method_says(&(struct method_result){.status = STATUS_DEVICE_NOT_ONLINE, .text = "off"});
    assert_int_equal(answered(), 404);
    assert_true(said_line("iothub-errorcode: DeviceNotOnline\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_is_the_twin_in_another_shape, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(a_patch_is_written_for_the_twin_that_was_read, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(a_patch_that_is_outrun_too_often_is_refused, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(bad_patches_have_azures_names, world_open, world_close),
        cmocka_unit_test_setup_teardown(another_etag_than_the_one_named_is_refused, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(commands_are_methods, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
