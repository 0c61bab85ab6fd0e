/* session_test.c - sessions, links and failures, with a clock of the test's. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "front/console/session.h"

static struct session_table *table;
static int64_t now_us;

static int open_table(void **state)
{
    (void)state;
    table = NEW(struct session_table);
    console_sessions_init(table);
    now_us = 1000000;
    return 0;
}

static int close_table(void **state)
{
    (void)state;
    console_sessions_fini(table);
    free(table);
    return 0;
}

static struct slice id_of(const struct session_secret *s)
{
    return slice_str(s->text);
}

static struct console_session *begin(const char *name, unsigned rights, int64_t at_us)
{
    struct console_session as = {.rights = rights};
    snprintf(as.name, sizeof as.name, "%s", name);
    return console_session_begin(table, &as, at_us);
}

static void a_session_is_found_by_its_secret_and_no_other(void **state)
{
    (void)state;
    struct console_session *s = begin("service", AUTH_SERVICE_CONNECT, now_us);
    assert_int_equal(strlen(s->id.text), SESSION_SECRET_LEN);
    assert_string_not_equal(s->id.text, s->csrf.text);
    assert_ptr_equal(console_session_find(table, id_of(&s->id), now_us), s);
    assert_null(console_session_find(table, id_of(&s->csrf), now_us));
    assert_null(console_session_find(table, SLICE_NONE, now_us));
    assert_null(console_session_find(table, SLICE_LIT(""), now_us));
    assert_ptr_equal(console_session_numbered(table, s->number, now_us), s);
    assert_null(console_session_numbered(table, s->number + 1, now_us));
}

static void sessions_of_one_person_are_akin_and_no_others(void **state)
{
    (void)state;
    static const struct policy p = {.name = "service"}, same = {.name = "service"},
                               q = {.name = "device"};
    const struct console_session rows[] = {{.user = 7},
                                           {.user = 7},
                                           {.policy = &p},
                                           {.policy = &same},
                                           {.subject = {1, 2}},
                                           {.subject = {1, 2}},
                                           {.user = 8},
                                           {.policy = &q},
                                           {.subject = {1, 3}},
                                           {.name = "one-time link"},
                                           {.name = "one-time link"}};
    const size_t count = sizeof rows / sizeof *rows, pairs = 3;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            assert_int_equal(console_session_is_akin(&rows[i], &rows[k]),
                             k == i + 1 && i % 2 == 0 && i < 2 * pairs);
}

static void an_unused_session_ends_and_a_used_one_lives_on_for_a_week(void **state)
{
    (void)state;
    struct console_session *s = begin("a", 0, now_us);
    struct session_secret id = s->id;
    assert_non_null(console_session_find(table, id_of(&id), now_us + SESSION_IDLE_US - 1));
    int64_t end_us = now_us + SESSION_LIFE_US;
    for (int64_t t = now_us; t < end_us; t += SESSION_IDLE_US / 2)
        assert_non_null(console_session_find(table, id_of(&id), t));
    assert_null(console_session_find(table, id_of(&id), end_us));
    s = begin("b", 0, now_us);
    id = s->id;
    assert_null(console_session_numbered(table, s->number, now_us + SESSION_IDLE_US));
    assert_null(console_session_find(table, id_of(&id), now_us + SESSION_IDLE_US));
}

static void who_signs_out_is_out(void **state)
{
    (void)state;
    struct console_session *s = begin("a", 0, now_us);
    struct session_secret id = s->id;
    console_session_end(table, s);
    assert_null(console_session_find(table, id_of(&id), now_us));
}

static void one_more_than_there_is_room_for_ends_the_one_unused_longest(void **state)
{
    (void)state;
    struct session_secret ids[SESSIONS_MAX];
    for (size_t i = 0; i < SESSIONS_MAX; i++) ids[i] = begin("a", 0, now_us + (int64_t)i)->id;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (i != 1) assert_non_null(console_session_find(table, id_of(&ids[i]), now_us + 1000));
    assert_non_null(begin("one more", 0, now_us + 1001));
    assert_null(console_session_find(table, id_of(&ids[1]), now_us + 1002));
    assert_non_null(console_session_find(table, id_of(&ids[0]), now_us + 1002));
}

static void a_link_opens_once_and_not_for_ever(void **state)
{
    (void)state;
    struct session_secret link = *console_link_make(table, now_us);
    assert_false(console_link_take(table, SLICE_LIT("no"), now_us));
    assert_true(console_link_take(table, id_of(&link), now_us + SESSION_LINK_US - 1));
    assert_false(console_link_take(table, id_of(&link), now_us + SESSION_LINK_US - 1));
    link = *console_link_make(table, now_us);
    assert_false(console_link_take(table, id_of(&link), now_us + SESSION_LINK_US));
}

static void the_oldest_link_makes_room(void **state)
{
    (void)state;
    struct session_secret links[SESSION_LINKS_MAX + 1];
    for (size_t i = 0; i <= SESSION_LINKS_MAX; i++)
        links[i] = *console_link_make(table, now_us + (int64_t)i);
    assert_false(console_link_take(table, id_of(&links[0]), now_us + 100));
    for (size_t i = 1; i <= SESSION_LINKS_MAX; i++)
        assert_true(console_link_take(table, id_of(&links[i]), now_us + 100));
}

static void too_many_failures_of_an_address_shut_it_out_for_a_minute(void **state)
{
    (void)state;
    for (int i = 0; i < SESSION_FAILURES_MAX; i++) {
        assert_true(console_may_try(table, "10.0.0.1:1000", SLICE_NONE, now_us));
        console_failed(table, "10.0.0.1:1001", SLICE_NONE, now_us);
    }
    assert_false(console_may_try(table, "10.0.0.1:1002", SLICE_NONE, now_us));
    assert_true(console_may_try(table, "10.0.0.2:1002", SLICE_NONE, now_us));
    assert_false(
        console_may_try(table, "10.0.0.1:9", SLICE_NONE, now_us + SESSION_FAILURES_US - 1));
    assert_true(console_may_try(table, "10.0.0.1:9", SLICE_NONE, now_us + SESSION_FAILURES_US));
}

/* A machine has all addresses of its /64. */
static void addresses_of_one_network_fail_together(void **state)
{
    (void)state;
    char peer[64];
    for (int i = 0; i < SESSION_FAILURES_MAX; i++) {
        snprintf(peer, sizeof peer, "[2001:db8:0:1::%x]:1000", i + 1);
        assert_true(console_may_try(table, peer, SLICE_NONE, now_us));
        console_failed(table, peer, SLICE_NONE, now_us);
    }
    assert_false(console_may_try(table, "[2001:db8:0:1:ffff::1]:1", SLICE_NONE, now_us));
    assert_true(console_may_try(table, "[2001:db8:0:2::1]:1", SLICE_NONE, now_us));
}

static void the_address_that_failed_first_makes_room(void **state)
{
    (void)state;
    char peer[32];
    int64_t met = limit_reached("sign-in-addresses");
    for (int i = 0; i <= SESSION_ADDRESSES_MAX; i++) {
        assert_int_equal(limit_reached("sign-in-addresses"), met);
        snprintf(peer, sizeof peer, "10.0.0.%d:1", i);
        for (int k = 0; k < SESSION_FAILURES_MAX; k++)
            console_failed(table, peer, SLICE_NONE, now_us + i);
    }
    assert_int_equal(limit_reached("sign-in-addresses") - met, 1);
    assert_true(console_may_try(table, "10.0.0.0:1", SLICE_NONE, now_us + 100));
    assert_false(console_may_try(table, "10.0.0.1:1", SLICE_NONE, now_us + 100));
    assert_false(console_may_try(table, peer, SLICE_NONE, now_us + 100));
}

/* From many addresses; those who have signed in from theirs may go on. */
static void too_many_failures_of_a_name_shut_out_who_has_not_signed_in_there(void **state)
{
    (void)state;
    char peer[32];
    struct slice maria = SLICE_LIT("maria");
    console_proved(table, "10.0.1.1:1", now_us);
    for (int i = 0; i < SESSION_NAME_FAILURES_MAX; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%d:1", i);
        assert_true(console_may_try(table, peer, maria, now_us));
        console_failed(table, peer, maria, now_us);
    }
    assert_false(console_may_try(table, "10.0.2.1:1", maria, now_us));
    assert_true(console_may_try(table, "10.0.2.1:1", SLICE_LIT("otto"), now_us));
    assert_true(console_may_try(table, "10.0.2.1:1", SLICE_NONE, now_us));
    assert_true(console_may_try(table, "10.0.1.1:2", maria, now_us));
    assert_true(console_may_try(table, "10.0.2.1:1", maria, now_us + SESSION_FAILURES_US));
    for (int i = 0; i < SESSION_FAILURES_MAX; i++)
        console_failed(table, "10.0.1.1:3", SLICE_NONE, now_us);
    assert_false(console_may_try(table, "10.0.1.1:2", maria, now_us));
}

static void fail_in_the_name_of(struct slice user)
{
    char peer[32];
    for (int i = 0; i < SESSION_NAME_FAILURES_MAX; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%d:1", i);
        console_failed(table, peer, user, now_us);
    }
}

static void no_failures_of_others_make_a_proof_go(void **state)
{
    (void)state;
    char peer[32];
    struct slice maria = SLICE_LIT("maria");
    console_proved(table, "10.0.1.1:1", now_us);
    for (int i = 0; i <= SESSION_ADDRESSES_MAX; i++) {
        snprintf(peer, sizeof peer, "10.0.2.%d:1", i);
        console_failed(table, peer, SLICE_NONE, now_us);
    }
    fail_in_the_name_of(maria);
    assert_true(console_may_try(table, "10.0.1.1:2", maria, now_us + SESSION_FAILURES_US - 1));
    assert_false(console_may_try(table, "10.0.3.1:1", maria, now_us));
}

static void prove_as_many_as_there_is_room_for(void)
{
    char peer[32];
    for (int i = 0; i < SESSION_PROOFS_MAX; i++) {
        snprintf(peer, sizeof peer, "10.1.%d.%d:1", i / 256, i % 256);
        console_proved(table, peer, now_us);
    }
}

static void the_address_unheard_of_for_longest_makes_room_among_the_proofs(void **state)
{
    (void)state;
    struct slice maria = SLICE_LIT("maria");
    int64_t met = limit_reached("sign-in-proofs");
    prove_as_many_as_there_is_room_for();
    fail_in_the_name_of(maria);
    assert_int_equal(limit_reached("sign-in-proofs"), met);
    assert_true(console_may_try(table, "10.1.0.0:2", maria, now_us));
    console_proved(table, "10.2.0.0:1", now_us);
    assert_int_equal(limit_reached("sign-in-proofs") - met, 1);
    assert_false(console_may_try(table, "10.1.0.0:2", maria, now_us));
    assert_true(console_may_try(table, "10.1.0.1:2", maria, now_us));
    assert_true(console_may_try(table, "10.2.0.0:2", maria, now_us));
}

/* Whoever makes names up has few tries from each address. */
static void the_name_that_failed_first_makes_room(void **state)
{
    (void)state;
    char name[16];
    int64_t met = limit_reached("sign-in-names");
    for (int k = 0; k < SESSION_NAME_FAILURES_MAX; k++)
        console_failed(table, "10.0.0.1:1", SLICE_LIT("maria"), now_us);
    for (int i = 1; i < SESSION_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "x%d", i);
        console_failed(table, "10.0.0.1:1", slice_str(name), now_us);
    }
    assert_int_equal(limit_reached("sign-in-names"), met);
    assert_false(console_may_try(table, "10.0.2.1:1", SLICE_LIT("maria"), now_us));
    console_failed(table, "10.0.0.1:1", SLICE_LIT("one more"), now_us);
    assert_int_equal(limit_reached("sign-in-names") - met, 1);
    assert_true(console_may_try(table, "10.0.2.1:1", SLICE_LIT("maria"), now_us));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_table, close_table)

static bool is_named_good(const void *ctx, const struct console_session *s)
{
    return strcmp(s->name, ctx) == 0;
}

static void a_session_ends_with_what_it_rests_on(void **state)
{
    (void)state;
    struct session_secret good = begin("good", 0, now_us)->id, bad = begin("bad", 0, now_us)->id;
    uint64_t number = table->last_number;
    assert_non_null(console_session_numbered(table, number, now_us));
    table->stands = is_named_good;
    table->stands_ctx = "good";
    assert_null(console_session_numbered(table, number, now_us));
    assert_null(console_session_find(table, id_of(&bad), now_us));
    assert_non_null(console_session_find(table, id_of(&good), now_us));
    table->stands = NULL;
    assert_null(console_session_find(table, id_of(&bad), now_us)); /* it does not come back */
}

static void a_session_is_rebased_from_the_edition_that_it_stands_on(void **state)
{
    (void)state;
    struct console_session *s = begin("user ann", 1, now_us), *other = begin("user ann", 1, now_us);
    s->user = other->user = 7;
    console_session_rebase(table, s->number, 6, 8, 2);
    assert_int_equal(s->user, 7);
    assert_int_equal(s->rights, 1);
    console_session_rebase(table, s->number, 7, 8, 2);
    assert_int_equal(s->user, 8);
    assert_int_equal(s->rights, 2);
    assert_int_equal(other->user, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_ends_with_what_it_rests_on),
        TEST(a_session_is_found_by_its_secret_and_no_other),
        TEST(sessions_of_one_person_are_akin_and_no_others),
        TEST(an_unused_session_ends_and_a_used_one_lives_on_for_a_week),
        TEST(a_session_is_rebased_from_the_edition_that_it_stands_on),
        TEST(who_signs_out_is_out),
        TEST(one_more_than_there_is_room_for_ends_the_one_unused_longest),
        TEST(a_link_opens_once_and_not_for_ever),
        TEST(the_oldest_link_makes_room),
        TEST(too_many_failures_of_an_address_shut_it_out_for_a_minute),
        TEST(addresses_of_one_network_fail_together),
        TEST(the_address_that_failed_first_makes_room),
        TEST(the_name_that_failed_first_makes_room),
        TEST(too_many_failures_of_a_name_shut_out_who_has_not_signed_in_there),
        TEST(no_failures_of_others_make_a_proof_go),
        TEST(the_address_unheard_of_for_longest_makes_room_among_the_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
