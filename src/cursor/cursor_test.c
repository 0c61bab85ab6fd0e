/* cursor_test.c - a place in the log: what comes, in which order, and what is left after a crash. */
#include "cursor/cursor_rig.h"
#include "cursor/place.h"

enum { IDS_MAX = 4000, BODY = 64 };

static struct cursor_rig rig; /* of two partitions, unless a row makes its own */

/* Who reads: takes what comes until `stop_after` of them are in hand. */
struct owner {
    struct cursor *cursor;
    uint64_t ids[IDS_MAX];
    uint64_t ordinals[IDS_MAX];
    size_t count, most; /* most: no more than so many are taken */
    unsigned calls;
    bool finishes; /* what it takes is done at once */
    bool gone;
};

static void pull(struct owner *o)
{
    struct record rec;
    while (o->count < o->most && cursor_next(o->cursor, &rec) == OK) {
        o->ids[o->count] = rig_id(&rec);
        o->ordinals[o->count++] = rec.ordinal;
        if (o->finishes) cursor_done(o->cursor, rec.ordinal + 1);
    }
}

static void on_something(struct cursor *c, void *ctx)
{
    struct owner *o = ctx;
    o->cursor = c;
    o->calls++;
    pull(o);
}

static void on_gone(void *ctx)
{
    struct owner *o = ctx;
    o->gone = true;
}

static struct cursor_config config_of(struct owner *o)
{
    return (struct cursor_config){.name = SLICE_LIT("test"), .fn = on_something, .ctx = o};
}

static void begin(struct owner *o, enum cursor_start start, bool finishes)
{
    struct cursor_config cfg = config_of(o);
    cfg.start = start;
    *o = (struct owner){.most = IDS_MAX, .finishes = finishes};
    o->cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, 0);
}

static void append(uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++)
        cursor_rig_append(&rig, 0, id, BODY, RECORD_TO_STREAM);
}

static void assert_ids(const struct owner *o, uint64_t first, uint64_t last)
{
    assert_int_equal(o->count, last + 1 - first);
    for (size_t i = 0; i < o->count; i++) assert_int_equal(o->ids[i], first + i);
}

static void again(void)
{
    cursor_rig_close(&rig);
    assert_int_equal(cursor_rig_open(&rig), OK);
}

static struct cursor_status status_of(const struct owner *o)
{
    struct cursor_status s;
    cursor_rig_on(&rig);
    cursor_status(o->cursor, &s);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    cursor_rig_init(&rig, 2);
    return cursor_rig_open(&rig) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cursor_rig_fini(&rig);
    return 0;
}

/* The next life gets so much of what there is. */
static void assert_comes_again(uint64_t first, uint64_t last)
{
    static struct owner o;
    again();
    begin(&o, CURSOR_EARLIEST, false);
    assert_ids(&o, first, last);
}

/* ---- rows */

static void who_is_in_no_hurry_gets_many_at_a_time(void **state)
{
    enum { GATHER_US = 1000000 };
    (void)state;
    static struct owner o;
    struct cursor_config cfg = config_of(&o);
    cfg.start = CURSOR_EARLIEST;
    cfg.gather_us = GATHER_US;
    o = (struct owner){.most = IDS_MAX, .finishes = true};
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, 0);
    append(1, 1);
    assert_ids(&o, 1, 1);
    unsigned calls = o.calls;
    append(2, 11);
    assert_ids(&o, 1, 1);
    cursor_rig_run(&rig, GATHER_US);
    assert_ids(&o, 1, 11);
    assert_int_equal(o.calls, calls + 1);
}

static void records_come_in_order_from_the_beginning_and_as_they_are_appended(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 100);
    begin(&o, CURSOR_EARLIEST, true);
    append(101, 130);
    assert_ids(&o, 1, 130);
    assert_int_equal(status_of(&o).done, 130);
    assert_int_equal(status_of(&o).lag_records, 0);
}

static void the_latest_is_what_is_appended_from_now_on_also_after_a_restart(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_LATEST, true);
    cursor_rig_run(&rig, CURSOR_STORE_US);
    again();
    append(11, 12);
    begin(&o, CURSOR_LATEST, true);
    append(13, 14);
    assert_ids(&o, 11, 14);
}

static void a_time_is_a_place(void **state)
{
    (void)state;
    static struct owner o = {.most = IDS_MAX};
    append(1, 10);
    cursor_rig_run(&rig, 10000000);
    struct cursor_config cfg = config_of(&o);
    cfg.start = CURSOR_TIME;
    cfg.start_us = rig_wall_us;
    append(11, 15);
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, 0);
    assert_ids(&o, 11, 15);
}

static void what_is_done_is_stored_after_a_second_and_not_before(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_EARLIEST, false);
    cursor_rig_on(&rig);
    cursor_done(o.cursor, 4);
    cursor_rig_run(&rig, CURSOR_STORE_US);
    cursor_rig_on(&rig);
    cursor_done(o.cursor, 9);
    io_mem_crash(rig.io, 0);
    assert_comes_again(5, 10);
}

static void a_clean_stop_stores_what_is_done(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_EARLIEST, false);
    cursor_rig_on(&rig);
    cursor_done(o.cursor, 7);
    cursors_store(rig.cursors, rig.store);
    assert_comes_again(8, 10);
}

/* One unit has so many positions. */
static void so_it_does_for_more_cursors_than_a_unit_has_statements(void **state)
{
    static struct owner owners[STORE_STATEMENTS_MAX + 1];
    (void)state;
    append(1, 2);
    for (unsigned life = 1; life <= 2; life++) {
        for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
            char name[32];
            struct owner *o = &owners[i];
            *o = (struct owner){.most = 1, .finishes = true};
            struct cursor_config cfg = config_of(o);
            cfg.name = slice_of(name, (size_t)snprintf(name, sizeof name, "test %zu", i));
            o->cursor = cursor_new(cursor_rig_on(&rig), &cfg);
        }
        cursor_rig_run(&rig, 0);
        for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
            assert_ids(&owners[i], life, life);
        cursors_store(rig.cursors, rig.store);
        again();
    }
}

static void who_is_removed_is_forgotten(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_EARLIEST, true);
    cursor_rig_run(&rig, CURSOR_STORE_US);
    cursor_rig_on(&rig);
    cursor_remove(o.cursor, on_gone, &o);
    cursor_rig_run(&rig, 0);
    assert_true(o.gone);
    begin(&o, CURSOR_EARLIEST, true);
    assert_ids(&o, 1, 10);
}

static void a_position_that_the_owner_keeps_is_not_stored(void **state)
{
    (void)state;
    static struct owner o = {.most = IDS_MAX, .finishes = true};
    append(1, 10);
    for (int i = 0; i < 2; i++) {
        struct cursor_config cfg = config_of(&o);
        cfg.start = CURSOR_AT;
        cfg.at = 6;
        o.count = 0;
        o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
        cursor_rig_run(&rig, 2 * CURSOR_STORE_US);
        assert_ids(&o, 7, 10);
        cursor_rig_on(&rig);
        cursor_free(o.cursor);
    }
}

static void records_of_others_are_passed_over_and_done(void **state)
{
    (void)state;
    static struct owner o = {.most = IDS_MAX};
    struct cursor_config cfg = config_of(&o);
    cfg.destinations = 1 << 5 | 1 << 6;
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    for (uint64_t id = 1; id <= 20; id++)
        cursor_rig_append(&rig, 0, id, BODY, id == 7 ? 1 << 5 : id == 9 ? 1 << 6 | 1 : 1);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.ids[0], 7);
    assert_int_equal(o.ids[1], 9);
    assert_int_equal(status_of(&o).done, 6);
    cursor_rig_on(&rig);
    cursor_done(o.cursor, 7);
    assert_int_equal(status_of(&o).done, 7);
    cursor_done_all(o.cursor);
    assert_int_equal(status_of(&o).done, 20);
}

static void rewound_what_is_not_done_comes_again(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_EARLIEST, false);
    cursor_rig_on(&rig);
    cursor_done(o.cursor, 4);
    cursor_rewind(o.cursor);
    o.count = 0;
    cursor_rig_run(&rig, 0);
    assert_ids(&o, 5, 10);
    append(11, 12);
    assert_ids(&o, 5, 12);
}

/* The owner's pace is his own: two windows are read ahead, no more. */
static void an_owner_that_does_not_pull_is_not_read_for(void **state)
{
    (void)state;
    static struct owner o = {.most = 3};
    struct cursor_config cfg = config_of(&o);
    append(1, 1000);
    cfg.window_bytes = 1000;
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, 0);
    assert_int_equal(o.count, 3);
    struct cursor_status s = status_of(&o);
    assert_int_equal(s.pulled, 3);
    assert_int_equal(s.lag_records, 1000);
    append(1001, 1010);
    cursor_rig_run(&rig, CURSOR_LAG_US);
    s = status_of(&o);
    assert_int_equal(s.lag_records, 1010);
    assert_true(s.lag_us >= CURSOR_LAG_US);
    o.most = IDS_MAX;
    cursor_rig_on(&rig);
    pull(&o);
    cursor_rig_run(&rig, 0);
    assert_ids(&o, 1, 1010);
}

/* 0 before the end was heard of would say that nothing is left. */
static void how_far_it_is_is_not_said_before_it_is_known(void **state)
{
    (void)state;
    static struct owner o;
    append(1, 10);
    begin(&o, CURSOR_EARLIEST, true);
    cursor_rig_run(&rig, CURSOR_STORE_US);
    cursor_free(o.cursor);
    append(11, 30);
    o = (struct owner){.most = 1};
    struct cursor_config cfg = config_of(&o);
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    assert_false(status_of(&o).placed);
    cursor_rig_run(&rig, 0);
    struct cursor_status s = status_of(&o);
    assert_true(s.placed);
    assert_int_equal(s.lag_records, 20);
    assert_ids(&o, 11, 11);
}

static void a_window_has_its_limit_and_a_name_too(void **state)
{
    (void)state;
    static struct owner o = {.most = IDS_MAX};
    char name[CURSOR_NAME_MAX + 1];
    struct cursor_config cfg = config_of(&o);
    memset(name, 'n', CURSOR_NAME_MAX);
    name[CURSOR_NAME_MAX] = '\0';
    append(1, 20);
    cfg.name = slice_str(name);
    for (uint32_t more = 0; more < 2; more++) {
        o.count = 0;
        cfg.window_bytes = CURSOR_WINDOW_MAX + more;
        o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
        assert_int_equal(o.cursor->cfg.window_bytes, CURSOR_WINDOW_MAX);
        assert_string_equal(o.cursor->name, name);
        cursor_rig_run(&rig, 0);
        assert_ids(&o, 1, 20);
        cursor_rig_on(&rig);
        cursor_free(o.cursor);
    }
    o.cursor = NULL;
}

static void who_fell_behind_is_moved_to_the_oldest_record_once(void **state)
{
    (void)state;
    static struct owner o = {.most = 1};
    cursor_rig_init(&rig, 2);
    rig.log.retention_bytes = 128 << 10;
    assert_int_equal(cursor_rig_open(&rig), OK);
    append(1, 5);
    struct cursor_config cfg = config_of(&o);
    cfg.window_bytes = 200;
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, 0);
    for (uint64_t id = 6; id <= 1000; id++) cursor_rig_append(&rig, 0, id, 1000, RECORD_TO_STREAM);
    cursor_rig_run(&rig, 30000000);
    uint64_t first = rig_ends(rig.rig, 0).first_ordinal;
    assert_true(first > 100);
    o.most = IDS_MAX;
    o.finishes = true;
    cursor_rig_on(&rig);
    pull(&o);
    cursor_rig_run(&rig, 0);
    assert_int_equal(o.ids[o.count - 1], 1000);
    uint64_t gaps = 0;
    for (size_t i = 1; i < o.count; i++) gaps += o.ids[i] != o.ids[i - 1] + 1;
    assert_int_equal(gaps, 1);
    struct cursor_status s = status_of(&o);
    assert_true(s.lost > 0);
    assert_int_equal(s.lost + o.count, 1000);
    assert_int_equal(s.done, 1000);
    cursor_rig_fini(&rig);
}

struct other {
    struct log_asker asker;
    unsigned reads, seeks;
};

static void on_other_read(struct log_asker *a, const struct log_read_done *done)
{
    CONTAINER_OF(a, struct other, asker)->reads++;
    blob_drop(done->blob);
}

static void on_other_seek(struct log_asker *a, const struct log_seek_done *done)
{
    assert_int_equal(done->err, OK);
    CONTAINER_OF(a, struct other, asker)->seeks++;
}

static void who_else_reads_on_the_lane_gets_his_answers(void **state)
{
    (void)state;
    static struct owner o;
    struct other other = {.asker = {.lane = &rig.lane,
                                    .log = rig.rig->log,
                                    .read = on_other_read,
                                    .sought = on_other_seek}};
    append(1, 3);
    begin(&o, CURSOR_EARLIEST, true);
    log_ask_read(&other.asker, &(struct log_read_msg){.max_bytes = 1000});
    log_ask_ends(&other.asker, 0, 0);
    cursor_rig_run(&rig, 0);
    assert_int_equal(other.reads, 1);
    assert_int_equal(other.seeks, 1);
    assert_ids(&o, 1, 3);
    log_ask_read(&other.asker, &(struct log_read_msg){.max_bytes = 1000});
    log_ask_forget(&other.asker);
    cursor_rig_run(&rig, 0);
    assert_int_equal(other.reads, 1);
}

static void what_is_pulled_while_the_end_is_asked_for_is_read_on(void **state)
{
    (void)state;
    static struct owner o;
    struct cursor_config cfg = config_of(&o);
    append(1, 50);
    cfg.window_bytes = 500;
    o = (struct owner){.most = 1, .finishes = true};
    o.cursor = cursor_new(cursor_rig_on(&rig), &cfg);
    cursor_rig_run(&rig, CURSOR_LAG_US - CURSOR_STORE_US);
    rig_mono_us += CURSOR_STORE_US;
    rig_turn(&rig.lane); /* asks for the end; both pieces are in hand */
    o.most = IDS_MAX;
    cursor_rig_on(&rig);
    pull(&o);
    assert_true(o.count < 50);
    cursor_rig_run(&rig, 0);
    assert_ids(&o, 1, 50);
}

static void freed_in_the_middle_nothing_is_left(void **state)
{
    (void)state;
    static struct owner o = {.most = 2};
    struct cursor_config cfg = config_of(&o);
    append(1, 100);
    cfg.window_bytes = 500;
    for (int turns = 0; turns < 12; turns++) {
        struct cursor *c = cursor_new(cursor_rig_on(&rig), &cfg);
        for (int i = 0; i < turns; i++)
            rig_turn(rig.rig->office.lanes[(unsigned)i % rig.rig->office.count]);
        cursor_rig_on(&rig);
        cursor_free(c);
    }
    cursor_rig_run(&rig, 0);
}

/* ---- crashes: at least once, in order, wherever the power goes */

static uint64_t dice;

static uint64_t roll(uint64_t sides)
{
    uint64_t z = (dice += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % sides;
}

/* Of the records that came over all lives: nothing between two that are durable was left out. */
static void check_life(const struct owner *o, uint64_t *seen)
{
    if (o->count) assert_true(o->ordinals[0] <= *seen);
    for (size_t i = 1; i < o->count; i++) assert_int_equal(o->ordinals[i], o->ordinals[i - 1] + 1);
    if (o->count) *seen = MAX(*seen, o->ordinals[o->count - 1] + 1);
}

static void live(struct owner *o, uint64_t *id)
{
    begin(o, CURSOR_EARLIEST, roll(2));
    io_mem_cut_power(rig.io, 1 + roll(60));
    for (unsigned acts = 0; acts < 40; acts++) {
        if (roll(3)) cursor_rig_append(&rig, 0, ++*id, BODY + roll(2000), RECORD_TO_STREAM);
        cursor_rig_on(&rig);
        if (!o->finishes && o->count && roll(2) && log_healthy(rig.rig->log))
            cursor_done(o->cursor, o->ordinals[roll(o->count)] + 1);
        cursor_rig_run(&rig, (int64_t)roll(CURSOR_STORE_US));
    }
}

static void a_crash_loses_nothing_and_keeps_the_order(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 16; seed++) {
        static struct owner o;
        uint64_t id = 0, seen = 0;
        dice = seed;
        cursor_rig_init(&rig, 1);
        for (unsigned lives = 0; lives < 6; lives++) {
            assert_int_equal(cursor_rig_open(&rig), OK);
            live(&o, &id);
            check_life(&o, &seen);
            cursor_rig_close(&rig);
            io_mem_cut_power(rig.io, 0);
            io_mem_crash(rig.io, roll(UINT32_MAX));
        }
        cursor_rig_fini(&rig);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_come_in_order_from_the_beginning_and_as_they_are_appended),
        TEST(who_is_in_no_hurry_gets_many_at_a_time),
        TEST(the_latest_is_what_is_appended_from_now_on_also_after_a_restart),
        TEST(a_time_is_a_place),
        TEST(what_is_done_is_stored_after_a_second_and_not_before),
        TEST(a_clean_stop_stores_what_is_done),
        TEST(so_it_does_for_more_cursors_than_a_unit_has_statements),
        TEST(who_is_removed_is_forgotten),
        TEST(a_position_that_the_owner_keeps_is_not_stored),
        TEST(records_of_others_are_passed_over_and_done),
        TEST(rewound_what_is_not_done_comes_again),
        TEST(an_owner_that_does_not_pull_is_not_read_for),
        TEST(how_far_it_is_is_not_said_before_it_is_known),
        TEST(a_window_has_its_limit_and_a_name_too),
        cmocka_unit_test(who_fell_behind_is_moved_to_the_oldest_record_once),
        TEST(who_else_reads_on_the_lane_gets_his_answers),
        TEST(what_is_pulled_while_the_end_is_asked_for_is_read_on),
        TEST(freed_in_the_middle_nothing_is_left),
        cmocka_unit_test(a_crash_loses_nothing_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
