/* member.h - members of a JSON object that somebody sent: read, or refused with a text that names them.
 *
 * A member that is absent or null leaves `out` as it is.
 *
 * Runs on: any thread.
 * Errors:  ERR_INVALID with a text. */
#ifndef BASE_MEMBER_H
#define BASE_MEMBER_H

#include "base/json.h"

/* It is an object, and all members are in `known`, which ends with NULL, or null themselves.
 * `what`: "a webhook". */
enum err member_only(const struct json *object, const char *what,
                     const char *const *known) MUST_USE;

/* UTF-8 without NUL, of at most `size` - 1 bytes. */
enum err member_read_text(const struct json *object, const char *name, char *out,
                          size_t size) MUST_USE;

/* A whole number from `least` to `most`. */
enum err member_read_number(const struct json *object, const char *name, int64_t least,
                            int64_t most, int64_t *out) MUST_USE;

enum err member_read_truth(const struct json *object, const char *name, bool *out) MUST_USE;

#endif
