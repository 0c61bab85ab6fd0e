/* ws_fuzz.c - proto/ws as a server and as a client, and the client's judgement of an upgrade.
 *
 * Variant: bit 0 client; bit 1 what is read is sent back; bit 2 a Close is sent first; bit 3 the input
 * begins with the answer to an upgrade; bit 4 a server of text, whose messages are sent back as one.  At the end of the stream a Close is sent.
 */
#include "proto/ws/ws.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "engine_fuzz.h"

enum {
    VARIANT_CLIENT = 1,
    VARIANT_ECHO = 2,
    VARIANT_CLOSE_FIRST = 4,
    VARIANT_UPGRADE = 8,
    VARIANT_TEXT = 16,
};

static const char *const upgrade_key = "dGhlIHNhbXBsZSBub25jZQ==";

struct target {
    struct ws ws;
    struct ws_spare spare;
    struct buf echo, head; /* to be sent back, once it is complete; of an upgrade's answer */
    struct buf message;    /* text, until its end: it may turn out to be none */
    uint8_t variant;
    bool upgrading;
    enum err error;
};

/* Masks would depend on how often something is sent. */
static void no_chance(void *out, size_t len)
{
    memset(out, 'k', len);
}

static bool is_of_text(uint8_t variant)
{
    return variant & VARIANT_TEXT && !(variant & VARIANT_CLIENT);
}

static void *target_open(uint8_t variant, struct buf *out, int64_t now_us)
{
    (void)now_us;
    rand_use(no_chance);
    struct target *t = NEW(struct target);
    t->variant = variant;
    t->upgrading = variant & VARIANT_UPGRADE;
    ws_init(&t->ws, &(struct ws_config){.role = variant & VARIANT_CLIENT ? WS_CLIENT : WS_SERVER,
                                        .out = out,
                                        .spare = &t->spare,
                                        .text = is_of_text(variant)});
    if (t->upgrading) ws_put_request(out, "hub", "/mqtt", "mqtt", upgrade_key);
    if (variant & VARIANT_CLOSE_FIRST) ws_close(&t->ws, WS_NORMAL);
    return t;
}

static void target_feed(void *engine, struct slice bytes, int64_t now_us)
{
    struct target *t = engine;
    (void)now_us;
    if (t->upgrading)
        buf_put_slice(&t->head, bytes);
    else
        ws_feed(&t->ws, bytes);
}

/* Keys and lists are parsed from what the peer sends, too. */
static void try_upgrade_words(struct slice bytes)
{
    char accept[WS_ACCEPT_LEN + 1];
    struct slice name;
    struct slice key = slice_head(bytes, WS_KEY_LEN);
    if (ws_key_is_valid(key)) ws_accept(key, accept);
    while (ws_next_protocol(&bytes, &name)) assert(name.len > 0);
}

static enum err finish_upgrade(struct target *t)
{
    size_t len;
    try_upgrade_words(buf_slice(&t->head));
    t->error = ws_read_response(buf_slice(&t->head), "mqtt", upgrade_key, &len);
    if (t->error == ERR_AGAIN) return t->error = OK, ERR_AGAIN;
    if (t->error != OK) return t->error;
    t->upgrading = false;
    buf_consume(&t->head, len);
    ws_feed(&t->ws, buf_slice(&t->head));
    return OK;
}

/* A message in two frames. */
static void send_text(struct target *t, struct slice text)
{
    struct slice first = slice_head(text, 1), rest = slice_from(text, 1);
    if (first.len) ws_send_text_head(&t->ws, first.len, false);
    buf_put_slice(t->ws.out, first);
    rest = slice_head(rest, WS_FRAME_SEND_MAX);
    ws_send_text_head(&t->ws, rest.len, true);
    buf_put_slice(t->ws.out, rest);
}

/* Sent back at the end, so that frames do not depend on how the bytes came. */
static void end(struct target *t)
{
    if (!ws_is_closed(&t->ws) && t->ws.text)
        send_text(t, buf_slice(&t->echo));
    else if (!ws_is_closed(&t->ws))
        ws_send(&t->ws, buf_slice(&t->echo));
    ws_close(&t->ws, WS_NORMAL);
    assert(ws_over(&t->ws));
}

static void take(struct target *t, struct fuzz_trace *trace, struct slice bytes)
{
    fuzz_piece(trace, 1, bytes);
    if (t->variant & VARIANT_ECHO) buf_put_slice(&t->echo, bytes);
}

/* How much of a text was handed out before a fault in it was seen depends on how it came. */
static void take_text(struct target *t, struct fuzz_trace *trace, struct slice piece)
{
    bool ends = !t->ws.in_message && buf_size(&t->message) == t->ws.message_len;
    buf_put_slice(&t->message, piece);
    if (!ends) return;
    take(t, trace, buf_slice(&t->message));
    buf_clear(&t->message);
}

static enum err target_next(void *engine, struct fuzz_trace *trace)
{
    struct target *t = engine;
    struct slice piece;
    if (t->error != OK) return t->error;
    if (t->upgrading) TRY(finish_upgrade(t));
    enum err e = ws_next(&t->ws, &piece);
    if (e == OK) {
        assert(piece.len > 0 && piece.len <= WS_PIECE_MAX);
        (t->ws.text ? take_text : take)(t, trace, piece);
        return OK;
    }
    if (e != ERR_AGAIN && !ws_over(&t->ws)) {
        fuzz_number(trace, ws_peer_code(&t->ws));
        end(t);
    }
    return e;
}

static void target_close(void *engine)
{
    struct target *t = engine;
    ws_fini(&t->ws);
    ws_spare_fini(&t->spare);
    buf_free(&t->echo);
    buf_free(&t->message);
    buf_free(&t->head);
    free(t);
}

const struct fuzz_engine fuzz_engine = {
    .open = target_open, .feed = target_feed, .next = target_next, .close = target_close};
