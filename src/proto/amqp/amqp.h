/* amqp.h - the AMQP 1.0 transport (OASIS AMQP 1.0 parts 2 and 5): bytes become events, calls become
 * bytes.  Server and client role; no socket, thread or clock.
 *
 *     amqp_init(&a, &config, conn_out(c), now);
 *     amqp_feed(&a, bytes, now);
 *     while ((e = amqp_next(&a, &ev)) == OK) ...answer it...
 *     if (e != ERR_AGAIN) conn_close(c);
 *     timer at amqp_deadline(&a): amqp_tick(&a, now), then pull events again
 *
 * Runs on: the lane that owns the connection.
 * Life:    slices in an event are borrowed and end with the next amqp_next().  Fed bytes stay valid
 *          until amqp_next() gives an error; then the engine has copied the unfinished frame.
 *          Sessions and links belong to the engine.  Each that was announced (AMQP_ON_BEGIN,
 *          AMQP_ON_ATTACH, amqp_send_begin, amqp_send_attach) is taken back by exactly one
 *          AMQP_ON_END or AMQP_ON_DETACH, in which it may be looked at for the last time; a link that
 *          the caller detached or refused is gone for the caller at once and gets no event.
 *          AMQP_ON_CLOSE is the last event of a connection, however it ended.
 * Does by itself: protocol headers, the frame size agreed, begin (server), answers to detach, end and
 *          close, session windows, heartbeats, the idle time-out, splitting and joining of transfers,
 *          refusal of what breaks the protocol, with the condition the specification names.
 * Leaves to the caller: SASL's verdict, open, attach, credit, settlement.
 * Every performative goes out with its full field count, descriptors in one byte: Python's codec
 * indexes fields by position (docs/protocol, D1).
 * Limits:  the constants below; all are refused, none is fatal to the process.
 */
#ifndef PROTO_AMQP_AMQP_H
#define PROTO_AMQP_AMQP_H

#include "base/amqp.h"

enum {
    AMQP_FRAME_MIN = 512,        /* specification 2.3: every peer takes frames of that size */
    AMQP_FRAME_MAX = 65536,      /* what we take; Event Hubs says the same */
    AMQP_SASL_FRAME_MAX = 4096,  /* specification: 512; a SAS token in PLAIN may be longer */
    AMQP_HELD_MAX = 65536,       /* bytes sent ahead while SASL waits for its verdict */
    AMQP_CHANNEL_MAX = 65535,    /* numbers; how many live at once is the configuration's matter */
    AMQP_HANDLE_MAX = 8191,      /* likewise; the C SDK puts all its devices on one session */
    AMQP_SESSIONS_MAX = 1024,    /* default; .NET pools 995 devices, each with a session */
    AMQP_LINKS_MAX = 8192,       /* default, all sessions of a connection together */
    AMQP_REFUSED_MAX = 8,        /* refused ones whose peer has not gone yet, beyond the limits */
    AMQP_RECENT = 16,            /* ended sessions, or links, that may have late words */
    AMQP_WINDOW = 5000,          /* frames a peer may send in a session before it hears from us */
    AMQP_TAG_MAX = 32,           /* specification 2.8.7 */
    AMQP_PARTIAL_MAX = 16 << 20, /* bytes of unfinished deliveries, all links of a connection */
    AMQP_KEPT_MAX = 64 << 20,    /* bytes kept because of a peer, see amqp_keep() */
    AMQP_SESSION_COST = 224,     /* of them for a session, with its rows in tables, */
    AMQP_LINK_COST = 448,        /* and for a link with an unfinished delivery, likewise */
    AMQP_IDLE_MS = 240000,       /* IoT Hub's and Event Hubs' default */
    AMQP_HEARTBEAT_MS_MIN = 100, /* however short a time-out the peer asks for */
};
#define AMQP_OPEN_US  (30 * 1000000ll) /* from the first byte to the peer's open */
#define AMQP_CLOSE_US (5 * 1000000ll)  /* from our close to the peer's */

#define AMQP_FORMAT_BATCH 0x80013700u /* each data section is a message (Event Hubs, IoT Hub) */

/* Conditions (specification 2.8.14 to 2.8.18), for struct amqp_error. */
#define AMQP_INTERNAL_ERROR          "amqp:internal-error"
#define AMQP_NOT_FOUND               "amqp:not-found"
#define AMQP_UNAUTHORIZED            "amqp:unauthorized-access"
#define AMQP_DECODE_ERROR            "amqp:decode-error"
#define AMQP_RESOURCE_LIMIT          "amqp:resource-limit-exceeded"
#define AMQP_NOT_ALLOWED             "amqp:not-allowed"
#define AMQP_INVALID_FIELD           "amqp:invalid-field"
#define AMQP_NOT_IMPLEMENTED         "amqp:not-implemented"
#define AMQP_FRAMING_ERROR           "amqp:connection:framing-error"
#define AMQP_CONNECTION_FORCED       "amqp:connection:forced"
#define AMQP_WINDOW_VIOLATION        "amqp:session:window-violation"
#define AMQP_HANDLE_IN_USE           "amqp:session:handle-in-use"
#define AMQP_UNATTACHED_HANDLE       "amqp:session:unattached-handle"
#define AMQP_DETACH_FORCED           "amqp:link:detach-forced"
#define AMQP_TRANSFER_LIMIT_EXCEEDED "amqp:link:transfer-limit-exceeded"
#define AMQP_MESSAGE_SIZE_EXCEEDED   "amqp:link:message-size-exceeded"
#define AMQP_REDIRECT                "amqp:link:redirect"
#define AMQP_STOLEN                  "amqp:link:stolen"

enum amqp_role { AMQP_SERVER, AMQP_CLIENT };

/* What the peer wanted more of than it may have. */
enum amqp_limit {
    AMQP_LIMIT_FRAME,     /* AMQP_FRAME_MAX, AMQP_SASL_FRAME_MAX */
    AMQP_LIMIT_HELD,      /* AMQP_HELD_MAX */
    AMQP_LIMIT_SESSIONS,  /* AMQP_SESSIONS_MAX, AMQP_REFUSED_MAX */
    AMQP_LIMIT_LINKS,     /* AMQP_LINKS_MAX, AMQP_HANDLE_MAX, AMQP_REFUSED_MAX */
    AMQP_LIMIT_TRANSFERS, /* AMQP_WINDOW, a link's credit */
    AMQP_LIMIT_MESSAGE,   /* max_message_size */
    AMQP_LIMIT_PARTIAL,   /* AMQP_PARTIAL_MAX */
    AMQP_LIMIT_TAG,       /* AMQP_TAG_MAX */
    AMQP_LIMIT_KEPT,      /* AMQP_KEPT_MAX, or what amqp_set_kept_max() has been told */
    AMQP_LIMITS,
};

/* Shared by any number of connections; lives as long as they do. */
struct amqp_config {
    enum amqp_role role;
    const char *container_id;
    const char *hostname;          /* open.hostname; NULL: null */
    const char *const *mechanisms; /* server: what SASL offers, in this order, NULL at the end */
    bool sasl;                     /* client: begin with SASL */
    uint32_t frame_max;            /* 0: AMQP_FRAME_MAX */
    uint32_t idle_ms;              /* 0: AMQP_IDLE_MS */
    uint32_t sessions_max;         /* 0: AMQP_SESSIONS_MAX */
    uint32_t links_max;            /* 0: AMQP_LINKS_MAX */
    uint32_t window;               /* 0: AMQP_WINDOW */
    void (*limit_met)(enum amqp_limit limit); /* once for each refusal; NULL: nobody counts them */
};

/* "" as condition: no error.  `info` is an encoded map, or empty. */
struct amqp_error {
    struct slice condition, description, info;
};

static inline struct amqp_error amqp_error_of(const char *condition, const char *description)
{
    return (struct amqp_error){slice_str(condition), slice_str(description), SLICE_NONE};
}

/* id -> pointer, sorted by id: channels to sessions, handles to links. */
struct amqp_table {
    struct amqp_row {
        uint32_t id;
        void *object;
    } *rows;
    uint32_t count, cap;
};

/* The peer's channels or handles that were free last: what it has left to say of them comes soon, if at all. */
struct amqp_recent {
    uint16_t ids[AMQP_RECENT]; /* each once, the newest first */
    uint8_t count;
};

struct amqp;

struct amqp_session {
    void *user; /* the caller's; NULL at first */
    struct amqp *amqp;
    /* ---- below: the engine's */
    struct amqp_table links_in, links_out; /* by the peer's handle, by ours */
    uint32_t next_incoming_id, incoming_window;
    uint32_t next_outgoing_id,
        outgoing_window; /* the window: transfers that the peer still takes */
    uint32_t next_delivery_id;
    uint32_t handle_max; /* the peer's */
    struct amqp_recent detached;
    uint32_t unsent_links;
    uint16_t local, remote; /* channels */
    bool begun, end_sent, end_received, silent, stalled;
};

struct amqp_link {
    void *user; /* the caller's; NULL at first */
    struct amqp_session *session;
    bool sender;                /* we send, the peer receives */
    bool drain;                 /* sender: the peer wants its credit used up or given back */
    uint8_t snd_mode, rcv_mode; /* as the attaching side asked */
    uint32_t credit;            /* deliveries that may still be sent */
    uint64_t max_message_size;  /* the peer's; 0: none said */
    /* ---- below: the engine's */
    uint64_t receive_max; /* ours */
    uint64_t name;        /* its hash, of a link that the peer made */
    uint32_t local, remote, delivery_count;
    bool attach_sent, attach_received, detach_sent, silent;
    struct amqp_kept *kept;       /* what our answer has to repeat */
    struct amqp_partial *partial; /* a delivery of which frames are missing */
    struct buf unsent;            /* rest of a delivery that the session window did not take */
};

enum amqp_event_kind {
    AMQP_NOTHING,
    AMQP_ON_SASL_INIT,       /* server: `sasl`; answer: amqp_send_sasl_outcome(), or a challenge */
    AMQP_ON_SASL_RESPONSE,   /* server: `sasl.response` to a challenge; answer: likewise */
    AMQP_ON_SASL_MECHANISMS, /* client: `mechanisms`; answer: amqp_send_sasl_init() */
    AMQP_ON_SASL_OUTCOME,    /* client: `outcome`; when 0, amqp_send_open() */
    AMQP_ON_OPEN,            /* `open`; the server answers amqp_send_open() */
    AMQP_ON_BEGIN,           /* a new session (server), the answer to ours (client) */
    AMQP_ON_ATTACH,          /* `attach`; a new link: amqp_answer_attach() or amqp_refuse_attach(),
                                now or later; the answer to ours: nothing */
    AMQP_ON_FLOW,            /* credit, drain or room changed: look at the link, go on sending */
    AMQP_ON_DELIVERY,        /* `delivery` */
    AMQP_ON_DISPOSITION,     /* `disposition`, of this session */
    AMQP_ON_DETACH,          /* `error` */
    AMQP_ON_END,             /* `error` */
    AMQP_ON_CLOSE,           /* `error`; ours if we closed because of one */
};

struct amqp_sasl {
    struct slice mechanism, response, hostname;
};

struct amqp_open_event {
    struct slice container_id, hostname;
    struct amqp_value properties; /* map or null */
};

/* Source or target. */
struct amqp_terminus {
    struct slice address;     /* SLICE_NONE: null, or not UTF-8 */
    struct amqp_value filter; /* source: as it came, a map or null if it is right */
    bool present, dynamic;
};

struct amqp_attach_event {
    struct slice name;
    struct amqp_terminus source, target;
    struct amqp_value desired;    /* capabilities: symbol, array of symbols or null */
    struct amqp_value properties; /* map or null */
};

struct amqp_delivery {
    uint32_t id, format;
    bool settled;
    struct slice tag, payload;
};

/* Outcomes (specification 3.4): the descriptor's code.  AMQP_NO_STATE: null. */
enum amqp_outcome {
    AMQP_NO_STATE = 0,
    AMQP_RECEIVED = 0x23,
    AMQP_ACCEPTED = 0x24,
    AMQP_REJECTED = 0x25,
    AMQP_RELEASED = 0x26,
    AMQP_MODIFIED = 0x27,
};

struct amqp_disposition {
    bool from_receiver; /* said by the receiver about deliveries to it */
    bool settled;
    uint32_t first, last; /* delivery ids, both included; last - first < 2^31 */
    enum amqp_outcome outcome;
    struct amqp_error error; /* of AMQP_REJECTED */
};

struct amqp_event {
    enum amqp_event_kind kind;
    struct amqp_session *session;
    struct amqp_link *link;
    union {
        struct amqp_sasl sasl;
        struct amqp_value mechanisms;
        uint8_t outcome;
        struct amqp_open_event open;
        struct amqp_attach_event attach;
        struct amqp_delivery delivery;
        struct amqp_disposition disposition;
        struct amqp_error error;
    };
};

/* A connection.  All fields are the engine's. */
struct amqp {
    const struct amqp_config *cfg;
    struct buf *out;
    struct slice in; /* fed and not looked at yet; borrowed */
    struct buf tail; /* an unfinished frame, or what waits for SASL's verdict */
    size_t spent;    /* bytes of the tail that the last event borrowed */
    uint8_t phase;
    bool sasl_done, challenged, open_sent, open_received, close_sent, frame_again;
    uint16_t channel_max;        /* the peer's */
    uint32_t frame_max, idle_ms; /* the peer's */
    enum err fate;               /* what amqp_next() says after the last event */
    int64_t now_us, since_us, received_us, sent_us;
    struct amqp_table by_remote, by_local; /* sessions */
    struct amqp_recent ended;
    uint32_t link_count;
    size_t partial_bytes;
    size_t kept_bytes, kept_max;
    size_t frame_at, more_at; /* the frame under construction, the place of its `more` */
    struct amqp_accepted {    /* the frame at the end of `out` is a disposition that can grow */
        const struct amqp_session *session; /* NULL: it is not */
        size_t at, end;
        uint32_t first, last;
    } accepted;
    struct amqp_session *dissolving, *waking;
    uint32_t wake_from; /* handle from which on links of `waking` are told */
    struct amqp_link *dead_link;
    struct amqp_session *dead_session;
    struct amqp_partial *dead_partial;
    struct amqp_error error; /* that ends the connection or the session being dissolved */
    char *words;             /* description of an error of our own */
};

/* ---- the engine */

/* Storage is yours; `cfg` and `out` outlive it.  A client's protocol header is written at once. */
void amqp_init(struct amqp *a, const struct amqp_config *cfg, struct buf *out, int64_t now_us);

/* Frees everything without events: pull them first (amqp_hang_up), or know your links otherwise. */
void amqp_fini(struct amqp *a);

/* Bytes from the peer.  Every event of the last feed has been pulled. */
void amqp_feed(struct amqp *a, struct slice bytes, int64_t now_us);

/* The transport is gone: what still lives comes as events, then ERR_CLOSED. */
void amqp_hang_up(struct amqp *a);

/* Next event.  ERR_AGAIN: feed more.  Final, and given again and again: ERR_CLOSED after an orderly
 * end, ERR_DENIED after refused SASL, ERR_TIMEOUT, ERR_PROTOCOL; send the output and close. */
enum err amqp_next(struct amqp *a, struct amqp_event *ev) MUST_USE;

/* No more events for now: what was fed and not looked at is copied, and waits until they are pulled again.  After an
 * event has been handled. */
void amqp_put_off(struct amqp *a);

/* ---- what a peer makes us keep
 *
 * The engine counts sessions, links, attaches without an answer and unfinished deliveries, and refuses what would go
 * above the limit.  What the caller keeps because of the peer it counts in here, too. */

/* AMQP_KEPT_MAX, or less while nobody knows whose peer it is. */
void amqp_set_kept_max(struct amqp *a, size_t bytes);

/* False, and said to limit_met: that would be too much, nothing was counted. */
bool amqp_keep(struct amqp *a, size_t bytes) MUST_USE;
void amqp_unkeep(struct amqp *a, size_t bytes);

/* When to call amqp_tick() at the latest; INT64_MAX: never.  Early ticks are harmless. */
int64_t amqp_deadline(const struct amqp *a);
void amqp_tick(struct amqp *a, int64_t now_us);

/* ---- SASL, open, close */

/* Server, one of both per AMQP_ON_SASL_INIT or _RESPONSE, now or later; then pull events: more may have
 * come. */
void amqp_send_sasl_outcome(struct amqp *a, bool welcome);
void amqp_send_sasl_challenge(struct amqp *a, struct slice challenge);

/* Client. */
void amqp_send_sasl_init(struct amqp *a, const char *mechanism, struct slice response);

void amqp_send_open(struct amqp *a);

/* NULL: without an error.  Links and sessions come as events when the peer has answered. */
void amqp_send_close(struct amqp *a, const struct amqp_error *error);

/* ---- sessions */

struct amqp_session *amqp_send_begin(struct amqp *a); /* NULL: sessions_max live */
void amqp_send_end(struct amqp_session *s, const struct amqp_error *error);

/* ---- links */

struct amqp_link_config {
    struct slice name;
    bool sender;
    uint8_t snd_mode, rcv_mode;
    struct slice source, target; /* addresses */
    struct slice filter;         /* of the source: an encoded map, or empty */
    struct slice desired;        /* capabilities: encoded symbols, or empty */
    struct slice properties;     /* an encoded map, or empty */
    uint64_t max_message_size;   /* receiver: what we take; 0: no limit */
};

/* A link of our own making; NULL: links_max live. */
struct amqp_link *amqp_send_attach(struct amqp_session *s, const struct amqp_link_config *cfg);

struct amqp_link_answer {
    uint64_t max_message_size; /* receiver: what we say that we take; 0: no limit */
    uint64_t receive_max; /* what the caller wants to see all the same, to reject it; 0: no more */
    struct slice offered; /* capabilities: encoded symbols, or empty */
    struct slice properties; /* an encoded map; empty: an empty map goes out */
};

/* Says yes to a link that the peer attached: name, source, target and settle modes are repeated. */
void amqp_answer_attach(struct amqp_link *l, const struct amqp_link_answer *answer);

/* Says no: an attach without the terminus the peer asked for, then a detach with the error. */
void amqp_refuse_attach(struct amqp_link *l, const struct amqp_error *error);

void amqp_send_detach(struct amqp_link *l, const struct amqp_error *error);

/* Receiving link: the peer may send `credit` deliveries from now on; `drain` asks it to use them or
 * give them back at once. */
void amqp_send_flow(struct amqp_link *l, uint32_t credit, bool drain);

/* Sending link, after AMQP_ON_FLOW with `drain` and nothing more to send: gives the credit back. */
void amqp_send_drained(struct amqp_link *l);

/* Is the capability among them?  For attach.desired. */
bool amqp_has_capability(const struct amqp_value *capabilities, const char *name);

/* ---- deliveries */

/* Credit, session window and attachment allow another delivery now. */
bool amqp_can_send(const struct amqp_link *l);

struct amqp_transfer {
    struct slice tag; /* at most AMQP_TAG_MAX; empty: the delivery id */
    uint32_t format;
    bool settled;
};

/* Begins a delivery where amqp_can_send(); the caller appends its sections to the connection's `out`
 * and ends it, and calls nothing else of the engine in between.  What is longer than the peer's frame
 * size is cut.  Returns the delivery id. */
struct buf *amqp_transfer_begin(struct amqp_link *l, const struct amqp_transfer *t);
uint32_t amqp_transfer_end(struct amqp_link *l);
void amqp_transfer_abort(struct amqp_link *l); /* as if it had never begun */

/* Deliveries that are accepted one after the other, with nothing else said and sent between them, share
 * a frame. */
void amqp_send_disposition(struct amqp_session *s, const struct amqp_disposition *d);

#endif
