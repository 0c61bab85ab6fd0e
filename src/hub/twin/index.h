/* index.h - by which queries find twins: a row in the store for each property of tags and desired.
 * For hub/twin and hub/query.
 *
 * A row has the path as a number, the value in bytes that sort as values do, and the identity.  It says
 * where to look, not what is there: long strings are cut, and who asks reads the twin and decides.
 *
 *   path    48 bits of the hash of "d:tags.a.b" or "m:desired.a"  (devices, modules)
 *   value   u8 type  then   number  u64, big-endian, of the double: sorts as numbers do
 *                           string  its first TWIN_INDEX_STRING_MAX bytes
 *                           others  nothing: objects and arrays are there or not
 *
 * A twin with more properties than TWIN_INDEX_ROWS_MAX has one row instead, with path 0 (devices) or 1
 * (modules), and queries look at all of these, too.
 */
#ifndef HUB_TWIN_INDEX_H
#define HUB_TWIN_INDEX_H

#include "base/buf.h"
#include "base/json.h"

enum {
    TWIN_INDEX_ROWS_MAX = 512,
    TWIN_INDEX_STRING_MAX = 64,
    TWIN_INDEX_VALUE_MAX = 1 + TWIN_INDEX_STRING_MAX,
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

/* `path` is "tags.a.b" or "desired.a"; dots do not stand in names. */
int64_t twin_index_path(bool of_module, struct slice path);

static inline int64_t twin_index_wide_path(bool of_module)
{
    return of_module;
}

void twin_index_put_number(struct buf *out, double number);
void twin_index_put_string(struct buf *out, struct slice text);
void twin_index_put_value(struct buf *out, const struct json *value);

#endif
