/* import.c - what a bulk of identities says of their twins: with a new identity in one unit, else as
 * writes like any other. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"

#include "hub/twin/home.h"

COUNTER(first_total, "azimuth_twin_first_writes_total", "Twins that came with their identities");

static enum err make_first(struct twins *t, struct arena *a, struct slice who,
                           struct slice generation, struct slice json, struct store_request *unit)
{
    struct json *doc;
    struct twin_change change;
    struct twin fresh, next;
    TRY(json_parse(a, json, &doc));
    TRY(twin_change_read(a, TWIN_IMPORT, doc, &change));
    if (!change.tags && !change.desired && !change.reported) return OK;
    twin_fresh(a, generation, &fresh);
    TRY(twin_change_apply(a, &fresh, &change, clock_wall_us(), &next));
    twin_put_write(unit, who, generation, &fresh, &next);
    twin_event_first(t, who, &next, unit);
    metric_inc(&first_total);
    return OK;
}

/* Nobody has that twin in memory: what home has is of another generation. */
static enum err first(struct registry_twins *r, struct slice who, struct slice generation,
                      struct slice json, struct store_request *unit)
{
    struct arena arena = {0};
    struct twins *t = CONTAINER_OF(r, struct twins, of_registry);
    enum err e = make_first(t, &arena, who, generation, json, unit);
    arena_free(&arena);
    return e;
}

struct import {
    struct list node; /* in twins.imports */
    struct twin_wait wait;
    struct registry_wait *who_waits;
};

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    struct import *i = CONTAINER_OF(w, struct import, wait);
    struct registry_wait *who_waits = i->who_waits;
    list_remove(&i->node);
    free(i);
    who_waits->fn(who_waits, &(struct registry_answer){.status = a->status, .text = a->text});
}

static void write_twin(struct registry_twins *r, struct slice who, bool merge,
                       struct slice if_match, struct slice json, struct slice by,
                       struct registry_wait *w)
{
    struct twins *t = CONTAINER_OF(r, struct twins, of_registry);
    struct import *i = NEW(struct import);
    i->wait.fn = on_written;
    i->wait.by = by.len ? by : SLICE_LIT("a bulk of identities");
    i->who_waits = w;
    list_push(&t->imports, &i->node);
    twin_write(t, who, merge ? TWIN_MERGE : TWIN_IMPORT, if_match, json, &i->wait);
}

void twin_import_join(struct twins *t)
{
    list_init(&t->imports);
    t->of_registry.write = write_twin;
    t->of_registry.first = first;
    registry_set_twins(t->registry, &t->of_registry);
}

void twin_import_fini(struct twins *t)
{
    for (struct list *node; (node = list_shift(&t->imports)) != NULL;)
        free(CONTAINER_OF(node, struct import, node));
}
