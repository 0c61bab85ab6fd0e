/* device_c2d.c - messages to a device: the link it receives from /devices/{id}/messages/devicebound.
 *
 *          credit             disposition                   the hub did it
 *   unsent ──────▶ sent ───────────────────────▶ settling ─────────────────▶ (gone)
 *                    └── settled already (first mode) ──▶ (gone)
 *
 * Accepted completes, rejected dead-letters, released, modified and settled without a word give back.
 * Who settles second hears of it when the hub has done it (.NET), also that the lock was over.  The
 * delivery-tag is the lock token (.NET insists on 16 bytes).  What a link had goes back with it.  What
 * waits for credit longer than its lock or its own time lasts is not sent: the hub says what becomes of it.  What
 * is purged meanwhile is not sent, either.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "front/amqp/device.h"
#include "hub/c2d/c2d.h"

COUNTER(forgotten, "azimuth_amqp_c2d_forgotten_total",
        "Messages to devices whose disposition was not waited for any longer");
COUNTER(too_long, "azimuth_amqp_c2d_too_long_total",
        "Messages to devices dead-lettered because their link takes none of that size");

struct c2d_link {
    struct device_link device_link;
    struct list flown; /* struct flown, the oldest first */
    unsigned count;
};

/* A message in the hands of the link. */
struct flown {
    struct list node; /* in c2d_link.flown */
    struct c2d_link *link;
    struct c2d_wait wait; /* while it is settling */
    enum { UNSENT, SENT, SETTLING } state;
    uint64_t sequence;
    uint8_t lock[C2D_TOKEN_LEN];
    uint32_t delivery_id;
    enum amqp_outcome outcome;
    struct buf message; /* while it is unsent; so are these */
    int64_t until_us;   /* its lock's end */
    int64_t expires_us; /* wall time */
};

static struct c2d_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct c2d_link, device_link.base);
}

static struct flown *flown_of(struct list *node)
{
    return CONTAINER_OF(node, struct flown, node);
}

static struct c2d *c2d_of(const struct c2d_link *l)
{
    return l->device_link.base.peer->service->doors.c2d;
}

static void flown_free(struct flown *f)
{
    if (f->state == SETTLING) c2d_forget(c2d_of(f->link), &f->wait);
    f->link->count--;
    list_remove(&f->node);
    buf_free(&f->message);
    free(f);
}

/* The hub does it; nobody here waits to hear of it. */
static void settle(struct flown *f, enum c2d_outcome outcome)
{
    struct c2d_link *l = f->link;
    c2d_settle(c2d_of(l), slice_str(l->device_link.device->session.who), f->lock, outcome, NULL);
    flown_free(f);
}

/* ---- sending */

static void put_message(struct buf *out, const struct c2d_message *m)
{
    char token[C2D_TOKEN_TEXT_LEN + 1];
    c2d_token_text(m->lock, token);
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, "x-opt-sequence-number");
    amqp_put_ulong(out, m->sequence);
    amqp_put_sym(out, "x-opt-lock-token");
    amqp_put_str(out, token);
    amqp_put_sym(out, "iothub-enqueuedtime");
    amqp_put_timestamp(out, m->enqueued_us / 1000);
    amqp_put_sym(out, "iothub-deliverycount");
    amqp_put_ubyte(out, (uint8_t)m->delivery_count);
    amqp_close(out, map, 8);
    buf_put_slice(out, m->sections);
}

static void send(struct flown *f)
{
    enum { SND_SETTLED = 1 };
    struct amqp_link *l = f->link->device_link.base.link;
    struct amqp_transfer t = {.tag = slice_of(f->lock, sizeof f->lock),
                              .settled = l->snd_mode == SND_SETTLED};
    buf_put_slice(amqp_transfer_begin(l, &t), buf_slice(&f->message));
    f->delivery_id = amqp_transfer_end(l);
    f->state = SENT;
    buf_free(&f->message);
    if (t.settled) settle(f, C2D_COMPLETE);
}

static bool is_too_long(const struct flown *f)
{
    uint64_t max = f->link->device_link.base.link->max_message_size;
    return max && buf_size(&f->message) > max;
}

static bool is_over(const struct flown *f)
{
    return clock_mono_us() >= f->until_us || clock_wall_us() >= f->expires_us;
}

static void drop_those_over(struct c2d_link *l)
{
    LIST_EACH(node, &l->flown)
    {
        struct flown *f = flown_of(node);
        if (f->state == UNSENT && is_over(f)) flown_free(f);
    }
}

static void pump(struct c2d_link *l)
{
    struct peer_link *base = &l->device_link.base;
    drop_those_over(l);
    LIST_EACH(node, &l->flown)
    {
        struct flown *f = flown_of(node);
        if (f->state != UNSENT) continue;
        if (!amqp_can_send(base->link) || conn_congested(base->peer->conn)) return;
        if (is_too_long(f)) {
            metric_inc(&too_long);
            settle(f, C2D_REJECT);
        } else {
            send(f);
        }
    }
}

/* The same sequence again: the lock of the copy before is over.  One that was not sent gives way; of
 * one that was sent the client may speak yet, and hears that its lock is over. */
static void drop_unsent(struct c2d_link *l, uint64_t sequence)
{
    LIST_EACH(node, &l->flown)
    {
        struct flown *f = flown_of(node);
        if (f->state == UNSENT && f->sequence == sequence) flown_free(f);
    }
}

/* The hub has no more than C2D_WINDOW under way: the locks of the oldest are over. */
static void make_room(struct c2d_link *l)
{
    if (l->count < AMQP_FLIGHT_MAX) return;
    metric_inc(&forgotten);
    flown_free(flown_of(l->flown.next));
}

void device_on_message(struct session *s, const struct c2d_message *m)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    struct peer_link *base = device_link_to(d, &node_device_c2d);
    if (base == NULL) return; /* home has not heard yet that the link is gone */
    struct c2d_link *l = of(base);
    drop_unsent(l, m->sequence);
    make_room(l);
    struct flown *f = NEW(struct flown);
    f->link = l;
    f->sequence = m->sequence;
    f->until_us = clock_mono_us() + C2D_LOCK_US;
    f->expires_us = m->expires_us;
    memcpy(f->lock, m->lock, sizeof f->lock);
    put_message(&f->message, m);
    list_push(&l->flown, &f->node);
    l->count++;
    peer_touch(d->peer);
    pump(l);
}

void device_on_recall(struct session *s, uint64_t sequence)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    LIST_EACH(node, &d->links)
    {
        struct device_link *l = CONTAINER_OF(node, struct device_link, node);
        if (l->base.node == &node_device_c2d) drop_unsent(of(&l->base), sequence);
    }
}

/* ---- settling */

static void say_settled(const struct flown *f, const struct c2d_answer *a)
{
    struct peer_link *base = &f->link->device_link.base;
    struct amqp_disposition said = {
        .settled = true, .first = f->delivery_id, .last = f->delivery_id, .outcome = f->outcome};
    if (a->status != STATUS_OK) {
        bool lost = a->status == STATUS_DEVICE_MESSAGE_LOCK_LOST;
        said.outcome = AMQP_REJECTED;
        said.error = amqp_error_of(lost ? AMQP_NOT_FOUND : AMQP_INTERNAL_ERROR,
                                   lost ? "The lock of the message is over." : a->text);
    }
    peer_touch(base->peer);
    amqp_send_disposition(base->link->session, &said);
}

static void on_settled(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct flown *f = CONTAINER_OF(w, struct flown, wait);
    say_settled(f, a);
    f->state = SENT; /* nothing is under way that would have to be forgotten */
    flown_free(f);
}

static bool is_final(enum amqp_outcome outcome)
{
    return outcome == AMQP_ACCEPTED || outcome == AMQP_REJECTED || outcome == AMQP_RELEASED ||
           outcome == AMQP_MODIFIED;
}

static enum c2d_outcome outcome_of(enum amqp_outcome outcome)
{
    switch (outcome) {
    case AMQP_ACCEPTED: return C2D_COMPLETE;
    case AMQP_REJECTED: return C2D_REJECT;
    default: return C2D_ABANDON;
    }
}

static void take(struct flown *f, const struct amqp_disposition *d)
{
    if (f->state != SENT || !(d->settled || is_final(d->outcome))) return;
    if (d->settled) {
        settle(f, outcome_of(d->outcome));
        return;
    }
    f->outcome = d->outcome;
    f->state = SETTLING;
    f->wait.fn = on_settled;
    c2d_settle(c2d_of(f->link), slice_str(f->link->device_link.device->session.who), f->lock,
               outcome_of(d->outcome), &f->wait);
}

static void on_disposition(struct peer_link *l, const struct amqp_disposition *d, struct buf *known)
{
    size_t before = buf_size(known);
    LIST_EACH(node, &of(l)->flown)
    {
        struct flown *f = flown_of(node);
        uint32_t offset = f->delivery_id - d->first;
        if (f->state == UNSENT || offset > d->last - d->first) continue;
        buf_put(known, &offset, sizeof offset);
        take(f, d);
    }
    if (buf_size(known) > before) device_active(of(l)->device_link.device);
}

/* ---- the link */

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    list_init(&of(l)->flown);
    device_attach(l, ev);
}

static void on_ready(struct peer_link *l)
{
    amqp_answer_attach(l->link, &(struct amqp_link_answer){0});
}

static void on_flow(struct peer_link *l)
{
    pump(of(l));
    if (l->link->drain && l->link->credit) amqp_send_drained(l->link);
}

/* The hub takes back by itself what the last link had; another one's is given back. */
static void on_detached(struct peer_link *l)
{
    struct c2d_link *link = of(l);
    struct device *d = link->device_link.device;
    list_remove(&link->device_link.node);
    bool last = d->state != DEVICE_OPEN || device_link_to(d, &node_device_c2d) == NULL;
    LIST_EACH(node, &link->flown)
    {
        if (last || flown_of(node)->state == SETTLING)
            flown_free(flown_of(node));
        else
            settle(flown_of(node), C2D_ABANDON);
    }
    device_detached(l);
}

const struct node node_device_c2d = {
    .name = "device c2d",
    .size = sizeof(struct c2d_link),
    .sender = true,
    .of_device = true,
    .feature = SESSION_C2D,
    .attach = on_attach,
    .ready = on_ready,
    .flow = on_flow,
    .disposition = on_disposition,
    .detached = on_detached,
};
