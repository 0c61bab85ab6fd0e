/* events.h - a reader of every partition of an event hub, or a producer: AMQP 1.0 in the client role,
 * sans-IO.
 *
 *   sasl ─> open ─> token at $cbs ─> partitions from $management ─> a receiver each ─> events
 *
 * A hub's own name leads elsewhere with amqp:link:redirect: EVENTS_REDIRECTED ends that connection
 * and says where to go.
 *
 * events_config.walks: EVENTS_PARTITION comes for each partition first, and says what there is; those that
 * events_read() was called for are read, with the credit that events_credit() gives.
 * events_config.sends: EVENTS_READY comes once the event hub is described; then links to it are attached
 * with events_attach_sender(), and what becomes of transfers is EVENTS_SETTLED.
 *
 *     events_init(&e, &config, now);
 *     events_feed(&e, bytes, now);  while ((err = events_next(&e, &ev)) == OK) ...
 *
 * Runs on: one thread.
 * Life:    events_init() .. events_fini(); what `config` points to outlives it.  The slices of an event
 *          are valid until the next events_next().
 * Limits:  EVENTS_PARTITIONS_MAX partitions; EVENTS_CREDIT events on their way per partition.
 * Errors:  final, with a text: ERR_DENIED, ERR_NOT_FOUND (hub or consumer group), ERR_CONFLICT (another
 *          reader took over), ERR_CLOSED, ERR_TIMEOUT, ERR_PROTOCOL.
 * Source:  Event Hubs' AMQP protocol guide; CBS and $management as @azure/event-hubs uses them.
 */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "proto/amqp/amqp.h"

enum {
    EVENTS_PARTITIONS_MAX = 2048, /* Event Hubs: the most of any tier */
    EVENTS_CREDIT = 300,          /* what the Python SDK asks for */
    EVENTS_IDENTITY_MAX = 511,
    EVENTS_IDLE_MS =
        60000, /* as @azure/core-amqp asks for; silent for twice as long, a hub is gone */
};

#define EVENTS_IOT_NAME "messages/events" /* of the stream, for who knows only the hub */

struct events_config {
    struct buf *out;
    const char *host;     /* open.hostname */
    const char *entity;   /* "hub", or EVENTS_IOT_NAME on an IoT hub's name */
    const char *audience; /* the token's: "sb://host/hub" */
    const char *group;    /* consumer group */
    const char *selector; /* where to begin: "amqp.annotation.x-opt-offset > '-1'" */
    bool all;             /* also what routes take away from it; an azimuth knows what that is */
    struct slice token;
    const char
        *login; /* SASL PLAIN user, on a hub that sends us elsewhere; NULL: anonymous, and the
                          token goes to $cbs */
    bool walks, sends;
};

enum events_kind {
    EVENTS_READY, /* every partition is being read; `count` of them */
    EVENTS_EVENT, /* `partition`, `message` */
    EVENTS_REDIRECTED,
    EVENTS_PARTITION, /* `partition` has events `first` to `last`; none if first > last */
    EVENTS_SETTLED,   /* deliveries `settled.first` to `settled.last`, `settled.outcome` */
    EVENTS_REFUSED,   /* the sender whose user is `sender` is gone: `error` */
};

struct events_event {
    enum events_kind kind;
    unsigned count, partition;
    struct amqp_message message;
    struct slice host, entity; /* where to go */
    unsigned port;
    int64_t first, last, last_ms; /* the last one's enqueued time */
    struct amqp_disposition settled;
    void *sender;
    struct amqp_error error;
};

enum events_state {
    EVENTS_LOGIN,
    EVENTS_TOKEN, /* waiting for credit to put it */
    EVENTS_TOKEN_SENT,
    EVENTS_ASKING, /* waiting for credit to ask for the partitions */
    EVENTS_ASKED,
    EVENTS_WALKING, /* asks for partition after partition */
    EVENTS_READING,
};

struct events {
    const struct events_config *cfg;
    struct amqp amqp;
    struct amqp_config amqp_cfg;
    char container[40];
    enum events_state state;
    struct amqp_session *session;
    struct amqp_link *cbs_out, *cbs_in, *ask_out, *ask_in;
    unsigned partitions, attached, walked;
    char identity[EVENTS_IDENTITY_MAX +
                  1]; /* which event hub it is, by whatever name it was called */
    unsigned opened;  /* links to it */
    bool told_partition;
    struct amqp_link *readers[EVENTS_PARTITIONS_MAX]; /* a link's `user` is its place here */
    struct amqp_event got;                            /* the delivery under the last event */
    enum err fate;
};

void events_init(struct events *e, const struct events_config *cfg, int64_t now_us);
void events_fini(struct events *e);

void events_feed(struct events *e, struct slice bytes, int64_t now_us);
enum err events_next(struct events *e, struct events_event *ev) MUST_USE;

int64_t events_deadline(const struct events *e);
void events_tick(struct events *e, int64_t now_us);

/* Puts a fresh token in time, on connections that put the first one. */
void events_renew(struct events *e, struct slice token);

/* ---- events_config.walks */

/* After EVENTS_PARTITION and before the next call: reads it from there. */
enum err events_read(struct events *e, unsigned partition, const char *selector) MUST_USE;

/* So many events more of that partition. */
void events_credit(struct events *e, unsigned partition, uint32_t more);

/* ---- events_config.sends */

/* A link to that address; NULL: too many.  It takes transfers when amqp_can_send() says so. */
struct amqp_link *events_attach_sender(struct events *e, const char *address, void *user) MUST_USE;

/* Says good-bye. */
void events_close(struct events *e);

#endif
