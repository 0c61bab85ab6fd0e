/* out.h - HTTP requests that the server itself makes: webhooks, other hubs.
 *
 *   any lane ──out_send()──▶ lane "out": waits for its host's turn ─▶ is carried ─▶ the answer
 *
 * A host that is slow or dead takes a part of the room, never all of it: what goes to other hosts is
 * carried meanwhile.  Redirects are not followed, answers are not decompressed, and nothing but https
 * is spoken; the peer's certificate is judged by the system's CAs, or by those of --outgoing-ca.
 *
 * Runs on: a lane of its own, whose carrier may block in poll.  The verbs are called on any lane that
 *          was attached; each answer comes to the wait there, once, unless it was forgotten.
 * Life:    out_new() before the lanes run; out_free() after they stopped.
 * Limits:  the constants below, and what the caller gives with a request.
 */
#ifndef OUT_OUT_H
#define OUT_OUT_H

#include "post/post.h"

enum {
    OUT_URL_MAX = 4096,          /* bytes: ERR_INVALID */
    OUT_HEADERS_MAX = 8,         /* of a request */
    OUT_BODY_MAX = 1 << 20,      /* of a request: ERR_TOO_BIG */
    OUT_ANSWER_MAX = 1 << 20,    /* of an answer, if the caller does not want less: ERR_TOO_BIG */
    OUT_HEAD_MAX = 64 << 10,     /* of an answer's headers: ERR_TOO_BIG */
    OUT_CALLS_MAX = 8192,        /* that wait or are carried: ERR_THROTTLED */
    OUT_HOST_CALLS_MAX = 2048,   /* of them to one host: ERR_THROTTLED */
    OUT_CARRIED_MAX = 256,       /* at a time; the others wait */
    OUT_HOST_CARRIED_MAX = 32,   /* of them to one host */
    OUT_TIMEOUT_MS_MAX = 120000, /* that a caller may ask for */
};

struct out;
struct out_carrier; /* carrier.h */

struct out *out_new(struct lane *lane, const struct out_carrier *carrier);
void out_free(struct out *o); /* NULL is fine */

/* Once per lane that asks. */
void out_attach(struct lane *lane);

struct out_header {
    struct slice name, value;
};

struct out_request {
    const char *method;
    struct slice url;
    struct out_header headers[OUT_HEADERS_MAX]; /* up to the first without a name */
    struct slice body;                          /* ptr NULL: none */
    unsigned timeout_ms;                        /* with the time that it waits */
    uint32_t answer_max;                        /* bytes; 0: OUT_ANSWER_MAX */
};

/* OK: an answer came, whatever its status.  Else there was none: ERR_INVALID (the address),
 * ERR_THROTTLED (not sent), ERR_DENIED (the peer's certificate), ERR_TIMEOUT, ERR_CLOSED, ERR_TOO_BIG. */
struct out_answer {
    enum err err;
    const char *text; /* why not */
    unsigned http;
    struct slice head; /* lines "Name: value", borrowed */
    struct slice body; /* likewise */
};

/* The value of a header, of the first one of that name; SLICE_NONE: there is none. */
struct slice out_answer_header(const struct out_answer *a, const char *name);

struct out_wait {
    void (*fn)(struct out_wait *w, const struct out_answer *a);
    struct addr slot;
};

/* The request is copied. */
void out_send(struct out *o, struct lane *lane, const struct out_request *r, struct out_wait *w);
void out_forget(struct lane *lane, struct out_wait *w);

/* The host and port of an address, for log and messages; empty: it is not https. */
struct slice out_url_host(struct slice url);

#endif
