/* dial.c - see dial.h. */
#include "cli/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum err dial_resolve(const char *host, unsigned port, struct dial_addresses *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *list;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int code = getaddrinfo(host, service, &hints, &list);
    if (code != 0)
        return fail(ERR_IO, "the name %s is not known (%s): is it spelled right?", host,
                    gai_strerror(code));
    out->count = 0;
    for (struct addrinfo *a = list; a && out->count < DIAL_ADDRESSES_MAX; a = a->ai_next) {
        struct dial_address *to = &out->items[out->count++];
        memcpy(&to->bytes, a->ai_addr, a->ai_addrlen);
        to->len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return OK;
}

static void write_address(const struct dial_address *address, char text[80])
{
    char host[64] = "", service[8] = "";
    getnameinfo((const struct sockaddr *)&address->bytes, address->len, host, sizeof host, service,
                sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(text, 80, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
}

static enum err refuse(const struct dial_address *address, int error)
{
    char text[80];
    write_address(address, text);
    errno = error;
    return fail_errno("no connection to %s", text);
}

enum err dial_begin(const struct dial_address *address, int *fd)
{
    int on = 1;
    *fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) return refuse(address, errno);
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(*fd, (const struct sockaddr *)&address->bytes, address->len) == 0 ||
        errno == EINPROGRESS)
        return OK;
    enum err e = refuse(address, errno);
    close(*fd);
    *fd = -1;
    return e;
}

enum err dial_end(int fd, const struct dial_address *address)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) error = errno;
    return error ? refuse(address, error) : OK;
}
