/* presence.h - who is connected and was active when; in memory.  Private to hub/registry.
 *
 * A device that is connected is always known; of those that are not, the REGISTRY_IDLE_MAX that
 * left last.  Who is not known was never there.
 *
 * They can be walked through in the order in which they became known: each has a number, which only grows,
 * also from one start to the next.
 *
 * Each has a rhythm, how far apart its activity usually is: a running mean, by which one can say that it is late.
 *
 *   places   7:a  8:-  9:c  12:d      sorted by number; who was forgotten leaves a hole, and when half of
 *                                     them are holes, the others close up
 */
#ifndef HUB_REGISTRY_PRESENCE_H
#define HUB_REGISTRY_PRESENCE_H

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

/* Seconds of a rhythm. */
enum {
    RHYTHM_GAP_MIN = 30, /* what is nearer to a visit's beginning belongs to it */
    RHYTHM_GAP_MAX = 30 * 86400,
    RHYTHM_OUTLIER = 4,         /* times the mean: a longer pause counts as much */
    RHYTHM_WEIGHT = 4,          /* an interval moves the mean by a fourth of the way */
    RHYTHM_LATE = 3,            /* times the mean, who was not heard of for so long is late */
    RHYTHM_LATE_MIN = 180,      /* but not sooner: activity is told once a minute */
    RHYTHM_LATE_UNKNOWN = 3600, /* who was heard of once */
};

struct presence {
    bool connected;
    uint32_t rhythm_s;  /* 0: not known; a u32 beside the bool costs nothing */
    int64_t changed_us; /* connectionStateUpdatedTime, wall; 0: never */
    int64_t active_us;  /* lastActivityTime, wall; 0: never */
    int64_t visit_us;   /* when the newest visit began, wall; 0: never */
};

struct known;

struct presence_place {
    uint64_t number;
    struct known *known; /* NULL: a hole */
};

struct presences {
    struct map by_id;         /* by who */
    struct list idle;         /* disconnected, the one that left first is first */
    unsigned connected_count; /* devices, without modules */
    unsigned idle_count;
    struct presence_place *places;
    size_t place_count, place_max, holes;
    uint64_t last_number;
};

/* Whom a walk is about, and where it stands. */
struct presence_walk {
    uint64_t after;  /* the number of whom it saw last; 0: from the start */
    bool of_modules; /* else devices */
    bool connected;  /* only those */
};

enum { PRESENCE_STEPS_MAX = 4096 }; /* places that one step of a walk looks at */

void presences_init(struct presences *p);
void presences_fini(struct presences *p);
struct presence presence_of(const struct presences *p, struct slice who);
void presence_set_connected(struct presences *p, struct slice who, bool connected, int64_t wall_us);
void presence_set_active(struct presences *p, struct slice who, int64_t wall_us);

struct presence_seen {
    uint64_t number;
    struct slice who; /* borrowed until the presences change */
    struct presence presence;
};

/* The next of them, `max` at most; false: those were the last. */
bool presences_walk(const struct presences *p, struct presence_walk *w, struct presence_seen *out,
                    unsigned max, unsigned *count);
void presence_forget(struct presences *p, struct slice who);

/* When it will be late if nothing is heard of it, wall; 0: it was never there. */
int64_t presence_expected_us(const struct presence *p);

/* A time of a presence as services see it, 0 as the year 1. */
void presence_time_text(int64_t wall_us, char out[CLOCK_ISO_LEN + 1]);

#endif
