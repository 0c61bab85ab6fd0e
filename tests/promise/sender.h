/* sender.h - a device that keeps an account: connects, sends numbered messages at QoS 1 in a window,
 * resends what was not acknowledged, and notes what it was told.
 *
 * Sans I/O: the simulator gives it virtual links, tests/fault real sockets.  Whoever owns it sends
 * `out` after every call and says when a connection was made and when it ended.
 */
#ifndef PROMISE_SENDER_H
#define PROMISE_SENDER_H

#include "ledger.h"
#include "proto/mqtt/mqtt.h"

enum { SENDER_WINDOW_MAX = 64 };

enum sender_phase { SENDER_AWAY, SENDER_CONNECTING, SENDER_CONNECTED };

struct sender {
    struct account *account;
    unsigned index; /* of the account */
    enum sender_phase phase;
    struct mqtt mqtt; /* alive unless away */
    struct buf out;   /* for the server */
    unsigned window;
    uint64_t goal; /* messages to send in all */
    /* Bytes of padding at most: of most messages, and of two in a hundred. */
    size_t padding_max, padding_large_max;
    uint64_t in_flight;                     /* sent and not acknowledged on this connection */
    uint16_t packet_ids[SENDER_WINDOW_MAX]; /* of those, oldest first */
    unsigned connects, refusals;            /* refusals: CONNACKs that said no */
};

void sender_init(struct sender *s, struct ledger *l, unsigned index);
void sender_fini(struct sender *s);

/* A connection is up: sends CONNECT. */
void sender_connect(struct sender *s, struct slice user_name, struct slice token, unsigned window,
                    int64_t now_us);

/* Bytes from the server; fills the window again.  ERR_PROTOCOL: it broke MQTT's rules, or did not
 * acknowledge in order; other errors as mqtt_next(). */
enum err sender_feed(struct sender *s, struct slice bytes, int64_t now_us) MUST_USE;

/* Fills the window, after `goal` was raised. */
void sender_fill(struct sender *s);

/* The connection is over: what is in flight may or may not be stored. */
void sender_lost(struct sender *s);

static inline bool sender_done(const struct sender *s)
{
    return s->account->acked >= s->goal;
}

#endif
