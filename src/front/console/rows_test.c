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
    assert_string_equal(told("[{\"a\":1},{\"a\":3}]", "", 99),
                        "[[1,{\"a\":3}]] 2"); /* it was away */
}

static void a_scan_that_was_cut_goes_on_until_the_round_is_over(void **state)
{
    (void)state;
    rows = (struct rows){0};
    assert_string_equal(told("[{\"a\":1}]", "on", 99), "[[0,{\"a\":1}]] 1+");
    assert_true(rows_goes_on(&rows));
    assert_string_equal(told("[]", "further", 99), "nothing");
    assert_string_equal(told("[{\"a\":2}]", "", 99), "[[1,{\"a\":2}]] 2");
    assert_false(rows_goes_on(&rows));
    /* the next round: what is not looked at again yet stays, and there is no more than was found */
    assert_string_equal(told("[{\"a\":1}]", "on", 99), "nothing");
    assert_string_equal(told("[{\"a\":3}]", "", 99), "[[1,{\"a\":3}]] 2");
    assert_string_equal(told("[]", "on", 99), "nothing");
    assert_string_equal(told("[{\"a\":1}]", "", 99), "[] 1");
    rows_close(&rows);
}

/* A part asks for no more rows than there is room for, and one more tells that there are. */
static void a_round_ends_with_as_many_rows_as_are_told(void **state)
{
    (void)state;
    for (unsigned over = 0; over <= 1; over++) {
        struct buf body = {0}, out = {0};
        rows = (struct rows){.before = 1, .count = 1, .told = true};
        buf_put_str(&body, "[{}");
        for (unsigned i = 2; i < LIVE_ROWS_MAX + over; i++) buf_put_str(&body, ",{}");
        buf_put_u8(&body, ']');
        struct query_answer a = {.body = buf_slice(&body), .next = SLICE_LIT("on")};
        assert_true(rows_put(&rows, &a, LIVE_BYTES_MAX, &out));
        assert_int_equal(rows.count, LIVE_ROWS_MAX);
        assert_int_equal(rows.more, over);
        assert_int_equal(rows_goes_on(&rows), !over); /* there may be one more */
        buf_free(&body);
        buf_free(&out);
        rows_close(&rows);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_told_and_nothing_else),
        cmocka_unit_test(what_does_not_fit_comes_next_but_one_row_always_fits),
        cmocka_unit_test(a_scan_that_was_cut_goes_on_until_the_round_is_over),
        cmocka_unit_test(a_round_ends_with_as_many_rows_as_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
