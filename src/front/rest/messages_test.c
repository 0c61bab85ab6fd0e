/* messages_test.c - /admin/v1/devices/{id}/messages: what is asked of the queue, and how a message is shown. */
#include "front/rest/fakes_test.h"

#include "base/amqp.h"

static const char *const of_d1 = "GET /admin/v1/devices/d1/messages?x=1";

static void queue_says(const struct c2d_answer *a)
{
    struct c2d_wait *w = world.c2d.wait;
    assert_non_null(w);
    world.c2d.wait = NULL;
    w->fn(w, a);
}

static struct buf sections_with(struct slice body)
{
    struct buf b = {0};
    amqp_put_descriptor(&b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(&b);
    amqp_put_str(&b, "m\"1");
    amqp_close(&b, list, 1);
    amqp_put_descriptor(&b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_str(&b, "iothub-ack");
    amqp_put_str(&b, "full");
    amqp_close(&b, map, 2);
    amqp_put_data(&b, body);
    return b;
}

static void show(struct slice body)
{
    struct buf sections = sections_with(body);
    struct c2d_listed listed = {.message = {.sequence = 7,
                                            .enqueued_us = 1000000,
                                            .expires_us = 2000000,
                                            .delivery_count = 3,
                                            .sections = buf_slice(&sections)},
                                .invisible = true};
    request(of_d1, token("service", ""), "");
    queue_says(&(struct c2d_answer){.text = "", .count = 1, .listed = &listed, .last = 7});
    assert_int_equal(answered(), 200);
    buf_free(&sections);
}

/* ---- */

static void a_message_is_shown_with_all_that_is_known_of_it(void **state)
{
    (void)state;
    show(SLICE_LIT("hello"));
    assert_string_equal(
        said_body(),
        "{\"value\":[{\"sequence\":7,\"messageId\":\"m\\\"1\",\"state\":\"invisible\","
        "\"enqueuedTime\":\"1970-01-01T00:00:01.0000000Z\",\"expiryTime\":\"1970-01-01T00:00:02."
        "0000000Z\","
        "\"deliveryCount\":3,\"size\":5,\"correlationId\":null,\"userId\":null,"
        "\"contentType\":null,\"contentEncoding\":null,\"properties\":{\"iothub-ack\":\"full\"},"
        "\"body\":\"hello\",\"bodyEncoding\":\"utf-8\",\"bodyTruncated\":false}],"
        "\"continuationToken\":null}");
}

static void of_a_body_256_bytes_are_shown_and_no_character_is_cut(void **state)
{
    char body[REST_PREVIEW_MAX + 1];
    (void)state;
    memset(body, 'a', sizeof body);
    show(slice_of(body, REST_PREVIEW_MAX));
    assert_true(said_line("a\",\"bodyEncoding\":\"utf-8\",\"bodyTruncated\":false"));
    show(slice_of(body, REST_PREVIEW_MAX + 1));
    assert_true(said_line("\"size\":257"));
    assert_true(said_line("a\",\"bodyEncoding\":\"utf-8\",\"bodyTruncated\":true"));
    memcpy(body + REST_PREVIEW_MAX - 1, "\xc3\xa4", 2);
    show(slice_of(body, sizeof body));
    assert_true(said_line("a\",\"bodyEncoding\":\"utf-8\",\"bodyTruncated\":true"));
}

static void what_is_no_text_is_shown_in_base64(void **state)
{
    (void)state;
    show(SLICE_LIT("\xff\x00\x01"));
    assert_true(said_line("\"body\":\"/wAB\",\"bodyEncoding\":\"base64\""));
    show(SLICE_LIT(""));
    assert_true(said_line("\"size\":0,"));
    assert_true(said_line("\"body\":\"\",\"bodyEncoding\":\"utf-8\",\"bodyTruncated\":false"));
}

static void a_page_says_where_the_next_begins(void **state)
{
    (void)state;
    request(of_d1, token("service", ""), "");
    assert_string_equal(world.c2d.asked, "list d1 0 16");
    queue_says(&(struct c2d_answer){.text = "", .last = 9, .more = true});
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"value\":[],\"continuationToken\":\"9\"}");
    request("GET /admin/v1/devices/d1/messages?top=1&continuationToken=9", token("service", ""),
            "");
    assert_string_equal(world.c2d.asked, "list d1 9 1");
    queue_says(&(struct c2d_answer){.status = STATUS_DEVICE_NOT_FOUND, .text = "because"});
    expect_error(404, "DeviceNotFound");
}

static void what_is_no_page_is_refused(void **state)
{
    static const char *const lines[] = {
        "GET /admin/v1/devices/d1/messages?top=0",
        "GET /admin/v1/devices/d1/messages?top=17",
        "GET /admin/v1/devices/d1/messages?top=x",
        "GET /admin/v1/devices/d1/messages?continuationToken=x",
        "GET /admin/v1/devices/d1/messages?continuationToken=9223372036854775807",
        "GET /admin/v1/devices/a%2Fb/messages?x=1",
        "DELETE /admin/v1/devices/a%2Fb/messages/1?x=1",
        "DELETE /admin/v1/devices/d1/messages/x?x=1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        request(lines[i], token("service", ""), "");
        expect_error(400, "ArgumentInvalid");
    }
}

static void one_message_goes_or_is_not_there(void **state)
{
    (void)state;
    const char *line = "DELETE /admin/v1/devices/d1/messages/7?x=1";
    request(line, token("service", ""), "");
    assert_string_equal(world.c2d.asked, "drop d1 7");
    queue_says(&(struct c2d_answer){.text = "", .count = 1});
    assert_int_equal(answered(), 204);
    request(line, token("service", ""), "");
    queue_says(&(struct c2d_answer){.text = "", .count = 0});
    expect_error(404, "MessageNotFound");
    request(line, token("service", ""), "");
    queue_says(&(struct c2d_answer){.status = STATUS_SERVICE_UNAVAILABLE, .text = "because"});
    expect_error(503, "ServiceUnavailable");
}

static int open_console(void **state)
{
    int failed = world_open(state);
    call_console();
    return failed;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_console, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_shown_with_all_that_is_known_of_it),
        TEST(of_a_body_256_bytes_are_shown_and_no_character_is_cut),
        TEST(what_is_no_text_is_shown_in_base64),
        TEST(a_page_says_where_the_next_begins),
        TEST(what_is_no_page_is_refused),
        TEST(one_message_goes_or_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
