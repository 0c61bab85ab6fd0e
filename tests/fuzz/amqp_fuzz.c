/* amqp_fuzz.c - proto/amqp as a server and as a client.
 *
 * Variant: bit 0 client; bit 1 a client without SASL;
 * bit 2 small limits; bit 3 attaches are refused; bit 4 everything that may be sent is sent;
 * bit 5 deliveries and dispositions are settled; bit 6 a delivery makes its link go; bit 7 drained.
 */
#include "proto/amqp/amqp.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine_fuzz.h"

enum {
    VARIANT_CLIENT = 1,
    VARIANT_PLAIN = 2,
    VARIANT_SMALL = 4,
    VARIANT_REFUSE = 8,
    VARIANT_SEND = 16,
    VARIANT_SETTLE = 32,
    VARIANT_LEAVE = 64,
    VARIANT_DRAIN = 128,
};

enum { SENT_MAX = 100, SENT_LEN = 700, RECEIVE_MAX = 200, CREDIT = 3 };

struct target {
    struct amqp amqp;
    struct amqp_config cfg;
    struct amqp_link *receiver; /* a client's own link, to be granted credit */
    unsigned sent;
    uint8_t variant;
};

static const char *const mechanisms[] = {"MSSBCBS", "PLAIN", NULL};

static void client_begin(struct target *t)
{
    struct amqp_link_config link = {.name = SLICE_LIT("l"), .source = SLICE_LIT("s")};
    amqp_send_open(&t->amqp);
    struct amqp_session *s = amqp_send_begin(&t->amqp);
    if (s == NULL) return;
    t->receiver = amqp_send_attach(s, &link);
    if (t->receiver) amqp_send_flow(t->receiver, CREDIT, false);
    link.sender = true;
    if (amqp_send_attach(s, &link) == NULL) return;
}

static void *target_open(uint8_t variant, struct buf *out, int64_t now_us)
{
    struct target *t = NEW(struct target);
    bool small = variant & VARIANT_SMALL;
    t->variant = variant;
    t->cfg = (struct amqp_config){
        .role = variant & VARIANT_CLIENT ? AMQP_CLIENT : AMQP_SERVER,
        .container_id = "c",
        .hostname = small ? NULL : "h",
        .mechanisms = mechanisms,
        .sasl = !(variant & VARIANT_PLAIN),
        .frame_max = small ? AMQP_FRAME_MIN : 0,
        .sessions_max = small ? 2 : 0,
        .links_max = small ? 2 : 0,
        .window = small ? 3 : 0,
    };
    amqp_init(&t->amqp, &t->cfg, out, now_us);
    if (variant & VARIANT_CLIENT && !t->cfg.sasl) client_begin(t);
    return t;
}

static void target_feed(void *engine, struct slice bytes, int64_t now_us)
{
    amqp_feed(&((struct target *)engine)->amqp, bytes, now_us);
}

static void note_value(struct fuzz_trace *t, const struct amqp_value *v)
{
    fuzz_number(t, v->type);
    fuzz_bytes(t, v->whole);
}

static void note_error(struct fuzz_trace *t, const struct amqp_error *e)
{
    fuzz_bytes(t, e->condition);
    fuzz_bytes(t, e->description);
    fuzz_bytes(t, e->info);
}

static void note_terminus(struct fuzz_trace *t, const struct amqp_terminus *at)
{
    fuzz_number(t, (uint64_t)at->present | (uint64_t)at->dynamic << 1);
    fuzz_bytes(t, at->address);
    note_value(t, &at->filter);
}

static void note_attach(struct fuzz_trace *t, const struct amqp_event *ev)
{
    fuzz_bytes(t, ev->attach.name);
    fuzz_number(t, ev->link->max_message_size);
    note_terminus(t, &ev->attach.source);
    note_terminus(t, &ev->attach.target);
    fuzz_number(t, amqp_has_capability(&ev->attach.desired, "d"));
    note_value(t, &ev->attach.desired);
    note_value(t, &ev->attach.properties);
}

static void note_delivery(struct fuzz_trace *t, const struct amqp_delivery *d)
{
    fuzz_number(t, (uint64_t)d->id << 32 | d->format);
    fuzz_number(t, d->settled);
    fuzz_bytes(t, d->tag);
    fuzz_bytes(t, d->payload);
}

static void note_disposition(struct fuzz_trace *t, const struct amqp_disposition *d)
{
    fuzz_number(t, (uint64_t)d->first << 32 | d->last);
    fuzz_number(t, (uint64_t)d->outcome << 2 | (uint64_t)d->settled << 1 | d->from_receiver);
    note_error(t, &d->error);
}

static void note(struct fuzz_trace *t, const struct amqp_event *ev)
{
    fuzz_number(t, ev->kind);
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT:
        fuzz_bytes(t, ev->sasl.mechanism);
        fuzz_bytes(t, ev->sasl.response);
        fuzz_bytes(t, ev->sasl.hostname);
        break;
    case AMQP_ON_SASL_RESPONSE: fuzz_bytes(t, ev->sasl.response); break;
    case AMQP_ON_SASL_MECHANISMS: note_value(t, &ev->mechanisms); break;
    case AMQP_ON_SASL_OUTCOME: fuzz_number(t, ev->outcome); break;
    case AMQP_ON_OPEN:
        fuzz_bytes(t, ev->open.container_id);
        fuzz_bytes(t, ev->open.hostname);
        break;
    case AMQP_ON_ATTACH: note_attach(t, ev); break;
    case AMQP_ON_FLOW: fuzz_number(t, (uint64_t)ev->link->credit << 1 | ev->link->drain); break;
    case AMQP_ON_DELIVERY: note_delivery(t, &ev->delivery); break;
    case AMQP_ON_DISPOSITION: note_disposition(t, &ev->disposition); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: note_error(t, &ev->error); break;
    default: break;
    }
}

static void send_what_may_be_sent(struct target *t, struct amqp_link *l)
{
    while (t->sent < SENT_MAX && amqp_can_send(l)) {
        struct amqp_transfer transfer = {.settled = t->sent % 2};
        struct buf *out = amqp_transfer_begin(l, &transfer);
        size_t len = (size_t)(t->sent++ % 4) * SENT_LEN;
        memset(buf_reserve(out, len), 0x40, len);
        buf_commit(out, len);
        if (len == SENT_LEN)
            amqp_transfer_abort(l);
        else
            amqp_transfer_end(l);
    }
}

static void answer_attach(struct target *t, struct amqp_link *l)
{
    struct amqp_error no = amqp_error_of(AMQP_NOT_FOUND, "no");
    if (t->variant & VARIANT_REFUSE) {
        amqp_refuse_attach(l, &no);
        return;
    }
    amqp_answer_attach(l, &(struct amqp_link_answer){.max_message_size = RECEIVE_MAX});
    if (!l->sender) amqp_send_flow(l, CREDIT, false);
}

static void answer_delivery(struct target *t, const struct amqp_event *ev)
{
    struct amqp_disposition d = {.from_receiver = true, .settled = true, .outcome = AMQP_REJECTED};
    d.first = d.last = ev->delivery.id;
    d.error = amqp_error_of("x", "y");
    if (t->variant & VARIANT_SETTLE && !ev->delivery.settled)
        amqp_send_disposition(ev->session, &d);
    if (t->variant & VARIANT_LEAVE)
        amqp_send_detach(ev->link, NULL);
    else if (ev->link->credit == 0)
        amqp_send_flow(ev->link, CREDIT, false);
}

static void answer_disposition(struct target *t, const struct amqp_event *ev)
{
    struct amqp_disposition d = ev->disposition;
    if (!(t->variant & VARIANT_SETTLE) || d.settled) return;
    d.from_receiver = !d.from_receiver;
    d.settled = true;
    amqp_send_disposition(ev->session, &d);
}

static void answer_flow(struct target *t, struct amqp_link *l)
{
    if (t->variant & VARIANT_SEND) send_what_may_be_sent(t, l);
    if (t->variant & VARIANT_DRAIN && l->sender && l->drain) amqp_send_drained(l);
}

static void answer_sasl(struct target *t, struct slice response)
{
    if (slice_is(response, "challenge"))
        amqp_send_sasl_challenge(&t->amqp, SLICE_LIT("?"));
    else
        amqp_send_sasl_outcome(&t->amqp, !slice_is(response, "no"));
}

static void answer(struct target *t, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT:
    case AMQP_ON_SASL_RESPONSE: answer_sasl(t, ev->sasl.response); break;
    case AMQP_ON_SASL_MECHANISMS: amqp_send_sasl_init(&t->amqp, "PLAIN", SLICE_LIT("r")); break;
    case AMQP_ON_SASL_OUTCOME:
        if (ev->outcome == 0) client_begin(t);
        break;
    case AMQP_ON_OPEN:
        if (t->cfg.role == AMQP_SERVER) amqp_send_open(&t->amqp);
        break;
    case AMQP_ON_ATTACH: answer_attach(t, ev->link); break;
    case AMQP_ON_FLOW: answer_flow(t, ev->link); break;
    case AMQP_ON_DELIVERY: answer_delivery(t, ev); break;
    case AMQP_ON_DISPOSITION: answer_disposition(t, ev); break;
    default: break;
    }
}

static enum err target_next(void *engine, struct fuzz_trace *trace)
{
    struct target *t = engine;
    struct amqp_event ev;
    TRY(amqp_next(&t->amqp, &ev));
    note(trace, &ev);
    answer(t, &ev);
    return OK;
}

static void target_close(void *engine)
{
    struct target *t = engine;
    amqp_fini(&t->amqp);
    free(t);
}

static int64_t target_deadline(const void *engine)
{
    return amqp_deadline(&((const struct target *)engine)->amqp);
}

static enum err target_tick(void *engine, int64_t now_us)
{
    struct target *t = engine;
    struct amqp_event ev;
    enum err e;
    amqp_tick(&t->amqp, now_us);
    while ((e = amqp_next(&t->amqp, &ev)) == OK) {
    }
    return e == ERR_AGAIN ? OK : e;
}

const struct fuzz_engine fuzz_engine = {
    .open = target_open,
    .feed = target_feed,
    .next = target_next,
    .close = target_close,
    .deadline = target_deadline,
    .tick = target_tick,
};
