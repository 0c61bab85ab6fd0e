/* user_name.c - reading the MQTT user name. */
#include "front/device_mqtt/user_name.h"

#include "base/text.h"

/* Is this segment where the query begins?  Gives the query without its mark. */
static bool begins_query(struct slice rest, struct slice *query)
{
    if (rest.len && rest.ptr[0] == '?') {
        *query = slice_from(rest, 1);
        return true;
    }
    *query = rest;
    return slice_starts(rest, SLICE_LIT("api-version="));
}

enum err user_name_parse(struct slice text, struct user_name *out)
{
    struct slice rest = text;
    *out = (struct user_name){0};
    if (!slice_split(&rest, '/', &out->host) || out->host.len == 0)
        return fail(ERR_INVALID, "user name has no host name before the first '/'");
    if (!slice_split(&rest, '/', &out->device) || out->device.len == 0)
        return fail(ERR_INVALID, "user name has no device id behind the host name");
    if (rest.len == 0 || begins_query(rest, &out->query)) return OK;
    if (!slice_split(&rest, '/', &out->module) || out->module.len == 0)
        return fail(ERR_INVALID, "user name has an empty module id");
    out->query = SLICE_NONE;
    if (rest.len == 0 || begins_query(rest, &out->query)) return OK;
    return fail(ERR_INVALID, "user name has '%.*s' where '?api-version=...' was expected",
                SLICE_ARG(slice_head(rest, 64)));
}

bool user_name_query(const struct user_name *u, const char *key, struct buf *out)
{
    struct slice rest = u->query, item, name;
    while (slice_split(&rest, '&', &item)) {
        if (!slice_split(&item, '=', &name) || !slice_is(name, key)) continue;
        return text_unpercent(out, item) == OK;
    }
    return false;
}
