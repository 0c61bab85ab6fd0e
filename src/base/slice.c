/* slice.c - searching and comparing borrowed bytes. */
#include "base/slice.h"

#include "base/mem.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Most that are equal are written alike, and that is quicker to see. */
bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len) return false;
    if (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0) return true;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

void slice_lower(struct slice s, char *out)
{
    for (size_t i = 0; i < s.len; i++) out[i] = (char)lower(s.ptr[i]);
    out[s.len] = '\0';
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice_head(s, prefix.len), prefix);
}

const uint8_t *slice_search(struct slice s, struct slice part)
{
    if (part.ptr == NULL) return s.ptr;
    return s.ptr ? memmem(s.ptr, s.len, part.ptr, part.len) : NULL;
}

bool slice_has(struct slice s, const char *bytes)
{
    for (; *bytes; bytes++)
        if (slice_find(s, (uint8_t)*bytes) < s.len) return true;
    return false;
}

size_t slice_find(struct slice s, uint8_t byte)
{
    const uint8_t *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

size_t slice_rfind(struct slice s, uint8_t byte)
{
    const uint8_t *at = s.len ? memrchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

bool slice_split(struct slice *s, uint8_t byte, struct slice *head)
{
    if (s->ptr == NULL) return false;
    size_t at = slice_find(*s, byte);
    *head = slice_head(*s, at);
    *s = at == s->len ? SLICE_NONE : slice_from(*s, at + 1);
    return true;
}

struct slice slice_trim(struct slice s)
{
    while (s.len && memchr(" \t\r\n", s.ptr[0], 4)) s = slice_from(s, 1);
    while (s.len && memchr(" \t\r\n", s.ptr[s.len - 1], 4)) s.len--;
    return s;
}

char *slice_dup(struct slice s)
{
    char *copy = mem_new(s.len + 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

static uint64_t word(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* All of it, however early they differ. */
bool slice_eq_secret(struct slice a, struct slice b)
{
    if (a.len != b.len) return false;
    volatile uint64_t difference = 0;
    size_t i = 0;
    for (; i + 8 <= a.len; i += 8) difference = difference | (word(a.ptr + i) ^ word(b.ptr + i));
    for (; i < a.len; i++) difference = difference | (uint64_t)(a.ptr[i] ^ b.ptr[i]);
    return difference == 0;
}
