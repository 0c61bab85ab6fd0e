/* session.h - who is connected: one session for each identity, whatever the protocol.
 *
 * A front asks its device's home to open a session; home looks at the identity, checks the
 * credential, ends an older session of the same identity first, and answers.  While a session is
 * open, home may close it: taken over, disabled, deleted, keys changed.
 *
 * Runs on: session_home on the home core's lane; everything else on the core that holds the
 *          connection (often the same lane; the messages are the same).
 * Life:    struct session is embedded in the front's object and starts with session_open(); from then
 *          on its owner's functions may be called until session_end().
 * Order:   a new session is granted only after the old one's core has posted to the log what the old
 *          one had sent, so a device's messages keep their order across a takeover.
 * Limits:  one session per identity (IoT Hub: error 400027 on the older one).
 */
#ifndef HUB_SESSION_SESSION_H
#define HUB_SESSION_SESSION_H

#include "auth/auth.h"
#include "hub/hub.h"

struct registry;
struct log_writer;

enum {
    SESSION_REPORT_S = 60, /* last activity goes home this often */
    SESSION_GENERATION_MAX = 64,
};

enum session_protocol { SESSION_MQTT, SESSION_AMQP, SESSION_HTTP };

/* Why home refuses a session, or closes one. */
enum session_cause {
    SESSION_GRANTED,
    SESSION_TAKEN_OVER, /* a newer connection of the same identity */
    SESSION_UNKNOWN,    /* no such device, or it was deleted */
    SESSION_DISABLED,
    SESSION_KEY_CHANGED, /* the credential it was opened with may no longer be valid */
    SESSION_BAD_TOKEN,   /* session_opened.auth says why */
    SESSION_WRONG_KIND,  /* a token for an X.509 device */
    SESSION_UNAVAILABLE, /* the store does not answer */
    SESSION_CAUSES
};

const char *session_cause_name(enum session_cause cause);

/* Home's answer; what follows `auth` counts when the cause is SESSION_GRANTED. */
struct session_opened {
    enum session_cause cause;
    enum auth_cause auth;
    bool hub_scope;  /* a hub policy's token, not the device's own key */
    int64_t ends_us; /* when the connection must end, wall time; INT64_MAX: never */
    char generation[SESSION_GENERATION_MAX + 1];
};

struct session;

struct session_owner {
    void (*opened)(struct session *s, const struct session_opened *answer);
    void (*close)(struct session *s, enum session_cause cause); /* call session_end() soon */
};

/* What the sessions of a core share. */
struct session_desk {
    const struct hub *hub;
    struct lane *lane;
    struct log_writer *writer;
};

struct session {
    struct session_desk *desk;
    const struct session_owner *owner;
    struct addr slot;
    bool granted;
    char device_id[HUB_ID_LEN_MAX + 1];
};

void session_desk_init(struct session_desk *desk, const struct hub *hub, struct lane *lane,
                       struct log_writer *writer);

/* Asks the device's home; owner->opened() follows.  The id is valid (hub_id_valid). */
void session_open(struct session *s, struct session_desk *desk, const struct session_owner *owner,
                  enum session_protocol protocol, struct slice device_id, struct slice token);

/* The connection is gone or obeys owner->close().  Harmless when the session never opened. */
void session_end(struct session *s);

void session_active(struct session *s); /* something came from the device since the last report */

struct session_home;

/* One per core, after its registry. */
struct session_home *session_home_new(const struct hub *hub, struct lane *lane,
                                      struct registry *registry);
void session_home_free(struct session_home *home);

#endif
