/* err.h - how a function says that it did not do what it was asked.
 *
 * Runs on: any thread.  The text behind an unexpected error is kept per thread.
 *
 * An expected outcome (not found, precondition failed, full) has a code of its own and maps to one
 * wire status in one table per protocol.  The unexpected (ERR_IO, ERR_CORRUPT) carries a text set
 * by fail().  A programmer's error is an assert, kept in release builds.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>

#define MUST_USE     __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

enum err {
    OK = 0,
    ERR_AGAIN,        /* nothing to do now, ask again later */
    ERR_NOT_FOUND,    /* the thing named does not exist */
    ERR_EXISTS,       /* it exists already */
    ERR_CONFLICT,     /* somebody else changed it first (wrong row count, lost race) */
    ERR_PRECONDITION, /* If-Match, version or epoch given and not met */
    ERR_THROTTLED,    /* a rate or a queue is at its limit, try later */
    ERR_FULL,         /* a named limit is reached, trying later does not help by itself */
    ERR_TOO_BIG,      /* a message, body, key or count over its limit */
    ERR_INVALID,      /* bytes, text or an argument that does not parse or is out of range */
    ERR_DENIED,       /* not authenticated or not authorised */
    ERR_DISABLED,     /* the identity is disabled */
    ERR_EXPIRED,      /* a token or certificate is past its end */
    ERR_TIMEOUT,      /* no answer in time */
    ERR_CLOSED,       /* the peer or the owner is gone */
    ERR_PROTOCOL,     /* the peer broke its protocol's rules */
    ERR_UNSUPPORTED,  /* a legal wish that we do not serve */
    ERR_VERSION,      /* data written by a newer program */
    ERR_IO,           /* the operating system said no; fail_text() has the words */
    ERR_CORRUPT,      /* stored bytes are not what was written */
    ERR_NOMEM,        /* a large, refusable allocation failed */
    ERR_COUNT
};

/* Short stable name, e.g. "not-found"; for logs and metrics. */
const char *err_name(enum err e);

/* Sets this thread's text and returns `code`, so that a caller can `return fail(ERR_IO, ...)`.
 * At most 511 bytes are kept. */
enum err fail(enum err code, const char *fmt, ...) PRINTF(2, 3);

/* As fail(ERR_IO, ...) with ": <strerror(errno)>" added. */
enum err fail_errno(const char *fmt, ...) PRINTF(1, 2);

#ifdef __clang_analyzer__ /* it looks into no other file, and takes failures for OK */
static inline enum err err_given(enum err said, enum err code)
{
    (void)said;
    return code;
}
#define fail(code, ...) err_given(fail(code, __VA_ARGS__), code)
#define fail_errno(...) err_given(fail_errno(__VA_ARGS__), ERR_IO)
#endif

/* The text of this thread's last fail(); borrowed until the next one.  Never NULL. */
const char *fail_text(void);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != OK) return try_err_;                                                       \
    } while (0)

#endif
