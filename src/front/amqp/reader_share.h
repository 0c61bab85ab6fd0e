/* reader_share.h - how much of a core's time readers of the log have.
 *
 * Readers that are far behind could use a core up, and what devices send would wait.  So readers have a tenth of a
 * turn's time, and all of it when there is nothing else to do: then a turn is READER_TURN_US long, so that who comes
 * next does not wait for longer.  Who had no time waits in a queue and is called in the next turn.
 *
 *   if (!reader_share_begin(s, &r->hungry)) return;    it is called again
 *   while (reader_share_left(s)) ... send some ...
 *   reader_share_end(s);
 *
 * What is sent is encrypted and copied later in the turn: it costs as much again, and is counted as if it had.
 *
 * Runs on:  the lane's thread.  Times are monotonic microseconds.
 * Private to front/amqp.
 */
#ifndef FRONT_AMQP_READER_SHARE_H
#define FRONT_AMQP_READER_SHARE_H

#include "base/list.h"
#include "post/post.h"

enum {
    READER_TURN_US = 1000, /* of a turn at most */
    READER_NTH = 9,        /* to so much else belongs one part of readers */
    READER_ALONE_US = 50,  /* a turn in which all else took less is one of readers alone */
};

struct reader_share {
    struct lane *lane;
    struct turn_hook hook;
    struct list waiting; /* members are the readers' own */
    void (*go_on)(
        struct list
            *waiting);       /* goes on with one that was taken out of it, between begin and end */
    int64_t turn_us;         /* when this turn began */
    int64_t began_us;        /* ... the reader that is at it */
    int64_t used_us, may_us; /* in this turn */
    bool called;             /* a message is under way that begins the next turn */
};

void reader_share_init(struct reader_share *s, struct lane *lane,
                       void (*go_on)(struct list *waiting));
void reader_share_fini(struct reader_share *s);

/* False: there is no time, or others wait for it; `waiting` is queued, unless it is, and go_on is called later.  Who is
 * queued and does not want to any more takes itself out by list_remove(). */
bool reader_share_begin(struct reader_share *s, struct list *waiting);
bool reader_share_left(const struct reader_share *s);
void reader_share_end(struct reader_share *s);

/* Queues who has not finished. */
void reader_share_wait(struct reader_share *s, struct list *waiting);

#endif
