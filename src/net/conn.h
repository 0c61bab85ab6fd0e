/* conn.h - one connection: a byte stream with a protocol on it, owned by the core that made it.
 *
 * A conn stacks TLS (when the listener has it), and WebSocket after an upgrade, under a front.  The front gets plaintext and writes
 * plaintext to conn_out(); at the end of the turn what was written is encrypted and sent with one
 * write.  An idle connection owns no buffer.  The transport below is a socket in the product and a
 * virtual network in the simulator.
 *
 * Runs on: the core's lane, everything.
 * Life:    net makes the conn and calls front->open once TLS is up; front->closed is called exactly
 *          once, last of all; after it the front must not touch the conn.
 * Limits:  CONN_OUT_SOFT bytes waiting: conn_congested(), the front stops pulling and goes on in
 *          front->drained, and the peer is not read until half of it has gone; CONN_STALL_US without the peer reading any of it: closed ERR_TIMEOUT.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "post/post.h"

enum {
    CONN_READ_MAX = 64 << 10,  /* bytes taken from one connection per turn */
    CONN_OUT_SOFT = 256 << 10, /* bytes waiting to be sent */
};
#define CONN_STALL_US (30 * 1000000ll)
#define CONN_STALL_LOOK_US                                                                         \
    (1 * 1000000ll) /* so often is looked whether a peer reads that is behind */
#define CONN_HANDSHAKE_US (30 * 1000000ll) /* TLS must be done by then */
#define CONN_GOODBYE_US   (5 * 1000000ll)  /* WebSocket: the peer's Close is awaited that long */
#define CONN_OWED_US      (10 * 1000000ll) /* who says no more is still owed answers that long */

struct conn;
struct x509_facts;

/* Why a connection that was accepted never came to its front, or said nothing there. */
struct conn_failure {
    unsigned cause;      /* enum tls_cause (proto/tls); TLS_CAUSE_NONE: the peer left in silence */
    unsigned alert;      /* of TLS_CAUSE_ALERT */
    const char *text;    /* what is wrong */
    struct slice bytes;  /* what it sent last, borrowed */
    int64_t own_until_s; /* when the certificate ends that it was sent; 0: not known */
    const char *here;    /* the address of ours that it reached, "": not known; borrowed */
};

/* Who is told of it, on the connection's core.  For people: nothing depends on it. */
struct conn_watch {
    void (*failed)(void *ctx, const struct conn *c, const struct conn_failure *f);
    void *ctx;
};

struct front {
    const char *name; /* "mqtt", "amqp", "http" */

    /* Inside WebSocket frames: messages of text, each with WS_TEXT_END (proto/ws/ws.h) behind it in what
     * is fed and what is put out.  Else one stream of bytes in binary frames. */
    bool text;

    /* A new connection.  Returns the front's own state, handed to every call below. */
    void *(*open)(struct conn *c, void *listener_ctx, int64_t now_us);

    /* Plaintext from the peer, borrowed for the call; all of it is consumed. */
    void (*feed)(void *self, struct slice bytes, int64_t now_us);

    /* Answers to what the peer has said are on their way.  Asked when it says no more (close_notify, FIN) and may
     * wait for them: the connection ends when there are none, or after CONN_OWED_US.  NULL: there never are any. */
    bool (*owes)(const void *self);

    /* Less than half of CONN_OUT_SOFT waits, after conn_congested() was true.  May be NULL. */
    void (*drained)(void *self, int64_t now_us);

    /* The connection is gone: free `self`.  OK: we closed it; ERR_CLOSED: the peer did; ERR_TIMEOUT,
     * ERR_IO, ERR_PROTOCOL (TLS): as named. */
    void (*closed)(void *self, enum err why, int64_t now_us);
};

/* Where to append output for the peer; sent at the end of the turn. */
struct buf *conn_out(struct conn *c);

/* The same buf, for engines that are given it once and for all: whoever lets an engine write calls
 * conn_out() in the same turn. */
struct buf *conn_buffer(struct conn *c);

/* Too much output waits.  Whoever was told so is called back by front->drained. */
bool conn_congested(struct conn *c);

/* No more input is delivered; output written so far is sent, then the connection is closed and
 * front->closed(OK) follows, never from inside this call. */
void conn_close(struct conn *c);

/* As conn_close(), but what waits is dropped (RST where the transport can). */
void conn_abort(struct conn *c);

/* Back-pressure towards the peer: bytes of the current turn may still be delivered after a pause. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* The upgrade: from now on the peer's bytes are WebSocket frames, and what is in them is `front`'s,
 * which is opened here.  What was written so far goes out bare; `rest` has come already.  The old
 * front's `closed` is not called, and the new one's not before this returns. */
void conn_upgrade(struct conn *c, const struct front *front, void *listener_ctx, struct slice rest,
                  int64_t now_us);

/* The front passes the connection on: what comes is `front`'s from now on, with its own state `self`.
 * The old front's `closed` is not called. */
void conn_pass(struct conn *c, const struct front *front, void *self);

struct lane *conn_lane(const struct conn *c);
const char *conn_peer(const struct conn *c);       /* "127.0.0.1:40312" */
const char *conn_local_name(const struct conn *c); /* SNI the client sent, or "" */
unsigned conn_local_port(const struct conn *c);    /* the listener's; 0: a Unix socket */
bool conn_encrypted(const struct conn *c);
bool conn_in_websocket(const struct conn *c);
bool conn_is_socket_admin(const struct conn *c); /* came over DIR/azimuth.sock */

/* What the peer showed was refused, or somebody was let in with it: who only fails is not accepted for a
 * while (guard.h).  Whoever judges says so, once for each login. */
void conn_login_failed(struct conn *c);
void conn_login_good(struct conn *c);

/* The certificate that the client showed (auth/x509.h), borrowed until front->closed; NULL: none.
 * The client owns its key; whether anybody trusts it is for the front to find out. */
const struct x509_facts *conn_peer_certificate(const struct conn *c);

#endif
