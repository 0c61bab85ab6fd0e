/* table.c - a sorted array. */
#include "hub/consumer_group/table.h"

#include <stdlib.h>

#include "base/mem.h"

bool group_name_valid(struct slice name)
{
    return hub_entity_valid(name, CONSUMER_GROUP_NAME_MAX);
}

bool group_is_default(struct slice name)
{
    return slice_eq_nocase(name, SLICE_LIT("$Default"));
}

struct group group_make(unsigned stream, struct slice name, int64_t created_us)
{
    struct group g = {.stream = (uint16_t)stream, .created_us = created_us};
    assert(group_name_valid(name));
    memcpy(g.name, name.ptr, name.len);
    slice_lower(name, g.lower);
    return g;
}

static int compare(const struct group *a, const struct group *b)
{
    return a->stream != b->stream ? a->stream - b->stream : strcmp(a->lower, b->lower);
}

/* Where `g` is or belongs. */
static size_t place_of(const struct group_table *t, const struct group *g)
{
    size_t from = 0, upto = t->count;
    while (from < upto) {
        size_t middle = (from + upto) / 2;
        if (compare(&t->items[middle], g) < 0)
            from = middle + 1;
        else
            upto = middle;
    }
    return from;
}

static bool is_at(const struct group_table *t, size_t place, const struct group *g)
{
    return place < t->count && compare(&t->items[place], g) == 0;
}

const struct group *table_find(const struct group_table *t, unsigned stream, struct slice name)
{
    if (!group_name_valid(name)) return NULL;
    struct group wanted = group_make(stream, name, 0);
    size_t place = place_of(t, &wanted);
    return is_at(t, place, &wanted) ? &t->items[place] : NULL;
}

size_t table_count(const struct group_table *t, unsigned stream)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) count += t->items[i].stream == stream;
    return count;
}

void table_add(struct group_table *t, const struct group *g)
{
    size_t place = place_of(t, g);
    if (is_at(t, place, g)) return;
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->items = mem_grow(t->items, t->cap * sizeof *t->items);
    }
    memmove(&t->items[place + 1], &t->items[place], (t->count - place) * sizeof *t->items);
    t->items[place] = *g;
    t->count++;
}

void table_remove(struct group_table *t, const struct group *g)
{
    size_t place = place_of(t, g);
    if (!is_at(t, place, g)) return;
    t->count--;
    memmove(&t->items[place], &t->items[place + 1], (t->count - place) * sizeof *t->items);
}

void table_remove_stream(struct group_table *t, unsigned stream)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].stream != stream) t->items[kept++] = t->items[i];
    t->count = kept;
}

void table_free(struct group_table *t)
{
    free(t->items);
    *t = (struct group_table){0};
}
