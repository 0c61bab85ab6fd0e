/* amqp_service_fuzz.c - messages of services and producers to the nodes of front/amqp: events for an event hub, for a
 * partition, of a publisher, numbered ones of an idempotent producer; messages to devices; requests of $management and
 * $cbs.
 *
 *     byte 0    the node
 *     byte 1    bit 0 a batch; bit 1 settled; bit 2 what is stored or sent fails; bit 3 the event hub goes in between;
 *               bit 4 nobody takes answers; bit 5 producers are throttled; bit 6 the log is full, and answers only
 *               when all was sent; bit 7 the partition's home refuses an idempotent producer
 *     byte 2..  messages, each behind its length in two bytes, little-endian; of an idempotent producer the first is
 *               what its link says of it
 *
 * Each message that is not settled is settled once.  What is stored are records whose annotations and sections are
 * whole, without what only the hub says, and numbered as they were checked; what is answered is a message with a
 * status.
 */
#include "amqp_heard.h"
#include "base/amqp.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/peer.h"
#include "front/amqp/testing/testing.h"
#include "fuzz.h"
#include "hub/producer/producer.h"
#include "hub/throttle/throttle.h"
#include "log/record.h"
#include "proto/amqp/testing/testing.h"

enum {
    BATCH = 1,
    SETTLED = 2,
    FAILS = 4,
    GOES = 8,
    SILENT = 16,
    THROTTLED = 32,
    FULL = 64,
    TAKEN = 128
};
enum { MESSAGES_AT_MOST = 16 };

#define IDEMPOTENT "com.microsoft:idempotent-producer"
#define TEN_BYTES  "0123456789"
#define LONG_NAME                                                                                  \
    TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES      \
        TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES

static const struct {
    const char *address;
    bool answers, idempotent;
} nodes[] = {{.address = "orders"},
             {.address = "orders/Partitions/2"},
             {.address = "orders/Publishers/me"},
             {.address = "/messages/devicebound"},
             {.address = "$management", .answers = true},
             {.address = "$cbs", .answers = true},
             {.address = "orders/$management", .answers = true},
             {.address = "orders/Partitions/9"}, /* there are four */
             {.address = "orders/Partitions/2", .idempotent = true},
             {.address = "orders", .idempotent = true}, /* they send to one partition */
             {.address = "orders/Publishers/" LONG_NAME}};

static struct world {
    struct front_rig rig;
    struct log_writer writer;
    struct conn conn;
    unsigned modes;
    enum err stored;                    /* what the log says */
    struct msg *kept[MESSAGES_AT_MOST]; /* that the log has not answered */
    unsigned kept_count;
    struct producer_answer producer; /* who it was told that it is */
    bool taken[MESSAGES_AT_MOST], gone;
} w;

/* ---- what is stored */

static void check_pairs(struct slice pairs, unsigned count)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    for (unsigned i = 0; i < count; i++) {
        bool fine = amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK &&
                    amqp_check(&value) == OK && key.type == AMQP_SYMBOL && key.bytes.len;
        assert(fine && !slice_is(key.bytes, "x-opt-sequence-number"));
        assert(!slice_is(key.bytes, "x-opt-offset") && !slice_is(key.bytes, "x-opt-enqueued-time"));
    }
    assert(cur_left(&c) == 0);
}

static void check_sections(struct slice sections)
{
    struct amqp_message message;
    enum err e = amqp_message_parse(sections, &message);
    assert(e == OK || sections.len == 0);
}

static void answer_append(struct msg *m)
{
    struct log_appended answer = {w.stored, 0};
    struct addr from = m->from;
    memcpy(m->body, &answer, sizeof answer);
    m->kind = LOG_APPENDED;
    post(&w.rig.log.lane, m->to, from, m);
}

static void on_append(void *ctx, struct lane *lane, struct msg *m)
{
    struct record r;
    (void)ctx, (void)lane;
    for (struct slice rest = msg_body(m); rest.len; rest = slice_from(rest, r.frame.len)) {
        enum err e = record_parse(rest, &r);
        assert(e == OK);
        check_pairs(r.pairs, r.pair_count);
        check_sections(r.sections);
    }
    msg_keep(m);
    if (!(w.modes & FULL)) {
        answer_append(m);
        return;
    }
    assert(w.kept_count < MESSAGES_AT_MOST);
    w.kept[w.kept_count++] = m;
}

/* ---- idempotent producers: the partition's home */

static void answer_producer(struct lane *lane, const struct msg *m, struct producer_answer answer)
{
    struct msg *reply = msg_new(m->kind + 1, sizeof answer);
    memcpy(reply->body, &answer, sizeof answer);
    post_reply(lane, m, reply);
}

static void on_open_producer(void *ctx, struct lane *lane, struct msg *m)
{
    struct producer_open want;
    (void)ctx;
    memcpy(&want, m->body, sizeof want);
    assert(want.id >= PRODUCER_NONE && want.epoch >= PRODUCER_NONE && want.epoch <= INT16_MAX);
    assert(want.stream == FAKE_STREAM && want.partition == 2 && want.sequence >= PRODUCER_NONE);
    w.producer = (struct producer_answer){.id = want.id == PRODUCER_NONE ? 1 : want.id,
                                          .epoch = MAX(want.epoch, 0),
                                          .sequence = MAX(want.sequence, 0)};
    if (w.modes & TAKEN) w.producer.outcome = PRODUCER_STOLEN + w.modes % PRODUCER_BROKEN;
    answer_producer(lane, m, w.producer);
}

/* The first one of that name, as the hub reads it after a restart. */
static int64_t number_among(struct slice pairs, const char *name)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    int64_t number = PRODUCER_NONE;
    while (amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (slice_is(key.bytes, name))
            return amqp_integer(&value, &number) ? number : PRODUCER_NONE;
    return PRODUCER_NONE;
}

static void check_numbered(struct cur *c, const struct producer_send *batch, uint32_t sequence)
{
    struct producer_event head;
    struct slice bytes = cur_take(c, sizeof head);
    assert(bytes.len == sizeof head);
    memcpy(&head, bytes.ptr, sizeof head);
    struct slice pairs = cur_take(c, head.pairs_len);
    assert(pairs.len == head.pairs_len);
    check_pairs(pairs, head.pair_count);
    assert(number_among(pairs, PRODUCER_ID) == batch->id);
    assert(number_among(pairs, PRODUCER_EPOCH) == batch->epoch);
    assert(number_among(pairs, PRODUCER_SEQUENCE) == sequence);
    check_sections(cur_take(c, head.sections_len));
}

static void on_send_producer(void *ctx, struct lane *lane, struct msg *m)
{
    struct cur c = cur_of(msg_body(m));
    struct producer_answer answer = w.producer;
    struct producer_send batch;
    (void)ctx;
    memcpy(&batch, cur_take(&c, sizeof batch).ptr, sizeof batch);
    assert(batch.count && batch.id == w.producer.id && batch.epoch == w.producer.epoch);
    for (uint32_t i = 0; i < batch.count; i++)
        check_numbered(&c, &batch, (batch.first + i) & INT32_MAX);
    assert(cur_left(&c) == 0 && !c.bad);
    if (w.modes & FAILS) answer.outcome = PRODUCER_STOLEN + batch.first % PRODUCER_BROKEN;
    answer_producer(lane, m, answer);
}

/* ---- what is said to the peer */

static uint64_t number(struct cur *c)
{
    struct amqp_value v;
    enum err e = amqp_get(c, &v);
    assert(e == OK);
    return v.u;
}

static void take_disposition(struct cur c)
{
    struct amqp_value role;
    enum err e = amqp_get(&c, &role);
    assert(e == OK);
    for (uint64_t first = number(&c), last = number(&c); first <= last; first++) {
        assert(first < MESSAGES_AT_MOST && !w.taken[first]);
        w.taken[first] = true;
    }
}

static void take_answer(struct slice payload)
{
    struct amqp_message m;
    struct amqp_value status;
    enum err e = amqp_message_parse(payload, &m);
    bool there = e == OK && amqp_map_find(&m.application, "status-code", &status);
    assert(there && status.i >= 200);
}

static void take_output(void)
{
    struct slice rest = buf_slice(&w.conn.out);
    struct amqp_heard f;
    while (amqp_heard_next(&rest, &f)) {
        assert(!f.is_header);
        if (f.code == CODE_DISPOSITION) take_disposition(cur_of(f.fields));
        if (f.code == CODE_TRANSFER) take_answer(f.payload);
        if (f.code == CODE_DETACH || f.code == CODE_CLOSE) w.gone = true;
    }
    buf_clear(&w.conn.out);
}

/* ---- what is sent */

static const uint8_t frame_head[AMQP_FRAME_HEAD] = {0, 0, 0, 0, 2, 0, 0, 0};

static void put_transfer(struct buf *b, uint32_t id, unsigned modes, struct slice payload)
{
    buf_put(b, frame_head, sizeof frame_head);
    amqp_put_descriptor(b, CODE_TRANSFER);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_uint(b, 0);
    amqp_put_uint(b, id);
    amqp_put_binary(b, SLICE_LIT("t"));
    amqp_put_uint(b, modes & BATCH ? AMQP_FORMAT_BATCH : 0);
    amqp_put_bool(b, modes & SETTLED);
    amqp_close(b, list, 5);
    buf_put_slice(b, payload);
}

static void feed(struct buf *frame)
{
    uint32_t size = __builtin_bswap32((uint32_t)buf_size(frame));
    memcpy(frame->ptr + frame->off, &size, sizeof size);
    lane_running = w.conn.lane;
    amqp_front.feed(w.conn.self, buf_slice(frame), rig_now_us);
    buf_free(frame);
    front_rig_run(&w.rig);
}

static void send(uint32_t id, unsigned modes, struct slice payload)
{
    struct buf frame = {0};
    put_transfer(&frame, id, modes, payload);
    w.rig.log.fail = w.stored;
    feed(&frame);
    while (fake_c2d.wait_count) {
        static const enum status refusals[] = {STATUS_DEVICE_NOT_FOUND, STATUS_QUOTA_EXCEEDED,
                                               STATUS_MESSAGE_TOO_LARGE, STATUS_THROTTLING,
                                               STATUS_SERVICE_UNAVAILABLE};
        lane_running = w.conn.lane;
        fake_c2d_answer(modes & FAILS ? refusals[id % 5] : STATUS_OK, "why");
    }
    front_rig_run(&w.rig);
    take_output();
}

static struct slice take_message(struct cur *c)
{
    size_t len = cur_le16(c);
    return cur_take(c, MIN(len, cur_left(c)));
}

static void limit(void)
{
    struct throttle_config few = {.quota = {.messages = 0}};
    few.rates[THROTTLES_EVENTS] = (struct throttle_rate){2, 1000000};
    if (w.modes & THROTTLED) w.rig.hub.throttle = throttle_new(&few);
    if (w.modes & FULL) w.writer.inflight += LOG_INFLIGHT_MAX;
}

static void play_home(void)
{
    for (unsigned i = 0; i < RIG_CORES; i++) {
        lane_on(&w.rig.cores[i], PRODUCER_OPEN, on_open_producer, NULL);
        lane_on(&w.rig.cores[i], PRODUCER_SEND, on_send_producer, NULL);
    }
}

static void attach(unsigned node)
{
    rig_feed_format(&w.rig, &w.conn, "0 attach[\"in\" 0 false 0b 0b @40 [\"me\"] @41 [\"%s\"]]",
                    nodes[node].address);
    if (nodes[node].answers && !(w.modes & SILENT))
        rig_feed_format(&w.rig, &w.conn,
                        "0 attach[\"out\" 1 true 0b 0b @40 [\"%s\"] @41 [\"back\"]]\n"
                        "0 flow[1 1000 1 1000 1 0 1000]",
                        nodes[node].address);
}

static void attach_idempotent(unsigned node, struct slice properties)
{
    struct buf frame = {0}, target = {0};
    buf_put(&frame, frame_head, sizeof frame_head);
    amqp_put_descriptor(&frame, CODE_ATTACH);
    struct amqp_open list = amqp_open_list(&frame);
    buf_printf(&target, "@41 [\"%s\"]", nodes[node].address);
    const char *const fields[] = {
        "\"in\"", "0",    "false", "0b",   "0b",   "@40 [\"me\"]",        buf_cstr(&target),
        "null",   "null", "null",  "null", "null", ("<'" IDEMPOTENT "'>")};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) wire_put_value(&frame, fields[i]);
    buf_put_slice(&frame, properties);
    amqp_close(&frame, list, sizeof fields / sizeof *fields + (properties.len != 0));
    feed(&frame);
    buf_free(&target);
}

static void start(unsigned node, unsigned modes, struct cur *c)
{
    w = (struct world){.modes = modes, .stored = modes & FAILS ? ERR_THROTTLED : OK};
    front_rig_init(&w.rig);
    lane_on(&w.rig.log.lane, LOG_APPEND, on_append, NULL);
    log_writer_init(&w.writer, &w.rig.log, &w.rig.cores[0]);
    w.rig.services[0]->telemetry.writer = &w.writer;
    limit();
    play_home();
    rig_open(&w.rig, &w.conn, 0);
    rig_greet(&w.rig, &w.conn);
    rig_authorise(&w.rig, &w.conn, rig_token(&w.rig, "service", "hub.test", RIG_DAY_US));
    if (nodes[node].idempotent)
        attach_idempotent(node, take_message(c));
    else
        attach(node);
    w.gone = strstr(rig_output(&w.conn), "detach[") != NULL;
}

/* The log has answered and has room again, and throttled producers have their turn. */
static void settle_all(void)
{
    bool waits = w.kept_count && !w.conn.closing && !w.gone;
    assert(!waits || amqp_front.owes(w.conn.self));
    if (w.modes & FULL) w.writer.inflight -= LOG_INFLIGHT_MAX;
    lane_running = &w.rig.log.lane;
    for (unsigned i = 0; i < w.kept_count; i++) answer_append(w.kept[i]);
    front_rig_run(&w.rig);
    lane_running = w.conn.lane;
    amqp_relief(w.rig.services[0]);
    front_rig_sleep(&w.rig, 6 * 1000000ll);
    take_output();
}

static void stop(void)
{
    rig_close(&w.rig, &w.conn);
    log_writer_fini(&w.writer);
    throttle_free(w.rig.hub.throttle);
    front_rig_fini(&w.rig);
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    unsigned node = cur_u8(&c) % (sizeof nodes / sizeof *nodes), modes = cur_u8(&c);
    uint32_t sent = 0;
    say_level_max = SAY_ERROR;
    start(node, modes, &c);
    while (sent < MESSAGES_AT_MOST && cur_left(&c) && !w.conn.closing && !w.gone) {
        struct slice message = take_message(&c);
        if (modes & GOES && sent == 1) {
            lane_running = w.conn.lane;
            fake_event_hub_goes();
        }
        send(sent++, modes, message);
    }
    settle_all();
    for (uint32_t id = 0; id < sent && !w.conn.closing && !w.gone; id++)
        assert(w.taken[id] == !(modes & SETTLED));
    stop();
}
