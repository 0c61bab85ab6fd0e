/* home.h - queues on their home core.  Private to hub/c2d.
 *
 *            first use           rows are read                 nobody uses it any more
 *   (none) ───────────▶ loading ──────────────▶ ready ───────────────────────────────▶ idle ─▶ (none)
 *                          │ identity unknown     │ identity deleted
 *                          └──────────────────────┴────▶ gone ── last unit answered ─▶ (none)
 *
 * A queue in memory has what is known of each message but not its sections: these are kept between
 * the insert and the delivery when there is room, else read when they are due.
 */
#ifndef HUB_C2D_HOME_H
#define HUB_C2D_HOME_H

#include "hub/c2d/message.h"
#include "hub/notice/notice.h"
#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "store/store.h"

struct c2d {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct session_home *sessions;
    struct session_listener session_listener;
    struct registry_listener identity_listener;
    struct map queues; /* struct queue by device id, without those that are gone */
    struct list all;   /* struct queue */
    struct list idle;  /* struct queue, unused for longest first */
    unsigned idle_count;
    unsigned waiting; /* calls */
    size_t cache_bytes;
    struct timer sweep; /* on the first core; so are the next two */
    struct store_wait sweeping;
    struct notices *feedback;
};

enum item_state {
    ITEM_INSERTING, /* a unit is under way */
    ITEM_ENQUEUED,
    ITEM_INVISIBLE, /* somebody has its lock */
    ITEM_CHANGING,  /* a unit is under way: abandoned, or it goes */
};

struct item {
    struct list node; /* in queue->items */
    struct queue *queue;
    uint64_t sequence;
    int64_t enqueued_us, expires_us; /* wall time */
    unsigned delivery_count;
    enum c2d_ack ack;
    enum item_state state;
    bool in_session;         /* ITEM_INVISIBLE: it counts in queue->in_flight */
    int64_t locked_until_us; /* ITEM_INVISIBLE: monotonic */
    uint8_t lock[C2D_TOKEN_LEN];
    uint8_t *sections;           /* NULL: only the store has them */
    size_t sections_len, id_len; /* the former also while only the store has them */
    uint8_t message_id[];
};

enum queue_state { QUEUE_COLD, QUEUE_LOADING, QUEUE_READY, QUEUE_GONE };

struct queue {
    struct list node_in_all, idle;
    struct c2d *c2d;
    enum queue_state state;
    struct list items; /* struct item, by sequence */
    unsigned count;
    unsigned told;          /* as many waited when the registry was told */
    uint64_t sequence;      /* the newest that was given */
    struct msg *first_call; /* calls that wait until it is ready */
    struct msg **last_call;
    struct msg *first_receive; /* C2D_RECEIVE that wait for sections to be read */
    struct msg **last_receive;
    struct registry_load load;
    struct store_wait wait;   /* rows, or sections: */
    uint64_t reading;         /* ... from that message on, which is needed now */
    bool awaited;             /* an answer about identity, rows or sections is to come */
    bool linked;              /* a session wants messages: */
    struct session_link link; /* that one */
    unsigned in_flight;
    struct list works;    /* struct work */
    struct list listings; /* struct listing */
    struct timer timer;
    int64_t retry_us; /* monotonic: the store refused; not before then */
    char generation[SESSION_GENERATION_MAX + 1];
    size_t id_len;
    uint8_t device_id[];
};

static inline struct slice queue_id(const struct queue *q)
{
    return slice_of(q->device_id, q->id_len);
}

/* ---- queue.c: queues and items in memory */

struct queue *queue_find(const struct c2d *c, struct slice device_id);
struct queue *queue_make(struct c2d *c, struct slice device_id);

/* Begins to load a cold queue, which may be over when this returns. */
void queue_load(struct queue *q);

/* The identity is not there (any more): whoever waits is told. */
void queue_gone(struct queue *q);

/* Perhaps nobody uses it any more: then it goes, now or later.  Call last. */
void queue_rest(struct queue *q);
void queue_free(struct queue *q);

struct item *item_new(struct queue *q, uint64_t sequence, struct slice message_id);
void item_free(struct item *i);
struct item *item_find(struct queue *q, uint64_t sequence); /* NULL: there is none */
void item_keep_sections(struct item *i, struct slice sections,
                        bool needed); /* or if there is room */
void item_drop_sections(struct item *i);
void item_enqueue(struct item *i); /* from any state */
void item_lock(struct item *i, int64_t lock_us, bool in_session);
void item_change(struct item *i); /* from ITEM_ENQUEUED, ITEM_INVISIBLE */

static inline struct slice item_id(const struct item *i)
{
    return slice_of(i->message_id, i->id_len);
}

/* ---- call.c: what was asked of a queue, and answers */

/* Does what was asked; `m` is kept until it is answered. */
void call_run(struct queue *q, struct msg *m);
void call_answer(struct c2d *c, struct msg *m, enum status status, const char *text);
/* `reply` is given away. */
void call_answer_with(struct c2d *c, struct msg *m, struct msg *reply);
void call_answer_count(struct c2d *c, struct msg *m, unsigned count);
void call_answer_item(struct c2d *c, struct msg *m, const struct item *i);
void call_answer_err(struct c2d *c, struct msg *m, enum err e);
void calls_join(struct c2d *c);

/* ---- deliver.c: time, receivers, the session */

/* Something changed: expires, delivers, sets the timer.  Harmless when not ready. */
void queue_serve(struct queue *q);

/* The session that has it, if one has, is not to send what it has not sent yet. */
void item_recall(const struct item *i);
void deliveries_join(struct c2d *c);

/* ---- work.c: units */

void work_insert(struct item *i, struct slice sections, struct msg *m);

/* Those items, all ITEM_CHANGING, go.  `m` may be NULL: nobody waits. */
void work_remove(struct queue *q, struct item **items, unsigned count, enum c2d_status status,
                 struct msg *m);
void work_abandon(struct item *i, struct msg *m); /* ITEM_CHANGING */
void works_free(struct queue *q);
void works_join(struct c2d *c);

/* ---- list.c */

/* Answers `m` with up to `top` messages that come after that one. */
void list_page(struct queue *q, struct msg *m, uint64_t after, unsigned top);
void listings_free(struct queue *q);

/* ---- diagnose.c: what expired or was delivered too often, for resource logs; the items are still there */

void diagnose_removal(const struct queue *q, struct item *const *items, unsigned count,
                      enum c2d_status status);

/* ---- feedback.c */

extern const struct notice_source feedback_source;

/* At the homes: a record joins a unit; notices_news() follows when it is on disk. */
void feedback_add(struct store_request *u, const struct item *i, enum c2d_status status,
                  int64_t at_us);
const char *c2d_status_name(enum c2d_status s); /* "Expired" */
bool feedback_wanted(enum c2d_ack ack, enum c2d_status status);

#endif
