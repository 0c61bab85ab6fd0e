/* session.h - who has signed in, one-time links, and who fails to.  Private to front/console.
 *
 *   link or connection string ──right──▶ session ──unused, old, or its key made anew──▶ over
 *            └──wrong──▶ counted; too many from one address: refused for a minute
 *
 * All of it lives in memory: a restart signs everybody out.  Secrets are compared in constant time.
 * Whether a session is over is asked anew whenever it is looked for.
 *
 * Runs on: the lane of the console.  Time is the monotonic clock's.
 */
#ifndef FRONT_CONSOLE_SESSION_H
#define FRONT_CONSOLE_SESSION_H

#include "auth/auth.h"
#include "base/buf.h"
#include "base/strikes.h"

enum {
    SESSIONS_MAX = 64,              /* the one that was unused longest makes room */
    SESSION_LINKS_MAX = 16,         /* the oldest makes room */
    SESSION_ADDRESSES_MAX = 64,     /* that failed lately; the one unheard of for longest goes */
    SESSION_PROOFS_MAX = 1024,      /* somebody signed in from there; likewise */
    SESSION_NAMES_MAX = 256,        /* of users; likewise */
    SESSION_FAILURES_MAX = 10,      /* of an address within SESSION_FAILURES_US */
    SESSION_NAME_FAILURES_MAX = 20, /* of a user's name, from wherever */
    SESSION_SECRET_LEN = 64,        /* 32 random bytes in hex */
    SESSION_NAME_MAX = 80,
    SESSION_ADDRESS_LEN = 55,
    SESSION_SUBJECT_LEN = 32,
};
#define SESSION_IDLE_US     (12 * 3600ll * 1000000)
#define SESSION_LIFE_US     (7 * 24ll * 3600 * 1000000)
#define SESSION_LINK_US     (3600 * 1000000ll)
#define SESSION_FAILURES_US (60 * 1000000ll)
#define SESSION_PROVED_US                                                                          \
    (24 * 3600ll * 1000000) /* who signed in from there is not shut out by what strangers try */

struct session_secret {
    char text[SESSION_SECRET_LEN + 1];
};

struct console_session {
    struct session_secret id, csrf; /* id[0] NUL: free */
    char name[SESSION_NAME_MAX + 1];
    char address[SESSION_ADDRESS_LEN + 1]; /* where it began */
    unsigned rights;
    const struct policy *policy;          /* by which one, as it was then; NULL: by none */
    unsigned key;                         /* of its keys */
    uint64_t user;                        /* the edition of a local user (hub/user); 0: none */
    uint8_t subject[SESSION_SUBJECT_LEN]; /* SHA-256 of whom a provider means; zeros: nobody */
    uint64_t number;                      /* of each one another: a live link remembers it */
    int64_t until_us; /* at the latest; at the beginning 0: after SESSION_LIFE_US */
    int64_t began_us, used_us;
};

struct session_table {
    /* Is what the session was begun with still good?  NULL: it is. */
    bool (*stands)(const void *ctx, const struct console_session *s);
    const void *stands_ctx;
    struct console_session items[SESSIONS_MAX];
    struct {
        struct session_secret secret;
        int64_t made_us;
    } links[SESSION_LINKS_MAX];
    struct strikes addresses, proofs, names; /* proofs apart: no failure makes one go */
    uint64_t last_number;
};

void session_secret_make(struct session_secret *s);

void console_sessions_init(struct session_table *t);
void console_sessions_fini(struct session_table *t); /* and wipes it */

/* `as`: its name, its rights, and what it rests on. */
struct console_session *console_session_begin(struct session_table *t,
                                              const struct console_session *as, int64_t now_us);
void console_session_end(struct session_table *t, struct console_session *s);

bool console_session_is_free(const struct console_session *s);

/* Ends those that are over. */
void console_sessions_sweep(struct session_table *t, int64_t now_us);

/* Are both the same one's: a user's, of who has a policy's key, of whom a provider means?  A one-time link is nobody's. */
bool console_session_is_akin(const struct console_session *a, const struct console_session *b);

/* NULL: there is none, or it is over.  It counts as used. */
struct console_session *console_session_find(struct session_table *t, struct slice id,
                                             int64_t now_us);

/* Likewise, without using it. */
struct console_session *console_session_numbered(struct session_table *t, uint64_t number,
                                                 int64_t now_us);

/* That session, if it stands on the edition `from` of a user, stands on `to` with these rights; so it does not end. */
void console_session_rebase(struct session_table *t, uint64_t number, uint64_t from, uint64_t to,
                            unsigned rights);

/* A link that opens once. */
const struct session_secret *console_link_make(struct session_table *t, int64_t now_us);
bool console_link_take(struct session_table *t, struct slice secret, int64_t now_us);

/* May somebody at "ADDRESS:PORT" try?  Of IPv6 the first 64 bits count (net_network()).  `user`: whose name he gives, in small letters; empty: nobody's. */
bool console_may_try(struct session_table *t, const char *peer, struct slice user, int64_t now_us);
void console_failed(struct session_table *t, const char *peer, struct slice user, int64_t now_us);
void console_proved(struct session_table *t, const char *peer, int64_t now_us);

#endif
