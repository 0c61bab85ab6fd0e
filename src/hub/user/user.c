/* user.c - the table of users, and what waits for a hash or the store. */
#include "hub/user/user.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "hub/user/hashing.h"
#include "hub/user/user_sql.h"
#include "store/store.h"

LIMIT_REACHED(too_many_users, "users")
LIMIT_REACHED(too_many_hashes, "password-hashes")

enum work_kind { WORK_CREATE, WORK_CHANGE, WORK_DELETE, WORK_CHECK };

/* What was asked for, until it is done. */
struct user_work {
    struct list node;
    struct users *users;
    struct user_wait *waiter; /* NULL: he has gone */
    enum work_kind kind;
    struct user user; /* as it is to be; of a check as it is */
    bool hashes, sets_role, sets_enabled, at_store;
    uint64_t edition; /* user_change's */
    struct addr slot;
    struct store_wait stored;
};

struct users {
    const struct hub *hub;
    struct lane *lane, *hashing;
    unsigned cost;
    struct user items[USERS_MAX]; /* by `lower` */
    size_t count, creating, waiting;
    uint64_t last_edition;
    struct password nobody; /* who is unknown is compared with it; cost 0: not made yet */
    struct list works;
};

/* ---- roles */

static const char *const role_names[USER_ROLES] = {"reader", "operator", "administrator"};

const char *user_role_name(enum user_role r)
{
    assert(r < USER_ROLES);
    return role_names[r];
}

enum user_role user_role_of(struct slice name)
{
    enum user_role r = USER_READER;
    while (r < USER_ROLES && !slice_is_nocase(name, role_names[r])) r++;
    return r;
}

/* ---- the table */

size_t users_count(const struct users *u)
{
    return u->count;
}

const struct user *users_at(const struct users *u, size_t i)
{
    assert(i < u->count);
    return &u->items[i];
}

static struct user *find(struct users *u, struct slice name)
{
    for (size_t i = 0; i < u->count; i++)
        if (slice_is_nocase(name, u->items[i].lower)) return &u->items[i];
    return NULL;
}

const struct user *users_find(const struct users *u, struct slice name)
{
    return find((struct users *)u, name);
}

const struct user *users_standing(const struct users *u, uint64_t edition)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->items[i].edition == edition) return u->items[i].enabled ? &u->items[i] : NULL;
    return NULL;
}

static void add(struct users *u, const struct user *user)
{
    size_t at = u->count;
    assert(u->count < USERS_MAX);
    while (at > 0 && strcmp(u->items[at - 1].lower, user->lower) > 0) at--;
    memmove(&u->items[at + 1], &u->items[at], (u->count - at) * sizeof *u->items);
    u->items[at] = *user;
    u->items[at].edition = ++u->last_edition;
    u->count++;
}

static void drop(struct users *u, struct user *user)
{
    size_t at = (size_t)(user - u->items);
    memmove(user, user + 1, (--u->count - at) * sizeof *user);
    mem_wipe(&u->items[u->count], sizeof *user);
}

/* ---- the end of a piece of work */

static void drop_work(struct user_work *w)
{
    if (w->waiter) w->waiter->work = NULL;
    list_remove(&w->node);
    mem_wipe(w, sizeof *w);
    free(w);
}

static void finish(struct user_work *w, enum err result)
{
    struct user_wait *waiter = w->waiter;
    const struct user *user = find(w->users, slice_str(w->user.lower));
    if (w->kind == WORK_CREATE) w->users->creating--;
    if (waiter) waiter->edition = user ? user->edition : 0;
    drop_work(w);
    if (waiter) waiter->fn(waiter, result);
}

void users_forget(struct user_wait *w)
{
    if (w->work) w->work->waiter = NULL;
    w->work = NULL;
}

/* ---- what the store is told */

static void put_password(struct store_request *r, const struct user *user)
{
    const struct password *p = &user->password;
    store_put_int(r, "password_us", user->password_us);
    store_put_int(r, "cost", p->cost);
    store_put_int(r, "blocks", p->blocks);
    store_put_int(r, "lanes", p->lanes);
    store_put_blob(r, "salt", slice_of(p->salt, sizeof p->salt));
    store_put_blob(r, "hash", slice_of(p->hash, sizeof p->hash));
}

static void begin_statement(struct store_request *r, const struct store_statement *s,
                            const struct user *user)
{
    store_add(r, s, 1);
    store_put_text(r, "name_lower", slice_str(user->lower));
}

static void put_insert(struct store_request *r, const struct user *user)
{
    begin_statement(r, &sql_user_insert, user);
    store_put_text(r, "name", slice_str(user->name));
    store_put_text(r, "role", slice_str(user_role_name(user->role)));
    store_put_int(r, "created_us", user->created_us);
    put_password(r, user);
}

static void put_changes(struct store_request *r, const struct user_work *w)
{
    if (w->sets_role) {
        begin_statement(r, &sql_user_set_role, &w->user);
        store_put_text(r, "role", slice_str(user_role_name(w->user.role)));
    }
    if (w->sets_enabled) {
        begin_statement(r, &sql_user_set_enabled, &w->user);
        store_put_int(r, "enabled", w->user.enabled);
    }
    if (w->hashes) {
        begin_statement(r, &sql_user_set_password, &w->user);
        put_password(r, &w->user);
    }
}

static void apply(struct user_work *w)
{
    struct users *u = w->users;
    struct user *user = find(u, slice_str(w->user.lower));
    if (w->kind == WORK_CREATE) {
        add(u, &w->user);
        return;
    }
    assert(user);                                           /* the store had him */
    assert(w->edition == 0 || w->edition == user->edition); /* see has_moved() */
    if (w->kind == WORK_DELETE) {
        drop(u, user);
        return;
    }
    if (w->sets_role) user->role = w->user.role;
    if (w->sets_enabled) user->enabled = w->user.enabled;
    if (w->hashes) {
        user->password = w->user.password;
        user->password_us = w->user.password_us;
    }
    user->edition = ++u->last_edition;
}

/* A conflict: there is somebody of that name already, or nobody any more. */
static void on_stored(struct store_wait *s, struct store_answer *a)
{
    struct user_work *w = CONTAINER_OF(s, struct user_work, stored);
    if (a->err == OK) apply(w);
    if (a->err == ERR_CONFLICT)
        finish(w, w->kind == WORK_CREATE ? ERR_EXISTS : ERR_NOT_FOUND);
    else
        finish(w, a->err);
}

static void ask_store(struct user_work *w)
{
    struct store_request r;
    store_begin_unit(&r, STORE_INTERACTIVE);
    if (w->kind == WORK_CREATE)
        put_insert(&r, &w->user);
    else if (w->kind == WORK_CHANGE)
        put_changes(&r, w);
    else
        begin_statement(&r, &sql_user_remove, &w->user);
    w->stored.fn = on_stored;
    w->at_store = true;
    store_ask(w->users->hub->store, w->users->lane, &r, &w->stored);
}

/* ---- who must be as he was */

static bool is_at_store(const struct users *u, const struct user *user)
{
    for (const struct list *n = u->works.next; n != &u->works; n = n->next) {
        const struct user_work *w = CONTAINER_OF(n, const struct user_work, node);
        if (w->at_store && strcmp(w->user.lower, user->lower) == 0) return true;
    }
    return false;
}

/* The store does what it is asked in that order: nobody who asks it later comes before us. */
static bool has_moved(const struct users *u, const struct user *user, uint64_t edition)
{
    const struct user *now = users_find(u, slice_str(user->lower));
    if (edition == 0) return false;
    return now == NULL || now->edition != edition || is_at_store(u, user);
}

/* ---- hashes */

/* He may have been changed while his password was hashed. */
static enum err judge(const struct user_work *w, const struct hashed *done)
{
    bool same = password_is(&w->user.password, done->hash);
    return same && users_standing(w->users, w->user.edition) ? OK : ERR_DENIED;
}

static void on_hashed(void *ctx, struct lane *lane, struct msg *m)
{
    struct users *u = ctx;
    struct user_work *w = slot_get(lane, m->to);
    struct hashed done;
    memcpy(&done, m->body, sizeof done);
    u->waiting--;
    slot_free(lane, w->slot);
    if (done.err != OK) {
        finish(w, done.err);
    } else if (w->kind == WORK_CHECK) {
        finish(w, judge(w, &done));
    } else if (has_moved(u, &w->user, w->edition)) {
        finish(w, ERR_CONFLICT);
    } else {
        memcpy(w->user.password.hash, done.hash, sizeof done.hash);
        w->user.password_us = clock_wall_us();
        ask_store(w);
    }
    mem_wipe(&done, sizeof done);
    mem_wipe(m->body, m->len);
}

static void ask_hash(struct user_work *w, struct slice password)
{
    struct users *u = w->users;
    u->waiting++;
    w->slot = slot_new(u->lane, w);
    hashing_ask(u->lane, w->slot, u->hashing, &w->user.password, password);
}

/* ---- asking */

static enum err check_password(struct slice password)
{
    if (password.len >= USER_PASSWORD_MIN && password.len <= USER_PASSWORD_MAX) return OK;
    return fail(ERR_INVALID, "a password has %d to %d bytes", USER_PASSWORD_MIN, USER_PASSWORD_MAX);
}

static enum err check_room(const struct users *u)
{
    if (u->waiting < USER_HASHES_MAX) return OK;
    metric_inc(&too_many_hashes);
    return ERR_THROTTLED;
}

static struct user_work *begin(struct users *u, enum work_kind kind, struct slice name,
                               struct user_wait *waiter)
{
    struct user_work *w = NEW(struct user_work);
    ON_LANE(u->lane);
    w->users = u;
    w->kind = kind;
    w->waiter = waiter;
    waiter->work = w;
    waiter->edition = 0;
    snprintf(waiter->name, sizeof waiter->name, "%.*s", SLICE_ARG(name));
    list_push(&u->works, &w->node);
    return w;
}

static void name_user(struct user *user, struct slice name)
{
    memcpy(user->name, name.ptr, name.len);
    slice_lower(name, user->lower);
}

enum err users_create(struct users *u, struct slice name, enum user_role role,
                      struct slice password, struct user_wait *waiter)
{
    if (!hub_entity_valid(name, USER_NAME_MAX))
        return fail(ERR_INVALID, "a user's name has 1 to %d letters, digits and . - _",
                    USER_NAME_MAX);
    TRY(check_password(password));
    if (users_find(u, name)) return ERR_EXISTS;
    if (u->count + u->creating >= USERS_MAX) {
        metric_inc(&too_many_users);
        return ERR_FULL;
    }
    TRY(check_room(u));
    struct user_work *w = begin(u, WORK_CREATE, name, waiter);
    u->creating++;
    w->user = (struct user){.role = role,
                            .enabled = true,
                            .created_us = clock_wall_us(),
                            .password = password_new(u->cost)};
    name_user(&w->user, name);
    ask_hash(w, password);
    return OK;
}

enum err users_change(struct users *u, struct slice name, const struct user_change *change,
                      struct user_wait *waiter)
{
    const struct user *user = users_find(u, name);
    bool hashes = change->password.ptr != NULL, sets_role = change->role != USER_ROLES;
    if (!hashes && !sets_role && !change->sets_enabled)
        return fail(ERR_INVALID, "nothing is to be changed");
    if (hashes) TRY(check_password(change->password));
    if (user == NULL) return ERR_NOT_FOUND;
    if (has_moved(u, user, change->edition)) return ERR_CONFLICT;
    if (hashes) TRY(check_room(u));
    struct user_work *w = begin(u, WORK_CHANGE, name, waiter);
    w->user = *user;
    w->edition = change->edition;
    w->hashes = hashes;
    w->sets_role = sets_role;
    w->sets_enabled = change->sets_enabled;
    if (sets_role) w->user.role = change->role;
    if (change->sets_enabled) w->user.enabled = change->enabled;
    if (hashes) w->user.password = password_new(u->cost);
    if (hashes)
        ask_hash(w, change->password);
    else
        ask_store(w);
    return OK;
}

enum err users_delete(struct users *u, struct slice name, struct user_wait *waiter)
{
    const struct user *user = users_find(u, name);
    if (user == NULL) return ERR_NOT_FOUND;
    struct user_work *w = begin(u, WORK_DELETE, name, waiter);
    w->user = *user;
    ask_store(w);
    return OK;
}

enum err users_check(struct users *u, struct slice name, struct slice password,
                     struct user_wait *waiter)
{
    const struct user *user = users_find(u, name);
    TRY(check_room(u));
    struct user_work *w = begin(u, WORK_CHECK, name, waiter);
    if (u->nobody.cost == 0) u->nobody = password_new(u->cost);
    if (user)
        w->user = *user;
    else
        w->user.password = u->nobody;
    ask_hash(w, slice_head(password, USER_PASSWORD_MAX + 1)); /* that is nobody's */
    return OK;
}

/* ---- life */

static bool take_bytes(const struct store_value *v, uint8_t *out, size_t len)
{
    if (v->bytes.len == len) memcpy(out, v->bytes.ptr, len);
    return v->bytes.len == len;
}

static enum err load_row(struct users *u, const struct store_value *col)
{
    struct user user = {.role = user_role_of(col[1].bytes),
                        .enabled = col[2].number != 0,
                        .created_us = col[3].number,
                        .password_us = col[4].number,
                        .password = {.cost = (uint8_t)col[5].number,
                                     .blocks = (uint8_t)col[6].number,
                                     .lanes = (uint8_t)col[7].number}};
    bool good = hub_entity_valid(col[0].bytes, USER_NAME_MAX) && user.role < USER_ROLES &&
                take_bytes(&col[8], user.password.salt, PASSWORD_SALT) &&
                take_bytes(&col[9], user.password.hash, PASSWORD_HASH) && u->count < USERS_MAX;
    if (!good) return fail(ERR_CORRUPT, "the users of this hub cannot be read");
    name_user(&user, col[0].bytes);
    add(u, &user);
    return OK;
}

static enum err load(struct users *u)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_user_page);
    store_put_text(&q, "after", SLICE_LIT(""));
    enum err err = store_now_query(u->hub->store, &q, &a, &page);
    while (err == OK && store_next(&a)) err = load_row(u, a.col);
    msg_free(page);
    return err;
}

enum err users_new(const struct hub *hub, struct lane *lane, struct lane *hashing, unsigned cost,
                   struct users **out)
{
    struct users *u = *out = NEW(struct users);
    u->hub = hub;
    u->lane = lane;
    u->hashing = hashing;
    u->cost = cost;
    list_init(&u->works);
    hashing_serve(hashing);
    lane_on(lane, HASHING_DONE, on_hashed, u);
    return load(u);
}

void users_free(struct users *u)
{
    if (u == NULL) return;
    while (!list_empty(&u->works)) drop_work(CONTAINER_OF(u->works.next, struct user_work, node));
    mem_wipe(u, sizeof *u);
    free(u);
}
