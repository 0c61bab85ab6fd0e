/* rows.h - a query that is asked again and again, and the rows that changed since the last time.  Private
 * to front/console; the live link's `sub:"query"` (live.h).
 *
 *   rows_ask() ─▶ hub/query ─▶ came(): rows_put() the changed ones ─▶ rows_pause_us() later: rows_ask()
 *
 * Of a row its hash is kept.  What does not fit into a telling keeps its old hash and comes with the next.
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
    bool told; /* once */
    bool more; /* than LIVE_ROWS_MAX */
    unsigned count;
    int64_t asked_us, took_us;
    uint64_t hashes[LIVE_ROWS_MAX];
};

/* `queries`, `owner` and `came` are set. */
void rows_open(struct rows *r, struct slice text);
void rows_close(struct rows *r);

void rows_ask(struct rows *r); /* came() follows, never from inside */

/* Those that changed, at most `room` bytes of them but one at least: [[index,row],...].  False: nothing did,
 * neither a row nor how many there are, and nothing was put. */
bool rows_put(struct rows *r, const struct query_answer *a, size_t room, struct buf *out);

/* From an answer to the next question: LIVE_QUERY_US, but LIVE_QUERY_SHARE times as long as it took. */
int64_t rows_pause_us(const struct rows *r);

#endif
