/* ws.c - see ws.h. */
#include "ws.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "mqtt.h"
#include "options.h"
#include "util.h"

enum { BINARY = 0x82, MASKED = 0x80, LEN_16 = 126, LEN_64 = 127, HEAD_MAX = 14 };

void ws_ask(struct conn *k)
{
    char text[400];
    k->st = ST_UPGRADE;
    int n = snprintf(text, sizeof text,
                     "GET /$iothub/websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: bXF0dGxvYWQgLS13cy4uLg==\r\n"
                     "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
                     opt.sni ? opt.sni : opt.host);
    if (n < (int)sizeof text)
        conn_write(k, text, (size_t)n);
    else
        conn_fail(k, "the host's name is too long");
}

/* Nothing follows the answer: the server waits for us. */
size_t ws_take_answer(struct conn *k, const char *p, size_t n)
{
    if (n < 4 || memcmp(p + n - 4, "\r\n\r\n", 4) != 0) return 0;
    if (memcmp(p, "HTTP/1.1 101 ", 13) != 0)
        conn_fail(k, "the upgrade was refused");
    else
        mqtt_connect(k);
    return n;
}

/* The head of a frame with `n` bytes, but its mask; its size. */
static size_t put_head(char *to, size_t n)
{
    size_t h = 2;
    to[0] = (char)BINARY;
    if (n < LEN_16) {
        to[1] = (char)(MASKED | n);
    } else if (n < 65536) {
        to[1] = (char)(MASKED | LEN_16);
        to[h++] = (char)(n >> 8);
        to[h++] = (char)n;
    } else {
        to[1] = (char)(MASKED | LEN_64);
        for (int shift = 56; shift >= 0; shift -= 8) to[h++] = (char)((uint64_t)n >> shift);
    }
    return h;
}

void ws_write(struct conn *k, const char *p, size_t n)
{
    static char *frame;
    static size_t cap;
    static uint32_t key = 0x9e3779b9;
    if (n + HEAD_MAX > cap) frame = xrealloc(frame, cap = (n + HEAD_MAX) * 2);
    size_t h = put_head(frame, n);
    key = key * 1664525 + 1013904223;
    memcpy(frame + h, &key, 4);
    const char *mask = frame + h;
    char *to = frame + h + 4;
    for (size_t i = 0; i < n; i++) to[i] = (char)(p[i] ^ mask[i & 3]);
    conn_write(k, frame, h + 4 + n);
}

static unsigned head_size(const struct conn *k)
{
    if (k->ws_head_len < 2) return 2;
    unsigned len = k->ws_head[1];
    return len < LEN_16 ? 2 : len == LEN_16 ? 4 : 10;
}

static uint64_t payload_size(const struct conn *k)
{
    unsigned size = head_size(k);
    if (size == 2) return k->ws_head[1];
    uint64_t len = 0;
    for (unsigned i = 2; i < size; i++) len = len << 8 | k->ws_head[i];
    return len;
}

ssize_t ws_strip(struct conn *k, char *p, size_t n)
{
    size_t from = 0, to = 0;
    while (from < n) {
        if (k->ws_left) {
            size_t len = MIN(n - from, k->ws_left);
            memmove(p + to, p + from, len);
            from += len;
            to += len;
            k->ws_left -= len;
            continue;
        }
        k->ws_head[k->ws_head_len++] = (unsigned char)p[from++];
        if (k->ws_head_len < head_size(k)) continue;
        if (k->ws_head[0] != BINARY) return -1;
        k->ws_left = payload_size(k);
        k->ws_head_len = 0;
    }
    return (ssize_t)to;
}
