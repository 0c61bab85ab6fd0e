/* fit.c - what configurations make of one twin.
 *
 * The desired properties to be are built as a tree: what earlier configurations put there and nobody says
 * any more is taken out, then each configuration sets its paths, the least important first.  The patch is
 * the difference to what is there.
 */
#include "hub/configuration/fit.h"

#include "base/text.h"
#include "hub/configuration/tree.h"
#include "hub/twin/twin.h"

/* ---- those that mean a twin */

bool conf_meant_has(const struct meant *m, struct slice id)
{
    for (unsigned i = 0; i < m->count; i++)
        if (slice_eq(m->of[i].id, id)) return true;
    return false;
}

void conf_meant_put(struct buf *out, const struct meant *m)
{
    buf_put_u8(out, '{');
    for (unsigned i = 0; i < m->count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, m->of[i].id);
        buf_printf(out, ":{\"status\":\"%s\"}", m->of[i].applied ? "Applied" : "Targeted");
    }
    buf_put_u8(out, '}');
}

bool conf_meant_same(struct arena *a, const struct meant *m, const struct json *configurations)
{
    struct buf text = {0};
    struct json *now;
    if (configurations == NULL) return m->count == 0;
    conf_meant_put(&text, m);
    enum err e = json_parse(a, buf_slice(&text), &now);
    assert(e == OK);
    buf_free(&text);
    return tree_same(configurations, now);
}

bool conf_was_applied(const struct json *twin, const struct item *it)
{
    const struct json *had = json_find(json_get(twin, "configurations"), it->id);
    return slice_is(json_str(had, "status"), "Applied");
}

/* ---- who writes */

void conf_by_add(struct buf *by, struct slice id)
{
    static const char first[] = "configuration ", next[] = ", ", rest[] = ", ..";
    size_t size = buf_size(by);
    bool ended = size > sizeof rest && slice_ends(buf_slice(by), slice_str(rest));
    if (id.len == 0 || ended) return;
    if (size + strlen(next) + id.len + strlen(rest) > TWIN_BY_MAX) {
        buf_put_str(by, rest);
        return;
    }
    buf_put_str(by, size ? next : first);
    buf_put_slice(by, id);
}

static bool is_applied(const struct meant *m, struct slice id)
{
    for (unsigned i = 0; i < m->count; i++)
        if (slice_eq(m->of[i].id, id)) return m->of[i].applied;
    return false;
}

static struct slice who_writes(struct arena *a, const struct list *items, const struct json *twin,
                               const struct meant *m)
{
    struct buf by = {0};
    LIST_EACH(node, items)
    {
        const struct item *it = CONTAINER_OF(node, struct item, node);
        if (is_applied(m, it->id) != conf_was_applied(twin, it)) conf_by_add(&by, it->id);
    }
    bool none = buf_size(&by) == 0;
    for (unsigned i = 0; i < m->count; i++)
        if (none && m->of[i].applied) conf_by_add(&by, m->of[i].id);
    struct slice copy = arena_copy(a, buf_slice(&by));
    buf_free(&by);
    return copy;
}

/* ---- a twin */

/* Is one of its settings what the twin is to have? */
static bool counts(const struct item *it, const struct json *desired)
{
    for (const struct json *s = it->content->child; s; s = s->next)
        if (tree_has(desired, s)) return true;
    return it->content->child == NULL;
}

static struct slice write_json(struct arena *a, const struct meant *meant, const struct json *patch)
{
    struct buf text = {0};
    buf_put_str(&text, "{\"configurations\":");
    conf_meant_put(&text, meant);
    if (patch) {
        buf_put_str(&text, ",\"properties\":{\"desired\":");
        json_write(&text, patch);
        buf_put_u8(&text, '}');
    }
    buf_put_u8(&text, '}');
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

void conf_fit_make(struct arena *a, const struct list *items, const struct json *twin,
                   bool of_module, struct fit *out)
{
    const struct json *is = json_get(json_get(twin, "properties"), "desired");
    const struct item *mean[CONFIGURATIONS_MAX];
    struct json *wanted = tree_of(a, is);
    struct meant *m = &out->meant;
    m->count = 0;
    LIST_EACH(node, items)
    {
        const struct item *it = CONTAINER_OF(node, struct item, node);
        if (it->kind != (of_module ? CONTENT_MODULE : CONTENT_DEVICE)) continue;
        bool means = it->query && query_match(a, it->query, twin);
        if (means)
            mean[m->count++] = it;
        else if (conf_was_applied(twin, it))
            for (struct json *s = it->content->child; s; s = s->next) tree_clear(wanted, s);
    }
    for (unsigned i = 0; i < m->count; i++)
        for (const struct json *s = mean[i]->content->child; s; s = s->next)
            tree_set(a, wanted, tree_path(s), s);
    for (unsigned i = 0; i < m->count; i++) {
        m->of[i].id = arena_copy(a, mean[i]->id);
        m->of[i].applied = counts(mean[i], wanted);
    }
    const struct json *patch = tree_difference(a, is, wanted);
    out->changes = patch || !conf_meant_same(a, m, json_get(twin, "configurations"));
    out->json = write_json(a, m, patch);
    out->by = who_writes(a, items, twin, m);
}
