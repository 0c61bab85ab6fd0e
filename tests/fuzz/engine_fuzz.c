/* engine_fuzz.c - drives an engine twice, whole and cut, and compares what it said. */
#include "engine_fuzz.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "fuzz.h"

enum {
    HEADER_LEN = 2,
    CUT_WHOLE = 0,
    CUT_BYTES = 1,
    TICKS_MAX = 4, /* deadlines followed after the last byte */
};
#define START_US 1000000ll

/* FNV-1a: byte by byte, so that it does not matter how a stream was cut. */
#define HASH_START 0xcbf29ce484222325ull
#define HASH_PRIME 0x100000001b3ull

static void add(struct fuzz_trace *t, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) t->hash = (t->hash ^ ((const uint8_t *)bytes)[i]) * HASH_PRIME;
}

void fuzz_number(struct fuzz_trace *t, uint64_t v)
{
    t->piece = 0;
    add(t, &v, sizeof v);
}

void fuzz_bytes(struct fuzz_trace *t, struct slice s)
{
    fuzz_number(t, s.len);
    add(t, s.ptr, s.len);
}

void fuzz_piece(struct fuzz_trace *t, unsigned kind, struct slice s)
{
    assert(kind != 0);
    if (s.len == 0) return;
    if (t->piece != kind) fuzz_number(t, kind);
    t->piece = kind;
    add(t, s.ptr, s.len);
}

/* Size of the next piece; `state` is the generator and never 0 for a pseudo-random cut. */
static size_t piece_len(uint8_t cut, uint32_t *state, size_t left)
{
    if (cut == CUT_WHOLE) return left;
    if (cut == CUT_BYTES) return MIN(left, 1);
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return MIN(left, 1 + *state % cut);
}

static enum err pull(void *engine, struct fuzz_trace *t)
{
    enum err e;
    while ((e = fuzz_engine.next(engine, t)) == OK) {
    }
    if (e == ERR_AGAIN) return OK;
    struct fuzz_trace after = *t;
    enum err again = fuzz_engine.next(engine, &after);
    assert(again == e && after.hash == t->hash);
    return e;
}

/* One piece in a block of its own, gone as soon as the engine has had its say. */
static enum err feed(void *engine, struct slice piece, struct fuzz_trace *t)
{
    uint8_t *copy = mem_new(piece.len);
    memcpy(copy, piece.ptr, piece.len);
    fuzz_engine.feed(engine, slice_of(copy, piece.len), START_US);
    enum err e = pull(engine, t);
    free(copy);
    return e;
}

static enum err feed_all(void *engine, struct slice input, uint8_t cut, struct fuzz_trace *t)
{
    uint32_t state = cut;
    while (input.len > 0) {
        size_t len = piece_len(cut, &state, input.len);
        TRY(feed(engine, slice_head(input, len), t));
        input = slice_from(input, len);
    }
    return OK;
}

static void follow_deadlines(void *engine)
{
    int64_t now_us = START_US;
    for (int i = 0; i < TICKS_MAX; i++) {
        int64_t due_us = fuzz_engine.deadline(engine);
        if (due_us == INT64_MAX) return;
        assert(due_us > now_us);
        enum err early = fuzz_engine.tick(engine, due_us - 1);
        assert(early == OK);
        if (fuzz_engine.tick(engine, due_us) != OK) return;
        now_us = due_us;
    }
}

static uint64_t run(uint8_t variant, uint8_t cut, struct slice input)
{
    struct fuzz_trace t = {.hash = HASH_START};
    struct buf out = {0};
    void *engine = fuzz_engine.open(variant, &out, START_US);
    enum err e = feed_all(engine, input, cut, &t);
    fuzz_number(&t, e);
    if (e == OK && fuzz_engine.deadline) follow_deadlines(engine);
    fuzz_engine.close(engine);
    if (!fuzz_engine.output_varies) fuzz_bytes(&t, buf_slice(&out));
    buf_free(&out);
    return t.hash;
}

void fuzz_one(struct slice input)
{
    if (input.len < HEADER_LEN) return;
    uint8_t variant = input.ptr[0], cut = input.ptr[1];
    struct slice rest = slice_from(input, HEADER_LEN);
    uint64_t whole = run(variant, CUT_WHOLE, rest);
    if (cut == CUT_WHOLE) return;
    uint64_t in_pieces = run(variant, cut, rest);
    assert(whole == in_pieces);
}
