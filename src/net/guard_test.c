/* guard_test.c - addresses that fail, and those that others stand behind. */
#include "net/guard.h"

#include <string.h>

#include "base/limit.h"
#include "base/test.h"

#define NOW_US (1000 * 1000000ll)

static struct guard_key address(uint32_t number)
{
    struct guard_key key = {{4}};
    memcpy(key.bytes + 4, &number, sizeof number);
    return key;
}

static void fail_often(struct guard *g, struct guard_key key, unsigned times)
{
    for (unsigned i = 0; i < times; i++) guard_failed(g, key, NOW_US);
}

static void the_limit_bars_until_the_window_ends(void **state)
{
    struct guard g;
    (void)state;
    guard_init(&g);
    fail_often(&g, address(1), GUARD_FAILURES_MAX - 1);
    assert_false(guard_bars(&g, address(1), NOW_US));
    fail_often(&g, address(1), 1);
    assert_true(guard_bars(&g, address(1), NOW_US));
    assert_true(guard_bars(&g, address(1), NOW_US + GUARD_WINDOW_US - 1));
    assert_false(guard_bars(&g, address(1), NOW_US + GUARD_WINDOW_US));
    assert_false(guard_bars(&g, address(2), NOW_US));
    guard_fini(&g);
}

static void a_new_window_counts_anew(void **state)
{
    struct guard g;
    (void)state;
    guard_init(&g);
    fail_often(&g, address(1), GUARD_FAILURES_MAX);
    guard_failed(&g, address(1), NOW_US + GUARD_WINDOW_US);
    assert_false(guard_bars(&g, address(1), NOW_US + GUARD_WINDOW_US));
    guard_fini(&g);
}

/* One of many devices behind an address has a wrong key, before or after the others came. */
static void an_address_that_has_proved_itself_is_not_barred(void **state)
{
    struct guard g;
    (void)state;
    guard_init(&g);
    (void)guard_proved(&g, address(1), NOW_US);
    fail_often(&g, address(1), 100 * GUARD_FAILURES_MAX);
    assert_false(guard_bars(&g, address(1), NOW_US));
    fail_often(&g, address(2), GUARD_FAILURES_MAX);
    assert_true(guard_bars(&g, address(2), NOW_US));
    (void)guard_proved(&g, address(2), NOW_US); /* by a connection that was open already */
    assert_false(guard_bars(&g, address(2), NOW_US));
    guard_fini(&g);
}

static void trust_ends_after_its_time(void **state)
{
    struct guard g;
    int64_t later_us = NOW_US + GUARD_TRUST_US;
    (void)state;
    guard_init(&g);
    (void)guard_proved(&g, address(1), NOW_US);
    for (unsigned i = 0; i < GUARD_FAILURES_MAX; i++) guard_failed(&g, address(1), later_us - 1);
    assert_false(guard_bars(&g, address(1), later_us - 1));
    assert_true(guard_bars(&g, address(1), later_us));
    guard_fini(&g);
}

static void beyond_the_table_the_oldest_is_forgotten(void **state)
{
    struct guard g;
    (void)state;
    int64_t met = limit_reached("login-addresses");
    guard_init(&g);
    fail_often(&g, address(0), GUARD_FAILURES_MAX);
    for (uint32_t i = 1; i < GUARD_ADDRESSES_MAX; i++) guard_failed(&g, address(i), NOW_US);
    assert_true(guard_bars(&g, address(0), NOW_US));
    assert_int_equal(limit_reached("login-addresses"), met);
    guard_failed(&g, address(GUARD_ADDRESSES_MAX), NOW_US);
    assert_int_equal(limit_reached("login-addresses") - met, 1);
    assert_int_equal(g.failures.by_key.count, GUARD_ADDRESSES_MAX);
    assert_false(guard_bars(&g, address(0), NOW_US));
    guard_fini(&g);
}

static void no_failures_of_others_make_a_proof_go(void **state)
{
    struct guard g;
    (void)state;
    guard_init(&g);
    (void)guard_proved(&g, address(0), NOW_US);
    for (uint32_t i = 1; i <= 2 * GUARD_ADDRESSES_MAX; i++) guard_failed(&g, address(i), NOW_US);
    fail_often(&g, address(0), GUARD_FAILURES_MAX);
    assert_false(guard_bars(&g, address(0), NOW_US));
    guard_fini(&g);
}

static void beyond_the_table_of_proofs_the_oldest_is_forgotten(void **state)
{
    struct guard g;
    int64_t met = limit_reached("login-proofs");
    (void)state;
    guard_init(&g);
    for (uint32_t i = 0; i < GUARD_PROOFS_MAX; i++)
        assert_true(guard_proved(&g, address(i), NOW_US));
    assert_int_equal(limit_reached("login-proofs"), met);
    assert_true(guard_proved(&g, address(GUARD_PROOFS_MAX), NOW_US));
    assert_int_equal(limit_reached("login-proofs") - met, 1);
    fail_often(&g, address(0), GUARD_FAILURES_MAX);
    fail_often(&g, address(1), GUARD_FAILURES_MAX);
    assert_true(guard_bars(&g, address(0), NOW_US));
    assert_false(guard_bars(&g, address(1), NOW_US));
    guard_fini(&g);
}

/* So that a core does not tell the others of each login. */
static void a_proof_is_news_once_a_minute(void **state)
{
    struct guard g;
    (void)state;
    guard_init(&g);
    assert_true(guard_proved(&g, address(1), NOW_US));
    assert_false(guard_proved(&g, address(1), NOW_US + GUARD_PROOF_US - 1));
    assert_true(guard_proved(&g, address(1), NOW_US + GUARD_PROOF_US));
    guard_fini(&g);
}

static void who_has_no_address_is_never_barred(void **state)
{
    struct guard g;
    struct guard_key none = {{0}};
    (void)state;
    guard_init(&g);
    fail_often(&g, none, 2 * GUARD_FAILURES_MAX);
    assert_false(guard_bars(&g, none, NOW_US));
    guard_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_bars_until_the_window_ends),
        cmocka_unit_test(a_new_window_counts_anew),
        cmocka_unit_test(an_address_that_has_proved_itself_is_not_barred),
        cmocka_unit_test(trust_ends_after_its_time),
        cmocka_unit_test(beyond_the_table_the_oldest_is_forgotten),
        cmocka_unit_test(no_failures_of_others_make_a_proof_go),
        cmocka_unit_test(beyond_the_table_of_proofs_the_oldest_is_forgotten),
        cmocka_unit_test(a_proof_is_news_once_a_minute),
        cmocka_unit_test(who_has_no_address_is_never_barred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
