/* heap.h - who holds memory: every block, entry of a map and slot that was taken since heap_watch(),
 * counted by who took it.
 *
 * The linker puts this file between our own objects and the allocator (CMakeLists.txt); what libraries
 * take for themselves is not seen.  An owner is a chain of callers, found by their frame pointers.  What was
 * taken before heap_watch() is not counted, and when it is given back nothing happens.
 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stdbool.h>
#include <stddef.h>

enum { HEAP_FRAMES_MAX = 10 };

struct heap_owner {
    const void *frames[HEAP_FRAMES_MAX]; /* return addresses, innermost first; NULL ends them */
    const char *what;                    /* "blocks" or "entries of a map" */
    long count;
};

void heap_watch(void);
void heap_unwatch(void);

/* The owners so far; their places do not change until heap_unwatch(). */
const struct heap_owner *heap_owners(size_t *count);

#endif
