/* apply_list.c - sections that list things by an id: all are looked at before one is changed. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "cli/apply.h"

/* ---- words that the hub would not look at are mistakes */

static bool is_member(const struct apply_kind *k, const char *path)
{
    bool known = false;
    for (size_t i = 0; k->members[i]; i++) known = known || strcmp(k->members[i], path) == 0;
    return known;
}

static enum err check_below(const struct apply *a, const struct apply_kind *k,
                            const struct yaml *map, const char *before)
{
    struct buf path = {0}, any = {0};
    char why[64];
    enum err e = OK;
    snprintf(why, sizeof why, "there is no such setting of %s", k->of);
    const struct yaml *m = map->kind == YAML_MAP ? map->child : NULL;
    for (; m && e == OK; m = m->next) {
        buf_clear(&path);
        buf_clear(&any);
        buf_printf(&path, "%s%s%.*s", before, *before ? "." : "", SLICE_ARG(m->name));
        buf_printf(&any, "%s.*", buf_cstr(&path));
        if (is_member(k, buf_cstr(&any))) continue;
        e = is_member(k, buf_cstr(&path)) ? check_below(a, k, m, buf_cstr(&path))
                                          : apply_bad(a, m, why);
    }
    buf_free(&path);
    buf_free(&any);
    return e;
}

static enum err check_members(const struct apply *a, const struct apply_kind *k,
                              const struct yaml *item)
{
    return check_below(a, k, item, "");
}

/* ---- all of them */

static enum err check_one(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                          struct map *ids)
{
    struct slice id;
    TRY(apply_name(a, item, k->id, &id));
    if (map_put(ids, id, (void *)(uintptr_t)item)) {
        char why[64];
        snprintf(why, sizeof why, "this %s is there already", k->what);
        return apply_bad(a, item, why);
    }
    TRY(check_members(a, k, item));
    return k->check ? k->check(a, k, item, id) : OK;
}

static enum err too_many(const struct apply *a, const struct apply_kind *k, const struct yaml *at)
{
    char why[64];
    snprintf(why, sizeof why, "there are more than %u %s", k->max, k->many);
    return apply_bad(a, at, why);
}

enum err apply_list_check(struct apply *a, const struct apply_kind *k, const struct yaml *list)
{
    struct map ids = {0};
    enum err e = OK;
    unsigned all = 0;
    if (list->kind != YAML_LIST) return apply_bad(a, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next)
        if (all++ == k->max) return too_many(a, k, item);
    for (const struct yaml *item = list->child; item && e == OK; item = item->next)
        e = check_one(a, k, item, &ids);
    map_free(&ids);
    return e;
}

static uint64_t count_of(const struct yaml *list)
{
    uint64_t count = 0;
    for (const struct yaml *item = list->child; item; item = item->next) count++;
    return count;
}

enum err apply_list(struct apply *a, const struct apply_kind *k, const struct yaml *list)
{
    uint64_t done = 0, all = count_of(list);
    enum err e = OK;
    for (const struct yaml *item = list->child; item && e == OK; item = item->next) {
        struct slice id;
        TRY(apply_name(a, item, k->id, &id));
        e = apply_blame(a, item, k->apply(a, k, item, id));
        done++;
        progress_show(&a->cli->progress, &(struct progress_at){.step = k->many,
                                                               .unit = k->many,
                                                               .done = done,
                                                               .total = all,
                                                               .ended = e == OK && !item->next});
    }
    return e;
}
