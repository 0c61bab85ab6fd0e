/* renew.c - a key of a policy is made anew while the hub runs: the store first, then all cores, at once. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/say.h"
#include "hub/policy/policy.h"
#include "hub/policy/policy_sql.h"
#include "store/store.h"

struct edition {
    struct policies policies;
    const char *renewed; /* the policy, as the edition before has its name */
    unsigned which;      /* of its keys */
    struct edition *before;
};

struct policy_keys {
    struct hub *hub;
    struct lane *lane;
    struct edition *newest; /* that was made here, and those before it */
    struct edition *next;   /* under way to the store, or NULL */
    unsigned renewals;
    struct policy_wait *waiting; /* for it; NULL: he has gone */
    struct store_wait stored;
};

struct policy_keys *policy_keys_new(struct hub *hub, struct lane *lane)
{
    struct policy_keys *k = NEW(struct policy_keys);
    k->hub = hub;
    k->lane = lane;
    return k;
}

static void drop(struct edition *e)
{
    if (e == NULL) return;
    mem_wipe(e, sizeof *e);
    free(e);
}

void policy_keys_free(struct policy_keys *k)
{
    if (k == NULL) return;
    while (k->newest) {
        struct edition *before = k->newest->before;
        drop(k->newest);
        k->newest = before;
    }
    drop(k->next);
    free(k);
}

static void publish(struct policy_keys *k)
{
    k->next->before = k->newest;
    k->newest = k->next;
    k->hub->policies = &k->newest->policies;
    k->renewals++;
    say_info("policy.key_renewed", "policy=%s key=%s", k->newest->renewed,
             k->newest->which ? "secondary" : "primary");
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct policy_keys *k = CONTAINER_OF(w, struct policy_keys, stored);
    struct policy_wait *waiting = k->waiting;
    if (a->err == OK)
        publish(k);
    else
        drop(k->next);
    k->next = NULL;
    k->waiting = NULL;
    if (waiting) waiting->fn(waiting, a->err);
}

static void ask_store(struct policy_keys *k)
{
    struct store_request u;
    struct buf json = {0};
    policies_write(&json, &k->next->policies);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_setting_update, 1);
    store_put_text(&u, "name", SLICE_LIT("policies"));
    store_put_text(&u, "value", buf_slice(&json));
    buf_wipe(&json);
    k->stored.fn = on_stored;
    store_ask(k->hub->store, k->lane, &u, &k->stored);
}

/* OK: the next edition has the new key. */
static enum err make_next(struct policy_keys *k, struct slice name, unsigned which)
{
    const struct policies *now = k->hub->policies;
    const struct policy *p = policies_find(now, name);
    if (p == NULL) return ERR_NOT_FOUND;
    if (k->next) return ERR_THROTTLED;
    if (k->renewals == POLICY_RENEWALS_MAX) return ERR_FULL;
    k->next = NEW(struct edition);
    k->next->policies = *now;
    auth_key_make(&k->next->policies.items[p - now->items].keys[which]);
    k->next->renewed = p->name;
    k->next->which = which;
    return OK;
}

enum err policy_renew(struct policy_keys *k, struct slice name, unsigned which,
                      struct policy_wait *w)
{
    assert(which < 2);
    TRY(make_next(k, name, which));
    k->waiting = w;
    ask_store(k);
    return OK;
}

void policy_renew_forget(struct policy_keys *k, struct policy_wait *w)
{
    if (k->waiting == w) k->waiting = NULL;
}
