/* c2d.h - cloud-to-device messages: a durable queue per device, and what becomes of each message.
 *
 *                 send                    receive, deliver                complete
 *   (a service) ─────────▶ enqueued ───────────────────────▶ invisible ─────────────▶ (completed)
 *                          ▲  │ expired, purged               │  │ rejected, expired,
 *                          │  └──────────▶ (dead-lettered) ◀──│──┘ abandoned too often
 *                          └── abandoned, lock over, session ended
 *
 * A message that was accepted is a row; it goes in the unit that says what became of it, together with
 * the feedback record that its sender asked for.  Locks live in memory: after a restart what was
 * invisible is enqueued again, so a device may get a message twice but never misses one.
 * Messages to a session that wants them (SESSION_C2D) are pushed through struct session_owner.message;
 * everybody else asks with c2d_receive().
 *
 * Runs on: struct c2d on each core; queues live on their device's home core, feedback on the first
 *          core; the verbs are messages.
 * Life:    a wait is embedded in its owner and called back once, unless forgotten.
 * Order:   messages of a device are delivered in the order in which they were accepted; what comes
 *          back to the queue keeps its place.
 * Limits:  the constants below, each with what is said when it is reached.
 * Source:  "Send cloud-to-device messages from IoT Hub"; README.md.
 */
#ifndef HUB_C2D_C2D_H
#define HUB_C2D_C2D_H

#include "base/amqp.h"
#include "hub/hub.h"
#include "hub/status.h"

enum {
    C2D_QUEUE_MAX = 50,        /* messages of a device (IoT Hub): DeviceMaximumQueueDepthExceeded */
    C2D_SIZE_MAX = 64 << 10,   /* body and properties (IoT Hub): MessageTooLarge */
    C2D_BAG_MAX = 65000,       /* properties as an MQTT topic has them: MessageTooLarge */
    C2D_PROPERTIES_MAX = 1000, /* ours: ArgumentInvalid */
    C2D_MESSAGE_ID_MAX = 128,  /* IoT Hub: ArgumentInvalid */
    C2D_DELIVERIES_MAX = 10,   /* IoT Hub's default of maxDeliveryCount */
    C2D_WINDOW = 16,           /* invisible at a time in one session (IoT Hub's MQTT 5 preview) */
    C2D_WAITING_MAX = 10000,   /* calls under way at a home: ThrottleBacklogLimitExceeded */
    C2D_PAGE_MAX = 16, /* ours: messages listed at a time; c2d_list() shows fewer, not more */
    C2D_IDLE_QUEUES_MAX = 1024, /* of a core, kept in memory though nobody uses them */
    C2D_CACHE_BYTES = 16 << 20, /* of a core: messages in memory; others are read when due */
    C2D_TOKEN_LEN = 16,         /* a lock token: a GUID in .NET's byte order */
    C2D_TOKEN_TEXT_LEN = 36,
    C2D_SWEEP_DEVICES = 1000,    /* with expired messages, found at a time */
    C2D_FEEDBACK_BATCH_MAX = 64, /* records of a feedback message (IoT Hub) */
    C2D_FEEDBACK_LOCKED_MAX = 8, /* feedback messages that were sent and not settled: others wait */
    C2D_FEEDBACK_DELIVERIES_MAX = 10, /* IoT Hub's default; then the records are dropped */
};
#define C2D_LOCK_US          (60 * 1000000ll) /* IoT Hub */
#define C2D_LOCK_US_MIN      (5 * 1000000ll)  /* of c2d_receive(); IoT Hub: 5-300 s */
#define C2D_LOCK_US_MAX      (300 * 1000000ll)
#define C2D_TTL_US           (3600 * 1000000ll)      /* IoT Hub's default */
#define C2D_TTL_US_MAX       (2 * 86400ll * 1000000) /* IoT Hub: "at most 48 hours" */
#define C2D_SWEEP_US         1000000ll /* ours: expired messages of absent devices are found */
#define C2D_FEEDBACK_TTL_US  (3600 * 1000000ll) /* IoT Hub's default */
#define C2D_FEEDBACK_LOCK_US (60 * 1000000ll)   /* IoT Hub's default */
#define C2D_FEEDBACK_WAIT_US 1000000ll          /* ours: records gather that long (IoT Hub: 15 s) */

struct c2d;
struct notices;
struct registry;
struct session_home;

/* One per core. */
struct c2d *c2d_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                    struct session_home *sessions);
void c2d_free(struct c2d *c);

/* ---- a message as devices get it; borrowed for the call that shows it */

struct c2d_message {
    uint8_t lock[C2D_TOKEN_LEN]; /* settles it; another one with each delivery */
    uint64_t sequence;           /* x-opt-sequence-number: rises in a device's queue.  One that
                                    comes again replaces what came before: that lock is over. */
    int64_t enqueued_us;         /* wall time */
    int64_t expires_us;          /* wall time; also when the sender named none */
    unsigned delivery_count;     /* how often it was abandoned */
    struct slice sections; /* AMQP: properties, application properties, one data section; fit to
                                    be sent as they are */
};

/* The sections, read.  Absent text is SLICE_NONE.  Slices borrow from the sections. */
struct c2d_view {
    struct slice message_id, correlation_id, user_id, to, content_type, content_encoding;
    int64_t expiry_ms; /* absolute-expiry-time as the sender gave it; 0: none */
    struct slice body;
    struct cur properties; /* for c2d_next_property(); text all of them, iothub-ack among them */
};

void c2d_view(struct slice sections, struct c2d_view *out);
bool c2d_next_property(struct c2d_view *v, struct slice *name, struct slice *value);

/* The property bag of an MQTT topic: "%24.mid=1&%24.to=...&iothub-ack=full&a=b". */
void c2d_put_bag(struct buf *out, struct slice sections);

/* "00112233-4455-6677-8899-aabbccddeeff" and back; ERR_INVALID: not a GUID. */
void c2d_token_text(const uint8_t token[C2D_TOKEN_LEN], char out[C2D_TOKEN_TEXT_LEN + 1]);
enum err c2d_token_read(struct slice text, uint8_t out[C2D_TOKEN_LEN]) MUST_USE;

/* A message as it waits. */
struct c2d_listed {
    struct c2d_message message; /* without a lock */
    bool invisible;             /* a device has it, or it is just leaving the queue */
};

/* ---- verbs, on any core */

struct c2d_answer {
    enum status status;
    const char *text; /* why not */
    unsigned count;   /* c2d_purge(), c2d_drop(): messages that went; c2d_list(): of `listed` */
    const struct c2d_message *message; /* c2d_receive(): NULL: there is none */
    const struct c2d_listed *listed;   /* c2d_list(); so are the next two */
    uint64_t last;                     /* sequence that the page came to: the next is after it */
    bool more;                         /* there are some after it */
};

struct c2d_wait {
    void (*fn)(struct c2d_wait *w, const struct c2d_answer *a);
    struct addr slot;
};

void c2d_forget(struct c2d *c, struct c2d_wait *w);

/* What a service sends. */
struct c2d_property {
    struct slice name, value;
};

struct c2d_draft {
    struct slice message_id, correlation_id, user_id, content_type, content_encoding;
    int64_t expiry_ms;                     /* absolute-expiry-time, wall; 0: C2D_TTL_US from now */
    const struct c2d_property *properties; /* iothub-ack and other reserved ones among them */
    size_t property_count;
    struct slice body;
};

/* Answered when the message is on disk, or refused: DeviceNotFound, DeviceMaximumQueueDepthExceeded,
 * MessageTooLarge, ArgumentInvalid.  `who` is a device. */
void c2d_send(struct c2d *c, struct slice who, const struct c2d_draft *draft, struct c2d_wait *w);

/* The first enqueued message becomes invisible for that long. */
void c2d_receive(struct c2d *c, struct slice who, int64_t lock_us, struct c2d_wait *w);

enum c2d_outcome { C2D_COMPLETE, C2D_ABANDON, C2D_REJECT };

/* Answered when that is on disk; DeviceMessageLockLost: no message has that lock (any more).
 * `w` NULL: nobody waits. */
void c2d_settle(struct c2d *c, struct slice who, const uint8_t lock[C2D_TOKEN_LEN],
                enum c2d_outcome outcome, struct c2d_wait *w);

/* All messages go, invisible ones too: what has not been sent to the device by then is not sent. */
void c2d_purge(struct c2d *c, struct slice who, struct c2d_wait *w);

/* One message goes as if it was purged, an invisible one too; the count is 0 if there is none of that
 * sequence. */
void c2d_drop(struct c2d *c, struct slice who, uint64_t sequence, struct c2d_wait *w);

/* Messages that wait, in their order, up to `top` (at most C2D_PAGE_MAX) of those after a sequence (0: from
 * the first).  A page ends earlier when its messages are large (STORE_PAGE_BYTES_MAX).  Nothing is locked. */
void c2d_list(struct c2d *c, struct slice who, uint64_t after, unsigned top, struct c2d_wait *w);

/* ---- feedback: what became of messages whose senders asked; batches are arrays of records */

struct notices *c2d_feedback(struct c2d *c);

#endif
