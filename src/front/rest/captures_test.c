/* captures_test.c - Event Hubs Capture over REST: which event hub is meant, how long a description may be. */
#include "front/rest/fakes_test.h"

static const struct event_hub orders = {
    .stream = 3, .partitions = 2, .name = "Orders", .lower = "orders"};

static void capture_say(enum status status)
{
    struct capture_wait *w = world.captures.wait;
    assert_non_null(w);
    world.captures.wait = NULL;
    w->fn(w, &(struct capture_answer){.status = status, .body = SLICE_LIT("{}")});
}

static void the_event_hub_is_the_built_in_one_or_one_that_was_made(void **state)
{
    static const struct {
        const char *line, *body, *asked; /* NULL: it is not */
    } rows[] = {
        {"GET /admin/v1/captures", NULL, "list 0  "},
        {"GET /admin/v1/captures/myhub", NULL, "get 0 myhub "},
        {"PUT /admin/v1/captures/MYHUB", "{}", "put 0 myhub {}"},
        {"DELETE /admin/v1/captures/myhub", NULL, "delete 0 myhub "},
        {"GET /admin/v1/captures/orders", NULL, "get 3 Orders "},
        {"PUT /admin/v1/captures/ORDERS", "{}", "put 3 Orders {}"},
        {"DELETE /admin/v1/captures/Orders", NULL, "delete 3 Orders "},
        {"GET /admin/v1/captures/others", NULL, NULL},
        {"PUT /admin/v1/captures/others", "{}", NULL},
        {"DELETE /admin/v1/captures/others", NULL, NULL},
    };
    (void)state;
    call_console();
    world.event_hubs.there = &orders;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("iothubowner", ""), rows[i].body);
        if (rows[i].asked) {
            assert_string_equal(world.captures.asked, rows[i].asked);
            capture_say(STATUS_OK);
        }
        assert_int_equal(answered(), rows[i].asked ? 200 : 404);
    }
}

static void a_description_has_a_limit(void **state)
{
    (void)state;
    char *body = malloc(CAPTURE_BODY_MAX + 2);
    call_console();
    for (int over = 0; over < 2; over++) {
        memset(body, ' ', (size_t)CAPTURE_BODY_MAX + 1);
        body[CAPTURE_BODY_MAX + over] = '\0';
        request("PUT /admin/v1/captures/myhub", token("iothubowner", ""), body);
        if (!over) capture_say(STATUS_OK);
        assert_int_equal(answered(), over ? 413 : 200);
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_event_hub_is_the_built_in_one_or_one_that_was_made,
                                        world_open, world_close),
        cmocka_unit_test_setup_teardown(a_description_has_a_limit, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
