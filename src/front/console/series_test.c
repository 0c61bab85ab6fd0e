/* series_test.c - what is asked, what is found in bodies, and what is told of it. */
#include "base/test.h"

#include <string.h>

#include "front/console/scan.h"
#include "front/console/series.h"

static const int64_t now_us = 1000000000; /* second 1000 */

struct fixture {
    struct series series;
    struct buf text;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    series_fini(&f->series);
    buf_free(&f->text);
    return 0;
}

static const char *ask(struct fixture *f, const char *request)
{
    series_fini(&f->series);
    return series_init(&f->series, slice_str(request), now_us);
}

static void take(struct fixture *f, const char *device, const char *body, int second)
{
    if (series_wants(&f->series, slice_str(device)))
        series_take(&f->series, slice_str(device), slice_str(body), second * 1000000ll);
}

static const char *told(struct fixture *f)
{
    buf_clear(&f->text);
    series_put(&f->series, &f->text);
    return buf_cstr(&f->text);
}

static void check_told(struct fixture *f, const char *part)
{
    if (strstr(told(f), part) == NULL) fail_msg("no '%s' in %s", part, told(f));
}

/* [item,item,...] */
static void put_list(struct buf *out, const char *name, const char *item, unsigned count)
{
    buf_printf(out, ",\"%s\":[", name);
    for (unsigned i = 0; i < count; i++) buf_printf(out, "%s%s", i ? "," : "", item);
    buf_put_u8(out, ']');
}

static bool is_taken(struct fixture *f, const char *rest)
{
    struct buf request = {0};
    buf_printf(&request, "{\"from\":900000%s}", rest);
    bool taken = ask(f, buf_cstr(&request)) == NULL;
    buf_free(&request);
    return taken;
}

static bool are_taken(struct fixture *f, const char *name, unsigned count)
{
    struct buf rest = {0};
    put_list(&rest, name, "\"x\"", count);
    bool taken = is_taken(f, buf_cstr(&rest));
    buf_free(&rest);
    return taken;
}

static void values_become_the_least_the_largest_and_the_mean_of_their_bucket(void **state)
{
    struct fixture *f = *state;
    assert_null(ask(f, "{\"devices\":[\"d\"],\"paths\":[\"t\"],\"from\":900000,\"buckets\":10}"));
    take(f, "d", "{\"t\":21}", 900);
    take(f, "d", "{\"t\":19.5}", 905);
    take(f, "d", "{\"t\":22.5}", 909);
    take(f, "d", "{\"t\":-1e3}", 999);
    take(f, "other", "{\"t\":7}", 950);
    check_told(f, "\"values\":4,\"points\":[[0,3,19.5,22.5,21],[9,1,-1000,-1000,-1000]]");
    check_told(f, "\"records\":4,\"skipped\":0");
}

static void a_path_leads_through_objects_arrays_and_keys_with_dots(void **state)
{
    struct fixture *f = *state;
    assert_null(
        ask(f, "{\"paths\":[\"a.b\",\"list.1.x\",\"a.b.c\"],\"from\":\"-100s\",\"buckets\":1}"));
    take(f, "d", "{\"a\":{\"b\":1},\"list\":[{\"x\":5},{\"x\":6}],\"a.b\":{\"c\":3}}", 950);
    check_told(f, "\"path\":\"a.b\",\"values\":1,\"points\":[[0,1,1,1,1]]");
    check_told(f, "\"path\":\"list.1.x\",\"values\":1,\"points\":[[0,1,6,6,6]]");
    check_told(f, "\"path\":\"a.b.c\",\"values\":1,\"points\":[[0,1,3,3,3]]");
}

static void what_is_no_number_is_passed_over(void **state)
{
    struct fixture *f = *state;
    assert_null(ask(f, "{\"paths\":[\"t\"],\"from\":900000}"));
    take(f, "d", "not JSON", 950);
    take(f, "d", "7", 950);
    take(f, "d", "{\"t\":\"21\"}", 950);
    take(f, "d", "{\"t\":1e999}", 950);
    take(f, "d", "{\"t\":null}", 950);
    check_told(f, "\"records\":5,\"skipped\":2");
    check_told(f, "\"values\":0,\"points\":[]");
}

static void each_device_has_a_line_of_its_own(void **state)
{
    struct fixture *f = *state;
    assert_null(
        ask(f, "{\"devices\":[\"a\",\"b\"],\"paths\":[\"t\"],\"from\":900000,\"buckets\":1}"));
    take(f, "a", "{\"t\":1}", 950);
    take(f, "b", "{\"t\":2}", 950);
    check_told(f, "{\"device\":\"a\",\"path\":\"t\",\"values\":1,\"points\":[[0,1,1,1,1]]}");
    check_told(f, "{\"device\":\"b\",\"path\":\"t\",\"values\":1,\"points\":[[0,1,2,2,2]]}");
}

static void without_paths_the_numbers_there_are_are_found(void **state)
{
    struct fixture *f = *state;
    assert_null(ask(f, "{\"from\":900000}"));
    take(f, "d", "{\"t\":1,\"s\":\"x\",\"in\":{\"\\u003cb\\u003e\":[2]}}", 950);
    take(f, "d", "{\"t\":2}", 951);
    check_told(f, "\"found\":[\"t\",\"in.<b>.0\"]");
}

static void found_paths_are_as_many_and_as_long_as_they_may_be(void **state)
{
    struct fixture *f = *state;
    struct buf body = {0};
    char key[SERIES_PATH_MAX + 2];
    for (int longer = 0; longer < 2; longer++) {
        memset(key, 'k', sizeof key);
        key[SERIES_PATH_MAX + longer] = '\0';
        assert_null(ask(f, "{\"from\":900000}"));
        buf_clear(&body);
        buf_printf(&body, "{\"%s\":1}", key);
        take(f, "d", buf_cstr(&body), 950);
        assert_int_equal(f->series.name_count, longer ? 0 : 1);
    }
    for (unsigned count = SERIES_NAMES_MAX; count <= SERIES_NAMES_MAX + 1; count++) {
        assert_null(ask(f, "{\"from\":900000}"));
        for (unsigned i = 0; i < count; i++) {
            buf_clear(&body);
            buf_printf(&body, "{\"p%u\":1}", i);
            take(f, "d", buf_cstr(&body), 950);
        }
        assert_int_equal(f->series.name_count, SERIES_NAMES_MAX);
    }
    buf_free(&body);
}

static void a_request_has_limits(void **state)
{
    struct fixture *f = *state;
    assert_true(are_taken(f, "devices", SERIES_DEVICES_MAX));
    assert_false(are_taken(f, "devices", SERIES_DEVICES_MAX + 1));
    assert_true(are_taken(f, "paths", SERIES_PATHS_MAX));
    assert_false(are_taken(f, "paths", SERIES_PATHS_MAX + 1));
    assert_true(is_taken(f, ",\"buckets\":2000"));
    assert_false(is_taken(f, ",\"buckets\":2001"));
    assert_false(is_taken(f, ",\"buckets\":0"));
    assert_true(is_taken(f, ",\"next\":{\"255\":7}"));
    assert_false(is_taken(f, ",\"next\":{\"256\":7}"));
    assert_true(is_taken(f, ",\"devices\":[\"a\",\"b\"],\"paths\":[1]") == false);
    assert_true(
        is_taken(f, ",\"devices\":[\"1\",\"2\",\"3\",\"4\"],\"paths\":[\"1\",\"2\",\"3\",\"4\"]"));
    assert_false(is_taken(
        f, ",\"devices\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],\"paths\":[\"1\",\"2\",\"3\"]"));
    assert_false(is_taken(f, ",\"to\":900000"));
    assert_false(is_taken(f, ",\"to\":\"tomorrow\""));
    assert_non_null(ask(f, "{\"from\":"));
    assert_non_null(ask(f, "[]"));
    assert_non_null(ask(f, "{}"));
}

static void a_path_has_a_limit(void **state)
{
    struct fixture *f = *state;
    char rest[SERIES_PATH_MAX + 64], path[SERIES_PATH_MAX + 2];
    for (int longer = 0; longer < 2; longer++) {
        memset(path, 'k', sizeof path);
        path[SERIES_PATH_MAX + longer] = '\0';
        snprintf(rest, sizeof rest, ",\"paths\":[\"%s\"]", path);
        assert_int_equal(is_taken(f, rest), !longer);
    }
}

/* The longest that num_duration_us() takes, and the last whole millisecond of a 64-bit clock. */
static void a_span_may_be_as_long_as_times_go(void **state)
{
    struct fixture *f = *state;
    assert_null(ask(f, "{\"paths\":[\"t\"],\"from\":\"-106751991d\",\"to\":9223372036854775,"
                       "\"buckets\":2000}"));
    assert_int_equal(f->series.from_us, 0);
    take(f, "d", "{\"t\":1}", 0);
    take(f, "d", "{\"t\":2}", 1000);
    check_told(f, "\"points\":[[0,2,1,2,1.5]]");
    series_take(&f->series, SLICE_LIT("d"), SLICE_LIT("{\"t\":3}"), f->series.to_us - 1);
    check_told(f, ",[1999,1,3,3,3]]");
    assert_non_null(ask(f, "{\"from\":0,\"to\":9223372036854776}"));
    assert_non_null(ask(f, "{\"from\":\"-106751992d\"}"));
    assert_non_null(ask(f, "{\"from\":\"-2000s\",\"to\":\"-1500s\"}"));
}

static void one_answer_reads_so_far_and_no_further(void **state)
{
    struct fixture *f = *state;
    assert_null(ask(f, "{\"paths\":[\"t\"],\"from\":900000}"));
    f->series.records = SERIES_LOOK_MAX;
    f->series.bytes = SERIES_BYTES_MAX - 1;
    assert_false(series_is_enough(&f->series));
    f->series.bytes++;
    assert_true(series_is_enough(&f->series));
    assert_null(ask(f, "{\"from\":900000}"));
    f->series.records = SERIES_LOOK_MAX - 1;
    assert_false(series_is_enough(&f->series));
    f->series.records++;
    assert_true(series_is_enough(&f->series));
}

static void so_many_scans_run_at_a_time_and_no_more(void **state)
{
    unsigned running = 0;
    (void)state;
    for (int i = 0; i < SCANS_MAX; i++) assert_true(scan_enter(&running));
    assert_false(scan_enter(&running));
    running--;
    assert_true(scan_enter(&running));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_become_the_least_the_largest_and_the_mean_of_their_bucket),
        TEST(a_path_leads_through_objects_arrays_and_keys_with_dots),
        TEST(what_is_no_number_is_passed_over),
        TEST(each_device_has_a_line_of_its_own),
        TEST(without_paths_the_numbers_there_are_are_found),
        TEST(found_paths_are_as_many_and_as_long_as_they_may_be),
        TEST(a_request_has_limits),
        TEST(a_path_has_a_limit),
        TEST(a_span_may_be_as_long_as_times_go),
        TEST(one_answer_reads_so_far_and_no_further),
        TEST(so_many_scans_run_at_a_time_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
