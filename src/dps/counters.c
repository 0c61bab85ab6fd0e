/* counters.c - see counters.h. */
#include "dps/counters.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const results[DPS_RESULTS] = {
    [DPS_SUCCESS] = "Success", [DPS_CLIENT_ERROR] = "ClientError", [DPS_FAILURE] = "Failure"};

static enum dps_result result_of(unsigned code)
{
    unsigned http = code < 1000 ? code : code / 1000;
    if (http < 400) return DPS_SUCCESS;
    return http < 500 ? DPS_CLIENT_ERROR : DPS_FAILURE;
}

/* ---- attestations */

/* The series of that name with the service's name and these labels more, kept in `m`. */
static struct metric *series(struct metric **m, const char *name, const char *help,
                             const struct hub *hub, const char *more)
{
    char labels[512];
    if (*m == NULL) {
        snprintf(labels, sizeof labels, "ProvisioningServiceName=\"%s\",%s", hub->name, more);
        *m = metric_of(METRIC_COUNTER, name, labels, help);
    }
    return *m;
}

static struct metric *attestations(struct dps_counters *c, const struct hub *hub,
                                   enum dps_result result, enum hub_protocol p)
{
    char more[64];
    snprintf(more, sizeof more, "Status=\"%s\",Protocol=\"%s\"", results[result],
             hub_protocol_name(p));
    return series(&c->attestations[result][p], "azimuth_AttestationAttempts_total",
                  "Devices that proved to device provisioning who they are, or could not", hub,
                  more);
}

void dps_count_attestation(struct dps_counters *c, const struct hub *hub, enum hub_protocol p,
                           unsigned code)
{
    metric_inc(attestations(c, hub, result_of(code), p));
}

/* ---- by hub */

static struct dps_hub_counters *of_hub(struct dps_counters *c, struct slice hub)
{
    unsigned i = 0;
    while (i < c->hub_count && !slice_eq_nocase(slice_str(c->hubs[i].hub), hub)) i++;
    if (i == DPS_COUNTED_HUBS_MAX) hub = SLICE_LIT("others");
    if (c->hubs[i].hub == NULL) c->hubs[i].hub = slice_dup(hub);
    if (i == c->hub_count && i < DPS_COUNTED_HUBS_MAX) c->hub_count++;
    return &c->hubs[i];
}

static struct metric *attempts(struct dps_hub_counters *of, const struct hub *hub,
                               enum dps_result result)
{
    char more[384];
    snprintf(more, sizeof more, "IotHubName=\"%s\",Status=\"%s\"", of->hub, results[result]);
    return series(&of->attempts[result], "azimuth_RegistrationAttempts_total",
                  "Registrations of devices that ended, by how", hub, more);
}

static struct metric *assignments(struct dps_hub_counters *of, const struct hub *hub)
{
    char more[384];
    snprintf(more, sizeof more, "IotHubName=\"%s\"", of->hub);
    return series(&of->assignments, "azimuth_DeviceAssignments_total",
                  "Devices that were assigned to a hub", hub, more);
}

void dps_count_registration(struct dps_counters *c, const struct hub *hub, struct slice to,
                            unsigned code)
{
    metric_inc(attempts(of_hub(c, to), hub, result_of(code)));
}

void dps_count_assignment(struct dps_counters *c, const struct hub *hub, struct slice to)
{
    metric_inc(assignments(of_hub(c, to), hub));
}

/* ---- life */

void dps_counters_init(struct dps_counters *c, const struct hub *hub)
{
    struct dps_hub_counters *own = of_hub(c, slice_str(hub->hosts[0]));
    assignments(own, hub);
    for (enum dps_result result = 0; result < DPS_RESULTS; result++) {
        attempts(own, hub, result);
        for (enum hub_protocol p = 0; p < HUB_PROTOCOLS; p++) attestations(c, hub, result, p);
    }
}

void dps_counters_free(struct dps_counters *c)
{
    for (unsigned i = 0; i <= DPS_COUNTED_HUBS_MAX; i++) free(c->hubs[i].hub);
}
