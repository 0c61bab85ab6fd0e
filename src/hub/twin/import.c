/* import.c - what a bulk of identities says of their twins, as writes like any other. */
#include <stdlib.h>

#include "hub/twin/home.h"

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
                       struct slice if_match, struct slice json, struct registry_wait *w)
{
    struct twins *t = CONTAINER_OF(r, struct twins, of_registry);
    struct import *i = NEW(struct import);
    i->wait.fn = on_written;
    i->who_waits = w;
    list_push(&t->imports, &i->node);
    twin_write(t, who, merge ? TWIN_MERGE : TWIN_IMPORT, if_match, json, &i->wait);
}

void twin_import_join(struct twins *t)
{
    list_init(&t->imports);
    t->of_registry.write = write_twin;
    registry_set_twins(t->registry, &t->of_registry);
}

void twin_import_fini(struct twins *t)
{
    for (struct list *node; (node = list_shift(&t->imports)) != NULL;)
        free(CONTAINER_OF(node, struct import, node));
}
