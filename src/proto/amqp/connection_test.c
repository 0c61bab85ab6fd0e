/* connection_test.c - headers, SASL, open, close, frames and time. */
#include "base/test.h"

#include "proto/amqp/testing/testing.h"

static const char *const mechanisms[] = {"MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "me", .mechanisms = mechanisms, .idle_ms = 10000};
static const struct amqp_config client = {
    .role = AMQP_CLIENT, .container_id = "you", .hostname = "hub", .sasl = true};

#define OFFER                   "AMQP3\nsasl mechanisms[<'MSSBCBS' 'PLAIN' 'ANONYMOUS' 'EXTERNAL'>]\n"
#define OPENED                  "0 open[\"me\" null 65536 65535h 10000 null null null null {}]\n"
#define CLOSED(condition, text) "0 close[@29 ['" condition "' \"" text "\" null]]\n"

struct row {
    const char *name, *in, *events, *out;
    enum err last;
};

static void converse(const struct row *row)
{
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, row->in);
    assert_string_equal(wire_rig_events(&r), row->events);
    assert_string_equal(wire_rig_output(&r), row->out);
    assert_int_equal(r.last, row->last);
    wire_rig_fini(&r);
}

static const struct row conversations[] = {
    {"without SASL", "AMQP0\n0 open[\"c\"]", "on-open c\n", "AMQP0\n" OPENED, ERR_AGAIN},
    {"anonymous, all in one write",
     "AMQP3\nsasl init['ANONYMOUS']\nAMQP0\n0 open[\"c\" \"h\" 4096 10h 5000]\n0 begin[null 1 10 "
     "10]",
     "on-init ANONYMOUS \"\"\non-open c\non-begin\n",
     OFFER "sasl outcome[0b null]\nAMQP0\n" OPENED
           "0 begin[0h 1 5000 2147483647 8191 null null null]\n",
     ERR_AGAIN},
    {"PLAIN", "AMQP3\nsasl init['PLAIN' b\"\\0u\\0p\" \"host\"]", "on-init PLAIN \"\\0u\\0p\"\n",
     OFFER "sasl outcome[0b null]\n", ERR_AGAIN},
    {"refused by SASL", "AMQP3\nsasl init['PLAIN' b\"no\"]\nAMQP0\n0 open[\"c\"]",
     "on-init PLAIN \"no\"\non-close\n", OFFER "sasl outcome[1b null]\n", ERR_DENIED},
    {"a challenge", "AMQP3\nsasl init['ASKS']\nsasl response[b\"me\"]",
     "on-init ASKS \"\"\non-response \"me\"\n",
     OFFER "sasl challenge[b\"who?\"]\nsasl outcome[0b null]\n", ERR_AGAIN},
    {"a wrong answer to a challenge", "AMQP3\nsasl init['ASKS']\nsasl response[b\"no\"]",
     "on-init ASKS \"\"\non-response \"no\"\non-close\n",
     OFFER "sasl challenge[b\"who?\"]\nsasl outcome[1b null]\n", ERR_DENIED},
    {"a symbol for a string, wide integers", "AMQP0\n0 open['c' null 4096l 7]", "on-open c\n",
     "AMQP0\n" OPENED, ERR_AGAIN},
    {"open and close", "AMQP0\n0 open[\"c\"]\n0 close[]", "on-open c\non-close\n",
     "AMQP0\n" OPENED "0 close[null]\n", ERR_CLOSED},
    {"close with an error", "AMQP0\n0 open[\"c\"]\n0 close[@29 ['x:y' \"why\"]]\n0 empty",
     "on-open c\non-close x:y: why\n", "AMQP0\n" OPENED "0 close[null]\n", ERR_CLOSED},
    {"heartbeats", "AMQP0\n0 empty\n0 open[\"c\"]\n0 empty\n7 empty", "on-open c\n",
     "AMQP0\n" OPENED, ERR_AGAIN},
};

static void conversations_begin_and_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++)
        converse(&conversations[i]);
}

/* Everything the peer may get wrong before a session; the answer names the rule. */
static const struct row violations[] = {
    {"SASL twice", "AMQP3\nsasl init['ANONYMOUS']\nAMQP3", "on-init ANONYMOUS \"\"\non-close\n",
     OFFER "sasl outcome[0b null]\nAMQP0\n", ERR_PROTOCOL},
    {"a response that was not asked for", "AMQP3\nsasl response[b\"me\"]", "on-close\n", OFFER,
     ERR_PROTOCOL},
    {"another init instead of a response", "AMQP3\nsasl init['ASKS']\nsasl init['ASKS']",
     "on-init ASKS \"\"\non-close\n", OFFER "sasl challenge[b\"who?\"]\n", ERR_PROTOCOL},
    {"a mechanism list from the client", "AMQP3\nsasl mechanisms['PLAIN']", "on-close\n", OFFER,
     ERR_PROTOCOL},
    {"an init without mechanism", "AMQP3\nsasl init[null]", "on-close\n", OFFER, ERR_PROTOCOL},
    {"AMQP frame in SASL", "AMQP3\n0 open[\"c\"]",
     "on-close amqp:connection:framing-error: A frame header is malformed.\n", OFFER, ERR_PROTOCOL},
    {"SASL frame in AMQP", "AMQP0\nsasl init['PLAIN']",
     "on-close amqp:connection:framing-error: A frame header is malformed.\n",
     "AMQP0\n" OPENED CLOSED("amqp:connection:framing-error", "A frame header is malformed."),
     ERR_PROTOCOL},
    {"begin before open", "AMQP0\n0 begin[null 1 1 1]",
     "on-close amqp:not-allowed: The first frame has to be an open.\n",
     "AMQP0\n" OPENED CLOSED("amqp:not-allowed", "The first frame has to be an open."),
     ERR_PROTOCOL},
    {"two opens", "AMQP0\n0 open[\"c\"]\n0 open[\"c\"]",
     "on-open c\non-close amqp:not-allowed: The connection is open already.\n",
     "AMQP0\n" OPENED CLOSED("amqp:not-allowed", "The connection is open already."), ERR_PROTOCOL},
    {"open without a container", "AMQP0\n0 open[null]",
     "on-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"a field too many", "AMQP0\n0 open[\"c\"]\n0 close[null null]",
     "on-open c\non-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"a field of another type", "AMQP0\n0 open[\"c\" 7]",
     "on-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"text that is not UTF-8", "AMQP0\n0 open[\"\xff\"]",
     "on-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"an integer out of range", "AMQP0\n0 open[\"c\" null null 65536]",
     "on-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"a SASL performative in an AMQP frame", "AMQP0\n0 outcome[0b]",
     "on-close amqp:decode-error: A frame does not parse.\n",
     "AMQP0\n" OPENED CLOSED("amqp:decode-error", "A frame does not parse."), ERR_PROTOCOL},
    {"frames that are too small", "AMQP0\n0 open[\"c\" null 511]",
     "on-close amqp:invalid-field: A max-frame-size of 511 is below the least allowed, 512.\n",
     "AMQP0\n" OPENED CLOSED("amqp:invalid-field",
                             "A max-frame-size of 511 is below the least allowed, 512."),
     ERR_PROTOCOL},
    {"a channel without a session", "AMQP0\n0 open[\"c\"]\n3 end[]",
     "on-open c\non-close amqp:not-allowed: There is no session on channel 3.\n",
     "AMQP0\n" OPENED CLOSED("amqp:not-allowed", "There is no session on channel 3."),
     ERR_PROTOCOL},
};

static void violations_are_answered_with_their_condition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) converse(&violations[i]);
}

static void another_protocol_is_told_ours(void **state)
{
    (void)state;
    static const char *const headers[] = {"GET / HT", "AMQP\2\1\0\0", "AMQP\0\1\0\1",
                                          "AMQP\0\0\x09\1"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct wire_rig r;
        wire_rig_init(&r, &server);
        wire_rig_bytes(&r, slice_of(headers[i], 8));
        wire_rig_expect(&r, "on-close\n", "AMQP3\n");
        assert_int_equal(r.last, ERR_PROTOCOL);
        wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]");
        wire_rig_expect(&r, "", "");
        wire_rig_fini(&r);
    }
}

/* One frame with any head after the protocol header. */
static enum err head(struct wire_rig *r, uint32_t size, uint8_t doff, uint8_t type)
{
    wire_rig_init(r, &server);
    wire_rig_feed(r, "AMQP0\n0 open[\"c\"]");
    struct buf b = {0};
    buf_put_be32(&b, size);
    buf_put(&b, (const uint8_t[]){doff, type, 0, 0}, 4);
    wire_rig_bytes(r, buf_slice(&b));
    buf_free(&b);
    enum err last = r->last;
    wire_rig_fini(r);
    return last;
}

static void frame_sizes_are_judged_before_their_bytes_come(void **state)
{
    (void)state;
    struct wire_rig r;
    assert_int_equal(head(&r, 8, 2, 0), ERR_AGAIN);
    assert_int_equal(head(&r, 7, 2, 0), ERR_PROTOCOL);
    assert_int_equal(head(&r, 0, 2, 0), ERR_PROTOCOL);
    assert_int_equal(head(&r, AMQP_FRAME_MAX, 2, 0), ERR_AGAIN);
    assert_int_equal(wire_rig_met[AMQP_LIMIT_FRAME], 0);
    assert_int_equal(head(&r, AMQP_FRAME_MAX + 1, 2, 0), ERR_PROTOCOL);
    assert_int_equal(wire_rig_met[AMQP_LIMIT_FRAME], 1);
    assert_int_equal(head(&r, UINT32_MAX, 2, 0), ERR_PROTOCOL);
    assert_int_equal(head(&r, 8, 1, 0), ERR_PROTOCOL);
    assert_int_equal(head(&r, 8, 3, 0), ERR_PROTOCOL);
    assert_int_equal(head(&r, 8, 2, 1), ERR_PROTOCOL);
    assert_int_equal(head(&r, 8, 2, 2), ERR_PROTOCOL);
}

static void an_extended_frame_header_is_skipped(void **state)
{
    (void)state;
    struct wire_rig r;
    struct buf b = {0};
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]");
    buf_put_be32(&b, 12 + 6);
    buf_put(&b, "\x03\0\0\0xxxx\0\x53\x18\xc0\x01\0", 14);
    wire_rig_bytes(&r, buf_slice(&b));
    assert_string_equal(wire_rig_events(&r), "on-open c\non-close\n");
    buf_free(&b);
    wire_rig_fini(&r);
}

static void a_sasl_frame_has_a_limit_of_its_own(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct wire_rig r;
        struct buf text = {0};
        enum { FRAME_REST = 32 }; /* of the frame beside the response */
        wire_rig_init(&r, &server);
        buf_put_str(&text, "AMQP3\nsasl init['PLAIN' b\"");
        for (size_t i = 0; i < AMQP_SASL_FRAME_MAX - FRAME_REST + extra; i++)
            buf_put_u8(&text, 'x');
        buf_put_str(&text, "\"]");
        wire_rig_feed(&r, buf_cstr(&text));
        assert_int_equal(r.last, extra ? ERR_PROTOCOL : ERR_AGAIN);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_FRAME], extra);
        buf_free(&text);
        wire_rig_fini(&r);
    }
}

static void what_is_sent_before_the_verdict_waits(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    r.silent = true;
    wire_rig_feed(&r, "AMQP3\nsasl init['ANONYMOUS']\nAMQP0");
    wire_rig_feed(&r, "0 open[\"c\"]");
    wire_rig_expect(&r, "on-init ANONYMOUS \"\"\n", OFFER);
    r.silent = false;
    amqp_send_sasl_outcome(&r.a, true);
    wire_rig_pull(&r);
    wire_rig_expect(&r, "on-open c\n", "sasl outcome[0b null]\nAMQP0\n" OPENED);
    assert_null(r.a.tail.ptr);
    wire_rig_fini(&r);
}

/* The caller stops between two frames, of which the second and a part of a third came with the first. */
static void what_is_put_off_waits_for_the_caller(void **state)
{
    (void)state;
    struct wire_rig r;
    struct amqp_event ev;
    struct buf bytes = {0};
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]");
    wire_put(&bytes, "0 begin[null 1 9 9]\n1 begin[null 1 9 9]\n2 begin[null 1 9 9]");
    size_t cut = buf_size(&bytes) - 5;
    amqp_feed(&r.a, slice_head(buf_slice(&bytes), cut), r.now_us);
    assert_int_equal(amqp_next(&r.a, &ev), OK);
    amqp_put_off(&r.a);
    amqp_feed(&r.a, slice_from(buf_slice(&bytes), cut), r.now_us);
    amqp_put_off(&r.a);
    buf_free(&bytes);
    wire_rig_events(&r);
    wire_rig_pull(&r);
    assert_string_equal(wire_rig_events(&r), "on-begin\non-begin\n");
    assert_null(r.a.tail.ptr);
    wire_rig_fini(&r);
}

static void what_waits_for_the_verdict_has_a_limit(void **state)
{
    (void)state;
    static uint8_t bytes[AMQP_HELD_MAX + 1];
    for (size_t len = AMQP_HELD_MAX; len <= AMQP_HELD_MAX + 1; len++) {
        struct wire_rig r;
        wire_rig_init(&r, &server);
        r.silent = true;
        wire_rig_feed(&r, "AMQP3\nsasl init['ANONYMOUS']");
        wire_rig_bytes(&r, slice_of(bytes, len));
        assert_int_equal(r.last, len > AMQP_HELD_MAX ? ERR_PROTOCOL : ERR_AGAIN);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_HELD], len > AMQP_HELD_MAX);
        amqp_send_sasl_outcome(&r.a, false);
        wire_rig_pull(&r);
        assert_int_equal(r.last, len > AMQP_HELD_MAX ? ERR_PROTOCOL : ERR_DENIED);
        wire_rig_fini(&r);
    }
}

static void a_client_goes_through_sasl_and_opens(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &client);
    wire_rig_feed(&r, "AMQP3\nsasl mechanisms[<'PLAIN' 'ANONYMOUS'>]");
    wire_rig_expect(&r, "on-mechanisms <'PLAIN' 'ANONYMOUS'>\n", "AMQP3\n");
    amqp_send_sasl_init(&r.a, "PLAIN", SLICE_LIT("\0u\0p"));
    wire_rig_feed(&r, "sasl outcome[0b]\nAMQP0");
    amqp_send_open(&r.a);
    wire_rig_expect(&r, "on-outcome 0\n",
                    "sasl init['PLAIN' b\"\\0u\\0p\" \"hub\"]\nAMQP0\n"
                    "0 open[\"you\" \"hub\" 65536 65535h 240000 null null null null {}]\n");
    wire_rig_feed(&r, "0 open[\"c\"]");
    assert_string_equal(wire_rig_events(&r), "on-open c\n");
    wire_rig_fini(&r);
}

static void a_client_hears_that_it_was_denied(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &client);
    wire_rig_feed(&r, "AMQP3\nsasl mechanisms['PLAIN']\nsasl outcome[1b]");
    wire_rig_expect(&r, "on-mechanisms 'PLAIN'\non-outcome 1\non-close\n", "AMQP3\n");
    assert_int_equal(r.last, ERR_DENIED);
    wire_rig_fini(&r);
}

static void a_client_without_sasl_may_open_at_once(void **state)
{
    (void)state;
    struct amqp_config cfg = client;
    struct wire_rig r;
    cfg.sasl = false;
    wire_rig_init(&r, &cfg);
    amqp_send_open(&r.a);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]");
    wire_rig_expect(&r, "on-open c\n",
                    "AMQP0\n0 open[\"you\" \"hub\" 65536 65535h 240000 null null null null {}]\n");
    wire_rig_fini(&r);
}

static void a_client_leaves_a_server_that_answers_otherwise(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &client);
    wire_rig_feed(&r, "AMQP0");
    wire_rig_expect(&r, "on-close\n", "AMQP3\n");
    assert_int_equal(r.last, ERR_PROTOCOL);
    wire_rig_fini(&r);
}

/* ---- time */

static void tick(struct wire_rig *r, int64_t after_us)
{
    r->now_us += after_us;
    amqp_tick(&r->a, r->now_us);
    wire_rig_pull(r);
}

static void heartbeats_go_out_at_half_of_the_peers_time_out(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\" null null null 4000]");
    wire_rig_output(&r);
    assert_int_equal(amqp_deadline(&r.a), r.now_us + 2000000);
    tick(&r, 1999999);
    wire_rig_expect(&r, "on-open c\n", "");
    tick(&r, 1);
    wire_rig_expect(&r, "", "0 empty\n");
    assert_int_equal(amqp_deadline(&r.a), r.now_us + 2000000);
    r.now_us += 1000000;
    wire_rig_feed(&r, "0 begin[null 1 1 1]"); /* its answer counts as a sign of life */
    assert_int_equal(amqp_deadline(&r.a), r.now_us + 2000000);
    wire_rig_fini(&r);
}

static void a_tiny_time_out_costs_no_storm_of_heartbeats(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\" null null null 1]");
    assert_int_equal(amqp_deadline(&r.a), r.now_us + AMQP_HEARTBEAT_MS_MIN * 1000ll);
    wire_rig_fini(&r);
}

static void a_peer_silent_for_twice_our_time_out_is_closed(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]\n0 begin[null 1 1 1]");
    wire_rig_output(&r);
    wire_rig_events(&r);
    assert_int_equal(amqp_deadline(&r.a), r.now_us + 20000000);
    tick(&r, 19999999);
    wire_rig_expect(&r, "", "");
    tick(&r, 1);
    static const char text[] = "Nothing came for twice the idle-time-out of 10000 ms.";
    char events[200], output[200];
    snprintf(events, sizeof events,
             "on-end amqp:resource-limit-exceeded: %s\non-close amqp:resource-limit-exceeded: %s\n",
             text, text);
    snprintf(output, sizeof output, "0 close[@29 ['amqp:resource-limit-exceeded' \"%s\" null]]\n",
             text);
    wire_rig_expect(&r, events, output);
    assert_int_equal(r.last, ERR_TIMEOUT);
    assert_true(amqp_deadline(&r.a) == INT64_MAX);
    wire_rig_fini(&r);
}

static void an_open_that_never_comes_is_not_waited_for(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"", "AMQP0", "AMQP3", "AMQP3\nsasl init['ANONYMOUS']"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct wire_rig r;
        wire_rig_init(&r, &server);
        r.now_us += 1000000;
        wire_rig_feed(&r, beginnings[i]);
        assert_int_equal(amqp_deadline(&r.a), r.now_us - 1000000 + AMQP_OPEN_US);
        tick(&r, AMQP_OPEN_US - 1000000);
        assert_int_equal(r.last, ERR_TIMEOUT);
        wire_rig_fini(&r);
    }
}

static void a_close_is_waited_for_but_not_forever(void **state)
{
    (void)state;
    struct wire_rig r;
    struct amqp_error e = amqp_error_of("x:y", "why");
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]");
    wire_rig_output(&r);
    amqp_send_close(&r.a, &e);
    amqp_send_close(&r.a, NULL);
    wire_rig_feed(&r, "0 begin[null 1 1 1]\n9 end[]"); /* crossed on the wire: swallowed */
    wire_rig_expect(&r, "on-open c\n", "0 close[@29 ['x:y' \"why\" null]]\n");
    tick(&r, AMQP_CLOSE_US);
    wire_rig_expect(&r, "on-close\n", "");
    assert_int_equal(r.last, ERR_CLOSED);
    wire_rig_fini(&r);
}

static void a_lost_transport_gives_everything_back(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]\n0 begin[null 1 9 9]\n1 begin[null 1 9 9]\n"
                      "1 attach[\"l\" 0 true null null @40 [\"a\"]]");
    wire_rig_events(&r);
    amqp_hang_up(&r.a);
    wire_rig_pull(&r);
    assert_string_equal(wire_rig_events(&r), "on-end\non-detach\non-end\non-close\n");
    assert_int_equal(r.last, ERR_CLOSED);
    wire_rig_fini(&r);
}

/* An answer that the peer cannot take ends the connection instead of breaking its rule. */
static void no_frame_is_larger_than_the_peers_limit(void **state)
{
    (void)state;
    struct wire_rig r;
    struct buf text = {0};
    wire_rig_init(&r, &server);
    buf_put_str(&text, "AMQP0\n0 open[\"c\" null 512]\n0 begin[null 1 9 9]\n0 attach[\"");
    for (int i = 0; i < 600; i++) buf_put_u8(&text, 'x');
    buf_put_str(&text, "\" 0 true null null @40 [\"a\"] @41 [\"b\"]]");
    wire_rig_feed(&r, buf_cstr(&text));
    assert_int_equal(r.last, ERR_PROTOCOL);
    assert_non_null(strstr(wire_rig_events(&r), "on-detach amqp:connection:framing-error"));
    assert_non_null(strstr(wire_rig_output(&r), "0 close[@29 ['amqp:connection:framing-error'"));
    buf_free(&text);
    wire_rig_fini(&r);
}

static void long_descriptions_are_cut_to_the_peers_frame(void **state)
{
    (void)state;
    struct wire_rig r;
    struct buf words = {0};
    for (int i = 0; i < 300; i++) buf_put_str(&words, "\xc3\xbc");
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\" null 512]");
    buf_clear(&r.out);
    struct amqp_error e = amqp_error_of("x:y", buf_cstr(&words));
    amqp_send_close(&r.a, &e);
    assert_in_range(buf_size(&r.out), 200, 512);
    wire_rig_pull(&r);
    assert_int_equal(r.last, ERR_AGAIN); /* the close went out and its answer is waited for */
    const char *out = wire_rig_output(&r);
    assert_null(strstr(out, "\\xc3\" null")); /* no half character */
    buf_free(&words);
    wire_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_begin_and_end),
        cmocka_unit_test(violations_are_answered_with_their_condition),
        cmocka_unit_test(another_protocol_is_told_ours),
        cmocka_unit_test(frame_sizes_are_judged_before_their_bytes_come),
        cmocka_unit_test(an_extended_frame_header_is_skipped),
        cmocka_unit_test(a_sasl_frame_has_a_limit_of_its_own),
        cmocka_unit_test(what_is_sent_before_the_verdict_waits),
        cmocka_unit_test(what_is_put_off_waits_for_the_caller),
        cmocka_unit_test(what_waits_for_the_verdict_has_a_limit),
        cmocka_unit_test(a_client_goes_through_sasl_and_opens),
        cmocka_unit_test(a_client_hears_that_it_was_denied),
        cmocka_unit_test(a_client_without_sasl_may_open_at_once),
        cmocka_unit_test(a_client_leaves_a_server_that_answers_otherwise),
        cmocka_unit_test(heartbeats_go_out_at_half_of_the_peers_time_out),
        cmocka_unit_test(a_tiny_time_out_costs_no_storm_of_heartbeats),
        cmocka_unit_test(a_peer_silent_for_twice_our_time_out_is_closed),
        cmocka_unit_test(an_open_that_never_comes_is_not_waited_for),
        cmocka_unit_test(a_close_is_waited_for_but_not_forever),
        cmocka_unit_test(a_lost_transport_gives_everything_back),
        cmocka_unit_test(no_frame_is_larger_than_the_peers_limit),
        cmocka_unit_test(long_descriptions_are_cut_to_the_peers_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
