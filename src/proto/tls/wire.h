/* wire.h - OpenSSL's view of the network: a BIO that reads the fed slice and writes to `out`.
 *
 * All connections of a thread share one BIO object.  What it reads and writes belongs to the
 * connection that tls_wire_use() named last, so every call into OpenSSL is preceded by one.  It also
 * empties the thread's error queue, which is OpenSSL's condition for telling "more bytes" from an
 * error; somebody else on this thread may have left something there. */
#ifndef PROTO_TLS_WIRE_H
#define PROTO_TLS_WIRE_H

#include "proto/tls/tls.h"

void tls_wire_attach(struct ssl_st *ssl); /* gives the SSL this thread's BIO for both directions */
void tls_wire_use(struct tls *t);
struct tls *tls_wire_current(void); /* for callbacks out of OpenSSL */

#endif
