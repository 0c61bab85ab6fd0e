/* table.h - one core's copy: groups besides $Default, sorted by stream and lower-case name.  Private
 * to hub/consumer_group. */
#ifndef HUB_CONSUMER_GROUP_TABLE_H
#define HUB_CONSUMER_GROUP_TABLE_H

#include "hub/consumer_group/consumer_group.h"

struct group {
    uint16_t stream;
    char name[CONSUMER_GROUP_NAME_MAX + 1];
    char lower[CONSUMER_GROUP_NAME_MAX + 1];
    int64_t created_us;
};

struct group_table {
    struct group *items;
    size_t count, cap;
};

/* 1 to 50 letters, digits, '.', '-', '_'; first and last a letter or digit. */
bool group_name_valid(struct slice name);
bool group_is_default(struct slice name);

/* `name` is valid. */
struct group group_make(unsigned stream, struct slice name, int64_t created_us);

const struct group *table_find(const struct group_table *t, unsigned stream, struct slice name);
size_t table_count(const struct group_table *t, unsigned stream);
void table_add(struct group_table *t, const struct group *g);    /* nothing if it is there */
void table_remove(struct group_table *t, const struct group *g); /* nothing if it is not */
void table_remove_stream(struct group_table *t, unsigned stream);
void table_free(struct group_table *t);

#endif
