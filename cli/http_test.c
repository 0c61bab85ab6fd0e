/* http_test.c - how long an answer may be, and how long it may take. */
#include "base/test.h"

#include "base/clock.h"
#include "cli/http.h"

static void an_answer_has_an_end(void **state)
{
    struct buf answer = {0};
    char bytes[] = "abcd";
    (void)state;
    buf_reserve(&answer, HTTP_ANSWER_MAX);
    buf_commit(&answer, HTTP_ANSWER_MAX - 4); /* what is in there does not matter */
    assert_int_equal(http_take(bytes, 1, 5, &answer), 0);
    assert_int_equal(http_take(bytes, 2, 2, &answer), 2);
    assert_int_equal(buf_size(&answer), HTTP_ANSWER_MAX);
    assert_int_equal(http_take(bytes, 1, 1, &answer), 0);
    assert_int_equal(buf_size(&answer), HTTP_ANSWER_MAX);
    buf_free(&answer);
}

static void an_answer_is_waited_for_as_long_as_somebody_has(void **state)
{
    int64_t now_us = clock_mono_us();
    (void)state;
    assert_int_equal(http_left_ms(now_us - 1), HTTP_WAIT_MS_MIN);
    assert_int_equal(http_left_ms(now_us + HTTP_WAIT_MS_MIN * 1000ll), HTTP_WAIT_MS_MIN);
    assert_in_range(http_left_ms(now_us + 50000000), HTTP_WAIT_MS_MIN, 50000);
    assert_int_equal(http_left_ms(INT64_MAX), HTTP_WAIT_S * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_an_end),
        cmocka_unit_test(an_answer_is_waited_for_as_long_as_somebody_has)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
