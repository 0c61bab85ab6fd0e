/* twin_bench.c - reported properties: patches a second from devices on MQTT, each answered when it is
 * on disk.
 *
 * usage: twin_bench MQTT_PORT TOKEN DEVICES WINDOW SECONDS
 *
 * DEVICES plain connections keep WINDOW patches under way each (closed loop).  Devices are dev000000
 * and so on; TOKEN lets all of them in.  Prints one line of JSON.
 */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { WINDOW_MAX = 32, WARMUP_S = 1, TIMES_MAX = 4 << 20 };

struct device {
    struct line line;
    uint64_t sent;
    int64_t sent_us[WINDOW_MAX]; /* by rid modulo the window */
};

static struct device *devices;
static unsigned window;
static struct times times;
static size_t failed;
static int64_t measure_from_us, end_us;

static void report(struct device *d)
{
    char topic[96], body[160];
    uint64_t rid = d->sent++;
    snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%" PRIu64, rid);
    snprintf(body, sizeof body,
             "{\"temperature\":%u.5,\"firmware\":{\"version\":\"1.0.%u\",\"state\":\"running\"}}",
             (unsigned)(rid % 100), (unsigned)(rid % 1000));
    struct mqtt_publish p = {.topic = slice_str(topic), .payload = slice_str(body)};
    d->sent_us[rid % window] = clock_mono_us();
    if (mqtt_send_publish(&d->line.mqtt, &p) != OK) lines_stop("mqtt");
}

static void on_answer(struct device *d, struct slice topic)
{
    int64_t now_us = clock_mono_us();
    bool good = slice_starts(topic, SLICE_LIT("$iothub/twin/res/204/?$rid="));
    struct slice rid = slice_from(topic, strlen("$iothub/twin/res/204/?$rid="));
    uint64_t number = strtoull((const char *)rid.ptr, NULL, 10);
    if (!good && failed++ == 0) fprintf(stderr, "%.*s\n", SLICE_ARG(topic));
    if (good && now_us >= measure_from_us && now_us < end_us)
        times_add(&times, now_us - d->sent_us[number % window]);
    if (now_us < end_us) report(d);
}

static void on_packet(struct line *l, const struct mqtt_event *ev)
{
    struct device *d = CONTAINER_OF(l, struct device, line);
    if (ev->kind == MQTT_PUBLISH) on_answer(d, ev->publish.topic);
}

static struct line *line_of(unsigned number)
{
    return &devices[number].line;
}

static void run(unsigned count, unsigned seconds)
{
    measure_from_us = clock_mono_us() + WARMUP_S * 1000000ll;
    end_us = measure_from_us + (int64_t)seconds * 1000000;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < window; k++) report(&devices[i]);
        line_flush(&devices[i].line);
    }
    while (clock_mono_us() < end_us) lines_turn(LINES_WAIT_US);
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    const struct device_plan plan = {.count = (unsigned)atoi(argv[3]),
                                     .port = (unsigned)atoi(argv[1]),
                                     .token = argv[2],
                                     .filter = "$iothub/twin/res/#",
                                     .line = line_of,
                                     .packet = on_packet};
    unsigned seconds = (unsigned)atoi(argv[5]);
    window = (unsigned)atoi(argv[4]);
    if (window < 1 || window > WINDOW_MAX || seconds < 1) return 2;
    devices = mem_zero(plan.count * sizeof *devices);
    times_init(&times, TIMES_MAX);
    devices_open(&plan);
    run(plan.count, seconds);
    times_sort(&times);
    printf("{\"devices\":%u,\"window\":%u,\"patches_per_s\":%.0f,\"failed\":%zu,\"p50_us\":%" PRId64
           ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 "}\n",
           plan.count, window, (double)times.count / seconds, failed, times_at(&times, 0.5),
           times_at(&times, 0.99), times_at(&times, 1));
    return failed > 0;
}
