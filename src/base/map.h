/* map.h - a hash map from byte strings to pointers, open addressing.
 *
 * Keys are borrowed: the value owns the bytes of its key and keeps them while it is in the map.
 * Not thread-safe; a map belongs to its lane.  Iteration order is arbitrary.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

struct map_entry {
    struct slice key;
    void *value; /* NULL: free */
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    size_t count, cap; /* cap is 0 or a power of two */
};

uint64_t map_hash(struct slice key); /* xxh3, 64 bits; the same for ever: it is kept in stores */

/* Maps hash with it, so that nobody who chooses keys can make them collide.  Before the first map is
 * made; 0 at first, for tests that are the same each time. */
void map_seed(uint64_t seed);

void *map_get(const struct map *m, struct slice key); /* NULL when absent */

/* Inserts or replaces; the replaced value or NULL comes back.  `value` is not NULL. */
void *map_put(struct map *m, struct slice key, void *value);

void *map_remove(struct map *m, struct slice key); /* the removed value or NULL */

/* for (size_t i = 0; (v = map_next(&m, &i)) != NULL;)   No insertion or removal meanwhile. */
void *map_next(const struct map *m, size_t *pos);

void map_free(struct map *m); /* the table only, not the values */

#endif
