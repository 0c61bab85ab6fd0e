/* post_test.c - mailboxes, slots, threads. */
#include "base/test.h"

#include "base/clock.h"
#include "post/hold.h"
#include "post/thread.h"

enum { PING = POST_TEST, PONG };

struct counter {
    int seen;
    uint64_t last_call;
    atomic_int done;
};

static void on_ping(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx;
    post_reply(lane, m, msg_new(PONG, 0));
}

static void on_pong(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct counter *c = ctx;
    assert_int_equal(m->call, c->last_call + 1);
    c->last_call = m->call;
    c->seen++;
}

static void messages_arrive_in_order_and_replies_carry_the_call(void **state)
{
    (void)state;
    struct office office = {0};
    static struct lane a, b;
    struct counter c = {0};
    lane_init(&a, &office, "a");
    lane_init(&b, &office, "b");
    lane_on(&b, PING, on_ping, NULL);
    lane_on(&a, PONG, on_pong, &c);
    for (uint64_t i = 1; i <= 100; i++) {
        struct msg *m = msg_new(PING, 0);
        m->call = i;
        post(&a, lane_addr(&a), lane_addr(&b), m);
    }
    lane_run_once(&b, 0);
    lane_run_once(&a, 0);
    assert_int_equal(c.seen, 100);
    lane_fini(&a);
    lane_fini(&b);
}

static void count_wake(struct lane *lane)
{
    ++*(unsigned *)lane->wake_ctx;
}

static void held_wakes_come_once_for_each_lane_behind_the_last_message(void **state)
{
    static struct lane lanes[LANES_MAX];
    struct office office = {0};
    unsigned wakes[LANES_MAX] = {0};
    const unsigned targets[] = {1, LANES_MAX - 1, 1, 1, LANES_MAX - 1};
    (void)state;
    for (unsigned i = 0; i < LANES_MAX; i++) {
        lane_init(&lanes[i], &office, "lane");
        lanes[i].wake = count_wake;
        lanes[i].wake_ctx = &wakes[i];
    }
    post_hold();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        post(&lanes[0], lane_addr(&lanes[0]), lane_addr(&lanes[targets[i]]), msg_new(PING, 0));
    for (unsigned i = 0; i < LANES_MAX; i++) assert_int_equal(wakes[i], 0);
    post_release(&office);
    for (unsigned i = 0; i < LANES_MAX; i++)
        assert_int_equal(wakes[i], i == 1 || i == LANES_MAX - 1);
    post(&lanes[0], lane_addr(&lanes[0]), lane_addr(&lanes[2]), msg_new(PING, 0));
    assert_int_equal(wakes[2], 1);
    for (unsigned i = 0; i < LANES_MAX; i++) lane_fini(&lanes[i]);
}

static void a_slot_of_an_earlier_life_is_not_found(void **state)
{
    (void)state;
    struct office office = {0};
    static struct lane a;
    int x, y;
    lane_init(&a, &office, "a");
    struct addr first = slot_new(&a, &x);
    assert_ptr_equal(slot_get(&a, first), &x);
    slot_free(&a, first);
    assert_null(slot_get(&a, first));
    struct addr second = slot_new(&a, &y);
    assert_int_equal(second.slot, first.slot);
    assert_null(slot_get(&a, first));
    assert_ptr_equal(slot_get(&a, second), &y);
    assert_null(slot_get(&a, lane_addr(&a)));
    lane_fini(&a);
}

static void slots_grow_and_stay_distinct(void **state)
{
    (void)state;
    struct office office = {0};
    static struct lane a;
    static int things[1000];
    struct addr at[1000];
    lane_init(&a, &office, "a");
    for (int i = 0; i < 1000; i++) at[i] = slot_new(&a, &things[i]);
    for (int i = 0; i < 1000; i++) assert_ptr_equal(slot_get(&a, at[i]), &things[i]);
    lane_fini(&a);
}

static void on_count(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    (void)m;
    struct counter *c = ctx;
    if (++c->seen == 100000) atomic_store(&c->done, 1);
}

static void a_thread_takes_all_mail_before_it_stops(void **state)
{
    (void)state;
    struct office office = {0};
    static struct lane here, there;
    struct counter c = {0};
    lane_init(&here, &office, "here");
    lane_init(&there, &office, "there");
    lane_on(&there, PING, on_count, &c);
    struct lane_thread *t = lane_thread_start(&there);
    for (int i = 0; i < 100000; i++)
        post(&here, lane_addr(&here), lane_addr(&there), msg_new(PING, 8));
    lane_thread_stop(t);
    assert_int_equal(c.seen, 100000);
    assert_int_equal(atomic_load(&c.done), 1);
    lane_fini(&here);
    lane_fini(&there);
}

static void on_keep_and_free(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct counter *c = ctx;
    msg_keep(m);
    c->seen++;
    msg_free(m);
}

static void a_handler_may_keep_a_message_and_free_it_at_once(void **state)
{
    (void)state;
    struct office office = {0};
    static struct lane a;
    struct counter c = {0};
    lane_init(&a, &office, "a");
    lane_on(&a, PING, on_keep_and_free, &c);
    for (int i = 0; i < 2; i++) post(&a, lane_addr(&a), lane_addr(&a), msg_new(PING, 8));
    lane_run_once(&a, 0);
    assert_int_equal(c.seen, 2);
    lane_fini(&a);
}

static void a_message_can_be_built_in_a_buf(void **state)
{
    (void)state;
    struct buf b = {0};
    msg_buf_begin(&b);
    buf_put_str(&b, "hello");
    struct msg *m = msg_buf_end(&b, PING);
    assert_int_equal(m->kind, PING);
    assert_true(slice_is(msg_body(m), "hello"));
    assert_null(b.ptr);
    msg_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_in_order_and_replies_carry_the_call),
        cmocka_unit_test(held_wakes_come_once_for_each_lane_behind_the_last_message),
        cmocka_unit_test(a_slot_of_an_earlier_life_is_not_found),
        cmocka_unit_test(slots_grow_and_stay_distinct),
        cmocka_unit_test(a_thread_takes_all_mail_before_it_stops),
        cmocka_unit_test(a_handler_may_keep_a_message_and_free_it_at_once),
        cmocka_unit_test(a_message_can_be_built_in_a_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
