/* json_index.h - where the tokens of a JSON text begin: simdjson's first pass behind a plain C door.
 *
 * For base/json.c, and route/scan.c for strings; the one place that knows simdjson.  A token begins at
 * each of {}[]:, at the opening quote of each string and at the first character of each number or literal.  The pass
 * also proves that the text is UTF-8, that every string is closed and that none contains a raw
 * control character.
 * Runs on: any thread; each has its own index, kept between calls up to JSON_INDEX_KEEP of text.
 */
#ifndef BASE_JSON_INDEX_H
#define BASE_JSON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    JSON_INDEX_PAD = 64,        /* readable bytes behind the text, zero */
    JSON_INDEX_KEEP = 256 << 10 /* a thread's index for longer texts is not kept */
};

/* Offsets of `*count` tokens, and behind them `len`, borrowed until this thread's next call.  NULL, or why
 * not. */
const char *json_index(const uint8_t *text, size_t len, const uint32_t **tokens, size_t *count);

/* Unescapes the string behind an opening quote up to its closing quote, which there is; JSON_INDEX_PAD bytes
 * behind that are readable.  `out` has room for it and as many bytes.  Returns the end of what was written, or
 * NULL for a bad escape, or for want of memory. */
uint8_t *json_index_unescape(const uint8_t *string, uint8_t *out);

bool json_index_is_utf8(const uint8_t *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
