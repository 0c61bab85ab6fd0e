/* diagnostic.h - resource logs: what happened to whom, in the records that Azure's diagnostic settings give.
 *
 *   a core, wherever it happened                the archive's lane
 *   diagnostic_note() ──record──▶ bounded ──▶ each setting that wants the category
 *                                               ├──▶ DIR/diagnostics/NAME.jsonl, rotated
 *                                               └──{"records":[..]}──▶ the first core ──▶ an event hub
 *
 * Nothing is noted that no setting wants.  A record is lost rather than waited for: what finds no room is
 * counted (azimuth_diagnostic_dropped_total) and gone.  Records of one device keep their order in a file.
 * Settings are kept in diagnostic-settings.json.
 *
 * Never noted: tokens, keys, what is in a message or a twin.  Who notes sees to that.
 *
 * Runs on: diagnostic_wanted() and the functions of properties on any thread; diagnostic_note() and what is asked
 *          on any core's lane; the rest on the lane of the configuration, which may block on the disk.
 * Life:    diagnostics_open() after the event hubs' log and before the lanes run, diagnostics_attach() for each
 *          core, diagnostics_free() after all lanes have stopped.
 * Limits:  the constants below.
 * Source:  "Monitoring Azure IoT Hub Device Provisioning Service data reference": its two categories, their fields;
 *          "Monitoring Azure IoT Hub data reference": categories, operation names, the keys of `properties`;
 *          Microsoft.Insights/diagnosticSettings: their JSON, at most five of a resource.
 */
#ifndef HUB_DIAGNOSTIC_DIAGNOSTIC_H
#define HUB_DIAGNOSTIC_DIAGNOSTIC_H

#include "hub/hub.h"
#include "hub/status.h"

enum {
    DIAGNOSTIC_SETTINGS_MAX = 5, /* Azure: of a resource */
    DIAGNOSTIC_NAME_MAX = 64,
    DIAGNOSTIC_BODY_MAX = 16 << 10,   /* bytes of a setting's JSON */
    DIAGNOSTIC_TEXT_MAX = 1024,       /* bytes of a text in a record; the rest is cut off */
    DIAGNOSTIC_QUEUE_MAX = 8 << 20,   /* bytes of records on their way to the lane */
    DIAGNOSTIC_BATCH_MAX = 192 << 10, /* bytes of records in one event */
    DIAGNOSTIC_BATCHES_MAX = 16,      /* events of a setting that the log has not answered */
    DIAGNOSTIC_RARE_US = 60 * 1000000,
    DIAGNOSTIC_FILE_MIN = 4 << 10,
    DIAGNOSTIC_FILE_DEFAULT = 16 << 20,
    DIAGNOSTIC_FILE_MAX = 1 << 30, /* bytes, then the next file begins */
    DIAGNOSTIC_FILES_MAX = 8,      /* of a setting; the oldest goes */
    DIAGNOSTIC_RESERVES =
        2, /* nothing is written below so many disk reserves: messages have the rest */
};

enum diagnostic_category {
    DIAGNOSTIC_CONNECTIONS,
    DIAGNOSTIC_DEVICE_TELEMETRY,
    DIAGNOSTIC_C2D_COMMANDS,
    DIAGNOSTIC_DEVICE_IDENTITY_OPERATIONS,
    DIAGNOSTIC_FILE_UPLOAD_OPERATIONS,
    DIAGNOSTIC_ROUTES,
    DIAGNOSTIC_D2C_TWIN_OPERATIONS,
    DIAGNOSTIC_C2D_TWIN_OPERATIONS,
    DIAGNOSTIC_TWIN_QUERIES,
    DIAGNOSTIC_JOBS_OPERATIONS,
    DIAGNOSTIC_DIRECT_METHODS,
    DIAGNOSTIC_CONFIGURATIONS,
    DIAGNOSTIC_DEVICE_OPERATIONS, /* from here on: of DPS */
    DIAGNOSTIC_SERVICE_OPERATIONS,
    DIAGNOSTIC_CATEGORIES
};

#define DIAGNOSTIC_ALL ((1u << DIAGNOSTIC_CATEGORIES) - 1)

const char *diagnostic_category_name(enum diagnostic_category c); /* "Connections" */

/* The category of that name, in any case; DIAGNOSTIC_CATEGORIES: there is none. */
enum diagnostic_category diagnostic_category_of(struct slice name);

/* ---- noting */

/* Does any setting want the category?  What a record costs is spent only then. */
bool diagnostic_wanted(const struct hub *hub, enum diagnostic_category c);

struct diagnostic {
    enum diagnostic_category category;
    const char *operation;        /* "deviceConnect" */
    unsigned number;              /* resultType: 404001; 0: nothing is wrong */
    bool informs;                 /* level Information although something is */
    struct slice description;     /* resultDescription */
    int64_t duration_us;          /* 0: not known */
    const struct buf *properties; /* members put by the functions below */
    /* of DPS, whose `number` is enum dps_code: 200, 401002 */
    struct slice peer, version; /* "192.0.2.7:40312", "2021-10-01"; empty: not known */
};

/* Number and name of a status that the hub answers with. */
void diagnostic_set_status(struct diagnostic *d, enum status s);

/* What any message may be the reason for: once in DIAGNOSTIC_RARE_US of the hub, as in Azure.  True: it is due, and
 * counts as noted. */
enum diagnostic_rare {
    DIAGNOSTIC_UNDEFINED_ROUTE,
    DIAGNOSTIC_ROUTE_ERROR,
    DIAGNOSTIC_ORPHANED,
    DIAGNOSTIC_RARES
};
bool diagnostic_is_due(const struct hub *hub, enum diagnostic_rare which);

/* If a setting wants it.  Everything is copied. */
void diagnostic_note(const struct hub *hub, struct lane *lane, const struct diagnostic *d);

/* A member of `properties`; texts are cut to DIAGNOSTIC_TEXT_MAX, ptr NULL is null; bytes that are no
 * UTF-8 become '?', here and in a description. */
void diagnostic_put_text(struct buf *properties, const char *name, struct slice text);
void diagnostic_put_number(struct buf *properties, const char *name, int64_t number);
void diagnostic_put_digits(struct buf *properties, const char *name, int64_t number); /* "7" */

/* statusCode: "404"; 0: null, of what went well. */
void diagnostic_put_http(struct buf *properties, unsigned http);

/* deviceId and, of a module, moduleId. */
void diagnostic_put_who(struct buf *properties, struct slice who);

/* authType, or under another name: JSON in a text.  `scope` is "device", "module" or "hub". */
void diagnostic_put_auth(struct buf *properties, const char *name, const char *scope,
                         bool certified);

/* What DeviceTelemetry has of messages of that sender that were refused. */
void diagnostic_put_ingress(struct buf *properties, const struct hub *hub, struct slice who,
                            const char *protocol, unsigned messages);

/* maskedIpAddress of "192.0.2.7:40312": "192.0.2.XXX". */
void diagnostic_put_peer(struct buf *properties, struct slice peer);

/* ---- life */

struct diagnostics;
struct event_hubs;
struct log_writer;

struct diagnostics_config {
    const struct hub *hub;
    struct lane *lane; /* may block on the disk */
    struct io *io;
    bool ephemeral;         /* `io` is memory: no files */
    uint64_t reserve_bytes; /* free disk kept back for others; 0: none */
};

/* Reads the settings that are kept. */
enum err diagnostics_open(const struct diagnostics_config *cfg, struct diagnostics **out) MUST_USE;
void diagnostics_free(struct diagnostics *d); /* NULL is fine */

/* Each core, before the lanes run.  On the first one `writer` and `event_hubs` are those that events go by;
 * elsewhere NULL. */
void diagnostics_attach(struct diagnostics *d, struct lane *core, struct log_writer *writer,
                        struct event_hubs *event_hubs);

/* ---- settings, from any core
 *
 * {"name":..,"properties":{"eventHubName":..,"file":{"sizeInBytes":..},"logs":[{"category":..,
 * "enabled":true},{"categoryGroup":"allLogs","enabled":true}]}}
 *
 * `file` is ours.  What Azure has besides (workspaceId, storageAccountId, metrics) is refused. */

struct diagnostic_answer {
    enum status status; /* STATUS_HUB_NOT_FOUND: no setting of that name */
    struct slice text;  /* for people, when the status is not STATUS_OK */
    struct slice json;
};

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten. */
struct diagnostic_wait {
    void (*fn)(struct diagnostic_wait *w, const struct diagnostic_answer *a);
    struct addr slot;
};

void diagnostic_setting_list(struct diagnostics *d, struct lane *core, struct diagnostic_wait *w);
void diagnostic_setting_get(struct diagnostics *d, struct lane *core, struct slice name,
                            struct diagnostic_wait *w);
void diagnostic_setting_put(struct diagnostics *d, struct lane *core, struct slice name,
                            struct slice json, struct diagnostic_wait *w);
void diagnostic_setting_delete(struct diagnostics *d, struct lane *core, struct slice name,
                               struct diagnostic_wait *w);
void diagnostic_forget(struct lane *core, struct diagnostic_wait *w);

#endif
