/* event_hubs_check.h - an event hub in the routing document.  Private to deliver. */
#ifndef DELIVER_EVENT_HUBS_CHECK_H
#define DELIVER_EVENT_HUBS_CHECK_H

#include "hub/routing/routing.h"

enum err event_hubs_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before) MUST_USE;

#endif
