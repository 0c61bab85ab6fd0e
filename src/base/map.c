/* map.c - linear probing with backward-shift deletion: no tombstones, short probes. */
#include "base/map.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"

enum { MAP_SMALLEST = 8 };

uint64_t map_hash(struct slice key)
{
    return XXH3_64bits(key.ptr, key.len);
}

static uint64_t seed_of_maps;

void map_seed(uint64_t seed)
{
    seed_of_maps = seed;
}

static uint64_t hash_of(struct slice key)
{
    return XXH3_64bits_withSeed(key.ptr, key.len, seed_of_maps);
}

/* Slot of the key, or the free slot where it would go. */
static size_t probe(const struct map *m, struct slice key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->entries[i].value != NULL &&
           (m->entries[i].hash != hash || !slice_eq(m->entries[i].key, key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static void grow(struct map *m)
{
    struct map bigger = {.cap = m->cap ? m->cap * 2 : MAP_SMALLEST, .count = m->count};
    bigger.entries = mem_zero(bigger.cap * sizeof *bigger.entries);
    for (size_t i = 0; i < m->cap; i++) {
        struct map_entry *e = &m->entries[i];
        if (e->value) bigger.entries[probe(&bigger, e->key, e->hash)] = *e;
    }
    free(m->entries);
    *m = bigger;
}

void *map_get(const struct map *m, struct slice key)
{
    return m->count ? m->entries[probe(m, key, hash_of(key))].value : NULL;
}

void *map_put(struct map *m, struct slice key, void *value)
{
    if ((m->count + 1) * 4 > m->cap * 3) grow(m);
    uint64_t hash = hash_of(key);
    struct map_entry *e = &m->entries[probe(m, key, hash)];
    void *old = e->value;
    if (old == NULL) m->count++;
    *e = (struct map_entry){key, value, hash};
    return old;
}

void *map_remove(struct map *m, struct slice key)
{
    if (m->count == 0) return NULL;
    size_t mask = m->cap - 1;
    size_t hole = probe(m, key, hash_of(key));
    void *old = m->entries[hole].value;
    if (old == NULL) return NULL;
    for (size_t i = (hole + 1) & mask; m->entries[i].value != NULL; i = (i + 1) & mask) {
        size_t home = m->entries[i].hash & mask;
        bool may_move = ((i - home) & mask) >= ((i - hole) & mask);
        if (!may_move) continue;
        m->entries[hole] = m->entries[i];
        hole = i;
    }
    m->entries[hole] = (struct map_entry){0};
    m->count--;
    return old;
}

void *map_next(const struct map *m, size_t *pos)
{
    while (*pos < m->cap) {
        void *value = m->entries[(*pos)++].value;
        if (value) return value;
    }
    return NULL;
}

void map_free(struct map *m)
{
    free(m->entries);
    *m = (struct map){0};
}
