/* buf.h - bytes that we own, growing at the end and consumed at the front.
 *
 * An empty buf owns no memory (`ptr` NULL, `cap` 0): an idle connection costs nothing.
 * Life: `struct buf b = {0};` is ready; buf_free() returns to that state.
 * Growth doubles; small allocations abort (see mem.h), so putting cannot fail.  Whoever takes bytes
 * from outside checks its own limit first.
 * What gets a key, a password or a token begins as BUF_SECRET and ends in buf_wipe(): it leaves no copy behind
 * where it grows.
 * Runs on: any thread, one at a time for each buf.
 * Owns:    its bytes.  Slices and pointers into it are borrowed: until the next put, consume or free.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

struct buf {
    uint8_t *ptr; /* start of the allocation */
    size_t off;   /* bytes consumed at the front */
    size_t len;   /* end of the bytes; the content is ptr[off .. len) */
    size_t cap;   /* odd: of a secret */
};

#define BUF_SECRET ((struct buf){.cap = 1})

static inline size_t buf_size(const struct buf *b)
{
    return b->len - b->off;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->off ? b->ptr + b->off : b->ptr, b->len - b->off};
}

uint8_t *buf_grow(struct buf *b, size_t more); /* buf_reserve() where there is no room yet */

/* Room for `more` bytes at the end; returns where they go.  They count after buf_commit(). */
static inline uint8_t *buf_reserve(struct buf *b, size_t more)
{
    return b->ptr && b->cap - b->len >= more ? b->ptr + b->len : buf_grow(b, more);
}

static inline void buf_commit(struct buf *b, size_t added)
{
    b->len += added;
}

static inline void buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0) return;
    assert(bytes);
    memcpy(buf_reserve(b, len), bytes, len);
    b->len += len;
}

static inline void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.ptr, s.len);
}

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    *buf_reserve(b, 1) = v;
    b->len++;
}

static inline void buf_put_str(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

/* Big-endian (network order), as MQTT and AMQP want it. */
void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);

/* Little-endian, as our own files have it. */
void buf_put_le16(struct buf *b, uint16_t v);
void buf_put_le32(struct buf *b, uint32_t v);
void buf_put_le64(struct buf *b, uint64_t v);

void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Drops `len` bytes at the front; an emptied buf keeps its memory until buf_free(). */
void buf_consume(struct buf *b, size_t len);

/* Empty, memory kept. */
static inline void buf_clear(struct buf *b)
{
    b->off = b->len = 0;
}

/* An empty buf owns `size` bytes that begin at a multiple of `multiple`, as `size` is one: for IO_DIRECT.  When it
 * grows beyond them they begin anywhere. */
void buf_align(struct buf *b, size_t multiple, size_t size);

void buf_free(struct buf *b);
void buf_wipe(struct buf *b); /* the same, of what held a secret: BUF_SECRET from then on */

/* A NUL after the content (not counted); the C string, borrowed until the next change. */
const char *buf_cstr(struct buf *b);

#endif
