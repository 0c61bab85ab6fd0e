/* json_test.c - what is JSON, what is not, and that nothing is lost between reading and writing. */
#include "base/test.h"

#include "base/json.h"
#include "base/mem.h"

static enum err parse(struct arena *a, const char *text, struct json **out)
{
    return json_parse(a, slice_str(text), out);
}

static void legal_texts_come_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written; /* written NULL: the same */
    } rows[] = {
        {"{}", NULL},
        {"[]", NULL},
        {" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "{\"a\":[1,2]}"},
        {"null", NULL},
        {" true ", "true"},
        {"false", NULL},
        {"\"\"", NULL},
        {"\"text\"", NULL},
        {"0", NULL},
        {"-0", NULL},
        {"[1,1.0,1e0,1E+0,1.50,-1e-2]", NULL},
        {"[18446744073709551616,123456789012345678901234567890,0.1,1e999]", NULL},
        {"[[],{},[[]],{\"a\":{}}]", NULL},
        {"{\"\":1}", NULL},
        {"\"\\u0041\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"A/\\u0008\\u000c\\n\\r\\t\\\"\\\\\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"gr\xc3\xbc\xc3\x9f\"", NULL},
        {"{\"k\\u0065y\":1}", "{\"key\":1}"},
        {"\"[1,2]{}:,\"", NULL},
        {"{\"a\":1,\"b\":2,\"a\":[3]}", "{\"a\":[3],\"b\":2}"},
        {"{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"},
    };
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *j;
        struct buf out = {0};
        if (parse(&a, rows[i].text, &j) != OK) fail_msg("%s: %s", rows[i].text, fail_text());
        json_write(&out, j);
        assert_string_equal(buf_cstr(&out), rows[i].written ? rows[i].written : rows[i].text);
        buf_free(&out);
        arena_reset(&a);
    }
    arena_free(&a);
}

static void illegal_texts_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* part of the reason */
    } rows[] = {
        {"", "empty"},
        {"  ", "empty"},
        {"{", "string was expected at byte 1"},
        {"[", "ends too early at byte 1"},
        {"[1", "',' or ']' was expected at byte 2"},
        {"[1,", "ends too early at byte 3"},
        {"[1,]", "value was expected at byte 3"},
        {"[,1]", "value was expected at byte 1"},
        {"[1 2]", "at byte 3"},
        {"[1}", "at byte 2"},
        {"]", "value was expected at byte 0"},
        {"{\"a\":1,}", "string was expected at byte 7"},
        {"{\"a\" 1}", "':' was expected at byte 5"},
        {"{\"a\":}", "value was expected at byte 5"},
        {"{\"a\":1 \"b\":2}", "at byte 7"},
        {"{a:1}", "string was expected at byte 1"},
        {"{1:1}", "string was expected at byte 1"},
        {"{'a':1}", "string was expected at byte 1"},
        {"{\"a\":1}}", "nothing more was expected at byte 7"},
        {"1 2", "nothing more was expected at byte 2"},
        {"{} x", "nothing more was expected at byte 3"},
        {"\"a\"b", "nothing more was expected at byte 3"},
        {"\"a\"\"b\"", "nothing more was expected at byte 3"},
        {"1\"b\"", "value was expected at byte 0"},
        {"nul", "value was expected"},
        {"nulll", "value was expected"},
        {"TRUE", "value was expected"},
        {"NaN", "value was expected"},
        {"Infinity", "value was expected"},
        {"01", "value was expected"},
        {"-", "value was expected"},
        {"+1", "value was expected"},
        {".5", "value was expected"},
        {"1.", "value was expected"},
        {"1e", "value was expected"},
        {"1e+", "value was expected"},
        {"0x10", "value was expected"},
        {"1/*c*/", "value was expected"},
        {"\"a", "not closed"},
        {"\"a\\\"", "not closed"},
        {"\"\\x41\"", "bad escape in the string at byte 0"},
        {"[\"\\u12g4\"]", "bad escape in the string at byte 1"},
        {"\"\\ud83d\"", "at byte 0"},
        {"\"\\ude00\"", "at byte 0"},
        {"\"a\nb\"", "control character"},
        {"\"\xc0\xaf\"", "not UTF-8"},
        {"\"\xff\"", "not UTF-8"},
        {"\xef\xbb\xbf{}", "value was expected at byte 0"},
    };
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *j;
        if (parse(&a, rows[i].text, &j) != ERR_INVALID) fail_msg("%s: accepted", rows[i].text);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].text, fail_text());
        arena_reset(&a);
    }
    arena_free(&a);
}

static char *nested(unsigned levels, bool objects)
{
    struct buf b = {0};
    for (unsigned i = 0; i < levels; i++) buf_put_str(&b, objects ? "{\"a\":" : "[");
    buf_put_str(&b, "0");
    for (unsigned i = 0; i < levels; i++) buf_put_str(&b, objects ? "}" : "]");
    char *text = slice_dup(buf_slice(&b));
    buf_free(&b);
    return text;
}

static void depth_is_limited(void **state)
{
    (void)state;
    static const struct {
        unsigned levels;
        enum err expected;
    } rows[] = {{JSON_DEPTH_MAX, OK}, {JSON_DEPTH_MAX + 1, ERR_TOO_BIG}, {10000, ERR_TOO_BIG}};
    struct arena a = {0};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct json *j;
        char *text = nested(rows[i / 2].levels, i % 2);
        assert_int_equal(parse(&a, text, &j), rows[i / 2].expected);
        if (rows[i / 2].expected == OK) assert_int_equal(json_levels(j), rows[i / 2].levels);
        if (rows[i / 2].expected) assert_non_null(strstr(fail_text(), "64 levels"));
        free(text);
        arena_reset(&a);
    }
    arena_free(&a);
}

static void depth_can_be_limited_further(void **state)
{
    (void)state;
    static const struct {
        unsigned levels, within;
        enum err expected;
    } rows[] = {{3, 3, OK},
                {4, 3, ERR_TOO_BIG},
                {JSON_DEPTH_MAX, JSON_DEPTH_MAX, OK},
                {JSON_DEPTH_MAX, JSON_DEPTH_MAX - 1, ERR_TOO_BIG}};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *j;
        char *text = nested(rows[i].levels, false);
        assert_int_equal(json_parse_within(&a, slice_str(text), rows[i].within, "a thing", &j),
                         rows[i].expected);
        if (rows[i].expected) assert_non_null(strstr(fail_text(), "a thing has at most"));
        free(text);
        arena_reset(&a);
    }
    arena_free(&a);
}

static void nul_bytes_are_content_when_escaped_and_errors_when_raw(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j;
    assert_int_equal(parse(&a, "{\"a\\u0000b\":\"x\\u0000y\"}", &j), OK);
    assert_true(slice_eq(j->child->key, SLICE_LIT("a\0b")));
    assert_true(slice_eq(j->child->text, SLICE_LIT("x\0y")));
    struct buf out = {0};
    json_write(&out, j);
    assert_string_equal(buf_cstr(&out), "{\"a\\u0000b\":\"x\\u0000y\"}");
    buf_free(&out);
    assert_int_equal(json_parse(&a, SLICE_LIT("\"x\0y\""), &j), ERR_INVALID);
    assert_int_equal(json_parse(&a, SLICE_LIT("{}\0"), &j), ERR_INVALID);
    assert_int_equal(json_parse(&a, SLICE_LIT("\0"), &j), ERR_INVALID);
    arena_free(&a);
}

static void a_megabyte_with_many_members_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_put_u8(&text, '{');
    for (int i = 0; buf_size(&text) < (1 << 20); i++)
        buf_printf(&text, "\"key%d\":%d,", i % 60000, i);
    buf_put_str(&text, "\"key7\":\"last\"}");
    struct arena a = {0};
    struct json *j;
    assert_int_equal(json_parse(&a, buf_slice(&text), &j), OK);
    assert_true(slice_is(json_str(j, "key7"), "last"));
    int64_t v;
    assert_int_equal(json_i64(json_get(j, "key8"), &v), OK);
    assert_int_equal(v, 60008);
    size_t members = 0;
    for (struct json *m = j->child; m; m = m->next) members++;
    assert_int_equal(members, 60000);
    buf_free(&text);
    arena_free(&a);
}

static void members_are_found_by_name_and_type(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j;
    assert_int_equal(
        parse(
            &a,
            "{\"deviceId\":\"d\",\"nothing\":null,\"n\":-5,\"f\":1.0,\"big\":9223372036854775808}",
            &j),
        OK);
    assert_true(slice_is(json_str(j, "deviceId"), "d"));
    assert_null(json_get(j, "DEVICEID"));
    assert_non_null(json_get_nocase(j, "DEVICEID"));
    assert_true(slice_is(json_str_nocase(j, "DEVICEID"), "d"));
    assert_null(json_str_nocase(j, "N").ptr);
    assert_null(json_get(json_get(j, "n"), "x"));
    assert_null(json_get(NULL, "x"));
    assert_ptr_equal(json_find(j, SLICE_LIT("n")), json_get(j, "n"));
    assert_null(json_find(json_get(j, "n"), SLICE_LIT("x")));
    assert_null(json_find(NULL, SLICE_LIT("x")));
    assert_ptr_equal(json_given(j, "n"), json_get(j, "n"));
    assert_null(json_given(j, "nothing"));
    assert_null(json_given(NULL, "x"));
    assert_null(json_str(j, "n").ptr);
    int64_t v;
    assert_int_equal(json_i64(json_get(j, "n"), &v), OK);
    assert_int_equal(v, -5);
    assert_int_equal(json_i64(json_get(j, "f"), &v), ERR_INVALID);
    assert_int_equal(json_i64(json_get(j, "big"), &v), ERR_INVALID);
    assert_int_equal(json_i64(json_get(j, "deviceId"), &v), ERR_INVALID);
    assert_int_equal(json_i64(NULL, &v), ERR_INVALID);
    arena_free(&a);
}

static void trees_are_made_and_changed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct buf out = {0};
    struct json *o = json_new(&a, JSON_OBJECT);
    json_set(&a, o, SLICE_LIT("a"), json_new_i64(&a, INT64_MIN));
    struct json *list = json_set(&a, o, SLICE_LIT("b"), json_new(&a, JSON_ARRAY));
    json_append(list, json_new_string(&a, SLICE_LIT("x\0")));
    json_append(list, json_new(&a, JSON_NULL));
    json_set(&a, o, SLICE_LIT("a"), json_new(&a, JSON_BOOL));
    json_write(&out, o);
    assert_string_equal(buf_cstr(&out), "{\"a\":false,\"b\":[\"x\\u0000\",null]}");
    json_remove(o, json_get(o, "nothing"));
    json_remove(list, list->child->next);
    json_remove(o, json_get(o, "a"));
    buf_clear(&out);
    json_write(&out, o);
    assert_string_equal(buf_cstr(&out), "{\"b\":[\"x\\u0000\"]}");
    buf_free(&out);
    arena_free(&a);
}

static void every_prefix_of_a_text_is_refused(void **state)
{
    (void)state;
    struct slice text = SLICE_LIT("{\"a\":[1,-2.5e+3,\"x\\u00e9y\",{\"b\":null}],\"c\":true}");
    struct arena a = {0};
    struct json *j;
    for (size_t n = 0; n < text.len; n++) {
        assert_int_not_equal(json_parse(&a, slice_head(text, n), &j), OK);
        arena_reset(&a);
    }
    assert_int_equal(json_parse(&a, text, &j), OK);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_texts_come_back_as_they_were),
        cmocka_unit_test(illegal_texts_are_refused_with_a_reason),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(depth_can_be_limited_further),
        cmocka_unit_test(nul_bytes_are_content_when_escaped_and_errors_when_raw),
        cmocka_unit_test(a_megabyte_with_many_members_is_read),
        cmocka_unit_test(members_are_found_by_name_and_type),
        cmocka_unit_test(trees_are_made_and_changed),
        cmocka_unit_test(every_prefix_of_a_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
