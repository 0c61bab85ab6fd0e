/* fleet_summary.h - the numbers that a run begins and ends with, between text and structs. */
#ifndef CLI_FLEET_SUMMARY_H
#define CLI_FLEET_SUMMARY_H

#include "base/json.h"
#include "cli/fleet.h"

/* "10", "10/s", "2.5/m", "1/h": messages a second; "max": 0. */
enum err fleet_rate(const char *text, double *per_second) MUST_USE;

/* {"devices", "connected", "refused", "sent", "acknowledged", "failed", "resent", "reconnects",
 *  "seconds", "rate", "latencyMs": {"p50", "p99", "max"}} */
struct json *fleet_summary(struct arena *a, const struct fleet_plan *plan,
                           const struct fleet_result *result);

extern const char fleet_summary_columns[]; /* of the table */

#endif
