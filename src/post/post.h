/* post.h - lanes and the messages between them.
 *
 * A lane is a state machine with a mailbox, timers and slots: a core, the log, the store.  The
 * program gives every lane a thread; the simulator runs them all in one.  State has one owning lane;
 * others post it a message and get a message back.
 *
 * Runs on: post() from any thread; everything else on the lane's own thread.
 * Life:    a message is made by msg_new(), given away by post(), freed after its handler returns
 *          unless the handler called msg_keep().
 * Limits:  LANES_MAX lanes in an office; POST_KINDS kinds of message.
 */
#ifndef POST_POST_H
#define POST_POST_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "post/timer.h"

enum { LANES_MAX = 64, POST_KINDS = 0x800 };

/* Kinds are numbered by the folder that receives them; each folder's header lists its own. */
enum post_range {
    POST_NET = 0x080,
    POST_LOG = 0x100,
    POST_STORE = 0x180,
    POST_BLOB = 0x1c0,
    POST_OUT = 0x1e0,
    POST_HUB = 0x200,
    POST_FRONT = 0x400,
    POST_DPS = 0x480,
    POST_SERVER = 0x500,
    POST_CAPTURE = 0x5c0,
    POST_DELIVER = 0x600,
    POST_TEST = 0x700,
};

/* Where a message goes: a lane, and there a slot in its gen-th life (slot 0: the lane itself). */
struct addr {
    uint16_t node, lane;
    uint32_t slot, gen;
};

struct msg {
    struct msg *next;
    struct addr from, to;
    uint16_t kind, flags;
    uint32_t len;
    uint64_t call; /* the caller's own mark, copied into the reply */
    uint8_t body[];
};

struct lane;
typedef void (*msg_fn)(void *ctx, struct lane *lane, struct msg *m);

struct slot {
    void *object; /* NULL: free */
    uint32_t gen, next_free;
};

/* All lanes of one server. */
struct office {
    struct lane *lanes[LANES_MAX];
    uint16_t count;
};

struct lane {
    struct office *office;
    const char *name;
    uint16_t id;
    _Atomic(struct msg *) inbox;     /* newest first */
    void (*wake)(struct lane *lane); /* from any thread: run me soon */
    void *wake_ctx;
    void (*wake_free)(struct lane *lane); /* NULL: nothing to free */
    struct {
        msg_fn fn;
        void *ctx;
    } handlers[POST_KINDS];
    struct timers timers;
    struct slot *slots;
    uint32_t slot_count, slot_free;
    struct list turn_hooks; /* struct turn_hook, in order of registration */
};

/* Called at the end of every turn, after messages and timers: post batches, flush connections. */
struct turn_hook {
    struct list node;
    void (*fn)(struct turn_hook *hook, int64_t now_us);
};

/* Enters the office; the lane's id is its place there.  `wake` may be replaced before the first post. */
void lane_init(struct lane *lane, struct office *office, const char *name);

/* After every lane that may post to it has stopped.  Frees undelivered messages. */
void lane_fini(struct lane *lane);

/* Who handles messages of that kind on this lane. */
void lane_on(struct lane *lane, unsigned kind, msg_fn fn, void *ctx);
void lane_on_turn_end(struct lane *lane, struct turn_hook *hook);

/* One turn: all messages that have come, timers due, hooks.  Returns when to run again at the latest
 * (microseconds, INT64_MAX: only when woken). */
int64_t lane_run_once(struct lane *lane, int64_t now_us);

bool lane_has_mail(const struct lane *lane);

/* `len` bytes of body, not cleared. */
struct msg *msg_new(unsigned kind, size_t len);

/* A message built in a buf whose first sizeof(struct msg) bytes were reserved by msg_buf_begin(). */
void msg_buf_begin(struct buf *b);
struct msg *msg_buf_end(struct buf *b, unsigned kind); /* takes the buf's memory */

void msg_free(struct msg *m);
/* Inside its handler: the handler now owns it and calls msg_free(), now or later. */
void msg_keep(struct msg *m);

static inline struct slice msg_body(const struct msg *m)
{
    return (struct slice){m->body, m->len};
}

/* Gives the message away.  `from` becomes the sender's address (slot included). */
void post(struct lane *lane, struct addr from, struct addr to, struct msg *m);

/* Answers `m`: to its sender, with its call number, from the address it was sent to. */
void post_reply(struct lane *lane, const struct msg *m, struct msg *reply);

static inline struct addr lane_addr(const struct lane *lane)
{
    return (struct addr){.lane = lane->id};
}

/* Slots: addresses of objects on this lane.  A reply to a slot whose gen moved on finds nothing, so
 * late answers to the dead cost nothing. */
struct addr slot_new(struct lane *lane, void *object);
void *slot_get(const struct lane *lane, struct addr a); /* NULL when that life is over */
void slot_free(struct lane *lane, struct addr a);

static inline bool addr_eq(struct addr a, struct addr b)
{
    return a.node == b.node && a.lane == b.lane && a.slot == b.slot && a.gen == b.gen;
}

/* An assertion that is also documentation: the calling thread runs this lane. */
extern _Thread_local const struct lane *lane_running;
#define ON_LANE(l) assert(lane_running == (l))

#endif
