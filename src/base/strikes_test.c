/* strikes_test.c - windows, the key that is forgotten, and when it last went well. */
#include "base/strikes.h"

#include "base/limit.h"
#include "base/test.h"

enum { KEYS_MAX = 2, WINDOW_US = 1000, NOW_US = 5000 };

#define A SLICE_LIT("a")
#define B SLICE_LIT("b")
#define C SLICE_LIT("c")

LIMIT_REACHED(too_many, "strikes-test")

static struct strikes strikes;

static int set_up(void **state)
{
    (void)state;
    strikes_init(&strikes, KEYS_MAX, WINDOW_US, &too_many);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    strikes_fini(&strikes);
    return 0;
}

static void a_window_begins_with_the_first_and_is_over_at_its_end(void **state)
{
    (void)state;
    assert_int_equal(strikes_add(&strikes, A, NOW_US), 1);
    assert_int_equal(strikes_add(&strikes, A, NOW_US + WINDOW_US - 1), 2);
    const struct strike *one = strikes_find(&strikes, A);
    assert_int_equal(strikes_count(&strikes, one, NOW_US + WINDOW_US - 1), 2);
    assert_int_equal(strikes_count(&strikes, one, NOW_US + WINDOW_US), 0);
    assert_int_equal(strikes_add(&strikes, A, NOW_US + WINDOW_US), 1);
    assert_null(strikes_find(&strikes, B));
}

static void beyond_the_limit_the_key_unheard_of_for_longest_is_forgotten(void **state)
{
    (void)state;
    int64_t before = limit_reached("strikes-test");
    strikes_note(&strikes, A);
    strikes_note(&strikes, B);
    strikes_note(&strikes, A);
    assert_int_equal(limit_reached("strikes-test") - before, 0);
    strikes_note(&strikes, C);
    assert_int_equal(limit_reached("strikes-test") - before, 1);
    assert_null(strikes_find(&strikes, B));
    assert_non_null(strikes_find(&strikes, A));
    assert_non_null(strikes_find(&strikes, C));
}

static void a_key_is_proved_until_the_time_is_over(void **state)
{
    (void)state;
    assert_false(strike_is_proved(NULL, WINDOW_US, NOW_US));
    struct strike *one = strikes_note(&strikes, A);
    assert_false(strike_is_proved(one, INT64_MAX, NOW_US));
    strikes_add(&strikes, A, NOW_US);
    assert_false(strike_is_proved(one, INT64_MAX, NOW_US));
    one->proved_us = NOW_US;
    assert_true(strike_is_proved(one, WINDOW_US, NOW_US));
    assert_true(strike_is_proved(one, WINDOW_US, NOW_US + WINDOW_US - 1));
    assert_false(strike_is_proved(one, WINDOW_US, NOW_US + WINDOW_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_window_begins_with_the_first_and_is_over_at_its_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            beyond_the_limit_the_key_unheard_of_for_longest_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_proved_until_the_time_is_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
