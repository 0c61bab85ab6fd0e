/* check.c - what a webhook may be.
 *
 * Functions have their key in the query of their address, so it is not shown.  A document that comes back
 * with the mask keeps the address it stands for. */
#include "deliver/webhook/check.h"

#include <stdio.h>

#include "base/json.h"
#include "base/member.h"
#include "base/net.h"
#include "base/text.h"
#include "deliver/check.h"
#include "deliver/webhook/webhook.h"

#define GRID_SCHEMA "EventGridSchema"

void webhook_mask(struct arena *a, struct json *endpoint)
{
    check_mask_part(a, endpoint, "endpointUri", text_mask_query);
}

/* The address that a masked one stands for. */
static struct slice unmasked(struct slice uri, const struct json *before)
{
    struct slice kept = json_str(before, "endpointUri");
    return check_is_masked(uri, kept, text_mask_query) ? kept : uri;
}

/* On this machine others may listen, too: there only the hub's own port is a loop.  A hub that does not
 * listen yet reads what it has kept, which was looked at before. */
static bool is_own(const struct hub *hub, struct slice host)
{
    char own[16];
    size_t end = net_host_end(host);
    struct slice port = end < host.len ? slice_from(host, end + 1) : SLICE_LIT("443");
    if (hub->https_port == 0) return false;
    snprintf(own, sizeof own, "%u", hub->https_port);
    return net_is_loopback(slice_head(host, end)) ? slice_is(port, own) : hub_is_host(hub, host);
}

static enum err check_uri(const struct hub *hub, struct arena *a, struct json *e,
                          const struct json *before)
{
    struct slice uri = unmasked(json_str(e, "endpointUri"), before), host = out_url_host(uri);
    if (uri.len == 0) return fail(ERR_INVALID, "endpointUri is missing");
    if (host.len == 0)
        return fail(ERR_INVALID, "endpointUri is not an https address of at most %d bytes",
                    OUT_URL_MAX);
    if (slice_find(uri, '@') < uri.len && slice_find(uri, '@') < slice_find(uri, '?'))
        return fail(ERR_INVALID, "endpointUri has a user in it");
    if (slice_ends(uri, SLICE_LIT(TEXT_QUERY_MASK)))
        return fail(ERR_INVALID, "endpointUri is masked: this address was not there before");
    if (hub->https_port && !net_authority_valid(host))
        return fail(ERR_INVALID,
                    "endpointUri has '%.*s' for a host and a port: an IPv6 address is in brackets, "
                    "as in https://[2001:db8::1]:8443/",
                    SLICE_ARG(slice_head(host, 100)));
    if (is_own(hub, host))
        return fail(ERR_INVALID, "endpointUri is this hub's own address: a loop");
    json_set(a, e, SLICE_LIT("endpointUri"), json_new_string(a, uri));
    return OK;
}

static enum err check_schema(struct arena *a, struct json *e)
{
    const struct json *given = json_given(e, "schema");
    struct slice schema = given ? json_str(e, "schema") : SLICE_LIT(GRID_SCHEMA);
    bool cloud = slice_is_nocase(schema, WEBHOOK_CLOUD_SCHEMA);
    if (!cloud && !slice_is_nocase(schema, GRID_SCHEMA))
        return fail(ERR_INVALID, "schema is neither " GRID_SCHEMA " nor " WEBHOOK_CLOUD_SCHEMA);
    schema = slice_str(cloud ? WEBHOOK_CLOUD_SCHEMA : GRID_SCHEMA);
    json_set(a, e, SLICE_LIT("schema"), json_new_string(a, schema));
    return OK;
}

static enum err check_number(struct arena *a, struct json *e, const char *key, int64_t initial,
                             int64_t max)
{
    int64_t number = initial;
    TRY(member_read_number(e, key, 1, max, &number));
    json_set(a, e, slice_str(key), json_new_i64(a, number));
    return OK;
}

static const char *const members[] = {CHECK_MEMBERS_OF_ALL,
                                      "endpointUri",
                                      "schema",
                                      "maxEventsPerBatch",
                                      "preferredBatchSizeInKilobytes",
                                      NULL};

enum err webhook_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                       const struct json *before)
{
    TRY(member_only(endpoint, "a webhook", members));
    TRY(check_uri(hub, a, endpoint, before));
    TRY(check_schema(a, endpoint));
    TRY(check_number(a, endpoint, "maxEventsPerBatch", WEBHOOK_EVENTS_DEFAULT, WEBHOOK_EVENTS_MAX));
    return check_number(a, endpoint, "preferredBatchSizeInKilobytes", WEBHOOK_KILOBYTES_DEFAULT,
                        WEBHOOK_KILOBYTES_MAX);
}
