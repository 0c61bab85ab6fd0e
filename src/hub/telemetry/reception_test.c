/* reception_test.c - each transport has series of its own, each property a place of its own. */
#include "hub/telemetry/reception.h"

#include <string.h>

#include "base/metrics.h"
#include "base/test.h"

static long long value_of(const char *series)
{
    struct buf text = {0};
    metrics_write(&text);
    const char *at = strstr(buf_cstr(&text), series);
    long long value = at ? strtoll(at + strlen(series), NULL, 10) : -1;
    buf_free(&text);
    return value;
}

#define INGRESS(kind, t) "\nazimuth_d2c_telemetry_ingress_" kind "_total{t=\"" t "\"} "
#define PROPERTY(t, name)                                                                          \
    "\nazimuth_d2c_telemetry_property_total{t=\"" t "\",property=\"" name "\"} "

static void what_arrives_has_one_fate(void **state)
{
    const struct envelope plain = {0};
    (void)state;
    telemetry_arrived(HUB_AMQP, 7);
    telemetry_turned_away(HUB_AMQP, TELEMETRY_THROTTLED, 4);
    telemetry_turned_away(HUB_AMQP, TELEMETRY_REFUSED, 2);
    reception_stored(HUB_AMQP, &plain);
    assert_int_equal(value_of(INGRESS("allProtocol", "amqp")), 7);
    assert_int_equal(value_of(INGRESS("sendThrottle", "amqp")), 4);
    assert_int_equal(value_of(INGRESS("refused", "amqp")), 2);
    assert_int_equal(value_of(INGRESS("success", "amqp")), 1);
    assert_int_equal(value_of(INGRESS("success", "mqtt")), 0);
    assert_int_equal(value_of(PROPERTY("amqp", "ct")), 0);
}

static void each_property_is_counted_by_its_name(void **state)
{
    const struct {
        const char *series;
        struct envelope message;
    } rows[] = {
        {PROPERTY("https", "mid"), {.message_id = SLICE_LIT("1")}},
        {PROPERTY("https", "cid"), {.correlation_id = SLICE_LIT("1")}},
        {PROPERTY("https", "uid"), {.user_id = SLICE_LIT("1")}},
        {PROPERTY("https", "to"), {.to = SLICE_LIT("1")}},
        {PROPERTY("https", "ct"), {.content_type = SLICE_LIT("1")}},
        {PROPERTY("https", "ce"), {.content_encoding = SLICE_LIT("1")}},
        {PROPERTY("https", "exp"), {.expiry_ms = 1}},
        {PROPERTY("https", "sub"), {.subject = SLICE_LIT("1")}},
        {PROPERTY("https", "ifid"), {.interface_id = SLICE_LIT("1")}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(value_of(rows[i].series), 0);
        reception_stored(HUB_HTTP, &rows[i].message);
        assert_int_equal(value_of(rows[i].series), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_arrives_has_one_fate),
        cmocka_unit_test(each_property_is_counted_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
