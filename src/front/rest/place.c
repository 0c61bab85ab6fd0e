/* place.c - which listener a request came to, and what is served there.
 *
 * Azure's API is on the HTTPS port, where its SDKs look for it; administration is on the console's
 * listener, which never asks for a client certificate and is not open to the network unless somebody
 * says so.  There the pages are, too, and whoever has signed in gets Azure's API there, as far as the
 * pages need it.  What is for watchers is on both, and everything is on the server's own socket.
 *
 * A browser that was lured to another site may be made to send requests here: under a name of that
 * site which was led to our address (Host), or from that site's pages (Origin).  Neither is let in.
 */
#include "front/rest/call.h"

static bool is_everywhere(const struct route *r)
{
    static const char *const paths[] = {"/healthz", "/readyz", "/metrics", "/", "/console"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(r->path, paths[i]) == 0) return true;
    return false;
}

/* What pages may ask for: Azure's API for services. */
static bool is_for_pages(const struct route *r)
{
    return r->access == ACCESS_RIGHTS || r->access == ACCESS_DEVICE;
}

bool rest_place_serves(const struct call *c, const struct route *r)
{
    bool admin = r->access == ACCESS_PAGE || slice_starts(slice_str(r->path), SLICE_LIT("/admin/"));
    if (conn_is_socket_admin(c->conn) || is_everywhere(r)) return true;
    if (c->visit != REST_NO_VISIT && is_for_pages(r)) return true;
    return c->console == admin;
}

const char *rest_place_advice(const struct call *c)
{
    struct slice path = c->request->path;
    if (c->console)
        return "the console is at /console/; what administrators may ask for is described at "
               "/admin/v1/openapi.json, Azure's API is on the HTTPS port";
    if (conn_is_socket_admin(c->conn))
        return "there is nothing at this path; what administrators may ask for is described at "
               "/admin/v1/openapi.json";
    if (slice_starts_nocase(path, SLICE_LIT("/admin/")))
        return "/admin/v1 is served on the console's address (--console) and on the server's "
               "socket";
    return rest_upgrade_wanted(c) ? "WebSocket is spoken at /$iothub/websocket, not at this path"
                                  : "there is nothing at this path";
}

/* "http://HOST" or "https://HOST" of the very Host that was asked; none where no page asks. */
static bool is_own_origin(struct slice origin, struct slice host)
{
    size_t scheme = slice_find(origin, ':');
    if (origin.ptr == NULL) return true;
    if (!slice_starts(slice_from(origin, scheme), SLICE_LIT("://"))) return false;
    return slice_eq_nocase(slice_from(origin, scheme + 3), host);
}

/* 192.168.1.5:8443, [fd00::5]: no name that somebody else could have led here. */
static bool is_address(struct slice host)
{
    bool good = host.len > 0;
    for (size_t i = 0; i < host.len; i++)
        good = good && strchr("0123456789.:", host.ptr[i]) != NULL && host.ptr[i];
    return good || slice_starts(host, SLICE_LIT("["));
}

bool rest_place_is_own(struct call *c)
{
    struct slice host = http1_header(c->request, "host");
    if (!c->console) return true;
    const char *why = NULL;
    if (!is_address(host) && !hub_is_host(c->service->config->hub, host))
        why = "Host is not a name of this server; more names are given with --hostname";
    else if (!is_own_origin(http1_header(c->request, "origin"), host))
        why = "Origin is another site";
    if (why) rest_answer_named(c, 403, status_name(STATUS_INVALID_OPERATION), why);
    return why == NULL;
}
