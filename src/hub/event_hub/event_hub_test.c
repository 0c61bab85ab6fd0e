/* event_hub_test.c - event hubs between a store and a log: rules, limits, kills at every call. */
#include "base/limit.h"
#include "hub/event_hub/streams_rig.h"

enum { CORES = 3 };

static struct streams f;
static unsigned gone; /* how often a core was told */

static void note_gone(void *ctx, const struct event_hub *h)
{
    (void)ctx, (void)h;
    gone++;
}

static void open_all(void)
{
    streams_open(&f, &(struct log_config){.partitions = 2, .journal_bytes = LOG_JOURNAL_MIN});
    for (unsigned i = 0; i < CORES; i++) event_hubs_on_gone(f.hubs[i], note_gone, NULL);
}

static void restart(void)
{
    streams_close(&f);
    rig_restart(&f.rig);
    open_all();
}

static int set_up(void **state)
{
    (void)state;
    gone = 0;
    rig_init_cores(&f.rig, io_mem_new(), CORES);
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    streams_close(&f);
    rig_fini(&f.rig);
    return 0;
}

/* ---- asking */

struct asker {
    struct event_hub_wait wait;
    unsigned answers;
    enum err result;
    bool created;
};

static void note_result(struct event_hub_wait *w, enum err result, bool created)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    a->created = created;
}

static struct asker put_wish(unsigned core, const struct event_hub_wish *wish)
{
    struct asker a = {.wait.fn = note_result};
    rig_on(f.rig.cores[core]);
    event_hub_put(f.hubs[core], wish, &a.wait);
    rig_run(&f.rig);
    assert_int_equal(a.answers, 1);
    return a;
}

static struct asker put(unsigned core, const char *name, unsigned partitions, int64_t hours)
{
    struct event_hub_wish wish = {slice_str(name), partitions, .says_age = hours != 0};
    wish.keep.age_us = hours * EVENT_HUB_HOUR_US;
    return put_wish(core, &wish);
}

static enum err drop(unsigned core, const char *name)
{
    struct asker a = {.wait.fn = note_result};
    rig_on(f.rig.cores[core]);
    event_hub_delete(f.hubs[core], slice_str(name), &a.wait);
    rig_run(&f.rig);
    assert_int_equal(a.answers, 1);
    return a.result;
}

/* NULL: no core knows it; all must agree. */
static const struct event_hub *known(const char *name)
{
    const struct event_hub *first = event_hub_find(f.hubs[0], slice_str(name));
    for (unsigned i = 1; i < CORES; i++) {
        const struct event_hub *h = event_hub_find(f.hubs[i], slice_str(name));
        assert_int_equal(h != NULL, first != NULL);
        if (h) assert_memory_equal(h, first, sizeof *h);
    }
    return first;
}

/* ---- tests */

static void event_hubs_come_and_go_on_every_core_and_stay_after_a_restart(void **state)
{
    (void)state;
    struct asker a = put(1, "Orders", 8, 48);
    assert_int_equal(a.result, OK);
    assert_true(a.created);
    put(2, "alarms", 0, 0);
    for (int round = 0; round < 2; round++) {
        const struct event_hub *h = known("orders");
        assert_string_equal(h->name, "Orders");
        assert_int_equal(h->partitions, 8);
        assert_int_equal(h->keep.age_us, 48 * EVENT_HUB_HOUR_US);
        assert_int_equal(log_partitions(f.log, h->stream), 8);
        assert_ptr_equal(event_hub_of_stream(f.hubs[0], h->stream), known("ORDERS"));
        assert_int_equal(known("alarms")->partitions, EVENT_HUB_PARTITIONS_DEFAULT);
        assert_int_equal(known("alarms")->keep.age_us, EVENT_HUB_HOURS_DEFAULT * EVENT_HUB_HOUR_US);
        restart();
    }
    unsigned stream = known("orders")->stream;
    assert_int_equal(drop(0, "ORDERS"), OK);
    assert_int_equal(gone, CORES);
    assert_int_equal(drop(1, "orders"), ERR_NOT_FOUND);
    assert_null(known("orders"));
    assert_int_equal(log_partitions(f.log, stream), 0);
    restart();
    assert_null(known("orders"));
    assert_true(put(0, "orders", 1, 0).created);
    assert_true(known("orders")->stream > stream);
}

static void what_is_there_gets_another_retention_but_no_other_partitions(void **state)
{
    (void)state;
    put(0, "orders", 2, 1);
    struct asker a = put(1, "orders", 2, 5);
    assert_int_equal(a.result, OK);
    assert_false(a.created);
    assert_int_equal(put(0, "Orders", 0, 0).result, OK); /* as it is */
    assert_int_equal(known("orders")->keep.age_us, 5 * EVENT_HUB_HOUR_US);
    assert_int_equal(put(0, "orders", 4, 0).result, ERR_EXISTS);
    restart();
    assert_int_equal(known("orders")->keep.age_us, 5 * EVENT_HUB_HOUR_US);
    assert_int_equal(known("orders")->partitions, 2);
}

/* Or who bounds the size would have kept everything of each age. */
static void time_and_size_are_said_each_for_itself(void **state)
{
    (void)state;
    struct event_hub_wish size = {
        .name = SLICE_LIT("orders"), .says_bytes = true, .keep.bytes = 7000};
    assert_int_equal(put_wish(0, &size).result, OK);
    assert_int_equal(known("orders")->keep.age_us, EVENT_HUB_HOURS_DEFAULT * EVENT_HUB_HOUR_US);
    assert_int_equal(known("orders")->keep.bytes, 7000);
    assert_int_equal(put(0, "orders", 0, 3).result, OK);
    assert_int_equal(known("orders")->keep.age_us, 3 * EVENT_HUB_HOUR_US);
    assert_int_equal(known("orders")->keep.bytes, 7000);
    size.keep.bytes = 0;
    assert_int_equal(put_wish(0, &size).result, OK);
    assert_int_equal(known("orders")->keep.age_us, 3 * EVENT_HUB_HOUR_US);
    assert_int_equal(known("orders")->keep.bytes, 0);
}

static void names_and_numbers_have_rules(void **state)
{
    (void)state;
    char longest[EVENT_HUB_NAME_MAX + 1] = {0}, longer[EVENT_HUB_NAME_MAX + 2] = {0};
    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    const struct {
        const char *name;
        unsigned partitions;
        int64_t hours;
        enum err err;
    } rows[] = {
        {"a", 1, 1, OK},
        {longest, 1, EVENT_HUB_HOURS_MAX, OK},
        {"b.2-c_d", EVENT_HUB_PARTITIONS_MAX, 1, OK},
        {longer, 1, 1, ERR_INVALID},
        {"", 1, 1, ERR_INVALID},
        {"a/b", 1, 1, ERR_INVALID},
        {".a", 1, 1, ERR_INVALID},
        {"$management", 1, 1, ERR_INVALID},
        {"c", EVENT_HUB_PARTITIONS_MAX + 1, 1, ERR_INVALID},
        {"c", 1, EVENT_HUB_HOURS_MAX + 1, ERR_INVALID},
        {"c", 1, -1, ERR_INVALID},
        {"Factory", 1, 1, ERR_EXISTS}, /* the built-in one */
        {"messages", 1, 1, ERR_EXISTS},
        {"devices", 1, 1, ERR_EXISTS},
        {"0NE00000001", 1, 1, ERR_EXISTS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(put(0, rows[i].name, rows[i].partitions, rows[i].hours).result,
                         rows[i].err);
    assert_int_equal(drop(0, "a/b"), ERR_NOT_FOUND);
}

static void there_are_63_of_them(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < EVENT_HUBS_MAX; i++) {
        snprintf(name, sizeof name, "hub%d", i);
        assert_int_equal(put(0, name, 1, 0).result, OK);
    }
    int64_t reached = limit_reached("event-hubs");
    assert_int_equal(put(0, "more", 1, 0).result, ERR_FULL);
    assert_int_equal(limit_reached("event-hubs") - reached, 1);
    assert_int_equal(put(0, "hub7", 1, 3).result, OK);
    assert_int_equal(drop(0, "hub7"), OK);
    assert_int_equal(put(0, "more", 1, 0).result, OK);
    restart();
    assert_int_equal(put(0, "hub7", 1, 0).result, ERR_FULL);
}

static void partitions_of_all_have_a_limit(void **state)
{
    (void)state;
    assert_int_equal(put(0, "a", 256, 0).result, OK);
    assert_int_equal(put(0, "b", 256, 0).result, OK);
    assert_int_equal(put(0, "c", 256, 0).result, OK);
    assert_int_equal(put(0, "d", 255, 0).result, ERR_FULL);
    assert_int_equal(put(0, "d", 254, 0).result, OK); /* with the 2 of the built-in one */
}

static void changes_happen_one_after_the_other(void **state)
{
    (void)state;
    enum { N = EVENT_HUB_CHANGES_MAX };
    struct asker a[N + 1];
    struct event_hub_wish wish = {.name = SLICE_LIT("h"), .partitions = 1};
    rig_on(f.rig.cores[1]);
    for (int i = 0; i <= N; i++) {
        a[i] = (struct asker){.wait.fn = note_result};
        if (i % 2)
            event_hub_delete(f.hubs[1], SLICE_LIT("h"), &a[i].wait);
        else
            event_hub_put(f.hubs[1], &wish, &a[i].wait);
    }
    rig_run(&f.rig);
    for (int i = 0; i <= N; i++) {
        assert_int_equal(a[i].answers, 1);
        assert_int_equal(a[i].result, i == N ? ERR_THROTTLED : OK);
    }
    assert_null(known("h"));
}

static void groups_go_with_their_event_hub(void **state)
{
    (void)state;
    put(0, "orders", 1, 0);
    unsigned stream = known("orders")->stream;
    struct consumer_group_wait w = {.fn = NULL};
    rig_on(f.rig.cores[0]);
    consumer_group_create(f.groups[0], stream, SLICE_LIT("readers"), &w);
    consumer_group_forget(f.groups[0], &w);
    rig_run(&f.rig);
    assert_true(consumer_group_exists(f.groups[2], stream, SLICE_LIT("readers")));
    assert_int_equal(drop(0, "orders"), OK);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < CORES; i++)
            assert_false(consumer_group_exists(f.groups[i], stream, SLICE_LIT("readers")));
        restart();
    }
}

static void ignore(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    (void)core, (void)who, (void)cookie;
    assert_int_equal(result, OK);
}

static void what_a_core_appended_comes_before_the_drop(void **state)
{
    (void)state;
    put(0, "orders", 1, 0);
    struct asker a = {.wait.fn = note_result};
    rig_on(f.rig.cores[1]);
    event_hub_delete(f.hubs[1], SLICE_LIT("orders"), &a.wait);
    const struct event_hub *h;
    while ((h = event_hub_find(f.hubs[2], SLICE_LIT("orders"))) != NULL) {
        rig_on(f.rig.cores[2]);
        log_begin(&f.writers[2], h->stream, 0, RECORD_TELEMETRY, RECORD_TO_STREAM);
        log_pairs_done(&f.writers[2], 0);
        log_end(&f.writers[2], ignore, lane_addr(f.rig.cores[2]), 0);
        rig_step(&f.rig);
    }
    rig_run(&f.rig);
    assert_int_equal(a.result, OK);
    assert_int_equal(rig_metric("azimuth_log_stray_records_total"), 0);
}

/* Power fails at the n-th call of the disk, for every n: the store and the log agree afterwards, and
 * what was answered holds. */
static bool survives(uint64_t n, bool deleting)
{
    set_up(NULL);
    put(0, "stays", 2, 0);
    if (deleting) put(0, "orders", 3, 0);
    struct asker a = {.wait.fn = note_result};
    struct event_hub_wish wish = {.name = SLICE_LIT("orders"), .partitions = 3};
    rig_on(f.rig.cores[1]);
    io_mem_cut_power(f.rig.io, n);
    if (deleting)
        event_hub_delete(f.hubs[1], SLICE_LIT("orders"), &a.wait);
    else
        event_hub_put(f.hubs[1], &wish, &a.wait);
    rig_run(&f.rig);
    bool answered = a.answers && a.result == OK;
    streams_close(&f);
    rig_close(&f.rig);
    io_mem_crash(f.rig.io, n);
    assert_int_equal(rig_open(&f.rig), OK);
    open_all();
    const struct event_hub *h = known("orders");
    if (answered) assert_int_equal(h == NULL, deleting);
    unsigned streams = 0;
    for (unsigned stream = 1; stream < 10; stream++) streams += log_partitions(f.log, stream) > 0;
    assert_int_equal(streams, h ? 2 : 1);
    assert_int_equal(log_partitions(f.log, known("stays")->stream), 2);
    if (h) assert_int_equal(log_partitions(f.log, h->stream), 3);
    assert_int_equal(put(0, "orders", 3, 0).result, OK);
    tear_down(NULL);
    return answered;
}

static void a_power_cut_leaves_an_event_hub_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int deleting = 0; deleting < 2; deleting++) {
        uint64_t n = 1;
        while (!survives(n, deleting)) assert_true(++n < 200);
        assert_true(n > 5);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(event_hubs_come_and_go_on_every_core_and_stay_after_a_restart),
        CASE(what_is_there_gets_another_retention_but_no_other_partitions),
        CASE(time_and_size_are_said_each_for_itself),
        CASE(names_and_numbers_have_rules),
        CASE(there_are_63_of_them),
        CASE(partitions_of_all_have_a_limit),
        CASE(changes_happen_one_after_the_other),
        CASE(groups_go_with_their_event_hub),
        CASE(what_a_core_appended_comes_before_the_drop),
        cmocka_unit_test(a_power_cut_leaves_an_event_hub_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
