/* route.h - where a message goes.  Private to hub/telemetry. */
#ifndef HUB_TELEMETRY_ROUTE_H
#define HUB_TELEMETRY_ROUTE_H

#include "hub/routing/routing.h"
#include "hub/telemetry/telemetry.h"

/* Only if the routes decide. */
void telemetry_route(const struct telemetry *t, const struct telemetry_sender *s,
                     const struct envelope *m, int64_t wall_us, struct routing_choice *out);

#endif
