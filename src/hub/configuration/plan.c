/* plan.c - what deployments make of an edge device and its modules. */
#include "hub/configuration/plan.h"

#include "hub/configuration/tree.h"

/* ---- which count */

bool plan_is_edge(const struct json *device)
{
    const struct json *edge = json_get(json_get(device, "capabilities"), "iotEdge");
    return edge && edge->type == JSON_BOOL && edge->truth;
}

static const struct item *base_of(struct item *const *items, unsigned count)
{
    while (count > 0)
        if (items[--count]->base) return items[count];
    return NULL;
}

static bool applies(const struct item *it, const struct item *base)
{
    return base && (it == base || (!it->base && it->priority > base->priority));
}

static void choose(struct plan *p, struct arena *a, struct item *const *mean, unsigned count)
{
    const struct item *base = base_of(mean, count);
    p->meant.count = count;
    for (unsigned i = 0; i < count; i++) {
        bool applied = applies(mean[i], base);
        p->meant.of[i].id = arena_copy(a, mean[i]->id);
        p->meant.of[i].applied = applied;
        if (applied) p->applied[p->applied_count++] = conf_item_keep(mean[i]);
    }
}

static void note_left(struct plan *p, const struct list *items, const struct json *agent)
{
    LIST_EACH(node, items)
    {
        struct item *it = CONTAINER_OF(node, struct item, node);
        bool now = false;
        if (it->kind != CONTENT_EDGE || !conf_was_applied(agent, it)) continue;
        for (unsigned i = 0; i < p->applied_count; i++) now |= p->applied[i] == it;
        if (!now) p->left[p->left_count++] = conf_item_keep(it);
    }
}

/* ---- which modules */

static void add_module(struct plan *p, struct slice id)
{
    for (unsigned i = 0; i < p->module_count; i++)
        if (slice_eq(p->modules[i], id)) return;
    p->modules[p->module_count++] = id;
}

static unsigned count_modules(struct item *const *items, unsigned count)
{
    unsigned all = 0;
    for (unsigned i = 0; i < count; i++)
        for (const struct json *m = items[i]->content->child; m; m = m->next) all++;
    return all;
}

static void add_modules(struct plan *p, struct item *const *items, unsigned count, bool system)
{
    for (unsigned i = 0; i < count; i++)
        for (const struct json *m = items[i]->content->child; m; m = m->next)
            if (plan_is_system(m->key) == system && !slice_eq(m->key, PLAN_AGENT))
                add_module(p, m->key);
}

/* Users' modules are there before $edgeHub routes to them and $edgeAgent starts them. */
static void list_modules(struct plan *p, struct arena *a)
{
    size_t room =
        1 + count_modules(p->applied, p->applied_count) + count_modules(p->left, p->left_count);
    p->modules = arena_alloc(a, room * sizeof *p->modules);
    for (int system = 0; system <= 1; system++) {
        add_modules(p, p->left, p->left_count, system);
        add_modules(p, p->applied, p->applied_count, system);
    }
    if (room > 1 || p->says) add_module(p, PLAN_AGENT);
}

/* ---- plans */

void conf_plan_make(struct arena *a, const struct list *items, const struct json *device,
                    const struct json *agent, struct plan *out)
{
    struct item *mean[CONFIGURATIONS_MAX];
    unsigned count = 0;
    *out = (struct plan){0};
    LIST_EACH(node, items)
    {
        struct item *it = CONTAINER_OF(node, struct item, node);
        bool fits = it->kind == CONTENT_EDGE && it->query && plan_is_edge(device);
        if (fits && query_match(a, it->query, device)) mean[count++] = it;
    }
    choose(out, a, mean, count);
    note_left(out, items, agent);
    out->says = !conf_meant_same(a, &out->meant, json_get(agent, "configurations"));
    list_modules(out, a);
}

void conf_plan_one(struct arena *a, struct item *it, struct plan *out)
{
    *out = (struct plan){0};
    out->applied[out->applied_count++] = conf_item_keep(it);
    list_modules(out, a);
}

void conf_plan_drop(struct plan *p)
{
    for (unsigned i = 0; i < p->applied_count; i++) conf_item_free(p->applied[i]);
    for (unsigned i = 0; i < p->left_count; i++) conf_item_free(p->left[i]);
    p->applied_count = p->left_count = 0;
}

/* ---- a module */

static const struct json *settings_of(const struct item *it, struct slice module_id)
{
    const struct json *module = json_find(it->content, module_id);
    return module ? module->child : NULL;
}

static struct json *apply(struct arena *a, struct json *wanted, const struct json *setting)
{
    if (tree_path(setting).len == 0) return tree_of(a, setting);
    tree_set(a, wanted, tree_path(setting), setting);
    return wanted;
}

static void add_by(struct buf *by, struct item *const *items, unsigned count, struct slice of)
{
    for (unsigned i = 0; i < count; i++)
        if (of.len == 0 || json_find(items[i]->content, of)) conf_by_add(by, items[i]->id);
}

void conf_plan_by(const struct plan *p, struct slice module_id, struct buf *by)
{
    add_by(by, p->left, p->left_count, module_id);
    add_by(by, p->applied, p->applied_count, module_id);
    if (buf_size(by)) return;
    add_by(by, p->left, p->left_count, SLICE_NONE);
    add_by(by, p->applied, p->applied_count, SLICE_NONE);
    if (buf_size(by) == 0) buf_put_str(by, "a configuration");
}

struct json *conf_plan_patch(struct arena *a, const struct plan *p, struct slice module_id,
                             const struct json *desired)
{
    struct json *wanted = tree_of(a, desired);
    for (unsigned i = 0; i < p->left_count; i++)
        for (const struct json *s = settings_of(p->left[i], module_id); s; s = s->next)
            tree_clear(wanted, s);
    for (unsigned i = 0; i < p->applied_count; i++)
        for (const struct json *s = settings_of(p->applied[i], module_id); s; s = s->next)
            wanted = apply(a, wanted, s);
    return tree_difference(a, desired, wanted);
}
