/* hist.h - a histogram of nanoseconds: 64 linear steps per power of two, so an error of at most 1.6 %. */
#ifndef MQTTLOAD_HIST_H
#define MQTTLOAD_HIST_H

#include <stdint.h>
#include <stdio.h>

enum { HIST_STEPS = 64, HIST_BUCKETS = HIST_STEPS * 40 };

struct hist {
    uint64_t n, sum, max, min;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_reset(struct hist *h);
void hist_add(struct hist *h, uint64_t ns);

/* Appends ,"NAME":{...} in microseconds; without values there is "n" alone. */
void hist_json(FILE *f, const char *name, const struct hist *h);

#endif
