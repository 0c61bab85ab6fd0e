/* io_mem_names.c - names and their unsynced changes. */
#include "base/io_mem_names.h"

#include <stdlib.h>

#include "base/mem.h"

struct mem_name {
    char *path;
    struct mem_node *now, *durable; /* NULL: no such file */
    unsigned steps;                 /* unsynced ones that name it */
};

/* What one call did to one or two names. */
struct mem_step {
    struct mem_name *name[2]; /* the second may be NULL */
    struct mem_node *node[2]; /* what the name means after it */
    bool chosen;              /* scratch of settle() */
};

static struct mem_name *find_name(const struct mem_names *n, const char *path)
{
    return map_get(&n->names, slice_str(path));
}

struct mem_node *mem_names_get(const struct mem_names *n, const char *path)
{
    const struct mem_name *name = find_name(n, path);
    return name ? name->now : NULL;
}

static struct mem_name *make_name(struct mem_names *n, const char *path)
{
    struct mem_name *name = find_name(n, path);
    if (name) return name;
    name = NEW(struct mem_name);
    name->path = mem_str(path);
    map_put(&n->names, slice_str(name->path), name);
    return name;
}

static void set_node(struct mem_node **place, struct mem_node *node)
{
    if (node) mem_node_ref(node);
    mem_node_drop(*place);
    *place = node;
}

static void forget_name_if_unused(struct mem_names *n, struct mem_name *name)
{
    if (name->now || name->durable || name->steps) return;
    map_remove(&n->names, slice_str(name->path));
    free(name->path);
    free(name);
}

struct slice mem_names_dir_of(const char *path)
{
    struct slice s = slice_str(path);
    size_t cut = slice_rfind(s, '/');
    return slice_head(s, cut < s.len ? cut : 0);
}

bool mem_names_has_dir(const struct mem_names *n, struct slice dir)
{
    if (dir.len == 0) return true;
    const struct mem_name *name = map_get(&n->names, dir);
    return name && name->now && name->now->is_dir &&
           mem_names_has_dir(n, mem_names_dir_of(name->path));
}

/* Makes one or two names mean other nodes, unsynced. */
static void take_step(struct mem_names *n, struct mem_step step)
{
    if (n->step_count == n->step_cap) {
        n->step_cap = n->step_cap ? n->step_cap * 2 : 8;
        n->steps = mem_grow(n->steps, n->step_cap * sizeof *n->steps);
    }
    for (int i = 0; i < 2 && step.name[i]; i++) {
        if (step.node[i]) mem_node_ref(step.node[i]);
        step.name[i]->steps++;
    }
    for (int i = 1; i >= 0; i--)
        if (step.name[i]) set_node(&step.name[i]->now, step.node[i]);
    n->steps[n->step_count++] = step;
}

void mem_names_put(struct mem_names *n, const char *path, struct mem_node *node)
{
    take_step(n, (struct mem_step){.name = {make_name(n, path)}, .node = {node}});
}

void mem_names_move(struct mem_names *n, const char *from, const char *to)
{
    struct mem_name *source = find_name(n, from);
    take_step(n,
              (struct mem_step){.name = {source, make_name(n, to)}, .node = {NULL, source->now}});
}

static bool touches(const struct mem_step *s, struct slice dir)
{
    return slice_eq(mem_names_dir_of(s->name[0]->path), dir) ||
           (s->name[1] && slice_eq(mem_names_dir_of(s->name[1]->path), dir));
}

static bool share_dir(const struct mem_step *a, const struct mem_step *b)
{
    return touches(a, mem_names_dir_of(b->name[0]->path)) ||
           (b->name[1] && touches(a, mem_names_dir_of(b->name[1]->path)));
}

/* Makes the chosen steps durable (all of them leave the list when `drop_rest`). */
static void settle(struct mem_names *n, bool drop_rest)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->step_count; i++) {
        struct mem_step s = n->steps[i];
        if (!s.chosen && !drop_rest) {
            n->steps[kept++] = s;
            continue;
        }
        for (int k = 0; k < 2 && s.name[k]; k++) {
            if (s.chosen) set_node(&s.name[k]->durable, s.node[k]);
            mem_node_drop(s.node[k]);
            s.name[k]->steps--;
            forget_name_if_unused(n, s.name[k]);
        }
    }
    n->step_count = kept;
}

bool mem_names_has_entries(const struct mem_names *n, const char *dir)
{
    const struct mem_name *name;
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;)
        if (name->now && slice_eq(mem_names_dir_of(name->path), slice_str(dir))) return true;
    return false;
}

void mem_names_list(const struct mem_names *n, struct slice dir, struct buf *out)
{
    const struct mem_name *name;
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;) {
        if (name->now == NULL || !slice_eq(mem_names_dir_of(name->path), dir)) continue;
        const char *entry = name->path + (dir.len ? dir.len + 1 : 0);
        buf_put(out, entry, strlen(entry) + 1);
    }
}

/* Its own steps, and the earlier ones they build on. */
static void choose_steps_of(struct mem_names *n, struct slice dir)
{
    for (size_t i = n->step_count; i-- > 0;) {
        struct mem_step *s = &n->steps[i];
        s->chosen = touches(s, dir);
        for (size_t k = i + 1; k < n->step_count && !s->chosen; k++)
            s->chosen = n->steps[k].chosen && share_dir(s, &n->steps[k]);
    }
}

void mem_names_sync(struct mem_names *n, struct slice dir)
{
    choose_steps_of(n, dir);
    settle(n, false);
}

/* Three steps of four survive, if all they build on did. */
static void choose_survivors(struct mem_names *n, uint64_t *dice)
{
    for (size_t i = 0; i < n->step_count; i++) {
        n->steps[i].chosen = *dice && mem_roll(dice) % 4 != 0;
        for (size_t k = 0; k < i && n->steps[i].chosen; k++)
            n->steps[i].chosen = n->steps[k].chosen || !share_dir(&n->steps[i], &n->steps[k]);
    }
}

/* Names mean what is durable now; what lies in a lost directory is lost with it. */
static void restart_names(struct mem_names *n, uint64_t *dice)
{
    struct mem_name *name;
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;)
        set_node(&name->now, name->durable);
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;) {
        if (!mem_names_has_dir(n, mem_names_dir_of(name->path))) set_node(&name->durable, NULL);
        if (name->durable) mem_node_crash(name->durable, dice);
    }
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;)
        set_node(&name->now, name->durable);
}

uint64_t mem_names_bytes(const struct mem_names *n)
{
    uint64_t used = 0;
    struct mem_name *name;
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;) {
        if (name->now) used += name->now->size;
        if (name->durable && name->durable != name->now) used += name->durable->size;
    }
    return used;
}

void mem_names_crash(struct mem_names *n, uint64_t *dice)
{
    choose_survivors(n, dice);
    settle(n, true);
    restart_names(n, dice);
}

void mem_names_free(struct mem_names *n)
{
    struct mem_name *name;
    for (size_t i = 0; i < n->step_count; i++) n->steps[i].chosen = false;
    settle(n, true);
    for (size_t at = 0; (name = map_next(&n->names, &at)) != NULL;) {
        mem_node_drop(name->now);
        mem_node_drop(name->durable);
        free(name->path);
        free(name);
    }
    map_free(&n->names);
    free(n->steps);
}
