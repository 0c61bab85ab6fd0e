/* damage_test.c - however the bytes are cut, the conversation is the same; however they are damaged,
 * nothing worse happens than an end. */
#include "base/test.h"

#include "proto/amqp/testing/testing.h"

static const char *const mechanisms[] = {"ANONYMOUS", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "me", .mechanisms = mechanisms};
static const struct amqp_config client = {.role = AMQP_CLIENT, .container_id = "me", .sasl = true};

/* Every frame type there is, with values of every kind in them. */
static const char to_server[] =
    "AMQP3\nsasl init['PLAIN' b\"\\0u\\0p\" \"h\"]\nAMQP0\n"
    "0 open[\"c\" \"h\" 512 10h 5000 <'en'> null null null {'k' \"v\"}]\n"
    "1 begin[null 1 2 3 7 null null {'k' 1}]\n"
    "1 attach[\"in\" 0 false 0b 1b @40 [\"s\"] @41 [\"t\"] {} false 3 99l <'a'> <'b' 'c'> {'k' "
    "1L}]\n"
    "1 attach[\"out\" 1 true 2b 0b @40 [\"s\" 0 null 0 false null null {'f' @'f' \"x\"}] @41 "
    "[\"t\"]]\n"
    "1 flow[1 9 1 9 1 0 5 null true true {}]\n"
    "1 transfer[0 0 b\"t\" 0 false true] @117 b\"hello\"\n1 transfer[0] @117 b\"world\"\n"
    "1 transfer[0 1 b\"u\" 5 true false 1b @36 [] false false true] @119 {\"k\" "
    "u\"00112233445566778899aabbccddeeff\"}\n"
    "1 disposition[true 0 4 false @37 [@29 ['x:y' \"why\" {'k' 1t}]] true]\n"
    "0 empty\n1 detach[0 true @29 ['x:y' \"why\"]]\n1 end[]\n0 close[@29 ['x:y' \"why\"]]";

static const char to_client[] =
    "AMQP3\nsasl mechanisms[<'PLAIN'>]\nsasl outcome[0b b\"x\"]\nAMQP0\n"
    "0 open[\"c\" \"h\" 512 10h 5000]\n0 close[]";

struct said {
    struct buf events, out;
    enum err last;
};

static struct said converse(const struct amqp_config *cfg, struct slice bytes, size_t cut)
{
    struct wire_rig r;
    struct said s = {0};
    wire_rig_init(&r, cfg);
    if (cut) wire_rig_bytes(&r, slice_head(bytes, cut));
    wire_rig_bytes(&r, slice_from(bytes, cut));
    s.events = r.events;
    s.out = r.out;
    s.last = r.last;
    amqp_fini(&r.a);
    return s;
}

static void forget(struct said *s)
{
    buf_free(&s->events);
    buf_free(&s->out);
}

static void assert_same(const struct said *a, const struct said *b)
{
    assert_true(slice_eq(buf_slice(&a->events), buf_slice(&b->events)));
    assert_true(slice_eq(buf_slice(&a->out), buf_slice(&b->out)));
    assert_int_equal(a->last, b->last);
}

static void cut_everywhere(const struct amqp_config *cfg, const char *text)
{
    struct buf bytes = {0};
    wire_put(&bytes, text);
    struct said whole = converse(cfg, buf_slice(&bytes), 0);
    assert_int_equal(whole.last, ERR_CLOSED);
    for (size_t cut = 1; cut < buf_size(&bytes); cut++) {
        struct said cut_once = converse(cfg, buf_slice(&bytes), cut);
        assert_same(&cut_once, &whole);
        forget(&cut_once);
    }
    forget(&whole);
    buf_free(&bytes);
}

static void a_cut_anywhere_changes_nothing(void **state)
{
    (void)state;
    cut_everywhere(&server, to_server);
    cut_everywhere(&client, to_client);
}

static void byte_by_byte_is_the_same_conversation(void **state)
{
    (void)state;
    struct wire_rig r;
    struct buf bytes = {0};
    wire_put(&bytes, to_server);
    struct said whole = converse(&server, buf_slice(&bytes), 0);
    wire_rig_init(&r, &server);
    for (size_t i = 0; i < buf_size(&bytes); i++) wire_rig_bytes(&r, slice_of(bytes.ptr + i, 1));
    struct said slow = {r.events, r.out, r.last};
    assert_same(&slow, &whole);
    amqp_fini(&r.a);
    forget(&slow);
    forget(&whole);
    buf_free(&bytes);
}

static void a_truncation_anywhere_leaves_an_engine_that_waits(void **state)
{
    (void)state;
    struct buf bytes = {0};
    wire_put(&bytes, to_server);
    for (size_t len = 0; len < buf_size(&bytes); len++) {
        struct said s = converse(&server, slice_of(bytes.ptr, len), 0);
        assert_int_equal(s.last, ERR_AGAIN);
        forget(&s);
    }
    buf_free(&bytes);
}

static void flip_everywhere(const struct amqp_config *cfg, const char *text)
{
    struct buf bytes = {0};
    wire_put(&bytes, text);
    for (size_t bit = 0; bit < 8 * buf_size(&bytes); bit++) {
        bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct said s = converse(cfg, buf_slice(&bytes), 0);
        assert_true(s.last == ERR_AGAIN || s.last == ERR_CLOSED || s.last == ERR_PROTOCOL ||
                    s.last == ERR_DENIED);
        forget(&s);
        bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_free(&bytes);
}

static void a_flipped_bit_anywhere_ends_a_conversation_at_worst(void **state)
{
    (void)state;
    flip_everywhere(&server, to_server);
    flip_everywhere(&client, to_client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_anywhere_changes_nothing),
        cmocka_unit_test(byte_by_byte_is_the_same_conversation),
        cmocka_unit_test(a_truncation_anywhere_leaves_an_engine_that_waits),
        cmocka_unit_test(a_flipped_bit_anywhere_ends_a_conversation_at_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
