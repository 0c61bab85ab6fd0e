/* live_link.h - a link and its subscriptions; what the files live*.c of the live link share (live.h).
 *
 * live.c has links and their messages; each kind of subscription has a file with its struct live_kind.
 *
 * Runs on: the console's lane.
 */
#ifndef FRONT_CONSOLE_LIVE_LINK_H
#define FRONT_CONSOLE_LIVE_LINK_H

#include "front/console/live.h"
#include "front/console/rows.h"
#include "front/console/tap.h"
#include "hub/news/news.h"

struct json;

struct live {
    struct console *console;
    struct lane *lane;
    struct log *log;
    unsigned links;
    uint64_t session; /* of the request that is being upgraded */
};

struct link {
    struct live *live;
    struct conn *conn;
    uint64_t session;
    struct buf in;    /* of a message, until its end has come */
    struct list subs; /* struct sub */
    unsigned sub_count, query_count;
    struct sub *asking; /* its query is being answered; NULL: none */
    int64_t rested_us;  /* before that no query is asked */
    struct timer watch; /* is the session still there? */
    bool closing;
};

struct live_kind {
    const char *name; /* as `sub` of a request has it */

    /* What the request `m` asks for; NULL, or what is wrong with it. */
    const char *(*read)(struct sub *s, const struct json *m);
    void (*start)(struct sub *s);
    void (*turn)(struct sub *s, int64_t now_us); /* its timer */
    void (*pause)(struct sub *s);                /* `paused` is new; NULL: turn() looks at that */
    void (*close)(struct sub *s); /* also of what was never started; NULL: nothing is left of it */
};

extern const struct live_kind live_events, live_metrics, live_query;

struct sub {
    struct list node;
    struct link *link;
    int64_t id;
    const struct live_kind *kind;
    struct timer timer;
    bool paused;
    struct arena arena; /* what the slices lie in */

    int64_t interval_us, told_us; /* live_events */
    struct taps taps;
    struct slice device;
    unsigned sources, news; /* kinds of either, as bits */
    struct news_watch watch;
    uint64_t news_at; /* the number to go on with */
    bool from_now;    /* or it has been at the end once: who falls behind is moved there */
    bool begun;
    struct buf batch;    /* what the next message has */
    size_t read, pieces; /* of the log, since the last one */
    uint64_t lost;
    uint64_t *places; /* `from`, by partition; NULL: `where` counts for all */
    struct log_seek_msg where;

    struct slice names[LIVE_NAMES_MAX]; /* live_metrics */
    unsigned name_count;

    struct rows *rows; /* live_query */
    int64_t due_us;    /* when it is to be asked again, if the link has rested */
};

void live_end_message(struct link *l);
void live_tell_error(struct link *l, int64_t id, const char *text);

void live_set_timer(struct sub *s, int64_t due_us);
void live_start_at_once(struct sub *s);

/* Ends it, as the page does. */
void live_drop(struct sub *s);

#endif
