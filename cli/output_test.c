/* output_test.c - one value in every format. */
#include "base/test.h"

#include "cli/output.h"

static const char *const list = "[{\"deviceId\":\"gr\xc3\xbc\xc3\x9f\",\"status\":\"enabled\","
                                "\"n\":1.50,\"in\":{\"a\":[1,\"x: y\"]}},"
                                "{\"deviceId\":\"b\",\"status\":null,\"n\":2,\"in\":{\"a\":[]}}]";

static void check(const char *format, const char *query, const char *json, const char *columns,
                  const char *expected)
{
    struct arena a = {0};
    struct output o;
    struct json *value;
    struct buf out = {0};
    assert_int_equal(output_init(&o, &a, format, query), OK);
    assert_int_equal(json_parse(&a, slice_str(json), &value), OK);
    assert_int_equal(output_write(&out, &o, &a, value, columns), OK);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    arena_free(&a);
}

static void json_is_indented_and_keeps_numbers(void **state)
{
    (void)state;
    check("json", NULL, "{\"a\":1.0,\"b\":{},\"c\":[{\"d\":true}]}", NULL,
          "{\n  \"a\": 1.0,\n  \"b\": {},\n  \"c\": [\n    {\n      \"d\": true\n    }\n  ]\n}\n");
    check("json", "a", "{\"a\":\"x\"}", NULL, "\"x\"\n");
}

static void jsonl_has_one_element_a_line(void **state)
{
    (void)state;
    check("jsonl", "[*].{id: deviceId}", list, NULL,
          "{\"id\":\"gr\xc3\xbc\xc3\x9f\"}\n{\"id\":\"b\"}\n");
    check("jsonl", NULL, "{\"a\":1}", NULL, "{\"a\":1}\n");
}

static void tsv_has_one_line_per_element(void **state)
{
    (void)state;
    check("tsv", "[*].[deviceId, status, n]", list, NULL,
          "gr\xc3\xbc\xc3\x9f\tenabled\t1.50\nb\t\t2\n");
    check("tsv", "[*].deviceId", list, NULL, "gr\xc3\xbc\xc3\x9f\nb\n");
    check("tsv", NULL, "\"a\\tb\\nc\"", NULL, "a b c\n");
}

static void yaml_quotes_what_would_be_read_as_something_else(void **state)
{
    (void)state;
    check("yaml", NULL, list, NULL,
          "- deviceId: gr\xc3\xbc\xc3\x9f\n  status: enabled\n  n: 1.50\n  in:\n    a:\n      - 1\n"
          "      - \"x: y\"\n- deviceId: b\n  status: null\n  n: 2\n  in:\n    a: []\n");
    check("yaml", NULL, "[\"true\",\"1\",\"\",\"a b\",\"-\",\"a #b\",\"line\\nline\"]", NULL,
          "- \"true\"\n- \"1\"\n- \"\"\n- a b\n- \"-\"\n- \"a #b\"\n- \"line\\nline\"\n");
}

static void no_format_lets_a_control_character_through(void **state)
{
    (void)state;
    static const char *const json = "[{\"a\x7f\":\"\\u001b[2J\xc2\x9b\"}]";
    check("json", NULL, json, NULL, "[\n  {\n    \"a\\u007f\": \"\\u001b[2J\\u009b\"\n  }\n]\n");
    check("jsonl", NULL, json, NULL, "{\"a\\u007f\":\"\\u001b[2J\\u009b\"}\n");
    check("yaml", NULL, json, NULL, "- \"a\\u007f\": \"\\u001b[2J\\u009b\"\n");
    check("yaml", NULL, "\"x\xc2\x9b\"", NULL, "\"x\\u009b\"\n");
    check("tsv", NULL, json, NULL, " [2J \n");
    check("table", NULL, "[{\"a\":\"\\u001b[2J\x7f\xc2\x9bx\"}]", NULL, "a\n [2J  x\n");
}

static void a_table_has_so_many_columns_and_no_more(void **state)
{
    struct buf row = {0}, titles = {0}, cells = {0};
    (void)state;
    buf_put_u8(&row, '{');
    for (unsigned i = 0; i <= OUTPUT_COLUMNS_MAX; i++) {
        buf_printf(&row, "%s\"c%02u\":%03u", i ? "," : "", i, i + 100);
        if (i == OUTPUT_COLUMNS_MAX) break;
        buf_printf(&titles, "%sc%02u", i ? "  " : "", i);
        buf_printf(&cells, "%s%03u", i ? "  " : "", i + 100);
    }
    buf_put_u8(&row, '}');
    buf_printf(&titles, "\n%s\n", buf_cstr(&cells));
    check("table", NULL, buf_cstr(&row), NULL, buf_cstr(&titles));
    buf_free(&row);
    buf_free(&titles);
    buf_free(&cells);
}

static void a_table_has_the_columns_it_is_given(void **state)
{
    (void)state;
    check("table", NULL, list, "id=deviceId status first=in.a[0]",
          "id    status   first\ngr\xc3\xbc\xc3\x9f  enabled  1\nb              \n");
    check("table", NULL, list, NULL,
          "deviceId  status   n\ngr\xc3\xbc\xc3\x9f      enabled  1.50\n"
          "b                  2\n");
    check("table", "[0].in.a", list, "id=deviceId", "1\nx: y\n");
    check("table", NULL, "[]", "id=deviceId", "");
}

static void an_unknown_format_is_named(void **state)
{
    (void)state;
    struct arena a = {0};
    struct output o;
    assert_int_equal(output_init(&o, &a, "xml", NULL), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "-o xml"));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_indented_and_keeps_numbers),
        cmocka_unit_test(jsonl_has_one_element_a_line),
        cmocka_unit_test(tsv_has_one_line_per_element),
        cmocka_unit_test(yaml_quotes_what_would_be_read_as_something_else),
        cmocka_unit_test(no_format_lets_a_control_character_through),
        cmocka_unit_test(a_table_has_so_many_columns_and_no_more),
        cmocka_unit_test(a_table_has_the_columns_it_is_given),
        cmocka_unit_test(an_unknown_format_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
