/* measure.h - what is counted and timed while the load runs; report.h tells of it. */
#ifndef MQTTLOAD_MEASURE_H
#define MQTTLOAD_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"

struct counts {
    uint64_t sent, acked, received; /* messages */
    uint64_t connected, conn_failed, closed, proto_err, dup_or_gap;
    unsigned connecting, up_pubs, up_subs; /* now */
};

extern struct counts counts;

/* Of connecting; and while `measuring`, from PUBLISH to PUBACK and from PUBLISH to a subscriber. */
extern struct hist connect_time, ack_time, delivery_time;
extern bool measuring;

/* What first went wrong, "" if nothing did; no character of it needs an escape in JSON. */
extern char first_error[256];
void note_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void measure_init(void);

#endif
