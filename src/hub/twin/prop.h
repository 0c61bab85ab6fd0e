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
    unsigned indexed; /* the halves of which there were not too many */
};

/* Those of `halves` (enum twin_index_half) that the twin should have; its sections have been checked. */
void props_of(struct arena *a, bool of_module, unsigned halves, const struct twin *t,
              struct props *out);

/* Those that the store has: one wide row of a half that is not in t->indexed. */
void props_of_row(struct arena *a, bool of_module, unsigned halves, const struct twin *t,
                  struct props *out);

int prop_compare(const void *a, const void *b);

/* Adds to the unit what takes the index from `old` to `next`. */
void props_put_change(struct store_request *u, struct slice who, const struct props *old,
                      const struct props *next);

#endif
