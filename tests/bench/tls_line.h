/* tls_line.h - connections over TLS 1.3: the engine of OpenSSL over lines.h, and a certificate for each device, of
 * a production line whose key is here.
 *
 * Runs on: one thread.  Whatever goes wrong ends the program with a word on stderr. */
#ifndef BENCH_TLS_LINE_H
#define BENCH_TLS_LINE_H

#include <openssl/ssl.h>

#include "lines.h"

struct tls_line {
    struct line line;
    SSL *ssl;
    bool open;                          /* the handshake is done */
    void (*opened)(struct tls_line *t); /* when it is */
    void (*heard)(struct tls_line *t, struct slice text);
};

/* Whose certificates devices show: FOLDER/line.pem and line.key; NULL: they show none. */
void tls_prepare(const char *folder);

/* `name`: the common name of the certificate. */
void tls_open(struct tls_line *t, unsigned port, const char *name);
void tls_say(struct tls_line *t, struct slice text);
void tls_close(struct tls_line *t);

#endif
