/* fleet_http_headers.c - from the property bag of a topic to headers. */
#include "base/text.h"
#include "cli/fleet_http.h"

/* Properties of the message itself; any other is the application's. */
static const struct {
    const char *property, *header;
} known[] = {
    {"$.ct", "iothub-contenttype"},
    {"$.ce", "iothub-contentencoding"},
    {"$.mid", "iothub-messageid"},
    {"$.cid", "iothub-correlationid"},
    {"$.uid", "iothub-userid"},
    {"$.to", "iothub-to"},
    {"$.exp", "iothub-expiry"},
    {"$.ctime", "iothub-creationtimeutc"},
    {"$.schema", "iothub-messageschema"},
    {"$.ifid", "iothub-interface-id"},
    {"$.sub", "dt-subject"},
};

static const char *known_header(struct slice property)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(property, known[i].property)) return known[i].header;
    return NULL;
}

/* RFC 9110 section 5.6.2: a token.  IoT Hub wants the same of names and values. */
static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", name.ptr[i]))
            return false;
    return name.len > 0;
}

static bool is_value(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] == 0x7f) return false;
    return true;
}

static enum err put_line(struct buf *out, struct slice name, struct slice value)
{
    const char *header = known_header(name);
    bool own = header == NULL && !slice_starts(name, SLICE_LIT("$."));
    if (!(own || header) || !is_token(name) || !is_value(value))
        return fail(ERR_INVALID, "property '%.*s' cannot be in a header of HTTP",
                    SLICE_ARG(slice_head(name, 64)));
    buf_put_str(out, header ? header : "iothub-app-");
    if (own) buf_put_slice(out, name);
    buf_put_str(out, value.len ? ": " : ";"); /* libcurl: a header without a value */
    buf_put_slice(out, value);
    buf_put_u8(out, '\0');
    return OK;
}

enum err fleet_http_headers(struct slice bag, struct buf *lines, size_t *count)
{
    struct slice item, name;
    struct buf plain_name = {0}, plain_value = {0};
    enum err e = OK;
    for (*count = 0; e == OK && slice_split(&bag, '&', &item);) {
        if (item.len == 0) continue;
        slice_split(&item, '=', &name);
        buf_clear(&plain_name);
        buf_clear(&plain_value);
        e = text_unpercent(&plain_name, name);
        if (e == OK) e = text_unpercent(&plain_value, item);
        if (e == OK) e = put_line(lines, buf_slice(&plain_name), buf_slice(&plain_value));
        (*count)++;
    }
    buf_free(&plain_name);
    buf_free(&plain_value);
    return e;
}
