/* mqtt.h - MQTT 3.1.1, both roles: bytes and a clock in, events and bytes out.
 *
 * The engine finds packets, checks every rule that the standard has for one packet alone and hands
 * them over one by one; it writes what the caller sends.  What a packet means (who may connect, which
 * topics exist, which QoS is served) is the caller's: mqtt_next() delivers QoS 2 like any other.
 *
 * Runs on: the lane that owns the connection; no state outside `struct mqtt`, no I/O, no blocking.
 * Life:    mqtt_init(), then per piece of input: mqtt_feed(), mqtt_next() until it is not OK;
 *          mqtt_fini().  Output is appended to config.out (docs/decisions/0001).
 * Memory:  a packet that lies whole in the fed piece is decoded in place; only an unfinished one is
 *          copied, and that copy is freed with the packet.  An idle engine owns no memory.
 * Errors:  ERR_PROTOCOL, ERR_TOO_BIG, ERR_TIMEOUT; fail_text() names the clause.  They are final: the
 *          engine stays dead and the caller closes the connection, as 3.1.1 section 4.8 demands (there
 *          is no error packet).  The caller counts them in its metrics.
 * Source:  "MQTT Version 3.1.1", OASIS Standard, 29 October 2014; [MQTT-x.y.z-n] is its numbering.
 */
#ifndef PROTO_MQTT_MQTT_H
#define PROTO_MQTT_MQTT_H

#include "base/buf.h"

enum {
    MQTT_LEVEL = 4, /* protocol level of 3.1.1 */
    MQTT_TEXT_MAX = 65535,
    MQTT_REMAINING_MAX = 268435455, /* section 2.2.3: four bytes of seven bits */

    /* Largest packet that a server takes, fixed header included: IoT Hub's 256 KiB message, the
     * longest topic, and what stands around them. */
    MQTT_PACKET_MAX = (256 << 10) + MQTT_TEXT_MAX + 16,

    /* Largest CONNECT, from a peer that is nobody yet: ids, a user name and a token of some KiB, and
     * a will whose topic or payload may be long. */
    MQTT_CONNECT_MAX = 128 << 10,

    MQTT_CONNECT_WAIT_S = 30, /* IoT Hub: CONNECT within 30 s */
    MQTT_IDLE_MAX_S = 1767, /* IoT Hub: 1.5 x keep-alive, at most 29.45 minutes; also for "never" */
    MQTT_ANSWER_WAIT_S = 30, /* client: for CONNACK and PINGRESP (a reasonable time, 3.1.2.10) */
};

/* The numbers are the packet types of section 2.2.1. */
enum mqtt_kind {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
};

/* CONNACK return codes, section 3.2.2.3. */
enum mqtt_code {
    MQTT_ACCEPTED,
    MQTT_BAD_LEVEL,
    MQTT_BAD_CLIENT_ID,
    MQTT_UNAVAILABLE,
    MQTT_BAD_CREDENTIALS,
    MQTT_NOT_AUTHORIZED,
};

enum { MQTT_SUBACK_REFUSED = 0x80 };

/* ---- what packets say; slices of an event are borrowed until the next mqtt_next(), mqtt_feed() or
 *      mqtt_keep(), and no longer than the fed piece; sending leaves them alone */

struct mqtt_connect {
    struct slice client_id; /* may be empty, also where section 3.1.3.1 wants CONNACK 2 for that */
    struct slice user_name, password;
    struct slice will_topic, will_payload;
    uint16_t keep_alive_s;
    uint8_t level; /* not MQTT_LEVEL: nothing else is known but perhaps the client id of MQTT 5, the
                      answer is MQTT_BAD_LEVEL */
    uint8_t will_qos;
    bool clean_session, has_user_name, has_password, has_will, will_retain;
};

struct mqtt_connack {
    bool session_present;
    enum mqtt_code code;
};

struct mqtt_publish {
    struct slice topic, payload;
    uint16_t packet_id; /* 0 at QoS 0 */
    uint8_t qos;
    bool dup, retain;
};

struct mqtt_filter {
    struct slice text;
    uint8_t qos; /* what a SUBSCRIBE wishes for */
};

/* SUBSCRIBE and UNSUBSCRIBE: at least one filter, each of them well-formed. */
struct mqtt_subscribe {
    uint16_t packet_id;
    bool with_qos;        /* SUBSCRIBE */
    struct slice filters; /* for mqtt_next_filter() */
};

struct mqtt_suback {
    uint16_t packet_id;
    struct slice codes; /* one byte per filter: granted QoS or MQTT_SUBACK_REFUSED */
};

struct mqtt_event {
    enum mqtt_kind kind;
    union {
        struct mqtt_connect connect;
        struct mqtt_connack connack;
        struct mqtt_publish publish;
        struct mqtt_subscribe subscribe; /* also UNSUBSCRIBE */
        struct mqtt_suback suback;
        uint16_t packet_id; /* PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK */
    };
};

/* ---- life */

enum mqtt_role { MQTT_SERVER, MQTT_CLIENT };

struct mqtt_config {
    enum mqtt_role role;
    struct buf *out;     /* outlives the engine */
    uint32_t packet_max; /* 0: MQTT_PACKET_MAX */
};

/* One per connection, also per idle one: kept small.  All fields are the engine's. */
struct mqtt {
    struct buf *out;
    struct slice in;  /* fed and not yet pulled: borrowed */
    struct buf tail;  /* fed and not yet pulled, before `in`: copied */
    int64_t fed_us;   /* time of the last feed */
    int64_t since_us; /* what the deadline counts from: see mqtt_deadline() */
    uint32_t packet_max;
    uint32_t taken; /* bytes of `tail` under the last event */
    uint16_t keep_alive_s;
    uint16_t last_id;
    uint8_t role, state; /* enum mqtt_role, enum mqtt_state (packet.h) */
    uint8_t error;       /* enum err; not OK: dead */
    bool ping_waits;     /* client: PINGREQ without answer */
};

void mqtt_init(struct mqtt *m, const struct mqtt_config *config, int64_t now_us);
void mqtt_fini(struct mqtt *m);

/* ---- input */

/* The next bytes of the peer, borrowed until mqtt_next() is not OK or mqtt_keep() is called; one of
 * both comes before the next feed. */
void mqtt_feed(struct mqtt *m, struct slice bytes, int64_t now_us);

/* The next packet.  ERR_AGAIN: there is none, the fed bytes may go.  Any other error is final. */
enum err mqtt_next(struct mqtt *m, struct mqtt_event *ev) MUST_USE;

/* For a caller that stops pulling (authentication under way, back-pressure): copies what was fed
 * and not pulled, so that the fed bytes may go.  mqtt_next() goes on there later.  Ends the last
 * event.  The copy is as large as what the caller feeds, so it stops reading from the peer too. */
void mqtt_keep(struct mqtt *m);

/* Cuts the next filter off `s->filters`; false when there is none. */
bool mqtt_next_filter(struct mqtt_subscribe *s, struct mqtt_filter *filter);

/* ---- time */

/* When mqtt_tick() has something to do; INT64_MAX: never.
 * Server: 30 s for CONNECT, then 1.5 times the keep-alive after the last whole packet, at most and
 * without keep-alive MQTT_IDLE_MAX_S.  A caller that does not read its peer does not tick either.
 * Client: MQTT_ANSWER_WAIT_S for CONNACK and PINGRESP, half the keep-alive between PINGREQs; they are
 * sent however busy the line is, so that a dead peer shows. */
int64_t mqtt_deadline(const struct mqtt *m);

/* Sends what is due.  ERR_TIMEOUT: the peer was silent for too long; final. */
enum err mqtt_tick(struct mqtt *m, int64_t now_us) MUST_USE;

/* The caller reads its peer again: the time in which it did not counts for nothing. */
void mqtt_resumed(struct mqtt *m, int64_t now_us);

/* ---- output.  Texts are valid where they come from (UTF-8 without NUL, topics without wildcards):
 *      they are not checked again.  ERR_TOO_BIG: MQTT cannot express it, nothing was written. */

/* 1 .. 65535 and round again: free to use while fewer than 65535 are in flight in order. */
uint16_t mqtt_packet_id(struct mqtt *m);

/* Client.  `level` is not read. */
enum err mqtt_send_connect(struct mqtt *m, const struct mqtt_connect *c) MUST_USE;
enum err mqtt_send_subscribe(struct mqtt *m, uint16_t packet_id, const struct mqtt_filter *filters,
                             size_t count) MUST_USE;
enum err mqtt_send_unsubscribe(struct mqtt *m, uint16_t packet_id,
                               const struct mqtt_filter *filters, size_t count) MUST_USE;
void mqtt_send_disconnect(struct mqtt *m);

/* Server. */
void mqtt_send_connack(struct mqtt *m, enum mqtt_code code, bool session_present);
void mqtt_send_suback(struct mqtt *m, uint16_t packet_id, struct slice codes);
void mqtt_send_unsuback(struct mqtt *m, uint16_t packet_id);
void mqtt_send_pingresp(struct mqtt *m);

/* Both.  QoS 0 or 1; mqtt_tick() sends PINGREQ. */
enum err mqtt_send_publish(struct mqtt *m, const struct mqtt_publish *p) MUST_USE;
void mqtt_send_puback(struct mqtt *m, uint16_t packet_id);

#endif
