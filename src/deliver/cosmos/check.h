/* check.h - a container of Cosmos DB in the routing document.  Private to deliver. */
#ifndef DELIVER_COSMOS_CHECK_H
#define DELIVER_COSMOS_CHECK_H

#include "hub/routing/routing.h"

#define COSMOS_TEMPLATE_DEFAULT "{deviceid}-{YYYY}-{MM}" /* az iot hub message-endpoint create */

enum err cosmos_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                      const struct json *before) MUST_USE;
void cosmos_mask(struct arena *a, struct json *endpoint);

#endif
