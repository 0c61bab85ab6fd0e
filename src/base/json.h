/* json.h - JSON read into a tree in an arena, and JSON written.
 *
 * Numbers keep the text they were written with: 1, 1.0 and 1e0 stay different, and integers of any
 * size survive.  Object members keep their order; with duplicate keys the last one wins.
 * Runs on: any thread, one at a time for each tree and its arena.
 * Owns:    nothing.  A tree lives as long as its arena, in which its texts are, too.
 * Limits:  JSON_DEPTH_MAX levels; how long a text may be the caller has checked.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum { JSON_DEPTH_MAX = 64 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    bool truth;         /* JSON_BOOL */
    struct slice text;  /* JSON_STRING: unescaped; JSON_NUMBER: as written */
    struct slice key;   /* when a member of an object */
    struct json *child; /* JSON_ARRAY, JSON_OBJECT: first element */
    struct json *next;  /* next sibling */
};

/* ERR_INVALID with fail_text() naming position and reason; ERR_TOO_BIG beyond JSON_DEPTH_MAX. */
enum err json_parse(struct arena *a, struct slice text, struct json **out) MUST_USE;

/* Likewise of what is to stand in something else, which needs levels of its own: ERR_TOO_BIG beyond
 * `levels` (1 to JSON_DEPTH_MAX) of them, and fail_text() says of what, `what` ("a configuration"). */
enum err json_parse_within(struct arena *a, struct slice text, unsigned levels, const char *what,
                           struct json **out) MUST_USE;

/* Member by key, or NULL (also when `object` is NULL or no object). */
struct json *json_get(const struct json *object, const char *key);
struct json *json_get_nocase(const struct json *object, const char *key);
struct json *json_find(const struct json *object, struct slice key);

/* Likewise, and null counts as left out. */
struct json *json_given(const struct json *object, const char *key);

/* The text of a string member, or SLICE_NONE when it is absent or no string. */
struct slice json_str(const struct json *object, const char *key);
struct slice json_str_nocase(const struct json *object, const char *key);

/* Objects and arrays in each other; 0: it is neither. */
unsigned json_levels(const struct json *value);

/* Is the text what JSON calls a number (RFC 8259 section 6)? */
bool json_is_number(struct slice text);

/* A whole number in range; ERR_INVALID otherwise. */
enum err json_i64(const struct json *number, int64_t *out) MUST_USE;

/* ---- making: nodes live in the arena, texts are copied */

struct json *json_new(struct arena *a, enum json_type type);
struct json *json_new_string(struct arena *a, struct slice text);
struct json *json_new_i64(struct arena *a, int64_t number);

/* Puts a member, in the place of one of that name if there is one, or an element at the end.  The
 * value must not be in another container.  Returns it. */
struct json *json_set(struct arena *a, struct json *object, struct slice key, struct json *value);
struct json *json_append(struct json *array, struct json *value);

/* Takes a member or an element out; what is not in it, and NULL, is left alone. */
void json_remove(struct json *parent, const struct json *value);

void json_write(struct buf *out, const struct json *value); /* compact */

#endif
