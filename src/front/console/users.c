/* users.c - /admin/v1/users: who signs in by name, for administrators; and everybody's own password.
 *
 *   {"name":"maria","role":"operator","status":"enabled","created":...,"passwordChanged":...}
 *
 * Of a change only what is given is changed.  Whoever's role, status or password is changed signs in anew. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/parts.h"

static struct users *users_of(const struct call *c)
{
    return c->service->config->users;
}

/* ---- answers */

static void put_user(struct buf *out, const struct user *u)
{
    buf_printf(out, "{\"name\":\"%s\",\"role\":\"%s\",\"status\":\"%s\"", u->name,
               user_role_name(u->role), u->enabled ? "enabled" : "disabled");
    text_json_time(out, "created", u->created_us);
    text_json_time(out, "passwordChanged", u->password_us);
    buf_put_u8(out, '}');
}

void users_answer_error(struct call *c, enum err e)
{
    const char *wrong = status_name(STATUS_INVALID_OPERATION);
    switch (e) {
    case ERR_INVALID: rest_answer_status(c, STATUS_ARGUMENT_INVALID, fail_text()); break;
    case ERR_NOT_FOUND: rest_answer_named(c, 404, wrong, "there is no such user"); break;
    case ERR_EXISTS: rest_answer_named(c, 409, wrong, "there is a user of that name"); break;
    case ERR_CONFLICT:
        rest_answer_named(c, 409, wrong, "the user was changed meanwhile: nothing was done");
        break;
    case ERR_FULL:
        rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED), "there are 256 users");
        break;
    case ERR_THROTTLED:
        rest_answer_later(c, 503, status_name(STATUS_SERVICE_UNAVAILABLE),
                          "many passwords wait to be checked: try again", "5");
        break;
    default: rest_answer_status(c, status_of_err(e), "this cannot be done now: try again");
    }
}

static void answer_user(struct call *c, struct slice name)
{
    const struct user *u = users_find(users_of(c), name);
    struct buf json = {0};
    if (u == NULL) {
        users_answer_error(c, ERR_NOT_FOUND);
        return;
    }
    put_user(&json, u);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- waiting */

static void forget(struct call *c)
{
    users_forget(&c->user_wait);
}

/* The password that came with the request is not kept for longer than it takes to hand it on. */
void users_wait(struct call *c, enum err e)
{
    buf_wipe(&c->body);
    if (e != OK) {
        users_answer_error(c, e);
        return;
    }
    c->forget = forget;
    rest_call_wait(c, WAITING_SITE);
}

static struct call *resumed(struct user_wait *w)
{
    struct call *c = CONTAINER_OF(w, struct call, user_wait);
    rest_call_resume(c);
    c->forget = NULL;
    return c;
}

static void on_changed(struct user_wait *w, enum err result)
{
    struct call *c = resumed(w);
    if (result == OK)
        answer_user(c, slice_str(w->name));
    else
        users_answer_error(c, result);
    rest_call_end(c);
}

static void on_removed(struct user_wait *w, enum err result)
{
    struct call *c = resumed(w);
    if (result == OK)
        rest_answer_nothing(c);
    else
        users_answer_error(c, result);
    rest_call_end(c);
}

/* ---- reading */

void users_list(struct call *c)
{
    const struct users *users = users_of(c);
    struct buf json = {0};
    buf_put_u8(&json, '[');
    for (size_t i = 0; i < users_count(users); i++) {
        if (i) buf_put_u8(&json, ',');
        put_user(&json, users_at(users, i));
    }
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

void users_show(struct call *c)
{
    answer_user(c, rest_route_param(c, "name"));
}

/* ---- changing */

static const char *read_status(const struct json *body, struct user_change *change)
{
    struct slice status = json_str(body, "status");
    if (json_given(body, "status") == NULL) return NULL;
    change->sets_enabled = true;
    change->enabled = slice_is_nocase(status, "enabled");
    return change->enabled || slice_is_nocase(status, "disabled") ? NULL
                                                                  : "status: enabled or disabled";
}

/* NULL, or what is wrong with the document. */
static const char *read_change(const struct json *body, struct user_change *change)
{
    *change = (struct user_change){.role = USER_ROLES};
    if (body == NULL || body->type != JSON_OBJECT) return "expected a JSON object";
    if (json_given(body, "role")) {
        change->role = user_role_of(json_str(body, "role"));
        if (change->role == USER_ROLES) return "role: reader, operator or administrator";
    }
    if (json_given(body, "password")) {
        change->password = json_str(body, "password");
        if (change->password.ptr == NULL) return "password: expected a text";
    }
    return read_status(body, change);
}

/* For those who ask later who did that. */
static void note(struct call *c, const char *what, const struct user_change *change)
{
    struct slice name = rest_route_param(c, "name");
    if (!hub_entity_valid(name, USER_NAME_MAX)) return;
    say_info("user.changed", "what=%s user=%.*s role=%s status=%s password=%s by=\"%s\" peer=%s",
             what, SLICE_ARG(name), change->role == USER_ROLES ? "-" : user_role_name(change->role),
             !change->sets_enabled ? "-"
             : change->enabled     ? "enabled"
                                   : "disabled",
             change->password.ptr ? "new" : "-", sign_in_name(c->ctx, c), conn_peer(c->conn));
}

static enum err begin_change(struct call *c, bool create, const struct user_change *change)
{
    struct slice name = rest_route_param(c, "name");
    c->user_wait.fn = on_changed;
    return create ? users_create(users_of(c), name, change->role, change->password, &c->user_wait)
                  : users_change(users_of(c), name, change, &c->user_wait);
}

static void change(struct call *c, bool create)
{
    struct arena a = {0};
    struct json *body = NULL;
    struct user_change wanted = {0};
    const char *wrong = "expected a JSON object";
    if (json_parse(&a, buf_slice(&c->body), &body) == OK) wrong = read_change(body, &wanted);
    if (wrong == NULL && create && (wanted.role == USER_ROLES || wanted.sets_enabled))
        wrong = "a new user has a role and a password, and is enabled";
    if (wrong) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, wrong);
    } else {
        note(c, create ? "create" : "update", &wanted);
        users_wait(c, begin_change(c, create, &wanted));
    }
    arena_wipe(&a);
}

void users_make(struct call *c)
{
    change(c, true);
}

void users_update(struct call *c)
{
    change(c, false);
}

void users_remove(struct call *c)
{
    note(c, "delete", &(struct user_change){.role = USER_ROLES});
    c->user_wait.fn = on_removed;
    users_wait(c, users_delete(users_of(c), rest_route_param(c, "name"), &c->user_wait));
}

/* ---- one's own password: the one there is, then the new one */

struct own_password {
    struct buf next;
    uint64_t session, judged; /* its number; the edition of the user whose password it was */
};

static void forget_own(struct call *c)
{
    struct own_password *o = c->own;
    users_forget(&c->user_wait);
    buf_wipe(&o->next);
    free(o);
}

/* The session that asked goes on, the user's others end. */
static void on_own_changed(struct user_wait *w, enum err result)
{
    struct call *c = CONTAINER_OF(w, struct call, user_wait);
    const struct own_password *o = c->own;
    struct console *console = c->ctx;
    const struct user *now = users_standing(users_of(c), w->edition);
    rest_call_resume(c);
    if (result == OK) {
        if (now)
            console_session_rebase(&console->sessions, o->session, o->judged, now->edition,
                                   sign_in_rights(now->role));
        rest_answer_nothing(c);
    } else {
        users_answer_error(c, result);
    }
    rest_call_end(c);
}

static void on_own_checked(struct user_wait *w, enum err result)
{
    struct call *c = CONTAINER_OF(w, struct call, user_wait);
    struct own_password *o = c->own;
    const struct user_change next = {
        .password = buf_slice(&o->next), .role = USER_ROLES, .edition = w->edition};
    char name[USER_NAME_MAX + 1];
    rest_call_resume(c);
    memcpy(name, w->name, sizeof name);
    o->judged = w->edition;
    w->fn = on_own_changed;
    if (result == OK) result = users_change(users_of(c), slice_str(name), &next, w);
    if (result == OK)
        rest_call_wait(c, WAITING_SITE);
    else if (result == ERR_DENIED)
        sign_in_refuse(c, slice_str(name), "the password is another");
    else
        users_answer_error(c, result);
    rest_call_end(c);
}

static void begin_own(struct call *c, const struct console_session *s, const struct user *user,
                      struct slice old, struct slice next)
{
    struct own_password *o = NEW(struct own_password);
    o->session = s->number;
    buf_put_slice(&o->next, next);
    c->own = o;
    c->forget = forget_own;
    c->user_wait.fn = on_own_checked;
    enum err e = users_check(users_of(c), slice_str(user->lower), old, &c->user_wait);
    if (e == OK)
        rest_call_wait(c, WAITING_SITE);
    else
        users_answer_error(c, e);
}

void users_change_own_password(struct call *c)
{
    struct arena a = {0};
    struct json *body = NULL;
    bool named;
    const struct console_session *s = sign_in_session(c->ctx, c, &named);
    const struct user *user = s && s->user ? users_standing(users_of(c), s->user) : NULL;
    struct slice old = SLICE_NONE, next = SLICE_NONE;
    if (json_parse(&a, buf_slice(&c->body), &body) == OK) {
        old = json_str(body, "password");
        next = json_str(body, "newPassword");
    }
    if (user == NULL)
        rest_answer_named(c, 401, status_name(STATUS_UNAUTHORIZED_ACCESS),
                          "no user has signed in here by name");
    else if (c->visit != REST_VISIT)
        rest_answer_named(c, 403, status_name(STATUS_UNAUTHORIZED_ACCESS),
                          "x-azimuth-csrf is not that of the session");
    else if (old.ptr == NULL || next.ptr == NULL)
        rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                           "expected {\"password\":...,\"newPassword\":...}");
    else if (!sign_in_is_shut_out(c, slice_str(user->lower)))
        begin_own(c, s, user, old, next);
    buf_wipe(&c->body);
    arena_wipe(&a);
}
