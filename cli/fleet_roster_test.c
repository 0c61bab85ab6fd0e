/* Tests of who the devices are, of rates and of the summary. */
#include "base/test.h"

#include "cli/fleet_roster.h"
#include "cli/fleet_summary.h"

static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#define KEY "MDEyMzQ1Njc4OWFiY2RlZg=="

static void a_file_has_connection_strings_or_ids_and_keys(void **state)
{
    static const char *const files[] = {
        "connectionString\nHostName=h;DeviceId=a;SharedAccessKey=" KEY
        "\n\nHostName=h;DeviceId=b;SharedAccessKey=" KEY,
        "note, DeviceID ,primarykey\r\nx,a," KEY "\r\n\r\ny,b," KEY "\r\n",
        "primaryKey,deviceId\n" KEY ",a\n\"" KEY "\",\"b\"\n",
    };
    struct fleet_roster r;
    struct slice login;
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (fleet_roster_read(&arena, slice_str(files[i]), &r, &login) != OK)
            fail_msg("%zu: %s", i, fail_text());
        assert_int_equal(r.count, 2);
        assert_true(slice_is(r.items[0].device, "a") && slice_is(r.items[1].device, "b"));
        assert_true(slice_is(r.items[1].key, "0123456789abcdef"));
        assert_true(slice_is(r.items[0].host, i == 0 ? "h" : ""));
        assert_int_equal(login.len > 0, i == 0);
        assert_null(r.items[0].policy);
    }
}

static void what_is_wrong_with_a_file_is_named_with_its_line(void **state)
{
    static const struct {
        const char *file, *word;
    } rows[] = {
        {"", "empty"},
        {"deviceId\na\n", "first line"},
        {"deviceId,primaryKey\n", "0 devices"},
        {"deviceId,primaryKey\na," KEY "\nb\n", "line 3: not as many cells"},
        {"deviceId,primaryKey\na,***\n", "line 2: the key"},
        {"deviceId,primaryKey\na,\n", "line 2: the key"},
        {"deviceId,primaryKey\n," KEY "\n", "line 2: no device"},
        {"deviceId,primaryKey\n\"a,1\n", "line 2: a quote"},
        {"connectionString\nHostName=h\n", "line 2: "},
        {"connectionString\nHostName=h;SharedAccessKeyName=p;SharedAccessKey=" KEY "\n",
         "line 2: the connection string is none of a device"},
    };
    struct fleet_roster r;
    struct slice login;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fleet_roster_read(&arena, slice_str(rows[i].file), &r, &login),
                         ERR_INVALID);
        if (!strstr(fail_text(), rows[i].word)) fail_msg("%zu: %s", i, fail_text());
    }
}

static void certificates_are_not_for_this(void **state)
{
    struct fleet_roster r;
    struct slice login;
    (void)state;
    assert_int_equal(
        fleet_roster_read(&arena, SLICE_LIT("connectionString\nHostName=h;DeviceId=a;x509=true\n"),
                          &r, &login),
        ERR_UNSUPPORTED);
}

static enum err with_devices(size_t count)
{
    struct buf text = {0};
    struct fleet_roster r;
    struct slice login;
    buf_put_str(&text, "deviceId,primaryKey\n");
    for (size_t i = 0; i < count; i++) buf_put_str(&text, "d," KEY "\n");
    enum err e = fleet_roster_read(&arena, buf_slice(&text), &r, &login);
    buf_free(&text);
    return e;
}

static void a_file_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(with_devices(FLEET_DEVICES_MAX), OK);
    assert_int_equal(with_devices(FLEET_DEVICES_MAX + 1), ERR_INVALID);
}

static void rates_have_units(void **state)
{
    static const struct {
        const char *text;
        double per_second;
    } rows[] = {{"10", 10}, {"2.5/s", 2.5}, {"30/m", 0.5}, {"36/h", 0.01}, {"max", 0}};
    static const char *const wrong[] = {"",     "0",   "-1",  "x",   "10/",
                                        "10/d", "inf", "nan", "1e9", "10 /s"};
    double rate;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fleet_rate(rows[i].text, &rate), OK);
        assert_true(rate == rows[i].per_second);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(fleet_rate(wrong[i], &rate), ERR_INVALID);
}

static void the_summary_has_counts_rate_and_latency(void **state)
{
    static struct fleet_result r = {.connected = 2,
                                    .refused = 1,
                                    .sent = 10,
                                    .acknowledged = 8,
                                    .failed = 2,
                                    .resent = 4,
                                    .reconnects = 5,
                                    .elapsed_us = 2000000};
    const struct fleet_plan plan = {.count = 3};
    struct buf text = {0};
    (void)state;
    for (int i = 0; i < 100; i++) fleet_latency_add(&r.latency, 100);
    fleet_latency_add(&r.latency, 5000);
    json_write(&text, fleet_summary(&arena, &plan, &r));
    assert_string_equal(
        buf_cstr(&text),
        "{\"devices\":3,\"connected\":2,\"refused\":1,\"sent\":10,\"acknowledged\":8,\"failed\":2,"
        "\"resent\":4,\"reconnects\":5,\"seconds\":2.000,\"rate\":4.0,"
        "\"latencyMs\":{\"p50\":0.100,\"p99\":0.100,\"max\":5.000}}");
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_connection_strings_or_ids_and_keys),
        TEST(what_is_wrong_with_a_file_is_named_with_its_line),
        TEST(certificates_are_not_for_this),
        TEST(a_file_has_a_limit),
        TEST(rates_have_units),
        TEST(the_summary_has_counts_rate_and_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
