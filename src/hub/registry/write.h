/* write.h - one write on its way, at home.  Private to hub/registry.
 *
 * A write holds its identity's entry while the store is asked.  A module's holds its device's, too,
 * from before it looks at the module: so modules of one device are written one after the other, and
 * never while the device itself is.
 */
#ifndef HUB_REGISTRY_WRITE_H
#define HUB_REGISTRY_WRITE_H

#include "hub/registry/message.h"

enum { EDGE_MODULES = 2, TWIN_TEXT_MAX = 160 };

struct write_op {
    struct op op;
    struct registry_load load;
    struct store_wait wait;
    struct registry *registry;
    struct msg *m;
    struct write write;
    struct entry *device;                        /* of a module: its device's, held */
    struct entry *entry;                         /* while the store is asked: held */
    struct identity *next;                       /* likewise; NULL: a delete */
    struct module_ids modules;                   /* of a device, when it matters to them */
    struct identity *edge_modules[EDGE_MODULES]; /* made with it; NULL: not now */
    uint32_t room_step;            /* the unit's statement that keeps numbers in bounds */
    uint32_t hierarchy_step;       /* likewise edge devices below each other */
    enum registry_twin twin;       /* of a bulk: what the unit makes of it */
    char twin_text[TWIN_TEXT_MAX]; /* why not */
    bool again;                    /* the second attempt */
};

static inline bool write_is_module(const struct write_op *o)
{
    return hub_module_of(o->write.who).len > 0;
}

/* The name of a module of the device, in `text`, which the caller frees. */
struct slice write_module(const struct write_op *o, struct slice module_id, struct buf *text);

/* unit.c: what takes the identity from `old` (NULL: there is none) to o->next. */
void unit_build(struct store_request *u, struct write_op *o, const struct identity *old);

/* edge.c: an edge device has $edgeAgent and $edgeHub.  Makes those that are not in o->modules. */
void edge_make_modules(struct write_op *o, const struct identity *old);
void edge_drop_modules(struct write_op *o);

#endif
