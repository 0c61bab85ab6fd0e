/* amqp_service_fuzz.c - messages of services and producers to the nodes of front/amqp: events for an event hub, for a
 * partition, of a publisher; messages to devices; requests of $management and $cbs.
 *
 *     byte 0    the node
 *     byte 1    bit 0 a batch; bit 1 settled; bit 2 what is stored or sent fails; bit 3 the event hub goes in between;
 *               bit 4 nobody takes answers
 *     byte 2..  messages, each behind its length in two bytes, little-endian
 *
 * Each message that is not settled is settled once.  What is stored are records whose annotations and sections are
 * whole, without what only the hub says; what is answered is a message with a status.
 */
#include "base/amqp.h"
#include "base/say.h"
#include "front/amqp/peer.h"
#include "front/amqp/testing/testing.h"
#include "fuzz.h"
#include "log/record.h"

enum { BATCH = 1, SETTLED = 2, FAILS = 4, GOES = 8, SILENT = 16 };
enum { MESSAGES_AT_MOST = 16 };
enum { TRANSFER = 0x14, DISPOSITION = 0x15, DETACH = 0x16, CLOSE = 0x18, FRAME_HEAD = 8 };

static const struct {
    const char *address;
    bool answers;
} nodes[] = {{"orders", false},
             {"orders/Partitions/2", false},
             {"orders/Publishers/me", false},
             {"/messages/devicebound", false},
             {"$management", true},
             {"$cbs", true},
             {"orders/$management", true},
             {"orders/Partitions/9", false}}; /* there are four */

static struct world {
    struct front_rig rig;
    struct log_writer writer;
    struct conn conn;
    enum err stored; /* what the log says */
    bool taken[MESSAGES_AT_MOST], gone;
} w;

/* ---- what is stored */

static void check_pairs(const struct record *r)
{
    struct cur c = cur_of(r->pairs);
    struct amqp_value key, value;
    for (unsigned i = 0; i < r->pair_count; i++) {
        bool fine = amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK &&
                    amqp_check(&value) == OK && key.type == AMQP_SYMBOL && key.bytes.len;
        assert(fine && !slice_is(key.bytes, "x-opt-sequence-number"));
        assert(!slice_is(key.bytes, "x-opt-offset") && !slice_is(key.bytes, "x-opt-enqueued-time"));
    }
    assert(cur_left(&c) == 0);
}

static void on_append(void *ctx, struct lane *lane, struct msg *m)
{
    struct log_appended answer = {w.stored, 0};
    struct addr from = m->from;
    struct amqp_message message;
    struct record r;
    (void)ctx;
    for (struct slice rest = msg_body(m); rest.len; rest = slice_from(rest, r.frame.len)) {
        enum err e = record_parse(rest, &r);
        assert(e == OK);
        check_pairs(&r);
        e = amqp_message_parse(r.sections, &message);
        assert(e == OK || r.sections.len == 0);
    }
    msg_keep(m);
    memcpy(m->body, &answer, sizeof answer);
    m->kind = LOG_APPENDED;
    post(lane, m->to, from, m);
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

static void take_frame(struct slice frame)
{
    struct cur c = cur_of(slice_from(frame, FRAME_HEAD));
    struct amqp_value fields;
    uint64_t code;
    if (cur_left(&c) == 0) return;
    enum err e = amqp_get_descriptor(&c, &code);
    if (e == OK) e = amqp_get(&c, &fields);
    assert(e == OK && fields.type == AMQP_LIST);
    if (code == DISPOSITION) take_disposition(cur_of(fields.bytes));
    if (code == TRANSFER) take_answer(cur_rest(&c));
    if (code == DETACH || code == CLOSE) w.gone = true;
}

static void take_output(void)
{
    struct slice rest = buf_slice(&w.conn.out);
    while (rest.len) {
        struct cur c = cur_of(rest);
        size_t size = cur_be32(&c);
        assert(size >= FRAME_HEAD && size <= rest.len);
        take_frame(slice_head(rest, size));
        rest = slice_from(rest, size);
    }
    buf_clear(&w.conn.out);
}

/* ---- what is sent */

static void put_transfer(struct buf *b, uint32_t id, unsigned modes, struct slice payload)
{
    static const uint8_t head[FRAME_HEAD] = {0, 0, 0, 0, 2, 0, 0, 0};
    buf_put(b, head, sizeof head);
    amqp_put_descriptor(b, TRANSFER);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_uint(b, 0);
    amqp_put_uint(b, id);
    amqp_put_binary(b, SLICE_LIT("t"));
    amqp_put_uint(b, modes & BATCH ? AMQP_FORMAT_BATCH : 0);
    amqp_put_bool(b, modes & SETTLED);
    amqp_close(b, list, 5);
    buf_put_slice(b, payload);
    uint32_t size = __builtin_bswap32((uint32_t)buf_size(b));
    memcpy(b->ptr + b->off, &size, sizeof size);
}

static void send(uint32_t id, unsigned modes, struct slice payload)
{
    struct buf frame = {0};
    put_transfer(&frame, id, modes, payload);
    w.rig.log.fail = w.stored;
    lane_running = w.conn.lane;
    amqp_front.feed(w.conn.self, buf_slice(&frame), rig_now_us);
    buf_free(&frame);
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

static void start(unsigned node, unsigned modes)
{
    w = (struct world){.stored = modes & FAILS ? ERR_THROTTLED : OK};
    front_rig_init(&w.rig);
    lane_on(&w.rig.log.lane, LOG_APPEND, on_append, NULL);
    log_writer_init(&w.writer, &w.rig.log, &w.rig.cores[0]);
    w.rig.services[0]->telemetry.writer = &w.writer;
    rig_open(&w.rig, &w.conn, 0);
    rig_greet(&w.rig, &w.conn);
    rig_authorise(&w.rig, &w.conn, rig_token(&w.rig, "service", "hub.test", RIG_DAY_US));
    rig_feed_format(&w.rig, &w.conn, "0 attach[\"in\" 0 false 0b 0b @40 [\"me\"] @41 [\"%s\"]]",
                    nodes[node].address);
    if (nodes[node].answers && !(modes & SILENT))
        rig_feed_format(&w.rig, &w.conn,
                        "0 attach[\"out\" 1 true 0b 0b @40 [\"%s\"] @41 [\"back\"]]\n"
                        "0 flow[1 1000 1 1000 1 0 1000]",
                        nodes[node].address);
    w.gone = strstr(rig_output(&w.conn), "detach[") != NULL;
}

static void stop(void)
{
    rig_close(&w.rig, &w.conn);
    log_writer_fini(&w.writer);
    front_rig_fini(&w.rig);
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    unsigned node = cur_u8(&c) % (sizeof nodes / sizeof *nodes), modes = cur_u8(&c);
    uint32_t sent = 0;
    say_level_max = SAY_ERROR;
    start(node, modes);
    while (sent < MESSAGES_AT_MOST && cur_left(&c) && !w.conn.closing && !w.gone) {
        size_t len = cur_le16(&c);
        struct slice message = cur_rest(&c);
        message = cur_take(&c, MIN(len, message.len));
        if (modes & GOES && sent == 1) {
            lane_running = w.conn.lane;
            fake_event_hub_goes();
        }
        send(sent++, modes, message);
    }
    for (uint32_t id = 0; id < sent && !w.conn.closing && !w.gone; id++)
        assert(w.taken[id] == !(modes & SETTLED));
    stop();
}
