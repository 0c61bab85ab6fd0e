/* console.c - the routes, and who may pass. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "front/console/live.h"
#include "front/console/oidc.h"
#include "front/console/parts.h"
#include "front/console/scan.h"
#include "front/console/series.h"
#include "hub/saved_query/saved_query.h"

enum { SIGN_IN_BODY_MAX = 8 << 10, MESSAGE_BODY_MAX = 512 << 10 };

#define FREE             THROTTLE_FREE
#define BY_ADMINISTRATOR ACCESS_ADMINISTRATOR, 0, FREE
#define PAGE             ACCESS_PAGE, 0, FREE, REST_SMALL_BODY_MAX, files_answer, "A file of the console"

/* Pages are drawn in the browser: whatever their address, the server's answer is index.html. */
static const struct route routes[] = {
    {"GET", "/console/ca.pem", ACCESS_PAGE, 0, FREE, REST_SMALL_BODY_MAX, files_ca,
     "The certificate of the CA that clients have to trust"},
    {"GET", "/console/{page}", PAGE},
    {"GET", "/console/{page}/{id}", PAGE},
    {"GET", "/console/{page}/{id}/{tab}", PAGE},
    {"GET", "/admin/v1/session", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX, sign_in_show,
     "Show who has signed in"},
    {"POST", "/admin/v1/session", ACCESS_PUBLIC, 0, FREE, SIGN_IN_BODY_MAX, sign_in_begin,
     "Sign in"},
    {"DELETE", "/admin/v1/session", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX, sign_in_end,
     "Sign out"},
    {"GET", "/admin/v1/session/provider", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX, oidc_show,
     "Show by whose word one may sign in"},
    {"POST", "/admin/v1/session/provider", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX, oidc_begin,
     "Begin to sign in there"},
    {"POST", "/admin/v1/session/password", ACCESS_PUBLIC, 0, FREE, SIGN_IN_BODY_MAX,
     users_change_own_password, "Change the password of who has signed in"},
    {"GET", "/admin/v1/session/own", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX, sessions_list_own,
     "List the sessions of who has signed in"},
    {"DELETE", "/admin/v1/session/own/{number}", ACCESS_PUBLIC, 0, FREE, REST_SMALL_BODY_MAX,
     sessions_end_own, "End one of them"},
    {"GET", "/admin/v1/users", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, users_list,
     "List the users who sign in by name"},
    {"GET", "/admin/v1/users/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, users_show,
     "Show a user"},
    {"PUT", "/admin/v1/users/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, users_make,
     "Create a user with a role and a password"},
    {"PATCH", "/admin/v1/users/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, users_update,
     "Change a user's role, status or password"},
    {"DELETE", "/admin/v1/users/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, users_remove,
     "Delete a user"},
    {"GET", "/admin/v1/sessions", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, sessions_list,
     "List who has signed in"},
    {"DELETE", "/admin/v1/sessions/{number}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, sessions_end,
     "End a session"},
    {"POST", "/admin/v1/console/links", ACCESS_SOCKET, 0, FREE, REST_SMALL_BODY_MAX, sign_in_link,
     "Make a link that signs in once"},
    {"PUT", "/admin/v1/policies/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, policies_create,
     "Create a shared access policy"},
    {"PATCH", "/admin/v1/policies/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX,
     policies_set_rights, "Change the rights of a shared access policy"},
    {"DELETE", "/admin/v1/policies/{name}", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX, policies_delete,
     "Delete a shared access policy"},
    {"POST", "/admin/v1/policies/{name}/renewKey", BY_ADMINISTRATOR, REST_SMALL_BODY_MAX,
     policies_renew_key, "Make a key of a shared access policy anew"},
    {"GET", "/admin/v1/live", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT, FREE, REST_SMALL_BODY_MAX,
     live_upgrade, "The live link, over WebSocket"},
    {"POST", "/admin/v1/series", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT, FREE, SERIES_REQUEST_MAX,
     scan_series, "Numbers of telemetry over time, in buckets"},
    {"POST", "/admin/v1/devices/{id}/messages", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT,
     THROTTLE_C2D_SEND, MESSAGE_BODY_MAX, messages_send, "Send a message to a device"},
    {"GET", "/admin/v1/saved-queries", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT, FREE,
     REST_SMALL_BODY_MAX, queries_list, "List the saved queries of devices"},
    {"PUT", "/admin/v1/saved-queries/{name}", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT, FREE,
     SAVED_QUERY_BODY_MAX, queries_put, "Save a query of devices, or change it"},
    {"DELETE", "/admin/v1/saved-queries/{name}", ACCESS_RIGHTS, AUTH_SERVICE_CONNECT, FREE,
     REST_SMALL_BODY_MAX, queries_delete, "Delete a saved query"},
};

/* ---- who may */

static bool changes(const struct http1_request *r)
{
    return !slice_is(r->method, "GET") && !slice_is(r->method, "HEAD");
}

static bool shows_proof(const struct call *call, const struct console_session *s)
{
    struct slice given = http1_header(call->request, "x-azimuth-csrf");
    return slice_eq_secret(given, slice_str(s->csrf.text));
}

/* Who shows a token is judged by that.  Who shows nothing is told to sign in. */
static enum rest_visit look(void *ctx, const struct call *call, unsigned *rights)
{
    bool named;
    if (http1_header(call->request, "authorization").ptr) return REST_NO_VISIT;
    const struct console_session *s = sign_in_session(ctx, call, &named);
    if (s == NULL) return REST_VISIT_ENDED;
    *rights = s->rights;
    return changes(call->request) && !shows_proof(call, s) ? REST_VISIT_BLIND : REST_VISIT;
}

static struct slice who(void *ctx, const struct call *call)
{
    bool named;
    const struct console_session *s = sign_in_session(ctx, call, &named);
    return slice_str(s ? s->name : "");
}

/* ---- life */

static void closed(void *state)
{
    (void)state;
}

struct console *console_new(const struct rest_config *config, struct lane *lane,
                            struct rest_service *rest)
{
    struct console *c = NEW(struct console);
    c->config = config;
    c->lane = lane;
    c->rest = rest;
    console_sessions_init(&c->sessions);
    c->sessions.stands = sign_in_stands;
    c->sessions.stands_ctx = c;
    c->site = (struct rest_site){.routes = routes,
                                 .route_count = sizeof routes / sizeof *routes,
                                 .ctx = c,
                                 .closed = closed};
    c->guard = (struct rest_guard){.look = look, .home = files_answer, .who = who, .ctx = c};
    rest_add_site(rest, &c->site);
    rest_set_guard(rest, &c->guard);
    c->live = live_new(c);
    c->oidc = oidc_new(c);
    return c;
}

void console_free(struct console *c)
{
    if (c == NULL) return;
    oidc_free(c->oidc);
    live_free(c->live);
    console_sessions_fini(&c->sessions);
    free(c);
}

void console_put_link(struct console *c, struct buf *out)
{
    const struct session_secret *link = console_link_make(&c->sessions, clock_mono_us());
    buf_printf(out, "%s/console/#token=%s", c->config->admin_url, link->text);
}
