/* modules.c - the modules of a device: their names, and the list that services see. */
#include <stdlib.h>

#include "hub/registry/message.h"
#include "hub/registry/registry_sql.h"

/* ---- names: u8 length, bytes; one after the other */

void module_ids_add(struct module_ids *ids, struct slice id)
{
    buf_put_u8(&ids->text, (uint8_t)id.len);
    buf_put_slice(&ids->text, id);
    ids->count++;
}

bool module_ids_next(struct cur *at, struct slice *id)
{
    if (cur_left(at) == 0) return false;
    *id = cur_take(at, cur_u8(at));
    return true;
}

bool module_ids_have(const struct module_ids *ids, struct slice id)
{
    struct cur at = cur_of(buf_slice(&ids->text));
    struct slice have;
    while (module_ids_next(&at, &have))
        if (slice_eq(have, id)) return true;
    return false;
}

void module_ids_free(struct module_ids *ids)
{
    buf_free(&ids->text);
    *ids = (struct module_ids){0};
}

void modules_ask(const struct registry *r, struct slice device_id, struct slice after,
                 struct store_wait *w)
{
    struct store_request q;
    store_begin_query(&q, &sql_identity_modules);
    store_put_text(&q, "device_id", device_id);
    store_put_text(&q, "after", after);
    store_ask(r->hub->store, r->lane, &q, w);
}

/* ---- the list: at most a page, for a device has at most some 50 */

struct list_op {
    struct op op;
    struct registry_load load;
    struct store_wait wait;
    struct registry *registry;
    struct msg *m;
};

static void drop_list(struct op *op)
{
    struct list_op *o = CONTAINER_OF(op, struct list_op, op);
    msg_free(o->m);
    free(o);
}

static void end(struct list_op *o)
{
    op_end(&o->op);
    drop_list(&o->op);
}

static enum err write_rows(const struct registry *r, struct store_answer *a, struct buf *json)
{
    struct arena arena = {0};
    enum err err = a->err;
    buf_put_u8(json, '[');
    for (unsigned i = 0; err == OK && store_next(a); i++) {
        struct identity id;
        err = identity_of_row(&arena, a->col, &id);
        if (err != OK) break;
        if (i) buf_put_u8(json, ',');
        struct presence presence = identity_presence(r, &id);
        identity_write(json, &id, &presence);
    }
    buf_put_u8(json, ']');
    arena_wipe(&arena);
    return err;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct list_op *o = CONTAINER_OF(w, struct list_op, wait);
    struct buf json = BUF_SECRET;
    enum err err = write_rows(o->registry, a, &json);
    if (err == OK)
        answer_done(o->registry, o->m, &(struct registry_answer){.body = buf_slice(&json)});
    else
        answer_load_error(o->registry, o->m, err);
    buf_wipe(&json);
    end(o);
}

static void on_loaded(struct registry_load *load, const struct identity *device, enum err e)
{
    struct list_op *o = CONTAINER_OF(load, struct list_op, load);
    struct ask ask = ask_msg_read(o->m);
    if (e != OK) {
        answer_load_error(o->registry, o->m, e);
        end(o);
    } else if (ask.token.ptr && !token_is_of(o->registry, ask.token, device)) {
        answer_unauthorized(o->registry, o->m);
        end(o);
    } else {
        o->wait.fn = on_rows;
        modules_ask(o->registry, device->device_id, SLICE_LIT(""), &o->wait);
    }
}

static void on_list(void *ctx, struct lane *lane, struct msg *m)
{
    struct ask ask = ask_msg_read(m);
    (void)lane;
    if (!hub_id_valid(ask.who)) {
        answer_invalid_id(ctx, m);
        return;
    }
    struct list_op *o = NEW(struct list_op);
    msg_keep(m);
    o->registry = ctx;
    o->m = m;
    op_begin(ctx, &o->op, drop_list);
    registry_load(ctx, ask.who, &o->load, on_loaded);
}

void registry_list_modules(struct registry *r, struct slice device_id, struct registry_wait *w)
{
    send_home(r, device_id, ask_msg_new(REGISTRY_MODULES, device_id, w->token), w);
}

void modules_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_MODULES, on_list, r);
}
