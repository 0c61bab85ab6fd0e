/* check.h - an event hub in the routing document.  Private to deliver. */
#ifndef DELIVER_EVENT_HUBS_CHECK_H
#define DELIVER_EVENT_HUBS_CHECK_H

#include "hub/routing/routing.h"

enum err event_hubs_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before) MUST_USE;

/* Is it one that has a connection string? */
bool event_hubs_elsewhere(const struct json *endpoint);
void event_hubs_mask(struct arena *a, struct json *endpoint);

#endif
