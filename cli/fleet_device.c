/* fleet_device.c - see fleet_device.h. */
#include "cli/fleet_device.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "cli/fleet_answer.h"
#include "cli/fleet_report.h"

static const char wildcards[] = "+#"; /* of MQTT's topic filters */

/* ---- the window */

static struct fleet_message *message_at(const struct fleet_device *d, size_t i)
{
    return &d->window[(d->first + i) % d->fleet->plan->window];
}

static void drop_message(struct fleet_message *m)
{
    buf_free(&m->topic);
    buf_free(&m->body);
}

static void take_ack(struct fleet_device *d, uint16_t packet_id, int64_t now_us)
{
    struct fleet *f = d->fleet;
    for (size_t i = 0; i < d->waiting; i++) {
        struct fleet_message *m = message_at(d, i);
        if (m->packet_id != packet_id || m->acknowledged) continue;
        m->acknowledged = true;
        d->failures = 0;
        f->last_us = now_us;
        f->result->acknowledged++;
        f->lost[0] = '\0';
        fleet_latency_add(&f->result->latency, now_us - m->sent_us);
        break;
    }
    while (d->waiting && message_at(d, 0)->acknowledged) {
        drop_message(message_at(d, 0));
        d->first = (d->first + 1) % f->plan->window;
        d->waiting--;
    }
}

/* ---- what is said, and when */

/* What no topic name may have stands percent-encoded: the hub knows it (device_mqtt/README.md). */
void fleet_device_put_topic(struct buf *out, const struct fleet_identity *id, const char *rest)
{
    buf_put_str(out, "devices/");
    text_percent_with(out, id->device, wildcards);
    if (id->module.len) buf_put_str(out, "/modules/");
    text_percent_with(out, id->module, wildcards);
    buf_put_str(out, rest);
}

uint16_t fleet_device_packet_id(struct fleet_device *d)
{
    if (++d->last_id == 0) d->last_id = 1;
    return d->last_id;
}

static bool is_done(const struct fleet_device *d)
{
    const struct fleet *f = d->fleet;
    int64_t after_us;
    return f->stopping || (f->plan->messages && d->sent == f->plan->messages) ||
           !payload_due(&d->payload, &after_us);
}

static void note_said(struct fleet_device *d)
{
    if (d->said || (d->state != FLEET_OVER && !is_done(d))) return;
    d->said = true;
    d->fleet->said++;
}

/* When the next message is due; INT64_MAX: there is none. */
static int64_t next_message_us(const struct fleet_device *d)
{
    const struct fleet *f = d->fleet;
    int64_t after_us;
    if (is_done(d)) return INT64_MAX;
    if (f->plan->speed == 0) return d->next_us;
    payload_due(&d->payload, &after_us);
    return f->up_us + (int64_t)((double)after_us / f->plan->speed);
}

static bool has_room(const struct fleet_device *d)
{
    return d->waiting < d->fleet->plan->window &&
           buf_size(&d->out) + buf_size(&d->link.plain) < FLEET_OUT_MAX;
}

static enum err publish(struct fleet_device *d, const struct fleet_message *m, bool again)
{
    const struct link_message message = {.topic = buf_slice(&m->topic),
                                         .payload = buf_slice(&m->body),
                                         .packet_id = m->packet_id,
                                         .again = again};
    return link_publish(&d->link, &message);
}

static enum err say_next(struct fleet_device *d, int64_t now_us)
{
    struct fleet *f = d->fleet;
    struct fleet_message *m = message_at(d, d->waiting++);
    *m = (struct fleet_message){.sent_us = now_us};
    m->packet_id = fleet_device_packet_id(d);
    fleet_device_put_topic(&m->topic, d->identity, "/messages/events/");
    payload_write(&d->payload, clock_wall_us(), &m->topic, &m->body);
    d->sent++;
    note_said(d);
    if (f->result->sent++ == 0) f->first_us = f->last_us = now_us;
    d->next_us = MAX(d->next_us + f->plan->interval_us, now_us - FLEET_CATCH_UP_US);
    return publish(d, m, false);
}

static enum err say_again(struct fleet_device *d)
{
    for (size_t i = 0; i < d->waiting; i++) {
        const struct fleet_message *m = message_at(d, i);
        if (m->acknowledged) continue;
        d->fleet->result->resent++;
        TRY(publish(d, m, true));
    }
    return OK;
}

/* ---- the connection */

static void set_state(struct fleet_device *d, enum fleet_state state)
{
    struct fleet *f = d->fleet;
    assert(d->state != FLEET_OVER);
    if (d->state == FLEET_UP) f->up--;
    if (state == FLEET_UP) f->up++;
    if (state == FLEET_OVER) f->over++;
    d->state = state;
    note_said(d);
}

void fleet_device_put_token(struct buf *out, const struct fleet_identity *id)
{
    struct buf resource = {0};
    if (id->token.len) {
        buf_put_slice(out, id->token);
        return;
    }
    buf_printf(&resource, "%.*s/devices/%.*s", SLICE_ARG(id->host), SLICE_ARG(id->device));
    if (id->module.len) buf_printf(&resource, "/modules/%.*s", SLICE_ARG(id->module));
    sas_make(out, buf_slice(&resource), id->key, id->policy,
             clock_wall_us() / 1000000 + FLEET_TOKEN_S);
    buf_free(&resource);
}

static enum err introduce(struct fleet_device *d)
{
    const struct fleet_identity *id = d->identity;
    struct buf client = {0}, user = {0}, token = BUF_SECRET;
    buf_put_slice(&client, id->device);
    if (id->module.len) buf_printf(&client, "/%.*s", SLICE_ARG(id->module));
    buf_printf(&user, "%.*s/%s/?api-version=2021-04-12&DeviceClientType=azimuth",
               SLICE_ARG(id->host), buf_cstr(&client));
    if (d->fleet->plan->model_id.len) {
        buf_put_str(&user, "&model-id=");
        text_percent(&user, d->fleet->plan->model_id);
    }
    if (!id->x509) fleet_device_put_token(&token, id);
    const struct link_identity who = {buf_slice(&client), buf_slice(&user), buf_slice(&token)};
    enum err e = link_connect(&d->link, &who);
    buf_free(&client);
    buf_free(&user);
    buf_wipe(&token);
    return e;
}

/* The first messages of a fleet are spread over the interval. */
static void begin_pace(struct fleet_device *d, int64_t now_us)
{
    const struct fleet_plan *plan = d->fleet->plan;
    double part = (double)d->payload.index / (double)plan->count;
    d->next_us = d->was_up ? MAX(d->next_us, now_us - FLEET_CATCH_UP_US)
                           : now_us + (int64_t)(part * (double)plan->interval_us);
}

static enum err come_up(struct fleet_device *d, int64_t now_us)
{
    struct fleet *f = d->fleet;
    set_state(d, FLEET_UP);
    begin_pace(d, now_us);
    if (d->was_up) f->result->reconnects++;
    if (!d->was_up && f->result->connected++ == 0) f->up_us = now_us;
    d->was_up = true;
    TRY(fleet_answer_listen(d));
    return say_again(d);
}

/* A busy hub is asked again; any other answer would be the same the next time. */
static enum err take_answer(struct fleet_device *d, enum mqtt_code code, int64_t now_us)
{
    struct fleet *f = d->fleet;
    if (code == MQTT_ACCEPTED) return come_up(d, now_us);
    if (code == MQTT_UNAVAILABLE) return fail(ERR_THROTTLED, "%s", link_code_text(code));
    snprintf(d->refusal, sizeof d->refusal, "%s", link_code_text(code));
    set_state(d, FLEET_OVER);
    f->result->refused++;
    if (f->first_refused == NULL) f->first_refused = d;
    if (f->plan->count > 1)
        fleet_complain(f, "device '%.*s' was refused: %s", SLICE_ARG(d->identity->device),
                       d->refusal);
    return ERR_DENIED;
}

static enum err take_event(struct fleet_device *d, const struct link_event *ev, int64_t now_us)
{
    switch (ev->kind) {
    case LINK_SECURED: return introduce(d);
    case LINK_ANSWERED: return take_answer(d, ev->code, now_us);
    case LINK_ACKED: take_ack(d, ev->packet_id, now_us); break;
    case LINK_GRANTED: fleet_answer_granted(d, ev); break;
    case LINK_TOLD: return fleet_answer_take(d, ev);
    }
    return OK;
}

/* ---- what the loop calls */

void fleet_device_init(struct fleet_device *d, struct fleet *f, size_t index)
{
    const struct fleet_plan *plan = f->plan;
    *d = (struct fleet_device){.fleet = f, .identity = &plan->identities[index], .fd = -1};
    list_init(&d->queued);
    d->window = arena_zero(&f->arena, plan->window * sizeof *d->window);
    payload_begin(plan->payload, &f->arena, d->identity->device, index, plan->count, plan->seed,
                  &d->payload);
    if (is_done(d)) set_state(d, FLEET_OVER);
}

void fleet_device_fini(struct fleet_device *d)
{
    link_fini(&d->link);
    buf_free(&d->out);
    for (size_t i = 0; i < d->waiting; i++) drop_message(message_at(d, i));
}

void fleet_device_dial(struct fleet_device *d, int64_t now_us)
{
    set_state(d, FLEET_DIALLING);
    d->change_us = now_us + FLEET_DIAL_WAIT_US;
}

static enum err pull(struct fleet_device *d, int64_t now_us)
{
    struct link_event ev;
    enum err e;
    while ((e = link_next(&d->link, &ev)) == OK) TRY(take_event(d, &ev, now_us));
    link_flush(&d->link);
    return e == ERR_AGAIN ? OK : e;
}

enum err fleet_device_open(struct fleet_device *d, int64_t now_us)
{
    const struct fleet_plan *plan = d->fleet->plan;
    const struct link_config config = {.out = &d->out, .tls = plan->tls, .host = plan->host};
    link_init(&d->link, &config, now_us);
    set_state(d, FLEET_OPENING);
    return pull(d, now_us);
}

enum err fleet_device_feed(struct fleet_device *d, struct slice bytes, int64_t now_us)
{
    link_feed(&d->link, bytes, now_us);
    return pull(d, now_us);
}

void fleet_device_leave(struct fleet_device *d)
{
    if (d->state == FLEET_UP) link_close(&d->link);
    if (d->state != FLEET_OVER) set_state(d, FLEET_OVER);
}

/* Who stops does not wait for that: it was said at first. */
static bool waits_for_word(const struct fleet_device *d)
{
    return d->state == FLEET_UP && fleet_answer_waits(d) && !d->fleet->stopping;
}

enum err fleet_device_run(struct fleet_device *d, int64_t now_us)
{
    if (d->state == FLEET_OVER) return OK;
    if (d->state == FLEET_DIALLING && now_us >= d->change_us)
        return fail(ERR_TIMEOUT, "no connection in %lld s", FLEET_DIAL_WAIT_US / 1000000);
    if (is_done(d) && d->waiting == 0 && !waits_for_word(d)) {
        fleet_device_leave(d);
        return OK;
    }
    if (d->state < FLEET_OPENING) return OK;
    TRY(link_tick(&d->link, now_us));
    while (d->state == FLEET_UP && has_room(d) && next_message_us(d) <= now_us)
        TRY(say_next(d, now_us));
    link_flush(&d->link);
    return OK;
}

int64_t fleet_device_deadline(const struct fleet_device *d)
{
    if (d->state == FLEET_OVER) return INT64_MAX;
    if (d->state < FLEET_OPENING) return d->change_us;
    int64_t link_us = link_deadline(&d->link);
    if (d->state == FLEET_OPENING || !has_room(d)) return link_us;
    return MIN(link_us, next_message_us(d));
}

/* Doubles with every failure, and differs between devices, so that a fleet does not come back at one
 * and the same moment. */
static int64_t pause_us(const struct fleet_device *d)
{
    int64_t most = FLEET_RETRY_MIN_US << MIN(d->failures, 10u);
    most = MIN(most, FLEET_RETRY_MAX_US);
    return most / 2 + (int64_t)(rand_u64() % (uint64_t)(most / 2 + 1));
}

/* A hub that does not know percent-encoded ids hangs up at each message, as IoT Hub does. */
static bool is_unheard(const struct fleet_device *d)
{
    struct slice id = d->identity->device, module = d->identity->module;
    unsigned most = d->fleet->plan->once ? 1 : FLEET_UNHEARD_MAX;
    bool encoded = slice_has(id, wildcards) || slice_has(module, wildcards);
    return encoded && d->was_up && d->waiting && d->failures + 1 >= most;
}

void fleet_device_lost(struct fleet_device *d, enum err why, int64_t now_us)
{
    struct fleet *f = d->fleet;
    link_fini(&d->link);
    d->link = (struct link){.over = true};
    buf_free(&d->out);
    if (d->state == FLEET_OVER) return;
    bool first = f->result->connected == 0 && why != ERR_THROTTLED;
    snprintf(f->lost, sizeof f->lost, "%s", fail_text());
    set_state(d, FLEET_RESTING);
    if ((why == ERR_CLOSED || why == ERR_IO) && is_unheard(d))
        why =
            fail(ERR_UNSUPPORTED,
                 "it closes the connection at the messages of '%.*s': MQTT topics cannot have '+' "
                 "and '#', and it does not know the id percent-encoded",
                 SLICE_ARG(d->identity->device));
    if (first || f->plan->once || why == ERR_UNSUPPORTED) {
        fleet_give_up(f, why);
        return;
    }
    d->change_us = now_us + pause_us(d);
    d->failures++;
    fleet_complain(f, "device '%.*s' lost its connection: %s; it tries again in %.1f s",
                   SLICE_ARG(d->identity->device), fail_text(),
                   (double)(d->change_us - now_us) / 1e6);
}
