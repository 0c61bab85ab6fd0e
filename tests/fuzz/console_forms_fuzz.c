/* console_forms_fuzz.c - what browsers, and whoever pretends to be one, send to sign in to the console: forms, cookies,
 * codes of a provider, and what that provider answers.
 *
 *     byte 0    1 over the server's own socket; 2 encrypted; 4 no provider; 8 no console listener; 16 no client secret;
 *               32 a link was made; 64 refusals never wait; 128 it leaves at once
 *     byte 1    the role of maria, whose password is "right"
 *     byte 2..  requests as http_work.h has them, "~" in a line between them; or "answer STATUS", an end of line and a
 *               body: of the provider, if it is asked; or "pass SECONDS"
 *
 * Secrets are made of the numbers 1, 2, 3 .. in the order in which they are made, so an input can know them.  Whoever is
 * signed in has shown what he is called after, and has no other right; the provider is asked what it understands; cookies
 * are the page's alone.
 */
#include <stdio.h>

#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "front/console/oidc.h"
#include "front/console/parts.h"
#include "fuzz.h"
#include "http_work.h"

enum {
    SOCKET = 1,
    ENCRYPTED = 2,
    NO_PROVIDER = 4,
    NO_CONSOLE = 8,
    NO_SECRET = 16,
    LINK = 32,
    HASTY = 64,
    LEAVES = 128
};
enum { EDITION = 5, SECRET_BYTES = SESSION_SECRET_LEN / 2 };

static struct world {
    struct hub hub;
    struct policies policies;
    struct rest_config config;
    struct rest_oidc oidc;
    struct rest_service *rest;
    struct console *console;
    struct user maria;
    struct user_wait *user;
    enum err user_result;
    bool proved; /* maria's password, once */
    struct out_wait *asked;
    unsigned modes;
} w;

static uint8_t secrets;

static void draw(void *out, size_t len)
{
    memset(out, len == SECRET_BYTES ? ++secrets : 0, len);
}

#define WRAP(type, name, ...)                                                                      \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

/* ---- users: maria (CMakeLists.txt) */

WRAP(const struct user *, users_find, const struct users *u, struct slice name)
{
    (void)u;
    return slice_is_nocase(name, "maria") ? &w.maria : NULL;
}

WRAP(const struct user *, users_standing, const struct users *u, uint64_t edition)
{
    (void)u;
    return edition == w.maria.edition && w.maria.enabled ? &w.maria : NULL;
}

static enum err begin(struct user_wait *wait, struct slice name, enum err result)
{
    assert(w.user == NULL && wait->fn);
    if (slice_is(name, "busy")) return ERR_THROTTLED;
    snprintf(wait->name, sizeof wait->name, "%.*s", SLICE_ARG(name));
    wait->edition = w.maria.edition;
    w.user = wait;
    w.user_result = result;
    return OK;
}

WRAP(enum err, users_check, struct users *u, struct slice name, struct slice password,
     struct user_wait *wait)
{
    (void)u;
    assert(name.len <= USER_NAME_MAX + 1); /* which is nobody's */
    bool right = slice_is(name, "maria") && slice_is(password, "right");
    w.proved |= right;
    return begin(wait, name, right ? OK : slice_is(name, "broken") ? ERR_IO : ERR_DENIED);
}

WRAP(enum err, users_change, struct users *u, struct slice name, const struct user_change *change,
     struct user_wait *wait)
{
    (void)u;
    assert(slice_is(name, "maria") && change->edition == w.maria.edition);
    if (change->password.len < USER_PASSWORD_MIN) return fail(ERR_INVALID, "too short");
    enum err e = begin(wait, name, OK);
    wait->edition = ++w.maria.edition;
    return e;
}

WRAP(void, users_forget, struct user_wait *wait)
{
    if (w.user == wait) w.user = NULL;
}

static void answer_user(void)
{
    struct user_wait *wait = w.user;
    w.user = NULL;
    lane_running = &work.lane;
    wait->fn(wait, w.user_result);
    work_run();
}

/* ---- the provider */

static bool is_form(struct slice body)
{
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] <= ' ' || body.ptr[i] >= 0x7f || strchr("\"<>+;", body.ptr[i]))
            return false;
    return true;
}

WRAP(void, out_send, struct out *o, struct lane *lane, const struct out_request *r,
     struct out_wait *wait)
{
    (void)o;
    assert(lane == &work.lane && wait->fn && w.asked == NULL);
    assert(slice_starts(r->url, SLICE_LIT("https://")) && is_form(r->body));
    assert(r->timeout_ms <= OUT_TIMEOUT_MS_MAX && r->answer_max == OIDC_ANSWER_MAX);
    for (size_t i = 0; i < OUT_HEADERS_MAX && r->headers[i].name.len; i++)
        assert(slice_find(r->headers[i].value, '\n') == r->headers[i].value.len);
    w.asked = wait;
}

WRAP(void, out_forget, struct lane *lane, struct out_wait *wait)
{
    assert(lane == &work.lane && w.asked == wait);
    w.asked = NULL;
}

/* "200", a line's end, the body; status 0: it does not answer. */
static void answer_provider(struct slice text)
{
    struct out_answer a = {0};
    struct slice line = SLICE_NONE;
    uint64_t status = 0;
    struct out_wait *wait = w.asked;
    if (wait == NULL) return;
    slice_split(&text, '\n', &line);
    if (num_u64(line, &status) != OK || status > 599) status = 0;
    a.http = (unsigned)status;
    a.body = text;
    if (status == 0) a = (struct out_answer){.err = ERR_TIMEOUT, .text = text.len ? "late" : NULL};
    w.asked = NULL;
    lane_running = &work.lane;
    wait->fn(wait, &a);
    work_run();
}

/* ---- the rest that is not asked here */

WRAP(struct live *, live_new, struct console *c)
{
    (void)c;
    return NULL;
}

WRAP(void, live_free, struct live *l)
{
    (void)l;
}

WRAP(bool, conn_encrypted, const struct conn *c)
{
    (void)c;
    return w.modes & ENCRYPTED;
}

/* Of the other routes there is nothing behind. */
bool __real_rest_access_granted(struct call *c);
WRAP(bool, rest_access_granted, struct call *c)
{
    struct slice path = slice_str(c->route->path);
    if (slice_starts(path, SLICE_LIT("/admin/v1/session")) ||
        slice_starts(path, SLICE_LIT("/admin/v1/console/links")))
        return __real_rest_access_granted(c);
    rest_answer_named(c, 404, "NotHere", "not here");
    return false;
}

/* ---- what must hold */

static bool is_true(const struct json *j, const char *name)
{
    const struct json *value = json_get(j, name);
    return value && value->type == JSON_BOOL && value->truth;
}

/* {"name":..., "csrf":...}: somebody has signed in. */
static void check_session(const struct json *j)
{
    struct slice name = json_str(j, "name");
    bool admin = is_true(j, "administrator"), reader = is_true(j, "reader");
    assert(json_str(j, "csrf").len == SESSION_SECRET_LEN);
    if (slice_is(name, "one-time link")) {
        assert(admin);
    } else if (slice_is(name, "user maria")) {
        assert(w.proved && is_true(j, "user") && w.maria.enabled);
        assert(admin == (w.maria.role == USER_ADMINISTRATOR));
        assert(reader == (w.maria.role != USER_ADMINISTRATOR));
    } else if (slice_is(name, "policy service")) {
        assert(!admin && !reader && !is_true(j, "user"));
    } else {
        assert(slice_starts(name, SLICE_LIT("oidc ")) && !is_true(j, "user"));
    }
}

static void check_cookie(struct slice cookie)
{
    size_t secure = slice_ends(cookie, SLICE_LIT("; Secure")) ||
                    slice_ends(cookie, SLICE_LIT("; Secure; Max-Age=0"));
    assert(secure == ((w.modes & ENCRYPTED) != 0));
    assert(slice_starts(cookie, SLICE_LIT("__Host-")) == (secure != 0));
    struct slice part;
    slice_split(&cookie, ';', &part);
    assert(slice_starts(cookie, SLICE_LIT(" Path=/; HttpOnly; SameSite=Strict")));
}

static void check_answers(void)
{
    struct work_answer a;
    while (work_next_answer(&a)) {
        if (work_header(&a, "set-cookie").len) check_cookie(work_header(&a, "set-cookie"));
        if (a.status == 200 && json_get(a.json, "csrf")) check_session(a.json);
        struct slice url = json_str(a.json, "url");
        if (url.len) assert(slice_starts(url, SLICE_LIT("https://")));
    }
}

/* ---- */

static void start(unsigned modes, uint8_t role)
{
    static const char *const roles[] = {"boss=administrator", "seer=reader"};
    w = (struct world){.modes = modes};
    w.hub =
        (struct hub){.name = "hub", .hosts = {"hub.test"}, .host_count = 1, .hasty = modes & HASTY};
    w.policies.count = 1;
    struct policy *p = &w.policies.items[0];
    *p = (struct policy){.name = "service", .rights = AUTH_SERVICE_CONNECT};
    enum err e = auth_key_set(&p->keys[0], SLICE_LIT("MDEyMzQ1Njc4OWFiY2RlZg=="));
    assert(e == OK);
    p->keys[1] = p->keys[0];
    p->keys[1].text[0] = 'N';
    w.hub.policies = &w.policies;
    w.maria = (struct user){
        .name = "maria", .lower = "maria", .enabled = !(role & 8), .edition = EDITION};
    w.maria.role = (enum user_role)(role % USER_ROLES);
    w.oidc = (struct rest_oidc){
        .issuer = "https://id.test/", .client_id = "az:imuth", .role_claim = "roles"};
    w.oidc.client_secret = modes & NO_SECRET ? SLICE_NONE : SLICE_LIT("s&cret");
    w.oidc.roles = roles;
    w.oidc.role_count = role & 16 ? 0 : 2;
    w.config = (struct rest_config){.hub = &w.hub, .version = "1", .data_path = "/data"};
    w.config.admin_url = modes & NO_CONSOLE ? NULL : "https://127.0.0.1:8443";
    w.config.oidc = modes & NO_PROVIDER ? NULL : &w.oidc;
}

/* Over its own socket the server listens as on its HTTPS port. */
static void come(void)
{
    work_connect(w.modes & SOCKET ? &rest_front : &rest_console_front, w.rest);
    work.wire.conn.admin = w.modes & SOCKET;
}

static void obey(struct slice block)
{
    uint64_t seconds = 0;
    if (slice_starts(block, SLICE_LIT("answer "))) {
        answer_provider(slice_from(block, 7));
    } else if (slice_starts(block, SLICE_LIT("pass "))) {
        if (num_u64(slice_from(block, 5), &seconds) == OK)
            work_pass((int64_t)(seconds % 1000000) * 1000000);
    } else {
        work_ask(block, false);
    }
}

void fuzz_one(struct slice input)
{
    if (input.len < 2) return;
    struct slice text = slice_from(input, 2);
    struct buf link = {0};
    work_begin();
    secrets = 0;
    rand_use(draw);
    start(input.ptr[0], input.ptr[1]);
    w.rest = rest_new(&w.config, &work.lane, &(struct rest_doors){0});
    w.console = console_new(&w.config, &work.lane, w.rest);
    if (w.modes & LINK && w.config.admin_url) console_put_link(w.console, &link);
    come();
    while (text.len) {
        if (work.wire.shut) {
            work_hang_up();
            come();
        }
        obey(work_block(&text));
        if (w.modes & LEAVES && text.len == 0) break;
        while (w.user) answer_user();
        check_answers();
    }
    work_hang_up();
    assert(w.user == NULL && w.asked == NULL);
    console_free(w.console);
    rest_free(w.rest);
    rand_use(NULL);
    buf_free(&link);
    work_end();
}
