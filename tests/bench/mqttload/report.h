/* report.h - the one object of JSON that a run prints: what all modes say.  Each mode adds its own between. */
#ifndef MQTTLOAD_REPORT_H
#define MQTTLOAD_REPORT_H

#include <stdint.h>
#include <stdio.h>

extern FILE *report; /* stdout, or what --json names */

void report_init(void);

/* Where all counters were at a moment. */
struct snap {
    uint64_t t, sent, acked, received;
    double server_s, self_s, machine_s, stolen_s; /* of CPU */
};

struct snap snap_now(void);
double snap_seconds(const struct snap *from, const struct snap *to);

void report_head(const char *mode);

/* What the rest of the machine took away: a run with much of it tells little but CPU seconds. */
void report_noise(const struct snap *from, const struct snap *to);

void report_tail(void);

#endif
