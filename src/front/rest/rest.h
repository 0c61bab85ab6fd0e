/* rest.h - the hub's HTTP API: Azure's service API, and our own surface beside it.
 *
 * One table of routes (routes.c) says which method and path is served, to whom, and by which
 * handler; /admin/v1/openapi.json is made from it.  Handlers turn a request into a verb of the hub
 * and the hub's answer into Azure's words: status, error envelope, headers.
 *
 * Runs on: the core that holds the connection.
 * Life:    one service per core, made before the lanes run and freed after they stopped.  A request
 *          waits for the hub in a slot with a timer of its own; a late answer finds nobody.
 * Limits:  those of proto/http1 and the constants below.
 * Source:  IoT Hub service REST API 2021-04-12; docs/protocol/service-rest.md.
 */
#ifndef FRONT_REST_REST_H
#define FRONT_REST_REST_H

#include "auth/auth.h"
#include "hub/hub.h"
#include "net/conn.h"

enum {
    REST_SEGMENTS_MAX = 8,            /* of a path; more match no route */
    REST_METHOD_BODY_MAX = 512 << 10, /* METHOD_PAYLOAD_MAX with room for how it is written */
    REST_SMALL_BODY_MAX = 4 << 10,    /* where no body is expected: read and ignored */
    REST_EDGE_BODY_MAX = 4 << 10,     /* what an edge hub asks: a chain of devices, a target */
    REST_CERTIFICATE_BODY_MAX = 32 << 10,
    REST_QUERY_BODY_MAX = 64 << 10, /* QUERY_TEXT_MAX with room for how it is written */
    REST_PREVIEW_MAX = 256,         /* bytes of a body that a list of messages shows */
    REST_SITES_MAX = 4,
    REST_SITE_HEADERS_MAX = 1024, /* of an answer of another front */
};
#define REST_WAIT_US (30 * 1000000ll) /* the hub must have answered by then: ServiceUnavailable */

struct registry;
struct consumer_groups;
struct event_hubs;
struct certificates;
struct methods;
struct twins;
struct c2d;
struct queries;
struct jobs;
struct configurations;
struct transfers;
struct backups;
struct policy_keys;
struct out;
struct users;
struct routing;
struct captures;

/* What the services of all cores share; filled before the lanes run, then unchanged. */
struct rest_config {
    const struct hub *hub;
    const char *version;
    struct slice metrics_token; /* who bears it may read /metrics; empty: nobody */

    /* Why nothing would be acknowledged now ("the log is poisoned"), or NULL.  Any thread. */
    const char *(*unready)(const void *ctx);
    const void *unready_ctx;

    /* What /admin/v1/hub tells; 0, NULL: not there */
    unsigned https_port, mqtt_port, amqp_port, plain_mqtt_port, plain_amqp_port;
    const char *admin_url; /* of the console's listener: "https://127.0.0.1:8443" */
    const char *const *addresses;
    unsigned address_count;
    const char *ca_path, *data_path;
    struct slice ca_pem;  /* what is in ca_path; empty: there is none of ours */
    int64_t retention_us; /* of the built-in stream */
    uint64_t retention_bytes;

    struct backups *backups;         /* NULL: none are made */
    struct policy_keys *policy_keys; /* of the first core; so are */
    struct users *users;
    const struct rest_oidc *oidc; /* NULL: no provider */
};

/* An OpenID provider by whose word people sign in to the console. */
struct rest_oidc {
    const char *issuer, *client_id;
    struct slice client_secret; /* empty: PKCE alone */
    const char *role_claim;     /* a text, or a list of them */
    const char *const *roles;   /* "VALUE=ROLE" */
    unsigned role_count;        /* 0: a value is the role's name */
    struct out *out;
};

struct rest_service;

/* What is carried inside WebSocket frames. */
enum rest_stream { REST_MQTT, REST_AMQP, REST_LIVE, REST_STREAMS };

/* The hub's doors on this core. */
struct rest_doors {
    struct registry *registry;
    struct consumer_groups *groups;
    struct event_hubs *event_hubs;
    struct certificates *certificates;
    struct methods *methods;
    struct twins *twins;
    struct c2d *c2d;
    struct queries *queries;
    struct jobs *jobs;
    struct configurations *configurations;
    struct transfers *transfers;
    struct routing *routing;
    struct captures *captures;
};

struct rest_service *rest_new(const struct rest_config *config, struct lane *lane,
                              const struct rest_doors *doors);
void rest_free(struct rest_service *s); /* NULL is fine */

/* Who takes an upgraded connection over, with the context that its listeners would have. */
void rest_carry(struct rest_service *s, enum rest_stream stream, const struct front *front,
                void *ctx);

/* Listener's context: the core's service.  The console's listener has /admin/v1 and nothing of
 * Azure's, the others the reverse; over the server's own socket everything is served. */
extern const struct front rest_front, rest_console_front;

#endif
