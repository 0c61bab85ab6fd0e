/* session_test.c - begin, end, windows and limits. */
#include "base/test.h"

#include "proto/amqp/testing/testing.h"

static const char *const mechanisms[] = {"ANONYMOUS", NULL};
static const struct amqp_config server = {.role = AMQP_SERVER,
                                          .container_id = "me",
                                          .mechanisms = mechanisms,
                                          .sessions_max = 3,
                                          .window = 4};
static const struct amqp_config client = {.role = AMQP_CLIENT, .container_id = "you"};

/* Opened, its events and output forgotten. */
static void start(struct wire_rig *r, const struct amqp_config *cfg, const char *open)
{
    wire_rig_init(r, cfg);
    if (cfg->role == AMQP_CLIENT) amqp_send_open(&r->a);
    wire_rig_feed(r, "AMQP0");
    wire_rig_feed(r, open);
    wire_rig_events(r);
    wire_rig_output(r);
}

static void sessions_begin_on_any_channel(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 7 100 100]\n65535 begin[null 0 1 1 7]");
    wire_rig_expect(&r, "on-begin\non-begin\n",
                    "0 begin[0h 1 4 2147483647 8191 null null null]\n"
                    "65535 begin[65535h 1 4 2147483647 8191 null null null]\n");
    wire_rig_feed(&r, "0 end[]\n65535 end[@29 ['x:y']]\n0 begin[null 1 1 1]");
    wire_rig_expect(
        &r, "on-end\non-end x:y\non-begin\n",
        "0 end[null]\n65535 end[null]\n0 begin[0h 1 4 2147483647 8191 null null null]\n");
    wire_rig_fini(&r);
}

/* The peer allows fewer channels than it uses itself: ours gets another number. */
static void our_channels_stay_below_the_peers_maximum(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\" null null 1h]");
    wire_rig_feed(&r, "9 begin[null 1 1 1]\n8 begin[null 1 1 1]");
    wire_rig_expect(&r, "on-begin\non-begin\n",
                    "0 begin[9h 1 4 2147483647 8191 null null null]\n"
                    "1 begin[8h 1 4 2147483647 8191 null null null]\n");
    wire_rig_feed(&r, "7 begin[null 1 1 1]");
    assert_int_equal(r.last, ERR_PROTOCOL);
    wire_rig_fini(&r);
}

static void the_session_after_the_last_is_refused_alone(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 1 1 1]\n1 begin[null 1 1 1]\n2 begin[null 1 1 1]");
    wire_rig_output(&r);
    assert_int_equal(wire_rig_met[AMQP_LIMIT_SESSIONS], 0);
    wire_rig_feed(&r, "3 begin[null 1 1 1]\n3 attach[\"l\" 0 true]");
    wire_rig_expect(&r, "on-begin\non-begin\non-begin\n",
                    "3 begin[3h 1 4 2147483647 8191 null null null]\n"
                    "3 end[@29 ['amqp:resource-limit-exceeded' \"The connection has as many "
                    "sessions as it may have.\" null]]\n");
    assert_int_equal(wire_rig_met[AMQP_LIMIT_SESSIONS], 1);
    wire_rig_feed(&r, "3 end[]\n0 end[]\n3 begin[null 1 1 1]");
    assert_string_equal(wire_rig_events(&r), "on-end\non-begin\n");
    wire_rig_fini(&r);
}

static void refused_sessions_that_stay_have_a_limit(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    char text[64];
    for (int i = 0; i < 3 + AMQP_REFUSED_MAX; i++) {
        snprintf(text, sizeof text, "%d begin[null 1 1 1]", i);
        wire_rig_feed(&r, text);
        assert_int_equal(r.last, ERR_AGAIN);
    }
    wire_rig_feed(&r, "99 begin[null 1 1 1]");
    assert_int_equal(r.last, ERR_PROTOCOL);
    assert_non_null(strstr(wire_rig_events(&r), "on-close amqp:resource-limit-exceeded"));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_SESSIONS], AMQP_REFUSED_MAX + 1);
    wire_rig_fini(&r);
}

static void begins_that_cannot_be_close_the_connection(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"0 begin[null 1 1 1]\n0 begin[null 1 1 1]",
         "on-begin\non-end amqp:not-allowed: Channel 0 has a session already.\n"
         "on-close amqp:not-allowed: Channel 0 has a session already.\n"},
        {"0 begin[5h 1 1 1]",
         "on-close amqp:invalid-field: There is no begin of ours on channel 5.\n"},
        {"0 begin[null 1 1]", "on-close amqp:decode-error: A frame does not parse.\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_rig r;
        start(&r, &server, "0 open[\"c\"]");
        wire_rig_feed(&r, rows[i][0]);
        assert_string_equal(wire_rig_events(&r), rows[i][1]);
        assert_int_equal(r.last, ERR_PROTOCOL);
        wire_rig_fini(&r);
    }
}

static void a_clients_session_is_answered_on_another_channel(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &client, "0 open[\"c\"]");
    struct amqp_session *s = amqp_send_begin(&r.a);
    wire_rig_feed(&r, "6 begin[0h 1 10 10]");
    wire_rig_expect(&r, "on-begin\n", "0 begin[null 1 5000 2147483647 8191 null null null]\n");
    assert_ptr_equal(r.session, s);
    amqp_send_end(s, NULL);
    wire_rig_feed(&r, "6 flow[1 1 1 1]\n6 end[]");
    wire_rig_expect(&r, "on-end\n", "0 end[null]\n");
    wire_rig_fini(&r);
}

static void an_end_takes_its_links_along(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 1 9 9]\n0 attach[\"a\" 0 true]\n0 attach[\"b\" 1 false]");
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 end[@29 ['x:y' \"why\"]]\n0 begin[null 1 9 9]");
    assert_string_equal(wire_rig_events(&r),
                        "on-detach x:y: why\non-detach x:y: why\non-end x:y: why\non-begin\n");
    wire_rig_fini(&r);
}

static void an_end_of_ours_waits_for_the_peers(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 1 9 9]\n0 attach[\"a\" 0 true]");
    wire_rig_events(&r);
    wire_rig_output(&r);
    struct amqp_error e = amqp_error_of("x:y", "why");
    amqp_send_end(r.session, &e);
    amqp_send_end(r.session, &e);
    wire_rig_feed(&r, "0 attach[\"b\" 1 true]\n0 flow[1 1 1 1 0 0 5]\n0 transfer[0 0 b\"\"]");
    wire_rig_expect(&r, "", "0 end[@29 ['x:y' \"why\" null]]\n");
    wire_rig_feed(&r, "0 end[]");
    wire_rig_expect(&r, "on-detach\non-end\n", "");
    wire_rig_fini(&r);
}

/* Both have said their end: what the peer has left to say of that session is swallowed, also a second end by which it
 * answers ours, and the channel may be begun anew. */
static void what_comes_late_for_an_ended_session_is_swallowed(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        struct wire_rig r;
        start(&r, &server, "0 open[\"c\"]");
        wire_rig_feed(&r, "4 begin[null 1 9 9]\n4 attach[\"a\" 0 true]");
        wire_rig_events(&r);
        wire_rig_output(&r);
        if (ours) amqp_send_end(r.session, NULL);
        wire_rig_feed(&r, "4 end[]\n4 flow[1 1 1 1 0 0 5]\n4 disposition[true 0 0 true @36 []]\n"
                          "4 transfer[0 0 b\"t\"]\n4 detach[0 true]\n4 end[]");
        wire_rig_expect(&r, "on-detach\non-end\n", "4 end[null]\n");
        assert_int_equal(r.last, ERR_AGAIN);
        wire_rig_feed(&r, "4 begin[null 1 9 9]\n4 attach[\"a\" 0 true]");
        assert_string_equal(wire_rig_events(&r), "on-begin\non-attach a sender 2 0\n");
        wire_rig_fini(&r);
    }
}

static void of_so_many_ended_sessions_late_words_are_swallowed(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct wire_rig r;
        start(&r, &server, "0 open[\"c\"]");
        for (unsigned i = 0; i < AMQP_RECENT + extra; i++) {
            char text[64];
            snprintf(text, sizeof text, "%u begin[null 1 9 9]\n%u end[]", 7 + i, 7 + i);
            wire_rig_feed(&r, text);
        }
        wire_rig_feed(&r, "7 end[]");
        assert_int_equal(r.last, extra ? ERR_PROTOCOL : ERR_AGAIN);
        wire_rig_fini(&r);
    }
}

/* Who attaches waits for an answer, and nobody has said a word of a session on a channel above. */
static void frames_for_no_session_close_the_connection(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"4 attach[\"b\" 0 true]", "There is no session on channel 4."},
        {"5 flow[1 1 1 1]", "There is no session on channel 5."},
        {"5 end[]", "There is no session on channel 5."},
        {"3 transfer[0 0 b\"t\"]", "There is no session on channel 3."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_rig r;
        start(&r, &server, "0 open[\"c\"]");
        wire_rig_feed(&r, "4 begin[null 1 9 9]\n4 end[]");
        wire_rig_feed(&r, rows[i][0]);
        assert_non_null(strstr(wire_rig_output(&r), rows[i][1]));
        assert_int_equal(r.last, ERR_PROTOCOL);
        wire_rig_fini(&r);
    }
}

/* Until its end has come the peer's channel is taken, whatever we have said of it. */
static void a_begin_before_the_end_closes_the_connection(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 1 9 9]");
    amqp_send_end(r.session, NULL);
    wire_rig_feed(&r, "0 begin[null 1 9 9]");
    assert_int_equal(r.last, ERR_PROTOCOL);
    assert_non_null(strstr(wire_rig_output(&r), "Channel 0 has a session already."));
    wire_rig_fini(&r);
}

/* The peer's frames crossed our close: nothing of them is answered any more, but its close. */
static void frames_behind_our_close_are_swallowed(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 1 9 9]\n0 attach[\"a\" 0 true]");
    wire_rig_events(&r);
    wire_rig_output(&r);
    amqp_send_close(&r.a, NULL);
    wire_rig_feed(&r,
                  "0 flow[1 1 1 1 0 0 5]\n0 detach[0 true]\n0 end[]\n1 begin[null 1 9 9]\n7 end[]");
    wire_rig_expect(&r, "", "0 close[null]\n");
    wire_rig_feed(&r, "0 close[]");
    wire_rig_expect(&r, "on-detach\non-end\non-close\n", "");
    assert_int_equal(r.last, ERR_CLOSED);
    wire_rig_fini(&r);
}

/* Four frames fit; at two the peer is told that it may send on; a fifth without our word is too
 * much.  The engine says so by itself, so only a peer that counts wrong gets there. */
static void the_incoming_window_is_renewed_at_half(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 100 9 9]\n0 attach[\"a\" 0 false]");
    wire_rig_output(&r);
    wire_rig_feed(&r, "0 transfer[0 0 b\"t\" 0 true]");
    assert_string_equal(wire_rig_output(&r), "");
    wire_rig_feed(&r, "0 transfer[0 1 b\"t\" 0 true]");
    assert_string_equal(wire_rig_output(&r),
                        "0 flow[102 4 1 2147483647 null null null null false false null]\n");
    wire_rig_fini(&r);
}

/* A window of one is never at half before it is used up. */
static void a_transfer_beyond_the_window_ends_the_session(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 100 9 9]\n0 attach[\"a\" 0 false]");
    wire_rig_events(&r);
    r.session->incoming_window = 0;
    wire_rig_feed(&r, "0 transfer[0 0 b\"t\" 0 true]\n0 transfer[0 1 b\"t\" 0 true]\n0 end[]");
    static const char text[] =
        " amqp:session:window-violation: More transfers came than the window allows.\n";
    char events[300];
    snprintf(events, sizeof events, "on-detach%son-end%s", text, text);
    assert_string_equal(wire_rig_events(&r), events);
    assert_non_null(strstr(wire_rig_output(&r), "0 end[@29 ['amqp:session:window-violation'"));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_TRANSFERS], 1);
    assert_int_equal(r.a.by_local.count, 0);
    wire_rig_fini(&r);
}

static void an_echo_is_answered(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, &server, "0 open[\"c\"]");
    wire_rig_feed(&r, "0 begin[null 100 9 9]");
    wire_rig_output(&r);
    wire_rig_feed(&r, "0 flow[1 9 100 9 null null null null false true]");
    assert_string_equal(wire_rig_output(&r),
                        "0 flow[100 4 1 2147483647 null null null null false false null]\n");
    wire_rig_feed(&r, "0 flow[null 9 100 9]");
    assert_string_equal(wire_rig_output(&r), "");
    wire_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_begin_on_any_channel),
        cmocka_unit_test(our_channels_stay_below_the_peers_maximum),
        cmocka_unit_test(the_session_after_the_last_is_refused_alone),
        cmocka_unit_test(refused_sessions_that_stay_have_a_limit),
        cmocka_unit_test(begins_that_cannot_be_close_the_connection),
        cmocka_unit_test(a_clients_session_is_answered_on_another_channel),
        cmocka_unit_test(an_end_takes_its_links_along),
        cmocka_unit_test(an_end_of_ours_waits_for_the_peers),
        cmocka_unit_test(what_comes_late_for_an_ended_session_is_swallowed),
        cmocka_unit_test(of_so_many_ended_sessions_late_words_are_swallowed),
        cmocka_unit_test(frames_for_no_session_close_the_connection),
        cmocka_unit_test(a_begin_before_the_end_closes_the_connection),
        cmocka_unit_test(frames_behind_our_close_are_swallowed),
        cmocka_unit_test(the_incoming_window_is_renewed_at_half),
        cmocka_unit_test(a_transfer_beyond_the_window_ends_the_session),
        cmocka_unit_test(an_echo_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
