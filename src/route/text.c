/* text.c - bodies in UTF-8, UTF-16 and UTF-32 (RFC 3629, RFC 2781, Unicode 3.10). */
#include "base/num.h"
#include "route/scan.h"

static uint8_t *put(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (uint8_t)(0xE0 | c >> 12);
        } else {
            *to++ = (uint8_t)(0xF0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (uint8_t)(0x80 | (c & 0x3F));
    return to;
}

static uint32_t unit(const uint8_t *at, unsigned width, bool big)
{
    uint32_t c = 0;
    for (unsigned i = 0; i < width; i++) c = c << 8 | at[big ? i : width - 1 - i];
    return c;
}

static bool is_high(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDBFF;
}

static bool is_low(uint32_t c)
{
    return c >= 0xDC00 && c <= 0xDFFF;
}

/* The order: a mark, which is taken off, or where the zeros of the first character are. */
static bool take_order(struct slice *body, unsigned width)
{
    bool big = unit(body->ptr, width, true) == 0xFEFF;
    if (big || unit(body->ptr, width, false) == 0xFEFF)
        *body = slice_from(*body, width);
    else
        big = body->ptr[0] == 0;
    return big;
}

/* Two bytes of UTF-16 are three of UTF-8 at most, four of UTF-32 four. */
static bool decode_wide(struct buf *out, struct slice body, unsigned width)
{
    if (body.len < width || body.len % width != 0) return false;
    bool big = take_order(&body, width);
    uint8_t *from = buf_reserve(out, body.len / 2 * 3 + 4), *to = from;
    for (size_t i = 0; i < body.len; i += width) {
        uint32_t c = unit(body.ptr + i, width, big);
        if (width == 2 && is_high(c) && i + 4 <= body.len) {
            uint32_t low = unit(body.ptr + i + 2, width, big);
            if (!is_low(low)) return false;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        if (is_high(c) || is_low(c) || c > 0x10FFFF) return false;
        to = put(to, c);
    }
    buf_commit(out, (size_t)(to - from));
    return true;
}

bool scan_decode(struct buf *out, struct slice encoding, struct slice body)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    if (slice_is_nocase(encoding, "utf-8")) {
        if (slice_starts(body, slice_of(mark, sizeof mark))) body = slice_from(body, sizeof mark);
        buf_put_slice(out, body);
        return true;
    }
    if (slice_is_nocase(encoding, "utf-16")) return decode_wide(out, body, 2);
    return slice_is_nocase(encoding, "utf-32") && decode_wide(out, body, 4);
}
