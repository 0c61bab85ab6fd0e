/* check.h - a webhook in the routing document.  Private to deliver. */
#ifndef DELIVER_WEBHOOK_CHECK_H
#define DELIVER_WEBHOOK_CHECK_H

#include "hub/routing/routing.h"

#define WEBHOOK_CLOUD_SCHEMA "CloudEventSchemaV1_0"

enum err webhook_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                       const struct json *before) MUST_USE;
void webhook_mask(struct arena *a, struct json *endpoint);

#endif
