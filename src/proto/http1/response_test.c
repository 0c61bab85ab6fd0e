/* response_test.c - what goes on the wire. */
#include "base/clock.h"
#include "proto/http1/script_test.h"

#define GET  "GET / HTTP/1.1\r\nHost: hub\r\n"
#define BAD  "400 Bad Request"
#define DATE "date: Sun, 23 Nov 2025 04:05:06 GMT\r\n"

static int64_t fixed_wall_us(void)
{
    return 1763870706123456;
}

static const struct clock_source fixed_clock = {fixed_wall_us, fixed_wall_us};

static int use_fixed_clock(void **state)
{
    (void)state;
    clock_use(&fixed_clock);
    return 0;
}

static void expect_said(struct script *s, const char *want)
{
    assert_string_equal(buf_cstr(&s->out), want);
    buf_clear(&s->out);
}

static void ask(struct script *s, struct slice bytes)
{
    script_init(s, ANSWER_LATER, 0);
    script_feed(s, bytes);
    assert_true(http1_awaits_answer(s->h));
}

static void an_answer_has_length_date_type_and_headers(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT(GET "\r\n"));
    struct http1_header headers[] = {{SLICE_LIT("etag"), SLICE_LIT("\"x\"")},
                                     {SLICE_LIT("x-id"), SLICE_LIT("a\r\nb: c\x7f")}};
    http1_send_response(s.h,
                        &(struct http1_response){.status = 200,
                                                 .content_type = "application/json",
                                                 .headers = headers,
                                                 .header_count = 2,
                                                 .body = SLICE_LIT("{}")},
                        s.now_us);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "content-type: application/json\r\n"
                    "etag: \"x\"\r\nx-id: a  b: c \r\ncontent-length: 2\r\n\r\n{}");
    assert_false(http1_finished(s.h));
    script_fini(&s);
}

static void some_answers_have_no_body(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT(GET "\r\n"));
    http1_send_response(s.h, &(struct http1_response){.status = 204}, s.now_us);
    expect_said(&s, "HTTP/1.1 204 No Content\r\n" DATE "\r\n");
    script_feed(&s, SLICE_LIT(GET "\r\n"));
    http1_send_response(s.h, &(struct http1_response){.status = 404}, s.now_us);
    expect_said(&s, "HTTP/1.1 404 Not Found\r\n" DATE "content-length: 0\r\n\r\n");
    script_feed(&s, SLICE_LIT("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
    script_answer(&s, 200);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "content-length: 2\r\n\r\n");
    script_fini(&s);
}

static void expect_refusal(struct script *s, const char *status, const char *body)
{
    char expected[160];
    snprintf(expected, sizeof expected,
             "HTTP/1.1 %s\r\n" DATE "connection: close\r\ncontent-length: 2\r\n\r\n%s", status,
             body);
    expect_said(s, expected);
}

/* Of a HEAD that is refused before it is whole, too: what came behind would be another answer. */
static void a_malformed_head_is_answered_without_body(void **state)
{
    static const struct {
        struct slice request;
        const char *status, *body;
    } rows[] = {{SLICE_LIT("HEAD x HTTP/1.1\r\n"), BAD, ""},
                {SLICE_LIT("HEAD / HTTP/1.1\r\n: x\r\n"), BAD, ""},
                {SLICE_LIT("HEAD / HTTP/1.1\r\n\r\n"), BAD, ""},
                {SLICE_LIT("HEADY / HTTP/1.1\r\n"), "501 Not Implemented", "ok"},
                {SLICE_LIT("GET x HTTP/1.1\r\n"), BAD, "ok"}};
    struct script s;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        script_init(&s, ANSWER_LATER, 0);
        script_feed(&s, rows[i].request);
        expect_refusal(&s, rows[i].status, rows[i].body);
        script_fini(&s);
    }
    ask(&s, SLICE_LIT("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n\"\r\n"));
    script_answer(&s, 200);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "content-length: 2\r\n\r\n");
    script_pull(&s);
    expect_refusal(&s, BAD, "ok"); /* not the HEAD before it */
    script_fini(&s);
}

static void who_wants_to_close_says_so(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT(GET "Connection: close\r\n\r\n"));
    script_answer(&s, 200);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "connection: close\r\ncontent-length: 2\r\n\r\nok");
    assert_true(http1_finished(s.h));
    script_fini(&s);

    ask(&s, SLICE_LIT(GET "\r\n"));
    http1_send_response(s.h, &(struct http1_response){.status = 200, .close = true}, s.now_us);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "connection: close\r\ncontent-length: 0\r\n\r\n");
    assert_true(http1_finished(s.h));
    script_fini(&s);

    ask(&s, SLICE_LIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    script_answer(&s, 200);
    expect_said(&s,
                "HTTP/1.1 200 OK\r\n" DATE "connection: keep-alive\r\ncontent-length: 2\r\n\r\nok");
    assert_false(http1_finished(s.h));
    script_fini(&s);
}

static void long_answers_go_in_chunks(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT(GET "\r\n" GET "\r\n"));
    http1_begin_response(s.h, &(struct http1_response){.status = 200});
    http1_send_chunk(s.h, SLICE_LIT("hello world, again"));
    http1_send_chunk(s.h, SLICE_NONE);
    http1_send_chunk(s.h, SLICE_LIT("!"));
    assert_false(http1_awaits_answer(s.h) || http1_finished(s.h));
    http1_end_response(s.h, s.now_us);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "transfer-encoding: chunked\r\n\r\n"
                    "12\r\nhello world, again\r\n1\r\n!\r\n0\r\n\r\n");
    script_pull(&s);
    assert_true(script_heard(&s, "GET /\nend\nGET /\nend\n"));
    script_fini(&s);
}

static void an_old_client_gets_the_end_of_the_connection_instead_of_chunks(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    http1_begin_response(s.h, &(struct http1_response){.status = 200});
    http1_send_chunk(s.h, SLICE_LIT("abc"));
    assert_false(http1_finished(s.h));
    http1_end_response(s.h, s.now_us);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "connection: close\r\n\r\nabc");
    assert_true(http1_finished(s.h));
    script_fini(&s);
}

static void head_gets_no_chunks(void **state)
{
    (void)state;
    struct script s;
    ask(&s, SLICE_LIT("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
    http1_begin_response(s.h, &(struct http1_response){.status = 200});
    http1_send_chunk(s.h, SLICE_LIT("abc"));
    http1_end_response(s.h, s.now_us);
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "transfer-encoding: chunked\r\n\r\n");
    script_fini(&s);
}

static void a_client_that_waits_is_told_to_continue(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_feed(&s, SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                              "Expect: 100-continue\r\n\r\n"));
    expect_said(&s, "HTTP/1.1 100 Continue\r\n\r\n");
    script_feed(&s, SLICE_LIT("ab"));
    assert_true(script_heard(&s, "POST / len=2\n[ab]\nend\n"));
    buf_clear(&s.out);
    script_feed(&s, SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                              "Expect: 100-continue\r\n\r\nab"));
    expect_said(&s, "HTTP/1.1 100 Continue\r\n\r\n"
                    "HTTP/1.1 200 OK\r\n" DATE "content-length: 2\r\n\r\nok");
    script_fini(&s);
}

static void a_refused_client_is_not_told_to_continue(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_HEAD, 0);
    script_feed(&s, SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                              "Expect: 100-continue\r\n\r\n"));
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "connection: close\r\ncontent-length: 2\r\n\r\nok");
    assert_true(http1_finished(s.h));
    script_fini(&s);

    script_init(&s, ANSWER_AT_END, 1);
    script_feed(&s, SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                              "Expect: 100-continue\r\n\r\n"));
    assert_true(script_said(&s, "HTTP/1.1 413 Content Too Large\r\n"));
    assert_true(http1_finished(s.h));
    script_fini(&s);
}

static void an_early_answer_throws_the_body_away(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        bool stays;
    } rows[] = {
        {SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab" GET "\r\n"), true},
        {SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n"), true},
        {SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n"), false},
        {SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), false},
    };
    _Static_assert(HTTP1_DISCARD_MAX == 65536, "as in the rows");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script s;
        script_init(&s, ANSWER_AT_HEAD, 0);
        script_feed(&s, rows[i].bytes);
        assert_int_equal(http1_finished(s.h), !rows[i].stays);
        if (i == 0) assert_true(script_heard(&s, "POST / len=2\nGET /\n"));
        script_fini(&s);
    }
}

static void a_thrown_away_body_must_come_in_time(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_HEAD, 0);
    script_feed(&s, SLICE_LIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"));
    buf_clear(&s.out);
    script_tick(&s, HTTP1_BODY_US);
    assert_true(http1_finished(s.h));
    expect_said(&s, "");
    script_fini(&s);
}

static void a_bad_request_is_answered_once_and_closed(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_feed(&s, SLICE_LIT(GET "\r\nBAD\r\n\r\n" GET "\r\n"));
    expect_said(&s, "HTTP/1.1 200 OK\r\n" DATE "content-length: 2\r\n\r\nok"
                    "HTTP/1.1 400 Bad Request\r\n" DATE
                    "connection: close\r\ncontent-length: 2\r\n\r\nok");
    assert_true(http1_finished(s.h));
    script_fini(&s);
}

static void an_upgrade_hands_the_unread_bytes_over(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_LATER, 0);
    script_feed(&s, SLICE_LIT(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nframes"));
    assert_true(script_heard(&s, "GET / upgrade=websocket\nend\n"));
    struct http1_header headers[] = {{SLICE_LIT("upgrade"), SLICE_LIT("websocket")},
                                     {SLICE_LIT("connection"), SLICE_LIT("Upgrade")}};
    http1_send_response(
        s.h, &(struct http1_response){.status = 101, .headers = headers, .header_count = 2},
        s.now_us);
    expect_said(&s, "HTTP/1.1 101 Switching Protocols\r\n" DATE
                    "upgrade: websocket\r\nconnection: Upgrade\r\n\r\n");
    assert_true(slice_is(http1_rest(s.h), "frames"));
    assert_false(http1_finished(s.h));
    script_fini(&s);
}

static void an_upgrade_may_be_declined(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_LATER, 0);
    script_feed(&s, SLICE_LIT(GET "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" GET "\r\n"));
    script_answer(&s, 200);
    script_pull(&s);
    assert_true(script_heard(&s, "GET / upgrade=h2c\nend\nGET /\nend\n"));
    script_fini(&s);
}

static void every_status_we_use_has_a_text(void **state)
{
    (void)state;
    static const int used[] = {101, 200, 201, 202, 204, 207, 301, 302, 303, 304, 307, 400,
                               401, 403, 404, 405, 408, 409, 411, 412, 413, 414, 415, 416,
                               417, 426, 429, 431, 500, 501, 502, 503, 504, 505, 507};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        assert_string_not_equal(http1_status_text(used[i]), "Status");
    assert_string_equal(http1_status_text(299), "Status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_length_date_type_and_headers),
        cmocka_unit_test(some_answers_have_no_body),
        cmocka_unit_test(a_malformed_head_is_answered_without_body),
        cmocka_unit_test(who_wants_to_close_says_so),
        cmocka_unit_test(long_answers_go_in_chunks),
        cmocka_unit_test(an_old_client_gets_the_end_of_the_connection_instead_of_chunks),
        cmocka_unit_test(head_gets_no_chunks),
        cmocka_unit_test(a_client_that_waits_is_told_to_continue),
        cmocka_unit_test(a_refused_client_is_not_told_to_continue),
        cmocka_unit_test(an_early_answer_throws_the_body_away),
        cmocka_unit_test(a_thrown_away_body_must_come_in_time),
        cmocka_unit_test(a_bad_request_is_answered_once_and_closed),
        cmocka_unit_test(an_upgrade_hands_the_unread_bytes_over),
        cmocka_unit_test(an_upgrade_may_be_declined),
        cmocka_unit_test(every_status_we_use_has_a_text),
    };
    return cmocka_run_group_tests(tests, use_fixed_clock, NULL);
}
