/* cursor.h - where a page ended, as the text that the next one is asked with.  Private to hub/query.
 *
 *   u8 version  u32 mark of the query  u64 rows given so far  u8 plan  u16 range
 *   u16 length  value   u16 length  device id   u16 length  module id      all of it in base64
 */
#ifndef HUB_QUERY_CURSOR_H
#define HUB_QUERY_CURSOR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cur.h"

struct cursor {
    uint32_t mark;
    uint64_t given;                           /* rows of all pages so far */
    uint8_t plan;                             /* which of the ways that a query can go */
    uint16_t range;                           /* the how-many-eth of them */
    struct slice value, device_id, module_id; /* after the row that has these */
};

/* Its slices in the arena. */
struct cursor cursor_copy(struct arena *a, const struct cursor *c);

/* base64; nothing is borrowed. */
void cursor_write(struct buf *out, const struct cursor *c);

/* ERR_INVALID: it is none of ours; ERR_VERSION: an older server's, whose plans were others.  The slices borrow from `bytes`, which is emptied before. */
enum err cursor_read(struct slice text, struct buf *bytes, struct cursor *out) MUST_USE;

#endif
