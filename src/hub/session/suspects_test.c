/* suspects_test.c - how often an identity may fail before answers wait. */
#include "hub/session/suspects.h"

#include <stdio.h>

#include "base/limit.h"
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
    suspects_init(&s, NULL, NULL);
    assert_false(fail_often(&s, "d", SUSPECT_FAILURES_MAX, 0));
    assert_true(fail_often(&s, "d", 1, 0));
    assert_false(fail_often(&s, "e", 1, 0));
    suspects_fini(&s);
}

static void a_new_window_counts_anew(void **state)
{
    struct suspects s;
    (void)state;
    suspects_init(&s, NULL, NULL);
    assert_true(fail_often(&s, "d", 2 * SUSPECT_FAILURES_MAX, 0));
    assert_true(fail_often(&s, "d", 1, SUSPECT_WINDOW_US - 1));
    assert_false(fail_often(&s, "d", SUSPECT_FAILURES_MAX, SUSPECT_WINDOW_US));
    suspects_fini(&s);
}

static void beyond_the_table_the_one_that_failed_longest_ago_is_forgotten(void **state)
{
    struct suspects s;
    char who[16];
    int64_t met = limit_reached("login-identities");
    (void)state;
    suspects_init(&s, NULL, NULL);
    assert_true(fail_often(&s, "d", SUSPECT_FAILURES_MAX + 1, 0));
    for (unsigned i = 1; i < SUSPECTS_MAX; i++) {
        snprintf(who, sizeof who, "x%u", i);
        fail_often(&s, who, 1, 0);
    }
    assert_int_equal(s.strikes.by_key.count, SUSPECTS_MAX);
    assert_int_equal(limit_reached("login-identities"), met);
    fail_often(&s, "one more", 1, 0);
    assert_int_equal(limit_reached("login-identities") - met, 1);
    assert_int_equal(s.strikes.by_key.count, SUSPECTS_MAX);
    assert_false(fail_often(&s, "d", 1, 0));
    suspects_fini(&s);
}

/* ---- answers that wait */

static unsigned released;

static void count_release(struct held *one)
{
    assert_false(list_linked(&one->node));
    released++;
}

static void an_answer_waits_for_its_time(void **state)
{
    struct suspects s;
    struct timers timers;
    struct held first = {0}, second = {0};
    (void)state;
    released = 0;
    timers_init(&timers, 0);
    suspects_init(&s, &timers, count_release);
    suspects_hold(&s, &first, 0);
    suspects_hold(&s, &second, SUSPECT_HOLD_US / 2);
    timers_run(&timers, SUSPECT_HOLD_US - 1);
    assert_int_equal(released, 0);
    timers_run(&timers, SUSPECT_HOLD_US);
    assert_int_equal(released, 1);
    timers_run(&timers, 2 * SUSPECT_HOLD_US);
    assert_int_equal(released, 2);
    suspects_fini(&s);
}

static void beyond_the_limit_the_oldest_answer_is_given_early(void **state)
{
    static struct held many[SUSPECT_HELD_MAX + 1];
    struct suspects s;
    struct timers timers;
    (void)state;
    released = 0;
    timers_init(&timers, 0);
    suspects_init(&s, &timers, count_release);
    for (unsigned i = 0; i < SUSPECT_HELD_MAX; i++) suspects_hold(&s, &many[i], 0);
    assert_int_equal(released, 0);
    suspects_hold(&s, &many[SUSPECT_HELD_MAX], 0);
    assert_int_equal(released, 1);
    assert_false(list_linked(&many[0].node));
    while (suspects_take(&s)) continue;
    assert_int_equal(s.held_count, 0);
    suspects_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_answered_at_once_and_the_next_is_not),
        cmocka_unit_test(a_new_window_counts_anew),
        cmocka_unit_test(beyond_the_table_the_one_that_failed_longest_ago_is_forgotten),
        cmocka_unit_test(an_answer_waits_for_its_time),
        cmocka_unit_test(beyond_the_limit_the_oldest_answer_is_given_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
