/* sign_in.c - from a one-time link, a user's password or a policy's connection string to a session.
 *
 * The cookie's name has the port in it: a browser shows a host's cookies to all its ports, and there
 * may be two servers. */
#include <openssl/sha.h>
#include <stdio.h>

#include "auth/connstr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/oidc.h"
#include "front/console/parts.h"

enum {
    COOKIE_NAME_MAX = 40,
};

/* Who runs the server: all rights of all policies, and their keys. */
#define ADMINISTRATOR                                                                              \
    (AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT |       \
     AUTH_SERVICE_CONFIG | AUTH_ENROLLMENT_READ | AUTH_ENROLLMENT_WRITE | AUTH_REGISTRATION_READ | \
     AUTH_REGISTRATION_WRITE | REST_ADMINISTRATOR)

static const unsigned rights_of_role[USER_ROLES] = {
    [USER_READER] = REST_READER,
    [USER_OPERATOR] = REST_READER | AUTH_SERVICE_CONNECT,
    [USER_ADMINISTRATOR] = ADMINISTRATOR,
};

unsigned sign_in_rights(enum user_role role)
{
    assert(role < USER_ROLES);
    return rights_of_role[role];
}

/* ---- cookies */

/* A browser takes "__Host-" from an encrypted connection and for the whole host only. */
static void cookie_name(const struct call *call, enum sign_in_cookie kind,
                        char out[COOKIE_NAME_MAX])
{
    snprintf(out, COOKIE_NAME_MAX, "%sazimuth%s_%u", conn_encrypted(call->conn) ? "__Host-" : "",
             kind == SIGN_IN_PROVIDER_COOKIE ? "_provider" : "", conn_local_port(call->conn));
}

struct slice sign_in_cookie(const struct call *call, enum sign_in_cookie kind)
{
    struct slice cookies = http1_header(call->request, "cookie"), pair;
    char name[COOKIE_NAME_MAX];
    cookie_name(call, kind, name);
    while (slice_split(&cookies, ';', &pair)) {
        pair = slice_trim(pair);
        size_t equals = slice_find(pair, '=');
        if (equals < pair.len && slice_is(slice_head(pair, equals), name))
            return slice_from(pair, equals + 1);
    }
    return SLICE_NONE;
}

struct console_session *sign_in_session(struct console *c, const struct call *call, bool *named)
{
    struct slice id = sign_in_cookie(call, SIGN_IN_SESSION_COOKIE);
    *named = id.ptr != NULL;
    return *named ? console_session_find(&c->sessions, id, call->now_us) : NULL;
}

void sign_in_answer_cookie(struct call *call, enum sign_in_cookie kind, int http,
                           const char *secret, struct slice json)
{
    struct buf cookie = BUF_SECRET;
    char name[COOKIE_NAME_MAX];
    cookie_name(call, kind, name);
    buf_printf(&cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", name, secret,
               conn_encrypted(call->conn) ? "; Secure" : "", secret[0] ? "" : "; Max-Age=0");
    const struct http1_header headers[] = {{SLICE_LIT("set-cookie"), buf_slice(&cookie)},
                                           {SLICE_LIT("cache-control"), SLICE_LIT("no-store")}};
    rest_answer_with(call,
                     &(struct http1_response){.status = http,
                                              .content_type = json.len ? "application/json" : NULL,
                                              .headers = headers,
                                              .header_count = 2,
                                              .body = json});
    buf_wipe(&cookie);
}

/* ---- what a page is told */

static void put_rights(struct buf *out, unsigned rights)
{
    static const struct {
        unsigned right;
        const char *name;
    } names[] = {{AUTH_REGISTRY_READ, "RegistryRead"},
                 {AUTH_REGISTRY_WRITE, "RegistryWrite"},
                 {AUTH_SERVICE_CONNECT, "ServiceConnect"},
                 {AUTH_DEVICE_CONNECT, "DeviceConnect"},
                 {AUTH_SERVICE_CONFIG, "ServiceConfig"},
                 {AUTH_ENROLLMENT_READ, "EnrollmentRead"},
                 {AUTH_ENROLLMENT_WRITE, "EnrollmentWrite"},
                 {AUTH_REGISTRATION_READ, "RegistrationStatusRead"},
                 {AUTH_REGISTRATION_WRITE, "RegistrationStatusWrite"}};
    const char *comma = "";
    buf_put_str(out, "\"rights\":[");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(rights & names[i].right)) continue;
        buf_printf(out, "%s\"%s\"", comma, names[i].name);
        comma = ",";
    }
    buf_put_u8(out, ']');
}

static void put_member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, slice_str(value));
}

/* Where lines for a shell of the server's machine find it; no "ca": there is none of ours. */
static void put_places(struct buf *out, const struct rest_config *config)
{
    if (config->data_path) put_member(out, "data", config->data_path);
    if (config->ca_path) put_member(out, "ca", config->ca_path);
}

static void put_session(struct buf *out, const struct console *c, const struct console_session *s)
{
    const struct rest_config *config = c->config;
    char expires[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us() + s->until_us - clock_mono_us(), expires);
    buf_put_u8(out, '{');
    put_rights(out, s->rights);
    buf_printf(out, ",\"administrator\":%s,\"reader\":%s,\"user\":%s",
               s->rights & REST_ADMINISTRATOR ? "true" : "false",
               s->rights & REST_READER ? "true" : "false", s->user ? "true" : "false");
    put_member(out, "name", s->name);
    put_member(out, "csrf", s->csrf.text);
    put_member(out, "expires", expires);
    put_member(out, "hostname", config->hub->hosts[0]);
    put_member(out, "hubName", config->hub->name);
    put_member(out, "version", config->version);
    if (sign_in_reads_all(s->rights)) put_places(out, config);
    buf_printf(out, ",\"https\":%u,\"mqtt\":%u,\"amqp\":%u}", config->https_port, config->mqtt_port,
               config->amqp_port);
}

static void answer_session(struct call *call, const struct console_session *s, bool fresh)
{
    struct buf json = BUF_SECRET;
    put_session(&json, call->ctx, s);
    if (fresh)
        sign_in_answer_cookie(call, SIGN_IN_SESSION_COOKIE, 200, s->id.text, buf_slice(&json));
    else
        rest_answer_json(call, buf_slice(&json));
    buf_wipe(&json);
}

/* ---- signing in */

const char *sign_in_name(struct console *c, const struct call *call)
{
    bool named;
    const struct console_session *s = sign_in_session(c, call, &named);
    if (conn_is_socket_admin(call->conn)) return "azimuth.sock";
    return s ? s->name : "nobody";
}

/* Who is known stands in the log; another name may be a password in the wrong field. */
void sign_in_refuse(struct call *call, struct slice user, const char *text)
{
    struct console *c = call->ctx;
    const struct user *known = users_find(c->config->users, user);
    console_failed(&c->sessions, conn_peer(call->conn), user, call->now_us);
    say_info("console.refused", "peer=%s user=%s reason=\"%s\"", conn_peer(call->conn),
             known ? known->name : "-", text);
    rest_answer_named(call, 401, status_name(STATUS_UNAUTHORIZED_ACCESS), text);
}

static void refuse(struct call *call, const char *text)
{
    sign_in_refuse(call, SLICE_NONE, text);
}

bool sign_in_is_shut_out(struct call *call, struct slice user)
{
    struct console *c = call->ctx;
    if (c->config->hub->hasty ||
        console_may_try(&c->sessions, conn_peer(call->conn), user, call->now_us))
        return false;
    rest_answer_later(call, 429, status_name(STATUS_UNAUTHORIZED_ACCESS),
                      "too many sign-ins failed; wait a minute", "60");
    return true;
}

/* Of "ADDRESS:PORT" the first. */
static void note_address(struct console_session *s, struct slice peer)
{
    struct slice address = slice_head(peer, slice_rfind(peer, ':'));
    snprintf(s->address, sizeof s->address, "%.*s", SLICE_ARG(address));
}

static void accept(struct call *call, const struct console_session *as)
{
    struct console *c = call->ctx;
    struct console_session new = *as;
    bool named;
    struct console_session *old = sign_in_session(c, call, &named);
    if (old) console_session_end(&c->sessions, old);
    console_proved(&c->sessions, conn_peer(call->conn), call->now_us);
    say_info("console.signed_in", "peer=%s as=\"%s\"", conn_peer(call->conn), as->name);
    note_address(&new, slice_str(conn_peer(call->conn)));
    answer_session(call, console_session_begin(&c->sessions, &new, call->now_us), true);
}

void sign_in_accept(struct call *call, const char *name, struct slice subject, enum user_role role,
                    int64_t life_us)
{
    struct console_session as = {.rights = sign_in_rights(role),
                                 .until_us = call->now_us + life_us};
    SHA256(subject.ptr, subject.len, as.subject);
    snprintf(as.name, sizeof as.name, "oidc %s", name);
    accept(call, &as);
}

static void by_link(struct call *call, struct slice secret)
{
    struct console *c = call->ctx;
    if (console_link_take(&c->sessions, secret, call->now_us))
        accept(call, &(struct console_session){.name = "one-time link", .rights = ADMINISTRATOR});
    else
        refuse(call, "this link was used, or is older than an hour; make another with 'azimuth "
                     "console link'");
}

/* Which of its keys it is; 2: none. */
static unsigned key_of(const struct policy *p, struct slice key)
{
    bool first = slice_eq_secret(slice_str(p->keys[0].text), key);
    bool second = slice_eq_secret(slice_str(p->keys[1].text), key);
    if (key.len == 0) return 2;
    return first ? 0 : second ? 1 : 2;
}

bool sign_in_stands(const void *ctx, const struct console_session *s)
{
    const struct console *c = ctx;
    if (s->user) return users_standing(c->config->users, s->user) != NULL;
    if (s->policy == NULL) return true;
    const struct policy *now = policies_find(c->config->hub->policies, slice_str(s->policy->name));
    return now && now->rights == s->policy->rights &&
           slice_eq_secret(slice_str(now->keys[s->key].text),
                           slice_str(s->policy->keys[s->key].text));
}

static void by_policy(struct call *call, struct slice text)
{
    struct console *c = call->ctx;
    const struct hub *hub = c->config->hub;
    struct connstr connstr;
    if (connstr_parse(slice_trim(text), &connstr) != OK || connstr.kind == CONNSTR_DEVICE ||
        connstr.policy.len == 0) {
        refuse(call, "this is no connection string of a policy: "
                     "HostName=...;SharedAccessKeyName=...;SharedAccessKey=...");
        return;
    }
    const struct policy *p = policies_find(hub->policies, connstr.policy);
    struct console_session as = {.policy = p, .key = p ? key_of(p, connstr.key) : 2};
    if (!hub_is_host(hub, connstr.host)) {
        refuse(call, "this connection string is another hub's");
    } else if (as.key == 2) {
        refuse(call, "this hub has no policy of that name with that key");
    } else {
        snprintf(as.name, sizeof as.name, "policy %s", p->name);
        as.rights = p->rights;
        accept(call, &as);
    }
}

static void on_checked(struct user_wait *w, enum err result)
{
    struct call *call = CONTAINER_OF(w, struct call, user_wait);
    struct console *c = call->ctx;
    const struct user *user = users_standing(c->config->users, w->edition);
    struct console_session as = {.user = w->edition};
    rest_call_resume(call);
    call->forget = NULL;
    if (result == OK && user) {
        snprintf(as.name, sizeof as.name, "user %s", user->name);
        as.rights = sign_in_rights(user->role);
        accept(call, &as);
    } else if (result == ERR_DENIED) {
        sign_in_refuse(call, slice_str(w->name), "the user or the password is another");
    } else {
        users_answer_error(call, result);
    }
    rest_call_end(call);
}

static void by_user(struct call *call, struct slice name, struct slice password)
{
    struct console *c = call->ctx;
    char lower[USER_NAME_MAX + 2]; /* of a longer name as much as is nobody's */
    slice_lower(slice_head(name, USER_NAME_MAX + 1), lower);
    if (sign_in_is_shut_out(call, slice_str(lower))) return;
    call->user_wait.fn = on_checked;
    users_wait(call, users_check(c->config->users, slice_str(lower), password, &call->user_wait));
}

void sign_in_begin(struct call *call)
{
    struct arena a = {0};
    struct json *body = NULL;
    if (sign_in_is_shut_out(call, SLICE_NONE)) return;
    struct slice link = SLICE_NONE, connection_string = SLICE_NONE, user = SLICE_NONE,
                 code = SLICE_NONE;
    if (json_parse(&a, buf_slice(&call->body), &body) == OK) {
        link = json_str(body, "token");
        connection_string = json_str(body, "connectionString");
        user = json_str(body, "user");
        code = json_str(body, "code");
    }
    if (link.ptr)
        by_link(call, link);
    else if (connection_string.ptr)
        by_policy(call, connection_string);
    else if (user.ptr)
        by_user(call, user, json_str(body, "password"));
    else if (code.ptr)
        oidc_finish(call, code, json_str(body, "state"));
    else
        rest_answer_status(call, STATUS_ARGUMENT_INVALID,
                           "expected {\"user\":...,\"password\":...}, {\"token\":...} or "
                           "{\"connectionString\":...}");
    arena_wipe(&a);
}

void sign_in_show(struct call *call)
{
    bool named;
    struct console_session *s = sign_in_session(call->ctx, call, &named);
    if (s)
        answer_session(call, s, false);
    else
        rest_answer_status(call, STATUS_UNAUTHORIZED_ACCESS, "nobody has signed in");
}

/* Not at the wish of another site, which cannot show the proof. */
void sign_in_end(struct call *call)
{
    struct console *c = call->ctx;
    bool named;
    struct console_session *s = sign_in_session(c, call, &named);
    if (s && call->visit != REST_VISIT) {
        rest_answer_named(call, 403, status_name(STATUS_UNAUTHORIZED_ACCESS),
                          "x-azimuth-csrf is not that of the session");
        return;
    }
    if (s) console_session_end(&c->sessions, s);
    sign_in_answer_cookie(call, SIGN_IN_SESSION_COOKIE, 204, "", SLICE_NONE);
}

void sign_in_link(struct call *call)
{
    struct console *c = call->ctx;
    struct buf json = BUF_SECRET, link = BUF_SECRET;
    if (c->config->admin_url == NULL) {
        rest_answer_named(call, 404, status_name(STATUS_INVALID_OPERATION),
                          "this server runs without a console (--console off)");
        return;
    }
    console_put_link(c, &link);
    buf_put_str(&json, "{\"url\":");
    text_json_string(&json, buf_slice(&link));
    buf_put_u8(&json, '}');
    rest_answer_json(call, buf_slice(&json));
    buf_wipe(&link);
    buf_wipe(&json);
}
