/* route.h - message routing: the condition language, routes to endpoints, enrichments.
 *
 *   conditions ──route_table_new()──▶ one program for all of them ──route_match()──▶ endpoint bits
 *
 * A table is compiled once.  What its conditions name (properties, body paths, twin paths) is
 * gathered over all of them: a message's body is read at most once, only if a condition of its
 * source that has to be looked at names it, and only what is named is kept of it.
 *
 * Runs on: any thread; pure functions of their arguments.  A table is immutable: cores share it, and
 *          each has a matcher of its own.  Nothing blocks; matching allocates nothing once its
 *          matcher has grown.
 * Limits:  the constants below; beyond one a table or condition is refused with a text.
 * Errors:  ERR_INVALID, ERR_TOO_BIG with a struct route_mistake that says where.
 * Source:  "IoT Hub message routing query syntax", "Message enrichments for device-to-cloud
 *          messages"; property names of @azure/arm-iothub 6.3.0 (properties.routing).
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "base/buf.h"

enum {
    ROUTE_NAME_MAX = 64,            /* characters of a route's or an endpoint's name (IoT Hub) */
    ROUTE_CONDITION_MAX = 16 << 10, /* bytes of a condition, ours */
    ROUTE_DEPTH_MAX = 64,           /* of an expression, ours */
    ROUTE_NODES_MAX = 4096,         /* of an expression, ours */
    ROUTES_MAX = 1000,              /* ours; IoT Hub: 100 */
    ROUTE_ENDPOINTS_MAX = 64,       /* bits of a record; bit 0 is the built-in stream */
    ROUTE_ENRICHMENTS_MAX = 100,    /* ours; IoT Hub: 10 */
    ROUTE_ENRICHMENT_KEY_MAX = 128, /* bytes, ours */
    ROUTE_ENRICHMENT_VALUE_MAX = 1024,
    ROUTE_BODY_DEPTH_MAX = 64,       /* of a body or twin; of a deeper one nothing is seen */
    ROUTE_TABLE_NODES_MAX = 1 << 16, /* of all conditions, what is written twice once; ours */
    ROUTE_WORK_MAX = 16 << 20,       /* bytes that functions go through for a message, ours */
    ROUTE_SOURCES_MAX = 16,
};

/* ---- what is looked at */

/* System properties by the names that conditions use after '$' (case-insensitive). */
enum route_system {
    ROUTE_CONTENT_TYPE,
    ROUTE_CONTENT_ENCODING,
    ROUTE_CONNECTION_DEVICE_ID,
    ROUTE_CONNECTION_MODULE_ID,
    ROUTE_ENQUEUED_TIME, /* ISO 8601, UTC */
    ROUTE_MESSAGE_ID,
    ROUTE_CORRELATION_ID,
    ROUTE_USER_ID,
    ROUTE_MESSAGE_SOURCE,
    ROUTE_DT_DATASCHEMA,
    ROUTE_DT_SUBJECT,
    ROUTE_SYSTEM_PROPERTIES
};

/* The sources that are not like the others: their values in enum record_source of log/record.h. */
enum { ROUTE_SOURCE_TELEMETRY = 0, ROUTE_SOURCE_DIGITAL_TWIN_CHANGE = 5 };

struct route_property {
    struct slice name, value;
};

/* Borrowed for the call.  What is absent is SLICE_NONE. */
struct route_message {
    unsigned source; /* enum record_source of log/record.h */
    struct slice system[ROUTE_SYSTEM_PROPERTIES];
    const struct route_property *properties; /* application properties */
    size_t property_count;
    struct slice body; /* a condition sees it if it is application/json in UTF-8, -16 or -32 */
    struct slice
        twin; /* {"tags":{..},"properties":{"desired":{..},"reported":{..}}} of the sender */
};

/* ---- one condition, for who checks or tests one */

struct route_condition;

/* Where and why a condition does not compile: columns and lines from 1, as IoT Hub's
 * compilationErrors have them. */
struct route_mistake {
    unsigned start_line, start_column, end_line, end_column;
    char text[256];
};

enum route_truth { ROUTE_FALSE, ROUTE_TRUE, ROUTE_UNDEFINED };

/* An empty text is `true`.  `mistake` may be NULL. */
enum err route_compile(struct slice text, struct route_condition **out,
                       struct route_mistake *mistake) MUST_USE;
void route_condition_free(struct route_condition *c); /* NULL is fine */
enum route_truth route_test(const struct route_condition *c, const struct route_message *m);

/* ---- a table of routes and enrichments */

struct route {
    struct slice name;
    unsigned source;
    struct slice condition;
    unsigned endpoint; /* its bit, below ROUTE_ENDPOINTS_MAX */
    bool enabled;
};

struct route_enrichment {
    struct slice key;
    struct slice value; /* text, "$iothubname", "$twin.tags.x", "$twin.properties.desired.x", ... */
    uint64_t endpoints; /* bits */
};

struct route_table_config {
    struct slice hub_name;
    const struct route *routes;
    size_t route_count;
    const struct route_enrichment *enrichments;
    size_t enrichment_count;
    bool fallback_enabled;      /* telemetry that no route took */
    unsigned fallback_endpoint; /* ... goes there */
};

struct route_table;

/* Everything is copied.  On an error *bad_route says which route it is about; SIZE_MAX: about none.
 * ERR_EXISTS: a name or key there is already; ERR_FULL: too many routes or enrichments. */
enum err route_table_new(const struct route_table_config *cfg, struct route_table **out,
                         size_t *bad_route, struct route_mistake *mistake) MUST_USE;
void route_table_free(struct route_table *t); /* NULL is fine */

/* Has anybody to fetch the sender's twin for a message of that source? */
bool route_table_wants_twin(const struct route_table *t, unsigned source);

/* A core's scratch memory. */
struct route_matcher;
struct route_matcher *route_matcher_new(void);
void route_matcher_free(struct route_matcher *x);

struct route_result {
    uint64_t endpoints; /* bits; 0: nobody wants it, it is dropped (IoT Hub counts that) */
    bool fallback;      /* no route took it, and the fallback did */
    unsigned tested;    /* conditions that were looked at */
    unsigned undefined; /* those of them that were null or undefined: taken as false */
    bool unreadable;    /* one of them is about the body, and that is no JSON, or does not say so */
};

/* Conditions of an endpoint that already has the message are not looked at; those that need neither body
 * nor twin come first. */
void route_match(const struct route_table *t, struct route_matcher *x,
                 const struct route_message *m, struct route_result *out);

/* For a test of all routes: fn(ctx, index) for each that matches, in their order. */
void route_match_each(const struct route_table *t, struct route_matcher *x,
                      const struct route_message *m, void (*fn)(void *ctx, size_t route),
                      void *ctx);

/* ---- enrichments
 *
 * They lie beside the message (log/record.h, `extra`), one entry for each that an endpoint of
 * `endpoints` wants:
 *
 *   u64 endpoint bits | u16 key length | u16 value length | key | value       little-endian
 *
 * They are of the message that route_match() was called for last, with that table and matcher: its twin is
 * read once for conditions and enrichments.  A path that the twin does not have, and a message whose
 * sender has none, gets the value's own text; objects and arrays are JSON text. */
void route_enrich(const struct route_table *t, struct route_matcher *x, uint64_t endpoints,
                  struct buf *out);

/* The entries of an endpoint: ERR_NOT_FOUND at the end, ERR_CORRUPT for bytes that are none. */
enum err route_enrichment_next(struct slice *extra, unsigned endpoint,
                               struct route_property *out) MUST_USE;

#endif
