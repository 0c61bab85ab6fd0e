/* throttle_test.c - requests over a class's rate wait, then are refused in Azure's words. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

static struct throttle *throttle;

static int open_with_throttles(void **state)
{
    static const char *const rates[] = {"registry=3/s",      "queries=3/s",      "twin-reads=3/s",
                                        "jobs=3/s",          "twin-updates=3/s", "methods=12KiB/s",
                                        "configurations=3/s"};
    struct throttle_config c = {0};
    world_open(state);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        assert_int_equal(throttle_override(&c, slice_str(rates[i])), OK);
    world.hub.throttle = throttle = throttle_new(&c);
    return 0;
}

static int close_with_throttles(void **state)
{
    world_close(state);
    throttle_free(throttle);
    return 0;
}

/* A new connection: what the last one asked is forgotten. */
static void redial(void)
{
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
}

static void each_class_refuses_what_would_wait_too_long(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *operation;
    } rows[] = {
        {"GET /devices/d1?" V, NULL, "RegistryRead"},
        {"POST /devices/query?" V, "{\"query\":\"SELECT * FROM devices\"}", "DeviceQuery"},
        {"GET /twins/d1?" V, NULL, "TwinRead"},
        {"GET /jobs/v2/j?" V, NULL, "JobOperation"},
        {"PATCH /twins/d1?" V, "{}", "TwinUpdate"},
        {"DELETE /configurations/c?" V, NULL, "ConfigurationWrite"},
        {"POST /twins/d1/methods?" V, "{\"methodName\":\"m\"}", "DirectMethod"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t taken = 3 + 3 * THROTTLE_QUEUE_US / 1000000; /* at once, and in their turn */
        for (int64_t n = 0; n < taken; n++) {
            request(rows[i].line, token("iothubowner", ""), rows[i].body);
            assert_int_equal(answered(), 0);
            redial();
        }
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        expect_error(429, "ThrottlingBacklogTimeout");
        assert_true(said_line("retry-after: 10\r\n"));
        char operation[64];
        snprintf(operation, sizeof operation, "Operation type: %s\"", rows[i].operation);
        assert_non_null(strstr(said_body(), operation));
    }
}

static void the_fourth_of_three_is_asked_when_its_turn_has_come(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) {
        redial();
        world.registry.asked[0] = '\0';
        request("GET /devices/d1?" V, token("registryRead", ""), NULL);
        assert_string_equal(world.registry.asked, n < 3 ? "get d1" : "");
    }
    pass(300000);
    assert_string_equal(world.registry.asked, "");
    pass(40000);
    assert_string_equal(world.registry.asked, "get d1");
    registry_says(&(struct registry_answer){.status = STATUS_OK, .body = SLICE_LIT("{}")});
    assert_int_equal(answered(), 200);
}

static void who_hangs_up_before_its_turn_is_forgotten(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++) {
        redial();
        world.registry.asked[0] = '\0';
        request("GET /devices/d1?" V, token("registryRead", ""), NULL);
    }
    redial();
    pass(2000000);
    assert_string_equal(world.registry.asked, "");
}

static void administrators_are_not_counted(void **state)
{
    (void)state;
    for (int n = 0; n < 30; n++) {
        call_socket();
        request("GET /devices/d1?" V, "", NULL);
        assert_int_equal(answered(), 0);
        assert_string_equal(world.registry.asked, "get d1");
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_with_throttles, close_with_throttles)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(each_class_refuses_what_would_wait_too_long),
        WITH(the_fourth_of_three_is_asked_when_its_turn_has_come),
        WITH(who_hangs_up_before_its_turn_is_forgotten),
        WITH(administrators_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
