/* num.h - checked arithmetic and numbers in text.
 *
 * Runs on: any thread; nothing is kept between calls.
 * Units:   a function whose result has a unit names it last: num_duration_us() is microseconds.
 * Errors:  false on overflow, with `*out` of no use; ERR_INVALID for text that is no such number.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/err.h"
#include "base/slice.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static inline bool num_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool num_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool num_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool num_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Whole slice, decimal digits only (num_i64: optional '-'); ERR_INVALID otherwise or on overflow. */
enum err num_u64(struct slice text, uint64_t *out) MUST_USE;
enum err num_i64(struct slice text, int64_t *out) MUST_USE;

/* In decimal digits, without a NUL; returns how many. */
enum { NUM_TEXT_MAX = 20 };
size_t num_text(uint64_t v, char out[NUM_TEXT_MAX]);

/* "64", "64k", "10M", "2GiB": bytes, powers of 1024. */
enum err num_bytes(struct slice text, uint64_t *out) MUST_USE;

/* "500ms", "30s", "1.5m", "12h", "7d", plain seconds, with up to six decimals: microseconds. */
enum err num_duration_us(struct slice text, int64_t *out) MUST_USE;

/* Of `count` events that came evenly from the first to the last, how many not before `since_us`. */
int64_t num_share_since(int64_t count, int64_t first_us, int64_t last_us, int64_t since_us);

#endif
