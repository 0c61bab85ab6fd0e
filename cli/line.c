/* line.c - see line.h. */
#include "cli/line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum err line_resolve(const char *host, unsigned port, struct line_to *out)
{
    out->port = port;
    return dial_resolve(host, port, &out->addresses) == OK ? OK : ERR_CLOSED;
}

/* The text of the last address's failure is set. */
static enum err unreachable(const struct line *l)
{
    char why[256];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(ERR_CLOSED, "no hub answers at %s:%u (%s): is it running, and is the port right?",
                l->to->name, l->to->port, why);
}

static enum err dial_next(struct line *l)
{
    const struct dial_addresses *all = &l->to->addresses;
    while (l->tried < all->count)
        if (dial_begin(&all->items[l->tried++], &l->fd) == OK) return OK;
    return unreachable(l);
}

static void begin_tls(struct line *l)
{
    l->connected = true;
    if (l->to->tls)
        tls_init_client(&l->tls, l->to->tls, &l->cipher, l->to->name);
    else
        l->up = true;
}

enum err line_open(struct line *l, const struct line_to *to)
{
    *l = (struct line){.to = to, .fd = -1};
    return dial_next(l);
}

short line_wants(const struct line *l)
{
    bool writes = !l->connected || buf_size(&l->cipher) > 0;
    return (short)(POLLIN | (writes ? POLLOUT : 0));
}

static enum err finish_connect(struct line *l)
{
    if (dial_end(l->fd, &l->to->addresses.items[l->tried - 1]) == OK) {
        begin_tls(l);
        return OK;
    }
    close(l->fd);
    l->fd = -1;
    return dial_next(l);
}

static enum err receive(struct line *l)
{
    static _Thread_local uint8_t room[LINE_READ_MAX];
    ssize_t n = read(l->fd, room, sizeof room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return OK;
    if (n < 0) return fail(ERR_CLOSED, "%s cut the connection (%s)", l->to->name, strerror(errno));
    if (n == 0) return fail(ERR_CLOSED, "%s closed the connection", l->to->name);
    struct slice bytes = slice_of(room, (size_t)n);
    if (l->to->tls)
        tls_feed(&l->tls, bytes);
    else
        l->plain = bytes;
    return OK;
}

enum err line_ready(struct line *l, short revents)
{
    if (!l->connected && (revents & (POLLOUT | POLLERR | POLLHUP))) TRY(finish_connect(l));
    if (l->connected && (revents & (POLLIN | POLLERR | POLLHUP))) return receive(l);
    return OK;
}

static enum err explain(const struct line *l, const struct tls_event *ev)
{
    char why[256];
    snprintf(why, sizeof why, "%s", fail_text());
    if (ev->cause == TLS_CAUSE_CERT)
        return fail(ERR_PROTOCOL,
                    "the certificate of %s is not trusted (%s): name the hub's ca.pem with --ca",
                    l->to->name, why);
    return fail(ERR_PROTOCOL, "TLS with %s:%u failed (%s)", l->to->name, l->to->port, why);
}

bool line_next(struct line *l, struct slice *bytes)
{
    struct tls_event ev;
    if (l->to->tls == NULL) {
        *bytes = l->plain;
        l->plain = SLICE_NONE;
        return bytes->len > 0;
    }
    while (l->connected && l->fate == OK && tls_next(&l->tls, &ev)) {
        switch (ev.kind) {
        case TLS_HANDSHAKE_DONE: l->up = true; break;
        case TLS_DATA: *bytes = ev.data; return true;
        case TLS_CLOSED: l->fate = fail(ERR_CLOSED, "%s closed the connection", l->to->name); break;
        case TLS_FAILED: l->fate = explain(l, &ev); break;
        }
    }
    return false;
}

static enum err transmit(struct line *l, struct buf *from)
{
    while (buf_size(from) > 0) {
        struct slice rest = buf_slice(from);
        ssize_t n = send(l->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return OK;
        if (n < 0)
            return fail(ERR_CLOSED, "%s cut the connection (%s)", l->to->name, strerror(errno));
        buf_consume(from, (size_t)n);
    }
    return OK;
}

enum err line_flush(struct line *l)
{
    if (!l->connected) return OK;
    if (l->up && l->to->tls && buf_size(&l->out) > 0) {
        TRY(tls_send(&l->tls, buf_slice(&l->out)));
        buf_clear(&l->out);
    }
    if (l->to->tls == NULL && buf_size(&l->cipher) == 0) {
        struct buf empty = l->cipher; /* plain: what is to be said is what is sent */
        l->cipher = l->out;
        l->out = empty;
    }
    TRY(transmit(l, &l->cipher));
    return l->fate;
}

void line_close(struct line *l)
{
    if (l->to == NULL) return;
    if (l->connected && l->to->tls) {
        tls_close(&l->tls);
        (void)!transmit(l, &l->cipher);
        tls_fini(&l->tls);
    }
    if (l->fd >= 0) close(l->fd);
    buf_free(&l->out);
    buf_free(&l->cipher);
    *l = (struct line){.fd = -1};
}
