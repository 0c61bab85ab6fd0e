/* stack.h - the part of a connection that knows no sockets: TLS, output, closing.  Private to net/
 * and to the simulator, which has a transport of its own.
 *
 * A transport delivers received bytes with conn_received(), says with conn_progress() that some of what it
 * kept has gone out and with conn_writable() that all has, and ends a connection with conn_gone().
 *
 *   opening ──TLS up──▶ open ──conn_close()──▶ closing ──all sent──▶ shut ──conn_gone()──▶ freed
 *                         └──the peer says no more, nothing is owed──▲
 */
#ifndef NET_STACK_H
#define NET_STACK_H

#include "net/conn.h"
#include "net/guard.h"
#include "proto/tls/tls.h"
#include "proto/ws/ws.h"

enum { CONN_PEER_MAX = 56 }; /* "[IPv6]:PORT" and NUL */

struct transport {
    /* Sends now what fits; keeps a copy of the rest and calls conn_writable() when that is out. */
    void (*write)(struct conn *c, struct slice bytes);
    size_t (*waiting)(const struct conn *c); /* bytes kept by write() */
    void (*pause)(struct conn *c);
    void (*resume)(struct conn *c);
    void (*shut)(struct conn *c, bool abort); /* conn_gone() follows, never from inside */

    /* Another number whenever the peer has taken some of what left us, asked only while bytes wait.  NULL: that
     * is not known. */
    uint64_t (*taken)(const struct conn *c);

    /* The address of ours that the peer reached, without a port, or "".  NULL: there are none. */
    void (*here)(const struct conn *c, char out[CONN_PEER_MAX]);
};

/* What the connections of a core share. */
struct conn_host {
    struct lane *lane;
    struct turn_hook flush;
    struct list dirty;    /* connections with output to send this turn */
    struct list relieved; /* connections whose front may go on writing, next turn */
    bool resuming;        /* a message to ourselves about `relieved` is under way */
    struct buf cipher;    /* where TLS engines write; empty between calls */
    struct buf frames;    /* the same for WebSocket engines */
    struct ws_spare spare;
    struct guard guard;        /* of the addresses that connections come from */
    bool unguarded;            /* nobody is barred */
    struct lane *const *cores; /* who is told of a proof: all, `lane` among them; NULL: nobody */
    unsigned core_count;
    struct conn_watch watch; /* .failed NULL: nobody */
    struct slice fed;        /* during conn_received(): what came */
};

enum { NET_RESUME = POST_NET, NET_RESOLVED, NET_PROVED };

enum conn_state { CONN_OPENING, CONN_OPEN, CONN_CLOSING, CONN_SHUT };

struct conn {
    struct conn_host *host;
    const struct transport *transport;
    const struct front *front;
    void *front_ctx; /* the listener's, until open; then the front's own state */
    struct tls tls;  /* unused when plain */
    struct x509_facts *peer_certificate; /* or NULL */
    struct dial *dial;                   /* that waits for TLS to be up; NULL: none */
    bool encrypted;
    struct ws *ws;   /* after an upgrade */
    struct buf out;  /* plaintext from the front */
    struct buf wire; /* ciphertext (or plaintext) that waits for the transport */
    struct list dirty, relieved;
    struct timer timer; /* handshake, later stall */
    int64_t taken_us;   /* when it was first seen that the peer had taken `taken` */
    uint64_t taken;
    enum conn_state state;
    enum err why;    /* given to front->closed */
    bool front_open; /* front->closed is owed */
    bool paused;     /* by the front */
    bool choked;     /* by ourselves: too much output waits */
    bool owes_drained, admin;
    bool goodbye; /* all is sent, the peer's Close is awaited */
    bool deaf;    /* the peer says no more */
    bool dialed;  /* by us */
    bool heard;   /* the front got something */
    uint16_t local_port;
    struct guard_key address; /* all zero: a Unix socket, one that we dialed */
    char peer[CONN_PEER_MAX];
};

void conn_host_init(struct conn_host *h, struct lane *lane);
void conn_host_fini(struct conn_host *h);

/* Storage is the transport's.  `tls` NULL: plain. */
void conn_init(struct conn *c, struct conn_host *h, const struct transport *t,
               const struct front *front, void *front_ctx, struct tls_context *tls);
void conn_begin(struct conn *c, int64_t now_us); /* plain: opens the front at once */

/* Instead, for one that we dialed: `tls` of a client or NULL; the dial bounds the handshake. */
void conn_begin_client(struct conn *c, struct tls_context *tls, const char *host, int64_t now_us);

void conn_received(struct conn *c, struct slice bytes, int64_t now_us);
void conn_progress(struct conn *c,
                   int64_t now_us); /* writes nothing: the transport keeps bytes still */
void conn_writable(struct conn *c, int64_t now_us);
void conn_said_all(struct conn *c,
                   int64_t now_us);             /* the peer says no more, and may still listen */
void conn_ended(struct conn *c, enum err why);  /* the peer is gone or the transport failed */
void conn_gone(struct conn *c, int64_t now_us); /* the transport is closed: tells the front */

/* ---- for the layers of a connection */

void conn_send_plain(struct conn *c, struct slice bytes); /* encrypted if need be */
size_t conn_waiting(const struct conn *c);                /* for the transport */
void conn_finish(struct conn *c, enum err why);           /* as conn_close(), for another reason */

#endif
