/* user_name_test.c - every SDK's user name, and what is none. */
#include "base/test.h"

#include "front/device_mqtt/user_name.h"

static void every_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *device, *module, *query;
    } rows[] = {
        {"h.x/d/?api-version=2021-04-12&DeviceClientType=node", "h.x", "d", "",
         "api-version=2021-04-12&DeviceClientType=node"},
        {"h.x/d/m/?api-version=2020-09-30", "h.x", "d", "m", "api-version=2020-09-30"},
        {"h.x/d/api-version=2016-11-14", "h.x", "d", "", "api-version=2016-11-14"},
        {"h.x/d/api-version=2017-06-30/DeviceClientType=a%2Fb", "h.x", "d", "",
         "api-version=2017-06-30/DeviceClientType=a%2Fb"},
        {"h.x/d", "h.x", "d", "", ""},
        {"h.x/d/", "h.x", "d", "", ""},
        {"h.x/?d/?api-version=1", "h.x", "?d", "", "api-version=1"},
        {"h.x/d%41+;=/?api-version=1", "h.x", "d%41+;=", "", "api-version=1"},
        {"h.x/d/?api-version=1&DeviceClientType=py/2.14", "h.x", "d", "",
         "api-version=1&DeviceClientType=py/2.14"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct user_name u;
        assert_int_equal(user_name_parse(slice_str(rows[i].text), &u), OK);
        assert_true(slice_is(u.host, rows[i].host));
        assert_true(slice_is(u.device, rows[i].device));
        assert_true(slice_is(u.module, rows[i].module));
        assert_true(slice_is(u.query, rows[i].query));
    }
}

static void what_is_no_user_name_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "h", "h/", "/d", "h//?api-version=1", "h/d//?x", "h/d/m/x/?api-version=1"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct user_name u;
        assert_int_equal(user_name_parse(slice_str(rows[i]), &u), ERR_INVALID);
    }
}

static void query_values_are_decoded_and_the_first_counts(void **state)
{
    (void)state;
    struct user_name u;
    struct buf out = {0};
    assert_int_equal(
        user_name_parse(SLICE_LIT("h/d/?model-id=dtmi%3Aa%3Bb&x&model-id=no&bad=%zz"), &u), OK);
    assert_true(user_name_query(&u, "model-id", &out));
    assert_true(slice_is(buf_slice(&out), "dtmi:a;b"));
    assert_false(user_name_query(&u, "absent", &out));
    assert_false(user_name_query(&u, "bad", &out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(what_is_no_user_name_is_refused),
        cmocka_unit_test(query_values_are_decoded_and_the_first_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
