/* fleet.c - the loop: sockets, time and signals, and how a run ends. */
#include "cli/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/dial.h"
#include "cli/fleet_device.h"
#include "cli/fleet_report.h"
#include "cli/interrupt.h"

enum {
    READ_MAX = 64 << 10,
    EVENTS_MAX = 256,
    DESCRIPTORS_BESIDES = 32, /* files, standard streams, libraries */
};

struct loop {
    struct fleet fleet;
    struct fleet_heap heap;
    struct list queue; /* devices that wait for their turn to connect */
    size_t connecting;
    struct dial_addresses addresses;
    size_t address; /* the one that worked last */
    int epoll;
    int64_t began_us, stop_us; /* when the run stops waiting, once it is stopping */
    int64_t said_us;           /* when all was said that there is; 0: it is not */
    uint8_t bytes[READ_MAX];
};

/* ---- sockets */

static void watch(struct loop *l, struct fleet_device *d, int operation, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = d};
    d->watches_out = events & EPOLLOUT;
    int done = epoll_ctl(l->epoll, operation, d->fd, &ev);
    assert(done == 0);
}

static void hang_up(struct fleet_device *d)
{
    if (d->fd >= 0) close(d->fd);
    d->fd = -1;
}

/* What the device wrote goes to the network, as far as it takes it. */
static enum err send_out(struct loop *l, struct fleet_device *d)
{
    while (buf_size(&d->out)) {
        struct slice bytes = buf_slice(&d->out);
        ssize_t n = send(d->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return fail_errno("the connection broke");
        if (n < 0) break;
        buf_consume(&d->out, (size_t)n);
    }
    bool more = buf_size(&d->out) > 0;
    if (more != d->watches_out)
        watch(l, d, EPOLL_CTL_MOD, EPOLLIN | (more ? (uint32_t)EPOLLOUT : 0));
    if (!more) buf_free(&d->out);
    return OK;
}

/* ERR_CLOSED at the end of the stream. */
static enum err take_in(struct loop *l, struct fleet_device *d, int64_t now_us)
{
    ssize_t n = recv(d->fd, l->bytes, READ_MAX, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return OK;
    if (n < 0) return fail_errno("the connection broke");
    if (n == 0) return fail(ERR_CLOSED, "the hub closed the connection");
    return fleet_device_feed(d, slice_of(l->bytes, (size_t)n), now_us);
}

/* ---- connecting */

static void end_connecting(struct loop *l, struct fleet_device *d)
{
    if (d->connecting) l->connecting--;
    d->connecting = false;
}

/* The text of the failure is set. */
static void lose(struct loop *l, struct fleet_device *d, enum err why, int64_t now_us)
{
    hang_up(d);
    end_connecting(l, d);
    fleet_device_lost(d, why, now_us);
    fleet_heap_set(&l->heap, &d->due, fleet_device_deadline(d));
}

/* To the next address of the host, if there is one that was not tried. */
static bool turn_elsewhere(const struct loop *l, struct fleet_device *d)
{
    if (d->addresses_tried++ == l->addresses.count) return false;
    d->address = (d->address + 1) % l->addresses.count;
    return true;
}

static void dial(struct loop *l, struct fleet_device *d, int64_t now_us)
{
    fleet_device_dial(d, now_us);
    enum err e = dial_begin(&l->addresses.items[d->address], &d->fd);
    while (e != OK && turn_elsewhere(l, d)) e = dial_begin(&l->addresses.items[d->address], &d->fd);
    if (e != OK) {
        lose(l, d, e, now_us);
        return;
    }
    watch(l, d, EPOLL_CTL_ADD, EPOLLOUT);
    fleet_heap_set(&l->heap, &d->due, fleet_device_deadline(d));
}

/* A device that rests and whose time has come connects, or waits until fewer do. */
static void start(struct loop *l, struct fleet_device *d, int64_t now_us)
{
    list_remove(&d->queued);
    if (l->connecting == FLEET_CONNECTING_MAX) {
        fleet_heap_set(&l->heap, &d->due, INT64_MAX);
        list_push(&l->queue, &d->queued);
        return;
    }
    l->connecting++;
    d->connecting = true;
    d->address = l->address;
    d->addresses_tried = 1;
    dial(l, d, now_us);
}

static void start_queued(struct loop *l, int64_t now_us)
{
    struct list *next;
    while (l->connecting < FLEET_CONNECTING_MAX && (next = list_shift(&l->queue)) != NULL) {
        struct fleet_device *d = CONTAINER_OF(next, struct fleet_device, queued);
        if (d->state == FLEET_RESTING) start(l, d, now_us);
    }
}

static void dial_elsewhere(struct loop *l, struct fleet_device *d, enum err why, int64_t now_us)
{
    if (!turn_elsewhere(l, d)) {
        lose(l, d, why, now_us);
        return;
    }
    hang_up(d);
    dial(l, d, now_us);
}

/* ---- one device's turn */

/* What is due is done and sent; then it is known when to come again. */
static void finish_turn(struct loop *l, struct fleet_device *d, enum err e, int64_t now_us)
{
    if (e == OK) e = fleet_device_run(d, now_us);
    if (e == OK && d->fd >= 0) e = send_out(l, d);
    if (e != OK) {
        lose(l, d, e, now_us);
        return;
    }
    if (d->state == FLEET_OVER) hang_up(d);
    if (d->state >= FLEET_UP) end_connecting(l, d);
    fleet_heap_set(&l->heap, &d->due, fleet_device_deadline(d));
}

static void on_dialled(struct loop *l, struct fleet_device *d, int64_t now_us)
{
    enum err e = dial_end(d->fd, &l->addresses.items[d->address]);
    if (e != OK) {
        dial_elsewhere(l, d, e, now_us);
        return;
    }
    l->address = d->address;
    watch(l, d, EPOLL_CTL_MOD, EPOLLIN);
    finish_turn(l, d, fleet_device_open(d, now_us), now_us);
}

static void on_ready(struct loop *l, struct fleet_device *d, uint32_t events, int64_t now_us)
{
    if (d->state == FLEET_DIALLING) {
        on_dialled(l, d, now_us);
        return;
    }
    bool readable = events & (EPOLLIN | EPOLLERR | EPOLLHUP);
    finish_turn(l, d, readable ? take_in(l, d, now_us) : OK, now_us);
}

static void on_due(struct loop *l, struct fleet_device *d, int64_t now_us)
{
    bool leaves = l->fleet.stopping && d->waiting == 0;
    if (d->state == FLEET_DIALLING && now_us >= d->change_us)
        dial_elsewhere(l, d, fleet_device_run(d, now_us), now_us);
    else if (d->state == FLEET_RESTING && !leaves)
        start(l, d, now_us);
    else
        finish_turn(l, d, OK, now_us);
}

/* ---- the run */

static void begin(struct loop *l, const struct fleet_plan *plan, struct fleet_result *out)
{
    struct fleet *f = &l->fleet;
    *out = (struct fleet_result){0};
    *f = (struct fleet){.plan = plan, .result = out};
    list_init(&l->queue);
    f->devices = arena_alloc(&f->arena, plan->count * sizeof *f->devices);
    l->began_us = clock_mono_us();
    for (size_t i = 0; i < plan->count; i++) {
        fleet_device_init(&f->devices[i], f, i);
        if (f->devices[i].state == FLEET_RESTING)
            fleet_heap_set(&l->heap, &f->devices[i].due, l->began_us);
    }
}

/* Nothing new is said; who has nothing left to wait for leaves. */
static void stop(struct loop *l, int64_t now_us)
{
    struct fleet *f = &l->fleet;
    f->stopping = true;
    l->stop_us = now_us + f->plan->wait_us;
    for (size_t i = 0; i < f->plan->count; i++)
        if (f->devices[i].state != FLEET_OVER) fleet_heap_set(&l->heap, &f->devices[i].due, now_us);
}

/* When it is no use to wait any longer: all was said, and nothing is acknowledged. */
static int64_t vain_us(const struct loop *l)
{
    if (l->said_us == 0) return INT64_MAX;
    return MAX(l->said_us, l->fleet.last_us) + l->fleet.plan->wait_us;
}

static bool goes_on(struct loop *l, int64_t now_us)
{
    const struct fleet *f = &l->fleet;
    int64_t duration_us = f->plan->duration_us;
    if (f->error != OK || f->over == f->plan->count) return false;
    if (f->stopping) return now_us < l->stop_us;
    if (l->said_us == 0 && f->said == f->plan->count) l->said_us = now_us;
    if (now_us >= vain_us(l)) return false;
    if (interrupt_came() || (duration_us && now_us >= l->began_us + duration_us)) stop(l, now_us);
    return true;
}

static int wait_ms(const struct loop *l, int64_t now_us)
{
    const struct fleet_due *first = fleet_heap_first(&l->heap);
    int64_t until_us = first ? first->at_us : INT64_MAX;
    int64_t duration_us = l->fleet.plan->duration_us;
    if (l->fleet.stopping)
        until_us = MIN(until_us, l->stop_us);
    else
        until_us =
            MIN(until_us, MIN(vain_us(l), duration_us ? l->began_us + duration_us : INT64_MAX));
    if (fleet_shows_progress(&l->fleet)) until_us = MIN(until_us, now_us + FLEET_REPORT_US);
    if (until_us <= now_us) return 0;
    return (int)MIN((until_us - now_us + 999) / 1000, 60000);
}

static void turn(struct loop *l)
{
    struct epoll_event events[EVENTS_MAX];
    struct fleet_due *due;
    int n = epoll_wait(l->epoll, events, EVENTS_MAX, wait_ms(l, clock_mono_us()));
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < n; i++) on_ready(l, events[i].data.ptr, events[i].events, now_us);
    while ((due = fleet_heap_first(&l->heap)) != NULL && due->at_us <= now_us)
        on_due(l, CONTAINER_OF(due, struct fleet_device, due), now_us);
    start_queued(l, now_us);
}

static void run(struct loop *l)
{
    int64_t now_us = l->began_us, shown_us = now_us + FLEET_REPORT_US * 4;
    bool shows = fleet_shows_progress(&l->fleet);
    while (goes_on(l, now_us)) {
        turn(l);
        now_us = clock_mono_us();
        if (!shows || now_us - shown_us < FLEET_REPORT_US) continue;
        fleet_show_progress(&l->fleet, l->began_us, now_us);
        shown_us = now_us;
    }
    fleet_clear_progress(&l->fleet);
}

/* Good-bye to the hub where a connection is left, and the sum of it all. */
static void end(struct loop *l)
{
    struct fleet *f = &l->fleet;
    for (size_t i = 0; i < f->plan->count; i++) {
        struct fleet_device *d = &f->devices[i];
        fleet_device_leave(d);
        if (d->fd >= 0 && send_out(l, d) != OK) hang_up(d); /* nobody is left to be told */
        hang_up(d);
        fleet_device_fini(d);
    }
    f->result->failed = f->result->sent - f->result->acknowledged;
    f->result->elapsed_us = f->last_us - f->first_us;
    fleet_heap_free(&l->heap);
    close(l->epoll);
}

/* ---- how it ended */

static enum err say_refused(const struct fleet *f)
{
    struct slice id = f->first_refused->identity->device;
    char who[256];
    if (f->plan->count == 1)
        snprintf(who, sizeof who, "device '%.*s' was refused", SLICE_ARG(id));
    else
        snprintf(who, sizeof who, "%zu of %zu devices were refused, first '%.*s'",
                 f->result->refused, f->plan->count, SLICE_ARG(id));
    return fail(ERR_DENIED,
                "%s: %s; 'azimuth why %.*s' says why, if the hub is azimuth, and 'azimuth hub "
                "device-identity show -d %.*s' whether it exists, is enabled and which key it has",
                who, f->first_refused->refusal, SLICE_ARG(id), SLICE_ARG(id));
}

static const char *next_step(enum err e)
{
    switch (e) {
    case ERR_DENIED: return "; name the certificates to trust with --ca FILE";
    case ERR_IO: return "; is the hub running, and is that its MQTT port?";
    case ERR_PROTOCOL: return "; is that its MQTT port?";
    case ERR_THROTTLED: return "; try again later";
    default: return "";
    }
}

static enum err verdict(const struct fleet *f)
{
    const struct fleet_result *r = f->result;
    if (f->error == ERR_IO) return fail(ERR_IO, "%s%s", f->error_text, next_step(ERR_IO));
    if (f->error != OK)
        return fail(f->error, "%s:%u: %s%s", f->plan->dial, f->plan->port, f->error_text,
                    next_step(f->error));
    if (r->refused) return say_refused(f);
    uint64_t wanted = f->plan->once ? f->plan->messages : r->sent;
    if (r->acknowledged < wanted)
        return fail(ERR_TIMEOUT,
                    "%llu of %llu messages were not acknowledged in time; the hub may have them or "
                    "not%s%s",
                    (unsigned long long)(wanted - r->acknowledged), (unsigned long long)wanted,
                    *f->lost ? ", the last connection was lost: " : "", f->lost);
    if (f->plan->answers.reported.len && r->reported < r->connected)
        return fail(*f->unreported ? ERR_PROTOCOL : ERR_TIMEOUT,
                    "the hub has not taken what %zu of %zu devices report%s%s",
                    r->connected - r->reported, r->connected, *f->unreported ? ": " : " in time",
                    f->unreported);
    if (r->connected == 0 && !interrupt_came())
        return fail(ERR_TIMEOUT, "%s:%u: no device was let in in time", f->plan->dial,
                    f->plan->port);
    return OK;
}

/* Room for that many sockets.  ERR_FULL says what stands against it. */
static enum err need_sockets(size_t count)
{
    struct rlimit limit;
    rlim_t need = count + DESCRIPTORS_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need) return OK;
    if (limit.rlim_max < need)
        return fail(ERR_FULL,
                    "%zu devices need %zu open files and this process may have %zu; raise it with "
                    "'ulimit -Hn' or take fewer devices",
                    count, (size_t)need, (size_t)limit.rlim_max);
    limit.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return fail_errno("the open files cannot be raised");
    return OK;
}

enum err fleet_run(const struct fleet_plan *plan, struct fleet_result *out)
{
    struct sigaction old[2];
    if (plan->count * plan->window > FLEET_MESSAGES_MAX)
        return fail(ERR_TOO_BIG, "%zu devices with a window of %u are more than %d messages",
                    plan->count, plan->window, FLEET_MESSAGES_MAX);
    struct loop *l = mem_zero(sizeof *l);
    enum err e = dial_resolve(plan->dial, plan->port, &l->addresses);
    if (e == OK) e = need_sockets(plan->count);
    if (e == OK) {
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        assert(l->epoll >= 0);
        interrupt_catch(old);
        begin(l, plan, out);
        run(l);
        interrupt_release(old);
        end(l);
        e = verdict(&l->fleet);
        arena_free(&l->fleet.arena);
    }
    free(l);
    return e;
}
