/* listen.c - ports: who holds them, and one listening socket for each core. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net.h"

struct endpoint {
    struct sockaddr_storage sa;
    socklen_t len;
    const char *address; /* as given, for messages */
};

static enum err parse_address(const char *address, unsigned port, struct endpoint *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->sa;
    memset(&out->sa, 0, sizeof out->sa);
    out->address = address;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        out->len = sizeof *v4;
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        out->len = sizeof *v6;
    } else {
        return fail(ERR_INVALID, "'%s' is not an IPv4 or IPv6 address", address);
    }
    return OK;
}

static unsigned port_of(const struct endpoint *e)
{
    return ntohs(((const struct sockaddr_in *)&e->sa)->sin_port);
}

static enum err bind_failed(const struct endpoint *e)
{
    unsigned port = port_of(e);
    if (errno == EACCES)
        return fail(ERR_DENIED,
                    "port %u on %s needs a right that this process lacks: give the binary "
                    "CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=+ep), lower "
                    "net.ipv4.ip_unprivileged_port_start, or choose another port",
                    port, e->address);
    if (errno == EADDRINUSE)
        return fail(ERR_EXISTS,
                    "port %u on %s is held by another process (see: ss -ltnp); stop it, or choose "
                    "another port",
                    port, e->address);
    return fail_errno("cannot bind port %u on %s", port, e->address);
}

static int new_socket(const struct endpoint *e, bool shared)
{
    int fd = socket(e->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (e->sa.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return fd;
}

/* A socket without SO_REUSEPORT must be able to bind and listen; tells the port chosen for 0. */
static enum err probe(struct endpoint *e)
{
    int fd = new_socket(e, false);
    if (fd < 0) return fail_errno("cannot make a socket for %s", e->address);
    enum err result = OK;
    if (bind(fd, (struct sockaddr *)&e->sa, e->len) || listen(fd, 1))
        result = bind_failed(e);
    else
        getsockname(fd, (struct sockaddr *)&e->sa, &e->len);
    close(fd);
    return result;
}

/* The name dies with the process; connecting sockets never see it. */
static enum err hold_name(const struct endpoint *e, int *lock)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int n = snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "azimuth-listen-%s-%u", e->address,
                     port_of(e));
    *lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*lock < 0) return fail_errno("cannot make a socket");
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    if (bind(*lock, (struct sockaddr *)&un, len) == 0) return OK;
    close(*lock);
    return fail(ERR_EXISTS,
                "port %u on %s is held by another azimuth; stop it, or choose another port",
                port_of(e), e->address);
}

static enum err bind_one(const struct endpoint *e, bool shared, int *fd)
{
    *fd = new_socket(e, shared);
    if (*fd < 0) return fail_errno("cannot make a socket for %s", e->address);
    if (bind(*fd, (const struct sockaddr *)&e->sa, e->len) == 0) return OK;
    enum err result = bind_failed(e);
    close(*fd);
    return result;
}

bool net_has_address(const char *address)
{
    struct endpoint e;
    return parse_address(address, 0, &e) == OK && probe(&e) == OK;
}

static void let_go(struct net_port *p)
{
    while (p->count > 0) close(p->fds[--p->count]);
    close(p->lock);
}

static enum err hold(struct endpoint e, unsigned cores, struct net_port *out)
{
    TRY(probe(&e));
    *out = (struct net_port){.port = port_of(&e)};
    TRY(hold_name(&e, &out->lock));
    enum err result = OK;
    while (result == OK && out->count < cores) {
        result = bind_one(&e, cores > 1, &out->fds[out->count]);
        if (result == OK) out->count++;
    }
    if (result != OK) let_go(out);
    return result;
}

/* Between the probe and the bind somebody else may take what the kernel chose: then it chooses again. */
enum err net_bind(const char *address, unsigned port, unsigned cores, struct net_port *out)
{
    struct endpoint e;
    assert(cores >= 1 && cores <= LANES_MAX);
    TRY(parse_address(address, port, &e));
    enum err result = hold(e, cores, out);
    for (int i = 1; result == ERR_EXISTS && port == 0 && i < NET_CHOICES_MAX; i++)
        result = hold(e, cores, out);
    return result;
}

enum err net_bind_unix(const char *path, struct net_port *out)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;
    if (size > sizeof un.sun_path)
        return fail(ERR_TOO_BIG, "socket path '%s' is longer than %zu characters", path,
                    sizeof un.sun_path - 1);
    memcpy(un.sun_path, path, size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail_errno("cannot make a socket");
    unlink(path);
    mode_t old = umask(0177);
    int failed = bind(fd, (struct sockaddr *)&un, sizeof un);
    umask(old);
    if (failed) {
        close(fd);
        return fail_errno("cannot bind %s", path);
    }
    *out = (struct net_port){.lock = -1, .fds = {fd}, .count = 1};
    return OK;
}
