/* link.h - one device's connection to a hub: MQTT in the client role, in TLS or bare, as one sans-IO
 * engine.
 *
 *     link_init(&l, &config, now);                     the transport is connected
 *     link_feed(&l, bytes, now);
 *     while ((e = link_next(&l, &ev)) == OK) ...;      LINK_SECURED: link_connect()
 *     if (e != ERR_AGAIN) hang_up();                   fail_text() has the reason
 *     link_flush(&l);                                  what was sent now lies in config.out
 *
 * Runs on: one thread.  The plaintext of an event lies in a buffer that all links of the thread
 *          share: pull one link to its end before feeding another.
 * Life:    link_init() .. link_fini(); then it can be initialised again.
 * Limits:  LINK_SECURE_WAIT_US for TLS; the waits of proto/mqtt for CONNACK and PINGRESP.
 * Errors:  ERR_DENIED: the certificate is not trusted; ERR_PROTOCOL: not TLS, not MQTT or not by their
 *          rules; ERR_CLOSED: the hub said good-bye; ERR_TIMEOUT.  All are final.
 * Source:  "Communicate with your IoT hub using the MQTT protocol": CONNECT, topics.
 */
#ifndef CLI_LINK_H
#define CLI_LINK_H

#include "proto/mqtt/mqtt.h"
#include "proto/tls/tls.h"

enum { LINK_KEEP_ALIVE_S = 240 /* as the C SDK */ };
#define LINK_SECURE_WAIT_US (30 * 1000000ll)

struct link_config {
    struct buf *out;         /* bytes for the transport; outlives the link */
    struct tls_context *tls; /* NULL: MQTT without TLS */
    const char *host;        /* whom the certificate must name */
};

struct link_identity {
    struct slice client_id, user_name;
    struct slice password; /* ptr NULL: none, the certificate says who it is */
};

struct link_message {
    struct slice topic, payload;
    uint16_t packet_id; /* 0: at QoS 0 */
    bool again;         /* it was sent before, on this connection or an earlier one */
};

enum link_event_kind {
    LINK_SECURED,  /* the line is up: say who you are */
    LINK_ANSWERED, /* code; not MQTT_ACCEPTED: the hub hangs up */
    LINK_ACKED,    /* packet_id */
    LINK_GRANTED,  /* packet_id; refused: at least one filter was */
    LINK_TOLD,     /* topic, payload; packet_id 0: at QoS 0, else it wants link_ack() */
};

struct link_event {
    enum link_event_kind kind;
    enum mqtt_code code;
    uint16_t packet_id;
    bool refused;
    struct slice topic, payload; /* until the next link_next() */
};

struct link {
    struct tls tls;
    struct mqtt mqtt;
    struct buf plain; /* what MQTT wrote, until it is encrypted */
    struct buf *out;
    struct slice in; /* fed and not handed on yet: without TLS, before LINK_SECURED */
    int64_t since_us, fed_us;
    bool encrypted, secured, answered, over;
};

void link_init(struct link *l, const struct link_config *config, int64_t now_us);
void link_fini(struct link *l);

void link_feed(struct link *l, struct slice bytes, int64_t now_us);
enum err link_next(struct link *l, struct link_event *ev) MUST_USE;

/* When link_tick() has something to do.  ERR_TIMEOUT: the hub was silent for too long. */
int64_t link_deadline(const struct link *l);
enum err link_tick(struct link *l, int64_t now_us) MUST_USE;

/* ERR_TOO_BIG: MQTT cannot carry it. */
enum err link_connect(struct link *l, const struct link_identity *who) MUST_USE;

/* At QoS 1 LINK_ACKED follows.  ERR_TOO_BIG: MQTT cannot carry it. */
enum err link_publish(struct link *l, const struct link_message *m) MUST_USE;

/* LINK_GRANTED follows. */
enum err link_subscribe(struct link *l, uint16_t packet_id, const struct mqtt_filter *filters,
                        size_t count) MUST_USE;

void link_ack(struct link *l, uint16_t packet_id);

/* DISCONNECT and the end of TLS. */
void link_close(struct link *l);

/* Encrypts what was sent since the last flush. */
void link_flush(struct link *l);

/* "not authorized (CONNACK 5)" */
const char *link_code_text(enum mqtt_code code);

#endif
