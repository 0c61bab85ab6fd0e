/* latency.h - how far are the linked hubs from here?  Private to dps.
 *
 * Each core measures what it needs to know: when a device is to get the nearest hub, and one of those to
 * choose from has neither a latency that somebody has set nor one that was measured within
 * LATENCY_FRESH_US, that hub is asked for a device that it does not have.  One question at a time; the
 * device does not wait for it. */
#ifndef DPS_LATENCY_H
#define DPS_LATENCY_H

#include "dps/hubs.h"

#define LATENCY_FRESH_US (60 * 1000000ll)

struct latency;

struct latency *latency_new(struct dps *d);
void latency_free(struct latency *l); /* NULL is fine */

/* Our own is here: 0, unless somebody has set another.  INT64_MAX: not known yet. */
int64_t latency_us(const struct linked_hub *h);

/* Asks, if it is time and nobody is being asked. */
void latency_measure(struct latency *l, const struct linked_hub *h);

#endif
