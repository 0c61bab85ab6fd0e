/* twin_bench.c - reported properties: patches a second from devices on MQTT, each answered when it is
 * on disk.
 *
 * usage: twin_bench MQTT_PORT TOKEN DEVICES WINDOW SECONDS
 *
 * DEVICES plain connections keep WINDOW patches under way each (closed loop).  Devices are dev000000
 * and so on; TOKEN lets all of them in.  Prints one line of JSON.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/mqtt/mqtt.h"

enum {
    WINDOW_MAX = 32,
    CONNECTING_MAX = 64,
    EVENTS = 256,
    READ = 64 << 10,
    WARMUP_S = 1,
    LATENCIES_MAX = 4 << 20,
};

struct device {
    int fd;
    struct mqtt mqtt;
    struct buf out;
    uint64_t sent;
    int64_t sent_us[WINDOW_MAX]; /* by rid modulo the window */
};

static struct device *devices;
static unsigned device_count, ready_count, window;
static int poller;
static const char *token;
static int64_t *latencies;
static size_t answered, failed;
static int64_t measure_from_us, end_us;

static void stop(const char *why)
{
    perror(why);
    exit(1);
}

static void flush(struct device *d)
{
    struct slice waiting = buf_slice(&d->out);
    if (waiting.len == 0) return;
    ssize_t n = write(d->fd, waiting.ptr, waiting.len);
    if (n != (ssize_t)waiting.len) stop("write"); /* patches are small */
    buf_clear(&d->out);
}

static void connect_device(unsigned number, unsigned port)
{
    struct device *d = &devices[number];
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = d};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    char id[32], user[96];
    d->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (d->fd < 0 || connect(d->fd, (void *)&to, sizeof to) != 0) stop("connect");
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, d->fd, &ev) != 0) stop("epoll_ctl");
    snprintf(id, sizeof id, "dev%06u", number);
    snprintf(user, sizeof user, "localhost/%s/?api-version=2021-04-12", id);
    mqtt_init(&d->mqtt, &(struct mqtt_config){MQTT_CLIENT, &d->out, 0}, clock_mono_us());
    struct mqtt_connect c = {.client_id = slice_str(id),
                             .user_name = slice_str(user),
                             .password = slice_str(token),
                             .keep_alive_s = 600,
                             .has_user_name = true,
                             .has_password = true};
    struct mqtt_filter f = {SLICE_LIT("$iothub/twin/res/#"), 0};
    if (mqtt_send_connect(&d->mqtt, &c) != OK || mqtt_send_subscribe(&d->mqtt, 1, &f, 1) != OK)
        stop("mqtt");
    flush(d);
}

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
    if (mqtt_send_publish(&d->mqtt, &p) != OK) stop("mqtt");
}

static void on_answer(struct device *d, struct slice topic)
{
    int64_t now_us = clock_mono_us();
    bool good = slice_starts(topic, SLICE_LIT("$iothub/twin/res/204/?$rid="));
    struct slice rid = slice_from(topic, strlen("$iothub/twin/res/204/?$rid="));
    uint64_t number = strtoull((const char *)rid.ptr, NULL, 10);
    if (!good && failed++ == 0) fprintf(stderr, "%.*s\n", SLICE_ARG(topic));
    if (good && now_us >= measure_from_us && now_us < end_us && answered < LATENCIES_MAX)
        latencies[answered++] = now_us - d->sent_us[number % window];
    if (now_us < end_us) report(d);
}

static void hear(struct device *d, struct slice bytes)
{
    struct mqtt_event ev;
    mqtt_feed(&d->mqtt, bytes, clock_mono_us());
    while (mqtt_next(&d->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK && ev.connack.code != MQTT_ACCEPTED) stop("CONNACK");
        if (ev.kind == MQTT_SUBACK) ready_count++;
        if (ev.kind == MQTT_PUBLISH) on_answer(d, ev.publish.topic);
    }
    flush(d);
}

static void turn(int wait_ms)
{
    static uint8_t bytes[READ];
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        struct device *d = events[i].data.ptr;
        ssize_t n = read(d->fd, bytes, sizeof bytes);
        if (n <= 0) stop("the server closed a connection");
        hear(d, slice_of(bytes, (size_t)n));
    }
}

static void connect_all(unsigned port)
{
    for (unsigned i = 0; i < device_count; i++) {
        connect_device(i, port);
        while (i >= ready_count && i - ready_count >= CONNECTING_MAX) turn(100);
    }
    while (ready_count < device_count) turn(100);
}

static void run(unsigned seconds)
{
    measure_from_us = clock_mono_us() + WARMUP_S * 1000000ll;
    end_us = measure_from_us + (int64_t)seconds * 1000000;
    for (unsigned i = 0; i < device_count; i++) {
        for (unsigned k = 0; k < window; k++) report(&devices[i]);
        flush(&devices[i]);
    }
    while (clock_mono_us() < end_us) turn(10);
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
    if (argc != 6) return 2;
    unsigned port = (unsigned)atoi(argv[1]), seconds = (unsigned)atoi(argv[5]);
    token = argv[2];
    device_count = (unsigned)atoi(argv[3]);
    window = (unsigned)atoi(argv[4]);
    if (window < 1 || window > WINDOW_MAX || seconds < 1) return 2;
    devices = mem_zero(device_count * sizeof *devices);
    latencies = mem_new(LATENCIES_MAX * sizeof *latencies);
    poller = epoll_create1(0);
    connect_all(port);
    run(seconds);
    qsort(latencies, answered, sizeof *latencies, by_size);
    printf("{\"devices\":%u,\"window\":%u,\"patches_per_s\":%.0f,\"failed\":%zu,\"p50_us\":%" PRId64
           ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 "}\n",
           device_count, window, (double)answered / seconds, failed, quantile(0.5), quantile(0.99),
           quantile(1));
    return failed > 0;
}
