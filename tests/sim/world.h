/* world.h - the simulated world: one seed, one clock, one queue of events, one thread.
 *
 * Everything that happens is either an event that is due (bytes arriving, a cut, a crash) or a turn
 * of a lane that has mail or a timer due.  Which of them comes next is drawn from the seed, so a run
 * is one interleaving of many and replays exactly.  Now and then a lane is not run for a while.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/buf.h"
#include "post/post.h"

struct event {
    int64_t due_us;
    uint64_t order; /* among equals, the one that was added first */
    void (*fn)(void *ctx, uint64_t arg);
    void *ctx;
    uint64_t arg;
};

/* A lane that is not run before that, whatever waits for it. */
struct stall {
    const struct lane *lane;
    int64_t until_us;
};

struct world {
    uint64_t seed;
    uint64_t random[2];
    int64_t now_us;       /* monotonic */
    int64_t wall_us;      /* added to now_us: wall time; may step */
    int64_t stepped_us;   /* now_us at its last step; 0: it never did */
    int64_t forward_us;   /* ... at its last step forward */
    struct event *events; /* a heap */
    size_t event_count, event_cap;
    uint64_t event_order;
    uint64_t steps;
    struct stall stall, turn;   /* it does nothing; it is in a turn that began before, and reads */
    unsigned violations;        /* promises found broken */
    unsigned casts;             /* that have come so far, see cast.h */
    unsigned links, links_most; /* connections that the hub has now; at once so far */
    uint64_t trace;             /* a hash of all that happened, in its order */
};

extern struct world world;

void world_init(uint64_t seed); /* also takes over clock.h and rand.h */
void world_fini(void);

/* A promise was found broken: said on stderr with seed and time, and the run has failed. */
void world_violated(const char *fmt, ...) PRINTF(1, 2);

/* Something happened: bytes came, or a number says what it was.  Equal seeds leave equal traces. */
void world_trace(struct slice bytes);
void world_trace_number(uint64_t n);

/* Uniform in [0, below). */
uint64_t world_random(uint64_t below);
bool world_chance(unsigned percent);

/* Somebody sets the wall clock. */
void world_step_clock(int64_t by_us);

/* "{stem}-{cast}-{index}": the name of somebody. */
enum { WORLD_NAME_MAX = 31 };
void world_name(char out[WORLD_NAME_MAX + 1], const char *stem, unsigned index);

void world_at(int64_t due_us, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg);

/* The machine does not run that lane just now: until then. */
bool world_stalls(const struct lane *lane);
int64_t world_stalled_until(const struct lane *lane);

/* Its turn lasts: what comes is read, and all else waits for so long from now on. */
void world_prolong_turn(const struct lane *lane, int64_t us);
bool world_in_turn(const struct lane *lane);

/* One step: an event or a turn of one of the lanes; false when nothing is left to do before
 * `end_us`. */
bool world_step(struct lane *const *lanes, unsigned count, int64_t end_us);

#endif
