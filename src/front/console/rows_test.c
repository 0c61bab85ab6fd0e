/* rows_test.c - which rows of an answer are told. */
#include "base/test.h"

#include "front/console/rows.h"

static struct rows rows;

/* What is told of this answer, or "nothing". */
static const char *told(const char *body, const char *next, size_t room)
{
    static char text[512];
    struct buf out = {0};
    struct query_answer a = {.body = slice_str(body), .next = slice_str(next)};
    if (rows_put(&rows, &a, room, &out))
        snprintf(text, sizeof text, "%s %u%s", buf_cstr(&out), rows.count, rows.more ? "+" : "");
    else
        snprintf(text, sizeof text, "nothing");
    buf_free(&out);
    return text;
}

static void what_changed_is_told_and_nothing_else(void **state)
{
    (void)state;
    rows = (struct rows){0};
    assert_string_equal(told("[]", "", 99), "[] 0");
    assert_string_equal(told("[]", "", 99), "nothing");
    assert_string_equal(told("[{\"a\":1},{\"a\":2}]", "", 99), "[[0,{\"a\":1}],[1,{\"a\":2}]] 2");
    assert_string_equal(told("[{\"a\":1},{\"a\":2}]", "", 99), "nothing");
    assert_string_equal(told("[{\"a\":1},{\"a\":3}]", "", 99), "[[1,{\"a\":3}]] 2");
    assert_string_equal(told("[{\"a\":1}]", "", 99), "[] 1");
    assert_string_equal(told("[{\"a\":1}]", "on", 99), "[] 1+");
    assert_string_equal(told("[{\"a\":1},{\"a\":3}]", "", 99),
                        "[[1,{\"a\":3}]] 2"); /* it was away */
}

static void what_does_not_fit_comes_next_but_one_row_always_fits(void **state)
{
    (void)state;
    rows = (struct rows){0};
    assert_string_equal(told("[{\"a\":1},{\"a\":2},{\"a\":3}]", "", 18),
                        "[[0,{\"a\":1}],[1,{\"a\":2}]] 3");
    assert_string_equal(told("[{\"a\":1},{\"a\":2},{\"a\":3}]", "", 18), "[[2,{\"a\":3}]] 3");
    assert_string_equal(told("[{\"a\":4},{\"a\":5},{\"a\":3}]", "", 1), "[[0,{\"a\":4}]] 3");
    assert_string_equal(told("[{\"a\":4},{\"a\":5},{\"a\":3}]", "", 1), "[[1,{\"a\":5}]] 3");
    assert_string_equal(told("[{\"a\":4},{\"a\":5},{\"a\":3}]", "", 1), "nothing");
}

static void a_query_has_a_share_of_the_time(void **state)
{
    (void)state;
    rows = (struct rows){.took_us = LIVE_QUERY_US / LIVE_QUERY_SHARE};
    assert_int_equal(rows_pause_us(&rows), LIVE_QUERY_US);
    rows.took_us++;
    assert_int_equal(rows_pause_us(&rows), LIVE_QUERY_US + LIVE_QUERY_SHARE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_told_and_nothing_else),
        cmocka_unit_test(what_does_not_fit_comes_next_but_one_row_always_fits),
        cmocka_unit_test(a_query_has_a_share_of_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
