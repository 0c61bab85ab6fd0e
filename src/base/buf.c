/* buf.c - growing bytes. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUF_SMALLEST = 64 };

/* Moves the content to the front of the allocation. */
static void slide(struct buf *b)
{
    if (b->ptr == NULL || b->off == 0) return;
    memmove(b->ptr, b->ptr + b->off, b->len - b->off);
    b->len -= b->off;
    b->off = 0;
}

/* As realloc() moves it, but the old place is overwritten. */
static void move_secret(struct buf *b, size_t cap)
{
    uint8_t *moved = mem_new(cap);
    if (b->ptr) {
        memcpy(moved, b->ptr, b->len);
        mem_wipe(b->ptr, b->cap);
    }
    free(b->ptr);
    b->ptr = moved;
}

uint8_t *buf_grow(struct buf *b, size_t more)
{
    if (b->off >= more && b->off > b->cap / 2) {
        slide(b);
        return b->ptr + b->len;
    }
    slide(b);
    size_t secret = b->cap & 1; /* what is odd stays so */
    size_t cap = b->ptr ? b->cap : BUF_SMALLEST + secret;
    while (cap - b->len < more) cap = 2 * cap + secret;
    if (secret && cap != b->cap)
        move_secret(b, cap);
    else if (cap != b->cap)
        b->ptr = mem_grow(b->ptr, cap);
    b->cap = cap;
    return b->ptr + b->len;
}

void buf_align(struct buf *b, size_t multiple, size_t size)
{
    assert(b->ptr == NULL && size % multiple == 0);
    *b = (struct buf){.ptr = mem_aligned(multiple, size), .cap = size};
}

void buf_put_be16(struct buf *b, uint16_t v)
{
    uint8_t *p = buf_reserve(b, 2);
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    b->len += 2;
}

void buf_put_be32(struct buf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    buf_put(b, &v, sizeof v);
}

void buf_put_be64(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    buf_put(b, &v, sizeof v);
}

void buf_put_le16(struct buf *b, uint16_t v)
{
    uint8_t *p = buf_reserve(b, 2);
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    b->len += 2;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are written little-endian");

void buf_put_le32(struct buf *b, uint32_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_put_le64(struct buf *b, uint64_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int need = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(need >= 0);
    uint8_t *at = buf_reserve(b, (size_t)need + 1);
    vsnprintf((char *)at, (size_t)need + 1, fmt, ap);
    b->len += (size_t)need;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= buf_size(b));
    b->off += len;
    if (b->off == b->len) buf_clear(b);
}

void buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    if (b->ptr) mem_wipe(b->ptr, b->cap);
    buf_free(b);
    *b = BUF_SECRET;
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return (const char *)b->ptr + b->off;
}
