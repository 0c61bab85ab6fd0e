/* sketch.h - what one core counts: space-saving, eight places for each part of the ids (README).  Private to hub/talker. */
#ifndef HUB_TALKER_SKETCH_H
#define HUB_TALKER_SKETCH_H

#include "hub/talker/talker.h"

enum { SKETCH_WAYS = 8, SKETCH_SETS_LOG2 = 5, SKETCH_SETS = 1 << SKETCH_SETS_LOG2 };

_Static_assert(SKETCH_SETS *SKETCH_WAYS == TALKERS_TRACKED, "the places of all sets");

/* What is looked at for each message lies together. */
struct sketch_set {
    uint64_t hash[SKETCH_WAYS];
    uint64_t weight[SKETCH_WAYS]; /* units, inherited ones too; 0: free */
    struct talker who[SKETCH_WAYS];
};

struct sketch_window {
    int64_t number; /* since 1970, in windows */
    uint64_t displaced;
    struct sketch_set sets[SKETCH_SETS];
};

/* Windows with an even number and those with an odd one. */
struct sketch {
    struct sketch_window windows[2];
};

int64_t sketch_window_of(int64_t wall_us);

/* In which set a device is counted. */
unsigned sketch_set_of(struct slice device_id);

/* Who was counted in that window or the one before, appended as struct talker; a device may be there twice.
 * True: nobody was displaced. */
bool sketch_put(const struct sketch *s, int64_t window, struct buf *out);

#endif
