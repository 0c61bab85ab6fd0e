/* cmd_enrichment.c - azimuth hub message-enrichment ..., hub message-endpoint ...: as az has them. */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/message_routing.h"

#define KEY_OPTION                                                                                 \
    {                                                                                              \
        "key k", "KEY", "the property that messages get"                                           \
    }
#define CONTENT                                                                                    \
    {"value v", "TEXT", "its value: text, $iothubname, $twin.tags.x, $twin.properties.desired.x"}, \
    {                                                                                              \
        "endpoints e", "NAMES", "at which endpoints, with commas between them"                     \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option message_enrichment_create_options[] = {KEY_OPTION, CONTENT, END};
const struct cli_option message_enrichment_options[] = {KEY_OPTION, END};
const struct cli_option message_endpoint_options[] = {
    {"endpoint-name en n", "NAME", "the endpoint"}, END};

const char message_enrichment_help[] =
    "hub message-enrichment create -k site -v '$twin.tags.site' -e events";

static const char *const columns = "key value endpoints=endpointNames";

enum { WHAT_MAX = 192 };

static enum err send_and_print(struct cli *c, struct message_routing *m, struct slice key)
{
    char what[WHAT_MAX];
    snprintf(what, sizeof what, "enrichment '%.*s'", SLICE_ARG(slice_head(key, 128)));
    TRY(message_routing_send(c, m, what));
    struct json *made = message_routing_find(json_get(m->document, "enrichments"), "key", key);
    return made ? output_value(&c->output, &c->arena, made, columns) : OK;
}

static enum err fetch(struct cli *c, struct message_routing *m, struct slice *key,
                      struct json **enrichment)
{
    TRY(cli_need(c, "key", key));
    TRY(message_routing_fetch(c, m));
    *enrichment = message_routing_find(message_routing_list(c, m, "enrichments"), "key", *key);
    return *enrichment ? OK : fail(ERR_NOT_FOUND, "there is no enrichment '%.*s'", SLICE_ARG(*key));
}

enum err message_enrichment_create(struct cli *c)
{
    struct message_routing m;
    struct slice key, unused;
    struct json *made = json_new(&c->arena, JSON_OBJECT);
    TRY(cli_need(c, "key", &key));
    TRY(cli_need(c, "value", &unused));
    TRY(cli_need(c, "endpoints", &unused));
    message_routing_text(c, made, "key", "key");
    message_routing_text(c, made, "value", "value");
    message_routing_names(c, made, "endpoints", "endpointNames");
    TRY(message_routing_fetch(c, &m));
    struct json *list = message_routing_list(c, &m, "enrichments");
    if (message_routing_find(list, "key", key))
        return fail(ERR_EXISTS, "there is an enrichment '%.*s' already: update or delete it",
                    SLICE_ARG(key));
    json_append(list, made);
    return send_and_print(c, &m, key);
}

enum err message_enrichment_update(struct cli *c)
{
    struct message_routing m;
    struct slice key;
    struct json *enrichment;
    TRY(fetch(c, &m, &key, &enrichment));
    message_routing_text(c, enrichment, "value", "value");
    message_routing_names(c, enrichment, "endpoints", "endpointNames");
    return send_and_print(c, &m, key);
}

enum err message_enrichment_delete(struct cli *c)
{
    struct message_routing m;
    struct slice key;
    struct json *enrichment;
    TRY(fetch(c, &m, &key, &enrichment));
    message_routing_remove(message_routing_list(c, &m, "enrichments"), enrichment);
    return send_and_print(c, &m, key);
}

enum err message_enrichment_list(struct cli *c)
{
    struct message_routing m;
    TRY(message_routing_fetch(c, &m));
    return output_value(&c->output, &c->arena, message_routing_list(c, &m, "enrichments"), columns);
}

/* ---- endpoints */

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

static enum err collect_endpoints(struct cli *c, struct message_routing *m, struct json **out)
{
    struct json *answer;
    const struct http_call call = {.method = "GET", .path = "/admin/v1/routingEndpointsHealth"};
    TRY(message_routing_fetch(c, m));
    TRY(http_json(&m->target, &call, "health of endpoints", &answer));
    const struct json *health = json_get(answer, "value"),
                      *kinds = json_get(m->document, "endpoints");
    *out = json_new(&c->arena, JSON_ARRAY);
    json_append(*out, with_type(c, SLICE_LIT("events"), SLICE_LIT("builtin"), NULL, health));
    for (const struct json *kind = kinds ? kinds->child : NULL; kind; kind = kind->next)
        for (const struct json *e = kind->child; e; e = e->next)
            json_append(*out, with_type(c, json_str(e, "name"), kind->key, e, health));
    return OK;
}

static const char *const endpoint_columns = "name type health=healthStatus error=lastKnownError";

enum err message_endpoint_list(struct cli *c)
{
    struct message_routing m;
    struct json *all;
    TRY(collect_endpoints(c, &m, &all));
    return output_value(&c->output, &c->arena, all, endpoint_columns);
}

enum err message_endpoint_show(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    struct json *all;
    TRY(cli_need(c, "endpoint-name", &name));
    TRY(collect_endpoints(c, &m, &all));
    struct json *found = message_routing_find(all, "name", name);
    if (found == NULL) return fail(ERR_NOT_FOUND, "there is no endpoint '%.*s'", SLICE_ARG(name));
    return output_value(&c->output, &c->arena, found, endpoint_columns);
}

enum err message_endpoint_delete(struct cli *c)
{
    struct message_routing m;
    struct slice name;
    TRY(cli_need(c, "endpoint-name", &name));
    TRY(message_routing_fetch(c, &m));
    struct json *kinds = json_get(m.document, "endpoints");
    for (struct json *kind = kinds ? kinds->child : NULL; kind; kind = kind->next) {
        struct json *found = message_routing_find(kind, "name", name);
        if (found == NULL) continue;
        message_routing_remove(kind, found);
        char what[WHAT_MAX];
        snprintf(what, sizeof what, "endpoint '%.*s'", SLICE_ARG(slice_head(name, 128)));
        return message_routing_send(c, &m, what);
    }
    return fail(ERR_NOT_FOUND, "there is no endpoint '%.*s'", SLICE_ARG(name));
}
