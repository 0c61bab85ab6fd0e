/* producer_test.c - batches that come again, owner levels, restarts and kills, between a store and a log. */
#include "base/amqp.h"
#include "hub/event_hub/streams_rig.h"
#include "hub/producer/part.h"
#include "hub/producer/producer.h"

enum { CORES = 2, ASKER = 1 };

static struct streams f;

static struct own {
    struct producers *producers[CORES];
    struct producer_answer last; /* what ASKER was told */
    unsigned answers;
    unsigned stream;
} own;

static void on_answer(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx, (void)lane;
    memcpy(&own.last, m->body, sizeof own.last);
    own.answers++;
}

static void open_core(unsigned i)
{
    struct lane *lane = rig_on(f.rig.cores[i]);
    own.producers[i] = producers_new(&f.hub, lane, &f.writers[i], f.hubs[i]);
    lane_on(lane, PRODUCER_OPENED, on_answer, NULL);
    lane_on(lane, PRODUCER_SENT, on_answer, NULL);
}

static void open_all(void)
{
    streams_open(&f, &(struct log_config){.partitions = 2, .journal_bytes = 16 << 20});
    for (unsigned i = 0; i < CORES; i++) open_core(i);
}

static void close_all(void)
{
    for (unsigned i = 0; i < CORES; i++) producers_free(own.producers[i]);
    streams_close(&f);
}

static void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

static void on_hub(struct event_hub_wait *w, enum err e, bool created)
{
    (void)w, (void)created;
    assert_int_equal(e, OK);
}

static int set_up(void **state)
{
    (void)state;
    own = (struct own){0};
    rig_init_cores(&f.rig, io_mem_new(), CORES);
    open_all();
    struct event_hub_wait w = {.fn = on_hub};
    rig_on(f.rig.cores[0]);
    event_hub_put(f.hubs[0], &(struct event_hub_wish){.name = SLICE_LIT("orders"), .partitions = 4},
                  &w);
    rig_run(&f.rig);
    own.stream = event_hub_find(f.hubs[0], SLICE_LIT("orders"))->stream;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    rig_fini(&f.rig);
    return 0;
}

/* ---- asking */

static void ask(struct msg *m, unsigned partition)
{
    struct lane *lane = rig_on(f.rig.cores[ASKER]);
    post(lane, lane_addr(lane), producer_home(&f.hub, own.stream, partition), m);
}

static const struct producer_answer *told(void)
{
    rig_run(&f.rig);
    assert_int_equal(own.answers, 1);
    own.answers = 0;
    return &own.last;
}

static const struct producer_answer *open_link(unsigned partition, int64_t id, int32_t epoch,
                                               int32_t sequence)
{
    struct producer_open want = {(uint16_t)own.stream, (uint16_t)partition, id, epoch, sequence};
    struct msg *m = msg_new(PRODUCER_OPEN, sizeof want);
    memcpy(m->body, &want, sizeof want);
    ask(m, partition);
    return told();
}

static void put_event(struct buf *out, int64_t id, int32_t epoch, uint32_t sequence)
{
    struct producer_event head = {.pair_count = 3};
    size_t at = out->len;
    buf_put(out, &head, sizeof head);
    amqp_put_sym(out, PRODUCER_ID);
    amqp_put_long(out, id);
    amqp_put_sym(out, PRODUCER_EPOCH);
    amqp_put_short(out, (int16_t)epoch);
    amqp_put_sym(out, PRODUCER_SEQUENCE);
    amqp_put_int(out, (int32_t)sequence);
    head.pairs_len = (uint32_t)(out->len - at - sizeof head);
    amqp_put_data(out, SLICE_LIT("x"));
    head.sections_len = (uint32_t)(out->len - at - sizeof head) - head.pairs_len;
    memcpy(out->ptr + at, &head, sizeof head);
}

static void send_only(unsigned partition, int64_t id, int32_t epoch, uint32_t first, uint32_t count)
{
    struct producer_send head = {
        (uint16_t)own.stream, (uint16_t)partition, epoch, id, first, count};
    struct buf body = {0};
    msg_buf_begin(&body);
    buf_put(&body, &head, sizeof head);
    for (uint32_t i = 0; i < count; i++) put_event(&body, id, epoch, sequence_plus(first, i));
    ask(msg_buf_end(&body, PRODUCER_SEND), partition);
}

static enum producer_outcome send(unsigned partition, int64_t id, uint32_t first, uint32_t count)
{
    send_only(partition, id, 0, first, count);
    return told()->outcome;
}

/* ---- the log */

static uint64_t stored;

static void on_end(struct log_asker *a, const struct log_seek_done *d)
{
    (void)a;
    stored = d->ends.next_ordinal;
}

/* How many events a partition has. */
static uint64_t count_of(unsigned partition)
{
    struct log_asker asker = {.lane = rig_on(f.rig.cores[ASKER]), .log = f.log, .sought = on_end};
    log_ask_ends(&asker, own.stream, partition);
    rig_run(&f.rig);
    log_ask_forget(&asker);
    return stored;
}

/* ---- */

static void a_batch_that_comes_again_is_not_stored_again(void **state)
{
    (void)state;
    const struct producer_answer *a = open_link(1, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE);
    int64_t id = a->id;
    assert_int_equal(a->outcome, PRODUCER_FINE);
    assert_int_equal(a->epoch, 0);
    assert_int_equal(a->sequence, 0);
    assert_true(id > 0 && id < (INT64_C(1) << 53));
    assert_int_equal(send(1, id, 1, 5), PRODUCER_FINE);
    assert_int_equal(send(1, id, 6, 2), PRODUCER_FINE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(1, id, 6, 2), PRODUCER_FINE);
        assert_int_equal(send(1, id, 1, 5), PRODUCER_FINE);
    }
    assert_int_equal(count_of(1), 7);
    assert_int_equal(send(1, id, 2, 1), PRODUCER_OLD);
    assert_int_equal(own.last.sequence, 8);
    assert_int_equal(send(1, id, 5, 3), PRODUCER_OLD);
    assert_int_equal(send(1, id, 9, 1), PRODUCER_GAP);
    assert_int_equal(count_of(1), 7);
    a = open_link(1, id, 0, 5);
    assert_int_equal(a->sequence,
                     5); /* as the client has it: it sends again what it does not know of */
    a = open_link(1, id, PRODUCER_NONE, PRODUCER_NONE);
    assert_int_equal(a->sequence, 7);
    a = open_link(2, id, PRODUCER_NONE, PRODUCER_NONE);
    assert_int_equal(a->sequence, 0);
}

static void only_so_many_batches_may_come_again(void **state)
{
    (void)state;
    int64_t id = open_link(0, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE)->id;
    for (uint32_t n = 1; n <= PRODUCER_BATCHES + 1; n++)
        assert_int_equal(send(0, id, n, 1), PRODUCER_FINE);
    assert_int_equal(send(0, id, 2, 1), PRODUCER_FINE);
    assert_int_equal(send(0, id, 1, 1), PRODUCER_OLD);
    assert_int_equal(count_of(0), PRODUCER_BATCHES + 1);
}

static void a_repeat_of_what_is_under_way_is_answered_with_it(void **state)
{
    (void)state;
    int64_t id = open_link(0, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE)->id;
    send_only(0, id, 0, 1, 3);
    send_only(0, id, 0, 1, 3);
    send_only(0, id, 0, 4, 1);
    rig_run(&f.rig);
    assert_int_equal(own.answers, 3);
    own.answers = 0;
    assert_int_equal(own.last.outcome, PRODUCER_FINE);
    assert_int_equal(count_of(0), 4);
}

static void a_higher_owner_level_takes_over(void **state)
{
    (void)state;
    int64_t id = open_link(0, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE)->id;
    assert_int_equal(send(0, id, 1, 1), PRODUCER_FINE);
    const struct producer_answer *a = open_link(0, id, 1, 1);
    assert_int_equal(a->epoch, 1);
    send_only(0, id, 1, 2, 1);
    assert_int_equal(told()->outcome, PRODUCER_FINE);
    assert_int_equal(send(0, id, 2, 1), PRODUCER_STOLEN);
    assert_int_equal(own.last.epoch, 1);
    assert_int_equal(open_link(0, id, 0, 1)->outcome, PRODUCER_STOLEN);
    assert_int_equal(count_of(0), 2);
    assert_int_equal(open_link(0, PRODUCER_NONE, 7, PRODUCER_NONE)->epoch, 7);
    assert_int_equal(open_link(0, 4711, PRODUCER_NONE, 41)->sequence, 41);
    assert_int_equal(send(0, 4711, 42, 1), PRODUCER_FINE);
}

/* Before any row but the first was written, and after. */
static void a_repeat_after_a_restart_is_not_stored_again(void **state)
{
    (void)state;
    int64_t id = open_link(3, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE)->id;
    uint32_t next = 1;
    for (int round = 0; round < 4; round++) {
        assert_int_equal(send(3, id, next, 3), PRODUCER_FINE);
        if (round % 2) rig_pass(&f.rig, 2 * PRODUCER_KEEP_US);
        restart();
        const struct producer_answer *a = open_link(3, id, 0, (int32_t)next - 1);
        assert_int_equal(a->sequence, next - 1);
        assert_int_equal(send(3, id, next, 3), PRODUCER_FINE); /* again */
        next += 3;
        assert_int_equal(count_of(3), next - 1);
        assert_int_equal(send(3, id, next + 1, 1), PRODUCER_GAP);
    }
    /* A part of a batch reached the disk before a power cut: the rest is taken. */
    assert_int_equal(send(3, id, next - 2, 4), PRODUCER_FINE);
    assert_int_equal(count_of(3), next + 1);
    assert_int_equal(open_link(3, id, PRODUCER_NONE, PRODUCER_NONE)->sequence, next + 1);
}

static void behind_the_last_sequence_number_comes_0(void **state)
{
    (void)state;
    const int64_t id = 4711;
    assert_int_equal(open_link(2, id, 0, INT32_MAX - 2)->sequence, INT32_MAX - 2);
    assert_int_equal(send(2, id, INT32_MAX - 1, 2), PRODUCER_FINE);
    assert_int_equal(open_link(2, id, PRODUCER_NONE, PRODUCER_NONE)->sequence, INT32_MAX);
    assert_int_equal(send(2, id, 1, 1), PRODUCER_GAP);
    assert_int_equal(own.last.sequence, 0);
    assert_int_equal(send(2, id, 0, 2), PRODUCER_FINE);
    assert_int_equal(send(2, id, INT32_MAX - 1, 2), PRODUCER_FINE); /* again */
    assert_int_equal(send(2, id, 0, 2), PRODUCER_FINE);
    assert_int_equal(send(2, id, INT32_MAX, 1), PRODUCER_OLD);
    assert_int_equal(count_of(2), 4);
    assert_int_equal(send(2, id, 2, 1), PRODUCER_FINE);
    assert_int_equal(count_of(2), 5);
}

/* Also with a batch that ends behind it, after a restart with and without a row. */
static void a_repeat_around_the_last_sequence_number_is_not_stored_again(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 2; id++) {
        uint64_t before = count_of(1);
        open_link(1, id, 0, INT32_MAX - 2);
        assert_int_equal(send(1, id, INT32_MAX - 1, 4), PRODUCER_FINE);
        if (id == 2) rig_pass(&f.rig, 2 * PRODUCER_KEEP_US);
        restart();
        assert_int_equal(open_link(1, id, PRODUCER_NONE, PRODUCER_NONE)->sequence, 1);
        assert_int_equal(send(1, id, INT32_MAX - 1, 4), PRODUCER_FINE);
        assert_int_equal(count_of(1), before + 4);
        assert_int_equal(send(1, id, INT32_MAX, 5), PRODUCER_FINE); /* the rest of it */
        assert_int_equal(count_of(1), before + 6);
        assert_int_equal(send(1, id, 5, 1), PRODUCER_GAP);
    }
}

static void the_producer_unused_longest_is_forgotten_at_the_limit(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= PRODUCERS_MAX; id++) open_link(0, id, PRODUCER_NONE, (int32_t)id);
    assert_int_equal(open_link(0, 1, PRODUCER_NONE, PRODUCER_NONE)->sequence, 1);
    open_link(0, PRODUCERS_MAX + 1, PRODUCER_NONE, PRODUCER_NONE);
    assert_int_equal(open_link(0, 1, PRODUCER_NONE, PRODUCER_NONE)->sequence, 1);
    assert_int_equal(open_link(0, 2, PRODUCER_NONE, PRODUCER_NONE)->sequence, 0);
    assert_int_equal(send(0, 3, 9, 1), PRODUCER_FINE); /* 3 had to go for 2: as it says itself */
}

static void what_waits_for_the_partition_is_bounded(void **state)
{
    (void)state;
    struct producer_open want = {(uint16_t)own.stream, 2, PRODUCER_NONE, PRODUCER_NONE,
                                 PRODUCER_NONE};
    for (unsigned i = 0; i <= PRODUCER_WAITING_MAX; i++) {
        struct msg *m = msg_new(PRODUCER_OPEN, sizeof want);
        memcpy(m->body, &want, sizeof want);
        ask(m, 2);
    }
    struct lane *home = f.rig.office.lanes[producer_home(&f.hub, own.stream, 2).lane];
    lane_run_once(home, rig_mono_us);
    lane_run_once(f.rig.cores[ASKER], rig_mono_us);
    assert_int_equal(own.answers, 1);
    assert_int_equal(own.last.outcome, PRODUCER_BUSY);
    rig_run(&f.rig);
    assert_int_equal(own.answers, PRODUCER_WAITING_MAX + 1);
    assert_int_equal(own.last.outcome, PRODUCER_FINE);
}

static void producers_go_with_their_event_hub(void **state)
{
    (void)state;
    int64_t id = open_link(0, PRODUCER_NONE, PRODUCER_NONE, PRODUCER_NONE)->id;
    struct event_hub_wait w = {.fn = on_hub};
    rig_on(f.rig.cores[0]);
    event_hub_delete(f.hubs[0], SLICE_LIT("orders"), &w);
    rig_run(&f.rig);
    assert_int_equal(send(0, id, 1, 1), PRODUCER_GONE);
    assert_int_equal(open_link(0, id, PRODUCER_NONE, PRODUCER_NONE)->outcome, PRODUCER_GONE);
    rig_pass(&f.rig, 2 * PRODUCER_KEEP_US);
    for (unsigned i = 0; i < CORES; i++) assert_true(list_empty(&own.producers[i]->parts));
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_batch_that_comes_again_is_not_stored_again),
        T(only_so_many_batches_may_come_again),
        T(a_repeat_of_what_is_under_way_is_answered_with_it),
        T(a_higher_owner_level_takes_over),
        T(a_repeat_after_a_restart_is_not_stored_again),
        T(behind_the_last_sequence_number_comes_0),
        T(a_repeat_around_the_last_sequence_number_is_not_stored_again),
        T(the_producer_unused_longest_is_forgotten_at_the_limit),
        T(what_waits_for_the_partition_is_bounded),
        T(producers_go_with_their_event_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
