/* telemetry.h - messages from devices, on their way into the log.
 *
 * One common envelope for every protocol: a front fills it, telemetry checks it, stamps who sent it,
 * asks the routes where it goes (hub/routing) and appends it, in the encoding in which consumers will
 * get it.  What nobody wants is appended too, to no destination: it is acknowledged as any other.
 *
 * Runs on: the core that holds the device's connection.  Never blocks.
 * Life:    struct telemetry per core; struct telemetry_sender per session.  An envelope is borrowed
 *          for the call.
 * Limits:  TELEMETRY_SIZE_MAX bytes of body, system properties and application properties together
 *          (IoT Hub: 256 KB); TELEMETRY_PROPERTIES_MAX application properties (ours).
 * Errors:  ERR_TOO_BIG over a limit, with a text; the caller answers as its protocol does.
 */
#ifndef HUB_TELEMETRY_TELEMETRY_H
#define HUB_TELEMETRY_TELEMETRY_H

#include "hub/hub.h"
#include "hub/status.h"
#include "log/log.h"

enum { TELEMETRY_SIZE_MAX = 256 << 10, TELEMETRY_PROPERTIES_MAX = 1000 };

struct routing;
struct session;
struct sketch;

struct telemetry {
    const struct hub *hub;
    struct log_writer *writer;
    struct routing *routing; /* NULL: everything goes to the stream */
    struct sketch *talkers;  /* hub/talker; NULL: nobody counts who sends most */
    unsigned partitions;
};

void telemetry_init(struct telemetry *t, const struct hub *hub, struct log_writer *writer,
                    struct routing *routing);

struct property {
    struct slice name, value;
};

/* Only the hub says who sent a message: "iothub-connection-device-id" and its like are left out of what a device sends,
 * without a word. */
bool telemetry_is_stamp(struct slice name);

/* A message as every protocol can say it.  Absent text is SLICE_NONE, absent time 0. */
struct envelope {
    struct slice message_id, correlation_id, user_id, to;
    struct slice content_type, content_encoding;
    int64_t expiry_ms;           /* absolute-expiry-time, wall */
    struct slice subject;        /* dt-subject: a Plug and Play component */
    struct slice interface_id;   /* iothub-interface-id */
    struct property *properties; /* application properties, in the sender's order */
    size_t property_count;
    struct slice body;
};

/* ---- by which transport messages come */

/* What becomes of a message that has arrived: stored is what telemetry_submit() took. */
enum telemetry_fate { TELEMETRY_STORED, TELEMETRY_THROTTLED, TELEMETRY_REFUSED, TELEMETRY_FATES };

/* A front counts every message that arrives, and those that it does not submit; the sum of the fates is
 * what has arrived, and an alert tells when it is not (packaging/prometheus). */
void telemetry_arrived(enum hub_protocol t, unsigned messages);
void telemetry_turned_away(enum hub_protocol t, enum telemetry_fate fate, unsigned messages);

/* Of those turned away, for resource logs, where the connection goes on (over MQTT it ends, with a refusal). */
void telemetry_diagnose(const struct hub *hub, struct lane *lane, struct slice who,
                        enum hub_protocol t, unsigned messages, enum status status);

/* What the hub knows of a sender and stamps on all it sends. */
struct telemetry_sender {
    enum hub_protocol transport; /* set by the caller */
    unsigned partition;
    unsigned pair_count;
    struct buf pairs; /* the constant annotations, encoded once per session */
    struct slice device_id, module_id, model_id; /* within those */
    struct session *session; /* whose twin routes see; set by the caller, NULL: nobody's */
};

/* `who` is an identity; `auth_type` is "sas" or "x509", `auth_scope` "device", "module" or "hub";
 * `model_id` may be empty. */
void telemetry_sender_init(struct telemetry_sender *s, const struct telemetry *t, struct slice who,
                           struct slice generation_id, const char *auth_scope,
                           const char *auth_type, struct slice model_id);
void telemetry_sender_fini(struct telemetry_sender *s);

/* What counts as its size: body, system and application properties. */
size_t telemetry_size(const struct envelope *message);

/* Would telemetry_submit() take it? */
enum err telemetry_check(const struct envelope *message) MUST_USE;

/* What a reader of a message says when it has more than TELEMETRY_PROPERTIES_MAX: ERR_TOO_BIG. */
enum err telemetry_too_many_properties(void);

/* Appends the message; `done` is called on this lane when it is durable or was refused (log.h). */
enum err telemetry_submit(struct telemetry *t, const struct telemetry_sender *sender,
                          const struct envelope *message, int64_t wall_us, log_done_fn done,
                          struct addr who, uint64_t cookie) MUST_USE;

/* When a message expires, as devices write it in text: ISO 8601, or milliseconds since 1970 (what
 * Node's and Java's SDKs make of a number).  ERR_INVALID: neither; `*ms` is then of no use. */
enum err telemetry_parse_expiry(struct slice value, int64_t *ms) MUST_USE;

/* MQTT's and HTTP's property bag "k=v&k2=v2", percent-encoded (IoT Hub MQTT topics).  Fills the
 * envelope; decoded text lives in `scratch` (cleared first), properties in `space`.
 * ERR_INVALID: bad percent-encoding, bad UTF-8, NUL, empty name, unreadable $.exp;
 * ERR_TOO_BIG: more than TELEMETRY_PROPERTIES_MAX. */
enum err telemetry_parse_bag(struct slice bag, struct buf *scratch,
                             struct property space[TELEMETRY_PROPERTIES_MAX],
                             struct envelope *out) MUST_USE;

#endif
