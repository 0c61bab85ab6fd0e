/* http1.h - HTTP/1.1 as a sans-IO engine, server role, on llhttp.
 *
 * Bytes go in by http1_feed(), events come out of http1_next(), answers are appended to the `out`
 * that the engine was given.  One request at a time: while one waits for its answer, pipelined ones
 * stay unread, so answers are in order by construction.
 *
 * Runs on: the thread that feeds it.
 * Life:    http1_new() .. http1_free().  The fed slice must stay valid until http1_next() returns
 *          false or http1_keep(); what was not parsed by then is copied.  A request and its header slices are valid
 *          until its answer is complete, an HTTP1_BODY slice until the next http1_next().
 * Limits:  the constants below.  What breaks one becomes an HTTP1_BAD event with the status to
 *          answer; so does every shape that could make two parsers disagree (README.md).
 * Errors:  none by return value; misuse is an assertion.
 *
 *     http1_feed(h, bytes, now);
 *     while (http1_next(h, &ev))
 *         switch (ev.kind) { ... http1_send_response(h, &response, now); ... }
 *     if (http1_finished(h)) conn_close(c);
 */
#ifndef PROTO_HTTP1_H
#define PROTO_HTTP1_H

#include "base/buf.h"

enum {
    HTTP1_LINE_MAX = 16 << 10,      /* request line: 414 */
    HTTP1_HEADERS_MAX = 64 << 10,   /* all header lines together: 431 */
    HTTP1_HEADER_COUNT_MAX = 100,   /* 431 */
    HTTP1_BODY_MAX = 8 << 20,       /* default of http1_config.body_max: 413 */
    HTTP1_FRAMING_MAX = 8 << 10,    /* chunk lines or trailers without any body between: 400 */
    HTTP1_DISCARD_MAX = 64 << 10,   /* body left unread by an early answer: more closes */
    HTTP1_AHEAD_MAX = 128 << 10,    /* bytes of later requests while one waits: closed */
    HTTP1_BODY_PROGRESS_MIN = 8192, /* bytes of body per HTTP1_BODY_US, or 408 */
};
#define HTTP1_HEAD_US (30 * 1000000ll)  /* from its first byte a head is complete by then: 408 */
#define HTTP1_BODY_US (30 * 1000000ll)  /* see HTTP1_BODY_PROGRESS_MIN */
#define HTTP1_IDLE_US (120 * 1000000ll) /* without a request: closed */

/* Which of them a connection met; as bits, see http1_limits_met(). */
enum http1_limit {
    HTTP1_LIMIT_LINE,
    HTTP1_LIMIT_HEADERS,
    HTTP1_LIMIT_BODY,
    HTTP1_LIMIT_FRAMING,
    HTTP1_LIMIT_AHEAD,
    HTTP1_LIMITS,
};

struct http1;

struct http1_config {
    struct buf *out;
    uint64_t body_max; /* 0: HTTP1_BODY_MAX */
};

struct http1_header {
    struct slice name, value;
};

struct http1_request {
    struct slice method;      /* "GET": upper case as on the wire */
    struct slice target;      /* as on the wire */
    struct slice path, query; /* of the target, still percent-encoded; query without '?' */
    const struct http1_header *headers;
    size_t header_count;
    uint64_t content_length; /* 0 when there is none or the body is chunked */
    bool chunked;
    bool keep_alive;      /* what the client wishes */
    struct slice upgrade; /* the Upgrade header if Connection says so, e.g. "websocket" */
};

enum http1_event_kind {
    HTTP1_HEAD, /* request; may be answered at once, the body is then discarded */
    HTTP1_BODY, /* data; never empty */
    HTTP1_END,  /* the request is complete, answer it if you have not */
    HTTP1_BAD,  /* answer with `status` if http1_awaits_answer(), nothing else will be read */
    HTTP1_IDLE, /* nothing is going on for too long: hang up */
};

struct http1_event {
    enum http1_event_kind kind;
    const struct http1_request *request;
    struct slice data;
    int status;
    const char *reason; /* HTTP1_BAD: what is wrong, for people */
};

struct http1_response {
    int status;
    const char *content_type; /* NULL: none */
    const struct http1_header *headers;
    size_t header_count;
    struct slice body;
    bool has_length; /* http1_begin_response(): so many bytes follow */
    uint64_t length;
    bool close; /* no further request on this connection */
};

struct http1 *http1_new(const struct http1_config *config, int64_t now_us);
void http1_free(struct http1 *h); /* NULL is fine */

void http1_feed(struct http1 *h, struct slice bytes, int64_t now_us);
bool http1_next(struct http1 *h, struct http1_event *ev);

/* Instead of pulling on: what is unread is copied, http1_next() goes on with it later. */
void http1_keep(struct http1 *h);

/* When to call http1_tick() and then http1_next(); INT64_MAX while we owe the answer. */
int64_t http1_deadline(const struct http1 *h);
void http1_tick(struct http1 *h, int64_t now_us);

/* After HTTP1_HEAD: a body over `max` bytes becomes HTTP1_BAD 413. */
void http1_limit_body(struct http1 *h, uint64_t max);

/* Unread bytes wait behind an unanswered request: do not feed more for now. */
bool http1_wants_pause(const struct http1 *h);

/* A request, complete or not, has not been answered. */
bool http1_awaits_answer(const struct http1 *h);

/* The connection has served its purpose: send `out` and close. */
bool http1_finished(const struct http1 *h);

/* `1u << enum http1_limit` of each limit that was met since the last call, for who counts them. */
unsigned http1_limits_met(struct http1 *h);

/* Answers the current request.  Call http1_next() again afterwards: the next request may be there
 * already.  Content-Length, Date and Connection are added; 101 hands the connection over. */
void http1_send_response(struct http1 *h, const struct http1_response *r, int64_t now_us);

/* The same in pieces: `body` of the head is ignored.  Chunked where the client can and the length is
 * not known. */
void http1_begin_response(struct http1 *h, const struct http1_response *r);
void http1_send_chunk(struct http1 *h, struct slice bytes);
void http1_end_response(struct http1 *h, int64_t now_us);

/* After a 101 answer: bytes of the new protocol that have come already; valid until http1_free(). */
struct slice http1_rest(const struct http1 *h);

/* The value of the first header of that name (any case), or SLICE_NONE (ptr NULL) when absent. */
struct slice http1_header(const struct http1_request *r, const char *name);

const char *http1_status_text(int status);

#endif
