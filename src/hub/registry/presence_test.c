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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_looks_at_so_many_places),
        TEST(a_walk_sees_each_once),
        TEST(places_close_up_under_a_walk),
        TEST(numbers_only_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
