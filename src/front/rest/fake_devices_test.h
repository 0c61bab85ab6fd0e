/* fake_devices_test.h - the hub's doors that lead to devices, as a test wants them. */
#ifndef FRONT_REST_FAKE_DEVICES_TEST_H
#define FRONT_REST_FAKE_DEVICES_TEST_H

#include "front/rest/fake_door_test.h"

/* ---- the registry */

struct registry {
    char asked[512];
    struct registry_wait *wait;
};

void registry_get(struct registry *r, struct slice id, struct registry_wait *w)
{
    NOTE(r, w, "get %.*s", SLICE_ARG(id));
}

void registry_put(struct registry *r, struct slice id, struct slice match, struct slice json,
                  struct registry_wait *w)
{
    NOTE(r, w, "put %.*s match=%.*s %.*s", SLICE_ARG(id), SLICE_ARG(or_none(match)),
         SLICE_ARG(json));
}

void registry_delete(struct registry *r, struct slice id, struct slice match,
                     struct registry_wait *w)
{
    NOTE(r, w, "delete %.*s match=%.*s", SLICE_ARG(id), SLICE_ARG(or_none(match)));
}

void registry_bulk(struct registry *r, struct slice json, struct registry_wait *w)
{
    NOTE(r, w, "bulk %.*s", SLICE_ARG(json));
}

void registry_rekey(struct registry *r, struct slice json, struct registry_wait *w)
{
    NOTE(r, w, "rekey %.*s", SLICE_ARG(json));
}

void registry_list(struct registry *r, unsigned top, struct registry_wait *w)
{
    NOTE(r, w, "list %u", top);
}

void registry_list_modules(struct registry *r, struct slice id, struct registry_wait *w)
{
    NOTE(r, w, "modules %.*s%s", SLICE_ARG(id), w->token.ptr ? " token" : "");
}

void registry_scope_list(struct registry *r, const struct registry_scope *ask,
                         struct registry_wait *w)
{
    NOTE(r, w, "scope %.*s%s of %.*s/%.*s%s top=%u after=%.*s link=%.*s", SLICE_ARG(ask->actor),
         ask->token.ptr ? " token" : "", SLICE_ARG(ask->target_device),
         SLICE_ARG(ask->target_module), ask->target_only ? " only" : "", ask->top,
         SLICE_ARG(ask->after), SLICE_ARG(ask->link));
}

void registry_on_behalf(struct registry *r, const struct registry_behalf *ask,
                        struct registry_wait *w)
{
    static const char *const verbs[] = {"list", "get", "put", "delete"};
    NOTE(r, w, "behalf %s %.*s%s %.*s '%.*s' match=%.*s %.*s", verbs[ask->verb],
         SLICE_ARG(ask->actor), ask->token.ptr ? " token" : "", SLICE_ARG(ask->chain),
         SLICE_ARG(ask->module_id), SLICE_ARG(or_none(ask->if_match)), SLICE_ARG(ask->json));
}

uint64_t registry_devices_now(void)
{
    return 7;
}

void registry_count_devices(struct registry *r, struct registry_wait *w)
{
    NOTE(r, w, "count");
}

void registry_count_connected(struct registry *r, struct registry_wait *w)
{
    NOTE(r, w, "connected");
}

FAKE_FORGET(registry_forget, registry, registry_wait)

/* ---- twins */

struct twins {
    char asked[512], by[64];
    struct twin_wait *wait;
};

void twin_get(struct twins *t, struct slice who, struct twin_wait *w)
{
    NOTE(t, w, "get %.*s", SLICE_ARG(who));
}

void twin_write(struct twins *t, struct slice who, enum twin_write how, struct slice if_match,
                struct slice json, struct twin_wait *w)
{
    static const char *const names[] = {"merge",           "replace",      "merge-desired",
                                        "replace-desired", "replace-tags", "import"};
    snprintf(t->asked, sizeof t->asked, "%s %.*s match=%.*s %.*s", names[how], SLICE_ARG(who),
             SLICE_ARG(or_none(if_match)), SLICE_ARG(json));
    snprintf(t->by, sizeof t->by, "%.*s", SLICE_ARG(w->by));
    t->wait = w;
}

void twin_history(struct twins *t, struct slice who, struct twin_wait *w)
{
    NOTE(t, w, "history %.*s", SLICE_ARG(who));
}

FAKE_FORGET(twin_forget, twins, twin_wait)

/* ---- methods */

struct methods {
    char asked[512];
    enum err err; /* what method_call() says */
    struct method_call *call;
};

enum err method_call(struct methods *m, const struct method_ask *ask, struct method_call *c)
{
    snprintf(m->asked, sizeof m->asked, "%.*s %.*s %u+%u '%.*s'", SLICE_ARG(ask->who),
             SLICE_ARG(ask->name), ask->response_s, ask->connect_s, SLICE_ARG(ask->payload));
    if (m->err != OK) return fail(m->err, "because");
    c->methods = m;
    m->call = c;
    return OK;
}

void method_forget(struct method_call *c)
{
    assert_ptr_equal(c->methods->call, c);
    c->methods->call = NULL;
}

/* ---- messages to devices */

struct notices {
    char asked[200];
    struct notice_receiver *wait;
};

struct c2d {
    char asked[200];
    struct c2d_wait *wait;
    struct notices feedback;
};

struct notices *c2d_feedback(struct c2d *c)
{
    return &c->feedback;
}

void notices_visit(struct notices *n, struct notice_receiver *r)
{
    NOTE(n, r, "visit");
}

void notices_take(struct notices *n, struct notice_receiver *r)
{
    assert_ptr_equal(n->wait, r);
    NOTE(n, r, "take");
}

void notices_settle(struct notices *n, struct notice_receiver *r,
                    const uint8_t lock[NOTICE_LOCK_LEN], enum notice_outcome outcome)
{
    static const char *const names[] = {"complete", "abandon", "reject"};
    assert_ptr_equal(n->wait, r);
    NOTE(n, r, "%s %02x..%02x", names[outcome], lock[0], lock[NOTICE_LOCK_LEN - 1]);
}

FAKE_FORGET(notices_close, notices, notice_receiver)

void c2d_purge(struct c2d *c, struct slice who, struct c2d_wait *w)
{
    NOTE(c, w, "purge %.*s", SLICE_ARG(who));
}

void c2d_drop(struct c2d *c, struct slice who, uint64_t sequence, struct c2d_wait *w)
{
    NOTE(c, w, "drop %.*s %llu", SLICE_ARG(who), (unsigned long long)sequence);
}

void c2d_list(struct c2d *c, struct slice who, uint64_t after, unsigned top, struct c2d_wait *w)
{
    NOTE(c, w, "list %.*s %llu %u", SLICE_ARG(who), (unsigned long long)after, top);
}

FAKE_FORGET(c2d_forget, c2d, c2d_wait)

/* ---- queries */

struct queries {
    char asked[512];
    struct query_wait *wait;
};

void query_page(struct queries *q, const struct query_ask *ask, struct query_wait *w)
{
    NOTE(q, w, "%.*s after=%.*s max=%u", SLICE_ARG(ask->text), SLICE_ARG(or_none(ask->after)),
         ask->max);
}

FAKE_FORGET(query_forget, queries, query_wait)

/* ---- configurations */

struct configurations {
    char asked[512];
    struct configuration_wait *wait;
};

static void note_configuration(struct configurations *c, const char *verb, struct slice id,
                               struct slice match, struct slice json, struct configuration_wait *w)
{
    NOTE(c, w, "%s %.*s match=%.*s %.*s", verb, SLICE_ARG(id), SLICE_ARG(or_none(match)),
         SLICE_ARG(json));
}

void configuration_put(struct configurations *c, struct slice id, struct slice match,
                       struct slice json, struct configuration_wait *w)
{
    note_configuration(c, "put", id, match, json, w);
}

void configuration_delete(struct configurations *c, struct slice id, struct slice match,
                          struct configuration_wait *w)
{
    note_configuration(c, "delete", id, match, SLICE_LIT(""), w);
}

void configuration_get(struct configurations *c, struct slice id, struct configuration_wait *w)
{
    note_configuration(c, "get", id, SLICE_NONE, SLICE_LIT(""), w);
}

void configuration_list(struct configurations *c, struct configuration_wait *w)
{
    note_configuration(c, "list", SLICE_LIT(""), SLICE_NONE, SLICE_LIT(""), w);
}

void configuration_test(struct configurations *c, struct slice json, struct configuration_wait *w)
{
    note_configuration(c, "test", SLICE_LIT(""), SLICE_NONE, json, w);
}

void configuration_apply(struct configurations *c, struct slice device_id, struct slice json,
                         struct configuration_wait *w)
{
    note_configuration(c, "apply", device_id, SLICE_NONE, json, w);
}

FAKE_FORGET(configuration_forget, configurations, configuration_wait)

/* ---- jobs */

struct jobs {
    char asked[512];
    struct job_wait *wait;
};

void job_create(struct jobs *j, struct slice id, struct slice json, struct job_wait *w)
{
    NOTE(j, w, "create %.*s %.*s", SLICE_ARG(id), SLICE_ARG(json));
}

void job_get(struct jobs *j, struct slice id, struct job_wait *w)
{
    NOTE(j, w, "get %.*s", SLICE_ARG(id));
}

void job_cancel(struct jobs *j, struct slice id, struct job_wait *w)
{
    NOTE(j, w, "cancel %.*s", SLICE_ARG(id));
}

void job_list(struct jobs *j, const struct job_ask *ask, struct job_wait *w)
{
    NOTE(j, w, "list type=%d status=%d after=%.*s max=%u", ask->type, ask->status,
         SLICE_ARG(or_none(ask->after)), ask->max);
}

FAKE_FORGET(job_forget, jobs, job_wait)

/* ---- transfers */

struct transfers {
    char asked[512];
    bool has_container;
    struct transfer_wait *wait;
};

static void note_transfer(struct transfers *t, const char *verb, struct slice text,
                          struct transfer_wait *w)
{
    NOTE(t, w, "%s %.*s", verb, SLICE_ARG(text));
}

void transfer_create(struct transfers *t, struct slice json, struct transfer_wait *w)
{
    note_transfer(t, "create", json, w);
}

void transfer_get(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    note_transfer(t, "get", id, w);
}

void transfer_list(struct transfers *t, struct transfer_wait *w)
{
    note_transfer(t, "list", SLICE_LIT(""), w);
}

void transfer_cancel(struct transfers *t, struct slice id, struct transfer_wait *w)
{
    note_transfer(t, "cancel", id, w);
}

bool transfer_put_container(const struct transfers *t, struct slice host, struct buf *out)
{
    if (!t->has_container) return false;
    buf_printf(out, "https://%.*s/files?sig=x", SLICE_ARG(host));
    return true;
}

FAKE_FORGET(transfer_forget, transfers, transfer_wait)

#endif
