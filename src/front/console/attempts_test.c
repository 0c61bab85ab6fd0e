/* attempts_test.c - sign-ins under way: who is driven out by whom. */
#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "base/limit.h"
#include "front/console/attempts.h"

static struct attempts table;

static int begin_anew(void **state)
{
    (void)state;
    memset(&table, 0, sizeof table);
    return 0;
}

static struct attempt begin(const char *peer, int64_t at_us)
{
    return *attempts_begin(&table, peer, "http://hub/console/signed-in", at_us);
}

static bool take(const struct attempt *a, int64_t at_us)
{
    struct attempt taken;
    bool good =
        attempts_take(&table, slice_str(a->state.text), slice_str(a->browser.text), at_us, &taken);
    if (good) assert_string_equal(taken.nonce.text, a->nonce.text);
    return good;
}

static void it_counts_once_in_its_browser_and_for_a_while(void **state)
{
    (void)state;
    struct attempt a = begin("10.0.0.1:1", 0), b = begin("10.0.0.1:2", 0), mixed = a;
    mixed.browser = b.browser;
    assert_false(take(&mixed, 1));
    assert_false(take(&a, 1)); /* it is used up */
    assert_true(take(&b, ATTEMPT_US - 1));
    b = begin("10.0.0.1:2", 0);
    assert_false(take(&b, ATTEMPT_US));
    assert_false(take(&(struct attempt){0}, 1));
}

static void an_address_has_so_many_and_drives_out_its_own_oldest(void **state)
{
    (void)state;
    struct attempt many[ATTEMPTS_ADDRESS_MAX + 1], other = begin("10.0.0.2:1", 0);
    int64_t reached = limit_reached("oidc-attempts-of-address");
    char peer[32];
    for (int i = 0; i <= ATTEMPTS_ADDRESS_MAX; i++) {
        assert_int_equal(limit_reached("oidc-attempts-of-address"), reached);
        snprintf(peer, sizeof peer, "10.0.0.1:%d", i);
        many[i] = begin(peer, 1 + i);
    }
    assert_int_equal(limit_reached("oidc-attempts-of-address"), reached + 1);
    assert_false(take(&many[0], 100));
    for (int i = 1; i <= ATTEMPTS_ADDRESS_MAX; i++) assert_true(take(&many[i], 100));
    assert_true(take(&other, 100));
}

/* Four addresses take all that there is; who came alone before them stays. */
static void when_all_are_taken_the_address_with_most_makes_room(void **state)
{
    (void)state;
    struct attempt alone = begin("10.0.1.1:1", 0), first = {0};
    int64_t reached = limit_reached("oidc-attempts");
    char peer[32];
    for (int i = 0; i < ATTEMPTS_MAX - 1; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%d:1", i / ATTEMPTS_ADDRESS_MAX);
        struct attempt a = begin(peer, 1 + i);
        if (i == 0) first = a;
    }
    assert_int_equal(limit_reached("oidc-attempts"), reached);
    struct attempt more = begin("10.0.1.2:1", 100);
    assert_int_equal(limit_reached("oidc-attempts"), reached + 1);
    assert_false(take(&first, 101));
    assert_true(take(&alone, 101));
    assert_true(take(&more, 101));
}

/* What is too old makes room before anything else. */
static void what_is_too_old_is_not_counted(void **state)
{
    (void)state;
    int64_t reached = limit_reached("oidc-attempts-of-address");
    for (int i = 0; i < ATTEMPTS_ADDRESS_MAX; i++) begin("10.0.0.1:1", 0);
    begin("10.0.0.1:1", ATTEMPT_US);
    assert_int_equal(limit_reached("oidc-attempts-of-address"), reached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_counts_once_in_its_browser_and_for_a_while, begin_anew),
        cmocka_unit_test_setup(an_address_has_so_many_and_drives_out_its_own_oldest, begin_anew),
        cmocka_unit_test_setup(when_all_are_taken_the_address_with_most_makes_room, begin_anew),
        cmocka_unit_test_setup(what_is_too_old_is_not_counted, begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
