/* session.h - who is connected: one session for each identity, whatever the protocol.
 *
 * A front asks the identity's home to open a session; home looks at the identity, checks the
 * credential, ends an older session of the same identity first, and answers.  While a session is
 * open, home may close it: taken over, disabled, deleted, keys changed.
 *
 * What a session wants to be sent is a set of features: an MQTT connection's subscriptions, which
 * outlive it (clean session 0) and the server, or an AMQP connection's receiving links, which do not.
 * What is sent (a desired patch, a method call, a message) is posted by its capability at home to the
 * session's address and reaches the front through its struct session_owner.
 *
 * Runs on: session_home on the home core's lane; everything else on the core that holds the
 *          connection (often the same lane; the messages are the same).
 * Life:    struct session is embedded in the front's object and starts with session_open(); from then
 *          on its owner's functions may be called until session_end().
 * Order:   a new session is granted only after the old one's core has posted to the log what the old
 *          one had sent, so a device's messages keep their order across a takeover.
 * HTTPS:   a session of HUB_HTTP is a credential that was looked at, and no more: it takes over
 *          nobody and is taken over by nobody, its identity is not connected by it, it has no
 *          features.  Home closes it as any other.
 * Limits:  one session per identity (IoT Hub: error 400027 on the older one), of HTTPS
 *          SESSION_LIGHTS_MAX beside it; SESSION_SUBSCRIBES_MAX changes of features under way per session.
 */
#ifndef HUB_SESSION_SESSION_H
#define HUB_SESSION_SESSION_H

#include "auth/x509.h"
#include "hub/hub.h"

struct registry;
struct certificates;
struct blob;
struct log_writer;
struct session;
struct routing;
struct twin_desired;
struct method_request;
struct c2d_message;

enum {
    SESSION_REPORT_S = 60, /* last activity goes home this often */
    SESSION_GENERATION_MAX = 64,
    SESSION_SUBSCRIBES_MAX = 16,
    SESSION_LIGHTS_MAX = 64,       /* ours; the oldest is closed */
    SESSION_AUTH_CHAIN_MAX = 2048, /* bytes; REGISTRY_ANCESTORS_MAX ids */
    SESSION_MODEL_ID_MAX = 256,    /* bytes; DTDL allows an interface 128 */
    SESSION_GUESSES_MAX = 50,      /* a second, on each core */
    SESSION_SDK_MAX = 128,         /* bytes that are kept of what it says that it is */
    SESSION_TWIN_US = 5000000,     /* a twin that nobody tells of is asked for this often at most */
};

/* What a session wants to be sent.  Kept in the store: never renumber. */
enum session_feature {
    SESSION_C2D = 1 << 0,            /* cloud-to-device messages */
    SESSION_METHODS = 1 << 1,        /* direct methods */
    SESSION_TWIN_RESPONSES = 1 << 2, /* answers to its twin operations */
    SESSION_DESIRED = 1 << 3,        /* desired properties that change */
    SESSION_INPUTS = 1 << 4,         /* of a module: routed messages */
    SESSION_QOS1_SHIFT = 16,         /* feature << 16: granted at MQTT QoS 1 */
};

/* Why home refuses a session, or closes one. */
enum session_cause {
    SESSION_GRANTED,
    SESSION_TAKEN_OVER, /* a newer connection of the same identity */
    SESSION_UNKNOWN,    /* no such device, or it was deleted */
    SESSION_DISABLED,
    SESSION_KEY_CHANGED,     /* the credential it was opened with may no longer be valid */
    SESSION_BAD_TOKEN,       /* session_opened.auth says why */
    SESSION_BAD_CERTIFICATE, /* likewise */
    SESSION_WRONG_KIND,      /* a token of an X.509 identity, or the other way round */
    SESSION_UNAVAILABLE,     /* the store does not answer */
    SESSION_CAUSES
};

const char *session_cause_name(enum session_cause cause);

/* Who asks for a session, with what to show for it. */
struct session_ask {
    enum hub_protocol protocol;
    struct slice who;                     /* valid (hub_who_valid) */
    struct slice token;                   /* SAS; empty: none, then the certificate counts */
    const struct x509_facts *certificate; /* shown in the TLS handshake; NULL: none */
    struct slice
        auth_chain;        /* "who;..;edge device": that one's $edgeHub asks; empty: nobody else */
    struct slice model_id; /* its Plug and Play model, see session_model_id_valid(); empty: none */
    uint32_t features;     /* not MQTT: what it wants from the start */
    bool clean;            /* MQTT's clean session: earlier subscriptions are forgotten */

    /* For people: where it comes from, inside what, and what it says that it is. */
    struct slice peer, sdk;
    bool websocket;
};

/* May stand in a twin and in annotations: up to SESSION_MODEL_ID_MAX bytes of ASCII without spaces and
 * control characters.  Whether it is a DTMI is not looked at. */
bool session_model_id_valid(struct slice model_id);

/* Home's answer; what follows `auth` counts when the cause is SESSION_GRANTED. */
struct session_opened {
    enum session_cause cause;
    enum auth_cause auth;
    bool hub_scope;    /* a hub policy's token, not the device's own key */
    bool certified;    /* by a client certificate */
    int64_t ends_us;   /* when the connection must end, wall time; INT64_MAX: never */
    uint32_t features; /* MQTT: subscribed by earlier connections */
    char generation[SESSION_GENERATION_MAX + 1];
};

/* Why it was refused, for administrators: of a credential what is wrong with it. */
const char *session_cause_text(const struct session_opened *answer);

/* Who vouches for the identity, as consumers are told: "hub", "device", "module". */
const char *session_scope(const struct session_opened *answer, struct slice who);

struct session;

struct session_owner {
    void (*opened)(struct session *s, const struct session_opened *answer);
    void (*renewed)(struct session *s, const struct session_opened *answer); /* session_renew() */
    void (*close)(struct session *s, enum session_cause cause); /* call session_end() soon */

    /* A session_subscribe() took effect: what is wanted now; or not, and why.  In order. */
    void (*subscribed)(struct session *s, uint64_t cookie, uint32_t features, enum err e);

    /* Only for sessions that want them; each borrowed for the call.  NULL: never asked for. */
    void (*desired)(struct session *s, const struct twin_desired *d);
    void (*method)(struct session *s, const struct method_request *r);
    void (*message)(struct session *s, const struct c2d_message *m);

    /* That message goes without the device: if it still waits to be sent, it is not sent.  NULL: nothing ever
     * waits here. */
    void (*recall)(struct session *s, uint64_t sequence);
};

/* What the sessions of a core share. */
struct session_desk {
    const struct hub *hub;
    struct lane *lane;
    struct log_writer *writer;

    /* Set by whoever made it.  NULL: nothing is routed; nobody knows twins. */
    struct routing *routing;
    void (*ask_twin)(void *ctx, struct session *s); /* session_set_twin() follows */
    void *ask_ctx;
};

struct session {
    struct session_desk *desk;
    const struct session_owner *owner;
    struct addr slot;
    bool granted;
    enum hub_protocol protocol;
    unsigned subscribing; /* session_subscribe() calls that home has not answered */
    char *auth_chain;     /* as it was asked for; NULL: none */
    struct blob *twin;    /* as routes see it; NULL: unknown, or nobody wants to see it */
    int64_t twin_us;      /* since then; 0: it was never told */
    bool twin_asked;
    struct msg *opening; /* home's answer, until the twin is there */
    char who[HUB_WHO_LEN_MAX + 1];
};

void session_desk_init(struct session_desk *desk, const struct hub *hub, struct lane *lane,
                       struct log_writer *writer);

/* Asks the identity's home; owner->opened() follows. */
void session_open(struct session *s, struct session_desk *desk, const struct session_owner *owner,
                  const struct session_ask *ask);

/* A newer token for an open session; owner->renewed() follows with home's verdict and, when the cause
 * is SESSION_GRANTED, the new end.  Whatever it says, the session stays open. */
void session_renew(struct session *s, struct slice token);

/* Features join and leave; owner->subscribed() follows, for MQTT after the change is on disk.
 * ERR_FULL: SESSION_SUBSCRIBES_MAX of them are under way. */
enum err session_subscribe(struct session *s, uint32_t set, uint32_t clear,
                           uint64_t cookie) MUST_USE;

/* The connection is gone or obeys owner->close().  Harmless when the session never opened. */
void session_end(struct session *s);

/* Its identity's twin, for conditions and enrichments of routes; empty: unknown.  If routes want to see
 * it, it is there before owner->opened() is called, and home tells of its changes; over HTTPS, and when
 * routes want it only later, it is asked for on the way and some messages see an older one. */
struct slice session_twin(struct session *s);
void session_set_twin(struct session *s, struct slice json); /* ptr NULL: it cannot be had */

void session_active(struct session *s); /* something came from the device since the last report */

struct session_home;
struct sas;

/* One per core, after its registry. */
struct session_home *session_home_new(const struct hub *hub, struct lane *lane,
                                      struct registry *registry,
                                      const struct certificates *certificates);
void session_home_free(struct session_home *home);

/* For whoever is refused: is the token signed with a key of another service's that devices mistake for
 * their own?  `out` gets which.  At most SESSION_GUESSES_MAX tokens a second are asked about. */
void session_home_set_guess(struct session_home *home,
                            bool (*guess)(void *ctx, const struct sas *t, struct buf *out),
                            void *ctx);

/* ---- who is connected, for people: asked of home, from any core */

struct session_shown {
    bool connected; /* what follows counts if it is */
    enum hub_protocol protocol;
    bool websocket;
    uint32_t features;
    int64_t since_us;       /* wall time */
    struct slice peer, sdk; /* empty: not known.  Borrowed for the call */
};

/* Embedded in who wants to know; `fn` is called once, unless forgotten. */
struct session_show {
    void (*fn)(struct session_show *w, const struct session_shown *s);
    struct addr slot;
};

void session_show(const struct hub *hub, struct lane *lane, struct slice who,
                  struct session_show *w);
void session_show_forget(struct lane *lane, struct session_show *w);

/* ---- for the capabilities that share the home core */

/* An open session, as home knows it. */
struct session_link {
    struct addr session; /* post here; session_of() finds it there */
    enum hub_protocol protocol;
    uint32_t features;
};

/* False: there is none, or it is being closed. */
bool session_home_find(const struct session_home *home, struct slice who, struct session_link *out);

/* What the connected device says that it is, for resource logs of twins and methods.  Empty: not known; it is kept of who
 * connects while somebody wants those logs.  Borrowed until the caller returns. */
struct slice session_home_sdk(const struct session_home *home, struct slice who);

/* Likewise the member authenticationType, of who connects while somebody wants logs of twins. */
struct slice session_home_auth(const struct session_home *home, struct slice who);

/* Embedded in who wants to know.  Called when a session has opened or its features changed, with its
 * link, and when it has ended, with NULL.  A takeover is an end and an opening. */
struct session_listener {
    struct list node;
    void (*changed)(struct session_listener *l, struct slice who, const struct session_link *link);
};

void session_home_listen(struct session_home *home, struct session_listener *l);

/* On the session's core: the session that a message was posted to, or NULL when it is over. */
struct session *session_of(const struct lane *lane, const struct msg *m);

#endif
