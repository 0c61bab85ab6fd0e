/* replay_stream.h - what an event hub has when a replay begins, as its source.
 *
 * Every partition is read from its beginning, or where the filter or --resume says, to the event that is its
 * last one when the run begins.  Events wait in a queue per partition, so that the earliest of all is next.
 *
 * Limits:  EVENTS_CREDIT events of a partition, REPLAY_STREAM_HELD_MAX bytes of all: nothing is read meanwhile,
 *          and what is there goes in the order of its arrival.
 * Errors:  final, with a text, but for a lost connection; ERR_TIMEOUT: a partition does not give what it
 *          said to have.
 */
#ifndef CLI_REPLAY_STREAM_H
#define CLI_REPLAY_STREAM_H

#include "cli/replay_filter.h"
#include "cli/replay_resume.h"
#include "cli/way.h"

#define REPLAY_STREAM_WAIT_US (30 * 1000000ll)

struct replay_partition {
    struct buf queue; /* lengths and messages */
    unsigned taken;   /* since credit was given */
    bool asked;       /* it is being read */
    bool over;        /* nothing more is to come */
    bool has_head;
    struct replay_head head; /* of the first message in the queue */
    int64_t start, next, last;
    int64_t read; /* the next that is to come */
};

struct replay_stream {
    struct target target; /* set by the caller, as are the next four */
    struct events_config cfg;
    struct line_to to;
    const struct replay_filter *filter;
    struct replay_resume *resume;
    /* ---- */
    struct line line;
    struct events events;
    bool opened, ready;
    unsigned count, redirects;
    struct replay_partition *partitions;
    size_t held;
    int64_t heard_us;
    char name[16];
};

enum err replay_stream_open(struct replay_stream *s) MUST_USE;
void replay_stream_close(struct replay_stream *s);

/* The connection is gone; replay_stream_open() makes another one. */
void replay_stream_lost(struct replay_stream *s);

enum err replay_stream_turn(struct replay_stream *s, short revents) MUST_USE;
short replay_stream_wants(const struct replay_stream *s); /* what to poll for; 0: nothing */
int64_t replay_stream_deadline(const struct replay_stream *s);

void replay_stream_source(struct replay_stream *s, struct replay_source *out);

#endif
