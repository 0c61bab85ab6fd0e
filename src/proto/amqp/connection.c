/* connection.c - bytes to frames, frames to those who know them, and the end of it all. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/amqp/internal.h"

enum { PROTOCOL_AMQP = 0, PROTOCOL_SASL = 3 };

void amqp_write_header(struct amqp *a, uint8_t protocol)
{
    const uint8_t header[HEADER_LEN] = {'A', 'M', 'Q', 'P', protocol, 1, 0, 0};
    buf_put(a->out, header, sizeof header);
    a->sent_us = a->now_us;
}

void amqp_init(struct amqp *a, const struct amqp_config *cfg, struct buf *out, int64_t now_us)
{
    *a = (struct amqp){
        .cfg = cfg,
        .out = out,
        .phase = PHASE_HEADER,
        .frame_max = AMQP_FRAME_MIN,
        .channel_max = UINT16_MAX,
        .kept_max = AMQP_KEPT_MAX,
        .now_us = now_us,
        .since_us = now_us,
        .received_us = now_us,
        .sent_us = now_us,
    };
    if (cfg->role == AMQP_CLIENT) amqp_write_header(a, cfg->sasl ? PROTOCOL_SASL : PROTOCOL_AMQP);
}

/* What the last event borrowed or looked at for the last time. */
static void release(struct amqp *a)
{
    if (a->dead_link) free(a->dead_link);
    if (a->dead_session) amqp_session_free(a->dead_session);
    a->dead_link = NULL;
    a->dead_session = NULL;
    if (a->dead_partial) buf_free(&a->dead_partial->payload);
    free(a->dead_partial);
    a->dead_partial = NULL;
}

void amqp_fini(struct amqp *a)
{
    struct amqp_session *s;
    release(a);
    while ((s = amqp_table_from(&a->by_local, 0)) != NULL) {
        struct amqp_link *l;
        while ((l = amqp_table_from(&s->links_out, 0)) != NULL) {
            amqp_link_remove(l);
            free(l);
        }
        amqp_session_free(s);
    }
    buf_free(&a->tail);
    free(a->words);
}

void amqp_feed(struct amqp *a, struct slice bytes, int64_t now_us)
{
    assert(a->in.len == 0);
    a->now_us = now_us;
    a->received_us = now_us;
    if (a->phase != PHASE_DEAD) a->in = bytes;
}

/* ---- what is kept */

void amqp_set_kept_max(struct amqp *a, size_t bytes)
{
    a->kept_max = bytes;
}

bool amqp_keep(struct amqp *a, size_t bytes)
{
    if (a->kept_bytes + bytes > a->kept_max) {
        amqp_limit_met(a, AMQP_LIMIT_KEPT);
        return false;
    }
    a->kept_bytes += bytes;
    return true;
}

void amqp_unkeep(struct amqp *a, size_t bytes)
{
    assert(a->kept_bytes >= bytes);
    a->kept_bytes -= bytes;
}

/* ---- the end */

void amqp_die(struct amqp *a, enum err fate)
{
    if (a->phase >= PHASE_DYING) return;
    a->phase = PHASE_DYING;
    a->fate = fate;
}

void amqp_fail(struct amqp *a, enum err fate, const char *condition, const char *fmt, ...)
{
    struct buf words = {0};
    va_list ap;
    if (a->phase >= PHASE_DYING) return;
    va_start(ap, fmt);
    buf_vprintf(&words, fmt, ap);
    va_end(ap);
    free(a->words);
    a->words = slice_dup(buf_slice(&words));
    buf_free(&words);
    a->error = amqp_error_of(condition, a->words);
    if (a->phase == PHASE_FRAMES && !a->close_sent) amqp_send_close(a, &a->error);
    amqp_die(a, fate);
}

void amqp_hang_up(struct amqp *a)
{
    a->in = SLICE_NONE;
    amqp_die(a, ERR_CLOSED);
}

static enum err finish(struct amqp *a, struct amqp_event *ev)
{
    a->phase = PHASE_DEAD;
    a->in = SLICE_NONE;
    *ev = (struct amqp_event){.kind = AMQP_ON_CLOSE, .error = a->error};
    return OK;
}

/* ---- open, close and time */

void amqp_send_open(struct amqp *a)
{
    const struct amqp_config *cfg = a->cfg;
    assert(!a->open_sent);
    a->open_sent = true;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, 0, P_OPEN);
    amqp_put_str(a->out, cfg->container_id);
    if (cfg->hostname)
        amqp_put_str(a->out, cfg->hostname);
    else
        amqp_put_null(a->out);
    amqp_put_uint(a->out, or_default(cfg->frame_max, AMQP_FRAME_MAX));
    amqp_put_ushort(a->out, AMQP_CHANNEL_MAX);
    amqp_put_uint(a->out, or_default(cfg->idle_ms, AMQP_IDLE_MS));
    amqp_put_nulls(a->out, 4);
    amqp_close(a->out, amqp_open_map(a->out), 0);
    amqp_frame_end(a, fields, 10);
}

void amqp_send_close(struct amqp *a, const struct amqp_error *error)
{
    if (a->close_sent || a->phase != PHASE_FRAMES) return;
    if (!a->open_sent) amqp_send_open(a); /* the specification allows no close before it */
    a->close_sent = true;
    a->since_us = a->now_us;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, 0, P_CLOSE);
    amqp_put_error(a, error);
    amqp_frame_end(a, fields, 1);
}

static void on_open(struct amqp *a, const struct fields *f, struct amqp_event *ev)
{
    if (a->open_received) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_NOT_ALLOWED, "The connection is open already.");
        return;
    }
    a->open_received = true;
    uint32_t frame_max = amqp_u32(&f->v[2], UINT32_MAX);
    if (frame_max < AMQP_FRAME_MIN) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_INVALID_FIELD,
                  "A max-frame-size of %u is below the least allowed, %d.", frame_max,
                  AMQP_FRAME_MIN);
        return;
    }
    a->frame_max = frame_max;
    a->channel_max = (uint16_t)amqp_u32(&f->v[3], UINT16_MAX);
    a->idle_ms = amqp_u32(&f->v[4], 0);
    ev->kind = AMQP_ON_OPEN;
    ev->open.container_id = amqp_text(&f->v[0]);
    ev->open.hostname = amqp_text(&f->v[1]);
    ev->open.properties = f->v[9];
}

static void on_close(struct amqp *a, const struct fields *f)
{
    if (!a->close_sent) amqp_send_close(a, NULL);
    a->error = amqp_error_read(&f->v[0]);
    amqp_die(a, ERR_CLOSED);
}

static int64_t heartbeat_us(const struct amqp *a)
{
    return (int64_t)MAX(a->idle_ms / 2, (uint32_t)AMQP_HEARTBEAT_MS_MIN) * 1000;
}

static int64_t silence_us(const struct amqp *a)
{
    return (int64_t)or_default(a->cfg->idle_ms, AMQP_IDLE_MS) * 2000;
}

int64_t amqp_deadline(const struct amqp *a)
{
    if (a->phase >= PHASE_DYING) return INT64_MAX;
    if (a->close_sent) return a->since_us + AMQP_CLOSE_US;
    if (!a->open_received) return a->since_us + AMQP_OPEN_US;
    int64_t due_us = a->received_us + silence_us(a);
    bool beats = a->idle_ms && a->open_sent;
    return beats ? MIN(due_us, a->sent_us + heartbeat_us(a)) : due_us;
}

static void beat(struct amqp *a)
{
    const uint8_t empty[FRAME_HEAD] = {0, 0, 0, FRAME_HEAD, FRAME_HEAD / 4, FRAME_AMQP, 0, 0};
    a->accepted.session = NULL;
    buf_put(a->out, empty, sizeof empty);
    a->sent_us = a->now_us;
}

void amqp_tick(struct amqp *a, int64_t now_us)
{
    a->now_us = now_us;
    if (now_us < amqp_deadline(a)) return;
    if (a->close_sent) {
        amqp_die(a, ERR_CLOSED);
    } else if (!a->open_received) {
        amqp_fail(a, ERR_TIMEOUT, AMQP_CONNECTION_FORCED, "No open came within %lld s.",
                  AMQP_OPEN_US / 1000000);
    } else if (now_us >= a->received_us + silence_us(a)) {
        amqp_fail(a, ERR_TIMEOUT, AMQP_RESOURCE_LIMIT,
                  "Nothing came for twice the idle-time-out of %u ms.",
                  or_default(a->cfg->idle_ms, AMQP_IDLE_MS));
    } else {
        beat(a);
    }
}

/* ---- input */

/* The next `need` bytes in one piece, where they lie or gathered in the tail; false: not there yet,
 * and all of the input is in the tail. */
static bool gather(struct amqp *a, size_t need, struct slice *out)
{
    size_t have = buf_size(&a->tail);
    if (have == 0 && a->in.len >= need) {
        *out = slice_head(a->in, need);
        return true;
    }
    if (have < need) {
        struct slice more = slice_head(a->in, need - have);
        buf_put_slice(&a->tail, more);
        a->in = slice_from(a->in, more.len);
    }
    *out = slice_head(buf_slice(&a->tail), need);
    return buf_size(&a->tail) >= need;
}

/* Done with `len` bytes of what gather() gave; they stay readable until the next frame is sought. */
static void spend(struct amqp *a, size_t len)
{
    if (buf_size(&a->tail))
        a->spent = len;
    else
        a->in = slice_from(a->in, len);
}

/* The frame that gather() gave last is read once more. */
static void unspend(struct amqp *a, size_t len)
{
    if (a->spent)
        a->spent = 0;
    else
        a->in = slice_of(a->in.ptr - len, a->in.len + len);
}

static void drop_spent(struct amqp *a)
{
    buf_consume(&a->tail, a->spent);
    a->spent = 0;
    if (buf_size(&a->tail) == 0) buf_free(&a->tail);
}

void amqp_put_off(struct amqp *a)
{
    drop_spent(a);
    buf_put_slice(&a->tail, a->in);
    a->in = SLICE_NONE;
}

/* The wrong header is answered with the right one (specification 2.2). */
static void wrong_header(struct amqp *a)
{
    if (a->cfg->role == AMQP_SERVER)
        amqp_write_header(a, a->sasl_done ? PROTOCOL_AMQP : PROTOCOL_SASL);
    amqp_die(a, ERR_PROTOCOL);
}

static void on_header(struct amqp *a, struct slice header)
{
    bool server = a->cfg->role == AMQP_SERVER;
    bool sasl = slice_eq(header, SLICE_LIT("AMQP\x03\x01\x00\x00"));
    bool plain = slice_eq(header, SLICE_LIT("AMQP\x00\x01\x00\x00"));
    bool sasl_due = server ? sasl && !a->sasl_done : a->cfg->sasl && !a->sasl_done;
    if (sasl_due ? !sasl : !plain) {
        wrong_header(a);
        return;
    }
    a->phase = sasl_due ? PHASE_SASL : PHASE_FRAMES;
    if (!server) return;
    amqp_write_header(a, sasl_due ? PROTOCOL_SASL : PROTOCOL_AMQP);
    if (sasl_due) amqp_send_mechanisms(a);
}

/* Both sides have ended that session, and the peer has something left to say of it: rhea writes the dispositions and
 * flows that it owes behind its end, and who has not seen that the ends crossed answers ours once more. */
static bool comes_late(const struct amqp *a, uint16_t channel, const struct fields *f)
{
    return amqp_recent_has(&a->ended, channel) && f->code != P_ATTACH;
}

static void no_session(struct amqp *a, uint16_t channel, const struct fields *f)
{
    if (comes_late(a, channel, f)) return;
    amqp_fail(a, ERR_PROTOCOL, AMQP_NOT_ALLOWED, "There is no session on channel %u.", channel);
}

/* What belongs to a session. */
static void on_session_frame(struct amqp *a, uint16_t channel, const struct fields *f,
                             struct amqp_event *ev)
{
    struct amqp_session *s = amqp_table_get(&a->by_remote, channel);
    if (s == NULL) {
        no_session(a, channel, f);
        return;
    }
    ev->session = s;
    if (f->code == P_END)
        amqp_on_end(s, f);
    else if (!amqp_session_live(s))
        return;
    else if (f->code == P_TRANSFER)
        amqp_on_transfer(s, f, ev);
    else if (f->code == P_FLOW)
        amqp_on_flow(s, f, ev);
    else if (f->code == P_DISPOSITION)
        amqp_on_disposition(s, f, ev);
    else if (f->code == P_ATTACH)
        amqp_on_attach(s, f, ev);
    else
        amqp_on_detach(s, f, ev);
}

static void on_performative(struct amqp *a, uint16_t channel, struct slice body,
                            struct amqp_event *ev)
{
    struct fields f;
    if (amqp_fields_read(body, &f) != OK || f.code > P_CLOSE) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_DECODE_ERROR, "A frame does not parse.");
        return;
    }
    if (f.code == P_CLOSE) {
        on_close(a, &f);
    } else if (a->close_sent) {
        return; /* only its answer matters any more */
    } else if (f.code == P_OPEN) {
        on_open(a, &f, ev);
    } else if (!a->open_received) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_NOT_ALLOWED, "The first frame has to be an open.");
    } else if (f.code == P_BEGIN) {
        amqp_on_begin(a, channel, &f, ev);
    } else {
        on_session_frame(a, channel, &f, ev);
    }
}

static void on_frame(struct amqp *a, struct slice frame, struct amqp_event *ev)
{
    assert(frame.ptr && frame.len >= FRAME_HEAD);
    size_t body_at = (size_t)frame.ptr[4] * 4;
    uint8_t type = frame.ptr[5];
    uint16_t channel = (uint16_t)(frame.ptr[6] << 8 | frame.ptr[7]);
    uint8_t due = a->phase == PHASE_SASL ? FRAME_SASL : FRAME_AMQP;
    if (body_at < FRAME_HEAD || body_at > frame.len || type != due) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_FRAMING_ERROR, "A frame header is malformed.");
        return;
    }
    struct slice body = slice_from(frame, body_at);
    if (a->phase == PHASE_SASL)
        amqp_on_sasl(a, body, ev);
    else if (body.len)
        on_performative(a, channel, body, ev);
}

static uint32_t frame_limit(const struct amqp *a)
{
    if (a->phase == PHASE_SASL) return AMQP_SASL_FRAME_MAX;
    return or_default(a->cfg->frame_max, AMQP_FRAME_MAX);
}

/* One frame, if it is there.  Its size is judged before its bytes are kept. */
static enum err read_frame(struct amqp *a, struct amqp_event *ev)
{
    struct slice head, frame;
    if (!gather(a, FRAME_HEAD, &head)) return ERR_AGAIN;
    struct cur c = cur_of(head);
    uint32_t size = cur_be32(&c);
    if (size > frame_limit(a)) amqp_limit_met(a, AMQP_LIMIT_FRAME);
    if (size < FRAME_HEAD || size > frame_limit(a)) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_FRAMING_ERROR,
                  "A frame of %u bytes is not between %d and the agreed %u.", size, FRAME_HEAD,
                  frame_limit(a));
        return OK;
    }
    if (!gather(a, size, &frame)) return ERR_AGAIN;
    spend(a, size);
    on_frame(a, frame, ev);
    if (a->frame_again) unspend(a, size);
    a->frame_again = false;
    return OK;
}

static enum err read_header(struct amqp *a)
{
    struct slice header;
    if (!gather(a, HEADER_LEN, &header)) return ERR_AGAIN;
    spend(a, HEADER_LEN);
    on_header(a, header);
    return OK;
}

/* SASL waits for its verdict: what the peer sent ahead is kept. */
static enum err hold(struct amqp *a)
{
    if (buf_size(&a->tail) + a->in.len > AMQP_HELD_MAX) {
        amqp_limit_met(a, AMQP_LIMIT_HELD);
        amqp_die(a, ERR_PROTOCOL);
        return OK;
    }
    buf_put_slice(&a->tail, a->in);
    a->in = SLICE_NONE;
    return ERR_AGAIN;
}

static enum err step(struct amqp *a, struct amqp_event *ev)
{
    if (a->dissolving) {
        amqp_dissolve(a, ev);
        return OK;
    }
    if (a->waking) {
        amqp_wake_next(a, ev);
        return OK;
    }
    switch ((enum amqp_phase)a->phase) {
    case PHASE_DYING:
        a->dissolving = amqp_table_from(&a->by_local, 0);
        return a->dissolving ? OK : finish(a, ev);
    case PHASE_DEAD: return a->fate;
    default: break;
    }
    drop_spent(a);
    if (a->phase == PHASE_HEADER) return read_header(a);
    if (a->phase == PHASE_VERDICT) return hold(a);
    return read_frame(a, ev);
}

enum err amqp_next(struct amqp *a, struct amqp_event *ev)
{
    enum err e;
    do {
        release(a);
        *ev = (struct amqp_event){0};
        e = step(a, ev);
    } while (e == OK && ev->kind == AMQP_NOTHING);
    return e;
}
