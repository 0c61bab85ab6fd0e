/* arena.h - memory for one request or one batch, given back as a whole.
 *
 * Runs on: any thread, one at a time for each arena.
 * Life:    `struct arena a = {0};` is ready; arena_reset() keeps one block for reuse, arena_free()
 *          none, nor does arena_wipe().
 * Owns:    all that it gave out, until then.  Allocations are 8-byte aligned and never freed one by one; there
 *          is always room (mem.h).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *block; /* the newest; older ones are chained behind it */
    size_t used;               /* bytes of the newest block that are taken */
};

void *arena_alloc(struct arena *a, size_t size); /* not cleared */
void *arena_zero(struct arena *a, size_t size);
struct slice arena_copy(struct arena *a, struct slice s); /* NUL behind it, not counted */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
void arena_wipe(struct arena *a); /* arena_free() of what held a key */

#endif
