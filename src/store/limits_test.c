/* limits_test.c - the contract at each limit and one above. */
#include "base/limit.h"
#include "store/asker.h"

static void a_unit_has_a_largest_size(void **state)
{
    struct rig *r = *state;
    const size_t overhead = 2 + 6 + 10 + 6; /* head, statement, id, and the head of words */
    for (size_t extra = 0; extra <= 1; extra++) {
        size_t size = STORE_UNIT_BYTES_MAX - overhead + extra;
        uint8_t *words = mem_zero(size);
        memset(words, 'x', size);
        struct store_request u = unit();
        store_add(&u, &sql_test_insert_words, 1);
        store_put_int(&u, "id", (int64_t)extra);
        store_put_text(&u, "words", slice_of(words, size));
        assert_int_equal(u.body.len - sizeof(struct msg), STORE_UNIT_BYTES_MAX + extra);
        int64_t met = limit_reached("store-unit");
        assert_int_equal(asked(r, &u).err, extra ? ERR_TOO_BIG : OK);
        assert_int_equal(limit_reached("store-unit") - met, extra);
        free(words);
    }
    assert_int_equal(count_things(r), 1);
}

static void ask_numbers(struct rig *r, struct asker *askers, int64_t from, int64_t count,
                        enum store_queue queue)
{
    for (int64_t i = 0; i < count; i++) {
        struct store_request u;
        store_begin_unit(&u, queue);
        add_number(&u, from + i, queue);
        ask(r, &askers[i], &u);
    }
}

static void each_queue_has_a_longest_length(void **state)
{
    struct rig *r = *state;
    enum { N = STORE_QUEUE_MAX };
    struct asker *askers = mem_zero(2ul * (N + 1) * sizeof *askers);
    int64_t met = limit_reached("store-queue");
    ask_numbers(r, askers, 0, N + 1, STORE_INTERACTIVE);
    ask_numbers(r, askers + N + 1, N + 1, N + 1, STORE_BULK);
    rig_run(r);
    for (int i = 0; i < 2 * (N + 1); i++) {
        bool last_of_its_queue = i == N || i == 2 * N + 1;
        assert_int_equal(askers[i].answers, 1);
        assert_int_equal(askers[i].err, last_of_its_queue ? ERR_THROTTLED : OK);
    }
    assert_int_equal(count_things(r), 2 * N);
    assert_int_equal(limit_reached("store-queue") - met, 2);
    free(askers);
}

static int64_t transactions(void)
{
    return rig_metric("azimuth_store_transactions_total");
}

static void a_transaction_takes_so_many_units(void **state)
{
    struct rig *r = *state;
    struct asker *askers = mem_zero((STORE_TX_UNITS_MAX + 1) * sizeof *askers);
    for (int extra = 0; extra <= 1; extra++) {
        int64_t before = transactions();
        ask_numbers(r, askers, INT64_C(10000) * extra, STORE_TX_UNITS_MAX + extra,
                    STORE_INTERACTIVE);
        rig_run(r);
        assert_int_equal(transactions() - before, 1 + extra);
    }
    free(askers);
}

static int64_t slow_clock_us;

static int64_t slow_clock(void)
{
    return slow_clock_us += 1000;
}

static void a_transaction_takes_so_long(void **state)
{
    struct rig *r = *state;
    enum { UNITS = 20 };
    struct asker askers[UNITS];
    struct clock_source slow = {slow_clock, slow_clock};
    int64_t before = transactions();
    ask_numbers(r, askers, 0, UNITS, STORE_INTERACTIVE);
    clock_use(&slow);
    rig_run(r);
    assert_int_equal(transactions() - before, UNITS / (STORE_TX_US_MAX / 1000));
}

static void bulk_waits_but_not_for_ever(void **state)
{
    struct rig *r = *state;
    enum { UNITS = 2 * STORE_TX_UNITS_MAX };
    struct asker *askers = mem_zero(2ul * UNITS * sizeof *askers);
    ask_numbers(r, askers, 0, UNITS, STORE_BULK);
    ask_numbers(r, askers + UNITS, UNITS, UNITS, STORE_INTERACTIVE);
    lane_run_once(r->write, 0); /* one transaction */
    lane_run_once(r->cores[0], 0);
    int bulk = 0, interactive = 0;
    for (int i = 0; i < UNITS; i++) {
        bulk += (int)askers[i].answers;
        interactive += (int)askers[UNITS + i].answers;
    }
    assert_int_equal(bulk, STORE_TX_UNITS_MAX / STORE_BULK_EVERY);
    assert_int_equal(bulk + interactive, STORE_TX_UNITS_MAX);
    rig_run(r);
    assert_int_equal(count_things(r), 2 * UNITS);
    free(askers);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_unit_has_a_largest_size),         CASE(each_queue_has_a_longest_length),
        CASE(a_transaction_takes_so_many_units), CASE(a_transaction_takes_so_long),
        CASE(bulk_waits_but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
