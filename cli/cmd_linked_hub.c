/* cmd_linked_hub.c - azimuth dps linked-hub ...: as `az iot dps linked-hub`. */
#include <stdio.h>

#include "auth/connstr.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/http.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "linked-hub lh", "HOST", "the linked hub, by its host name"                                \
    }
#define ETAG_OPTION                                                                                \
    {                                                                                              \
        "etag e", "ETAG", "only if it is still this version"                                       \
    }
#define CONTENT                                                                                    \
    {"allocation-weight aw", "N", "of hashed allocation, 1 to 1000 [1]"},                          \
        {"apply-allocation-policy aap", "BOOL",                                                    \
         "false: only enrollments that name it choose it [true]"},                                 \
        {"latency-ms", "MS", "of geoLatency, up to 60000; 0: not known [0]"},                      \
    {                                                                                              \
        "location", "TEXT", "where it is, for people"                                              \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option linked_hub_create_options[] = {
    {"connection-string cs", "CONNECTION_STRING", "of a policy of that hub, with RegistryWrite"},
    CONTENT,
    END};
const struct cli_option linked_hub_update_options[] = {
    NAME_OPTION,
    {"connection-string cs", "CONNECTION_STRING", "another key or policy"},
    CONTENT,
    ETAG_OPTION,
    END};
const struct cli_option linked_hub_options[] = {NAME_OPTION, END};
const struct cli_option linked_hub_delete_options[] = {NAME_OPTION, ETAG_OPTION, END};

const char linked_hub_help[] =
    "    azimuth dps linked-hub create --cs 'HostName=b.example;SharedAccessKeyName=...'\n"
    "    azimuth dps linked-hub update --lh a.example --aw 3";

#define HUBS "/admin/v1/dps/linkedHubs"

static const char *const columns =
    "name own weight=allocationWeight applies=applyAllocationPolicy latency=latencyMs location";

enum { WHAT_MAX = 192, WEIGHT_MAX = 1000, LATENCY_MS_MAX = 60000 };

/* ---- what it is to be */

static enum err set_all(struct cli *c, struct json *doc)
{
    cli_set_text(c, doc, "connectionString", slice_str(cli_value(c, "connection-string")));
    cli_set_text(c, doc, "location", slice_str(cli_value(c, "location")));
    TRY(cli_set_number(c, doc, "allocationWeight", "allocation-weight", 1, WEIGHT_MAX));
    TRY(cli_set_number(c, doc, "latencyMs", "latency-ms", 0, LATENCY_MS_MAX));
    return cli_set_truth(c, doc, "applyAllocationPolicy", "apply-allocation-policy");
}

/* ---- one call about one hub */

static enum err ask(struct cli *c, struct target *t, const char *method, struct slice name,
                    const char *if_match, const struct json *doc, struct json **answer)
{
    char what[WHAT_MAX];
    struct buf body = BUF_SECRET;
    snprintf(what, sizeof what, "linked hub '%.*s'", SLICE_ARG(slice_head(name, 128)));
    if (doc) json_write(&body, doc);
    const struct http_call call = {.method = method,
                                   .path = http_path(c, HUBS "/", name),
                                   .if_match = if_match,
                                   .body = buf_slice(&body)};
    enum err e = http_json(t, &call, what, answer);
    buf_wipe(&body);
    return e;
}

static enum err ask_and_print(struct cli *c, struct target *t, const char *method,
                              struct slice name, const char *if_match, const struct json *doc)
{
    struct json *answer;
    TRY(ask(c, t, method, name, if_match, doc, &answer));
    return answer ? output_value(&c->output, &c->arena, answer, columns) : OK;
}

/* ---- verbs */

enum err linked_hub_create(struct cli *c)
{
    struct target t;
    struct slice text;
    struct connstr parts;
    struct json *doc = json_new(&c->arena, JSON_OBJECT);
    TRY(cli_need(c, "connection-string", &text));
    TRY(connstr_parse(text, &parts));
    TRY(set_all(c, doc));
    TRY(target_find(c, &t));
    struct slice name = slice_head(parts.host, slice_find(parts.host, ':'));
    return ask_and_print(c, &t, "PUT", name, NULL, doc);
}

enum err linked_hub_list(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = HUBS};
    TRY(http_json(&t, &call, "list of linked hubs", &list));
    return output_value(&c->output, &c->arena, list, columns);
}

enum err linked_hub_show(struct cli *c)
{
    struct target t;
    struct slice name;
    TRY(cli_need(c, "linked-hub", &name));
    TRY(target_find(c, &t));
    return ask_and_print(c, &t, "GET", name, NULL, NULL);
}

/* What is not named stays. */
enum err linked_hub_update(struct cli *c)
{
    struct target t;
    struct slice name;
    struct json *doc = json_new(&c->arena, JSON_OBJECT);
    const char *etag = cli_value(c, "etag");
    TRY(cli_need(c, "linked-hub", &name));
    TRY(set_all(c, doc));
    TRY(target_find(c, &t));
    return ask_and_print(c, &t, "PUT", name, etag ? etag : "*", doc);
}

enum err linked_hub_delete(struct cli *c)
{
    struct target t;
    struct slice name;
    struct json *nothing;
    const char *etag = cli_value(c, "etag");
    TRY(cli_need(c, "linked-hub", &name));
    TRY(target_find(c, &t));
    return ask(c, &t, "DELETE", name, etag ? etag : "*", NULL, &nothing);
}
