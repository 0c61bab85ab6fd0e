/* strange.c - a request line whose method llhttp does not know.
 *
 * llhttp stops at the first byte that no method of its own has.  From there the rest of the line is read
 * here: a method that is not recognised is answered 501 (RFC 9110 section 9.1) once the line is one of
 * HTTP, anything else is garbage, 400. */
#include "proto/http1/engine.h"

static const char *const unknown = "the method is unknown";

/* RFC 9110 section 5.6.2. */
static bool is_token(uint8_t c)
{
    uint8_t letter = c | 0x20;
    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void read_method(struct http1 *h, uint8_t c)
{
    if (c == ' ')
        h->strange = STRANGE_TARGET;
    else if (!is_token(c))
        http1_engine_refuse(h, 400, unknown);
}

static void read_target(struct http1 *h, uint8_t c)
{
    if (c == ' ' && h->strange_len)
        h->strange = STRANGE_VERSION;
    else if (c <= ' ' || c >= 0x7f)
        http1_engine_refuse(h, 400, unknown);
    h->strange_len = c != ' ';
}

/* A letter of "HTTP/1.1", of any version. */
static bool fits_version(size_t at, uint8_t c)
{
    static const uint8_t form[] = "HTTP/0.0";
    if (at >= sizeof form - 1) return false;
    return form[at] == '0' ? c >= '0' && c <= '9' : c == form[at];
}

static void read_version(struct http1 *h, uint8_t c)
{
    enum { VERSION_LEN = 8 };
    if (h->strange_len == VERSION_LEN && c == '\r')
        http1_engine_refuse(h, 501, unknown);
    else if (!fits_version(h->strange_len++, c))
        http1_engine_refuse(h, 400, unknown);
}

void http1_strange_read(struct http1 *h, struct slice bytes, size_t before)
{
    for (size_t i = 0; i < bytes.len && !h->has_event; i++) {
        if (before + i >= HTTP1_LINE_MAX && bytes.ptr[i] != '\r') {
            http1_engine_refuse_more(h, HTTP1_LIMIT_LINE, "the request line is too long");
            return;
        }
        switch (h->strange) {
        case STRANGE_NOT: return;
        case STRANGE_METHOD: read_method(h, bytes.ptr[i]); break;
        case STRANGE_TARGET: read_target(h, bytes.ptr[i]); break;
        case STRANGE_VERSION: read_version(h, bytes.ptr[i]); break;
        }
    }
}
