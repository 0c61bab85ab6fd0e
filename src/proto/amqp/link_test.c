/* link_test.c - attach, credit, detach and limits. */
#include "base/test.h"

#include "proto/amqp/testing/testing.h"

static const char *const mechanisms[] = {"ANONYMOUS", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "me", .mechanisms = mechanisms, .links_max = 3};
static const struct amqp_config client = {
    .role = AMQP_CLIENT, .container_id = "you", .links_max = 2};

static void start(struct wire_rig *r)
{
    wire_rig_init(r, &server);
    wire_rig_feed(r, "AMQP0\n0 open[\"c\"]\n0 begin[null 1 9 9]");
    wire_rig_events(r);
    wire_rig_output(r);
}

struct row {
    const char *in, *events, *out;
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wire_rig r;
        start(&r);
        wire_rig_feed(&r, rows[i].in);
        wire_rig_expect(&r, rows[i].events, rows[i].out);
        wire_rig_fini(&r);
    }
}

/* Source and target come back as they were sent, also what we do not understand in them; what is
 * missing is filled with nulls, since Python's client wants both. */
static const struct row attaches[] = {
    {"0 attach[\"in\" 4 false 0b 1b @40 [\"me\"] @41 [\"hub\" 2] {} false 7]",
     "on-attach in receiver 0 1 source=me target=hub\n",
     "0 attach[\"in\" 0 true 0b 1b @40 [\"me\"] @41 [\"hub\" 2] null false null 1000l null null "
     "{}]\n"
     "0 flow[1 5000 1 2147483647 0 7 10 null false false null]\n"},
    {"0 attach[\"out\" 0 true null null @40 [\"hub\" null null null true null null "
     "{'f' @'f' \"x > 1\"}] null null null null 4096l null <'a' 'b'> {'k' 7L}]",
     "on-attach out sender 2 0 source=hub dynamic{'f' @'f' \"x > 1\"} <'a' 'b'> {'k' 7L}\n",
     "0 attach[\"out\" 0 false 2b 0b @40 [\"hub\" null null null true null null "
     "{'f' @'f' \"x > 1\"}] @41 [null null null null null null null] null false 0 1000l null null "
     "{}]\n"},
    {"0 attach[\"odd\" 9 true 7b 7b @48 [] 'x']", "on-attach odd sender 2 1\n",
     "0 attach[\"odd\" 0 false 2b 1b @48 [] 'x' null false 0 1000l null null {}]\n"},
};

static void attaches_are_answered_with_what_they_said(void **state)
{
    (void)state;
    check(attaches, sizeof attaches / sizeof *attaches);
}

static const struct row refusals[] = {
    {"0 detach[5 true]",
     "on-end amqp:session:unattached-handle: There is no link with that handle.\n",
     "0 end[@29 ['amqp:session:unattached-handle' \"There is no link with that handle.\" null]]\n"},
    {"0 flow[1 1 1 1 5]",
     "on-end amqp:session:unattached-handle: There is no link with that handle.\n",
     "0 end[@29 ['amqp:session:unattached-handle' \"There is no link with that handle.\" null]]\n"},
    {"0 attach[\"x\" 8192 true]",
     "on-end amqp:connection:framing-error: Handle 8192 is above the handle-max of 8191.\n"
     "on-close amqp:connection:framing-error: Handle 8192 is above the handle-max of 8191.\n",
     "0 close[@29 ['amqp:connection:framing-error' \"Handle 8192 is above the handle-max of "
     "8191.\" "
     "null]]\n"},
    {"0 attach[\"x\" 0]",
     "on-end amqp:decode-error: A frame does not parse.\n"
     "on-close amqp:decode-error: A frame does not parse.\n",
     "0 close[@29 ['amqp:decode-error' \"A frame does not parse.\" null]]\n"},
};

static void what_breaks_the_rules_is_refused(void **state)
{
    (void)state;
    check(refusals, sizeof refusals / sizeof *refusals);
}

static void a_handle_in_use_ends_the_session(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 8191 true]\n0 attach[\"y\" 8191 true]");
    assert_string_equal(wire_rig_events(&r),
                        "on-attach x sender 2 0\n"
                        "on-detach amqp:session:handle-in-use: The handle has a link already.\n"
                        "on-end amqp:session:handle-in-use: The handle has a link already.\n");
    wire_rig_fini(&r);
}

/* Detached by both: a flow that was under way, or a detach that answers ours once more, ends nobody else's links. */
static void what_comes_late_for_a_detached_link_is_swallowed(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        struct wire_rig r;
        start(&r);
        wire_rig_feed(&r, "0 attach[\"x\" 3 true]");
        if (ours) amqp_send_detach(r.link, NULL);
        wire_rig_feed(&r,
                      "0 detach[3 true]\n0 detach[3 true]\n0 flow[1 9 1 9 3 0 5 null null true]");
        assert_int_equal(r.a.by_local.count, 1);
        assert_int_equal(r.a.link_count, 0);
        wire_rig_events(&r);
        wire_rig_output(&r);
        wire_rig_feed(&r, "0 attach[\"x\" 3 true]");
        wire_rig_expect(&r, "on-attach x sender 2 0\n",
                        "0 attach[\"x\" 0 false 2b 0b @40 [null null null null null null null null "
                        "null null null] @41 [null null null null null null null] null false 0 "
                        "1000l null null {}]\n");
        wire_rig_fini(&r);
    }
}

static void of_so_many_detached_links_late_words_are_swallowed(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct wire_rig r;
        start(&r);
        for (unsigned i = 0; i < AMQP_RECENT + extra; i++) {
            char text[64];
            snprintf(text, sizeof text, "0 attach[\"x\" %u true]\n0 detach[%u true]", 3 + i, 3 + i);
            wire_rig_feed(&r, text);
        }
        wire_rig_output(&r);
        wire_rig_feed(&r, "0 detach[3 true]");
        assert_int_equal(strstr(wire_rig_output(&r), "unattached-handle") != NULL, extra);
        wire_rig_fini(&r);
    }
}

static void use_handle(struct wire_rig *r, unsigned handle, unsigned times)
{
    char text[64];
    snprintf(text, sizeof text, "0 attach[\"x\" %u true]\n0 detach[%u true]", handle, handle);
    while (times--) wire_rig_feed(r, text);
}

/* The others keep their place, and it becomes the newest: the one before it goes first. */
static void a_handle_that_is_used_again_and_again_is_one_of_them(void **state)
{
    (void)state;
    for (unsigned asked = 3; asked <= 5; asked++) {
        struct wire_rig r;
        char late[32];
        start(&r);
        for (unsigned i = 0; i < AMQP_RECENT; i++) use_handle(&r, 3 + i, 1);
        use_handle(&r, 3, AMQP_RECENT); /* now 4 is the oldest */
        use_handle(&r, 100, 1);
        wire_rig_output(&r);
        snprintf(late, sizeof late, "0 detach[%u true]", asked);
        wire_rig_feed(&r, late);
        assert_int_equal(strstr(wire_rig_output(&r), "unattached-handle") != NULL, asked == 4);
        wire_rig_fini(&r);
    }
}

/* A handle that never had a link is no late word, also below one that had. */
static void a_handle_that_was_never_used_ends_the_session(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 detach[3 true]\n0 detach[2 true]");
    assert_non_null(strstr(wire_rig_output(&r), "0 end[@29 ['amqp:session:unattached-handle'"));
    wire_rig_fini(&r);
}

/* What is sent on it would be lost, and who sent it would wait. */
static void a_transfer_on_a_detached_link_ends_the_session(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 false]\n0 detach[3 true]\n0 transfer[3 0 b\"t\"]");
    assert_non_null(strstr(wire_rig_output(&r), "0 end[@29 ['amqp:session:unattached-handle'"));
    wire_rig_fini(&r);
}

/* Our detach does not give the peer its handle back: only its own does. */
static void a_handle_is_taken_until_the_peer_has_detached(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]");
    amqp_send_detach(r.link, NULL);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]");
    assert_non_null(strstr(wire_rig_output(&r), "0 end[@29 ['amqp:session:handle-in-use'"));
    wire_rig_fini(&r);
}

static void feed_bytewise(struct wire_rig *r, const char *text)
{
    struct buf bytes = {0};
    wire_put(&bytes, text);
    for (size_t i = 0; i < buf_size(&bytes); i++)
        wire_rig_bytes(r, slice_of(buf_slice(&bytes).ptr + i, 1));
    buf_free(&bytes);
}

/* Also when the attach comes in pieces; the other direction is another link. */
static void the_newer_of_two_links_of_one_name_takes_its_place(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct wire_rig r;
        start(&r);
        wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 attach[\"x\" 4 false]");
        assert_string_equal(wire_rig_events(&r),
                            "on-attach x sender 2 0\non-attach x receiver 2 0\n");
        wire_rig_output(&r);
        (i ? feed_bytewise : wire_rig_feed)(&r, "0 attach[\"x\" 5 true]\n0 detach[4 true]");
        assert_string_equal(
            wire_rig_events(&r),
            "on-detach amqp:link:stolen: A newer link of this session has that name.\n"
            "on-attach x sender 2 0\non-detach\n");
        assert_non_null(strstr(wire_rig_output(&r), "0 detach[0 true @29 ['amqp:link:stolen' "));
        assert_int_equal(r.a.link_count, 2);
        wire_rig_feed(&r, "0 detach[3 true]\n0 attach[\"x\" 3 true]"); /* and once more */
        assert_non_null(strstr(wire_rig_events(&r), "on-attach x sender 2 0\n"));
        assert_int_equal(r.a.link_count, 2);
        wire_rig_fini(&r);
    }
}

/* .NET names its links alike in each session. */
static void a_name_counts_in_its_session(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "1 begin[null 0 9 9]\n0 attach[\"x\" 3 true]\n1 attach[\"x\" 3 true]");
    assert_null(strstr(wire_rig_events(&r), "on-detach"));
    assert_int_equal(r.a.link_count, 2);
    wire_rig_fini(&r);
}

static void a_detach_is_answered_in_kind(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 attach[\"y\" 4 true]");
    wire_rig_events(&r);
    wire_rig_output(&r);
    wire_rig_feed(&r, "0 detach[3 true]\n0 detach[4 false @29 ['x:y' \"why\" {}]]");
    wire_rig_expect(&r, "on-detach\non-detach x:y: why\n",
                    "0 detach[0 true null]\n0 detach[1 false null]\n");
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]"); /* the handle is free again */
    assert_string_equal(wire_rig_events(&r), "on-attach x sender 2 0\n");
    wire_rig_fini(&r);
}

static void a_detach_of_ours_is_the_last_the_caller_hears(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 false]");
    wire_rig_events(&r);
    wire_rig_output(&r);
    struct amqp_error e = amqp_error_of(AMQP_STOLEN, "Somebody else came.");
    amqp_send_detach(r.link, &e);
    amqp_send_detach(r.link, &e);
    wire_rig_feed(&r, "0 transfer[3 0 b\"t\"]\n0 flow[1 9 1 9 3 0 5 null false true]");
    wire_rig_expect(&r, "",
                    "0 detach[0 true @29 ['amqp:link:stolen' \"Somebody else came.\" null]]\n");
    assert_int_equal(r.a.link_count, 1);
    wire_rig_feed(&r, "0 detach[3 true]");
    wire_rig_expect(&r, "", "");
    assert_int_equal(r.a.link_count, 0);
    wire_rig_fini(&r);
}

/* The terminus that the peer asked for is left out: that is how AMQP says no. */
static void an_attach_may_be_refused_later(void **state)
{
    (void)state;
    static const struct {
        const char *attach, *answer;
    } rows[] = {
        {"0 attach[\"x\" 3 true 0b 1b @40 [\"a\"] @41 [\"b\"]]",
         "0 attach[\"x\" 0 false 0b 1b null @41 [\"b\"] null false 0 0l null null {}]\n"},
        {"0 attach[\"x\" 3 false 0b 1b @40 [\"a\"] @41 [\"b\"]]",
         "0 attach[\"x\" 0 true 0b 1b @40 [\"a\"] null null false null 0l null null {}]\n"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct wire_rig r;
        char output[300];
        start(&r);
        r.silent = true;
        wire_rig_feed(&r, rows[i].attach);
        wire_rig_feed(&r, "0 flow[1 9 1 9 3 0 5]"); /* credit before the answer: kept, no event */
        struct amqp_error e = {slice_str(AMQP_NOT_FOUND), slice_str("No."), SLICE_LIT("\xc1\1\0")};
        amqp_refuse_attach(r.link, &e);
        snprintf(output, sizeof output, "%s0 detach[0 true @29 ['amqp:not-found' \"No.\" {}]]\n",
                 rows[i].answer);
        assert_string_equal(wire_rig_output(&r), output);
        wire_rig_feed(&r, "0 detach[3 true]");
        assert_null(strstr(wire_rig_events(&r), "on-detach"));
        assert_int_equal(r.a.link_count, 0);
        wire_rig_fini(&r);
    }
}

/* The peer gives up before we have answered: attach and detach go out, the caller hears of it. */
static void a_peer_may_leave_before_the_answer(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    r.silent = true;
    wire_rig_feed(&r, "0 attach[\"x\" 3 true 0b 0b @40 [\"a\"] @41 [\"b\"]]\n0 detach[3 true]");
    wire_rig_expect(&r, "on-attach x sender 0 0 source=a target=b\non-detach\n",
                    "0 attach[\"x\" 0 false 0b 0b null @41 [\"b\"] null false 0 0l null null {}]\n"
                    "0 detach[0 true null]\n");
    wire_rig_fini(&r);
}

static void the_link_after_the_last_is_refused_alone(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"a\" 0 true]\n0 attach[\"b\" 1 true]\n0 attach[\"c\" 2 true]");
    wire_rig_events(&r);
    wire_rig_output(&r);
    assert_int_equal(wire_rig_met[AMQP_LIMIT_LINKS], 0);
    wire_rig_feed(&r, "0 attach[\"d\" 3 true 2b 0b null @41 [\"t\"]]\n0 detach[3 true]\n"
                      "0 detach[0 true]\n0 attach[\"d\" 3 true]");
    assert_string_equal(wire_rig_events(&r), "on-detach\non-attach d sender 2 0\n");
    assert_non_null(
        strstr(wire_rig_output(&r),
               "0 detach[3 true @29 ['amqp:resource-limit-exceeded' \"The connection has "
               "as many links as it may have.\" null]]"));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_LINKS], 1);
    wire_rig_fini(&r);
}

/* At the limit to the byte, and one less: what the answer repeats counts until it is given. */
static void what_a_peer_makes_us_keep_has_a_limit(void **state)
{
    (void)state;
    for (size_t less = 0; less < 2; less++) {
        struct wire_rig r;
        start(&r);
        r.silent = true;
        wire_rig_feed(&r, "0 attach[\"a\" 0 true null null @40 [\"abc\"]]");
        size_t link = r.a.kept_bytes - AMQP_SESSION_COST;
        assert_true(link > AMQP_LINK_COST);
        amqp_set_kept_max(&r.a, AMQP_SESSION_COST + 2 * link - less);
        wire_rig_events(&r);
        wire_rig_feed(&r, "0 attach[\"b\" 1 true null null @40 [\"abc\"]]");
        assert_string_equal(wire_rig_events(&r), less ? "" : "on-attach b sender 2 0 source=abc\n");
        assert_int_equal(strstr(wire_rig_output(&r), AMQP_RESOURCE_LIMIT) != NULL, less);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_KEPT], less);
        wire_rig_feed(&r, "0 detach[1 true]\n0 detach[0 true]");
        assert_int_equal(r.a.kept_bytes, AMQP_SESSION_COST);
        wire_rig_feed(&r, "0 end[]");
        assert_int_equal(r.a.kept_bytes, 0);
        wire_rig_fini(&r);
    }
}

static void what_the_caller_keeps_counts_with_it(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    assert_true(amqp_keep(&r.a, AMQP_KEPT_MAX - AMQP_SESSION_COST));
    assert_false(amqp_keep(&r.a, 1));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_KEPT], 1);
    wire_rig_feed(&r, "1 begin[null 1 9 9]");
    assert_non_null(strstr(wire_rig_output(&r), "1 end[@29 ['amqp:resource-limit-exceeded'"));
    wire_rig_feed(&r, "1 end[]");
    amqp_unkeep(&r.a, AMQP_SESSION_COST);
    wire_rig_feed(&r, "1 begin[null 1 9 9]");
    assert_null(strstr(wire_rig_output(&r), "end["));
    wire_rig_fini(&r);
}

static void refused_links_that_stay_have_a_limit(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    char text[64];
    for (int i = 0; i < 3 + AMQP_REFUSED_MAX; i++) {
        snprintf(text, sizeof text, "0 attach[\"l%d\" %d true]", i, i);
        wire_rig_feed(&r, text);
        assert_null(strstr(wire_rig_events(&r), "on-end"));
    }
    wire_rig_feed(&r, "0 attach[\"x\" 99 true]");
    assert_non_null(
        strstr(wire_rig_events(&r), "on-end amqp:resource-limit-exceeded: Too many links."));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_LINKS], AMQP_REFUSED_MAX + 1);
    wire_rig_fini(&r);
}

static void a_handle_has_a_limit(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct wire_rig r;
        char text[64];
        start(&r);
        snprintf(text, sizeof text, "0 attach[\"x\" %u true]", AMQP_HANDLE_MAX + over);
        wire_rig_feed(&r, text);
        assert_int_equal(r.last, over ? ERR_PROTOCOL : ERR_AGAIN);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_LINKS], over);
        wire_rig_fini(&r);
    }
}

/* The peer takes no handle above 0: a second link cannot be answered on that session. */
static void the_peers_handle_max_is_kept(void **state)
{
    (void)state;
    struct wire_rig r;
    wire_rig_init(&r, &server);
    wire_rig_feed(&r, "AMQP0\n0 open[\"c\"]\n0 begin[null 1 9 9 0]\n0 attach[\"a\" 0 true]");
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 attach[\"b\" 1 true]");
    assert_non_null(strstr(wire_rig_events(&r), "on-end amqp:resource-limit-exceeded"));
    wire_rig_fini(&r);
}

/* ---- credit */

static void a_senders_credit_counts_from_the_peers_delivery_count(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 flow[1 9 1 9 3 null 5]");
    assert_int_equal(r.link->credit, 5);
    assert_true(amqp_can_send(r.link));
    for (int i = 0; i < 3; i++) {
        amqp_transfer_begin(r.link, &(struct amqp_transfer){.settled = true});
        amqp_transfer_end(r.link);
    }
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 flow[1 9 1 9 3 1 4]"); /* it has seen one of the three */
    assert_string_equal(wire_rig_events(&r), "on-flow credit=2\n");
    wire_rig_feed(&r, "0 flow[4 9 1 9 3 3 4294967295]");
    assert_int_equal(r.link->credit, UINT32_MAX);
    wire_rig_feed(&r, "0 flow[4 9 1 9 3 0 1]"); /* less than is under way */
    assert_int_equal(r.link->credit, 0);
    assert_false(amqp_can_send(r.link));
    wire_rig_fini(&r);
}

static void drained_credit_is_counted_as_used(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 flow[1 9 1 9 3 0 5 null true]");
    assert_non_null(strstr(wire_rig_events(&r), "on-flow credit=5 drain\n"));
    wire_rig_output(&r);
    amqp_send_drained(r.link);
    assert_string_equal(wire_rig_output(&r),
                        "0 flow[1 5000 1 2147483647 0 5 0 null true false null]\n");
    assert_int_equal(r.link->credit, 0);
    wire_rig_feed(&r, "0 flow[1 9 1 9 3 5 2 null false true]");
    wire_rig_expect(&r, "on-flow credit=2\n",
                    "0 flow[1 5000 1 2147483647 0 5 2 null false false null]\n");
    wire_rig_fini(&r);
}

static void a_receiver_gets_its_credit_back(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    wire_rig_feed(&r, "0 attach[\"x\" 3 false null null null null null null 7]");
    wire_rig_output(&r);
    amqp_send_flow(r.link, 20, true);
    assert_string_equal(wire_rig_output(&r),
                        "0 flow[1 5000 1 2147483647 0 7 20 null true false null]\n");
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 flow[1 9 1 9 3 99 0]"); /* nonsense: more than it was given */
    assert_int_equal(r.link->credit, 20);
    wire_rig_feed(&r, "0 flow[1 9 1 9 3 27 0]");
    assert_string_equal(wire_rig_events(&r), "on-flow credit=20 drain\non-flow credit=0 drain\n");
    wire_rig_fini(&r);
}

/* ---- the client role */

static struct amqp_session *client_start(struct wire_rig *r)
{
    wire_rig_init(r, &client);
    r->silent = true;
    amqp_send_open(&r->a);
    struct amqp_session *s = amqp_send_begin(&r->a);
    return s;
}

static void a_client_may_attach_before_anything_is_answered(void **state)
{
    (void)state;
    struct wire_rig r;
    struct amqp_session *s = client_start(&r);
    struct amqp_link_config cfg = {.name = SLICE_LIT("a"),
                                   .source = SLICE_LIT("here"),
                                   .target = SLICE_LIT("there"),
                                   .filter = SLICE_LIT("\xc1\1\0"),
                                   .max_message_size = 5};
    struct amqp_link *in = amqp_send_attach(s, &cfg);
    cfg.sender = true;
    cfg.desired = SLICE_LIT("\xa3\1z");
    struct amqp_link *out = amqp_send_attach(s, &cfg);
    assert_null(amqp_send_attach(s, &cfg)); /* links_max */
    amqp_send_flow(in, 3, false);
    assert_string_equal(
        wire_rig_output(&r),
        "AMQP0\n0 open[\"you\" null 65536 65535h 240000 null null null null {}]\n"
        "0 begin[null 1 5000 2147483647 8191 null null null]\n"
        "0 attach[\"a\" 0 true 0b 0b @40 [\"here\" null null null null null null {} null null "
        "null] "
        "@41 [\"there\" null null null null null null] null false null 5l null null {}]\n"
        "0 attach[\"a\" 1 false 0b 0b @40 [\"here\" null null null null null null {} null null "
        "null] "
        "@41 [\"there\" null null null null null null] null false 0 5l null 'z' {}]\n"
        "0 flow[null 5000 1 2147483647 0 0 3 null false false null]\n");
    assert_false(amqp_can_send(out));
    wire_rig_feed(&r, "AMQP0\n0 open[\"s\"]\n4 begin[0h 1 9 9]\n4 attach[\"a\" 8 true]\n"
                      "4 attach[\"a\" 9 false null null @40 [\"here\"]]\n4 flow[1 9 1 9 8 0 2]");
    assert_string_equal(wire_rig_events(&r), "on-open s\non-begin\non-attach a sender 2 0\n"
                                             "on-attach a receiver 2 0 source=here\n"
                                             "on-flow credit=2\n");
    assert_true(amqp_can_send(out));
    wire_rig_fini(&r);
}

static void a_client_hears_a_refusal_as_attach_and_detach(void **state)
{
    (void)state;
    struct wire_rig r;
    struct amqp_session *s = client_start(&r);
    struct amqp_link_config cfg = {.name = SLICE_LIT("a"), .source = SLICE_LIT("x")};
    assert_non_null(amqp_send_attach(s, &cfg));
    wire_rig_feed(&r, "AMQP0\n0 open[\"s\"]\n0 begin[0h 1 9 9]\n0 attach[\"a\" 0 false]\n"
                      "0 detach[0 true @29 ['amqp:not-found' \"No.\"]]");
    assert_string_equal(wire_rig_events(&r), "on-open s\non-begin\non-attach a receiver 2 0\n"
                                             "on-detach amqp:not-found: No.\n");
    assert_non_null(strstr(wire_rig_output(&r), "0 detach[0 true null]\n"));
    wire_rig_fini(&r);
}

static void a_client_may_detach_before_it_was_answered(void **state)
{
    (void)state;
    struct wire_rig r;
    struct amqp_session *s = client_start(&r);
    struct amqp_link_config cfg = {.name = SLICE_LIT("a"), .source = SLICE_LIT("x")};
    amqp_send_detach(amqp_send_attach(s, &cfg), NULL);
    wire_rig_feed(&r,
                  "AMQP0\n0 open[\"s\"]\n0 begin[0h 1 9 9]\n0 attach[\"a\" 0 false]\n0 detach[0]");
    assert_string_equal(wire_rig_events(&r), "on-open s\non-begin\n");
    assert_int_equal(r.a.link_count, 0);
    wire_rig_fini(&r);
}

/* Calls that come too late are ignored: the caller need not know how far the end has come. */
static void calls_on_a_dead_connection_do_nothing(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r);
    r.silent = true;
    wire_rig_feed(&r, "0 attach[\"x\" 3 true]\n0 attach[\"y\" 4 false]");
    amqp_send_close(&r.a, NULL);
    buf_clear(&r.out);
    amqp_answer_attach(r.link, &(struct amqp_link_answer){0});
    amqp_send_flow(r.link, 5, false);
    amqp_send_disposition(r.session, &(struct amqp_disposition){0});
    amqp_send_detach(r.link, NULL);
    amqp_send_end(r.session, NULL);
    assert_null(amqp_send_begin(&r.a));
    assert_null(amqp_send_attach(r.session, &(struct amqp_link_config){.name = SLICE_LIT("a")}));
    assert_string_equal(wire_rig_output(&r), "");
    wire_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attaches_are_answered_with_what_they_said),
        cmocka_unit_test(what_breaks_the_rules_is_refused),
        cmocka_unit_test(a_handle_in_use_ends_the_session),
        cmocka_unit_test(what_comes_late_for_a_detached_link_is_swallowed),
        cmocka_unit_test(of_so_many_detached_links_late_words_are_swallowed),
        cmocka_unit_test(a_handle_that_is_used_again_and_again_is_one_of_them),
        cmocka_unit_test(a_handle_that_was_never_used_ends_the_session),
        cmocka_unit_test(a_transfer_on_a_detached_link_ends_the_session),
        cmocka_unit_test(a_handle_is_taken_until_the_peer_has_detached),
        cmocka_unit_test(the_newer_of_two_links_of_one_name_takes_its_place),
        cmocka_unit_test(a_name_counts_in_its_session),
        cmocka_unit_test(a_detach_is_answered_in_kind),
        cmocka_unit_test(a_detach_of_ours_is_the_last_the_caller_hears),
        cmocka_unit_test(an_attach_may_be_refused_later),
        cmocka_unit_test(a_peer_may_leave_before_the_answer),
        cmocka_unit_test(the_link_after_the_last_is_refused_alone),
        cmocka_unit_test(refused_links_that_stay_have_a_limit),
        cmocka_unit_test(a_handle_has_a_limit),
        cmocka_unit_test(what_a_peer_makes_us_keep_has_a_limit),
        cmocka_unit_test(what_the_caller_keeps_counts_with_it),
        cmocka_unit_test(the_peers_handle_max_is_kept),
        cmocka_unit_test(a_senders_credit_counts_from_the_peers_delivery_count),
        cmocka_unit_test(drained_credit_is_counted_as_used),
        cmocka_unit_test(a_receiver_gets_its_credit_back),
        cmocka_unit_test(a_client_may_attach_before_anything_is_answered),
        cmocka_unit_test(a_client_hears_a_refusal_as_attach_and_detach),
        cmocka_unit_test(a_client_may_detach_before_it_was_answered),
        cmocka_unit_test(calls_on_a_dead_connection_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
