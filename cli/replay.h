/* replay.h - events that were, on their way into another event hub or hub.  Private to the verb `hub replay`.
 *
 *   files (replay_files.c) ─┐                                    ┌─ batches to an event hub
 *                           ├─ heads in order of time ─ filter ──┤  (replay_target.c)
 *   a stream (replay_stream.c)                                   └─ messages as the devices
 *
 * A source has lanes: files, or partitions.  Events of a lane keep their order; of all lanes the one with
 * the earliest event is next.  A head says what is needed to choose; only what is chosen is built.
 *
 * Runs on: one thread.
 * Life:    a head, and what it borrows, until the next call on its source.
 * Limits:  the constants below.
 */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "base/buf.h"
#include "base/clock.h"

enum {
    REPLAY_FILES_MAX = 100000,    /* of a run; ERR_TOO_BIG */
    REPLAY_FOLDER_DEPTH_MAX = 16, /* folders in folders, below the one that is given; ERR_TOO_BIG */
    REPLAY_PROPERTIES_MAX = 256,  /* application properties that --where sees; others are none */
    REPLAY_OPEN_MAX = 512,        /* files whose times overlap, open at a time; ERR_FULL */
    REPLAY_PATTERNS_MAX = 64,     /* of --device-id; ERR_TOO_BIG */
    REPLAY_SOURCES_MAX = 64,      /* event hubs that the files are of; ERR_TOO_BIG */
    REPLAY_EVENT_MAX =
        (1 << 20) - (16 << 10), /* of an event that is sent, Event Hubs; it is counted as refused */
    REPLAY_BATCH_BYTES = 512 << 10, /* with them a batch is sent; one that has to wait grows on */
    REPLAY_BATCH_EVENTS = 1000,     /* of a device: IoT Hub takes no more in a transfer */
    REPLAY_BATCHES_MAX =
        5000, /* devices that are sent as at a time; keys of an event hub elsewhere */
    REPLAY_HELD_MAX = 64 << 20, /* bytes that wait for the target; then reading waits */
    REPLAY_STREAM_HELD_MAX =
        64 << 20,      /* bytes that were read of a stream; then order is by arrival */
    REPLAY_SAMPLE = 3, /* events that --dry-run shows */
};

#define REPLAY_MARK          "azimuth-replay"
#define REPLAY_MARK_SEQUENCE "azimuth-replay-sequence-number"
#define REPLAY_MARK_TIME     "azimuth-replay-enqueued-time"

struct replay_head {
    unsigned lane;
    int64_t index;       /* in its lane: of a file from 0, of a partition the sequence number */
    int64_t sequence;    /* -1: the file does not say */
    int64_t enqueued_us; /* wall; in files often whole seconds */
    int64_t due_us; /* the same, as exact as can be told; never before the one before of its lane */
    struct slice device, module;
    bool is_event; /* of a twin, a device, ...: no message of the device */
};

/* By iothub-message-source. */
static inline bool replay_is_event(struct slice source)
{
    return source.len && !slice_is_nocase(source, "Telemetry");
}

/* An event as AMQP has it, in parts. */
struct replay_event {
    struct replay_head head; /* its texts are in `names` */
    struct buf names;
    struct slice key; /* the partition key that it had; ptr NULL: none */
    struct buf key_text;
    struct buf annotations; /* pairs */
    uint32_t annotation_count;
    struct buf properties;  /* the section, or empty */
    struct buf application; /* pairs */
    uint32_t application_count;
    struct buf body; /* sections */
};

void replay_event_clear(struct replay_event *e);
void replay_event_free(struct replay_event *e);
void replay_event_set_head(struct replay_event *e, const struct replay_head *h); /* copied */

/* What the run writes into each event. */
struct replay_mark {
    struct slice run;
    int64_t time_us; /* what `time` is the text of: events of files have few times */
    char time[CLOCK_ISO_LEN + 1];
};

/* With its marks, as a message for an event hub; `device`: as one of that device, without annotations. */
void replay_event_put(struct buf *out, const struct replay_event *e, struct replay_mark *mark,
                      bool device);

/* The partition key of an event: its device, else what it had; ptr NULL: none. */
struct slice replay_event_key(const struct replay_event *e);

/* Annotations and properties that a replay writes itself, or that only a service may say. */
bool replay_is_mark(struct slice name);
bool replay_is_place(struct slice name);

/* An annotation or application property that is a time and moves with --time-shift. */
bool replay_is_time(struct slice name);

/* A time as events have it, which may be any; one that would be beyond all numbers stays. */
int64_t replay_shifted_ms(int64_t ms, int64_t shift_us);

/* ---- a source */

struct replay_source {
    void *ctx;
    /* The earliest event.  ERR_AGAIN: none is here yet; ERR_NOT_FOUND: none is left. */
    enum err (*peek)(void *ctx, struct replay_head *out);
    enum err (*build)(void *ctx, int64_t shift_us,
                      struct replay_event *out); /* the one peeked at */
    enum err (*take)(void *ctx);                 /* past it; on an error nothing more can be had */
    const char *(*lane_name)(void *ctx, unsigned lane);
    unsigned (*lane_count)(void *ctx);
    int64_t (*next_index)(void *ctx,
                          unsigned lane); /* what was not taken yet; -1: nothing is known */
    double (*progress)(void *ctx);        /* 0 to 1 */
};

#endif
