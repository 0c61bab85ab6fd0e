/* topic.h - the topic of a message at a broker: a template with {iothub}, {deviceid}, {source}.
 * Private to deliver. */
#ifndef DELIVER_BRIDGE_TOPIC_H
#define DELIVER_BRIDGE_TOPIC_H

#include "deliver/message.h"

/* ERR_INVALID with a text. */
enum err bridge_topic_check(struct slice template) MUST_USE;

/* What no topic may hold ('+', '#') and what would read as another one ('%', '/', a '$' first of all) is written as
 * %2B and so on. */
void bridge_topic_put(struct slice template, const struct hub *hub, const struct message *m,
                      struct buf *out);

#endif
