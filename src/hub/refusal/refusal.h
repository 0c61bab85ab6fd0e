/* refusal.h - why is my device refused?  The journal of what was refused, and of the causes.
 *
 * MQTT 3.1.1 gives a refused device one byte.  Whoever refuses, wherever that is (TLS, the protocol, the
 * identity's home, provisioning), says so here too, with what it saw and what it expected; administrators
 * read it, devices never do.  Each cause has a stable code.
 *
 *   who refuses ──refusal_note()──▶ journal of the identity's home ◀──refusal_ask()── an administrator
 *                                   (the address's, if nobody is named)  asks all cores
 *
 * A journal has a ring for each identity that exists, and one for strangers: ids that nobody vouched for,
 * and connections that got no further than TLS.  Equal repeats fold into one record with a count.  The
 * journal is memory only and ends with the process.
 *
 * Never noted: tokens, keys, passwords, what is in a message.  Who notes sees to that.
 *
 * When one cause meets many identities at once, something that they share is wrong: a clock, a key, a network.
 * The hub's first core counts them (crowd.c), for an alert.
 *
 * Runs on: refusal_note() on any core's lane; refusal_home_*() on the identity's home; the table anywhere.
 * Life:    refusals_new() before the lanes run, refusals_free() after they stopped.
 * Limits:  the constants below.  What is no refusal finds no room when the journal is full.
 */
#ifndef HUB_REFUSAL_REFUSAL_H
#define HUB_REFUSAL_REFUSAL_H

#include "hub/hub.h"
#include "store/store.h"

enum {
    REFUSAL_RING_MAX = 64,        /* records of an identity; the oldest goes */
    REFUSAL_STRANGERS_MAX = 4096, /* records of strangers, all cores; the oldest goes */
    REFUSAL_RECORDS_MAX =
        65536,                  /* records of identities, all cores; the identity that was quiet for
                                      longest loses all of its */
    REFUSAL_TEXT_MAX = 256,     /* bytes of each text; the rest is cut off */
    REFUSAL_PAGE_MAX = 256,     /* records of an answer */
    REFUSAL_RENEWAL_S = 60,     /* who is back so soon has renewed its token */
    REFUSAL_ALERT_IDS = 3,      /* more ids than that with one cause ... */
    REFUSAL_ALERT_S = 300,      /* ... within so long are an alert */
    REFUSAL_ALERT_COUNTED = 64, /* ids that an alert counts; more are said to be "64 or more" */
    REFUSAL_TELL_S = 1,         /* who watches is told of equal repeats that often at most */
    REFUSAL_FLAPPING_S =
        600, /* who was cut off REFUSAL_FLAPPING_MIN times within so long is flapping */
    REFUSAL_FLAPPING_MIN = 5,
};

enum refusal_cause {
    REFUSAL_CONNECTED, /* an attempt that was accepted: so that it is known when the others ended */
    REFUSAL_NO_TLS,
    REFUSAL_TLS_VERSION,
    REFUSAL_SERVER_NOT_TRUSTED,
    REFUSAL_NAME_MISMATCH,
    REFUSAL_CLIENT_CERT,
    REFUSAL_NO_COMMON_CIPHER,
    REFUSAL_TLS_BROKEN,
    REFUSAL_CLIENT_CLOCK,
    REFUSAL_WS_PATH,
    REFUSAL_MQTT_LEVEL,
    REFUSAL_ID_MISMATCH,
    REFUSAL_USER_NAME,
    REFUSAL_OTHER_HUB,
    REFUSAL_SAS_FORM,
    REFUSAL_SAS_EXPIRED,
    REFUSAL_SAS_RESOURCE,
    REFUSAL_SAS_SIGNATURE,
    REFUSAL_SAS_NOT_ALLOWED,
    REFUSAL_POLICY_RIGHT,
    REFUSAL_SAS_TOO_LONG,
    REFUSAL_UNKNOWN_ID,
    REFUSAL_DISABLED,
    REFUSAL_AUTH_KIND,
    REFUSAL_THUMBPRINT,
    REFUSAL_ON_BEHALF,
    REFUSAL_THROTTLED,
    REFUSAL_QUOTA,
    REFUSAL_TAKEOVER,
    REFUSAL_KEEPALIVE,
    REFUSAL_TOKEN_RENEWAL,
    REFUSAL_PROTOCOL,
    REFUSAL_PEER_GONE,
    REFUSAL_WE_CLOSED,
    REFUSAL_DPS_NO_ENROLLMENT,
    REFUSAL_DPS_CERTIFICATE,
    REFUSAL_DPS_DISABLED,
    REFUSAL_DPS_NO_HUB,
    REFUSAL_DPS_WEBHOOK,
    REFUSAL_DPS_KEY,
    REFUSAL_NOT_SUBSCRIBED,
    REFUSAL_CAUSES
};

/* How far an attempt got: the ladder. */
enum refusal_stage {
    STAGE_TCP,
    STAGE_TLS,
    STAGE_WEBSOCKET,
    STAGE_PROTOCOL,
    STAGE_IDENTITY,
    STAGE_CREDENTIAL,
    STAGE_PERMISSION,
    STAGE_SESSION,
    STAGE_SUBSCRIPTIONS,
    STAGE_TRAFFIC,
    STAGES
};

enum refusal_severity {
    SEVERITY_REFUSED,   /* nothing came of it */
    SEVERITY_CLOSED,    /* it was connected, and was cut off */
    SEVERITY_GREY,      /* as it should be */
    SEVERITY_CONNECTED, /* REFUSAL_CONNECTED */
};

/* A cause, for people.  Texts have fill-ins: {id} {peer} {port} {protocol} {sni} {sdk} {observed}
 * {expected} {for} (of the evidence's number, as a time span), {host}, {ca}; and for commands {target}
 * (-d d -m m), {kind} (device-identity), {word} (the id) and {sniword}, quoted for a shell. */
struct refusal_text {
    const char *code; /* "C131", for ever */
    const char *name; /* "sas-expired" */
    enum refusal_stage stage;
    enum refusal_severity severity;
    const char *happened; /* a sentence */
    const char *observed; /* what was seen, where the record says no more */
    const char *expected; /* where the record does not say it */
    const char *next;     /* one step, which can be pasted where it is a command */
};

const struct refusal_text *refusal_text(enum refusal_cause cause);
const char *refusal_stage_name(enum refusal_stage stage);
const char *refusal_severity_name(enum refusal_severity severity);

/* The cause with that code or name, in any case; REFUSAL_CAUSES: there is none. */
enum refusal_cause refusal_cause_of(struct slice text);

/* What was refused, by whom it came and what was seen.  Empty: not known. */
struct refusal {
    enum refusal_cause cause;
    const char *protocol; /* a constant: "tls", "mqtt", "amqp", "https", "dps"; NULL: not known */
    uint16_t port;        /* the listener's; 0: not known */
    bool known;           /* the identity exists: it has a ring of its own */
    bool doubtful;     /* shown when it has happened twice: of one time nothing can be concluded */
    int64_t number;    /* seconds, of {for} */
    struct slice who;  /* as claimed */
    struct slice peer; /* "127.0.0.1:40312" */
    struct slice sni, sdk;
    struct slice observed, expected;
    struct slice next; /* instead of the table's */
};

struct refusals;

struct refusals *refusals_new(const struct hub *hub);
void refusals_attach(struct refusals *r, struct lane *core); /* each core, before the lanes run */
void refusals_free(struct refusals *r);

/* Texts are copied.  `r` NULL: nobody keeps a journal. */
void refusal_note(struct refusals *r, struct lane *lane, const struct refusal *what);

/* At the identity's home: noted at once. */
void refusal_home_note(struct refusals *r, struct lane *home, const struct refusal *what);

/* At home: an attempt was accepted.  Costs nothing unless something was refused before. */
void refusal_home_connected(struct refusals *r, struct lane *home, const struct refusal *what);

/* At home: the cause of the identity's latest record, if it is not older; else REFUSAL_CAUSES. */
enum refusal_cause refusal_home_last(struct refusals *r, struct lane *home, struct slice who,
                                     int64_t since_us);

/* ---- reading */

struct refusal_query {
    struct slice who;         /* empty: all */
    enum refusal_cause cause; /* REFUSAL_CAUSES: any */
    bool refused_only;        /* nothing grey, no REFUSAL_CONNECTED */
    unsigned top;             /* 1 to REFUSAL_PAGE_MAX */
    int64_t since_us;         /* wall time */
    int64_t before_us;        /* a page ends before this: the last record's time and core */
    unsigned before_core;
};

/* A record.  Times are unique on a core. */
struct refusal_seen {
    struct refusal what;
    unsigned core;
    int64_t first_us, last_us; /* wall time */
    int64_t number_min, number_max;
    uint32_t count;
};

/* Many were refused for one cause within REFUSAL_ALERT_S, and still are.  Connections that named no id count
 * for none. */
struct refusal_alert {
    int64_t since_us, last_us; /* wall time */
    enum refusal_cause cause;
    unsigned ids; /* distinct ones, at most REFUSAL_ALERT_COUNTED */
};

struct refusal_page {
    const struct refusal_seen *items; /* newest first */
    size_t count;
    bool more;
    const struct refusal_alert *alerts; /* of all causes, whatever was asked */
    size_t alert_count;
};

/* Embedded in who wants to know; `fn` is called once, unless forgotten. */
struct refusal_wait {
    void (*fn)(struct refusal_wait *w, const struct refusal_page *page);
    struct refusal_gather *gather; /* NULL: nothing is awaited */
};

void refusal_ask(struct refusals *r, struct lane *lane, const struct refusal_query *q,
                 struct refusal_wait *w);
void refusal_forget(struct refusal_wait *w);

/* Of an identity: how often it was connected and cut off within REFUSAL_FLAPPING_S, as far as these records tell;
 * `cause` gets the most frequent one, or REFUSAL_CAUSES. */
unsigned refusal_flapping(const struct refusal_page *page, int64_t now_us,
                          enum refusal_cause *cause);

bool refusal_is_of_unknown_id(const struct refusal_page *page); /* the latest */

/* Is there a device of that name in another spelling?  `fn` is called once, with it or with nothing,
 * unless `wait` is forgotten (store_forget()). */
struct refusal_spelling {
    void (*fn)(struct refusal_spelling *s, struct slice other);
    struct store_wait wait;
};

void refusal_ask_spelling(const struct store *store, struct lane *lane, struct slice who,
                          struct refusal_spelling *s);

/* ---- for people */

/* How an identity is now, since this server started. */
struct refusal_presence {
    bool connected;
    int64_t changed_us; /* since then, wall time; 0: it was never connected, or that is not known */
};

/* Who is reading: names for the fill-ins. */
struct refusal_reader {
    const char *host; /* the hub's */
    const char *ca;   /* its authority's file; NULL: "the CA's certificate" */
    struct slice
        spelling; /* of a device that exists, where the id asked about does not; or empty */
    struct refusal_presence presence; /* of the identity, for refusal_write_all() */
};

/* A record as JSON: time, cause, stage, evidence, texts. */
void refusal_write(struct buf *out, const struct refusal_seen *seen,
                   const struct refusal_reader *reader);

/* One sentence, without JSON. */
void refusal_put_happened(struct buf *out, const struct refusal_seen *seen,
                          const struct refusal_reader *reader);

/* Of an identity: {"id","summary","stages","flapping","attempts"}; `now_us` is wall time. */
void refusal_write_all(struct buf *out, struct slice who, const struct refusal_page *page,
                       const struct refusal_reader *reader, int64_t since_us, int64_t now_us);

/* Alerts as JSON: [{"cause","name","ids","since","last","text"}]. */
void refusal_write_alerts(struct buf *out, const struct refusal_page *page);

/* The table: {"value":[{"cause","name","stage","severity","text"}]}. */
void refusal_write_causes(struct buf *out);

#endif
