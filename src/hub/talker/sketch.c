/* sketch.c - see sketch.h. */
#include "hub/talker/sketch.h"

#include "base/metrics.h"
#include "base/num.h"

COUNTER(displaced, "azimuth_talkers_displaced_total",
        "Places in the counts of who sends most that went to another device")

int64_t sketch_window_of(int64_t wall_us)
{
    return wall_us / (TALKERS_WINDOW_S * 1000000ll);
}

/* The low bits say which core is the device's home, whose connections may all be on one. */
static unsigned set_of(uint64_t hash)
{
    return (unsigned)(hash >> (64 - SKETCH_SETS_LOG2));
}

unsigned sketch_set_of(struct slice device_id)
{
    return set_of(map_hash(device_id));
}

static struct sketch_window *window_at(struct sketch *s, int64_t wall_us)
{
    int64_t number = sketch_window_of(wall_us);
    struct sketch_window *w = &s->windows[number & 1];
    if (w->number == number) return w;
    w->number = number;
    w->displaced = 0;
    for (unsigned i = 0; i < SKETCH_SETS; i++)
        memset(w->sets[i].weight, 0, sizeof w->sets[i].weight);
    return w;
}

/* The device's own place, or that of who has sent least. */
static unsigned place_of(const struct sketch_set *set, uint64_t hash)
{
    unsigned least = 0;
    for (unsigned i = 0; i < SKETCH_WAYS; i++)
        if (set->hash[i] == hash && set->weight[i]) return i;
    for (unsigned i = 1; i < SKETCH_WAYS; i++)
        if (set->weight[i] < set->weight[least]) least = i;
    return least;
}

static void give_place(struct sketch_window *w, struct sketch_set *set, unsigned i, uint64_t hash,
                       struct slice device_id)
{
    if (set->weight[i]) {
        w->displaced++;
        metric_inc(&displaced);
    }
    set->hash[i] = hash;
    set->who[i].messages = set->who[i].bytes = 0;
    set->who[i].id_len = (uint32_t)device_id.len;
    memcpy(set->who[i].id, device_id.ptr, device_id.len);
}

void talker_count(struct sketch *s, struct slice device_id, size_t bytes, int64_t wall_us)
{
    if (s == NULL) return;
    assert(device_id.len >= 1 && device_id.len <= HUB_ID_LEN_MAX);
    uint64_t hash = map_hash(device_id);
    struct sketch_window *w = window_at(s, wall_us);
    struct sketch_set *set = &w->sets[set_of(hash)];
    unsigned i = place_of(set, hash);
    if (set->weight[i] == 0 || set->hash[i] != hash) give_place(w, set, i, hash, device_id);
    set->weight[i] += MAX(1u, (bytes + TALKERS_UNIT - 1) / TALKERS_UNIT);
    set->who[i].messages++;
    set->who[i].bytes += bytes;
}

bool sketch_put(const struct sketch *s, int64_t window, struct buf *out)
{
    bool exact = true;
    for (unsigned n = 0; n < 2; n++) {
        const struct sketch_window *w = &s->windows[n];
        if (w->number < window - 1) continue;
        exact = exact && w->displaced == 0;
        for (unsigned i = 0; i < SKETCH_SETS * SKETCH_WAYS; i++) {
            const struct sketch_set *set = &w->sets[i / SKETCH_WAYS];
            if (set->weight[i % SKETCH_WAYS])
                buf_put(out, &set->who[i % SKETCH_WAYS], sizeof *set->who);
        }
    }
    return exact;
}
