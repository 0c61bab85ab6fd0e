/* damage_test.c - requests with their ends missing or a bit flipped: what came before is heard as it
 * was, and behind the first thing that is refused nothing is. */
#include "proto/http1/script_test.h"

/* Every framing of a body there is, with what depends on it behind. */
static const char conversation[] =
    "GET /devices/a%20b?api-version=2021-04-12 HTTP/1.1\r\nHost: hub\r\nAccept: */*\r\n\r\n"
    "PUT /devices/a HTTP/1.1\r\nHost: hub\r\nIf-Match: \"*\"\r\nContent-Length: 16\r\n\r\n"
    "{\"deviceId\":\"a\"}"
    "POST /p HTTP/1.1\r\nhost:hub\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    "GET http://hub/x HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    "DELETE /devices/a HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";

static void converse(struct script *s, struct slice bytes)
{
    script_init(s, ANSWER_AT_END, 0);
    script_feed(s, bytes);
}

/* The first request that is refused is the last thing that is heard. */
static void assert_bad_is_the_end(struct script *s)
{
    const char *log = buf_cstr(&s->log), *bad = strstr(log, "bad ");
    if (bad == NULL) return;
    assert_non_null(strchr(bad, '\n'));
    assert_string_equal(strchr(bad, '\n'), "\n");
    assert_true(http1_finished(s->h));
    assert_false(http1_awaits_answer(s->h));
}

static void assert_begins_as(struct script *s, struct script *whole)
{
    struct slice begin = buf_slice(&whole->log);
    assert_true(buf_size(&s->log) >= begin.len);
    assert_true(slice_eq(slice_head(buf_slice(&s->log), begin.len), begin));
}

static void a_truncation_anywhere_is_the_beginning_of_the_whole(void **state)
{
    (void)state;
    struct slice bytes = slice_str(conversation);
    struct script whole;
    converse(&whole, bytes);
    assert_true(http1_finished(whole.h));
    for (size_t len = 0; len < bytes.len; len++) {
        struct script s;
        converse(&s, slice_head(bytes, len));
        assert_begins_as(&whole, &s);
        assert_false(http1_finished(s.h));
        script_fini(&s);
    }
    script_fini(&whole);
}

static void a_flipped_bit_anywhere_harms_nothing_before_it(void **state)
{
    (void)state;
    uint8_t bytes[sizeof conversation - 1];
    memcpy(bytes, conversation, sizeof bytes);
    for (size_t at = 0; at < sizeof bytes; at++) {
        struct script before;
        converse(&before, slice_of(bytes, at));
        for (unsigned bit = 0; bit < 8; bit++) {
            struct script s;
            bytes[at] ^= (uint8_t)(1u << bit);
            converse(&s, slice_of(bytes, sizeof bytes));
            assert_begins_as(&s, &before);
            assert_bad_is_the_end(&s);
            bytes[at] ^= (uint8_t)(1u << bit);
            script_fini(&s);
        }
        script_fini(&before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncation_anywhere_is_the_beginning_of_the_whole),
        cmocka_unit_test(a_flipped_bit_anywhere_harms_nothing_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
