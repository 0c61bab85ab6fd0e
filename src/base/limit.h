/* limit.h - what was refused, or forgotten, because of a limit, counted in one family of metrics by the limit's name.
 *
 *     LIMIT_REACHED(too_many_hubs, "event-hubs")
 *     ... metric_inc(&too_many_hubs);
 *
 * Runs on: any thread, as metrics do.
 */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stdio.h>

#include "base/metrics.h"

#define LIMIT_METRIC "azimuth_limit_reached_total"

#define LIMIT_REACHED(variable, limit)                                                             \
    METRIC(variable, METRIC_COUNTER, LIMIT_METRIC, "limit=\"" limit "\"",                          \
           "Refused or forgotten because more was wanted than there may be")

/* How often that was since the start; for tests. */
static inline int64_t limit_reached(const char *limit)
{
    char labels[64];
    snprintf(labels, sizeof labels, "limit=\"%s\"", limit);
    return metric_value(metric_of(METRIC_COUNTER, LIMIT_METRIC, labels, ""));
}

#endif
