/* event_sender_test.c - producers: what is stored where, what is refused, and how it is said. */
#include "base/test.h"

#include "base/amqp.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "front/amqp/event_sender.h"
#include "front/amqp/peer.h"
#include "front/amqp/testing/testing.h"
#include "hub/producer/producer.h"
#include "proto/amqp/testing/testing.h"

/* What the log has got, and what it says. */
static struct {
    struct buf frames;
    enum err result;
    struct msg *held; /* LOG_APPEND, while `hold` */
    bool hold;
} stored;

struct world {
    struct front_rig rig;
    struct log_writer writer;
    struct conn conn;
};

static struct world w;

static void answer_append(struct lane *lane, struct msg *m)
{
    struct log_appended answer = {stored.result, 0};
    struct addr from = m->from;
    memcpy(m->body, &answer, sizeof answer);
    m->kind = LOG_APPENDED;
    post(lane, m->to, from, m);
}

static void on_append(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx;
    buf_put_slice(&stored.frames, msg_body(m));
    msg_keep(m);
    stored.held = m;
    if (!stored.hold) answer_append(lane, m);
}

static void start(const char *target)
{
    buf_clear(&stored.frames);
    stored.result = OK;
    stored.hold = false;
    front_rig_init(&w.rig);
    lane_on(&w.rig.log.lane, LOG_APPEND, on_append, NULL);
    log_writer_init(&w.writer, &w.rig.log, &w.rig.cores[0]);
    w.rig.services[0]->telemetry.writer = &w.writer;
    rig_welcome(&w.rig, &w.conn, 0);
    rig_authorise(&w.rig, &w.conn, rig_token(&w.rig, "service", "hub.test/orders", RIG_DAY_US));
    rig_feed_format(&w.rig, &w.conn, "0 attach[\"p\" 0 false 0b 0b @40 [\"me\"] @41 [\"%s\"]]",
                    target);
}

static void stop(void)
{
    rig_close(&w.rig, &w.conn);
    log_writer_fini(&w.writer);
    front_rig_fini(&w.rig);
}

/* A transfer with that delivery id; what is answered besides credit. */
static const char *send(unsigned id, const char *format, const char *sections)
{
    rig_output(&w.conn);
    rig_feed_format(&w.rig, &w.conn, "0 transfer[0 %u b\"t\" %s false] %s", id, format, sections);
    return rig_output(&w.conn);
}

#define SINGLE   "0"
#define BATCH    "2147563264"
#define EVENT(c) "@117 b\"\\x00\\x53\\x75\\xa0\\x01" c "\""
#define ACCEPTED "disposition[true %u %u true @36 [] false]"

static void expect_accepted(const char *output, unsigned id)
{
    char want[100];
    snprintf(want, sizeof want, ACCEPTED, id, id);
    assert_non_null(strstr(output, want));
}

static void expect_rejected(const char *output, const char *condition)
{
    char want[100];
    snprintf(want, sizeof want, "true @37 [@29 ['%s' ", condition);
    assert_non_null(strstr(output, want));
}

/* The record with that index. */
static struct record record_at(unsigned index)
{
    struct slice rest = buf_slice(&stored.frames);
    struct record r;
    do {
        assert_int_equal(record_parse(rest, &r), OK);
        rest = slice_from(rest, r.frame.len);
    } while (index-- > 0);
    return r;
}

static unsigned record_count(void)
{
    struct slice rest = buf_slice(&stored.frames);
    struct record r;
    unsigned count = 0;
    for (; record_parse(rest, &r) == OK; rest = slice_from(rest, r.frame.len)) count++;
    return count;
}

static struct slice data_of(const struct record *r)
{
    static struct amqp_message m;
    assert_int_equal(amqp_message_parse(r->sections, &m), OK);
    return m.data;
}

static bool has_pair(const struct record *r, const char *key, const char *text)
{
    struct cur c = cur_of(r->pairs);
    struct amqp_value k, v;
    for (unsigned i = 0; i < r->pair_count; i++) {
        assert_int_equal(amqp_get(&c, &k), OK);
        assert_int_equal(amqp_get(&c, &v), OK);
        assert_int_equal(k.type, AMQP_SYMBOL);
        if (slice_is(k.bytes, key)) return slice_is(amqp_text(&v), text);
    }
    return false;
}

static void single_events_go_round_and_are_accepted_once_they_are_durable(void **state)
{
    (void)state;
    start("orders");
    stored.hold = true;
    assert_string_equal(send(0, SINGLE, "@117 b\"one\""), "");
    lane_running = &w.rig.log.lane;
    answer_append(&w.rig.log.lane, stored.held);
    front_rig_run(&w.rig);
    expect_accepted(rig_output(&w.conn), 0);
    stored.hold = false;
    for (unsigned id = 1; id < 8; id++) expect_accepted(send(id, SINGLE, "@117 b\"x\""), id);
    unsigned seen[FAKE_STREAM_PARTITIONS] = {0};
    for (unsigned i = 0; i < 8; i++) seen[record_at(i).partition]++;
    for (unsigned i = 0; i < FAKE_STREAM_PARTITIONS; i++) assert_int_equal(seen[i], 2);
    struct record r = record_at(0);
    assert_int_equal(r.stream, FAKE_STREAM);
    assert_int_equal(r.destinations, RECORD_TO_STREAM);
    assert_true(slice_is(data_of(&r), "one"));
    stop();
}

static void a_batch_goes_to_the_partition_of_its_key_and_is_answered_once(void **state)
{
    (void)state;
    start("orders");
    const char *output =
        send(5, BATCH, "@114 {'x-opt-partition-key' \"device-1\"} " EVENT("a") " " EVENT("b"));
    expect_accepted(output, 5);
    assert_null(strstr(strstr(output, "disposition") + 1, "disposition"));
    assert_int_equal(record_count(), 2);
    for (unsigned i = 0; i < 2; i++) {
        struct record r = record_at(i);
        assert_int_equal(r.partition, 0); /* 26788 modulo 4 */
        assert_true(has_pair(&r, "x-opt-partition-key", "device-1"));
        assert_true(slice_is(data_of(&r), i ? "b" : "a"));
    }
    stop();
}

static void what_only_the_service_says_is_left_out(void **state)
{
    (void)state;
    start("orders");
    send(1, SINGLE,
         "@112 [true] @114 {'x-opt-sequence-number' 7l 'x-opt-offset' \"9\" 'mine' \"m\" \"text\" "
         "\"t\"} "
         "@115 [\"id\"] @116 {\"p\" 1i} @117 b\"x\"");
    struct record r = record_at(0);
    assert_int_equal(r.pair_count, 2);
    assert_true(has_pair(&r, "mine", "m"));
    assert_true(has_pair(&r, "text", "t"));
    struct amqp_message m;
    assert_int_equal(amqp_message_parse(r.sections, &m), OK);
    assert_int_equal(m.header.len, 0);
    assert_true(slice_is(amqp_text(&m.properties[AMQP_MESSAGE_ID]), "id"));
    assert_int_equal(m.application.count, 2);
    stop();
}

static void a_key_that_is_neither_symbol_nor_string_is_left_out(void **state)
{
    (void)state;
    start("orders");
    send(1, SINGLE, "@114 {b\"mine\" \"no\" 7 \"seven\" 'mine' \"m\"} @117 b\"x\"");
    struct record r = record_at(0);
    assert_int_equal(r.pair_count, 1);
    assert_true(has_pair(&r, "mine", "m"));
    stop();
}

static void a_link_may_be_a_partition_s_or_a_publisher_s(void **state)
{
    (void)state;
    start("orders/Partitions/3");
    expect_accepted(send(0, SINGLE, "@117 b\"x\""), 0);
    assert_int_equal(record_at(0).partition, 3);
    expect_accepted(send(1, SINGLE, "@114 {'x-opt-partition-key' \"k\"} @117 b\"x\""), 1);
    assert_int_equal(record_at(1).partition, 3);
    stop();
    start("orders/Publishers/press-7");
    expect_accepted(send(0, SINGLE, "@117 b\"x\""), 0);
    struct record r = record_at(0);
    assert_true(has_pair(&r, "x-opt-publisher-name", "press-7"));
    stop();
    start("orders/Partitions/4");
    assert_non_null(strstr(rig_output(&w.conn), "com.microsoft:argument-out-of-range"));
    stop();
}

/* A batch of the smallest events would carry a longer one a hundred thousand times. */
static void a_publisher_s_name_has_at_most_128_bytes(void **state)
{
    (void)state;
    struct metric *refused =
        metric_of(METRIC_COUNTER, EVENT_PUBLISHERS_REFUSED, "reason=\"name\"", "");
    int64_t before = metric_value(refused);
    char target[sizeof "orders/Publishers/" + AMQP_PUBLISHER_MAX + 1], *name;
    for (int over = 0; over < 2; over++) {
        snprintf(target, sizeof target, "orders/Publishers/%0*d", AMQP_PUBLISHER_MAX + over, 7);
        name = strrchr(target, '/') + 1;
        start(target);
        assert_int_equal(metric_value(refused) - before, over);
        if (over) {
            assert_non_null(strstr(rig_output(&w.conn), "'com.microsoft:argument-error'"));
        } else {
            expect_accepted(send(0, SINGLE, "@117 b\"x\""), 0);
            struct record r = record_at(0);
            assert_true(has_pair(&r, "x-opt-publisher-name", name));
        }
        stop();
    }
}

/* What is said of one that is longer is still UTF-8. */
static void of_an_address_1024_bytes_are_said_again(void **state)
{
    (void)state;
    char target[ADDRESS_MAX + 2] = {0}, said[ADDRESS_MAX + 32];
    for (unsigned over = 0; over < 2; over++) {
        size_t plain = ADDRESS_MAX - 2 + over;
        memset(target, 'x', plain);
        memcpy(target + plain, "\u00fc", 3);
        snprintf(said, sizeof said, "entity '%.*s%s' could", (int)plain, target,
                 over ? "" : "\\xc3\\xbc");
        start(target);
        assert_non_null(strstr(rig_output(&w.conn), said));
        stop();
    }
}

/* ---- idempotent producers: the test is the partition's home */

static struct {
    struct msg *asked; /* the last question, owned */
    struct producer_answer answer;
} home;

static void on_question(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx;
    msg_keep(m);
    if (home.asked) msg_free(home.asked);
    home.asked = m;
    struct msg *reply = msg_new(m->kind + 1, sizeof home.answer);
    memcpy(reply->body, &home.answer, sizeof home.answer);
    post_reply(lane, m, reply);
}

/* A link that wants to be idempotent, with those properties; what is answered. */
static const char *attach_idempotent(const char *target, const char *properties,
                                     struct producer_answer answer)
{
    start("orders");
    for (unsigned i = 0; i < RIG_CORES; i++) {
        lane_on(&w.rig.cores[i], PRODUCER_OPEN, on_question, NULL);
        lane_on(&w.rig.cores[i], PRODUCER_SEND, on_question, NULL);
    }
    home.answer = answer;
    rig_output(&w.conn);
    rig_feed_format(
        &w.rig, &w.conn,
        "0 attach[\"i\" 1 false 0b 0b @40 [\"me\"] @41 [\"%s\"] null null null null null "
        "<'com.microsoft:idempotent-producer'> %s]",
        target, properties);
    return rig_output(&w.conn);
}

static void end_idempotent(void)
{
    msg_free(home.asked);
    home.asked = NULL;
    stop();
}

#define PROPERTIES(id, epoch, sequence)                                                            \
    "{'com.microsoft:producer-id' " id " 'com.microsoft:producer-epoch' " epoch                    \
    " 'com.microsoft:producer-sequence-number' " sequence "}"
#define NUMBERED(id, epoch, sequence) "@114 " PROPERTIES(id, epoch, sequence) " @117 b\"x\""

static const char *send_numbered(unsigned id, const char *sections)
{
    rig_feed_format(&w.rig, &w.conn, "0 transfer[1 %u b\"t\" 0 false] %s", id, sections);
    return rig_output(&w.conn);
}

static void an_idempotent_producer_is_told_who_it_is(void **state)
{
    (void)state;
    const char *out =
        attach_idempotent("orders/Partitions/3", "{}",
                          (struct producer_answer){.id = 4711, .epoch = 2, .sequence = 9});
    assert_non_null(strstr(out, "'com.microsoft:producer-id' 4711L"));
    assert_non_null(strstr(out, "'com.microsoft:producer-sequence-number' 9i"));
    assert_non_null(strstr(out, "'com.microsoft:idempotent-producer'"));
    struct producer_open want;
    memcpy(&want, home.asked->body, sizeof want);
    assert_int_equal(want.partition, 3);
    assert_int_equal(want.id, PRODUCER_NONE);
    assert_int_equal(want.epoch, PRODUCER_NONE);
    assert_int_equal(want.sequence, PRODUCER_NONE);
    expect_accepted(send_numbered(0, NUMBERED("4711L", "2i", "10i")), 0);
    struct producer_send sent;
    memcpy(&sent, home.asked->body, sizeof sent);
    assert_int_equal(sent.id, 4711);
    assert_int_equal(sent.epoch, 2);
    assert_int_equal(sent.first, 10);
    assert_int_equal(sent.count, 1);
    expect_accepted(send_numbered(1, NUMBERED("4711L", "2i", "2147483647i")), 1);
    memcpy(&sent, home.asked->body, sizeof sent);
    assert_int_equal(sent.first, INT32_MAX);
    end_idempotent();
}

/* After a restart the first one that is stored counts. */
static void the_sequence_number_that_was_checked_is_the_one_that_is_stored(void **state)
{
    (void)state;
    struct producer_event event;
    attach_idempotent("orders/Partitions/3", "{}", (struct producer_answer){.id = 1});
    expect_accepted(
        send_numbered(0, "@114 {b\"com.microsoft:producer-sequence-number\" 99i "
                         "'com.microsoft:producer-id' 1L 'com.microsoft:producer-epoch' 0i "
                         "'com.microsoft:producer-sequence-number' 5i} @117 b\"x\""),
        0);
    memcpy(&event, home.asked->body + sizeof(struct producer_send), sizeof event);
    assert_int_equal(event.pair_count, 3);
    end_idempotent();
}

static void what_an_idempotent_producer_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct producer_answer answer;
        const char *condition, *text;
    } rows[] = {
        {{.outcome = PRODUCER_STOLEN, .epoch = 3},
         "com.microsoft:producer-epoch-stolen",
         "Received:2 Current:3"},
        {{.outcome = PRODUCER_OLD}, "com.microsoft:out-of-order-sequence", "old sequence"},
        {{.outcome = PRODUCER_GAP}, "com.microsoft:out-of-order-sequence", "leave out"},
        {{.outcome = PRODUCER_GONE}, "amqp:not-found", "could not be found"},
        {{.outcome = PRODUCER_BUSY}, "com.microsoft:server-busy", "try again"},
        {{.outcome = PRODUCER_BROKEN}, "amqp:internal-error", "could not be stored"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        attach_idempotent("orders/Partitions/3", PROPERTIES("1L", "2i", "0i"),
                          (struct producer_answer){.id = 1, .epoch = 2});
        home.answer = rows[i].answer;
        const char *out = send_numbered(0, NUMBERED("1L", "2i", "1i"));
        expect_rejected(out, rows[i].condition);
        assert_non_null(strstr(out, rows[i].text));
        end_idempotent();
        out =
            attach_idempotent("orders/Partitions/3", PROPERTIES("1L", "2i", "0i"), rows[i].answer);
        assert_non_null(strstr(out, rows[i].condition));
        assert_non_null(strstr(out, rows[i].text));
        end_idempotent();
    }
}

static void numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const attaches[] = {
        PROPERTIES("-1L", "0i", "0i"),         PROPERTIES("1L", "-1i", "0i"),
        PROPERTIES("1L", "0i", "-1i"),         PROPERTIES("1L", "32768i", "0i"),
        PROPERTIES("1L", "0i", "2147483648L"), PROPERTIES("\"1\"", "0i", "0i")};
    static const char *const events[] = {"@117 b\"x\"", NUMBERED("2L", "0i", "1i"),
                                         NUMBERED("1L", "1i", "1i"), NUMBERED("1L", "0i", "-1i"),
                                         NUMBERED("1L", "0i", "2147483648L")};
    for (size_t i = 0; i < sizeof attaches / sizeof *attaches; i++) {
        const char *out =
            attach_idempotent("orders/Partitions/3", attaches[i], (struct producer_answer){0});
        assert_non_null(strstr(out, "com.microsoft:argument-out-of-range"));
        assert_null(home.asked);
        stop();
    }
    attach_idempotent("orders/Partitions/3", PROPERTIES("1L", "null", "null"),
                      (struct producer_answer){.id = 1});
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
        expect_rejected(send_numbered(i, events[i]), "com.microsoft:argument-error");
    end_idempotent();
    const char *out = attach_idempotent("orders", "{}", (struct producer_answer){0});
    assert_non_null(strstr(out, "amqp:not-allowed"));
    stop();
}

/* The hub goes by them after a restart. */
static void others_do_not_say_whose_events_they_are(void **state)
{
    (void)state;
    start("orders/Partitions/3");
    expect_accepted(send(0, SINGLE, NUMBERED("1L", "0i", "1i")), 0);
    assert_int_equal(record_at(0).pair_count, 0);
    stop();
}

static void what_is_no_event_is_rejected_whole(void **state)
{
    (void)state;
    static const struct {
        const char *format, *sections;
    } rows[] = {
        {SINGLE, ""},
        {BATCH, ""},
        {BATCH, "@114 {'x-opt-partition-key' \"k\"}"},
        {BATCH, EVENT("a") " @117 b\"nonsense\""},
        {BATCH, "@117 b\"\""},
    };
    start("orders");
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_rejected(send(i, rows[i].format, rows[i].sections), "com.microsoft:argument-error");
    assert_int_equal(record_count(), 0);
    stop();
}

/* Of an event, and of a batch, which gives it to each of its events. */
static void a_key_has_at_most_128_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *format, *event;
    } rows[] = {{SINGLE, "@117 b\"x\""}, {BATCH, EVENT("a") " " EVENT("b")}};
    char key[AMQP_EVENT_KEY_MAX + 2] = {0}, sections[300];
    start("orders");
    for (unsigned id = 0; id < 4; id++) {
        size_t len = AMQP_EVENT_KEY_MAX + id % 2;
        memset(key, 'k', len);
        key[len] = '\0';
        snprintf(sections, sizeof sections, "@114 {'x-opt-partition-key' \"%s\"} %s", key,
                 rows[id / 2].event);
        const char *output = send(id, rows[id / 2].format, sections);
        if (len == AMQP_EVENT_KEY_MAX)
            expect_accepted(output, id);
        else
            expect_rejected(output, "com.microsoft:argument-error");
    }
    assert_int_equal(record_count(), 3);
    stop();
}

/* A transfer of that many bytes, in as many frames as it takes; what is answered. */
static const char *send_in_pieces(unsigned handle, unsigned id, const char *format,
                                  struct slice rest)
{
    enum { PIECE = 32 << 10 };
    rig_output(&w.conn);
    while (rest.len) {
        struct slice piece = slice_head(rest, PIECE);
        struct buf frame = {0};
        char head[80];
        rest = slice_from(rest, piece.len);
        snprintf(head, sizeof head, "0 transfer[%u %u b\"t\" %s false %s]", handle, id, format,
                 rest.len ? "true" : "false");
        wire_put(&frame, head);
        buf_put_slice(&frame, piece);
        uint32_t len = __builtin_bswap32((uint32_t)buf_size(&frame));
        memcpy(frame.ptr, &len, sizeof len);
        lane_running = w.conn.lane;
        amqp_front.feed(w.conn.self, buf_slice(&frame), rig_now_us);
        buf_free(&frame);
    }
    front_rig_run(&w.rig);
    return rig_output(&w.conn);
}

/* One event whose transfer has that many bytes; what is answered. */
static const char *send_bytes(unsigned id, size_t size)
{
    enum { DATA_HEAD = 8 };
    struct buf event = {0};
    buf_put(&event, "\0\x53\x75\xb0", 4); /* data: vbin32 */
    buf_put_be32(&event, (uint32_t)(size - DATA_HEAD));
    memset(buf_reserve(&event, size - DATA_HEAD), 'x', size - DATA_HEAD);
    buf_commit(&event, size - DATA_HEAD);
    const char *answer = send_in_pieces(0, id, SINGLE, buf_slice(&event));
    buf_free(&event);
    return answer;
}

/* The smallest event that says whose it is. */
static void put_numbered(struct buf *batch, int32_t sequence)
{
    struct buf event = {0};
    amqp_put_descriptor(&event, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(&event);
    amqp_put_sym(&event, PRODUCER_ID);
    amqp_put_ulong(&event, 1);
    amqp_put_sym(&event, PRODUCER_EPOCH);
    amqp_put_uint(&event, 0);
    amqp_put_sym(&event, PRODUCER_SEQUENCE);
    amqp_put_int(&event, sequence);
    amqp_close(&event, map, 6);
    amqp_put_data(batch, buf_slice(&event));
    buf_free(&event);
}

static void a_batch_of_an_idempotent_producer_is_as_large_as_any(void **state)
{
    (void)state;
    struct producer_send sent;
    struct buf batch = {0};
    uint32_t count = 0;
    size_t fits = 0;
    attach_idempotent("orders/Partitions/3", "{}", (struct producer_answer){.id = 1});
    while (buf_size(&batch) <= AMQP_EVENT_MESSAGE_MAX) {
        fits = buf_size(&batch);
        put_numbered(&batch, (int32_t)count++);
    }
    expect_rejected(send_in_pieces(1, 0, BATCH, buf_slice(&batch)), AMQP_MESSAGE_SIZE_EXCEEDED);
    expect_accepted(send_in_pieces(1, 1, BATCH, slice_head(buf_slice(&batch), fits)), 1);
    memcpy(&sent, home.asked->body, sizeof sent);
    assert_int_equal(sent.count, count - 1);
    buf_free(&batch);
    end_idempotent();
}

static void a_transfer_has_at_most_a_megabyte(void **state)
{
    (void)state;
    start("orders");
    int64_t met = limit_reached("event-hub-message");
    expect_accepted(send_bytes(0, AMQP_EVENT_MESSAGE_MAX), 0);
    assert_int_equal(limit_reached("event-hub-message"), met);
    expect_rejected(send_bytes(1, AMQP_EVENT_MESSAGE_MAX + 1), AMQP_MESSAGE_SIZE_EXCEEDED);
    assert_int_equal(limit_reached("event-hub-message") - met, 1);
    assert_int_equal(record_count(), 1);
    stop();
}

/* Of Event Hubs' clients all hear that it was rejected, unless it is larger still. */
static void a_larger_one_is_read_up_to_two_and_then_ends_the_link(void **state)
{
    (void)state;
    start("orders");
    int64_t met = limit_reached("amqp-message");
    const char *output = send_bytes(0, AMQP_EVENT_TAKEN_MAX);
    expect_rejected(output, AMQP_MESSAGE_SIZE_EXCEEDED);
    assert_null(strstr(output, "detach["));
    expect_accepted(send(1, SINGLE, "@117 b\"x\""), 1);
    assert_int_equal(limit_reached("amqp-message"), met);
    output = send_bytes(2, AMQP_EVENT_TAKEN_MAX + 1);
    assert_non_null(strstr(output, "detach[0 true @29 ['" AMQP_MESSAGE_SIZE_EXCEEDED "' "));
    assert_int_equal(limit_reached("amqp-message") - met, 1);
    stop();
}

static void a_log_without_room_makes_the_server_busy(void **state)
{
    (void)state;
    start("orders");
    stored.result = ERR_THROTTLED;
    expect_rejected(send(0, SINGLE, "@117 b\"x\""), "com.microsoft:server-busy");
    stored.result = ERR_IO;
    expect_rejected(send(1, SINGLE, "@117 b\"x\""), "amqp:internal-error");
    stop();
}

static void on_relief(void *ctx)
{
    amqp_relief(ctx);
}

/* Half of its credit, behind which it would get the next; it gets that once another's event went through. */
static void while_the_log_is_full_there_is_no_credit(void **state)
{
    (void)state;
    for (unsigned full = 0; full < 2; full++) {
        start("orders");
        w.writer.on_relief = on_relief;
        w.writer.relief_ctx = w.rig.services[0];
        rig_feed(&w.rig, &w.conn, "0 attach[\"q\" 1 false 0b 0b @40 [\"me\"] @41 [\"orders\"]]");
        w.writer.inflight = full ? LOG_INFLIGHT_MAX : 0; /* of what others have sent */
        for (unsigned id = 1; id < AMQP_EVENTS_CREDIT / 2; id++) send(id, SINGLE, "@117 b\"x\"");
        const char *last = send(AMQP_EVENTS_CREDIT / 2, SINGLE, "@117 b\"x\"");
        assert_int_equal(strstr(last, "flow[") != NULL, !full);
        w.writer.inflight = 0;
        rig_feed_format(&w.rig, &w.conn, "0 transfer[1 %d b\"t\" 0 false] @117 b\"x\"",
                        AMQP_EVENTS_CREDIT / 2 + 1);
        last = rig_output(&w.conn);
        assert_int_equal(strstr(last, "flow[") != NULL, full);
        stop();
    }
}

static void above_the_rate_the_server_is_busy(void **state)
{
    (void)state;
    struct throttle_config config = {0};
    assert_int_equal(throttle_override(&config, SLICE_LIT("events=1/h")), OK);
    start("orders");
    w.rig.hub.throttle = throttle_new(&config);
    expect_accepted(send(0, SINGLE, "@117 b\"x\""), 0);
    expect_rejected(send(1, SINGLE, "@117 b\"x\""), "com.microsoft:server-busy");
    throttle_free(w.rig.hub.throttle);
    w.rig.hub.throttle = NULL;
    stop();
}

static void links_end_with_their_event_hub(void **state)
{
    (void)state;
    start("orders");
    rig_feed(&w.rig, &w.conn,
             "0 attach[\"r\" 1 true 0b 0b @40 [\"orders/ConsumerGroups/$Default/Partitions/1\"] "
             "@41 [\"me\"]]");
    rig_output(&w.conn);
    lane_running = &w.rig.cores[0];
    fake_event_hub_goes();
    front_rig_run(&w.rig);
    const char *output = rig_output(&w.conn);
    const char *second = strstr(output, "amqp:not-found");
    assert_non_null(second);
    assert_non_null(strstr(second + 1, "amqp:not-found"));
    rig_feed(&w.rig, &w.conn, "0 attach[\"q\" 2 false 0b 0b @40 [\"me\"] @41 [\"orders\"]]");
    assert_non_null(strstr(rig_output(&w.conn), "amqp:not-found"));
    stop();
}

static void who_goes_before_the_answer_is_not_missed(void **state)
{
    (void)state;
    start("orders");
    stored.hold = true;
    send(0, SINGLE, "@117 b\"x\"");
    rig_feed(&w.rig, &w.conn, "0 detach[0 true]");
    lane_running = &w.rig.log.lane;
    answer_append(&w.rig.log.lane, stored.held);
    front_rig_run(&w.rig);
    assert_null(strstr(rig_output(&w.conn), "disposition"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_events_go_round_and_are_accepted_once_they_are_durable),
        cmocka_unit_test(a_batch_goes_to_the_partition_of_its_key_and_is_answered_once),
        cmocka_unit_test(what_only_the_service_says_is_left_out),
        cmocka_unit_test(a_key_that_is_neither_symbol_nor_string_is_left_out),
        cmocka_unit_test(a_link_may_be_a_partition_s_or_a_publisher_s),
        cmocka_unit_test(a_publisher_s_name_has_at_most_128_bytes),
        cmocka_unit_test(of_an_address_1024_bytes_are_said_again),
        cmocka_unit_test(an_idempotent_producer_is_told_who_it_is),
        cmocka_unit_test(the_sequence_number_that_was_checked_is_the_one_that_is_stored),
        cmocka_unit_test(what_an_idempotent_producer_is_refused),
        cmocka_unit_test(numbers_that_cannot_be_are_refused),
        cmocka_unit_test(a_batch_of_an_idempotent_producer_is_as_large_as_any),
        cmocka_unit_test(others_do_not_say_whose_events_they_are),
        cmocka_unit_test(what_is_no_event_is_rejected_whole),
        cmocka_unit_test(a_key_has_at_most_128_bytes),
        cmocka_unit_test(a_transfer_has_at_most_a_megabyte),
        cmocka_unit_test(a_larger_one_is_read_up_to_two_and_then_ends_the_link),
        cmocka_unit_test(a_log_without_room_makes_the_server_busy),
        cmocka_unit_test(while_the_log_is_full_there_is_no_credit),
        cmocka_unit_test(above_the_rate_the_server_is_busy),
        cmocka_unit_test(links_end_with_their_event_hub),
        cmocka_unit_test(who_goes_before_the_answer_is_not_missed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&stored.frames);
    return failed;
}
