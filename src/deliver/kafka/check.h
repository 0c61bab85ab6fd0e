/* check.h - a topic of Kafka in the routing document.  Private to deliver. */
#ifndef DELIVER_KAFKA_CHECK_H
#define DELIVER_KAFKA_CHECK_H

#include "hub/routing/routing.h"

enum err kafka_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                     const struct json *before) MUST_USE;
void kafka_mask(struct arena *a, struct json *endpoint);

#endif
