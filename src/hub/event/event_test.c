/* event_test.c - events between a store and a log: words, order, refusals, memory, power cuts. */
#include "store/rig.h"

#include "base/amqp.h"
#include "hub/event/outbox.h"
#include "hub/event/test_sql.h"
#include "log/log.h"

enum { CORES = 2, PARTITIONS = 2, EVENTS_MAX = 3000, DEVICES = 4 };

/* ---- hub/session, as far as it is needed */

struct session_home {
    struct session_listener *listener;
};

void session_home_listen(struct session_home *home, struct session_listener *l)
{
    home->listener = l;
}

/* ---- a store, a log, two cores */

struct fixture {
    struct rig rig;
    struct hub hub;
    struct log *log;
    struct lane *log_lane, *log_read_lane;
    struct log_writer writers[CORES];
    struct events *events[CORES];
    struct session_home homes[CORES];
    struct log_asker reader;
    uint64_t reserve_bytes;
    /* what the log has, in its order: bodies, which are "device number" */
    unsigned count;
    struct {
        char device[8];
        unsigned number;
        enum record_source source;
        struct buf pairs, sections;
    } seen[EVENTS_MAX];
};

static struct fixture f;

static void take_frame(const struct record *rec)
{
    struct amqp_message m;
    char body[32];
    assert_true(f.count < EVENTS_MAX);
    assert_int_equal(amqp_message_parse(rec->sections, &m), OK);
    snprintf(body, sizeof body, "%.*s", SLICE_ARG(m.data));
    if (sscanf(body, "%7s %u", f.seen[f.count].device, &f.seen[f.count].number) != 2)
        f.seen[f.count].number = UINT32_MAX;
    f.seen[f.count].source = rec->source;
    buf_put_slice(&f.seen[f.count].pairs, rec->pairs);
    buf_put_slice(&f.seen[f.count].sections, rec->sections);
    f.count++;
}

static void ask_log(unsigned partition, uint64_t from)
{
    struct log_read_msg body = {
        .partition = (uint16_t)partition, .max_bytes = LOG_READ_MAX, .from_ordinal = from};
    rig_on(f.rig.cores[0]);
    log_ask_read(&f.reader, &body);
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    (void)a;
    if (done->err != OK) return; /* the end */
    struct slice bytes = slice_of(blob_slice(done->blob).ptr + done->offset, done->len);
    for (struct record rec; bytes.len && record_parse(bytes, &rec) == OK;) {
        take_frame(&rec);
        bytes = slice_from(bytes, rec.frame.len);
    }
    blob_drop(done->blob);
    ask_log(done->partition, done->next);
}

static void forget_seen(void)
{
    while (f.count) {
        f.count--;
        buf_free(&f.seen[f.count].pairs);
        buf_free(&f.seen[f.count].sections);
    }
}

static void read_log(void)
{
    forget_seen();
    for (unsigned p = 0; p < PARTITIONS; p++) {
        ask_log(p, 0);
        rig_run(&f.rig);
    }
}

static void open_all(void)
{
    f.log_lane = rig_lane(&f.rig, "log");
    f.log_read_lane = rig_lane(&f.rig, "logread");
    struct log_config cfg = {.io = f.rig.io,
                             .partitions = PARTITIONS,
                             .journal_bytes = LOG_JOURNAL_MIN,
                             .segment_bytes = 1 << 20,
                             .reserve_bytes = f.reserve_bytes};
    assert_int_equal(log_open(&cfg, f.log_lane, f.log_read_lane, &f.log), OK);
    f.hub = (struct hub){.office = &f.rig.office,
                         .core_count = CORES,
                         .store = f.rig.store,
                         .log = f.log,
                         .name = "hub",
                         .events = ~0u};
    for (unsigned i = 0; i < CORES; i++) f.hub.cores[i] = f.rig.cores[i]->id;
    for (unsigned i = 0; i < CORES; i++) {
        rig_on(f.rig.cores[i]);
        log_writer_init(&f.writers[i], f.log, f.rig.cores[i]);
        assert_int_equal(events_new(&f.hub, f.rig.cores[i], &f.writers[i], &f.events[i]), OK);
        events_watch_sessions(f.events[i], &f.homes[i]);
    }
    f.reader = (struct log_asker){.lane = f.rig.cores[0], .log = f.log, .read = on_read};
}

static void close_all(void)
{
    for (unsigned i = 0; i < CORES; i++) {
        events_free(f.events[i]);
        log_writer_fini(&f.writers[i]);
    }
    log_close(f.log);
}

static int set_up(void **state)
{
    (void)state;
    f.reserve_bytes = 0;
    rig_init_cores(&f.rig, io_mem_new(), CORES);
    open_all();
    rig_run(&f.rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    forget_seen();
    rig_fini(&f.rig);
    return 0;
}

static void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

static struct events *home_of(const char *device)
{
    bool first = hub_home(&f.hub, slice_str(device)).lane == f.hub.cores[0];
    rig_on(f.rig.cores[first ? 0 : 1]);
    return f.events[first ? 0 : 1];
}

/* ---- changes: a unit with nothing but the event */

struct change {
    struct store_wait wait;
    struct events *events;
    struct event *event;
    bool asked, answered;
};

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct change *c = CONTAINER_OF(w, struct change, wait);
    assert_int_equal(a->err, OK);
    c->answered = true;
    event_stored(c->events, c->event);
}

static void begin_change(struct change *c, const char *device, unsigned number)
{
    char body[32];
    struct store_request u;
    snprintf(body, sizeof body, "%s %u", device, number);
    *c = (struct change){.wait.fn = on_stored, .events = home_of(device), .asked = true};
    store_begin_unit(&u, STORE_INTERACTIVE);
    c->event = event_add(c->events, &u,
                         &(struct event_draft){.source = RECORD_TWIN_CHANGE,
                                               .who = slice_str(device),
                                               .op = "updateTwin",
                                               .body = slice_str(body)});
    store_ask(f.rig.store, c->events->lane, &u, &c->wait);
}

static struct change changes[EVENTS_MAX];

static unsigned rows(void)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_test_event_count);
    assert_int_equal(store_now_query(f.rig.store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    unsigned count = (unsigned)a.col[0].number;
    msg_free(page);
    return count;
}

/* Nothing of `device` from 0 to `count` is missing, and what comes first is in order. */
static void expect_all(const char *device, unsigned count)
{
    unsigned next = 0;
    for (unsigned i = 0; i < f.count; i++)
        if (strcmp(f.seen[i].device, device) == 0 && f.seen[i].number == next) next++;
    assert_int_equal(next, count);
}

/* ---- cases */

static void an_event_has_the_words_of_the_schema(void **state)
{
    (void)state;
    struct amqp_message m;
    struct store_request u;
    struct change c = {.wait.fn = on_stored, .events = home_of("d1")};
    store_begin_unit(&u, STORE_INTERACTIVE);
    c.event = event_add(c.events, &u,
                        &(struct event_draft){.source = RECORD_DEVICE_LIFECYCLE,
                                              .who = SLICE_LIT("d1/m1"),
                                              .op = "createModuleIdentity",
                                              .body = SLICE_LIT("{}")});
    store_ask(f.rig.store, c.events->lane, &u, &c.wait);
    rig_run(&f.rig);
    read_log();
    assert_int_equal(f.count, 1);
    assert_int_equal(f.seen[0].source, RECORD_DEVICE_LIFECYCLE);
    static const char *const pairs[] = {"iothub-connection-device-id",
                                        "iothub-connection-module-id", "iothub-enqueuedtime",
                                        "iothub-message-source", "deviceLifecycleEvents"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_non_null(memmem(buf_slice(&f.seen[0].pairs).ptr, buf_size(&f.seen[0].pairs),
                               pairs[i], strlen(pairs[i])));
    assert_int_equal(amqp_message_parse(buf_slice(&f.seen[0].sections), &m), OK);
    static const char *const words[] = {"hubName",
                                        "deviceId",
                                        "moduleId",
                                        "operationTimestamp",
                                        "iothub-message-schema",
                                        "moduleLifecycleNotification",
                                        "opType",
                                        "createModuleIdentity",
                                        "application/json",
                                        "utf-8"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_non_null(memmem(buf_slice(&f.seen[0].sections).ptr, buf_size(&f.seen[0].sections),
                               words[i], strlen(words[i])));
    assert_int_equal(rows(), 0);
}

static void sources_are_named_as_routes_name_them(void **state)
{
    (void)state;
    enum record_source source;
    assert_int_equal(event_source_of(SLICE_LIT("twinchangeevents"), &source), OK);
    assert_int_equal(source, RECORD_TWIN_CHANGE);
    assert_int_equal(event_source_of(SLICE_LIT("DeviceConnectionStateEvents"), &source), OK);
    assert_int_equal(source, RECORD_CONNECTION_STATE);
    assert_int_equal(event_source_of(SLICE_LIT("DeviceMessages"), &source), ERR_INVALID);
    assert_int_equal(event_source_of(SLICE_LIT(""), &source), ERR_INVALID);
    assert_false(event_wanted(NULL, RECORD_TWIN_CHANGE));
}

/* ---- connections */

static void session(const char *who, unsigned number) /* 0: it has ended */
{
    struct session_listener *l = &home_of(who)->listener;
    struct session_link link = {.session = {.lane = 1, .slot = number}, .features = 1};
    l->changed(l, slice_str(who), number ? &link : NULL);
}

static struct slice body_of(unsigned i)
{
    struct amqp_message m;
    assert_int_equal(amqp_message_parse(buf_slice(&f.seen[i].sections), &m), OK);
    return m.data;
}

/* "+-" for deviceConnected and deviceDisconnected, of one partition; sequence numbers rise. */
static void expect_connections(const char *signs)
{
    read_log();
    assert_int_equal(f.count, strlen(signs));
    for (unsigned i = 0; i < f.count; i++) {
        const char *op = signs[i] == '+' ? "deviceConnected" : "deviceDisconnected";
        assert_int_equal(f.seen[i].source, RECORD_CONNECTION_STATE);
        assert_non_null(memmem(buf_slice(&f.seen[i].sections).ptr, buf_size(&f.seen[i].sections),
                               op, strlen(op)));
        assert_int_equal(body_of(i).len, strlen("{\"sequenceNumber\":\"\"}") + 64);
        if (i) assert_true(memcmp(body_of(i - 1).ptr, body_of(i).ptr, body_of(i).len) < 0);
    }
}

static void who_connects_and_leaves_is_told_once(void **state)
{
    (void)state;
    session("d1", 1);
    session("d1", 1); /* other features */
    rig_run(&f.rig);
    session("d1", 0);
    session("d1", 0);
    rig_run(&f.rig);
    expect_connections("+-");
    assert_int_equal(rows(), 0);
}

static void a_takeover_is_a_leave_and_a_connect(void **state)
{
    (void)state;
    session("d1", 1);
    session("d1", 0); /* while the store is asked for the first */
    session("d1", 2);
    rig_run(&f.rig);
    expect_connections("+-+");
    session("d1", 0);
    session("d1", 3);
    rig_run(&f.rig);
    expect_connections("+-+-+");
}

static void who_comes_and_goes_while_others_are_told_of_is_not_told(void **state)
{
    (void)state;
    session("d1", 1);
    session("d1", 0);
    session("d1", 2);
    session("d1", 0);
    rig_run(&f.rig);
    expect_connections("+-");
    assert_int_equal(home_of("d1")->links.count, 0);
}

static void who_was_connected_when_the_power_went_has_left(void **state)
{
    (void)state;
    home_of("d1")->next_id += 3600 * INT64_C(1000000); /* later the clock is wrong, too */
    session("d1", 1);
    rig_run(&f.rig);
    io_mem_crash(f.rig.io, 1);
    restart();
    rig_pass(&f.rig, EVENT_RETRY_US);
    expect_connections("+-");
    session("d1", 1);
    rig_run(&f.rig);
    expect_connections("+-+");
    restart();
    session("d1", 1); /* before the store was asked */
    rig_pass(&f.rig, EVENT_RETRY_US);
    expect_connections("+-+-+");
}

static void more_than_a_unit_of_connections_are_told(void **state)
{
    (void)state;
    char who[16];
    for (unsigned i = 0; i <= EVENT_CONNECTIONS_MAX; i++) {
        snprintf(who, sizeof who, "d1/m%u", i); /* all at one home */
        session(who, i + 1);
    }
    struct events *e = home_of("d1");
    unsigned asked = 0;
    LIST_EACH(node, &e->asked) asked++;
    assert_int_equal(asked, 1); /* the first one's unit is under way */
    rig_run(&f.rig);
    read_log();
    assert_int_equal(f.count, EVENT_CONNECTIONS_MAX + 1);
    assert_true(list_empty(&e->changed) && list_empty(&e->asked));
}

/* Those that are logged go in units of so many. */
static void more_than_a_unit_of_events_is_deleted(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= EVENT_DELETES_MAX; n++) begin_change(&changes[n], "d1", n);
    rig_run(&f.rig);
    read_log();
    expect_all("d1", EVENT_DELETES_MAX + 1);
    assert_int_equal(rows(), 0);
    assert_true(list_empty(&home_of("d1")->done) && list_empty(&home_of("d1")->deleting));
}

static void what_has_no_room_in_memory_is_read_from_the_store_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3 * EVENT_PAGE_ROWS / 2 };
    for (unsigned i = 0; i < CORES; i++) f.events[i]->bytes_max = 2000; /* a few */
    for (unsigned n = 0; n < COUNT; n++) {
        begin_change(&changes[n], "d1", n);
        if (n % 100 == 99) rig_run(&f.rig);
    }
    rig_run(&f.rig);
    read_log();
    assert_int_equal(f.count, COUNT); /* none twice */
    expect_all("d1", COUNT);
    assert_int_equal(rows(), 0);
    assert_false(home_of("d1")->behind);
    assert_int_equal(home_of("d1")->bytes, 0);
}

static void what_the_log_refuses_is_sent_again_in_order(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    io_mem_capacity(f.rig.io, 64 << 20);
    f.reserve_bytes = 1 << 20;
    restart();
    rig_run(&f.rig);
    io_mem_capacity(f.rig.io, 1 << 20); /* below the reserve; the store has none */
    for (unsigned n = 0; n < COUNT; n++) {
        begin_change(&changes[n], "d1", n);
        if (n % 10 == 9) rig_pass(&f.rig, 100000);
    }
    read_log();
    assert_int_equal(f.count, 0);
    assert_int_equal(rows(), COUNT);
    io_mem_capacity(f.rig.io, 64 << 20);
    for (int i = 0; i < 10; i++) rig_pass(&f.rig, EVENT_RETRY_US);
    read_log();
    assert_int_equal(f.count, COUNT);
    expect_all("d1", COUNT);
    assert_int_equal(rows(), 0);
}

/* ---- power cuts */

static uint64_t random_state;

static uint64_t next_random(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1D >> 16;
}

struct device {
    char id[8];
    unsigned asked, acknowledged; /* changes, in order */
    struct change changes[400];
};

static struct device devices[DEVICES];

static void take_answers(void)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        struct device *d = &devices[i];
        while (d->acknowledged < d->asked && d->changes[d->acknowledged].answered)
            d->acknowledged++;
    }
}

static void step(void)
{
    struct device *d = &devices[next_random() % DEVICES];
    if (next_random() % 4 == 0 && d->asked < 400) {
        begin_change(&d->changes[d->asked], d->id, d->asked);
        d->asked++;
    }
    while (next_random() % 3) {
        struct lane *lane = f.rig.office.lanes[next_random() % f.rig.office.count];
        lane_run_once(lane, rig_mono_us);
    }
    if (next_random() % 64 == 0) rig_mono_us += EVENT_RETRY_US;
    take_answers();
}

/* What was asked without an answer may have happened, from the first on: the store keeps the order. */
static void check_after_cut(void)
{
    read_log();
    for (unsigned i = 0; i < DEVICES; i++) {
        struct device *d = &devices[i];
        unsigned next = 0;
        for (unsigned k = 0; k < f.count; k++) {
            if (strcmp(f.seen[k].device, d->id) != 0) continue;
            assert_true(f.seen[k].number <= next); /* again, or the next one */
            if (f.seen[k].number == next) next++;
        }
        assert_true(next >= d->acknowledged);
        assert_true(next <= d->asked);
        d->asked = d->acknowledged = next;
    }
}

static void no_event_of_an_acknowledged_change_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        random_state = seed * 0x9E3779B97F4A7C15 + 1;
        for (unsigned i = 0; i < DEVICES; i++) {
            devices[i].asked = devices[i].acknowledged = 0;
            snprintf(devices[i].id, sizeof devices[i].id, "d%u", i);
        }
        for (unsigned round = 0; round < 5; round++) {
            for (unsigned i = 0; i < CORES; i++)
                f.events[i]->bytes_max = next_random() % 2 ? 1500 : EVENT_PENDING_BYTES;
            for (unsigned i = 0; i < 300; i++) step();
            take_answers();
            io_mem_crash(f.rig.io, next_random() % 3 ? next_random() : 0);
            for (unsigned i = 0; i < DEVICES; i++)
                for (unsigned n = devices[i].acknowledged; n < devices[i].asked; n++)
                    if (!devices[i].changes[n].answered) event_drop(devices[i].changes[n].event);
            restart();
            for (int i = 0; i < 3; i++) rig_pass(&f.rig, EVENT_RETRY_US);
            check_after_cut();
            assert_int_equal(rows(), 0);
        }
        tear_down(NULL);
        set_up(NULL);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_event_has_the_words_of_the_schema),
        CASE(sources_are_named_as_routes_name_them),
        CASE(who_connects_and_leaves_is_told_once),
        CASE(a_takeover_is_a_leave_and_a_connect),
        CASE(who_comes_and_goes_while_others_are_told_of_is_not_told),
        CASE(who_was_connected_when_the_power_went_has_left),
        CASE(more_than_a_unit_of_connections_are_told),
        CASE(more_than_a_unit_of_events_is_deleted),
        CASE(what_has_no_room_in_memory_is_read_from_the_store_in_order),
        CASE(what_the_log_refuses_is_sent_again_in_order),
        CASE(no_event_of_an_acknowledged_change_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
