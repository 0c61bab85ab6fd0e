/* address_test.c - link addresses as clients write them. */
#include "base/test.h"

#include "front/amqp/address.h"
#include "front/amqp/testing/testing.h"

static const struct hub *hub(void)
{
    static struct hub h = {.name = "myhub", .id_scope = "0ne1"};
    return &h;
}

static void every_spelling_finds_its_node(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
        bool iot_name;
        const char *group;
        unsigned partition;
    } rows[] = {
        {"$cbs", ADDRESS_CBS, false, "", 0},
        {"/messages/devicebound", ADDRESS_SERVICE_SEND, false, "", 0},
        {"amqps://h:5671/messages/deviceBound", ADDRESS_SERVICE_SEND, false, "", 0},
        {"/messages/serviceBound/feedback", ADDRESS_SERVICE_FEEDBACK, false, "", 0},
        {"amqps://h/messages/servicebound/feedback/", ADDRESS_SERVICE_FEEDBACK, false, "", 0},
        {"$management", ADDRESS_MANAGEMENT, false, "", 0},
        {"myhub/$management", ADDRESS_MANAGEMENT, false, "", 0},
        {"/messages/events/$management", ADDRESS_MANAGEMENT, true, "", 0},
        {"amqps://h:5671/messages/events/$management", ADDRESS_MANAGEMENT, true, "", 0},
        {"myhub", ADDRESS_STREAM, false, "", 0},
        {"messages/events", ADDRESS_STREAM, true, "", 0},
        {"Messages/Events/", ADDRESS_STREAM, true, "", 0},
        {"myhub/ConsumerGroups/$Default/Partitions/3", ADDRESS_PARTITION, false, "$Default", 3},
        {"MYHUB/consumergroups/$default/partitions/31", ADDRESS_PARTITION, false, "$default", 31},
        {"amqps://h/myhub/ConsumerGroups/g1/Partitions/0", ADDRESS_PARTITION, false, "g1", 0},
        {"sb://h/myhub/ConsumerGroups/g1/Partitions/0", ADDRESS_PARTITION, false, "g1", 0},
        {"messages/events/ConsumerGroups/g/Partitions/1", ADDRESS_PARTITION, true, "g", 1},
        {"myhub/Partitions/2", ADDRESS_SEND_PARTITION, false, "", 2},
        {"myhub/Publishers/p", ADDRESS_PUBLISHER, false, "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        address_parse(hub(), &fake_event_hubs, slice_str(rows[i].text), &a);
        assert_int_equal(a.kind, rows[i].kind);
        assert_int_equal(a.iot_name, rows[i].iot_name);
        assert_string_equal(a.group, rows[i].group);
        assert_int_equal(a.partition, rows[i].partition);
    }
}

static void event_hubs_that_users_made_have_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
        unsigned stream, partition;
        const char *path;
    } rows[] = {
        {"orders", ADDRESS_STREAM, 1, 0, "orders"},
        {"amqps://h:5671/Orders", ADDRESS_STREAM, 1, 0, "orders"},
        {"orders/Partitions/3", ADDRESS_SEND_PARTITION, 1, 3, "orders/Partitions/3"},
        {"orders/publishers/me", ADDRESS_PUBLISHER, 1, 0, "orders/Publishers"},
        {"orders/$management", ADDRESS_MANAGEMENT, 1, 0, "orders/$management"},
        {"ORDERS/ConsumerGroups/g/Partitions/2", ADDRESS_PARTITION, 1, 2,
         "orders/ConsumerGroups/g/Partitions/2"},
        {"orders/Partitions/03", ADDRESS_UNKNOWN, 1, 0, NULL},
        {"orders/Partitions/3/x", ADDRESS_UNKNOWN, 1, 3, NULL},
        {"orders/Publishers/", ADDRESS_UNKNOWN, 1, 0, NULL},
        {"orders/Publishers/a/b", ADDRESS_UNKNOWN, 1, 0, NULL},
        {"others", ADDRESS_UNKNOWN, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        struct buf path = {0};
        address_parse(hub(), &fake_event_hubs, slice_str(rows[i].text), &a);
        assert_int_equal(a.kind, rows[i].kind);
        assert_int_equal(a.stream, rows[i].stream);
        if (rows[i].path == NULL) continue;
        assert_int_equal(a.partition, rows[i].partition);
        address_path(hub(), &fake_event_hubs, &a, true, &path);
        assert_string_equal(buf_cstr(&path), rows[i].path);
        buf_free(&path);
    }
}

static void identities_come_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
        const char *who, *raw;
    } rows[] = {
        {"0ne1/registrations/Dev-1", ADDRESS_REGISTRATION, "Dev-1", ""},
        {"/0NE1/registrations/d", ADDRESS_REGISTRATION, "d", ""},
        {"amqps://h/0ne1/registrations/d", ADDRESS_REGISTRATION, "d", ""},
        {"/devices/d/messages/events", ADDRESS_DEVICE_EVENTS, "d", ""},
        {"devices/d/messages/deviceBound", ADDRESS_DEVICE_BOUND, "d", ""},
        {"amqps://h:5671/devices/d/methods/devicebound", ADDRESS_DEVICE_METHODS, "d", ""},
        {"amqps://h/devices/d/twin", ADDRESS_DEVICE_TWIN, "d", ""},
        {"/devices/d/modules/m/twin", ADDRESS_DEVICE_TWIN, "d/m", ""},
        {"/devices/a%2Bb/modules/m%23/messages/events", ADDRESS_DEVICE_EVENTS, "a+b/m#",
         "a%2Bb/m%23"},
        {"/devices/100%/twin", ADDRESS_DEVICE_TWIN, "100%", ""},
        {"/DEVICES/D/Twin", ADDRESS_DEVICE_TWIN, "D", ""},
        {"/devices/a%2Fb/twin", ADDRESS_UNKNOWN, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        address_parse(hub(), &fake_event_hubs, slice_str(rows[i].text), &a);
        assert_int_equal(a.kind, rows[i].kind);
        assert_string_equal(a.who, rows[i].who);
        assert_string_equal(a.raw, rows[i].raw);
        assert_int_equal(a.absolute, strstr(rows[i].text, "://") != NULL);
    }
}

static void what_is_no_node_is_unknown(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "/",
        "other",
        "myhubx",
        "myhub/ConsumerGroups",
        "myhub/ConsumerGroups/$Default",
        "myhub/ConsumerGroups/$Default/Partitions",
        "myhub/ConsumerGroups/$Default/Partitions/",
        "myhub/ConsumerGroups/$Default/Partitions/x",
        "myhub/ConsumerGroups/$Default/Partitions/-1",
        "myhub/ConsumerGroups/$Default/Partitions/65536",
        "myhub/ConsumerGroups/$Default/Partitions/00",
        "myhub/ConsumerGroups/$Default/Partitions/0/more",
        "myhub/ConsumerGroups//Partitions/0",
        "messages",
        "devices/d/messages",
        "devices/d",
        "devices/d/modules/m",
        "devices/d/modules//twin",
        "devices/a b/twin",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        address_parse(hub(), &fake_event_hubs, slice_str(rows[i]), &a);
        assert_int_equal(a.kind, ADDRESS_UNKNOWN);
    }
}

static void a_name_does_not_end_at_nul(void **state)
{
    (void)state;
    static const struct slice rows[] = {SLICE_LIT("myhub/ConsumerGroups/g\0h/Partitions/0"),
                                        SLICE_LIT("0ne1/registrations/d\0e"),
                                        SLICE_LIT("devices/d\0e/twin")};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        address_parse(hub(), &fake_event_hubs, rows[i], &a);
        assert_int_equal(a.kind, ADDRESS_UNKNOWN);
    }
}

static void a_group_name_has_a_limit(void **state)
{
    (void)state;
    char text[128];
    struct address a;
    for (int over = 0; over < 2; over++) {
        snprintf(text, sizeof text, "myhub/ConsumerGroups/%0*d/Partitions/0",
                 CONSUMER_GROUP_NAME_MAX + over, 1);
        address_parse(hub(), &fake_event_hubs, slice_str(text), &a);
        assert_int_equal(a.kind, over ? ADDRESS_UNKNOWN : ADDRESS_PARTITION);
    }
}

static void the_path_is_spelled_both_ways(void **state)
{
    (void)state;
    struct buf path = {0};
    struct address a;
    address_parse(hub(), &fake_event_hubs,
                  SLICE_LIT("messages/events/ConsumerGroups/g/Partitions/1"), &a);
    address_path(hub(), &fake_event_hubs, &a, false, &path);
    assert_true(slice_is(buf_slice(&path), "myhub/ConsumerGroups/g/Partitions/1"));
    buf_clear(&path);
    address_path(hub(), &fake_event_hubs, &a, true, &path);
    assert_true(slice_is(buf_slice(&path), "messages/events/ConsumerGroups/g/Partitions/1"));
    buf_free(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_finds_its_node),
        cmocka_unit_test(event_hubs_that_users_made_have_addresses),
        cmocka_unit_test(identities_come_in_every_spelling),
        cmocka_unit_test(what_is_no_node_is_unknown),
        cmocka_unit_test(a_name_does_not_end_at_nul),
        cmocka_unit_test(a_group_name_has_a_limit),
        cmocka_unit_test(the_path_is_spelled_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
