/* dial.h - connections that a core opens itself: to a name and port, with TLS or without.
 *
 *   dial() ─▶ name resolved ─▶ TCP ─▶ TLS up, name and chain checked ─▶ front->open() … front->closed()
 *                  └────────── any of it fails ──────────▶ failed(), once, never from inside dial()
 *
 * What is opened is a conn like any other (conn.h).  Names are resolved anew by every dial() (addresses
 * change), off the lane; addresses are tried one after the other, each with its share of the time.
 *
 * Runs on: the core's lane.
 * Life:    a dial is busy from dial() until failed() or front->open() is called; then it may be used again or
 *          freed, in failed() and open() already.  A core that is closed calls neither.
 * Limits:  DIAL_TIMEOUT_US for all of it; DIALS_MAX of a core under way, and as many names of it looked up:
 *          ERR_THROTTLED.  They count as connections of the process (net.h).
 * Errors:  ERR_TIMEOUT, ERR_NOT_FOUND (no such name), ERR_IO (refused, unreachable), ERR_DENIED (its certificate:
 *          the text says what is wrong with it), ERR_PROTOCOL (no TLS there), ERR_CLOSED (this server stops),
 *          ERR_INVALID (no name).  The text is for people and names host and port.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/conn.h"

#define DIAL_TIMEOUT_US (30 * 1000000ll)
enum {
    DIALS_MAX = 64,
    DIAL_HOST_MAX = 253, /* bytes of a name: RFC 1035 section 2.3.4 */
    DIAL_TEXT_MAX = 511,
};

struct dialer; /* of a core: core_dialer() in net.h; the simulator has its own */
struct tls_context;

struct dial_to {
    const char *host; /* copied */
    unsigned port;
    struct tls_context *tls; /* of a client; NULL: plain */
    const struct front *front;
    void *front_ctx; /* handed to front->open */
};

enum dial_state { DIAL_IDLE, DIAL_CONNECTING, DIAL_SHAKING, DIAL_FAILING };

/* Embedded in who waits, zeroed before its first use. */
struct dial {
    void (*failed)(struct dial *d, enum err e, const char *text);

    /* private */
    enum dial_state state;
    struct dialer *dialer;
    struct list node;
    struct timer timer; /* the time for all of it; failing: now */
    int64_t deadline_us;
    struct dial_to to;
    char host[DIAL_HOST_MAX + 1];
    void *attempt;     /* the transport's, while connecting */
    struct conn *conn; /* shaking */
    enum err why;
    char text[DIAL_TEXT_MAX + 1];
};

void dial(struct dialer *dr, const struct dial_to *to, struct dial *d);
void dial_forget(struct dial *d); /* neither open() nor failed(), please; fine in any state */

#endif
