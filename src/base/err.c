/* err.c - names of the error codes and the per-thread text of the last failure. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char text[512];

const char *err_name(enum err e)
{
    static const char *const names[ERR_COUNT] = {
        [OK] = "ok",
        [ERR_AGAIN] = "again",
        [ERR_NOT_FOUND] = "not-found",
        [ERR_EXISTS] = "exists",
        [ERR_CONFLICT] = "conflict",
        [ERR_PRECONDITION] = "precondition-failed",
        [ERR_THROTTLED] = "throttled",
        [ERR_FULL] = "full",
        [ERR_TOO_BIG] = "too-big",
        [ERR_INVALID] = "invalid",
        [ERR_DENIED] = "denied",
        [ERR_DISABLED] = "disabled",
        [ERR_EXPIRED] = "expired",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CLOSED] = "closed",
        [ERR_PROTOCOL] = "protocol",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_VERSION] = "version",
        [ERR_IO] = "io",
        [ERR_CORRUPT] = "corrupt",
        [ERR_NOMEM] = "no-memory",
    };
    return (unsigned)e < ERR_COUNT ? names[e] : "unknown";
}

enum err(fail)(enum err code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return code;
}

enum err(fail_errno)(const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", strerror(saved));
    return ERR_IO;
}

const char *fail_text(void)
{
    return text;
}
