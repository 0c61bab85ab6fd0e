/* doctor_probe.c - looking at the network, certificates, names and the disk. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/x509_make.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/doctor.h"

enum { HEAD_MAX = 64 << 10 }; /* bytes of an answer's head */

/* ---- network */

/* Until TLS is up, the line is over or time is. */
static enum err shake_hands(struct line *l)
{
    int64_t until_us = clock_mono_us() + DOCTOR_WAIT_MS * 1000ll;
    struct slice bytes;
    while (!l->up) {
        struct pollfd fd = {.fd = l->fd, .events = line_wants(l)};
        int64_t left_us = until_us - clock_mono_us();
        if (left_us <= 0) return fail(ERR_TIMEOUT, "no answer within %d ms", DOCTOR_WAIT_MS);
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

/* Until the head of an answer is there. */
static enum err read_head(struct line *l, struct buf *head)
{
    int64_t until_us = clock_mono_us() + DOCTOR_WAIT_MS * 1000ll;
    struct slice bytes;
    while (slice_search(buf_slice(head), SLICE_LIT("\r\n\r\n")) == NULL) {
        struct pollfd fd = {.fd = l->fd, .events = line_wants(l)};
        int64_t left_us = until_us - clock_mono_us();
        if (left_us <= 0 || buf_size(head) > HEAD_MAX)
            return fail(ERR_TIMEOUT, "no answer within %d ms", DOCTOR_WAIT_MS);
        if (poll(&fd, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
            return fail_errno("poll");
        TRY(line_ready(l, fd.revents));
        while (line_next(l, &bytes)) buf_put_slice(head, bytes);
        TRY(line_flush(l));
    }
    return OK;
}

static enum err read_date(struct slice head, int64_t *wall_us)
{
    struct slice rest = head, line, name;
    while (slice_split(&rest, '\n', &line))
        if (slice_split(&line, ':', &name) && slice_is_nocase(name, "date"))
            return clock_parse_http(slice_trim(line), wall_us);
    return fail(ERR_NOT_FOUND, "its answer has no date");
}

enum err doctor_http_date(const struct line_to *to, int64_t *wall_us)
{
    struct line l;
    struct buf head = {0};
    enum err e = line_open(&l, to);
    if (e == OK) e = shake_hands(&l);
    if (e == OK) {
        buf_printf(&l.out, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", to->name);
        e = line_flush(&l);
    }
    if (e == OK) e = read_head(&l, &head);
    if (e == OK) e = read_date(buf_slice(&head), wall_us);
    line_close(&l);
    buf_free(&head);
    return e;
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
