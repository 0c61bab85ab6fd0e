/* index.h - by which queries find twins: a row in the store for each property.  For hub/twin and hub/query.
 *
 * A row has the path as a number, the value in bytes that sort as values do, and the identity.  It says
 * where to look, not what is there: long strings are cut, and who asks reads the twin and decides.
 *
 *   path    48 bits of the hash of "d:tags.a.b", "m:desired.a", "d:reported.a"  (devices, modules)
 *   value   u8 type  then   number  u64, big-endian, of the double: sorts as numbers do
 *                           string  its first TWIN_INDEX_STRING_MAX bytes
 *                           others  nothing: objects and arrays are there or not
 *
 * It has two halves: what services write, and what devices report.  A twin with more properties than a
 * half takes has one row there instead, with a path below TWIN_INDEX_PATH_MIN, and queries that ask the half
 * look at all of these, too.
 */
#ifndef HUB_TWIN_INDEX_H
#define HUB_TWIN_INDEX_H

#include "base/buf.h"
#include "base/json.h"

enum {
    TWIN_INDEX_ROWS_MAX = 512,     /* of tags and desired */
    TWIN_INDEX_REPORTED_MAX = 128, /* of reported */
    TWIN_INDEX_PATH_MIN = 4,
    TWIN_INDEX_STRING_MAX = 64,
    TWIN_INDEX_VALUE_MAX = 1 + TWIN_INDEX_STRING_MAX,
};

/* Bits of twin.indexed. */
enum twin_index_half {
    TWIN_INDEX_SERVICE = 1, /* tags and desired */
    TWIN_INDEX_REPORTED = 2,
    TWIN_INDEX_BOTH = 3,
};

enum twin_index_type {
    TWIN_INDEX_NULL = 1,
    TWIN_INDEX_FALSE,
    TWIN_INDEX_TRUE,
    TWIN_INDEX_NUMBER,
    TWIN_INDEX_STRING,
    TWIN_INDEX_ARRAY,
    TWIN_INDEX_OBJECT,
    TWIN_INDEX_END,
};

/* `path` is "tags.a.b", "desired.a" or "reported.a"; dots do not stand in names. */
int64_t twin_index_path(bool of_module, struct slice path);

static inline int64_t twin_index_wide_path(bool of_module, enum twin_index_half half)
{
    return of_module + (half == TWIN_INDEX_REPORTED ? 2 : 0);
}

void twin_index_put_number(struct buf *out, double number);
void twin_index_put_string(struct buf *out, struct slice text);
void twin_index_put_value(struct buf *out, const struct json *value);

#endif
