/* receive.c - transfers that come in (specification 2.7.5, 2.6.14) and dispositions.
 *
 * A delivery in one frame is given on where it lies.  One in several is gathered in the link, up to
 * the size that we said we take, and AMQP_PARTIAL_MAX over all links. */
#include <stdlib.h>

#include "proto/amqp/internal.h"

static void partial_free(struct amqp_partial *p)
{
    buf_free(&p->payload);
    free(p);
}

static void uncount(struct amqp *a, const struct amqp_partial *p)
{
    a->partial_bytes -= buf_size(&p->payload);
    amqp_unkeep(a, buf_size(&p->payload));
}

void amqp_partial_drop(struct amqp_link *l)
{
    if (l->partial == NULL) return;
    uncount(l->session->amqp, l->partial);
    partial_free(l->partial);
    l->partial = NULL;
}

static bool is_true(const struct amqp_value *v)
{
    return amqp_has(v) && v->u;
}

/* The first frame of a delivery uses up a credit and says what it is. */
static bool begin_delivery(struct amqp_link *l, const struct fields *f, struct amqp_delivery *d,
                           struct amqp_event *ev)
{
    struct amqp *a = l->session->amqp;
    d->tag = amqp_text(&f->v[2]);
    if (d->tag.len > AMQP_TAG_MAX) amqp_limit_met(a, AMQP_LIMIT_TAG);
    if (!amqp_has(&f->v[1]) || d->tag.len > AMQP_TAG_MAX) {
        amqp_link_fail(l, AMQP_INVALID_FIELD,
                       "A delivery needs an id and a tag of 32 bytes at most.", ev);
        return false;
    }
    if (l->credit == 0) {
        amqp_limit_met(a, AMQP_LIMIT_TRANSFERS);
        amqp_link_fail(l, AMQP_TRANSFER_LIMIT_EXCEEDED,
                       "More was sent than the link credit allows.", ev);
        return false;
    }
    l->credit--;
    l->delivery_count++;
    d->id = (uint32_t)f->v[1].u;
    d->format = amqp_u32(&f->v[3], 0);
    return true;
}

static struct amqp_partial *partial_new(struct amqp_link *l, const struct amqp_delivery *d)
{
    struct amqp_partial *p = NEW(struct amqp_partial);
    p->delivery = *d;
    p->tag_len = (uint8_t)d->tag.len;
    if (d->tag.len) memcpy(p->tag, d->tag.ptr, d->tag.len);
    l->partial = p;
    return p;
}

static bool count(struct amqp *a, size_t bytes)
{
    bool fits = a->partial_bytes + bytes <= AMQP_PARTIAL_MAX;
    if (!fits) amqp_limit_met(a, AMQP_LIMIT_PARTIAL);
    if (!fits || !amqp_keep(a, bytes)) return false;
    a->partial_bytes += bytes;
    return true;
}

static bool append(struct amqp_link *l, struct slice payload, struct amqp_event *ev)
{
    if (!count(l->session->amqp, payload.len)) {
        amqp_link_fail(l, AMQP_RESOURCE_LIMIT, "Too many bytes of unfinished deliveries.", ev);
        return false;
    }
    buf_put_slice(&l->partial->payload, payload);
    return true;
}

static void deliver(struct amqp_link *l, const struct amqp_delivery *d, struct amqp_event *ev)
{
    *ev = (struct amqp_event){AMQP_ON_DELIVERY, l->session, l, .delivery = *d};
}

/* All frames are there: the link lets go of it, the event borrows it. */
static void deliver_partial(struct amqp_link *l, struct amqp_event *ev)
{
    struct amqp_partial *p = l->partial;
    struct amqp *a = l->session->amqp;
    uncount(a, p);
    a->dead_partial = p;
    l->partial = NULL;
    p->delivery.tag = slice_of(p->tag, p->tag_len);
    p->delivery.payload = buf_slice(&p->payload);
    deliver(l, &p->delivery, ev);
}

static bool too_long(const struct amqp_link *l, size_t more)
{
    size_t have = l->partial ? buf_size(&l->partial->payload) : 0;
    return l->receive_max && have + more > l->receive_max;
}

static void on_frame_of(struct amqp_link *l, const struct fields *f, struct amqp_event *ev)
{
    bool more = is_true(&f->v[5]);
    struct amqp_delivery d = {0};
    if (l->partial == NULL && !begin_delivery(l, f, &d, ev)) return;
    if (l->partial && amqp_has(&f->v[1]) && l->partial->delivery.id != f->v[1].u) {
        amqp_link_fail(l, AMQP_NOT_ALLOWED, "A delivery began before the last one ended.", ev);
        return;
    }
    if (is_true(&f->v[9])) { /* aborted */
        amqp_partial_drop(l);
        return;
    }
    if (too_long(l, f->payload.len)) {
        amqp_limit_met(l->session->amqp, AMQP_LIMIT_MESSAGE);
        amqp_link_fail(l, AMQP_MESSAGE_SIZE_EXCEEDED, "The message is longer than the link allows.",
                       ev);
        return;
    }
    d.settled = is_true(&f->v[4]);
    d.payload = f->payload;
    if (l->partial == NULL && !more) {
        deliver(l, &d, ev);
        return;
    }
    if (l->partial == NULL) partial_new(l, &d);
    l->partial->delivery.settled |= d.settled;
    if (append(l, f->payload, ev) && !more) deliver_partial(l, ev);
}

void amqp_on_transfer(struct amqp_session *s, const struct fields *f, struct amqp_event *ev)
{
    if (!amqp_window_take(s)) return;
    struct amqp_link *l = amqp_table_get(&s->links_in, (uint32_t)f->v[0].u);
    if (l == NULL) {
        amqp_session_fail(s, AMQP_UNATTACHED_HANDLE, "There is no link with that handle.");
    } else if (l->detach_sent) {
        return;
    } else if (l->sender) {
        amqp_link_fail(l, AMQP_NOT_ALLOWED, "The receiver of a link may not send on it.", ev);
    } else {
        on_frame_of(l, f, ev);
    }
}

void amqp_on_disposition(struct amqp_session *s, const struct fields *f, struct amqp_event *ev)
{
    struct amqp_disposition *d = &ev->disposition;
    uint32_t first = (uint32_t)f->v[1].u, last = amqp_u32(&f->v[2], first);
    if (last - first > INT32_MAX) {
        amqp_session_fail(s, AMQP_INVALID_FIELD,
                          "The last delivery of a disposition is before the first.");
        return;
    }
    *ev = (struct amqp_event){.kind = AMQP_ON_DISPOSITION, .session = s};
    d->from_receiver = f->v[0].u;
    d->first = first;
    d->last = last;
    d->settled = is_true(&f->v[3]);
    d->outcome = amqp_outcome_of(&f->v[4], &d->error);
}
