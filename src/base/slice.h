/* slice.h - borrowed bytes: a pointer and a length, passed by value.
 *
 * A slice owns nothing.  A struct that keeps one says in its comment what keeps the bytes alive.
 * `ptr` may be NULL only when `len` is 0.  Not NUL-terminated.
 *
 * Runs on: any thread; what a function returns borrows from its arguments, but for slice_dup().
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr;
    size_t len;
};

#define SLICE_NONE   ((struct slice){NULL, 0})
#define SLICE_LIT(s) ((struct slice){(const uint8_t *)("" s), sizeof(s) - 1})

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).ptr

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline struct slice slice_str(const char *text)
{
    return (struct slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    if (a.len != b.len) return false;
    if (a.len == 0) return true;
    assert(a.ptr && b.ptr);
    return memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

/* From `from` to the end; empty if `from` is past it. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    size_t skipped = from < s.len ? from : s.len;
    return (struct slice){skipped ? s.ptr + skipped : s.ptr, s.len - skipped};
}

/* The first `len` bytes, or all if there are fewer. */
static inline struct slice slice_head(struct slice s, size_t len)
{
    return (struct slice){s.ptr, len < s.len ? len : s.len};
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_head(s, prefix.len), prefix);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

int slice_cmp(struct slice a, struct slice b);        /* like memcmp, shorter first */
bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_starts_nocase(struct slice s, struct slice prefix);

static inline bool slice_is_nocase(struct slice a, const char *text)
{
    return slice_eq_nocase(a, slice_str(text));
}

/* Copies the bytes to `to`, which has room for them; returns what is behind them there. */
static inline uint8_t *slice_copy(void *to, struct slice s)
{
    if (s.ptr) memcpy(to, s.ptr, s.len);
    return (uint8_t *)to + s.len;
}

/* Where the first `part` begins in `s`, or NULL. */
const uint8_t *slice_search(struct slice s, struct slice part);

/* Index of the first `byte`, or s.len when absent. */
size_t slice_find(struct slice s, uint8_t byte);
bool slice_has(struct slice s, const char *bytes); /* one of them */
size_t slice_rfind(struct slice s, uint8_t byte);  /* the last one, or s.len */

/* Cuts at the first `byte`: *head gets what is before it, *s what is after it.
 * False when `s` was already exhausted (ptr NULL); without the byte the rest is the head. */
bool slice_split(struct slice *s, uint8_t byte, struct slice *head);

struct slice slice_trim(struct slice s); /* without leading and trailing space, tab, CR, LF */

/* A copy with small ASCII letters, plus NUL: s.len + 1 bytes. */
void slice_lower(struct slice s, char *out);

/* NUL-terminated copy; mem_new'd, the caller frees it. */
char *slice_dup(struct slice s);

/* Equal in time that depends on the lengths only; for secrets. */
bool slice_eq_secret(struct slice a, struct slice b);

#endif
