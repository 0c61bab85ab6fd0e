/* lines.c - see lines.h. */
#include "lines.h"

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

enum { EVENTS = 256, READ = 64 << 10, CONNECTING_MAX = 64, ID_MAX = 16 };

static int poller = -1;
static unsigned devices_ready; /* that have their SUBACK */

void lines_stop(const char *why)
{
    perror(why);
    exit(1);
}

static void join(struct line *l)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    if (poller < 0) poller = epoll_create1(0);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, l->fd, &ev) != 0) lines_stop("epoll_ctl");
}

void line_open_port(struct line *l, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (l->fd < 0 || connect(l->fd, (void *)&to, sizeof to) != 0) lines_stop("connect");
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    join(l);
}

void line_open_socket(struct line *l, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    l->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (l->fd < 0 || connect(l->fd, (void *)&to, sizeof to) != 0) lines_stop(path);
    join(l);
}

void line_flush(struct line *l)
{
    struct slice waiting = buf_slice(&l->out);
    if (waiting.len == 0) return;
    ssize_t n = write(l->fd, waiting.ptr, waiting.len);
    if (n != (ssize_t)waiting.len) lines_stop("write");
    buf_clear(&l->out);
}

void line_close(struct line *l)
{
    close(l->fd);
    buf_free(&l->out);
}

/* To the microsecond, and asleep: who spins takes the CPU from the system that it measures. */
void lines_turn(int64_t wait_us)
{
    static uint8_t bytes[READ];
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int count = epoll_pwait2(poller, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct line *l = events[i].data.ptr;
        ssize_t n = read(l->fd, bytes, sizeof bytes);
        if (n <= 0) lines_stop("the server closed a connection");
        l->hear(l, slice_of(bytes, (size_t)n));
    }
}

/* ---- devices */

static void hear_device(struct line *l, struct slice bytes)
{
    struct mqtt_event ev;
    mqtt_feed(&l->mqtt, bytes, clock_mono_us());
    while (mqtt_next(&l->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK && ev.connack.code != MQTT_ACCEPTED) lines_stop("CONNACK");
        if (ev.kind == MQTT_SUBACK) devices_ready++;
        l->packet(l, &ev);
    }
    line_flush(l);
}

static void subscribe(struct line *l, const struct device_plan *plan, const char *id)
{
    struct slice filter = slice_str(plan->filter);
    size_t at = slice_find(filter, '{');
    struct buf topic = {0};
    buf_put_slice(&topic, slice_head(filter, at));
    if (at < filter.len) {
        buf_put_str(&topic, id);
        buf_put_slice(&topic, slice_from(filter, at + strlen("{id}")));
    }
    struct mqtt_filter f = {buf_slice(&topic), plan->qos};
    if (mqtt_send_subscribe(&l->mqtt, 1, &f, 1) != OK) lines_stop("SUBSCRIBE");
    buf_free(&topic);
}

static void device_open(struct line *l, unsigned number, const struct device_plan *plan)
{
    char id[ID_MAX], user[96];
    snprintf(id, sizeof id, "dev%06u", number);
    snprintf(user, sizeof user, "localhost/%s/?api-version=2021-04-12", id);
    *l = (struct line){.number = number, .hear = hear_device, .packet = plan->packet};
    line_open_port(l, plan->port);
    mqtt_init(&l->mqtt, &(struct mqtt_config){MQTT_CLIENT, &l->out, 0}, clock_mono_us());
    struct mqtt_connect c = {.client_id = slice_str(id),
                             .user_name = slice_str(user),
                             .password = slice_str(plan->token),
                             .keep_alive_s = 600,
                             .has_user_name = true,
                             .has_password = true};
    if (mqtt_send_connect(&l->mqtt, &c) != OK) lines_stop("CONNECT");
    subscribe(l, plan, id);
    line_flush(l);
}

void devices_open(const struct device_plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++) {
        device_open(plan->line(i), i, plan);
        while (i >= devices_ready + CONNECTING_MAX) lines_turn(LINES_WAIT_US);
    }
    while (devices_ready < plan->count) lines_turn(LINES_WAIT_US);
}

/* ---- times */

void times_init(struct times *t, size_t max)
{
    *t = (struct times){.us = mem_new(max * sizeof *t->us), .max = max};
}

void times_add(struct times *t, int64_t us)
{
    if (t->count < t->max) t->us[t->count++] = us;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void times_sort(struct times *t)
{
    qsort(t->us, t->count, sizeof *t->us, by_size);
}

int64_t times_at(const struct times *t, double quantile)
{
    return t->count ? t->us[(size_t)(quantile * (double)(t->count - 1))] : 0;
}
