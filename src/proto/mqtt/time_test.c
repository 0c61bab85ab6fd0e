/* time_test.c - deadlines of both roles. */
#include "proto/mqtt/testkit.h"

#define SECOND_US 1000000ll
#define START_US  (1000 * SECOND_US)

struct fixture {
    struct mqtt m;
    struct buf out;
};

static void start(struct fixture *f, enum mqtt_role role)
{
    *f = (struct fixture){0};
    mqtt_init(&f->m, &(struct mqtt_config){.role = role, .out = &f->out}, START_US);
}

static void end(struct fixture *f)
{
    mqtt_fini(&f->m);
    buf_free(&f->out);
}

static void feed(struct fixture *f, const char *notation, int64_t at_s)
{
    struct buf in = {0};
    struct mqtt_event ev;
    enum err e;
    test_bytes(&in, notation);
    mqtt_feed(&f->m, buf_slice(&in), START_US + at_s * SECOND_US);
    while ((e = mqtt_next(&f->m, &ev)) == OK) {
    }
    assert_int_equal(e, ERR_AGAIN);
    buf_free(&in);
}

static void assert_deadline(const struct fixture *f, double at_s)
{
    assert_int_equal(mqtt_deadline(&f->m), START_US + (int64_t)(at_s * SECOND_US));
}

/* Fine until just before; over at that moment, for good. */
static void assert_timeout_at(struct fixture *f, double at_s)
{
    int64_t at_us = START_US + (int64_t)(at_s * SECOND_US);
    assert_int_equal(mqtt_tick(&f->m, at_us - 1), OK);
    assert_int_equal(mqtt_tick(&f->m, at_us), ERR_TIMEOUT);
    assert_int_equal(mqtt_tick(&f->m, at_us), ERR_TIMEOUT);
    assert_int_equal(mqtt_deadline(&f->m), INT64_MAX);
}

static void a_server_waits_30_s_for_connect(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_SERVER);
    feed(&f, "10 0e 0004", 20); /* a beginning does not count */
    assert_deadline(&f, 30);
    assert_timeout_at(&f, 30);
    end(&f);
}

static void a_server_allows_one_and_a_half_keep_alives(void **state)
{
    (void)state;
    static const struct {
        const char *connect;
        double wait_s;
    } rows[] = {
        {"10 [<MQTT> 04 02 0001 <d>]", 1.5},    {"10 [<MQTT> 04 02 00f0 <d>]", 360},
        {"10 [<MQTT> 04 02 0499 <d>]", 1765.5}, /* 1177 */
        {"10 [<MQTT> 04 02 049a <d>]", 1767},   /* 1178: exactly the limit */
        {"10 [<MQTT> 04 02 049b <d>]", 1767},   /* 1179 */
        {"10 [<MQTT> 04 02 ffff <d>]", 1767},   {"10 [<MQTT> 04 02 0000 <d>]", 1767},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        start(&f, MQTT_SERVER);
        feed(&f, rows[i].connect, 10);
        assert_deadline(&f, 10 + rows[i].wait_s);
        assert_timeout_at(&f, 10 + rows[i].wait_s);
        end(&f);
    }
}

static void every_whole_packet_moves_the_servers_deadline(void **state)
{
    (void)state;
    static const char *const packets[] = {"c000", "30 [<a>]", "40 [0001]", "82 [0001 <a> 00]"};
    struct fixture f;
    start(&f, MQTT_SERVER);
    feed(&f, test_connect, 0); /* 60 s */
    int64_t at_s = 0;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        at_s += 80;
        feed(&f, packets[i], at_s);
        assert_deadline(&f, (double)at_s + 90);
    }
    feed(&f, "30", at_s + 80);
    assert_deadline(&f, (double)at_s + 90);
    feed(&f, "03 <a>", at_s + 85);
    assert_deadline(&f, (double)at_s + 175);
    assert_int_equal(buf_size(&f.out), 0);
    end(&f);
}

static void a_client_waits_30_s_for_connack(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_CLIENT);
    assert_timeout_at(&f, MQTT_ANSWER_WAIT_S);
    end(&f);
}

static void connect_client(struct fixture *f, uint16_t keep_alive_s)
{
    start(f, MQTT_CLIENT);
    struct mqtt_connect connect = {.keep_alive_s = keep_alive_s};
    assert_int_equal(mqtt_send_connect(&f->m, &connect), OK);
    feed(f, test_connack, 1);
    buf_clear(&f->out);
}

static void a_client_pings_at_half_the_keep_alive_however_busy(void **state)
{
    (void)state;
    struct fixture f;
    connect_client(&f, 60);
    assert_deadline(&f, 31);
    feed(&f, "30 [<a>]", 20);
    assert_deadline(&f, 31);
    assert_int_equal(mqtt_tick(&f.m, START_US + 30 * SECOND_US), OK);
    assert_int_equal(buf_size(&f.out), 0);
    assert_int_equal(mqtt_tick(&f.m, START_US + 32 * SECOND_US), OK);
    assert_true(slice_eq(buf_slice(&f.out), SLICE_LIT("\xc0\0")));
    assert_deadline(&f, 62);
    feed(&f, "d000", 33);
    assert_deadline(&f, 62);
    assert_int_equal(mqtt_tick(&f.m, START_US + 62 * SECOND_US), OK);
    assert_true(slice_eq(buf_slice(&f.out), SLICE_LIT("\xc0\0\xc0\0")));
    end(&f);
}

static void a_client_gives_up_without_pingresp(void **state)
{
    (void)state;
    struct fixture f;
    connect_client(&f, 240);
    assert_deadline(&f, 121);
    assert_int_equal(mqtt_tick(&f.m, START_US + 121 * SECOND_US), OK);
    feed(&f, "30 [<a>]", 130);
    assert_timeout_at(&f, 121 + MQTT_ANSWER_WAIT_S);
    end(&f);
}

static void a_client_without_keep_alive_has_no_deadline(void **state)
{
    (void)state;
    struct fixture f;
    connect_client(&f, 0);
    assert_int_equal(mqtt_deadline(&f.m), INT64_MAX);
    assert_int_equal(mqtt_tick(&f.m, START_US + 100000 * SECOND_US), OK);
    assert_int_equal(buf_size(&f.out), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_waits_30_s_for_connect),
        cmocka_unit_test(a_server_allows_one_and_a_half_keep_alives),
        cmocka_unit_test(every_whole_packet_moves_the_servers_deadline),
        cmocka_unit_test(a_client_waits_30_s_for_connack),
        cmocka_unit_test(a_client_pings_at_half_the_keep_alive_however_busy),
        cmocka_unit_test(a_client_gives_up_without_pingresp),
        cmocka_unit_test(a_client_without_keep_alive_has_no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
