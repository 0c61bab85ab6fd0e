/* etag.c - taking etags apart and making them. */
#include "hub/etag.h"

#include <stdio.h>

#include "base/text.h"

struct slice etag_bare(struct slice text)
{
    text = slice_trim(text);
    if (slice_starts(text, SLICE_LIT("W/"))) text = slice_from(text, 2);
    bool quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    return quoted ? slice_of(text.ptr + 1, text.len - 2) : text;
}

struct slice etag_of_put(struct slice if_match)
{
    return slice_is(slice_trim(if_match), "\"\"") ? SLICE_NONE : if_match;
}

bool etag_matches(struct slice if_match, struct slice etag)
{
    struct slice wanted = etag_bare(if_match);
    return slice_is(wanted, "*") || slice_eq(wanted, etag_bare(etag));
}

void etag_of_number(uint64_t number, char out[ETAG_MAX + 1])
{
    char digits[21];
    struct buf b = {0};
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    text_base64(&b, slice_str(digits));
    snprintf(out, ETAG_MAX + 1, "%s", buf_cstr(&b));
    buf_free(&b);
}
