/* topic_test.c - which topics are a device's own events topic. */
#include "base/test.h"

#include "front/device_mqtt/topic.h"

static void only_the_own_events_topic_matches(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *bag; /* bag NULL: no match */
    } rows[] = {
        {"devices/d1/messages/events/", ""},
        {"devices/d1/messages/events", ""},
        {"devices/d1/messages/events/a=b", "a=b"},
        {"devices/d1/messages/events/a=b/", "a=b/"},
        {"devices/d1/messages/eventsx", NULL},
        {"devices/d2/messages/events/", NULL},
        {"devices/d11/messages/events/", NULL},
        {"devices/d/messages/events/", NULL},
        {"devices/d1/messages/devicebound/", NULL},
        {"$iothub/twin/GET/?$rid=1", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice bag;
        bool match = topic_is_events(slice_str(rows[i].topic), SLICE_LIT("d1"), &bag);
        assert_int_equal(match, rows[i].bag != NULL);
        if (match) assert_true(slice_is(bag, rows[i].bag));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_own_events_topic_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
