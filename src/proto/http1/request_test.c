/* request_test.c - bytes in, events out; and every shape that must be refused. */
#include "base/mem.h"
#include "proto/http1/script_test.h"

#define HOST  "Host: hub\r\n"
#define GET   "GET / HTTP/1.1\r\n" HOST
#define POST  "POST /p HTTP/1.1\r\n" HOST
#define CHUNK POST "Transfer-Encoding: chunked\r\n\r\n"

struct row {
    struct slice bytes;
    const char *heard;
};

/* Whole, byte by byte, and split at every position: the events are the same. */
static void expect_row(const struct row *row)
{
    for (size_t at = 0; at <= row->bytes.len; at++) {
        struct script s;
        script_init(&s, ANSWER_AT_END, 0);
        script_feed(&s, slice_head(row->bytes, at));
        script_feed(&s, slice_from(row->bytes, at));
        if (!script_heard(&s, row->heard))
            print_error("split at %zu of\n%.*s\n", at, SLICE_ARG(row->bytes));
        assert_true(slice_is(buf_slice(&s.log), row->heard));
        script_fini(&s);
    }
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    for (size_t i = 0; i < row->bytes.len; i++) script_feed(&s, slice_of(row->bytes.ptr + i, 1));
    assert_true(script_heard(&s, row->heard));
    script_fini(&s);
}

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) expect_row(&rows[i]);
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof *(rows))

static void requests_become_events(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(GET "\r\n"), "GET /\nend\n"},
        {SLICE_LIT("\r\n" GET "\r\n"), "GET /\nend\n"},
        {SLICE_LIT("GET /devices/a%20b?top=3&api-version=x HTTP/1.1\r\n" HOST "\r\n"),
         "GET /devices/a%20b ?top=3&api-version=x\nend\n"},
        {SLICE_LIT("GET /a#b?c HTTP/1.1\r\n" HOST "\r\n"), "GET /a#b ?c\nend\n"},
        {SLICE_LIT("GET http://hub:443/x?y HTTP/1.1\r\n" HOST "\r\n"), "GET /x ?y\nend\n"},
        {SLICE_LIT("GET http://hub HTTP/1.1\r\n" HOST "\r\n"), "GET /\nend\n"},
        {SLICE_LIT("GET http://hub?q HTTP/1.1\r\n" HOST "\r\n"), "GET / ?q\nend\n"},
        {SLICE_LIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "OPTIONS *\nend\n"},
        {SLICE_LIT(POST "Content-Length: 5\r\n\r\nhello"), "POST /p len=5\n[hello]\nend\n"},
        {SLICE_LIT(POST "Content-Length: 0\r\n\r\n"), "POST /p\nend\n"},
        {SLICE_LIT(CHUNK "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
         "POST /p chunked\n[abc0123456789]\nend\n"},
        {SLICE_LIT(CHUNK "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n" GET "\r\n"),
         "POST /p chunked\n[abc]\nend\nGET /\nend\n"},
        {SLICE_LIT(CHUNK "0\r\nConnection: close\r\n\r\n" GET "\r\n"),
         "POST /p chunked\nend\nGET /\nend\n"},
        {SLICE_LIT(POST "Transfer-Encoding: ChunKed\r\n\r\n0\r\n\r\n"), "POST /p chunked\nend\n"},
        {SLICE_LIT(GET "\r\n" POST "Content-Length: 1\r\n\r\nx" GET "\r\n"),
         "GET /\nend\nPOST /p len=1\n[x]\nend\nGET /\nend\n"},
        {SLICE_LIT(GET "Connection: close\r\n\r\n" GET "\r\n"), "GET / close\nend\n"},
        {SLICE_LIT(GET "Connection: close\t\r\n\r\n" GET "\r\n"), "GET / close\nend\n"},
        {SLICE_LIT(GET "Connection: x\r\nConnection: y , Close \t\r\n\r\n" GET "\r\n"),
         "GET / close\nend\n"},
        {SLICE_LIT(GET "Connection: closed\r\n\r\n" GET "\r\n"), "GET /\nend\nGET /\nend\n"},
        {SLICE_LIT("GET / HTTP/1.0\r\n\r\n" GET "\r\n"), "GET / close\nend\n"},
        {SLICE_LIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET "\r\n"),
         "GET /\nend\nGET /\nend\n"},
        {SLICE_LIT(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" GET "\r\n"),
         "GET / upgrade=websocket\nend\nGET /\nend\n"},
        {SLICE_LIT(GET "Upgrade: websocket\r\n\r\n"), "GET /\nend\n"},
        {SLICE_LIT(GET "Expect:\r\n\r\n"), "GET /\nend\n"},
    };
    EXPECT_ROWS(rows);
}

/* ---- shapes that two parsers could read differently ---- */

static void the_length_of_a_body_must_be_one_plain_number(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         "bad 400\n"},
        {SLICE_LIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
         "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: 3, 3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: +3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: -3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: 0x3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: 3 3\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length:\r\n\r\nabc"), "bad 400\n"},
        {SLICE_LIT(POST "Content-Length: 99999999999999999999\r\n\r\nabc"), "bad 400\n"},
    };
    EXPECT_ROWS(rows);
}

static void the_only_transfer_coding_is_chunked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(POST "Transfer-Encoding: identity\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(POST "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n0\r\n\r\n"),
         "bad 400\n"},
        {SLICE_LIT(POST
                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         "bad 400\n"},
        {SLICE_LIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "bad 400\n"},
    };
    EXPECT_ROWS(rows);
}

static void lines_end_with_cr_lf(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT("GET / HTTP/1.1\nHost: a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "\n"), "bad 400\n"},
        {SLICE_LIT("\n" GET "\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X: a\rb\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X: a\r\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT("GET / HTTP/1.1\rHost: a\r\n\r\n"), "bad 505\n"},
        {SLICE_LIT("\r" GET "\r\n"), "bad 400\n"},
        {SLICE_LIT("\r\r\n" GET "\r\n"), "bad 400\n"},
        {SLICE_LIT("\r\n" GET "\r\n"), "GET /\nend\n"},
    };
    EXPECT_ROWS(rows);
}

static void header_lines_are_not_folded_nor_odd(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(GET "X: a\r\n b\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X: a\r\n\tb\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X : a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X\t: a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET ": a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "Xfoo\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X: a\0b\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X: a\001b\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "X\xff: a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET / HTTP/1.1\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT(GET "Authorization: a\r\nauthorization: a\r\n\r\n"), "bad 400\n"},
        {SLICE_LIT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), "bad 400\n"},
    };
    EXPECT_ROWS(rows);
}

static void chunks_have_a_plain_size_and_a_proper_end(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(CHUNK "3\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "0x3\r\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "-3\r\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK " 3\r\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "3 \r\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "3;a=b\r\nabc\r\n0\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "fffffffffffffffff\r\nabc"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "3\r\nabcd\r\n0\r\n\r\n"), "POST /p chunked\n[abc]\nbad 400\n"},
        {SLICE_LIT(CHUNK "3\r\nabc\n0\r\n\r\n"), "POST /p chunked\n[abc]\nbad 400\n"},
        {SLICE_LIT(CHUNK "3\r\nabc\r\n0\r\n\n"), "POST /p chunked\n[abc]\nbad 400\n"},
        {SLICE_LIT(CHUNK "0\r\nX: y\nZ: a\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "0\r\nX: y\r\n z\r\n\r\n"), "POST /p chunked\nbad 400\n"},
        {SLICE_LIT(CHUNK "0\r\nTransfer-Encoding: chunked\r\n\r\n"), "POST /p chunked\nbad 400\n"},
    };
    EXPECT_ROWS(rows);
}

static void request_lines_have_one_form(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET /a\001 HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET /a\0 HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("GET a HTTP/1.1\r\n" HOST "\r\n"), "bad 400\n"},
        {SLICE_LIT("CONNECT hub:443 HTTP/1.1\r\n" HOST "\r\n"), "bad 501\n"},
        {SLICE_LIT("GET / HTTP/0.9\r\n" HOST "\r\n"), "bad 505\n"},
        {SLICE_LIT("GET /\r\n" HOST "\r\n"), "bad 505\n"},
        {SLICE_LIT("GET / HTTP/1.2\r\n" HOST "\r\n"), "bad 505\n"},
        {SLICE_LIT("GET / HTTP/2.0\r\n" HOST "\r\n"), "bad 505\n"},
        {SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "bad 505\n"},
        {SLICE_LIT("\x16\x03\x01\x02\x00\x01"), "bad 400\n"},
        {SLICE_LIT(GET "Expect: miracles\r\n\r\n"), "bad 417\n"},
    };
    EXPECT_ROWS(rows);
}

static void a_method_that_is_not_known_is_told_from_garbage(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT("FOO / HTTP/1.1\r\n" HOST "\r\n"), "bad 501\n"},
        {SLICE_LIT("\r\nFOO / HTTP/1.1\r\n" HOST "\r\n"), "bad 501\n"},
        {SLICE_LIT("get / HTTP/1.1\r\n" HOST "\r\n"), "bad 501\n"},
        {SLICE_LIT("GETS /a?b HTTP/1.0\r\n"), "bad 501\n"},
        {SLICE_LIT("GE * HTTP/2.0\r\n"), "bad 501\n"},
        {SLICE_LIT("!#$%&'*+-.^_`|~09azAZ http://hub/ HTTP/1.1\r\n"), "bad 501\n"},
        {SLICE_LIT("ANNOUNCE / HTTP/1.1\r\n" HOST "\r\n"), "bad 501\n"}, /* RTSP's */
        {SLICE_LIT(GET "\r\nFOO / HTTP/1.1\r\n"), "GET /\nend\nbad 501\n"},
        {SLICE_LIT("FOO\t/ HTTP/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("F(O / HTTP/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("F\0O / HTTP/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO  / HTTP/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO /\xc3 HTTP/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO /\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO / http/1.1\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO / HTTP/1.\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO / HTTP/1.10\r\n"), "bad 400\n"},
        {SLICE_LIT("FOO / HTTP/1.1\n"), "bad 400\n"},
        {SLICE_LIT("FOO / HTTP/1.1 \r\n"), "bad 400\n"},
        {SLICE_LIT("HTTP/1.1 200 OK\r\n"), "bad 400\n"},
        {SLICE_LIT("SSH-2.0-OpenSSH_9.2\r\n"), "bad 400\n"},
    };
    EXPECT_ROWS(rows);
}

static void header_values_are_trimmed_and_found_in_any_case(void **state)
{
    (void)state;
    struct http1_config config = {.out = &(struct buf){0}};
    struct http1 *h = http1_new(&config, 0);
    http1_feed(h, SLICE_LIT(GET "IoTHub-MessageId: \t m 1 \t \r\nX:\r\n\r\n"), 0);
    struct http1_event ev;
    assert_true(http1_next(h, &ev));
    assert_int_equal(ev.kind, HTTP1_HEAD);
    assert_int_equal(ev.request->header_count, 3);
    assert_true(slice_is(http1_header(ev.request, "iothub-messageid"), "m 1"));
    assert_true(slice_is(http1_header(ev.request, "x"), ""));
    assert_non_null(http1_header(ev.request, "x").ptr);
    assert_null(http1_header(ev.request, "y").ptr);
    http1_free(h);
}

/* ---- limits, at N and N + 1 ---- */

static void put_times(struct buf *b, char c, size_t count)
{
    memset(buf_reserve(b, count), c, count);
    buf_commit(b, count);
}

/* `met`: as http1_limits_met() says it. */
static void expect_heard(struct buf *bytes, const char *heard, unsigned met)
{
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_feed(&s, buf_slice(bytes));
    size_t first_line = slice_find(buf_slice(&s.log), '\n');
    const char *line = buf_cstr(&s.log) + (first_line > 100 ? first_line + 1 : 0);
    assert_string_equal(line, heard);
    assert_int_equal(http1_limits_met(s.h), met);
    assert_int_equal(http1_limits_met(s.h), 0);
    script_fini(&s);
    buf_free(bytes);
}

static void the_request_line_has_a_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, "GET /");
        put_times(&b, 'x', HTTP1_LINE_MAX - strlen("GET / HTTP/1.1") + over);
        buf_put_str(&b, " HTTP/1.1\r\n" HOST "\r\n");
        expect_heard(&b, over ? "bad 414\n" : "end\n", (unsigned)over << HTTP1_LIMIT_LINE);
    }
    for (size_t over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, "FOO /");
        put_times(&b, 'x', HTTP1_LINE_MAX - strlen("FOO / HTTP/1.1") + over);
        buf_put_str(&b, " HTTP/1.1\r\n");
        expect_heard(&b, over ? "bad 414\n" : "bad 501\n", (unsigned)over << HTTP1_LIMIT_LINE);
    }
}

static void the_number_of_header_lines_has_a_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, GET);
        for (size_t i = 1; i < HTTP1_HEADER_COUNT_MAX + over; i++) buf_printf(&b, "x%zu: y\r\n", i);
        buf_put_str(&b, "\r\n");
        expect_heard(&b, over ? "bad 431\n" : "GET /\nend\n",
                     (unsigned)over << HTTP1_LIMIT_HEADERS);
    }
}

static void the_header_lines_have_a_limit_together(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, GET "X: ");
        put_times(&b, 'v', HTTP1_HEADERS_MAX - strlen(HOST "X: \r\n") + over);
        buf_put_str(&b, "\r\n\r\n");
        expect_heard(&b, over ? "bad 431\n" : "GET /\nend\n",
                     (unsigned)over << HTTP1_LIMIT_HEADERS);
    }
}

static void blanks_before_a_value_count_too(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_put_str(&b, GET "X: ");
    put_times(&b, ' ', HTTP1_LINE_MAX + HTTP1_HEADERS_MAX);
    expect_heard(&b, "bad 431\n", 1u << HTTP1_LIMIT_HEADERS);
}

static void the_body_has_a_limit_with_and_without_a_length(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {SLICE_LIT(POST "Content-Length: 4\r\n\r\nabcd"), "POST /p len=4\n[abcd]\nend\n"},
        {SLICE_LIT(POST "Content-Length: 5\r\n\r\nabcde"), "POST /p len=5\nbad 413\n"},
        {SLICE_LIT(CHUNK "4\r\nabcd\r\n0\r\n\r\n"), "POST /p chunked\n[abcd]\nend\n"},
        {SLICE_LIT(CHUNK "5\r\nabcde\r\n0\r\n\r\n"), "POST /p chunked\nbad 413\n"},
        {SLICE_LIT(CHUNK "3\r\nabc\r\n2\r\nde\r\n"), "POST /p chunked\n[abc]\nbad 413\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script s;
        script_init(&s, ANSWER_AT_END, 4);
        script_feed(&s, rows[i].bytes);
        assert_true(script_heard(&s, rows[i].heard));
        bool over = strstr(rows[i].heard, "bad") != NULL;
        assert_int_equal(http1_limits_met(s.h), (unsigned)over << HTTP1_LIMIT_BODY);
        script_fini(&s);
    }
}

static void a_route_may_lower_the_limit_of_the_body(void **state)
{
    (void)state;
    for (uint64_t max = 4; max <= 5; max++) {
        struct buf out = {0};
        struct http1 *h = http1_new(&(struct http1_config){.out = &out}, 0);
        struct http1_event ev;
        http1_feed(h, SLICE_LIT(POST "Content-Length: 5\r\n\r\nabcde"), 0);
        assert_true(http1_next(h, &ev));
        http1_limit_body(h, max);
        assert_true(http1_next(h, &ev));
        assert_int_equal(ev.kind, max == 4 ? HTTP1_BAD : HTTP1_BODY);
        http1_free(h);
        buf_free(&out);
    }
}

static void framing_without_body_has_a_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, CHUNK);
        put_times(&b, '0', HTTP1_FRAMING_MAX - 4 + over);
        buf_put_str(&b, "\r\n\r\n");
        expect_heard(&b, over ? "POST /p chunked\nbad 400\n" : "POST /p chunked\nend\n",
                     (unsigned)over << HTTP1_LIMIT_FRAMING);
    }
}

/* ---- pipelining ---- */

static void requests_behind_an_unanswered_one_wait(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_LATER, 0);
    script_feed(&s, SLICE_LIT(POST "Content-Length: 2\r\n\r\nab" GET "\r\nGE"));
    assert_true(script_heard(&s, "POST /p len=2\n[ab]\nend\n"));
    assert_true(http1_wants_pause(s.h));
    script_feed(&s, SLICE_LIT("T /2 HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(http1_deadline(s.h), INT64_MAX);
    script_answer(&s, 200);
    assert_false(http1_awaits_answer(s.h));
    script_pull(&s);
    assert_true(script_heard(&s, "POST /p len=2\n[ab]\nend\nGET /\nend\n"));
    script_answer(&s, 404);
    script_pull(&s);
    script_answer(&s, 409);
    script_pull(&s);
    assert_true(script_heard(&s, "POST /p len=2\n[ab]\nend\nGET /\nend\nGET /2\nend\n"));
    const char *said = buf_cstr(&s.out);
    assert_true(strstr(said, "200 OK") < strstr(said, "404 Not Found"));
    assert_true(strstr(said, "404 Not Found") < strstr(said, "409 Conflict"));
    assert_false(http1_wants_pause(s.h) || http1_finished(s.h));
    script_fini(&s);
}

static void too_much_behind_an_unanswered_request_ends_the_connection(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct script s;
        script_init(&s, ANSWER_LATER, 0);
        script_feed(&s, SLICE_LIT(GET "\r\n"));
        struct buf b = {0};
        put_times(&b, 'G', HTTP1_AHEAD_MAX / 2);
        script_feed(&s, buf_slice(&b));
        put_times(&b, 'G', over);
        script_feed(&s, buf_slice(&b));
        script_answer(&s, 200);
        assert_int_equal(http1_finished(s.h), over);
        assert_int_equal(strstr(buf_cstr(&s.out), "connection: close") != NULL, over);
        assert_int_equal(http1_limits_met(s.h), (unsigned)over << HTTP1_LIMIT_AHEAD);
        buf_free(&b);
        script_fini(&s);
    }
}

static void a_caller_may_stop_pulling_and_go_on_later(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct script s;
        struct buf b = {0};
        struct http1_event ev;
        script_init(&s, ANSWER_AT_END, 0);
        buf_put_str(&b, POST "Content-Length: 1000000\r\n\r\n");
        put_times(&b, 'x', HTTP1_AHEAD_MAX + over);
        http1_feed(s.h, buf_slice(&b), s.now_us);
        assert_true(http1_next(s.h, &ev));
        http1_keep(s.h);
        buf_free(&b);
        assert_int_equal(http1_next(s.h, &ev), !over);
        if (!over) assert_int_equal(ev.data.len, HTTP1_AHEAD_MAX);
        assert_true(http1_awaits_answer(s.h));
        script_fini(&s);
    }
}

static void a_body_goes_on_after_a_stop_in_its_middle(void **state)
{
    (void)state;
    struct script s;
    struct http1_event ev;
    script_init(&s, ANSWER_AT_END, 0);
    http1_feed(s.h, SLICE_LIT(POST "Content-Length: 4\r\n\r\nab"), s.now_us);
    while (http1_next(s.h, &ev)) {
        script_event(&s, &ev);
        http1_keep(s.h);
    }
    script_feed(&s, SLICE_LIT("cd"));
    assert_true(script_heard(&s, "POST /p len=4\n[abcd]\nend\n"));
    script_fini(&s);
}

/* ---- time ---- */

static void an_idle_connection_is_hung_up(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_tick(&s, HTTP1_IDLE_US - 1);
    assert_true(script_heard(&s, ""));
    script_feed(&s, SLICE_LIT(GET "\r\n"));
    script_tick(&s, HTTP1_IDLE_US - 1);
    assert_false(http1_finished(s.h));
    script_tick(&s, 1);
    assert_true(script_heard(&s, "GET /\nend\nidle\n"));
    assert_true(http1_finished(s.h));
    assert_int_equal(http1_deadline(s.h), INT64_MAX);
    script_fini(&s);
}

static void a_head_that_drips_is_cut_off(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_feed(&s, SLICE_LIT("GET / HT"));
    script_tick(&s, HTTP1_HEAD_US - 1);
    script_feed(&s, SLICE_LIT("TP/1.1\r\nHost: h\r\n"));
    assert_true(script_heard(&s, ""));
    script_tick(&s, 1);
    assert_true(script_heard(&s, "bad 408\n"));
    assert_true(script_said(&s, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_true(http1_finished(s.h));
    script_feed(&s, SLICE_LIT("\r\n")); /* ignored */
    script_fini(&s);
}

static void a_body_must_make_progress(void **state)
{
    (void)state;
    uint8_t bytes[HTTP1_BODY_PROGRESS_MIN] = {0};
    struct script s;
    script_init(&s, ANSWER_AT_END, 0);
    script_feed(&s, SLICE_LIT(POST "Content-Length: 100000\r\n\r\n"));
    script_feed(&s, slice_of(bytes, sizeof bytes));
    script_tick(&s, HTTP1_BODY_US);
    assert_false(http1_finished(s.h));
    script_feed(&s, slice_of(bytes, sizeof bytes - 1));
    script_tick(&s, HTTP1_BODY_US);
    assert_true(http1_finished(s.h));
    assert_true(script_said(&s, "HTTP/1.1 408 "));
    script_fini(&s);
}

static void we_take_our_time_to_answer(void **state)
{
    (void)state;
    struct script s;
    script_init(&s, ANSWER_LATER, 0);
    script_feed(&s, SLICE_LIT(GET "\r\nGET /2"));
    script_tick(&s, 3600 * 1000000ll);
    script_answer(&s, 200);
    script_pull(&s);
    script_tick(&s, HTTP1_HEAD_US - 1);
    assert_true(script_heard(&s, "GET /\nend\n")); /* the second head's time began after that */
    script_tick(&s, 1);
    assert_true(script_heard(&s, "GET /\nend\nbad 408\n"));
    script_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_become_events),
        cmocka_unit_test(the_length_of_a_body_must_be_one_plain_number),
        cmocka_unit_test(the_only_transfer_coding_is_chunked),
        cmocka_unit_test(lines_end_with_cr_lf),
        cmocka_unit_test(header_lines_are_not_folded_nor_odd),
        cmocka_unit_test(chunks_have_a_plain_size_and_a_proper_end),
        cmocka_unit_test(request_lines_have_one_form),
        cmocka_unit_test(a_method_that_is_not_known_is_told_from_garbage),
        cmocka_unit_test(header_values_are_trimmed_and_found_in_any_case),
        cmocka_unit_test(the_request_line_has_a_limit),
        cmocka_unit_test(the_number_of_header_lines_has_a_limit),
        cmocka_unit_test(the_header_lines_have_a_limit_together),
        cmocka_unit_test(blanks_before_a_value_count_too),
        cmocka_unit_test(the_body_has_a_limit_with_and_without_a_length),
        cmocka_unit_test(a_route_may_lower_the_limit_of_the_body),
        cmocka_unit_test(framing_without_body_has_a_limit),
        cmocka_unit_test(requests_behind_an_unanswered_one_wait),
        cmocka_unit_test(too_much_behind_an_unanswered_request_ends_the_connection),
        cmocka_unit_test(a_caller_may_stop_pulling_and_go_on_later),
        cmocka_unit_test(a_body_goes_on_after_a_stop_in_its_middle),
        cmocka_unit_test(an_idle_connection_is_hung_up),
        cmocka_unit_test(a_head_that_drips_is_cut_off),
        cmocka_unit_test(a_body_must_make_progress),
        cmocka_unit_test(we_take_our_time_to_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
