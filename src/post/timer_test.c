/* timer_test.c - the wheel against a plain list of due times. */
#include "base/test.h"

#include "post/timer.h"

static struct timers wheel;
static int64_t fired_at[2000];

struct probe {
    struct timer timer;
    int index;
};

static void on_fire(struct timer *t, int64_t now_us)
{
    struct probe *p = CONTAINER_OF(t, struct probe, timer);
    assert_int_equal(fired_at[p->index], 0);
    fired_at[p->index] = now_us;
}

static void each_timer_fires_once_within_a_tick_of_its_time(void **state)
{
    (void)state;
    static struct probe probes[2000];
    int64_t now = 123456789;
    timers_init(&wheel, now);
    srand(7);
    for (int i = 0; i < 2000; i++) {
        fired_at[i] = 0;
        probes[i].index = i;
        timer_init(&probes[i].timer, on_fire);
        int64_t span = (int64_t)1 << (rand() % 36);
        timer_set(&wheel, &probes[i].timer, now + 1 + rand() % span);
    }
    int64_t next;
    while ((next = timers_next(&wheel)) != INT64_MAX) {
        assert_true(next > now - TIMER_TICK_US);
        now = next;
        timers_run(&wheel, now);
    }
    for (int i = 0; i < 2000; i++) {
        assert_true(fired_at[i] >= probes[i].timer.due_us);
        assert_true(fired_at[i] <= probes[i].timer.due_us + (int64_t)2 * TIMER_TICK_US);
    }
}

static void a_stopped_timer_stays_silent_and_a_moved_one_fires_late(void **state)
{
    (void)state;
    struct probe stopped = {.index = 0}, moved = {.index = 1};
    fired_at[0] = fired_at[1] = 0;
    timers_init(&wheel, 0);
    timer_init(&stopped.timer, on_fire);
    timer_init(&moved.timer, on_fire);
    timer_set(&wheel, &stopped.timer, 5000);
    timer_set(&wheel, &moved.timer, 5000);
    timer_stop(&stopped.timer);
    timer_set(&wheel, &moved.timer, 900000);
    timers_run(&wheel, 800000);
    assert_int_equal(fired_at[1], 0);
    timers_run(&wheel, 900000);
    assert_int_equal(fired_at[0], 0);
    assert_int_equal(fired_at[1], 900000);
}

static void a_long_jump_fires_everything_due(void **state)
{
    (void)state;
    struct probe p = {.index = 0};
    fired_at[0] = 0;
    timers_init(&wheel, 0);
    timer_init(&p.timer, on_fire);
    timer_set(&wheel, &p.timer, 3600 * 1000000ll);
    timers_run(&wheel, 7200 * 1000000ll);
    assert_true(fired_at[0] != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_timer_fires_once_within_a_tick_of_its_time),
        cmocka_unit_test(a_stopped_timer_stays_silent_and_a_moved_one_fires_late),
        cmocka_unit_test(a_long_jump_fires_everything_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
