/* parsed_ws.c - frames of WebSocket: the stream in them, our pongs, the Close of either side. */
#include "base/text.h"
#include "parsed.h"
#include "proto/ws/ws.h"

/* Our frames to a client are short ones, without a mask. */
static void put_pongs(struct buf *line, struct slice out)
{
    while (out.len >= 2) {
        size_t len = out.ptr[1];
        if (out.ptr[0] == 0x8a) {
            buf_put_str(line, " pong=");
            text_hex(line, slice_head(slice_from(out, 2), len));
        }
        out = slice_from(out, 2 + len);
    }
}

static void put_end(struct buf *line, struct ws *w, enum err e)
{
    if (e == ERR_AGAIN)
        buf_put_str(line, " more");
    else if (e == ERR_CLOSED)
        buf_printf(line, " code=%u closed", ws_peer_code(w));
    else
        buf_printf(line, " code=%u refused # %s", w->code, fail_text());
}

static void parse(enum ws_role role, bool text, struct slice input, struct buf *line)
{
    struct buf out = {0}, stream = {0};
    struct ws_spare spare = {0};
    struct ws w;
    struct slice piece;
    enum err e;
    ws_init(&w, &(struct ws_config){.role = role, .out = &out, .spare = &spare, .text = text});
    ws_feed(&w, input);
    while ((e = ws_next(&w, &piece)) == OK) buf_put_slice(&stream, piece);
    buf_put_str(line, " stream=");
    text_hex(line, buf_slice(&stream));
    if (role == WS_SERVER) put_pongs(line, buf_slice(&out));
    put_end(line, &w, e);
    ws_fini(&w);
    ws_spare_fini(&spare);
    buf_free(&out);
    buf_free(&stream);
}

void parsed_ws_server(struct slice input, struct buf *line)
{
    parse(WS_SERVER, false, input, line);
}

void parsed_ws_client(struct slice input, struct buf *line)
{
    parse(WS_CLIENT, false, input, line);
}

void parsed_ws_text(struct slice input, struct buf *line)
{
    parse(WS_SERVER, true, input, line);
}
