/* news.h - what happens to devices and stands in no log: methods that were called, connections that were refused.
 * The latest are kept in memory, for who watches.
 *
 *   who sees it ──news_tell()──▶ the hub's first core keeps it ──▶ watchers there: came(), news_next()
 *
 * Items have numbers that rise (README.md); whoever goes on from a number is told what he missed.
 *
 * Runs on: news_tell() on any lane; the rest on that of the hub's first core.  Never blocks.
 * Life:    struct news from before the lanes run until they have stopped.
 * Limits:  the constants below.  Who tells more than the first core takes is passed over and counted, never queued.
 */
#ifndef HUB_NEWS_NEWS_H
#define HUB_NEWS_NEWS_H

#include "hub/hub.h"

enum {
    NEWS_KEPT_MAX = 1024,     /* items; the oldest go */
    NEWS_BYTES_MAX = 1 << 20, /* of them; likewise */
    NEWS_ITEM_MAX = 16 << 10, /* bytes of one; a longer one is passed over */
    NEWS_UNDER_WAY_MAX = 64,  /* of a core, not taken yet; what is more is passed over */
};

enum news_kind { NEWS_METHOD, NEWS_REFUSED, NEWS_KINDS };

struct news;

struct news *news_new(const struct hub *hub);
void news_attach(struct news *n, struct lane *core); /* each core, before the lanes run */
void news_free(struct news *n);

/* `json`: an object, passed over beyond NEWS_ITEM_MAX bytes; `device`: its id, or what somebody claimed.  Both are
 * copied.  `n` NULL: nobody watches, so nobody needs to write any. */
void news_tell(struct news *n, struct lane *lane, enum news_kind kind, struct slice device,
               struct slice json);

/* ---- watching */

struct news_item {
    enum news_kind kind;
    int64_t at_us;             /* wall time */
    struct slice device, json; /* borrowed until the lane's next turn */
};

/* Embedded in who watches; `came` is called when there is one more. */
struct news_watch {
    struct list node;
    void (*came)(struct news_watch *w);
};

void news_watch(struct news *n, struct news_watch *w);
void news_unwatch(struct news_watch *w);

uint64_t news_end(const struct news *n);                    /* the number of what comes next */
uint64_t news_since(const struct news *n, int64_t wall_us); /* of the first one that is not older */

/* The item with that number, or the first behind it; *at becomes the number behind that one, *missed grows by those
 * between that are not there.  False: there is none, and *at is the end. */
bool news_next(const struct news *n, uint64_t *at, struct news_item *out, uint64_t *missed);

#endif
