/* sender.c - a connection and its link, from dialing to whatever ends it. */
#include "deliver/amqp/sender.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/connstr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "deliver/amqp/sender_peer.h"
#include "deliver/trust.h"

GAUGE(links_now, "azimuth_deliver_amqp_links",
      "Links to Event Hubs and Service Bus elsewhere that are up now");

/* ---- going down */

static void set_step(struct amqp_sender_peer *p, enum amqp_sender_step step)
{
    if (p->step == AMQP_SENDER_UP) metric_add(&links_now, -1);
    p->step = step;
    if (step == AMQP_SENDER_UP) metric_add(&links_now, 1);
}

/* From now on nobody cares what comes; what was written still goes out. */
static struct amqp_sender *let_go(struct amqp_sender_peer *p)
{
    struct amqp_sender *s = p->sender;
    p->sender = NULL;
    s->peer = NULL;
    set_step(p, AMQP_SENDER_LOGIN);
    timer_stop(&p->timer);
    if (p->conn == NULL) return s;
    conn_out(p->conn);
    if (!p->ended && p->engine.open_sent) amqp_send_close(&p->engine, NULL);
    conn_close(p->conn);
    return s;
}

void amqp_sender_fail(struct amqp_sender_peer *p, const struct deliver_result *r)
{
    if (p->sender == NULL) return;
    struct amqp_sender *s = let_go(p);
    say_debug("deliver.link_down", "endpoint=%s reason=\"%s\"", s->place->name, r->text);
    s->owner->down(s, r);
}

static void put_where(const struct amqp_sender *s, char *out, size_t size)
{
    snprintf(out, size, "%.100s:%u", s->host, s->port);
}

void amqp_sender_fail_text(struct amqp_sender_peer *p, enum deliver_outcome outcome,
                           const char *fmt, ...)
{
    char text[AMQP_SENDER_TEXT_MAX + 1], where[128];
    va_list args;
    if (p->sender == NULL) return;
    put_where(p->sender, where, sizeof where);
    int n = snprintf(text, sizeof text, "%s ", where);
    va_start(args, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    va_end(args);
    amqp_sender_fail(p, &(struct deliver_result){.outcome = outcome, .text = text});
}

void amqp_sender_fail_error(struct amqp_sender_peer *p, const struct amqp_error *error,
                            const char *what)
{
    char text[AMQP_SENDER_TEXT_MAX + 1], where[220];
    struct deliver_result r;
    if (p->sender == NULL) return;
    snprintf(where, sizeof where, "%.90s:%u (%.90s)", p->sender->host, p->sender->port, what);
    amqp_sender_judge(error, where, text, &r);
    amqp_sender_fail(p, &r);
}

void amqp_sender_drop(struct amqp_sender *s, enum deliver_outcome outcome, const char *text)
{
    if (s->peer) amqp_sender_fail_text(s->peer, outcome, "%s", text);
}

/* ---- the link */

void amqp_sender_attach(struct amqp_sender_peer *p)
{
    const struct amqp_sender *s = p->sender;
    struct amqp_link_config config = {.name = slice_str(s->place->name),
                                      .sender = true,
                                      .source = slice_str(s->place->name),
                                      .target = slice_str(s->entity)};
    set_step(p, AMQP_SENDER_ATTACH);
    p->due_us = clock_mono_us() + AMQP_SENDER_ANSWER_US;
    p->link = amqp_send_attach(p->session, &config);
}

/* Who answers without a target is about to detach it, and says why. */
static void attached(struct amqp_sender_peer *p, const struct amqp_event *ev)
{
    if (ev->link != p->link || !ev->attach.target.present) return;
    set_step(p, AMQP_SENDER_UP);
    if (!p->asked) p->due_us = INT64_MAX;
    p->sender->message_max = p->link->max_message_size;
    p->sender->owner->ready(p->sender);
}

static void disposed(struct amqp_sender_peer *p, const struct amqp_event *ev)
{
    const struct amqp_disposition *d = &ev->disposition;
    char text[AMQP_SENDER_TEXT_MAX + 1], where[128];
    struct deliver_result r;
    if (!d->from_receiver || ev->session != p->session || d->outcome == AMQP_RECEIVED) return;
    put_where(p->sender, where, sizeof where);
    amqp_sender_judge_disposition(d, where, text, &r);
    if (!d->settled) {
        struct amqp_disposition ours = *d;
        ours.from_receiver = false;
        ours.settled = true;
        amqp_send_disposition(ev->session, &ours);
    }
    p->sender->owner->settled(p->sender, d->first, d->last, &r);
}

static void delivered(struct amqp_sender_peer *p, const struct amqp_event *ev)
{
    struct amqp_disposition d = {.from_receiver = true,
                                 .settled = true,
                                 .first = ev->delivery.id,
                                 .last = ev->delivery.id,
                                 .outcome = AMQP_ACCEPTED};
    if (!ev->delivery.settled) amqp_send_disposition(ev->session, &d);
    amqp_sender_token_answered(p, &ev->delivery);
}

static void flowed(struct amqp_sender_peer *p)
{
    if (p->step == AMQP_SENDER_UP) p->sender->owner->ready(p->sender);
}

static void detached(struct amqp_sender_peer *p, const struct amqp_event *ev)
{
    bool login = ev->link != p->link;
    if (login) p->cbs_out = p->cbs_in = NULL;
    amqp_sender_fail_error(p, &ev->error, login ? "$cbs" : p->sender->entity);
}

/* ---- the engine's events */

static void on_event(struct amqp_sender_peer *p, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: amqp_sender_greet(p, &ev->mechanisms); break;
    case AMQP_ON_SASL_OUTCOME:
        if (ev->outcome == 0)
            amqp_send_open(&p->engine);
        else
            amqp_sender_fail_text(p, DELIVER_SLOW, "refuses the login of policy '%.64s'",
                                  p->sender->policy);
        break;
    case AMQP_ON_OPEN: p->session = amqp_send_begin(&p->engine); break;
    case AMQP_ON_BEGIN: amqp_sender_begun(p); break;
    case AMQP_ON_ATTACH: attached(p, ev); break;
    case AMQP_ON_FLOW: flowed(p); break;
    case AMQP_ON_DELIVERY: delivered(p, ev); break;
    case AMQP_ON_DISPOSITION: disposed(p, ev); break;
    case AMQP_ON_DETACH: detached(p, ev); break;
    case AMQP_ON_END: amqp_sender_fail_error(p, &ev->error, "session"); break;
    case AMQP_ON_CLOSE: amqp_sender_fail_error(p, &ev->error, "connection"); break;
    default: break;
    }
}

static void arm(struct amqp_sender_peer *p)
{
    int64_t due_us = MIN(amqp_deadline(&p->engine), p->due_us);
    if (!p->asked) due_us = MIN(due_us, p->renew_us);
    timer_set(&p->sender->place->lane->timers, &p->timer, due_us);
}

/* What comes after it has failed is pulled, too, and ignored. */
static void process(struct amqp_sender_peer *p)
{
    struct amqp_event ev;
    enum err e;
    conn_out(p->conn);
    while ((e = amqp_next(&p->engine, &ev)) == OK)
        if (p->sender) on_event(p, &ev);
    p->ended = e != ERR_AGAIN;
    if (p->sender && p->ended)
        amqp_sender_fail_text(p, DELIVER_AGAIN, "and this server lost each other: %s", err_name(e));
    if (p->sender) amqp_sender_put_token(p);
    if (p->sender) arm(p);
}

static const char *what_is_missing(const struct amqp_sender_peer *p)
{
    switch (p->step) {
    case AMQP_SENDER_LOGIN: return "to the login";
    case AMQP_SENDER_ATTACH: return "to the attach";
    default: return "to the token";
    }
}

static void on_time(struct timer *t, int64_t now_us)
{
    struct amqp_sender_peer *p = CONTAINER_OF(t, struct amqp_sender_peer, timer);
    if (now_us >= p->due_us) {
        amqp_sender_fail_text(p, DELIVER_AGAIN, "does not answer %s", what_is_missing(p));
        return;
    }
    conn_out(p->conn);
    amqp_tick(&p->engine, now_us);
    process(p);
}

/* ---- as a front */

static void *peer_open(struct conn *c, void *ctx, int64_t now_us)
{
    struct amqp_sender *s = ctx;
    struct amqp_sender_peer *p = NEW(struct amqp_sender_peer);
    s->peer = p;
    p->sender = s;
    p->conn = c;
    p->due_us = now_us + AMQP_SENDER_ANSWER_US;
    p->renew_us = INT64_MAX;
    rand_guid(p->container);
    memcpy(p->host, s->host, sizeof p->host);
    p->config = (struct amqp_config){
        .role = AMQP_CLIENT, .container_id = p->container, .hostname = p->host, .sasl = true};
    timer_init(&p->timer, on_time);
    conn_out(c);
    amqp_init(&p->engine, &p->config, conn_buffer(c), now_us);
    arm(p);
    return p;
}

static void peer_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct amqp_sender_peer *p = self;
    if (p->sender == NULL) return;
    amqp_feed(&p->engine, bytes, now_us);
    process(p);
}

static void peer_drained(void *self, int64_t now_us)
{
    struct amqp_sender_peer *p = self;
    (void)now_us;
    if (p->sender) flowed(p);
}

static void peer_closed(void *self, enum err why, int64_t now_us)
{
    struct amqp_sender_peer *p = self;
    (void)now_us;
    p->conn = NULL;
    amqp_sender_fail_text(p, DELIVER_AGAIN, "hung up: %s", err_name(why));
    amqp_fini(&p->engine);
    free(p);
}

static const struct front amqp_sender_front = {
    .name = "amqp client",
    .open = peer_open,
    .feed = peer_feed,
    .drained = peer_drained,
    .closed = peer_closed,
};

/* ---- dialing */

static void on_late(struct timer *t, int64_t now_us)
{
    struct amqp_sender *s = CONTAINER_OF(t, struct amqp_sender, late);
    (void)now_us;
    s->owner->down(s, &s->failed);
}

static void fail_late(struct amqp_sender *s, enum deliver_outcome outcome, const char *text)
{
    snprintf(s->text, sizeof s->text, "%s", text);
    s->failed = (struct deliver_result){.outcome = outcome, .text = s->text};
    timer_set(&s->place->lane->timers, &s->late, clock_mono_us());
}

static void on_dial_failed(struct dial *d, enum err e, const char *text)
{
    struct amqp_sender *s = CONTAINER_OF(d, struct amqp_sender, dial);
    bool slow = e == ERR_DENIED || e == ERR_INVALID;
    s->owner->down(
        s, &(struct deliver_result){.outcome = slow ? DELIVER_SLOW : DELIVER_AGAIN, .text = text});
}

void amqp_sender_start(struct amqp_sender *s)
{
    struct tls_context *tls = NULL;
    if (s->peer || s->dial.state != DIAL_IDLE || timer_active(&s->late)) return;
    if (s->place->dialer == NULL)
        fail_late(s, DELIVER_SLOW, "this server opens no connections");
    else if (!s->plain && trust_context(s->place->trust, &tls) != OK)
        fail_late(s, DELIVER_SLOW, fail_text());
    else
        dial(s->place->dialer,
             &(struct dial_to){.host = s->host,
                               .port = s->port,
                               .tls = tls,
                               .front = &amqp_sender_front,
                               .front_ctx = s},
             &s->dial);
}

/* ---- sending */

bool amqp_sender_is_up(const struct amqp_sender *s)
{
    return s->peer && s->peer->step == AMQP_SENDER_UP;
}

bool amqp_sender_can_send(struct amqp_sender *s)
{
    return amqp_sender_is_up(s) && amqp_can_send(s->peer->link) && !conn_congested(s->peer->conn);
}

struct buf *amqp_sender_begin(struct amqp_sender *s, uint32_t format)
{
    conn_out(s->peer->conn);
    return amqp_transfer_begin(s->peer->link, &(struct amqp_transfer){.format = format});
}

uint32_t amqp_sender_end(struct amqp_sender *s)
{
    return amqp_transfer_end(s->peer->link);
}

/* ---- life */

static void take(char *out, size_t size, struct slice text)
{
    snprintf(out, size, "%.*s", SLICE_ARG(text));
}

void amqp_sender_init(struct amqp_sender *s, const struct amqp_sender_owner *owner,
                      const struct deliver_place *place, const struct connstr *to)
{
    *s = (struct amqp_sender){.owner = owner, .place = place, .plain = to->emulator};
    s->port = to->port ? to->port : to->emulator ? 5672 : 5671;
    s->dial.failed = on_dial_failed;
    bool six = slice_starts(to->host, SLICE_LIT("[")) && slice_ends(to->host, SLICE_LIT("]"));
    take(s->host, sizeof s->host, six ? slice_of(to->host.ptr + 1, to->host.len - 2) : to->host);
    take(s->entity, sizeof s->entity, to->entity);
    take(s->policy, sizeof s->policy, to->policy);
    take(s->key, sizeof s->key, to->key);
    timer_init(&s->late, on_late);
}

void amqp_sender_fini(struct amqp_sender *s)
{
    dial_forget(&s->dial);
    timer_stop(&s->late);
    if (s->peer) let_go(s->peer);
    mem_wipe(s->key, sizeof s->key);
}
