/* packets_test.c - every packet type, valid and malformed, as each role receives it. */
#include "proto/mqtt/testkit.h"

struct row {
    const char *bytes, *events;
};

static const struct row opening_rows[] = {
    /* 3.1 CONNECT */
    {"10 [<MQTT> 04 02 003c <d1>]", "CONNECT 'd1' keep=60 clean=1\n"},
    {"10 [<MQTT> 04 00 ffff <d1>]", "CONNECT 'd1' keep=65535 clean=0\n"},
    {"10 [<MQTT> 04 02 0000 0000]", "CONNECT '' keep=0 clean=1\n"},
    {"10 [<MQTT> 04 00 0000 0000]", "CONNECT '' keep=0 clean=0\n"},
    {"10 [<MQTT> 04 c0 000a <d> <u> 0002 ff00]",
     "CONNECT 'd' keep=10 clean=0 user='u' password='\\ff\\00'\n"},
    {"10 [<MQTT> 04 80 000a <d> <u>]", "CONNECT 'd' keep=10 clean=0 user='u'\n"},
    {"10 [<MQTT> 04 c0 000a <d> 0000 0000]", "CONNECT 'd' keep=10 clean=0 user='' password=''\n"},
    {"10 [<MQTT> 04 2e 000a <d> <w/> <x>]",
     "CONNECT 'd' keep=10 clean=1 will='w/' 'x' qos=1 retain=1\n"},
    {"10 [<MQTT> 04 d4 000a <d> <w> 0000 <u> <pwd>]",
     "CONNECT 'd' keep=10 clean=0 will='w' '' qos=2 retain=0 user='u' password='pwd'\n"},
    {"10 [<MQTT> 04 02 003c 0003 e282ac]", "CONNECT '\\e2\\82\\ac' keep=60 clean=1\n"},

    /* 3.1.2.2: another level is reported, and nothing of its packet is judged */
    {"10 [<MQTT> 05 02 003c <d1>]", "CONNECT level=5\n"},
    {"10 [<MQTT> 03 ff ffff ffff'd1']", "CONNECT level=3\n"},
    {"10 [<MQTT> 05 02 003c 0000] c000", "CONNECT level=5\nprotocol [MQTT-3.14.4-2]\n"},
    {"10 [<MQIsdp> 03 02 003c <d1>]", "protocol [MQTT-3.1.2-1]\n"},
    {"10 [<mqtt> 04 02 003c <d1>]", "protocol [MQTT-3.1.2-1]\n"},
    {"10 [ffff'MQTT' 04 02 003c]", "protocol [MQTT-3.1.2-1]\n"},

    {"10 [<MQTT> 04 03 003c <d1>]", "protocol [MQTT-3.1.2-3]\n"},
    {"10 [<MQTT> 04 1c 000a <d> <w> <x>]", "protocol [MQTT-3.1.2-14]\n"},
    {"10 [<MQTT> 04 08 003c <d1>]", "protocol [MQTT-3.1.2-11]\n"},
    {"10 [<MQTT> 04 20 003c <d1>]", "protocol [MQTT-3.1.2-11]\n"},
    {"10 [<MQTT> 04 40 000a <d> <p>]", "protocol [MQTT-3.1.2-22]\n"},
    {"10 [<MQTT> 04 02 003c 0002'd'00]", "protocol [MQTT-1.5.3-2]\n"},
    {"10 [<MQTT> 04 02 003c 0002 c080]", "protocol [MQTT-1.5.3-1]\n"},
    {"10 [<MQTT> 04 02 003c 0003 eda080]", "protocol [MQTT-1.5.3-1]\n"},
    {"10 [<MQTT> 04 80 000a <d> 0001 ff]", "protocol [MQTT-1.5.3-1]\n"},
    {"10 [<MQTT> 04 06 000a <d> <#> <x>]", "protocol [MQTT-3.3.2-2]\n"},
    {"10 [<MQTT> 04 06 000a <d> 0000 <x>]", "protocol [MQTT-4.7.3-1]\n"},
    {"10 [<MQTT> 04 02 003c <d1> 00]", "protocol 2.2.3:\n"},
    {"10 [<MQTT> 04 02 003c 0002'd']", "protocol 2.2.3:\n"},
    {"10 [<MQTT> 04 80 003c <d1>]", "protocol 2.2.3:\n"},
    {"10 [<MQTT> 04 02 00]", "protocol 2.2.3:\n"},

    /* 3.1.0: CONNECT comes first */
    {"11", "protocol [MQTT-2.2.2-2]\n"},
    {"30", "protocol [MQTT-3.1.0-1]\n"},
    {"c000", "protocol [MQTT-3.1.0-1]\n"},
    {"e000", "protocol [MQTT-3.1.0-1]\n"},
    {"20 [0000]", "protocol 2.2.1:\n"},
    {"'GET / HTTP/1.1'", "protocol [MQTT-3.1.0-1]\n"},
    {"16 03 01", "protocol [MQTT-2.2.2-2]\n"}, /* a TLS ClientHello looks like CONNECT with flags */
};

static const struct row server_rows[] = {
    {"10 [<MQTT> 04 02 003c <d1>]", "protocol [MQTT-3.1.0-2]\n"},

    /* 3.3 PUBLISH */
    {"30 [<a/b> 'xyz']", "PUBLISH a/b qos=0 'xyz'\n"},
    {"30 [<a/b>]", "PUBLISH a/b qos=0 ''\n"},
    {"31 [<a/b>]", "PUBLISH a/b qos=0 retain ''\n"},
    {"32 [<a/b> 0001'x']", "PUBLISH a/b qos=1 id=1 'x'\n"},
    {"3b [<a/b> ffff'x']", "PUBLISH a/b qos=1 id=65535 dup retain 'x'\n"},
    {"34 [<a/b> 0100]", "PUBLISH a/b qos=2 id=256 ''\n"},
    {"3c [<a/b> 0100]", "PUBLISH a/b qos=2 id=256 dup ''\n"},
    {"30 [000b 'a/' e282ac c3a4 f09f9880]",
     "PUBLISH a/\\e2\\82\\ac\\c3\\a4\\f0\\9f\\98\\80 qos=0 ''\n"},
    {"30 [000b 'a' e282ac '/' f09f9880 '/#']", "protocol [MQTT-3.3.2-2]\n"},
    {"30 [<a> 00ff]", "PUBLISH a qos=0 '\\00\\ff'\n"},
    {"36 [<a/b> 0001]", "protocol [MQTT-3.3.1-4]\n"},
    {"38 [<a/b>]", "protocol [MQTT-3.3.1-2]\n"},
    {"32 [<a/b> 0000]", "protocol [MQTT-2.3.1-1]\n"},
    {"30 [0000]", "protocol [MQTT-4.7.3-1]\n"},
    {"30 [<a/#>]", "protocol [MQTT-3.3.2-2]\n"},
    {"30 [<a/+>]", "protocol [MQTT-3.3.2-2]\n"},
    {"30 [<abcdefgh/+>]", "protocol [MQTT-3.3.2-2]\n"},
    {"30 [<+bcdefgh/i>]", "protocol [MQTT-3.3.2-2]\n"},
    {"30 [0003'a'00'b']", "protocol [MQTT-1.5.3-2]\n"},
    {"30 [000a'abcd'00'fghij']", "protocol [MQTT-1.5.3-2]\n"},
    {"30 [0003'a' c3 28]", "protocol [MQTT-1.5.3-1]\n"},
    {"30 [0004'a/b']", "protocol 2.2.3:\n"},
    {"32 [<a/b> 00]", "protocol 2.2.3:\n"},
    {"30 [00]", "protocol 2.2.3:\n"},

    /* 3.4 to 3.7 */
    {"40 [0001]", "PUBACK id=1\n"},
    {"50 [ffff]", "PUBREC id=65535\n"},
    {"62 [0102]", "PUBREL id=258\n"},
    {"70 [0001]", "PUBCOMP id=1\n"},
    {"40 [0000]", "protocol [MQTT-2.3.1-1]\n"},
    {"42 [0001]", "protocol [MQTT-2.2.2-2]\n"},
    {"60 [0001]", "protocol [MQTT-2.2.2-2]\n"},
    {"40 [000100]", "protocol 2.2.3:\n"},
    {"40 [00]", "protocol 2.2.3:\n"},

    /* 3.8 SUBSCRIBE */
    {"82 [0001 <a/b> 01]", "SUBSCRIBE id=1 'a/b'=1\n"},
    {"82 [0009 <#>00 <+>01 <a/+/#>02]", "SUBSCRIBE id=9 '#'=0 '+'=1 'a/+/#'=2\n"},
    {"82 [0001 </+//#> 00]", "SUBSCRIBE id=1 '/+//#'=0\n"},
    {"82 [0001 0004 e282ac'#' 00]", "protocol [MQTT-4.7.1-2]\n"},
    {"82 [0001 0003 e282ac 00]", "SUBSCRIBE id=1 '\\e2\\82\\ac'=0\n"},
    {"82 [0001 <a/b> 03]", "protocol [MQTT-3-8.3-4]\n"},
    {"82 [0001 <a/b> 41]", "protocol [MQTT-3-8.3-4]\n"},
    {"82 [0000 <a/b> 01]", "protocol [MQTT-2.3.1-1]\n"},
    {"82 [0001]", "protocol [MQTT-3.8.3-3]\n"},
    {"82 [0001 0000 00]", "protocol [MQTT-4.7.3-1]\n"},
    {"82 [0001 <#/b> 00]", "protocol [MQTT-4.7.1-2]\n"},
    {"82 [0001 <#/> 00]", "protocol [MQTT-4.7.1-2]\n"},
    {"82 [0001 <a#> 00]", "protocol [MQTT-4.7.1-2]\n"},
    {"82 [0001 <++> 00]", "protocol [MQTT-4.7.1-3]\n"},
    {"82 [0001 <a+/> 00]", "protocol [MQTT-4.7.1-3]\n"},
    {"82 [0001 <+#> 00]", "protocol [MQTT-4.7.1-3]\n"},
    {"82 [0001 0001 00 00]", "protocol [MQTT-1.5.3-2]\n"},
    {"82 [0001 0001 80 00]", "protocol [MQTT-1.5.3-1]\n"},
    {"82 [0001 <a/b>]", "protocol 2.2.3:\n"},
    {"82 [0001 <a/b> 01 00]", "protocol 2.2.3:\n"},
    {"80 [0001 <a/b> 01]", "protocol [MQTT-2.2.2-2]\n"},

    /* 3.10 UNSUBSCRIBE */
    {"a2 [0001 <a/b>]", "UNSUBSCRIBE id=1 'a/b'\n"},
    {"a2 [0002 <a/b> <#>]", "UNSUBSCRIBE id=2 'a/b' '#'\n"},
    {"a2 [0001]", "protocol [MQTT-3.10.3-2]\n"},
    {"a2 [0000 <a/b>]", "protocol [MQTT-2.3.1-1]\n"},
    {"a2 [0001 0003'a/']", "protocol 2.2.3:\n"},
    {"a2 [0001 <a#>]", "protocol [MQTT-4.7.1-2]\n"},
    {"a0 [0001 <a/b>]", "protocol [MQTT-2.2.2-2]\n"},

    /* 3.12 PINGREQ, 3.14 DISCONNECT */
    {"c000", "PINGREQ\n"},
    {"c000 c000", "PINGREQ\nPINGREQ\n"},
    {"c0 80 00", "PINGREQ\n"}, /* a longer length than needed: 3.1.1 does not forbid it */
    {"c0 [00]", "protocol 2.2.3:\n"},
    {"c100", "protocol [MQTT-2.2.2-2]\n"},
    {"e000", "DISCONNECT\n"},
    {"e000 e000", "DISCONNECT\nprotocol [MQTT-3.14.4-2]\n"},
    {"e100", "protocol [MQTT-2.2.2-2]\n"},

    /* what a client may not say, and 2.2.3 */
    {"0000", "protocol 2.2.1:\n"},
    {"f000", "protocol 2.2.1:\n"},
    {"20 [0000]", "protocol 2.2.1:\n"},
    {"90 [000100]", "protocol 2.2.1:\n"},
    {"b0 [0001]", "protocol 2.2.1:\n"},
    {"d000", "protocol 2.2.1:\n"},
    {"30 80808080", "protocol 2.2.3:\n"},
    {"30 ffffff7f", "too-big PUBLISH\n"},

    /* several in a row, and an error behind good ones */
    {"30 [<a>] 32 [<b> 0001] 40 [0001] c000 e000",
     "PUBLISH a qos=0 ''\nPUBLISH b qos=1 id=1 ''\nPUBACK id=1\nPINGREQ\nDISCONNECT\n"},
    {"30 [<a>] 30 [<#>] 30 [<b>]", "PUBLISH a qos=0 ''\nprotocol [MQTT-3.3.2-2]\n"},
};

static const struct row client_opening_rows[] = {
    {"20 [0000]", "CONNACK code=0 present=0\n"},
    {"20 [0100]", "CONNACK code=0 present=1\n"},
    {"20 [0001]", "CONNACK code=1 present=0\n"},
    {"20 [0005] d000", "CONNACK code=5 present=0\nprotocol [MQTT-3.14.4-2]\n"},
    {"20 [0006]", "protocol 3.2.2.3:\n"},
    {"20 [0101]", "protocol [MQTT-3.2.2-4]\n"},
    {"20 [0200]", "protocol 3.2.2.1:\n"},
    {"20 [000000]", "protocol 2.2.3:\n"},
    {"21 [0000]", "protocol [MQTT-2.2.2-2]\n"},
    {"d000", "protocol [MQTT-3.2.0-1]\n"},
    {"30 [<a>]", "protocol [MQTT-3.2.0-1]\n"},
    {"10 [<MQTT> 04 02 003c <d1>]", "protocol 2.2.1:\n"},
};

static const struct row client_rows[] = {
    {"20 [0000]", "protocol [MQTT-3.1.0-2]\n"},
    {"32 [<a/b> 0001'x']", "PUBLISH a/b qos=1 id=1 'x'\n"},
    {"30 [<a/b>] d000", "PUBLISH a/b qos=0 ''\nPINGRESP\n"},
    {"30 [<a/+>]", "protocol [MQTT-3.3.2-2]\n"},
    {"40 [0001]", "PUBACK id=1\n"},
    {"50 [0001]", "PUBREC id=1\n"},
    {"62 [0001]", "PUBREL id=1\n"},
    {"70 [0001]", "PUBCOMP id=1\n"},
    {"90 [0001 01]", "SUBACK id=1 01\n"},
    {"90 [0002 00010280]", "SUBACK id=2 00010280\n"},
    {"90 [0001 03]", "protocol [MQTT-3.9.3-2]\n"},
    {"90 [0001 0081]", "protocol [MQTT-3.9.3-2]\n"},
    {"90 [0000 01]", "protocol [MQTT-2.3.1-1]\n"},
    {"90 [0001]", "protocol 2.2.3:\n"},
    {"b0 [0003]", "UNSUBACK id=3\n"},
    {"b0 [0000]", "protocol [MQTT-2.3.1-1]\n"},
    {"d000", "PINGRESP\n"},
    {"d0 [00]", "protocol 2.2.3:\n"},
    {"82 [0001 <a/b> 01]", "protocol 2.2.1:\n"},
    {"a2 [0001 <a/b>]", "protocol 2.2.1:\n"},
    {"c000", "protocol 2.2.1:\n"},
    {"e000", "protocol 2.2.1:\n"},
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct table {
    enum mqtt_role role;
    const char *opening;
    const struct row *rows;
    size_t count;
} tables[] = {
    {MQTT_SERVER, NULL, opening_rows, COUNT(opening_rows)},
    {MQTT_SERVER, test_connect, server_rows, COUNT(server_rows)},
    {MQTT_CLIENT, NULL, client_opening_rows, COUNT(client_opening_rows)},
    {MQTT_CLIENT, test_connack, client_rows, COUNT(client_rows)},
};

/* Calls fn for each row of each table with its bytes. */
static void each_row(void (*fn)(struct test_feed *feed, const struct row *row))
{
    for (size_t t = 0; t < COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            struct buf bytes = {0};
            test_bytes(&bytes, tables[t].rows[i].bytes);
            struct test_feed feed = {
                .role = tables[t].role,
                .opening = tables[t].opening,
                .input = buf_slice(&bytes),
            };
            fn(&feed, &tables[t].rows[i]);
            buf_free(&bytes);
        }
    }
}

static void check_row(const struct test_feed *feed, const struct row *row)
{
    struct buf text = {0};
    test_events(&text, feed);
    if (!slice_is(buf_slice(&text), row->events))
        print_error("bytes %s, piece %zu, split %zu\n", row->bytes, feed->piece, feed->split);
    assert_string_equal(buf_cstr(&text), row->events);
    buf_free(&text);
}

static void check_whole(struct test_feed *feed, const struct row *row)
{
    check_row(feed, row);
    feed->keeps = true;
    check_row(feed, row);
}

static void check_cut(struct test_feed *feed, const struct row *row)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        feed->keeps = keeps;
        feed->piece = 1;
        feed->split = 0;
        check_row(feed, row);
        feed->piece = 0;
        for (feed->split = 1; feed->split < feed->input.len; feed->split++) check_row(feed, row);
    }
}

/* The events of a beginning are a beginning of the events. */
static void check_truncated(struct test_feed *feed, const struct row *row)
{
    struct slice whole = feed->input;
    for (size_t len = 0; len < whole.len; len++) {
        struct buf text = {0};
        feed->input = slice_head(whole, len);
        test_events(&text, feed);
        assert_true(slice_starts(slice_str(row->events), buf_slice(&text)));
        buf_free(&text);
    }
}

/* Whatever one wrong bit makes of it, it is the same however it is cut. */
static void check_flipped(struct test_feed *feed, const struct row *row)
{
    struct buf bytes = {0};
    test_bytes(&bytes, row->bytes);
    feed->input = buf_slice(&bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        struct buf whole = {0}, cut = {0};
        bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        feed->piece = 0;
        test_events(&whole, feed);
        feed->piece = 1;
        test_events(&cut, feed);
        assert_true(slice_eq(buf_slice(&whole), buf_slice(&cut)));
        bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        buf_free(&whole);
        buf_free(&cut);
    }
    buf_free(&bytes);
}

static void every_packet_gives_its_events(void **state)
{
    (void)state;
    each_row(check_whole);
}

static void events_do_not_depend_on_how_bytes_are_cut(void **state)
{
    (void)state;
    each_row(check_cut);
}

static void truncated_packets_give_no_other_events(void **state)
{
    (void)state;
    each_row(check_truncated);
}

static void no_single_bit_harms(void **state)
{
    (void)state;
    each_row(check_flipped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_gives_its_events),
        cmocka_unit_test(events_do_not_depend_on_how_bytes_are_cut),
        cmocka_unit_test(truncated_packets_give_no_other_events),
        cmocka_unit_test(no_single_bit_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
