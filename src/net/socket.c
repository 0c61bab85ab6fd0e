/* socket.c - accepting, reading and writing.
 *
 * Sockets are edge-triggered: the kernel tells once that there is input, and a read that got less
 * than it asked for has taken all of it, so a request costs one read and its answer one write.
 * Whoever is paused or had its share of a turn stays marked readable and is read later unasked.
 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"

COUNTER(barred, "azimuth_connections_barred_total",
        "Connections closed at accept because their address had too many failed logins");
COUNTER(refused, "azimuth_connections_refused_total",
        "Connections closed at accept because max-connections was reached");
COUNTER(shakes_put_off, "azimuth_tls_handshakes_put_off_total",
        "Turns of a core that left TLS handshakes to the next one");
COUNTER(shakes_left, "azimuth_tls_handshakes_left_total",
        "Connections whose peer left while its TLS handshake waited for a turn");
COUNTER(shed, "azimuth_connections_shed_total",
        "Connections closed at accept because the process had no descriptor left");

enum { LATE_US = 10 * 1000 };

struct socket {
    struct source source;
    struct conn conn;
    int fd; /* -1: closed */
    struct core *core;
    struct list node;      /* in core->conns, later in core->gone */
    struct list unread;    /* in one of the core's four lists */
    struct buf pending;    /* bytes that the socket's buffer did not take */
    uint64_t sent;         /* bytes that it took */
    int64_t unanswered_us; /* when the input was read that nothing was written after; 0: none */
    uint64_t turn;         /* in which it was read last */
    bool readable;         /* there may be input */
    bool ending;           /* behind it the end of the stream, or an error */
    bool heard;            /* something was read */
    bool put_off;          /* its handshake was left to another turn */
    bool paused, is_unix;
};

static struct socket *of_conn(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct socket, conn);
}

/* ---- writing */

/* A connection that answers within the 40 ms of a delayed acknowledgement is interactive to Linux,
 * and the answer acknowledges the request.  Once an answer came later, every read sends an
 * acknowledgement of its own, a third of the cost of the answer: under load, when time is short.
 * So whoever answers late says that it is interactive nevertheless. */
static void stay_interactive(struct socket *s)
{
    int late = clock_mono_us() - s->unanswered_us > LATE_US;
    if (late && !s->is_unix) setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){0}, sizeof(int));
}

/* How much the socket took; nothing when the connection has ended. */
static size_t send_now(struct socket *s, struct slice bytes)
{
    ssize_t n = send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) conn_ended(&s->conn, ERR_CLOSED);
    if (n <= 0) return 0;
    if (s->unanswered_us) stay_interactive(s);
    s->unanswered_us = 0;
    s->sent += (uint64_t)n;
    return (size_t)n;
}

static void transport_write(struct conn *c, struct slice bytes)
{
    struct socket *s = of_conn(c);
    size_t sent = send_now(s, bytes);
    if (sent < bytes.len && s->fd >= 0) buf_put_slice(&s->pending, slice_from(bytes, sent));
}

static size_t transport_waiting(const struct conn *c)
{
    return buf_size(&of_conn(c)->pending);
}

static void write_pending(struct socket *s, int64_t now_us)
{
    size_t sent = send_now(s, buf_slice(&s->pending));
    buf_consume(&s->pending, sent);
    if (s->fd < 0) return;
    if (buf_size(&s->pending)) {
        if (sent) conn_progress(&s->conn, now_us);
        return;
    }
    buf_free(&s->pending);
    conn_writable(&s->conn, now_us);
}

/* What the kernel got and has no more: TCP keeps bytes until the peer has acknowledged them. */
static uint64_t transport_taken(const struct conn *c)
{
    const struct socket *s = of_conn(c);
    int kept = 0;
    if (ioctl(s->fd, SIOCOUTQ, &kept)) return 0;
    return s->sent - (uint64_t)kept;
}

/* ---- reading */

static struct list *queue_of(const struct socket *s)
{
    struct core *core = s->core;
    if (s->conn.state == CONN_OPENING) return s->heard ? &core->shaking : &core->greeting;
    return s->ending ? &core->leaving : &core->unread;
}

static void want_read(struct socket *s)
{
    if (s->readable && !s->paused && s->fd >= 0 && !list_linked(&s->unread))
        list_push(queue_of(s), &s->unread);
}

/* Once, into the shared buffer.  A full one leaves the rest for the next turn. */
static void read_once(struct socket *s, int64_t now_us)
{
    uint8_t *buffer = s->core->read_buffer;
    ssize_t n = recv(s->fd, buffer, NET_READ_BUFFER, 0);
    s->turn = s->core->turn;
    s->readable = n == NET_READ_BUFFER || (n > 0 && s->ending);
    if (n > 0) {
        s->heard = true;
        s->unanswered_us = now_us;
        conn_received(&s->conn, slice_of(buffer, (size_t)n), now_us);
        want_read(s);
    } else if (n == 0) {
        conn_said_all(&s->conn, now_us);
    } else if (errno != EAGAIN) {
        conn_ended(&s->conn, ERR_CLOSED);
    }
}

/* Of who gave up while it waited nobody wants a signature any more. */
static void greet(struct socket *s, int64_t now_us)
{
    if (!s->put_off || !s->ending) {
        read_once(s, now_us);
        return;
    }
    metric_inc(&shakes_left);
    conn_ended(&s->conn, ERR_CLOSED);
}

/* The newest are last. */
static void put_off(struct core *core)
{
    for (struct list *node = core->greeting.prev; node != &core->greeting; node = node->prev) {
        struct socket *s = CONTAINER_OF(node, struct socket, unread);
        if (s->put_off) break;
        s->put_off = true;
    }
    metric_inc(&shakes_put_off);
}

/* Once a turn each: what was answered is sent before more is read, above all the end.  Who was read stands last. */
static struct socket *first_unserved(const struct core *core, struct list *queue)
{
    if (list_empty(queue)) return NULL;
    struct socket *s = CONTAINER_OF(queue->next, struct socket, unread);
    return s->turn == core->turn ? NULL : s;
}

static void serve(struct socket *s, int64_t now_us)
{
    list_remove(&s->unread);
    if (s->conn.state == CONN_OPENING && !s->heard)
        greet(s, now_us);
    else
        read_once(s, now_us);
}

/* Who has begun its handshake goes first, or all would wait for the last one's signature. */
static bool serve_next(struct core *core, int64_t now_us)
{
    struct socket *s = first_unserved(core, &core->shaking);
    if (s == NULL) s = first_unserved(core, &core->leaving);
    if (s == NULL) s = first_unserved(core, &core->greeting);
    if (s == NULL) return false;
    serve(s, now_us);
    return true;
}

/* When thousands come back or leave at once, that takes seconds: who is in and stays does not wait for more than a few
 * of them, and beside it they have half of the time. */
static void serve_door(struct core *core)
{
    int64_t began_us = clock_mono_us(), now_us = began_us;
    int64_t until_us = began_us + MAX((int64_t)NET_DOOR_US, MIN(core->others_us, NET_DOOR_MAX_US));
    struct socket *new = first_unserved(core, &core->greeting);
    if (new) serve(new, now_us); /* one at least, however many dawdle in their handshakes */
    now_us = clock_mono_us();
    while (now_us <= until_us && serve_next(core, now_us)) now_us = clock_mono_us();
    core->door_us = now_us - began_us;
    if (!list_empty(&core->greeting)) put_off(core);
}

static void accept_some(struct listener *l, int64_t now_us);

void socket_read_all(struct core *core, int64_t now_us)
{
    struct list now, *node;
    list_init(&now);
    list_splice(&now, &core->unread);
    while ((node = list_shift(&now)) != NULL)
        read_once(CONTAINER_OF(node, struct socket, unread), now_us);
    while ((node = list_shift(&core->calling)) != NULL)
        accept_some(CONTAINER_OF(node, struct listener, calling), now_us);
    serve_door(core);
}

bool socket_anybody_waits(const struct core *core)
{
    return !list_empty(&core->unread) || !list_empty(&core->greeting) ||
           !list_empty(&core->shaking) || !list_empty(&core->leaving);
}

static void on_ready(struct source *source, uint32_t events, int64_t now_us)
{
    struct socket *s = CONTAINER_OF(source, struct socket, source);
    if (s->fd < 0) return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) s->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) s->ending = true;
    if (events & EPOLLOUT && buf_size(&s->pending)) write_pending(s, now_us);
    want_read(s);
}

static void transport_pause(struct conn *c)
{
    struct socket *s = of_conn(c);
    s->paused = true;
    list_remove(&s->unread);
}

static void transport_resume(struct conn *c)
{
    struct socket *s = of_conn(c);
    s->paused = false;
    want_read(s);
}

/* ---- end */

/* An event of this turn may still point here: it is freed at the turn's end. */
static void transport_shut(struct conn *c, bool abort)
{
    struct socket *s = of_conn(c);
    if (s->fd < 0) return;
    if (abort && !s->is_unix)
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    socket_drop(s->core, s->fd);
    s->fd = -1;
    list_remove(&s->unread);
    list_remove(&s->node);
    list_push(&s->core->gone, &s->node);
}

void socket_bury(struct core *core, int64_t now_us)
{
    struct list *node;
    while ((node = list_shift(&core->gone)) != NULL) {
        struct socket *s = CONTAINER_OF(node, struct socket, node);
        core->conn_count--;
        conn_gone(&s->conn, now_us);
        buf_free(&s->pending);
        free(s);
    }
    socket_bury_attempts(core);
}

void socket_close_all(struct core *core, bool abort)
{
    LIST_EACH(node, &core->conns)
    {
        struct socket *s = CONTAINER_OF(node, struct socket, node);
        if (abort)
            conn_abort(&s->conn);
        else
            conn_close(&s->conn);
    }
}

/* "ADDRESS", or "" of a Unix socket */
static bool name_address(char out[INET6_ADDRSTRLEN], const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    bool six = sa->ss_family == AF_INET6;
    out[0] = '\0';
    if (!six && sa->ss_family != AF_INET) return false;
    return inet_ntop(sa->ss_family, six ? (const void *)&v6->sin6_addr : &v4->sin_addr, out,
                     INET6_ADDRSTRLEN) != NULL;
}

static void transport_here(const struct conn *c, char out[CONN_PEER_MAX])
{
    struct sockaddr_storage here = {0};
    socklen_t len = sizeof here;
    out[0] = '\0';
    if (getsockname(of_conn(c)->fd, (struct sockaddr *)&here, &len) == 0) name_address(out, &here);
}

static const struct transport socket_transport = {
    .write = transport_write,
    .waiting = transport_waiting,
    .pause = transport_pause,
    .resume = transport_resume,
    .shut = transport_shut,
    .taken = transport_taken,
    .here = transport_here,
};

/* ---- beginning */

/* "ADDRESS:PORT" */
static void name_peer(char out[CONN_PEER_MAX], const struct sockaddr_storage *sa)
{
    char ip[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa; /* the port lies at one place */
    if (name_address(ip, sa))
        snprintf(out, CONN_PEER_MAX, sa->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
                 ntohs(v4->sin_port));
    else
        snprintf(out, CONN_PEER_MAX, "unix");
}

static struct guard_key key_of(const struct sockaddr_storage *sa)
{
    char peer[CONN_PEER_MAX];
    struct guard_key key = {0};
    name_peer(peer, sa);
    net_network(slice_str(peer), key.bytes);
    return key;
}

static struct socket *socket_new(struct core *core, int fd)
{
    struct socket *s = NEW(struct socket);
    s->source.ready = on_ready;
    s->core = core;
    s->fd = fd;
    list_init(&s->unread);
    core->conn_count++;
    list_push(&core->conns, &s->node);
    return s;
}

static void watch(struct socket *s, int op)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data.ptr = &s->source};
    if (epoll_ctl(s->core->poll, op, s->fd, &ev)) conn_ended(&s->conn, ERR_IO);
}

static void begin(struct listener *l, int fd, const struct sockaddr_storage *peer,
                  struct guard_key address, int64_t now_us)
{
    struct core *core = l->core;
    struct socket *s = socket_new(core, fd);
    s->is_unix = l->is_unix;
    if (!l->is_unix) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    conn_init(&s->conn, &core->host, &socket_transport, l->spec.front, l->spec.front_ctx,
              l->spec.tls ? *l->spec.tls : NULL);
    s->conn.admin = l->spec.admin;
    s->conn.local_port = (uint16_t)l->port;
    name_peer(s->conn.peer, peer);
    s->conn.address = address;
    conn_begin(&s->conn, now_us);
    if (s->fd >= 0) watch(s, EPOLL_CTL_ADD);
}

/* The descriptor is in the set already, for its dial. */
void socket_begin_dialed(struct core *core, int fd, const struct sockaddr_storage *peer,
                         struct dial *d, int64_t now_us)
{
    struct socket *s = socket_new(core, fd);
    conn_init(&s->conn, &core->host, &socket_transport, d->to.front, d->to.front_ctx, NULL);
    name_peer(s->conn.peer, peer);
    dial_connected(d, &s->conn, now_us);
    if (s->fd >= 0) watch(s, EPOLL_CTL_MOD);
}

static bool is_out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE;
}

static void hear(struct listener *l, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = &l->source};
    epoll_ctl(l->core->poll, EPOLL_CTL_MOD, l->fd, &ev);
}

static void keep_spare(struct core *core)
{
    if (core->spare < 0) core->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void socket_rested(struct timer *t, int64_t now_us)
{
    struct listener *l = CONTAINER_OF(t, struct listener, rest);
    (void)now_us;
    keep_spare(l->core);
    hear(l, EPOLLIN);
}

/* Without a descriptor the waiting connection would be reported for ever: it gets the spare one and
 * is closed.  Where another thread was faster to take that one, there is nothing to be done but to wait. */
static void shed_one(struct listener *l, int64_t now_us)
{
    struct core *core = l->core;
    if (core->spare >= 0) close(core->spare);
    core->spare = -1;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    bool helpless = fd < 0 && is_out_of_descriptors(errno);
    if (fd >= 0) metric_inc(&shed);
    if (fd >= 0) close(fd);
    keep_spare(core);
    if (!helpless) return;
    hear(l, 0);
    timer_set(&core->lane.timers, &l->rest, now_us + NET_REST_US);
}

static void not_accepted(struct listener *l, int error, int64_t now_us)
{
    if (is_out_of_descriptors(error)) shed_one(l, now_us);
    if (error != EAGAIN && error != ECONNABORTED)
        say_warn("accept.failed", "reason=%s", strerror(error));
}

/* False: there is none, or none to be had now. */
static bool accept_one(struct listener *l, int64_t now_us)
{
    struct core *core = l->core;
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        not_accepted(l, errno, now_us);
        return false;
    }
    struct guard_key address = key_of(&peer);
    if (core->conn_count >= core->conn_max || core->draining) {
        metric_inc(&refused);
        close(fd);
    } else if (!core->host.unguarded && guard_bars(&core->host.guard, address, now_us)) {
        metric_inc(&barred);
        close(fd);
    } else {
        begin(l, fd, &peer, address, now_us);
    }
    return true;
}

static void accept_some(struct listener *l, int64_t now_us)
{
    for (int i = 0; i < NET_ACCEPTS_MAX && accept_one(l, now_us); i++) {
    }
}

void socket_called(struct source *source, uint32_t events, int64_t now_us)
{
    struct listener *l = CONTAINER_OF(source, struct listener, source);
    (void)events, (void)now_us;
    if (!list_linked(&l->calling)) list_push(&l->core->calling, &l->calling);
}
