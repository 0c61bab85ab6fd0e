/* core.c - a core's loop: what the kernel has to tell, then one turn of the lane.
 *
 * The connections with input are fed to their fronts one by one; the lane's turn then runs mail and
 * timers, and at its end the hooks that post batches and send output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "net/socket.h"

static void close_listeners(struct core *core);

/* ---- sleep and mail */

static void ring(struct core *core)
{
    ssize_t n = write(core->mail, &(uint64_t){1}, sizeof(uint64_t));
    assert(n == sizeof(uint64_t));
}

/* The counterpart of sleep_ms().  Of the two exchanges one is first: either ours, and the core sees
 * the message that was pushed before it, or the core's, and we see that it is asleep. */
static void wake(struct lane *lane)
{
    struct core *core = lane->wake_ctx;
    if (atomic_exchange_explicit(&core->asleep, false, memory_order_acq_rel)) ring(core);
}

/* No longer than until the lane's next timer; 0 when something waits already, -1 for ever. */
static int sleep_ms(struct core *core)
{
    atomic_exchange_explicit(&core->asleep, true, memory_order_acq_rel);
    if (lane_has_mail(&core->lane) || socket_anybody_waits(core)) return 0;
    int64_t next = timers_next(&core->lane.timers);
    if (next == INT64_MAX) return -1;
    int64_t wait_us = MAX(next - clock_mono_us(), 0);
    return (int)MIN((wait_us + 999) / 1000, INT32_MAX);
}

static void on_mail(struct source *s, uint32_t events, int64_t now_us)
{
    (void)s, (void)events, (void)now_us; /* to be awake is enough */
}

/* ---- turns */

/* Up to NET_EVENTS_MAX, waiting at most so long. */
static int take_some(struct core *core, int wait_ms)
{
    struct epoll_event events[NET_EVENTS_MAX];
    int count = epoll_wait(core->poll, events, NET_EVENTS_MAX, wait_ms);
    atomic_store_explicit(&core->asleep, false, memory_order_relaxed);
    assert(count >= 0 || errno == EINTR);
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < count; i++) {
        struct source *s = events[i].data.ptr;
        s->ready(s, events[i].events, now_us);
    }
    return count;
}

/* All that there is: the kernel tells of thousands that came at once before it tells of who is in, if they were first. */
static void take_events(struct core *core)
{
    int count = take_some(core, sleep_ms(core));
    int64_t now_us = core->woke_us = clock_mono_us();
    for (int i = 1; count == NET_EVENTS_MAX && i < NET_ROUNDS_MAX; i++) count = take_some(core, 0);
    /* What this core was told before a peer spoke it knows before it listens: nobody is served by what has been
     * revoked. */
    if (lane_has_mail(&core->lane)) lane_run_once(&core->lane, now_us);
    socket_read_all(core, now_us);
}

/* What the main thread wishes. */
static void obey(struct core *core)
{
    int wish = atomic_load(&core->wish);
    if (wish == CORE_RUN) return;
    close_listeners(core);
    if (!core->draining) dialer_drain(&core->dialer);
    if (!core->draining) socket_close_all(core, false);
    core->draining = true;
    if (wish == CORE_STOP) {
        socket_close_all(core, true);
        core->stopped = true;
    }
}

void core_turn(struct core *core)
{
    core->turn++;
    take_events(core);
    obey(core);
    int64_t now_us = clock_mono_us();
    lane_run_once(&core->lane, now_us);
    socket_bury(core, now_us);
    core->others_us = clock_mono_us() - core->woke_us - core->door_us;
}

static void *run(void *arg)
{
    struct core *core = arg;
    lane_running = &core->lane;
    while (!core->stopped) core_turn(core);
    return NULL;
}

/* ---- life */

static void watch(struct core *core, int fd, uint32_t events, struct source *s)
{
    struct epoll_event ev = {.events = events, .data.ptr = s};
    int failed = epoll_ctl(core->poll, EPOLL_CTL_ADD, fd, &ev);
    assert(!failed);
}

/* Closing alone is not enough: as long as a child that was just forked has a copy, the set would go on telling of it. */
void socket_drop(struct core *core, int fd)
{
    epoll_ctl(core->poll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

static void open_poll(struct core *core)
{
    core->poll = epoll_create1(EPOLL_CLOEXEC);
    core->mail = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    core->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert(core->poll >= 0 && core->mail >= 0);
    core->mail_source.ready = on_mail;
    watch(core, core->mail, EPOLLIN | EPOLLET, &core->mail_source);
}

struct core *core_new(struct office *office, unsigned index, unsigned max_connections)
{
    static const char *const names[LANES_MAX] = {"core0", "core1", "core2", "core3",
                                                 "core4", "core5", "core6", "core7"};
    struct core *core = NEW(struct core);
    lane_init(&core->lane, office, names[index] ? names[index] : "core");
    conn_host_init(&core->host, &core->lane);
    list_init(&core->listeners);
    list_init(&core->conns);
    list_init(&core->calling);
    list_init(&core->unread);
    list_init(&core->greeting);
    list_init(&core->shaking);
    list_init(&core->leaving);
    list_init(&core->gone);
    core->conn_max = max_connections;
    socket_dialer_init(core);
    open_poll(core);
    core->lane.wake_ctx = core;
    core->lane.wake = wake;
    return core;
}

struct lane *core_lane(struct core *core)
{
    return &core->lane;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len)) return 0;
    return ntohs(((struct sockaddr_in *)&sa)->sin_port); /* at the same place in IPv6 */
}

enum err core_listen(struct core *core, int fd, bool is_unix, const struct net_listener *spec)
{
    struct listener *l = NEW(struct listener);
    l->source.ready = socket_called;
    list_init(&l->calling);
    timer_init(&l->rest, socket_rested);
    l->core = core;
    l->fd = fd;
    l->spec = *spec;
    l->is_unix = is_unix;
    l->port = is_unix ? 0 : port_of(fd);
    list_push(&core->listeners, &l->node);
    if (listen(fd, NET_BACKLOG)) return fail_errno("cannot listen");
    watch(core, fd, EPOLLIN, &l->source);
    return OK;
}

void core_admit_all(struct core *core)
{
    core->host.unguarded = true;
}

void core_meet(struct core *core, struct lane *const *cores, unsigned count)
{
    core->host.cores = cores;
    core->host.core_count = count;
}

void core_watch(struct core *core, const struct conn_watch *watch)
{
    core->host.watch = *watch;
}

void core_start(struct core *core)
{
    int failed = pthread_create(&core->thread, NULL, run, core);
    assert(!failed);
    pthread_setname_np(core->thread, core->lane.name);
}

static void close_listeners(struct core *core)
{
    struct list *node;
    while ((node = list_shift(&core->listeners)) != NULL) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        list_remove(&l->calling);
        timer_stop(&l->rest);
        socket_drop(core, l->fd);
        free(l);
    }
}

void core_drain(struct core *core)
{
    atomic_store(&core->wish, CORE_DRAIN);
    ring(core);
}

bool core_drained(struct core *core)
{
    return atomic_load(&core->conn_count) == 0;
}

static void wake_nobody(struct lane *lane)
{
    (void)lane;
}

void core_close(struct core *core)
{
    if (core->closed) return;
    lookups_close(core->lookups); /* whose threads would wake it */
    core->lane.wake = wake_nobody;
    lane_running = &core->lane;
    close_listeners(core);
    dialer_close(&core->dialer);
    socket_close_all(core, true);
    socket_bury(core, clock_mono_us());
    close(core->poll);
    close(core->mail);
    if (core->spare >= 0) close(core->spare);
    core->closed = true;
}

void core_stop(struct core *core)
{
    atomic_store(&core->wish, CORE_STOP);
    ring(core);
    pthread_join(core->thread, NULL);
}

void core_free(struct core *core)
{
    core_close(core);
    conn_host_fini(&core->host);
    lane_fini(&core->lane);
    free(core);
}
