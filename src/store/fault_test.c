/* fault_test.c - what an acknowledgement is worth when disks fail and power goes. */
#include "store/rig.h"

#include "store/contract_sql.h"

/* ---- a unit inserts thing `id` and pair `id`: both are there or neither */

enum { UNITS = 400 };

struct attempt {
    struct store_wait wait;
    bool answered;
    enum err err;
};

static void note_answer(struct store_wait *w, struct store_answer *a)
{
    struct attempt *attempt = CONTAINER_OF(w, struct attempt, wait);
    attempt->answered = true;
    attempt->err = a->err;
}

static void try_unit(struct rig *r, struct attempt *attempt, int64_t id, size_t size)
{
    struct store_request u;
    uint8_t words[4096];
    assert_true(size <= sizeof words);
    memset(words, 'w', sizeof words);
    store_begin_unit(&u, id % 3 ? STORE_INTERACTIVE : STORE_BULK);
    store_add(&u, &sql_test_insert_words, 1);
    store_put_int(&u, "id", id);
    store_put_text(&u, "words", slice_of(words, size));
    store_add(&u, &sql_test_insert_pair, 1);
    store_put_int(&u, "id", id);
    store_put_int(&u, "thing", id);
    *attempt = (struct attempt){.wait.fn = note_answer};
    store_ask(r->store, rig_on(r->cores[0]), &u, &attempt->wait);
}

static enum err insert(struct rig *r, int64_t id, size_t size)
{
    struct attempt attempt;
    try_unit(r, &attempt, id, size);
    rig_run(r);
    assert_true(attempt.answered);
    return attempt.err;
}

static void make_tables(struct rig *r)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_make_tables, STORE_ANY);
    store_add(&u, &sql_test_make_pairs, STORE_ANY);
    assert_int_equal(store_now_unit(r->store, &u), OK);
}

static bool exists(struct rig *r, int64_t id)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_test_whole);
    store_put_int(&q, "id", id);
    assert_int_equal(store_now_query(r->store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    int64_t things = a.col[0].number, pairs = a.col[1].number;
    msg_free(page);
    assert_int_equal(things, pairs);
    return things == 1;
}

static int set_up(void **state)
{
    struct rig *r = NEW(struct rig);
    rig_init(r, io_mem_new());
    make_tables(r);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

/* ---- a disk that fails */

static void a_failed_sync_ends_all_acknowledging(void **state)
{
    struct rig *r = *state;
    struct attempt second, third;
    int64_t poisoned = rig_metric("azimuth_store_poisoned_total");
    assert_int_equal(insert(r, 1, 10), OK);
    io_mem_fail(r->io, IO_CALL_SYNC, 1, ERR_IO, false); /* only once: the next would succeed */
    try_unit(r, &second, 2, 10);
    try_unit(r, &third, 3, 10);
    rig_run(r);
    assert_int_equal(second.err, ERR_IO);
    assert_int_equal(third.err, ERR_IO);
    assert_false(store_healthy(r->store));
    assert_false(store_accepting(r->store));
    assert_int_equal(insert(r, 4, 10), ERR_IO);
    assert_int_equal(rig_metric("azimuth_store_poisoned_total") - poisoned, 1);
    assert_true(exists(r, 1)); /* queries go on and show what was acknowledged */
    assert_false(exists(r, 2));

    rig_restart(r);
    assert_true(store_healthy(r->store));
    assert_true(exists(r, 1));
    assert_int_equal(insert(r, 4, 10), OK);
}

static void a_failed_write_ends_all_acknowledging(void **state)
{
    struct rig *r = *state;
    assert_int_equal(insert(r, 1, 10), OK);
    io_mem_fail(r->io, IO_CALL_WRITE, 1, ERR_IO, false);
    assert_int_equal(insert(r, 2, 10), ERR_IO);
    assert_false(store_healthy(r->store));
    rig_restart(r);
    assert_true(exists(r, 1));
    assert_false(exists(r, 2));
}

static void a_database_that_is_removed_takes_nothing_more(void **state)
{
    struct rig *r = *state;
    assert_int_equal(insert(r, 1, 10), OK);
    assert_int_equal(io_remove(r->io, STORE_FILE), OK);
    rig_pass(r, STORE_FILE_RECHECK_US);
    assert_int_equal(insert(r, 2, 10), ERR_IO);
    assert_false(store_healthy(r->store));
}

/* Fills the write-ahead log until a checkpoint is due, which then meets a failing disk. */
static void a_checkpoint_that_cannot_sync_ends_all_acknowledging(void **state)
{
    struct rig *r = *state;
    int64_t id = 0;
    while (!lane_has_mail(r->check)) {
        struct attempt attempt;
        try_unit(r, &attempt, ++id, 4000);
        lane_run_once(r->write, 0);
        lane_run_once(r->cores[0], 0);
        assert_int_equal(attempt.err, OK);
    }
    io_mem_fail(r->io, IO_CALL_SYNC, 2, ERR_IO, false); /* the second: of the database file */
    rig_run(r);
    assert_false(store_healthy(r->store));
    assert_int_equal(insert(r, id + 1, 10), ERR_IO);
    rig_close(r);
    io_mem_crash(r->io, 0);
    assert_int_equal(rig_open(r), OK);
    for (int64_t i = 1; i <= id; i++) assert_true(exists(r, i));
}

static void a_full_disk_refuses_and_forgives(void **state)
{
    struct rig *r = *state;
    int64_t id = 1;
    io_mem_capacity(r->io, 300 << 10);
    while (insert(r, id, 4000) == OK) assert_true(++id < 1000);
    assert_int_equal(insert(r, id, 4000), ERR_FULL);
    assert_true(store_healthy(r->store));
    io_mem_capacity(r->io, UINT64_MAX);
    assert_int_equal(insert(r, id, 4000), OK);
    for (int64_t i = 1; i <= id; i++) assert_true(exists(r, i));
}

static void below_the_reserve_units_are_refused_until_there_is_room(void **state)
{
    struct rig *r = *state;
    r->reserve_bytes = 1 << 20;
    rig_restart(r);
    io_mem_capacity(r->io, 8 << 20);
    assert_int_equal(insert(r, 1, 10), OK);
    io_mem_capacity(r->io, 1 << 20);
    assert_int_equal(insert(r, 2, 10), ERR_THROTTLED);
    assert_false(store_accepting(r->store));
    assert_true(store_healthy(r->store));
    assert_true(exists(r, 1));
    io_mem_capacity(r->io, 8 << 20);
    assert_false(store_accepting(r->store));
    rig_pass(r, STORE_RESERVE_RECHECK_US + TIMER_TICK_US); /* nobody needs to write for that */
    assert_true(store_accepting(r->store));
    assert_int_equal(insert(r, 2, 10), OK);
}

static void a_query_that_cannot_be_read_says_so_and_harms_nothing(void **state)
{
    struct rig *r = *state;
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    assert_int_equal(insert(r, 1, 4000), OK);
    rig_restart(r); /* nothing is in a cache */
    io_mem_fail(r->io, IO_CALL_READ, 1, ERR_IO, true);
    store_begin_query(&q, &sql_test_whole);
    store_put_int(&q, "id", 1);
    assert_int_equal(store_now_query(r->store, &q, &a, &page), ERR_IO);
    msg_free(page);
    io_mem_fail(r->io, IO_CALL_READ, 0, OK, false);
    assert_true(store_healthy(r->store));
    assert_true(exists(r, 1));
}

static enum err snapshot(struct rig *r)
{
    struct attempt attempt = {.wait.fn = note_answer};
    store_snapshot(r->store, rig_on(r->cores[0]), &attempt.wait);
    rig_run(r);
    assert_true(attempt.answered);
    return attempt.err;
}

static void a_snapshot_that_cannot_be_written_is_refused_and_the_next_is_whole(void **state)
{
    struct rig *r = *state;
    assert_int_equal(insert(r, 1, 4000), OK);
    io_mem_fail(r->io, IO_CALL_WRITE, 1, ERR_IO, true);
    assert_int_equal(snapshot(r), ERR_IO);
    io_mem_fail(r->io, IO_CALL_WRITE, 0, OK, false);
    assert_true(store_healthy(r->store));
    assert_int_equal(insert(r, 2, 4000), OK);
    assert_int_equal(snapshot(r), OK);
    struct io_file *f;
    uint64_t bytes;
    assert_int_equal(io_open_file(r->io, STORE_SNAPSHOT, IO_READ, &f), OK);
    assert_int_equal(io_size(f, &bytes), OK);
    io_close(f);
    assert_true(bytes > 8000); /* both */
}

/* ---- a start */

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct rig *r = *state;
    struct io_file *f;
    uint8_t rubbish[4096];
    memset(rubbish, 'x', sizeof rubbish);
    rig_close(r);
    assert_int_equal(io_open_file(r->io, STORE_FILE, IO_READ | IO_WRITE, &f), OK);
    assert_int_equal(io_write_at(f, 0, slice_of(rubbish, sizeof rubbish)), OK);
    io_close(f);
    assert_int_equal(rig_open(r), ERR_CORRUPT);
}

/* The n-th opening or reading fails, until a start needs fewer than n. */
static void a_start_whose_files_cannot_be_read_is_refused_and_harms_nothing(void **state)
{
    static const struct {
        enum io_call call;
        uint64_t step;
    } rows[] = {{IO_CALL_OPEN, 1}, {IO_CALL_READ, 13}};
    struct rig *r = *state;
    assert_int_equal(insert(r, 1, 4000), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err err = ERR_IO;
        uint64_t n;
        for (n = 1; err != OK && n < 1000; n += rows[i].step) {
            io_mem_crash(r->io, 0); /* so that there is a log to recover */
            rig_close(r);
            io_mem_fail(r->io, rows[i].call, n, ERR_IO, true);
            err = rig_open(r);
            io_mem_fail(r->io, rows[i].call, 0, OK, false);
            assert_true(err == OK || err == ERR_IO);
        }
        assert_true(n > 1 + rows[i].step && n < 1000); /* some were refused, and one was not */
        assert_true(exists(r, 1));
    }
}

/* ---- the write-ahead log */

static void the_write_ahead_log_is_copied_and_used_again(void **state)
{
    struct rig *r = *state;
    int64_t before = rig_metric("azimuth_store_checkpoints_total"), most = 0;
    for (int64_t id = 1; id <= 4000; id++) {
        assert_int_equal(insert(r, id, 4000), OK);
        int64_t bytes = rig_metric("azimuth_store_wal_bytes");
        if (bytes > most) most = bytes;
    }
    assert_true(rig_metric("azimuth_store_checkpoints_total") - before > 3);
    assert_true(most >= STORE_WAL_CHECKPOINT);
    assert_true(most < INT64_C(2) * STORE_WAL_CHECKPOINT);
}

/* The lane `storecheck` never gets its turn. */
static void the_write_ahead_log_has_a_largest_size(void **state)
{
    struct rig *r = *state;
    struct attempt *attempts = mem_zero(UNITS * sizeof *attempts);
    int64_t most = 0, written = 0;
    for (int64_t id = 1; written < STORE_WAL_MAX + (24 << 20); id += UNITS) {
        for (int64_t i = 0; i < UNITS; i++) try_unit(r, &attempts[i], id + i, 4000);
        lane_run_once(r->write, 0);
        lane_run_once(r->cores[0], 0);
        for (int64_t i = 0; i < UNITS; i++) assert_int_equal(attempts[i].err, OK);
        int64_t bytes = rig_metric("azimuth_store_wal_bytes");
        if (bytes > most) most = bytes;
        written += (int64_t)UNITS * 4000;
    }
    assert_true(most >= STORE_WAL_MAX);
    assert_true(most < STORE_WAL_MAX + (8 << 20)); /* one transaction more */
    free(attempts);
}

/* ---- power cuts */

struct random {
    uint64_t state;
};

static uint64_t next_random(struct random *random) /* xorshift64* */
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 0x2545F4914F6CDD1D;
}

/* Asks for some units, lets some lanes have some turns, and cuts the power in the middle. */
static void write_and_crash(struct rig *r, struct attempt *attempts, uint64_t seed)
{
    struct random random = {seed * 0x9E3779B97F4A7C15 + 1};
    for (int64_t id = 0; id < UNITS; id++) {
        try_unit(r, &attempts[id], id, next_random(&random) % 4096);
        while (next_random(&random) % 4 == 0) {
            struct lane *lane = r->office.lanes[next_random(&random) % r->office.count];
            lane_run_once(lane, rig_mono_us);
        }
    }
    io_mem_crash(r->io, next_random(&random) * (seed % 3 ? 1 : 0));
}

/* How many acknowledged units are gone. */
static unsigned count_lost(struct rig *r, const struct attempt *attempts)
{
    unsigned lost = 0;
    for (int64_t id = 0; id < UNITS; id++) {
        bool there = exists(r, id);
        if (attempts[id].answered && attempts[id].err == OK && !there) lost++;
        if (attempts[id].answered && attempts[id].err != OK) assert_false(there);
    }
    return lost;
}

static void every_acknowledged_unit_survives_a_power_cut(void **state)
{
    (void)state;
    struct attempt *attempts = mem_zero(UNITS * sizeof *attempts);
    unsigned acknowledged = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        rig_init(&r, io_mem_new());
        make_tables(&r);
        write_and_crash(&r, attempts, seed);
        rig_restart(&r);
        assert_int_equal(count_lost(&r, attempts), 0);
        for (int i = 0; i < UNITS; i++) acknowledged += attempts[i].answered;
        rig_fini(&r);
    }
    assert_true(acknowledged > 40 * UNITS / 4);
    assert_true(acknowledged < 40 * UNITS); /* some cuts came before the answer */
    free(attempts);
}

static void a_disk_that_lies_about_syncs_is_found_out(void **state)
{
    (void)state;
    struct attempt *attempts = mem_zero(UNITS * sizeof *attempts);
    unsigned found = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r;
        rig_init(&r, io_mem_new());
        make_tables(&r);
        io_mem_ignore_sync(r.io, true);
        write_and_crash(&r, attempts, seed);
        rig_close(&r);
        if (rig_open(&r) != OK || count_lost(&r, attempts) > 0) found++;
        rig_fini(&r);
    }
    assert_int_equal(found, 10);
    free(attempts);
}

/* Crash upon crash: what recovery itself does must survive, too. */
static void a_power_cut_during_recovery_loses_nothing(void **state)
{
    struct rig *r = *state;
    struct attempt *attempts = mem_zero(UNITS * sizeof *attempts);
    write_and_crash(r, attempts, 7);
    rig_close(r);
    for (uint64_t cut = 1; cut <= 40; cut++) {
        io_mem_fail(r->io, cut % 2 ? IO_CALL_WRITE : IO_CALL_SYNC, cut / 2 + 1, ERR_IO, true);
        enum err err = rig_open(r);
        io_mem_fail(r->io, IO_CALL_WRITE, 0, OK, false);
        io_mem_fail(r->io, IO_CALL_SYNC, 0, OK, false);
        assert_true(err == OK || err == ERR_IO);
        io_mem_crash(r->io, cut);
        rig_close(r);
    }
    assert_int_equal(rig_open(r), OK);
    assert_int_equal(count_lost(r, attempts), 0);
    free(attempts);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_failed_sync_ends_all_acknowledging),
        CASE(a_failed_write_ends_all_acknowledging),
        CASE(a_database_that_is_removed_takes_nothing_more),
        CASE(a_checkpoint_that_cannot_sync_ends_all_acknowledging),
        CASE(a_full_disk_refuses_and_forgives),
        CASE(below_the_reserve_units_are_refused_until_there_is_room),
        CASE(a_query_that_cannot_be_read_says_so_and_harms_nothing),
        CASE(a_snapshot_that_cannot_be_written_is_refused_and_the_next_is_whole),
        CASE(a_file_that_is_no_database_is_refused),
        CASE(a_start_whose_files_cannot_be_read_is_refused_and_harms_nothing),
        CASE(the_write_ahead_log_is_copied_and_used_again),
        CASE(the_write_ahead_log_has_a_largest_size),
        cmocka_unit_test(every_acknowledged_unit_survives_a_power_cut),
        cmocka_unit_test(a_disk_that_lies_about_syncs_is_found_out),
        CASE(a_power_cut_during_recovery_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
