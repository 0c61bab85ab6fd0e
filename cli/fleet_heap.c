/* fleet_heap.c - see fleet_heap.h.  Children of place p are at 2p and 2p + 1, places from 1. */
#include "cli/fleet_heap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

static struct fleet_due **at(const struct fleet_heap *h, size_t place)
{
    return &h->items[place - 1];
}

static void put(struct fleet_heap *h, struct fleet_due *due, size_t place)
{
    *at(h, place) = due;
    due->place = place;
}

static void rise(struct fleet_heap *h, struct fleet_due *due, size_t place)
{
    for (; place > 1 && (*at(h, place / 2))->at_us > due->at_us; place /= 2)
        put(h, *at(h, place / 2), place);
    put(h, due, place);
}

static void sink(struct fleet_heap *h, struct fleet_due *due, size_t place)
{
    for (size_t child; (child = 2 * place) <= h->count; place = child) {
        if (child < h->count && (*at(h, child + 1))->at_us < (*at(h, child))->at_us) child++;
        if ((*at(h, child))->at_us >= due->at_us) break;
        put(h, *at(h, child), place);
    }
    put(h, due, place);
}

static void settle(struct fleet_heap *h, struct fleet_due *due, size_t place)
{
    if (place > 1 && (*at(h, place / 2))->at_us > due->at_us)
        rise(h, due, place);
    else
        sink(h, due, place);
}

static void take_out(struct fleet_heap *h, struct fleet_due *due)
{
    struct fleet_due *last = *at(h, h->count--);
    size_t place = due->place;
    due->place = 0;
    if (last != due) settle(h, last, place);
}

static void add(struct fleet_heap *h, struct fleet_due *due)
{
    if (h->count == h->room) {
        h->room = MAX(2 * h->room, (size_t)64);
        h->items = mem_grow(h->items, h->room * sizeof(struct fleet_due *));
    }
    rise(h, due, ++h->count);
}

void fleet_heap_set(struct fleet_heap *h, struct fleet_due *due, int64_t at_us)
{
    due->at_us = at_us;
    if (at_us == INT64_MAX) {
        if (due->place) take_out(h, due);
    } else if (due->place) {
        settle(h, due, due->place);
    } else {
        add(h, due);
    }
}

void fleet_heap_free(struct fleet_heap *h)
{
    free(h->items);
    *h = (struct fleet_heap){0};
}
