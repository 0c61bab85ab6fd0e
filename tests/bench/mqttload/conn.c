/* conn.c - see conn.h. */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"
#include "mqtt.h"
#include "options.h"
#include "publish.h"
#include "tls.h"
#include "util.h"
#include "ws.h"

enum {
    SEND_BUFFER = 64 * 1024, /* bounds what a slow server lets pile up */
    TLS_READ = 16384,
    EVENTS_MAX = 512,
};

struct conn *conns;
unsigned conn_count;
volatile sig_atomic_t stopped;
static int ep;
static struct sockaddr_in server;
static char rbuf[1024 * 1024];

void conns_init(void)
{
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)opt.port);
    if (inet_pton(AF_INET, opt.host, &server.sin_addr) != 1) die("--host takes an IPv4 address");
    ep = epoll_create1(EPOLL_CLOEXEC);
    conn_count = opt.subs + opt.pubs;
    conns = xcalloc(conn_count, sizeof *conns);
    for (unsigned i = 0; i < conn_count; i++) {
        conns[i].is_sub = i < opt.subs;
        conns[i].idx = conns[i].is_sub ? i : i - opt.subs;
        conns[i].fd = -1;
    }
}

/* ---- up and down */

static void bind_source(int fd)
{
    static uint64_t serial;
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(serial++ % opt.src_ips));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a)) die("bind: %s", strerror(errno));
}

static int make_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket: %s (raise ulimit -n?)", strerror(errno));
    int one = 1, size = SEND_BUFFER;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (opt.mode == MODE_PUB) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (opt.src_ips > 1) bind_source(fd);
    return fd;
}

void conn_start(struct conn *k)
{
    k->fd = make_socket();
    k->t_start = k->t_last = now_ns();
    k->st = ST_TCP;
    k->blocked = false;
    counts.connecting++;
    if (connect(k->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) {
        conn_fail(k, strerror(errno));
        return;
    }
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = k};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, k->fd, &ev)) die("epoll_ctl: %s", strerror(errno));
}

static unsigned *up_of(const struct conn *k)
{
    return k->is_sub ? &counts.up_subs : &counts.up_pubs;
}

void conn_up(struct conn *k)
{
    k->st = ST_UP;
    counts.connecting--;
    counts.connected++;
    ++*up_of(k);
    hist_add(&connect_time, now_ns() - k->t_start);
    if (k->ssl && opt.resume) tls_keep_session(k);
}

static void count_down(const struct conn *k, bool failed)
{
    if (k->st < ST_UP) {
        counts.connecting--;
        if (failed) counts.conn_failed++;
    } else {
        --*up_of(k);
        if (failed) counts.closed++;
    }
}

void conn_close(struct conn *k, bool failed)
{
    if (k->st == ST_NONE || k->st == ST_DEAD) return;
    count_down(k, failed);
    if (k->ssl) tls_end(k, failed);
    close(k->fd);
    k->fd = -1;
    k->st = ST_DEAD;
    k->out_len = k->out_off = k->left_len = 0;
    k->ws_head_len = 0;
    k->ws_left = 0;
    k->blocked = false;
}

void conn_fail(struct conn *k, const char *what)
{
    note_error("%s (client %s, state %d)", what, k->client, k->st);
    conn_close(k, true);
}

/* ---- writing */

/* Returns bytes taken, 0 if it would block, -1 if the connection is gone. */
static ssize_t raw_write(struct conn *k, const char *p, size_t n)
{
    if (k->ssl) return tls_write(k, p, n);
    ssize_t r = send(k->fd, p, n, MSG_NOSIGNAL);
    if (r >= 0) return r;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

/* How many bytes were taken; with less than all it is blocked, or dead. */
static size_t write_now(struct conn *k, const char *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = raw_write(k, p + done, n - done);
        if (r < 0) {
            conn_fail(k, "write failed");
            return done;
        }
        if (r == 0) {
            k->blocked = true;
            return done;
        }
        done += (size_t)r;
    }
    return done;
}

void conn_write_later(struct conn *k, const char *p, size_t n)
{
    if (k->out_len + n > k->out_cap) k->out = xrealloc(k->out, k->out_cap = (k->out_len + n) * 2);
    memcpy(k->out + k->out_len, p, n);
    k->out_len += n;
}

void conn_write(struct conn *k, const char *p, size_t n)
{
    if (k->st == ST_DEAD) return;
    k->t_last = now_ns();
    size_t done = k->blocked ? 0 : write_now(k, p, n);
    if (done < n && k->st != ST_DEAD) conn_write_later(k, p + done, n - done);
}

static void flush(struct conn *k)
{
    if (k->out_off < k->out_len) {
        size_t done = write_now(k, k->out + k->out_off, k->out_len - k->out_off);
        if (k->st == ST_DEAD) return;
        k->out_off += done;
        if (k->out_off < k->out_len) return;
    }
    k->out_off = k->out_len = 0;
    if (k->blocked) {
        k->blocked = false;
        publish_wake(k);
    }
}

/* ---- reading */

/* Returns bytes read, 0 if there are none now, -1 if the connection is gone. */
static ssize_t raw_read(struct conn *k, char *to, size_t room)
{
    if (k->ssl) return tls_read(k, to, room);
    ssize_t r = recv(k->fd, to, room, 0);
    if (r > 0) return r;
    return r < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Moves what was left of the last read into the buffer; how much that is. */
static size_t take_left(struct conn *k)
{
    size_t n = k->left_len;
    if (n) memcpy(rbuf, k->left, n);
    k->left_len = 0;
    return n;
}

static void keep_left(struct conn *k, const char *p, size_t n)
{
    if (n == 0) return;
    if (n > k->left_cap) k->left = xrealloc(k->left, k->left_cap = n * 2);
    memcpy(k->left, p, n);
    k->left_len = n;
}

/* `n` bytes in the buffer, `r` of them new; what is no whole packet is kept. */
static void digest(struct conn *k, size_t n, size_t r)
{
    size_t used = r == 0                ? 0
                  : k->st == ST_UPGRADE ? ws_take_answer(k, rbuf, n)
                                        : mqtt_take(k, rbuf, n);
    if (k->st != ST_DEAD) keep_left(k, rbuf + used, n - used);
}

/* True: there may be more to read. */
static bool read_once(struct conn *k)
{
    if (k->left_len > sizeof rbuf / 2) {
        conn_fail(k, "packet too large");
        return false;
    }
    size_t have = take_left(k), room = k->ssl ? TLS_READ : sizeof rbuf - have;
    ssize_t r = raw_read(k, rbuf + have, room);
    if (r < 0) {
        conn_fail(k, k->st < ST_UP ? "closed by server while connecting" : "closed by server");
        return false;
    }
    bool may_be_more = r > 0 && (k->ssl || (size_t)r == room);
    if (k->st > ST_UPGRADE && opt.ws && (r = ws_strip(k, rbuf + have, (size_t)r)) < 0) {
        conn_fail(k, "a frame that is not binary");
        return false;
    }
    digest(k, have + (size_t)r, (size_t)r);
    if (k->is_sub && k->out_len > k->out_off && !k->blocked) flush(k);
    return may_be_more && k->st != ST_DEAD;
}

/* ---- events */

static void begin(struct conn *k)
{
    if (opt.ws)
        ws_ask(k);
    else
        mqtt_connect(k);
}

static void on_connected(struct conn *k)
{
    int err = 0;
    socklen_t len = sizeof err;
    getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        conn_fail(k, strerror(err));
    } else if (opt.tls) {
        tls_begin(k);
        k->st = ST_TLS;
    } else {
        begin(k);
    }
}

static void on_event(struct conn *k, uint32_t ev)
{
    if (k->st == ST_DEAD || k->st == ST_NONE) return;
    if (k->st == ST_TCP) {
        if (!(ev & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
        on_connected(k);
    }
    if (k->st == ST_TLS) {
        if (!tls_shake_hands(k)) return;
        begin(k);
    }
    if (ev & EPOLLOUT && k->st != ST_DEAD) flush(k);
    if (ev & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && k->st != ST_DEAD)
        while (read_once(k)) continue;
}

void conns_poll(uint64_t wait_ns)
{
    struct epoll_event ev[EVENTS_MAX];
    struct timespec ts = {(time_t)(wait_ns / NSEC), (long)(wait_ns % NSEC)};
    int n = epoll_pwait2(ep, ev, EVENTS_MAX, &ts, NULL);
    for (int i = 0; i < n; i++) on_event(ev[i].data.ptr, ev[i].events);
}

void conns_keep_alive(void)
{
    static uint64_t last;
    uint64_t t = now_ns();
    if (!opt.keepalive || t - last < NSEC) return;
    last = t;
    for (unsigned i = 0; i < conn_count; i++) {
        struct conn *k = &conns[i];
        if (k->st == ST_UP && t - k->t_last > (uint64_t)opt.keepalive * NSEC * 3 / 4) mqtt_ping(k);
    }
}

static bool may_start(unsigned started, uint64_t passed_ns)
{
    if (counts.connecting >= opt.parallel) return false;
    return opt.conn_rate <= 0 || (double)started / opt.conn_rate * 1e9 <= (double)passed_ns;
}

double conns_open_s(unsigned from, unsigned to)
{
    uint64_t t0 = now_ns(), deadline = t0 + (uint64_t)(opt.conn_timeout * 1e9);
    unsigned next = from;
    while ((next < to || counts.connecting) && !stopped) {
        uint64_t t = now_ns();
        while (next < to && may_start(next - from, t - t0)) conn_start(&conns[next++]);
        conns_poll(opt.conn_rate > 0 ? NSEC / 1000 : NSEC / 10);
        conns_keep_alive();
        if (now_ns() > deadline) {
            note_error("timed out while connecting");
            break;
        }
    }
    return (double)(now_ns() - t0) / 1e9;
}
