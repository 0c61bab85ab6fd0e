/* fleet_device.h - one device of a fleet, without its socket.  Private to fleet.
 *
 *   RESTING ── the loop dials ──► DIALLING ── fleet_device_open() ──► OPENING ── CONNACK 0 ──► UP
 *      ▲                             │                                   │                    │ │
 *      └───── fleet_device_lost() ◄──┴───────────────────────────────────┴────────────────────┘ │
 *   OVER ◄── refused, or all is said and acknowledged ◄─────────────────────────────────────────┘
 *
 * Runs on: one thread.  Bytes for the network lie in `out` after each call.
 * Errors:  after an error of fleet_device_feed() or _run() the loop hangs up and tells the device so
 *          with fleet_device_lost(); fail_text() still has the reason.
 */
#ifndef CLI_FLEET_DEVICE_H
#define CLI_FLEET_DEVICE_H

#include "base/list.h"
#include "cli/fleet.h"
#include "cli/fleet_heap.h"
#include "cli/link.h"

enum {
    FLEET_UNHEARD_MAX = 3
}; /* connections that end at a percent-encoded id, one after the other */
#define FLEET_DIAL_WAIT_US (10 * 1000000ll)

enum fleet_state { FLEET_RESTING, FLEET_DIALLING, FLEET_OPENING, FLEET_UP, FLEET_OVER };

struct fleet_message {
    struct buf topic, body;
    int64_t sent_us; /* for the first time */
    uint16_t packet_id;
    bool acknowledged;
};

struct fleet_device {
    struct fleet *fleet;
    const struct fleet_identity *identity;
    enum fleet_state state;
    struct payload_state payload;
    struct link link;
    struct buf out;
    struct fleet_message *window; /* a ring of plan->window messages */
    size_t first, waiting;        /* those that are not acknowledged, in the order they were sent */
    uint64_t sent;
    uint16_t last_id;
    int64_t next_us;   /* when the next message is due, where the pace says so */
    int64_t change_us; /* RESTING: when to dial; DIALLING: when to give up */
    unsigned failures; /* lost connections since the last acknowledgement */
    bool was_up, said; /* said: all that it had to say */
    bool reported;     /* the hub has answered what it reported, or it reports nothing */
    char refusal[64];  /* why the hub did not want it, or "" */

    /* the loop's */
    struct fleet_due due;
    struct list queued;
    int fd;
    size_t address, addresses_tried;
    bool connecting, watches_out;
};

struct fleet {
    const struct fleet_plan *plan;
    struct fleet_result *result;
    struct arena arena;
    struct fleet_device *devices;
    int64_t first_us, last_us; /* of the first message, of the last acknowledgement */
    int64_t up_us;   /* when the first device was up; times of the payload count from here */
    bool stopping;   /* nothing new is said */
    size_t up, over; /* devices in that state */
    size_t said;     /* devices that have nothing more to say */
    char lost[160];  /* why a connection was lost since the last acknowledgement, or "" */
    size_t complaints;
    const struct fleet_device *first_refused;
    char unreported[160]; /* why the hub did not take what was reported, or "" */
    enum err error;       /* what ends the run, with its text */
    char error_text[512];
};

void fleet_device_init(struct fleet_device *d, struct fleet *f, size_t index);
void fleet_device_fini(struct fleet_device *d);

void fleet_device_dial(struct fleet_device *d, int64_t now_us); /* a connection is being made */
enum err fleet_device_open(struct fleet_device *d, int64_t now_us) MUST_USE; /* it is there */
enum err fleet_device_feed(struct fleet_device *d, struct slice bytes, int64_t now_us) MUST_USE;

/* What is due: messages, a ping, the end. */
enum err fleet_device_run(struct fleet_device *d, int64_t now_us) MUST_USE;
int64_t fleet_device_deadline(const struct fleet_device *d);

void fleet_device_lost(struct fleet_device *d, enum err why, int64_t now_us);

/* For fleet_answer.c: "devices/{id}[/modules/{m}]" and what is behind it; the next packet identifier. */
void fleet_device_put_topic(struct buf *out, const struct fleet_identity *id, const char *rest);
uint16_t fleet_device_packet_id(struct fleet_device *d);

/* A token for it: its own, or made with its key for FLEET_TOKEN_S. */
void fleet_device_put_token(struct buf *out, const struct fleet_identity *id);

/* Says good-bye to the hub; what is not acknowledged stays so. */
void fleet_device_leave(struct fleet_device *d);

#endif
