/* line.h - a connection to the hub: TCP, TLS on it, plaintext in and out, never blocking.
 *
 *     line_open(&l, &to);                 then, whenever poll says so:
 *     e = line_ready(&l, revents);        connects, shakes hands, reads
 *     while (line_next(&l, &bytes)) ...   what the peer said; answers go to l.out
 *     e = line_flush(&l);                 encrypts and sends l.out
 *
 * Runs on: one thread.
 * Life:    line_open() .. line_close(); storage is the caller's and does not move in between.  Bytes
 *          from line_next() are valid until the next call on any line.
 * Limits:  LINE_READ_MAX bytes per line_ready().
 * Errors:  final; ERR_CLOSED when the peer went away, else with a text that names the hub.
 */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include "base/buf.h"
#include "cli/dial.h"
#include "proto/tls/tls.h"

enum { LINE_READ_MAX = 64 << 10 };

/* Where to, resolved once for any number of lines. */
struct line_to {
    struct dial_addresses addresses; /* tried one after the other, until somebody listens */
    const char *name;                /* what the certificate must be for */
    unsigned port;                   /* for messages */
    struct tls_context *tls;         /* NULL: plain */
};

/* ERR_CLOSED: there is no such name, at present. */
enum err line_resolve(const char *host, unsigned port, struct line_to *out) MUST_USE;

struct line {
    int fd; /* -1: closed */
    bool connected;
    bool up;        /* the other side hears what is flushed */
    struct buf out; /* plaintext for the peer */
    /* ---- below: the line's */
    const struct line_to *to;
    size_t tried; /* addresses */
    struct tls tls;
    struct buf cipher;
    struct slice plain; /* read, without TLS, and not yet taken */
    enum err fate;      /* after what was read is taken */
};

enum err line_open(struct line *l, const struct line_to *to) MUST_USE;

/* What to poll for. */
short line_wants(const struct line *l);

enum err line_ready(struct line *l, short revents) MUST_USE;
bool line_next(struct line *l, struct slice *bytes);

/* Also says why line_next() will have nothing more. */
enum err line_flush(struct line *l) MUST_USE;

void line_close(struct line *l); /* again and again is fine */

#endif
