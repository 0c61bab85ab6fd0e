/* cmd_enrichment.c - azimuth hub message-enrichment ...: as `az iot hub message-enrichment`. */
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

const char message_enrichment_help[] =
    "    azimuth hub message-enrichment create -k site -v '$twin.tags.site' -e events";

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
    json_remove(message_routing_list(c, &m, "enrichments"), enrichment);
    return send_and_print(c, &m, key);
}

enum err message_enrichment_list(struct cli *c)
{
    struct message_routing m;
    TRY(message_routing_fetch(c, &m));
    return output_value(&c->output, &c->arena, message_routing_list(c, &m, "enrichments"), columns);
}
