/* upgrade_test.c - keys, lists of protocols, a client's request and its answer. */
#include "base/test.h"

#include "proto/ws/ws.h"

static const char *const sample_key = "dGhlIHNhbXBsZSBub25jZQ=="; /* section 1.3 */
static const char *const sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static void the_standards_example_holds(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_LEN + 1];
    ws_accept(slice_str(sample_key), accept);
    assert_string_equal(accept, sample_accept);
}

static void a_key_is_sixteen_bytes_of_base64(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bool valid;
    } rows[] = {
        {"dGhlIHNhbXBsZSBub25jZQ==", true},
        {"AAAAAAAAAAAAAAAAAAAAAA==", true},
        {"", false},
        {"dGhlIHNhbXBsZSBub25jZQ", false},
        {"dGhlIHNhbXBsZSBub25jZTE=", false},
        {"dGhlIHNhbXBsZSBub25jZTEy", false},
        {"dGhlIHNhbXBsZSBub25j!Q==", false},
        {"dGhlIHNhbXBsZSBub25jZQ== ", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ws_key_is_valid(slice_str(rows[i].key)), rows[i].valid);
    char made[WS_KEY_LEN + 1];
    ws_make_key(made);
    assert_true(ws_key_is_valid(slice_str(made)));
}

static void a_list_of_protocols_has_blanks_and_holes(void **state)
{
    (void)state;
    struct slice list = SLICE_LIT(" mqtt,\tAMQPWSB10 ,, x,"), name;
    const char *const names[] = {"mqtt", "AMQPWSB10", "x"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(ws_next_protocol(&list, &name));
        assert_true(slice_is(name, names[i]));
    }
    assert_false(ws_next_protocol(&list, &name));
    list = SLICE_NONE;
    assert_false(ws_next_protocol(&list, &name));
}

static void a_request_has_what_the_standard_wants(void **state)
{
    (void)state;
    struct buf out = {0};
    ws_put_request(&out, "hub", "/mqtt", "mqtt", sample_key);
    assert_string_equal(buf_cstr(&out), "GET /mqtt HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n"
                                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                        "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    buf_free(&out);
}

#define HEAD     "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE  "upgrade: WebSocket\r\nConnection: upgrade\r\n"
#define ACCEPT   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: MQTT\r\n"

static void an_answer_is_judged(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum err e;
        const char *why;
    } rows[] = {
        {HEAD UPGRADE ACCEPT PROTOCOL "\r\n", OK, NULL},
        {HEAD UPGRADE ACCEPT PROTOCOL "\r", ERR_AGAIN, NULL},
        {"", ERR_AGAIN, NULL},
        {"HTTP/1.1 404 Not Found\r\n\r\n", ERR_PROTOCOL, "404"},
        {HEAD ACCEPT PROTOCOL "\r\n", ERR_PROTOCOL, "upgrade"},
        {HEAD UPGRADE PROTOCOL "\r\n", ERR_PROTOCOL, "key"},
        {HEAD UPGRADE ACCEPT "\r\n", ERR_PROTOCOL, "mqtt"},
        {HEAD UPGRADE ACCEPT PROTOCOL "Sec-WebSocket-Extensions: x\r\n\r\n", ERR_PROTOCOL, "exten"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = 0;
        struct slice bytes = slice_str(rows[i].answer);
        assert_int_equal(ws_read_response(bytes, "mqtt", sample_key, &len), rows[i].e);
        if (rows[i].e == OK) assert_int_equal(len, bytes.len);
        if (rows[i].why) assert_non_null(strstr(fail_text(), rows[i].why));
    }
}

static void an_answers_head_is_bounded(void **state)
{
    (void)state;
    char text[WS_RESPONSE_MAX];
    size_t len;
    memset(text, 'x', sizeof text);
    struct slice all = slice_of(text, sizeof text);
    assert_int_equal(ws_read_response(slice_head(all, sizeof text - 1), "mqtt", sample_key, &len),
                     ERR_AGAIN);
    assert_int_equal(ws_read_response(all, "mqtt", sample_key, &len), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_example_holds),
        cmocka_unit_test(a_key_is_sixteen_bytes_of_base64),
        cmocka_unit_test(a_list_of_protocols_has_blanks_and_holes),
        cmocka_unit_test(a_request_has_what_the_standard_wants),
        cmocka_unit_test(an_answer_is_judged),
        cmocka_unit_test(an_answers_head_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
