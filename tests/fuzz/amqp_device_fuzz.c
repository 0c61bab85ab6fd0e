/* amqp_device_fuzz.c - a device at the nodes of front/amqp: the links of its twin and its methods, and those on which
 * one registers, after SASL PLAIN or TPM.
 *
 *     byte 0    a device; one that registers with SASL PLAIN; ... with SASL TPM
 *     byte 1    bit 0 the day's messages are nearly used up; bit 1 twins are throttled; bit 2 homes answer only when
 *               they are told to; bit 3 no credit from the start; bit 4 little more may be kept for it than its links
 *     byte 2..  acts: what is done is in the lower three bits (enum act), how in the others
 *
 * In the end homes answer what was asked, and credit is given.  Then each message that was not settled is settled once,
 * each request of the twin has one answer with its correlation-id, a method is called at most once and only while
 * somebody waits, desired properties come in their order, and a TPM gets its blob in pieces that fit.
 */
#include <stdio.h>

#include "amqp_device_home.h"
#include "amqp_heard.h"
#include "base/amqp.h"
#include "base/num.h"
#include "base/say.h"
#include "dps/dps.h"
#include "front/amqp/peer.h"
#include "front/amqp/sasl_tpm.h"
#include "front/amqp/testing/testing.h"
#include "fuzz.h"
#include "hub/throttle/throttle.h"

enum { QUOTA = 1, THROTTLED = 2, SLOW = 4, NO_CREDIT = 8, TIGHT = 16 };
enum { DEVICE, PLAIN, TPM, ROLES };
enum act { SEND, ANSWER, CREDIT, PATCH, CALL, LINK, SASL, WORLD };
enum { ACT_BITS = 3, MESSAGES_AT_MOST = 64, LINKS = 4, SASL_FRAME_MAX = 512 };
enum { TYPE_AT = 5, CREDIT_MAX = 100000, TIGHT_KEPT = 400 };

#define REGISTRATION "0ne1/registrations/r1"

static const struct {
    const char *address;
    bool ours; /* we send there */
} ends[2][LINKS] = {
    {{"/devices/d/twin", true},
     {"/devices/d/twin", false},
     {"/devices/d/methods/devicebound", true},
     {"/devices/d/methods/devicebound", false}},
    {{REGISTRATION, true}, {REGISTRATION, false}, {REGISTRATION, true}, {NULL, false}}};

struct link {
    enum { GONE, ASKED, OPEN, LEAVING, LEFT } state; /* LEFT: they detached it, and wait for us */
    uint32_t peer_handle, count;                     /* of deliveries */
    struct buf partial;
};

/* A message that we sent. */
struct sent {
    bool owed, settled, asks, answered;
    struct buf correlation; /* as it was encoded; empty: null */
};

static struct world {
    struct front_rig rig;
    struct log_writer writer;
    struct conn conn;
    unsigned role, modes;
    struct link links[LINKS];
    struct sent sent[MESSAGES_AT_MOST];
    uint32_t sent_count;
    int64_t version; /* of the last desired properties */
    bool called[HOME_CALLS];
    bool open, over;     /* the connection */
    bool whole;          /* no link was detached, so nothing may be missing */
    unsigned sasl_count; /* SASL frames of ours */
    size_t blob_at;      /* of the blob that came */
    unsigned part;
    bool last_part;
} w;

static bool ours(unsigned handle)
{
    return ends[w.role != DEVICE][handle].ours;
}

/* ---- answers and calls */

static bool is_null(const struct amqp_value *v)
{
    return v->whole.len == 0 || v->type == AMQP_NULL;
}

/* Of the requests that wait it is that of the first with this id. */
static void take_answer(const struct amqp_message *m)
{
    const struct amqp_value *id = &m->properties[AMQP_CORRELATION_ID];
    struct slice bytes = is_null(id) ? SLICE_NONE : id->whole;
    struct sent *s = w.sent;
    while (s < &w.sent[w.sent_count] &&
           (!s->asks || s->answered || !slice_eq(buf_slice(&s->correlation), bytes)))
        s++;
    assert(s < &w.sent[w.sent_count]);
    s->answered = true;
}

static void take_patch(const struct amqp_message *m)
{
    struct amqp_value version;
    bool there = amqp_map_find(&m->annotations, "version", &version);
    assert(there && version.i > w.version);
    w.version = version.i;
}

static void take_twin(const struct amqp_message *m)
{
    struct amqp_value v;
    if (amqp_map_find(&m->annotations, "resource", &v)) {
        take_patch(m);
        return;
    }
    bool there = amqp_map_find(&m->annotations, "status", &v);
    assert(there && v.i >= 200 && (v.i < 400 || m->data.len));
    take_answer(m);
}

static void take_call(const struct amqp_message *m)
{
    const struct amqp_value *id = &m->properties[AMQP_CORRELATION_ID];
    struct amqp_value name;
    assert(id->type == AMQP_UUID && amqp_map_find(&m->application, "IoThub-methodname", &name));
    struct cur c = cur_of(id->bytes);
    uint64_t rid = (uint64_t)cur_be32(&c) << 32;
    cur_take(&c, 8);
    rid |= cur_be32(&c);
    assert(home_waits_for(rid) && !w.called[rid]);
    w.called[rid] = true;
}

static void take_message(unsigned handle, struct slice payload)
{
    struct amqp_message m;
    enum err e = amqp_message_parse(payload, &m);
    assert(e == OK);
    if (w.role != DEVICE)
        take_answer(&m);
    else if (handle == 1)
        take_twin(&m);
    else
        take_call(&m);
}

/* ---- what is said to the peer */

static struct amqp_value next(struct cur *c)
{
    struct amqp_value v;
    enum err e = amqp_get(c, &v);
    assert(e == OK);
    return v;
}

static struct link *link_of(uint64_t peer_handle)
{
    struct link *l = w.links;
    while (l < &w.links[LINKS] &&
           (l->state == GONE || l->state == ASKED || l->peer_handle != peer_handle))
        l++;
    assert(l < &w.links[LINKS]);
    return l;
}

/* Our links are named after their handles. */
static void take_attach(struct cur c)
{
    unsigned handle = next(&c).bytes.ptr[0] - '0';
    assert(handle < LINKS && w.links[handle].state != GONE);
    w.links[handle].peer_handle = (uint32_t)next(&c).u;
    if (w.links[handle].state == ASKED) w.links[handle].state = OPEN;
}

static void take_transfer(struct cur c, struct slice payload)
{
    struct link *l = link_of(next(&c).u);
    bool first = next(&c).type != AMQP_NULL;
    next(&c), next(&c);
    bool settled = next(&c).u;
    bool more = cur_left(&c) && next(&c).u;
    assert(!first || settled);
    buf_put_slice(&l->partial, payload);
    if (more) return;
    l->count++;
    take_message((unsigned)(l - w.links), buf_slice(&l->partial));
    buf_clear(&l->partial);
}

static void take_disposition(struct cur c)
{
    next(&c);
    for (uint64_t first = next(&c).u, last = next(&c).u; first <= last; first++) {
        assert(first < w.sent_count && w.sent[first].owed && !w.sent[first].settled);
        w.sent[first].settled = true;
    }
}

static void take_detach(struct cur c)
{
    struct link *l = link_of(next(&c).u);
    l->state = l->state == LEAVING ? GONE : LEFT;
    w.whole = false;
}

static void take_part(struct slice text)
{
    unsigned control = text.ptr[0];
    text = slice_from(text, 1);
    assert(text.len <= AMQP_TPM_PART_MAX && !w.last_part);
    if (w.sasl_count < 2) {
        assert(control == 0 && text.len == 0);
        return;
    }
    w.last_part = control & 0x40;
    assert(home.proved && (control & 0x80) && (control & 0x3f) == w.part++);
    for (size_t i = 0; i < text.len; i++) assert(text.ptr[i] == home_blob_at(w.blob_at + i));
    w.blob_at += text.len;
    assert(w.last_part == (w.blob_at == home.blob_len));
}

static void take_outcome(struct cur c)
{
    w.open = next(&c).u == 0;
    w.over = !w.open;
    assert(!w.open || w.role != TPM || w.last_part);
}

static void take_frame(const struct amqp_heard *f)
{
    struct cur fields = cur_of(f->fields);
    if (f->code == 0) return;
    assert(f->frame.ptr[TYPE_AT] == 0 || f->frame.len <= SASL_FRAME_MAX);
    switch (f->code) {
    case CODE_ATTACH: take_attach(fields); break;
    case CODE_TRANSFER: take_transfer(fields, f->payload); break;
    case CODE_DISPOSITION: take_disposition(fields); break;
    case CODE_DETACH: take_detach(fields); break;
    case CODE_CHALLENGE: take_part(next(&fields).bytes); break;
    case CODE_OUTCOME: take_outcome(fields); break;
    case CODE_END:
    case CODE_CLOSE: w.over = true; break;
    default: break;
    }
}

static void take_output(void)
{
    struct slice rest = buf_slice(&w.conn.out);
    struct amqp_heard f;
    while (amqp_heard_next(&rest, &f)) take_frame(&f);
    buf_clear(&w.conn.out);
    w.over = w.over || w.conn.closing;
}

/* ---- what is sent */

static void feed(const char *fmt, ...) PRINTF(1, 2);

static void feed(const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    if (!w.over) rig_feed(&w.rig, &w.conn, buf_cstr(&text));
    buf_free(&text);
    take_output();
}

static void put_size(struct buf *frame)
{
    uint32_t size = __builtin_bswap32((uint32_t)buf_size(frame));
    memcpy(frame->ptr + frame->off, &size, sizeof size);
}

static void feed_frame(struct buf *frame)
{
    put_size(frame);
    lane_running = w.conn.lane;
    amqp_front.feed(w.conn.self, buf_slice(frame), rig_now_us);
    buf_free(frame);
    front_rig_run(&w.rig);
    take_output();
}

static void note_sent(uint32_t id, bool settled, struct slice payload)
{
    struct sent *s = &w.sent[id];
    struct amqp_message m;
    s->owed = !settled;
    s->asks = amqp_message_parse(payload, &m) == OK;
    if (s->asks && !is_null(&m.properties[AMQP_CORRELATION_ID]))
        buf_put_slice(&s->correlation, m.properties[AMQP_CORRELATION_ID].whole);
}

static void send(unsigned handle, bool settled, struct slice payload)
{
    static const uint8_t head[AMQP_FRAME_HEAD] = {0, 0, 0, 0, 2, 0, 0, 0};
    struct buf frame = {0};
    if (w.links[handle].state != OPEN || !ours(handle) || w.sent_count == MESSAGES_AT_MOST) return;
    uint32_t id = w.sent_count++;
    note_sent(id, settled, payload);
    if (handle == 2 && w.role == DEVICE) w.sent[id].asks = false; /* it answers */
    buf_put(&frame, head, sizeof head);
    amqp_put_descriptor(&frame, CODE_TRANSFER);
    struct amqp_open list = amqp_open_list(&frame);
    amqp_put_uint(&frame, handle);
    amqp_put_uint(&frame, id);
    amqp_put_binary(&frame, SLICE_LIT("t"));
    amqp_put_uint(&frame, 0);
    amqp_put_bool(&frame, settled);
    amqp_close(&frame, list, 5);
    buf_put_slice(&frame, payload);
    feed_frame(&frame);
}

static void credit(unsigned handle, unsigned amount, bool drain)
{
    const struct link *l = &w.links[handle];
    if (l->state == OPEN && !ours(handle))
        feed("0 flow[1 %d 1 %d %u %u %u null %s]", CREDIT_MAX, CREDIT_MAX, handle, l->count, amount,
             drain ? "true" : "false");
}

static void attach(unsigned handle)
{
    const char *address = ends[w.role != DEVICE][handle].address;
    if (address == NULL || !w.open) return;
    w.links[handle].state = ASKED;
    w.links[handle].count = 0;
    buf_clear(&w.links[handle].partial);
    feed("0 attach[\"%u\" %u %s 0b 0b @40 [\"%s\"] @41 [\"%s\"]%s]", handle, handle,
         ours(handle) ? "false" : "true", ours(handle) ? "me" : address,
         ours(handle) ? address : "me", ours(handle) ? " null null 0" : "");
}

/* Attached or detached by us. */
static void turn(unsigned handle)
{
    struct link *l = &w.links[handle];
    if (l->state == GONE) {
        attach(handle);
    } else if (l->state == OPEN) {
        l->state = LEAVING;
        w.whole = false;
        feed("0 detach[%u true]", handle);
    }
}

static void detach_those_left(void)
{
    for (unsigned i = 0; i < LINKS; i++) {
        if (w.links[i].state != LEFT) continue;
        w.links[i].state = GONE;
        feed("0 detach[%u true]", i);
    }
}

static void answer_all(void)
{
    lane_running = w.conn.lane;
    while (home_answer(0)) front_rig_run(&w.rig), lane_running = w.conn.lane;
    take_output();
}

static void greet(void)
{
    feed("AMQP0\n0 open[\"client\" \"hub.test\"]\n0 begin[null 1 %d %d]", CREDIT_MAX, CREDIT_MAX);
    for (unsigned i = 0; i < LINKS; i++) attach(i);
    if (!(w.modes & SLOW)) answer_all();
    for (unsigned i = 0; i < LINKS && !(w.modes & NO_CREDIT); i++) credit(i, 100, false);
    struct amqp *engine = &((struct peer *)w.conn.self)->engine;
    if (w.modes & TIGHT) amqp_set_kept_max(engine, engine->kept_bytes + TIGHT_KEPT);
}

/* The first is the init, all others are responses. */
static void say_sasl(struct slice response)
{
    static const uint8_t head[AMQP_FRAME_HEAD] = {0, 0, 0, 0, 2, 1, 0, 0};
    struct buf frame = {0};
    if (w.role != TPM || w.open || w.over) return;
    bool init = w.sasl_count++ == 0;
    buf_put(&frame, head, sizeof head);
    amqp_put_descriptor(&frame, init ? CODE_INIT : CODE_RESPONSE);
    struct amqp_open list = amqp_open_list(&frame);
    if (init) amqp_put_sym(&frame, "TPM");
    amqp_put_binary(&frame, response);
    amqp_close(&frame, list, init ? 2 : 1);
    feed_frame(&frame);
    if (w.open && !w.over) greet();
}

/* ---- acts */

static void change_world(unsigned how)
{
    switch (how % 8) {
    case 0: w.conn.congested = true; break;
    case 1: rig_drain(&w.rig, &w.conn); break;
    case 2: w.whole = w.whole && !home.granted, home_close(); break;
    case 3: front_rig_sleep(&w.rig, 30 * 1000000ll); break;
    case 4: home_give_up_call(); break;
    case 5: home_renew(RIG_EPOCH_US + rig_now_us + 10 * 1000000ll); break;
    case 6: home.blob_len = how / 8 * 600; break;
    case 7: w.over = true; break; /* the peer is gone, whatever waits */
    }
}

static struct slice take_text(struct cur *c)
{
    size_t len = cur_le16(c);
    return cur_take(c, MIN(len, cur_left(c)));
}

static void act(struct cur *c)
{
    unsigned byte = cur_u8(c), how = byte >> ACT_BITS;
    lane_running = w.conn.lane;
    switch ((enum act)(byte % (1 << ACT_BITS))) {
    case SEND: send(how % LINKS, how & LINKS, take_text(c)); break;
    case ANSWER: home_answer(how); break;
    case CREDIT: credit(how % LINKS, cur_u8(c), how & LINKS); break;
    case PATCH: home_patch(how * 16 + 1); break;
    case CALL: home_call(how * 4096); break;
    case LINK: turn(how % LINKS); break;
    case SASL: say_sasl(take_text(c)); break;
    case WORLD: change_world(how); break;
    }
    front_rig_run(&w.rig);
    take_output();
    detach_those_left();
    if (!w.over) amqp_front.owes(w.conn.self);
}

/* ---- life */

static void limit(struct hub *hub)
{
    struct throttle_config few = {.quota = {.messages = 3, .meter = 4096}};
    few.rates[THROTTLES_TWIN_READS] = (struct throttle_rate){1, 20 * 1000000ll};
    few.rates[THROTTLES_TWIN_UPDATES] = few.rates[THROTTLES_TWIN_READS];
    if (w.modes & THROTTLED) hub->throttle = throttle_new(&few);
    if (w.modes & QUOTA) hub->quota = quota_new(&few.quota);
}

static void start(unsigned role, unsigned modes)
{
    w = (struct world){.role = role, .modes = modes, .whole = true};
    home_init();
    front_rig_init(&w.rig);
    snprintf(w.rig.hub.id_scope, sizeof w.rig.hub.id_scope, "0ne1");
    limit(&w.rig.hub);
    log_writer_init(&w.writer, &w.rig.log, &w.rig.cores[0]);
    w.rig.services[0]->telemetry.writer = &w.writer;
    w.rig.services[0]->doors.twins = (void *)&home; /* that they are there is all that is asked */
    w.rig.services[0]->doors.methods = (void *)&home;
    w.rig.services[0]->doors.dps = (void *)&home;
    rig_open(&w.rig, &w.conn, 0);
    w.open = role == DEVICE;
    if (role != DEVICE) feed("AMQP3");
    if (role == PLAIN)
        feed("sasl init['PLAIN' b\"\\0" REGISTRATION
             "\\0SharedAccessSignature sr=0ne1&sig=YQ%%3d%%3d&se=9999999999&skn=registration\"]");
    if (w.open) greet();
}

/* What waited for an answer or for credit has it. */
static void settle_all(void)
{
    rig_drain(&w.rig, &w.conn);
    take_output();
    answer_all();
    for (unsigned i = 0; i < LINKS; i++) credit(i, CREDIT_MAX, false);
}

static void check_whole(void)
{
    for (uint32_t id = 0; id < w.sent_count; id++) {
        assert(w.sent[id].settled == w.sent[id].owed);
        assert(w.role != DEVICE || w.sent[id].asks == w.sent[id].answered);
    }
    assert(!w.open || !amqp_front.owes(w.conn.self));
}

static void stop(void)
{
    rig_close(&w.rig, &w.conn);
    home_fini();
    log_writer_fini(&w.writer);
    throttle_free(w.rig.hub.throttle);
    quota_free(w.rig.hub.quota);
    front_rig_fini(&w.rig);
    for (unsigned i = 0; i < LINKS; i++) buf_free(&w.links[i].partial);
    for (unsigned i = 0; i < MESSAGES_AT_MOST; i++) buf_free(&w.sent[i].correlation);
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    unsigned role = cur_u8(&c) % ROLES, modes = cur_u8(&c);
    say_level_max = SAY_ERROR;
    start(role, modes);
    while (cur_left(&c) && !c.bad && !w.over) act(&c);
    if (!w.over) settle_all();
    if (!w.over && w.whole) check_whole();
    stop();
}
