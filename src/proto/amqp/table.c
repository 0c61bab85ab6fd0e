/* table.c - numbers to objects: a sorted array, since a connection has few of either and a peer that
 * picks high numbers must not make us pay for the gaps. */
#include <stdlib.h>

#include "proto/amqp/internal.h"

enum { TABLE_SMALLEST = 4 };

/* Index of the first row with that id or above. */
static uint32_t lower_bound(const struct amqp_table *t, uint32_t id)
{
    uint32_t low = 0, high = t->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *amqp_table_get(const struct amqp_table *t, uint32_t id)
{
    uint32_t i = lower_bound(t, id);
    return i < t->count && t->rows[i].id == id ? t->rows[i].object : NULL;
}

void *amqp_table_from(const struct amqp_table *t, uint32_t id)
{
    uint32_t i = lower_bound(t, id);
    return i < t->count ? t->rows[i].object : NULL;
}

void amqp_table_put(struct amqp_table *t, uint32_t id, void *object)
{
    uint32_t i = lower_bound(t, id);
    assert(i == t->count || t->rows[i].id != id);
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : TABLE_SMALLEST;
        t->rows = mem_grow(t->rows, t->cap * sizeof *t->rows);
    }
    memmove(t->rows + i + 1, t->rows + i, (t->count - i) * sizeof *t->rows);
    t->rows[i] = (struct amqp_row){id, object};
    t->count++;
}

void amqp_table_remove(struct amqp_table *t, uint32_t id)
{
    uint32_t i = lower_bound(t, id);
    assert(i < t->count && t->rows[i].id == id);
    t->count--;
    memmove(t->rows + i, t->rows + i + 1, (t->count - i) * sizeof *t->rows);
    if (t->count == 0) amqp_table_fini(t);
}

/* Ids are distinct and sorted, so row i has an id of at least i; the first that has more marks a
 * gap. */
uint32_t amqp_table_free_id(const struct amqp_table *t)
{
    uint32_t low = 0, high = t->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->rows[middle].id == middle)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void amqp_table_fini(struct amqp_table *t)
{
    free(t->rows);
    *t = (struct amqp_table){0};
}

/* Which of those kept it is, the newest first; r->count: it is none of them. */
static unsigned recent_find(const struct amqp_recent *r, uint32_t id)
{
    unsigned i = 0;
    while (i < r->count && r->ids[i] != id) i++;
    return i;
}

/* One that is there already becomes the newest: else the same one, often, would take the place of the others. */
void amqp_recent_add(struct amqp_recent *r, uint16_t id)
{
    unsigned at = recent_find(r, id);
    if (at == r->count && r->count < AMQP_RECENT) r->count++;
    at = MIN(at, AMQP_RECENT - 1);
    memmove(r->ids + 1, r->ids, at * sizeof *r->ids);
    r->ids[0] = id;
}

bool amqp_recent_has(const struct amqp_recent *r, uint32_t id)
{
    return recent_find(r, id) < r->count;
}
