/* engine_fuzz.h - one harness for every sans-IO engine (docs/decisions/0001).
 *
 * A target describes its engine with `const struct fuzz_engine fuzz_engine`.  Each input is
 *
 *     byte 0    variant: handed to open(), which takes role, options and limits from it
 *     byte 1    how to cut the rest: 0 whole, 1 byte by byte, 255 in two at every point, else pieces
 *               of pseudo-random size
 *     byte 2..  what the peer sends, or what wire() makes it from
 *
 * and the harness checks what must hold for every engine:
 *   - no crash, leak, overrun or undefined behaviour; a fed piece is freed once next() has said that
 *     there is nothing more, so an event or an engine that keeps borrowed bytes is caught;
 *   - however the bytes are cut, events, final error and output are the same;
 *   - after an error the engine gives that error again and no event;
 *   - a tick before the deadline is harmless; a tick at the deadline moves it or ends the engine.
 */
#ifndef FUZZ_ENGINE_FUZZ_H
#define FUZZ_ENGINE_FUZZ_H

#include "base/buf.h"

/* A running hash over everything that the engine said. */
struct fuzz_trace {
    uint64_t hash;
    unsigned piece; /* kind of the last fuzz_piece(), 0 after anything else */
};

struct fuzz_engine {
    /* A new engine that appends to `out`. */
    void *(*open)(uint8_t variant, struct buf *out, int64_t now_us);

    void (*feed)(void *engine, struct slice bytes, int64_t now_us);

    /* Pulls one event and notes all of it in the trace; may answer it as a front would.
     * ERR_AGAIN: nothing more; another error: the engine is dead. */
    enum err (*next)(void *engine, struct fuzz_trace *t);

    void (*close)(void *engine);

    /* Both NULL when the engine knows no time.  INT64_MAX: nothing is due. */
    int64_t (*deadline)(const void *engine);
    enum err (*tick)(void *engine, int64_t now_us);

    /* NULL, or makes what the peer sends: for bytes that no mutation would get right (encrypted). */
    void (*wire)(uint8_t variant, struct slice input, struct buf *bytes);

    bool output_varies; /* output has random bytes (TLS): not compared */
};

extern const struct fuzz_engine fuzz_engine;

/* For next(): what an event consists of.  fuzz_bytes() includes the length. */
void fuzz_number(struct fuzz_trace *t, uint64_t v);
void fuzz_bytes(struct fuzz_trace *t, struct slice s);

/* A part of a stream (a body, decrypted bytes) that may arrive cut anywhere: pieces of one kind in
 * a row count as one.  `kind` is not 0. */
void fuzz_piece(struct fuzz_trace *t, unsigned kind, struct slice s);

#endif
