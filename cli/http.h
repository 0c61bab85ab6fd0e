/* http.h - one request to the hub's HTTP API, and its refusals in words.
 *
 * Runs on: the main thread; blocks up to HTTP_WAIT_S.
 * Limits:  HTTP_ANSWER_MAX bytes of answer.
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "cli/target.h"

enum { HTTP_WAIT_S = 60, HTTP_WAIT_MS_MIN = 1000, HTTP_CONNECT_S = 10, HTTP_ANSWER_MAX = 64 << 20 };

#define HTTP_API_VERSION "2021-04-12" /* what the C#, Java, Node and Python SDKs ask for */

struct http_call {
    const char *method;
    const char *path;           /* "/devices/d1", encoded; may have a query */
    const char *if_match;       /* NULL: no such header */
    const char *header;         /* one more, "name: value"; NULL: none */
    const char *const *headers; /* and more of them */
    size_t header_count;
    const char *token;  /* in place of target_token()'s; NULL: that, which the socket needs not */
    struct slice body;  /* JSON; SLICE_NONE: none */
    unsigned wait_s;    /* for the answer; 0: HTTP_WAIT_S */
    unsigned max_items; /* of a page; 0: the hub decides */
    bool raw;           /* the answer is bytes: a->json stays NULL */
    const char *type;   /* of the body; NULL: JSON */
    const char
        *sending; /* what sending the body is called where progress is shown; NULL: it is not */
    const char *continuation; /* x-ms-continuation of the page before; NULL: the first page */
};

struct http_answer {
    long status;
    struct buf body;
    struct buf headers; /* lines of the last head */
    struct json *json;  /* the body, or NULL when it is none */
};

void http_answer_free(struct http_answer *a);

/* The value of a header, in any case; SLICE_NONE: there is none. */
struct slice http_answer_header(const struct http_answer *a, const char *name);

/* What curl has sent is shown as progress.  `s` is set by the caller and outlives the transfer. */
struct http_sending {
    struct progress *progress;
    const char *step;
    uint64_t len;
};

/* Appends bytes of an answer to the struct buf `ctx`, as libcurl wants it done: how many were taken, 0 beyond
 * HTTP_ANSWER_MAX, which ends the transfer. */
size_t http_take(char *bytes, size_t one, size_t count, void *ctx) MUST_USE;

struct curl_functions;
void http_show_sending(const struct curl_functions *f, void *handle, struct http_sending *s);

/* Does it and reads the answer, whatever its status.  ERR_CLOSED: nobody answers; ERR_TOO_BIG:
 * HTTP_ANSWER_MAX is passed. */
enum err http_do(struct target *t, const struct http_call *call, struct http_answer *out) MUST_USE;

/* As http_do(), and a status from 300 on is an error: `what` names what the call is about
 * ("device 'd1'").  `*json` may be NULL on success. */
enum err http_json(struct target *t, const struct http_call *call, const char *what,
                   struct json **json) MUST_USE;

/* As http_json() with GET, and an answer without JSON is ERR_PROTOCOL. */
static inline enum err http_get(struct target *t, const char *path, const char *what,
                                struct json **json)
{
    TRY(http_json(t, &(struct http_call){.method = "GET", .path = path}, what, json));
    return *json ? OK : fail(ERR_PROTOCOL, "%s answered %s with nothing", t->name, what);
}

/* cli.wait_ms for who has until then (clock_mono_us()): HTTP_WAIT_MS_MIN at least, HTTP_WAIT_S at most. */
long http_left_ms(int64_t end_us);

/* What it says for people. */
struct slice http_message(const struct target *t, const struct http_answer *a);

/* The error for that answer. */
enum err http_refusal(const struct target *t, const struct http_answer *a,
                      const char *what) MUST_USE;

/* A path with an id in it, in the arena: http_path(c, "/devices/", id). */
const char *http_path(struct cli *c, const char *before, struct slice id);

#endif
