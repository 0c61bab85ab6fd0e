/* saved_query.h - questions to the fleet that somebody gave a name: a condition and the columns to show.
 *
 * All who sign in to the hub share them.  Nothing is kept in memory: each verb asks the store.
 *
 * Runs on: any lane that has called store_attach().
 * Life:    a wait is called once, never before the verb has returned, unless it was forgotten.
 * Limits:  the constants below.
 */
#ifndef HUB_SAVED_QUERY_SAVED_QUERY_H
#define HUB_SAVED_QUERY_SAVED_QUERY_H

#include "hub/hub.h"
#include "store/store.h"

enum {
    SAVED_QUERIES_MAX = 100,         /* ERR_FULL */
    SAVED_QUERY_NAME_MAX = 64,       /* bytes of UTF-8 without control characters: ERR_INVALID */
    SAVED_QUERY_COLUMNS_MAX = 16,    /* ERR_INVALID */
    SAVED_QUERY_BYTES_MAX = 8 << 10, /* of JSON, as it is kept: ERR_TOO_BIG */
    SAVED_QUERY_BODY_MAX = 16 << 10, /* of a request: with room for how it is written */
};

/* Who waits.  Embedded in its owner; `json` is borrowed during the call. */
struct saved_query_wait {
    void (*fn)(struct saved_query_wait *w, enum err result, struct slice json);
    struct buf json; /* ours */
    struct store_wait stored;
};

/* An array of {"name","condition","columns":[..],"updatedTime"}, by name. */
void saved_query_list(const struct hub *hub, struct lane *lane, struct saved_query_wait *w);

/* Makes it, or puts it in the place of the one that has the name; waits for the store and answers what is
 * kept.  `json` is {"condition":"..","columns":["tags.line",..]}, either may be left out.
 * OK: the waiter will be told OK, ERR_FULL or what the store says.  ERR_INVALID, ERR_TOO_BIG: nothing
 * happens, fail_text() says why. */
enum err saved_query_put(const struct hub *hub, struct lane *lane, struct slice name,
                         struct slice json, struct saved_query_wait *w) MUST_USE;

/* ERR_NOT_FOUND. */
void saved_query_delete(const struct hub *hub, struct lane *lane, struct slice name,
                        struct saved_query_wait *w);

void saved_query_forget(struct lane *lane, struct saved_query_wait *w);

#endif
