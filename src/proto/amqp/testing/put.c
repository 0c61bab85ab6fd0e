/* put.c - text to frames. */
#include <ctype.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/text.h"
#include "proto/amqp/testing/names.h"
#include "proto/amqp/testing/testing.h"

static void put_value(struct buf *out, const char **at);

static void space(const char **at)
{
    while (**at == ' ') (*at)++;
}

/* What is between the quote at *at and the next one like it. */
static struct buf quoted(const char **at)
{
    struct buf text = {0};
    char quote = *(*at)++;
    while (**at != quote) {
        assert(**at && **at != '\n');
        if ((*at)[0] != '\\') {
            buf_put_u8(&text, (uint8_t) * (*at)++);
        } else if ((*at)[1] == '0') {
            buf_put_u8(&text, 0);
            *at += 2;
        } else {
            assert((*at)[1] == 'x');
            enum err e = text_unhex(&text, slice_of(*at + 2, 2));
            assert(e == OK);
            *at += 4;
        }
    }
    (*at)++;
    return text;
}

static void put_text(struct buf *out, const char **at)
{
    char kind = **at;
    if (kind == 'b' || kind == 'u') (*at)++;
    struct buf text = quoted(at), raw = {0};
    if (kind == '"') amqp_put_string(out, buf_slice(&text));
    if (kind == '\'') amqp_put_symbol(out, buf_slice(&text));
    if (kind == 'b') amqp_put_binary(out, buf_slice(&text));
    if (kind == 'u') {
        enum err e = text_unhex(&raw, buf_slice(&text));
        assert(e == OK && buf_size(&raw) == 16);
        amqp_put_uuid(out, raw.ptr);
    }
    buf_free(&text);
    buf_free(&raw);
}

static void put_number(struct buf *out, const char **at)
{
    char *end;
    long long v = strtoll(*at, &end, 0);
    assert(end != *at);
    *at = end + 1;
    switch (*end) {
    case 'l': amqp_put_ulong(out, (uint64_t)v); break;
    case 'h': amqp_put_ushort(out, (uint16_t)v); break;
    case 'b': amqp_put_ubyte(out, (uint8_t)v); break;
    case 'i': amqp_put_int(out, (int32_t)v); break;
    case 'L': amqp_put_long(out, v); break;
    case 't': amqp_put_timestamp(out, v); break;
    default: amqp_put_uint(out, (uint32_t)v); *at = end;
    }
}

static bool word(const char **at, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(*at, text, len) != 0 || isalnum((unsigned char)(*at)[len])) return false;
    *at += len;
    return true;
}

static void put_elements(struct buf *out, const char **at, char end)
{
    struct amqp_open open = end == ']' ? amqp_open_list(out) : amqp_open_map(out);
    uint32_t count = 0;
    (*at)++;
    for (space(at); **at != end; space(at), count++) put_value(out, at);
    (*at)++;
    amqp_close(out, open, count);
}

static void put_symbols(struct buf *out, const char **at)
{
    struct amqp_open open = amqp_open_array(out);
    uint32_t count = 0;
    buf_put_u8(out, 0xa3);
    (*at)++;
    for (space(at); **at != '>'; space(at), count++) {
        struct buf name = quoted(at);
        buf_put_u8(out, (uint8_t)buf_size(&name));
        buf_put_slice(out, buf_slice(&name));
        buf_free(&name);
    }
    (*at)++;
    amqp_close(out, open, count);
}

static void put_described(struct buf *out, const char **at)
{
    (*at)++;
    buf_put_u8(out, 0);
    if (**at == '\'') {
        put_text(out, at);
    } else {
        char *end;
        amqp_put_ulong(out, strtoull(*at, &end, 0));
        *at = end;
    }
    space(at);
    put_value(out, at);
}

static void put_value(struct buf *out, const char **at)
{
    space(at);
    char c = **at;
    if (word(at, "null"))
        amqp_put_null(out);
    else if (word(at, "true"))
        amqp_put_bool(out, true);
    else if (word(at, "false"))
        amqp_put_bool(out, false);
    else if (c == '[')
        put_elements(out, at, ']');
    else if (c == '{')
        put_elements(out, at, '}');
    else if (c == '<')
        put_symbols(out, at);
    else if (c == '@')
        put_described(out, at);
    else if (c == '"' || c == '\'' || c == 'b' || c == 'u')
        put_text(out, at);
    else
        put_number(out, at);
}

void wire_put_value(struct buf *out, const char *text)
{
    put_value(out, &text);
    assert(*text == '\0');
}

static void put_frame(struct buf *out, const char **at)
{
    struct buf frame = {0};
    uint8_t type = word(at, "sasl") ? 1 : 0;
    uint16_t channel = type ? 0 : (uint16_t)strtoul(*at, (char **)(uintptr_t)at, 10);
    buf_put_be32(&frame, 0);
    buf_put(&frame, (const uint8_t[]){2, type}, 2);
    buf_put_be16(&frame, channel);
    space(at);
    if (!word(at, "empty")) {
        size_t len = strcspn(*at, "[");
        amqp_put_descriptor(&frame, wire_code_of(slice_of(*at, len)));
        *at += len;
        do {
            put_value(&frame, at);
            space(at);
        } while (**at && **at != '\n');
    }
    uint32_t size = __builtin_bswap32((uint32_t)buf_size(&frame));
    memcpy(frame.ptr, &size, sizeof size);
    buf_put_slice(out, buf_slice(&frame));
    buf_free(&frame);
}

void wire_put(struct buf *out, const char *text)
{
    while (*text) {
        space(&text);
        if (word(&text, "AMQP0"))
            buf_put(out, "AMQP\0\1\0\0", 8);
        else if (word(&text, "AMQP3"))
            buf_put(out, "AMQP\3\1\0\0", 8);
        else if (*text != '\n')
            put_frame(out, &text);
        if (*text == '\n')
            text++;
        else
            assert(*text == '\0');
    }
}
