/* quota_test.c - the messages of a day: what they are, how many, midnight, and what is kept. */
#include "store/rig.h"

#include "hub/throttle/throttle.h"

#define DAY_US (24 * 3600 * 1000000ll)

static void tiers_have_so_many_messages_of_so_many_bytes(void **state)
{
    (void)state;
    static const struct {
        enum throttle_tier tier;
        unsigned units;
        uint64_t messages;
        uint32_t meter;
    } rows[] = {{THROTTLE_F1, 1, 8000, 512},        {THROTTLE_B1, 2, 800000, 4096},
                {THROTTLE_S1, 1, 400000, 4096},     {THROTTLE_B2, 1, 6000000, 4096},
                {THROTTLE_S2, 3, 18000000, 4096},   {THROTTLE_B3, 1, 300000000, 4096},
                {THROTTLE_S3, 10, 3000000000, 4096}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct throttle_config c;
        throttle_of_tier(rows[i].tier, rows[i].units, &c);
        assert_true(c.quota.messages == rows[i].messages);
        assert_int_equal(c.quota.meter, rows[i].meter);
        struct quota *q = quota_new(&c.quota);
        assert_int_equal(quota_messages(q, 0), 1);
        assert_int_equal(quota_messages(q, rows[i].meter), 1);
        assert_int_equal(quota_messages(q, rows[i].meter + 1), 2);
        quota_free(q);
    }
    struct throttle_config c;
    throttle_of_tier(THROTTLE_OFF, 1, &c);
    assert_null(quota_new(&c.quota));
    assert_true(quota_take(NULL, 1 << 20));
}

static void a_quota_is_one_of_a_day_or_none(void **state)
{
    (void)state;
    struct throttle_config c;
    throttle_of_tier(THROTTLE_F1, 1, &c);
    assert_int_equal(throttle_override(&c, SLICE_LIT("Quota=7/d")), OK);
    assert_int_equal(c.quota.messages, 7);
    assert_int_equal(c.quota.meter, QUOTA_METER_FREE);
    assert_int_equal(throttle_override(&c, SLICE_LIT("quota=7/h")), ERR_INVALID);
    assert_int_equal(throttle_override(&c, SLICE_LIT("quota=0/d")), ERR_INVALID);
    assert_int_equal(throttle_override(&c, SLICE_LIT("quota=off")), OK);
    assert_int_equal(c.quota.messages, 0);
    c = (struct throttle_config){0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("quota=1073741824/d")), OK);
    assert_int_equal(c.quota.meter, QUOTA_METER);
    assert_int_equal(throttle_override(&c, SLICE_LIT("quota=1073741825/d")), ERR_INVALID);
}

/* The work is done: it counts, and what is asked for next is refused. */
static void what_was_answered_counts_although_nothing_is_left(void **state)
{
    (void)state;
    struct quota *q = quota_new(&(struct quota_config){2, QUOTA_METER});
    assert_true(quota_take(q, QUOTA_METER));
    quota_count_read(q, QUOTA_METER); /* the request's one is enough */
    assert_int_equal(quota_used(q, clock_wall_us()), 1);
    quota_count_read(q, QUOTA_METER + 1);
    assert_int_equal(quota_used(q, clock_wall_us()), 2);
    quota_count_answer(q, 0);
    quota_count_answer(q, QUOTA_METER + 1);
    assert_int_equal(quota_used(q, clock_wall_us()), 5);
    assert_false(quota_take_messages(q, 0));
    quota_count_read(NULL, 1 << 20);
    quota_count_answer(NULL, 1 << 20);
    quota_free(q);
}

static void so_many_are_taken_until_midnight_and_not_one_more(void **state)
{
    (void)state;
    struct quota *q = quota_new(&(struct quota_config){10, QUOTA_METER});
    int64_t noon = 20000 * DAY_US + DAY_US / 2, last = 20001 * DAY_US - 1;
    assert_true(quota_take_from(q, 9, noon));
    assert_false(quota_take_from(q, 2, noon)); /* whole or not at all */
    assert_true(quota_take_from(q, 0, noon));
    assert_true(quota_take_from(q, 1, noon)); /* N */
    assert_false(quota_take_from(q, 1, noon));
    assert_false(quota_take_from(q, 0, last));
    assert_int_equal(quota_used(q, last), 10);
    assert_int_equal(quota_used(q, last + 1), 0);
    assert_true(quota_take_from(q, 1, last + 1));
    assert_true(quota_take_from(q, 1, last)); /* the clock went back: the later day goes on */
    assert_int_equal(quota_used(q, last + 1), 2);
    quota_free(q);
}

/* ---- restarts */

static struct rig rig;
static struct quota *quota;

static void start(void)
{
    quota = quota_new(&(struct quota_config){10, QUOTA_METER});
    assert_int_equal(quota_open(quota, rig.store, rig.cores[0]), OK);
}

/* As a crash does it: what has not come to the disk is gone. */
static void crash(void)
{
    struct quota *old = quota;
    rig_restart(&rig);
    start();
    quota_free(old);
}

static void stop_and_start(void)
{
    quota_close(quota);
    quota_free(quota);
    rig_restart(&rig);
    start();
}

static void what_was_taken_survives(void **state)
{
    (void)state;
    rig_init(&rig, io_mem_new());
    start();
    assert_true(quota_take_messages(quota, 3));
    rig_pass(&rig, QUOTA_KEEP_US);
    assert_int_equal(rig_metric("azimuth_daily_message_quota_used"), 3);
    assert_int_equal(rig_metric("azimuth_daily_message_quota"), 10);
    assert_true(quota_take_messages(quota, 1)); /* in the last second before the crash */
    crash();
    assert_int_equal(quota_used(quota, rig_wall()), 3);
    assert_true(quota_take_messages(quota, 6));
    stop_and_start();
    assert_int_equal(quota_used(quota, rig_wall()), 9);
    assert_true(quota_take_messages(quota, 1));
    assert_false(quota_take_messages(quota, 1));
    rig_pass(&rig, DAY_US);
    assert_int_equal(rig_metric("azimuth_daily_message_quota_used"), 0);
    assert_true(quota_take_messages(quota, 1));
    stop_and_start();
    assert_int_equal(quota_used(quota, rig_wall()), 1);
    quota_close(quota);
    quota_free(quota);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers_have_so_many_messages_of_so_many_bytes),
        cmocka_unit_test(a_quota_is_one_of_a_day_or_none),
        cmocka_unit_test(what_was_answered_counts_although_nothing_is_left),
        cmocka_unit_test(so_many_are_taken_until_midnight_and_not_one_more),
        cmocka_unit_test(what_was_taken_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
