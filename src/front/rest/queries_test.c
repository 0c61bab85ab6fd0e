/* queries_test.c - queries over HTTP: headers in and out, errors. */
#include "front/rest/fakes_test.h"

#define POST "POST /devices/query?api-version=2021-04-12"

static const char all[] = "{\"query\":\"SELECT * FROM devices\"}";

/* With further headers, each ended by a line break. */
static void ask(const char *headers, const char *body)
{
    struct buf b = {0};
    buf_printf(&b, POST " HTTP/1.1\r\nHost: my.hub\r\nAuthorization: %s\r\n", token("service", ""));
    buf_printf(&b, "Content-Length: %zu\r\n%s\r\n%s", strlen(body), headers, body);
    feed(buf_slice(&b));
    buf_free(&b);
}

static void requests_become_pages(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *body, *asked;
    } rows[] = {
        {"", all, "SELECT * FROM devices after=none max=100"},
        {"x-ms-max-item-count: 1\r\n", all, "SELECT * FROM devices after=none max=1"},
        {"x-ms-max-item-count: 1000\r\nx-ms-continuation: abc=\r\n", all,
         "SELECT * FROM devices after=abc= max=1000"},
        {"x-ms-max-item-count: 10000\r\n", all, "SELECT * FROM devices after=none max=1000"},
        {"x-ms-max-item-count: -1\r\n", "{\"query\":\"a \\u0027 b\",\"x\":1}",
         "a ' b after=none max=100"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].headers, rows[i].body);
        assert_string_equal(world.queries.asked, rows[i].asked);
        assert_int_equal(answered(), 0);
        queries_say(&(struct query_answer){.item_type = "Raw", .body = SLICE_LIT("[1]")});
        assert_int_equal(answered(), 200);
        assert_true(said_line("x-ms-item-type: Raw\r\n"));
        assert_false(said_line("x-ms-continuation"));
        assert_string_equal(said_body(), "[1]");
    }
}

static void the_next_page_is_named_if_there_is_one(void **state)
{
    (void)state;
    ask("", all);
    queries_say(&(struct query_answer){
        .item_type = "Twin", .body = SLICE_LIT("[]"), .next = SLICE_LIT("bmV4dA==")});
    assert_int_equal(answered(), 200);
    assert_true(said_line("x-ms-item-type: Twin\r\n"));
    assert_true(said_line("x-ms-continuation: bmV4dA==\r\n"));
}

static void what_is_no_query_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *body, *name;
    } rows[] = {
        {"", "{", "DeserializationError"},
        {"", "[]", "ArgumentInvalid"},
        {"", "{}", "ArgumentInvalid"},
        {"", "{\"query\":null}", "ArgumentInvalid"},
        {"", "{\"query\":1}", "ArgumentInvalid"},
        {"x-ms-max-item-count: 0\r\n", all, "ArgumentInvalid"},
        {"x-ms-max-item-count: ten\r\n", all, "ArgumentInvalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].headers, rows[i].body);
        expect_error(400, rows[i].name);
    }
    assert_null(world.queries.wait);
    ask("", all);
    queries_say(&(struct query_answer){.status = STATUS_ARGUMENT_INVALID,
                                       .text = SLICE_LIT("line 1, column 3: no")});
    expect_error(400, "ArgumentInvalid");
    assert_non_null(strstr(said_body(), "ErrorCode:ArgumentInvalid;BadRequest: line 1, column 3"));
    ask("", all);
    queries_say(&(struct query_answer){.status = STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                                       .text = SLICE_LIT("busy")});
    expect_error(429, "ThrottleBacklogLimitExceeded");
}

static void only_services_query(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        int status;
    } rows[] = {{"registryRead", 401}, {"registryReadWrite", 401}, {"device", 401}, {"service", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(POST, token(rows[i].policy, ""), all);
        assert_int_equal(answered(), rows[i].status);
    }
}

static void who_hangs_up_is_forgotten(void **state)
{
    (void)state;
    ask("", all);
    assert_non_null(world.queries.wait);
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    assert_null(world.queries.wait);
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
}

static void a_body_has_64_kib(void **state)
{
    (void)state;
    char *body = malloc(REST_QUERY_BODY_MAX + 2);
    memset(body, ' ', REST_QUERY_BODY_MAX + 1);
    memcpy(body, all, sizeof all - 1);
    body[REST_QUERY_BODY_MAX] = '\0';
    ask("", body);
    assert_non_null(world.queries.wait);
    queries_say(&(struct query_answer){.item_type = "Twin", .body = SLICE_LIT("[]")});
    assert_int_equal(answered(), 200);
    body[REST_QUERY_BODY_MAX] = ' ';
    body[REST_QUERY_BODY_MAX + 1] = '\0';
    ask("", body);
    assert_int_equal(answered(), 413);
    free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_become_pages),       TEST(the_next_page_is_named_if_there_is_one),
        TEST(what_is_no_query_is_refused), TEST(only_services_query),
        TEST(who_hangs_up_is_forgotten),   TEST(a_body_has_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
