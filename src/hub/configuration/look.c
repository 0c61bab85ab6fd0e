/* look.c - one twin after the other is made what the configurations say (drawn in home.h). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/home.h"

COUNTER(looks_total, "azimuth_configuration_looks_total", "Twins that configurations looked at");
COUNTER(writes_total, "azimuth_configuration_writes_total", "Twins that configurations changed");
COUNTER(refused_total, "azimuth_configuration_refused_total",
        "Twins that could not be what configurations say");
COUNTER(overflow_total, "azimuth_configuration_overflow_total",
        "Changes of twins that found the queue full, so that all twins were looked at");
GAUGE(waiting_now, "azimuth_configuration_waiting", "Twins that wait to be looked at");

struct look {
    struct list node; /* in the queue, while it waits */
    struct configurations *configurations;
    struct slice who;
    bool under_way, again; /* again: the twin changed meanwhile */
    bool asks_twin, asks_store;
    struct twin_wait twin_wait;
    struct store_wait store_wait;
    struct arena arena;
    struct json *twin;
    struct fit fit;
    bool refused; /* by the twin: nothing of it counts */
};

/* ---- life */

static void free_look(struct look *l)
{
    struct configurations *c = l->configurations;
    if (l->asks_twin) twin_forget(c->twins, &l->twin_wait);
    if (l->asks_store) store_forget(c->lane, &l->store_wait);
    list_remove(&l->node);
    map_remove(&c->looks, l->who);
    arena_free(&l->arena);
    free(l);
}

static void enqueue(struct look *l)
{
    struct configurations *c = l->configurations;
    list_push(&c->queue, &l->node);
    metric_set(&waiting_now, ++c->queued);
}

void conf_look_at(struct configurations *c, struct slice who)
{
    struct look *l = map_get(&c->looks, who);
    if (l) {
        l->again = l->under_way;
    } else if (c->queued >= CONFIGURATION_QUEUE_MAX) {
        metric_inc(&overflow_total);
        c->overflow = true;
    } else {
        l = mem_zero(sizeof *l + who.len);
        memcpy(l + 1, who.ptr, who.len);
        l->who = slice_of(l + 1, who.len);
        l->configurations = c;
        list_init(&l->node);
        map_put(&c->looks, l->who, l);
        enqueue(l);
    }
    conf_look_step(c);
}

static void finish(struct look *l)
{
    struct configurations *c = l->configurations;
    bool again = l->again;
    c->looking--;
    arena_reset(&l->arena);
    if (again) {
        l->again = l->under_way = l->refused = false;
        enqueue(l);
    } else {
        free_look(l);
    }
    conf_look_step(c);
}

/* The store or the twin did not answer: all are looked at again, a little later. */
static void give_up(struct look *l, const char *why)
{
    struct configurations *c = l->configurations;
    say_warn("configuration.later", "who=%.*s reason=\"%s\"", SLICE_ARG(l->who), why);
    conf_sweep_soon(c, LOOK_AGAIN_US);
    finish(l);
}

/* ---- rows */

static void put_key(struct store_request *u, const struct look *l, struct slice id)
{
    struct slice module_id = hub_module_of(l->who);
    store_put_text(u, "id", id);
    store_put_text(u, "device_id", hub_device_of(l->who));
    store_put_text(u, "module_id", module_id.ptr ? module_id : SLICE_LIT(""));
}

static void ask_store(struct look *l, struct store_request *u,
                      void (*fn)(struct store_wait *w, struct store_answer *a))
{
    l->store_wait.fn = fn;
    l->asks_store = true;
    store_ask(l->configurations->hub->store, l->configurations->lane, u, &l->store_wait);
}

static bool is_meant(const struct look *l, struct slice id)
{
    for (unsigned i = 0; i < l->fit.count; i++)
        if (slice_eq(l->fit.items[i].item_id, id)) return true;
    return false;
}

static void on_removed(struct store_wait *w, struct store_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, store_wait);
    l->asks_store = false;
    if (a->err == OK)
        finish(l);
    else
        give_up(l, "the store does not answer");
}

/* Of those that meant the twin before and do not now. */
static void remove_rows(struct look *l)
{
    const struct json *had = json_get(l->twin, "configurations");
    struct store_request u;
    bool any = false;
    for (const struct json *m = had ? had->child : NULL; m; m = m->next) {
        if (is_meant(l, m->key)) continue;
        if (!any) store_begin_unit(&u, STORE_INTERACTIVE);
        any = true;
        store_add(&u, &sql_configuration_twin_remove, STORE_ANY);
        put_key(&u, l, m->key);
    }
    if (any)
        ask_store(l, &u, on_removed);
    else
        finish(l);
}

/* The identity is gone, and with it its twin. */
static void remove_all_rows(struct look *l)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_configuration_twin_remove_all, STORE_ANY);
    struct slice module_id = hub_module_of(l->who);
    store_put_text(&u, "device_id", hub_device_of(l->who));
    store_put_text(&u, "module_id", module_id.ptr ? module_id : SLICE_LIT(""));
    ask_store(l, &u, on_removed);
}

/* ---- the twin */

static void put_rows(struct look *l);

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, twin_wait);
    l->asks_twin = false;
    if (a->status == STATUS_OK) {
        metric_inc(&writes_total);
        remove_rows(l);
    } else if (a->status == STATUS_ARGUMENT_INVALID && !l->refused) {
        say_warn("configuration.refused", "who=%.*s reason=\"%.*s\"", SLICE_ARG(l->who),
                 SLICE_ARG(a->text));
        metric_inc(&refused_total);
        l->refused = true;
        put_rows(l);
    } else if (a->status == STATUS_DEVICE_NOT_FOUND) {
        remove_all_rows(l);
    } else {
        give_up(l, status_name(a->status));
    }
}

static void write_twin(struct look *l)
{
    l->twin_wait.fn = on_written;
    l->asks_twin = true;
    twin_write(l->configurations->twins, l->who, TWIN_CONFIGURE, SLICE_NONE, l->fit.json,
               &l->twin_wait);
}

static void on_put(struct store_wait *w, struct store_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, store_wait);
    l->asks_store = false;
    if (a->err != OK)
        give_up(l, "the store does not answer");
    else if (l->refused)
        finish(l);
    else
        write_twin(l);
}

static void put_rows(struct look *l)
{
    struct store_request u;
    if (l->fit.count == 0) {
        write_twin(l);
        return;
    }
    store_begin_unit(&u, STORE_INTERACTIVE);
    for (unsigned i = 0; i < l->fit.count; i++) {
        store_add(&u, &sql_configuration_twin_put, STORE_ANY);
        put_key(&u, l, l->fit.items[i].item_id);
        store_put_int(&u, "applied", l->fit.items[i].applied && !l->refused);
    }
    ask_store(l, &u, on_put);
}

static void on_read(struct twin_wait *w, const struct twin_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, twin_wait);
    struct configurations *c = l->configurations;
    l->asks_twin = false;
    if (a->status == STATUS_DEVICE_NOT_FOUND) {
        remove_all_rows(l);
    } else if (a->status != STATUS_OK || json_parse(&l->arena, a->body, &l->twin) != OK) {
        give_up(l, "the twin does not answer");
    } else {
        conf_fit_make(&l->arena, &c->items, l->twin, hub_module_of(l->who).len > 0, &l->fit);
        if (l->fit.changes)
            put_rows(l);
        else
            finish(l);
    }
}

static void begin(struct look *l)
{
    struct configurations *c = l->configurations;
    list_remove(&l->node);
    metric_set(&waiting_now, --c->queued);
    metric_inc(&looks_total);
    c->looking++;
    l->under_way = true;
    l->twin_wait.fn = on_read;
    l->asks_twin = true;
    twin_get(c->twins, l->who, &l->twin_wait);
}

void conf_look_step(struct configurations *c)
{
    while (c->looking < CONFIGURATION_AT_ONCE && !list_empty(&c->queue))
        begin(CONTAINER_OF(c->queue.next, struct look, node));
    if (c->overflow && c->queued == 0) {
        c->overflow = false;
        conf_sweep_all(c);
    }
    conf_sweep_step(c);
}

void conf_look_join(struct configurations *c)
{
    list_init(&c->queue);
}

void conf_look_leave(struct configurations *c)
{
    struct look *l;
    for (size_t at = 0; (l = map_next(&c->looks, &at)) != NULL;) {
        arena_free(&l->arena);
        free(l);
    }
    map_free(&c->looks);
}
