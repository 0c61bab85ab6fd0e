/* fleet_heap.h - who is due next: a binary heap over entries that their owners embed. */
#ifndef CLI_FLEET_HEAP_H
#define CLI_FLEET_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct fleet_due {
    int64_t at_us;
    size_t place; /* in the heap, from 1; 0: not in it */
};

struct fleet_heap {
    struct fleet_due **items;
    size_t count, room;
};

/* Puts it at that time, whether it is in the heap or not; INT64_MAX takes it out. */
void fleet_heap_set(struct fleet_heap *h, struct fleet_due *due, int64_t at_us);

/* The earliest, or NULL. */
static inline struct fleet_due *fleet_heap_first(const struct fleet_heap *h)
{
    return h->count ? h->items[0] : NULL;
}

void fleet_heap_free(struct fleet_heap *h);

#endif
