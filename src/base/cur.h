/* cur.h - a read position over a slice, for parsers that read like the specification.
 *
 * Errors stick: after a read past the end every further read gives zero and `bad` stays true, so a
 * parser reads field after field and checks once.
 *
 * Runs on: any thread.
 * Owns:    nothing and copies nothing: what is taken borrows from the slice that the cursor is over.
 */
#ifndef BASE_CUR_H
#define BASE_CUR_H

#include "base/slice.h"

struct cur {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct cur cur_of(struct slice s)
{
    return (struct cur){s.ptr, s.len ? s.ptr + s.len : s.ptr, false};
}

static inline size_t cur_left(const struct cur *c)
{
    return (size_t)(c->end - c->at);
}

static inline struct slice cur_rest(const struct cur *c)
{
    return (struct slice){c->at, cur_left(c)};
}

/* The next `len` bytes, borrowed from the slice; SLICE_NONE and `bad` if there are fewer. */
static inline struct slice cur_take(struct cur *c, size_t len)
{
    if (c->bad || cur_left(c) < len) {
        c->bad = true;
        return SLICE_NONE;
    }
    struct slice s = {c->at, len};
    c->at += len;
    return s;
}

static inline uint8_t cur_u8(struct cur *c)
{
    struct slice s = cur_take(c, 1);
    return s.ptr ? s.ptr[0] : 0;
}

static inline uint16_t cur_be16(struct cur *c)
{
    struct slice s = cur_take(c, 2);
    uint16_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 2);
    return __builtin_bswap16(v);
}

static inline uint32_t cur_be32(struct cur *c)
{
    struct slice s = cur_take(c, 4);
    uint32_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 4);
    return __builtin_bswap32(v);
}

static inline uint64_t cur_be64(struct cur *c)
{
    struct slice s = cur_take(c, 8);
    uint64_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 8);
    return __builtin_bswap64(v);
}

static inline uint16_t cur_le16(struct cur *c)
{
    struct slice s = cur_take(c, 2);
    uint16_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 2);
    return v;
}

static inline uint32_t cur_le32(struct cur *c)
{
    struct slice s = cur_take(c, 4);
    uint32_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 4);
    return v;
}

static inline uint64_t cur_le64(struct cur *c)
{
    struct slice s = cur_take(c, 8);
    uint64_t v = 0;
    if (s.ptr) memcpy(&v, s.ptr, 8);
    return v;
}

#endif
