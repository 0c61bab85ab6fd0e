/* config.h - what `azimuth serve` and `azimuth dev` were asked to do.
 *
 * Every option has one name and three places: a flag (--mqtt-port 8883), an environment variable
 * (AZIMUTH_MQTT_PORT) and a key of the YAML file (mqtt-port: 8883).  A flag wins over the
 * environment, the environment over the file, the file over the default.  Options that may be
 * repeated are a list in the file and separated by commas in the environment; the stronger place
 * replaces the whole list.
 *
 * Runs on: the main thread, at start and at a reload.
 * Life:    config_load() fills a config that config_free() frees; its strings belong to it.
 * Limits:  CONFIG_LIST_MAX values per option, YAML_FILE_MAX bytes of YAML.
 * Errors:  ERR_INVALID with one sentence that names the place, file and line, for exit status 2;
 *          ERR_IO, ERR_NOT_FOUND when the file cannot be read.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/say.h"
#include "hub/throttle/throttle.h"

enum {
    CONFIG_LIST_MAX = 16,
    CONFIG_HOSTS_MAX = CONFIG_LIST_MAX,
    CONFIG_BINDS_MAX = CONFIG_LIST_MAX,
    CONFIG_CERTS_MAX = CONFIG_LIST_MAX,
    CONFIG_OPTIONS_MAX = 48,
    CONFIG_PARTITIONS_MAX = 32, /* IoT Hub: 2 to 32, we take 1 too */
};

#define CONFIG_ISSUED_US    (30ll * 86400 * 1000000) /* certificates of devices */
#define CONFIG_DISK_RESERVE ((uint64_t)256 << 20)    /* free disk kept back for recovery */
#define CONFIG_RETENTION_US (24ll * 3600 * 1000000)  /* IoT Hub: one day */

enum config_verb { CONFIG_SERVE, CONFIG_DEV, CONFIG_CHECK, CONFIG_SHOW };
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

struct config {
    const char *data;
    const char *file; /* the YAML file that was read; NULL: none */
    const char *hosts[CONFIG_HOSTS_MAX];
    unsigned host_count; /* at least 1 */
    const char *hub_name;
    const char *binds[CONFIG_BINDS_MAX];
    unsigned bind_count; /* 0: none was named, 127.0.0.1 and, where there is one, ::1 */
    unsigned mqtt_port, amqp_port, https_port; /* 0: any free one */
    bool plain_mqtt, plain_amqp;               /* only with loopback addresses in `binds` */
    unsigned plain_mqtt_port, plain_amqp_port;
    const char *console_address; /* NULL: no console */
    unsigned console_port;
    bool console_plain; /* without TLS: under dev, on loopback */
    unsigned partitions;
    int64_t retention_us;       /* INT64_MAX: no limit */
    uint64_t retention_bytes;   /* 0: no limit */
    const char *upload_account; /* connection string; NULL: the hub's own container */
    const char *upload_container;
    const char *backup_dir;  /* where the server may put backups; NULL: nowhere */
    bool upload_quiet;       /* services are not told of files */
    const char *outgoing_ca; /* PEM file; NULL: the system's CAs */
    uint64_t disk_reserve;   /* bytes free below which nothing new is taken; 0: none */
    const char *tls_certs[CONFIG_CERTS_MAX], *tls_keys[CONFIG_CERTS_MAX];
    unsigned tls_cert_count, tls_key_count; /* equal */
    unsigned events;                        /* 1 << enum record_source */
    bool ephemeral;
    bool fault_injection;              /* devices may ask for faults */
    const char *user;                  /* whom root becomes; NULL: stays root */
    bool debuggable;                   /* core files and debuggers are allowed */
    bool no_login_limits;              /* neither addresses nor identities that fail */
    bool no_device_sas, no_module_sas; /* no tokens by their own keys */
    int64_t device_token_us;           /* the longest that a device's token may last; 0: any */
    int64_t issued_us;                 /* how long certificates that we issue are good */
    enum throttle_tier tier;
    unsigned units;                         /* of the tier, at least 1 */
    const char *throttles[CONFIG_LIST_MAX]; /* throttle_override() takes each */
    unsigned throttle_count;
    const char *oidc_issuer,
        *oidc_client_id; /* NULL: people sign in with what the hub knows alone */
    const char *oidc_secret_file;
    const char *oidc_role_claim;
    const char *oidc_roles[CONFIG_LIST_MAX]; /* VALUE=ROLE */
    unsigned oidc_role_count;
    const char *seed;         /* YAML file, see seed.h; NULL: none */
    unsigned workers;         /* 0: by the number of CPUs */
    unsigned max_connections; /* 0: by the descriptor limit */
    enum say_level log_level;
    bool help; /* --help was given; nothing else was looked at */

    enum config_origin origin[CONFIG_OPTIONS_MAX]; /* private, like what follows */
    struct {
        const char *value,
            *where; /* as it was given, and "--NAME", a variable, "FILE:LINE"; NULL: it was not */
    } said[CONFIG_OPTIONS_MAX];
    struct arena arena;
};

/* `argv` are the `argc` arguments behind the verb; `env` is environ. */
enum err config_load(struct config *c, enum config_verb verb, int argc, char *const argv[],
                     char *const env[]) MUST_USE;
/* ERR_INVALID: a file that an option names and is not there, unless it is in the data directory, where the
 * start may make it.  For the start: later some may be gone. */
enum err config_check_files(const struct config *c) MUST_USE;

/* Appends a YAML file that says the same, with where each value is from, and as remarks what nobody said.
 * Connection strings are not shown. */
void config_show(struct buf *out, const struct config *c);

void config_free(struct config *c);

/* May the option change while the server runs?  Log level and your own certificates may. */
bool config_is_live(const char *option);

/* Names the options whose values differ, in the order of the help. */
void config_compare(const struct config *a, const struct config *b,
                    void (*differs)(void *ctx, const char *option), void *ctx);

/* How much the hub takes: the tier's rates and what was said otherwise. */
void config_throttles(const struct config *c, struct throttle_config *out);

/* What --help prints. */
void config_help(struct buf *out, enum config_verb verb);

#endif
