/* cmd_endpoint.c - azimuth hub message-endpoint ...: as `az iot hub message-endpoint`.
 *
 * A kind of endpoint is a row of `kinds`, a list of options (endpoint_members.c) and ENDPOINT_VERBS() in
 * verbs_routing.c. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/endpoint_members.h"
#include "cli/message_routing.h"

const char message_endpoint_help[] =
    "    azimuth hub message-endpoint create eventhub --en orders --entity-path orders\n"
    "    azimuth hub message-endpoint create servicebus-queue --en jobs -c "
    "\"Endpoint=sb://...;EntityPath=jobs\"\n"
    "    azimuth hub message-endpoint create webhook --en hook --endpoint-uri "
    "https://example.com/hub\n"
    "    azimuth hub message-endpoint create mqtt --en plant --url mqtts://broker.example.com "
    "--user hub "
    "--password ...\n"
    "    azimuth hub message-endpoint create kafka --en lake --bootstrap-servers k1:9092,k2:9092 "
    "--topic "
    "telemetry\n"
    "    azimuth hub message-endpoint create storage-container --en cold -c "
    "'AccountName=..;AccountKey=..' "
    "--container telemetry\n"
    "    azimuth hub message-route create --rn hot -t DeviceMessages --en orders -c \"level = "
    "'hot'\"";

static const char *const columns = "name type health=healthStatus error=lastKnownError";

enum { WHAT_MAX = 192 };

/* ---- kinds */

struct endpoint_kind {
    const char *word; /* the verb's last one */
    const char *list; /* of routing.endpoints */
};

static const struct endpoint_kind kinds[] = {
    {"cosmosdb-container", "cosmosDBSqlContainers"},
    {"eventhub", "eventHubs"},
    {"kafka", "kafka"},
    {"mqtt", "mqtt"},
    {"servicebus-queue", "serviceBusQueues"},
    {"servicebus-topic", "serviceBusTopics"},
    {"storage-container", "storageContainers"},
    {"webhook", "webhooks"},
};

static const struct endpoint_kind *kind_named(struct slice word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is_nocase(word, kinds[i].word) || slice_is_nocase(word, kinds[i].list))
            return &kinds[i];
    return NULL;
}

/* That of the verb: "hub message-endpoint create eventhub". */
static const struct endpoint_kind *kind_of_verb(const struct cli *c)
{
    struct slice words = slice_str(c->verb->words);
    const struct endpoint_kind *kind = kind_named(slice_from(words, slice_rfind(words, ' ') + 1));
    assert(kind != NULL);
    return kind;
}

/* That of --endpoint-type; NULL: it was not given. */
static enum err kind_of_option(const struct cli *c, const struct endpoint_kind **out)
{
    const char *type = cli_value(c, "endpoint-type");
    *out = type ? kind_named(slice_str(type)) : NULL;
    if (type && *out == NULL)
        return fail(ERR_INVALID, "--endpoint-type: there is no kind '%s'", type);
    return OK;
}

/* ---- changes */

/* The list of a kind, made if it is not there. */
static struct json *list_of(struct cli *c, struct message_routing *m,
                            const struct endpoint_kind *kind)
{
    struct json *all = json_get(m->document, "endpoints"), *list = json_get(all, kind->list);
    if (all == NULL || all->type != JSON_OBJECT)
        all = json_set(&c->arena, m->document, SLICE_LIT("endpoints"),
                       json_new(&c->arena, JSON_OBJECT));
    if (list == NULL || list->type != JSON_ARRAY)
        list = json_set(&c->arena, all, slice_str(kind->list), json_new(&c->arena, JSON_ARRAY));
    return list;
}

static enum err show_one(struct cli *c, struct message_routing *m, struct slice name);

static enum err send_and_print(struct cli *c, struct message_routing *m, struct slice name)
{
    char what[WHAT_MAX];
    snprintf(what, sizeof what, "endpoint '%.*s'", SLICE_ARG(slice_head(name, 128)));
    TRY(message_routing_send(c, m, what));
    return show_one(c, m, name);
}

enum err message_endpoint_create(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    const struct endpoint_kind *kind = kind_of_verb(c);
    struct json *made = json_new(&c->arena, JSON_OBJECT);
    TRY(cli_need(c, "endpoint-name", &name));
    cli_set_text(c, made, "name", name);
    TRY(endpoint_members_set(c, kind->list, made));
    TRY(message_routing_fetch(c, &m));
    const struct json *lists = json_get(m.document, "endpoints");
    for (const struct json *list = lists ? lists->child : NULL; list; list = list->next)
        if (message_routing_find(list, "name", name))
            return fail(ERR_EXISTS, "there is an endpoint '%.*s' already: update or delete it",
                        SLICE_ARG(name));
    json_append(list_of(c, &m, kind), made);
    return send_and_print(c, &m, name);
}

enum err message_endpoint_update(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    const struct endpoint_kind *kind = kind_of_verb(c);
    TRY(cli_need(c, "endpoint-name", &name));
    TRY(message_routing_fetch(c, &m));
    struct json *endpoint = message_routing_find(list_of(c, &m, kind), "name", name);
    if (endpoint == NULL)
        return fail(ERR_NOT_FOUND, "there is no endpoint '%.*s' of the type %s", SLICE_ARG(name),
                    kind->word);
    TRY(endpoint_members_set(c, kind->list, endpoint));
    return send_and_print(c, &m, name);
}

/* ---- showing */

/* Each with its type and how it stands. */
static void put_health(struct cli *c, struct json *out, const struct json *health)
{
    for (const struct json *h = health ? health->child : NULL; h; h = h->next) {
        if (slice_is(h->key, "endpointId")) continue;
        struct json *copy = json_new_string(&c->arena, h->text);
        json_set(&c->arena, out, h->key, copy);
    }
}

static struct json *with_type(struct cli *c, struct slice name, struct slice type,
                              const struct json *endpoint, const struct json *health)
{
    struct json *out = json_new(&c->arena, JSON_OBJECT);
    json_set(&c->arena, out, SLICE_LIT("name"), json_new_string(&c->arena, name));
    json_set(&c->arena, out, SLICE_LIT("type"), json_new_string(&c->arena, type));
    for (const struct json *m = endpoint ? endpoint->child : NULL; m; m = m->next) {
        struct json *copy = json_new(&c->arena, m->type);
        *copy = *m;
        json_set(&c->arena, out, m->key, copy);
    }
    put_health(c, out, message_routing_find(health, "endpointId", name));
    return out;
}

/* Of a document that was fetched, those of a kind, or all. */
static enum err collect(struct cli *c, struct message_routing *m, const struct endpoint_kind *only,
                        struct json **out)
{
    struct json *answer;
    const struct http_call call = {.method = "GET", .path = "/admin/v1/routingEndpointsHealth"};
    TRY(http_json(&m->target, &call, "health of endpoints", &answer));
    const struct json *health = json_get(answer, "value"),
                      *lists = json_get(m->document, "endpoints");
    *out = json_new(&c->arena, JSON_ARRAY);
    if (only == NULL)
        json_append(*out, with_type(c, SLICE_LIT("events"), SLICE_LIT("builtin"), NULL, health));
    for (const struct json *list = lists ? lists->child : NULL; list; list = list->next)
        for (const struct json *e = list->child; e; e = e->next)
            if (only == NULL || slice_is(list->key, only->list))
                json_append(*out, with_type(c, json_str(e, "name"), list->key, e, health));
    return OK;
}

enum err message_endpoint_list(struct cli *c)
{
    struct message_routing m;
    struct json *all;
    const struct endpoint_kind *kind;
    TRY(kind_of_option(c, &kind));
    TRY(message_routing_fetch(c, &m));
    TRY(collect(c, &m, kind, &all));
    return output_value(&c->output, &c->arena, all, columns);
}

static enum err show_one(struct cli *c, struct message_routing *m, struct slice name)
{
    struct json *all;
    TRY(collect(c, m, NULL, &all));
    struct json *found = message_routing_find(all, "name", name);
    if (found == NULL) return fail(ERR_NOT_FOUND, "there is no endpoint '%.*s'", SLICE_ARG(name));
    return output_value(&c->output, &c->arena, found, columns);
}

enum err message_endpoint_show(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    TRY(cli_need(c, "endpoint-name", &name));
    TRY(message_routing_fetch(c, &m));
    return show_one(c, &m, name);
}

/* ---- deleting */

/* Takes a name out of the item's endpointNames; items that had no other one go. */
static void drop_from(struct json *list, struct slice name)
{
    struct json **at = list ? &list->child : NULL;
    while (at && *at) {
        struct json *names = json_get(*at, "endpointNames"), **n = names ? &names->child : NULL;
        bool had = false;
        while (n && *n) {
            bool it = slice_eq_nocase((*n)->text, name);
            had = had || it;
            if (it)
                *n = (*n)->next;
            else
                n = &(*n)->next;
        }
        if (had && names->child == NULL)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

/* Without --force nothing may need it: the hub would miss it, and say no more than that. */
static enum err check_unused(const struct json *list, const char *kind, const char *key,
                             struct slice name)
{
    for (const struct json *item = list ? list->child : NULL; item; item = item->next) {
        const struct json *names = json_get(item, "endpointNames");
        for (const struct json *n = names ? names->child : NULL; n; n = n->next)
            if (slice_eq_nocase(n->text, name))
                return fail(ERR_CONFLICT,
                            "%s '%.*s' leads to endpoint '%.*s': change it first, or --force "
                            "takes it along",
                            kind, SLICE_ARG(json_str(item, key)), SLICE_ARG(name));
    }
    return OK;
}

static enum err release(struct cli *c, struct message_routing *m, struct slice name)
{
    struct json *routes = json_get(m->document, "routes");
    struct json *enrichments = json_get(m->document, "enrichments");
    if (!cli_given(c, "force")) {
        TRY(check_unused(routes, "route", "name", name));
        return check_unused(enrichments, "enrichment", "key", name);
    }
    drop_from(routes, name);
    drop_from(enrichments, name);
    return OK;
}

/* Takes them out: one by its name, or those of a type, or all, as in az. */
static enum err drop(struct cli *c, struct message_routing *m, struct slice name,
                     const struct endpoint_kind *kind, unsigned *count)
{
    struct json *lists = json_get(m->document, "endpoints");
    for (struct json *list = lists ? lists->child : NULL; list; list = list->next) {
        if (kind && !slice_is(list->key, kind->list)) continue;
        for (struct json *e = list->child; e; e = e->next) {
            if (name.ptr && !slice_eq_nocase(json_str(e, "name"), name)) continue;
            json_remove(list, e);
            TRY(release(c, m, json_str(e, "name")));
            ++*count;
        }
    }
    return OK;
}

enum err message_endpoint_delete(struct cli *c)
{
    struct message_routing m;
    const struct endpoint_kind *kind;
    struct slice name = slice_str(cli_value(c, "endpoint-name"));
    TRY(kind_of_option(c, &kind));
    TRY(cli_confirm(c, "deletes %s%s%s%s", name.ptr ? "endpoint " : "all endpoints",
                    name.ptr ? cli_value(c, "endpoint-name") : "",
                    kind && !name.ptr ? " of the type " : "", kind && !name.ptr ? kind->word : ""));
    TRY(message_routing_fetch(c, &m));
    unsigned count = 0;
    TRY(drop(c, &m, name, kind, &count));
    if (name.ptr && count == 0)
        return fail(ERR_NOT_FOUND, "there is no endpoint '%.*s'", SLICE_ARG(name));
    return count ? message_routing_send(c, &m, "endpoints") : OK;
}
