/* amqp_line.c - see amqp_line.h. */
#include "amqp_line.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define HOST     "localhost"
#define PATH     "/$iothub/websocket"
#define PROTOCOL "AMQPWSB10"

static struct ws_spare spare; /* of this thread */

/* ---- out */

void amqp_line_flush(struct amqp_line *l)
{
    struct slice said = buf_slice(&l->out);
    if (said.len == 0) return;
    if (l->over_ws) {
        ws_send(&l->ws, said);
        said = buf_slice(&l->frames);
    }
    tls_say(&l->tls, said);
    buf_clear(&l->out);
    buf_clear(&l->frames);
}

/* ---- in */

static void begin(struct amqp_line *l)
{
    static const struct amqp_config config = {
        .role = AMQP_CLIENT, .container_id = "bench", .hostname = HOST, .sasl = true};
    amqp_init(&l->amqp, &config, &l->out, clock_mono_us());
}

static void hear_amqp(struct amqp_line *l, struct slice bytes)
{
    struct amqp_event ev;
    amqp_feed(&l->amqp, bytes, clock_mono_us());
    while (amqp_next(&l->amqp, &ev) == OK) l->event(l, &ev);
}

static void hear_frames(struct amqp_line *l, struct slice bytes)
{
    struct slice piece;
    enum err e;
    ws_feed(&l->ws, bytes);
    while ((e = ws_next(&l->ws, &piece)) == OK) hear_amqp(l, piece);
    if (e != ERR_AGAIN) lines_stop("the server ended a WebSocket");
}

/* Nothing follows the answer, since AMQP's client speaks first. */
static void hear_answer(struct amqp_line *l, struct slice bytes)
{
    size_t len;
    buf_put_slice(&l->answer, bytes);
    enum err e = ws_read_response(buf_slice(&l->answer), PROTOCOL, l->key, &len);
    if (e == ERR_AGAIN) return;
    if (e != OK) lines_stop("the upgrade was refused");
    l->upgraded = true;
    ws_init(&l->ws, &(struct ws_config){.role = WS_CLIENT, .out = &l->frames, .spare = &spare});
    begin(l);
}

static void on_heard(struct tls_line *t, struct slice bytes)
{
    struct amqp_line *l = CONTAINER_OF(t, struct amqp_line, tls);
    if (!l->over_ws)
        hear_amqp(l, bytes);
    else if (l->upgraded)
        hear_frames(l, bytes);
    else
        hear_answer(l, bytes);
    amqp_line_flush(l);
}

static void on_opened(struct tls_line *t)
{
    struct amqp_line *l = CONTAINER_OF(t, struct amqp_line, tls);
    if (!l->over_ws) {
        begin(l);
        amqp_line_flush(l);
        return;
    }
    struct buf request = {0};
    ws_make_key(l->key);
    ws_put_request(&request, HOST, PATH, PROTOCOL, l->key);
    tls_say(t, buf_slice(&request));
    buf_free(&request);
}

void amqp_line_open(struct amqp_line *l, unsigned port, bool over_ws)
{
    l->over_ws = over_ws;
    l->tls.opened = on_opened;
    l->tls.heard = on_heard;
    tls_open(&l->tls, port, "");
}

/* ---- words of its clients */

void amqp_line_login(struct amqp_line *l, const char *user, struct slice password)
{
    struct buf response = {0};
    buf_put_u8(&response, 0);
    buf_put_str(&response, user);
    buf_put_u8(&response, 0);
    buf_put_slice(&response, password);
    amqp_send_sasl_init(&l->amqp, "PLAIN", buf_slice(&response));
    buf_free(&response);
}

void amqp_line_stop(const struct amqp_error *error)
{
    fprintf(stderr, "%.*s\n", SLICE_ARG(error->description));
    lines_stop("the server ended the link");
}

void amqp_line_put_filter(struct buf *out, const char *comparison)
{
    static const char name[] = "apache.org:selector-filter:string";
    struct buf text = {0};
    buf_printf(&text, "amqp.annotation.%s", comparison);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, name);
    buf_put_u8(out, 0); /* a descriptor follows */
    amqp_put_sym(out, name);
    amqp_put_string(out, buf_slice(&text));
    amqp_close(out, map, 2);
    buf_free(&text);
}

void amqp_line_put_token(struct buf *out, const char *resource, struct slice token)
{
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_str(out, resource); /* message-id */
    amqp_put_null(out);
    amqp_put_str(out, "$cbs");
    amqp_put_null(out);
    amqp_put_str(out, "cbs");
    amqp_close(out, list, 5);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "operation");
    amqp_put_str(out, "put-token");
    amqp_put_str(out, "type");
    amqp_put_str(out, "azure-devices.net:sastoken");
    amqp_put_str(out, "name");
    amqp_put_str(out, resource);
    amqp_close(out, map, 6);
    amqp_put_descriptor(out, AMQP_AMQP_VALUE);
    amqp_put_string(out, token);
}
