/* check.c - RoutingCosmosDBSqlApiProperties of ARM: what a container may be. */
#include "deliver/cosmos/check.h"

#include "base/json.h"
#include "base/member.h"
#include "base/text.h"
#include "deliver/check.h"
#include "deliver/cosmos/cosmos.h"
#include "deliver/cosmos/document.h"

static const char *const members[] = {CHECK_MEMBERS_OF_ALL,
                                      "endpointUri",
                                      "authenticationType",
                                      "identity",
                                      "primaryKey",
                                      "secondaryKey",
                                      "databaseName",
                                      "containerName",
                                      "partitionKeyName",
                                      "partitionKeyTemplate",
                                      NULL};

static enum err check_uri(const struct hub *hub, const struct json *e)
{
    TRY(check_text(e, "endpointUri", COSMOS_URI_MAX));
    struct slice uri = json_str(e, "endpointUri"), host = out_url_host(uri);
    struct slice rest = slice_from(uri, sizeof "https://" - 1 + host.len);
    if (host.len == 0 || slice_find(uri, '@') < uri.len || (rest.len && !slice_is(rest, "/")))
        return fail(ERR_INVALID, "endpointUri is not https://HOST/, an account's address");
    if (hub->https_port && hub_is_host(hub, host) && slice_find(host, ':') == host.len)
        return fail(ERR_INVALID, "endpointUri is this hub's own address");
    return OK;
}

static enum err check_key(struct arena *a, struct json *e, const struct json *before,
                          const char *key)
{
    struct buf bytes = BUF_SECRET;
    TRY(check_secret(a, e, before, key, COSMOS_KEY_MAX));
    enum err err = text_unbase64(&bytes, json_str(e, key));
    bool fine = json_given(e, key) == NULL || (err == OK && buf_size(&bytes));
    buf_wipe(&bytes);
    return fine ? OK : fail(ERR_INVALID, "%s is no key: it is not in base64", key);
}

static enum err check_keys(struct arena *a, struct json *e, const struct json *before)
{
    TRY(check_key(a, e, before, "primaryKey"));
    TRY(check_key(a, e, before, "secondaryKey"));
    if (json_given(e, "primaryKey") == NULL) return fail(ERR_INVALID, "primaryKey is missing");
    return OK;
}

/* Cosmos DB: not / \ ? #, and no space at the end. */
static enum err check_name(const struct json *e, const char *key)
{
    TRY(check_text(e, key, COSMOS_NAME_MAX));
    struct slice name = json_str(e, key);
    bool fine = !slice_ends(name, SLICE_LIT(" "));
    for (size_t i = 0; i < name.len; i++) fine = fine && memchr("/\\?#", name.ptr[i], 4) == NULL;
    return fine ? OK : fail(ERR_INVALID, "%s has / \\ ? or # in it, or a space at its end", key);
}

/* A member of the document beside those that are there anyway. */
static enum err check_key_name(const struct json *e)
{
    static const char *const taken[] = {
        "id",    "Properties", "SystemProperties", "iothub-name", "Body", "_rid", "_self",
        "_etag", "_ts",        "_attachments"};
    TRY(check_text(e, "partitionKeyName", COSMOS_MEMBER_MAX));
    struct slice name = json_str(e, "partitionKeyName");
    if (slice_find(name, '/') < name.len)
        return fail(ERR_INVALID, "partitionKeyName is the name of a member, not a path");
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (slice_is(name, taken[i]))
            return fail(ERR_INVALID,
                        "partitionKeyName '%s' is another member of each document; a container "
                        "that is partitioned by /id wants none",
                        taken[i]);
    return OK;
}

static enum err check_partition_key(struct arena *a, struct json *e)
{
    bool has_template = json_given(e, "partitionKeyTemplate") != NULL;
    if (json_given(e, "partitionKeyName") == NULL)
        return has_template ? fail(ERR_INVALID, "partitionKeyTemplate wants a partitionKeyName")
                            : OK;
    TRY(check_key_name(e));
    if (!has_template)
        json_set(a, e, SLICE_LIT("partitionKeyTemplate"),
                 json_new_string(a, SLICE_LIT(COSMOS_TEMPLATE_DEFAULT)));
    TRY(check_text(e, "partitionKeyTemplate", COSMOS_TEMPLATE_MAX));
    return cosmos_template_check(json_str(e, "partitionKeyTemplate"));
}

enum err cosmos_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                      const struct json *before)
{
    TRY(member_only(endpoint, "a container of Cosmos DB", members));
    TRY(check_uri(hub, endpoint));
    TRY(check_key_based(a, endpoint));
    TRY(check_keys(a, endpoint, before));
    TRY(check_name(endpoint, "databaseName"));
    TRY(check_name(endpoint, "containerName"));
    return check_partition_key(a, endpoint);
}

void cosmos_mask(struct arena *a, struct json *endpoint)
{
    check_mask(a, endpoint, "primaryKey");
    check_mask(a, endpoint, "secondaryKey");
}
