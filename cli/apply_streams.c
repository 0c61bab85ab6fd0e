/* apply_streams.c - event hubs of a file with their consumer groups and captures, and diagnostic settings. */
#include "base/json.h"
#include "cli/apply.h"
#include "cli/http.h"
#include "cli/message_routing.h"

/* "BEFORE/NAME" in the arena. */
static const char *path_to(struct apply *a, const char *before, struct slice name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/", before);
    const char *text = http_path(a->cli, buf_cstr(&path), name);
    buf_free(&path);
    return text;
}

static const char *path_below(struct apply *a, const char *path, const char *below)
{
    struct buf whole = {0};
    buf_printf(&whole, "%s%s", path, below);
    struct slice kept = arena_copy(&a->cli->arena, buf_slice(&whole));
    buf_free(&whole);
    return (const char *)kept.ptr;
}

/* Something of the file that is not there (`have` NULL) or differs in `where`, which is freed. */
struct change {
    const char *path, *kind, *what; /* of a row, and of an error */
    struct slice name;
    const struct json *have, *want;
    const struct yaml *item;
    struct buf *where;
};

static enum err change(struct apply *a, const struct change *it)
{
    const char *path = path_to(a, it->path, it->name);
    enum err e = a->dry ? OK : apply_blame(a, it->item, apply_put(a, path, it->what, it->want));
    if (e == OK)
        apply_note(a, it->have ? "changed" : "added", it->kind, it->name, buf_slice(it->where));
    buf_free(it->where);
    return e;
}

/* ---- consumer groups */

/* `path` of all of them; `made`: the event hub is new, and has none. */
static enum err groups_of(struct apply *a, const char *path, bool made, const struct yaml *list)
{
    struct json *have = NULL;
    if (list->kind != YAML_LIST) return apply_bad(a, list, "a list was expected");
    if (!made) TRY(apply_blame(a, list, apply_get(a, path, &have)));
    for (const struct yaml *item = list->child; item; item = item->next) {
        struct slice name;
        TRY(apply_name(a, item, "name", &name));
        if (message_routing_find(have, "name", name)) continue;
        if (!a->dry)
            TRY(apply_blame(a, item, apply_put(a, path_to(a, path, name), "consumer group", NULL)));
        apply_note(a, "added", "consumerGroup", name, SLICE_NONE);
    }
    return OK;
}

enum err apply_groups(struct apply *a, const struct yaml *list)
{
    return groups_of(a, "/admin/v1/consumer-groups", false, list);
}

/* ---- captures */

/* In the form in which the hub shows it: what belongs to a destination is below `properties`. */
static struct json *capture_in_form(struct arena *a, const struct json *want)
{
    struct json *formed = json_new(a, JSON_OBJECT), *to = json_new(a, JSON_OBJECT),
                *properties = json_new(a, JSON_OBJECT);
    const struct json *given = json_given(want, "destination");
    apply_merge(a, formed, want);
    if (given == NULL || given->type != JSON_OBJECT) return formed; /* the hub says what is wrong */
    for (const struct json *m = given->child; m; m = m->next)
        if (!slice_is(m->key, "properties"))
            apply_set(a, slice_is(m->key, "name") ? to : properties, m);
    const struct json *below = json_given(given, "properties");
    if (below && below->type == JSON_OBJECT) apply_merge(a, properties, below);
    json_set(a, to, SLICE_LIT("properties"), properties);
    json_set(a, formed, SLICE_LIT("destination"), to);
    return formed;
}

static struct json *properties_of(const struct json *capture)
{
    return json_get(json_get(capture, "destination"), "properties");
}

/* The account's key, which is not shown, does not count. */
static bool capture_is_as(struct apply *a, const struct json *have, struct json *want,
                          struct buf *where)
{
    const struct json *is = json_get(have, "captureDescription");
    struct json *formed = capture_in_form(&a->cli->arena, want);
    apply_word(is, formed, "encoding");
    json_remove(properties_of(formed), json_get(properties_of(formed), "connectionString"));
    return apply_covers(is, formed, where);
}

/* What the file does not name is as the hub has it, but for another kind of destination. */
static struct json *capture_to_put(struct arena *a, const struct json *have,
                                   const struct json *want)
{
    struct json *put = json_new(a, JSON_OBJECT), *formed = capture_in_form(a, want);
    const struct json *is = json_get(have, "captureDescription");
    struct slice to = json_str(json_get(formed, "destination"), "name");
    if (is) apply_merge(a, put, is);
    if (to.ptr && !slice_eq(to, json_str(json_get(is, "destination"), "name")))
        json_remove(put, json_get(put, "destination"));
    apply_merge(a, put, formed);
    return put;
}

static enum err capture_of(struct apply *a, struct slice event_hub, const struct yaml *section)
{
    struct json *want, *all;
    struct buf where = {0};
    if (section->kind != YAML_MAP) return apply_bad(a, section, "names and values were expected");
    TRY(apply_json(a, section, &want));
    TRY(apply_blame(a, section, apply_get(a, "/admin/v1/captures", &all)));
    const struct json *have = message_routing_find(all, "eventHub", event_hub);
    if (have && capture_is_as(a, have, want, &where)) return OK;
    return change(a, &(struct change){"/admin/v1/captures", "capture", "capture", event_hub, have,
                                      capture_to_put(&a->cli->arena, have, want), section, &where});
}

enum err apply_capture(struct apply *a, const struct yaml *section)
{
    struct json *hub;
    TRY(apply_get(a, "/admin/v1/hub", &hub));
    return capture_of(a, arena_copy(&a->cli->arena, json_str(hub, "hubName")), section);
}

/* ---- event hubs */

static struct json *object_in(struct cli *c, struct json *object, const char *name)
{
    return json_set(&c->arena, object, slice_str(name), json_new(&c->arena, JSON_OBJECT));
}

/* As `azimuth eventhub create` sends it. */
static enum err event_hub_want(struct apply *a, const struct yaml *item, struct json **out)
{
    struct cli *c = a->cli;
    struct json *all = NULL, *want = *out = json_new(&c->arena, JSON_OBJECT);
    struct json *properties = object_in(c, want, "properties");
    struct json *keeps = object_in(c, properties, "retentionDescription");
    if (item->kind != YAML_MAP) return OK;
    TRY(apply_json(a, item, &all));
    for (const struct yaml *m = item->child; m; m = m->next) {
        bool known = slice_is(m->name, "name") || slice_is(m->name, "consumerGroups") ||
                     slice_is(m->name, "capture");
        bool count = slice_is(m->name, "partitionCount");
        bool keep =
            slice_is(m->name, "retentionTimeInHours") || slice_is(m->name, "retentionSizeInBytes");
        struct json *value = json_find(all, m->name);
        if (!known && !count && !keep) return apply_bad(a, m, "there is no such setting");
        if (known || value->type == JSON_NULL) continue;
        if (value->type != JSON_NUMBER) return apply_bad(a, m, "a number was expected");
        int64_t number;
        TRY(apply_blame(a, m, json_i64(value, &number)));
        json_set(&c->arena, count ? properties : keeps, m->name, json_new_i64(&c->arena, number));
    }
    return OK;
}

/* No limit is sent as 0 and shown as null. */
static bool keeps_as(const struct json *have, const struct json *want, struct buf *where)
{
    const struct json *h = json_get(json_get(have, "properties"), "retentionDescription");
    const struct json *w = json_get(json_get(want, "properties"), "retentionDescription");
    for (const struct json *m = w->child; m; m = m->next) {
        const struct json *is = json_find(h, m->key);
        bool none = slice_is(m->text, "0") && (is == NULL || is->type == JSON_NULL);
        if (none || apply_covers(is, m, where)) continue;
        buf_put_slice(where, m->key);
        return false;
    }
    return true;
}

static enum err check_partitions(struct apply *a, const struct yaml *item, const struct json *have,
                                 const struct json *want)
{
    static const char name[] = "partitionCount";
    struct buf where = {0};
    const struct json *h = json_get(json_get(have, "properties"), name);
    const struct json *w = json_get(json_get(want, "properties"), name);
    bool same = w == NULL || apply_covers(h, w, &where);
    buf_free(&where);
    if (!same && a->diff)
        apply_note(a, "changed", "eventHub", json_str(have, "name"), slice_str(name));
    if (same || a->diff) return OK;
    return apply_blame(a, item,
                       fail(ERR_CONFLICT, "event hub '%.*s' has %.*s partitions, which are fixed",
                            SLICE_ARG(json_str(have, "name")), SLICE_ARG(h->text)));
}

static enum err event_hub_itself(struct apply *a, const struct yaml *item, struct slice name,
                                 const struct json *have)
{
    struct json *want;
    struct buf where = {0};
    TRY(event_hub_want(a, item, &want));
    if (have) TRY(check_partitions(a, item, have, want));
    if (have && keeps_as(have, want, &where)) return OK;
    return change(a, &(struct change){"/admin/v1/event-hubs", "eventHub", "event hub", name, have,
                                      want, item, &where});
}

static enum err event_hub(struct apply *a, const struct yaml *item, const struct json *all)
{
    struct slice name;
    TRY(apply_name(a, item, "name", &name));
    const struct json *have = message_routing_find(all, "name", name);
    TRY(event_hub_itself(a, item, name, have));
    if (item->kind != YAML_MAP) return OK;
    const struct yaml *groups = yaml_get(item, "consumerGroups");
    const struct yaml *capture = yaml_get(item, "capture");
    const char *path = path_to(a, "/admin/v1/event-hubs", name);
    if (groups && !yaml_is_null(groups))
        TRY(groups_of(a, path_below(a, path, "/consumer-groups"), have == NULL, groups));
    return capture && !yaml_is_null(capture) ? capture_of(a, name, capture) : OK;
}

enum err apply_event_hubs(struct apply *a, const struct yaml *list)
{
    struct json *all;
    if (list->kind != YAML_LIST) return apply_bad(a, list, "a list was expected");
    TRY(apply_get(a, "/admin/v1/event-hubs", &all));
    for (const struct yaml *item = list->child; item; item = item->next)
        TRY(event_hub(a, item, all));
    return OK;
}

/* ---- diagnostic settings */

static bool is_on(const struct json *log)
{
    const struct json *enabled = json_get(log, "enabled");
    return enabled == NULL || enabled->truth;
}

static bool wants(const struct json *logs, struct slice category)
{
    bool wanted = false;
    for (const struct json *log = logs ? logs->child : NULL; log; log = log->next) {
        bool all = slice_is_nocase(json_str(log, "categoryGroup"), "allLogs");
        if (all || slice_eq_nocase(json_str(log, "category"), category))
            wanted = wanted || is_on(log);
    }
    return wanted;
}

/* The hub lists every category, a file those that are wanted. */
static bool logs_are_as(const struct json *have, const struct json *want)
{
    for (const struct json *log = have ? have->child : NULL; log; log = log->next)
        if (is_on(log) != wants(want, json_str(log, "category"))) return false;
    return have && want;
}

/* A setting is replaced as a whole: a way that the file does not name goes. */
static bool goes_as(const struct json *have, const struct json *want, const char *member,
                    struct buf *where)
{
    const struct json *h = json_given(have, member), *w = json_given(want, member);
    if ((h == NULL) == (w == NULL) && (w == NULL || apply_covers(h, w, where))) return true;
    buf_clear(where);
    buf_put_str(where, member);
    return false;
}

static bool setting_is_as(const struct json *have, const struct json *want, struct buf *where)
{
    if (!goes_as(have, want, "eventHubName", where) || !goes_as(have, want, "file", where))
        return false;
    if (logs_are_as(json_get(have, "logs"), json_get(want, "logs"))) return true;
    buf_put_str(where, "logs");
    return false;
}

static enum err diagnostic(struct apply *a, const struct yaml *item, const struct json *all)
{
    struct slice name;
    struct json *want;
    struct buf where = {0};
    TRY(apply_name(a, item, "name", &name));
    TRY(apply_json(a, item, &want));
    const struct json *have = message_routing_find(all, "name", name);
    if (have && setting_is_as(json_get(have, "properties"), json_get(want, "properties"), &where))
        return OK;
    return change(a, &(struct change){"/admin/v1/diagnostic-settings", "diagnosticSetting",
                                      "diagnostic setting", name, have, want, item, &where});
}

enum err apply_diagnostics(struct apply *a, const struct yaml *list)
{
    struct json *all;
    if (list->kind != YAML_LIST) return apply_bad(a, list, "a list was expected");
    TRY(apply_get(a, "/admin/v1/diagnostic-settings", &all));
    for (const struct yaml *item = list->child; item; item = item->next)
        TRY(diagnostic(a, item, all));
    return OK;
}
