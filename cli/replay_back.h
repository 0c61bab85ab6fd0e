/* replay_back.h - a connection that was lost, and how it comes back.
 *
 *   there ──lost──▶ away: a pause ──▶ a try ──▶ there
 *                    ▲                  │
 *                    └── twice as long ─┘  `give_up_us` without progress: given up
 *
 * Progress is an event that arrived, or a connection that lasted for REPLAY_STEADY_US: between events may be an hour.
 */
#ifndef CLI_REPLAY_BACK_H
#define CLI_REPLAY_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define REPLAY_PAUSE_US     (500 * 1000ll)   /* before the first try */
#define REPLAY_PAUSE_MAX_US (10 * 1000000ll) /* before any */
#define REPLAY_STEADY_US    (60 * 1000000ll)
#define REPLAY_GIVE_UP_US   (300 * 1000000ll) /* if nothing else is said */

struct replay_back {
    int64_t give_up_us; /* how long it may be lost again and again */
    int64_t at_us;      /* monotonic: of the next try; 0: it is there */
    int64_t since_us;   /* likewise: the first of the losses without progress */
    int64_t back_us;    /* likewise: since when it is there */
    unsigned tries;
    int64_t progress; /* when it was lost last */
};

/* May another connection mend what ended this one? */
bool replay_back_is_loss(enum err e);

/* It was lost by `e`, when the replay was as far as `progress`.  Will it be tried again? */
bool replay_back_lost(struct replay_back *b, enum err e, int64_t progress, int64_t now_us);

/* Is it away, and has its pause ended?  Then it is there until it is lost again. */
bool replay_back_try(struct replay_back *b, int64_t now_us);

/* The try has succeeded. */
void replay_back_there(struct replay_back *b, int64_t now_us);

#endif
