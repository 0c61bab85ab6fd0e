/* mqtt.c - see mqtt.h. */
#include "mqtt.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "measure.h"
#include "options.h"
#include "publish.h"
#include "receive.h"
#include "util.h"
#include "who.h"
#include "ws.h"

enum { BODY_MAX = 4096, HEAD_MAX = 5, LOGIN_MAX = 3500 };

enum {
    CONNECT = 1,
    CONNACK = 2,
    PUBLISH = 3,
    PUBACK = 4,
    SUBSCRIBE = 8,
    SUBACK = 9,
    PINGRESP = 13
};

void mqtt_write(struct conn *k, const char *p, size_t n)
{
    if (opt.ws)
        ws_write(k, p, n);
    else
        conn_write(k, p, n);
}

size_t mqtt_put_len(char *p, size_t n)
{
    size_t i = 0;
    do {
        p[i] = (char)(n & 127);
        if (n >>= 7) p[i] |= (char)128;
        i++;
    } while (n);
    return i;
}

static size_t put_str(char *p, const char *s)
{
    size_t n = strlen(s);
    p[0] = (char)(n >> 8);
    p[1] = (char)n;
    memcpy(p + 2, s, n);
    return n + 2;
}

static void send_packet(struct conn *k, int first, const char *body, size_t n)
{
    char packet[HEAD_MAX + BODY_MAX];
    packet[0] = (char)first;
    size_t head = 1 + mqtt_put_len(packet + 1, n);
    memcpy(packet + head, body, n);
    mqtt_write(k, packet, head + n);
}

/* ---- CONNECT */

static size_t len_of(const char *text)
{
    return text ? strlen(text) : 0;
}

void mqtt_connect(struct conn *k)
{
    char body[BODY_MAX];
    size_t n = 0;
    if (len_of(k->client) + len_of(k->user) + len_of(k->pass) > LOGIN_MAX) die("CONNECT too long");
    n += put_str(body, "MQTT");
    body[n++] = 4;
    body[n++] = (char)((opt.persistent ? 0 : 2) | (k->user ? 0x80 : 0) | (k->pass ? 0x40 : 0));
    body[n++] = (char)(opt.keepalive >> 8);
    body[n++] = (char)opt.keepalive;
    n += put_str(body + n, k->client);
    if (k->user) n += put_str(body + n, k->user);
    if (k->pass) n += put_str(body + n, k->pass);
    k->st = ST_CONNACK;
    send_packet(k, CONNECT << 4, body, n);
}

void mqtt_ping(struct conn *k)
{
    mqtt_write(k, "\xc0\x00", 2);
}

void mqtt_disconnect(struct conn *k)
{
    mqtt_write(k, "\xe0\x00", 2);
}

/* ---- SUBSCRIBE */

struct filter {
    const char *text; /* a template */
    int qos;
};

/* All that a device of Azure's SDKs listens to. The C SDK asks for desired properties again when it
 * has the first twin. */
static const struct filter azure_filters[] = {
    {"devices/%c/messages/devicebound/#", 1}, /* the only one that QoS 1 is asked for */
    {"$iothub/twin/res/#", 0},
    {"$iothub/twin/PATCH/properties/desired/#", 0},
    {"$iothub/methods/POST/#", 0},
    {"$iothub/twin/PATCH/properties/desired/#", 0}, /* once more */
};

/* As many, as long and none of them shared, for a broker that knows nothing of Azure's. */
static const struct filter plain_filters[] = {
    {"load/%c/messages/devicebound/#", 1},
    {"load/%c/twin/res/#", 0},
    {"load/%c/twin/properties/desired/#", 0},
    {"load/%c/methods/POST/#", 0},
    {"load/%c/inputs/#", 0},
};

_Static_assert(sizeof azure_filters / sizeof *azure_filters == SUBSCRIPTIONS_MAX &&
                   sizeof plain_filters == sizeof azure_filters,
               "as many of either kind");

static void send_subscribe(struct conn *k, const struct filter *filters, size_t count)
{
    char body[BODY_MAX];
    size_t n = 0;
    body[n++] = 0;
    body[n++] = 1;
    for (size_t i = 0; i < count; i++) {
        char *text = who_expand(k, filters[i].text);
        if (n + strlen(text) + 3 > sizeof body) die("SUBSCRIBE too long");
        n += put_str(body + n, text);
        body[n++] = (char)filters[i].qos;
        free(text);
    }
    k->st = ST_SUBACK;
    send_packet(k, SUBSCRIBE << 4 | 2, body, n);
}

static void subscribe(struct conn *k)
{
    if (k->is_sub)
        send_subscribe(k, &(struct filter){opt.sub_topic, opt.sub_qos}, 1);
    else
        send_subscribe(k, opt.azure_host ? azure_filters : plain_filters, opt.subscriptions);
}

/* Two bytes of the id, then a byte for each filter. */
static bool all_granted(const char *p, size_t n)
{
    for (size_t i = 2; i < n; i++)
        if ((unsigned char)p[i] == 0x80) return false;
    return n >= 3;
}

/* ---- what comes */

static void on_connack(struct conn *k, const char *p, size_t n)
{
    if (k->st != ST_CONNACK || n < 2) {
        counts.proto_err++;
    } else if (p[1]) {
        char text[64];
        snprintf(text, sizeof text, "CONNACK code %d", p[1]);
        conn_fail(k, text);
    } else if (k->is_sub || opt.subscriptions) {
        subscribe(k);
    } else {
        conn_up(k);
    }
}

static void on_suback(struct conn *k, const char *p, size_t n)
{
    if (k->st == ST_SUBACK && all_granted(p, n))
        conn_up(k);
    else
        conn_fail(k, "SUBSCRIBE refused");
}

static void on_puback(struct conn *k, const char *p, size_t n)
{
    if (n < 2) {
        counts.proto_err++;
        return;
    }
    unsigned id = (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
    if (publish_acked(k, (uint16_t)id)) return;
    counts.proto_err++;
    note_error("PUBACK for unknown id %u", id);
}

static void on_packet(struct conn *k, unsigned char first, const char *p, size_t n)
{
    switch (first >> 4) {
    case CONNACK: on_connack(k, p, n); break;
    case SUBACK: on_suback(k, p, n); break;
    case PUBLISH: receive(k, p, n, first >> 1 & 3); break;
    case PUBACK: on_puback(k, p, n); break;
    case PINGRESP: k->pong = true; break;
    default: counts.proto_err++; note_error("unexpected packet type %d", first >> 4);
    }
}

/* The length behind a packet's first byte; how many bytes it has, 0: they are not all here, -1: they are too many. */
static int get_len(const char *p, size_t n, size_t *len)
{
    *len = 0;
    for (int i = 1; i <= 4; i++) {
        if ((size_t)i >= n) return 0;
        *len |= (size_t)(p[i] & 127) << (i - 1) * 7;
        if (!(p[i] & 128)) return i;
    }
    return -1;
}

size_t mqtt_take(struct conn *k, const char *p, size_t n)
{
    size_t off = 0;
    while (n - off >= 2 && k->st != ST_DEAD) {
        size_t len;
        int bytes = get_len(p + off, n - off, &len);
        if (bytes < 0) {
            conn_fail(k, "bad length");
            return n;
        }
        size_t head = 1 + (size_t)bytes;
        if (bytes == 0 || n - off - head < len) return off;
        on_packet(k, (unsigned char)p[off], p + off + head, len);
        off += head + len;
    }
    return off;
}
