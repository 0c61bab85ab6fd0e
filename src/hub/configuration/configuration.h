/* configuration.h - automatic device management and deployments of IoT Edge: desired properties that the
 * hub keeps in the twins that a condition is about.
 *
 * The first core has all configurations in memory and looks at a twin when it, or a configuration, has
 * changed, and at all that matter after a start: which configurations mean it, what the one with the
 * highest priority says of each property, and what of it is not there yet.  The twin keeps what was
 * decided, as `configurations`; the store has one row for each twin that a configuration means, by which
 * they are counted and found again.  A deployment is about edge devices and written into the twins of
 * their modules.
 *
 * Runs on: struct configurations on each core; verbs may be called on any.
 * Life:    configurations_new() after twins and queries, before the lanes run; configurations_free()
 *          before them, after the lanes stopped.  A wait is called once, never before the verb has
 *          returned, unless it was forgotten.
 * Limits:  the constants below, each with what is said when it is reached.
 * Source:  "Automatic device and module management"; service REST API 2021-04-12; the behaviour of a real
 *          hub where those are silent; README.md.
 */
#ifndef HUB_CONFIGURATION_CONFIGURATION_H
#define HUB_CONFIGURATION_CONFIGURATION_H

#include "hub/hub.h"
#include "hub/status.h"

enum {
    CONFIGURATIONS_MAX = 100,           /* IoT Hub: ConfigurationCountLimitExceeded */
    CONFIGURATION_ID_MAX = 128,         /* IoT Hub: ArgumentInvalid */
    CONFIGURATION_BODY_MAX = 256 << 10, /* bytes: MessageTooLarge */
    CONFIGURATION_METRICS_MAX = 10,  /* queries (IoT Hub): InvalidConfigurationCustomMetricsQuery */
    CONFIGURATION_LABELS_MAX = 100,  /* ours: ArgumentInvalid */
    CONFIGURATION_MODULES_MAX = 50,  /* of a deployment (IoT Edge): InvalidConfigurationContent */
    CONFIGURATION_CALLS_MAX = 1000,  /* under way: ThrottleBacklogLimitExceeded */
    CONFIGURATION_QUEUE_MAX = 10000, /* twins that wait to be looked at; then all are */
    CONFIGURATION_AT_ONCE = 32,      /* twins that are looked at */
};

struct configurations;
struct registry;
struct twins;
struct queries;

/* One per core.  Reads the configurations from the store. */
enum err configurations_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                            struct twins *twins, struct queries *queries,
                            struct configurations **out) MUST_USE;
void configurations_free(struct configurations *c); /* NULL is fine */

/* Borrowed during the call. */
struct configuration_answer {
    enum status status;
    struct slice etag; /* of a configuration, without quotes; empty: none */
    struct slice body; /* JSON; empty: none */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

/* Who waits.  Embedded in its owner. */
struct configuration_wait {
    void (*fn)(struct configuration_wait *w, const struct configuration_answer *a);
    struct addr slot;
};

/* Without `if_match` a PUT creates, with it it updates what is there.  The content of a configuration
 * stays what it was when it was made. */
void configuration_put(struct configurations *c, struct slice id, struct slice if_match,
                       struct slice json, struct configuration_wait *w);
void configuration_delete(struct configurations *c, struct slice id, struct slice if_match,
                          struct configuration_wait *w);
void configuration_get(struct configurations *c, struct slice id, struct configuration_wait *w);
void configuration_list(struct configurations *c, struct configuration_wait *w); /* an array */

/* What is wrong with a target condition and with metrics: POST /configurations/testQueries. */
void configuration_test(struct configurations *c, struct slice json, struct configuration_wait *w);

/* Writes a content (modulesContent) into the modules of an edge device at once, and makes those that are
 * missing: POST /devices/{id}/applyConfigurationContent. */
void configuration_apply(struct configurations *c, struct slice device_id, struct slice json,
                         struct configuration_wait *w);

void configuration_forget(struct configurations *c, struct configuration_wait *w);

#endif
