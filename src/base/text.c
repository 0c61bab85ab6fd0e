/* text.c - text encodings. */
#include "base/text.h"
#include "base/clock.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i;
        uint32_t v = (uint32_t)bytes.ptr[i] << 16;
        if (have > 1) v |= (uint32_t)bytes.ptr[i + 1] << 8;
        if (have > 2) v |= bytes.ptr[i + 2];
        buf_put_u8(out, (uint8_t)base64_digits[v >> 18]);
        buf_put_u8(out, (uint8_t)base64_digits[v >> 12 & 63]);
        buf_put_u8(out, have > 1 ? (uint8_t)base64_digits[v >> 6 & 63] : '=');
        buf_put_u8(out, have > 2 ? (uint8_t)base64_digits[v & 63] : '=');
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

enum err text_unbase64(struct buf *out, struct slice text)
{
    size_t start = buf_size(out);
    while (text.len && text.ptr[text.len - 1] == '=' && text.len % 4 != 1) text.len--;
    if (text.len % 4 == 1) return ERR_INVALID;
    uint32_t bits = 0, have = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = base64_value(text.ptr[i]);
        if (v < 0) {
            out->len = out->off + start;
            return ERR_INVALID;
        }
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        buf_put_u8(out, (uint8_t)(bits >> have));
    }
    return OK;
}

void text_hex(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_put_u8(out, (uint8_t) "0123456789abcdef"[bytes.ptr[i] >> 4]);
        buf_put_u8(out, (uint8_t) "0123456789abcdef"[bytes.ptr[i] & 15]);
    }
}

void text_guid(const uint8_t guid[16], char out[TEXT_GUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        *out++ = digits[guid[i] >> 4];
        *out++ = digits[guid[i] & 15];
    }
    *out = '\0';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hex digits as a byte, or -1. */
static int hex_pair(const uint8_t *p)
{
    int high = hex_value(p[0]), low = hex_value(p[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum err text_unhex(struct buf *out, struct slice text)
{
    size_t start = buf_size(out);
    if (text.len % 2) return ERR_INVALID;
    for (size_t i = 0; i < text.len; i += 2) {
        int v = hex_pair(text.ptr + i);
        if (v < 0) {
            out->len = out->off + start;
            return ERR_INVALID;
        }
        buf_put_u8(out, (uint8_t)v);
    }
    return OK;
}

static bool unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void text_percent(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if (unreserved(c)) {
            buf_put_u8(out, c);
            continue;
        }
        buf_put_u8(out, '%');
        buf_put_u8(out, (uint8_t) "0123456789ABCDEF"[c >> 4]);
        buf_put_u8(out, (uint8_t) "0123456789ABCDEF"[c & 15]);
    }
}

void text_percent_with(struct buf *out, struct slice bytes, const char *which)
{
    if (slice_has(bytes, which))
        text_percent(out, bytes);
    else
        buf_put_slice(out, bytes);
}

enum err text_unpercent_to(uint8_t *out, struct slice text, size_t *len)
{
    uint8_t *to = out;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            *to++ = text.ptr[i];
            continue;
        }
        int v = i + 2 < text.len ? hex_pair(text.ptr + i + 1) : -1;
        if (v < 0) return ERR_INVALID;
        *to++ = (uint8_t)v;
        i += 2;
    }
    *len = (size_t)(to - out);
    return OK;
}

enum err text_unpercent(struct buf *out, struct slice text)
{
    size_t len;
    if (text.len == 0) return OK;
    TRY(text_unpercent_to(buf_reserve(out, text.len), text, &len));
    buf_commit(out, len);
    return OK;
}

/* Length of the well-formed sequence at p, or 0 (Unicode 15, table 3-7). */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (left < len) return 0;
    uint8_t low = 0x80, high = 0xbf;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return len;
}

bool text_is_utf8(struct slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_sequence(text.ptr + i, text.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

struct slice text_first_part(struct slice text, size_t max)
{
    if (text.len <= max) return text;
    size_t len = max;
    while (len > 0 && (text.ptr[len] & 0xc0) == 0x80) len--;
    return slice_head(text, len);
}

enum glyph { GLYPH_FINE, GLYPH_CONTROL, GLYPH_STRAY };

/* What stands at p, `*len` bytes long. */
static enum glyph glyph_at(const uint8_t *p, size_t left, size_t *len)
{
    size_t n = utf8_sequence(p, left);
    *len = n ? n : 1;
    if (n == 0) return GLYPH_STRAY;
    bool c0 = n == 1 && (p[0] < 0x20 || p[0] == 0x7f), c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
    return c0 || c1 ? GLYPH_CONTROL : GLYPH_FINE;
}

/* U+0080 to U+009F are the bytes c2 80 to c2 9f. */
static void put_json_control(struct buf *out, const uint8_t *p)
{
    if (p[0] < 0x20)
        buf_put_u8(out, p[0]);
    else
        buf_printf(out, "\\u%04x", p[0] == 0x7f ? p[0] : p[1]);
}

static void put_shown(struct buf *out, struct slice text, bool json)
{
    size_t from = 0, len;
    for (size_t i = 0; i < text.len; i += len) {
        enum glyph g = glyph_at(text.ptr + i, text.len - i, &len);
        if (g == GLYPH_FINE) continue;
        buf_put(out, text.ptr + from, i - from);
        from = i + len;
        if (g == GLYPH_CONTROL && json)
            put_json_control(out, text.ptr + i);
        else
            buf_put_u8(out, g == GLYPH_STRAY ? '?' : ' ');
    }
    buf_put_slice(out, slice_from(text, from));
}

void text_shown(struct buf *out, struct slice text)
{
    put_shown(out, text, false);
}

void text_json_shown(struct buf *out, struct slice json)
{
    put_shown(out, json, true);
}

void text_json_string(struct buf *out, struct slice text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c >= 0x20) {
            buf_put_u8(out, c);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        } else {
            buf_printf(out, "\\u%04x", c);
        }
    }
    buf_put_u8(out, '"');
}

void text_url_host(struct buf *out, const char *host)
{
    buf_printf(out, strchr(host, ':') ? "[%s]" : "%s", host);
}

void text_mask_query(struct buf *out, struct slice url)
{
    size_t query = slice_find(url, '?');
    buf_put_slice(out, slice_head(url, query));
    if (query < url.len) buf_put_str(out, TEXT_QUERY_MASK);
}

void text_json_untrusted(struct buf *out, struct slice text)
{
    struct buf ascii = {0};
    bool fine = text_is_utf8(text);
    for (size_t i = 0; i < text.len && !fine; i++)
        buf_put_u8(&ascii, text.ptr[i] < 0x80 ? text.ptr[i] : '?');
    text_json_string(out, fine ? text : buf_slice(&ascii));
    buf_free(&ascii);
}

void text_json_time(struct buf *out, const char *name, int64_t wall_us)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(wall_us, iso);
    buf_printf(out, ",\"%s\":\"%s\"", name, iso);
}
