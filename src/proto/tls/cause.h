/* cause.h - OpenSSL's error queue turned into a cause and a sentence. */
#ifndef PROTO_TLS_CAUSE_H
#define PROTO_TLS_CAUSE_H

#include "proto/tls/tls.h"

/* True if the bytes, one at least, may begin a TLS connection. */
bool tls_cause_looks_like_tls(struct slice first);

/* Sets fail_text() and fills cause and alert; empties the error queue. */
void tls_cause_not_tls(struct slice first, struct tls_event *ev);
void tls_cause_alert(uint8_t number, struct tls_event *ev); /* the peer sent it */
void tls_cause_take(const struct ssl_st *ssl, struct tls_event *ev);

/* fail() with `what` and the text of OpenSSL's latest error; empties the error queue. */
enum err tls_cause_fail(enum err code, const char *what);

#endif
