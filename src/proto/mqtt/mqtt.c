/* mqtt.c - life, framing and time of the engine.
 *
 * Input is a window over two stretches: `tail`, which had to be copied, then `in`, which is borrowed
 * from the caller.  As long as the tail is empty packets are decoded in `in`, where they lie.  A
 * packet that begins in the tail is completed there, with no more of `in` than it needs.
 */
#include "proto/mqtt/mqtt.h"

#include "base/num.h"
#include "proto/mqtt/packet.h"

_Static_assert(sizeof(struct mqtt) <= 96, "every idle connection has one");

#define SECOND_US 1000000ll

void mqtt_init(struct mqtt *m, const struct mqtt_config *config, int64_t now_us)
{
    *m = (struct mqtt){
        .out = config->out,
        .role = (uint8_t)config->role,
        .packet_max = config->packet_max ? config->packet_max : MQTT_PACKET_MAX,
        .state = MQTT_OPENING,
        .fed_us = now_us,
        .since_us = now_us,
    };
}

void mqtt_fini(struct mqtt *m)
{
    buf_free(&m->tail);
}

/* ---- framing */

void mqtt_feed(struct mqtt *m, struct slice bytes, int64_t now_us)
{
    assert(m->in.len == 0);
    if (m->error != OK) return;
    m->in = bytes;
    m->fed_us = now_us;
}

void mqtt_keep(struct mqtt *m)
{
    buf_put_slice(&m->tail, m->in);
    m->in = SLICE_NONE;
}

/* The packet under the last event goes, and with it the memory when nothing is behind it. */
static void drop_taken(struct mqtt *m)
{
    if (m->taken == 0) return;
    buf_consume(&m->tail, m->taken);
    m->taken = 0;
    if (buf_size(&m->tail) == 0) buf_free(&m->tail);
}

/* A packet that lies whole in the fed bytes: no copy. */
static enum err cut_from_input(struct mqtt *m, struct mqtt_head *head, struct slice *body)
{
    enum err e = mqtt_read_head(m, m->in, head);
    if (e != OK && e != ERR_AGAIN) return e;
    if (e == ERR_AGAIN || m->in.len - head->len < head->body_len) {
        mqtt_keep(m);
        return ERR_AGAIN;
    }
    *body = slice_of(m->in.ptr + head->len, head->body_len);
    m->in = slice_from(m->in, head->len + head->body_len);
    return OK;
}

/* A packet that begins in the tail: moves over what it lacks, which before the end of its header is
 * one byte at a time. */
static enum err cut_from_tail(struct mqtt *m, struct mqtt_head *head, struct slice *body)
{
    for (;;) {
        struct slice tail = buf_slice(&m->tail);
        enum err e = mqtt_read_head(m, tail, head);
        if (e != OK && e != ERR_AGAIN) return e;
        size_t whole = e == OK ? head->len + head->body_len : tail.len + 1;
        if (whole <= tail.len) {
            *body = slice_of(tail.ptr + head->len, head->body_len);
            m->taken = (uint32_t)whole;
            return OK;
        }
        if (m->in.len == 0) return ERR_AGAIN;
        size_t lacks = MIN(whole - tail.len, m->in.len);
        buf_put(&m->tail, m->in.ptr, lacks);
        m->in = slice_from(m->in, lacks);
    }
}

static enum err die(struct mqtt *m, enum err e)
{
    m->error = (uint8_t)e;
    m->in = SLICE_NONE;
    m->taken = 0;
    buf_free(&m->tail);
    return e;
}

/* What a packet means for the engine itself. */
static void note(struct mqtt *m, const struct mqtt_event *ev)
{
    if (m->role == MQTT_SERVER) m->since_us = m->fed_us;
    if (ev->kind == MQTT_PUBLISH) return;
    if (ev->kind == MQTT_CONNECT) {
        m->keep_alive_s = ev->connect.keep_alive_s;
        m->state = ev->connect.level == MQTT_LEVEL ? MQTT_OPEN : MQTT_ENDED;
    }
    if (ev->kind == MQTT_CONNACK) {
        m->since_us = m->fed_us;
        m->state = ev->connack.code == MQTT_ACCEPTED ? MQTT_OPEN : MQTT_ENDED;
    }
    if (ev->kind == MQTT_DISCONNECT) m->state = MQTT_ENDED;
    if (ev->kind == MQTT_PINGRESP) m->ping_waits = false;
}

enum err mqtt_next(struct mqtt *m, struct mqtt_event *ev)
{
    struct mqtt_head head;
    struct slice body;
    if (m->error != OK) return (enum err)m->error;
    drop_taken(m);
    enum err e = m->tail.ptr ? cut_from_tail(m, &head, &body) : cut_from_input(m, &head, &body);
    if (e == ERR_AGAIN) return e;
    if (e == OK) e = mqtt_decode(head.first, body, ev);
    if (e != OK) return die(m, e);
    note(m, ev);
    return OK;
}

bool mqtt_next_filter(struct mqtt_subscribe *s, struct mqtt_filter *filter)
{
    if (s->filters.len == 0) return false;
    size_t len = (size_t)s->filters.ptr[0] << 8 | s->filters.ptr[1];
    filter->text = slice_of(s->filters.ptr + 2, len);
    filter->qos = s->with_qos ? s->filters.ptr[2 + len] : 0;
    s->filters = slice_from(s->filters, 2 + len + s->with_qos);
    return true;
}

/* ---- time */

static int64_t server_wait_us(const struct mqtt *m)
{
    if (m->state == MQTT_OPENING) return MQTT_CONNECT_WAIT_S * SECOND_US;
    int64_t idle_us = m->keep_alive_s * SECOND_US * 3 / 2; /* section 3.1.2.10 */
    if (idle_us == 0) return MQTT_IDLE_MAX_S * SECOND_US;
    return MIN(idle_us, MQTT_IDLE_MAX_S * SECOND_US);
}

/* 0: nothing to wait for. */
static int64_t client_wait_us(const struct mqtt *m)
{
    if (m->state == MQTT_OPENING || m->ping_waits) return MQTT_ANSWER_WAIT_S * SECOND_US;
    return m->keep_alive_s * SECOND_US / 2;
}

int64_t mqtt_deadline(const struct mqtt *m)
{
    int64_t wait_us = m->role == MQTT_SERVER ? server_wait_us(m) : client_wait_us(m);
    return m->error != OK || wait_us == 0 ? INT64_MAX : m->since_us + wait_us;
}

void mqtt_resumed(struct mqtt *m, int64_t now_us)
{
    m->fed_us = m->since_us = now_us;
}

enum err mqtt_tick(struct mqtt *m, int64_t now_us)
{
    if (m->error != OK) return (enum err)m->error;
    if (now_us < mqtt_deadline(m)) return OK;
    if (m->state == MQTT_OPENING)
        return die(m, fail(ERR_TIMEOUT, "3.1: no %s in %d s",
                           m->role == MQTT_SERVER ? "CONNECT" : "CONNACK", MQTT_CONNECT_WAIT_S));
    if (m->role == MQTT_SERVER)
        return die(m,
                   fail(ERR_TIMEOUT, "[MQTT-3.1.2-24] silent, keep-alive %u s", m->keep_alive_s));
    if (m->ping_waits)
        return die(m, fail(ERR_TIMEOUT, "3.1.2.10: no PINGRESP in %d s", MQTT_ANSWER_WAIT_S));
    mqtt_send_pingreq(m);
    m->ping_waits = true;
    m->since_us = now_us;
    return OK;
}
