/* dial.c - a dial from its question to its answer, whatever the transport is. */
#include "net/dial.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "net/dialer.h"

COUNTER(dialed, "azimuth_dials_total", "Connections that this server began to open itself");
COUNTER(dials_failed, "azimuth_dials_failed_total", "Connections of its own that failed to open");
COUNTER(dials_full, "azimuth_dials_throttled_total",
        "Connections of its own that were not begun because too many were being opened");

void dialer_init(struct dialer *dr, struct conn_host *host)
{
    dr->host = host;
    dr->count = 0;
    dr->closed = false;
    list_init(&dr->dials);
}

static struct timers *timers_of(const struct dial *d)
{
    return &d->dialer->host->lane->timers;
}

static void leave(struct dial *d)
{
    timer_stop(&d->timer);
    list_remove(&d->node);
    d->dialer->count--;
    if (d->to.tls) tls_context_drop(d->to.tls);
    d->to.tls = NULL;
    d->conn = NULL;
    d->state = DIAL_IDLE;
}

/* Whatever it holds is let go of; nothing of it calls any more. */
static void let_go(struct dial *d)
{
    struct conn *c = d->conn;
    if (d->state == DIAL_CONNECTING) d->dialer->stop(d->dialer, d);
    if (d->state != DIAL_SHAKING) return;
    c->dial = NULL;
    conn_abort(c);
}

/* ---- failing */

static void tell(struct dial *d)
{
    char text[DIAL_TEXT_MAX + 1];
    enum err why = d->why;
    memcpy(text, d->text, sizeof text);
    leave(d);
    metric_inc(&dials_failed);
    say_debug("dial.failed", "error=%s reason=\"%s\"", err_name(why), text);
    d->failed(d, why, text);
}

PRINTF(3, 0) static void put_text(struct dial *d, enum err e, const char *fmt, va_list args)
{
    int n = snprintf(d->text, sizeof d->text, "%s:%u ", d->host, d->to.port);
    vsnprintf(d->text + n, sizeof d->text - (size_t)n, fmt, args);
    d->why = e;
}

/* In a turn of its own: nobody expects it here. */
static void fail_soon(struct dial *d)
{
    d->state = DIAL_FAILING;
    d->conn = NULL;
    timer_set(timers_of(d), &d->timer, clock_mono_us());
}

void dial_failed(struct dial *d, enum err e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_text(d, e, fmt, args);
    va_end(args);
    fail_soon(d);
}

void dial_note(struct dial *d, enum err e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_text(d, e, fmt, args);
    va_end(args);
}

static const char *what_is_missing(const struct dial *d)
{
    return d->state == DIAL_SHAKING ? "accepts connections, but its TLS handshake was not done"
                                    : "did not answer";
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct dial *d = CONTAINER_OF(t, struct dial, timer);
    (void)now_us;
    if (d->state != DIAL_FAILING) {
        let_go(d);
        dial_note(d, ERR_TIMEOUT, "%s within %d s", what_is_missing(d),
                  (int)(DIAL_TIMEOUT_US / 1000000));
    }
    tell(d);
}

/* ---- the way there */

void dial_connected(struct dial *d, struct conn *c, int64_t now_us)
{
    assert(d->state == DIAL_CONNECTING);
    d->state = DIAL_SHAKING;
    d->conn = c;
    c->dial = d;
    dial_note(d, ERR_IO, "hung up during the TLS handshake");
    conn_begin_client(c, d->to.tls, d->host, now_us);
}

void dial_opened(struct dial *d)
{
    leave(d);
}

void dial_lost(struct dial *d)
{
    fail_soon(d);
}

/* ---- the question */

static void start(struct dialer *dr, struct dial *d, const char *host, int64_t now_us)
{
    size_t len = strlen(host);
    snprintf(d->host, sizeof d->host, "%s", host);
    if (dr->closed) {
        dial_failed(d, ERR_CLOSED, "is not called any more: this server stops");
    } else if (len == 0 || len > DIAL_HOST_MAX || d->to.port == 0 || d->to.port > UINT16_MAX) {
        dial_failed(d, ERR_INVALID, "is no name and port");
    } else if (dr->count > DIALS_MAX) {
        metric_inc(&dials_full);
        dial_failed(d, ERR_THROTTLED, "is not called now: %d others are", DIALS_MAX);
    } else {
        metric_inc(&dialed);
        timer_set(timers_of(d), &d->timer, d->deadline_us);
        dr->connect(dr, d, now_us);
    }
}

void dial(struct dialer *dr, const struct dial_to *to, struct dial *d)
{
    int64_t now_us = clock_mono_us();
    assert(d->state == DIAL_IDLE);
    d->state = DIAL_CONNECTING;
    d->dialer = dr;
    d->to = *to;
    d->to.host = d->host;
    d->deadline_us = now_us + DIAL_TIMEOUT_US;
    d->attempt = NULL;
    if (to->tls) tls_context_ref(to->tls);
    timer_init(&d->timer, on_timer);
    list_push(&dr->dials, &d->node);
    dr->count++;
    start(dr, d, to->host, now_us);
}

void dial_forget(struct dial *d)
{
    if (d->state == DIAL_IDLE) return;
    let_go(d);
    leave(d);
}

/* ---- the end */

void dialer_drain(struct dialer *dr)
{
    dr->closed = true;
    LIST_EACH(node, &dr->dials)
    {
        struct dial *d = CONTAINER_OF(node, struct dial, node);
        let_go(d);
        dial_failed(d, ERR_CLOSED, "is not called any more: this server stops");
    }
}

void dialer_close(struct dialer *dr)
{
    dr->closed = true;
    LIST_EACH(node, &dr->dials) dial_forget(CONTAINER_OF(node, struct dial, node));
}
