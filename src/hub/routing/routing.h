/* routing.h - where messages go: routes, endpoints, enrichments and the fallback route of the hub.
 *
 *   PUT of a document ──▶ first core: checked, ETag, bits ──unit──▶ store
 *                            │ yes
 *                            └──▶ every core takes the new snapshot; then the answer
 *   a message on its core ──routing_choose()──▶ destination bits and enrichments of its record
 *
 * The document is `properties.routing` of @azure/arm-iothub.  There is always one: as long as nobody
 * wrote it, it has no routes and the fallback route, and messages cost nothing here.  An endpoint is
 * known to the log by a bit of record.destinations; bit 0 is the built-in endpoint, `events`.  A
 * bit is given away again only when no retained record can name its former endpoint.
 *
 * Snapshots are immutable: a change makes a new one, every core takes it and drops the one before.
 *
 * Runs on: the core's lane.
 * Life:    routing_new() after store_open(), before the lanes run; routing_free() after they stopped.
 * Limits:  those of route/route.h; of a hub with a tier, IoT Hub's; the constants below.
 * Errors:  with a text for people.
 * Source:  ARM Microsoft.Devices/IotHubs 2023-06-30, RoutingProperties; "IoT Hub quotas": 100 routes, 10
 *          endpoints, 10 enrichments (F1: 5, 1, 2).
 */
#ifndef HUB_ROUTING_ROUTING_H
#define HUB_ROUTING_ROUTING_H

#include "base/arena.h"
#include "base/list.h"
#include "hub/etag.h"
#include "hub/hub.h"
#include "hub/throttle/throttle.h"
#include "log/record.h"

enum {
    ROUTING_DOCUMENT_MAX = 1 << 20,      /* bytes */
    ROUTING_CHANGES_MAX = 16,            /* that wait; ERR_THROTTLED */
    ROUTING_IF_MATCH_MAX = 2 * ETAG_MAX, /* bytes; a longer one matches nothing */
    ROUTING_KINDS_MAX = 16,
    ROUTING_EXTRA_MAX = 1 << 20, /* bytes of all enrichments of a record; above it, who has some
                                        does not get the message */
    ROUTING_PASSED_MAX = 4096,   /* bytes of the list of endpoints passed; longer ones begin anew */
    ROUTING_SAY_S = 60,          /* a line on a loop at most that often, per endpoint */
    ROUTING_CODE_MAX = 63,       /* bytes of a handshake's code */
    ROUTING_RATE_MAX = 20,       /* ... of a granted rate: what a uint64_t needs */
    ROUTING_AGREE_S = 300,       /* who was asked may agree for so long (Event Grid) */
    ROUTING_MESSAGE_MAX = 256 << 10, /* a message with its enrichments, per endpoint (IoT Hub) */
};

struct json;
struct metric;
struct route_message;
struct routing;

/* ---- kinds of endpoints: whoever delivers to one has a constant of this */

struct routing_kind {
    const char *list; /* "eventHubs": the member of routing.endpoints that has them */

    /* Looks at all of an endpoint but its name, and completes it.  `before` is the endpoint of that name
     * and kind as it is kept now, or NULL: secrets that were shown masked are taken from there.
     * ERR_INVALID with a text that does not name the endpoint. */
    enum err (*check)(const struct hub *hub, struct arena *a, struct json *endpoint,
                      const struct json *before);

    /* Masks the secrets of a copy that is to be shown; NULL: there are none. */
    void (*mask)(struct arena *a, struct json *endpoint);
};

struct routing_config {
    const struct routing_kind *const *kinds; /* up to ROUTING_KINDS_MAX, kept; the built-in
                                                endpoint is none of them */
    unsigned kind_count;
    enum throttle_tier tier; /* THROTTLE_OFF: our own limits */
    const struct hub *hub;   /* routing_new() fills it in */
};

enum err routing_new(const struct hub *hub, struct lane *lane, const struct routing_config *config,
                     struct routing **out) MUST_USE;
void routing_free(struct routing *r); /* NULL is fine */

/* ---- endpoints, as this core knows them now */

struct routing_endpoint {
    const char *name;
    unsigned bit;
    const struct routing_kind *kind; /* NULL: `events` */
    const struct json *json;         /* with its secrets; NULL: `events` */
    int64_t since_us; /* wall time: no record that was enqueued before has its bit for it; a cursor
                         without a place begins there (LOG_TIME) */
};

/* The i-th, `events` first, or NULL.  Borrowed until a listener is told of a change. */
const struct routing_endpoint *routing_endpoint_at(const struct routing *r, unsigned i);
const struct routing_endpoint *routing_endpoint_find(const struct routing *r, struct slice name);

/* Embedded in who wants to know.  Called on this core when there is another snapshot; what was
 * borrowed from the one before is gone when it returns. */
struct routing_listener {
    struct list node;
    void (*changed)(struct routing_listener *l);
};
void routing_listen(struct routing *r, struct routing_listener *l);

/* ---- health */

enum routing_status {
    ROUTING_UNKNOWN, /* never tried */
    ROUTING_HEALTHY,
    ROUTING_DEGRADED,
    ROUTING_UNHEALTHY, /* failing, tried again */
    ROUTING_DEAD,      /* failed for all of its time: messages are dropped */
};

/* Times are wall time, 0: never. */
struct routing_health {
    enum routing_status status;
    char error[256]; /* the last one; empty: none */
    int64_t error_us, success_us, attempt_us;
    uint64_t rate; /* requests a minute that its target granted; 0: as many as there are */
};

/* Who delivers says how it stands, at once, from what this core knows. */
typedef void (*routing_health_fn)(void *ctx, const struct routing_endpoint *e,
                                  struct routing_health *out);
void routing_set_health(struct routing *r, routing_health_fn fn, void *ctx);

/* The core that delivers to the endpoint of that bit. */
struct addr routing_home(const struct hub *hub, unsigned bit);

/* What a target says when it agrees later.  `rate` is its WebHook-Allowed-Rate, as it came; empty: it said
 * none. */
struct routing_consent {
    struct slice code, rate;
};

/* Who delivers, on that core: the endpoint has agreed.  ERR_NOT_FOUND: it does not wait for this code;
 * ERR_INVALID: what it says besides is nothing, with a text. */
typedef enum err (*routing_agree_fn)(void *ctx, const struct routing_endpoint *e,
                                     const struct routing_consent *consent);
void routing_set_agree(struct routing *r, routing_agree_fn fn, void *ctx);

/* EndpointHealthDataListResult: {"value":[...]}. */
void routing_put_health(const struct routing *r, struct buf *out);

/* ---- the document */

/* {"etag":..,"properties":{"routing":{..}}}, secrets masked. */
void routing_put_document(const struct routing *r, struct buf *out);
void routing_etag(const struct routing *r, char out[ETAG_MAX + 1]);

/* What routing_put() of it would do: the document as it would be, with a list "diff" of what is
 * added, removed, changed.  Errors as there. */
enum err routing_try(const struct routing *r, struct slice if_match, struct slice document,
                     struct buf *out) MUST_USE;

/* RoutingTests: a message against one route, or against all of a source; the answer as Azure has it.
 * ERR_INVALID: the request is none. */
enum err routing_test_route(const struct routing *r, struct slice request,
                            struct buf *out) MUST_USE;
enum err routing_test_all(const struct routing *r, struct slice request, struct buf *out) MUST_USE;

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten.  `text` is empty when the
 * result is OK.
 * ERR_INVALID: the document; ERR_TOO_BIG; ERR_FULL: more than there may be; ERR_PRECONDITION:
 * If-Match is missing or another's; ERR_THROTTLED; what the store says. */
struct routing_wait {
    void (*fn)(struct routing_wait *w, enum err result, const char *text);
    struct addr slot;
};

/* Replaces the whole document, on every core before it is answered.  `document` is the routing
 * properties, alone or as {"properties":{"routing":..}}.  `if_match` SLICE_NONE: there was none. */
void routing_put(struct routing *r, struct slice if_match, struct slice document,
                 struct routing_wait *w);
void routing_forget(struct routing *r, struct routing_wait *w);

/* Whoever owns that code wants that endpoint to have messages.  Errors are those of routing_agree_fn. */
void routing_agree(struct routing *r, struct slice endpoint, const struct routing_consent *consent,
                   struct routing_wait *w);

/* ---- messages (choose.c) */

/* Does the document decide about that source?  If not, messages of devices go to the stream, and
 * events if the hub was told to (hub.events).  `r` NULL: it does not. */
bool routing_decides(const struct routing *r, enum record_source source);

/* Does anybody want to see the sender's twin for it? */
bool routing_wants_twin(const struct routing *r, enum record_source source);

struct routing_choice {
    uint64_t destinations; /* 0: nobody wants it */
    struct slice extra;    /* of the record; borrowed until the next choice on this core */
};

/* Only if routing_decides().  `size` is the message's, as its limit counts it.  What it comes to is
 * counted (d2c.telemetry.egress.*). */
void routing_choose(struct routing *r, const struct route_message *m, size_t size,
                    struct routing_choice *out);

/* Of bits that were chosen at `made_us` and kept since, those whose endpoint is still the same. */
uint64_t routing_still(const struct routing *r, uint64_t destinations, int64_t made_us);

/* "DeviceMessages", in any case; ERR_INVALID: no such source. */
enum err routing_source_of(struct slice name, enum record_source *out) MUST_USE;
const char *routing_source_name(enum record_source source);

/* ---- loops (passed.c): routing_choose() leaves endpoints out that the message says it has passed */

#define ROUTING_PASSED "azimuth-passed" /* the application property that says so */

/* Its value for a message that passes this endpoint now and had the value `before`. */
void routing_put_passed(const struct hub *hub, const char *endpoint, struct slice before,
                        struct buf *out);

/* ---- what became of messages (delivery.c): IoT Hub's metrics RoutingDeliveries,
 * RoutingDataSizeInBytesDelivered and RoutingDeliveryLatency with their dimensions as labels.  Each is made when it is first asked
 * for, slowly, by metric_of(): keep it.  Any thread. */

enum routing_fate {
    ROUTING_DELIVERED,
    ROUTING_INVALID, /* too large for it, or refused by it for good */
    ROUTING_DROPPED, /* it was dead */
    ROUTING_FATES
};

struct routing_delivery {
    const struct routing_kind *kind; /* NULL: `events` */
    const char *endpoint;
    enum record_source source;
};

struct metric *routing_deliveries(const struct routing_delivery *d, enum routing_fate fate);
struct metric *routing_delivered_bytes(const struct routing_delivery *d);
struct metric *routing_delivery_ms(const struct routing_delivery *d); /* the sum over messages */

/* ---- reading (sections.c) */

/* The message sections as that endpoint gets them: with its enrichments among the application
 * properties, where they stand in the place of properties of the same name.  Any thread. */
void routing_put_sections(struct buf *out, const struct record *r, unsigned endpoint);

/* ... and with ROUTING_PASSED, which names it. */
void routing_put_marked_sections(struct buf *out, const struct record *r, unsigned endpoint,
                                 const struct hub *hub, const char *name);

#endif
