/* edge.c - $edgeAgent and $edgeHub, which come with an edge device.
 *
 * They are managed by iotEdge and cannot connect until somebody gives them keys, as the identity
 * service of a real edge device does.  Nobody else can make or delete modules with such names.
 */
#include <stdlib.h>

#include "hub/registry/write.h"

static const char *const names[EDGE_MODULES] = {"$edgeAgent", "$edgeHub"};

static struct identity *make(const struct identity *device, const char *name)
{
    struct arena arena = {0};
    struct identity module = {.device_id = device->device_id,
                              .module_id = slice_str(name),
                              .managed_by = SLICE_LIT("iotEdge"),
                              .enabled = device->enabled,
                              .auth = IDENTITY_NONE};
    document_made_by_server(&arena, NULL, &module);
    struct identity *copy = identity_copy(&module);
    arena_free(&arena);
    return copy;
}

void edge_make_modules(struct write_op *o, const struct identity *old)
{
    bool becomes_edge = o->next && o->next->iot_edge && !(old && old->iot_edge);
    if (!becomes_edge || write_is_module(o)) return;
    for (int i = 0; i < EDGE_MODULES; i++)
        if (!module_ids_have(&o->modules, slice_str(names[i])))
            o->edge_modules[i] = make(o->next, names[i]);
}

void edge_drop_modules(struct write_op *o)
{
    for (int i = 0; i < EDGE_MODULES; i++) {
        free(o->edge_modules[i]);
        o->edge_modules[i] = NULL;
    }
}
