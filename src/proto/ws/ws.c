/* ws.c - the rules about frames and messages, the closing handshake, output.
 *
 *          frame without FIN               any data frame, FIN
 *   idle ────────────────────▶ in message ─────────────────────▶ idle
 *      control frames may come in between; a Close or a broken rule ends reading.
 *
 * wslay checks lengths and that control frames are short and whole; the rest is checked here, when
 * the first byte of a frame's payload has come. */
#include "proto/ws/ws.h"

#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "proto/ws/reader.h"

/* Section 5.2. */
enum opcode { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };

enum { FIN_BIT = 0x80, MASK_BIT = 0x80, CONTROL_BIT = 8, LEN_16_BITS = 126, MASK_LEN = 4 };

void ws_init(struct ws *w, const struct ws_config *config)
{
    *w = (struct ws){.out = config->out,
                     .spare = config->spare,
                     .role = (uint8_t)config->role,
                     .text = config->text};
}

void ws_fini(struct ws *w)
{
    ws_reader_free(w->reader);
    w->reader = NULL;
}

void ws_spare_fini(struct ws_spare *s)
{
    ws_reader_free(s->reader);
    s->reader = NULL;
}

/* ---- output */

static void mask(uint8_t *bytes, size_t len, const uint8_t key[MASK_LEN])
{
    for (size_t i = 0; i < len; i++) bytes[i] ^= key[i % MASK_LEN];
}

static void put_head_of(struct ws *w, unsigned first, size_t len)
{
    uint8_t mask_bit = w->role == WS_CLIENT ? MASK_BIT : 0;
    assert(len <= WS_FRAME_SEND_MAX && !w->closed);
    buf_put_u8(w->out, (uint8_t)first);
    if (len < LEN_16_BITS) {
        buf_put_u8(w->out, (uint8_t)(mask_bit | len));
    } else {
        buf_put_u8(w->out, mask_bit | LEN_16_BITS);
        buf_put_be16(w->out, (uint16_t)len);
    }
}

static void put_head(struct ws *w, enum opcode opcode, size_t len)
{
    put_head_of(w, FIN_BIT | opcode, len);
}

static void put_frame(struct ws *w, enum opcode opcode, struct slice payload)
{
    uint8_t key[MASK_LEN];
    put_head(w, opcode, payload.len);
    if (w->role == WS_SERVER) {
        buf_put_slice(w->out, payload);
        return;
    }
    rand_bytes(key, sizeof key);
    buf_put(w->out, key, sizeof key);
    buf_put_slice(w->out, payload);
    if (payload.len) mask(w->out->ptr + w->out->len - payload.len, payload.len, key);
}

void ws_send(struct ws *w, struct slice bytes)
{
    while (bytes.len) {
        struct slice payload = slice_head(bytes, WS_FRAME_SEND_MAX);
        put_frame(w, BINARY, payload);
        bytes = slice_from(bytes, payload.len);
    }
}

void ws_send_head(struct ws *w, size_t len)
{
    assert(w->role == WS_SERVER && len > 0);
    put_head(w, BINARY, len);
}

void ws_send_text_head(struct ws *w, size_t len, bool last)
{
    assert(w->role == WS_SERVER && w->text && (len > 0 || last));
    put_head_of(w, (last ? FIN_BIT : 0u) | (w->in_output ? CONTINUATION : TEXT), len);
    w->in_output = !last;
}

void ws_close(struct ws *w, enum ws_code code)
{
    uint8_t body[WS_CONTROL_MAX];
    size_t len = 0;
    if (w->closed) return;
    unsigned said = w->error == OK ? code : w->code;
    if (said != WS_NO_CODE) {
        body[len++] = (uint8_t)(said >> 8);
        body[len++] = (uint8_t)said;
        struct slice why = slice_head(slice_str(w->why), sizeof body - len);
        if (why.len) memcpy(body + len, why.ptr, why.len);
        len += why.len;
    }
    put_frame(w, CLOSE, slice_of(body, len));
    w->closed = true;
}

bool ws_is_closed(const struct ws *w)
{
    return w->closed;
}

bool ws_over(const struct ws *w)
{
    return w->closed && w->error != OK;
}

unsigned ws_peer_code(const struct ws *w)
{
    return w->error == ERR_CLOSED ? w->code : WS_NO_CODE;
}

/* ---- input */

void ws_feed(struct ws *w, struct slice bytes)
{
    assert(w->in.len == 0);
    if (w->error == OK) w->in = bytes;
}

/* Nothing more is read. */
static enum err end(struct ws *w, enum err e, unsigned code, const char *why)
{
    w->error = (uint8_t)e;
    w->code = (uint16_t)code;
    w->why = why;
    w->in = SLICE_NONE;
    ws_fini(w);
    return e;
}

static enum err refuse(struct ws *w, enum ws_code code, const char *why)
{
    enum err e = code == WS_TOO_BIG ? ERR_TOO_BIG : ERR_PROTOCOL;
    return end(w, fail(e, "RFC 6455: %s", why), code, why);
}

static bool is_control(const struct ws_chunk *c)
{
    return c->opcode & CONTROL_BIT;
}

static enum err begin_data(struct ws *w, const struct ws_chunk *c)
{
    if (c->opcode == TEXT && !w->text) return refuse(w, WS_NOT_TAKEN, "text; send binary frames");
    if (c->opcode == BINARY && w->text) return refuse(w, WS_NOT_TAKEN, "binary; send text frames");
    if (c->opcode != CONTINUATION && w->in_message)
        return refuse(w, WS_BROKE_RULES, "a message begins inside another");
    if (c->opcode == CONTINUATION && !w->in_message)
        return refuse(w, WS_BROKE_RULES, "a continuation of no message");
    if (c->opcode != CONTINUATION) w->message_len = 0;
    w->message_len += c->frame_len;
    if (c->frame_len > WS_FRAME_MAX) return refuse(w, WS_TOO_BIG, "the frame is too long");
    if (w->message_len > WS_MESSAGE_MAX) return refuse(w, WS_TOO_BIG, "the message is too long");
    w->in_message = !c->fin;
    return OK;
}

static enum err begin_frame(struct ws *w, const struct ws_chunk *c)
{
    bool from_client = w->role == WS_SERVER;
    if (c->reserved)
        return refuse(w, WS_BROKE_RULES, "a reserved bit is set and no extension was agreed upon");
    if (c->masked != from_client)
        return refuse(w, WS_BROKE_RULES,
                      from_client ? "a client's frame must be masked"
                                  : "a server's frame must not be masked");
    if (c->opcode > PONG || (c->opcode > BINARY && c->opcode < CLOSE))
        return refuse(w, WS_BROKE_RULES, "the opcode is reserved");
    w->reader->control_len = 0;
    return is_control(c) ? OK : begin_data(w, c);
}

/* Section 7.4: 1004 has no meaning, 1005, 1006 and 1015 are never sent; from 3000 on others say. */
static bool code_is_valid(unsigned code)
{
    if (code >= 3000) return code < 5000;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

static enum err on_close(struct ws *w, struct slice body)
{
    if (body.len == 0) return end(w, ERR_CLOSED, WS_NO_CODE, NULL);
    if (body.len == 1) return refuse(w, WS_BROKE_RULES, "half a close code");
    unsigned code = (unsigned)body.ptr[0] << 8 | body.ptr[1];
    if (!code_is_valid(code)) return refuse(w, WS_BROKE_RULES, "the close code is not valid");
    if (!text_is_utf8(slice_from(body, 2)))
        return refuse(w, WS_NOT_TEXT, "the reason of a close is not UTF-8");
    return end(w, ERR_CLOSED, code, NULL);
}

/* A control frame may come in pieces; it is gathered in the reader, which is ours until its end. */
static enum err on_control(struct ws *w, const struct ws_chunk *c)
{
    struct ws_reader *r = w->reader;
    assert(r != NULL && r->control_len + c->data.len <= sizeof r->control);
    slice_copy(r->control + r->control_len, c->data);
    r->control_len += c->data.len;
    if (!c->ends) return OK;
    struct slice body = slice_of(r->control, r->control_len);
    if (c->opcode == CLOSE) return on_close(w, body);
    if (c->opcode == PING && !w->closed) put_frame(w, PONG, body);
    return OK;
}

/* ---- text, section 8.1: UTF-8, whose characters may be cut by pieces and by frames */

static size_t character_len(uint8_t first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/* Whether bytes may follow that make a character of it: if any do, the least or the greatest do. */
static bool begins_character(const uint8_t *begun, size_t n)
{
    uint8_t least[4], greatest[4];
    size_t len = character_len(begun[0]);
    memset(least, 0x80, sizeof least);
    memset(greatest, 0xbf, sizeof greatest);
    memcpy(least, begun, n);
    memcpy(greatest, begun, n);
    return text_is_utf8(slice_of(least, len)) || text_is_utf8(slice_of(greatest, len));
}

/* Completes the character that was cut with what it lacks of the piece, as far as that goes. */
static bool complete_character(struct ws *w, struct slice *piece)
{
    uint8_t whole[4];
    size_t len = character_len(w->cut[0]), more = MIN(len - w->cut_len, piece->len);
    memcpy(whole, w->cut, w->cut_len);
    if (more) memcpy(whole + w->cut_len, piece->ptr, more);
    *piece = slice_from(*piece, more);
    if (w->cut_len + more < len) {
        w->cut_len = (uint8_t)(w->cut_len + more);
        memcpy(w->cut, whole, w->cut_len);
        return begins_character(w->cut, w->cut_len);
    }
    w->cut_len = 0;
    return text_is_utf8(slice_of(whole, len));
}

/* Bytes at the end of a piece that begin a character and no more. */
static size_t cut_at_end(struct slice piece)
{
    for (size_t n = 1; n <= MIN(piece.len, (size_t)3); n++) {
        uint8_t byte = piece.ptr[piece.len - n];
        if (byte >= 0xc0) return character_len(byte) > n ? n : 0;
        if (byte < 0x80) return 0;
    }
    return 0;
}

static bool is_text(struct ws *w, struct slice piece, bool last)
{
    if (w->cut_len && !complete_character(w, &piece)) return false;
    size_t cut = w->cut_len ? 0 : cut_at_end(piece);
    if (cut) memcpy(w->cut, piece.ptr + piece.len - cut, cut);
    if (cut) w->cut_len = (uint8_t)cut;
    if (cut && !begins_character(w->cut, cut)) return false;
    return text_is_utf8(slice_head(piece, piece.len - cut)) && !(last && w->cut_len);
}

static void borrow_reader(struct ws *w)
{
    w->reader = w->spare->reader ? w->spare->reader : ws_reader_new();
    w->spare->reader = NULL;
}

static void give_back_reader(struct ws *w)
{
    if (!ws_reader_is_idle(w->reader)) return;
    if (w->spare->reader)
        ws_reader_free(w->reader);
    else
        w->spare->reader = w->reader;
    w->reader = NULL;
}

/* One chunk; its content is in *piece if it is of the stream. */
static enum err next_chunk(struct ws *w, struct slice *piece)
{
    struct ws_chunk c;
    enum err e = ws_reader_next(w->reader, &w->in, &c);
    *piece = SLICE_NONE;
    if (e == ERR_PROTOCOL)
        return refuse(
            w, WS_BROKE_RULES,
            "a control frame is long or in parts, or a length is not in its shortest form");
    if (e != OK) return e;
    if (c.starts) TRY(begin_frame(w, &c));
    if (is_control(&c)) return on_control(w, &c);
    bool last = c.ends && c.fin;
    if (w->text && !is_text(w, c.data, last)) return refuse(w, WS_NOT_TEXT, "text is not UTF-8");
    *piece = c.data;
    w->ended = w->text && last;
    return OK;
}

enum err ws_next(struct ws *w, struct slice *piece)
{
    static const uint8_t text_end[] = {WS_TEXT_END};
    enum err e = OK;
    if (w->error != OK) return (enum err)w->error;
    if (w->reader == NULL) borrow_reader(w);
    for (*piece = SLICE_NONE; e == OK && piece->len == 0;) {
        if (w->ended) {
            w->ended = false;
            *piece = slice_of(text_end, sizeof text_end);
        } else {
            e = next_chunk(w, piece);
        }
    }
    if (e == ERR_AGAIN) give_back_reader(w);
    return e;
}
