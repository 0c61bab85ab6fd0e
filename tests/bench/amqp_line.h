/* amqp_line.h - AMQP connections of the benches: the engine behind tls_line.h, over a WebSocket if wanted.
 *
 * Runs on: one thread.  Whatever goes wrong ends the program with a word on stderr. */
#ifndef BENCH_AMQP_LINE_H
#define BENCH_AMQP_LINE_H

#include "proto/amqp/amqp.h"
#include "proto/ws/ws.h"
#include "tls_line.h"

/* All zero at first.  What is said is gathered in `out`, and goes out when the events of what was heard are over, or with
 * amqp_line_flush(). */
struct amqp_line {
    struct tls_line tls;
    struct amqp amqp;
    struct buf out;
    void (*event)(struct amqp_line *l, const struct amqp_event *ev);
    /* over a WebSocket (AMQPWSB10) */
    bool over_ws, upgraded;
    struct ws ws;
    char key[WS_KEY_LEN + 1];
    struct buf answer, frames;
};

/* After tls_prepare(). */
void amqp_line_open(struct amqp_line *l, unsigned port, bool over_ws);
void amqp_line_flush(struct amqp_line *l);

/* SASL PLAIN, when the mechanisms are told. */
void amqp_line_login(struct amqp_line *l, const char *user, struct slice password);

/* The server ended a link, a session or the connection: says why and ends the program. */
_Noreturn void amqp_line_stop(const struct amqp_error *error);

/* A source's filter from a comparison, "x-opt-sequence-number >= '7'", as Python's and Java's clients have it. */
void amqp_line_put_filter(struct buf *out, const char *comparison);

/* The request to $cbs that puts a token for that resource; answers go to "cbs". */
void amqp_line_put_token(struct buf *out, const char *resource, struct slice token);

#endif
