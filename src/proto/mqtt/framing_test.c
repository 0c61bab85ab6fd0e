/* framing_test.c - limits, memory and the end of life of the engine. */
#include "base/mem.h"
#include "proto/mqtt/testkit.h"

struct fixture {
    struct mqtt m;
    struct buf out, in;
    struct mqtt_event ev;
};

static void start(struct fixture *f, enum mqtt_role role, uint32_t packet_max)
{
    *f = (struct fixture){0};
    mqtt_init(&f->m, &(struct mqtt_config){.role = role, .out = &f->out, .packet_max = packet_max},
              0);
}

static void end(struct fixture *f)
{
    mqtt_fini(&f->m);
    buf_free(&f->in);
    buf_free(&f->out);
}

/* Feeds what the notation says and keeps the bytes until the next feed. */
static void feed(struct fixture *f, const char *notation)
{
    buf_clear(&f->in);
    test_bytes(&f->in, notation);
    mqtt_feed(&f->m, buf_slice(&f->in), 0);
}

static enum err next(struct fixture *f)
{
    return mqtt_next(&f->m, &f->ev);
}

static void open_server(struct fixture *f, uint32_t packet_max)
{
    start(f, MQTT_SERVER, packet_max);
    feed(f, test_connect);
    assert_int_equal(next(f), OK);
    assert_int_equal(next(f), ERR_AGAIN);
}

/* Fixed header of a packet that is `size` bytes long in all. */
static struct slice header(uint8_t first, size_t size, uint8_t out[5])
{
    size_t len = 0, rest = size;
    for (size_t head = 2; head <= 5; head++) {
        rest = size - head;
        if (rest < (size_t)1 << (7 * (head - 1))) break;
    }
    out[len++] = first;
    do {
        out[len] = (uint8_t)(rest & 0x7f);
        rest >>= 7;
        if (rest > 0) out[len] |= 0x80;
        len++;
    } while (rest > 0);
    return slice_of(out, len);
}

static void a_complete_publish_is_decoded_in_place(void **state)
{
    (void)state;
    struct fixture f;
    open_server(&f, 0);
    feed(&f, "32 [<a/b> 0007 'hello'] 30 [<c> 'x']");
    assert_int_equal(next(&f), OK);
    assert_ptr_equal(f.ev.publish.topic.ptr, f.in.ptr + 4);
    assert_ptr_equal(f.ev.publish.payload.ptr, f.in.ptr + 9);
    assert_int_equal(next(&f), OK);
    assert_int_equal(next(&f), ERR_AGAIN);
    assert_null(f.m.tail.ptr);
    end(&f);
}

static void only_an_unfinished_tail_is_copied_and_freed_when_done(void **state)
{
    (void)state;
    struct fixture f;
    open_server(&f, 0);
    feed(&f, "30 [<a> 'x'] 30 08 00");
    assert_int_equal(next(&f), OK);
    assert_int_equal(next(&f), ERR_AGAIN);
    assert_int_equal(buf_size(&f.m.tail), 3);
    feed(&f, "03 'a/b' 'xyz' 30 [<b>] c000");
    assert_int_equal(next(&f), OK);
    assert_true(slice_is(f.ev.publish.topic, "a/b"));
    assert_true(slice_is(f.ev.publish.payload, "xyz"));
    assert_int_equal(next(&f), OK);
    assert_null(f.m.tail.ptr);
    assert_ptr_equal(f.ev.publish.topic.ptr, f.in.ptr + 11);
    assert_int_equal(next(&f), OK);
    assert_int_equal(next(&f), ERR_AGAIN);
    end(&f);
}

/* Authentication takes a while: the front stops after CONNECT and goes on later. */
static void kept_bytes_are_pulled_later_in_order(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, MQTT_SERVER, 0);
    feed(&f, "10 [<MQTT> 04 02 003c <d1>] 30 [<a> 'x'] 30 [<b> 'y'] 30");
    assert_int_equal(next(&f), OK);
    mqtt_keep(&f.m);
    feed(&f, "03 <c> c0");
    mqtt_keep(&f.m);
    feed(&f, "00");
    const char *topics[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(next(&f), OK);
        assert_true(slice_is(f.ev.publish.topic, topics[i]));
    }
    assert_int_equal(next(&f), OK);
    assert_int_equal(f.ev.kind, MQTT_PINGREQ);
    assert_int_equal(next(&f), ERR_AGAIN);
    assert_null(f.m.tail.ptr);
    end(&f);
}

static void a_packet_over_the_limit_is_refused_at_its_length(void **state)
{
    (void)state;
    for (size_t size = MQTT_PACKET_MAX - 1; size <= MQTT_PACKET_MAX + 1; size++) {
        struct fixture f;
        uint8_t head[5];
        open_server(&f, 0);
        mqtt_feed(&f.m, header(0x30, size, head), 0);
        assert_int_equal(next(&f), size <= MQTT_PACKET_MAX ? ERR_AGAIN : ERR_TOO_BIG);
        end(&f);
    }
}

static void a_packet_at_the_limit_arrives_in_pieces(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t head[5];
    size_t left = MQTT_PACKET_MAX, piece = 16 << 10;
    uint8_t *zeros = mem_zero(piece);
    open_server(&f, 0);
    struct slice h = header(0x30, left, head);
    mqtt_feed(&f.m, h, 0);
    assert_int_equal(next(&f), ERR_AGAIN);
    mqtt_feed(&f.m, SLICE_LIT("\0\1t"), 0);
    assert_int_equal(next(&f), ERR_AGAIN);
    for (left -= h.len + 3; left > piece; left -= piece) {
        mqtt_feed(&f.m, slice_of(zeros, piece), 0);
        assert_int_equal(next(&f), ERR_AGAIN);
        assert_true(f.m.tail.cap <= 2 * buf_size(&f.m.tail));
    }
    mqtt_feed(&f.m, slice_of(zeros, left), 0);
    assert_int_equal(next(&f), OK);
    assert_int_equal(f.ev.publish.payload.len, MQTT_PACKET_MAX - h.len - 3);
    assert_int_equal(next(&f), ERR_AGAIN);
    assert_null(f.m.tail.ptr);
    free(zeros);
    end(&f);
}

static void connect_has_a_smaller_limit(void **state)
{
    (void)state;
    for (size_t size = MQTT_CONNECT_MAX; size <= MQTT_CONNECT_MAX + 1; size++) {
        struct fixture f;
        uint8_t head[5];
        start(&f, MQTT_SERVER, 0);
        mqtt_feed(&f.m, header(0x10, size, head), 0);
        assert_int_equal(next(&f), size == MQTT_CONNECT_MAX ? ERR_AGAIN : ERR_TOO_BIG);
        end(&f);
    }
}

static void a_limit_of_the_caller_holds(void **state)
{
    (void)state;
    struct fixture f;
    open_server(&f, 32);
    feed(&f, "30 1e <a> 'twenty-seven bytes of body.'");
    assert_int_equal(next(&f), OK);
    assert_int_equal(next(&f), ERR_AGAIN);
    feed(&f, "30 1f");
    assert_int_equal(next(&f), ERR_TOO_BIG);
    end(&f);
}

static void a_dead_engine_stays_dead_and_owns_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_server(&f, 0);
    feed(&f, "30 08 00");
    assert_int_equal(next(&f), ERR_AGAIN);
    feed(&f, "01 '#' 'abcde' c000");
    assert_int_equal(next(&f), ERR_PROTOCOL);
    assert_null(f.m.tail.ptr);
    assert_int_equal(next(&f), ERR_PROTOCOL);
    feed(&f, "c000");
    feed(&f, "c000");
    assert_int_equal(next(&f), ERR_PROTOCOL);
    assert_int_equal(mqtt_deadline(&f.m), INT64_MAX);
    assert_int_equal(mqtt_tick(&f.m, INT64_MAX), ERR_PROTOCOL);
    end(&f);
}

static void an_error_names_its_clause_and_the_packet(void **state)
{
    (void)state;
    struct fixture f;
    open_server(&f, 0);
    feed(&f, "10");
    assert_int_equal(next(&f), ERR_PROTOCOL);
    assert_string_equal(fail_text(), "[MQTT-3.1.0-2] second CONNECT");
    end(&f);
    open_server(&f, 0);
    feed(&f, "30 ffffff7f");
    assert_int_equal(next(&f), ERR_TOO_BIG);
    assert_string_equal(fail_text(), "PUBLISH of 268435460 bytes, at most 327695");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_publish_is_decoded_in_place),
        cmocka_unit_test(only_an_unfinished_tail_is_copied_and_freed_when_done),
        cmocka_unit_test(kept_bytes_are_pulled_later_in_order),
        cmocka_unit_test(a_packet_over_the_limit_is_refused_at_its_length),
        cmocka_unit_test(a_packet_at_the_limit_arrives_in_pieces),
        cmocka_unit_test(connect_has_a_smaller_limit),
        cmocka_unit_test(a_limit_of_the_caller_holds),
        cmocka_unit_test(a_dead_engine_stays_dead_and_owns_nothing),
        cmocka_unit_test(an_error_names_its_clause_and_the_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
