/* text.h - base64, hex, percent-encoding, UTF-8 and JSON strings, as the wire has them.
 *
 * Runs on: any thread; nothing is kept between calls.
 * Owns:    nothing.  Results are appended to the caller's buf; what is read is borrowed for the call.
 * Limits:  none of its own: whoever takes text from outside has checked its length.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

/* RFC 4648 section 4 with padding. */
void text_base64(struct buf *out, struct slice bytes);

/* Padding required unless `len % 4` makes it unambiguous; white space refused.  ERR_INVALID leaves
 * `out` as it was. */
enum err text_unbase64(struct buf *out, struct slice text) MUST_USE;

void text_hex(struct buf *out, struct slice bytes); /* lower case */
enum err text_unhex(struct buf *out, struct slice text) MUST_USE;

enum { TEXT_GUID_LEN = 36 };

/* Lower case with dashes, the bytes in their order, plus NUL. */
void text_guid(const uint8_t guid[16], char out[TEXT_GUID_LEN + 1]);

/* Percent-encodes all but RFC 3986 unreserved characters (A-Z a-z 0-9 - . _ ~), upper-case hex. */
void text_percent(struct buf *out, struct slice bytes);

/* As they are, or percent-encoded if one of the characters of `which` is among them. */
void text_percent_with(struct buf *out, struct slice bytes, const char *which);

/* Decodes %XX only; '+' stays.  A '%' that is not followed by two hex digits is ERR_INVALID and
 * leaves `out` as it was. */
enum err text_unpercent(struct buf *out, struct slice text) MUST_USE;

/* The same into memory with room for text.len bytes, which may be the text itself. */
enum err text_unpercent_to(uint8_t *out, struct slice text, size_t *len) MUST_USE;

/* A host as URLs have it: an IPv6 address is in brackets (RFC 3986, 3.2.2). */
void text_url_host(struct buf *out, const char *host);

/* A URL with the mask in place of its query, where functions have their key. */
#define TEXT_QUERY_MASK "?****"
void text_mask_query(struct buf *out, struct slice url);

/* Well-formed UTF-8 (no surrogates, no overlong forms); NUL counts as well-formed. */
bool text_is_utf8(struct slice text);

/* Whole characters of the first `max` bytes. */
struct slice text_first_part(struct slice text, size_t max);

/* For a terminal, which obeys control characters: each of them (C0, DEL, C1) becomes a space, each byte that is not
 * UTF-8 '?'. */
void text_shown(struct buf *out, struct slice text);

/* The same of JSON, which stays the same JSON: DEL and C1 are escaped, the layout is left as it is. */
void text_json_shown(struct buf *out, struct slice json);

/* JSON string with quotes and escapes. */
void text_json_string(struct buf *out, struct slice text);

/* The same of what need not be UTF-8 because a client said it: if it is not, each byte of it that is not ASCII
 * becomes '?'. */
void text_json_untrusted(struct buf *out, struct slice text);

/* `,"name":"2026-11-23T04:05:06.1234567Z"`: one more member of an object, a time as clock_iso() writes it. */
void text_json_time(struct buf *out, const char *name, int64_t wall_us);

#endif
