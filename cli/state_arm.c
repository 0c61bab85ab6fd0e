/* state_arm.c - the resources of a hub's template: az has them in a state as `arm`.
 *
 *   Microsoft.Devices/IotHubs                                       properties.routing
 *   Microsoft.Devices/IotHubs/certificates                          HUB/NAME
 *   Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups      HUB/events/NAME
 *
 * The routing document is changed one item at a time, so that one that is refused keeps no other out.  Names may be
 * template functions ("[concat(parameters('hub'), '/root')]"): what counts is behind the last slash.
 */
#include <stdio.h>

#include "base/text.h"
#include "cli/http.h"
#include "cli/state.h"

#define ROUTING "/admin/v1/routing"
#define HUB     "Microsoft.Devices/IotHubs"

struct arm {
    struct cli *c;
    struct target *t;
    struct state_counts *counts;
    bool dry;
    const struct json *routing; /* the hub's */
    const char *etag;           /* of it */
};

static void leave_out(struct arm *a, const char *what, struct slice name, const char *why)
{
    fprintf(stderr, "left out: %s%s%.*s: %s\n", what, name.len ? " " : "", SLICE_ARG(name), why);
    a->counts->left_out++;
}

/* What the hub refuses is left out; anything else is an error of this run. */
static enum err judge(struct arm *a, enum err e, const char *what, struct slice name)
{
    if (e != ERR_INVALID && e != ERR_PROTOCOL && e != ERR_FULL && e != ERR_EXISTS) return e;
    leave_out(a, what, name, fail_text());
    return OK;
}

/* ---- routing */

static enum err get_routing(struct target *t, struct json **answer, const struct json **routing)
{
    TRY(http_get(t, ROUTING, "routing", answer));
    *routing = json_get(json_get(*answer, "properties"), "routing");
    return *routing ? OK : fail(ERR_PROTOCOL, "the hub's answer has no routing");
}

static enum err fetch_routing(struct arm *a)
{
    struct json *answer;
    TRY(get_routing(a->t, &answer, &a->routing));
    a->etag = (const char *)arena_copy(&a->c->arena, json_str(answer, "etag")).ptr;
    return OK;
}

static struct json *copy(struct arena *arena, const struct json *of)
{
    struct buf text = BUF_SECRET;
    struct json *made = NULL;
    json_write(&text, of);
    enum err e = json_parse(arena, buf_slice(&text), &made);
    assert(e == OK);
    (void)e;
    buf_wipe(&text);
    return made;
}

static enum err send_routing(struct arm *a, const struct json *document)
{
    struct json *answer;
    struct buf body = BUF_SECRET;
    json_write(&body, document);
    const struct http_call call = {
        .method = "PUT", .path = ROUTING, .if_match = a->etag, .body = buf_slice(&body)};
    enum err e = http_json(a->t, &call, "routing", &answer);
    buf_wipe(&body);
    return e == OK ? fetch_routing(a) : e;
}

/* Without what only a subscription of Azure has; null is left out. */
static struct json *plain(struct arm *a, const struct json *item)
{
    static const char *const theirs[] = {"id", "subscriptionId", "resourceGroup"};
    struct arena *arena = &a->c->arena;
    struct json *made = json_new(arena, JSON_OBJECT);
    for (const struct json *m = item->child; m; m = m->next) {
        bool drop = m->type == JSON_NULL;
        for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
            drop = drop || slice_is(m->key, theirs[i]);
        if (!drop) json_set(arena, made, m->key, copy(arena, m));
    }
    return made;
}

/* Puts it in the place of the one with the same key, or at the end. */
static void put_item(struct arena *arena, struct json *in, const char *list_name, const char *key,
                     struct json *item)
{
    struct json *list = json_get(in, list_name);
    if (list == NULL || list->type != JSON_ARRAY)
        list = json_set(arena, in, slice_str(list_name), json_new(arena, JSON_ARRAY));
    for (struct json **at = &list->child; *at; at = &(*at)->next) {
        if (!slice_eq_nocase(json_str(*at, key), json_str(item, key))) continue;
        item->next = (*at)->next;
        *at = item;
        return;
    }
    json_append(list, item);
}

struct kind {
    const char *what, *list, *key;
    bool endpoint;
};

static enum err add_item(struct arm *a, const struct kind *kind, const struct json *item,
                         unsigned long *count)
{
    struct slice name = json_str(item, kind->key);
    struct arena *arena = &a->c->arena;
    ++*count;
    if (a->dry) return OK;
    struct json *document = copy(arena, a->routing), *in = document;
    if (kind->endpoint) {
        in = json_get(document, "endpoints");
        if (in == NULL)
            in = json_set(arena, document, SLICE_LIT("endpoints"), json_new(arena, JSON_OBJECT));
    }
    put_item(arena, in, kind->list, kind->key, plain(a, item));
    enum err e = send_routing(a, document);
    if (e != OK) --*count;
    return judge(a, e, kind->what, name);
}

static enum err add_list(struct arm *a, const struct kind *kind, const struct json *list,
                         unsigned long *count)
{
    for (const struct json *j = list && list->type == JSON_ARRAY ? list->child : NULL; j;
         j = j->next)
        TRY(add_item(a, kind, j, count));
    return OK;
}

static enum err add_fallback(struct arm *a, const struct json *fallback)
{
    if (fallback == NULL || fallback->type != JSON_OBJECT || a->dry) return OK;
    struct json *document = copy(&a->c->arena, a->routing);
    json_set(&a->c->arena, document, SLICE_LIT("fallbackRoute"), plain(a, fallback));
    return judge(a, send_routing(a, document), "fallbackRoute", SLICE_LIT(""));
}

static enum err add_routing(struct arm *a, const struct json *routing)
{
    static const struct kind routes = {"route", "routes", "name", false},
                             enrichments = {"enrichment", "enrichments", "key", false};
    const struct json *endpoints = json_get(routing, "endpoints");
    if (!a->dry) TRY(fetch_routing(a));
    for (const struct json *j = endpoints ? endpoints->child : NULL; j; j = j->next) {
        const struct kind kind = {"endpoint", (const char *)arena_copy(&a->c->arena, j->key).ptr,
                                  "name", true};
        TRY(add_list(a, &kind, j, &a->counts->endpoints));
    }
    TRY(add_list(a, &routes, json_get(routing, "routes"), &a->counts->routes));
    TRY(add_list(a, &enrichments, json_get(routing, "enrichments"), &a->counts->enrichments));
    return add_fallback(a, json_get(routing, "fallbackRoute"));
}

/* ---- the hub itself */

/* What it has besides, and where that is said here. */
static const struct {
    const char *member, *why;
} others[] = {
    {"eventHubEndpoints", "partitions and retention are options of azimuth serve"},
    {"authorizationPolicies", "policies have keys of their own: azimuth hub policy list"},
    {"ipFilterRules", "addresses are a matter of the machine's firewall"},
    {"networkRuleSets", "addresses are a matter of the machine's firewall"},
    {"privateEndpointConnections", "there are no virtual networks here"},
    {"storageEndpoints", "files that devices upload: azimuth serve --upload-account"},
};

static bool is_empty(const struct json *j)
{
    return j == NULL || j->type == JSON_NULL || (j->type == JSON_ARRAY && j->child == NULL) ||
           (j->type == JSON_OBJECT && j->child == NULL);
}

static enum err add_hub(struct arm *a, const struct json *resource)
{
    const struct json *properties = json_get(resource, "properties");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!is_empty(json_get(properties, others[i].member)))
            leave_out(a, others[i].member, SLICE_LIT(""), others[i].why);
    if (!is_empty(json_get(resource, "identity")))
        leave_out(a, "identity", SLICE_LIT(""), "there are no managed identities here");
    return add_routing(a, json_get(properties, "routing"));
}

/* ---- what is below it */

/* "[concat(parameters('n'), '/events/readers')]" and "hub/events/readers": "readers". */
static struct slice last_name(struct slice name)
{
    size_t slash = slice_rfind(name, '/');
    struct slice last = slash < name.len ? slice_from(name, slash + 1) : name;
    return slice_head(last, slice_find(last, '\''));
}

static enum err put_below(struct arm *a, const char *path, struct slice name, struct slice body,
                          const char *what, unsigned long *count)
{
    struct http_answer answer;
    ++*count;
    if (a->dry) return OK;
    const struct http_call call = {
        .method = "PUT", .path = http_path(a->c, path, name), .body = body};
    TRY(http_do(a->t, &call, &answer));
    enum err e = answer.status >= 300 && answer.status != 409 && answer.status != 412
                     ? http_refusal(a->t, &answer, what)
                     : OK; /* one that is there stays as it is */
    http_answer_free(&answer);
    if (e != OK) --*count;
    return judge(a, e, what, name);
}

static enum err add_certificate(struct arm *a, const struct json *resource)
{
    const struct json *properties = json_get(resource, "properties");
    const struct json *verified = json_get(properties, "isVerified");
    struct buf body = {0};
    buf_put_str(&body, "{\"certificate\":");
    text_json_string(&body, json_str(properties, "certificate"));
    buf_printf(&body, ",\"isVerified\":%s}", verified && verified->truth ? "true" : "false");
    enum err e = put_below(a, "/admin/v1/certificates/", last_name(json_str(resource, "name")),
                           buf_slice(&body), "certificate", &a->counts->certificates);
    buf_free(&body);
    return e;
}

static enum err add_group(struct arm *a, const struct json *resource)
{
    struct slice name = last_name(json_str(resource, "name"));
    if (slice_is_nocase(name, "$Default")) return OK;
    return put_below(a, "/admin/v1/consumer-groups/", name, SLICE_LIT("{}"), "consumer group",
                     &a->counts->groups);
}

static enum err add_resource(struct arm *a, const struct json *resource)
{
    struct slice type = json_str(resource, "type");
    if (slice_is_nocase(type, HUB)) return add_hub(a, resource);
    if (slice_is_nocase(type, HUB "/certificates")) return add_certificate(a, resource);
    if (slice_is_nocase(type, HUB "/eventHubEndpoints/ConsumerGroups"))
        return add_group(a, resource);
    leave_out(a, "resource", type, "it has no meaning here");
    return OK;
}

/* Groups and certificates first: nobody waits for them. */
enum err state_add_arm(struct cli *c, struct target *t, const struct json *arm, bool dry,
                       struct state_counts *counts)
{
    struct arm a = {.c = c, .t = t, .counts = counts, .dry = dry};
    const struct json *resources = json_get(arm, "resources");
    if (resources == NULL || resources->type != JSON_ARRAY) return OK;
    for (int hubs = 0; hubs < 2; hubs++)
        for (const struct json *r = resources->child; r; r = r->next)
            if (slice_is_nocase(json_str(r, "type"), HUB) == (hubs == 1)) TRY(add_resource(&a, r));
    return OK;
}

/* ---- written */

static enum err get(struct target *t, const char *path, struct json **out)
{
    return http_get(t, path, path, out);
}

static void put_resource(struct buf *out, const char *type, struct slice name,
                         const struct json *properties)
{
    buf_printf(out, ",\n{\"type\":\"" HUB "/%s\",\"apiVersion\":\"2023-06-30\",\"name\":", type);
    text_json_string(out, name);
    buf_put_str(out, ",\"properties\":");
    if (properties)
        json_write(out, properties);
    else
        buf_put_str(out, "{}");
    buf_put_u8(out, '}');
}

static enum err put_certificates(struct target *t, struct slice hub, struct buf *out)
{
    struct json *list;
    TRY(get(t, "/admin/v1/certificates", &list));
    for (const struct json *j = list->child; j; j = j->next) {
        struct buf name = {0};
        buf_printf(&name, "%.*s/%.*s", SLICE_ARG(hub), SLICE_ARG(json_str(j, "name")));
        put_resource(out, "certificates", buf_slice(&name), json_get(j, "properties"));
        buf_free(&name);
    }
    return OK;
}

static enum err put_groups(struct target *t, struct slice hub, struct buf *out)
{
    struct json *list;
    TRY(get(t, "/admin/v1/consumer-groups", &list));
    for (const struct json *j = list->child; j; j = j->next) {
        struct buf name = {0};
        buf_printf(&name, "%.*s/events/%.*s", SLICE_ARG(hub), SLICE_ARG(json_str(j, "name")));
        put_resource(out, "eventHubEndpoints/ConsumerGroups", buf_slice(&name), NULL);
        buf_free(&name);
    }
    return OK;
}

enum err state_arm(struct cli *c, struct target *t, struct buf *out)
{
    struct json *hub, *answer;
    const struct json *routing;
    (void)c;
    TRY(get(t, "/admin/v1/hub", &hub));
    TRY(get_routing(t, &answer, &routing));
    struct slice name = json_str(hub, "hubName");
    buf_put_str(out, "{\"$schema\":\"https://schema.management.azure.com/schemas/2019-04-01/"
                     "deploymentTemplate.json#\",\"contentVersion\":\"1.0.0.0\",\"resources\":[\n"
                     "{\"type\":\"" HUB "\",\"apiVersion\":\"2023-06-30\",\"name\":");
    text_json_string(out, name);
    buf_put_str(out, ",\"properties\":{\"routing\":");
    json_write(out, routing);
    buf_put_str(out, "}}");
    TRY(put_certificates(t, name, out));
    TRY(put_groups(t, name, out));
    buf_put_str(out, "]}");
    return OK;
}
