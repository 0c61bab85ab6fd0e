/* websocket.c - frames between TLS and the front.
 *
 * Engines write into a buffer that the core's connections share, as TLS does; it is empty between
 * calls.  A frame's payload is not copied behind its head, except for the part that fits into the
 * same TLS record. */
#include "net/websocket.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/say.h"
#include "proto/ws/ws.h"

COUNTER(upgraded, "azimuth_websocket_upgrades_total", "Connections upgraded to WebSocket");
COUNTER(faults, "azimuth_websocket_faults_total",
        "WebSocket connections closed because of what the peer sent");
COUNTER(unheard, "azimuth_websocket_pongs_dropped_total",
        "Times that pongs were dropped because the peer did not read");
LIMIT_REACHED(too_long, "websocket-message")
GAUGE(open_now, "azimuth_websocket_connections", "WebSocket connections open now");

static void send_frames(struct conn *c)
{
    struct buf *frames = &c->host->frames;
    conn_send_plain(c, buf_slice(frames));
    buf_clear(frames);
}

/* `bytes` up to the end of a message, or a part of one. */
static void send_text(struct conn *c, struct slice bytes, bool whole)
{
    while (bytes.len || whole) {
        struct slice payload = slice_head(bytes, WS_FRAME_SEND_MAX);
        bytes = slice_from(bytes, payload.len);
        bool last = whole && bytes.len == 0;
        ws_send_text_head(c->ws, payload.len, last);
        buf_put_slice(&c->host->frames, payload);
        send_frames(c);
        if (last) return;
    }
}

static void send_texts(struct conn *c, struct slice bytes)
{
    while (bytes.len && !ws_is_closed(c->ws)) {
        size_t end = slice_find(bytes, WS_TEXT_END);
        send_text(c, slice_head(bytes, end), end < bytes.len);
        bytes = slice_from(bytes, MIN(end + 1, bytes.len));
    }
}

static void send_stream(struct conn *c, struct slice bytes)
{
    struct buf *frames = &c->host->frames;
    while (bytes.len && !ws_is_closed(c->ws)) {
        struct slice payload = slice_head(bytes, WS_FRAME_SEND_MAX);
        ws_send_head(c->ws, payload.len);
        size_t together = TLS_RECORD_MAX - buf_size(frames);
        buf_put_slice(frames, slice_head(payload, together));
        send_frames(c);
        conn_send_plain(c, slice_from(payload, together));
        bytes = slice_from(bytes, payload.len);
    }
}

void websocket_send(struct conn *c, struct slice bytes)
{
    if (c->ws->text)
        send_texts(c, bytes);
    else
        send_stream(c, bytes);
}

/* ---- input */

/* Pongs go out at once.  Whoever pings and does not read gets none: section 5.5.3 allows to answer
 * only the last ping, and that one is never the last. */
static void send_pongs(struct conn *c)
{
    struct buf *frames = &c->host->frames;
    if (buf_size(frames) == 0) return;
    if (conn_waiting(c) < CONN_OUT_SOFT) {
        send_frames(c);
    } else {
        metric_inc(&unheard);
        buf_clear(frames);
    }
}

/* The peer said Close, or broke a rule and gets one.  Output that waits goes first. */
static void end(struct conn *c, enum err e)
{
    if (c->state == CONN_OPEN && e != ERR_CLOSED) {
        metric_inc(&faults);
        if (e == ERR_TOO_BIG) metric_inc(&too_long);
        say_debug("websocket.fault", "peer=%s front=%s reason=\"%s\"", c->peer, c->front->name,
                  fail_text());
    }
    conn_finish(c, e == ERR_CLOSED ? ERR_CLOSED : ERR_PROTOCOL);
}

void websocket_received(struct conn *c, struct slice bytes, int64_t now_us)
{
    struct slice piece;
    enum err e;
    ws_feed(c->ws, bytes);
    while ((e = ws_next(c->ws, &piece)) == OK)
        if (c->state == CONN_OPEN) c->front->feed(c->front_ctx, piece, now_us);
    send_pongs(c);
    if (e != ERR_AGAIN) end(c, e);
}

/* ---- life */

void conn_upgrade(struct conn *c, const struct front *front, void *listener_ctx, struct slice rest,
                  int64_t now_us)
{
    assert(c->ws == NULL);
    conn_send_plain(c, buf_slice(&c->out));
    buf_free(&c->out);
    c->ws = NEW(struct ws);
    ws_init(c->ws, &(struct ws_config){.role = WS_SERVER,
                                       .out = &c->host->frames,
                                       .spare = &c->host->spare,
                                       .text = front->text});
    metric_inc(&upgraded);
    metric_add(&open_now, 1);
    c->front = front;
    c->front_ctx = front->open(c, listener_ctx, now_us);
    if (rest.len && c->state == CONN_OPEN) websocket_received(c, rest, now_us);
}

void websocket_close(struct conn *c)
{
    ws_close(c->ws, WS_NORMAL);
    send_frames(c);
}

bool websocket_awaits_close(const struct conn *c)
{
    return !ws_over(c->ws);
}

void websocket_free(struct conn *c)
{
    if (c->ws == NULL) return;
    ws_fini(c->ws);
    free(c->ws);
    metric_add(&open_now, -1);
}
