/* records.h - an open TLS 1.3 connection of a server, without OpenSSL's connection object.
 *
 * The handshake is OpenSSL's.  When it is done, records_take_over() takes keys, counts and what is asked for
 * later, and drops the SSL object: the rest of a connection's life is records, alerts and
 * KeyUpdate.  TLS 1.2, the client role and suites that are not ours stay with OpenSSL. */
#ifndef PROTO_TLS_RECORDS_H
#define PROTO_TLS_RECORDS_H

#include "proto/tls/tls.h"
#include "proto/tls/traffic.h"

struct records {
    struct traffic read, write;
    uint32_t write_left; /* records under the key of `write` */
    struct buf tail;     /* of a record whose end has not come */
    char *sni;           /* or NULL */
    uint16_t fragment_max;
    uint8_t key_updates; /* since the last data */
};

/* After the handshake, whose last call appended `last` to the output.  Does nothing where OpenSSL has to
 * go on. */
void records_take_over(struct tls *t, struct slice last);

/* True: records_take_over() did. */
static inline bool records_own(const struct tls *t)
{
    return t->ssl == NULL && t->records != NULL;
}

void records_free(struct records *r); /* also one that never took over, or NULL */

/* As tls_next(), tls_send() and tls_close() when records_own(). */
bool records_next(struct tls *t, struct tls_event *ev);
enum err records_send(struct tls *t, struct slice bytes) MUST_USE;
void records_close(struct tls *t);

const char *records_sni(const struct records *r);

#endif
