/* uv_conn.c - accepting, reading and writing with libuv. */
#include "net/uv_conn.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"

COUNTER(refused, "azimuth_connections_refused_total",
        "Connections closed at accept because max-connections was reached");

struct uv_conn {
    struct conn conn;
    union {
        uv_handle_t base;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    struct core *core;
    struct list node;        /* in core->conns */
    struct pending *pending; /* bytes under way to the kernel */
    uint64_t read_turn;
    uint32_t read_bytes; /* taken in read_turn */
};

/* Bytes that did not fit the socket buffer. */
struct pending {
    uv_write_t req;
    struct uv_conn *conn; /* NULL: the connection is gone */
    size_t len;
    uint8_t bytes[];
};

static struct uv_conn *of_conn(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct uv_conn, conn);
}

/* ---- writing */

static void on_written(uv_write_t *req, int status)
{
    struct pending *p = CONTAINER_OF(req, struct pending, req);
    struct uv_conn *u = p->conn;
    free(p);
    if (u == NULL) return;
    u->pending = NULL;
    if (status < 0)
        conn_ended(&u->conn, ERR_CLOSED);
    else
        conn_writable(&u->conn, clock_mono_us());
}

static void write_later(struct uv_conn *u, struct slice rest)
{
    struct pending *p = mem_new(sizeof *p + rest.len);
    p->conn = u;
    p->len = rest.len;
    memcpy(p->bytes, rest.ptr, rest.len);
    u->pending = p;
    uv_buf_t b = {(char *)p->bytes, rest.len};
    if (uv_write(&p->req, &u->handle.stream, &b, 1, on_written) == 0) return;
    u->pending = NULL;
    free(p);
    conn_ended(&u->conn, ERR_CLOSED);
}

static void transport_write(struct conn *c, struct slice bytes)
{
    struct uv_conn *u = of_conn(c);
    uv_buf_t b = {(char *)(uintptr_t)bytes.ptr, bytes.len};
    int n = uv_try_write(&u->handle.stream, &b, 1);
    if (n < 0 && n != UV_EAGAIN)
        conn_ended(c, ERR_CLOSED);
    else if ((size_t)(n < 0 ? 0 : n) < bytes.len)
        write_later(u, slice_from(bytes, n < 0 ? 0 : (size_t)n));
}

static size_t transport_waiting(const struct conn *c)
{
    const struct uv_conn *u = of_conn(c);
    return u->pending ? u->pending->len : 0;
}

/* ---- reading */

/* One shared buffer; none once a connection has had its share of this turn (then libuv reports
 * UV_ENOBUFS and asks again after the next poll). */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct uv_conn *u = handle->data;
    struct core *core = u->core;
    (void)suggested;
    if (u->read_turn != core->turn_number) u->read_bytes = 0;
    u->read_turn = core->turn_number;
    size_t left = CONN_READ_MAX - u->read_bytes;
    *out = uv_buf_init((char *)core->read_buffer, (unsigned)left);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct uv_conn *u = stream->data;
    if (n > 0) {
        u->read_bytes += (uint32_t)n;
        conn_received(&u->conn, slice_of(b->base, (size_t)n), clock_mono_us());
    } else if (n < 0 && n != UV_ENOBUFS) {
        uv_read_stop(stream);
        conn_ended(&u->conn, ERR_CLOSED);
    }
}

static void transport_pause(struct conn *c)
{
    uv_read_stop(&of_conn(c)->handle.stream);
}

static void transport_resume(struct conn *c)
{
    if (uv_read_start(&of_conn(c)->handle.stream, on_alloc, on_read)) conn_ended(c, ERR_IO);
}

/* ---- end */

static void on_closed(uv_handle_t *handle)
{
    struct uv_conn *u = handle->data;
    u->core->conn_count--;
    list_remove(&u->node);
    conn_gone(&u->conn, clock_mono_us());
    if (u->pending) u->pending->conn = NULL;
    free(u);
}

static void transport_shut(struct conn *c, bool abort)
{
    struct uv_conn *u = of_conn(c);
    if (uv_is_closing(&u->handle.base)) return;
    if (abort && u->handle.base.type == UV_TCP &&
        uv_tcp_close_reset(&u->handle.tcp, on_closed) == 0)
        return;
    uv_close(&u->handle.base, on_closed);
}

void uv_conn_close_all(struct core *core, bool abort)
{
    LIST_EACH(node, &core->conns)
    {
        struct uv_conn *u = CONTAINER_OF(node, struct uv_conn, node);
        if (abort)
            conn_abort(&u->conn);
        else
            conn_close(&u->conn);
    }
}

static const struct transport uv_transport = {
    .write = transport_write,
    .waiting = transport_waiting,
    .pause = transport_pause,
    .resume = transport_resume,
    .shut = transport_shut,
};

/* ---- beginning */

static void name_peer(struct uv_conn *u)
{
    struct sockaddr_storage sa;
    int len = sizeof sa;
    char ip[INET6_ADDRSTRLEN] = "";
    if (u->handle.base.type != UV_TCP ||
        uv_tcp_getpeername(&u->handle.tcp, (struct sockaddr *)&sa, &len)) {
        snprintf(u->conn.peer, sizeof u->conn.peer, "unix");
        return;
    }
    bool six = sa.ss_family == AF_INET6;
    unsigned port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
    uv_ip_name((struct sockaddr *)&sa, ip, sizeof ip);
    snprintf(u->conn.peer, sizeof u->conn.peer, six ? "[%s]:%u" : "%s:%u", ip, port);
}

/* An accepted stream that becomes a connection, or nothing when the core is full. */
static struct uv_conn *take_stream(struct listener *l)
{
    struct core *core = l->core;
    struct uv_conn *u = NEW(struct uv_conn);
    if (l->is_unix)
        uv_pipe_init(&core->loop, &u->handle.pipe, 0);
    else
        uv_tcp_init(&core->loop, &u->handle.tcp);
    u->handle.base.data = u;
    u->core = core;
    uv_accept(&l->handle.stream, &u->handle.stream);
    return u;
}

static void on_refused_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void uv_conn_accept(uv_stream_t *server, int status)
{
    struct listener *l = server->data;
    struct core *core = l->core;
    if (status < 0) {
        say_warn("accept.failed", "reason=%s", uv_strerror(status));
        return;
    }
    struct uv_conn *u = take_stream(l);
    if (core->conn_count >= core->conn_max || core->draining) {
        metric_inc(&refused);
        uv_close(&u->handle.base, on_refused_closed);
        return;
    }
    if (!l->is_unix) uv_tcp_nodelay(&u->handle.tcp, 1);
    conn_init(&u->conn, &core->host, &uv_transport, l->spec.front, l->spec.front_ctx,
              l->spec.tls ? *l->spec.tls : NULL);
    u->conn.admin = l->spec.admin;
    u->conn.local_port = (uint16_t)l->port;
    core->conn_count++;
    list_push(&core->conns, &u->node);
    name_peer(u);
    conn_begin(&u->conn, clock_mono_us());
    transport_resume(&u->conn);
}
