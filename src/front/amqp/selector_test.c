/* selector_test.c - filters as clients write them. */
#include "base/test.h"

#include "front/amqp/selector.h"

#define A "amqp.annotation."

static void every_comparison_finds_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum log_where where;
        int64_t value;
    } rows[] = {
        {A "x-opt-offset > '-1'", LOG_EARLIEST, 0},
        {A "x-opt-offset > '@latest'", LOG_LATEST, 0},
        {A "x-opt-offset >= '@latest'", LOG_LATEST, 0},
        {A "x-opt-offset > '41'", LOG_SEQUENCE, 42},
        {A "x-opt-offset >= '41'", LOG_SEQUENCE, 41},
        {A "x-opt-offset >= '0'", LOG_EARLIEST, 0},
        {A "x-opt-sequence-number > '7'", LOG_SEQUENCE, 8},
        {A "x-opt-sequence-number >= 7", LOG_SEQUENCE, 7},
        {A "x-opt-sequence-number > '-1'", LOG_EARLIEST, 0},
        {A "x-opt-enqueued-time > '1700000000123'", LOG_TIME, 1700000000124000},
        {A "x-opt-enqueued-time >= '1700000000123'", LOG_TIME, 1700000000123000},
        {A "x-opt-enqueuedtimeutc > 1700000000123", LOG_TIME, 1700000000124000},
        {A "x-opt-enqueued-time > '9223372036854774'", LOG_TIME, 9223372036854775000},
        {A "x-opt-enqueued-time >= '-9223372036854775'", LOG_TIME, -9223372036854775000},
        {A "x-opt-sequence-number > '9223372036854775806'", LOG_SEQUENCE, INT64_MAX},
        {"  " A "x-opt-offset>'5' ", LOG_SEQUENCE, 6},
        {"AMQP.annotation.X-Opt-Offset >'5'", LOG_SEQUENCE, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_seek_msg m = {0};
        assert_int_equal(selector_parse(slice_str(rows[i].text), &m), OK);
        assert_int_equal(m.where, rows[i].where);
        if (m.where != LOG_EARLIEST && m.where != LOG_LATEST)
            assert_int_equal(m.value, rows[i].value);
    }
}

static void no_filter_is_the_beginning(void **state)
{
    (void)state;
    struct log_seek_msg m = {.where = LOG_LATEST};
    struct amqp_value none = {.type = AMQP_NULL};
    struct slice text;
    assert_int_equal(selector_of_filter(&none, &text), OK);
    assert_int_equal(selector_parse(text, &m), OK);
    assert_int_equal(m.where, LOG_EARLIEST);
}

static void what_does_not_parse_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "x",
        A,
        A "x-opt-offset",
        A "x-opt-offset = '1'",
        A "x-opt-offset < '1'",
        A "x-opt-offset > ''",
        A "x-opt-offset > 'abc'",
        A "x-opt-offset > '1' AND " A "x-opt-offset > '2'",
        A "x-opt-offset > '99999999999999999999'",
        A "x-opt-enqueued-time > '9223372036854775807'",
        A "x-opt-enqueued-time > '9223372036854775'",
        A "x-opt-enqueued-time >= '-9223372036854776'",
        A "x-opt-sequence-number > '9223372036854775807'",
        A "x-opt-publisher-name > '1'",
        "1=1; DROP TABLE events",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct log_seek_msg m = {0};
        assert_int_equal(selector_parse(slice_str(rows[i]), &m), ERR_INVALID);
    }
}

/* {key: described(descriptor, text)} */
static struct amqp_value filter_map(struct buf *b, bool by_name, const char *text)
{
    struct amqp_value map;
    struct amqp_open open = amqp_open_map(b);
    amqp_put_sym(b, "apache.org:selector-filter:string");
    buf_put_u8(b, 0x00);
    if (by_name)
        amqp_put_sym(b, "apache.org:selector-filter:string");
    else
        amqp_put_ulong(b, 0x468C00000004);
    amqp_put_str(b, text);
    amqp_close(b, open, 2);
    struct cur c = cur_of(buf_slice(b));
    assert_int_equal(amqp_get(&c, &map), OK);
    return map;
}

static void filters_are_described_by_number_or_by_name(void **state)
{
    (void)state;
    for (int by_name = 0; by_name < 2; by_name++) {
        struct buf b = {0};
        struct slice text;
        struct amqp_value map = filter_map(&b, by_name != 0, "hello");
        assert_int_equal(selector_of_filter(&map, &text), OK);
        assert_true(slice_is(text, "hello"));
        buf_free(&b);
    }
}

static void another_filter_is_not_served(void **state)
{
    (void)state;
    struct buf b = {0};
    struct amqp_value map;
    struct slice text;
    struct amqp_open open = amqp_open_map(&b);
    amqp_put_sym(&b, "other");
    amqp_put_str(&b, "x");
    amqp_close(&b, open, 2);
    struct cur c = cur_of(buf_slice(&b));
    assert_int_equal(amqp_get(&c, &map), OK);
    assert_int_equal(selector_of_filter(&map, &text), ERR_UNSUPPORTED);
    buf_free(&b);
}

static void a_filter_that_is_cut_is_refused_with_a_text(void **state)
{
    (void)state;
    struct slice text;
    const struct amqp_value map = {.type = AMQP_MAP, .bytes = SLICE_LIT("\xa3\x7fx")};
    assert_int_equal(fail(ERR_INVALID, "an older refusal"), ERR_INVALID);
    assert_int_equal(selector_of_filter(&map, &text), ERR_INVALID);
    assert_string_equal(fail_text(), "the source's filter does not parse");
}

/* It was meant as a filter: without one everything would be sent. */
static void what_is_no_map_is_no_filter(void **state)
{
    (void)state;
    struct slice text;
    const struct amqp_value number = {.type = AMQP_ULONG, .u = 7};
    assert_int_equal(selector_of_filter(&number, &text), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_comparison_finds_its_place),
        cmocka_unit_test(no_filter_is_the_beginning),
        cmocka_unit_test(what_does_not_parse_is_refused),
        cmocka_unit_test(filters_are_described_by_number_or_by_name),
        cmocka_unit_test(another_filter_is_not_served),
        cmocka_unit_test(a_filter_that_is_cut_is_refused_with_a_text),
        cmocka_unit_test(what_is_no_map_is_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
