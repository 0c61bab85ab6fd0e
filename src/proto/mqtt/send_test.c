/* send_test.c - every packet that either role writes, byte by byte and as the other role reads it. */
#include "base/mem.h"
#include "proto/mqtt/testkit.h"

#define TEXT(s) SLICE_LIT(s)

struct row {
    const char *bytes;  /* what must be written */
    const char *events; /* what the peer makes of it */
};

struct fixture {
    struct mqtt m;
    struct buf out;
};

static void start(struct fixture *f, enum mqtt_role role)
{
    *f = (struct fixture){0};
    mqtt_init(&f->m, &(struct mqtt_config){.role = role, .out = &f->out}, 0);
}

static void end(struct fixture *f)
{
    mqtt_fini(&f->m);
    buf_free(&f->out);
}

/* Compares what was written since the last call, then lets the peer's engine read it. */
static void check_written(struct fixture *f, const char *opening, const struct row *row)
{
    struct buf expected = {0}, text = {0};
    test_bytes(&expected, row->bytes);
    if (!slice_eq(buf_slice(&f->out), buf_slice(&expected))) print_error("%s\n", row->bytes);
    assert_true(slice_eq(buf_slice(&f->out), buf_slice(&expected)));
    struct test_feed feed = {
        .role = f->m.role == MQTT_SERVER ? MQTT_CLIENT : MQTT_SERVER,
        .opening = opening,
        .input = buf_slice(&f->out),
    };
    test_events(&text, &feed);
    assert_string_equal(buf_cstr(&text), row->events);
    buf_clear(&f->out);
    buf_free(&expected);
    buf_free(&text);
}

static void connect_carries_exactly_what_was_given(void **state)
{
    (void)state;
    static const struct {
        struct mqtt_connect connect;
        struct row row;
    } rows[] = {
        {{.client_id = TEXT("d1"), .keep_alive_s = 240},
         {"10 [<MQTT> 04 00 00f0 <d1>]", "CONNECT 'd1' keep=240 clean=0\n"}},
        {{.clean_session = true}, {"10 [<MQTT> 04 02 0000 0000]", "CONNECT '' keep=0 clean=1\n"}},
        {{.client_id = TEXT("d"),
          .has_user_name = true,
          .user_name = TEXT("u"),
          .has_password = true,
          .password = TEXT("\xff")},
         {"10 [<MQTT> 04 c0 0000 <d> <u> 0001 ff]",
          "CONNECT 'd' keep=0 clean=0 user='u' password='\\ff'\n"}},
        {{.client_id = TEXT("d"),
          .has_will = true,
          .will_topic = TEXT("w"),
          .will_payload = TEXT("bye"),
          .will_qos = 1,
          .will_retain = true,
          .has_user_name = true},
         {"10 [<MQTT> 04 ac 0000 <d> <w> <bye> 0000]",
          "CONNECT 'd' keep=0 clean=0 will='w' 'bye' qos=1 retain=1 user=''\n"}},
    };
    struct fixture f;
    start(&f, MQTT_CLIENT);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(mqtt_send_connect(&f.m, &rows[i].connect), OK);
        check_written(&f, NULL, &rows[i].row);
    }
    end(&f);
}

static void connack_never_says_session_present_in_a_refusal(void **state)
{
    (void)state;
    static const struct {
        enum mqtt_code code;
        bool present;
        struct row row;
    } rows[] = {
        {MQTT_ACCEPTED, false, {"20 [0000]", "CONNACK code=0 present=0\n"}},
        {MQTT_ACCEPTED, true, {"20 [0100]", "CONNACK code=0 present=1\n"}},
        {MQTT_NOT_AUTHORIZED, true, {"20 [0005]", "CONNACK code=5 present=0\n"}},
    };
    struct fixture f;
    start(&f, MQTT_SERVER);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mqtt_send_connack(&f.m, rows[i].code, rows[i].present);
        check_written(&f, NULL, &rows[i].row);
    }
    end(&f);
}

static void publish_says_the_same_in_both_directions(void **state)
{
    (void)state;
    static const struct {
        struct mqtt_publish publish;
        struct row row;
    } rows[] = {
        {{.topic = TEXT("a/b"), .payload = TEXT("xyz")},
         {"30 [<a/b> 'xyz']", "PUBLISH a/b qos=0 'xyz'\n"}},
        {{.topic = TEXT("a/b"), .retain = true}, {"31 [<a/b>]", "PUBLISH a/b qos=0 retain ''\n"}},
        {{.topic = TEXT("a"), .payload = TEXT("x"), .qos = 1, .packet_id = 0x102},
         {"32 [<a> 0102 'x']", "PUBLISH a qos=1 id=258 'x'\n"}},
        {{.topic = TEXT("a"), .qos = 1, .packet_id = 1, .dup = true, .retain = true},
         {"3b [<a> 0001]", "PUBLISH a qos=1 id=1 dup retain ''\n"}},
    };
    for (int role = MQTT_SERVER; role <= MQTT_CLIENT; role++) {
        struct fixture f;
        start(&f, (enum mqtt_role)role);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_int_equal(mqtt_send_publish(&f.m, &rows[i].publish), OK);
            check_written(&f, role == MQTT_SERVER ? test_connack : test_connect, &rows[i].row);
        }
        mqtt_send_puback(&f.m, 0xfffe);
        check_written(&f, role == MQTT_SERVER ? test_connack : test_connect,
                      &(struct row){"40 [fffe]", "PUBACK id=65534\n"});
        end(&f);
    }
}

static void a_client_subscribes_and_unsubscribes(void **state)
{
    (void)state;
    static const struct mqtt_filter filters[] = {{TEXT("a/#"), 1}, {TEXT("+"), 0}};
    struct fixture f;
    start(&f, MQTT_CLIENT);
    assert_int_equal(mqtt_send_subscribe(&f.m, 9, filters, 2), OK);
    check_written(&f, test_connect,
                  &(struct row){"82 [0009 <a/#>01 <+>00]", "SUBSCRIBE id=9 'a/#'=1 '+'=0\n"});
    assert_int_equal(mqtt_send_unsubscribe(&f.m, 10, filters, 1), OK);
    check_written(&f, test_connect, &(struct row){"a2 [000a <a/#>]", "UNSUBSCRIBE id=10 'a/#'\n"});
    mqtt_send_disconnect(&f.m);
    check_written(&f, test_connect, &(struct row){"e000", "DISCONNECT\n"});
    end(&f);
}

static void a_server_answers(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_SERVER);
    mqtt_send_suback(&f.m, 9, TEXT("\1\x80"));
    check_written(&f, test_connack, &(struct row){"90 [0009 0180]", "SUBACK id=9 0180\n"});
    mqtt_send_unsuback(&f.m, 10);
    check_written(&f, test_connack, &(struct row){"b0 [000a]", "UNSUBACK id=10\n"});
    mqtt_send_pingresp(&f.m);
    check_written(&f, test_connack, &(struct row){"d000", "PINGRESP\n"});
    end(&f);
}

/* `len` times 'x'; the caller frees it. */
static char *long_text(size_t len)
{
    char *bytes = mem_new(len);
    memset(bytes, 'x', len);
    return bytes;
}

static void strings_end_at_65535_bytes(void **state)
{
    (void)state;
    for (size_t len = MQTT_TEXT_MAX; len <= MQTT_TEXT_MAX + 1; len++) {
        struct fixture f;
        char *bytes = long_text(len);
        struct slice text = slice_of(bytes, len);
        enum err expected = len == MQTT_TEXT_MAX ? OK : ERR_TOO_BIG;
        const struct mqtt_connect connects[] = {
            {.client_id = text},
            {.has_will = true, .will_topic = text},
            {.has_will = true, .will_payload = text},
            {.has_user_name = true, .user_name = text},
            {.has_user_name = true, .has_password = true, .password = text},
        };
        start(&f, MQTT_CLIENT);
        for (size_t i = 0; i < sizeof connects / sizeof connects[0]; i++)
            assert_int_equal(mqtt_send_connect(&f.m, &connects[i]), expected);
        assert_int_equal(mqtt_send_publish(&f.m, &(struct mqtt_publish){.topic = text}), expected);
        struct mqtt_filter filter = {text, 1};
        assert_int_equal(mqtt_send_subscribe(&f.m, 1, &filter, 1), expected);
        assert_int_equal(mqtt_send_unsubscribe(&f.m, 1, &filter, 1), expected);
        assert_true(expected == OK || buf_size(&f.out) == 0);
        free(bytes);
        end(&f);
    }
}

/* The payload is not read before its length is judged.  (At the limit itself a test would write
 * 256 MiB.) */
static void a_publish_over_the_largest_remaining_length_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_CLIENT);
    struct mqtt_publish p = {.topic = TEXT("a"), .qos = 1, .packet_id = 1};
    p.payload = slice_of(&p, MQTT_REMAINING_MAX - 5 + 1);
    assert_int_equal(mqtt_send_publish(&f.m, &p), ERR_TOO_BIG);
    assert_int_equal(buf_size(&f.out), 0);
    end(&f);
}

/* Each size at which the length field grows, through the other engine. */
static void lengths_of_all_sizes_are_read_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {124, 125, 16380, 16381, 200000};
    char *payload = long_text(200000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf out = {0};
        struct mqtt client, server;
        struct mqtt_event ev;
        mqtt_init(&client, &(struct mqtt_config){.role = MQTT_CLIENT, .out = &out}, 0);
        mqtt_init(&server, &(struct mqtt_config){.role = MQTT_SERVER, .out = &out}, 0);
        assert_int_equal(mqtt_send_connect(&client, &(struct mqtt_connect){0}), OK);
        struct mqtt_publish p = {.topic = TEXT("a"), .payload = slice_of(payload, sizes[i])};
        assert_int_equal(mqtt_send_publish(&client, &p), OK);
        mqtt_feed(&server, buf_slice(&out), 0);
        assert_int_equal(mqtt_next(&server, &ev), OK);
        assert_int_equal(mqtt_next(&server, &ev), OK);
        assert_int_equal(ev.publish.payload.len, sizes[i]);
        assert_int_equal(mqtt_next(&server, &ev), ERR_AGAIN);
        mqtt_fini(&server);
        mqtt_fini(&client);
        buf_free(&out);
    }
    free(payload);
}

static void packet_ids_go_round_without_zero(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_CLIENT);
    for (unsigned id = 1; id <= 65535; id++) assert_int_equal(mqtt_packet_id(&f.m), id);
    assert_int_equal(mqtt_packet_id(&f.m), 1);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_carries_exactly_what_was_given),
        cmocka_unit_test(connack_never_says_session_present_in_a_refusal),
        cmocka_unit_test(publish_says_the_same_in_both_directions),
        cmocka_unit_test(a_client_subscribes_and_unsubscribes),
        cmocka_unit_test(a_server_answers),
        cmocka_unit_test(strings_end_at_65535_bytes),
        cmocka_unit_test(a_publish_over_the_largest_remaining_length_is_refused),
        cmocka_unit_test(lengths_of_all_sizes_are_read_back),
        cmocka_unit_test(packet_ids_go_round_without_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
