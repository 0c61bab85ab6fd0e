/* route_test.c - the condition language, one condition and one message at a time. */
#include "base/test.h"

#include "base/buf.h"
#include "route/fixture_test.h"

enum { F = ROUTE_FALSE, T = ROUTE_TRUE, U = ROUTE_UNDEFINED, BAD = -1 };

struct row {
    const char *condition;
    int truth;
};

static const struct route_property properties[] = {
    {SLICE_LIT("severity"), SLICE_LIT("2")},
    {SLICE_LIT("messageType"), SLICE_LIT("alerts")},
    {SLICE_LIT("processingPath"), SLICE_LIT("hot")},
    {SLICE_LIT("Twice"), SLICE_LIT("first")},
    {SLICE_LIT("tWICE"), SLICE_LIT("second")},
    {SLICE_LIT("$mine"), SLICE_LIT("dollar")},
    {SLICE_LIT("$messageId"), SLICE_LIT("property")},
    {SLICE_LIT("$userId"), SLICE_LIT("property")},
    {SLICE_LIT("iothub-message-schema"), SLICE_LIT("twinChangeNotification")},
    {SLICE_LIT("a.b"), SLICE_LIT("dotted")},
    {SLICE_LIT("from"), SLICE_LIT("here")},
    {SLICE_LIT("empty"), SLICE_NONE},
};

static const char weather[] =
    "{\"Weather\":{\"Temperature\":50,\"Time\":\"2017-03-09T00:00:00.000Z\",\"PrevTemperatures\":["
    "20,30,40],"
    "\"IsEnabled\":true,\"Location\":{\"Street\":\"One Microsoft "
    "Way\",\"City\":\"Redmond\",\"State\":\"WA\"},"
    "\"HistoricalData\":[{\"Month\":\"Feb\",\"Temperature\":40},{\"Month\":\"Jan\",\"Temperature\":"
    "30}]},"
    "\"n\":null,\"s\":\"5\",\"x\":50,\"f\":-0.25e1,\"o\":{},\"a\":[],\"no\":false,\"a "
    "b\":1,\"5a\":2,\"d-e\":3,"
    "\"u\":\"\\u00e9\\\"\\ud83d\\ude00\",\"big\":123456789012345678901234567890,"
    "\"dup\":{\"k\":1,\"l\":1},\"DUP\":{\"k\":2}}";

static struct route_message fixture(void)
{
    struct route_message m = message_of(weather);
    m.properties = properties;
    m.property_count = sizeof properties / sizeof *properties;
    m.system[ROUTE_CONNECTION_DEVICE_ID] = SLICE_LIT("dev1");
    m.system[ROUTE_MESSAGE_ID] = SLICE_LIT("system");
    m.system[ROUTE_DT_SUBJECT] = SLICE_LIT("thermostat");
    m.system[ROUTE_ENQUEUED_TIME] = SLICE_LIT("2024-05-06T07:08:09.5000000Z");
    m.twin = SLICE_LIT("{\"tags\":{\"Site\":\"north\"},\"properties\":{\"desired\":{\"limit\":7},"
                       "\"reported\":{\"os\":{\"v\":\"1.2\"}}}}");
    return m;
}

static void check_rows(const struct row *rows, size_t count)
{
    struct route_message m = fixture();
    for (size_t i = 0; i < count; i++) {
        int truth = truth_of(rows[i].condition, &m);
        if (truth != rows[i].truth)
            fail_msg("%s: %d, not %d", rows[i].condition, truth, rows[i].truth);
    }
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, sizeof rows / sizeof *rows);                                              \
    } while (0)

static void properties_are_texts_of_any_case(void **state)
{
    (void)state;
    CHECK({"severity = '2'", T}, {"SEVERITY = '2'", T}, {"severity = 2", U},
          {"as_number(severity) <= 2 AND messageType = 'alerts'", T},
          {"AS_NUMBER(messageType) < 2", U}, {"messageType = 'Alerts'", F}, {"messageType", F},
          {"missing = 'x'", U}, {"NOT missing = 'x'", U}, {"is_defined(missing)", F},
          {"IS_DEFINED(severity)", T}, {"is_string(severity)", T}, {"Twice = 'second'", T},
          {"iothub-message-schema = 'twinChangeNotification'", T}, {"a.b = 'dotted'", T},
          {"from = 'here'", T}, {"empty = ''", T}, {"length(empty) = 0", T}, {"a[0] = 1", BAD},
          {"severity IN ['1', '2']", T}, {"severity NIN ['1', '2']", F},
          {"severity NOT IN ['1']", T}, {"missing IN ['1']", U}, {"severity IN []", F},
          {"severity IN [1, 2]", F}, {"as_number(severity)-1 = 1", T});
}

static void system_properties_come_before_those_of_the_application(void **state)
{
    (void)state;
    CHECK({"$connectionDeviceId = 'dev1'", T}, {"$CONNECTIONDEVICEID = 'dev1'", T},
          {"$contentType = 'application/json'", T}, {"$messageId = 'system'", T},
          {"$userId = 'property'", T}, {"$mine = 'dollar'", T}, {"$correlationId = 'x'", U},
          {"is_defined($connectionModuleId)", F}, {"$dt-subject = 'thermostat'", T},
          {"connectionDeviceId = 'dev1'", U}, {"$enqueuedTime > '2024-05-06T07:08:09Z'", T},
          {"$enqueuedTime = '2024-05-06T09:08:09.5+02:00'", T},
          {"'2024-05-06T07:08:09.51Z' > $enqueuedTime", T}, {"$enqueuedTime > 'zzz'", F});
}

static void the_body_is_read_by_paths(void **state)
{
    (void)state;
    CHECK({"$body.Weather.HistoricalData[0].Month = 'Feb'", T},
          {"$body.Weather.HistoricalData[1].Month = 'Feb'", F},
          {"$body.Weather.HistoricalData[2].Month = 'Feb'", U},
          {"$body.x = 50 AND processingPath = 'hot'", T},
          {"length($body.Weather.Location.State) = 2", T}, {"$body.Weather.Temperature = 50", T},
          {"$body.weather.temperature = 50", T}, {"$body.Weather.IsEnabled", T}, {"$body.no", F},
          {"$body.n = null", T}, {"$body.n", U}, {"is_null($body.n)", T},
          {"is_defined($body.n)", T}, {"is_null($body.nothing)", F}, {"$body.nothing = null", U},
          {"$body.x != null", T}, {"$body.n != null", F}, {"$body.n < 5", U}, {"$body.s = 5", U},
          {"$body.s = '5'", T}, {"as_number($body.s) = 5", T}, {"$body.f = -2.5", T},
          {"is_object($body.o)", T}, {"is_array($body.a)", T}, {"$body.o = $body.o", U},
          {"is_primitive($body.a)", F}, {"$body['a b'] = 1", T}, {"$body.[[a b]] = 1", T},
          {"$body.5a = 2", T}, {"$body.d-e = 3", T}, {"$body.u = '\\u00E9\\\"\\ud83d\\ude00'", T},
          {"length($body.u) = 3", T}, {"$body.big > 1e29 AND $body.big < 1.3e29", T},
          {"$body.dup.k = 2", T}, {"is_defined($body.dup.l)", F}, {"$body", U}, {"$body[0]", U},
          {"is_defined($body)", F}, {"$body.x[0] = 1", U}, {"$body.a.x = 1", U},
          {"$BODY.x = 50", T}, {"$body.Weather.PrevTemperatures[1] = 0x1e", T});
}

static void the_twin_is_read_by_paths(void **state)
{
    (void)state;
    CHECK({"$twin.tags.site = 'north'", T}, {"$twin.properties.desired.limit < 8", T},
          {"$twin.properties.reported.os.v = '1.2'", T}, {"$twin.properties.reported.x = 1", U},
          {"is_object($twin.tags)", T}, {"$twin.deviceId = 'x'", BAD}, {"$twin = 1", BAD},
          {"$twin.properties.x = 1", BAD}, {"$twin['tags'].Site = 'north'", T});
    struct route_message m = message_of("{}");
    assert_int_equal(truth_of("$twin.tags.site = 'north'", &m), U);
}

static void kleene_decides_what_is_neither(void **state)
{
    (void)state;
    CHECK({"true", T}, {"", T}, {" \n", T}, {"false", F}, {"undefined", U}, {"null", U}, {"1", F},
          {"'a'", F}, {"[1]", F}, {"undefined AND false", F}, {"false AND undefined", F},
          {"undefined AND true", U}, {"undefined OR true", T}, {"true OR undefined", T},
          {"undefined OR false", U}, {"NOT undefined", U}, {"NOT null", U}, {"NOT 1", U},
          {"1 AND true", U}, {"1 OR true", T}, {"NOT (1 = 1)", F}, {"not true or true", T},
          {"true OR true AND false", T}, {"1 = 1 AND NOT 2 < 1", T});
}

static void comparisons_are_between_primitives_of_one_type(void **state)
{
    (void)state;
    CHECK({"1 < 2", T}, {"2 <> 1", T}, {"2 != 2", F}, {"'a' < 'b'", T}, {"'b' <= 'a'", F},
          {"1 = '1'", U}, {"1 != '1'", U}, {"true > false", T}, {"true = 1", U}, {"null = null", T},
          {"null = 1", F}, {"null < 1", U}, {"[1] = [1]", U}, {"undefined = undefined", U},
          {"2 + 3 * 4 = 14", T}, {"(2 + 3) * 4 = 20", T}, {"7 % 4 = 3", T}, {"1 / 0 = 1", U},
          {"-3 + 3 = 0", T}, {"'a' + 'b' = 'ab'", U}, {"0x10 = 16", T}, {"1.5e1 = 15", T});
}

static void functions_do_what_their_names_say(void **state)
{
    (void)state;
    CHECK({"abs(-1) = 1", T}, {"exp(0) = 1", T}, {"power(2, 10) = 1024", T}, {"square(3) = 9", T},
          {"ceiling(1.2) = 2", T}, {"floor(-1.2) = -2", T}, {"sign(-7) = -1", T},
          {"sqrt(9) = 3", T}, {"sqrt(-1) = 0", U}, {"abs('1') = 1", U}, {"is_bool(true)", T},
          {"is_number(1)", T}, {"concat('a', 'b', 'c') = 'abc'", T}, {"lower('AbC') = 'abc'", T},
          {"upper('AbC') = 'ABC'", T}, {"substring('abcdef', 2) = 'cdef'", T},
          {"substring('abcdef', 2, 3) = 'cde'", T}, {"substring('abc', 9, 3) = ''", T},
          {"substring('abc', 1, 99) = 'bc'", T}, {"index_of('abc', 'c') = 2", T},
          {"index_of('abc', 'x') = -1", T}, {"starts_with('abc', 'ab')", T},
          {"ends_with('abc', 'bc')", T}, {"contains('abc', 'b')", T}, {"contains('abc', '')", T},
          {"contains(1, 'b')", U}, {"array_contains([1], 1)", U}, {"array_contains($body.a, 1)", U},
          {"as_number('x') = 1", U}, {"as_number('1e2') = 100", T}, {"as_number(true) = 1", U},
          {"nothing_like('a')", BAD}, {"abs()", BAD}, {"abs(1, 2)", BAD});
}

static void a_body_is_json_only_if_it_says_so(void **state)
{
    static const struct {
        const char *type, *encoding;
        int truth;
    } rows[] = {{"application/json", "utf-8", T},
                {"Application/JSON", "UTF-8", T},
                {"application/json", NULL, U},
                {NULL, "utf-8", U},
                {"text/json", "utf-8", U},
                {"application/json", "latin1", U},
                {"application/json;charset=utf-8", "utf-8", U}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct route_message m = message_of("{\"x\":1}");
        m.system[ROUTE_CONTENT_TYPE] = slice_str(rows[i].type);
        m.system[ROUTE_CONTENT_ENCODING] = slice_str(rows[i].encoding);
        assert_int_equal(truth_of("$body.x = 1", &m), rows[i].truth);
    }
}

/* A text of ASCII and U+1F600 in units of `width` bytes. */
static void put_unit(struct buf *out, uint32_t c, unsigned width, bool big)
{
    for (unsigned i = 0; i < width; i++)
        buf_put_u8(out, (uint8_t)(c >> 8 * (big ? width - 1 - i : i)));
}

static void put_wide(struct buf *out, const char *text, unsigned width, bool big)
{
    for (; *text; text++) {
        if (*text != '~') {
            put_unit(out, (uint8_t)*text, width, big);
        } else if (width == 4) {
            put_unit(out, 0x1F600, width, big);
        } else {
            put_unit(out, 0xD83D, width, big);
            put_unit(out, 0xDE00, width, big);
        }
    }
}

static int wide_truth(struct slice body, unsigned width)
{
    struct route_message m = message_of("");
    m.body = body;
    m.system[ROUTE_CONTENT_ENCODING] = width == 2 ? SLICE_LIT("UTF-16") : SLICE_LIT("utf-32");
    return truth_of("$body.x = '\\ud83d\\ude00' AND $body.y = 7", &m);
}

static void wide_bodies_are_read_in_either_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct buf body = {0};
        unsigned width = i & 1 ? 2 : 4;
        if (i & 4) put_unit(&body, 0xFEFF, width, i & 2);
        put_wide(&body, "{\"x\":\"~\",\"y\":7}", width, i & 2);
        assert_int_equal(wide_truth(buf_slice(&body), width), T);
        assert_int_equal(wide_truth(slice_head(buf_slice(&body), body.len - 1), width), U);
        put_unit(&body, 0xD800, width, i & 2);
        assert_int_equal(wide_truth(buf_slice(&body), width), U);
        buf_free(&body);
    }
    assert_int_equal(wide_truth(SLICE_NONE, 2), U);
    assert_int_equal(wide_truth(SLICE_LIT("a"), 4), U);
}

static void of_what_is_not_json_nothing_is_seen(void **state)
{
    static const char *const bodies[] = {"",
                                         "{\"x\":1",
                                         "{\"x\":1}}",
                                         "{\"x\":1,}",
                                         "{\"x\":1,\"y\":01}",
                                         "{\"x\":1,\"y\":tru}",
                                         "{\"x\":1,\"y\":\"\\q\"}",
                                         "{\"x\":1,\"y\":\"\\ud800\"}",
                                         "{\"x\":1,\"y\":\"\xff\"}",
                                         "{\"x\":1 \"y\":2}",
                                         "{\"x\":1} 2",
                                         "x=1",
                                         "[{\"x\":1},]"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct route_message m = message_of(bodies[i]);
        if (truth_of("$body.x = 1", &m) != U) fail_msg("%s", bodies[i]);
    }
    struct route_message m = message_of("\xEF\xBB\xBF {\"x\" : 1 } ");
    assert_int_equal(truth_of("$body.x = 1", &m), T);
}

/* ---- mistakes */

static void a_mistake_has_a_place_and_a_reason(void **state)
{
    static const struct {
        const char *condition;
        unsigned line, column, end_line, end_column;
        const char *reason;
    } rows[] = {
        {"a = ", 1, 5, 1, 5, "the condition ends where an expression was expected"},
        {"a = 'x", 1, 5, 1, 7, "the string does not end"},
        {"a = 1\nAND nope(1)", 2, 5, 2, 9, "there is no function nope()"},
        {"a = 1 b", 1, 7, 1, 8, "'b' where the end of the condition was expected"},
        {"$twin.x = 1", 1, 1, 1, 6,
         "$twin.tags, $twin.properties.desired or .reported was expected"},
        {"a ; b", 1, 3, 1, 4, "unexpected character"},
        {"a = '\\q'", 1, 6, 1, 7, "this is no escape sequence"},
        {"\xC3\xA9 = (", 1, 6, 1, 6, "the condition ends where an expression was expected"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct route_condition *c;
        struct route_mistake m = {0};
        assert_int_equal(route_compile(slice_str(rows[i].condition), &c, &m), ERR_INVALID);
        assert_string_equal(m.text, rows[i].reason);
        assert_int_equal(m.start_line, rows[i].line);
        assert_int_equal(m.start_column, rows[i].column);
        assert_int_equal(m.end_line, rows[i].end_line);
        assert_int_equal(m.end_column, rows[i].end_column);
    }
}

/* ---- limits */

static enum err compiled(const char *before, const char *part, unsigned times, const char *after)
{
    struct buf text = {0};
    struct route_condition *c = NULL;
    struct route_mistake mistake = {0};
    buf_put_str(&text, before);
    for (unsigned i = 0; i < times; i++) buf_put_str(&text, part);
    buf_put_str(&text, after);
    enum err err = route_compile(buf_slice(&text), &c, &mistake);
    if (err == OK) route_condition_free(c);
    if (err) assert_true(mistake.text[0] && mistake.start_line == 1);
    buf_free(&text);
    return err;
}

static void limits_hold_at_n_and_break_at_n_and_one(void **state)
{
    (void)state;
    assert_int_equal(compiled("", " ", ROUTE_CONDITION_MAX - 1, "1"), OK);
    assert_int_equal(compiled("", " ", ROUTE_CONDITION_MAX, "1"), ERR_TOO_BIG);
    assert_int_equal(compiled("", "NOT ", ROUTE_DEPTH_MAX - 1, "true"), OK);
    assert_int_equal(compiled("", "NOT ", ROUTE_DEPTH_MAX, "true"), ERR_INVALID);
    assert_int_equal(compiled("1", "+1", ROUTE_DEPTH_MAX - 1, ""), OK);
    assert_int_equal(compiled("1", "+1", ROUTE_DEPTH_MAX, ""), ERR_INVALID);
    assert_int_equal(compiled("$body", ".a", ROUTE_BODY_DEPTH_MAX, "=1"), OK);
    assert_int_equal(compiled("$body", ".a", ROUTE_BODY_DEPTH_MAX + 1, "=1"), ERR_INVALID);
    /* IN, its left side, its list and the elements are the parts. */
    assert_int_equal(compiled("1 IN [1", ",1", ROUTE_NODES_MAX - 4, "]"), OK);
    assert_int_equal(compiled("1 IN [1", ",1", ROUTE_NODES_MAX - 3, "]"), ERR_TOO_BIG);
}

static void hostile_conditions_end_soon(void **state)
{
    (void)state;
    assert_int_equal(compiled("", "(", 10000, ""), ERR_INVALID);
    assert_int_equal(compiled("", "[", 10000, ""), ERR_INVALID);
    assert_int_equal(compiled("", "NOT(", 4000, ""), ERR_INVALID);
    assert_int_equal(compiled("", "abs(", 4000, ""), ERR_INVALID);
    assert_int_equal(compiled("", "-", 10000, "1"), ERR_INVALID);
    assert_int_equal(compiled("$body", "[0]", 5000, ".a = 1"), ERR_INVALID);
    assert_int_equal(compiled("a", ".a", 8000, ""), OK);
    assert_int_equal(compiled("a", " OR a", 3000, ""), OK);
    assert_int_equal(compiled("\xff", "", 0, ""), ERR_INVALID);
}

static int depth_truth(unsigned depth)
{
    struct buf body = {0};
    buf_put_str(&body, "{\"x\":1,\"y\":");
    for (unsigned i = 1; i < depth; i++) buf_put_u8(&body, '[');
    for (unsigned i = 1; i < depth; i++) buf_put_u8(&body, ']');
    buf_put_u8(&body, '}');
    struct route_message m = message_of(buf_cstr(&body));
    int truth = truth_of("$body.x = 1", &m);
    buf_free(&body);
    return truth;
}

static void of_a_body_that_is_too_deep_nothing_is_seen(void **state)
{
    (void)state;
    assert_int_equal(depth_truth(ROUTE_BODY_DEPTH_MAX), T);
    assert_int_equal(depth_truth(ROUTE_BODY_DEPTH_MAX + 1), U);
}

/* contains() goes through 1 MiB, sixteen times at most. */
static void functions_end_with_the_work_that_a_message_may_take(void **state)
{
    enum { SIZE = 1 << 20 };
    struct buf body = {0}, condition = {0};
    (void)state;
    buf_put_str(&body, "{\"x\":\"");
    memset(buf_reserve(&body, SIZE), 'a', SIZE);
    buf_commit(&body, SIZE);
    buf_put_str(&body, "\"}");
    struct route_message m = message_of(buf_cstr(&body));
    for (unsigned i = 0; i < ROUTE_WORK_MAX / SIZE; i++) {
        buf_printf(&condition, "%scontains($body.x, 'b%u')", i ? " OR " : "", i);
        int want = i + 1 < ROUTE_WORK_MAX / SIZE ? F : U;
        assert_int_equal(truth_of(buf_cstr(&condition), &m), want);
    }
    buf_free(&body);
    buf_free(&condition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_texts_of_any_case),
        cmocka_unit_test(system_properties_come_before_those_of_the_application),
        cmocka_unit_test(the_body_is_read_by_paths),
        cmocka_unit_test(the_twin_is_read_by_paths),
        cmocka_unit_test(kleene_decides_what_is_neither),
        cmocka_unit_test(comparisons_are_between_primitives_of_one_type),
        cmocka_unit_test(functions_do_what_their_names_say),
        cmocka_unit_test(a_body_is_json_only_if_it_says_so),
        cmocka_unit_test(wide_bodies_are_read_in_either_order),
        cmocka_unit_test(of_what_is_not_json_nothing_is_seen),
        cmocka_unit_test(a_mistake_has_a_place_and_a_reason),
        cmocka_unit_test(limits_hold_at_n_and_break_at_n_and_one),
        cmocka_unit_test(hostile_conditions_end_soon),
        cmocka_unit_test(of_a_body_that_is_too_deep_nothing_is_seen),
        cmocka_unit_test(functions_end_with_the_work_that_a_message_may_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
