/* scan_test.c - JSON read into slots: what is JSON, and what is found, as base/json.h has it. */
#include "base/test.h"

#include <stdlib.h>

#include "base/json.h"
#include "route/route.h"
#include "route/scan.h"

/* $body.a.b[1] and $body.name of many letters */
struct reading {
    struct arena arena;
    struct paths paths;
    struct slots slots;
    struct scan scan;
    uint32_t element, name, a;
};

static struct reading *reading_new(void)
{
    static struct reading r;
    struct step one = {.index = 1}, b = {.name = SLICE_LIT("b"), .next = &one};
    struct step a = {.name = SLICE_LIT("a"), .next = &b};
    struct step name = {.name = SLICE_LIT("TemperatureOfTheOven")};
    r = (struct reading){0};
    r.element = paths_add(&r.paths, &r.arena, &a);
    a.next = NULL;
    r.a = paths_add(&r.paths, &r.arena, &a);
    r.name = paths_add(&r.paths, &r.arena, &name);
    return &r;
}

static void reading_free(struct reading *r)
{
    paths_free(&r->paths);
    slots_free(&r->slots);
    scan_free(&r->scan);
    arena_free(&r->arena);
}

static bool read_text(struct reading *r, struct slice text)
{
    buf_clear(&r->scan.text);
    buf_put_slice(&r->scan.text, text);
    return scan_read(&r->scan, &r->paths, &r->slots);
}

/* Both readers say the same of it. */
static void check(struct reading *r, struct slice text)
{
    struct arena arena = {0};
    struct json *tree;
    bool json = json_parse(&arena, text, &tree) == OK;
    if (read_text(r, text) != json) fail_msg("%.*s is %sJSON", SLICE_ARG(text), json ? "" : "not ");
    arena_free(&arena);
}

static void a_text_is_json_or_not_as_base_has_it(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{}",
                                        " { } ",
                                        "{",
                                        "}",
                                        "[]",
                                        "[",
                                        "[ ]",
                                        "[1,]",
                                        "[,1]",
                                        "[1 2]",
                                        "[1,2",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{,}",
                                        "{a:1}",
                                        "{\"a\" 1}",
                                        "{\"a\":1 \"b\":2}",
                                        "1",
                                        " 1 ",
                                        "-1",
                                        "-",
                                        "--1",
                                        "+1",
                                        "01",
                                        "-01",
                                        "0",
                                        "-0",
                                        "0.",
                                        ".5",
                                        "0.5",
                                        "1.5.5",
                                        "1e",
                                        "1e+",
                                        "1e5",
                                        "1E-5",
                                        "1e5.5",
                                        "1.e5",
                                        "1a",
                                        "1 1",
                                        "0x10",
                                        "Infinity",
                                        "NaN",
                                        "true",
                                        "tru",
                                        "truex",
                                        "true x",
                                        "True",
                                        "false",
                                        "fals",
                                        "null",
                                        "nul",
                                        "nulll",
                                        "\"\"",
                                        "\"a",
                                        "\"a\"b",
                                        "\"a\"\"b\"",
                                        "a\"b\"",
                                        "\"\\\"",
                                        "\"\\",
                                        "\"\\\\\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u1234\"",
                                        "\"\\ud800\"",
                                        "\"\\udc00\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\\u0000\"",
                                        "\"\t\"",
                                        "\"\x7f\"",
                                        "\"\x80\"",
                                        "\"\xc3\xa9\"",
                                        "\"\xc3\"",
                                        "\"\xed\xa0\x80\"",
                                        "\xef\xbb\xbf{}",
                                        "[1]\f",
                                        "\v[1]",
                                        "[1]]",
                                        "{}{}",
                                        "[\"a\",\"b\"]",
                                        "[[[]],{}]",
                                        "{\"a\":[{\"b\":null}]}",
                                        "{\"\\u0061\":{\"b\":[1,2]}}",
                                        "{1:2}",
                                        "{\"a\":1;\"b\":2}",
                                        "/**/1",
                                        "'a'"};
    struct reading *r = reading_new();
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check(r, slice_str(texts[i]));
    check(r, SLICE_LIT("1\0"));
    check(r, SLICE_LIT("[1,\0 2]"));
    check(r, SLICE_LIT("\"a\0b\""));
    check(r, SLICE_LIT("\"a\\\0\""));
    reading_free(r);
}

/* Strings are read eight bytes at a time: each kind of byte at each place of them. */
static void each_byte_of_a_string_may_end_it(void **state)
{
    struct reading *r = reading_new();
    (void)state;
    for (unsigned len = 1; len < 20; len++)
        for (unsigned at = 0; at < len; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[32] = "[\"";
                memset(text + 2, 'x', len);
                text[2 + at] = (char)byte;
                memcpy(text + 2 + len, "\",1]", 5);
                check(r, slice_of(text, len + 6));
            }
    reading_free(r);
}

static void what_is_cut_off_anywhere_is_not_json(void **state)
{
    static const char text[] = "{\"a\": {\"b\": [1.5e3, \"x\\u0041\\\"y\", true, null]}, "
                               "\"TemperatureOfTheOven\": \"\xc3\xa9\"}";
    struct reading *r = reading_new();
    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        check(r, slice_of(text, len));
        if (len < sizeof text - 1) assert_null(slots_get(&r->slots, r->element));
    }
    assert_true(read_text(r, slice_str(text)));
    assert_true(slice_is(slots_get(&r->slots, r->element)->text, "xA\"y"));
    assert_true(slice_is(slots_get(&r->slots, r->name)->text, "\xc3\xa9"));
    assert_int_equal(slots_get(&r->slots, r->a)->text.len,
                     strlen("{\"b\": [1.5e3, \"x\\u0041\\\"y\", true, null]}"));
    reading_free(r);
}

static void numbers_are_the_doubles_next_to_them(void **state)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "7",
                                          "-12.5",
                                          "0.1",
                                          "0.30000000000000004",
                                          "1e3",
                                          "1.5E-7",
                                          "1e400",
                                          "-1e400",
                                          "4.9e-324",
                                          "123456789012345",
                                          "1234567890123456",
                                          "999999999999999.9",
                                          "12345678901234.5",
                                          "-123456789012345.678",
                                          "0.000000000000001",
                                          "0.0000000000000001",
                                          "9007199254740993",
                                          "18446744073709551616",
                                          "0.3",
                                          "2.675",
                                          "179769313486231580793728971405301e277"};
    struct reading *r = reading_new();
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"A\":{\"B\":[0,%s]}}", numbers[i]);
        assert_true(read_text(r, slice_str(text)));
        const struct value *v = slots_get(&r->slots, r->element);
        double want = strtod(numbers[i], NULL);
        assert_int_equal(v->type, VALUE_NUMBER);
        assert_memory_equal(&v->number, &want, sizeof want);
        assert_true(slice_is(v->text, numbers[i]));
    }
    reading_free(r);
}

static void names_are_told_apart_whatever_their_length_and_case(void **state)
{
    static const struct {
        const char *name;
        bool same;
    } rows[] = {{"TemperatureOfTheOven", true},
                {"temperatureoftheoven", true},
                {"TEMPERATUREOFTHEOVEN", true},
                {"TemperatureOfTheOve", false},
                {"TemperatureOfTheOvenx", false},
                {"TemperatureOfXheOven", false},
                {"\\u0054emperatureOfTheOven", true},
                {"UemperatureOfTheOven", false},
                {"", false}};
    struct reading *r = reading_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"%s\" : 1}", rows[i].name);
        assert_true(read_text(r, slice_str(text)));
        assert_int_equal(slots_get(&r->slots, r->name) != NULL, rows[i].same);
    }
    reading_free(r);
}

static bool reads_nested(struct reading *r, unsigned depth)
{
    struct buf b = {0};
    for (unsigned i = 0; i < depth; i++) buf_put_u8(&b, '[');
    for (unsigned i = 0; i < depth; i++) buf_put_u8(&b, ']');
    bool read = read_text(r, buf_slice(&b));
    buf_free(&b);
    return read;
}

static void depth_has_a_limit(void **state)
{
    struct reading *r = reading_new();
    (void)state;
    assert_true(reads_nested(r, ROUTE_BODY_DEPTH_MAX));
    assert_false(reads_nested(r, ROUTE_BODY_DEPTH_MAX + 1));
    reading_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_json_or_not_as_base_has_it),
        cmocka_unit_test(each_byte_of_a_string_may_end_it),
        cmocka_unit_test(what_is_cut_off_anywhere_is_not_json),
        cmocka_unit_test(numbers_are_the_doubles_next_to_them),
        cmocka_unit_test(names_are_told_apart_whatever_their_length_and_case),
        cmocka_unit_test(depth_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
