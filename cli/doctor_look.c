/* doctor_look.c - what somebody shows who may not be the hub: certificate and time, believed or not.
 *
 * For the words of a finding only; nothing is sent that is anybody's secret. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"

enum { HEAD_MAX = 64 << 10 }; /* bytes of an answer's head */

/* ---- TCP: then reads and writes end after DOCTOR_WAIT_MS */

static enum err dial_one(const struct dial_address *at, int *fd)
{
    const struct timeval wait = {.tv_sec = DOCTOR_WAIT_MS / 1000};
    TRY(dial_begin(at, fd));
    struct pollfd connecting = {.fd = *fd, .events = POLLOUT};
    enum err e = poll(&connecting, 1, DOCTOR_WAIT_MS) == 1 ? dial_end(*fd, at) : ERR_TIMEOUT;
    if (e != OK) {
        close(*fd);
        return e;
    }
    int flags = fcntl(*fd, F_GETFL);
    fcntl(*fd, F_SETFL, flags & ~O_NONBLOCK);
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return OK;
}

static enum err dial_any(const struct dial_addresses *all, int *fd)
{
    enum err e = ERR_CLOSED;
    for (size_t i = 0; i < all->count && e != OK; i++) e = dial_one(&all->items[i], fd);
    return e;
}

/* ---- the certificate */

static int64_t time_us(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) * 1000000 : 0;
}

static void put_name(struct buf *out, const GENERAL_NAME *name)
{
    char address[INET6_ADDRSTRLEN];
    if (name->type != GEN_DNS && name->type != GEN_IPADD) return;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, NULL);
    struct slice text = slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (name->type == GEN_IPADD && text.len != 4 && text.len != 16) return;
    if (name->type == GEN_IPADD)
        text = slice_str(
            inet_ntop(text.len == 4 ? AF_INET : AF_INET6, text.ptr, address, sizeof address));
    buf_printf(out, "%s%.*s", buf_size(out) ? ", " : "", SLICE_ARG(text));
}

static void note_names(X509 *certificate, const char *dialled, struct doctor_sight *out)
{
    struct buf list = {0};
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        put_name(&list, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    snprintf(out->names, sizeof out->names, "%s", buf_size(&list) ? buf_cstr(&list) : "nobody");
    buf_free(&list);
    out->is_ours = X509_check_host(certificate, dialled, 0, 0, NULL) == 1 ||
                   X509_check_ip_asc(certificate, dialled, 0) == 1;
}

static void note_certificate(const SSL *ssl, const char *dialled, struct doctor_sight *out)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    X509_NAME_oneline(X509_get_issuer_name(certificate), out->issuer, sizeof out->issuer);
    out->from_us = time_us(X509_get0_notBefore(certificate));
    out->until_us = time_us(X509_get0_notAfter(certificate));
    note_names(certificate, dialled, out);
}

/* ---- the time */

static enum err read_date(struct slice head, int64_t *wall_us)
{
    struct slice rest = head, line, name;
    while (slice_split(&rest, '\n', &line))
        if (slice_split(&line, ':', &name) && slice_is_nocase(name, "date"))
            return clock_parse_http(slice_trim(line), wall_us);
    return fail(ERR_NOT_FOUND, "its answer has no date");
}

static enum err ask_time(SSL *ssl, const char *host, int64_t *wall_us)
{
    struct buf head = {0}, ask = {0};
    char piece[4096];
    int n;
    buf_printf(&ask, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    if (SSL_write(ssl, buf_slice(&ask).ptr, (int)buf_size(&ask)) > 0)
        while (slice_search(buf_slice(&head), SLICE_LIT("\r\n\r\n")) == NULL &&
               buf_size(&head) <= HEAD_MAX && (n = SSL_read(ssl, piece, sizeof piece)) > 0)
            buf_put(&head, piece, (size_t)n);
    enum err e = read_date(buf_slice(&head), wall_us);
    buf_free(&head);
    buf_free(&ask);
    return e;
}

/* ---- both */

static bool is_address(const char *host)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static enum err look(SSL *ssl, const char *host, bool over_http, struct doctor_sight *out)
{
    if (!is_address(host)) SSL_set_tlsext_host_name(ssl, host);
    if (SSL_connect(ssl) != 1) return fail(ERR_PROTOCOL, "what answers there speaks no TLS");
    note_certificate(ssl, host, out);
    return over_http ? ask_time(ssl, host, &out->wall_us) : OK;
}

enum err doctor_look(const struct line_to *to, bool over_http, struct doctor_sight *out)
{
    int fd;
    *out = (struct doctor_sight){0};
    TRY(dial_any(&to->addresses, &fd));
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);      /* who answers may be gone */
    SSL_CTX *context = SSL_CTX_new(TLS_client_method()); /* verifies nothing: this only looks */
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    enum err e = look(ssl, to->name, over_http, out);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    close(fd);
    signal(SIGPIPE, before);
    return e;
}
