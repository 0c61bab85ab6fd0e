/* cmd_configuration.c - azimuth hub configuration ..., azimuth edge deployment ..., edge set-modules.
 *
 * Both groups are about configurations: deployments are those with modulesContent. */
#include "cli/cmd.h"

#include "base/text.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"

enum { TOP_MAX = 1000 };

#define CONFIGURATION_OPTION                                                                       \
    {                                                                                              \
        "config-id c", "ID", "the configuration: a-z 0-9 - + % _ * ! '"                            \
    }
#define DEPLOYMENT_OPTION                                                                          \
    {                                                                                              \
        "deployment-id d", "ID", "the deployment: a-z 0-9 - + % _ * ! '"                           \
    }
#define TARGET_OPTIONS                                                                             \
    {"target-condition tc t", "CONDITION", "which, as behind WHERE, or * for all [nobody]"},       \
        {"priority pri", "NUMBER", "the highest counts [0]"},                                      \
        {"labels lab", "JSON", "names and texts for people, or a file with them"},                 \
        {"custom-labels cl", "NAME=TEXT...", "the same, without JSON"},                            \
        {"custom-metric-queries cmq", "NAME=QUERY...", "metrics, without JSON"},                   \
    {                                                                                              \
        "metrics m", "JSON", "{\"queries\": {NAME: QUERY}}, or a file with that"                   \
    }
#define CONTENT_OPTION                                                                             \
    {                                                                                              \
        "content k", "JSON", "what is set, or a file with that"                                    \
    }
#define SET_OPTION                                                                                 \
    {                                                                                              \
        "set", "PATH=VALUE...", "any members, as in priority=10 labels.team=a"                     \
    }
#define ETAG_OPTION                                                                                \
    {                                                                                              \
        "etag e", "ETAG", "only if it is still this version"                                       \
    }
#define METRIC_OPTIONS                                                                             \
    {"metric-id m", "NAME", "the metric"},                                                         \
    {                                                                                              \
        "metric-type mt", "TYPE", "user or system [user]"                                          \
    }
#define TOP_OPTION                                                                                 \
    {                                                                                              \
        "top", "NUMBER", "at most so many [all]"                                                   \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option rollout_create_options[] = {CONFIGURATION_OPTION, CONTENT_OPTION,
                                                    TARGET_OPTIONS, END};
const struct cli_option rollout_options[] = {CONFIGURATION_OPTION, END};
const struct cli_option rollout_list_options[] = {TOP_OPTION, END};
const struct cli_option rollout_update_options[] = {CONFIGURATION_OPTION, TARGET_OPTIONS,
                                                    SET_OPTION, ETAG_OPTION, END};
const struct cli_option rollout_delete_options[] = {CONFIGURATION_OPTION, ETAG_OPTION, END};
const struct cli_option rollout_metric_options[] = {CONFIGURATION_OPTION, METRIC_OPTIONS, END};
const struct cli_option deployment_create_options[] = {
    DEPLOYMENT_OPTION,
    CONTENT_OPTION,
    TARGET_OPTIONS,
    {"layered", NULL, "it adds to another deployment, and says paths only"},
    {"no-validation nv", NULL, "only the hub looks at the content"},
    END};
const struct cli_option deployment_options[] = {DEPLOYMENT_OPTION, END};
const struct cli_option deployment_update_options[] = {DEPLOYMENT_OPTION, TARGET_OPTIONS,
                                                       SET_OPTION, ETAG_OPTION, END};
const struct cli_option deployment_delete_options[] = {DEPLOYMENT_OPTION, ETAG_OPTION, END};
const struct cli_option deployment_metric_options[] = {DEPLOYMENT_OPTION, METRIC_OPTIONS, END};
const struct cli_option edge_modules_options[] = {
    {"device-id d", "ID", "the edge device"}, CONTENT_OPTION, END};

const struct cli_option edge_device_options[] = {{"device-id d", "ID", "the edge device"}, END};

const char rollout_create_help[] =
    "    azimuth hub configuration create -c chiller --tc \"tags.building = 43\" --pri 10 \\\n"
    "        -k '{\"deviceContent\": {\"properties.desired.chiller\": {\"temperature\": 66}}}'\n"
    "    azimuth hub configuration create -c sensors --tc \"FROM devices.modules WHERE moduleId = "
    "'sensor'\" "
    "\\\n"
    "        -k '{\"moduleContent\": {\"properties.desired.rate\": 5}}'";
const char deployment_create_help[] =
    "    azimuth edge deployment create -d base -k manifest.json --tc \"tags.site = 'a'\" --pri 5 "
    "\\\n"
    "        --metrics '{\"queries\": {\"all\": \"SELECT deviceId FROM devices\"}}'\n"
    "    azimuth edge deployment create -d camera -k layer.json --tc '*' --pri 6 --layered";

static const char columns[] = "id priority condition=targetCondition "
                              "targeted=systemMetrics.results.targetedCount "
                              "applied=systemMetrics.results.appliedCount "
                              "updated=lastUpdatedTimeUtc";

/* ---- what is given */

static bool is_deployment(const struct cli *c)
{
    return cli_has(c, "deployment-id");
}

static enum err find_id(struct cli *c, struct slice *id)
{
    return cli_need(c, is_deployment(c) ? "deployment-id" : "config-id", id);
}

static enum err read_object(struct cli *c, const char *option, struct json **out)
{
    TRY(file_json_option(c, option, out));
    if (*out && (*out)->type != JSON_OBJECT)
        return fail(ERR_INVALID, "--%s must be a JSON object", option);
    return OK;
}

/* The content alone, or an object that has it as `content`. */
static enum err read_content(struct cli *c, struct json **out)
{
    struct slice given;
    TRY(cli_need(c, "content", &given));
    TRY(read_object(c, "content", out));
    if (json_get(*out, "content")) *out = json_get(*out, "content");
    return OK;
}

static enum err read_modules(struct cli *c, struct json **out)
{
    TRY(read_content(c, out));
    if (json_get(*out, "modulesContent")) return OK;
    return fail(ERR_INVALID, "--content: a manifest has modulesContent");
}

static enum err check_base(struct cli *c, const struct json *content)
{
    const struct json *agent = json_get(json_get(content, "modulesContent"), "$edgeAgent");
    bool base = json_get(agent, "properties.desired") != NULL;
    if (cli_given(c, "no-validation") || base != cli_given(c, "layered")) return OK;
    return base ? fail(ERR_INVALID, "--layered: the content says all of $edgeAgent, which is a "
                                    "deployment of its own")
                : fail(ERR_INVALID,
                       "the content has no $edgeAgent with properties.desired; to add to "
                       "another deployment there is --layered");
}

static enum err set_metrics(struct cli *c, struct json *doc)
{
    struct json *metrics;
    TRY(read_object(c, "metrics", &metrics));
    if (metrics == NULL) return OK;
    if (json_get(metrics, "metrics")) metrics = json_get(metrics, "metrics");
    if (json_get(metrics, "queries") == NULL)
        return fail(ERR_INVALID, "--metrics must have queries: {\"queries\": {NAME: QUERY}}");
    json_set(&c->arena, doc, SLICE_LIT("metrics"), metrics);
    return OK;
}

/* NAME=TEXT NAME=TEXT */
static enum err set_custom(struct cli *c, const char *option, struct json *object)
{
    struct slice rest = slice_str(cli_value(c, option)), value, name;
    while (cli_next_word(&rest, &value)) {
        slice_split(&value, '=', &name);
        if (value.ptr == NULL || name.len == 0)
            return fail(ERR_INVALID, "--%s %.*s: NAME=TEXT was expected", option, SLICE_ARG(name));
        json_set(&c->arena, object, name, json_new_string(&c->arena, value));
    }
    return OK;
}

static enum err set_customs(struct cli *c, struct json *doc)
{
    if (cli_given(c, "custom-labels"))
        TRY(set_custom(c, "custom-labels", cli_object(c, doc, SLICE_LIT("labels"))));
    if (!cli_given(c, "custom-metric-queries")) return OK;
    struct json *metrics = cli_object(c, doc, SLICE_LIT("metrics"));
    return set_custom(c, "custom-metric-queries", cli_object(c, metrics, SLICE_LIT("queries")));
}

/* What may be changed later. */
static enum err set_rest(struct cli *c, struct json *doc)
{
    struct json *labels;
    int64_t priority;
    TRY(cli_number(c, "priority", 0, INT32_MAX, 0, &priority));
    TRY(read_object(c, "labels", &labels));
    cli_set_text(c, doc, "targetCondition", slice_str(cli_value(c, "target-condition")));
    if (cli_given(c, "priority"))
        json_set(&c->arena, doc, SLICE_LIT("priority"), json_new_i64(&c->arena, priority));
    if (labels) json_set(&c->arena, doc, SLICE_LIT("labels"), labels);
    TRY(set_metrics(c, doc));
    TRY(set_customs(c, doc));
    return cli_has(c, "set") ? cli_assign(c, doc) : OK;
}

/* ---- calls */

static enum err call(struct cli *c, struct target *t, const char *method, const char *if_match,
                     const struct json *doc, struct json **answer)
{
    struct slice id;
    struct buf what = {0}, text = {0};
    TRY(find_id(c, &id));
    buf_printf(&what, "%s '%.*s'", is_deployment(c) ? "deployment" : "configuration",
               SLICE_ARG(id));
    if (doc) json_write(&text, doc);
    const struct http_call call = {.method = method,
                                   .path = http_path(c, "/configurations/", id),
                                   .if_match = if_match,
                                   .body = doc ? buf_slice(&text) : SLICE_NONE};
    enum err e = http_json(t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    buf_free(&text);
    return e;
}

static enum err show(struct cli *c, struct json *doc)
{
    return output_value(&c->output, &c->arena, doc, columns);
}

/* ---- verbs */

enum err rollout_create(struct cli *c)
{
    struct target t;
    struct slice id;
    struct json *doc = json_new(&c->arena, JSON_OBJECT), *content;
    TRY(find_id(c, &id));
    TRY(is_deployment(c) ? read_modules(c, &content) : read_content(c, &content));
    if (is_deployment(c)) TRY(check_base(c, content));
    cli_set_text(c, doc, "id", id);
    cli_set_text(c, doc, "schemaVersion", SLICE_LIT("2.0"));
    cli_set_text(c, doc, "targetCondition", SLICE_LIT(""));
    json_set(&c->arena, doc, SLICE_LIT("content"), content);
    TRY(set_rest(c, doc));
    TRY(target_find(c, &t));
    TRY(call(c, &t, "PUT", NULL, doc, &doc));
    return show(c, doc);
}

enum err rollout_show(struct cli *c)
{
    struct target t;
    struct json *doc;
    TRY(target_find(c, &t));
    TRY(call(c, &t, "GET", NULL, NULL, &doc));
    return show(c, doc);
}

enum err rollout_update(struct cli *c)
{
    struct target t;
    struct json *doc;
    TRY(target_find(c, &t));
    TRY(call(c, &t, "GET", NULL, NULL, &doc));
    const char *etag = cli_value(c, "etag");
    if (etag == NULL) etag = (const char *)arena_copy(&c->arena, json_str(doc, "etag")).ptr;
    TRY(set_rest(c, doc));
    TRY(call(c, &t, "PUT", etag, doc, &doc));
    return show(c, doc);
}

enum err rollout_delete(struct cli *c)
{
    struct target t;
    struct json *none;
    const char *etag = cli_value(c, "etag");
    TRY(target_find(c, &t));
    return call(c, &t, "DELETE", etag ? etag : "*", NULL, &none);
}

/* `list` without those of the other group, and without what is beyond --top. */
static void keep_own(struct json *list, bool deployments, int64_t top)
{
    for (struct json **at = &list->child; *at;) {
        bool is = json_get(json_get(*at, "content"), "modulesContent") != NULL;
        if (is != deployments || top == 0) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
            top--;
        }
    }
}

static enum err list(struct cli *c, bool deployments)
{
    struct target t;
    struct json *all;
    int64_t top;
    TRY(cli_number(c, "top", 1, TOP_MAX, TOP_MAX, &top));
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = "/configurations"};
    TRY(http_json(&t, &call, "list of configurations", &all));
    keep_own(all, deployments, top);
    return show(c, all);
}

enum err rollout_list(struct cli *c)
{
    return list(c, false);
}

enum err deployment_list(struct cli *c)
{
    return list(c, true);
}

static enum err find_query(struct cli *c, struct target *t, struct slice metric, struct slice *out)
{
    struct json *doc;
    const char *type = cli_value(c, "metric-type");
    bool system = type && slice_is_nocase(slice_str(type), "system");
    if (type && !system && !slice_is_nocase(slice_str(type), "user"))
        return fail(ERR_INVALID, "--metric-type %s: it is user or system", type);
    TRY(call(c, t, "GET", NULL, NULL, &doc));
    const struct json *metrics = json_get(doc, system ? "systemMetrics" : "metrics");
    *out = json_str(json_get(metrics, "queries"), cli_value(c, "metric-id"));
    if (out->len) return OK;
    return fail(ERR_NOT_FOUND, "there is no %s metric '%.*s'", system ? "system" : "user",
                SLICE_ARG(metric));
}

enum err rollout_show_metric(struct cli *c)
{
    struct target t;
    struct slice metric, query;
    struct json *out = json_new(&c->arena, JSON_OBJECT), *rows;
    TRY(cli_need(c, "metric-id", &metric));
    TRY(target_find(c, &t));
    TRY(find_query(c, &t, metric, &query));
    TRY(query_rows(c, &t, query, &rows));
    cli_set_text(c, out, "metric", metric);
    cli_set_text(c, out, "query", query);
    json_set(&c->arena, out, SLICE_LIT("result"), rows);
    return output_value(&c->output, &c->arena, out, NULL);
}

/* ---- what an edge device runs, as a manifest that set-modules takes */

/* Desired properties without what the hub keeps with them. */
static struct json *desired_of(struct cli *c, const struct json *twin)
{
    struct json *desired = json_get(json_get(twin, "properties"), "desired");
    struct json *made = json_new(&c->arena, JSON_OBJECT), *next;
    for (struct json *m = desired ? desired->child : NULL; m; m = next) {
        next = m->next;
        m->next = NULL;
        if (!slice_starts(m->key, SLICE_LIT("$"))) json_set(&c->arena, made, m->key, m);
    }
    return made;
}

static enum err add_module(struct cli *c, struct target *t, struct slice device, struct slice id,
                           struct json *content)
{
    struct json *twin, *module = json_new(&c->arena, JSON_OBJECT);
    TRY(http_get(t, identity_path(c, "/twins/", device, id), "module twin", &twin));
    json_set(&c->arena, module, SLICE_LIT("properties.desired"), desired_of(c, twin));
    json_set(&c->arena, content, id, module);
    return OK;
}

enum err edge_export_modules(struct cli *c)
{
    struct target t;
    struct slice device;
    struct json *modules, *out = json_new(&c->arena, JSON_OBJECT);
    struct json *content = json_new(&c->arena, JSON_OBJECT);
    TRY(cli_need(c, "device-id", &device));
    TRY(target_find(c, &t));
    TRY(identity_modules(&t, device, &modules));
    for (const struct json *m = modules->child; m; m = m->next)
        TRY(add_module(c, &t, device, json_str(m, "moduleId"), content));
    json_set(&c->arena, out, SLICE_LIT("modulesContent"), content);
    return output_value(&c->output, &c->arena, out, NULL);
}

enum err edge_deploy(struct cli *c, struct target *t, struct slice device,
                     const struct json *content)
{
    struct json *answer;
    struct buf path = {0}, what = {0}, text = {0};
    json_write(&text, content);
    buf_printf(&what, "device '%.*s'", SLICE_ARG(device));
    buf_printf(&path, "%s/applyConfigurationContent", http_path(c, "/devices/", device));
    const struct http_call call = {
        .method = "POST", .path = buf_cstr(&path), .body = buf_slice(&text)};
    enum err e = http_json(t, &call, buf_cstr(&what), &answer);
    buf_free(&path);
    buf_free(&what);
    buf_free(&text);
    return e;
}

/* Shows the modules of the device afterwards, as az does. */
enum err edge_set_modules(struct cli *c)
{
    struct target t;
    struct slice device;
    struct json *content, *modules;
    TRY(cli_need(c, "device-id", &device));
    TRY(read_modules(c, &content));
    TRY(target_find(c, &t));
    TRY(edge_deploy(c, &t, device, content));
    TRY(identity_modules(&t, device, &modules));
    return output_value(
        &c->output, &c->arena, modules,
        "module=moduleId state=connectionState managedBy activity=lastActivityTime");
}
