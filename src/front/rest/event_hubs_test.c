/* event_hubs_test.c - event hubs over REST. */
#include "front/rest/fakes_test.h"

static const struct event_hub orders = {.stream = 3,
                                        .partitions = 2,
                                        .keep = {48 * EVENT_HUB_HOUR_US, 0},
                                        .created_us = EPOCH_S * INT64_C(1000000),
                                        .updated_us = EPOCH_S * INT64_C(1000000),
                                        .name = "Orders",
                                        .lower = "orders"};

static void event_hubs_say(enum err e)
{
    struct event_hub_wait *w = world.event_hubs.wait;
    assert_non_null(w);
    world.event_hubs.wait = NULL;
    w->fn(w, e, e == OK);
}

static void event_hubs_are_listed_made_and_deleted(void **state)
{
    (void)state;
    const char *owner = token("iothubowner", "");
    call_console();
    request("GET /admin/v1/event-hubs", owner, NULL);
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "[]");
    request("PUT /admin/v1/event-hubs/Orders", owner,
            "{\"properties\":{\"partitionCount\":2,\"retentionDescription\":"
            "{\"retentionTimeInHours\":48,\"retentionSizeInBytes\":1000000}}}");
    assert_string_equal(world.event_hubs.asked, "put Orders 2 48 1000000");
    world.event_hubs.there = &orders;
    event_hubs_say(OK);
    assert_int_equal(answered(), 200);
    assert_non_null(strstr(
        said_body(),
        "{\"name\":\"Orders\",\"properties\":{\"partitionCount\":2,"
        "\"partitionIds\":[\"0\",\"1\"],\"retentionDescription\":{\"cleanupPolicy\":\"Delete\","
        "\"retentionTimeInHours\":48,\"retentionSizeInBytes\":null},\"status\":\"Active\""));
    request("GET /admin/v1/event-hubs/orders", owner, NULL);
    assert_int_equal(answered(), 200);
    request("GET /admin/v1/event-hubs/others", owner, NULL);
    assert_int_equal(answered(), 404);
    request("DELETE /admin/v1/event-hubs/orders", owner, NULL);
    assert_string_equal(world.event_hubs.asked, "delete orders");
    event_hubs_say(OK);
    assert_int_equal(answered(), 204);
}

static void what_is_not_said_stays_or_is_the_default(void **state)
{
    (void)state;
    static const struct {
        const char *body, *asked;
        bool says_age, says_bytes;
    } rows[] = {
        {"", "put x 0 0 0", false, false},
        {"{}", "put x 0 0 0", false, false},
        {"{\"properties\":{\"partitionCount\":7}}", "put x 7 0 0", false, false},
        {"{\"properties\":{\"messageRetentionInDays\":2}}", "put x 0 48 0", true, false},
        {"{\"properties\":{\"retentionDescription\":{\"retentionTimeInHours\":0}}}", "put x 0 0 0",
         true, false},
        {"{\"properties\":{\"retentionDescription\":{\"retentionTimeInHours\":null,"
         "\"retentionSizeInBytes\":9}}}",
         "put x 0 0 9", false, true},
    };
    call_console();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("PUT /admin/v1/event-hubs/x", token("iothubowner", ""), rows[i].body);
        assert_string_equal(world.event_hubs.asked, rows[i].asked);
        assert_int_equal(world.event_hubs.wish.says_age, rows[i].says_age);
        assert_int_equal(world.event_hubs.wish.says_bytes, rows[i].says_bytes);
        event_hubs_say(OK);
    }
}

static void bodies_that_say_nothing_sensible_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "nonsense",
        "[]",
        "{\"properties\":7}",
        "{\"properties\":{\"partitionCount\":0}}",
        "{\"properties\":{\"partitionCount\":257}}",
        "{\"properties\":{\"partitionCount\":\"4\"}}",
        "{\"properties\":{\"retentionDescription\":3}}",
        "{\"properties\":{\"retentionDescription\":{\"retentionTimeInHours\":-1}}}",
        "{\"properties\":{\"retentionDescription\":{\"retentionTimeInHours\":878401}}}",
    };
    call_console();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request("PUT /admin/v1/event-hubs/x", token("iothubowner", ""), rows[i]);
        assert_int_equal(answered(), 400);
        assert_null(world.event_hubs.wait);
    }
}

static void changes_may_fail(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int status;
    } rows[] = {{ERR_INVALID, 400}, {ERR_NOT_FOUND, 404}, {ERR_EXISTS, 409},
                {ERR_FULL, 403},    {ERR_THROTTLED, 429}, {ERR_IO, 503}};
    call_console();
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        request(i % 2 ? "PUT /admin/v1/event-hubs/x" : "DELETE /admin/v1/event-hubs/x",
                token("iothubowner", ""), NULL);
        event_hubs_say(rows[i / 2].err);
        assert_int_equal(answered(), rows[i / 2].status);
    }
}

static void an_event_hub_has_consumer_groups(void **state)
{
    (void)state;
    const char *owner = token("iothubowner", "");
    call_console();
    request("PUT /admin/v1/event-hubs/orders/consumer-groups/readers", owner, NULL);
    assert_int_equal(answered(), 404);
    world.event_hubs.there = &orders;
    request("PUT /admin/v1/event-hubs/orders/consumer-groups/readers", owner, NULL);
    assert_string_equal(world.groups.asked, "create readers");
    assert_int_equal(world.groups.stream, 3);
    world.groups.named = "readers";
    groups_say(OK);
    assert_int_equal(answered(), 200);
    request("GET /admin/v1/event-hubs/ORDERS/consumer-groups/readers", owner, NULL);
    assert_int_equal(answered(), 200);
    request("GET /admin/v1/consumer-groups/readers", owner, NULL);
    assert_int_equal(answered(), 404);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(event_hubs_are_listed_made_and_deleted),
        TEST(what_is_not_said_stays_or_is_the_default),
        TEST(bodies_that_say_nothing_sensible_are_refused),
        TEST(changes_may_fail),
        TEST(an_event_hub_has_consumer_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
