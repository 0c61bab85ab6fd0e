/* hub_test.c - host names, ids and the partition of a key. */
#include "base/partition.h"
#include "base/test.h"

#include "hub/hub.h"

static void names_match_in_any_case_with_port_or_dot(void **state)
{
    (void)state;
    static struct hub hub;
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("hub.example")), OK);
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("HUB.example")), OK);
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("::1")), OK);
    assert_int_equal(hub.host_count, 2);
    assert_true(hub_is_host(&hub, SLICE_LIT("Hub.Example:5671")));
    assert_true(hub_is_host(&hub, SLICE_LIT("hub.example.")));
    assert_true(hub_is_host(&hub, SLICE_LIT("[::1]:443")));
    assert_false(hub_is_host(&hub, SLICE_LIT("hub.example.com")));
    assert_false(hub_is_host(&hub, SLICE_NONE));
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("a b")), ERR_INVALID);
    assert_int_equal(hub_add_host(&hub, SLICE_NONE), ERR_INVALID);
}

static void host_names_have_a_limit(void **state)
{
    (void)state;
    static struct hub hub;
    char name[32];
    for (int i = 0; i < HUB_HOSTS_MAX; i++) {
        snprintf(name, sizeof name, "h%d.example", i);
        assert_int_equal(hub_add_host(&hub, slice_str(name)), OK);
    }
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("one.more")), ERR_FULL);
}

static void ids_have_128_characters_of_a_known_set(void **state)
{
    (void)state;
    char id[HUB_ID_LEN_MAX + 1];
    memset(id, 'x', sizeof id);
    assert_true(hub_id_valid(slice_of(id, HUB_ID_LEN_MAX)));
    assert_false(hub_id_valid(slice_of(id, HUB_ID_LEN_MAX + 1)));
    assert_true(hub_id_valid(SLICE_LIT("a-:.+%_#*?!(),=@;$'9")));
    assert_false(hub_id_valid(SLICE_LIT("")));
    assert_false(hub_id_valid(SLICE_LIT("a/b")));
    assert_false(hub_id_valid(SLICE_LIT("a b")));
    assert_false(hub_id_valid(slice_of("a\0b", 3)));
    assert_false(hub_id_valid(SLICE_LIT("\xc3\xa9")));
}

static void keys_go_to_the_partition_event_hubs_gives_them(void **state)
{
    (void)state;
    char x[129] = {0};
    memset(x, 'x', 128);
    const struct {
        const char *key;
        unsigned in[5]; /* of 2, 4, 8, 16, 32 */
    } rows[] = {
        {"a", {0, 0, 4, 12, 28}},
        {"7", {1, 3, 7, 15, 31}},
        {"131", {0, 2, 2, 2, 2}},
        {"abc", {1, 1, 1, 1, 17}},
        {"device-1", {0, 0, 4, 4, 4}},
        {"dev-000001", {0, 0, 0, 0, 0}},
        {"contoso-device-1", {0, 2, 2, 10, 26}},
        {"temperature-sensor-0042", {0, 2, 2, 10, 10}},
        {"this is a key longer than twelve bytes", {0, 2, 6, 14, 14}},
        {"\xc3\xa9", {0, 0, 4, 12, 12}},
        {x, {0, 0, 0, 8, 8}},
        {"", {0, 0, 0, 0, 0}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(key_partition(slice_str(rows[r].key), 2u << i), rows[r].in[i]);
}

static void protocols_have_the_names_of_azure_and_our_words(void **state)
{
    static const char *const expected[HUB_PROTOCOLS][2] = {
        {"Mqtt", "mqtt"}, {"Amqp", "amqp"}, {"Http", "https"}};
    (void)state;
    for (enum hub_protocol p = 0; p < HUB_PROTOCOLS; p++) {
        assert_string_equal(hub_protocol_name(p), expected[p][0]);
        assert_string_equal(hub_protocol_word(p), expected[p][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocols_have_the_names_of_azure_and_our_words),
        cmocka_unit_test(names_match_in_any_case_with_port_or_dot),
        cmocka_unit_test(host_names_have_a_limit),
        cmocka_unit_test(ids_have_128_characters_of_a_known_set),
        cmocka_unit_test(keys_go_to_the_partition_event_hubs_gives_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
