/* check.h - event hubs, queues and topics elsewhere in the routing document.  Private to deliver. */
#ifndef DELIVER_AMQP_CHECK_H
#define DELIVER_AMQP_CHECK_H

#include "hub/routing/routing.h"

enum err amqp_check_event_hub(const struct hub *hub, struct arena *a, struct json *endpoint,
                              const struct json *before) MUST_USE;
enum err amqp_check_queue(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before) MUST_USE;
enum err amqp_check_topic(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before) MUST_USE;
void amqp_mask(struct arena *a, struct json *endpoint);

#endif
