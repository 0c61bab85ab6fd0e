/* openapi.c - the routes under /admin/v1 as an OpenAPI 3.1 document. */
#include <ctype.h>
#include <inttypes.h>

#include "base/text.h"
#include "front/rest/call.h"

bool rest_route_is_own(const struct route *r)
{
    return slice_starts(slice_str(r->path), SLICE_LIT("/admin/v1/"));
}

static void put_schema(struct buf *out, const struct rest_parameter *p)
{
    static const char *const types[] = {
        [REST_TEXT] = "string", [REST_NUMBER] = "integer", [REST_TRUTH] = "boolean"};
    struct slice words = slice_str(p->words), word;
    const char *gap = "";
    buf_printf(out, "{\"type\":\"%s\"", types[p->kind]);
    if (p->kind == REST_NUMBER)
        buf_printf(out, ",\"minimum\":%" PRIu64 ",\"maximum\":%" PRIu64, p->min, p->max);
    if (words.len) buf_put_str(out, ",\"enum\":[");
    for (; slice_split(&words, ' ', &word); gap = ",")
        buf_printf(out, "%s\"%.*s\"", gap, SLICE_ARG(word));
    buf_put_str(out, p->words ? "]}" : "}");
}

static void put_query(struct buf *out, const struct route *r, const char *gap)
{
    for (size_t i = 0; i < rest_parameter_count; i++) {
        const struct rest_parameter *p = &rest_parameters[i];
        if (p->handle != r->handle) continue;
        buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\",\"description\":", gap, p->name);
        text_json_string(out, slice_str(p->summary));
        buf_put_str(out, ",\"schema\":");
        put_schema(out, p);
        buf_put_u8(out, '}');
        gap = ",";
    }
}

static void put_parameters(struct buf *out, const struct route *r)
{
    struct slice rest = slice_str(r->path), part;
    const char *gap = "";
    buf_put_str(out, "\"parameters\":[");
    while (slice_split(&rest, '/', &part)) {
        if (part.len == 0 || part.ptr[0] != '{') continue;
        buf_printf(out,
                   "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,"
                   "\"schema\":{\"type\":\"string\"}}",
                   gap, SLICE_ARG(slice_of(part.ptr + 1, part.len - 2)));
        gap = ",";
    }
    put_query(out, r, gap);
    buf_put_str(out, "]");
}

/* OpenAPI has no word for "whoever may open that socket", nor for a cookie whose name has a port in it. */
static const char *security_of(const struct route *r)
{
    switch (r->access) {
    case ACCESS_PUBLIC:
    case ACCESS_PAGE: return "\"security\":[]";
    case ACCESS_ADMINISTRATOR:
        return "\"description\":\"Over the server's own socket, or with an administrator's session "
               "of the console.\",\"security\":[]";
    case ACCESS_SOCKET:
        return "\"description\":\"Only over the server's own socket.\",\"security\":[]";
    default: return "\"security\":[{\"sas\":[]}]";
    }
}

/* What takes more than a small body has to be given one. */
static void put_body(struct buf *out, const struct route *r)
{
    bool takes = strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0 ||
                 strcmp(r->method, "POST") == 0;
    if (takes)
        buf_printf(out,
                   "\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":"
                   "{\"schema\":{}}}},",
                   r->body_max > REST_SMALL_BODY_MAX ? "true" : "false");
}

static void put_operation(struct buf *out, const struct route *r)
{
    buf_put_u8(out, '"');
    for (const char *m = r->method; *m; m++) buf_put_u8(out, (uint8_t)tolower(*m));
    buf_put_str(out, "\":{\"summary\":");
    text_json_string(out, slice_str(r->summary));
    buf_put_u8(out, ',');
    put_parameters(out, r);
    buf_put_u8(out, ',');
    put_body(out, r);
    buf_printf(out, "%s,\"responses\":{", security_of(r));
    bool empty = strcmp(r->method, "DELETE") == 0;
    buf_put_str(out, empty ? "\"204\":{\"description\":\"Done\"},"
                           : "\"200\":{\"description\":\"OK\",\"content\":{\"application/json\":"
                             "{\"schema\":{}}}},");
    buf_put_str(out, "\"default\":{\"$ref\":\"#/components/responses/Error\"}}}");
}

/* Of all routes, ours and those of the sites; NULL behind the last. */
static const struct route *route_at(const struct rest_service *s, size_t i)
{
    if (i < rest_route_count) return &rest_routes[i];
    i -= rest_route_count;
    for (unsigned n = 0; n < s->site_count; i -= s->sites[n++]->route_count)
        if (i < s->sites[n]->route_count) return &s->sites[n]->routes[i];
    return NULL;
}

static bool is_first_of_path(const struct rest_service *s, size_t i)
{
    const char *path = route_at(s, i)->path;
    for (size_t j = 0; j < i; j++)
        if (strcmp(route_at(s, j)->path, path) == 0) return false;
    return true;
}

/* All methods of the path of the i-th route, in whichever tables they stand. */
static void put_path(struct buf *out, const struct rest_service *s, size_t i)
{
    const struct route *first = route_at(s, i), *r;
    buf_printf(out, "\"%s\":{", first->path);
    for (; (r = route_at(s, i)) != NULL; i++) {
        if (strcmp(r->path, first->path) != 0) continue;
        if (r != first) buf_put_u8(out, ',');
        put_operation(out, r);
    }
    buf_put_u8(out, '}');
}

static void put_paths(struct buf *out, const struct rest_service *s)
{
    const struct route *r;
    const char *gap = "";
    for (size_t i = 0; (r = route_at(s, i)) != NULL; i++) {
        if (!rest_route_is_own(r) || !is_first_of_path(s, i)) continue;
        buf_put_str(out, gap);
        put_path(out, s, i);
        gap = ",";
    }
}

void rest_admin_openapi(struct call *c)
{
    struct buf out = {0};
    buf_printf(&out,
               "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"azimuth administration\","
               "\"version\":\"%s\"},\"components\":{\"securitySchemes\":{\"sas\":{\"type\":"
               "\"apiKey\",\"in\":\"header\",\"name\":\"Authorization\",\"description\":"
               "\"SharedAccessSignature of a policy with all rights; none is needed over the "
               "server's own socket or with a session of the console\"}},\"responses\":{\"Error\":"
               "{\"description\":\"What went wrong\",\"content\":{\"application/json\":{\"schema\":"
               "{\"type\":\"object\",\"properties\":{\"Message\":{\"type\":\"string\"},"
               "\"ExceptionMessage\":{\"type\":\"string\"}}}}}}}},\"paths\":{",
               c->service->config->version);
    put_paths(&out, c->service);
    buf_put_str(&out, "}}");
    rest_answer_json(c, buf_slice(&out));
    buf_free(&out);
}
