/* wire.h - the one place that knows every folder: a hub put together on lanes that somebody runs.
 *
 * The program gives each lane a thread and each core a loop (serve.c); the simulator runs all lanes
 * in one thread on a virtual clock, network and disk.
 *
 * Runs on: the starting thread while no lane runs.
 * Life:    wire_init(), then the cores' lanes enter wire->office, then wire_open(), run,
 *          wire_close() (also after a wire_open() that failed).
 */
#ifndef SERVER_WIRE_H
#define SERVER_WIRE_H

#include "auth/auth.h"
#include "capture/capture.h"
#include "front/blob/blob.h"
#include "front/rest/rest.h"
#include "hub/backup/backup.h"
#include "hub/routing/routing.h"
#include "hub/session/session.h"
#include "hub/throttle/throttle.h"
#include "hub/transfer/transfer.h"
#include "hub/upload/upload.h"
#include "log/log.h"
#include "net/conn.h"
#include "out/carrier.h"
#include "store/store.h"

enum { WIRE_TOKEN_MAX = 128 };
#define WIRE_ACCOUNT   "azimuth" /* our own, as signatures name it */
#define WIRE_CONTAINER "azimuth-uploads"

struct wire_config {
    struct io *io; /* log and store live here */
    const char *hub_name;
    const char *const *hosts;
    unsigned host_count;
    unsigned partitions;
    int64_t retention_us;          /* 0: no limit */
    uint64_t retention_bytes;      /* 0: no limit */
    uint64_t disk_reserve;         /* free bytes below which log and store refuse; 0: none */
    const char *upload_account;    /* connection string; NULL: devices upload to us */
    const char *upload_container;  /* NULL: WIRE_CONTAINER */
    struct slice upload_key;       /* of our own account, base64; empty: a random one */
    bool upload_quiet;             /* services are not told of files */
    unsigned events;               /* sources whose events go to the stream, see hub.events */
    const char *outgoing_ca;       /* that containers elsewhere are judged by; NULL: the system's */
    struct slice outgoing_ca_pem;  /* the same, its text; borrowed */
    struct dialer *const *dialers; /* of the cores; NULL: they open no connections */
    const struct out_carrier *carrier; /* of requests that the hub makes; NULL: it makes none */
    struct throttle_config throttle;   /* how much it takes; zero: everything */
    enum throttle_tier tier;           /* whose limits of routes and endpoints there are */
    bool fault_injection;              /* devices may ask for faults */
    bool no_device_sas, no_module_sas; /* see hub.device_sas_refused */
    bool no_login_limits;              /* see hub.hasty */
    int64_t device_token_us;           /* see hub.device_token_us */
    const struct x509_issuer *issuer;  /* of certificates for devices that register; NULL: none */
    int64_t issued_us;                 /* how long those are good */
    int64_t capture_second_us;         /* see capture_config; 0: a second */
    bool ephemeral;                    /* the io is memory: smaller files, no reserve */
    unsigned password_cost;            /* of people's passwords; 0: PASSWORD_COST */
    struct rest_oidc oidc;             /* issuer NULL: none; its texts are borrowed */
    bool unwatched;                    /* there is no console: nobody is told news */
    struct backups_config backups; /* data NULL: none are made; hub, lane and reserve are ours */
};

struct console;
struct dialer;
struct dps;
struct dps_http;
struct x509_issuer;

/* What each core has of its own. */
struct wire_core {
    struct lane *lane;
    struct log_writer writer;
    struct session_desk desk;
    struct registry *registry;
    struct dps *dps;
    struct dps_http *dps_http;
    struct session_home *sessions;
    struct methods *methods;
    struct twins *twins;
    struct events *events;
    struct device_mqtt_service *mqtt;
    struct consumer_groups *groups;
    struct event_hubs *event_hubs;
    struct certificates *certificates;
    struct routing *routing;
    struct c2d *c2d;
    struct queries *queries;
    struct jobs *jobs;
    struct transfers *transfers;
    struct uploads *uploads;
    struct blob_service *blob; /* NULL: files go elsewhere */
    struct configurations *configurations;
    struct amqp_service *amqp;
    struct rest_service *rest;
    struct console *console; /* of the first core */
    struct device_http_service *device_http;
    struct producers *producers;
    struct cursors *cursors;
    struct deliver *deliver;
};

struct wire {
    struct office office;
    struct hub hub;
    struct policies policies;
    struct policy_keys *policy_keys;
    struct users *users;
    struct lane log_lane, log_read_lane;
    struct lane store_lane, store_read_lane, store_check_lane;
    struct lane blob_lane, out_lane, remote_lane;
    struct lane archive_lane, archive_remote_lane; /* a slow archive is nobody else's matter */
    struct lane password_lane, backup_lane;
    struct backups *backups;
    struct log *log;
    struct store *store;
    struct blobs *blobs;
    struct out *out;
    const struct x509_issuer *issuer; /* as in wire_config */
    int64_t issued_us;
    struct upload_config upload;
    struct remote *remote, *archive_remote;
    struct archives *archives;
    struct storages *storages;
    struct captures *captures;
    struct transfer_config transfer;
    struct blob_config blob;
    struct routing_config routing;
    struct wire_core cores[LANES_MAX];
    struct dialer *const *dialers;
    struct slice outgoing_ca_pem;
    struct rest_oidc oidc;
    struct rest_config rest; /* its ports, addresses and paths are filled by whoever listens */
    char metrics_token[WIRE_TOKEN_MAX + 1]; /* what a scraper of /metrics shows */
};

void wire_init(struct wire *w);
enum err wire_open(struct wire *w, const struct wire_config *cfg, struct lane *const *cores,
                   unsigned core_count) MUST_USE;
const char *wire_broken(
    const struct wire *w); /* why all that comes is refused until a restart; or NULL */
void wire_close(struct wire *w);

/* What answers on a listener of that core. */
enum wire_protocol { WIRE_MQTT, WIRE_AMQP, WIRE_HTTP, WIRE_CONSOLE };
void wire_front(struct wire_core *c, enum wire_protocol p, const struct front **front, void **ctx);

/* Where a seed is planted: on the first core. */
struct seed_doors;
void wire_seed_doors(const struct wire *w, struct seed_doors *out);

void wire_set_metrics_token(struct wire *w, struct slice token);

#endif
