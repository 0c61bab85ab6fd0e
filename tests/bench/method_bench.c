/* method_bench.c - direct methods: so many calls a second from HTTP to devices on MQTT and back.
 *
 * usage: method_bench MQTT_PORT SOCKET TOKEN DEVICES RATE SECONDS
 *
 * One thread plays both sides: DEVICES plain MQTT connections that answer at once, and CALLERS
 * connections to the server's socket that call them in turn.  Calls begin when they are due (open
 * loop): what waits for a free caller counts.  Devices are dev000000 and so on; TOKEN lets all of
 * them in.  Prints one line of JSON.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/mqtt/mqtt.h"

enum { CALLERS = 128, CONNECTING_MAX = 64, EVENTS = 256, READ = 64 << 10, WARMUP_S = 1 };
enum { WAIT_US = 100 * 1000 };

struct line {
    int fd;
    bool is_caller, busy; /* a caller: waits for its answer */
    bool ready;           /* a device: subscribed */
    int64_t due_us;       /* when its call was due */
    struct mqtt mqtt;
    struct buf in, out;
};

static struct line *lines;
static unsigned device_count, ready_count, connected_count, next_device;
static int poller;
static const char *token;
static int64_t *latencies;
static size_t answered, failed, latency_max;
static int64_t measure_from_us;

static void stop(const char *why)
{
    perror(why);
    exit(1);
}

static void flush(struct line *l)
{
    struct slice waiting = buf_slice(&l->out);
    if (waiting.len == 0) return;
    ssize_t n = write(l->fd, waiting.ptr, waiting.len);
    if (n != (ssize_t)waiting.len) stop("write"); /* requests and answers are small */
    buf_clear(&l->out);
}

static void join(struct line *l, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    l->fd = fd;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) != 0) stop("epoll_ctl");
}

/* ---- devices */

static void connect_device(unsigned number, unsigned port)
{
    struct line *l = &lines[number];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    char id[32], user[96];
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (void *)&to, sizeof to) != 0) stop("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    join(l, fd);
    snprintf(id, sizeof id, "dev%06u", number);
    snprintf(user, sizeof user, "localhost/%s/?api-version=2021-04-12", id);
    mqtt_init(&l->mqtt, &(struct mqtt_config){MQTT_CLIENT, &l->out, 0}, clock_mono_us());
    struct mqtt_connect c = {.client_id = slice_str(id),
                             .user_name = slice_str(user),
                             .password = slice_str(token),
                             .keep_alive_s = 600,
                             .has_user_name = true,
                             .has_password = true};
    struct mqtt_filter f = {SLICE_LIT("$iothub/methods/POST/#"), 0};
    if (mqtt_send_connect(&l->mqtt, &c) != OK || mqtt_send_subscribe(&l->mqtt, 1, &f, 1) != OK)
        stop("mqtt");
    flush(l);
}

static void answer(struct line *l, const struct mqtt_publish *request)
{
    char topic[128];
    struct slice rid = slice_from(request->topic, slice_rfind(request->topic, '=') + 1);
    snprintf(topic, sizeof topic, "$iothub/methods/res/200/?$rid=%.*s", SLICE_ARG(rid));
    struct mqtt_publish p = {.topic = slice_str(topic), .payload = request->payload};
    if (mqtt_send_publish(&l->mqtt, &p) != OK) stop("mqtt");
}

static void hear_device(struct line *l, struct slice bytes)
{
    struct mqtt_event ev;
    mqtt_feed(&l->mqtt, bytes, clock_mono_us());
    while (mqtt_next(&l->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK && ev.connack.code != MQTT_ACCEPTED) stop("CONNACK");
        if (ev.kind == MQTT_CONNACK) connected_count++;
        if (ev.kind == MQTT_SUBACK) l->ready = true, ready_count++;
        if (ev.kind == MQTT_PUBLISH) answer(l, &ev.publish);
    }
    flush(l);
}

/* ---- callers */

static void connect_caller(struct line *l, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (void *)&to, sizeof to) != 0) stop(path);
    l->is_caller = true;
    join(l, fd);
}

static void call(struct line *l, int64_t due_us)
{
    static const char body[] = "{\"methodName\":\"reboot\",\"payload\":{\"delay\":5},"
                               "\"responseTimeoutInSeconds\":30}";
    l->busy = true;
    l->due_us = due_us;
    buf_printf(&l->out,
               "POST /twins/dev%06u/methods?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               next_device++ % device_count, sizeof body - 1, body);
    flush(l);
}

/* Answers have a body that ends the packet: {"status":200,...}. */
static void hear_caller(struct line *l, struct slice bytes)
{
    buf_put_slice(&l->in, bytes);
    struct slice text = buf_slice(&l->in);
    if (!slice_ends(text, SLICE_LIT("}"))) return;
    bool good = slice_starts(text, SLICE_LIT("HTTP/1.1 200"));
    int64_t now_us = clock_mono_us();
    if (!good && failed++ == 0) fprintf(stderr, "%.*s\n", SLICE_ARG(slice_head(text, 600)));
    if (good && l->due_us >= measure_from_us && answered < latency_max)
        latencies[answered++] = now_us - l->due_us;
    buf_clear(&l->in);
    l->busy = false;
}

/* ---- */

/* To the microsecond, and asleep: who spins takes the CPU from the system that it measures. */
static void turn(int64_t wait_us)
{
    static uint8_t bytes[READ];
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int count = epoll_pwait2(poller, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct line *l = events[i].data.ptr;
        ssize_t n = read(l->fd, bytes, sizeof bytes);
        if (n <= 0) stop("the server closed a connection");
        if (l->is_caller)
            hear_caller(l, slice_of(bytes, (size_t)n));
        else
            hear_device(l, slice_of(bytes, (size_t)n));
    }
}

static void connect_all(unsigned port, const char *path)
{
    for (unsigned i = 0; i < device_count; i++) {
        connect_device(i, port);
        while (i - ready_count >= CONNECTING_MAX && i >= ready_count) turn(WAIT_US);
    }
    while (ready_count < device_count) turn(WAIT_US);
    for (unsigned i = 0; i < CALLERS; i++) connect_caller(&lines[device_count + i], path);
}

static struct line *free_caller(void)
{
    for (unsigned i = 0; i < CALLERS; i++)
        if (!lines[device_count + i].busy) return &lines[device_count + i];
    return NULL;
}

static unsigned busy_callers(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CALLERS; i++) count += lines[device_count + i].busy;
    return count;
}

static void run(unsigned rate, unsigned seconds)
{
    int64_t start_us = clock_mono_us(), begun = 0;
    int64_t calls = (int64_t)rate * (seconds + WARMUP_S);
    measure_from_us = start_us + WARMUP_S * 1000000ll;
    while (begun < calls) {
        struct line *caller;
        int64_t due_us = start_us + begun * 1000000 / rate;
        while (due_us <= clock_mono_us() && begun < calls && (caller = free_caller()) != NULL) {
            call(caller, due_us);
            due_us = start_us + ++begun * 1000000 / rate;
        }
        turn(free_caller() ? MAX(due_us - clock_mono_us(), 0) : WAIT_US);
    }
    while (busy_callers() > 0) turn(WAIT_US);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t quantile(double q)
{
    return answered ? latencies[(size_t)(q * (double)(answered - 1))] : 0;
}

int main(int argc, char **argv)
{
    if (argc != 7) return 2;
    unsigned port = (unsigned)atoi(argv[1]), rate = (unsigned)atoi(argv[5]);
    unsigned seconds = (unsigned)atoi(argv[6]);
    token = argv[3];
    device_count = (unsigned)atoi(argv[4]);
    latency_max = (size_t)rate * (seconds + 1);
    latencies = mem_zero(latency_max * sizeof *latencies);
    lines = mem_zero((device_count + CALLERS) * sizeof *lines);
    poller = epoll_create1(0);
    connect_all(port, argv[2]);
    run(rate, seconds);
    qsort(latencies, answered, sizeof *latencies, by_size);
    printf("{\"devices\":%u,\"rate\":%u,\"answered\":%zu,\"failed\":%zu,"
           "\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"p999_us\":%" PRId64
           ",\"max_us\":%" PRId64 "}\n",
           device_count, rate, answered, failed, quantile(0.5), quantile(0.99), quantile(0.999),
           quantile(1));
    return failed > 0;
}
