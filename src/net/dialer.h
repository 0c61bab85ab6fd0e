/* dialer.h - who carries out what dial() asks for: a core with sockets, or another transport.  Private to
 * net/ and to those who have a transport of their own.
 *
 *   idle ──dial()──▶ connecting ──dial_connected()──▶ shaking ──TLS up──▶ idle, front->open()
 *                        └─dial_failed()─▶ failing ◀──────┘
 *                                             └──next turn──▶ idle, failed()
 */
#ifndef NET_DIALER_H
#define NET_DIALER_H

#include "net/dial.h"
#include "net/stack.h"

struct dialer {
    struct conn_host *host;

    /* Finds the host; dial_connected() or dial_failed() follow, from inside, too. */
    void (*connect)(struct dialer *dr, struct dial *d, int64_t now_us);

    /* Neither of them any more, please.  Only while connecting. */
    void (*stop)(struct dialer *dr, struct dial *d);

    struct list dials; /* under way */
    unsigned count;
    bool closed; /* new ones fail */
};

void dialer_init(struct dialer *dr, struct conn_host *host);

/* The server stops: who waits is told, and nobody is served any more; or not even told. */
void dialer_drain(struct dialer *dr);
void dialer_close(struct dialer *dr);

/* There is a stream; `c` has been through conn_init() with the dial's front and without TLS. */
void dial_connected(struct dial *d, struct conn *c, int64_t now_us);

/* `fmt` goes on after "host:port ". */
void dial_failed(struct dial *d, enum err e, const char *fmt, ...) PRINTF(3, 4);

/* ---- for conn.c */

void dial_opened(struct dial *d); /* TLS is up */
void dial_note(struct dial *d, enum err e, const char *fmt, ...)
    PRINTF(3, 4);               /* why it will not be */
void dial_lost(struct dial *d); /* the connection is gone before */

#endif
