/* amqp.h - everybody who speaks AMQP 1.0: back ends that read the stream, and their management.
 *
 * One connection carries links to any nodes of ours, so one front serves them all: `$cbs` takes
 * tokens, `$management` answers questions about the stream, `{hub}/ConsumerGroups/{group}/
 * Partitions/{n}` is read, `{event hub}` is sent to, and the IoT host name's `messages/events` leads to
 * the stream.  Links to
 * `devices/{d}/...` are devices: each identity has a session of its own, however many of them share
 * the connection.  Services send to devices at `messages/devicebound` and hear of it at
 * `messages/servicebound/feedback`.
 *
 * Runs on: the core that holds the connection.  Who may read a partition under which owner level is
 *          decided on one core for each partition (owners.h).
 * Limits:  the constants below.
 * Errors:  conditions that the SDKs know, with a description that helps (README.md).
 */
#ifndef FRONT_AMQP_AMQP_H
#define FRONT_AMQP_AMQP_H

#include "hub/consumer_group/consumer_group.h"
#include "hub/hub.h"
#include "hub/session/session.h"
#include "net/conn.h"

enum {
    AMQP_PEER_TOKENS_MAX = 1100,        /* of one connection; a multiplexing SDK has 1 000 */
    AMQP_STRANGER_KEPT_MAX = 256 << 10, /* bytes kept for a peer before a good credential */
    AMQP_STRANGER_ROOM = 16 << 10,      /* with less of them left answers of homes are waited for */
    AMQP_DEVICE_COST = 2048,            /* of an identity, counted with each of its links */
    AMQP_RPC_CREDIT = 50, /* requests, and answers not taken, per link to $cbs, $management */
    AMQP_RPC_MESSAGE_MAX = 65536, /* bytes of a request */
    AMQP_C2D_CREDIT = 100,        /* messages to devices under way, per link */
    AMQP_C2D_MESSAGE_MAX =
        256 << 10,               /* bytes; what is over the hub's 64 KiB is rejected by itself */
    AMQP_READERS_MAX = 5,        /* without owner level, per group and partition (Event Hubs) */
    AMQP_READ_BYTES = 256 << 10, /* asked from the log at a time */
    AMQP_REDIRECT_WAIT_MS = 100, /* between attach and redirect: rhea-promise needs a pause */
    AMQP_EVENTS_CREDIT = 200,    /* messages of a device link that are not settled */
    AMQP_EVENTS_MESSAGE_MAX =
        1 << 20,           /* bytes of a transfer, as IoT Hub says; see TELEMETRY_SIZE_MAX */
    AMQP_BATCH_MAX = 1000, /* messages in a batched transfer */
    AMQP_DPS_CREDIT = 16,  /* requests of a device that registers, and answers not taken */
    AMQP_DPS_MESSAGE_MAX = 128 << 10, /* bytes of a request; 96 KB of it are the device's */
    AMQP_EVENT_MESSAGE_MAX = 1 << 20, /* bytes of a producer's transfer (Event Hubs, Standard) */
    AMQP_EVENT_TAKEN_MAX = 2 << 20,   /* larger ones are read up to this, to be rejected */
    AMQP_EVENT_KEY_MAX = 128,         /* of a partition key, as the SDKs have it */
    AMQP_PUBLISHER_MAX = 128,         /* of a publisher's name, which its events carry; ours */
    AMQP_FLIGHT_MAX = 32,     /* messages to a device that wait for credit or a disposition */
    AMQP_METHOD_CREDIT = 100, /* answers of a device link that are not settled */
    AMQP_METHOD_UNSENT_MAX =
        256 << 10, /* bytes of calls that wait for a device's credit; then 429005 */
    AMQP_METHOD_MESSAGE_MAX = 256 << 10, /* bytes of an answer; the hub takes 128 KiB of payload */
    AMQP_TWIN_CREDIT = 50,               /* requests, and answers not taken, per link */
    AMQP_TWIN_MESSAGE_MAX = 320 << 10,   /* bytes of a request; the hub takes 256 KiB of JSON */
    AMQP_TWIN_PATCHES_MAX = 256, /* desired patches that wait for credit: the link is detached */
};

#define AMQP_NO_LINK_FIRST_US (60 * 1000000ll)  /* Service Bus: closes a connection without links */
#define AMQP_NO_LINK_LATER_US (300 * 1000000ll) /* ... after the last one went */
#define AMQP_LOGIN_LOOK_US    (60 * 1000000ll)  /* so often: has the policy the key still? */
#define AMQP_READ_KEEP_US     (10 * 1000000ll)  /* that long a reader keeps what it may not send */

extern const struct front amqp_front;

struct amqp_service;
struct event_hubs;
struct c2d;
struct dps;
struct methods;
struct twins;
struct notices;

/* What links lead to, of this core.  NULL: the hub does not offer that, and its nodes are not there. */
struct amqp_doors {
    struct session_desk *desk;
    struct consumer_groups *groups;
    struct event_hubs *event_hubs; /* beside the built-in one */
    struct c2d *c2d;
    struct dps *dps;
    struct methods *methods;
    struct twins *twins;
    struct notices *files; /* that were uploaded */
};

/* One per core: the listener's context for amqp_front. */
struct amqp_service *amqp_service_new(const struct amqp_doors *doors);
void amqp_service_free(struct amqp_service *s);

/* The log has room again: devices that were told to wait get credit. */
void amqp_relief(struct amqp_service *s);

#endif
