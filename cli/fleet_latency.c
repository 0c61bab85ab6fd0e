/* fleet_latency.c - a histogram of times: cells of equal width up to 64 us, then 64 cells for every
 * doubling. */
#include "base/num.h"
#include "cli/fleet.h"

enum { LINEAR = 1 << FLEET_LATENCY_BITS };

/*   us        shift   cell
 *   0..63     0       0..63
 *   64..127   0       64..127
 *   128..255  1       128..191 ... */
static size_t cell_of(uint64_t us)
{
    if (us < LINEAR) return us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - FLEET_LATENCY_BITS;
    return ((size_t)shift << FLEET_LATENCY_BITS) + (size_t)(us >> shift);
}

/* The largest time of a cell. */
static uint64_t end_of(size_t cell)
{
    if (cell < (size_t)2 * LINEAR) return cell;
    unsigned shift = (unsigned)(cell >> FLEET_LATENCY_BITS) - 1;
    return (((uint64_t)(cell & (LINEAR - 1)) + LINEAR + 1) << shift) - 1;
}

void fleet_latency_add(struct fleet_latency *l, int64_t us)
{
    us = MAX(us, 0);
    l->cells[cell_of((uint64_t)us)]++;
    l->count++;
    l->max_us = MAX(l->max_us, us);
}

int64_t fleet_latency_us(const struct fleet_latency *l, double part)
{
    uint64_t wanted = (uint64_t)((double)l->count * part), seen = 0;
    for (size_t i = 0; i < FLEET_LATENCY_CELLS && l->count; i++) {
        seen += l->cells[i];
        if (seen > wanted || seen == l->count) return MIN((int64_t)end_of(i), l->max_us);
    }
    return 0;
}
