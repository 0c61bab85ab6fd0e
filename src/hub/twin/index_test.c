/* index_test.c - the index: values that sort, rows that follow the twin, also when it goes. */
#include "hub/twin/fixture_test.h"
#include "hub/twin/index.h"
#include "hub/twin/prop.h"
#include "hub/twin/test_sql.h"

static void values_sort_as_they_compare(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "null", "false", "true", "-1e300", "-2",    "-1.5",   "0",     "1e-9",         "1",  "1.5",
        "2",    "1e300", "\"\"", "\"A\"",  "\"a\"", "\"aa\"", "\"b\"", "\"\xC3\xA9\"", "[]", "{}"};
    struct buf before = {0}, now = {0};
    struct arena a = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *j;
        assert_int_equal(json_parse(&a, slice_str(rows[i]), &j), OK);
        buf_clear(&now);
        twin_index_put_value(&now, j);
        if (i) assert_true(slice_cmp(buf_slice(&before), buf_slice(&now)) < 0);
        buf_clear(&before);
        buf_put_slice(&before, buf_slice(&now));
    }
    buf_clear(&before);
    buf_clear(&now);
    twin_index_put_number(&before, 0);
    twin_index_put_number(&now, -0.0);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&now)));
    buf_free(&before);
    buf_free(&now);
    arena_free(&a);
}

static void strings_are_cut(void **state)
{
    (void)state;
    struct buf at = {0}, over = {0};
    uint8_t text[TWIN_INDEX_STRING_MAX + 1];
    memset(text, 'x', sizeof text);
    twin_index_put_string(&at, slice_of(text, TWIN_INDEX_STRING_MAX));
    twin_index_put_string(&over, slice_of(text, TWIN_INDEX_STRING_MAX + 1));
    assert_int_equal(buf_size(&at), TWIN_INDEX_VALUE_MAX);
    assert_true(slice_eq(buf_slice(&at), buf_slice(&over)));
    buf_free(&at);
    buf_free(&over);
}

/* ---- in the store */

static int64_t number(const struct store_statement *s, int64_t path)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, s);
    if (s->param_count) store_put_int(&q, "path", path);
    assert_int_equal(store_now_query(f.rig.store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    int64_t count = a.col[0].number;
    msg_free(page);
    return count;
}

static int64_t rows(void)
{
    return number(&sql_test_props, 0);
}

static int64_t rows_at(const char *path)
{
    return number(&sql_test_props_at, twin_index_path(false, slice_str(path)));
}

static void rows_follow_the_twin(void **state)
{
    (void)state;
    create("d1");
    assert_int_equal(rows(), 0);
    must_change(
        "d1", TWIN_MERGE,
        "{\"tags\":{\"a\":{\"b\":1,\"c\":\"x\"}},\"properties\":{\"desired\":{\"r\":[1]}}}");
    assert_int_equal(rows(), 4);
    assert_int_equal(rows_at("tags.a"), 1);
    assert_int_equal(rows_at("tags.a.b"), 1);
    assert_int_equal(rows_at("desired.r"), 1);
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"a\":{\"b\":null,\"c\":\"y\"},\"d\":true}}");
    assert_int_equal(rows(), 4);
    assert_int_equal(rows_at("tags.a.b"), 0);
    assert_int_equal(rows_at("tags.a.c"), 1);
    must_change("d1", TWIN_REPLACE, "{}");
    assert_int_equal(rows(), 0);
}

static void rows_follow_reports(void **state)
{
    (void)state;
    create("d1");
    must_report("d1", "{\"fan\":{\"speed\":1}}");
    assert_int_equal(rows(), 2);
    assert_int_equal(rows_at("reported.fan.speed"), 1);
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"a\":1}}");
    assert_int_equal(rows(), 3);
    must_report("d1", "{\"fan\":null,\"on\":true}");
    assert_int_equal(rows(), 2);
    assert_int_equal(rows_at("reported.on"), 1);
    must_change("d1", TWIN_REPLACE, "{}");
    assert_int_equal(rows(), 1);
    drop("d1");
    rig_pass(&f.rig, 1000000);
    assert_int_equal(rows(), 0);
}

/* {"k0":0,...}: `count` of them. */
static void report_many(unsigned count)
{
    struct buf json = {0};
    buf_put_u8(&json, '{');
    for (unsigned i = 0; i < count; i++) buf_printf(&json, "%s\"k%u\":%u", i ? "," : "", i, i);
    buf_put_u8(&json, '}');
    must_report("d1", buf_cstr(&json));
    buf_free(&json);
}

static void more_than_128_reported_are_one_row(void **state)
{
    (void)state;
    int64_t wide = twin_index_wide_path(false, TWIN_INDEX_REPORTED);
    create("d1");
    report_many(TWIN_INDEX_REPORTED_MAX);
    assert_int_equal(rows(), TWIN_INDEX_REPORTED_MAX);
    report_many(TWIN_INDEX_REPORTED_MAX + 1);
    assert_int_equal(rows(), 1);
    assert_int_equal(number(&sql_test_props_at, wide), 1);
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"a\":1}}"); /* the other half goes on */
    assert_int_equal(rows_at("tags.a"), 1);
    must_report("d1", "{\"k0\":null}");
    assert_int_equal(rows(), TWIN_INDEX_REPORTED_MAX + 1);
    assert_int_equal(number(&sql_test_props_at, wide), 0);
}

/* {"tags":{"k0":0,...}}: `count` of them, with `value`. */
static void write_many(unsigned count, unsigned value)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"tags\":{");
    for (unsigned i = 0; i < count; i++) buf_printf(&json, "%s\"k%u\":%u", i ? "," : "", i, value);
    buf_put_str(&json, "}}");
    must_change("d1", TWIN_REPLACE, buf_cstr(&json));
    buf_free(&json);
}

static void more_than_512_properties_are_one_row(void **state)
{
    (void)state;
    create("d1");
    write_many(TWIN_INDEX_ROWS_MAX, 1);
    assert_int_equal(rows(), TWIN_INDEX_ROWS_MAX);
    write_many(TWIN_INDEX_ROWS_MAX, 2);
    assert_int_equal(rows(), TWIN_INDEX_ROWS_MAX);
    write_many(TWIN_INDEX_ROWS_MAX + 1, 2);
    assert_int_equal(rows(), 1);
    assert_int_equal(number(&sql_test_props_at, twin_index_wide_path(false, TWIN_INDEX_SERVICE)),
                     1);
    write_many(3, 1);
    assert_int_equal(rows(), 3);
}

static void rows_of_the_deleted_go(void **state)
{
    (void)state;
    create("d1");
    create("d1/m1");
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"a\":1,\"b\":1}}");
    must_change("d1/m1", TWIN_MERGE, "{\"tags\":{\"a\":1}}");
    assert_int_equal(rows(), 3);
    drop("d1/m1");
    rig_pass(&f.rig, 1000000);
    assert_int_equal(rows(), 2);
    drop("d1");
    create("d1");
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"a\":1,\"b\":2}}");
    assert_int_equal(rows(), 3);
    drop("d1");
    create("d1");
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"b\":2}}");
    rig_pass(&f.rig, 1000000);
    assert_int_equal(rows(), 1);
    assert_int_equal(rows_at("tags.b"), 1);
    assert_int_equal(number(&sql_test_gone, 0), 0);
}

/* ---- from before reported properties were indexed (migration 0016) */

#define TWIN(id, tags, reported)                                                                   \
    "INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, "         \
    "auth_type, status_updated_us) VALUES ('" id "', '', '1', 1, 1, 0, 'sas', 0);"                 \
    "INSERT INTO twin (device_id, module_id, version, etag, desired_version, reported_version, "   \
    "tags, desired, desired_stamps, reported, reported_stamps, indexed) VALUES ('" id "', '', 3, " \
    "1, 1, 2, '" tags "', '{}', '[0,0]', '" reported "', '[0,0,[[0,0]]]', 1);"

static void open_old(const char *sql)
{
    struct io *io = io_mem_new();
    rig_before(io, 16, sql);
    rig_init(&f.rig, io);
    fleet_open(&f);
}

static int64_t wide_rows(void)
{
    return number(&sql_test_props_at, twin_index_wide_path(false, TWIN_INDEX_REPORTED));
}

static void what_was_reported_before_is_indexed_later(void **state)
{
    (void)state;
    open_old(TWIN("d1", "{}", "{\"a\":1}") TWIN("d2", "{}", "{\"a\":2}") TWIN("d3", "{}", "{}"));
    assert_int_equal(wide_rows(), 2);
    rig_pass(&f.rig, 5000000);
    assert_int_equal(wide_rows(), 0);
    assert_int_equal(rows_at("reported.a"), 2);
    assert_int_equal(rows(), 2);
}

/* Home's memory of the row is older than the index. */
static void home_finds_that_its_twin_was_indexed(void **state)
{
    (void)state;
    open_old(TWIN("d1", "{}", "{\"a\":1}"));
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"t\":1}}");
    assert_int_equal(wide_rows(), 1);
    rig_pass(&f.rig, 5000000);
    assert_int_equal(rows_at("reported.a"), 1);
    must_change("d1", TWIN_MERGE, "{\"tags\":{\"t\":2}}");
    assert_int_equal(rows_at("reported.a"), 1);
    must_report("d1", "{\"a\":null,\"b\":1}");
    assert_int_equal(rows_at("reported.a"), 0);
    assert_int_equal(rows_at("reported.b"), 1);
    assert_int_equal(rows(), 2);
}

/* More of them than one turn takes, and one that has too many properties. */
static void all_of_them_are_indexed_but_for_what_is_too_wide(void **state)
{
    (void)state;
    struct buf sql = {0}, many = {0};
    for (unsigned i = 0; i <= TWIN_INDEX_REPORTED_MAX; i++)
        buf_printf(&many, "%s\"k%u\":1", i ? "," : "", i);
    for (unsigned i = 0; i < 50; i++) {
        static const char *const form = TWIN("d%u", "{}", "{%s}");
        bool wide = i == 20;
        buf_printf(&sql, form, i, i, wide ? buf_cstr(&many) : "\"a\":1");
    }
    open_old(buf_cstr(&sql));
    rig_pass(&f.rig, 5000000);
    assert_int_equal(wide_rows(), 1);
    assert_int_equal(rows_at("reported.a"), 49);
    assert_int_equal(rows(), 50);
    buf_free(&sql);
    buf_free(&many);
}

#define OLD(name)  cmocka_unit_test_teardown(name, tear_down)
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_sort_as_they_compare),
        cmocka_unit_test(strings_are_cut),
        TEST(rows_follow_the_twin),
        TEST(rows_follow_reports),
        TEST(more_than_128_reported_are_one_row),
        TEST(more_than_512_properties_are_one_row),
        TEST(rows_of_the_deleted_go),
        OLD(what_was_reported_before_is_indexed_later),
        OLD(home_finds_that_its_twin_was_indexed),
        OLD(all_of_them_are_indexed_but_for_what_is_too_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
