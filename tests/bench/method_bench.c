/* method_bench.c - direct methods: so many calls a second from HTTP to devices on MQTT and back.
 *
 * usage: method_bench MQTT_PORT SOCKET TOKEN DEVICES RATE SECONDS
 *
 * One thread plays both sides: DEVICES plain MQTT connections that answer at once, and CALLERS
 * connections to the server's socket that call them in turn.  Calls begin when they are due (open
 * loop): what waits for a free caller counts.  Devices are dev000000 and so on; TOKEN lets all of
 * them in.  Prints one line of JSON.
 */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

enum { CALLERS = 128, WARMUP_S = 1 };

struct caller {
    struct line line;
    struct buf in;
    bool busy;      /* waits for its answer */
    int64_t due_us; /* when its call was due */
};

static struct line *devices;
static struct caller callers[CALLERS];
static unsigned device_count, next_device;
static struct times times;
static size_t failed;
static int64_t measure_from_us;

/* ---- devices */

static struct line *device_line(unsigned number)
{
    return &devices[number];
}

static void answer(struct line *l, const struct mqtt_publish *request)
{
    char topic[128];
    struct slice rid = slice_from(request->topic, slice_rfind(request->topic, '=') + 1);
    snprintf(topic, sizeof topic, "$iothub/methods/res/200/?$rid=%.*s", SLICE_ARG(rid));
    struct mqtt_publish p = {.topic = slice_str(topic), .payload = request->payload};
    if (mqtt_send_publish(&l->mqtt, &p) != OK) lines_stop("mqtt");
}

static void on_packet(struct line *l, const struct mqtt_event *ev)
{
    if (ev->kind == MQTT_PUBLISH) answer(l, &ev->publish);
}

/* ---- callers */

static void call(struct caller *c, int64_t due_us)
{
    static const char body[] = "{\"methodName\":\"reboot\",\"payload\":{\"delay\":5},"
                               "\"responseTimeoutInSeconds\":30}";
    c->busy = true;
    c->due_us = due_us;
    buf_printf(&c->line.out,
               "POST /twins/dev%06u/methods?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               next_device++ % device_count, sizeof body - 1, body);
    line_flush(&c->line);
}

/* Answers have a body that ends the packet: {"status":200,...}. */
static void hear_caller(struct line *l, struct slice bytes)
{
    struct caller *c = CONTAINER_OF(l, struct caller, line);
    buf_put_slice(&c->in, bytes);
    struct slice text = buf_slice(&c->in);
    if (!slice_ends(text, SLICE_LIT("}"))) return;
    bool good = slice_starts(text, SLICE_LIT("HTTP/1.1 200"));
    if (!good && failed++ == 0) fprintf(stderr, "%.*s\n", SLICE_ARG(slice_head(text, 600)));
    if (good && c->due_us >= measure_from_us) times_add(&times, clock_mono_us() - c->due_us);
    buf_clear(&c->in);
    c->busy = false;
}

/* ---- */

/* Each in turn: the server closes a connection that rests for long. */
static struct caller *free_caller(void)
{
    static unsigned next;
    for (unsigned i = 0; i < CALLERS; i++) {
        struct caller *c = &callers[(next + i) % CALLERS];
        if (c->busy) continue;
        next = (unsigned)(c - callers) + 1;
        return c;
    }
    return NULL;
}

static unsigned busy_callers(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLERS; i++) count += callers[i].busy;
    return count;
}

static void run(unsigned rate, unsigned seconds)
{
    int64_t start_us = clock_mono_us(), begun = 0;
    int64_t calls = (int64_t)rate * (seconds + WARMUP_S);
    measure_from_us = start_us + WARMUP_S * 1000000ll;
    while (begun < calls) {
        struct caller *caller;
        int64_t due_us = start_us + begun * 1000000 / rate;
        while (due_us <= clock_mono_us() && begun < calls && (caller = free_caller()) != NULL) {
            call(caller, due_us);
            due_us = start_us + ++begun * 1000000 / rate;
        }
        lines_turn(free_caller() ? MAX(due_us - clock_mono_us(), 0) : LINES_WAIT_US);
    }
    while (busy_callers() > 0) lines_turn(LINES_WAIT_US);
}

int main(int argc, char **argv)
{
    if (argc != 7) return 2;
    const struct device_plan plan = {.count = (unsigned)atoi(argv[4]),
                                     .port = (unsigned)atoi(argv[1]),
                                     .token = argv[3],
                                     .filter = "$iothub/methods/POST/#",
                                     .line = device_line,
                                     .packet = on_packet};
    unsigned rate = (unsigned)atoi(argv[5]), seconds = (unsigned)atoi(argv[6]);
    device_count = plan.count;
    devices = mem_zero(plan.count * sizeof *devices);
    times_init(&times, (size_t)rate * (seconds + 1));
    devices_open(&plan);
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i].line.hear = hear_caller;
        line_open_socket(&callers[i].line, argv[2]);
    }
    run(rate, seconds);
    times_sort(&times);
    printf("{\"devices\":%u,\"rate\":%u,\"answered\":%zu,\"failed\":%zu,"
           "\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"p999_us\":%" PRId64
           ",\"max_us\":%" PRId64 "}\n",
           device_count, rate, times.count, failed, times_at(&times, 0.5), times_at(&times, 0.99),
           times_at(&times, 0.999), times_at(&times, 1));
    return failed > 0;
}
