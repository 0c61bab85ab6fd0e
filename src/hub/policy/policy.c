/* policy.c - three settings, made when the hub is first started, all in one unit. */
#include "hub/policy/policy.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "hub/policy/policy_sql.h"
#include "store/store.h"

/* As Azure's look: "0ne" and eight hexadecimal digits. */
static void make_id_scope(struct hub *hub)
{
    do snprintf(hub->id_scope, sizeof hub->id_scope, "0ne%08X", (unsigned)rand_u64());
    while (hub_is_host(hub, slice_str(hub->id_scope)));
}

static void add_setting(struct store_request *u, const char *name, struct slice value)
{
    store_add(u, &sql_setting_insert, 1);
    store_put_text(u, "name", slice_str(name));
    store_put_text(u, "value", value);
}

static enum err make(struct hub *hub, struct policies *policies)
{
    struct store_request u;
    struct buf json = BUF_SECRET;
    char created[24];
    policies_make(policies);
    policies_write(&json, policies);
    make_id_scope(hub);
    hub->created_us = clock_wall_us();
    snprintf(created, sizeof created, "%lld", (long long)hub->created_us);
    store_begin_unit(&u, STORE_INTERACTIVE);
    add_setting(&u, "policies", buf_slice(&json));
    add_setting(&u, "id_scope", slice_str(hub->id_scope));
    add_setting(&u, "created_us", slice_str(created));
    buf_wipe(&json);
    say_info("hub.born", "name=%s id_scope=%s", hub->name, hub->id_scope);
    return store_now_unit(hub->store, &u);
}

/* ERR_NOT_FOUND when there is no such setting. */
static enum err read_setting(struct store *store, const char *name, struct buf *value)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_setting_get);
    store_put_text(&q, "name", slice_str(name));
    enum err err = store_now_query(store, &q, &a, &page);
    if (err == OK && !store_next(&a)) err = ERR_NOT_FOUND;
    if (err == OK) buf_put_slice(value, a.col[0].bytes);
    msg_free(page);
    return err;
}

static enum err read_policies(struct store *store, struct policies *policies)
{
    struct buf json = BUF_SECRET;
    enum err err = read_setting(store, "policies", &json);
    if (err == OK) err = policies_read(buf_slice(&json), policies);
    buf_wipe(&json);
    return err;
}

static enum err read_birth(struct hub *hub)
{
    struct buf scope = {0}, created = {0};
    enum err err = read_setting(hub->store, "id_scope", &scope);
    if (err == OK) err = read_setting(hub->store, "created_us", &created);
    if (err == OK) err = num_i64(buf_slice(&created), &hub->created_us);
    if (err == OK) snprintf(hub->id_scope, sizeof hub->id_scope, "%s", buf_cstr(&scope));
    buf_free(&scope);
    buf_free(&created);
    return err;
}

enum err policy_load(struct hub *hub, struct policies *policies)
{
    enum err err = read_policies(hub->store, policies);
    if (err == OK)
        err = read_birth(hub);
    else if (err == ERR_NOT_FOUND)
        err = make(hub, policies);
    if (err == OK && hub_is_host(hub, slice_str(hub->id_scope)))
        err =
            fail(ERR_INVALID,
                 "--hostname %s is the id scope of this hub's provisioning service, which clients "
                 "are told apart by; choose another",
                 hub->id_scope);
    if (err == OK) hub->policies = policies;
    return err;
}
