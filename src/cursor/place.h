/* place.h - a cursor from inside: what it has in hand, where it stands, what it waits for. */
#ifndef CURSOR_PLACE_H
#define CURSOR_PLACE_H

#include "cursor/cursor.h"

enum { CURSOR_PIECES = 2 };

enum cursor_state {
    CURSOR_LOOKING, /* for its stored position */
    CURSOR_SEEKING, /* in the log */
    CURSOR_READING,
    CURSOR_LEAVING, /* the store has the last word of it */
};

/* An answer of the log, not all handed out. */
struct piece {
    struct blob *blob;
    struct slice frames; /* what is left */
    uint64_t first, next;
};

struct cursor {
    struct list node; /* in cursors.all */
    struct cursors *cs;
    struct log_asker asker;
    struct cursor_config cfg;
    char name[CURSOR_NAME_MAX + 1];
    enum cursor_state state;

    struct piece pieces[CURSOR_PIECES]; /* the older first */
    unsigned piece_count;
    uint64_t ask_next; /* where to read on */
    struct timer gather;
    bool asking;  /* a question to the log is under way */
    bool retry;   /* the next tick asks again */
    bool wanting; /* the owner waits for fn() */

    uint64_t done, pulled;
    uint64_t handed; /* behind the last record that was handed out; above `done`: one is not done */
    int64_t oldest_us; /* of that first one */
    uint64_t lost;
    struct log_ends ends; /* as last heard, once it knows_end */
    bool knows_end;

    uint64_t stored; /* what the store has */
    bool is_stored;  /* ... if it has anything */
    bool storing;
    bool complained; /* of a position that was not stored */
    struct store_wait wait;
    void (*gone)(void *ctx);
    void *gone_ctx;
};

struct cursors {
    struct lane *lane;
    struct log *log;
    const struct store *store;
    struct list all;
    struct timer tick;
    unsigned ticks;
};

/* Finding the place, keeping it. */
void place_find(struct cursor *c);
void place_store(struct cursor *c); /* what is done, if the store does not have it */
void place_leave(struct cursor *c); /* forgotten, then dropped */

void cursor_placed(struct cursor *c, uint64_t at);
void cursor_drop(struct cursor *c); /* the end of it */

#endif
