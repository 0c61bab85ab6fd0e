/* table.c - a sorted array. */
#include "hub/event_hub/table.h"

#include <stdlib.h>

#include "base/mem.h"

bool event_hub_name_valid(struct slice name)
{
    return hub_entity_valid(name, EVENT_HUB_NAME_MAX);
}

void event_hub_set_name(struct event_hub *h, struct slice name)
{
    assert(event_hub_name_valid(name));
    memcpy(h->name, name.ptr, name.len);
    h->name[name.len] = '\0';
    slice_lower(name, h->lower);
}

struct event_hub *hub_table_find(const struct hub_table *t, struct slice name)
{
    for (unsigned i = 0; i < t->count; i++)
        if (slice_eq_nocase(slice_str(t->items[i]->name), name)) return t->items[i];
    return NULL;
}

struct event_hub *hub_table_of_stream(const struct hub_table *t, unsigned stream)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->items[i]->stream == stream) return t->items[i];
    return NULL;
}

void hub_table_put(struct hub_table *t, const struct event_hub *h)
{
    struct event_hub *old = hub_table_of_stream(t, h->stream);
    if (old) {
        *old = *h;
        return;
    }
    assert(t->count < EVENT_HUBS_MAX);
    unsigned at = t->count++;
    for (; at && strcmp(t->items[at - 1]->lower, h->lower) > 0; at--)
        t->items[at] = t->items[at - 1];
    t->items[at] = NEW(struct event_hub);
    *t->items[at] = *h;
}

void hub_table_remove(struct hub_table *t, unsigned stream)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < t->count; i++)
        if (t->items[i]->stream == stream)
            free(t->items[i]);
        else
            t->items[kept++] = t->items[i];
    t->count = kept;
}

void hub_table_free(struct hub_table *t)
{
    while (t->count) free(t->items[--t->count]);
}
