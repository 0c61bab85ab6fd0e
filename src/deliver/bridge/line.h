/* line.h - the connection of a bridge to its broker: MQTT in the client role on a dialled connection.
 * Private to deliver.
 *
 *   down ──..._open()──▶ dialling ─▶ greeting (CONNECT) ──CONNACK──▶ up(): ..._publish(), acked() ...
 *     ▲                     └──────────────┴─────── it fails ─────────┘
 *     └─────────────────────────────── down(), once, with the reason; the broker may have hung up
 *
 * While the server stops (core_drain) it stays down and says nothing more.
 *
 * Sessions are clean: what was not acknowledged is published again by whoever asked for it.
 *
 * Runs on: the core's lane.
 * Life:    bridge_line_new() .. bridge_line_free(), in any state; neither up() nor down() after it. */
#ifndef DELIVER_BRIDGE_LINE_H
#define DELIVER_BRIDGE_LINE_H

#include "deliver/kind.h"
#include "proto/mqtt/mqtt.h"

enum { BRIDGE_LINE_KEEP_ALIVE_S = 60, BRIDGE_LINE_TEXT_MAX = 400 };

struct bridge_line;

/* Kept by its owner as long as the line; texts are his. */
struct bridge_line_config {
    struct lane *lane;
    struct dialer *dialer;
    struct tls_context *tls; /* NULL: plain */
    const char *host;
    unsigned port;
    struct slice client_id, user, password; /* the last two may be empty */

    void (*up)(void *ctx);
    void (*acked)(void *ctx, uint16_t packet_id);
    void (*down)(void *ctx, const struct deliver_result *why, bool hung_up);
    void *ctx;
};

struct bridge_line *bridge_line_new(const struct bridge_line_config *config);
void bridge_line_free(struct bridge_line *l); /* NULL is fine */

bool bridge_line_is_up(const struct bridge_line *l);

/* If it is down; up() or down() follows, never from inside. */
void bridge_line_open(struct bridge_line *l);

/* At QoS 1, while it is up: its packet id.  ERR_TOO_BIG: MQTT cannot carry it. */
enum err bridge_line_publish(struct bridge_line *l, struct slice topic, struct slice payload,
                             uint16_t *packet_id) MUST_USE;

/* It is to be given up; down() follows, never from inside. */
void bridge_line_break(struct bridge_line *l, const char *why);

#endif
