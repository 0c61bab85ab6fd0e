/* line.h - a line of devices.txt and of importErrors.log.  Private to hub/transfer. */
#ifndef HUB_TRANSFER_LINE_H
#define HUB_TRANSFER_LINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

/* Before the first line of an export without keys, as a real hub has a line of prose there. */
#define LINE_NO_KEYS "Keys were excluded from this export: an import of it makes new ones.\n"

/* The line of a row of transfer_page.  ERR_CORRUPT: with a text. */
enum err transfer_line_put(struct buf *out, struct arena *a, const struct store_value *col,
                           bool with_keys) MUST_USE;

/* The next whole line at the front of `in` from `*from`, without its end; false: more must come first,
 * unless `last`.  *from is then behind it. */
bool transfer_line_next(struct slice in, size_t *from, bool last, struct slice *out);

struct line_error {
    int64_t line; /* from 1 */
    struct slice device_id, module_id;
    struct slice configuration_id; /* ptr NULL: it is about an identity */
    unsigned code;                 /* 409001 */
    struct slice text;
};

void transfer_line_put_error(struct buf *out, const struct line_error *e);

#endif
