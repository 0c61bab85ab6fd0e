/* doctor_probe.c - looking at the network, certificates, names and the disk. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/x509_make.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/doctor.h"

/* ---- network */

/* Until TLS is up, the line is over or time is. */
static enum err shake_hands(struct line *l)
{
    int64_t until_us = clock_mono_us() + DOCTOR_WAIT_MS * 1000ll;
    struct slice bytes;
    while (!l->up) {
        struct pollfd fd = {.fd = l->fd, .events = line_wants(l)};
        int64_t left_us = until_us - clock_mono_us();
        if (left_us <= 0)
            return fail(ERR_TIMEOUT, "%s:%u gives no answer within %d s", l->to->name, l->to->port,
                        DOCTOR_WAIT_MS / 1000);
        if (poll(&fd, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
            return fail_errno("poll");
        TRY(line_ready(l, fd.revents));
        while (line_next(l, &bytes)) {
        }
        TRY(line_flush(l));
    }
    return OK;
}

enum err doctor_handshake(const struct line_to *to, const char **version)
{
    struct line l;
    enum err e = line_open(&l, to);
    if (e == OK) e = shake_hands(&l);
    if (e == OK) *version = tls_version(&l.tls);
    line_close(&l);
    return e;
}

bool doctor_has_way(const struct dial_address *address)
{
    int fd = socket(address->bytes.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool way = fd >= 0 && connect(fd, (const struct sockaddr *)&address->bytes, address->len) == 0;
    if (fd >= 0) close(fd); /* a datagram's: nothing was sent */
    return way;
}

enum err doctor_bind(const char *address, unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int failed = bind(fd, (struct sockaddr *)&to, sizeof to) ? errno : 0;
    close(fd);
    if (failed == EACCES) return ERR_DENIED;
    if (failed == EADDRINUSE) return ERR_EXISTS;
    return failed ? ERR_IO : OK;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)a;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const void *)a;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

enum doctor_place doctor_place_of(const char *name)
{
    struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo(name, NULL, &hints, &list) != 0) return DOCTOR_NOWHERE;
    enum doctor_place place = is_loopback(list->ai_addr) ? DOCTOR_HERE : DOCTOR_ELSEWHERE;
    freeaddrinfo(list);
    return place;
}

/* Does the list of no_proxy, with commas, have the host or a domain that it is in? */
static bool is_listed(struct slice list, struct slice host)
{
    struct slice entry;
    while (slice_split(&list, ',', &entry)) {
        entry = slice_trim(entry);
        if (slice_is(entry, "*")) return true;
        if (entry.len && entry.ptr[0] == '.') entry = slice_from(entry, 1);
        if (entry.len == 0 || entry.len > host.len) continue;
        bool whole = entry.len == host.len || host.ptr[host.len - entry.len - 1] == '.';
        if (whole && slice_eq_nocase(slice_from(host, host.len - entry.len), entry)) return true;
    }
    return false;
}

static const char *variable(const char *small, const char *capital)
{
    const char *value = getenv(small);
    if (value == NULL) value = getenv(capital);
    return value ? value : "";
}

void doctor_proxy_of(const char *host, char *out, size_t size)
{
    const char *proxy = variable("https_proxy", "HTTPS_PROXY");
    const char *scheme = strstr(proxy, "://"), *at = strrchr(proxy, '@');
    int before = scheme && at ? (int)(scheme + 3 - proxy) : 0;
    if (is_listed(slice_str(variable("no_proxy", "NO_PROXY")), slice_str(host))) proxy = at = "";
    if (at && *at)
        snprintf(out, size, "%.*s***%s", before, proxy, at);
    else
        snprintf(out, size, "%s", proxy);
}

/* ---- certificates */

enum err doctor_days_left(struct slice pem, int64_t now_us, int *days)
{
    X509 *certificate = x509_read_pem(pem);
    if (certificate == NULL) return ERR_INVALID;
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(now_us / 1000000));
    int seconds;
    int done = ASN1_TIME_diff(days, &seconds, now, X509_get0_notAfter(certificate));
    ASN1_TIME_free(now);
    X509_free(certificate);
    return done ? OK : ERR_INVALID;
}

/* ---- disk */

enum err doctor_sync_us(const char *directory, int64_t *us)
{
    struct io *io;
    char name[64];
    struct slice page = SLICE_LIT("a little to be written durably");
    snprintf(name, sizeof name, "doctor-%d.tmp", (int)getpid());
    TRY(io_posix_new(directory, &io));
    int64_t from_us = clock_mono_us();
    enum err e = io_store(io, name, page);
    *us = clock_mono_us() - from_us;
    if (e == OK) e = io_remove(io, name);
    io_free(io);
    return e;
}
