/* scan.h - JSON read for what a trie of paths names, without a tree.  Private to route.
 *
 * The whole text is checked as strictly as base/json.h does it: a condition sees nothing of a text that
 * is not JSON.  Of members of one name, in any case, the last one counts.
 */
#ifndef ROUTE_SCAN_H
#define ROUTE_SCAN_H

#include "base/buf.h"
#include "route/paths.h"

/* Memory of a reading: what slots hold lies in it. */
struct scan {
    struct buf text;    /* the JSON, UTF-8 */
    struct buf strings; /* those that had escapes */
};

/* Reads what lies in s->text.  False: it is not JSON, or too deep; no slot is filled. */
bool scan_read(struct scan *s, const struct paths *p, struct slots *slots);
void scan_free(struct scan *s);

/* ---- text.c */

/* Puts into `out` as UTF-8 what a body in the content encoding utf-8, utf-16 or utf-32 says.  Without a byte
 * order mark, the first character, which is ASCII in JSON, tells the order.  False: it says nothing. */
bool scan_decode(struct buf *out, struct slice encoding, struct slice body);

#endif
