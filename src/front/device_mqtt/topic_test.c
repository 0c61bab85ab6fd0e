/* topic_test.c - which topics and filters are an identity's own. */
#include "base/test.h"

#include "front/device_mqtt/topic.h"
#include "hub/hub.h"
#include "hub/session/session.h"

static void only_the_own_events_topic_matches(void **state)
{
    (void)state;
    static const struct {
        const char *who, *topic, *bag; /* bag NULL: no match */
    } rows[] = {
        {"d1", "devices/d1/messages/events/", ""},
        {"d1", "devices/d1/messages/events", ""},
        {"d1", "devices/d1/messages/events/a=b", "a=b"},
        {"d1", "devices/d1/messages/events/a=b/", "a=b/"},
        {"d1", "devices/d1/messages/eventsx", NULL},
        {"d1", "devices/d2/messages/events/", NULL},
        {"d1", "devices/d11/messages/events/", NULL},
        {"d1", "devices/d/messages/events/", NULL},
        {"d1", "devices/+/messages/events/", NULL},
        {"d1", "devices/d1/messages/devicebound/", NULL},
        {"d1", "devices/d1/modules/m/messages/events/", NULL},
        {"d1/m", "devices/d1/modules/m/messages/events/a=b", "a=b"},
        {"d1/m", "devices/d1/messages/events/", NULL},
        {"d1/m", "devices/d1/modules/m2/messages/events/", NULL},
        {"d1", "", NULL},
        {"+1", "devices/%2B1/messages/events/a=b", "a=b"},
        {"+1", "devices/%2b1/messages/events/", ""},
        {"+1", "devices/%2B%31/messages/events/", ""},
        {"+1", "devices/%2B2/messages/events/", NULL},
        {"+1", "devices/%2/messages/events/", NULL},
        {"a#%/+", "devices/a%23%25/modules/%2B/messages/events/", ""},
        {"a#%/+", "devices/a%23%25/modules/%23/messages/events/", NULL},
        {"d.1", "devices/d%2E1/messages/events/", NULL},
        {"%2B1", "devices/%2B1/messages/events/", ""},
        {"%2B1", "devices/%252B1/messages/events/", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct topic t = topic_parse(slice_str(rows[i].topic), slice_str(rows[i].who));
        assert_int_equal(t.kind, rows[i].bag ? TOPIC_EVENTS : TOPIC_NONE);
        if (rows[i].bag) assert_true(slice_is(t.bag, rows[i].bag));
    }
}

static void requests_and_responses_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        enum topic_kind kind;
        const char *rid, *version, *status;
    } rows[] = {
        {"$iothub/twin/GET/?$rid=17", TOPIC_TWIN_GET, "17", NULL, NULL},
        {"$iothub/twin/GET/", TOPIC_TWIN_GET, NULL, NULL, NULL},
        {"$iothub/twin/PATCH/properties/reported/?$rid=a-b", TOPIC_TWIN_REPORTED, "a-b", NULL,
         NULL},
        {"$iothub/twin/PATCH/properties/reported/?$rid=1&$version=7", TOPIC_TWIN_REPORTED, "1", "7",
         NULL},
        {"$iothub/twin/PATCH/properties/reported/?$version=7&$rid=1", TOPIC_TWIN_REPORTED, "1", "7",
         NULL},
        {"$iothub/twin/PATCH/properties/desired/?$rid=1", TOPIC_NONE, NULL, NULL, NULL},
        {"$iothub/methods/res/200/?$rid=3", TOPIC_METHOD_RESPONSE, "3", NULL, "200"},
        {"$iothub/methods/res/-1/?$rid=3", TOPIC_METHOD_RESPONSE, "3", NULL, "-1"},
        {"$iothub/methods/POST/m/?$rid=3", TOPIC_NONE, NULL, NULL, NULL},
        {"$iothub/twin/res/200/?$rid=3", TOPIC_NONE, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct topic t = topic_parse(slice_str(rows[i].topic), SLICE_LIT("d"));
        assert_int_equal(t.kind, rows[i].kind);
        assert_true(slice_eq(t.rid, slice_str(rows[i].rid)));
        assert_true(slice_eq(t.version, slice_str(rows[i].version)));
        assert_true(slice_eq(t.status, slice_str(rows[i].status)));
    }
}

static void filters_become_features(void **state)
{
    (void)state;
    static const struct {
        const char *who, *filter;
        uint32_t feature;
    } rows[] = {
        {"d", "devices/d/messages/devicebound/#", SESSION_C2D},
        {"d", "devices/+/messages/devicebound/#", SESSION_C2D},
        {"d", "devices/e/messages/devicebound/#", 0},
        {"d", "devices/#", 0},
        {"d+", "devices/d%2B/messages/devicebound/#", SESSION_C2D},
        {"d+", "devices/+/messages/devicebound/#", SESSION_C2D},
        {"d+", "devices/d%23/messages/devicebound/#", 0},
        {"d", "#", 0},
        {"d", "$iothub/methods/POST/#", SESSION_METHODS},
        {"d", "$iothub/twin/res/#", SESSION_TWIN_RESPONSES},
        {"d", "$iothub/twin/PATCH/properties/desired/#", SESSION_DESIRED},
        {"d", "$iothub/twin/#", 0},
        {"d", "devices/d/modules/m/inputs/#", 0},
        {"d/m", "devices/d/modules/m/inputs/#", SESSION_INPUTS},
        {"d/m", "devices/d/modules/m/#", SESSION_INPUTS},
        {"d/m", "devices/d/modules/m/messages/devicebound/#", SESSION_C2D},
        {"d/m", "devices/d/messages/devicebound/#", 0},
        {"d/m", "devices/d/modules/n/inputs/#", 0},
        {"d/m", "$iothub/twin/res/#", SESSION_TWIN_RESPONSES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(topic_filter(slice_str(rows[i].filter), slice_str(rows[i].who)),
                         rows[i].feature);
}

/* The longest id there can be, each character of it encoded, and a level that is one longer. */
static void the_longest_encoded_id_is_read(void **state)
{
    (void)state;
    struct buf who = {0}, topic = {0};
    for (int i = 0; i < HUB_ID_LEN_MAX; i++) buf_put_u8(&who, '+');
    buf_put_str(&topic, "devices/");
    topic_put_id(&topic, buf_slice(&who));
    assert_int_equal(buf_size(&topic), 8 + 3 * HUB_ID_LEN_MAX);
    buf_put_str(&topic, "/messages/events/");
    assert_int_equal(topic_parse(buf_slice(&topic), buf_slice(&who)).kind, TOPIC_EVENTS);
    buf_clear(&topic);
    buf_put_str(&topic, "devices/");
    for (int i = 0; i < 3 * HUB_ID_LEN_MAX + 1; i++) buf_put_u8(&topic, 'x');
    buf_put_str(&topic, "/messages/events/");
    assert_int_equal(topic_parse(buf_slice(&topic), buf_slice(&who)).kind, TOPIC_NONE);
    buf_free(&who);
    buf_free(&topic);
}

static void a_hint_is_a_topic_that_can_be_published_to(void **state)
{
    (void)state;
    char hint[200];
    topic_nearest(SLICE_LIT("telemetry"), SLICE_LIT("a#/+"), hint, sizeof hint);
    assert_string_equal(hint, "devices/a%23/modules/%2B/messages/events/");
    topic_nearest(SLICE_LIT("telemetry"), SLICE_LIT("a%"), hint, sizeof hint);
    assert_string_equal(hint, "devices/a%/messages/events/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_own_events_topic_matches),
        cmocka_unit_test(requests_and_responses_are_told_apart),
        cmocka_unit_test(filters_become_features),
        cmocka_unit_test(the_longest_encoded_id_is_read),
        cmocka_unit_test(a_hint_is_a_topic_that_can_be_published_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
