/* change.c - policies are made, changed and deleted, and their keys made anew, while the hub runs: the store
 * first, then all cores, at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/say.h"
#include "hub/policy/policy.h"
#include "hub/policy/policy_sql.h"
#include "store/store.h"

LIMIT_REACHED(too_many_policies, "policies")
LIMIT_REACHED(too_many_changes, "policy-changes")

struct edition {
    struct policies policies;
    char name[SAS_POLICY_MAX + 1]; /* of the policy that is another one than before */
    const char *what;              /* became of it */
    struct edition *before;
};

struct policy_keys {
    struct hub *hub;
    struct lane *lane;
    struct edition *newest; /* that was made here, and those before it */
    struct edition *next;   /* under way to the store, or NULL */
    unsigned changes;
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

/* ---- to the store, then to everybody */

static void publish(struct policy_keys *k)
{
    k->next->before = k->newest;
    k->newest = k->next;
    k->hub->policies = &k->newest->policies;
    k->changes++;
    say_info("policy.changed", "policy=%s what=%s policies=%zu", k->newest->name, k->newest->what,
             k->newest->policies.count);
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

static void ask_store(struct policy_keys *k, struct policy_wait *w)
{
    struct store_request u;
    struct buf json = BUF_SECRET;
    policies_write(&json, &k->next->policies);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_setting_update, 1);
    store_put_text(&u, "name", SLICE_LIT("policies"));
    store_put_text(&u, "value", buf_slice(&json));
    buf_wipe(&json);
    k->waiting = w;
    k->stored.fn = on_stored;
    store_ask(k->hub->store, k->lane, &u, &k->stored);
}

/* OK: the next edition is as the one now, to be changed. */
static enum err begin(struct policy_keys *k, const char *what, const char *name)
{
    if (k->next) return fail(ERR_THROTTLED, "another change of policies is under way: try again");
    if (k->changes == POLICY_CHANGES_MAX) {
        metric_inc(&too_many_changes);
        return fail(ERR_FULL,
                    "policies were changed %d times since the server started: restart it first",
                    POLICY_CHANGES_MAX);
    }
    k->next = NEW(struct edition);
    k->next->policies = *k->hub->policies;
    k->next->what = what;
    snprintf(k->next->name, sizeof k->next->name, "%s", name);
    return OK;
}

/* The same policy in the next edition. */
static struct policy *in_next(struct policy_keys *k, const struct policy *now)
{
    return &k->next->policies.items[now - k->hub->policies->items];
}

static enum err find(const struct policy_keys *k, struct slice name, const struct policy **now)
{
    *now = policies_find(k->hub->policies, name);
    return *now ? OK : fail(ERR_NOT_FOUND, "there is no such policy");
}

/* ---- what azimuth itself signs with */

static const char *needed_by(const struct policy *p)
{
    static const char *const needs[][2] = {
        {"iothubowner", "the command line and 'azimuth dev' sign with it unless told otherwise"},
        {"service", "connection strings of event hubs are this policy's unless told otherwise"},
        {"provisioningserviceowner", "'azimuth dps' signs with it unless told otherwise"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (strcmp(p->name, needs[i][0]) == 0) return needs[i][1];
    return NULL;
}

static enum err may_lose(const struct policy *p, const char *verb)
{
    const char *why = needed_by(p);
    return why ? fail(ERR_UNSUPPORTED, "policy '%s' cannot %s: %s", p->name, verb, why) : OK;
}

/* ---- the changes */

static bool is_name(struct slice s)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    for (size_t i = 0; i < s.len; i++)
        if (memchr(set, s.ptr[i], sizeof set - 1) == NULL) return false;
    return s.len > 0 && s.len <= SAS_POLICY_MAX;
}

static enum err check_new(const struct policies *now, struct slice name)
{
    if (!is_name(name))
        return fail(ERR_INVALID,
                    "a policy's name is 1 to %d characters of letters, digits, '-', '.' and '_'",
                    SAS_POLICY_MAX);
    if (policies_find(now, name))
        return fail(ERR_EXISTS, "there is a policy '%.*s' already", SLICE_ARG(name));
    if (now->count < AUTH_POLICIES_MAX) return OK;
    say_warn("policy.full", "policies=%zu", now->count);
    metric_inc(&too_many_policies);
    return fail(ERR_FULL, "there are %d policies: delete one first", AUTH_POLICIES_MAX);
}

enum err policy_add(struct policy_keys *k, struct slice name, unsigned rights,
                    struct policy_wait *w)
{
    assert(rights);
    TRY(check_new(k->hub->policies, name));
    struct policy made = {.rights = rights};
    memcpy(made.name, name.ptr, name.len);
    TRY(begin(k, "created", made.name));
    auth_key_make(&made.keys[0]);
    auth_key_make(&made.keys[1]);
    k->next->policies.items[k->next->policies.count++] = made;
    mem_wipe(&made, sizeof made);
    ask_store(k, w);
    return OK;
}

enum err policy_set_rights(struct policy_keys *k, struct slice name, unsigned rights,
                           struct policy_wait *w)
{
    const struct policy *now;
    assert(rights);
    TRY(find(k, name, &now));
    TRY(may_lose(now, "have other rights"));
    TRY(begin(k, "rights", now->name));
    in_next(k, now)->rights = rights;
    ask_store(k, w);
    return OK;
}

enum err policy_remove(struct policy_keys *k, struct slice name, struct policy_wait *w)
{
    const struct policy *now;
    TRY(find(k, name, &now));
    TRY(may_lose(now, "be deleted"));
    TRY(begin(k, "deleted", now->name));
    struct policy *gone = in_next(k, now);
    struct policy *last = &k->next->policies.items[--k->next->policies.count];
    memmove(gone, gone + 1, (size_t)(last - gone) * sizeof *gone);
    mem_wipe(last, sizeof *last);
    ask_store(k, w);
    return OK;
}

enum err policy_renew(struct policy_keys *k, struct slice name, unsigned which,
                      struct policy_wait *w)
{
    const struct policy *now;
    assert(which < 2);
    TRY(find(k, name, &now));
    TRY(begin(k, which ? "secondary-key" : "primary-key", now->name));
    auth_key_make(&in_next(k, now)->keys[which]);
    ask_store(k, w);
    return OK;
}

void policy_forget(struct policy_keys *k, struct policy_wait *w)
{
    if (k->waiting == w) k->waiting = NULL;
}
