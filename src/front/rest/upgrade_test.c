/* upgrade_test.c - upgrades to WebSocket: who gets the connection, who is told what. */
#include "front/rest/fakes_test.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const struct front mqtt = {.name = "mqtt"}, amqp = {.name = "amqp"};
static int mqtt_ctx, amqp_ctx;

static int open_with_streams(void **state)
{
    world_open(state);
    rest_carry(world.service, REST_MQTT, &mqtt, &mqtt_ctx);
    rest_carry(world.service, REST_AMQP, &amqp, &amqp_ctx);
    return 0;
}

static void again(void)
{
    world_close(NULL);
    open_with_streams(NULL);
}

/* A request with these header lines; `behind` follows it at once. */
static void ask(const char *line, const char *headers, const char *behind)
{
    struct buf b = {0};
    buf_printf(&b, "%s HTTP/1.1\r\nHost: my.hub\r\n%s\r\n%s", line, headers, behind);
    feed(buf_slice(&b));
    buf_free(&b);
}

#define UPGRADE     "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
#define VERSION     "Sec-WebSocket-Version: 13\r\n"
#define GOOD_KEY    "Sec-WebSocket-Key: " KEY "\r\n"
#define PROTOCOL(p) "Sec-WebSocket-Protocol: " p "\r\n"
#define ALL(p)      UPGRADE VERSION GOOD_KEY PROTOCOL(p)

static void the_subprotocol_decides_who_gets_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *line, *headers, *chosen;
        const struct front *front;
    } rows[] = {
        {"GET /$iothub/websocket", ALL("mqtt"), "mqtt", &mqtt},
        {"GET /%24iothub/websocket", ALL("MQTT"), "MQTT", &mqtt},
        {"GET /$iothub/websocket?iothub-no-client-cert=true", ALL("AMQPWSB10"), "AMQPWSB10", &amqp},
        {"GET /$IoTHub/WebSocket/", ALL("amqpwsb10"), "amqpwsb10", &amqp},
        {"GET /$servicebus/websocket", ALL("AMQPWSB10"), "AMQPWSB10", &amqp},
        {"GET /$servicebus/websocket", ALL("amqp"), "amqp", &amqp},
        {"GET /mqtt?x=y&api-version=1", ALL("mqtt"), "mqtt", &mqtt},
        {"GET /", ALL("mqttv3.1"), "mqttv3.1", &mqtt},
        {"GET /", ALL("soap, ,AMQP ,mqtt"), "AMQP", &amqp},
        {"GET /", ALL("soap") PROTOCOL("wamp") PROTOCOL("Mqtt"), "Mqtt", &mqtt},
        {"GET /", ALL("mqtt") "Sec-WebSocket-Extensions: permessage-deflate\r\n", "mqtt", &mqtt},
        {"GET /",
         "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n" VERSION GOOD_KEY PROTOCOL("mqtt"),
         "mqtt", &mqtt},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[80];
        ask(rows[i].line, rows[i].headers, "\x82\x80 and on");
        assert_int_equal(answered(), 101);
        assert_true(said_line("upgrade: websocket\r\n"));
        assert_true(said_line("connection: Upgrade\r\n"));
        assert_true(said_line("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert_false(said_line("extensions"));
        snprintf(line, sizeof line, "sec-websocket-protocol: %s\r\n", rows[i].chosen);
        assert_true(said_line(line));
        assert_ptr_equal(world.conn.upgraded, rows[i].front);
        assert_ptr_equal(world.conn.upgraded_ctx, rows[i].front == &mqtt ? &mqtt_ctx : &amqp_ctx);
        assert_string_equal(world.conn.upgraded_rest, "\x82\x80 and on");
        again();
    }
}

static void what_is_missing_or_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *line, *headers;
        int status;
        const char *text;
    } rows[] = {
        {"GET /mqtt", "", 426, "WebSocket upgrades only"},
        {"GET /", "", 426, "WebSocket upgrades only"},
        {"GET /mqtt", "Upgrade: websocket\r\n" VERSION GOOD_KEY PROTOCOL("mqtt"), 426, "only"},
        {"GET /mqtt", "Connection: Upgrade\r\nUpgrade: h2c\r\n" VERSION GOOD_KEY, 426, "only"},
        {"GET /mqtt", UPGRADE GOOD_KEY PROTOCOL("mqtt"), 426, "must be 13"},
        {"GET /mqtt", UPGRADE "Sec-WebSocket-Version: 8\r\n" GOOD_KEY, 426, "must be 13"},
        {"GET /mqtt", UPGRADE VERSION VERSION GOOD_KEY PROTOCOL("mqtt"), 426, "must be 13"},
        {"GET /mqtt", UPGRADE VERSION PROTOCOL("mqtt"), 400, "Key"},
        {"GET /mqtt", UPGRADE VERSION GOOD_KEY GOOD_KEY PROTOCOL("mqtt"), 400, "Key"},
        {"GET /mqtt", UPGRADE VERSION "Sec-WebSocket-Key: c2hvcnQ=\r\n", 400, "Key"},
        {"GET /mqtt", UPGRADE VERSION GOOD_KEY, 400, "is missing; expected 'mqtt' or 'AMQPWSB10'"},
        {"GET /mqtt", ALL("soap"), 400, "'soap' is not spoken here; expected"},
        {"GET /mqtt", ALL("\xff"), 400, "expected 'mqtt'"},
        {"GET /mqtt", ALL("mqtt") "Content-Length: 1\r\n", 400, "no body"},
        {"GET /mqtt", ALL("mqtt") "Transfer-Encoding: chunked\r\n", 400, "no body"},
        {"POST /mqtt", ALL("mqtt"), 405, "method"},
        {"GET /websocket", ALL("mqtt"), 404, "spoken at /$iothub/websocket"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool chunked = strstr(rows[i].headers, "chunked");
        ask(rows[i].line, rows[i].headers, chunked ? "1\r\nx\r\n0\r\n\r\n" : "x");
        assert_int_equal(answered(), rows[i].status);
        assert_non_null(strstr(said_body(), rows[i].text));
        assert_int_equal(said_line("upgrade: websocket\r\n"), rows[i].status == 426);
        assert_int_equal(said_line("sec-websocket-version: 13\r\n"), rows[i].status == 426);
        assert_null(world.conn.upgraded);
        again();
    }
}

static void a_refused_upgrade_leaves_the_connection_to_http(void **state)
{
    (void)state;
    ask("GET /mqtt", ALL("soap"), "");
    assert_int_equal(answered(), 400);
    request("GET /healthz", "", NULL);
    assert_int_equal(answered(), 200);
}

static void an_upgrade_waits_behind_pipelined_requests(void **state)
{
    (void)state;
    request("GET /devices/d1?api-version=1", token("iothubowner", ""), NULL);
    ask("GET /mqtt", ALL("mqtt"), "behind");
    assert_null(world.conn.upgraded);
    registry_says(&(struct registry_answer){.status = STATUS_OK, .body = SLICE_LIT("{}")});
    assert_ptr_equal(world.conn.upgraded, &mqtt);
    assert_string_equal(world.conn.upgraded_rest, "behind");
    assert_false(world.conn.paused);
    assert_int_equal(answered(), 200);
    assert_non_null(strstr(said, "HTTP/1.1 101 "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_streams, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_subprotocol_decides_who_gets_the_connection),
        TEST(what_is_missing_or_wrong_is_said),
        TEST(a_refused_upgrade_leaves_the_connection_to_http),
        TEST(an_upgrade_waits_behind_pipelined_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
