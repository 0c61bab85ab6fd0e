/* payload.h - the body of a message: JSON with the time, the publisher and a sequence number at fixed places, padded to
 * --size; without them where it is too short.
 */
#ifndef MQTTLOAD_PAYLOAD_H
#define MQTTLOAD_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct payload {
    uint64_t t_ns; /* when it was sent, as now_ns(), which may be before that began; 0: no time */
    uint64_t publisher, sequence;
};

void payload_init(void);

/* Writes opt.size bytes. */
void payload_put(char *to, const struct payload *p);

/* False: it is none of ours, or without those. */
bool payload_get(const char *from, size_t n, struct payload *out);

#endif
