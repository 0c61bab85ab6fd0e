/* ancestry.c - see ancestry.h; and whether an edge hub may speak for an identity. */
#include "hub/registry/ancestry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "hub/registry/registry_sql.h"
#include "hub/token.h"

static void take_key(struct arena *a, struct slice text, struct slice *out)
{
    struct buf bytes = BUF_SECRET;
    if (text_unbase64(&bytes, text) == OK) *out = arena_copy(a, buf_slice(&bytes));
    buf_wipe(&bytes);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct ancestry_wait *wait = CONTAINER_OF(w, struct ancestry_wait, wait);
    struct ancestry out = {0};
    struct arena arena = {0};
    while (a->err == OK && store_next(a) && out.count < REGISTRY_ANCESTORS_MAX) {
        struct ancestor *one = &out.of[out.count++];
        *one = (struct ancestor){.device_id = a->col[0].bytes,
                                 .enabled = a->col[1].number,
                                 .iot_edge = a->col[2].number};
        for (int i = 0; i < 2; i++) take_key(&arena, a->col[3 + i].bytes, &one->keys[i]);
    }
    wait->fn(wait, &out, a->err);
    arena_wipe(&arena);
}

void ancestry_ask(const struct registry *r, struct slice device_id, struct ancestry_wait *w)
{
    struct store_request q;
    store_begin_query(&q, &sql_identity_ancestry);
    store_put_text(&q, "device_id", device_id);
    store_put_int(&q, "most", REGISTRY_ANCESTORS_MAX);
    w->wait.fn = on_rows;
    store_ask(r->hub->store, r->lane, &q, &w->wait);
}

const struct ancestor *ancestry_find(const struct ancestry *a, struct slice device_id)
{
    for (unsigned i = 0; i < a->count && a->of[i].enabled; i++)
        if (slice_eq(a->of[i].device_id, device_id)) return &a->of[i];
    return NULL;
}

const struct ancestor *ancestry_chain(const struct ancestry *a, struct slice who,
                                      struct slice chain)
{
    struct slice element;
    unsigned i = 0;
    if (!slice_split(&chain, ';', &element) || !slice_eq(element, who)) return NULL;
    if (hub_module_of(who).len == 0) i++; /* it is the first of its own ancestry */
    for (; slice_split(&chain, ';', &element); i++)
        if (i == a->count || !a->of[i].enabled || !slice_eq(a->of[i].device_id, element))
            return NULL;
    return i > 0 && a->of[i - 1].iot_edge ? &a->of[i - 1] : NULL;
}

enum auth_cause ancestry_token(const struct registry *r, const struct ancestor *actor,
                               struct slice token, int64_t *ends_us)
{
    char who[HUB_WHO_LEN_MAX + 1];
    struct sas sas;
    int len = snprintf(who, sizeof who, "%.*s/$edgeHub", SLICE_ARG(actor->device_id));
    if (sas_parse(token, &sas) != OK) return AUTH_MALFORMED;
    *ends_us = sas_ends_us(&sas);
    return hub_token_of_identity(r->hub, &sas, slice_of(who, (size_t)len), actor->keys);
}

/* ---- on behalf of an identity */

struct registry_vouch_op {
    struct op op;
    struct ancestry_wait wait;
    struct registry *registry;
    struct registry_vouch *caller;
    struct buf text; /* who, chain, token */
    size_t who_len, chain_len;
};

static void drop_vouch(struct op *op)
{
    struct registry_vouch_op *o = CONTAINER_OF(op, struct registry_vouch_op, op);
    buf_free(&o->text);
    free(o);
}

static void on_ancestry(struct ancestry_wait *w, const struct ancestry *a, enum err e)
{
    struct registry_vouch_op *o = CONTAINER_OF(w, struct registry_vouch_op, wait);
    struct registry_vouch *v = o->caller;
    struct slice text = buf_slice(&o->text), who = slice_head(text, o->who_len);
    struct slice chain = slice_head(slice_from(text, o->who_len), o->chain_len);
    const struct ancestor *actor = e == OK ? ancestry_chain(a, who, chain) : NULL;
    v->err = e;
    v->auth = AUTH_WRONG_RESOURCE;
    if (actor)
        v->auth = ancestry_token(o->registry, actor, slice_from(text, o->who_len + o->chain_len),
                                 &v->ends_us);
    op_end(&o->op);
    drop_vouch(&o->op);
    v->fn(v);
}

void registry_vouch(struct registry *r, struct slice who, struct slice chain, struct slice token,
                    struct registry_vouch *v)
{
    struct registry_vouch_op *o = NEW(struct registry_vouch_op);
    *o = (struct registry_vouch_op){.registry = r,
                                    .caller = v,
                                    .wait.fn = on_ancestry,
                                    .who_len = who.len,
                                    .chain_len = chain.len};
    ON_LANE(r->lane);
    buf_put_slice(&o->text, who);
    buf_put_slice(&o->text, chain);
    buf_put_slice(&o->text, token);
    op_begin(r, &o->op, drop_vouch);
    ancestry_ask(r, hub_device_of(who), &o->wait);
}
