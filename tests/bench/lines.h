/* lines.h - what the benches of a hub's services share: plain connections behind one poller, devices on
 * MQTT, and how long things took.
 *
 * Runs on: one thread.  Whatever goes wrong ends the program with a word on stderr.
 */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "proto/mqtt/mqtt.h"

enum { LINES_WAIT_US = 100 * 1000 };

struct line {
    int fd;
    struct buf out;
    void (*hear)(struct line *l, struct slice bytes);
    /* a device's */
    struct mqtt mqtt;
    unsigned number;
    void (*packet)(struct line *l, const struct mqtt_event *ev);
};

_Noreturn void lines_stop(const char *why);

void line_open_port(struct line *l, unsigned port);      /* loopback */
void line_open_socket(struct line *l, const char *path); /* AF_UNIX */
void line_flush(struct line *l);                         /* what is in `out`; it is small */
void line_close(struct line *l);                         /* may be opened again */

/* Reads what is there, waiting at most that long for it; each line hears its own. */
void lines_turn(int64_t wait_us);

/* ---- devices: dev000000 and so on */

struct device_plan {
    unsigned count, port;
    const char *token;  /* lets all of them in */
    const char *filter; /* what they subscribe to; "{id}" is the device's */
    uint8_t qos;
    struct line *(*line)(unsigned number); /* of each */
    void (*packet)(struct line *l, const struct mqtt_event *ev);
};

/* Connects and subscribes all of them, not too many at a time, until all are ready. */
void devices_open(const struct device_plan *plan);

/* ---- times */

struct times {
    int64_t *us;
    size_t count, max;
};

void times_init(struct times *t, size_t max);
void times_add(struct times *t, int64_t us); /* beyond `max`: not kept */
void times_sort(struct times *t);
int64_t times_at(const struct times *t, double quantile); /* sorted; 0 when there is none */

#endif
