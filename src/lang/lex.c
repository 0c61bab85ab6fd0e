/* lex.c - words: names, numbers, strings with their escapes, signs. */
#include "lang/lex.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"

enum { NUMBER_MAX = 64 };

static int byte_at(const struct lex *l, size_t at)
{
    return at < l->text.len ? l->text.ptr[at] : -1;
}

/* ---- names */

static bool begins_name(int c)
{
    return c >= 0x80 || c == '_' || c == '$' || (c >= 0 && isalpha(c));
}

static bool in_name(int c)
{
    return begins_name(c) || (c >= 0 && isdigit(c)) || c == '#';
}

static bool goes_on(const struct lex *l)
{
    int c = byte_at(l, l->at);
    return in_name(c) || (l->hyphens && c == '-' && begins_name(byte_at(l, l->at + 1)) &&
                          byte_at(l, l->at + 1) != '$');
}

static struct slice take_name(struct lex *l)
{
    size_t from = l->at;
    while (goes_on(l)) l->at++;
    return slice_of(l->text.ptr + from, l->at - from);
}

/* ---- mistakes */

static struct lex_place place_of(const struct lex *l, size_t at)
{
    struct lex_place p = {1, 1};
    for (size_t i = 0; i < at && i < l->text.len; i++) {
        uint8_t byte = l->text.ptr[i];
        if (byte == '\n')
            p = (struct lex_place){p.line + 1, 1};
        else if ((byte & 0xC0) != 0x80)
            p.column++;
    }
    return p;
}

/* The word that begins there, or a character. */
static size_t end_of(const struct lex *l, size_t at)
{
    struct lex name = {.text = l->text, .at = at, .hyphens = l->hyphens};
    if (l->word.at == at && l->at > at) return l->at;
    take_name(&name);
    return name.at > at ? name.at : at + 1;
}

enum err lex_fail(const struct lex *l, size_t at, const char *fmt, ...)
{
    struct lex_mistake m = {.start = place_of(l, at)};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(m.why, sizeof m.why, fmt, ap);
    va_end(ap);
    m.end = place_of(l, end_of(l, at));
    if (l->mistake) *l->mistake = m;
    return fail(ERR_INVALID, "line %u, column %u: %s", m.start.line, m.start.column, m.why);
}

/* ---- numbers */

static bool is_hex(const struct lex *l)
{
    return byte_at(l, l->at) == '0' && (byte_at(l, l->at + 1) | 0x20) == 'x';
}

static void skip_digits(struct lex *l)
{
    while (byte_at(l, l->at) >= 0 && isdigit(byte_at(l, l->at))) l->at++;
}

static void skip_decimal(struct lex *l)
{
    skip_digits(l);
    if (byte_at(l, l->at) == '.') l->at++;
    skip_digits(l);
    if ((byte_at(l, l->at) | 0x20) != 'e') return;
    l->at++;
    if (byte_at(l, l->at) == '-' || byte_at(l, l->at) == '+') l->at++;
    skip_digits(l);
}

static void skip_number(struct lex *l)
{
    if (!is_hex(l)) {
        skip_decimal(l);
        return;
    }
    l->at += 2;
    while (byte_at(l, l->at) >= 0 && isxdigit(byte_at(l, l->at))) l->at++;
}

static enum err take_number(struct lex *l)
{
    char text[NUMBER_MAX + 1], *end;
    skip_number(l);
    struct slice spelled = slice_of(l->text.ptr + l->word.at, l->at - l->word.at);
    if (spelled.len > NUMBER_MAX || in_name(byte_at(l, l->at)))
        return lex_fail(l, l->word.at, "this is no number");
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(spelled));
    l->word.kind = WORD_NUMBER;
    l->word.text = spelled;
    l->word.number = strtod(text, &end);
    if (*end || end == text || !isfinite(l->word.number))
        return lex_fail(l, l->word.at, "this is no number");
    return OK;
}

/* ---- strings */

static void put_character(struct buf *out, unsigned c)
{
    if (c < 0x80) {
        buf_put_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_put_u8(out, (uint8_t)(0xC0 | c >> 6));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_put_u8(out, (uint8_t)(0xE0 | c >> 12));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else {
        buf_put_u8(out, (uint8_t)(0xF0 | c >> 18));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

/* XXXX */
static bool take_hex4(struct lex *l, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int c = byte_at(l, l->at);
        if (c < 0 || !isxdigit(c)) return false;
        l->at++;
        *out = *out << 4 | (unsigned)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

/* The lower half of a pair that stands outside of the first 65536 characters. */
static bool take_low_half(struct lex *l, unsigned *c)
{
    unsigned low;
    if (byte_at(l, l->at) != '\\' || byte_at(l, l->at + 1) != 'u') return false;
    l->at += 2;
    if (!take_hex4(l, &low) || low < 0xDC00 || low > 0xDFFF) return false;
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Behind the backslash. */
static bool take_escape(struct lex *l, struct buf *out)
{
    static const char plain[] = "'\"\\/bfnrt", means[] = "'\"\\/\b\f\n\r\t";
    unsigned character;
    int c = byte_at(l, l->at++);
    const char *found = c > 0 ? strchr(plain, c) : NULL;
    if (found) {
        buf_put_u8(out, (uint8_t)means[found - plain]);
        return true;
    }
    if (c != 'u' || !take_hex4(l, &character)) return false;
    if (character >= 0xDC00 && character <= 0xDFFF) return false;
    if (character >= 0xD800 && character <= 0xDBFF && !take_low_half(l, &character)) return false;
    put_character(out, character);
    return true;
}

static enum err take_string(struct lex *l)
{
    struct buf out = {0};
    int quote = byte_at(l, l->at++), c;
    while ((c = byte_at(l, l->at)) >= 0 && c != quote) {
        size_t at = l->at++;
        if (c == '\\' && !take_escape(l, &out)) {
            buf_free(&out);
            return lex_fail(l, at, "this is no escape sequence");
        }
        if (c != '\\') buf_put_u8(&out, (uint8_t)c);
    }
    l->word.kind = WORD_STRING;
    l->word.text = arena_copy(l->arena, buf_slice(&out));
    buf_free(&out);
    if (c < 0) return lex_fail(l, l->word.at, "the string does not end");
    l->at++;
    return OK;
}

/* ---- signs */

static enum err take_sign(struct lex *l)
{
    static const char *const signs[] = {"!=", "<>", "<=", ">=", "=", "<", ">", "(", ")",
                                        "[",  "]",  ",",  ".",  "+", "-", "*", "/", "%"};
    struct slice rest = slice_from(l->text, l->at);
    l->word.kind = WORD_SIGN;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (!slice_starts(rest, slice_str(signs[i]))) continue;
        l->word.text = slice_is(slice_str(signs[i]), "<>") ? SLICE_LIT("!=") : slice_str(signs[i]);
        l->at += strlen(signs[i]);
        return OK;
    }
    return lex_fail(l, l->at, "unexpected character");
}

enum err lex_next(struct lex *l)
{
    while (byte_at(l, l->at) >= 0 && strchr(" \t\r\n", byte_at(l, l->at)) && byte_at(l, l->at))
        l->at++;
    int c = byte_at(l, l->at);
    l->word = (struct word){.at = l->at};
    if (c < 0) return OK;
    if (isdigit(c)) return take_number(l);
    if (c == '\'' || c == '"') return take_string(l);
    if (!begins_name(c)) return take_sign(l);
    l->word.kind = WORD_NAME;
    l->word.text = take_name(l);
    return OK;
}

/* ---- paths */

enum err lex_member(struct lex *l, struct slice *out)
{
    *out = take_name(l);
    if (out->len == 0) return lex_fail(l, l->at, "the name of a property was expected after '.'");
    return lex_next(l);
}

bool lex_is_quoted_name(const struct lex *l)
{
    return byte_at(l, l->word.at) == '[' && byte_at(l, l->word.at + 1) == '[';
}

enum err lex_quoted_name(struct lex *l, struct slice *out)
{
    size_t from = l->word.at + 2, end = from;
    while (end < l->text.len && !(byte_at(l, end) == ']' && byte_at(l, end + 1) == ']')) end++;
    if (end == l->text.len) return lex_fail(l, l->word.at, "'[[' has no ']]'");
    *out = slice_of(l->text.ptr + from, end - from);
    l->at = end + 2;
    return lex_next(l);
}
