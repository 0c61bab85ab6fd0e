/* counters.h - the service's own metrics RegistrationAttempts, DeviceAssignments and AttestationAttempts, with their dimensions as
 * labels.  Private to dps.
 *
 * ProvisioningServiceName is the hub's name; Status is the resultType of the resource logs.  IotHubName is where
 * the device was to go; empty: it did not come so far.
 *
 * Runs on: the core's lane; each core has its own, of the same series.
 * Limits:  DPS_COUNTED_HUBS_MAX hubs in the life of the program; further ones are "others".
 */
#ifndef DPS_COUNTERS_H
#define DPS_COUNTERS_H

#include "base/metrics.h"
#include "dps/dps.h"

enum { DPS_COUNTED_HUBS_MAX = DPS_HUBS_MAX + 1 }; /* the linked ones, and none */

enum dps_result { DPS_SUCCESS, DPS_CLIENT_ERROR, DPS_FAILURE, DPS_RESULTS };

/* Each NULL until it is needed.  One core's. */
struct dps_counters {
    struct metric *attestations[DPS_RESULTS][HUB_PROTOCOLS];
    struct dps_hub_counters {
        char *hub;
        struct metric *assignments, *attempts[DPS_RESULTS];
    } hubs[DPS_COUNTED_HUBS_MAX + 1]; /* and all others */
    unsigned hub_count;
};

/* What is about to count from 0: all attestations, and the hub's own registrations. */
void dps_counters_init(struct dps_counters *c, const struct hub *hub);
void dps_counters_free(struct dps_counters *c);

/* `code`: enum dps_code, DPS_OK for who has proved it. */
void dps_count_attestation(struct dps_counters *c, const struct hub *hub, enum hub_protocol p,
                           unsigned code);

/* A registration has ended, or was refused for want of room. */
void dps_count_registration(struct dps_counters *c, const struct hub *hub, struct slice to,
                            unsigned code);
void dps_count_assignment(struct dps_counters *c, const struct hub *hub, struct slice to);

#endif
