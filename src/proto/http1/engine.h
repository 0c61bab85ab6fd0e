/* engine.h - the inside of an HTTP/1.1 connection. */
#ifndef PROTO_HTTP1_ENGINE_H
#define PROTO_HTTP1_ENGINE_H

#include <llhttp.h>

#include "proto/http1/http1.h"

/*            first byte            blank line              last byte
 *   IDLE ───────────────▶ HEAD ───────────────▶ BODY ───────────────▶ DONE
 *    ▲                                                                 │ answer complete
 *    └─────────────────────────────────────────────────────────────────┘
 *   any ──▶ OVER: nothing more is read (bad request, close, time out, handed over). */
enum http1_phase { HTTP1_IN_IDLE, HTTP1_IN_HEAD, HTTP1_IN_BODY, HTTP1_IN_DONE, HTTP1_IN_OVER };

enum http1_answer { ANSWER_NONE, ANSWER_OWED, ANSWER_RUNNING, ANSWER_COMPLETE };

/* What comes next in a request line whose method is not known; not: it is known, or still may be. */
enum http1_strange { STRANGE_NOT, STRANGE_METHOD, STRANGE_TARGET, STRANGE_VERSION };

enum { HTTP1_TEXT_USUAL = 1 << 10 }; /* bytes of target and headers together: more grow */

/* The request being served; made at its first byte, freed when it is over. */
struct http1_current {
    struct http1_request request;
    struct buf text; /* target, then name and value of each header, without separators */
    size_t target_len, headers_len;
    uint64_t body_len, body_max;
    uint16_t head_flags; /* of llhttp, when the head was complete */
    bool expects_continue;
    struct http1_header headers[HTTP1_HEADER_COUNT_MAX + 1]; /* and the one that is too many */
};

struct http1 {
    llhttp_t parser;
    struct buf *out;
    uint64_t body_max;
    struct slice in;  /* fed and not yet parsed; borrowed */
    struct buf ahead; /* the same, owned, while a request waits for its answer */
    struct http1_current *current;
    struct http1_event event; /* what the callbacks made of the bytes */
    int64_t now_us, deadline_us;
    uint64_t progress;   /* body bytes since the last look */
    size_t framing;      /* bytes that were not body since the last that were */
    size_t line_len;     /* of the line of the head that is being read */
    uint8_t last_byte;   /* of what is not body; both for the rules about line ends */
    uint8_t strange;     /* enum http1_strange */
    uint8_t strange_len; /* letters of the version; of a target, whether it has any */
    uint8_t limits_met;  /* bits, as http1_limits_met() has them */
    bool has_event;      /* `event` has not been taken */
    bool paused;         /* the parser stopped for an event and not for want of bytes */
    bool body_entered;   /* the body was accepted: checked against its limit, invited */
    bool close;          /* this request is the last */
    bool chunking;       /* the running answer is in chunks */
    bool mute;           /* the request is HEAD: no body in the answer */
    bool http10;         /* the client speaks HTTP/1.0 */
    bool handed_over;    /* 101 was sent */
    enum http1_phase phase;
    enum http1_answer answer;
};

/* Parses some of `bytes`, at most up to the next event; returns how many bytes it took. */
size_t http1_parse_some(struct http1 *h, struct slice bytes);
void http1_parse_init(struct http1 *h);

/* The rest of a strange request line, from where llhttp gave up; `before` bytes of the head came before
 * these.  Refuses when it is known with which status. */
void http1_strange_read(struct http1 *h, struct slice bytes, size_t before);

/* Ends reading with an event that asks for that answer. */
void http1_engine_refuse(struct http1 *h, int status, const char *reason);

/* The same, because there is more of something than may be: the status is the limit's. */
void http1_engine_refuse_more(struct http1 *h, enum http1_limit limit, const char *reason);

/* The answer is written: on to the next request. */
void http1_engine_answered(struct http1 *h, int64_t now_us);

#endif
