/* cursor.c - cursors as text. */
#include "hub/query/cursor.h"

#include "base/text.h"
#include "hub/query/query.h"

enum { CURSOR_VERSION = 4 }; /* one more whenever plans are numbered differently */

static void put(struct buf *out, struct slice s)
{
    buf_put_le16(out, (uint16_t)s.len);
    buf_put_slice(out, s);
}

struct cursor cursor_copy(struct arena *a, const struct cursor *c)
{
    struct cursor copy = *c;
    copy.value = arena_copy(a, c->value);
    copy.device_id = arena_copy(a, c->device_id);
    copy.module_id = arena_copy(a, c->module_id);
    return copy;
}

void cursor_write(struct buf *out, const struct cursor *c)
{
    struct buf bytes = {0};
    buf_put_u8(&bytes, CURSOR_VERSION);
    buf_put_le32(&bytes, c->mark);
    buf_put_le64(&bytes, c->given);
    buf_put_u8(&bytes, c->plan);
    buf_put_le16(&bytes, c->range);
    put(&bytes, c->value);
    put(&bytes, c->device_id);
    put(&bytes, c->module_id);
    text_base64(out, buf_slice(&bytes));
    buf_free(&bytes);
}

static struct slice take(struct cur *c)
{
    struct slice s = cur_take(c, cur_le16(c));
    return s.ptr ? s : slice_of("", 0);
}

enum err cursor_read(struct slice text, struct buf *bytes, struct cursor *out)
{
    buf_clear(bytes);
    if (text.len > QUERY_CURSOR_MAX || text_unbase64(bytes, text) != OK)
        return fail(ERR_INVALID, "this is no continuation token");
    struct cur c = cur_of(buf_slice(bytes));
    unsigned version = cur_u8(&c);
    if (version > 0 && version < CURSOR_VERSION)
        return fail(ERR_VERSION,
                    "the continuation token is of an older version of this hub; ask for "
                    "the first page again");
    out->mark = cur_le32(&c);
    out->given = cur_le64(&c);
    out->plan = cur_u8(&c);
    out->range = cur_le16(&c);
    out->value = take(&c);
    out->device_id = take(&c);
    out->module_id = take(&c);
    bool fine = version == CURSOR_VERSION && !c.bad && cur_left(&c) == 0 &&
                text_is_utf8(out->device_id) && text_is_utf8(out->module_id);
    return fine ? OK : fail(ERR_INVALID, "this is no continuation token");
}
