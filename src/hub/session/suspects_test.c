/* suspects_test.c - how often an identity may fail before answers wait. */
#include "hub/session/suspects.h"

#include <stdio.h>

#include "base/test.h"

static bool fail_often(struct suspects *s, const char *who, unsigned times, int64_t now_us)
{
    bool slow = false;
    for (unsigned i = 0; i < times; i++) slow = suspects_failed(s, slice_str(who), now_us);
    return slow;
}

static void the_limit_is_answered_at_once_and_the_next_is_not(void **state)
{
    struct suspects s;
    (void)state;
    suspects_init(&s);
    assert_false(fail_often(&s, "d", SUSPECT_FAILURES_MAX, 0));
    assert_true(fail_often(&s, "d", 1, 0));
    assert_false(fail_often(&s, "e", 1, 0));
    suspects_fini(&s);
}

static void a_new_window_counts_anew(void **state)
{
    struct suspects s;
    (void)state;
    suspects_init(&s);
    assert_true(fail_often(&s, "d", 2 * SUSPECT_FAILURES_MAX, 0));
    assert_true(fail_often(&s, "d", 1, SUSPECT_WINDOW_US - 1));
    assert_false(fail_often(&s, "d", SUSPECT_FAILURES_MAX, SUSPECT_WINDOW_US));
    suspects_fini(&s);
}

static void beyond_the_table_the_one_that_failed_longest_ago_is_forgotten(void **state)
{
    struct suspects s;
    char who[16];
    (void)state;
    suspects_init(&s);
    assert_true(fail_often(&s, "d", SUSPECT_FAILURES_MAX + 1, 0));
    for (unsigned i = 1; i < SUSPECTS_MAX; i++) {
        snprintf(who, sizeof who, "x%u", i);
        fail_often(&s, who, 1, 0);
    }
    assert_int_equal(s.by_who.count, SUSPECTS_MAX);
    fail_often(&s, "one more", 1, 0);
    assert_int_equal(s.by_who.count, SUSPECTS_MAX);
    assert_false(fail_often(&s, "d", 1, 0));
    suspects_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_answered_at_once_and_the_next_is_not),
        cmocka_unit_test(a_new_window_counts_anew),
        cmocka_unit_test(beyond_the_table_the_one_that_failed_longest_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
