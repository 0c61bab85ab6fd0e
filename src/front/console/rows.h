/* rows.h - a query that is asked again and again, and the rows that changed since the last time.  Private
 * to front/console; the live link's `sub:"query"` (live.h).
 *
 *   rows_ask() ─▶ hub/query ─▶ came(): rows_put() the changed ones ─▶ later: rows_ask()
 *
 * Of a row its hash is kept.  What does not fit into a telling keeps its old hash and comes with the next.
 * An answer that ends early, since its scan was as long as a page may look, is a part: the next question goes on
 * behind it, until the round is over.
 *
 * Runs on: the console's lane.
 * Life:    rows_open() to rows_close(), which also forgets a question under way.
 * Limits:  the constants of live.h.
 */
#ifndef FRONT_CONSOLE_ROWS_H
#define FRONT_CONSOLE_ROWS_H

#include "front/console/live.h"

struct rows {
    struct queries *queries;
    void *owner;
    void (*came)(struct rows *r, const struct query_answer *a);
    struct buf text; /* the query */
    struct query_wait wait;
    bool asked;
    bool told;       /* once */
    bool more;       /* than LIVE_ROWS_MAX; or the first round is not over */
    struct buf next; /* where the round goes on; empty: it begins */
    unsigned before; /* rows of its parts before this one */
    unsigned count;
    int64_t asked_us, took_us;
    uint64_t hashes[LIVE_ROWS_MAX];
};

/* `queries`, `owner` and `came` are set. */
void rows_open(struct rows *r, struct slice text);
void rows_close(struct rows *r);

void rows_ask(struct rows *r); /* came() follows, never from inside */

/* Of the last answer: those that changed, at most `room` bytes of them but one at least: [[index,row],...].  False: nothing did,
 * neither a row nor how many there are, and nothing was put. */
bool rows_put(struct rows *r, const struct query_answer *a, size_t room, struct buf *out);

/* Is the round under way, so that the next question goes on? */
static inline bool rows_goes_on(const struct rows *r)
{
    return buf_size(&r->next) > 0;
}

#endif
