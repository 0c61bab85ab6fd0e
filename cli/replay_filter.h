/* replay_filter.h - which events are replayed: of which devices, from when, and by a condition. */
#ifndef CLI_REPLAY_FILTER_H
#define CLI_REPLAY_FILTER_H

#include "cli/replay.h"
#include "route/route.h"

struct replay_filter {
    struct slice devices[REPLAY_PATTERNS_MAX]; /* a '*' stands for anything */
    unsigned device_count;                     /* 0: all */
    bool no_events;   /* of twins, devices, ...: what devices cannot say themselves */
    bool by_number;   /* from and to are sequence numbers, else times */
    int64_t from, to; /* both included */
    struct {
        int64_t lowest, highest; /* as from and to; lowest > highest: none was looked at */
        bool met;                /* one was in the range */
    } seen;
    struct route_condition *where; /* NULL: none */
    struct buf scratch;
};

/* NULL: not given.  `devices`: patterns with commas between; `from`, `to`: times or sequence numbers, both
 * alike; `where`: in the language of routes. */
enum err replay_filter_init(struct replay_filter *f, const char *devices, const char *from,
                            const char *to, const char *where) MUST_USE;
void replay_filter_fini(struct replay_filter *f);

/* By what a head says. */
bool replay_filter_wants(struct replay_filter *f, const struct replay_head *h);

/* Was there a range, and nothing in it?  `out` gets that, and what there is, as far as it was looked at. */
bool replay_filter_missed(const struct replay_filter *f, struct buf *out);

/* By --where. */
bool replay_filter_passes(struct replay_filter *f, const struct replay_event *e);

/* A '*' of the pattern stands for any characters. */
bool replay_matches(struct slice pattern, struct slice text);

#endif
