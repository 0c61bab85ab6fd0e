/* tunnel.c - MQTT and AMQP inside of HTTPS. */
#include "tunnel.h"

static struct ws_spare spare;

void tunnel_init(struct tunnel *t, const char *protocol)
{
    *t = (struct tunnel){.protocol = protocol};
    ws_make_key(t->key);
    ws_put_request(&t->out, "hub.sim", "/$iothub/websocket", protocol, t->key);
}

void tunnel_fini(struct tunnel *t)
{
    if (t->open) ws_fini(&t->ws);
    buf_free(&t->in);
    buf_free(&t->out);
    ws_spare_fini(&spare);
}

void tunnel_feed(struct tunnel *t, struct slice bytes)
{
    buf_put_slice(&t->in, bytes);
    if (!t->open) return;
    ws_feed(&t->ws, buf_slice(&t->in));
}

static enum err open_up(struct tunnel *t)
{
    size_t len = 0;
    enum err e = ws_read_response(buf_slice(&t->in), t->protocol, t->key, &len);
    if (e != OK) return e;
    ws_init(&t->ws, &(struct ws_config){WS_CLIENT, &t->out, &spare, false});
    t->open = true;
    buf_consume(&t->in, len);
    ws_feed(&t->ws, buf_slice(&t->in));
    return OK;
}

enum err tunnel_next(struct tunnel *t, struct slice *piece)
{
    *piece = SLICE_NONE;
    if (!t->open) return open_up(t);
    enum err e = ws_next(&t->ws, piece);
    if (e == ERR_AGAIN) buf_clear(&t->in);
    return e;
}

void tunnel_send(struct tunnel *t, struct slice bytes)
{
    if (bytes.len) ws_send(&t->ws, bytes);
}
