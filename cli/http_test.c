/* http_test.c - how long an answer may be. */
#include "base/test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_answer_has_an_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
