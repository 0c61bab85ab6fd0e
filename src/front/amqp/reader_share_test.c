/* reader_share_test.c - readers beside other work, on a clock that the test sets. */
#include "front/amqp/reader_share.h"

#include "base/test.h"

#include "base/clock.h"

static int64_t now_us = 1000 * INT64_C(1000);

static int64_t mono_us(void)
{
    return now_us;
}

/* ---- readers that want to send for so long, some time between two looks at the clock */

enum { READERS = 3, STEP_US = 10 };

struct wish {
    struct list waiting;
    int64_t wants_us, had_us;
    int turns;
};

static struct office office;
static struct lane lane;
static struct reader_share share;
static struct wish wishes[READERS];

static void serve(struct wish *w)
{
    w->turns++;
    while (w->had_us < w->wants_us && reader_share_left(&share)) {
        now_us += STEP_US;
        w->had_us += STEP_US;
    }
    reader_share_end(&share);
    if (w->had_us < w->wants_us) reader_share_wait(&share, &w->waiting);
}

static void go_on(struct list *waiting)
{
    serve(CONTAINER_OF(waiting, struct wish, waiting));
}

static void wish_for(struct wish *w, int64_t wants_us)
{
    *w = (struct wish){.wants_us = wants_us};
    list_init(&w->waiting);
    if (reader_share_begin(&share, &w->waiting)) serve(w);
}

/* The end of the turn in which the wishes were made. */
static void begin_turn(void)
{
    share.hook.fn(&share.hook, now_us);
}

/* A turn in which all else takes so long. */
static void turn(int64_t others_us)
{
    now_us += others_us;
    lane_run_once(&lane, now_us);
}

static int begin(void **state)
{
    static const struct clock_source clock = {mono_us, mono_us};
    (void)state;
    clock_use(&clock);
    memset(&office, 0, sizeof office);
    lane_init(&lane, &office, "test");
    lane_running = &lane;
    reader_share_init(&share, &lane, go_on);
    return 0;
}

static int end(void **state)
{
    (void)state;
    reader_share_fini(&share);
    lane_fini(&lane);
    lane_running = NULL;
    clock_use(NULL);
    return 0;
}

/* ---- tests */

static void alone_a_reader_has_all_time_in_short_turns(void **state)
{
    (void)state;
    wish_for(&wishes[0], (int64_t)2 * READER_TURN_US + STEP_US);
    assert_int_equal(wishes[0].had_us, READER_TURN_US);
    for (int i = 0; i < 3; i++) turn(READER_ALONE_US - 1);
    assert_int_equal(wishes[0].had_us, (int64_t)2 * READER_TURN_US + STEP_US);
    assert_true(list_empty(&share.waiting));
}

static void one_microsecond_more_of_others_and_it_is_not_alone(void **state)
{
    (void)state;
    turn(READER_ALONE_US - 1);
    assert_int_equal(share.may_us, READER_TURN_US);
    turn(READER_ALONE_US);
    assert_int_equal(share.may_us, READER_ALONE_US / READER_NTH);
}

static void beside_others_readers_have_a_tenth_but_never_a_long_turn(void **state)
{
    (void)state;
    turn(900);
    assert_int_equal(share.may_us, 100);
    turn((int64_t)READER_NTH * READER_TURN_US);
    assert_int_equal(share.may_us, READER_TURN_US);
    turn((int64_t)READER_NTH * (READER_TURN_US + 1));
    assert_int_equal(share.may_us, READER_TURN_US);
}

/* Twice what readers took is theirs: ciphers and the kernel come later. */
static void what_readers_cost_later_is_not_others_work(void **state)
{
    (void)state;
    wish_for(&wishes[0], 100);
    turn(100 + READER_ALONE_US - 1);
    assert_int_equal(share.may_us, READER_TURN_US);
}

static void who_waits_is_served_in_turn(void **state)
{
    (void)state;
    for (int i = 0; i < READERS; i++) wish_for(&wishes[i], (int64_t)3 * READER_TURN_US);
    assert_int_equal(wishes[1].turns + wishes[2].turns, 0);
    begin_turn();
    for (int turns = 1; turns < 3 * READERS; turns++) {
        turn(0);
        for (int i = 0; i < READERS;
             i++) /* one each, but for the first one, who had one before all others queued */
            assert_in_range(wishes[i].turns, turns / READERS, turns / READERS + 2);
    }
    for (int i = 0; i < READERS; i++)
        assert_int_equal(wishes[i].had_us, (int64_t)3 * READER_TURN_US);
}

static void one_at_least_goes_on_beside_endless_work(void **state)
{
    (void)state;
    share.may_us = 0;
    for (int i = 0; i < READERS; i++) wish_for(&wishes[i], 0);
    for (int i = 0; i < READERS; i++) {
        share.may_us = 0;
        turn(0);
        share.may_us = 0;
        assert_int_equal(wishes[i].turns, 1);
        assert_int_equal(i + 1 < READERS && wishes[i + 1].turns, 0);
    }
}

static void who_leaves_is_not_called(void **state)
{
    (void)state;
    for (int i = 0; i < READERS; i++) wish_for(&wishes[i], (int64_t)2 * READER_TURN_US);
    for (int i = 0; i < READERS; i++) list_remove(&wishes[i].waiting);
    turn(0);
    assert_int_equal(wishes[0].turns, 1);
    assert_int_equal(wishes[1].turns + wishes[2].turns, 0);
    assert_false(lane_has_mail(&lane));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alone_a_reader_has_all_time_in_short_turns, begin, end),
        cmocka_unit_test_setup_teardown(one_microsecond_more_of_others_and_it_is_not_alone, begin,
                                        end),
        cmocka_unit_test_setup_teardown(beside_others_readers_have_a_tenth_but_never_a_long_turn,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_readers_cost_later_is_not_others_work, begin, end),
        cmocka_unit_test_setup_teardown(who_waits_is_served_in_turn, begin, end),
        cmocka_unit_test_setup_teardown(one_at_least_goes_on_beside_endless_work, begin, end),
        cmocka_unit_test_setup_teardown(who_leaves_is_not_called, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
