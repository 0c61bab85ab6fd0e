/* transfer_test.c - deliveries both ways, and dispositions. */
#include "base/test.h"

#include "base/num.h"
#include "proto/amqp/testing/testing.h"

static const char *const mechanisms[] = {"ANONYMOUS", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "me", .mechanisms = mechanisms};

/* A session with a receiving link (theirs 0, ours 0) and a sending one (1, 1) with credit. */
static void start(struct wire_rig *r, const char *open, const char *begin)
{
    wire_rig_init(r, &server);
    wire_rig_feed(r, "AMQP0");
    wire_rig_feed(r, open);
    wire_rig_feed(r, begin);
    wire_rig_feed(r,
                  "0 attach[\"in\" 0 false]\n0 attach[\"out\" 1 true]\n0 flow[1 100 1 9 1 0 100]");
    wire_rig_events(r);
    wire_rig_output(r);
}

static void start_plain(struct wire_rig *r)
{
    start(r, "0 open[\"c\"]", "0 begin[null 1 100 9]");
}

struct row {
    const char *in, *events, *out;
};

#define DETACHED(condition, text)                                                                  \
    "on-detach " condition ": " text "\n",                                                         \
        "0 detach[0 true @29 ['" condition "' \"" text "\" null]]\n"

static const struct row rows[] = {
    {"0 transfer[0 5 b\"t\" 0 true] @117 b\"x\"",
     "on-delivery 5 format=0 settled tag=\"t\" @117 b\"x\"\n", ""},
    {"0 transfer[0 5 b\"\"]", "on-delivery 5 format=0 tag=\"\"\n", ""},
    {"0 transfer[0 0 b\"t\" 0x80013700 false] @117 b\"x\" @117 b\"y\"",
     "on-delivery 0 format=2147563264 tag=\"t\" @117 b\"x\" @117 b\"y\"\n", ""},
    {"0 transfer[0 1 b\"t\" 7 false true] @117 b\"x\"\n0 transfer[0 1 b\"t\" 7 false true] @117 "
     "b\"y\"\n"
     "0 transfer[0 null null null true] @117 b\"z\"",
     "on-delivery 1 format=7 settled tag=\"t\" @117 b\"x\" @117 b\"y\" @117 b\"z\"\n", ""},
    {"0 transfer[0 1 b\"a\" 0 false true] @117 b\"x\"\n"
     "0 transfer[0 null null null null false null null null true]\n0 transfer[0 2 b\"b\"] @117 "
     "b\"y\"",
     "on-delivery 2 format=0 tag=\"b\" @117 b\"y\"\n", ""},
    {"0 transfer[0 1 b\"a\" 0 null false null null null true] @117 b\"x\"", "", ""},
    {"0 transfer[0 null b\"t\"]",
     DETACHED("amqp:invalid-field", "A delivery needs an id and a tag of 32 bytes at most.")},
    {"0 transfer[0 1 b\"0123456789abcdef0123456789abcdef\"]",
     "on-delivery 1 format=0 tag=\"0123456789abcdef0123456789abcdef\"\n", ""},
    {"0 transfer[0 1 b\"0123456789abcdef0123456789abcdef0\"]",
     DETACHED("amqp:invalid-field", "A delivery needs an id and a tag of 32 bytes at most.")},
    {"0 transfer[0 1 b\"a\" 0 false true]\n0 transfer[0 2 b\"b\"]",
     DETACHED("amqp:not-allowed", "A delivery began before the last one ended.")},
    {"0 transfer[1 1 b\"a\"]",
     "on-detach amqp:not-allowed: The receiver of a link may not send on it.\n",
     "0 detach[1 true @29 ['amqp:not-allowed' \"The receiver of a link may not send on it.\" "
     "null]]\n"},
    {"0 transfer[7 1 b\"a\"]",
     "on-detach amqp:session:unattached-handle: There is no link with that handle.\n"
     "on-detach amqp:session:unattached-handle: There is no link with that handle.\n"
     "on-end amqp:session:unattached-handle: There is no link with that handle.\n",
     "0 end[@29 ['amqp:session:unattached-handle' \"There is no link with that handle.\" null]]\n"},
    {"0 disposition[true 3 9 true @36 []]", "on-disposition receiver 3-9 settled 0x24\n", ""},
    {"0 disposition[false 3]", "on-disposition sender 3-3 0x00\n", ""},
    {"0 disposition[true 0 null false @37 [@29 ['x:y' \"why\"]]]",
     "on-disposition receiver 0-0 0x25 x:y: why\n", ""},
    {"0 disposition[true 0 null false @37 []]", "on-disposition receiver 0-0 0x25\n", ""},
    {"0 disposition[true 0 null true @39 [true]]", "on-disposition receiver 0-0 settled 0x27\n",
     ""},
    {"0 disposition[true 0 null true @52 []]", "on-disposition receiver 0-0 settled 0x00\n", ""},
    {"0 disposition[true 4294967295 0 true @38 []]",
     "on-disposition receiver 4294967295-0 settled 0x26\n", ""},
    {"0 disposition[true 0 2147483648 true]",
     "on-detach amqp:invalid-field: The last delivery of a disposition is before the first.\n"
     "on-detach amqp:invalid-field: The last delivery of a disposition is before the first.\n"
     "on-end amqp:invalid-field: The last delivery of a disposition is before the first.\n",
     "0 end[@29 ['amqp:invalid-field' \"The last delivery of a disposition is before the first.\" "
     "null]]\n"},
};

static void what_comes_in_becomes_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_rig r;
        start_plain(&r);
        wire_rig_feed(&r, rows[i].in);
        wire_rig_expect(&r, rows[i].events, rows[i].out);
        assert_int_equal(r.a.partial_bytes, 0);
        wire_rig_fini(&r);
    }
}

static void tags_that_are_too_long_are_counted(void **state)
{
    (void)state;
    for (int len = AMQP_TAG_MAX; len <= AMQP_TAG_MAX + 1; len++) {
        struct wire_rig r;
        char text[100];
        start_plain(&r);
        snprintf(text, sizeof text, "0 transfer[0 1 b\"%0*d\"]", len, 0);
        wire_rig_feed(&r, text);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_TAG], len > AMQP_TAG_MAX);
        wire_rig_fini(&r);
    }
}

/* No copy: what came in one frame is given on from where it was fed. */
static void a_delivery_in_one_frame_is_not_copied(void **state)
{
    (void)state;
    struct wire_rig r;
    struct buf b = {0};
    struct amqp_event ev;
    start_plain(&r);
    wire_put(&b, "0 transfer[0 5 b\"t\" 0 true] @117 b\"x\"");
    amqp_feed(&r.a, buf_slice(&b), r.now_us);
    assert_int_equal(amqp_next(&r.a, &ev), OK);
    assert_ptr_equal(ev.delivery.payload.ptr, b.ptr + b.len - ev.delivery.payload.len);
    assert_ptr_equal(ev.link, r.session->links_in.rows[0].object);
    assert_int_equal(amqp_next(&r.a, &ev), ERR_AGAIN);
    assert_null(r.a.tail.ptr);
    buf_free(&b);
    wire_rig_fini(&r);
}

/* The rig gives 10 credits. */
static void the_delivery_after_the_last_credit_detaches(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    for (int i = 0; i < 10; i++) wire_rig_feed(&r, "0 transfer[0 1 b\"t\"]");
    assert_null(strstr(wire_rig_events(&r), "on-detach"));
    assert_int_equal(wire_rig_met[AMQP_LIMIT_TRANSFERS], 0);
    wire_rig_feed(&r, "0 transfer[0 1 b\"t\"]\n0 transfer[0 1 b\"t\"]");
    assert_int_equal(wire_rig_met[AMQP_LIMIT_TRANSFERS], 1);
    wire_rig_expect(&r, DETACHED("amqp:link:transfer-limit-exceeded",
                                 "More was sent than the link credit allows."));
    wire_rig_fini(&r);
}

/* `frames` frames of `size` bytes of payload, the last with more = false. They are no values, or the
 * rig would write down millions of them. */
static void send_in_frames(struct wire_rig *r, size_t frames, size_t size)
{
    for (size_t i = 0; i < frames; i++) {
        struct buf b = {0};
        wire_put(&b, i + 1 < frames ? "0 transfer[0 1 b\"t\" 0 true true]"
                                    : "0 transfer[0 1 b\"t\" 0 true false]");
        memset(buf_reserve(&b, size), 0xff, size);
        buf_commit(&b, size);
        uint32_t wire = __builtin_bswap32((uint32_t)buf_size(&b));
        memcpy(b.ptr, &wire, sizeof wire);
        wire_rig_bytes(r, buf_slice(&b));
        buf_free(&b);
    }
}

/* The rig takes 1000 bytes. */
static void a_message_longer_than_the_link_takes_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t frames, size;
        bool fits;
    } lengths[] = {{1, 1000, true}, {1, 1001, false}, {4, 250, true}, {4, 251, false}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct wire_rig r;
        start_plain(&r);
        send_in_frames(&r, lengths[i].frames, lengths[i].size);
        const char *events = wire_rig_events(&r);
        bool refused = strstr(events, "on-detach amqp:link:message-size-exceeded") != NULL;
        assert_int_equal(refused, !lengths[i].fits);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_MESSAGE], !lengths[i].fits);
        assert_int_equal(strstr(events, "on-delivery") != NULL, lengths[i].fits);
        wire_rig_fini(&r);
    }
}

static void unfinished_deliveries_have_a_limit_together(void **state)
{
    (void)state;
    enum { PIECE = 1 << 15, PIECES = AMQP_PARTIAL_MAX / PIECE };
    for (size_t extra = 0; extra < 2; extra++) {
        struct wire_rig r;
        start_plain(&r);
        struct amqp_link *in = r.session->links_in.rows[0].object;
        in->receive_max = 0;
        in->credit = 5000;
        r.silent = true;
        send_in_frames(&r, PIECES + extra, PIECE);
        assert_int_equal(in->detach_sent, extra);
        assert_int_equal(wire_rig_met[AMQP_LIMIT_PARTIAL], extra);
        amqp_hang_up(&r.a);
        buf_clear(&r.events);
        wire_rig_fini(&r);
    }
}

/* ---- out */

static uint32_t send(struct wire_rig *r, const struct amqp_transfer *t, size_t len)
{
    struct buf *out = amqp_transfer_begin(r->link, t);
    memset(buf_reserve(out, len), 0x40, len);
    buf_commit(out, len);
    return amqp_transfer_end(r->link);
}

static void deliveries_go_out_as_one_frame(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    assert_int_equal(send(&r, &(struct amqp_transfer){.settled = true}, 1), 0);
    assert_int_equal(
        send(&r, &(struct amqp_transfer){.tag = SLICE_LIT("lock"), .format = AMQP_FORMAT_BATCH}, 0),
        1);
    assert_string_equal(
        wire_rig_output(&r),
        "0 transfer[1 0 b\"\\0\\0\\0\\0\" 0 true false null null false false false] null\n"
        "0 transfer[1 1 b\"lock\" 2147563264 false false null null false false false]\n");
    assert_int_equal(r.link->credit, 98);
    wire_rig_fini(&r);
}

static void delivery_ids_above_255_are_written_wide(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    r.session->next_delivery_id = 256;
    assert_int_equal(send(&r, &(struct amqp_transfer){.settled = true}, 0), 256);
    assert_string_equal(
        wire_rig_output(&r),
        "0 transfer[1 256 b\"\\0\\0\\x01\\0\" 0 true false null null false false false]\n");
    wire_rig_fini(&r);
}

static void an_aborted_transfer_leaves_nothing(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    buf_put_str(&r.out, "AMQPxxxx");
    struct buf *out = amqp_transfer_begin(r.link, &(struct amqp_transfer){.settled = true});
    buf_put_str(out, "half of it");
    amqp_transfer_abort(r.link);
    assert_int_equal(buf_size(&r.out), 8);
    assert_int_equal(r.link->credit, 100);
    wire_rig_fini(&r);
}

/* Sizes of the frames in the output, and the payload joined again. */
static size_t frames_of(struct wire_rig *r, size_t max, size_t *payload)
{
    struct cur c = cur_of(buf_slice(&r->out));
    size_t frames = 0;
    *payload = 0;
    while (cur_left(&c)) {
        struct slice frame = cur_rest(&c);
        struct cur head = c;
        size_t size = cur_be32(&head);
        assert_true(size <= max && size <= frame.len);
        struct cur body = cur_of(slice_from(slice_head(frame, size), 8));
        struct amqp_value fields;
        uint64_t code;
        assert_int_equal(amqp_get_descriptor(&body, &code), OK);
        assert_int_equal(amqp_get(&body, &fields), OK);
        assert_int_equal(fields.count, 11);
        *payload += cur_left(&body);
        cur_take(&c, size);
        frames++;
    }
    return frames;
}

/* Java takes frames of 4096 bytes, whatever the message's size. */
static void long_deliveries_are_cut_at_the_peers_frame_size(void **state)
{
    (void)state;
    enum { FRAME = 4096, HEAD = 33, MORE_HEAD = 26 };
    static const struct {
        size_t len, frames;
    } cuts[] = {
        {FRAME - HEAD, 1},
        {FRAME - HEAD + 1, 2},
        {FRAME - HEAD + FRAME - MORE_HEAD, 2},
        {FRAME - HEAD + FRAME - MORE_HEAD + 1, 3},
        {256 << 10, 65},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct wire_rig r;
        size_t payload;
        start(&r, "0 open[\"c\" null 4096]", "0 begin[null 1 100 9]");
        send(&r, &(struct amqp_transfer){.settled = true}, cuts[i].len);
        assert_int_equal(frames_of(&r, FRAME, &payload), cuts[i].frames);
        assert_int_equal(payload, cuts[i].len);
        assert_int_equal(r.link->credit, 99);
        assert_null(r.link->unsent.ptr);
        wire_rig_fini(&r);
    }
}

static void the_frames_of_one_delivery_say_more(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, "0 open[\"c\" null 512]", "0 begin[null 1 100 9]");
    struct buf *out = amqp_transfer_begin(r.link, &(struct amqp_transfer){.settled = true});
    for (int i = 0; i < 1100; i++)
        buf_put_u8(out, 0xff); /* no values, so only their number shows */
    amqp_transfer_end(r.link);
    assert_string_equal(
        wire_rig_output(&r),
        "0 transfer[1 0 b\"\\0\\0\\0\\0\" 0 true true null null false false false] +479 bytes\n"
        "0 transfer[1 null null null null true null null false false false] +486 bytes\n"
        "0 transfer[1 null null null null false null null false false false] +135 bytes\n");
    wire_rig_fini(&r);
}

/* The session window takes three frames; the rest follows when it opens, before anything else of
 * that link. */
static void a_closed_window_keeps_the_rest_for_later(void **state)
{
    (void)state;
    struct wire_rig r;
    size_t payload;
    start(&r, "0 open[\"c\" null 512]", "0 begin[null 1 100 9]");
    wire_rig_feed(&r, "0 flow[1 3 1 9]");
    send(&r, &(struct amqp_transfer){.settled = true}, 2000);
    assert_int_equal(frames_of(&r, 512, &payload), 3);
    assert_false(amqp_can_send(r.link));
    wire_rig_output(&r);
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 flow[2 3 1 9]"); /* it has seen one: one more fits */
    assert_int_equal(frames_of(&r, 512, &payload), 1);
    assert_string_equal(wire_rig_events(&r), "");
    wire_rig_output(&r);
    wire_rig_feed(&r, "0 flow[5 3 1 9]");
    assert_int_equal(frames_of(&r, 512, &payload), 1);
    assert_string_equal(wire_rig_events(&r), "on-flow credit=99\n");
    assert_null(r.link->unsent.ptr);
    assert_true(amqp_can_send(r.link));
    wire_rig_fini(&r);
}

static void every_link_hears_that_the_window_opened(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    struct amqp_link *first = r.link;
    wire_rig_feed(&r, "0 attach[\"b\" 2 true]\n0 attach[\"c\" 3 true]\n0 flow[1 0 1 9 3 0 5]");
    assert_false(amqp_can_send(first));
    assert_false(amqp_can_send(r.link));
    wire_rig_events(&r);
    wire_rig_feed(&r, "0 flow[1 9 1 9]"); /* "b" has no credit */
    assert_string_equal(wire_rig_events(&r), "on-flow credit=100\non-flow credit=5\n");
    wire_rig_feed(&r, "0 flow[1 9 1 9]");
    assert_string_equal(wire_rig_events(&r), "");
    wire_rig_fini(&r);
}

static void a_detach_forgets_the_unsent_rest(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, "0 open[\"c\" null 512]", "0 begin[null 1 2 9]");
    wire_rig_feed(&r, "0 flow[1 2 1 9]");
    send(&r, &(struct amqp_transfer){.settled = true}, 2000);
    wire_rig_feed(&r, "0 detach[1 true]\n0 flow[3 9 1 9]");
    assert_int_equal(r.session->unsent_links, 0);
    wire_rig_fini(&r);
}

static void a_large_window_is_not_taken_for_a_negative_one(void **state)
{
    (void)state;
    struct wire_rig r;
    start(&r, "0 open[\"c\"]", "0 begin[null 1 4294967295 9]");
    wire_rig_feed(&r, "0 flow[1 4294967295 1 9]");
    assert_true(amqp_can_send(r.link));
    wire_rig_feed(&r, "0 flow[0 1 1 9]"); /* behind our first transfer: nothing fits */
    assert_false(amqp_can_send(r.link));
    wire_rig_fini(&r);
}

static void outcomes_are_written_in_full(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    struct amqp_disposition d = {
        .from_receiver = true, .settled = true, .first = 3, .last = 300, .outcome = AMQP_ACCEPTED};
    amqp_send_disposition(r.session, &d);
    d.outcome = AMQP_REJECTED;
    d.error = amqp_error_of("x:y", "why");
    amqp_send_disposition(r.session, &d);
    d.outcome = AMQP_RELEASED;
    d.from_receiver = d.settled = false;
    amqp_send_disposition(r.session, &d);
    d.outcome = AMQP_NO_STATE;
    amqp_send_disposition(r.session, &d);
    assert_string_equal(wire_rig_output(&r),
                        "0 disposition[true 3 300 true @36 [] false]\n"
                        "0 disposition[true 3 300 true @37 [@29 ['x:y' \"why\" null]] false]\n"
                        "0 disposition[false 3 300 false @38 [] false]\n"
                        "0 disposition[false 3 300 false null false]\n");
    wire_rig_fini(&r);
}

static void accept(struct wire_rig *r, uint32_t first, uint32_t last)
{
    struct amqp_disposition d = {.from_receiver = true,
                                 .settled = true,
                                 .first = first,
                                 .last = last,
                                 .outcome = AMQP_ACCEPTED};
    amqp_send_disposition(r->session, &d);
}

static void neighbours_that_are_accepted_share_a_frame(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    for (uint32_t id = 250; id < 260; id++) accept(&r, id, id);
    accept(&r, 260, 270);
    accept(&r, 272, 272); /* not a neighbour */
    accept(&r, 272, 272); /* nor is it its own */
    accept(&r, 273, 273);
    assert_string_equal(wire_rig_output(&r), "0 disposition[true 250 270 true @36 [] false]\n"
                                             "0 disposition[true 272 272 true @36 [] false]\n"
                                             "0 disposition[true 272 273 true @36 [] false]\n");
    wire_rig_fini(&r);
}

static void what_was_sent_or_said_between_parts_neighbours(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    accept(&r, 1, 1);
    assert_string_equal(wire_rig_output(&r), "0 disposition[true 1 1 true @36 [] false]\n");
    accept(&r, 2, 2); /* the first is on its way */
    send(&r, &(struct amqp_transfer){.settled = true}, 0);
    accept(&r, 3, 3);
    struct amqp_disposition no = {
        .from_receiver = true, .settled = true, .first = 4, .last = 4, .outcome = AMQP_RELEASED};
    amqp_send_disposition(r.session, &no);
    accept(&r, 5, 5);
    assert_string_equal(
        wire_rig_output(&r),
        "0 disposition[true 2 2 true @36 [] false]\n"
        "0 transfer[1 0 b\"\\0\\0\\0\\0\" 0 true false null null false false false]\n"
        "0 disposition[true 3 3 true @36 [] false]\n"
        "0 disposition[true 4 4 true @38 [] false]\n"
        "0 disposition[true 5 5 true @36 [] false]\n");
    wire_rig_fini(&r);
}

static void deliveries_of_two_sessions_share_no_frame(void **state)
{
    (void)state;
    struct wire_rig r;
    start_plain(&r);
    struct amqp_session *first = r.session;
    wire_rig_feed(&r, "1 begin[null 1 9 9]");
    struct amqp_session *second = r.session;
    wire_rig_output(&r);
    accept(&r, 1, 1);
    r.session = first;
    accept(&r, 2, 2);
    assert_ptr_not_equal(first, second);
    assert_string_equal(wire_rig_output(&r), "1 disposition[true 1 1 true @36 [] false]\n"
                                             "0 disposition[true 2 2 true @36 [] false]\n");
    wire_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_becomes_events),
        cmocka_unit_test(tags_that_are_too_long_are_counted),
        cmocka_unit_test(a_delivery_in_one_frame_is_not_copied),
        cmocka_unit_test(the_delivery_after_the_last_credit_detaches),
        cmocka_unit_test(a_message_longer_than_the_link_takes_is_refused),
        cmocka_unit_test(unfinished_deliveries_have_a_limit_together),
        cmocka_unit_test(deliveries_go_out_as_one_frame),
        cmocka_unit_test(delivery_ids_above_255_are_written_wide),
        cmocka_unit_test(an_aborted_transfer_leaves_nothing),
        cmocka_unit_test(long_deliveries_are_cut_at_the_peers_frame_size),
        cmocka_unit_test(the_frames_of_one_delivery_say_more),
        cmocka_unit_test(a_closed_window_keeps_the_rest_for_later),
        cmocka_unit_test(every_link_hears_that_the_window_opened),
        cmocka_unit_test(a_detach_forgets_the_unsent_rest),
        cmocka_unit_test(a_large_window_is_not_taken_for_a_negative_one),
        cmocka_unit_test(outcomes_are_written_in_full),
        cmocka_unit_test(neighbours_that_are_accepted_share_a_frame),
        cmocka_unit_test(what_was_sent_or_said_between_parts_neighbours),
        cmocka_unit_test(deliveries_of_two_sessions_share_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
