/* index.c - paths and values of the index. */
#include "hub/twin/index.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "hub/twin/section.h"

#define PATH_MASK INT64_C(0xFFFFFFFFFFFF)

int64_t twin_index_path(bool of_module, struct slice path)
{
    struct buf named = {0};
    buf_put_str(&named, of_module ? "m:" : "d:");
    buf_put_slice(&named, path);
    int64_t number = (int64_t)map_hash(buf_slice(&named)) & PATH_MASK;
    buf_free(&named);
    return number < TWIN_INDEX_PATH_MIN ? number + TWIN_INDEX_PATH_MIN : number;
}

/* Negative numbers turn round, the others come behind them. */
void twin_index_put_number(struct buf *out, double number)
{
    uint64_t bits;
    double plain = number + 0.0; /* -0 is 0 */
    memcpy(&bits, &plain, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    buf_put_u8(out, TWIN_INDEX_NUMBER);
    buf_put_be64(out, bits);
}

void twin_index_put_string(struct buf *out, struct slice text)
{
    buf_put_u8(out, TWIN_INDEX_STRING);
    buf_put_slice(out, slice_head(text, TWIN_INDEX_STRING_MAX));
}

void twin_index_put_value(struct buf *out, const struct json *value)
{
    char number[SECTION_NUMBER_MAX + 1];
    switch (value->type) {
    case JSON_NULL: buf_put_u8(out, TWIN_INDEX_NULL); break;
    case JSON_BOOL: buf_put_u8(out, value->truth ? TWIN_INDEX_TRUE : TWIN_INDEX_FALSE); break;
    case JSON_STRING: twin_index_put_string(out, value->text); break;
    case JSON_ARRAY: buf_put_u8(out, TWIN_INDEX_ARRAY); break;
    case JSON_OBJECT: buf_put_u8(out, TWIN_INDEX_OBJECT); break;
    case JSON_NUMBER:
        snprintf(number, sizeof number, "%.*s", SLICE_ARG(value->text));
        twin_index_put_number(out, strtod(number, NULL));
        break;
    }
}
