/* access.c - who may call what. */
#include "base/metrics.h"
#include "base/say.h"
#include "front/rest/call.h"
#include "hub/token.h"

COUNTER(refused, "azimuth_http_refused_total", "HTTP requests without a sufficient credential");

/* "devices/d1": ids as they are. */
static void put_resource(const struct call *c, struct buf *out)
{
    for (unsigned i = 0; i < c->segment_count; i++) {
        if (i) buf_put_u8(out, '/');
        buf_put_slice(out, c->segments[i]);
    }
}

static const char *kind_of_caller(const struct call *c)
{
    if (conn_is_socket_admin(c->conn)) return "azimuth.sock";
    return c->visit == REST_VISIT ? "console " : "policy ";
}

struct slice rest_access_by(struct call *c)
{
    const struct rest_guard *guard = c->service->guard;
    struct sas token;
    buf_clear(&c->by);
    buf_put_str(&c->by, kind_of_caller(c));
    if (conn_is_socket_admin(c->conn)) return buf_slice(&c->by);
    if (c->visit == REST_VISIT)
        buf_put_slice(&c->by, guard->who(guard->ctx, c));
    else if (sas_parse(http1_header(c->request, "authorization"), &token) == OK)
        buf_put_str(&c->by, token.policy);
    return buf_slice(&c->by);
}

/* A token without a policy is a device's own; only its home knows its keys. */
static enum auth_cause check_token(struct call *c)
{
    const struct hub *hub = c->service->config->hub;
    struct sas token;
    struct buf resource = {0};
    if (sas_parse(http1_header(c->request, "authorization"), &token) != OK) return AUTH_MALFORMED;
    if (c->route->access != ACCESS_RIGHTS && token.policy[0] == '\0') {
        c->device_token = http1_header(c->request, "authorization");
        return AUTH_OK;
    }
    put_resource(c, &resource);
    enum auth_cause cause =
        hub_token_of_policy(hub, &token, buf_slice(&resource), c->route->rights);
    buf_free(&resource);
    return cause;
}

/* Who shows no token may mean its certificate.  A token that the connection has shown before is not read
 * again. */
static enum auth_cause check_identity(struct call *c)
{
    struct slice token = http1_header(c->request, "authorization");
    if (token.ptr == NULL && conn_peer_certificate(c->conn)) return AUTH_OK;
    if (c->site == NULL || c->site->knows == NULL || !c->site->knows(*rest_call_state(c), token))
        return check_token(c);
    c->device_token = token;
    return AUTH_OK;
}

static enum auth_cause check_metrics_token(const struct call *c)
{
    struct slice expected = c->service->config->metrics_token;
    struct slice given = http1_header(c->request, "authorization");
    if (!slice_starts_nocase(given, SLICE_LIT("Bearer "))) return AUTH_MALFORMED;
    given = slice_trim(slice_from(given, strlen("Bearer ")));
    bool same = expected.len > 0 && slice_eq_secret(given, expected);
    return same ? AUTH_OK : AUTH_BAD_SIGNATURE;
}

static enum auth_cause check(struct call *c)
{
    if (conn_is_socket_admin(c->conn)) return AUTH_OK;
    switch (c->route->access) {
    case ACCESS_PUBLIC:
    case ACCESS_PAGE: return AUTH_OK;
    case ACCESS_METRICS: return check_metrics_token(c);
    case ACCESS_RIGHTS:
    case ACCESS_DEVICE: return check_token(c);
    case ACCESS_IDENTITY: return check_identity(c);
    case ACCESS_ADMINISTRATOR:
    case ACCESS_SOCKET: return AUTH_MISSING_RIGHT;
    }
    return AUTH_MALFORMED;
}

/* ---- who has signed in to the console */

static unsigned rights_wanted(const struct route *r)
{
    return r->access == ACCESS_METRICS ? AUTH_SERVICE_CONNECT : r->rights;
}

static bool is_open(const struct route *r)
{
    return r->access == ACCESS_PUBLIC || r->access == ACCESS_PAGE;
}

/* What changes nothing: GET, but for what takes what it shows, and questions that need a body. */
static bool only_reads(const struct route *r)
{
    static const char takes[] = "/messages/serviceBound/feedback";
    static const char *const questions[] = {
        "/devices/query",
        "/configurations/testQueries",
        "/enrollments/query",
        "/enrollmentGroups/query",
        "/registrations/{id}/query",
        "/admin/v1/series",
        "/admin/v1/routing/routes/$testnew",
        "/admin/v1/routing/routes/$testall",
    };
    if (strcmp(r->method, "GET") == 0) return strcmp(r->path, takes) != 0;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (strcmp(r->path, questions[i]) == 0) return strcmp(r->method, "POST") == 0;
    return false;
}

/* A session is told what is wrong: who has it has shown who he is.  NULL: nothing. */
static const char *fault_of_visit(const struct call *c)
{
    unsigned wanted = rights_wanted(c->route);
    if (c->visit == REST_VISIT_BLIND) return "x-azimuth-csrf is not that of the session";
    if (c->route->access == ACCESS_SOCKET || c->route->access == ACCESS_IDENTITY)
        return "this is served over azimuth.sock only";
    if (c->route->access == ACCESS_ADMINISTRATOR && !(c->visit_rights & REST_ADMINISTRATOR))
        return "this is served over azimuth.sock, and to a session of an administrator";
    if (c->visit_rights & REST_READER && only_reads(c->route)) return NULL;
    return (c->visit_rights & wanted) == wanted ? NULL
                                                : "the rights of this session do not reach so far";
}

static bool is_visit_granted(struct call *c)
{
    if (c->visit == REST_VISIT_ENDED) {
        rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS,
                           "there is no session, or it is over: sign in");
        return false;
    }
    const char *fault = fault_of_visit(c);
    if (fault == NULL) return true;
    metric_inc(&refused);
    rest_answer_named(c, 403, status_name(STATUS_UNAUTHORIZED_ACCESS), fault);
    return false;
}

/* The client learns no more than that; the log says why. */
bool rest_access_granted(struct call *c)
{
    if (c->visit != REST_NO_VISIT && !is_open(c->route)) return is_visit_granted(c);
    enum auth_cause cause = check(c);
    bool judged = c->route->access != ACCESS_PUBLIC && c->route->access != ACCESS_IDENTITY;
    if (cause == AUTH_OK && judged && c->device_token.ptr == NULL) conn_login_good(c->conn);
    if (cause == AUTH_OK) return true;
    metric_inc(&refused);
    conn_login_failed(c->conn);
    say_debug("http.refused", "peer=%s route=\"%s %s\" cause=%s", conn_peer(c->conn),
              c->route->method, c->route->path, auth_cause_name(cause));
    rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    return false;
}
