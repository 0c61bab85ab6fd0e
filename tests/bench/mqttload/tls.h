/* tls.h - TLS over a connection's socket, with --tls. */
#ifndef MQTTLOAD_TLS_H
#define MQTTLOAD_TLS_H

#include <stdbool.h>
#include <sys/types.h>

struct conn;

void tls_init(void);

void tls_begin(struct conn *k);            /* sets k->ssl */
bool tls_shake_hands(struct conn *k);      /* as far as it goes now; true: it is done */
void tls_keep_session(struct conn *k);     /* for the next tls_begin() */
void tls_end(struct conn *k, bool failed); /* unless it failed the server is told */

/* Bytes; 0: it would block; -1: the connection is gone. */
ssize_t tls_write(struct conn *k, const char *p, size_t n);
ssize_t tls_read(struct conn *k, char *to, size_t room);

#endif
