/* seed.h - what a hub has from the start: devices, event hubs and routes of a YAML file, made if they are
 * absent.
 *
 *     devices:
 *       - sensor-1                            # a device with keys of the hub's making
 *       - deviceId: sensor-2
 *         status: disabled
 *         authentication:
 *           symmetricKey: {primaryKey: ..., secondaryKey: ...}
 *         tags: {site: north}
 *         properties: {desired: {period: 10}}
 *
 *     enrollments:                            # as DPS's service API has them
 *       - press-2                             # by symmetric keys of the server's making
 *     enrollmentGroups:
 *       - {enrollmentGroupId: line-a, attestation: {type: x509, ..}}
 *
 *     configurations:                         # and deployments of IoT Edge, as the service API has them
 *       - id: fast
 *         targetCondition: tags.site = 'north'
 *         priority: 10
 *         content: {deviceContent: {properties.desired.period: 1}}
 *
 *     routing:                                # properties.routing of Azure's hub resource
 *       routes:
 *         - {name: hot, source: DeviceMessages, condition: "level = 'hot'", endpointNames: [events]}
 *       enrichments:
 *         - {key: site, value: $twin.tags.site, endpointNames: [events]}
 *
 *     eventHubs:
 *       - orders
 *       - name: alarms                        # as `azimuth eventhub create` has it
 *         partitionCount: 8
 *         retentionTimeInHours: 48
 *         retentionSizeInBytes: 1073741824
 *         consumerGroups: [readers]
 *         capture: {destination: {name: Azimuth.Folder}}
 *     consumerGroups: [dashboard]             # of the built-in event hub
 *     capture:                                # likewise; a captureDescription
 *       destination: {name: Azimuth.Folder}
 *     diagnosticSettings:                     # as `azimuth monitor diagnostic-settings` has them
 *       - {name: audit, properties: {file: {}, logs: [{category: Connections, enabled: true}]}}
 *
 * The names of a device are those of a Device in the service API.  What is there already stays as it is,
 * also where the file says something else; so do enrollments, configurations, event hubs, a capture, a diagnostic setting, and the
 * routing of a hub and the twin of a device once anybody changed it.
 *
 * Runs on: seed_load() the main thread; seed_plant() and what follows on the registry's core.
 * Life:    seed_load() .. seed_free(); seed_plant() once.
 * Limits:  SEED_DEVICES_MAX devices, SEED_FILE_MAX bytes, SEED_WINDOW creations under way,
 *          SEED_STEPS_MAX event hubs, consumer groups, captures and diagnostic settings.
 *          SEED_ENROLLMENTS_MAX enrollments, DPS_GROUPS_MAX groups of them, CONFIGURATIONS_MAX configurations.
 * Errors:  ERR_INVALID with "file:line: reason", also for what this release cannot make;
 *          ERR_NOT_FOUND, ERR_IO when the file cannot be read.
 */
#ifndef SERVER_SEED_H
#define SERVER_SEED_H

#include "base/arena.h"
#include "base/map.h"
#include "capture/capture.h"
#include "dps/dps.h"
#include "hub/configuration/configuration.h"
#include "hub/consumer_group/consumer_group.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/event_hub/event_hub.h"
#include "hub/registry/registry.h"
#include "hub/routing/routing.h"
#include "hub/twin/twin.h"

enum {
    SEED_DEVICES_MAX = 10000,
    SEED_FILE_MAX = 8 << 20,
    SEED_WINDOW = 64,
    SEED_STEPS_MAX = 4096,
    SEED_ENROLLMENTS_MAX = 10000
};

struct seed_device {
    struct registry_wait wait;
    struct seed *seed;
    struct seed_device *next;
    struct slice id, json;
    struct slice twin; /* tags and desired properties; empty: none */
    struct twin_wait twin_wait;
    size_t line;
};

/* An enrollment or a group (seed_enrollment.c). */
struct seed_enrollment {
    struct dps_wait wait;
    struct seed *seed;
    struct seed_enrollment *next;
    enum dps_kind kind;
    struct slice id, json;
    size_t line;
};

/* A configuration or a deployment (seed_configuration.c). */
struct seed_configuration {
    struct configuration_wait wait;
    struct seed *seed;
    struct seed_configuration *next;
    struct slice id, json;
    size_t line;
};

/* An event hub, a consumer group, a capture or a diagnostic setting (seed_stream.c). */
struct seed_step {
    enum { SEED_EVENT_HUB, SEED_GROUP, SEED_CAPTURE, SEED_DIAGNOSTIC } kind;
    struct slice event_hub; /* its name; empty: the built-in one; or the diagnostic setting's */
    struct event_hub_wish wish;
    struct slice text; /* the group's name, the captureDescription, or the setting */
    size_t line;
    struct seed_step *next;
};

/* Where things are made. */
struct seed_doors {
    struct lane *lane;
    const char *hub_name; /* and the built-in event hub's */
    struct registry *registry;
    struct twins *twins;
    struct dps *dps;
    struct configurations *configurations;
    struct routing *routing;
    struct event_hubs *event_hubs;
    struct consumer_groups *groups;
    struct captures *captures;
    struct diagnostics *diagnostics;
};

struct seed {
    struct arena arena;
    const char *path; /* as it was given */
    struct seed_device *devices;
    struct map ids;                                         /* of those */
    struct seed_enrollment *enrollments, **enrollments_end; /* while planting: those that wait */
    struct seed_configuration *configurations;              /* likewise */
    struct slice routing;                                   /* its document; empty: none */
    size_t routing_line;
    struct seed_step *steps, **steps_end;
    unsigned step_count;

    struct seed_doors doors; /* while planting; private, like what follows */
    struct routing_wait routing_wait;
    struct seed_step *step; /* under way */
    struct event_hub_wait hub_wait;
    struct consumer_group_wait group_wait;
    struct capture_wait capture_wait;
    struct diagnostic_wait diagnostic_wait;
    struct seed_device *waiting;
    unsigned under_way, created;
    char why[512]; /* the first refusal; empty: none */
    void (*done)(void *ctx);
    void *ctx;
};

enum err seed_load(struct seed *s, const char *path) MUST_USE;
void seed_free(struct seed *s);

/* Asks for every device, for enrollments, for configurations, for event hubs, then for the routes, and calls `done` once, perhaps before it returns. */
void seed_plant(struct seed *s, const struct seed_doors *doors, void (*done)(void *ctx), void *ctx);

/* ---- between seed.c, seed_enrollment.c, seed_configuration.c and seed_stream.c */

struct yaml;
enum err seed_bad(const struct seed *s, const struct yaml *at, const char *what) MUST_USE;
struct slice seed_json(struct seed *s, const struct yaml *item); /* any YAML, as JSON */
enum err seed_read_event_hubs(struct seed *s, const struct yaml *list) MUST_USE;
enum err seed_read_groups(struct seed *s, const struct yaml *list) MUST_USE;
enum err seed_read_diagnostics(struct seed *s, const struct yaml *list) MUST_USE;
enum err seed_read_capture(struct seed *s, const struct yaml *section) MUST_USE;
enum err seed_read_enrollments(struct seed *s, const struct yaml *list) MUST_USE;
enum err seed_read_enrollment_groups(struct seed *s, const struct yaml *list) MUST_USE;
enum err seed_read_configurations(struct seed *s, const struct yaml *list) MUST_USE;
void seed_plant_enrollments(struct seed *s);    /* seed_plant_configurations() follows */
void seed_plant_configurations(struct seed *s); /* seed_plant_streams() follows */
void seed_plant_streams(struct seed *s);        /* seed_plant_routing() follows */
void seed_plant_routing(struct seed *s);

/* After `done`, on any thread: were all devices there or made? */
enum err seed_result(const struct seed *s) MUST_USE;

#endif
