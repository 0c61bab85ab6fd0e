/* line.c - lines made and found. */
#include "hub/transfer/line.h"

#include "base/text.h"
#include "hub/registry/rows.h"
#include "hub/twin/document.h"

enum { TWIN_COLUMN = 19 };

static enum err put_twin(struct buf *out, const struct store_value *col)
{
    struct twin twin;
    if (col[TWIN_COLUMN].type == STORE_NULL) return OK;
    twin_of_row(col + TWIN_COLUMN, &twin);
    return twin_put_for_bulk(out, &twin);
}

enum err transfer_line_put(struct buf *out, struct arena *a, const struct store_value *col,
                           bool with_keys)
{
    struct identity id;
    struct buf twin = {0};
    enum err e = identity_of_row(a, col, &id);
    if (e == OK) e = put_twin(&twin, col);
    if (e == OK) {
        identity_write_bulk(out, &id, with_keys, buf_slice(&twin));
        buf_put_u8(out, '\n');
    }
    buf_free(&twin);
    return e;
}

bool transfer_line_next(struct slice in, size_t *from, bool last, struct slice *out)
{
    struct slice rest = slice_from(in, *from);
    size_t end = slice_find(rest, '\n');
    if (rest.len == 0 || (end == rest.len && !last)) return false;
    *out = slice_head(rest, end);
    *from += end == rest.len ? end : end + 1;
    if (slice_ends(*out, SLICE_LIT("\r"))) out->len--;
    return true;
}

void transfer_line_put_error(struct buf *out, const struct line_error *e)
{
    bool identity = e->configuration_id.ptr == NULL;
    buf_printf(out, "{\"%s\":", identity ? "deviceId" : "configurationId");
    text_json_string(out, identity ? e->device_id : e->configuration_id);
    if (e->module_id.len) {
        buf_put_str(out, ",\"moduleId\":");
        text_json_string(out, e->module_id);
    }
    buf_printf(out, ",\"errorCode\":%u,\"errorStatus\":", e->code);
    text_json_untrusted(out, e->text);
    buf_printf(out, ",\"line\":%lld}\n", (long long)e->line);
}
