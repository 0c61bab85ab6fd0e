/* fleet.h - many devices that send telemetry: one, or thousands, in one thread.
 *
 * A run connects every device of the plan, sends what the payload has for it at the plan's pace with
 * QoS 1 and ends when everything is acknowledged, when the time is over or at SIGINT or SIGTERM.  A
 * connection that is lost is made again after a growing pause, and what was not acknowledged is sent
 * again, marked as a duplicate, with its packet identifier.
 *
 * Runs on: the main thread; fleet_run() blocks until the end.
 * Life:    what the plan points to outlives the run.
 * Limits:  the constants below; sockets by the descriptor limit, which is raised as far as it goes.
 * Errors:  before the first device is up a failing connection ends the run: ERR_IO (no connection),
 *          ERR_DENIED (certificate), ERR_PROTOCOL, ERR_TIMEOUT; afterwards it is tried again.
 *          At the end ERR_DENIED when devices were refused, ERR_PROTOCOL when what they report was, ERR_TIMEOUT when messages were left
 *          unacknowledged; `out` is filled in either way.
 */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "cli/payload.h"

struct tls_context;

enum {
    FLEET_DEVICES_MAX = 100000,
    FLEET_WINDOW_MAX = 1000,      /* messages of one device that wait for their PUBACK */
    FLEET_MESSAGES_MAX = 4 << 20, /* those of all devices */
    FLEET_CONNECTING_MAX = 64,    /* devices that connect at the same time */
    FLEET_OUT_MAX = 256 << 10,    /* bytes of one device that the network has not taken yet */
    FLEET_COMPLAINTS_MAX = 5,     /* lines about single devices; the rest is counted */
    FLEET_TOKEN_S = 24 * 3600, /* life of a token; after it the hub hangs up and gets a new one */
};
#define FLEET_RETRY_MIN_US (1 * 1000000ll) /* the first pause before a new connection, about */
#define FLEET_RETRY_MAX_US (30 * 1000000ll)
#define FLEET_CATCH_UP_US  (1 * 1000000ll) /* how far a device that was held up makes up for it */

/* Who a device is: a key of its own, or that of a policy which may stand for any device. */
struct fleet_identity {
    struct slice host; /* what tokens are made for */
    struct slice device, module;
    struct slice key;   /* bytes */
    const char *policy; /* whose key it is; NULL: the device's own */
    struct slice token; /* made by somebody else: used instead of a key, if not empty */
    bool x509;          /* the certificate of the plan's TLS context says who it is: no token */
};

/* What devices listen to, and what they do with it. */
struct fleet_answers {
    bool methods, messages;
    int method_status;
    struct slice method_payload; /* JSON; ptr NULL: the request's name, id and payload */
    struct slice reported; /* JSON: properties that each reports once, at first; empty: none */
};

struct fleet_plan {
    const char *dial, *host; /* address to connect to; name that the certificate must have */
    unsigned port;
    struct tls_context *tls; /* NULL: bare MQTT */
    const struct fleet_identity *identities;
    size_t count;
    struct slice model_id; /* told with CONNECT; empty: none */
    struct fleet_answers answers;
    const struct payload *payload;
    double speed;        /* of a payload with times: 1 as in the file, 60 a minute in a second */
    int64_t interval_us; /* between two messages of a device; 0: as fast as they are acknowledged */
    uint64_t messages;   /* of each device; 0: no end */
    int64_t duration_us; /* 0: no end */
    int64_t wait_us;     /* for what is still unacknowledged at the end */
    unsigned window;
    bool once;  /* all messages or a failure: does not connect again */
    bool quiet; /* nothing on stderr */
    uint64_t seed;
};

enum {
    FLEET_LATENCY_BITS = 6,
    FLEET_LATENCY_CELLS = (64 - FLEET_LATENCY_BITS) << FLEET_LATENCY_BITS
};

/* How often which time was taken, to 1.6 %. */
struct fleet_latency {
    uint64_t cells[FLEET_LATENCY_CELLS];
    uint64_t count;
    int64_t max_us;
};

struct fleet_result {
    size_t connected; /* devices that were up at least once */
    size_t refused;
    uint64_t sent, acknowledged, failed; /* messages; failed: sent and never acknowledged */
    uint64_t reconnects, resent;
    uint64_t methods, messages;   /* methods answered, messages taken from the hub */
    size_t reported;              /* devices whose reported properties the hub has taken */
    int64_t elapsed_us;           /* from the first message to the last acknowledgement */
    struct fleet_latency latency; /* from sending a message first to its acknowledgement */
};

enum err fleet_run(const struct fleet_plan *plan, struct fleet_result *out) MUST_USE;

/* The time below which a part of them (0.5, 0.99) was; 0 without any. */
int64_t fleet_latency_us(const struct fleet_latency *l, double part);
void fleet_latency_add(struct fleet_latency *l, int64_t us);

#endif
