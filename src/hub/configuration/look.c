/* look.c - one twin after the other is made what the configurations say (drawn in home.h). */
#include <stdlib.h>

#include "base/metrics.h"
#include "base/say.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/look.h"
#include "hub/key.h"

COUNTER(looks_total, "azimuth_configuration_looks_total", "Twins that configurations looked at");
COUNTER(writes_total, "azimuth_configuration_writes_total", "Twins that configurations changed");
COUNTER(refused_total, "azimuth_configuration_refused_total",
        "Twins that could not be what configurations say");
COUNTER(overflow_total, "azimuth_configuration_overflow_total",
        "Changes of twins that found the queue full, so that all twins were looked at");
GAUGE(waiting_now, "azimuth_configuration_waiting", "Twins that wait to be looked at");

/* ---- life */

static void drop_findings(struct look *l)
{
    if (l->asks_twin) twin_forget(l->configurations->twins, &l->twin_wait);
    if (l->asks_store) store_forget(l->configurations->lane, &l->store_wait);
    if (l->walk.configurations) conf_walk_stop(&l->walk);
    if (l->plan) conf_plan_drop(l->plan);
    l->walk = (struct walk){0};
    l->plan = NULL;
    l->fit = NULL;
    l->twin = l->agent = NULL;
    l->asks_twin = l->asks_store = l->refused = false;
    arena_reset(&l->arena);
}

static void free_look(struct look *l)
{
    drop_findings(l);
    list_remove(&l->node);
    map_remove(&l->configurations->looks, l->who);
    arena_free(&l->arena);
    buf_free(&l->row_ids);
    free(l);
}

static void enqueue(struct look *l)
{
    struct configurations *c = l->configurations;
    list_push(&c->queue, &l->node);
    metric_set(&waiting_now, ++c->queued);
}

static struct look *new_look(struct configurations *c, struct slice who)
{
    struct look *l = mem_zero(sizeof *l + who.len);
    memcpy(l + 1, who.ptr, who.len);
    l->who = slice_of(l + 1, who.len);
    l->configurations = c;
    list_init(&l->node);
    map_put(&c->looks, l->who, l);
    enqueue(l);
    return l;
}

/* Sweeps may find it by several before it is its turn.  No id has a comma. */
static void note_row(struct look *l, struct slice id)
{
    struct slice rest = buf_slice(&l->row_ids), known;
    while (rest.len && slice_split(&rest, ',', &known))
        if (slice_eq(known, id)) return;
    if (l->row_count == LOOK_ROWS_MAX) {
        conf_sweep_add(l->configurations, id);
        return;
    }
    l->row_count++;
    buf_put_slice(&l->row_ids, id);
    buf_put_u8(&l->row_ids, ',');
}

static void look_at(struct configurations *c, struct slice who, struct slice row_id)
{
    struct look *l = map_get(&c->looks, who);
    if (l)
        l->again = l->under_way;
    else if (c->queued < CONFIGURATION_QUEUE_MAX)
        l = new_look(c, who);
    if (l && row_id.len) note_row(l, row_id);
    if (l == NULL) {
        metric_inc(&overflow_total);
        c->overflow = true;
    }
    conf_look_step(c);
}

/* What concerns $edgeAgent and $edgeHub is a matter of their device; so are, for deployments, its other
 * modules. */
static void look_from(struct configurations *c, struct slice who, struct slice row_id)
{
    struct slice module_id = hub_module_of(who);
    bool system = module_id.len && plan_is_system(module_id);
    if (system || (module_id.len && c->edge_count > 0))
        look_at(c, hub_device_of(who), system ? row_id : SLICE_NONE);
    if (!system) look_at(c, who, row_id);
}

void conf_look_at(struct configurations *c, struct slice who)
{
    look_from(c, who, SLICE_NONE);
}

void conf_look_at_row(struct configurations *c, struct slice who, struct slice id)
{
    look_from(c, who, id);
}

static void finish(struct look *l)
{
    struct configurations *c = l->configurations;
    c->looking--;
    drop_findings(l);
    if (l->again) {
        l->again = l->under_way = false;
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

static void ask_store(struct look *l, struct store_request *u,
                      void (*fn)(struct store_wait *w, struct store_answer *a))
{
    l->store_wait.fn = fn;
    l->asks_store = true;
    store_ask(l->configurations->hub->store, l->configurations->lane, u, &l->store_wait);
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

static bool is_meant(const struct look *l, struct slice id)
{
    return conf_meant_has(&l->fit->meant, id) || (l->plan && conf_meant_has(&l->plan->meant, id));
}

static void remove_row(struct look *l, struct store_request *u, struct slice id, bool *any)
{
    if (is_meant(l, id)) return;
    if (!*any) store_begin_unit(u, STORE_INTERACTIVE);
    *any = true;
    store_add(u, &sql_configuration_twin_remove, STORE_ANY);
    store_put_text(u, "id", id);
    hub_put_key(u, l->who);
}

/* Of those that meant the twin before and do not now. */
static void remove_rows(struct look *l)
{
    const struct json *had[] = {json_get(l->twin, "configurations"),
                                json_get(l->agent, "configurations")};
    struct store_request u;
    bool any = false;
    for (int i = 0; i < 2; i++)
        for (const struct json *m = had[i] ? had[i]->child : NULL; m; m = m->next)
            remove_row(l, &u, m->key, &any);
    for (struct slice rest = buf_slice(&l->row_ids), id; rest.len && slice_split(&rest, ',', &id);)
        remove_row(l, &u, id, &any);
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
    hub_put_key(&u, l->who);
    ask_store(l, &u, on_removed);
}

static bool is_gone(enum status s)
{
    return s == STATUS_DEVICE_NOT_FOUND || s == STATUS_MODULE_NOT_FOUND;
}

/* ---- twins are written: its own, then those of its modules */

static void put_rows(struct look *l);

static void refuse(struct look *l, struct slice text)
{
    say_warn("configuration.refused", "who=%.*s reason=\"%.*s\"", SLICE_ARG(l->who),
             SLICE_ARG(text));
    metric_inc(&refused_total);
    l->refused = true;
    put_rows(l);
}

static void go_on(struct look *l, enum status s, struct slice text, void (*next)(struct look *l))
{
    bool refused = s == STATUS_ARGUMENT_INVALID || s == STATUS_MESSAGE_TOO_LARGE ||
                   s == STATUS_TOO_MANY_MODULES || s == STATUS_TOO_MANY_DEVICES;
    if (s == STATUS_OK)
        next(l);
    else if (refused && !l->refused)
        refuse(l, text);
    else if (is_gone(s))
        remove_all_rows(l);
    else
        give_up(l, status_name(s));
}

static void on_walked(struct walk *w, enum status s, struct slice text)
{
    struct look *l = CONTAINER_OF(w, struct look, walk);
    if (w->changed) metric_inc(&writes_total);
    if (is_gone(s)) { /* a module, or its device: the next look knows */
        l->again = true;
        finish(l);
    } else {
        go_on(l, s, text, remove_rows);
    }
}

static void write_modules(struct look *l)
{
    if (l->plan == NULL) {
        remove_rows(l);
        return;
    }
    l->walk = (struct walk){.configurations = l->configurations,
                            .device_id = hub_device_of(l->who),
                            .plan = l->plan,
                            .done = on_walked};
    conf_walk_start(&l->walk);
}

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, twin_wait);
    l->asks_twin = false;
    if (a->status == STATUS_OK) metric_inc(&writes_total);
    go_on(l, a->status, a->text, write_modules);
}

static void write_twin(struct look *l)
{
    if (!l->fit->changes) {
        write_modules(l);
        return;
    }
    l->twin_wait.fn = on_written;
    l->asks_twin = true;
    l->twin_wait.by = l->fit->by.len ? l->fit->by : SLICE_LIT("a configuration");
    twin_write(l->configurations->twins, l->who, TWIN_CONFIGURE, SLICE_NONE, l->fit->json,
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

static void put_rows_of(struct look *l, struct store_request *u, const struct meant *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        store_add(u, &sql_configuration_twin_put, STORE_ANY);
        store_put_text(u, "id", m->of[i].id);
        hub_put_key(u, l->who);
        store_put_int(u, "applied", m->of[i].applied && !l->refused);
    }
}

static void put_rows(struct look *l)
{
    bool fit = l->fit->meant.count && (l->fit->changes || l->refused);
    bool plan = l->plan && l->plan->meant.count && (l->plan->says || l->refused);
    struct store_request u;
    if (!fit && !plan) {
        if (l->refused)
            finish(l);
        else
            write_twin(l);
        return;
    }
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (fit) put_rows_of(l, &u, &l->fit->meant);
    if (plan) put_rows_of(l, &u, &l->plan->meant);
    ask_store(l, &u, on_put);
}

/* ---- twins are read */

static void on_agent_read(struct twin_wait *w, const struct twin_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, twin_wait);
    l->asks_twin = false;
    if (!is_gone(a->status) &&
        (a->status != STATUS_OK || json_parse(&l->arena, a->body, &l->agent) != OK)) {
        give_up(l, "the twin does not answer");
        return;
    }
    l->plan = arena_alloc(&l->arena, sizeof *l->plan);
    conf_plan_make(&l->arena, &l->configurations->items, l->twin, l->agent, l->plan);
    put_rows(l);
}

static void read_agent(struct look *l)
{
    struct buf who = {0};
    hub_put_who(&who, l->who, PLAN_AGENT);
    l->twin_wait.fn = on_agent_read;
    l->asks_twin = true;
    twin_get(l->configurations->twins, buf_slice(&who), &l->twin_wait);
    buf_free(&who);
}

static void fit(struct look *l)
{
    bool of_module = hub_module_of(l->who).len > 0;
    l->fit = arena_alloc(&l->arena, sizeof *l->fit);
    conf_fit_make(&l->arena, &l->configurations->items, l->twin, of_module, l->fit);
    if (!of_module && (buf_size(&l->row_ids) || plan_is_edge(l->twin)))
        read_agent(l);
    else
        put_rows(l);
}

static void on_read(struct twin_wait *w, const struct twin_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, twin_wait);
    l->asks_twin = false;
    if (is_gone(a->status))
        remove_all_rows(l);
    else if (a->status != STATUS_OK || json_parse(&l->arena, a->body, &l->twin) != OK)
        give_up(l, "the twin does not answer");
    else
        fit(l);
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
        if (l->walk.configurations) conf_walk_stop(&l->walk);
        if (l->plan) conf_plan_drop(l->plan);
        arena_free(&l->arena);
        buf_free(&l->row_ids);
        free(l);
    }
    map_free(&c->looks);
}
