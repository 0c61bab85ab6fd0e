/* check_test.c - every rule of a section at its limit and one above. */
#include "base/test.h"

#include "base/mem.h"
#include "hub/twin/document.h"

static struct arena arena;
static struct buf text;

static int reset(void **state)
{
    (void)state;
    arena_free(&arena);
    buf_free(&text);
    return 0;
}

static void repeat(const char *piece, unsigned count)
{
    while (count--) buf_put_str(&text, piece);
}

static enum err check(const char *json, bool from_device)
{
    struct section_rules rules = {"section", from_device, TWIN_PROPERTIES_MAX};
    struct json *j;
    assert_int_equal(json_parse(&arena, slice_str(json), &j), OK);
    return section_check(j, &rules, false);
}

static enum err check_text(void)
{
    enum err e = check(buf_cstr(&text), false);
    buf_clear(&text);
    return e;
}

static void rules_of_keys_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum err service, device;
    } rows[] = {
        {"{}", OK, OK},
        {"{\"a\":1,\"\":2,\"gr\\u00fcn\":[],\"~!@/\":null}", OK, OK},
        {"[]", ERR_INVALID, ERR_INVALID},
        {"1", ERR_INVALID, ERR_INVALID},
        {"null", ERR_INVALID, ERR_INVALID},
        {"{\"a.b\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a b\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a$b\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"$a\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":{\"$version\":1}}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":[{\"b.c\":1}]}", ERR_INVALID, ERR_INVALID},
        {"{\"a\\u0000\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a\\u001f\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a\\u007f\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a\\u0085\":1}", ERR_INVALID, ERR_INVALID},
        {"{\"a\\u00a0\":1}", OK, OK},
        {"{\"a#\":1}", ERR_INVALID, OK},
        {"{\"$version\":3}", OK, OK},
        {"{\"$metadata\":{\"$lastUpdated\":\"x\"}}", OK, ERR_INVALID},
        {"{\"a\":[1,null]}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":[{\"b\":null}]}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":{\"b\":null}}", OK, OK},
        {"{\"a\":4503599627370495,\"b\":-4503599627370496}", OK, OK},
        {"{\"a\":4503599627370496}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":-4503599627370497}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":[4503599627370496]}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":99999999999999999999}", ERR_INVALID, ERR_INVALID},
        {"{\"a\":1e300,\"b\":4503599627370496.0}", OK, OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (check(rows[i].json, false) != rows[i].service ||
            check(rows[i].json, true) != rows[i].device)
            fail_msg("%s", rows[i].json);
    }
}

static void what_replaces_all_has_no_null(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum err expected;
        const char *key;
    } rows[] = {
        {"{\"$version\":null,\"$metadata\":null,\"a\":{}}", OK, NULL},
        {"{\"my-tag\":null}", ERR_INVALID, "my-tag"},
        {"{\"a\":{\"b\":1},\"c\":{\"d\":null}}", ERR_INVALID, "d"},
        {"{\"a\":[{\"b\":null}]}", ERR_INVALID, "b"},
        {"{\"a\":[1,null]}", ERR_INVALID, "a"},
    };
    struct section_rules rules = {"section", false, TWIN_PROPERTIES_MAX};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *j;
        char text_of[100];
        assert_int_equal(json_parse(&arena, slice_str(rows[i].json), &j), OK);
        assert_int_equal(section_check(j, &rules, true), rows[i].expected);
        snprintf(text_of, sizeof text_of,
                 "Value of Property or Tag cannot be null. Error in Property/Tag %s", rows[i].key);
        if (rows[i].key) assert_string_equal(fail_text(), text_of);
    }
}

static void keys_strings_and_numbers_have_a_length(void **state)
{
    (void)state;
    for (unsigned over = 0; over <= 1; over++) {
        enum err expected = over ? ERR_INVALID : OK;
        buf_put_str(&text, "{\"");
        repeat("k", TWIN_KEY_MAX + over);
        buf_put_str(&text, "\":1}");
        assert_int_equal(check_text(), expected);
        buf_put_str(&text, "{\"a\":[\"");
        repeat("v", TWIN_STRING_MAX + over);
        buf_put_str(&text, "\"]}");
        assert_int_equal(check_text(), expected);
        buf_put_str(&text, "{\"a\":0.");
        repeat("1", SECTION_NUMBER_MAX - 2 + over);
        buf_put_str(&text, "}");
        assert_int_equal(check_text(), expected);
    }
}

/* {"o":{"o":..{"o":1}..}} */
static void nest(const char *open, unsigned levels, const char *inside, const char *close)
{
    buf_put_str(&text, "{\"o\":");
    repeat(open, levels);
    buf_put_str(&text, inside);
    repeat(close, levels);
    buf_put_str(&text, "}");
}

static void objects_are_ten_levels_deep(void **state)
{
    (void)state;
    for (unsigned over = 0; over <= 1; over++) {
        nest("{\"o\":", TWIN_DEPTH_MAX + over, "1", "}");
        assert_int_equal(check_text(), over ? ERR_INVALID : OK);
        nest("[", SECTION_NESTING_MAX + over, "1", "]");
        assert_int_equal(check_text(), over ? ERR_INVALID : OK);
    }
    nest("{\"o\":", TWIN_DEPTH_MAX, "[1,[2]]", "}");
    assert_int_equal(check_text(), OK);
    nest("[{\"o\":", TWIN_DEPTH_MAX, "1", "}]");
    assert_int_equal(check_text(), OK);
}

static void sizes_count_as_iot_hub_counts(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t count;
    } rows[] = {
        {"{}", 0},
        {"{\"a\":1}", 9},
        {"{\"a\":123456789.125}", 9},
        {"{\"abc\":true,\"d\":false}", 12},
        {"{\"a\":\"xyz\"}", 4},
        {"{\"a\":\"x\\u0000\\n\\u0085y\"}", 3},
        {"{\"\xc3\xbc\":\"\xe2\x98\x83\"}", 5},
        {"{\"a\":{\"bc\":{\"d\":1}}}", 12},
        {"{\"a\":[1,true,\"xy\",{\"k\":\"v\"}]}", 17},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct section *s;
        assert_int_equal(section_read(&arena, slice_str(rows[i].json), SLICE_NONE, &s), OK);
        if (section_count(s) != rows[i].count) fail_msg("%s: %zu", rows[i].json, section_count(s));
    }
}

/* ---- sizes of sections, after merging */

static enum err apply(const struct twin *old, const struct twin_change *change, struct twin *next)
{
    return twin_change_apply(&arena, old, change, 1, next);
}

/* {"k0000":"vv..","k0001":..} that counts as much as asked for. */
static struct json *of_count(size_t count)
{
    enum { PIECE = 1024, KEY = 5 };
    struct json *j;
    unsigned i = 0;
    buf_clear(&text);
    buf_put_u8(&text, '{');
    for (; count; i++) {
        size_t piece = count < PIECE ? count : PIECE;
        if (count - piece && count - piece < KEY) piece -= KEY;
        buf_printf(&text, "%s\"k%04u\":\"", i ? "," : "", i);
        repeat("v", (unsigned)piece - KEY);
        buf_put_u8(&text, '"');
        count -= piece;
    }
    buf_put_u8(&text, '}');
    assert_int_equal(json_parse(&arena, buf_slice(&text), &j), OK);
    return j;
}

static void sections_have_a_size(void **state)
{
    (void)state;
    struct twin fresh, next;
    twin_fresh(&arena, SLICE_LIT("1"), &fresh);
    for (size_t over = 0; over <= 1; over++) {
        enum err expected = over ? ERR_INVALID : OK;
        struct json *tags = of_count(TWIN_TAGS_MAX + over);
        struct json *properties = of_count(TWIN_PROPERTIES_MAX + over);
        assert_int_equal(apply(&fresh, &(struct twin_change){.tags = tags}, &next), expected);
        assert_int_equal(apply(&fresh, &(struct twin_change){.desired = properties}, &next),
                         expected);
        assert_int_equal(apply(&fresh, &(struct twin_change){.reported = properties}, &next),
                         expected);
    }
}

static void what_is_there_counts_with_what_comes(void **state)
{
    (void)state;
    struct twin fresh, full, next;
    struct json *one, *swap;
    twin_fresh(&arena, SLICE_LIT("1"), &fresh);
    struct json *most = of_count(TWIN_PROPERTIES_MAX);
    assert_int_equal(json_parse(&arena, SLICE_LIT("{\"x\":\"\"}"), &one), OK);
    assert_int_equal(json_parse(&arena, SLICE_LIT("{\"x\":\"y\",\"k0000\":null}"), &swap), OK);
    assert_int_equal(apply(&fresh, &(struct twin_change){.reported = most}, &full), OK);
    assert_int_equal(apply(&full, &(struct twin_change){.reported = one}, &next), ERR_INVALID);
    assert_int_equal(apply(&full, &(struct twin_change){.reported = swap}, &next), OK);
    assert_int_equal(next.reported_version, 3);
    struct twin_change replaced = {.desired = one, .replace_desired = true};
    assert_int_equal(apply(&full, &replaced, &next), OK);
}

/* Empty arrays and control characters count nothing, so text has a limit of its own. */
static void text_that_does_not_count_has_an_end(void **state)
{
    (void)state;
    struct twin fresh, next;
    struct json *j;
    twin_fresh(&arena, SLICE_LIT("1"), &fresh);
    for (unsigned over = 0; over <= 1; over++) {
        buf_clear(&text);
        buf_put_str(&text, "{\"a\":[[]");
        repeat(",[]", (SECTION_TEXT_MAX - 10) / 3);
        buf_put_str(&text, over ? ",[]]}" : "]}");
        assert_int_equal(json_parse(&arena, buf_slice(&text), &j), OK);
        assert_true(buf_size(&text) > SECTION_TEXT_MAX - 3);
        assert_int_equal(buf_size(&text) > SECTION_TEXT_MAX, over);
        assert_int_equal(apply(&fresh, &(struct twin_change){.desired = j}, &next),
                         over ? ERR_INVALID : OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rules_of_keys_and_values, reset),
        cmocka_unit_test_teardown(what_replaces_all_has_no_null, reset),
        cmocka_unit_test_teardown(keys_strings_and_numbers_have_a_length, reset),
        cmocka_unit_test_teardown(objects_are_ten_levels_deep, reset),
        cmocka_unit_test_teardown(sizes_count_as_iot_hub_counts, reset),
        cmocka_unit_test_teardown(sections_have_a_size, reset),
        cmocka_unit_test_teardown(what_is_there_counts_with_what_comes, reset),
        cmocka_unit_test_teardown(text_that_does_not_count_has_an_end, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
