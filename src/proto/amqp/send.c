/* send.c - transfers that go out, and dispositions.
 *
 * The frame is written where it will be sent from: head, eleven fields, then whatever the caller
 * appends.  Only the size is filled in at the end.  A delivery longer than the peer's frame is cut
 * there: the first frame gets more = true, the rest is kept in the link and follows in frames of its
 * own, now or when the session window opens again. */
#include "proto/amqp/internal.h"

enum { TRUE = 0x41, FALSE = 0x42, NULL_ = 0x40, TRANSFER_FIELDS = 11 };

bool amqp_can_send(const struct amqp_link *l)
{
    struct amqp_session *s = l->session;
    bool ready = l->sender && l->credit && l->attach_sent && l->attach_received && !l->detach_sent;
    if (!ready || !amqp_session_live(s) || buf_size(&l->unsent)) return false;
    s->stalled = s->stalled || s->outgoing_window == 0;
    return s->outgoing_window > 0;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static uint8_t *put_uint(uint8_t *p, uint32_t v)
{
    if (v <= UINT8_MAX) {
        *p++ = 0x52;
        *p++ = (uint8_t)v;
        return p;
    }
    *p++ = 0x70;
    return put_u32(p, v);
}

/* id, tag and format are said once, in the first frame. */
static uint8_t *put_first(uint8_t *p, uint32_t id, const struct amqp_transfer *t)
{
    p = put_uint(p, id);
    *p++ = 0xa0;
    *p++ = (uint8_t)(t->tag.len ? t->tag.len : sizeof id);
    if (t->tag.len) {
        memcpy(p, t->tag.ptr, t->tag.len);
        p += t->tag.len;
    } else {
        p = put_u32(p, id);
    }
    p = put_uint(p, t->format);
    *p++ = t->settled ? TRUE : FALSE;
    return p;
}

static uint8_t *put_continued(uint8_t *p)
{
    memset(p, NULL_, 4);
    return p + 4;
}

/* Head and fields of one frame; `t` NULL: a continuation. */
static void put_transfer(struct amqp_link *l, const struct amqp_transfer *t, bool more)
{
    enum { HEAD_MAX = 96, LIST_AT = 11 };
    struct amqp_session *s = l->session;
    struct amqp *a = s->amqp;
    a->accepted.session = NULL;
    a->frame_at = buf_size(a->out);
    uint8_t *start = buf_reserve(a->out, HEAD_MAX), *p = start + LIST_AT + 3;
    const uint8_t head[] = {
        0,
        0,
        0,
        0,
        FRAME_HEAD / 4,
        FRAME_AMQP,
        (uint8_t)(s->local >> 8),
        (uint8_t)s->local,
        0,
        0x53,
        P_TRANSFER,
        0xc0,
        0,
        TRANSFER_FIELDS,
    };
    memcpy(start, head, sizeof head);
    p = put_uint(p, l->local);
    p = t ? put_first(p, s->next_delivery_id, t) : put_continued(p);
    a->more_at = a->frame_at + (size_t)(p - start);
    const uint8_t rest[] = {more ? TRUE : FALSE, NULL_, NULL_, FALSE, FALSE, FALSE};
    memcpy(p, rest, sizeof rest);
    p += sizeof rest;
    start[LIST_AT + 1] = (uint8_t)(p - start - LIST_AT - 2);
    buf_commit(a->out, (size_t)(p - start));
}

/* Size of the frame; it is on its way. */
static void close_frame(struct amqp_link *l)
{
    struct amqp_session *s = l->session;
    struct amqp *a = s->amqp;
    put_u32(a->out->ptr + a->out->off + a->frame_at, (uint32_t)(buf_size(a->out) - a->frame_at));
    s->next_outgoing_id++;
    s->outgoing_window--;
    a->sent_us = a->now_us;
}

void amqp_pump(struct amqp_link *l)
{
    struct amqp_session *s = l->session;
    struct amqp *a = s->amqp;
    if (buf_size(&l->unsent) == 0) return;
    while (buf_size(&l->unsent) && s->outgoing_window) {
        put_transfer(l, NULL, true);
        size_t room = a->frame_max - (buf_size(a->out) - a->frame_at);
        struct slice piece = slice_head(buf_slice(&l->unsent), room);
        buf_put_slice(a->out, piece);
        bool last = piece.len == buf_size(&l->unsent);
        if (last) a->out->ptr[a->out->off + a->more_at] = FALSE;
        close_frame(l);
        buf_consume(&l->unsent, piece.len);
    }
    if (buf_size(&l->unsent) == 0)
        amqp_unsent_drop(l);
    else
        s->stalled = true;
}

void amqp_unsent_drop(struct amqp_link *l)
{
    if (l->unsent.ptr == NULL) return;
    buf_free(&l->unsent);
    l->session->unsent_links--;
}

struct buf *amqp_transfer_begin(struct amqp_link *l, const struct amqp_transfer *t)
{
    bool can = amqp_can_send(l);
    assert(can && t->tag.len <= AMQP_TAG_MAX);
    put_transfer(l, t, false);
    return l->session->amqp->out;
}

/* Takes back what is above the frame size and lets it follow. */
static void cut(struct amqp_link *l, size_t extra)
{
    struct amqp *a = l->session->amqp;
    buf_put(&l->unsent, a->out->ptr + a->out->len - extra, extra);
    l->session->unsent_links++;
    a->out->len -= extra;
    a->out->ptr[a->out->off + a->more_at] = TRUE;
    close_frame(l);
    amqp_pump(l);
}

uint32_t amqp_transfer_end(struct amqp_link *l)
{
    struct amqp_session *s = l->session;
    struct amqp *a = s->amqp;
    size_t size = buf_size(a->out) - a->frame_at;
    if (size <= a->frame_max)
        close_frame(l);
    else
        cut(l, size - a->frame_max);
    l->credit--;
    l->delivery_count++;
    return s->next_delivery_id++;
}

void amqp_transfer_abort(struct amqp_link *l)
{
    struct amqp *a = l->session->amqp;
    a->out->len -= buf_size(a->out) - a->frame_at;
}

static void put_state(struct amqp *a, const struct amqp_disposition *d)
{
    if (d->outcome == AMQP_NO_STATE) {
        amqp_put_null(a->out);
        return;
    }
    amqp_put_descriptor(a->out, (uint8_t)d->outcome);
    struct amqp_open list = amqp_open_list(a->out);
    if (d->outcome == AMQP_REJECTED) amqp_put_error(a, &d->error);
    amqp_close(a->out, list, d->outcome == AMQP_REJECTED);
}

static void put_disposition(struct amqp_session *s, const struct amqp_disposition *d)
{
    struct amqp *a = s->amqp;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, s->local, P_DISPOSITION);
    amqp_put_bool(a->out, d->from_receiver);
    amqp_put_uint(a->out, d->first);
    amqp_put_uint(a->out, d->last);
    amqp_put_bool(a->out, d->settled);
    put_state(a, d);
    amqp_put_bool(a->out, false);
    amqp_frame_end(a, fields, 6);
}

/* Takes the frame before back if its deliveries and these are one range.  Sent frames are no more in
 * `out`, and whatever is written next has forgotten it. */
static void join_accepted(struct amqp_session *s, struct amqp_disposition *d)
{
    struct amqp *a = s->amqp;
    const struct amqp_accepted *before = &a->accepted;
    if (before->session != s || before->end != buf_size(a->out)) return;
    if (d->first != before->last + 1 || d->last - before->first > INT32_MAX) return;
    d->first = before->first;
    a->out->len -= before->end - before->at;
}

void amqp_send_disposition(struct amqp_session *s, const struct amqp_disposition *d)
{
    struct amqp *a = s->amqp;
    struct amqp_disposition whole = *d;
    if (!amqp_session_live(s)) return;
    bool grows = d->from_receiver && d->settled && d->outcome == AMQP_ACCEPTED;
    if (grows) join_accepted(s, &whole);
    put_disposition(s, &whole);
    if (grows)
        a->accepted =
            (struct amqp_accepted){s, a->frame_at, buf_size(a->out), whole.first, whole.last};
}
