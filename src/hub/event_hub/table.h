/* table.h - one core's copy: event hubs sorted by lower-case name.  Private to hub/event_hub. */
#ifndef HUB_EVENT_HUB_TABLE_H
#define HUB_EVENT_HUB_TABLE_H

#include "hub/event_hub/event_hub.h"

struct hub_table {
    struct event_hub *items[EVENT_HUBS_MAX]; /* owned */
    unsigned count;
};

bool event_hub_name_valid(struct slice name);

/* Fills name and lower; the name is valid. */
void event_hub_set_name(struct event_hub *h, struct slice name);

struct event_hub *hub_table_find(const struct hub_table *t, struct slice name);
struct event_hub *hub_table_of_stream(const struct hub_table *t, unsigned stream);
void hub_table_put(struct hub_table *t, const struct event_hub *h); /* adds or replaces */
void hub_table_remove(struct hub_table *t, unsigned stream);        /* nothing if it is not there */
void hub_table_free(struct hub_table *t);

#endif
