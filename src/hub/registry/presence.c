/* presence.c - a map, a queue of those that left, and the order in which they came. */
#include "hub/registry/presence.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "hub/registry/registry.h"

struct known {
    struct presence presence;
    struct list idle;
    size_t place; /* in `places` */
    size_t id_len;
    uint8_t id[];
};

/* Modules are not counted. */
static bool is_device(const struct known *k)
{
    return hub_module_of(slice_of(k->id, k->id_len)).len == 0;
}

void presences_init(struct presences *p)
{
    *p = (struct presences){0};
    list_init(&p->idle);
}

void presences_fini(struct presences *p)
{
    void *known;
    for (size_t at = 0; (known = map_next(&p->by_id, &at)) != NULL;) free(known);
    map_free(&p->by_id);
    free(p->places);
}

/* ---- the order */

enum { PLACES_MIN = 64 };

static void put_place(struct presences *p, struct known *k, int64_t wall_us)
{
    if (p->place_count == p->place_max) {
        p->place_max = MAX(2 * p->place_max, (size_t)PLACES_MIN);
        p->places = mem_grow(p->places, p->place_max * sizeof *p->places);
    }
    p->last_number = MAX(p->last_number + 1, (uint64_t)MAX(wall_us, INT64_C(0)));
    k->place = p->place_count++;
    p->places[k->place] = (struct presence_place){p->last_number, k};
}

static void close_up(struct presences *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->place_count; i++) {
        if (p->places[i].known == NULL) continue;
        p->places[i].known->place = kept;
        p->places[kept++] = p->places[i];
    }
    p->place_count = kept;
    p->holes = 0;
}

static void drop_place(struct presences *p, const struct known *k)
{
    p->places[k->place].known = NULL;
    if (++p->holes > p->place_count / 2 && p->place_count > PLACES_MIN) close_up(p);
}

static size_t first_after(const struct presences *p, uint64_t number)
{
    size_t low = 0, high = p->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->places[middle].number > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool presences_walk(const struct presences *p, struct presence_walk *w, struct presence_seen *out,
                    unsigned max, unsigned *count)
{
    size_t at = first_after(p, w->after), end = MIN(at + PRESENCE_STEPS_MAX, p->place_count);
    for (*count = 0; at < end && *count < max; at++) {
        const struct known *k = p->places[at].known;
        w->after = p->places[at].number;
        if (k == NULL || is_device(k) == w->of_modules) continue;
        if (w->connected && !k->presence.connected) continue;
        out[(*count)++] = (struct presence_seen){w->after, slice_of(k->id, k->id_len), k->presence};
    }
    return at < p->place_count;
}

/* ---- who comes and goes */

struct presence presence_of(const struct presences *p, struct slice who)
{
    const struct known *k = map_get(&p->by_id, who);
    return k ? k->presence : (struct presence){0};
}

static void forget(struct presences *p, struct known *k)
{
    if (k->presence.connected)
        p->connected_count -= is_device(k);
    else
        p->idle_count--;
    list_remove(&k->idle);
    map_remove(&p->by_id, slice_of(k->id, k->id_len));
    drop_place(p, k);
    free(k);
}

/* As the newest of those that are not connected. */
static void lay_aside(struct presences *p, struct known *k)
{
    list_push(&p->idle, &k->idle);
    if (++p->idle_count > REGISTRY_IDLE_MAX)
        forget(p, CONTAINER_OF(p->idle.next, struct known, idle));
}

static struct known *make_known(struct presences *p, struct slice who, int64_t wall_us)
{
    struct known *k = map_get(&p->by_id, who);
    if (k) return k;
    k = mem_zero(sizeof *k + who.len);
    memcpy(k->id, who.ptr, who.len);
    k->id_len = who.len;
    list_init(&k->idle);
    map_put(&p->by_id, slice_of(k->id, k->id_len), k);
    put_place(p, k, wall_us);
    lay_aside(p, k);
    return k;
}

/* An exponentially weighted mean of the intervals; one long pause does not make it another device. */
static void note_gap(struct presence *p, int64_t gap_s)
{
    int64_t mean_s = p->rhythm_s;
    gap_s = MIN(gap_s, mean_s ? RHYTHM_OUTLIER * mean_s : RHYTHM_GAP_MAX);
    mean_s = mean_s ? mean_s + (gap_s - mean_s) / RHYTHM_WEIGHT : gap_s;
    p->rhythm_s = (uint32_t)MIN(mean_s, RHYTHM_GAP_MAX);
}

/* From the beginning of a visit to that of the next; a clock that was set back begins one, too. */
static void note_active(struct presence *p, int64_t wall_us)
{
    int64_t gap_s = p->visit_us ? (wall_us - p->visit_us) / 1000000 : -1;
    p->active_us = wall_us;
    if (gap_s >= 0 && gap_s < RHYTHM_GAP_MIN) return;
    p->visit_us = wall_us;
    if (gap_s > 0) note_gap(p, gap_s);
}

int64_t presence_expected_us(const struct presence *p)
{
    int64_t after_s = p->rhythm_s ? MAX((int64_t)RHYTHM_LATE * p->rhythm_s, RHYTHM_LATE_MIN)
                                  : RHYTHM_LATE_UNKNOWN;
    return p->active_us ? p->active_us + after_s * 1000000 : 0;
}

void presence_time_text(int64_t wall_us, char out[CLOCK_ISO_LEN + 1])
{
    if (wall_us)
        clock_iso(wall_us, out);
    else
        snprintf(out, CLOCK_ISO_LEN + 1, "0001-01-01T00:00:00Z");
}

/* Who leaves was there until now, but it is not his doing when. */
void presence_set_connected(struct presences *p, struct slice who, bool connected, int64_t wall_us)
{
    struct known *k = make_known(p, who, wall_us);
    if (connected) note_active(&k->presence, wall_us);
    k->presence.active_us = wall_us;
    if (k->presence.connected == connected) return;
    k->presence.connected = connected;
    k->presence.changed_us = wall_us;
    if (connected) {
        p->connected_count += is_device(k);
        p->idle_count--;
        list_remove(&k->idle);
    } else {
        p->connected_count -= is_device(k);
        lay_aside(p, k);
    }
}

void presence_set_active(struct presences *p, struct slice who, int64_t wall_us)
{
    note_active(&make_known(p, who, wall_us)->presence, wall_us);
}

void presence_forget(struct presences *p, struct slice who)
{
    struct known *k = map_get(&p->by_id, who);
    if (k) forget(p, k);
}
