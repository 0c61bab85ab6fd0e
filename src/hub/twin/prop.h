/* prop.h - a twin's rows in the index, and what a write changes of them.  Private to hub/twin. */
#ifndef HUB_TWIN_PROP_H
#define HUB_TWIN_PROP_H

#include "hub/twin/document.h"
#include "hub/twin/index.h"

struct prop {
    int64_t path;
    struct slice value;
};

struct props {
    struct prop *rows; /* sorted; in the arena */
    unsigned count;
    bool wide; /* there were too many */
};

/* Of a twin's two sections, which have been checked. */
void props_of(struct arena *a, bool of_module, struct slice tags, struct slice desired,
              struct props *out);

/* Likewise of one that the store has; not `indexed`: it has the one wide row. */
void props_of_row(struct arena *a, bool of_module, int64_t indexed, struct slice tags,
                  struct slice desired, struct props *out);

int prop_compare(const void *a, const void *b);

/* Adds to the unit what takes the index from `old` to `next`. */
void props_put_change(struct store_request *u, struct slice who, const struct props *old,
                      const struct props *next);

#endif
