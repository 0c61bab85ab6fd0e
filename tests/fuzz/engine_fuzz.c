/* engine_fuzz.c - drives an engine whole and cut, and compares what it said. */
#include "engine_fuzz.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "fuzz.h"

enum {
    HEADER_LEN = 2,
    CUT_WHOLE = 0,
    CUT_BYTES = 1,
    CUT_IN_TWO = 255,
    POINTS_MAX = 128,         /* where it is cut in two */
    POINTS_BYTES = 128 << 10, /* of all those runs together */
    TICKS_MAX = 4,            /* deadlines followed after the last byte */
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

struct cutter {
    uint8_t cut;
    uint32_t state; /* of the generator, never 0 for a pseudo-random cut */
    size_t point;   /* size of the first piece, for CUT_IN_TWO */
};

static size_t piece_len(struct cutter *c, size_t left)
{
    if (c->cut == CUT_WHOLE) return left;
    if (c->cut == CUT_BYTES) return MIN(left, 1);
    if (c->cut == CUT_IN_TWO) {
        size_t len = c->point ? MIN(left, c->point) : left;
        c->point = 0;
        return len;
    }
    c->state ^= c->state << 13;
    c->state ^= c->state >> 17;
    c->state ^= c->state << 5;
    return MIN(left, 1 + c->state % c->cut);
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

static enum err feed_all(void *engine, struct slice input, struct cutter c, struct fuzz_trace *t)
{
    while (input.len > 0) {
        size_t len = piece_len(&c, input.len);
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

static uint64_t run(uint8_t variant, struct cutter cut, struct slice input)
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

static void compare(uint8_t variant, uint8_t cut, struct slice input)
{
    uint64_t whole = run(variant, (struct cutter){.cut = CUT_WHOLE}, input);
    size_t points = MIN(input.len, MIN((size_t)POINTS_MAX, POINTS_BYTES / (input.len + 1)));
    if (cut != CUT_IN_TWO) points = cut != CUT_WHOLE;
    for (size_t point = 1; point <= points; point++) {
        uint64_t in_pieces = run(variant, (struct cutter){cut, cut, point}, input);
        assert(whole == in_pieces);
    }
}

void fuzz_one(struct slice input)
{
    if (input.len < HEADER_LEN) return;
    uint8_t variant = input.ptr[0], cut = input.ptr[1];
    struct slice rest = slice_from(input, HEADER_LEN);
    struct buf made = {0};
    if (fuzz_engine.wire) fuzz_engine.wire(variant, rest, &made);
    compare(variant, cut, fuzz_engine.wire ? buf_slice(&made) : rest);
    buf_free(&made);
}
