/* presence_test.c - the order of those who are known: in steps, over holes, from where a walk stood. */
#include "base/test.h"

#include <stdio.h>

#include "hub/registry/presence.h"

enum { SEEN_MAX = 8 };

static struct presences p;

static int set_up(void **state)
{
    (void)state;
    presences_init(&p);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    presences_fini(&p);
    return 0;
}

static struct slice name_of(unsigned i, const char *module)
{
    static char who[32];
    snprintf(who, sizeof who, "d%05u%s", i, module);
    return slice_str(who);
}

static void come(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        presence_set_connected(&p, name_of(i, ""), true, (int64_t)i);
}

/* How many more it sees, each greater than the one before. */
static unsigned walk_on(struct presence_walk *w)
{
    struct presence_seen seen[SEEN_MAX];
    unsigned all = 0, count;
    bool more = true;
    for (uint64_t last = w->after; more; all += count) {
        more = presences_walk(&p, w, seen, SEEN_MAX, &count);
        for (unsigned i = 0; i < count; last = seen[i++].number) assert_true(seen[i].number > last);
    }
    return all;
}

static void a_step_looks_at_so_many_places(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct presence_walk w = {.of_modules = true};
        struct presence_seen seen[SEEN_MAX];
        unsigned count;
        come(PRESENCE_STEPS_MAX + over);
        assert_int_equal(presences_walk(&p, &w, seen, SEEN_MAX, &count), over);
        assert_int_equal(count, 0);
        assert_false(presences_walk(&p, &w, seen, SEEN_MAX, &count));
    }
}

static void a_walk_sees_each_once(void **state)
{
    (void)state;
    struct presence_walk devices = {0}, modules = {.of_modules = true}, here = {.connected = true};
    come(100);
    presence_set_connected(&p, name_of(7, "/m"), true, 0);
    presence_set_connected(&p, name_of(8, ""), false, 0);
    assert_int_equal(walk_on(&devices), 100);
    assert_int_equal(walk_on(&modules), 1);
    assert_int_equal(walk_on(&here), 99);
    come(101);
    assert_int_equal(walk_on(&devices), 1);
}

static void places_close_up_under_a_walk(void **state)
{
    (void)state;
    struct presence_walk w = {0};
    struct presence_seen seen[SEEN_MAX];
    unsigned count;
    come(200);
    assert_true(presences_walk(&p, &w, seen, SEEN_MAX, &count));
    assert_int_equal(count, SEEN_MAX);
    for (unsigned i = 0; i < 200; i++)
        if (i % 4) presence_forget(&p, name_of(i, ""));
    assert_true(p.place_count < 200);
    assert_true(p.holes <= p.place_count / 2);
    assert_int_equal(p.place_count - p.holes, 50);
    assert_int_equal(walk_on(&w), 50 - SEEN_MAX / 4);
    assert_true(presence_of(&p, name_of(196, "")).connected);
    presence_forget(&p, name_of(196, ""));
    assert_int_equal(walk_on(&(struct presence_walk){0}), 49);
}

/* A server whose clock was set back, or that starts again, gives no number twice. */
static void numbers_only_grow(void **state)
{
    (void)state;
    struct presence_walk w = {0};
    presence_set_connected(&p, name_of(1, ""), true, 1000000);
    assert_int_equal(walk_on(&w), 1);
    assert_int_equal(w.after, 1000000);
    presence_set_connected(&p, name_of(2, ""), true, 5);
    assert_int_equal(walk_on(&w), 1);
    assert_int_equal(w.after, 1000001);
}

enum { BEGIN_S = 1000000, HOUR_S = 3600 };

static int64_t late_after_s(void)
{
    const struct presence now = presence_of(&p, SLICE_LIT("d"));
    return (presence_expected_us(&now) - now.active_us) / 1000000;
}

static void be_active(int64_t at_s)
{
    presence_set_active(&p, SLICE_LIT("d"), at_s * 1000000);
}

static void who_comes_by_the_hour_is_late_after_three(void **state)
{
    (void)state;
    int64_t now_s = BEGIN_S;
    const struct presence nobody = {0};
    assert_int_equal(presence_expected_us(&nobody), 0);
    be_active(now_s);
    assert_int_equal(late_after_s(), RHYTHM_LATE_UNKNOWN);
    for (int i = 0; i < 5;
         i++) { /* each visit is a connection of ten seconds, and a message in it */
        now_s += HOUR_S;
        presence_set_connected(&p, SLICE_LIT("d"), true, now_s * 1000000);
        be_active(now_s + 5);
        presence_set_connected(&p, SLICE_LIT("d"), false, (now_s + 10) * 1000000);
    }
    assert_in_range(late_after_s(), RHYTHM_LATE * (HOUR_S - 15), RHYTHM_LATE * HOUR_S);
}

static void what_is_nearer_than_a_visit_is_no_interval(void **state)
{
    (void)state;
    be_active(BEGIN_S);
    be_active(BEGIN_S + RHYTHM_GAP_MIN - 1);
    assert_int_equal(late_after_s(), RHYTHM_LATE_UNKNOWN);
    be_active(BEGIN_S + 2 * RHYTHM_GAP_MIN - 1);
    assert_int_equal(late_after_s(), RHYTHM_LATE_MIN); /* three times 30 s were sooner */
}

static void who_is_heard_of_all_the_time_has_a_rhythm_too(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) be_active(BEGIN_S + 20 * i);
    assert_int_equal(late_after_s(), RHYTHM_LATE_MIN);
}

static void one_long_pause_counts_as_four_intervals(void **state)
{
    (void)state;
    be_active(BEGIN_S);
    be_active(BEGIN_S + 100);
    assert_int_equal(late_after_s(), RHYTHM_LATE * 100);
    be_active(BEGIN_S + 100 + 7 * 86400);
    assert_int_equal(late_after_s(), RHYTHM_LATE * 175); /* 100 + (400 - 100) / 4 */
    presence_forget(&p, SLICE_LIT("d"));
    be_active(BEGIN_S);
    be_active(BEGIN_S + RHYTHM_GAP_MAX);
    assert_int_equal(late_after_s(), (int64_t)RHYTHM_LATE * RHYTHM_GAP_MAX);
    be_active(BEGIN_S + 3 * (int64_t)RHYTHM_GAP_MAX);
    assert_int_equal(late_after_s(), (int64_t)RHYTHM_LATE * RHYTHM_GAP_MAX);
    presence_forget(&p, SLICE_LIT("d"));
    be_active(BEGIN_S);
    be_active(BEGIN_S + RHYTHM_GAP_MAX + 1);
    assert_int_equal(late_after_s(), (int64_t)RHYTHM_LATE * RHYTHM_GAP_MAX);
}

/* A clock that was set back is no interval either. */
static void a_rhythm_survives_a_clock_that_is_set_back(void **state)
{
    (void)state;
    be_active(BEGIN_S);
    be_active(BEGIN_S + 100);
    be_active(BEGIN_S - 5000);
    assert_int_equal(late_after_s(), RHYTHM_LATE * 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_looks_at_so_many_places),
        TEST(a_walk_sees_each_once),
        TEST(places_close_up_under_a_walk),
        TEST(numbers_only_grow),
        TEST(who_comes_by_the_hour_is_late_after_three),
        TEST(what_is_nearer_than_a_visit_is_no_interval),
        TEST(who_is_heard_of_all_the_time_has_a_rhythm_too),
        TEST(one_long_pause_counts_as_four_intervals),
        TEST(a_rhythm_survives_a_clock_that_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
