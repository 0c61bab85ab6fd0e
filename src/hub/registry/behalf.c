/* behalf.c - an edge hub that reads and writes the modules of a device below it.
 *
 *   ancestry of the target ─▶ is the chain true, and is the token its last one's $edgeHub's?
 *       ─▶ the verb, at the target's home, which answers who waits
 */
#include <stdlib.h>

#include "hub/registry/ancestry.h"
#include "hub/registry/message.h"

struct behalf_op {
    struct op op;
    struct registry *registry;
    struct addr waiter;
    struct ancestry_wait ancestry;
    struct arena arena;
    struct registry_behalf ask; /* its slices are in the arena */
};

static void drop_behalf(struct op *op)
{
    struct behalf_op *o = CONTAINER_OF(op, struct behalf_op, op);
    arena_wipe(&o->arena); /* a module that is put may have keys, and there is the token */
    free(o);
}

static struct slice first_of(struct slice chain)
{
    return slice_head(chain, slice_find(chain, ';'));
}

static bool may(const struct behalf_op *o, const struct ancestry *a)
{
    int64_t ends_us;
    const struct ancestor *actor = ancestry_chain(a, first_of(o->ask.chain), o->ask.chain);
    if (actor == NULL || !slice_eq(actor->device_id, o->ask.actor)) return false;
    return o->ask.token.ptr == NULL ||
           ancestry_token(o->registry, actor, o->ask.token, &ends_us) == AUTH_OK;
}

static struct msg *question(const struct registry_behalf *ask, struct slice who)
{
    struct write w = {.who = who, .if_match = ask->if_match, .json = ask->json};
    switch (ask->verb) {
    case BEHALF_LIST: return ask_msg_new(REGISTRY_MODULES, hub_device_of(who), SLICE_NONE);
    case BEHALF_GET: return ask_msg_new(REGISTRY_READ, who, SLICE_NONE);
    case BEHALF_PUT: w.mode = ask->if_match.ptr ? WRITE_MAY_UPDATE : WRITE_MAY_CREATE; break;
    case BEHALF_DELETE:
        w.mode = WRITE_DELETES;
        w.if_match = SLICE_LIT("*");
        break;
    }
    return write_msg_new(&w);
}

static void go_on(struct behalf_op *o)
{
    struct registry *r = o->registry;
    struct buf who = {0};
    hub_put_who(&who, hub_device_of(first_of(o->ask.chain)), o->ask.module_id);
    post(r->lane, o->waiter, hub_home(r->hub, buf_slice(&who)), question(&o->ask, buf_slice(&who)));
    buf_free(&who);
}

static void on_ancestry(struct ancestry_wait *w, const struct ancestry *a, enum err e)
{
    struct behalf_op *o = CONTAINER_OF(w, struct behalf_op, ancestry);
    const char *silent = "the store does not answer", *no = "Unauthorized";
    if (e == OK && may(o, a))
        go_on(o);
    else
        answer_wait(
            o->registry, o->waiter,
            &(struct registry_answer){.status = e ? status_of_err(e) : STATUS_UNAUTHORIZED_ACCESS,
                                      .text = slice_str(e ? silent : no)});
    op_end(&o->op);
    drop_behalf(&o->op);
}

static struct slice keep(struct behalf_op *o, struct slice text)
{
    return text.ptr ? arena_copy(&o->arena, text) : SLICE_NONE;
}

void registry_on_behalf(struct registry *r, const struct registry_behalf *ask,
                        struct registry_wait *w)
{
    struct behalf_op *o = NEW(struct behalf_op);
    wait_begin(r, w);
    *o = (struct behalf_op){
        .registry = r, .waiter = w->slot, .ask = *ask, .ancestry.fn = on_ancestry};
    o->ask.actor = keep(o, ask->actor);
    o->ask.token = keep(o, ask->token);
    o->ask.chain = keep(o, ask->chain);
    o->ask.module_id = keep(o, ask->module_id);
    o->ask.if_match = keep(o, ask->if_match);
    o->ask.json = keep(o, ask->json);
    op_begin(r, &o->op, drop_behalf);
    ancestry_ask(r, hub_device_of(first_of(o->ask.chain)), &o->ancestry);
}
