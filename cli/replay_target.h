/* replay_target.h - where replayed events go: an event hub, as its producer, or a hub, as its devices.
 *
 *   put ──▶ the batch of its group ──full, or nothing else is due──▶ on its way ──accepted──▶ done
 *                  ▲                                                  │
 *                  └─────────── the server is busy: later, again ◀────┘
 *
 * A group is what keeps its order: a partition of an event hub of ours (the partition of the key is computed
 * here as the service does it), a partition key of one elsewhere, or a device.  One batch of a group is on its
 * way at a time, so a batch that is sent again overtakes nothing.
 *
 * Runs on: one thread; waits in replay_target_wait() only.
 * Limits:  REPLAY_BATCH_BYTES, _BATCH_EVENTS, _BATCHES_MAX, _HELD_MAX.
 * Errors:  final, with a text; after ERR_CLOSED and ERR_TIMEOUT, the server went away, it may be opened anew.
 */
#ifndef CLI_REPLAY_TARGET_H
#define CLI_REPLAY_TARGET_H

#include "base/list.h"
#include "base/map.h"
#include "cli/events.h"
#include "cli/line.h"
#include "cli/replay.h"

#define REPLAY_BUSY_US (1000000ll) /* before a batch goes again */

/* Of a lane, the first event in a batch. */
struct replay_place {
    unsigned lane;
    int64_t index;
};

struct replay_batch {
    struct buf bytes; /* data sections, each of them an event */
    unsigned events;
    struct replay_place *places;
    unsigned place_count, place_cap;
};

struct replay_group {
    struct list node;   /* in target.groups */
    struct list flight; /* in target.flying, while `flying` is on its way */
    struct buf name;    /* key, device or device/module; empty: of events without a key */
    unsigned partition;
    struct replay_batch filling, flying;
    struct amqp_link *link; /* of a device */
    uint32_t delivery;
    bool refused;     /* the hub has no such device */
    int64_t again_us; /* monotonic: not before; 0: at once */
};

struct replay_target {
    /* ---- set by the caller */
    struct events_config cfg; /* sends; out is set here */
    struct line_to to;
    bool devices; /* as the devices */
    struct replay_mark *mark;
    /* ---- */
    struct line line;
    struct events events;
    bool opened, ready;
    char identity[EVENTS_IDENTITY_MAX + 1]; /* of the event hub, once it was reached */
    unsigned partitions;                    /* of an event hub of ours; 0: groups are keys */
    struct amqp_link *link;                 /* to the event hub */
    struct list groups, flying;
    struct map by_name;
    struct replay_group **by_partition;
    unsigned group_count;
    size_t held;                  /* bytes in batches */
    int64_t sent, acked, refused; /* events */
    int64_t busy;                 /* batches that went again */
    char why[256];                /* of the first refusal */
    struct buf scratch;
};

enum err replay_target_open(struct replay_target *t) MUST_USE;
void replay_target_close(struct replay_target *t);

/* The connection is gone: what was on its way goes again once it was opened anew. */
void replay_target_lost(struct replay_target *t);
enum err replay_target_reopen(struct replay_target *t) MUST_USE;

/* Handles what poll said of t->line.fd; 0: only the time has passed. */
enum err replay_target_turn(struct replay_target *t, short revents) MUST_USE;
int64_t replay_target_deadline(const struct replay_target *t);

/* ERR_AGAIN: there is no room now. */
enum err replay_target_put(struct replay_target *t, const struct replay_event *e) MUST_USE;

/* Has what is not full to go, too, so that there will be room again? */
bool replay_target_hurries(const struct replay_target *t);

/* Sends what is full; `all`: everything that may go. */
enum err replay_target_pump(struct replay_target *t, bool all) MUST_USE;

/* Is everything acknowledged? */
bool replay_target_idle(const struct replay_target *t);

/* Lowers next[lane] to what is not acknowledged. */
void replay_target_floor(const struct replay_target *t, int64_t *next, unsigned lanes);

#endif
