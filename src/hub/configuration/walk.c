/* walk.c - what a plan says is written into the twins of a device's modules (drawn in walk.h). */
#include "hub/configuration/walk.h"

#include "base/metrics.h"
#include "hub/configuration/tree.h"

COUNTER(modules_total, "azimuth_configuration_modules_total",
        "Modules that deployments of edge devices made");

static void next_module(struct walk *w);
static void read_twin(struct walk *w);

static struct slice module_of(const struct walk *w)
{
    return w->plan->modules[w->at];
}

static void end(struct walk *w, enum status s, struct slice text)
{
    w->done(w, s, text);
}

/* ---- the twin is written */

static void on_written(struct twin_wait *wait, const struct twin_answer *a)
{
    struct walk *w = CONTAINER_OF(wait, struct walk, twin_wait);
    w->asks_twin = false;
    if (a->status != STATUS_OK) {
        end(w, a->status, a->text);
        return;
    }
    w->changed = true;
    w->at++;
    next_module(w);
}

static void write_twin(struct walk *w, const struct json *patch, bool says)
{
    struct buf text = {0}, by = {0};
    conf_plan_by(w->plan, module_of(w), &by);
    buf_put_str(&text, "{\"properties\":{");
    if (patch) {
        buf_put_str(&text, "\"desired\":");
        json_write(&text, patch);
    }
    buf_put_u8(&text, '}');
    if (says) {
        buf_put_str(&text, ",\"configurations\":");
        conf_meant_put(&text, &w->plan->meant);
    }
    buf_put_u8(&text, '}');
    w->twin_wait.fn = on_written;
    w->asks_twin = true;
    w->twin_wait.by = buf_slice(&by);
    twin_write(w->configurations->twins, buf_slice(&w->who), TWIN_CONFIGURE, SLICE_NONE,
               buf_slice(&text), &w->twin_wait);
    buf_free(&text);
    buf_free(&by);
}

/* ---- the module is made */

static void on_made(struct registry_wait *wait, const struct registry_answer *a)
{
    struct walk *w = CONTAINER_OF(wait, struct walk, registry_wait);
    w->asks_registry = false;
    if (a->status == STATUS_OK) metric_inc(&modules_total);
    if (a->status == STATUS_OK || a->status == STATUS_MODULE_ALREADY_EXISTS)
        read_twin(w);
    else
        end(w, a->status, a->text);
}

static void make_module(struct walk *w)
{
    w->made = true;
    w->registry_wait = (struct registry_wait){.fn = on_made};
    w->asks_registry = true;
    registry_put(w->configurations->registry, buf_slice(&w->who), SLICE_NONE,
                 SLICE_LIT("{\"managedBy\":\"IotEdge\"}"), &w->registry_wait);
}

/* Does anything that counts say something of the module? */
static bool is_named(const struct walk *w)
{
    for (unsigned i = 0; i < w->plan->applied_count; i++)
        if (json_find(w->plan->applied[i]->content, module_of(w))) return true;
    return false;
}

/* ---- the twin is read */

static void compare(struct walk *w, const struct json *twin)
{
    const struct json *desired = json_get(json_get(twin, "properties"), "desired");
    struct json *patch = conf_plan_patch(&w->arena, w->plan, module_of(w), desired);
    bool says = w->plan->says && slice_eq(module_of(w), PLAN_AGENT);
    if (patch || says) {
        write_twin(w, patch, says);
    } else {
        w->at++;
        next_module(w);
    }
}

static void on_read(struct twin_wait *wait, const struct twin_answer *a)
{
    struct walk *w = CONTAINER_OF(wait, struct walk, twin_wait);
    struct json *twin;
    w->asks_twin = false;
    bool none = a->status == STATUS_DEVICE_NOT_FOUND || a->status == STATUS_MODULE_NOT_FOUND;
    if (none && is_named(w) && !w->made && !plan_is_system(module_of(w))) {
        make_module(w);
    } else if (none) {
        w->at++;
        next_module(w);
    } else if (a->status == STATUS_OK && json_parse(&w->arena, a->body, &twin) == OK) {
        compare(w, twin);
    } else {
        end(w, a->status == STATUS_OK ? STATUS_SERVER_ERROR : a->status, a->text);
    }
}

static void read_twin(struct walk *w)
{
    arena_reset(&w->arena);
    w->twin_wait.fn = on_read;
    w->asks_twin = true;
    twin_get(w->configurations->twins, buf_slice(&w->who), &w->twin_wait);
}

static void next_module(struct walk *w)
{
    w->made = false;
    if (w->at == w->plan->module_count) {
        end(w, STATUS_OK, SLICE_NONE);
        return;
    }
    buf_clear(&w->who);
    hub_put_who(&w->who, w->device_id, module_of(w));
    read_twin(w);
}

void conf_walk_start(struct walk *w)
{
    next_module(w);
}

void conf_walk_stop(struct walk *w)
{
    if (w->asks_twin) twin_forget(w->configurations->twins, &w->twin_wait);
    if (w->asks_registry) registry_forget(w->configurations->registry, &w->registry_wait);
    w->asks_twin = w->asks_registry = false;
    arena_free(&w->arena);
    buf_free(&w->who);
}
