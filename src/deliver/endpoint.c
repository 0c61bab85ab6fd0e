/* endpoint.c - versions, pauses, health. */
#include "deliver/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "hub/diagnostic/diagnostic.h"

/* ---- health */

static void tell(struct endpoint *ep)
{
    ep->untold = false;
    healths_tell(ep->healths, ep->bit, ep->since_us, &ep->health);
}

/* Of the category Routes. */
static void diagnose(const struct endpoint *ep, const char *operation, enum status status,
                     bool informs)
{
    const struct hub *hub = ep->healths->hub;
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_ROUTES,
                           .operation = operation,
                           .informs = informs,
                           .properties = &properties};
    if (!diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_text(&properties, "deviceId", SLICE_NONE);
    diagnostic_put_text(&properties, "endpointName", slice_str(ep->name));
    diagnostic_put_text(&properties, "messageId", SLICE_NONE);
    diagnostic_put_text(&properties, "details",
                        status == STATUS_OK ? SLICE_NONE : slice_str(ep->health.error));
    diagnostic_put_text(&properties, "routeName", SLICE_NONE);
    diagnostic_put_http(&properties, status == STATUS_OK ? 0 : status_http(status));
    diagnostic_set_status(&d, status);
    diagnostic_note(hub, ep->lane, &d);
    buf_free(&properties);
}

/* One line when it becomes so, not one per failure. */
static void change(struct endpoint *ep, enum routing_status status)
{
    enum routing_status before = ep->health.status;
    if (status == before) return;
    ep->health.status = status;
    if (status == ROUTING_UNHEALTHY) {
        say_warn("deliver.unhealthy", "endpoint=%s reason=\"%s\"", ep->name, ep->health.error);
        diagnose(ep, "endpointUnhealthy", STATUS_SERVICE_UNAVAILABLE, false);
    } else if (status == ROUTING_DEAD) {
        say_warn("deliver.dead", "endpoint=%s reason=\"%s\" next=\"messages are dropped\"",
                 ep->name, ep->health.error);
        diagnose(ep, "endpointDead", STATUS_SERVICE_UNAVAILABLE, false);
    } else if (status != ROUTING_UNKNOWN && before >= ROUTING_UNHEALTHY) {
        say_info("deliver.healthy", "endpoint=%s", ep->name);
        diagnose(ep, "endpointHealthy", STATUS_OK, true);
    }
    tell(ep);
}

static void note_error(struct endpoint *ep, const char *text)
{
    snprintf(ep->health.error, sizeof ep->health.error, "%s", text);
    ep->health.error_us = ep->health.attempt_us = clock_wall_us();
    ep->untold = true;
}

/* ---- pauses */

static int64_t pause_us(const struct endpoint *ep, const struct deliver_result *r)
{
    unsigned doublings = MIN(ep->failures - 1, 16u);
    int64_t us = MIN(INT64_C(1000000) * DELIVER_PAUSE_FIRST_S << doublings,
                     INT64_C(1000000) * DELIVER_PAUSE_MAX_S);
    if (r->outcome != DELIVER_AGAIN) us = INT64_C(1000000) * DELIVER_PAUSE_SLOW_S;
    if (endpoint_is_dead(ep)) us = MAX(us, INT64_C(1000000) * DELIVER_DEAD_PROBE_S);
    us = MAX(us, MIN(r->pause_us, INT64_C(1000000) * DELIVER_PAUSE_ASKED_MAX_S));
    return us + (int64_t)(rand_u64() % (uint64_t)(us / 4)); /* endpoints of one host drift apart */
}

static void connect_target(struct endpoint *ep);

static void on_again(struct timer *t, int64_t now_us)
{
    struct endpoint *ep = CONTAINER_OF(t, struct endpoint, again);
    (void)now_us;
    if (ep->connected)
        endpoint_run(ep);
    else
        connect_target(ep);
}

/* What was under way with the first that failed is the same failure. */
void endpoint_failed(struct endpoint *ep, const struct deliver_result *r)
{
    int64_t now_us = clock_mono_us();
    if (!timer_active(&ep->again) && ep->failures++ == 0) ep->failing_since_us = now_us;
    bool dead = now_us - ep->failing_since_us >= INT64_C(1000000) * DELIVER_RETRIAL_S;
    note_error(ep, r->text);
    change(ep, dead ? ROUTING_DEAD : ROUTING_UNHEALTHY);
    timer_set(&ep->lane->timers, &ep->again, now_us + pause_us(ep, r));
    if (dead) endpoint_run(ep);
}

/* ---- what came of it */

/* What was under way when another failed does not end the pause. */
void endpoint_reached(struct endpoint *ep, enum deliver_outcome outcome)
{
    bool failed = ep->failures != 0;
    ep->health.attempt_us = clock_wall_us();
    if (outcome == DELIVER_TAKEN) ep->health.success_us = ep->health.attempt_us;
    ep->untold = true;
    if (timer_active(&ep->again)) return;
    ep->failures = 0;
    ep->failing_since_us = 0;
    change(ep, outcome == DELIVER_TAKEN ? ROUTING_HEALTHY : ROUTING_DEGRADED);
    if (failed) endpoint_run(ep);
}

void endpoint_refused(struct endpoint *ep, const struct record_tally *message, const char *text)
{
    int64_t now_us = clock_mono_us();
    note_error(ep, text);
    health_count_lost(&ep->counters, DELIVERY_REFUSED, message);
    diagnose(ep, "invalidMessage", STATUS_ARGUMENT_INVALID, false);
    ep->refused++;
    if (ep->said_us && now_us - ep->said_us < INT64_C(1000000) * DELIVER_SAY_S) return;
    say_warn("deliver.refused", "endpoint=%s messages=%u reason=\"%s\"", ep->name, ep->refused,
             ep->health.error);
    ep->said_us = now_us;
    ep->refused = 0;
}

/* ---- connecting */

/* Nobody takes them any more. */
void endpoint_dropped(struct endpoint *ep, const struct record_tally *messages)
{
    health_count_lost(&ep->counters, DELIVERY_DROPPED, messages);
    for (int source = 0; source < RECORD_SOURCES; source++)
        for (unsigned i = 0; i < messages->of[source].count; i++)
            diagnose(ep, "droppedMessage", STATUS_SERVICE_UNAVAILABLE, false);
}

bool endpoint_may_send(const struct endpoint *ep)
{
    bool alone = ep->failures == 0 || ep->sending == 0;
    bool waits = timer_active(&ep->again) || timer_active(&ep->pace);
    return ep->connected && alone && !waits;
}

void endpoint_run(struct endpoint *ep)
{
    unsigned first = ep->turn++;
    for (unsigned i = 0; i < ep->feed_count; i++)
        feed_run(&ep->feeds[(first + i) % ep->feed_count]);
}

/* ---- pace: no more requests a minute than the target granted */

static uint64_t granted_rate(const struct endpoint *ep)
{
    return ep->kind->rate ? ep->kind->rate(ep->target) : 0;
}

void endpoint_sends(struct endpoint *ep)
{
    const int64_t minute_us = INT64_C(60000000), late_us = INT64_C(1000) * DELIVER_LATE_MS;
    uint64_t rate = granted_rate(ep);
    int64_t now_us = clock_mono_us();
    ep->sending++;
    if (rate == 0) return;
    int64_t part_us = (minute_us + (int64_t)rate - 1) / (int64_t)rate;
    ep->next_send_us = MAX(ep->next_send_us, now_us - late_us) + part_us;
    if (ep->next_send_us > now_us) timer_set(&ep->lane->timers, &ep->pace, ep->next_send_us);
}

static void on_pace(struct timer *t, int64_t now_us)
{
    struct endpoint *ep = CONTAINER_OF(t, struct endpoint, pace);
    unsigned before = ep->sending;
    (void)now_us;
    endpoint_run(ep);
    if (ep->sending > before) metric_add(ep->counters.paced, 1);
}

static void on_connected(struct deliver_call *c, const struct deliver_result *r)
{
    struct endpoint *ep = CONTAINER_OF(c, struct endpoint, connecting);
    ep->asks = false;
    if (r->outcome != DELIVER_TAKEN) {
        c->tries++;
        endpoint_failed(ep, r);
        return;
    }
    ep->connected = true;
    endpoint_reached(ep, DELIVER_TAKEN);
    endpoint_run(ep);
}

static void connect_target(struct endpoint *ep)
{
    ep->connected = ep->kind->connect == NULL;
    if (ep->connected) {
        endpoint_run(ep);
        return;
    }
    ep->asks = true;
    ep->connecting.fn = on_connected;
    ep->connecting.target = ep->target;
    ep->kind->connect(ep->target, &ep->connecting);
}

enum err endpoint_agree(struct endpoint *ep, const struct routing_consent *consent)
{
    if (ep->kind->agree == NULL) return ERR_NOT_FOUND;
    TRY(ep->kind->agree(ep->target, consent));
    if (ep->connected) return OK;
    if (ep->asks) ep->kind->forget(ep->target, &ep->connecting);
    timer_stop(&ep->again);
    on_connected(&ep->connecting, &(struct deliver_result){.outcome = DELIVER_TAKEN});
    return OK;
}

/* ---- versions */

static void open_target(struct endpoint *ep, const struct deliver_doors *doors,
                        const struct routing_endpoint *e)
{
    ep->kind = deliver_kind_of(e->kind, e->json);
    ep->target = ep->kind->open(&(struct deliver_place){.hub = ep->healths->hub,
                                                        .lane = ep->lane,
                                                        .out = doors->out,
                                                        .writer = doors->writer,
                                                        .event_hubs = doors->event_hubs,
                                                        .dialer = doors->dialer,
                                                        .trust = doors->trust,
                                                        .name = ep->name,
                                                        .bit = ep->bit,
                                                        .since_us = ep->since_us},
                                e->json);
    connect_target(ep);
}

static void close_target(struct endpoint *ep)
{
    if (ep->asks) ep->kind->forget(ep->target, &ep->connecting);
    ep->asks = ep->connected = false;
    for (unsigned i = 0; i < ep->feed_count; i++) feed_forget(&ep->feeds[i]);
    timer_stop(&ep->again);
    ep->kind->close(ep->target);
}

void endpoint_take(struct endpoint *ep, const struct deliver_doors *doors,
                   const struct routing_endpoint *e)
{
    struct buf json = BUF_SECRET;
    json_write(&json, e->json);
    if (slice_eq(buf_slice(&json), buf_slice(&ep->json))) {
        buf_wipe(&json);
        return;
    }
    close_target(ep);
    for (unsigned i = 0; i < ep->feed_count; i++) feed_rewind(&ep->feeds[i]);
    buf_wipe(&ep->json);
    ep->json = json;
    ep->failures = ep->connecting.tries = 0;
    ep->failing_since_us = 0;
    change(ep, ROUTING_UNKNOWN);
    open_target(ep, doors, e);
}

/* ---- once a second */

static void note_rate(struct endpoint *ep)
{
    uint64_t rate = granted_rate(ep);
    if (rate == ep->health.rate) return;
    ep->health.rate = rate;
    ep->untold = true;
    metric_set(ep->counters.granted_rate, (int64_t)rate);
}

void endpoint_tick(struct endpoint *ep)
{
    struct health_lag lag = {0};
    for (unsigned i = 0; i < ep->feed_count; i++) {
        struct cursor_status s;
        cursor_status(ep->feeds[i].cursor, &s);
        health_lag_add(&lag, &s);
    }
    health_counters_lag(&ep->counters, &lag);
    note_rate(ep);
    if (ep->untold) tell(ep);
}

/* ---- life */

struct endpoint *endpoint_new(struct healths *healths, const struct deliver_doors *doors,
                              const struct routing_endpoint *e)
{
    unsigned partitions = log_partitions(healths->hub->log, 0);
    struct endpoint *ep = mem_zero(sizeof *ep + partitions * sizeof *ep->feeds);
    ep->lane = healths->lane;
    ep->healths = healths;
    snprintf(ep->name, sizeof ep->name, "%s", e->name);
    ep->bit = e->bit;
    ep->since_us = e->since_us;
    ep->feed_count = partitions;
    ep->json = BUF_SECRET;
    json_write(&ep->json, e->json);
    list_init(&ep->node);
    timer_init(&ep->again, on_again);
    timer_init(&ep->pace, on_pace);
    health_counters_init(&ep->counters, e->kind, ep->name);
    for (unsigned i = 0; i < partitions; i++) {
        ep->feeds[i].endpoint = ep;
        feed_open(&ep->feeds[i], doors->cursors, i);
    }
    open_target(ep, doors, e);
    return ep;
}

static void end(struct endpoint *ep, bool remove)
{
    if (remove && ep->kind->removed) ep->kind->removed(ep->target);
    close_target(ep);
    timer_stop(&ep->pace);
    for (unsigned i = 0; i < ep->feed_count; i++) feed_fini(&ep->feeds[i], remove);
    health_counters_fini(&ep->counters);
    list_remove(&ep->node);
    buf_wipe(&ep->json);
    free(ep);
}

void endpoint_remove(struct endpoint *ep)
{
    end(ep, true);
}

void endpoint_free(struct endpoint *ep)
{
    end(ep, false);
}
