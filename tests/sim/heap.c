/* heap.c - what is between our objects and the allocator. */
#include "heap.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* Twice as many places as things that are ever held at once. */
enum { THINGS = 1 << 19, OWNERS = 1 << 13 };

/* A block or a map that is watched. */
struct thing {
    const void *place; /* NULL: free */
    unsigned owner;
    long count; /* of blocks 1, of maps their entries */
};

static struct {
    bool on;
    struct thing *things;
    size_t thing_count;
    struct heap_owner *owners;
    unsigned slots[2 * OWNERS]; /* index + 1 by hash of the frames; 0: free */
    size_t owner_count;
} heap;

/* ---- owners */

static const char blocks[] = "blocks", entries[] = "entries of a map";

static uint64_t mix(uint64_t h, uintptr_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static unsigned owner_of(const struct heap_owner *key)
{
    uint64_t h = mix(1, (uintptr_t)key->what);
    for (int i = 0; i < HEAP_FRAMES_MAX && key->frames[i]; i++)
        h = mix(h, (uintptr_t)key->frames[i]);
    size_t i = h % (2 * OWNERS);
    for (; heap.slots[i]; i = (i + 1) % (2 * OWNERS)) {
        struct heap_owner *o = &heap.owners[heap.slots[i] - 1];
        if (o->what == key->what && memcmp(o->frames, key->frames, sizeof o->frames) == 0)
            return heap.slots[i] - 1;
    }
    assert(heap.owner_count < OWNERS);
    heap.owners[heap.owner_count] = *key;
    heap.slots[i] = (unsigned)++heap.owner_count;
    return heap.slots[i] - 1;
}

/* From the caller of this file on; libraries have no frame pointers, so a chain may end early. */
static void put_chain(struct heap_owner *key, const void *caller, const void *const *frame)
{
    enum { FRAME_MAX = 1 << 16 }; /* bytes */
    key->frames[0] = caller;
    for (int i = 1; i < HEAP_FRAMES_MAX; i++) {
        const void *const *outer = *frame;
        bool plausible = (uintptr_t)outer > (uintptr_t)frame &&
                         (uintptr_t)outer - (uintptr_t)frame < FRAME_MAX &&
                         (uintptr_t)outer % sizeof(void *) == 0;
        if (!plausible || outer[1] == NULL) return;
        key->frames[i] = outer[1];
        frame = outer;
    }
}

/* The functions that the linker sends callers to, in their own frames. */
#define OWNER_NOW(what) owner_now(what, __builtin_return_address(0), __builtin_frame_address(0))

static unsigned owner_now(const char *what, const void *caller, const void *const *frame)
{
    struct heap_owner key = {.what = what};
    put_chain(&key, caller, frame);
    return owner_of(&key);
}

/* ---- things, by their place */

static size_t home_of(const void *place)
{
    return mix(0, (uintptr_t)place) & (THINGS - 1);
}

static size_t find(const void *place)
{
    size_t i = home_of(place);
    while (heap.things[i].place && heap.things[i].place != place) i = (i + 1) & (THINGS - 1);
    return i;
}

static void set_count(struct thing *t, long count)
{
    heap.owners[t->owner].count += count - t->count;
    t->count = count;
}

static void forget(const void *place)
{
    size_t hole = find(place);
    if (heap.things[hole].place == NULL) return;
    set_count(&heap.things[hole], 0);
    for (size_t i = (hole + 1) & (THINGS - 1); heap.things[i].place; i = (i + 1) & (THINGS - 1)) {
        size_t home = home_of(heap.things[i].place);
        if (((i - home) & (THINGS - 1)) < ((i - hole) & (THINGS - 1))) continue;
        heap.things[hole] = heap.things[i];
        hole = i;
    }
    heap.things[hole] = (struct thing){0};
    heap.thing_count--;
}

static void note(const void *place, unsigned owner, long count)
{
    struct thing *t = &heap.things[find(place)];
    if (t->place == NULL) {
        heap.thing_count++;
        assert(heap.thing_count < THINGS / 2);
        *t = (struct thing){.place = place, .owner = owner};
    }
    set_count(t, count);
}

/* ---- the allocator */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    void *block = __real_malloc(size);
    if (heap.on && block) note(block, OWNER_NOW(blocks), 1);
    return block;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *block = __real_calloc(count, size);
    if (heap.on && block) note(block, OWNER_NOW(blocks), 1);
    return block;
}

/* A block that grows is still its first owner's. */
void *__wrap_realloc(void *old, size_t size)
{
    if (!heap.on) return __real_realloc(old, size);
    const struct thing *t = &heap.things[find(old)];
    unsigned owner = t->place ? t->owner : OWNER_NOW(blocks);
    if (t->place) forget(old);
    void *block = __real_realloc(old, size);
    if (block) note(block, owner, 1);
    return block;
}

void __wrap_free(void *block)
{
    if (heap.on && block) forget(block);
    __real_free(block);
}

/* ---- maps: a map is a thing beside the block that it may begin */

static const void *place_of(const struct map *m)
{
    return (const char *)m + 1;
}

void *__real_map_put(struct map *m, struct slice key, void *value);
void *__real_map_remove(struct map *m, struct slice key);
void __real_map_free(struct map *m);
void *__wrap_map_put(struct map *m, struct slice key, void *value);
void *__wrap_map_remove(struct map *m, struct slice key);
void __wrap_map_free(struct map *m);

void *__wrap_map_put(struct map *m, struct slice key, void *value)
{
    void *old = __real_map_put(m, key, value);
    if (heap.on) note(place_of(m), OWNER_NOW(entries), (long)m->count);
    return old;
}

void *__wrap_map_remove(struct map *m, struct slice key)
{
    void *old = __real_map_remove(m, key);
    if (!heap.on) return old;
    struct thing *t = &heap.things[find(place_of(m))];
    if (t->place) set_count(t, (long)m->count);
    return old;
}

void __wrap_map_free(struct map *m)
{
    if (heap.on) forget(place_of(m));
    __real_map_free(m);
}

/* ---- watching */

void heap_watch(void)
{
    if (heap.things == NULL) {
        heap.things = __real_calloc(THINGS, sizeof *heap.things);
        heap.owners = __real_calloc(OWNERS, sizeof *heap.owners);
        assert(heap.things && heap.owners);
    }
    heap.on = true;
}

void heap_unwatch(void)
{
    __real_free(heap.things);
    __real_free(heap.owners);
    memset(&heap, 0, sizeof heap);
}

const struct heap_owner *heap_owners(size_t *count)
{
    *count = heap.owner_count;
    return heap.owners;
}
