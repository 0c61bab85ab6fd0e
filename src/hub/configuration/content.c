/* content.c - the content of a configuration: which kind it is, what may stand in it. */
#include "hub/configuration/plan.h"
#include "hub/configuration/tree.h"

static const char paths[] = "properties.desired";

static enum err check_path(struct slice key)
{
    struct slice rest = slice_from(key, sizeof paths - 1), name;
    if (!slice_starts(key, slice_str(paths)) || (rest.len && rest.ptr[0] != '.'))
        return fail(ERR_INVALID, "'%.*s' does not begin with properties.desired", SLICE_ARG(key));
    if (rest.len == 0) return OK;
    for (rest = slice_from(rest, 1); rest.ptr && slice_split(&rest, '.', &name);) {
        if (name.len == 0)
            return fail(ERR_INVALID, "'%.*s' has a property without a name", SLICE_ARG(key));
        if (slice_find(name, '$') < name.len)
            return fail(ERR_INVALID, "'%.*s' has a property with a $", SLICE_ARG(key));
    }
    return slice_ends(key, SLICE_LIT("."))
               ? fail(ERR_INVALID, "'%.*s' ends with a dot", SLICE_ARG(key))
               : OK;
}

/* Keys are "properties.desired" and paths below it. */
static enum err check_settings(const struct json *settings)
{
    if (settings->type != JSON_OBJECT) return fail(ERR_INVALID, "content must be an object");
    for (const struct json *s = settings->child; s; s = s->next) {
        TRY(check_path(s->key));
        if (tree_path(s).len == 0 && s->type != JSON_OBJECT)
            return fail(ERR_INVALID, "properties.desired must be an object");
    }
    return OK;
}

/* Short keys first: what says more comes later. */
static void sort(struct json *settings)
{
    struct json *sorted = NULL;
    for (struct json *s = settings->child, *next; s; s = next) {
        struct json **at = &sorted;
        next = s->next;
        while (*at && (*at)->key.len <= s->key.len) at = &(*at)->next;
        s->next = *at;
        *at = s;
    }
    settings->child = sorted;
}

/* Null takes a property out; further inside it says nothing. */
static void make_ready(struct json *settings)
{
    for (struct json *s = settings->child; s; s = s->next) {
        if (tree_path(s).len)
            tree_prune(s);
        else
            for (struct json *m = s->child; m; m = m->next) tree_prune(m);
    }
    sort(settings);
}

/* ---- deployments */

static enum err check_module(struct slice id)
{
    bool system = plan_is_system(id);
    if (hub_id_valid(id) && (system || id.ptr[0] != '$')) return OK;
    return fail(ERR_INVALID, "'%.*s' cannot be a module", SLICE_ARG(id));
}

static bool is_layered(const struct json *modules)
{
    for (const struct json *m = modules->child; m; m = m->next)
        for (const struct json *s = m->child; s; s = s->next)
            if (tree_path(s).len) return true;
    return false;
}

static enum err read_modules(struct item *it)
{
    const struct json *agent = json_find(it->content, PLAN_AGENT);
    unsigned count = 0;
    for (struct json *m = it->content->child; m; m = m->next) {
        TRY(check_module(m->key));
        TRY(check_settings(m));
        make_ready(m);
        count += !plan_is_system(m->key);
    }
    if (count > CONFIGURATION_MODULES_MAX)
        return fail(ERR_INVALID,
                    "a deployment has at most %d modules besides $edgeAgent and "
                    "$edgeHub",
                    CONFIGURATION_MODULES_MAX);
    it->base = json_get(agent, paths) != NULL;
    if (!it->base && !is_layered(it->content))
        return fail(ERR_INVALID, "a deployment has $edgeAgent with properties.desired, or is "
                                 "layered: with paths below it");
    return OK;
}

/* ---- all of it */

static bool is_empty(const struct json *j)
{
    return j->type == JSON_OBJECT && j->child == NULL;
}

/* The .NET SDK's second version sends all three, empty but for the one that is meant. */
static enum err choose(const struct json *content, enum content_kind *kind, const struct json **out)
{
    static const char *const names[] = {[CONTENT_DEVICE] = "deviceContent",
                                        [CONTENT_MODULE] = "moduleContent",
                                        [CONTENT_EDGE] = "modulesContent"};
    *out = NULL;
    for (int k = CONTENT_DEVICE; k <= CONTENT_EDGE; k++) {
        const struct json *j = json_given(content, names[k]);
        if (j == NULL || (*out && is_empty(j))) continue;
        if (*out && !is_empty(*out))
            return fail(ERR_INVALID, "content has one member, not several");
        *out = j;
        *kind = (enum content_kind)k;
    }
    if (*out && (*out)->type == JSON_OBJECT) return OK;
    return *out ? fail(ERR_INVALID, "content must be an object")
                : fail(ERR_INVALID,
                       "content is missing: deviceContent, moduleContent or modulesContent");
}

enum err conf_item_content(struct item *it, const struct json *content)
{
    const struct json *found;
    TRY(choose(content, &it->kind, &found));
    it->content = tree_copy(&it->arena, found);
    if (it->kind == CONTENT_EDGE) return read_modules(it);
    TRY(check_settings(it->content));
    make_ready(it->content);
    return OK;
}
