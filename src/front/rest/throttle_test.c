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

static enum rest_visit visit;
static unsigned visit_rights;

static enum rest_visit look(void *ctx, const struct call *c, unsigned *rights)
{
    (void)ctx, (void)c;
    *rights = visit_rights;
    return visit;
}

/* The session ends, or has other rights, before its turn. */
static void a_session_is_looked_at_again_when_its_turn_has_come(void **state)
{
    (void)state;
    static const struct rest_guard guard = {.look = look};
    static const struct {
        enum rest_visit visit;
        unsigned rights;
        int status; /* 0: the registry is asked */
    } rows[] = {{REST_VISIT_ENDED, 0, 401},
                {REST_VISIT, AUTH_SERVICE_CONNECT, 403},
                {REST_VISIT, AUTH_REGISTRY_READ, 0}};
    rest_set_guard(world.service, &guard);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        visit = REST_VISIT;
        visit_rights = AUTH_REGISTRY_READ;
        for (int n = 0; n < 4; n++) {
            call_console();
            world.registry.asked[0] = '\0';
            request("GET /devices/d1?" V, "", NULL);
            assert_string_equal(world.registry.asked, n < 3 ? "get d1" : "");
        }
        visit = rows[i].visit;
        visit_rights = rows[i].rights;
        pass(340000);
        assert_string_equal(world.registry.asked, rows[i].status ? "" : "get d1");
        assert_int_equal(answered(), rows[i].status);
        pass(10000000);
    }
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

/* Bytes count in messages of 4 KiB; what is not counted is refused with what is. */
static void nothing_passes_when_the_messages_of_the_day_are_used_up(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        bool counts;
    } rows[] = {
        {"GET /twins/d1?" V, NULL, true},
        {"PATCH /twins/d1?" V, "{}", true},
        {"POST /twins/d1/methods?" V, "{\"methodName\":\"m\"}", true},
        {"POST /devices/query?" V, "{\"query\":\"SELECT * FROM devices\"}", true},
        {"GET /devices/d1?" V, NULL, false},
        {"DELETE /configurations/c?" V, NULL, false},
    };
    throttle_free(throttle);
    world.hub.throttle = throttle = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quota *quota = world.hub.quota = quota_new(&(struct quota_config){1, QUOTA_METER});
        redial();
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        assert_int_equal(answered(), 0);
        assert_int_equal(quota_used(quota, clock_wall_us()), rows[i].counts);
        if (!rows[i].counts) assert_true(quota_take_messages(quota, 1));
        redial();
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        expect_error(403, "IotHubQuotaExceeded");
        call_socket();
        request(rows[i].line, "", rows[i].body); /* administrators are not counted */
        assert_int_equal(answered(), 0);
        world.conn.admin = false;
        world.hub.quota = NULL;
        quota_free(quota);
    }
}

enum { FULL = QUOTA_METER, OVER = QUOTA_METER + 1 };

static char text[OVER + 64];

/* A JSON string of that many bytes. */
static struct slice json_of(size_t bytes)
{
    snprintf(text, sizeof text, "\"%0*d\"", (int)bytes - 2, 0);
    return slice_of(text, bytes);
}

static void say_twin(size_t bytes)
{
    twins_say(&(struct twin_answer){.status = STATUS_OK, .body = json_of(bytes)});
}

static void say_page(size_t bytes)
{
    queries_say(&(struct query_answer){.status = STATUS_OK, .body = json_of(bytes)});
}

/* The answer is {"status":200,"payload":..}. */
static void say_result(size_t bytes)
{
    struct slice payload = json_of(bytes - strlen("{\"status\":200,\"payload\":}"));
    method_says(&(struct method_result){.device_status = 200, .payload = payload});
}

static void say_offline(size_t bytes)
{
    (void)bytes;
    method_says(&(struct method_result){.status = STATUS_DEVICE_NOT_ONLINE, .text = "offline"});
}

static void answers_count_by_their_size(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body;
        void (*say)(size_t bytes);
        size_t bytes;
        unsigned counts;
    } rows[] = {
        {"GET /twins/d1?" V, NULL, say_twin, FULL, 1},
        {"GET /twins/d1?" V, NULL, say_twin, OVER, 2},
        {"PATCH /twins/d1?" V, "{}", say_twin, OVER, 1},
        {"POST /devices/query?" V, "{\"query\":\"SELECT * FROM devices\"}", say_page, FULL, 1},
        {"POST /devices/query?" V, "{\"query\":\"SELECT * FROM devices\"}", say_page, OVER, 2},
        {"POST /twins/d1/methods?" V, "{\"methodName\":\"m\"}", say_result, FULL, 2},
        {"POST /twins/d1/methods?" V, "{\"methodName\":\"m\"}", say_result, OVER, 3},
        {"POST /twins/d1/methods?" V, "{\"methodName\":\"m\"}", say_offline, OVER, 1},
    };
    throttle_free(throttle);
    world.hub.throttle = throttle = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quota *quota = world.hub.quota = quota_new(&(struct quota_config){1, QUOTA_METER});
        redial();
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        rows[i].say(rows[i].bytes);
        assert_int_equal(quota_used(quota, clock_wall_us()), rows[i].counts);
        world.hub.quota = NULL;
        quota_free(quota);
    }
}

#define DEVICES_OF_QUOTA "{\"name\":\"TotalDeviceCount\",\"currentValue\":7,\"maxValue\":1000000}"

static void the_quota_is_shown(void **state)
{
    (void)state;
    call_socket();
    request("GET /admin/v1/quotaMetrics", "", NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"value\":[" DEVICES_OF_QUOTA "]}");
    struct quota *quota = world.hub.quota = quota_new(&(struct quota_config){9, QUOTA_METER});
    assert_true(quota_take_messages(quota, 4));
    call_socket();
    request("GET /admin/v1/quotaMetrics", "", NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"value\":[{\"name\":\"TotalMessages\",\"currentValue\":4,"
                                     "\"maxValue\":9}," DEVICES_OF_QUOTA "]}");
    world.hub.quota = NULL;
    quota_free(quota);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_with_throttles, close_with_throttles)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(each_class_refuses_what_would_wait_too_long),
        WITH(the_fourth_of_three_is_asked_when_its_turn_has_come),
        WITH(a_session_is_looked_at_again_when_its_turn_has_come),
        WITH(who_hangs_up_before_its_turn_is_forgotten),
        WITH(administrators_are_not_counted),
        WITH(nothing_passes_when_the_messages_of_the_day_are_used_up),
        WITH(answers_count_by_their_size),
        WITH(the_quota_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
