/* check.c - which event hubs there may be.
 *
 * An identity is what this server is to itself: who gives no connection string means an event hub that
 * was made here; entityPath alone says which.  It need not be there yet, as it may go later: health tells of it.  With a connection
 * string it is one elsewhere. */
#include "deliver/event_hubs/check.h"

#include <stdio.h>

#include "base/json.h"
#include "base/member.h"
#include "deliver/amqp/check.h"
#include "deliver/check.h"
#include "hub/event_hub/event_hub.h"

#define IDENTITY "identityBased"
#define SCHEME   "sb://"

static const char *const members[] = {
    CHECK_MEMBERS_OF_ALL, "endpointUri",        "entityPath", "identity",
    "connectionString",   "authenticationType", NULL};

bool event_hubs_elsewhere(const struct json *e)
{
    return json_given(e, "connectionString") ||
           slice_is_nocase(json_str(e, "authenticationType"), CHECK_KEY_BASED);
}

void event_hubs_mask(struct arena *a, struct json *endpoint)
{
    if (event_hubs_elsewhere(endpoint)) amqp_mask(a, endpoint);
}

/* As in Azure keys are what is meant if nothing is said; but without one there is only the other. */
static enum err check_authentication(struct arena *a, struct json *e)
{
    const struct json *given = json_given(e, "authenticationType");
    struct slice type = given ? json_str(e, "authenticationType") : SLICE_LIT(IDENTITY);
    if (!slice_is_nocase(type, IDENTITY))
        return fail(ERR_INVALID, "authenticationType is neither " IDENTITY " nor " CHECK_KEY_BASED);
    json_set(a, e, SLICE_LIT("authenticationType"), json_new_string(a, SLICE_LIT(IDENTITY)));
    return OK;
}

/* Of sb://host:port/ with nothing behind it; empty: it is not that. */
static struct slice host_of(struct slice uri)
{
    if (!slice_starts_nocase(uri, SLICE_LIT(SCHEME))) return SLICE_NONE;
    struct slice host = slice_from(uri, sizeof SCHEME - 1);
    if (slice_ends(host, SLICE_LIT("/"))) host.len--;
    return slice_find(host, '/') == host.len ? host : SLICE_NONE;
}

/* A hub that does not listen yet reads what it has kept, which was looked at before: another name since
 * does not keep it from its start. */
static enum err check_uri(const struct hub *hub, const struct json *e)
{
    struct slice host = host_of(json_str(e, "endpointUri"));
    if (host.len == 0) return fail(ERR_INVALID, "endpointUri is not " SCHEME "HOST/");
    if (hub->https_port && !hub_is_host(hub, host))
        return fail(ERR_INVALID,
                    "endpointUri: '%.*s' is no name of this server, and " IDENTITY
                    " endpoints are event hubs of its own",
                    SLICE_ARG(slice_head(host, HUB_HOST_LEN_MAX)));
    return OK;
}

static void complete_uri(const struct hub *hub, struct arena *a, struct json *e)
{
    char uri[sizeof SCHEME + HUB_HOST_LEN_MAX + 1];
    if (json_given(e, "endpointUri")) return;
    snprintf(uri, sizeof uri, SCHEME "%s/", hub->hosts[0]);
    json_set(a, e, SLICE_LIT("endpointUri"), json_new_string(a, slice_str(uri)));
}

/* The built-in one has a name in routes, `events`; what routes take from its messages would come back
 * to them. */
static enum err check_path(const struct hub *hub, const struct json *e)
{
    struct slice path = json_str(e, "entityPath");
    if (path.len == 0) return fail(ERR_INVALID, "entityPath is missing");
    if (slice_is_nocase(path, hub->name) || slice_is_nocase(path, "messages/events"))
        return fail(ERR_INVALID,
                    "entityPath is the built-in event hub, which routes call 'events': "
                    "a loop");
    if (!hub_entity_valid(path, EVENT_HUB_NAME_MAX))
        return fail(ERR_INVALID, "entityPath is no name of an event hub");
    return OK;
}

enum err event_hubs_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before)
{
    if (event_hubs_elsewhere(endpoint)) return amqp_check_event_hub(hub, a, endpoint, before);
    TRY(member_only(endpoint, "an event hub", members));
    TRY(check_authentication(a, endpoint));
    complete_uri(hub, a, endpoint);
    TRY(check_uri(hub, endpoint));
    return check_path(hub, endpoint);
}
