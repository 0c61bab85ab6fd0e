/* conn.c - a connection between its transport and its front: TLS, output, closing. */
#include <stdlib.h>

#include "auth/x509.h"
#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "base/say.h"
#include "net/dialer.h"
#include "net/stack.h"
#include "net/websocket.h"

COUNTER(conn_opened, "azimuth_connections_opened_total",
        "Connections accepted, or opened by this server itself");
COUNTER(conn_stalled, "azimuth_connections_stalled_total",
        "Connections closed because the peer did not read for 30 s");
COUNTER(conn_choked, "azimuth_connections_choked_total",
        "Times that a connection was not read because its peer did not read");
LIMIT_REACHED(tls_too_much, "tls")
COUNTER(tls_failures, "azimuth_tls_handshake_failures_total", "TLS handshakes that failed");
GAUGE(conn_open_now, "azimuth_connections", "Connections open now");

static void flush(struct conn *c, int64_t now_us);
static void send_cipher(struct conn *c);
static void hang_up(struct conn *c);

/* Fronts that were told to stop writing go on in a turn of their own, so that one fast reader does
 * not keep the core to itself. */
static void on_resume(void *ctx, struct lane *lane, struct msg *m)
{
    struct conn_host *h = ctx;
    (void)m;
    h->resuming = false;
    struct list now, *node;
    list_init(&now);
    list_splice(&now, &h->relieved);
    while ((node = list_shift(&now)) != NULL) {
        struct conn *c = CONTAINER_OF(node, struct conn, relieved);
        if (c->state == CONN_OPEN && c->front->drained)
            c->front->drained(c->front_ctx, clock_mono_us());
    }
    (void)lane;
}

/* Another core has let somebody in from that address. */
static void on_proved(void *ctx, struct lane *lane, struct msg *m)
{
    struct conn_host *h = ctx;
    struct guard_key address;
    (void)lane;
    memcpy(&address, m->body, sizeof address);
    (void)guard_proved(&h->guard, address, clock_mono_us());
}

static void flush_dirty(struct turn_hook *hook, int64_t now_us)
{
    struct conn_host *h = CONTAINER_OF(hook, struct conn_host, flush);
    struct list *node;
    while ((node = list_shift(&h->dirty)) != NULL)
        flush(CONTAINER_OF(node, struct conn, dirty), now_us);
}

void conn_host_init(struct conn_host *h, struct lane *lane)
{
    *h = (struct conn_host){.lane = lane, .flush.fn = flush_dirty};
    list_init(&h->dirty);
    list_init(&h->relieved);
    guard_init(&h->guard);
    lane_on(lane, NET_RESUME, on_resume, h);
    lane_on(lane, NET_PROVED, on_proved, h);
    lane_on_turn_end(lane, &h->flush);
}

void conn_host_fini(struct conn_host *h)
{
    buf_free(&h->cipher);
    buf_free(&h->frames);
    guard_fini(&h->guard);
    ws_spare_fini(&h->spare);
}

static void mark_dirty(struct conn *c)
{
    if (!list_linked(&c->dirty)) list_push(&c->host->dirty, &c->dirty);
}

size_t conn_waiting(const struct conn *c)
{
    return buf_size(&c->wire) + c->transport->waiting(c);
}

/* ---- time */

static uint64_t taken_of(const struct conn *c)
{
    return c->transport->taken ? c->transport->taken(c) : 0;
}

static void look_again(struct conn *c, int64_t now_us)
{
    timer_set(&c->host->lane->timers, &c->timer,
              MIN(now_us + CONN_STALL_LOOK_US, c->taken_us + CONN_STALL_US));
}

/* The transport has room again only when the peer has taken a good part of what the kernel keeps of ours, which a slow
 * one does not in 30 s; so what it has taken of that is looked at, too. */
static bool is_stalled(struct conn *c, int64_t now_us)
{
    uint64_t taken = taken_of(c);
    if (taken != c->taken) c->taken_us = now_us;
    c->taken = taken;
    return now_us - c->taken_us >= CONN_STALL_US;
}

/* It says no more, and waits for answers. */
static bool is_owed(const struct conn *c)
{
    return c->deaf && c->state == CONN_OPEN;
}

/* In state opening the timer bounds the handshake, later the time without the peer reading, of one that says no more
 * that in which it is owed answers, at the end the wait for its Close. */
static void on_timer(struct timer *t, int64_t now_us)
{
    struct conn *c = CONTAINER_OF(t, struct conn, timer);
    if (c->state == CONN_SHUT) return;
    if (c->goodbye) {
        hang_up(c);
        return;
    }
    if (is_owed(c)) {
        conn_finish(c, ERR_CLOSED);
        return;
    }
    if (c->state != CONN_OPENING) {
        if (!is_stalled(c, now_us)) {
            look_again(c, now_us);
            return;
        }
        metric_inc(&conn_stalled);
    }
    say_debug("conn.timeout", "peer=%s front=%s waiting=%zu", c->peer, c->front->name,
              conn_waiting(c));
    c->why = ERR_TIMEOUT;
    conn_abort(c);
}

static void watch_for_stall(struct conn *c, bool progress, int64_t now_us)
{
    if (c->state == CONN_OPENING || c->goodbye || is_owed(c)) return;
    if (conn_waiting(c) == 0) {
        timer_stop(&c->timer);
    } else if (progress || !timer_active(&c->timer)) {
        c->taken = taken_of(c);
        c->taken_us = now_us;
        look_again(c, now_us);
    }
}

/* ---- life */

void conn_init(struct conn *c, struct conn_host *h, const struct transport *t,
               const struct front *front, void *front_ctx, struct tls_context *tls)
{
    *c = (struct conn){.host = h,
                       .transport = t,
                       .front = front,
                       .front_ctx = front_ctx,
                       .encrypted = tls != NULL,
                       .why = ERR_CLOSED};
    list_init(&c->dirty);
    list_init(&c->relieved);
    timer_init(&c->timer, on_timer);
    if (tls) tls_init_server(&c->tls, tls, &h->cipher);
    metric_inc(&conn_opened);
    metric_add(&conn_open_now, 1);
}

static void open_front(struct conn *c, int64_t now_us)
{
    timer_stop(&c->timer);
    if (c->dial) dial_opened(c->dial);
    c->dial = NULL;
    c->state = CONN_OPEN;
    c->front_open = true;
    c->front_ctx = c->front->open(c, c->front_ctx, now_us);
}

void conn_begin(struct conn *c, int64_t now_us)
{
    if (!c->encrypted) {
        open_front(c, now_us);
        return;
    }
    timer_set(&c->host->lane->timers, &c->timer, now_us + CONN_HANDSHAKE_US);
}

void conn_begin_client(struct conn *c, struct tls_context *tls, const char *host, int64_t now_us)
{
    c->encrypted = tls != NULL;
    c->dialed = true;
    if (!c->encrypted) {
        open_front(c, now_us);
        return;
    }
    tls_init_client(&c->tls, tls, &c->host->cipher, host);
    send_cipher(c);
}

void conn_gone(struct conn *c, int64_t now_us)
{
    assert(c->state == CONN_SHUT);
    if (c->dial) dial_lost(c->dial);
    if (c->front_open) c->front->closed(c->front_ctx, c->why, now_us);
    websocket_free(c);
    if (c->encrypted) tls_fini(&c->tls);
    free(c->peer_certificate);
    buf_free(&c->out);
    buf_free(&c->wire);
    metric_add(&conn_open_now, -1);
}

static void shut(struct conn *c, bool abort)
{
    if (c->state == CONN_SHUT) return;
    c->state = CONN_SHUT;
    list_remove(&c->dirty);
    list_remove(&c->relieved);
    timer_stop(&c->timer);
    c->transport->shut(c, abort);
}

static void tell_watch(const struct conn *c, enum tls_cause cause, unsigned alert)
{
    const struct conn_watch *w = &c->host->watch;
    char here[CONN_PEER_MAX] = "";
    if (!w->failed || c->dialed || c->heard) return;
    if (c->transport->here) c->transport->here(c, here);
    const struct conn_failure failure = {
        cause, alert, fail_text(), c->host->fed, tls_own_until_s(&c->tls), here};
    w->failed(w->ctx, c, &failure);
}

/* It greeted, saw our certificate, and left without a word: as Node does that does not trust it, with TLS
 * 1.3 before it has finished the handshake, with 1.2 after that. */
static bool left_in_silence(const struct conn *c, enum err why)
{
    if (why != ERR_CLOSED || !c->encrypted || c->dialed || !c->tls.greeted || c->heard)
        return false;
    return c->state == CONN_OPENING ||
           (c->state == CONN_OPEN && strcmp(tls_version(&c->tls), "TLSv1.2") == 0);
}

static void lose(struct conn *c, enum err why)
{
    if (c->state == CONN_OPENING || c->state == CONN_OPEN) c->why = why;
    shut(c, false);
}

void conn_ended(struct conn *c, enum err why)
{
    if (left_in_silence(c, why)) tell_watch(c, TLS_CAUSE_NONE, 0);
    lose(c, why);
}

void conn_finish(struct conn *c, enum err why)
{
    if (c->state == CONN_SHUT) return;
    if (c->state != CONN_CLOSING) c->why = why;
    if (is_owed(c)) timer_stop(&c->timer);
    c->state = CONN_CLOSING;
    mark_dirty(c);
}

/* The peer may hear what it is still to be answered, and then that we say no more either (RFC 8446 section 6.1). */
static bool finish_if_nothing_is_owed(struct conn *c)
{
    if (c->front->owes && c->front->owes(c->front_ctx)) return false;
    conn_finish(c, ERR_CLOSED);
    return true;
}

void conn_said_all(struct conn *c, int64_t now_us)
{
    if (c->deaf || c->state == CONN_SHUT) return;
    if (left_in_silence(c, ERR_CLOSED)) tell_watch(c, TLS_CAUSE_NONE, 0);
    c->deaf = true;
    if (c->goodbye) {
        hang_up(c);
    } else if (c->state == CONN_OPENING) {
        lose(c, ERR_CLOSED);
    } else if (c->state == CONN_OPEN && !finish_if_nothing_is_owed(c)) {
        timer_set(&c->host->lane->timers, &c->timer, now_us + CONN_OWED_US);
    }
}

void conn_close(struct conn *c)
{
    if (c->state < CONN_CLOSING) conn_finish(c, OK);
}

void conn_abort(struct conn *c)
{
    if (c->why == ERR_CLOSED) c->why = OK;
    shut(c, true);
}

/* ---- output */

/* Gives bytes to the transport, or keeps them behind what already waits. */
static void send_wire(struct conn *c, struct slice bytes)
{
    if (bytes.len == 0) return;
    if (conn_waiting(c))
        buf_put_slice(&c->wire, bytes);
    else
        c->transport->write(c, bytes);
}

static void send_cipher(struct conn *c)
{
    struct buf *cipher = &c->host->cipher;
    send_wire(c, buf_slice(cipher));
    buf_clear(cipher);
}

void conn_send_plain(struct conn *c, struct slice bytes)
{
    if (c->state == CONN_SHUT || bytes.len == 0) return;
    if (!c->encrypted) {
        send_wire(c, bytes);
        return;
    }
    enum err e = tls_send(&c->tls, bytes);
    send_cipher(c);
    if (e == OK) return;
    c->why = ERR_PROTOCOL;
    shut(c, true);
}

static void send_out(struct conn *c)
{
    if (c->ws)
        websocket_send(c, buf_slice(&c->out));
    else
        conn_send_plain(c, buf_slice(&c->out));
    buf_free(&c->out);
}

static void hang_up(struct conn *c)
{
    if (c->encrypted) {
        tls_close(&c->tls);
        send_cipher(c);
    }
    shut(c, false);
}

/* Nothing is read from a peer that does not read: whatever it asks for, the answers have a limit. */
static void choke(struct conn *c)
{
    if (c->choked || c->state != CONN_OPEN || conn_waiting(c) < CONN_OUT_SOFT) return;
    c->choked = true;
    metric_inc(&conn_choked);
    if (!c->paused) c->transport->pause(c);
}

static void unchoke(struct conn *c)
{
    if (c->choked && !c->paused) c->transport->resume(c);
    c->choked = false;
}

/* Everything is sent.  Of a WebSocket peer the Close is awaited, for a while. */
static void say_goodbye(struct conn *c, int64_t now_us)
{
    if (c->ws == NULL || c->deaf || !websocket_awaits_close(c)) {
        hang_up(c);
        return;
    }
    if (c->goodbye) return;
    c->goodbye = true;
    unchoke(c);
    conn_resume(c);
    timer_set(&c->host->lane->timers, &c->timer, now_us + CONN_GOODBYE_US);
}

/* Lets peer and front go on once little is left. */
static void relieve(struct conn *c)
{
    struct conn_host *h = c->host;
    if (!(c->choked || c->owes_drained) || conn_waiting(c) >= CONN_OUT_SOFT / 2) return;
    unchoke(c);
    if (!c->owes_drained) return;
    c->owes_drained = false;
    if (!list_linked(&c->relieved)) list_push(&h->relieved, &c->relieved);
    if (h->resuming) return;
    h->resuming = true;
    post(h->lane, lane_addr(h->lane), lane_addr(h->lane), msg_new(NET_RESUME, 0));
}

static void flush(struct conn *c, int64_t now_us)
{
    if (c->state == CONN_SHUT) return;
    size_t before = conn_waiting(c);
    if (is_owed(c)) finish_if_nothing_is_owed(c);
    if (buf_size(&c->out)) send_out(c);
    if (c->state == CONN_CLOSING && c->ws) websocket_close(c);
    if (c->state == CONN_SHUT) return;
    if (c->state == CONN_CLOSING && conn_waiting(c) == 0) {
        say_goodbye(c, now_us);
        return;
    }
    watch_for_stall(c, conn_waiting(c) < before, now_us);
    choke(c);
    relieve(c);
}

/* What is in `wire` goes behind what the transport keeps: not yet. */
void conn_progress(struct conn *c, int64_t now_us)
{
    if (c->state == CONN_SHUT) return;
    watch_for_stall(c, true, now_us);
    if (c->state != CONN_CLOSING) relieve(c);
}

void conn_writable(struct conn *c, int64_t now_us)
{
    if (c->state == CONN_SHUT) return;
    struct buf wire = c->wire;
    c->wire = (struct buf){0};
    if (buf_size(&wire)) c->transport->write(c, buf_slice(&wire));
    buf_free(&wire);
    watch_for_stall(c, true, now_us);
    if (c->state == CONN_CLOSING)
        mark_dirty(c);
    else
        relieve(c);
}

/* ---- input */

/* A closing WebSocket connection still looks for the peer's Close. */
static bool listens(const struct conn *c)
{
    if (c->deaf) return false;
    return c->state < CONN_CLOSING || (c->state == CONN_CLOSING && c->ws);
}

static void received_plain(struct conn *c, struct slice bytes, int64_t now_us)
{
    c->heard = true;
    if (c->ws)
        websocket_received(c, bytes, now_us);
    else
        c->front->feed(c->front_ctx, bytes, now_us);
}

static void tls_failed(struct conn *c, const struct tls_event *ev)
{
    metric_inc(&tls_failures);
    if (ev->too_much) metric_inc(&tls_too_much);
    tell_watch(c, ev->cause, ev->alert);
    say_debug("tls.failed", "peer=%s cause=%s alert=%u reason=%s", c->peer,
              tls_cause_name(ev->cause), ev->alert, fail_text());
    if (c->dial && ev->cause == TLS_CAUSE_CERT)
        dial_note(c->dial, ERR_DENIED, "cannot be trusted: %s", fail_text());
    else if (c->dial)
        dial_note(c->dial, ERR_PROTOCOL, "and this server find no TLS: %s", fail_text());
    send_cipher(c);
    conn_ended(c, ERR_PROTOCOL);
}

_Static_assert((int)X509_CHAIN_BYTES_MAX >= (int)TLS_CLIENT_CHAIN_MAX, "what TLS lets in fits");

/* OpenSSL has read the same bytes: only a certificate without a subject or the like can fail here,
 * and its owner is like somebody who showed none. */
static void note_certificate(struct conn *c)
{
    struct buf chain;
    tls_take_client_chain(&c->tls, &chain);
    x509_remember(buf_slice(&chain), tls_take_client_leaf(&c->tls));
    if (buf_size(&chain) && x509_facts_new(buf_slice(&chain), &c->peer_certificate) != OK)
        say_debug("tls.certificate", "peer=%s reason=\"%s\"", c->peer, fail_text());
    buf_free(&chain);
}

static void on_tls_event(struct conn *c, const struct tls_event *ev, int64_t now_us)
{
    switch (ev->kind) {
    case TLS_HANDSHAKE_DONE:
        note_certificate(c);
        open_front(c, now_us);
        break;
    case TLS_DATA: received_plain(c, ev->data, now_us); break;
    case TLS_CLOSED: conn_said_all(c, now_us); break;
    case TLS_FAILED: tls_failed(c, ev); break;
    }
}

/* What a front wrote is encrypted at the end of the turn; what TLS itself has to say (handshake,
 * alerts, tickets) goes out at once. */
static void received_cipher(struct conn *c, struct slice bytes, int64_t now_us)
{
    struct tls_event ev;
    c->host->fed = bytes;
    tls_feed(&c->tls, bytes);
    while (listens(c) && tls_next(&c->tls, &ev)) on_tls_event(c, &ev, now_us);
    if (!listens(c)) tls_stop_reading(&c->tls);
    if (c->state != CONN_SHUT) send_cipher(c);
    buf_clear(&c->host->cipher);
    c->host->fed = SLICE_NONE;
}

void conn_received(struct conn *c, struct slice bytes, int64_t now_us)
{
    if (!listens(c)) return;
    if (c->encrypted)
        received_cipher(c, bytes, now_us);
    else
        received_plain(c, bytes, now_us);
}

/* ---- what a front asks */

struct buf *conn_out(struct conn *c)
{
    mark_dirty(c);
    return &c->out;
}

struct buf *conn_buffer(struct conn *c)
{
    return &c->out;
}

bool conn_congested(struct conn *c)
{
    bool congested = buf_size(&c->out) + conn_waiting(c) >= CONN_OUT_SOFT;
    if (congested) c->owes_drained = true;
    return congested;
}

void conn_pause(struct conn *c)
{
    if (c->paused || c->state == CONN_SHUT) return;
    c->paused = true;
    if (!c->choked) c->transport->pause(c);
}

void conn_resume(struct conn *c)
{
    if (!c->paused || c->state == CONN_SHUT) return;
    c->paused = false;
    if (!c->choked) c->transport->resume(c);
}

void conn_pass(struct conn *c, const struct front *front, void *self)
{
    assert(c->front_open);
    c->front = front;
    c->front_ctx = self;
}

struct lane *conn_lane(const struct conn *c)
{
    return c->host->lane;
}

void conn_login_failed(struct conn *c)
{
    guard_failed(&c->host->guard, c->address, clock_mono_us());
}

void conn_login_good(struct conn *c)
{
    struct conn_host *h = c->host;
    if (!guard_proved(&h->guard, c->address, clock_mono_us())) return;
    for (unsigned i = 0; i < h->core_count; i++) {
        if (h->cores[i] == h->lane) continue;
        struct msg *m = msg_new(NET_PROVED, sizeof c->address);
        memcpy(m->body, &c->address, sizeof c->address);
        post(h->lane, lane_addr(h->lane), lane_addr(h->cores[i]), m);
    }
}

const char *conn_peer(const struct conn *c)
{
    return c->peer;
}

const char *conn_local_name(const struct conn *c)
{
    const char *name = c->encrypted ? tls_sni(&c->tls) : NULL;
    return name ? name : "";
}

unsigned conn_local_port(const struct conn *c)
{
    return c->local_port;
}

bool conn_encrypted(const struct conn *c)
{
    return c->encrypted;
}

bool conn_in_websocket(const struct conn *c)
{
    return c->ws != NULL;
}

const struct x509_facts *conn_peer_certificate(const struct conn *c)
{
    return c->peer_certificate;
}

bool conn_is_socket_admin(const struct conn *c)
{
    return c->admin;
}
