/* publish.c - see publish.h. */
#include "publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "measure.h"
#include "mqtt.h"
#include "options.h"
#include "payload.h"
#include "util.h"

enum { HEAD_MAX = 10 }; /* of a PUBLISH, without its topic */

#define WAIT_NS   (NSEC / 100) /* for what may happen */
#define SETTLE_NS (60 * NSEC)

/* What waits for its PUBACK. */
struct slot {
    uint64_t t0;
    uint16_t pid; /* 0: free */
};

static unsigned slot_mask;
static struct conn **ready; /* ring of connections that may send */
static unsigned ready_head, ready_count;

/* Of the phase that is going on. */
static bool sending;
static uint64_t began, next_note;
static uint64_t limit, sent; /* messages; limit 0: none */
static uint64_t due;         /* rate mode: messages that are */
static double message_ns;    /* rate mode: time between messages */

void publish_init(void)
{
    unsigned slots = 1;
    while (slots < opt.window * 2) slots *= 2;
    slot_mask = slots - 1;
    ready = xcalloc(conn_count, sizeof *ready);
    if (opt.rate > 0) message_ns = 1e9 / opt.rate;
    for (unsigned i = opt.subs; i < conn_count; i++) {
        conns[i].next_pid = 1;
        if (opt.qos && (opt.mode == MODE_PUB || opt.messages))
            conns[i].slots = xcalloc(slots, sizeof *conns[i].slots);
    }
}

/* ---- who may send */

static void make_ready(struct conn *k)
{
    if (k->queued || k->st != ST_UP || k->is_sub) return;
    k->queued = true;
    ready[(ready_head + ready_count++) % conn_count] = k;
}

static struct conn *take_ready(void)
{
    struct conn *k = ready[ready_head];
    ready_head = (ready_head + 1) % conn_count;
    ready_count--;
    k->queued = false;
    return k;
}

void publish_wake(struct conn *k)
{
    if (sending) make_ready(k);
}

bool publish_acked(struct conn *k, uint16_t id)
{
    struct slot *s = k->slots ? &k->slots[id & slot_mask] : NULL;
    if (!s || s->pid != id || !id) return false;
    if (measuring) {
        uint64_t t = now_ns();
        hist_add(&ack_time, t > s->t0 ? t - s->t0 : 0);
    }
    s->pid = 0;
    k->inflight--;
    k->acked++;
    counts.acked++;
    publish_wake(k);
    return true;
}

/* ---- sending */

static uint16_t take_id(struct conn *k, uint64_t t0)
{
    uint16_t pid = k->next_pid;
    k->slots[pid & slot_mask] = (struct slot){.t0 = t0, .pid = pid};
    k->next_pid = pid == 65535 ? 1 : (uint16_t)(pid + 1);
    k->inflight++;
    return pid;
}

static char *packets;

/* Room for `more` bytes behind `used`. */
static char *room_behind(size_t used, size_t more)
{
    static size_t cap;
    if (used + more > cap) packets = xrealloc(packets, cap = (used + more) * 2);
    return packets + used;
}

/* Appends one PUBLISH to the packets at `off`; returns the new offset. */
static size_t add_publish(struct conn *k, size_t off, uint64_t t0)
{
    size_t rest = 2 + k->topic_len + (opt.qos ? 2 : 0) + opt.size;
    char *p = room_behind(off, HEAD_MAX + rest);
    *p++ = (char)(0x30 | opt.qos << 1 | (opt.retain ? 1 : 0));
    p += mqtt_put_len(p, rest);
    *p++ = (char)(k->topic_len >> 8);
    *p++ = (char)k->topic_len;
    memcpy(p, k->topic, k->topic_len);
    p += k->topic_len;
    if (opt.qos) {
        uint16_t pid = take_id(k, t0);
        *p++ = (char)(pid >> 8);
        *p++ = (char)pid;
    }
    payload_put(p, &(struct payload){.t_ns = t0, .publisher = k->idx, .sequence = k->sent});
    k->sent++;
    counts.sent++;
    return (size_t)(p - packets) + opt.size;
}

static bool may_send(const struct conn *k)
{
    if (k->blocked || k->st != ST_UP || (limit && sent >= limit)) return false;
    if (!opt.qos) return true;
    return k->inflight < opt.window && !k->slots[k->next_pid & slot_mask].pid;
}

/* Rate mode: the next message is due, and counts from when it was to be sent, so that a stall counts. */
static bool take_due(struct conn *k, uint64_t *t0)
{
    if (opt.rate <= 0) return true;
    if (!k->due) return false;
    *t0 = began + (uint64_t)((double)(k->sched_seq * opt.pubs + k->idx) * message_ns);
    k->due--;
    k->sched_seq++;
    return true;
}

/* Sends what the connection may send now.  Returns true if it could send more. */
static bool pump(struct conn *k)
{
    size_t off = 0;
    unsigned n = 0, max = opt.qos ? opt.window : opt.batch;
    uint64_t t0 = now_ns();
    while (n < max && may_send(k) && take_due(k, &t0)) {
        off = add_publish(k, off, t0);
        sent++;
        n++;
    }
    if (off) mqtt_write(k, packets, off);
    return n == max && may_send(k);
}

/* ---- a phase */

static void begin(uint64_t messages)
{
    began = now_ns();
    next_note = began + NSEC;
    limit = messages;
    sent = due = 0;
    sending = true;
    for (unsigned i = opt.subs; i < conn_count; i++) {
        conns[i].due = conns[i].sched_seq = 0;
        if (opt.rate <= 0) make_ready(&conns[i]);
    }
}

/* Rate mode: message k belongs to publisher k mod pubs.  Returns how long none of them has anything to do. */
static uint64_t let_fall_due(uint64_t t)
{
    while ((double)due * message_ns <= (double)(t - began)) {
        struct conn *k = &conns[opt.subs + due % opt.pubs];
        k->due++;
        make_ready(k);
        due++;
    }
    if (ready_count) return 0;
    uint64_t next = began + (uint64_t)((double)due * message_ns);
    t = now_ns();
    return next > t ? MIN(next - t, WAIT_NS) : 0;
}

/* Once a second. */
static void say_how_far(uint64_t t)
{
    if (opt.quiet || t <= next_note) return;
    fprintf(stderr, "  %.1fs sent %" PRIu64 " acked %" PRIu64 " received %" PRIu64 "\n",
            (double)(t - began) / 1e9, counts.sent, counts.acked, counts.received);
    next_note = t + NSEC;
}

void publish_phase(double seconds, uint64_t messages)
{
    begin(messages);
    uint64_t end = messages ? UINT64_MAX : began + (uint64_t)(seconds * 1e9);
    while (!stopped && counts.up_pubs) {
        uint64_t t = now_ns();
        if (t >= end || (messages && sent >= messages)) break;
        uint64_t wait = opt.rate > 0 ? let_fall_due(t) : WAIT_NS;
        conns_poll(ready_count ? 0 : wait);
        for (unsigned n = ready_count; n; n--) {
            struct conn *k = take_ready();
            if (pump(k)) make_ready(k);
        }
        conns_keep_alive();
        say_how_far(t);
    }
    sending = false;
    while (ready_count) take_ready();
}

/* ---- a barrier */

static bool is_settled(const struct conn *k)
{
    return k->st != ST_UP || (k->pong && !k->inflight);
}

static bool settle_publishers(void)
{
    uint64_t deadline = now_ns() + SETTLE_NS;
    for (unsigned i = opt.subs; i < conn_count; i++) {
        conns[i].pong = false;
        if (conns[i].st == ST_UP) mqtt_ping(&conns[i]);
    }
    for (unsigned i = opt.subs; i < conn_count; i++) {
        const struct conn *k = &conns[i];
        while (!is_settled(k) && !stopped) {
            conns_poll(NSEC / 20);
            if (now_ns() > deadline) {
                note_error("barrier timed out: %u unacknowledged on %s", k->inflight, k->client);
                return false;
            }
        }
    }
    return true;
}

static bool settle_subscribers(uint64_t expected)
{
    uint64_t last = counts.received, since = now_ns();
    while (opt.subs && counts.received < expected && !stopped) {
        conns_poll(NSEC / 20);
        if (counts.received != last) {
            last = counts.received;
            since = now_ns();
        } else if (now_ns() - since > (uint64_t)(opt.sub_wait * 1e9)) {
            note_error("subscribers got %" PRIu64 " of %" PRIu64, counts.received, expected);
            return false;
        }
    }
    return true;
}

bool publish_settle(uint64_t expect_received)
{
    return settle_publishers() && settle_subscribers(expect_received);
}
