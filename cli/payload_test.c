/* Tests of payloads: templates, properties, CSV files. */
#include "base/test.h"

#include "base/json.h"
#include "cli/payload.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct payload *make(const struct payload_config *config)
{
    struct payload *p;
    enum err e = payload_new(&arena, config, &p);
    if (e != OK) fail_msg("%s", fail_text());
    return p;
}

/* "bag|body" of the next message. */
static const char *next(struct payload_state *s, int64_t wall_us)
{
    struct buf bag = {0}, body = {0};
    payload_write(s, wall_us, &bag, &body);
    buf_put_u8(&bag, '|');
    buf_put_slice(&bag, buf_slice(&body));
    const char *text = (const char *)arena_copy(&arena, buf_slice(&bag)).ptr;
    buf_free(&bag);
    buf_free(&body);
    return text;
}

static const char *first(enum payload_kind kind, const char *body, const char *properties)
{
    struct payload_config config = {
        .kind = kind, .body = slice_str(body), .properties = slice_str(properties)};
    struct payload_state s;
    payload_begin(make(&config), &arena, SLICE_LIT("d7"), 7, 8, 1, &s);
    return next(&s, 1700000000123000);
}

static void placeholders_stand_for_what_the_help_says(void **state)
{
    static const struct {
        const char *template, *body;
    } rows[] = {
        {"", ""},
        {"plain {text} }}", "plain {text} }}"},
        {"{{device}}", "d7"},
        {"{{ device }}-{{index}}", "d7-7"},
        {"{{counter}}{{counter}}", "11"},
        {"{{now}}", "2023-11-14T22:13:20.1230000Z"},
        {"{{epoch}}", "1700000000123"},
        {"{{pick one}}", "one"},
        {"{{walk 5 5}}{{random 2.50 2.50}}{{wave 1 1 60}}", "52.501"},
        {"{{wave 1 1 1e-6}}", "1"},
        {"a{{pad 0}}b", "ab"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = strchr(first(PAYLOAD_TEMPLATE, rows[i].template, ""), '|') + 1;
        assert_string_equal(got, rows[i].body);
    }
}

static void what_is_wrong_with_a_template_is_named(void **state)
{
    static const struct {
        const char *template, *word;
    } rows[] = {
        {"{{nonsense}}", "nonsense"},     {"{{}}", "not a placeholder"},
        {"a {{device", "{{device"},       {"{{device 1}}", "number of arguments"},
        {"{{walk 1}}", "number of"},      {"{{walk a b}}", "'a' is not a number"},
        {"{{random 2 1}}", "not fit"},    {"{{walk 1 2 0}}", "not fit"},
        {"{{wave 1 2 0}}", "not fit"},    {"{{pad -1}}", "not fit"},
        {"{{wave 1 2 9e-7}}", "not fit"}, {"{{wave 1 2 1e-300}}", "not fit"},
        {"{{random 1 nan}}", "number"},   {"{{random 1 inf}}", "number"},
        {"{{pick}}", "number of"},
    };
    struct payload *p;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct payload_config c = {.kind = PAYLOAD_TEMPLATE, .body = slice_str(rows[i].template)};
        assert_int_equal(payload_new(&arena, &c, &p), ERR_INVALID);
        if (!strstr(fail_text(), rows[i].word)) fail_msg("%zu: %s", i, fail_text());
    }
}

static void text_is_sent_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(first(PAYLOAD_TEXT, "{{device}}", "a={{x}}"), "a=%7B%7Bx%7D%7D|{{device}}");
    assert_string_equal(first(PAYLOAD_TEXT, "{}", ""), "|{}");
}

static void json_is_labelled_unless_the_properties_say_otherwise(void **state)
{
    (void)state;
    assert_string_equal(first(PAYLOAD_TEMPLATE, "{\"i\":{{index}}}", ""),
                        "%24.ct=application%2Fjson&%24.ce=utf-8|{\"i\":7}");
    assert_string_equal(first(PAYLOAD_TEMPLATE, "[1]", "$.ct=x;$.ce=y"), "%24.ct=x&%24.ce=y|[1]");
    assert_string_equal(first(PAYLOAD_TEMPLATE, "i={{index}}", ""), "|i=7");
}

static void properties_are_percent_encoded_for_the_topic(void **state)
{
    static const struct {
        const char *properties, *bag;
    } rows[] = {
        {"", ""},
        {";;", ""},
        {"a=1", "a=1"},
        {"a=1;b=2;", "a=1&b=2"},
        {" a = 1 ; b=", "a=%201%20&b="},
        {"a=b=c", "a=b%3Dc"},
        {"level={{index}}/{{device}}", "level=7%2Fd7"},
        {"$.mid={{counter}};$.to=x y", "%24.mid=1&%24.to=x%20y"},
        {"gr\xc3\xb6\xc3\x9f"
         "e=+",
         "gr%C3%B6%C3%9Fe=%2B"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf want = {0};
        buf_printf(&want, "%s|x", rows[i].bag);
        assert_string_equal(first(PAYLOAD_TEMPLATE, "x", rows[i].properties), buf_cstr(&want));
        buf_free(&want);
    }
}

static void what_is_wrong_with_properties_is_named(void **state)
{
    static const struct {
        const char *properties, *word;
    } rows[] = {
        {"a", "'a' is not of the form"}, {"=1", "name=value"},    {"a=1;a=2", "'a' is there twice"},
        {"$.contenttype=x", "$.ct"},     {"a=\xff", "not UTF-8"}, {"a={{b}}", "{{b}}"},
    };
    struct payload *p;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct payload_config c = {.kind = PAYLOAD_TEMPLATE,
                                   .properties = slice_str(rows[i].properties)};
        assert_int_equal(payload_new(&arena, &c, &p), ERR_INVALID);
        if (!strstr(fail_text(), rows[i].word)) fail_msg("%zu: %s", i, fail_text());
    }
}

static enum err with_properties(size_t count, size_t value_len)
{
    struct buf text = {0};
    struct payload *p;
    for (size_t i = 0; i < count; i++) buf_printf(&text, "p%zu=%0*d;", i, (int)value_len, 0);
    struct payload_config c = {.kind = PAYLOAD_TEXT, .properties = buf_slice(&text)};
    enum err e = payload_new(&arena, &c, &p);
    buf_free(&text);
    return e;
}

static void properties_have_limits(void **state)
{
    (void)state;
    assert_int_equal(with_properties(PAYLOAD_PROPERTIES_MAX, 1), OK);
    assert_int_equal(with_properties(PAYLOAD_PROPERTIES_MAX + 1, 1), ERR_TOO_BIG);
    assert_int_equal(with_properties(1, PAYLOAD_BAG_MAX - 3), OK);
    assert_int_equal(with_properties(1, PAYLOAD_BAG_MAX - 2), ERR_TOO_BIG);
}

static enum err with_body(size_t len)
{
    struct buf text = {0};
    struct payload *p;
    for (size_t i = 0; i < len; i++) buf_put_u8(&text, 'x');
    struct payload_config c = {.kind = PAYLOAD_TEXT, .body = buf_slice(&text)};
    enum err e = payload_new(&arena, &c, &p);
    buf_free(&text);
    return e;
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(with_body(PAYLOAD_BODY_MAX), OK);
    assert_int_equal(with_body(PAYLOAD_BODY_MAX + 1), ERR_TOO_BIG);
}

static void a_template_has_limits(void **state)
{
    struct buf text = {0};
    struct payload *p;
    (void)state;
    for (size_t i = 0; i < PAYLOAD_PARTS_MAX; i++) buf_put_str(&text, "{{index}}");
    struct payload_config c = {.kind = PAYLOAD_TEMPLATE, .body = buf_slice(&text)};
    assert_int_equal(payload_new(&arena, &c, &p), OK);
    buf_put_u8(&text, '.');
    c.body = buf_slice(&text);
    assert_int_equal(payload_new(&arena, &c, &p), ERR_TOO_BIG);

    buf_clear(&text);
    buf_put_str(&text, "{{pick");
    for (size_t i = 0; i < PAYLOAD_WORDS_MAX; i++) buf_put_str(&text, " w");
    buf_put_str(&text, "}}");
    c.body = buf_slice(&text);
    assert_int_equal(payload_new(&arena, &c, &p), OK);
    text.len -= 2;
    buf_put_str(&text, " w}}");
    c.body = buf_slice(&text);
    assert_int_equal(payload_new(&arena, &c, &p), ERR_INVALID);
    buf_free(&text);
}

static void sensors_wander_within_their_bounds(void **state)
{
    struct payload_config config = {
        .kind = PAYLOAD_TEMPLATE,
        .body = SLICE_LIT("{{walk -5.0 5.0 1}} {{random 1 6}} {{wave 0.00 1.00 10}} {{pad 3}}")};
    const struct payload *p = make(&config);
    struct payload_state s;
    (void)state;
    payload_begin(p, &arena, SLICE_LIT("d"), 0, 1, 42, &s);
    double last = 0;
    bool faces[7] = {false};
    for (int i = 0; i < 2000; i++) {
        char *at = strchr(next(&s, i * 100000ll), '|') + 1;
        double walk = strtod(at, &at);
        long die = strtol(at, &at, 10);
        double wave = strtod(at, &at);
        assert_true(walk >= -5 && walk <= 5 &&
                    (i == 0 || (walk - last < 1.2 && last - walk < 1.2)));
        assert_true(die >= 1 && die <= 6 && wave >= 0 && wave <= 1 && strlen(at) == strlen(" ..."));
        last = walk;
        faces[die] = true;
    }
    for (int i = 1; i <= 6; i++) assert_true(faces[i]);
}

static void one_seed_says_the_same_twice_and_devices_differ(void **state)
{
    struct payload_config config = {.kind = PAYLOAD_TEMPLATE,
                                    .body = SLICE_LIT("{{temperature}}{{guid}}{{pick a b c}}")};
    const struct payload *p = make(&config);
    struct payload_state a, b, c;
    (void)state;
    payload_begin(p, &arena, SLICE_LIT("x"), 3, 9, 5, &a);
    payload_begin(p, &arena, SLICE_LIT("x"), 3, 9, 5, &b);
    payload_begin(p, &arena, SLICE_LIT("x"), 4, 9, 5, &c);
    const char *from_a = next(&a, 0);
    assert_string_equal(from_a, next(&b, 0));
    assert_string_not_equal(from_a, next(&c, 0));
}

static void the_initial_template_is_json(void **state)
{
    struct json *json;
    (void)state;
    const char *body = strchr(first(PAYLOAD_TEMPLATE, payload_initial, ""), '|') + 1;
    assert_int_equal(json_parse(&arena, slice_str(body), &json), OK);
    assert_true(slice_is(json_str(json, "deviceId"), "d7"));
    assert_int_equal(json_get(json, "temperature")->type, JSON_NUMBER);
}

/* ---- CSV */

static struct payload_config csv_of(const char *text)
{
    return (struct payload_config){.kind = PAYLOAD_CSV, .body = slice_str(text)};
}

/* All rows of device `index` of `count`, bodies only, one a line. */
static const char *rows_of(const struct payload *p, size_t index, size_t count)
{
    struct buf all = {0};
    struct payload_state s;
    int64_t due;
    payload_begin(p, &arena, SLICE_LIT("d"), index, count, 1, &s);
    while (payload_due(&s, &due)) buf_printf(&all, "%s\n", strchr(next(&s, 0), '|') + 1);
    const char *text = (const char *)arena_copy(&arena, buf_slice(&all)).ptr;
    buf_free(&all);
    return text;
}

static void rows_become_objects_with_the_columns_as_keys(void **state)
{
    static const struct {
        const char *file, *bodies;
    } rows[] = {
        {"a\n1\n", "{\"a\":1}\n"},
        {"a,b\r\n1,x\r\n2,\r\n", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n"},
        {"a,b\n1,", "{\"a\":1,\"b\":null}\n"},
        {"\xef\xbb\xbf a ,b\n\n-0.5e3,true\n\n", "{\"a\":-0.5e3,\"b\":true}\n"},
        {"a\n\n", "{\"a\":null}\n"},
        {"a\n01\n1.\n.5\n+1\n1e\n-\nNaN\n",
         "{\"a\":\"01\"}\n{\"a\":\"1.\"}\n{\"a\":\".5\"}\n{\"a\":\"+1\"}\n{\"a\":\"1e\"}\n"
         "{\"a\":\"-\"}\n{\"a\":\"NaN\"}\n"},
        {"a\n12345678901234567890\n0\n0.10\n",
         "{\"a\":12345678901234567890}\n{\"a\":0}\n{\"a\":0.10}\n"},
        {"\"a,\"\"b\"\"\"\n\"1\"\n\"two\nlines\"\n\"\"\n\"say \"\"hi\"\" \"\"\"\n",
         "{\"a,\\\"b\\\"\":\"1\"}\n{\"a,\\\"b\\\"\":\"two\\nlines\"}\n{\"a,\\\"b\\\"\":\"\"}\n"
         "{\"a,\\\"b\\\"\":\"say \\\"hi\\\" \\\"\"}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct payload_config config = csv_of(rows[i].file);
        assert_string_equal(rows_of(make(&config), 0, 1), rows[i].bodies);
    }
}

static void what_is_wrong_with_a_file_is_named_with_its_line(void **state)
{
    static const struct {
        const char *file, *word;
    } rows[] = {
        {"", "empty"},
        {"a,b\n", "no rows"},
        {"a,\n1,2\n", "column 2 has no name"},
        {"a,b,a\n", "'a'"},
        {"a,b\n1,2\n3\n", "line 3: 1 cells"},
        {"a,b\n1,2,3\n", "line 2: too many"},
        {"a,b\n1,\"2\n\n", "line 2: a quote"},
        {"a,b\n\"x\ny\",1\n\"1\"2,3\n", "line 4: text behind"},
        {"a\nok\n\xff\n", "line 3: not UTF-8"},
    };
    struct payload *p;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct payload_config config = csv_of(rows[i].file);
        assert_int_equal(payload_new(&arena, &config, &p), ERR_INVALID);
        if (!strstr(fail_text(), rows[i].word)) fail_msg("%zu: %s", i, fail_text());
    }
}

static void devices_take_rows_in_turn(void **state)
{
    struct payload_config config = csv_of("a\n1\n2\n3\n4\n5\n");
    const struct payload *p = make(&config);
    (void)state;
    assert_int_equal(payload_row_count(p), 5);
    assert_int_equal(payload_device_count(p), 0);
    assert_string_equal(rows_of(p, 0, 2), "{\"a\":1}\n{\"a\":3}\n{\"a\":5}\n");
    assert_string_equal(rows_of(p, 1, 2), "{\"a\":2}\n{\"a\":4}\n");
    assert_string_equal(rows_of(p, 6, 7), "");
}

static void a_column_can_name_the_devices(void **state)
{
    struct payload_config config = csv_of("a,city\n1,NY\n2,SEA\n3,NY\n");
    config.device_column = "city";
    const struct payload *p = make(&config);
    (void)state;
    assert_int_equal(payload_device_count(p), 2);
    assert_true(slice_is(payload_device(p, 1), "SEA"));
    assert_string_equal(rows_of(p, 0, 2), "{\"a\":1,\"city\":\"NY\"}\n{\"a\":3,\"city\":\"NY\"}\n");
    assert_string_equal(rows_of(p, 1, 2), "{\"a\":2,\"city\":\"SEA\"}\n");

    config = csv_of("city\nNew York\nNew York \n\"#1/b\"\n");
    config.device_column = "city";
    p = make(&config);
    assert_int_equal(payload_device_count(p), 2);
    assert_true(slice_is(payload_device(p, 0), "New-York"));
    assert_true(slice_is(payload_device(p, 1), "#1-b"));

    config = csv_of("a,city\n1,\n");
    config.device_column = "city";
    struct payload *other;
    assert_int_equal(payload_new(&arena, &config, &other), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "line 2"));
    config.device_column = "town";
    assert_int_equal(payload_new(&arena, &config, &other), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "no column 'town'"));
}

static void rows_are_due_by_their_time_column(void **state)
{
    static const struct {
        const char *first, *second;
        int64_t apart_us;
    } rows[] = {
        {"2012-01-01", "2012-01-02", 86400000000},
        {"2012/01/01", "2012/01/01 00:01", 60000000},
        {"2012-01-01T00:00:00Z", "2012-01-01T01:00:00.5+01:00", 500000},
        {"1325376000", "1325376001.5", 1500000},
        {"1325376000000", "1325376000250", 250000},
        {"2012-01-02", "2012-01-01", 0}, /* the second is earlier: the first is a day after it */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf file = {0};
        struct payload_state s;
        int64_t due;
        buf_printf(&file, "t\n%s\n%s\n", rows[i].first, rows[i].second);
        struct payload_config config = {
            .kind = PAYLOAD_CSV, .body = buf_slice(&file), .time_column = "t"};
        payload_begin(make(&config), &arena, SLICE_LIT("d"), 0, 1, 1, &s);
        assert_true(payload_due(&s, &due));
        assert_int_equal(due, rows[i].apart_us ? 0 : 86400000000);
        next(&s, 0);
        assert_true(payload_due(&s, &due));
        assert_int_equal(due, rows[i].apart_us);
        buf_free(&file);
    }
}

static void the_time_column_can_be_guessed(void **state)
{
    struct payload_config config = csv_of("x,DATE,TimeStamp\nnever,2012-01-01,2012-01-01\n");
    struct payload *p;
    (void)state;
    config.time_column = "";
    assert_int_equal(payload_new(&arena, &config, &p), OK);
    config.body = SLICE_LIT("x\n1\n");
    assert_int_equal(payload_new(&arena, &config, &p), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "--time-column"));
}

static void what_is_no_time_is_named_with_its_line(void **state)
{
    static const char *const files[] = {"t\nnoon\n", "t\n\n", "t\n2012-13-01\n", "t\n1e99\n",
                                        "t\n2012-01-01T00:00:00.00000000000000000000000000000Z\n"};
    struct payload *p;
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct payload_config config = csv_of(files[i]);
        config.time_column = "t";
        assert_int_equal(payload_new(&arena, &config, &p), ERR_INVALID);
        assert_non_null(strstr(fail_text(), "line 2"));
    }
}

/* A header and a row with `columns` cells, one of them `len` letters long. */
static enum err with_table(size_t columns, size_t len)
{
    struct buf text = {0};
    struct payload *p;
    for (size_t i = 0; i < columns; i++) buf_printf(&text, "%sc%zu", i ? "," : "", i);
    buf_put_u8(&text, '\n');
    for (size_t i = 1; i < columns; i++) buf_put_u8(&text, ',');
    for (size_t i = 0; i < len; i++) buf_put_u8(&text, 'x');
    buf_put_u8(&text, '\n');
    struct payload_config config = {.kind = PAYLOAD_CSV, .body = buf_slice(&text)};
    enum err e = payload_new(&arena, &config, &p);
    buf_free(&text);
    return e;
}

static void a_file_has_limits(void **state)
{
    (void)state;
    assert_int_equal(with_table(PAYLOAD_COLUMNS_MAX, 1), OK);
    assert_int_equal(with_table(PAYLOAD_COLUMNS_MAX + 1, 1), ERR_TOO_BIG);
    size_t around = strlen("{\"c0\":\"\"}");
    assert_int_equal(with_table(1, PAYLOAD_BODY_MAX - around), OK);
    assert_int_equal(with_table(1, PAYLOAD_BODY_MAX - around + 1), ERR_TOO_BIG);

    struct payload *p; /* its bytes are not looked at */
    struct payload_config config = {.kind = PAYLOAD_CSV,
                                    .body = slice_of("a\n1\n", PAYLOAD_CSV_MAX + (size_t)1)};
    assert_int_equal(payload_new(&arena, &config, &p), ERR_TOO_BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(placeholders_stand_for_what_the_help_says),
        TEST(what_is_wrong_with_a_template_is_named),
        TEST(text_is_sent_as_it_is),
        TEST(json_is_labelled_unless_the_properties_say_otherwise),
        TEST(properties_are_percent_encoded_for_the_topic),
        TEST(what_is_wrong_with_properties_is_named),
        TEST(properties_have_limits),
        TEST(a_body_has_a_limit),
        TEST(a_template_has_limits),
        TEST(sensors_wander_within_their_bounds),
        TEST(one_seed_says_the_same_twice_and_devices_differ),
        TEST(the_initial_template_is_json),
        TEST(rows_become_objects_with_the_columns_as_keys),
        TEST(what_is_wrong_with_a_file_is_named_with_its_line),
        TEST(devices_take_rows_in_turn),
        TEST(a_column_can_name_the_devices),
        TEST(rows_are_due_by_their_time_column),
        TEST(the_time_column_can_be_guessed),
        TEST(what_is_no_time_is_named_with_its_line),
        TEST(a_file_has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
