/* event_json.h - an event as `az iot hub monitor-events` shows it. */
#ifndef CLI_EVENT_JSON_H
#define CLI_EVENT_JSON_H

#include "base/amqp.h"
#include "base/json.h"

enum event_parts {
    EVENT_SYSTEM = 1,
    EVENT_APPLICATION = 2,
    EVENT_ANNOTATIONS = 4,
    EVENT_AS_JSON = 8, /* the body is JSON, also where it is but a number or a text */
    EVENT_AS_TEXT = 16 /* the body is no JSON, whatever it looks like */
};

/* {"event":{"origin","module","interface","component","properties"?,"annotations"?,"payload"}}; a
 * JSON object or array in the body is shown as such, other text as text, other bytes as base64; `parts`
 * may say otherwise. */
struct json *event_json(struct arena *a, const struct amqp_message *m, unsigned parts);

/* The text of a message annotation, SLICE_NONE without. */
struct slice event_annotation(const struct amqp_message *m, const char *name);

/* Of a number, or a time in milliseconds; -1 without. */
int64_t event_number(const struct amqp_message *m, const char *name);

/* One line for a terminal: time, device, place, body. */
void event_line(struct buf *out, struct arena *a, const struct amqp_message *m, unsigned partition);

#endif
