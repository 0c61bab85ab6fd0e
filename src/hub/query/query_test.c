/* query_test.c - pages over a store: what is in them, where the next one goes on, limits. */
#include "base/limit.h"
#include "hub/query/fixture_test.h"

#include "hub/query/run.h"
#include "hub/query/test_sql.h"

static uint64_t rows_looked_at(void)
{
    return (uint64_t)rig_metric("azimuth_query_rows_total");
}

static void three_devices_and_modules(void)
{
    put_identity("d1", "{}");
    put_identity("d2", "{\"status\":\"disabled\"}");
    put_identity("d3", "{\"capabilities\":{\"iotEdge\":true}}");
    put_identity("d1/m1", "{}");
    put_identity("d1/m2", "{}");
    write_twin("d1", TWIN_MERGE, "{\"tags\":{\"floor\":1,\"place\":{\"city\":\"Bern\"}}}");
    write_twin("d3", TWIN_MERGE,
               "{\"tags\":{\"floor\":2},\"properties\":{\"desired\":{\"x\":[1]}}}");
    write_twin("d1/m2", TWIN_MERGE, "{\"tags\":{\"floor\":1}}");
    report("d3", "{\"fan\":1.50}");
}

static void conditions_choose_rows(void **state)
{
    (void)state;
    static const struct {
        const char *query, *rows;
    } rows[] = {
        {"SELECT deviceId FROM devices", "[{'deviceId':'d1'},{'deviceId':'d2'},{'deviceId':'d3'}]"},
        {"SELECT deviceId FROM devices WHERE tags.floor = 1", "[{'deviceId':'d1'}]"},
        {"SELECT deviceId FROM devices WHERE tags.place.city = 'Bern'", "[{'deviceId':'d1'}]"},
        {"SELECT deviceId FROM devices WHERE tags.floor > 0",
         "[{'deviceId':'d1'},{'deviceId':'d3'}]"},
        {"SELECT deviceId FROM devices WHERE tags.floor = 5", "[]"},
        {"SELECT deviceId FROM devices WHERE NOT is_defined(tags.floor)", "[{'deviceId':'d2'}]"},
        {"SELECT deviceId FROM devices WHERE status = 'disabled'", "[{'deviceId':'d2'}]"},
        {"SELECT deviceId FROM devices WHERE capabilities.iotEdge = true", "[{'deviceId':'d3'}]"},
        {"SELECT deviceId FROM devices WHERE properties.reported.fan = 1.5", "[{'deviceId':'d3'}]"},
        {"SELECT deviceId FROM devices WHERE properties.desired.$version > 1",
         "[{'deviceId':'d3'}]"},
        {"SELECT deviceId FROM devices WHERE connectionState = 'Connected'", "[]"},
        {"SELECT TOP 2 id FROM devices", "[{'id':'d1'},{'id':'d2'}]"},
        {"SELECT deviceId, moduleId FROM devices.modules WHERE tags.floor = 1",
         "[{'deviceId':'d1','moduleId':'m2'}]"},
        {"SELECT moduleId AS m FROM devices.modules WHERE NOT STARTSWITH(moduleId, '$')",
         "[{'m':'m1'},{'m':'m2'}]"},
        {"SELECT tags.floor AS f, properties.reported.fan, tags.gone FROM devices WHERE deviceId = "
         "'d3'",
         "[{'f':2,'fan':1.50}]"},
        {"SELECT tags, properties.desired.x[0] AS [[x 0]] FROM devices WHERE deviceId = 'd3'",
         "[{'tags':{'floor':2},'x 0':1}]"},
        {"SELECT COUNT() AS n FROM devices", "[{'n':3}]"},
        {"SELECT COUNT() AS n FROM devices.modules", "[{'n':4}]"},
        {"SELECT TOP 1 status FROM devices GROUP BY status", "[{'status':'enabled'}]"},
        {"SELECT COUNT() FROM devices WHERE tags.floor = 9", "[{'$1':0}]"},
        {"SELECT COUNT(tags.floor) AS n, SUM(tags.floor) AS sum, AVG(tags.floor) AS avg, "
         "MIN(tags.floor) AS min, MAX(deviceId) AS max FROM devices",
         "[{'n':2,'sum':3,'avg':1.5,'min':1,'max':'d3'}]"},
        {"SELECT status, COUNT() AS n FROM devices GROUP BY status",
         "[{'status':'enabled','n':2},{'status':'disabled','n':1}]"},
        {"SELECT tags.floor AS f, COUNT() AS n FROM devices GROUP BY tags.floor",
         "[{'f':1,'n':1},{'n':1},{'f':2,'n':1}]"},
        {"SELECT * FROM devices.jobs", "[]"},
    };
    three_devices_and_modules();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "%s", rows[i].rows);
        for (char *c = expected; *c; c++)
            if (*c == '\'') *c = '"';
        assert_string_equal(rows_of(rows[i].query, 100), expected);
        assert_string_equal(rows_of(rows[i].query, 1), expected);
    }
}

/* A twin is read if the index has all that it can say: five values of a range, not six. */
static void ranges_with_few_values_are_looked_up(void **state)
{
    (void)state;
    char who[16], json[96];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(who, sizeof who, "d%02u", i);
        snprintf(json, sizeof json, "{\"tags\":{\"a\":1,\"five\":%u,\"six\":%u,\"name\":\"n%u\"}}",
                 i % 10, i % 12, i % 3);
        put_identity(who, "{}");
        write_twin(who, TWIN_MERGE, json);
    }
    static const struct {
        const char *condition;
        unsigned rows, looked_at;
    } rows[] = {
        {"tags.a = 1 AND tags.five < 5", 15, 15},
        {"tags.a = 1 AND tags.six < 6", 18, 30},
        {"tags.a = 1 AND STARTSWITH(tags.name, 'n1')", 10, 10},
        {"tags.a = 1 AND tags.five > 100", 0, 0},
        {"tags.a = 1 AND tags.five = 3 AND tags.name = 'n0'", 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char query[160];
        struct page p = {0};
        uint64_t before = rows_looked_at();
        snprintf(query, sizeof query, "SELECT * FROM devices WHERE %s", rows[i].condition);
        assert_int_equal(ask(&p, query, 100, false), STATUS_OK);
        if (p.count != rows[i].rows || rows_looked_at() - before > rows[i].looked_at)
            fail_msg("%s: %u rows of %llu", rows[i].condition, p.count,
                     (unsigned long long)(rows_looked_at() - before));
        page_free(&p);
    }
}

static void connected(const char *who, bool is)
{
    unsigned core = 0;
    while (f.hub.cores[core] != hub_home(&f.hub, slice_str(who)).lane) core++;
    rig_on(f.rig.cores[core]);
    registry_set_connected(f.registries[core], slice_str(who), is, rig_wall());
}

/* No twin is read of who is not connected, on any core; a page goes on where the one before ended. */
static void who_is_connected_is_found_without_a_scan(void **state)
{
    (void)state;
    char who[16];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(who, sizeof who, "d%03u", i);
        put_identity(who, "{}");
        if (i % 2 == 0) connected(who, true);
    }
    put_identity("d000/m", "{}");
    connected("d000/m", true);
    connected("d004", false);
    uint64_t before = 0;
    struct json *j;
    struct arena a = {0};
    static const struct {
        const char *query;
        unsigned rows;
    } rows[] = {
        {"SELECT deviceId FROM devices WHERE connectionState = 'Connected'", 99},
        {"SELECT deviceId FROM devices.modules WHERE connectionState = 'Connected'", 1},
        {"SELECT deviceId FROM devices WHERE NOT connectionState != 'Connected'", 99},
        {"SELECT deviceId FROM devices WHERE lastActivityTime > '2000'", 100},
        {"SELECT expectedActivityTime FROM devices WHERE expectedActivityTime > '2000'", 100},
        {"SELECT deviceId FROM devices WHERE expectedActivityTime > '0001-01-02' AND "
         "expectedActivityTime < '2000'",
         0},
        {"SELECT deviceId FROM devices WHERE connectionState = 'Disconnected' AND "
         "lastActivityTime > '2000'",
         1},
    };
    for (unsigned max = 7; max <= 1000; max += 993) {
        before = rows_looked_at();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            assert_int_equal(json_parse(&a, slice_str(rows_of(rows[i].query, max)), &j), OK);
            unsigned count = 0;
            for (const struct json *row = j->child; row; row = row->next) count++;
            if (count != rows[i].rows) fail_msg("%s: %u", rows[i].query, count);
        }
    }
    assert_int_equal(rows_looked_at() - before, 400); /* those that were found, in one page each */
    arena_free(&a);
}

/* More than a core says at a time, than are asked for at a time, and than are read by name in a turn. */
static void many_who_are_connected_are_found_in_turns(void **state)
{
    (void)state;
    enum { COUNT = REGISTRY_PRESENCES_MAX + 50 };
    char who[16];
    struct page p = {0};
    _Static_assert(COUNT / 2 > 2 * PLAN_NAMED_MAX + REGISTRY_KNOWN_MAX, "on each of two cores");
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(who, sizeof who, "d%04u", i);
        put_identity(who, "{}");
        if (i % 20) connected(who, true);
    }
    static const struct {
        const char *state;
        unsigned rows;
    } rows[] = {{"Connected", COUNT - (COUNT + 19) / 20}, {"Disconnected", (COUNT + 19) / 20}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "SELECT deviceId FROM devices WHERE connectionState = '%s'",
                 rows[i].state);
        unsigned count = 0;
        do {
            assert_int_equal(ask_by(query_count_rows, &p, text, 1000), STATUS_OK);
            count += p.count;
        } while (buf_size(&p.next));
        assert_int_equal(count, rows[i].rows);
    }
    page_free(&p);
}

/* ---- tokens of an older server */

static void an_older_token_is_told_from_a_bad_one(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        bool outdated;
    } rows[] = {{"AgEAAAABAAAAAAAAAAAAAAAAAgBkMQAA", true}, {"AAAA", false}, {"nonsense", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct page p = {0};
        buf_put_str(&p.next, rows[i].token);
        assert_int_equal(ask(&p, "SELECT * FROM devices", 10, false), STATUS_ARGUMENT_INVALID);
        assert_int_equal(p.outdated, rows[i].outdated);
        assert_true(rows[i].outdated == (strstr(buf_cstr(&p.text), "older version") != NULL));
        page_free(&p);
    }
}

static void rows_are_counted_without_being_shown(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        unsigned count;
    } rows[] = {
        {"SELECT * FROM devices", 3},
        {"SELECT deviceId FROM devices WHERE tags.floor > 0", 2},
        {"SELECT * FROM devices WHERE connectionState = 'Connected'", 0},
        {"SELECT TOP 2 * FROM devices", 2},
        {"SELECT * FROM devices.modules", 4},
        {"SELECT COUNT() FROM devices", 1},
        {"SELECT status, COUNT() AS n FROM devices GROUP BY status", 2},
        {"SELECT * FROM devices.jobs", 0},
    };
    struct page p = {0};
    three_devices_and_modules();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (ask_by(query_count_rows, &p, rows[i].query, 10) != STATUS_OK)
            fail_msg("%s: %s", rows[i].query, buf_cstr(&p.text));
        assert_int_equal(p.count, rows[i].count);
        assert_int_equal(buf_size(&p.body), 0);
        assert_int_equal(buf_size(&p.next), 0);
    }
    page_free(&p);
}

static void a_count_goes_on_where_it_has_looked_enough(void **state)
{
    (void)state;
    struct page p = {0};
    unsigned sum = 0, pages = 0;
    for (int i = 0; i < 600; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%03d", i);
        put_identity(id, "{}");
    }
    f.queries[0]->scan_max = 256;
    do {
        assert_int_equal(ask_by(query_count_rows, &p, "SELECT * FROM devices", 1), STATUS_OK);
        sum += p.count;
        pages++;
    } while (buf_size(&p.next));
    assert_int_equal(sum, 600);
    assert_int_equal(pages, 3);
    page_free(&p);
}

static void a_twin_is_the_one_that_get_shows(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct page p = {0};
    struct json *j;
    three_devices_and_modules();
    assert_int_equal(ask(&p, "SELECT * FROM devices WHERE deviceId = 'd3'", 10, false), STATUS_OK);
    assert_string_equal(p.item_type, "Twin");
    assert_int_equal(p.count, 1);
    assert_int_equal(json_parse(&arena, buf_slice(&p.body), &j), OK);
    j = j->child;
    assert_true(slice_is(json_str(j, "deviceId"), "d3"));
    assert_true(slice_is(json_str(j, "connectionState"), "Disconnected"));
    assert_true(slice_is(json_get(json_get(j, "tags"), "floor")->text, "2"));
    const struct json *reported = json_get(json_get(j, "properties"), "reported");
    assert_true(slice_is(json_get(reported, "fan")->text, "1.50"));
    assert_non_null(json_get(reported, "$metadata"));
    assert_int_equal(ask(&p, "SELECT tags FROM devices", 10, false), STATUS_OK);
    assert_string_equal(p.item_type, "Raw");
    assert_int_equal(ask(&p, "SELECT * FROM devices.jobs", 10, false), STATUS_OK);
    assert_string_equal(p.item_type, "DeviceJob");
    arena_free(&arena);
    page_free(&p);
}

static void who_is_connected_is_what_homes_say(void **state)
{
    (void)state;
    char expected[] = "[{\"deviceId\":\"d2\",\"connectionState\":\"Connected\"}]";
    three_devices_and_modules();
    unsigned core = hub_home(&f.hub, SLICE_LIT("d2")).lane == f.hub.cores[1];
    rig_on(f.rig.cores[core]);
    registry_set_connected(f.registries[core], SLICE_LIT("d2"), true, rig_wall());
    assert_string_equal(rows_of("SELECT deviceId, connectionState FROM devices WHERE "
                                "connectionState = 'Connected'",
                                10),
                        expected);
    assert_string_equal(rows_of("SELECT COUNT() AS n FROM devices GROUP BY connectionState", 10),
                        "[{\"n\":2},{\"n\":1}]");
}

static void add_message(const char *device_id, int64_t sequence)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_query_message, 1);
    store_put_text(&u, "device_id", slice_str(device_id));
    store_put_int(&u, "sequence", sequence);
    assert_int_equal(store_now_unit(f.rig.store, &u), OK);
}

/* Whichever way a device was found by: each has a statement of its own. */
static void messages_that_wait_are_counted(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "",
        "WHERE cloudToDeviceMessageCount > 0",
        "WHERE deviceId = 'd3'",
        "WHERE deviceId IN ['d3', 'd9']",
        "WHERE tags.floor = 2",
        "WHERE tags.floor = 2 AND properties.reported.fan = 1.5",
        "WHERE capabilities.iotEdge = true",
        "WHERE status = 'disabled'",
        "WHERE deviceScope = 'ms-azure-iot-edge://d3'",
        "WHERE ARRAY_CONTAINS(parentScopes, 'ms-azure-iot-edge://top')",
        "WHERE connectionState = 'Disconnected'",
    };
    three_devices_and_modules();
    put_identity("d4", "{\"status\":\"disabled\",\"deviceScope\":\"ms-azure-iot-edge://d3\"}");
    put_identity("d5", "{\"deviceScope\":\"ms-azure-iot-edge://top\"}");
    const char *const devices[] = {"d1", "d3", "d4", "d5"};
    for (unsigned i = 0; i < 4; i++)
        for (int64_t n = 1; n <= 2; n++) add_message(devices[i], n);
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "SELECT deviceId, cloudToDeviceMessageCount AS n FROM devices %s", conditions[i]);
        const char *rows = rows_of(text, 10);
        bool all_have = i && strcmp(conditions[i], "WHERE connectionState = 'Disconnected'") != 0;
        assert_int_equal(strstr(rows, "\"n\":2") != NULL, true);
        if (all_have && !strstr(conditions[i], "disabled")) assert_null(strstr(rows, "\"n\":0"));
    }
    assert_string_equal(rows_of("SELECT SUM(cloudToDeviceMessageCount) AS n FROM devices", 10),
                        "[{\"n\":8}]");
    assert_non_null(strstr(rows_of("SELECT * FROM devices WHERE deviceId = 'd1'", 10),
                           "\"cloudToDeviceMessageCount\":2"));
    assert_null(strstr(rows_of("SELECT * FROM devices.modules", 10),
                       "\"cloudToDeviceMessageCount\":2")); /* they wait for the device */
}

static void for_whom_messages_wait_is_looked_up(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *who;
    } rows[] = {
        {"cloudToDeviceMessageCount > 0", "d1 d2"},
        {"cloudToDeviceMessageCount >= 1", "d1 d2"},
        {"cloudToDeviceMessageCount != 0", "d1 d2"},
        {"cloudToDeviceMessageCount = 3", "d2"},
        {"cloudToDeviceMessageCount > 1.5", "d2"},
        {"cloudToDeviceMessageCount IN [1, 7]", "d1"},
        {"cloudToDeviceMessageCount > 0 AND status = 'enabled'", "d1"},
        {"cloudToDeviceMessageCount > 0 OR tags.floor = 2", "d1 d2 d3"},
        {"cloudToDeviceMessageCount = 0", "d3"},
        {"cloudToDeviceMessageCount < 2", "d1 d3"},
        {"cloudToDeviceMessageCount > 3", ""},
    };
    three_devices_and_modules();
    add_message("d1", 4);
    for (int64_t n = 7; n < 10; n++) add_message("d2", n);
    add_message("gone", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text = {0}, who = {0};
        struct page p = {0};
        buf_printf(&text, "SELECT * FROM devices WHERE %s", rows[i].condition);
        do {
            assert_int_equal(ask(&p, buf_cstr(&text), 1, true), STATUS_OK);
            if (p.count && buf_size(&who)) buf_put_u8(&who, ' ');
            buf_put_slice(&who, buf_slice(&p.who));
        } while (buf_size(&p.next));
        if (strcmp(buf_cstr(&who), rows[i].who) != 0)
            fail_msg("%s: %s", rows[i].condition, buf_cstr(&who));
        page_free(&p);
        buf_free(&text);
        buf_free(&who);
    }
}

static void pages_end_where_they_should(void **state)
{
    (void)state;
    struct page p = {0};
    three_devices_and_modules();
    assert_int_equal(ask(&p, "SELECT * FROM devices", 2, false), STATUS_OK);
    assert_int_equal(p.count, 2);
    assert_true(buf_size(&p.next) > 0);
    assert_int_equal(ask(&p, "SELECT * FROM devices", 2, false), STATUS_OK);
    assert_int_equal(p.count, 1);
    assert_int_equal(buf_size(&p.next), 0);
    assert_int_equal(ask(&p, "SELECT * FROM devices", 3, false), STATUS_OK);
    assert_int_equal(buf_size(&p.next), 0);
    assert_int_equal(ask(&p, "SELECT * FROM devices", 1, false), STATUS_OK);
    assert_int_equal(ask(&p, "SELECT deviceId FROM devices", 1, false), STATUS_ARGUMENT_INVALID);
    assert_string_equal(buf_cstr(&p.text), "the continuation token is of another query");
    buf_put_str(&p.next, "AAAA");
    assert_int_equal(ask(&p, "SELECT * FROM devices", 1, false), STATUS_ARGUMENT_INVALID);
    assert_string_equal(buf_cstr(&p.text), "this is no continuation token");
    assert_int_equal(ask(&p, "SELECT * FROM devices", QUERY_PAGE_MAX, false), STATUS_OK);
    assert_int_equal(ask(&p, "SELECT * FROM devices", QUERY_PAGE_MAX + 1, false),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(ask(&p, "SELECT * FROM devices", 0, false), STATUS_ARGUMENT_INVALID);
    assert_int_equal(ask(&p, "SELECT *", 1, false), STATUS_ARGUMENT_INVALID);
    page_free(&p);
}

static void jobs_find_whom_they_mean(void **state)
{
    (void)state;
    struct page p = {0};
    three_devices_and_modules();
    assert_int_equal(ask(&p, "*", 2, true), STATUS_OK);
    assert_string_equal(buf_cstr(&p.who), "d1 d2");
    assert_int_equal(ask(&p, "*", 2, true), STATUS_OK);
    assert_string_equal(buf_cstr(&p.who), "d3");
    assert_int_equal(buf_size(&p.next), 0);
    assert_int_equal(ask(&p, "tags.floor IN [1, 2]", 10, true), STATUS_OK);
    assert_string_equal(buf_cstr(&p.who), "d1 d3");
    assert_int_equal(ask(&p, "from devices.modules where tags.floor = 1", 10, true), STATUS_OK);
    assert_string_equal(buf_cstr(&p.who), "d1/m2");
    assert_int_equal(ask(&p, "SELECT deviceId FROM devices", 10, true), STATUS_ARGUMENT_INVALID);
    assert_int_equal(ask(&p, "FROM devices.jobs", 10, true), STATUS_ARGUMENT_INVALID);
    assert_int_equal(ask(&p, "", 10, true), STATUS_ARGUMENT_INVALID);
    page_free(&p);
}

static void who_is_forgotten_is_not_called(void **state)
{
    (void)state;
    struct page p = {.wait.fn = take_page}, other = {0};
    struct query_ask q = {.text = SLICE_LIT("SELECT * FROM devices"), .max = 1};
    three_devices_and_modules();
    for (unsigned turns = 0; turns < 8; turns++) {
        rig_on(f.rig.cores[0]);
        query_page(f.queries[0], &q, &p.wait);
        bool alive = true;
        for (unsigned i = 0; i < turns && alive; i++) {
            rig_step(&f.rig);
            alive = p.answers == 0;
        }
        rig_on(f.rig.cores[0]);
        if (alive) query_forget(f.queries[0], &p.wait);
        rig_run(&f.rig);
        assert_int_equal(p.answers, !alive);
        page_free(&p);
        p = (struct page){.wait.fn = take_page};
    }
    assert_int_equal(ask(&other, "SELECT * FROM devices", 1, false), STATUS_OK);
    page_free(&other);
}

/* `count` devices, of which each has its own number as a tag. */
static void make_devices(unsigned count, const char *more)
{
    for (unsigned i = 0; i < count; i++) {
        char who[16], tags[64];
        snprintf(who, sizeof who, "n%05u", i);
        snprintf(tags, sizeof tags, "{\"tags\":{\"n\":%u%s}}", i, more);
        put_identity(who, "{}");
        write_twin(who, TWIN_MERGE, tags);
    }
}

static void a_page_looks_at_so_many_and_goes_on(void **state)
{
    (void)state;
    struct page p = {0};
    const char *none = "SELECT * FROM devices WHERE properties.reported.$version = 9";
    unsigned pages = 0;
    make_devices(600, "");
    f.queries[0]->scan_max = 512;
    do {
        assert_int_equal(ask(&p, none, 10, false), STATUS_OK);
        assert_int_equal(p.count, 0);
        assert_string_equal(buf_cstr(&p.body), "[]");
        pages++;
    } while (buf_size(&p.next));
    assert_int_equal(pages, 2);
    /* An aggregate has no half answer. */
    assert_string_equal(rows_of("SELECT COUNT() AS n FROM devices WHERE NOT is_defined(x)", 1),
                        "[{\"n\":600}]");
    page_free(&p);
}

static void groups_have_a_bound(void **state)
{
    (void)state;
    struct page p = {0};
    const char *query = "SELECT tags.n FROM devices GROUP BY tags.n";
    make_devices(QUERY_GROUPS_MAX, "");
    assert_int_equal(ask(&p, query, QUERY_PAGE_MAX, false), STATUS_OK);
    assert_int_equal(p.count, QUERY_GROUPS_MAX);
    put_identity("one-more", "{}");
    assert_int_equal(ask(&p, query, QUERY_PAGE_MAX, false), STATUS_ARGUMENT_INVALID);
    assert_string_equal(buf_cstr(&p.text), "more than 1000 groups");
    page_free(&p);
}

static void a_page_has_its_time(void **state)
{
    (void)state;
    struct page p = {.wait.fn = take_page};
    struct query_ask q = {.text = SLICE_LIT("SELECT COUNT() FROM devices WHERE NOT tags.n = 1"),
                          .max = 1};
    make_devices(300, "");
    rig_on(f.rig.cores[0]);
    query_page(f.queries[0], &q, &p.wait);
    rig_step(&f.rig);
    rig_mono_us += QUERY_AGGREGATE_US_MAX;
    rig_run(&f.rig);
    assert_int_equal(p.status, STATUS_GATEWAY_TIMEOUT);
    page_free(&p);
    p = (struct page){.wait.fn = take_page};
    q.text = SLICE_LIT("SELECT * FROM devices WHERE NOT tags.n < 1000");
    rig_on(f.rig.cores[0]);
    query_page(f.queries[0], &q, &p.wait);
    rig_step(&f.rig);
    rig_mono_us += QUERY_PAGE_US_MAX;
    rig_run(&f.rig);
    assert_int_equal(p.status, STATUS_OK);
    assert_true(buf_size(&p.next) > 0);
    page_free(&p);
}

static void a_page_has_so_many_bytes(void **state)
{
    (void)state;
    struct page p = {0};
    char tag[32 + 3500];
    struct buf json = {0};
    memset(tag, 'x', sizeof tag);
    buf_printf(&json, "{\"tags\":{\"a\":\"%.3500s\",\"b\":\"%.3500s\"}}", tag, tag);
    for (unsigned i = 0; i < 700; i++) {
        char who[16];
        snprintf(who, sizeof who, "n%05u", i);
        put_identity(who, "{}");
        write_twin(who, TWIN_MERGE, buf_cstr(&json));
    }
    assert_int_equal(ask(&p, "SELECT * FROM devices", 1000, false), STATUS_OK);
    assert_true(buf_size(&p.body) >= QUERY_PAGE_BYTES_MAX);
    assert_true(buf_size(&p.body) < QUERY_PAGE_BYTES_MAX + 16384);
    unsigned count = p.count;
    assert_int_equal(ask(&p, "SELECT * FROM devices", 1000, false), STATUS_OK);
    assert_int_equal(count + p.count, 700);
    assert_int_equal(buf_size(&p.next), 0);
    buf_free(&json);
    page_free(&p);
}

static void so_many_run_and_no_more(void **state)
{
    (void)state;
    struct page pages[QUERY_RUNNING_MAX + 1] = {0};
    int64_t met = limit_reached("queries");
    struct query_ask q = {.text = SLICE_LIT("SELECT * FROM devices"), .max = 1};
    rig_on(f.rig.cores[0]);
    for (unsigned i = 0; i <= QUERY_RUNNING_MAX; i++) {
        pages[i].wait.fn = take_page;
        query_page(f.queries[0], &q, &pages[i].wait);
    }
    rig_run(&f.rig);
    for (unsigned i = 0; i <= QUERY_RUNNING_MAX; i++) {
        assert_int_equal(pages[i].answers, 1);
        assert_int_equal(pages[i].status, i < QUERY_RUNNING_MAX
                                              ? STATUS_OK
                                              : STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED);
        page_free(&pages[i]);
    }
    assert_int_equal(limit_reached("queries") - met, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(conditions_choose_rows),
        TEST(rows_are_counted_without_being_shown),
        TEST(ranges_with_few_values_are_looked_up),
        TEST(who_is_connected_is_found_without_a_scan),
        TEST(many_who_are_connected_are_found_in_turns),
        TEST(an_older_token_is_told_from_a_bad_one),
        TEST(a_count_goes_on_where_it_has_looked_enough),
        TEST(a_twin_is_the_one_that_get_shows),
        TEST(who_is_connected_is_what_homes_say),
        TEST(messages_that_wait_are_counted),
        TEST(for_whom_messages_wait_is_looked_up),
        TEST(pages_end_where_they_should),
        TEST(jobs_find_whom_they_mean),
        TEST(who_is_forgotten_is_not_called),
        TEST(a_page_looks_at_so_many_and_goes_on),
        TEST(groups_have_a_bound),
        TEST(a_page_has_its_time),
        TEST(a_page_has_so_many_bytes),
        TEST(so_many_run_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
