/* call.h - one request on its way from the head to the answer.  For front/rest and for the fronts
 * that serve routes of their own over its connections (struct rest_site).
 *
 * Runs on: the core of its connection.
 * Life:    from the request's head until its answer is in the connection's output, or the connection closes:
 *          then whoever was asked is told to forget it.
 * Owns:    its texts and its body; `request` is the HTTP engine's, and good as long as the call.
 */
#ifndef FRONT_REST_CALL_H
#define FRONT_REST_CALL_H

#include "base/arena.h"
#include "capture/capture.h"
#include "front/rest/rest.h"
#include "hub/c2d/c2d.h"
#include "hub/certificate/certificate.h"
#include "hub/configuration/configuration.h"
#include "hub/consumer_group/consumer_group.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/digital_twin/digital_twin.h"
#include "hub/event_hub/event_hub.h"
#include "hub/job/job.h"
#include "hub/method/method.h"
#include "hub/notice/notice.h"
#include "hub/policy/policy.h"
#include "hub/query/query.h"
#include "hub/refusal/refusal.h"
#include "hub/registry/registry.h"
#include "hub/routing/routing.h"
#include "hub/session/session.h"
#include "hub/status.h"
#include "hub/talker/talker.h"
#include "hub/throttle/throttle.h"
#include "hub/transfer/transfer.h"
#include "hub/twin/twin.h"
#include "hub/user/user.h"
#include "proto/http1/http1.h"

struct json;

#define REST_BACKUP_WAIT_US (3600 * 1000000ll) /* a store of many GiB is written */

/* What a path looks like from afar: most routes are told apart from a request by that. */
struct route_shape {
    uint8_t segments;
    uint8_t literal[REST_SEGMENTS_MAX]; /* length of each; 0: a {name} */
};

struct route_table {
    const struct route *routes;
    size_t count;
    struct route_shape *shapes; /* of each */
};

struct rest_service {
    const struct rest_config *config;
    struct lane *lane;
    struct rest_doors doors;
    struct {
        const struct front *front;
        void *ctx;
    } streams[REST_STREAMS];
    int64_t started_us; /* wall time */
    struct route_table own;
    const struct rest_site *sites[REST_SITES_MAX];
    struct route_table site_routes[REST_SITES_MAX];
    unsigned site_count;
    const struct rest_guard *guard;
};

struct rest;
struct call;
struct route;

/* Routes of another front: device_http, blob. */
struct rest_site {
    const struct route *routes;
    size_t route_count;
    const char *prefix; /* NULL, or "/azimuth-": paths that begin so are this site's, whatever they
                           hold; its routes are told apart by their methods alone */
    void *ctx;          /* the core's own, as c->ctx */
    void (*closed)(void *state); /* of a connection: what rest_call_state() kept.  May be NULL */

    /* ACCESS_IDENTITY: the connection has shown that token of an identity's own before, and it was read; what it
     * is worth is still for the handler to find out.  `state` as for closed().  May be NULL */
    bool (*knows)(const void *state, struct slice token);

    /* What front/rest itself says no to, of this site's routes, in words of the site's own; false: in the hub's.
     * May be NULL */
    bool (*refuse)(struct call *c, enum status s, const char *text);

    /* Both or neither: bodies are not gathered.  begin() at the head, before a byte of the body; it
     * may answer, or stall.  body() for each piece; it may stall. */
    void (*begin)(struct call *c);
    void (*body)(struct call *c, struct slice piece);
};

/* Before the first request; `site` is kept. */
void rest_add_site(struct rest_service *s, const struct rest_site *site);

/* Who asks the console's listener with a session of its own instead of a token (front/console). */
enum rest_visit {
    REST_NO_VISIT,    /* but with a token */
    REST_VISIT_ENDED, /* with neither, or a session that is over */
    REST_VISIT_BLIND, /* a change without the proof that one of our own pages asks for it */
    REST_VISIT,
};

/* All rights of the hub's own policy `iothubowner`. */
#define REST_OWNER                                                                                 \
    (AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT)

/* Beside the rights of auth.h: who has shown that the server is his; who reads whatever there is to read,
 * whatever right that needs, but is not shown keys. */
#define REST_ADMINISTRATOR (1u << 31)
#define REST_READER        (1u << 30)

struct rest_guard {
    /* Sets the rights of a REST_VISIT, and the two above with them.  Asked at a request's head, and of a
     * REST_VISIT once more just before its handler runs. */
    enum rest_visit (*look)(void *ctx, const struct call *c, unsigned *rights);

    /* GET /console, on the console's own listener. */
    void (*home)(struct call *c);

    /* The name of who is a REST_VISIT; borrowed until the handler returns. */
    struct slice (*who)(void *ctx, const struct call *c);
    void *ctx;
};

/* Before the first request; `guard` is kept. */
void rest_set_guard(struct rest_service *s, const struct rest_guard *guard);

/* Who may call a route.  Administrators, who came over the server's own socket, may call any. */
enum access {
    ACCESS_PUBLIC,
    ACCESS_PAGE,    /* anybody who asks the console's listener */
    ACCESS_METRICS, /* the bearer of the metrics token */
    ACCESS_RIGHTS,  /* a policy's token with the route's rights */
    ACCESS_DEVICE,  /* likewise, or a token of the device's own, which its home checks */
    ACCESS_IDENTITY, /* a policy's token, or any token or certificate that a session asks home about */
    ACCESS_ADMINISTRATOR, /* administrators, over the socket or by a session */
    ACCESS_SOCKET,        /* administrators only */
};

struct route {
    const char *method, *path; /* "/devices/{id}"; literals match in any case */
    enum access access;
    unsigned rights;                   /* ACCESS_RIGHTS, ACCESS_DEVICE */
    enum throttle_operation operation; /* what the throttles count it as */
    uint32_t body_max;
    void (*handle)(struct call *c);
    const char *summary; /* for people */
};

/* What a call waits for; decides what is forgotten when it ends early. */
enum waiting {
    WAITING_NONE,
    WAITING_REGISTRY,
    WAITING_GROUPS,
    WAITING_EVENT_HUBS,
    WAITING_CERTIFICATES,
    WAITING_METHOD,
    WAITING_TWINS,
    WAITING_C2D,
    WAITING_FEEDBACK,
    WAITING_QUERY,
    WAITING_JOBS,
    WAITING_TRANSFERS,
    WAITING_DIGITAL_TWIN,
    WAITING_CONFIGURATIONS,
    WAITING_ROUTING,
    WAITING_CAPTURES,
    WAITING_DIAGNOSTICS,
    WAITING_REFUSALS,
    WAITING_SPELLING,
    WAITING_CONNECTION,
    WAITING_TALKERS,
    WAITING_TURN, /* throttled: the handler has not run */
    WAITING_SITE  /* the call's `forget` */
};

struct call {
    struct rest *rest; /* whose it is */
    struct rest_service *service;
    struct conn *conn;
    struct http1 *http;
    const struct http1_request *request;
    const struct route *route;
    const struct rest_site *site;             /* whose route it is; NULL: one of front/rest */
    void *ctx;                                /* site->ctx */
    void *own;                                /* of the site's handler, until `forget` */
    void (*forget)(struct call *c);           /* the call is over, answered or not */
    void (*drained)(struct call *c);          /* once: there is room for output again */
    struct slice segments[REST_SEGMENTS_MAX]; /* of the path, decoded; they lie in `path` */
    unsigned segment_count;
    struct buf path;
    struct buf body;
    struct buf who;            /* of the path, once a handler asked for it */
    struct buf by;             /* likewise: who calls */
    struct slice device_token; /* ACCESS_DEVICE: what home has to check; ptr NULL: nothing */
    enum waiting waiting;
    struct registry_wait registry_wait;
    struct consumer_group_wait group_wait;
    struct event_hub_wait event_hub_wait;
    struct certificate_wait certificate_wait;
    struct method_call method_call;
    struct twin_wait twin_wait;
    struct c2d_wait c2d_wait;
    struct notice_receiver feedback_visit;
    struct query_wait query_wait;
    struct job_wait job_wait;
    struct transfer_wait transfer_wait;
    struct digital_twin_call digital_twin_call;
    struct configuration_wait configuration_wait;
    struct routing_wait routing_wait;
    struct capture_wait capture_wait;
    struct diagnostic_wait diagnostic_wait;
    struct refusal_wait refusal_wait;
    struct policy_wait policy_wait;
    struct user_wait user_wait;
    struct refusal_spelling spelling;
    struct session_show session_show;
    struct talker_wait talker_wait;
    unsigned refusals_top;
    struct refusal_presence presence; /* of whom refusals are asked about */
    bool answered;
    bool stalled;          /* no more of the request is read until rest_call_resume() */
    bool begun;            /* an answer is under way, in pieces */
    bool console;          /* came to the console's listener */
    enum rest_visit visit; /* there; what follows are the rights of a REST_VISIT */
    unsigned visit_rights;
    int64_t now_us;
};

/* ---- place.c */

/* Is the route served where the request came to? */
bool rest_place_serves(const struct call *c, const struct route *r);

/* What to say where nothing is served. */
const char *rest_place_advice(const struct call *c);

/* A browser asks the console for itself and not for another site; otherwise answered 403. */
bool rest_place_is_own(struct call *c);

/* ---- routes.c */

void rest_route_table_init(struct route_table *t, const struct route *routes, size_t count);
void rest_route_table_fini(struct route_table *t);

/* Finds the route of c->request and fills path and segments; otherwise answers 400, 404 or 405. */
bool rest_route_find(struct call *c);

/* Azure's own paths need an api-version; otherwise answered 400. */
bool rest_route_has_version(struct call *c);

/* The segment that stands where the route's path has {name}. */
struct slice rest_route_param(const struct call *c, const char *name);

/* Likewise, SLICE_NONE where the path has no {name}. */
struct slice rest_route_optional(const struct call *c, const char *name);

/* Sets c->who, the identity that {id} and, where the path has one, {module} name.  An id that is none
 * (its '/' must not turn a device into a module): false, and answered 400. */
bool rest_route_who(struct call *c);

extern const struct route rest_routes[];
extern const size_t rest_route_count;

/* ---- access.c */

bool rest_access_granted(struct call *c); /* otherwise answered 401; sets device_token */

/* Who calls, for people: "policy service", "console ann", "azimuth.sock".  Of who was let in; at most
 * TWIN_BY_MAX bytes, in c->by. */
struct slice rest_access_by(struct call *c);

/* ---- keyless.c */

/* Are keys of identities, and of the functions that enrollments ask, kept from whoever asks? */
bool rest_hides_keys(const struct call *c);

/* The same JSON of an identity, an enrollment or an array of them, with null for each key and the query of a
 * webhook masked; what is no JSON is left out. */
void rest_put_without_keys(struct buf *out, struct slice json);

/* ---- throttle.c */

/* The call's turn has come; otherwise it waits for it, or is answered 429. */
bool rest_throttle_lets_pass(struct call *c);

/* Counts what is answered for the daily quota. */
void rest_throttle_count_answer(struct call *c, const struct http1_response *r);

/* ---- queries.c */

/* x-ms-max-item-count: 1 to QUERY_PAGE_MAX, or 0: it is none.  Who does not say gets the default. */
unsigned rest_page_max(const struct call *c);

/* ---- query.c */

/* The decoded value of a query parameter, appended to `out`; false if there is none.  A value that
 * cannot be decoded is empty.  On routes of ours it is one of parameters.c. */
bool rest_query_get(const struct call *c, const char *name, struct buf *out);

/* The number of a parameter of a route of ours, if it is given.  False, and answered 400: it is none within what
 * parameters.c has. */
bool rest_query_number(struct call *c, const char *name, uint64_t *out);

/* ---- parameters.c: what the queries of our own routes, those under /admin/v1, may have */

struct rest_parameter {
    void (*handle)(struct call *c); /* of the route */
    const char *name;
    enum { REST_TEXT, REST_NUMBER, REST_TRUTH } kind;
    const char *summary; /* for people */
    uint64_t min, max;   /* REST_NUMBER */
    const char *words;   /* REST_TEXT: the only ones; NULL: others, too */
};

extern const struct rest_parameter rest_parameters[];
extern const size_t rest_parameter_count;

/* NULL: it takes no such parameter. */
const struct rest_parameter *rest_parameter_of(const struct route *r, const char *name);

/* Under /admin/v1? */
bool rest_route_is_own(const struct route *r);

/* ---- lock.c: of messages that are settled by their lock, {lock} in the path */

bool rest_lock_read(struct call *c, uint8_t lock[C2D_TOKEN_LEN]); /* otherwise answered 400 */
bool rest_lock_rejects(const struct call *c); /* the query says that DELETE does not complete */

/* ---- answer.c: each ends the call */

void rest_answer_status(struct call *c, enum status s, const char *text);
void rest_answer_nested(struct call *c, enum status s, const char *text); /* methods' */
void rest_answer_named(struct call *c, int http, const char *name, const char *text);
void rest_answer_later(struct call *c, int http, const char *name, const char *text,
                       const char *seconds); /* as rest_answer_named(), with retry-after */
void rest_answer_json(struct call *c, struct slice json);
void rest_answer_outcome(struct call *c, enum status s, struct slice text,
                         struct slice json); /* the text, the JSON, or nothing */
void rest_answer_text(struct call *c, int http, const char *content_type, struct slice text);
void rest_answer_page(struct call *c, const char *item_type, struct slice next, struct slice json);
void rest_answer_nothing(struct call *c);                                            /* 204 */
void rest_answer_accepted(struct call *c, struct slice etag, struct slice location); /* 202 */
void rest_answer_command(struct call *c, int32_t device_status, struct slice payload);
void rest_answer_not_allowed(struct call *c, const char *methods);
bool rest_refuses_head(struct call *c); /* for a GET that takes a message: HEAD is answered 405 */
void rest_answer_registry(struct call *c, const struct registry_answer *a);
void rest_answer_module(struct call *c, const struct registry_answer *a);

/* Any answer.  x-ms-request-id is added. */
void rest_answer_with(struct call *c, const struct http1_response *r);

/* An answer in pieces: r->length bytes by rest_answer_piece(), then rest_answer_done().  Who cannot
 * go on breaks the connection off. */
void rest_answer_begin(struct call *c, const struct http1_response *r);
void rest_answer_piece(struct call *c, struct slice bytes);
void rest_answer_done(struct call *c);
void rest_answer_break_off(struct call *c);

/* 426, and what there is to upgrade to. */
void rest_answer_upgrade_required(struct call *c, const char *text);

/* 101 with these headers; rest_call_hand_over() follows. */
void rest_answer_switching(struct call *c, const struct http1_header *headers, size_t count);

/* For requests that are none: http1 said what is wrong. */
void rest_answer_bad(struct http1 *h, int http, const char *reason, int64_t now_us);

/* ---- edge.c: IoT Edge hub's own API */

/* Who asks is the $edgeHub of a device, the actor; its home judges the token.  Otherwise false, and
 * answered 400 or 401. */
bool rest_edge_hub(struct call *c, struct slice *actor, struct slice *token);

/* The body as an object; NULL, and answered 400: it is none. */
struct json *rest_edge_body(struct call *c, struct arena *a);

/* Of a key in any case; empty when it is absent or no string. */
struct slice rest_edge_text(const struct json *doc, const char *key);

/* ---- devices.c: who waits for the registry; its answer is the request's. */

struct registry_wait *rest_device_wait(struct call *c);
struct registry_wait *rest_module_wait(struct call *c);

/* ---- rest.c */

/* The handler asked the hub: the timer runs until rest_call_resume(), which the hub's answer calls
 * first; after it has answered the client, or asked again, it calls rest_call_end(). */
void rest_call_wait(struct call *c, enum waiting what);
void rest_call_wait_long(struct call *c, enum waiting what, int64_t us); /* not REST_WAIT_US */
void rest_call_stall(struct call *c); /* WAITING_SITE, while the request is not complete */
void rest_call_resume(struct call *c);
void rest_call_end(struct call *c);

/* What the site keeps with the connection, NULL at first. */
void **rest_call_state(struct call *c);

/* 101 is answered: what follows on the connection is the stream's. */
void rest_call_hand_over(struct call *c, enum rest_stream stream);

/* ---- upgrade.c */

bool rest_upgrade_wanted(const struct call *c);                 /* the request asks for WebSocket */
void rest_upgrade_note(const struct call *c, const char *what); /* ... and does not get it */

/* ---- diagnose.c: for resource logs */

void rest_diagnose_identity(struct call *c, enum status s); /* what went wrong only */
void rest_diagnose_configuration(struct call *c, enum status s);
/* Of the service API of DPS: `code` is enum dps_code, `text` why it failed. */
void rest_diagnose_provisioning(struct call *c, unsigned code, struct slice text);
void rest_diagnose_upload(struct call *c, struct slice who, enum status s); /* likewise */

/* ---- handlers */

void rest_device_list(struct call *c);
void rest_device_get(struct call *c);
void rest_device_put(struct call *c);
void rest_device_delete(struct call *c);
void rest_device_bulk(struct call *c);
void rest_device_rekey(struct call *c);
void rest_module_list(struct call *c);
void rest_module_get(struct call *c);
void rest_module_put(struct call *c);
void rest_module_delete(struct call *c);
void rest_query(struct call *c);
void rest_scope_page(struct call *c); /* of an edge hub: those below it, or one of them */
void rest_scope_one(struct call *c);
void rest_scope_target_page(struct call *c);
void rest_scope_target_one(struct call *c);
void rest_behalf_list(struct call *c); /* of an edge hub: modules of a device below it */
void rest_behalf_get(struct call *c);
void rest_behalf_put(struct call *c);
void rest_behalf_delete(struct call *c);
void rest_commands_purge(struct call *c);
void rest_feedback_receive(struct call *c); /* what became of messages */
void rest_feedback_settle(struct call *c);
void rest_feedback_abandon(struct call *c);
void rest_messages_list(struct call *c); /* what waits for a device */
void rest_messages_drop(struct call *c);
void rest_statistics_devices(struct call *c);
void rest_statistics_service(struct call *c);

void rest_configuration_list(struct call *c);
void rest_configuration_get(struct call *c);
void rest_configuration_put(struct call *c);
void rest_configuration_delete(struct call *c);
void rest_configuration_test(struct call *c);
void rest_configuration_apply(struct call *c);

void rest_job_put(struct call *c);
void rest_job_get(struct call *c);
void rest_job_cancel(struct call *c);
void rest_job_query(struct call *c);

void rest_transfer_create(struct call *c);
void rest_transfer_get(struct call *c);
void rest_transfer_list(struct call *c);
void rest_transfer_cancel(struct call *c);
void rest_transfer_container(struct call *c);
void rest_refusal_attempts(struct call *c); /* of a device or a module */
void rest_connection(struct call *c);       /* likewise */
void rest_refusal_list(struct call *c);
void rest_refusal_causes(struct call *c);
void rest_talkers(struct call *c);
void rest_capture_list(struct call *c); /* Event Hubs Capture */
void rest_capture_get(struct call *c);
void rest_capture_put(struct call *c);
void rest_capture_delete(struct call *c);
void rest_diagnostic_list(struct call *c); /* diagnostic settings */
void rest_diagnostic_get(struct call *c);
void rest_diagnostic_put(struct call *c);
void rest_diagnostic_delete(struct call *c);
void rest_diagnostic_categories(struct call *c);

void rest_upgrade(struct call *c);
/* Of a site: to that subprotocol and no other.  False: answered why not. */
bool rest_upgrade_to(struct call *c, const char *protocol, enum rest_stream stream);
void rest_to_console(struct call *c);  /* a browser that came to the HTTPS port */
void rest_method_call(struct call *c); /* of a device or a module */
void rest_method_refuse(struct call *c, enum status s,
                        const char *text); /* in methods' envelopes */
void rest_method_start(struct call *c, const struct method_ask *ask,
                       void (*fn)(struct method_call *m, const struct method_result *r));

void rest_digital_twin_get(struct call *c);
void rest_digital_twin_patch(struct call *c);
void rest_digital_twin_command(struct call *c); /* of the device or, with {component}, of that */

/* Of a device or, with {module} in the path, of a module. */
void rest_twin_get(struct call *c);
void rest_twin_patch(struct call *c);
void rest_twin_put(struct call *c);
void rest_twin_patch_desired(struct call *c);
void rest_twin_put_desired(struct call *c);
void rest_twin_put_tags(struct call *c);
void rest_twin_history(struct call *c);

void rest_health_alive(struct call *c);
void rest_health_ready(struct call *c);
void rest_health_metrics(struct call *c);

void rest_backup_snapshot(struct call *c);
void rest_backup_show(struct call *c);
void rest_backup_begin(struct call *c);
void rest_backup_finished(struct call *c);
void rest_admin_hub(struct call *c);
void rest_admin_quota(struct call *c);
void rest_admin_policies(struct call *c);
void rest_admin_policy(struct call *c);
void rest_admin_connection_string(struct call *c);
void rest_admin_openapi(struct call *c);

void rest_event_hub_list(struct call *c);
void rest_event_hub_get(struct call *c);
void rest_event_hub_put(struct call *c);
void rest_event_hub_delete(struct call *c);

void rest_group_list(struct call *c);
void rest_group_get(struct call *c);
void rest_group_put(struct call *c);
void rest_group_delete(struct call *c);

void rest_routing_get(struct call *c);
void rest_routing_put(struct call *c);
void rest_routing_test_route(struct call *c);
void rest_routing_test_all(struct call *c);
void rest_routing_health(struct call *c);
void rest_routing_agree(struct call *c);

void rest_certificate_list(struct call *c);
void rest_certificate_get(struct call *c);
void rest_certificate_put(struct call *c);
void rest_certificate_delete(struct call *c);
void rest_certificate_make_code(struct call *c);
void rest_certificate_verify(struct call *c);

#endif
