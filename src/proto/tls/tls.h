/* tls.h - TLS 1.2 and 1.3 as a sans-IO engine on OpenSSL, server and client role.
 *
 * Ciphertext goes in by tls_feed(), events come out of tls_next(), ciphertext for the peer is
 * appended to the `out` that the engine was given.  OpenSSL reads straight from the fed slice and
 * writes straight to `out`: there is no memory BIO and no descriptor.  A server's TLS 1.3 connection
 * gives up its SSL object when the handshake is done and goes on by itself (records.h): an idle one
 * owns two cipher contexts (README.md has the count of bytes).
 *
 * Runs on: the thread that feeds it.  A context may be used by many threads at once.
 * Life:    tls_init_*() .. tls_fini(); storage is the caller's.  The fed slice must stay valid until
 *          tls_next() returns false.  A TLS_DATA slice lies in a buffer shared by all connections of
 *          the thread: it is valid until the next tls_next() on that thread.
 * Limits:  see the constants; how many handshakes run per turn and how long one may take is the
 *          caller's business.
 *
 *     tls_feed(&t, bytes);
 *     while (tls_next(&t, &ev))
 *         switch (ev.kind) { ... }
 */
#ifndef PROTO_TLS_H
#define PROTO_TLS_H

#include <stdbool.h>

#include "base/buf.h"

struct ssl_st;
struct tls_context;
struct records;

enum {
    TLS_RECORD_MAX = 16 << 10,       /* plaintext of one record: RFC 8446 section 5.1 */
    TLS_CLIENT_CHAIN_MAX = 32 << 10, /* bytes of a client's certificate message */
    TLS_TICKET_LIFE_S = 12 * 3600,   /* how often the caller replaces a context to rotate its key */
    TLS_IDENTITIES_MAX = 4,
    TLS_KEY_RECORDS_MAX =
        1 << 24, /* sent under one key of TLS 1.3 (RFC 8446 section 5.5), then the next */
    TLS_KEY_UPDATES_MAX = 32, /* of the peer's with no data between them */
};

/* ---- contexts: immutable snapshots, replaced whole ---- */

/* A certificate chain (leaf first) with its key, as PEM text. */
struct tls_identity {
    struct slice chain_pem, key_pem;
    const char *passphrase; /* of the key; NULL: an encrypted one is refused */
};

struct tls_server_config {
    const struct tls_identity *identities; /* at most one per kind of key (ECDSA, RSA) */
    size_t identity_count;
    const char *alpn;     /* chosen when the client offers it ("http/1.1"); NULL: ALPN is ignored */
    bool ask_client_cert; /* requested, never required; not from clients that offer h2 by ALPN
                             (browsers do and would pop up a dialogue, device SDKs do not) */
    struct ossl_lib_ctx_st *library; /* OpenSSL's, to read certificates in; NULL: the default */
};

/* A server context.  `previous` is the one it replaces, or NULL: tickets that it gave out are still
 * accepted (its own, not those of its predecessor), so calling this every TLS_TICKET_LIFE_S rotates
 * the ticket key.  ERR_INVALID with a fail_text() when a certificate or key is not usable. */
enum err tls_server_context(const struct tls_server_config *config,
                            const struct tls_context *previous, struct tls_context **out) MUST_USE;

/* A client context that trusts the certificates in `ca_pem`, or the system's if that is empty. */
enum err tls_client_context(struct slice ca_pem, struct tls_context **out) MUST_USE;

/* The certificate that a client context's connections show to who asks for one; before the first
 * of them.  ERR_INVALID with a fail_text(). */
enum err tls_client_show(struct tls_context *ctx, const struct tls_identity *identity) MUST_USE;

struct tls_context *tls_context_ref(struct tls_context *ctx); /* from any thread */
void tls_context_drop(struct tls_context *ctx);               /* NULL is fine */

/* ---- connections ---- */

enum tls_state { TLS_SHAKING, TLS_OPEN, TLS_OVER };

struct tls {
    struct ssl_st *
        ssl; /* NULL until a server has the client's first record, and once `records` has taken over */
    struct records *records; /* or NULL */
    struct tls_context *ctx;
    struct buf *out;
    struct slice in; /* fed and not yet read; borrowed from the caller of tls_feed() */
    union {
        struct buf
            hello; /* what a server has of the client's first record, until there is all of it */
        struct buf shown; /* then the client's certificates in DER, leaf first */
    };
    struct x509_st *leaf; /* the first of them, as OpenSSL has it */
    enum tls_state state; /* of reading */
    bool greeted;         /* the client has said its first record */
    bool can_send;
    bool has_shown; /* the client showed a certificate, whoever has it now */
};

enum tls_event_kind {
    TLS_HANDSHAKE_DONE,
    TLS_DATA,   /* data: the content of one record, at most TLS_RECORD_MAX */
    TLS_CLOSED, /* the peer sent close_notify; answer what is left, tls_close(), hang up */
    TLS_FAILED, /* cause, alert, fail_text(); send what `out` holds and hang up */
};

/* Why a connection failed: the stable part of a diagnosis. */
enum tls_cause {
    TLS_CAUSE_NONE,
    TLS_CAUSE_NOT_TLS,   /* the first bytes are no TLS record; nothing was answered */
    TLS_CAUSE_VERSION,   /* the peer speaks only versions below 1.2 */
    TLS_CAUSE_NO_COMMON, /* no cipher suite, group or signature algorithm in common */
    TLS_CAUSE_ALERT,    /* the peer gave up: `alert` has its number (48: it does not know our CA) */
    TLS_CAUSE_CERT,     /* client role: chain or host name refused */
    TLS_CAUSE_RECORD,   /* a record failed authentication */
    TLS_CAUSE_PROTOCOL, /* anything else that breaks the rules */
    TLS_CAUSES
};

struct tls_event {
    enum tls_event_kind kind;
    struct slice data;
    enum tls_cause cause;
    uint8_t alert;
    bool too_much; /* TLS_FAILED: more came than a limit allows */
};

void tls_init_server(struct tls *t, struct tls_context *ctx, struct buf *out);

/* Writes the ClientHello to `out`.  `host` (a name or an address) is what the certificate must be
 * for; a name is also sent as SNI. */
void tls_init_client(struct tls *t, struct tls_context *ctx, struct buf *out, const char *host);

void tls_fini(struct tls *t);

/* Ciphertext from the peer; call tls_next() until it returns false before feeding again. */
void tls_feed(struct tls *t, struct slice bytes);
bool tls_next(struct tls *t, struct tls_event *ev);

/* Forgets what was fed and not read, for a caller that wants no more events; reading ends here. */
void tls_stop_reading(struct tls *t);

/* Plaintext for the peer, any length.  ERR_CLOSED before TLS_HANDSHAKE_DONE, after tls_close() and
 * after TLS_FAILED. */
enum err tls_send(struct tls *t, struct slice bytes) MUST_USE;

/* Sends close_notify; reading may go on.  Harmless when repeated or when there is no session. */
void tls_close(struct tls *t);

/* The name the client asked for, or NULL; borrowed until tls_fini(). */
const char *tls_sni(const struct tls *t);

/* The certificates that the client showed, in DER one behind the other, leaf first; `out` owns them
 * from here, and is empty if there are none.  The client has proven that it owns the leaf's key;
 * nothing else about them was checked. */
void tls_take_client_chain(struct tls *t, struct buf *out);

/* The leaf as OpenSSL has read it in the library context of the server's contexts, X509_free() it; NULL:
 * there is none, or it has been taken. */
struct x509_st *tls_take_client_leaf(struct tls *t);

const char *tls_version(const struct tls *t); /* "TLSv1.3", of a greeted server */
/* When the certificate ends that a server has sent, wall seconds; 0: it has sent none yet, or the handshake is
 * over. */
int64_t tls_own_until_s(const struct tls *t);
const char *tls_cause_name(enum tls_cause cause);

#endif
