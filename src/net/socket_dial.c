/* socket_dial.c - dials of a core: its names' addresses, one after the other, until one accepts. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/socket.h"

struct attempt {
    struct source source;
    struct core *core;
    struct dial *dial;  /* NULL: nobody waits any more */
    struct list node;   /* in core->attempts_gone, at the end */
    struct addr slot;   /* where its addresses come to */
    struct timer timer; /* this address has had its share of the time */
    int fd;             /* -1: none */
    int failure;        /* errno of the last address that failed */
    unsigned next;      /* address to try */
    struct resolved found;
};

static void try_next(struct attempt *a, int64_t now_us);

static void close_fd(struct attempt *a)
{
    timer_stop(&a->timer);
    if (a->fd >= 0) socket_drop(a->core, a->fd);
    a->fd = -1;
}

/* An event of this turn may still point here: freed at its end. */
static void end(struct attempt *a)
{
    close_fd(a);
    slot_free(&a->core->lane, a->slot);
    a->dial->attempt = NULL;
    a->dial = NULL;
    a->core->conn_count--;
    list_push(&a->core->attempts_gone, &a->node);
}

void socket_bury_attempts(struct core *core)
{
    struct list *node;
    while ((node = list_shift(&core->attempts_gone)) != NULL)
        free(CONTAINER_OF(node, struct attempt, node));
}

/* ---- one address */

static void failed_with(struct attempt *a, int error, int64_t now_us)
{
    a->failure = error;
    close_fd(a);
    try_next(a, now_us);
}

static void on_late(struct timer *t, int64_t now_us)
{
    failed_with(CONTAINER_OF(t, struct attempt, timer), ETIMEDOUT, now_us);
}

/* The socket goes on as a connection's; the attempt's part ends. */
static void connected(struct attempt *a, int64_t now_us)
{
    struct core *core = a->core;
    struct dial *d = a->dial;
    int fd = a->fd;
    struct sockaddr_storage peer = a->found.addresses[a->next - 1].sa;
    a->fd = -1;
    end(a);
    socket_begin_dialed(core, fd, &peer, d, now_us);
}

static void on_ready(struct source *s, uint32_t events, int64_t now_us)
{
    struct attempt *a = CONTAINER_OF(s, struct attempt, source);
    int error = 0;
    if (a->fd < 0 || !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if (error)
        failed_with(a, error, now_us);
    else
        connected(a, now_us);
}

/* False: this address is none; errno says why. */
static bool begin(struct attempt *a, const struct sockaddr *sa, socklen_t len)
{
    struct epoll_event ev = {.events = EPOLLOUT | EPOLLET, .data.ptr = &a->source};
    a->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0) return false;
    setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(a->fd, sa, len) && errno != EINPROGRESS) return false;
    return epoll_ctl(a->core->poll, EPOLL_CTL_ADD, a->fd, &ev) == 0;
}

static void give_up(struct attempt *a)
{
    struct dial *d = a->dial;
    int error = a->failure;
    end(a);
    if (error == ECONNREFUSED)
        dial_failed(d, ERR_IO, "refused the connection: nobody listens there");
    else if (error == ETIMEDOUT)
        dial_failed(d, ERR_TIMEOUT, "did not answer");
    else
        dial_failed(d, ERR_IO, "cannot be reached: %s", strerror(error));
}

/* What is left of the time is shared by the addresses that are left. */
static void try_next(struct attempt *a, int64_t now_us)
{
    while (a->next < a->found.count) {
        unsigned left = a->found.count - a->next, at = a->next++;
        if (begin(a, (struct sockaddr *)&a->found.addresses[at].sa, a->found.addresses[at].len)) {
            int64_t share_us = (a->dial->deadline_us - now_us) / left;
            if (left > 1) timer_set(&a->core->lane.timers, &a->timer, now_us + share_us);
            return;
        }
        a->failure = errno;
        close_fd(a);
    }
    give_up(a);
}

/* ---- names */

static void not_found(struct attempt *a)
{
    struct dial *d = a->dial;
    int error = a->found.error;
    end(a);
    if (error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY)
        dial_failed(d, ERR_IO, "cannot be looked up now: %s", gai_strerror(error));
    else
        dial_failed(d, ERR_NOT_FOUND, "has no address: %s", gai_strerror(error));
}

static void on_resolved(void *ctx, struct lane *lane, struct msg *m)
{
    struct attempt *a = slot_get(lane, m->to);
    (void)ctx;
    if (a == NULL) return;
    memcpy(&a->found, m->body, sizeof a->found);
    if (a->found.error || a->found.count == 0)
        not_found(a);
    else
        try_next(a, clock_mono_us());
}

static void look_up(struct attempt *a)
{
    struct dial *d = a->dial;
    enum err e = lookup_name(a->core->lookups, d->host, d->to.port, a->slot);
    if (e == OK) return;
    end(a);
    dial_failed(d, e, "is not called now: %s",
                e == ERR_THROTTLED ? "too many names are being looked up" : "no thread to be had");
}

/* ---- what a dialer does */

static void core_connect(struct dialer *dr, struct dial *d, int64_t now_us)
{
    struct core *core = CONTAINER_OF(dr, struct core, dialer);
    if (core->conn_count >= core->conn_max) {
        dial_failed(d, ERR_THROTTLED, "is not called now: this server has all its connections");
        return;
    }
    struct attempt *a = NEW(struct attempt);
    a->source.ready = on_ready;
    a->core = core;
    a->dial = d;
    a->fd = -1;
    list_init(&a->node);
    timer_init(&a->timer, on_late);
    a->slot = slot_new(&core->lane, a);
    d->attempt = a;
    core->conn_count++;
    if (lookup_address(d->host, d->to.port, &a->found))
        try_next(a, now_us);
    else
        look_up(a);
}

static void core_stop_dial(struct dialer *dr, struct dial *d)
{
    (void)dr;
    end(d->attempt);
}

void socket_dialer_init(struct core *core)
{
    dialer_init(&core->dialer, &core->host);
    core->dialer.connect = core_connect;
    core->dialer.stop = core_stop_dial;
    core->lookups = lookups_new(&core->lane);
    list_init(&core->attempts_gone);
    lane_on(&core->lane, NET_RESOLVED, on_resolved, NULL);
}

struct dialer *core_dialer(struct core *core)
{
    return &core->dialer;
}
