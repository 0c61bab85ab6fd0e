/* seed.h - what a hub has from the start: devices and routes of a YAML file, made if they are absent.
 *
 *     devices:
 *       - sensor-1                            # a device with keys of the hub's making
 *       - deviceId: sensor-2
 *         status: disabled
 *         authentication:
 *           symmetricKey: {primaryKey: ..., secondaryKey: ...}
 *
 *     routing:                                # properties.routing of Azure's hub resource
 *       routes:
 *         - {name: hot, source: DeviceMessages, condition: "level = 'hot'", endpointNames: [events]}
 *       enrichments:
 *         - {key: site, value: $twin.tags.site, endpointNames: [events]}
 *
 * The names of a device are those of a Device in the service API.  What is there already stays as it is,
 * also where the file says something else; so does the routing of a hub once anybody changed it.
 *
 * Runs on: seed_load() the main thread; seed_plant() and what follows on the registry's core.
 * Life:    seed_load() .. seed_free(); seed_plant() once.
 * Limits:  SEED_DEVICES_MAX devices, SEED_FILE_MAX bytes, SEED_WINDOW creations under way.
 * Errors:  ERR_INVALID with "file:line: reason", also for what this release cannot make;
 *          ERR_NOT_FOUND, ERR_IO when the file cannot be read.
 */
#ifndef SERVER_SEED_H
#define SERVER_SEED_H

#include "base/arena.h"
#include "base/map.h"
#include "hub/registry/registry.h"
#include "hub/routing/routing.h"

enum { SEED_DEVICES_MAX = 10000, SEED_FILE_MAX = 8 << 20, SEED_WINDOW = 64 };

struct seed_device {
    struct registry_wait wait;
    struct seed *seed;
    struct seed_device *next;
    struct slice id, json;
    size_t line;
};

struct seed {
    struct arena arena;
    const char *path; /* as it was given */
    struct seed_device *devices;
    struct map ids;       /* of those */
    struct slice routing; /* its document; empty: none */
    size_t routing_line;

    struct registry *registry; /* while planting; private, like what follows */
    struct routing *routes;
    struct routing_wait routing_wait;
    struct seed_device *waiting;
    unsigned under_way, created;
    char why[512]; /* the first refusal; empty: none */
    void (*done)(void *ctx);
    void *ctx;
};

enum err seed_load(struct seed *s, const char *path) MUST_USE;
void seed_free(struct seed *s);

/* Asks for every device, then for the routes, and calls `done` once, perhaps before it returns. */
void seed_plant(struct seed *s, struct registry *registry, struct routing *routing,
                void (*done)(void *ctx), void *ctx);

/* After `done`, on any thread: were all devices there or made? */
enum err seed_result(const struct seed *s) MUST_USE;

#endif
