/* apply.c - a content for one edge device, at once. */
#include "base/mem.h"
#include "hub/configuration/walk.h"

#include <stdlib.h>

struct apply {
    struct op *op;
    struct item *item;
    struct plan plan;
    struct walk walk; /* configurations NULL: not yet */
    bool asks_twin;
    struct twin_wait twin_wait;
    struct arena arena;
};

void conf_apply_free(struct apply *a)
{
    if (a == NULL) return;
    if (a->asks_twin) twin_forget(a->op->configurations->twins, &a->twin_wait);
    if (a->walk.configurations) conf_walk_stop(&a->walk);
    conf_plan_drop(&a->plan);
    conf_item_free(a->item);
    arena_free(&a->arena);
    free(a);
}

static void on_walked(struct walk *w, enum status s, struct slice text)
{
    struct apply *a = CONTAINER_OF(w, struct apply, walk);
    conf_op_refuse(a->op, s, text); /* STATUS_OK: it is done */
}

static void on_device_read(struct twin_wait *w, const struct twin_answer *answer)
{
    struct apply *a = CONTAINER_OF(w, struct apply, twin_wait);
    struct json *twin;
    a->asks_twin = false;
    if (answer->status != STATUS_OK) {
        conf_op_refuse(a->op, answer->status, answer->text);
    } else if (json_parse(&a->arena, answer->body, &twin) != OK || !plan_is_edge(twin)) {
        conf_op_refuse(a->op, STATUS_ARGUMENT_INVALID,
                       SLICE_LIT("the device is not an Azure IoT Edge device"));
    } else {
        conf_plan_one(&a->arena, a->item, &a->plan);
        a->walk = (struct walk){.configurations = a->op->configurations,
                                .device_id = a->op->id,
                                .plan = &a->plan,
                                .done = on_walked};
        conf_walk_start(&a->walk);
    }
}

static bool is_under_way(const struct op *op)
{
    LIST_EACH(node, &op->configurations->ops)
    {
        const struct op *other = CONTAINER_OF(node, struct op, node);
        if (other != op && other->apply && slice_eq(other->id, op->id)) return true;
    }
    return false;
}

static enum status read_content(struct apply *a)
{
    enum status s = conf_item_read_content(a->op->json, &a->item);
    if (s != STATUS_OK || a->item->kind == CONTENT_EDGE) return s;
    (void)!fail(ERR_INVALID, "modulesContent was expected");
    return STATUS_INVALID_CONFIGURATION_CONTENT;
}

void conf_apply_start(struct op *op)
{
    if (is_under_way(op)) {
        conf_op_refuse(op, STATUS_APPLY_CONFIGURATION_IN_PROGRESS,
                       SLICE_LIT("another content is being applied on the device"));
        return;
    }
    struct apply *a = op->apply = NEW(struct apply);
    a->op = op;
    enum status s = read_content(a);
    if (s != STATUS_OK) {
        conf_op_refuse(op, s, slice_str(fail_text()));
        return;
    }
    a->twin_wait.fn = on_device_read;
    a->asks_twin = true;
    twin_get(op->configurations->twins, op->id, &a->twin_wait);
}
