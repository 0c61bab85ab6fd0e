/* parse_test.c - what is a query and what is none, where it goes wrong, and what conditions mean. */
#include "base/test.h"

#include "hub/query/query.h"

static const char twin[] =
    "{\"deviceId\":\"d1\",\"status\":\"enabled\",\"statusReason\":null,\"version\":7,"
    "\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[\"ms-azure-iot-edge://e-1\"],"
    "\"configurations\":{\"c12\":{\"status\":\"Applied\"},\"c 1\":{\"status\":\"Targeted\"}},"
    "\"tags\":{\"floor\":3,\"half\":0.5,\"name\":\"Tower \xC3\xA9\",\"on\":true,\"off\":false,"
    "\"list\":[1,\"two\",{\"x\":3}],\"o\":{\"a\":{\"b\":1}},\"select\":5,\"1st\":1,\"it's\":2},"
    "\"properties\":{\"desired\":{\"rate\":10,\"$version\":4,\"$metadata\":{\"$lastUpdated\":"
    "\"2026-01-02T03:04:05Z\"}},\"reported\":{\"rate\":10,\"lastDesiredVersion\":4}}}";

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static bool matches(const char *condition)
{
    struct query *q;
    struct json *j;
    assert_int_equal(json_parse(&arena, slice_str(twin), &j), OK);
    if (query_target(&arena, slice_str(condition), &q) != OK)
        fail_msg("%s: %s", condition, fail_text());
    return query_match(&arena, q, j);
}

static void conditions_mean_what_the_reference_says(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        bool expected;
    } rows[] = {
        {"*", true},
        {"deviceId = 'd1'", true},
        {"id = 'd1'", true},
        {"devices.deviceId = \"d1\"", true},
        {"DEVICES.deviceId = 'd1'", true},
        {"DeviceId IN ['d1'] AND devices.DEVICEID = 'd1' AND Capabilities.iotEdge", true},
        {"Properties.desired.rate = 10 AND Tags.floor = 3", true},
        {"tags.Floor = 3", false},
        {"capabilities.IotEdge", false},
        {"'d1' = deviceId", true},
        {"deviceId IN ['d0', 'd1']", true},
        {"deviceId in ('d0', 'd1')", true},
        {"deviceId NIN ['d0', 'd1']", false},
        {"deviceId NOT IN ['d0']", true},
        {"tags.gone NIN ['d0']", false},
        {"capabilities.iotEdge = true AND status = 'enabled'", true},
        {"capabilities.iotEdge", true},
        {"tags.on", true},
        {"tags.off", false},
        {"NOT tags.off", true},
        {"NOT tags.gone", false},
        {"tags.floor", false},
        {"NOT tags.floor", false},
        {"tags.gone OR tags.on", true},
        {"tags.gone AND tags.on", false},
        {"NOT (tags.gone AND tags.off)", true},
        {"NOT (tags.gone AND tags.on)", false},
        {"tags.floor = 3", true},
        {"tags.floor = 3.0", true},
        {"tags.floor = 0x3", true},
        {"tags.floor = '3'", false},
        {"tags.floor != '3'", false},
        {"tags.floor <> 4", true},
        {"tags.gone != 4", false},
        {"tags.gone = undefined", false},
        {"tags.floor != null", true},
        {"tags.gone != null", false},
        {"statusReason = null", true},
        {"tags.floor > 2 AND tags.floor >= 3 AND tags.floor < 4 AND tags.floor <= 3", true},
        {"tags.name > 'Tower'", true},
        {"tags.name < 'tower'", true},
        {"tags.on > tags.off", true},
        {"tags.o = tags.o", false},
        {"tags.floor + 1 = 4 AND tags.floor * 2 - 1 = 5 AND 7 % tags.floor = 1", true},
        {"1 + 2 * 3 = 7 AND (1 + 2) * 3 = 9 AND -tags.floor = -3 AND 2 - 1 - 1 = 0", true},
        {"tags.floor / 0 > 1", false},
        {"tags.name + 1 = 1", false},
        {"tags.half = 5e-1", true},
        {"tags.list[0] = 1 AND tags.list[1] = 'two' AND tags.list[2].x = 3", true},
        {"tags.list[3] = 1", false},
        {"tags['floor'] = 3 AND tags[\"it's\"] = 2", true},
        {"tags.[[it's]] = 2 AND tags[[it's]] = 2", true},
        {"tags.select = 5", true},
        {"tags.1st = 1", true},
        {"configurations.[[c12]].status = 'Applied' AND configurations.[[c 1]].status = 'Targeted'",
         true},
        {"properties.desired.$version = properties.reported.lastDesiredVersion", true},
        {"properties.desired.$metadata.$lastUpdated > '2026-01-01'", true},
        {"IS_DEFINED(tags.floor) AND NOT is_defined(tags.gone)", true},
        {"IS_NULL(statusReason) AND IS_BOOL(tags.on) AND IS_NUMBER(tags.half)", true},
        {"IS_STRING(deviceId) AND IS_ARRAY(tags.list) AND IS_OBJECT(tags) AND "
         "IS_PRIMITIVE(version) AND NOT IS_PRIMITIVE(tags)",
         true},
        {"STARTSWITH(deviceId, 'd') AND starts_with(deviceId, 'd')", true},
        {"ENDSWITH(deviceId, '1') AND ENDS_WITH(deviceId, '1') AND CONTAINS(tags.name, 'owe')",
         true},
        {"STARTSWITH(tags.floor, '3')", false},
        {"LENGTH(tags.name) = 7 AND INDEX_OF(tags.name, '\\u00e9') = 6 AND INDEX_OF('a', 'b') = -1",
         true},
        {"SUBSTRING(tags.name, 1, 3) = 'ow' AND SUBSTRING(tags.name, 6) = '\\u00E9'", true},
        {"SUBSTRING(tags.name, 9) = ''", true},
        {"LOWER(deviceId) = 'd1' AND UPPER(deviceId) = 'D1' AND CONCAT('a', 'b', 'c') = 'abc'",
         true},
        {"ABS(-2) = 2 AND EXP(0) = 1 AND POWER(2, 3) = 8 AND SQUARE(3) = 9 AND CEILING(1.2) = 2 "
         "AND "
         "FLOOR(1.8) = 1 AND SIGN(-4) = -1 AND SQRT(9) = 3 AND AS_NUMBER('1.5') = 1.5",
         true},
        {"SQRT(-1) = 0", false},
        {"ARRAY_CONTAINS(parentScopes, 'ms-azure-iot-edge://e-1')", true},
        {"array_contains([1, 2], tags.floor - 1)", true},
        {"ARRAY_CONTAINS(tags.gone, 1)", false},
        {"'it\\'s' = \"it's\" AND '\\\\' = \"\\\\\" AND '\\uD83D\\uDE00' = '\xF0\x9F\x98\x80'",
         true},
        {"from devices where tags.floor = 3", true},
        {"FROM devices.modules WHERE devices.modules.tags.floor = 3", true},
        {"SELECT * FROM devices WHERE tags.floor = 4", false},
        {"FROM devices", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (matches(rows[i].condition) != rows[i].expected) fail_msg("%s", rows[i].condition);
}

static void what_clients_send_is_read(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT * FROM devices",
        "SELECT * FROM devices WHERE STARTSWITH(devices.deviceId, 'p')",
        "SELECT * FROM devices WHERE (capabilities.iotEdge=true AND status='enabled')",
        "select * from devices where capabilities.iotEdge = true",
        "SELECT deviceId, deviceScope FROM devices",
        "SELECT * FROM devices.modules WHERE deviceId in ['d1']",
        "select * from devices.modules where devices.deviceId = 'd1'",
        "select deviceId from devices where array_contains(parentScopes, 'ms-azure-iot-edge://x')",
        "SELECT * FROM devices WHERE STARTSWITH(id, 'prefix')",
        "select count() AS numberOfDevices from devices",
        "SELECT deviceId FROM devices WHERE properties.reported.chillerWaterSettings.status='p'",
        ("select deviceId from devices.modules where moduleId = '$edgeAgent' and "
         "configurations.[[c12]].status = 'Applied' and properties.desired.$version = "
         "properties.reported.lastDesiredVersion and "
         "properties.reported.lastDesiredStatus.code != 200"),
        "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j'",
        "SELECT * FROM devices WHERE is_defined(tags.x)",
        ("SELECT properties.reported.telemetryConfig.status AS status, COUNT() AS numberOfDevices "
         "FROM devices GROUP BY properties.reported.telemetryConfig.status"),
        "SELECT TOP 5 * FROM devices",
        ("SELECT TOP 5 tags.a AS [[x y]], AVG(tags.b) AS avg, MIN(tags.b), COUNT(*) FROM devices\n"
         "GROUP BY tags.a"),
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct query *q;
        if (query_read(&arena, slice_str(queries[i]), &q) != OK)
            fail_msg("%s: %s", queries[i], fail_text());
    }
}

static void errors_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *query, *why;
    } rows[] = {
        {"", "line 1, column 1: the query ends where 'select' was expected"},
        {"SELECT", "line 1, column 7: the query ends where an expression was expected"},
        {"SELECT *\nFRM devices", "line 2, column 1: 'FRM' where 'from' was expected"},
        {"SELECT * FROM twins", "line 1, column 15: 'twins' where 'devices' was expected"},
        {"SELECT * FROM devices.x",
         "line 1, column 23: 'x' where 'modules' or 'jobs' was expected"},
        {"SELECT * FROM devices WHERE", "line 1, column 28: the query ends where an expression"},
        {"SELECT * FROM devices WHERE tags. = 1", "line 1, column 34: the name of a property"},
        {"SELECT * FROM devices WHERE a = 'b", "line 1, column 33: the string does not end"},
        {"SELECT * FROM devices WHERE a = '\\x'", "line 1, column 34: this is no escape"},
        {"SELECT * FROM devices WHERE a = 1x", "line 1, column 33: this is no number"},
        {"SELECT * FROM devices WHERE a ! 1", "line 1, column 31: unexpected character"},
        {"SELECT * FROM devices WHERE '\xC3\xA9' = 1 1", "line 1, column 37: '1' where the end"},
        {"SELECT * FROM devices WHERE a(1) = 1", "line 1, column 29: there is no function a()"},
        {"SELECT * FROM devices WHERE ABS() = 1", "line 1, column 29: ABS() has 1 arguments"},
        {"SELECT * FROM devices WHERE ABS(1, 2) = 1", "line 1, column 36: too many arguments"},
        {"SELECT * FROM devices WHERE tags[x] = 1", "line 1, column 34: 'x' where the place"},
        {"SELECT * FROM devices WHERE [[a]", "line 1, column 33: the query ends where ']'"},
        {"SELECT * FROM devices WHERE a.[[b] = 1", "line 1, column 31: '[[' has no ']]'"},
        {"SELECT * FROM devices ORDER BY a", "line 1, column 23: 'ORDER' where the end"},
        {"SELECT TOP 0 * FROM devices", "line 1, column 12: '0' where a number of rows"},
        {"SELECT a, COUNT() FROM devices", "line 1, column 31: 'a' is no aggregate"},
        {"SELECT * FROM devices GROUP BY a", "line 1, column 33: SELECT * has no groups"},
        {"SELECT jobId FROM devices.jobs", "line 1, column 31: of devices.jobs only SELECT *"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query *q;
        assert_int_equal(query_read(&arena, slice_str(rows[i].query), &q), ERR_INVALID);
        if (strncmp(fail_text(), rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s\n  said: %s\n  not:  %s", rows[i].query, fail_text(), rows[i].why);
    }
}

/* `begin`, then `middle` so many times, then `end`. */
static enum err parse_repeated(const char *begin, const char *middle, unsigned times,
                               const char *end)
{
    struct buf text = {0};
    struct query *q;
    buf_put_str(&text, begin);
    for (unsigned i = 0; i < times; i++) buf_put_str(&text, middle);
    buf_put_str(&text, end);
    enum err e = query_target(&arena, buf_slice(&text), &q);
    buf_free(&text);
    return e;
}

static void limits_hold_at_n_and_break_at_n_and_one(void **state)
{
    (void)state;
    unsigned spaces = QUERY_TEXT_MAX - 1;
    assert_int_equal(parse_repeated("*", " ", spaces, ""), OK);
    assert_int_equal(parse_repeated("*", " ", spaces + 1, ""), ERR_TOO_BIG);
    assert_int_equal(parse_repeated("", "(", QUERY_DEPTH_MAX - 1, "1"), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "ends where"));
    assert_int_equal(parse_repeated("", "(", QUERY_DEPTH_MAX, "1"), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "more than 64"));
    assert_int_equal(parse_repeated("1", "+1", QUERY_DEPTH_MAX - 1, ""), OK);
    assert_int_equal(parse_repeated("1", "+1", QUERY_DEPTH_MAX, ""), ERR_INVALID);
    assert_int_equal(parse_repeated("", "NOT ", QUERY_DEPTH_MAX - 1, "true"), OK);
    assert_int_equal(parse_repeated("", "NOT ", QUERY_DEPTH_MAX, "true"), ERR_INVALID);
    assert_int_equal(parse_repeated("true", " OR true", 3000, ""), OK);
    assert_int_equal(parse_repeated("a IN [1", ",1", 10000, "]"), OK);
    assert_int_equal(parse_repeated("CONCAT('a'", ",'a'", 7, ") = 'a'"), OK);
    assert_int_equal(parse_repeated("CONCAT('a'", ",'a'", 8, ") = 'a'"), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(conditions_mean_what_the_reference_says, tear_down),
        cmocka_unit_test_teardown(what_clients_send_is_read, tear_down),
        cmocka_unit_test_teardown(errors_say_where, tear_down),
        cmocka_unit_test_teardown(limits_hold_at_n_and_break_at_n_and_one, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
