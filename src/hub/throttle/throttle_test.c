/* throttle_test.c - N and N + 1 for each class, waiting and refusing, tiers and overrides, threads. */
#include "base/test.h"

#include <pthread.h>

#include "base/metrics.h"
#include "hub/throttle/throttle.h"

enum { SECOND_US = 1000000 };

static const enum throttle_operation any_of[THROTTLE_CLASSES] = {
    [THROTTLES_REGISTRY] = THROTTLE_REGISTRY_READ,
    [THROTTLES_QUERIES] = THROTTLE_QUERY,
    [THROTTLES_TWIN_READS] = THROTTLE_TWIN_READ,
    [THROTTLES_TWIN_UPDATES] = THROTTLE_TWIN_UPDATE,
    [THROTTLES_METHODS] = THROTTLE_METHOD,
    [THROTTLES_C2D_SENDS] = THROTTLE_C2D_SEND,
    [THROTTLES_C2D_RECEIVES] = THROTTLE_C2D_RECEIVE,
    [THROTTLES_JOBS] = THROTTLE_JOB,
    [THROTTLES_JOB_DEVICES] = THROTTLE_JOB_DEVICE,
    [THROTTLES_CONFIGURATIONS] = THROTTLE_CONFIGURATION_WRITE,
    [THROTTLES_UPLOADS] = THROTTLE_UPLOAD,
    [THROTTLES_CONNECTIONS] = THROTTLE_CONNECTION,
    [THROTTLES_TELEMETRY] = THROTTLE_TELEMETRY,
    [THROTTLES_EVENTS] = THROTTLE_EVENT,
};

static void a_period_s_amount_passes_at_once_one_more_waits_and_then_one_is_refused(void **state)
{
    (void)state;
    struct throttle_config c;
    throttle_of_tier(THROTTLE_S1, 1, &c);
    for (int class = 0; class < THROTTLE_CLASSES; class ++) {
        struct throttle *t = throttle_new(&c);
        const struct throttle_rate *rate = &c.rates[class];
        enum throttle_operation op = any_of[class];
        int64_t now = 1000 * SECOND_US;
        int64_t queue_us =
            class == THROTTLES_TELEMETRY ? THROTTLE_TELEMETRY_QUEUE_US : THROTTLE_QUEUE_US;
        for (uint64_t i = 0; i < rate->amount; i++)
            assert_int_equal(throttle_take(t, op, 1, now), 0); /* N */
        int64_t each_us = rate->period_us / (int64_t)rate->amount;
        int64_t room = queue_us / each_us, wait = 0;
        for (int64_t i = 1; i <= room; i++) {
            wait = throttle_take(t, op, 1, now); /* N + 1 */
            assert_true(wait >= i * each_us && wait <= (i + 1) * each_us);
        }
        assert_int_equal(throttle_take(t, op, 1, now), THROTTLE_REFUSED);
        assert_int_equal(throttle_take(t, op, 1, now), THROTTLE_REFUSED); /* and costs nothing */
        assert_true(throttle_take(t, op, 1, now + 2 * each_us) >= 0);
        assert_int_equal(throttle_take(t, op, 1, now + 3 * rate->period_us + queue_us), 0);
        throttle_free(t);
    }
}

static void classes_do_not_share_a_bucket_and_reads_and_writes_of_one_do(void **state)
{
    (void)state;
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("registry=1/d")), OK);
    struct throttle *t = throttle_new(&c);
    assert_int_equal(throttle_take(t, THROTTLE_REGISTRY_READ, 1, 5), 0);
    assert_int_equal(throttle_take(t, THROTTLE_REGISTRY_WRITE, 1, 5), THROTTLE_REFUSED);
    for (int i = 0; i < 10000; i++) assert_int_equal(throttle_take(t, THROTTLE_QUERY, 1, 5), 0);
    assert_int_equal(throttle_take(t, THROTTLE_FREE, 1, 5), 0);
    throttle_free(t);
}

static void what_is_more_than_a_period_gives_passes_when_nothing_is_owed(void **state)
{
    (void)state;
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("methods=4KiB/s")), OK);
    struct throttle *t = throttle_new(&c);
    assert_int_equal(throttle_method_amount(0), 1);
    assert_int_equal(throttle_method_amount(4096), 1);
    assert_int_equal(throttle_method_amount(4097), 2);
    assert_int_equal(throttle_take(t, THROTTLE_METHOD, throttle_method_amount(128 << 10), 9), 0);
    assert_int_equal(throttle_take(t, THROTTLE_METHOD, 1, 9), THROTTLE_REFUSED);
    assert_int_equal(throttle_take(t, THROTTLE_METHOD, 1, 31 * SECOND_US + 9), SECOND_US);
    throttle_free(t);
}

static void a_huge_amount_at_a_low_rate_is_owed_for_long(void **state)
{
    (void)state;
    static const uint64_t amounts[] = {THROTTLE_AMOUNT_MAX, 1ull << 40, UINT64_MAX};
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("telemetry=1/d")), OK);
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        struct throttle *t = throttle_new(&c);
        assert_int_equal(throttle_take(t, THROTTLE_TELEMETRY, amounts[i], 9), 0);
        assert_int_equal(throttle_take(t, THROTTLE_TELEMETRY, amounts[i], 9), THROTTLE_REFUSED);
        assert_int_equal(throttle_take(t, THROTTLE_TELEMETRY, 1, 365 * THROTTLE_PERIOD_US_MAX),
                         THROTTLE_REFUSED);
        throttle_free(t);
    }
}

static void nothing_is_limited_without_a_tier(void **state)
{
    (void)state;
    struct throttle_config c;
    throttle_of_tier(THROTTLE_OFF, 1, &c);
    assert_null(throttle_new(&c));
    assert_int_equal(throttle_take(NULL, THROTTLE_TELEMETRY, 1, 0), 0);
}

static void tiers_are_those_of_the_table(void **state)
{
    (void)state;
    static const struct {
        enum throttle_tier tier;
        unsigned units;
        enum throttle_class class;
        uint64_t amount;
    } table[] = {
        {THROTTLE_F1, 1, THROTTLES_REGISTRY, 100},
        {THROTTLE_S1, 2, THROTTLES_REGISTRY, 200},
        {THROTTLE_S3, 2, THROTTLES_REGISTRY, 10000},
        {THROTTLE_S1, 8, THROTTLES_CONNECTIONS, 100},
        {THROTTLE_B1, 9, THROTTLES_CONNECTIONS, 108},
        {THROTTLE_B2, 2, THROTTLES_TELEMETRY, 240},
        {THROTTLE_S1, 5, THROTTLES_TWIN_READS, 100},
        {THROTTLE_S2, 9, THROTTLES_TWIN_READS, 100},
        {THROTTLE_S2, 11, THROTTLES_TWIN_UPDATES, 55},
        {THROTTLE_S3, 2, THROTTLES_TWIN_UPDATES, 500},
        {THROTTLE_S3, 1, THROTTLES_METHODS, 6144},
        {THROTTLE_S3, 3, THROTTLES_CONFIGURATIONS, 60},
        {THROTTLE_S1, 200, THROTTLES_JOB_DEVICES, 10},
        {THROTTLE_S2, 11, THROTTLES_JOB_DEVICES, 11},
        {THROTTLE_B3, 2, THROTTLES_JOB_DEVICES, 100},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct throttle_config c;
        throttle_of_tier(table[i].tier, table[i].units, &c);
        assert_int_equal(c.rates[table[i].class].amount, table[i].amount);
    }
    enum throttle_tier tier;
    assert_int_equal(throttle_tier_parse(SLICE_LIT("s2"), &tier), OK);
    assert_int_equal(tier, THROTTLE_S2);
    assert_int_equal(throttle_tier_parse(SLICE_LIT("S4"), &tier), ERR_INVALID);
    assert_int_equal(throttle_units_max(THROTTLE_F1), 1);
    assert_int_equal(throttle_units_max(THROTTLE_S1), THROTTLE_UNITS_MAX);
}

static void overrides_name_a_class_and_a_rate(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err e;
        enum throttle_class class;
        uint64_t amount;
        int64_t period_us;
    } table[] = {
        {"registry=7/min", OK, THROTTLES_REGISTRY, 7, 60ll * SECOND_US},
        {"Twin-Reads=1/s", OK, THROTTLES_TWIN_READS, 1, SECOND_US},
        {"methods=160KiB/s", OK, THROTTLES_METHODS, 40, SECOND_US},
        {"methods=1/h", OK, THROTTLES_METHODS, 1, 3600ll * SECOND_US},
        {"telemetry=1073741824/d", OK, THROTTLES_TELEMETRY, 1u << 30, 86400ll * SECOND_US},
        {"telemetry=off", OK, THROTTLES_TELEMETRY, 0, 0},
        {"telemetry=1073741825/d", ERR_INVALID, 0, 0, 0},
        {"telemetry=0/d", ERR_INVALID, 0, 0, 0},
        {"telemetry=5", ERR_INVALID, 0, 0, 0},
        {"telemetry=5/week", ERR_INVALID, 0, 0, 0},
        {"telemetry", ERR_INVALID, 0, 0, 0},
        {"twins=5/s", ERR_INVALID, 0, 0, 0},
        {"", ERR_INVALID, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct throttle_config c;
        throttle_of_tier(THROTTLE_S1, 1, &c);
        assert_int_equal(throttle_override(&c, slice_str(table[i].text)), table[i].e);
        if (table[i].e != OK) continue;
        assert_int_equal(c.rates[table[i].class].amount, table[i].amount);
        assert_int_equal(c.rates[table[i].class].period_us, table[i].period_us);
    }
}

/* ---- threads */

enum { THREADS = 4, TRIES = 20000, AMOUNT = 5000 };

struct taker {
    struct throttle *throttle;
    unsigned lane, at_once, later;
};

static void *take_many(void *arg)
{
    struct taker *taker = arg;
    metric_lane = taker->lane;
    for (int i = 0; i < TRIES; i++) {
        int64_t wait = throttle_take(taker->throttle, THROTTLE_REGISTRY_READ, 1, 100);
        taker->at_once += wait == 0;
        taker->later += wait > 0;
    }
    return NULL;
}

static void threads_together_get_no_more_than_there_is(void **state)
{
    (void)state;
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("registry=5000/min")), OK);
    struct throttle *t = throttle_new(&c);
    struct taker takers[THREADS];
    pthread_t threads[THREADS];
    unsigned at_once = 0, later = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.throttle = t, .lane = i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        at_once += takers[i].at_once;
        later += takers[i].later;
    }
    assert_int_equal(at_once, AMOUNT);
    assert_int_equal(later, AMOUNT * THROTTLE_QUEUE_US / (60 * SECOND_US));
    throttle_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_period_s_amount_passes_at_once_one_more_waits_and_then_one_is_refused),
        cmocka_unit_test(classes_do_not_share_a_bucket_and_reads_and_writes_of_one_do),
        cmocka_unit_test(what_is_more_than_a_period_gives_passes_when_nothing_is_owed),
        cmocka_unit_test(a_huge_amount_at_a_low_rate_is_owed_for_long),
        cmocka_unit_test(nothing_is_limited_without_a_tier),
        cmocka_unit_test(tiers_are_those_of_the_table),
        cmocka_unit_test(overrides_name_a_class_and_a_rate),
        cmocka_unit_test(threads_together_get_no_more_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
