/* edge_plan.c - see edge_plan.h. */
#include "cli/edge_plan.h"

#include <stdio.h>

#include "base/json.h"
#include "cli/file.h"

struct edge *edge_find(const struct edge_plan *p, struct slice id)
{
    struct edge *e = p->edges;
    while (e && !slice_eq(e->id, id)) e = e->next;
    return e;
}

enum err edge_add(struct edge_plan *p, const struct edge *edge)
{
    if (edge->id.len == 0) return fail(ERR_INVALID, "an edge device has no id");
    if (edge_find(p, edge->id))
        return fail(ERR_INVALID, "edge device '%.*s' is there twice", SLICE_ARG(edge->id));
    if (p->count++ == EDGE_DEVICES_MAX)
        return fail(ERR_INVALID, "there are more than %d edge devices", EDGE_DEVICES_MAX);
    struct edge *copy = arena_zero(&p->cli->arena, sizeof *copy);
    *copy = *edge;
    *p->end = copy;
    p->end = &copy->next;
    return OK;
}

enum err edge_manifest(struct edge_plan *p, const char *path, const struct json **out)
{
    struct slice text = slice_str(path);
    struct json *content;
    if (*path != '{') TRY(file_load(p->cli, path, &text));
    if (json_parse(&p->cli->arena, text, &content) != OK) return file_blame(ERR_INVALID, path);
    const struct json *inner = json_get(content, "content");
    *out = inner ? inner : content;
    if (json_get(*out, "modulesContent")) return OK;
    return fail(ERR_INVALID, "%s: a manifest has modulesContent", path);
}

/* ---- options */

enum err edge_method(struct edge_plan *p, struct slice name)
{
    p->by_certificate =
        slice_is_nocase(name, "x509Certificate") || slice_is_nocase(name, "x509_thumbprint");
    if (p->by_certificate || slice_is_nocase(name, "symmetricKey") ||
        slice_is_nocase(name, "shared_private_key"))
        return OK;
    return fail(ERR_INVALID,
                "edge devices log in by shared_private_key or x509_thumbprint, not %.*s",
                SLICE_ARG(name));
}

/* {"serverAddress","username","password"}, or a file with it. */
static enum err read_container_auth(struct edge_plan *p, struct slice value,
                                    struct edge_agent *agent)
{
    struct slice text = value;
    struct json *auth;
    if (!slice_starts(value, SLICE_LIT("{")))
        TRY(file_load(p->cli, (const char *)arena_copy(&p->cli->arena, value).ptr, &text));
    if (json_parse(&p->cli->arena, text, &auth) != OK)
        return fail(ERR_INVALID, "container_auth is no JSON"); /* a password may be in it */
    agent->server = json_str(auth, "serverAddress");
    agent->user = json_str(auth, "username");
    agent->password = json_str(auth, "password");
    return agent->server.len ? OK : fail(ERR_INVALID, "container_auth has no serverAddress");
}

/* Of what only a folder of a device has. */
static void tell_unused(const struct edge_plan *p, struct slice key)
{
    if (p->folder == NULL && !cli_given(p->cli, "quiet"))
        fprintf(stderr, "%.*s is left out: it goes to --output-path\n", SLICE_ARG(key));
}

static enum err read_setting(struct edge_plan *p, struct edge *edge, struct slice word)
{
    struct slice key, value = word;
    slice_split(&value, '=', &key);
    if (slice_is(key, "hostname"))
        edge->hostname = value;
    else if (slice_is(key, "edge_agent"))
        edge->agent.image = value;
    else if (slice_is(key, "container_auth"))
        TRY(read_container_auth(p, value, &edge->agent));
    else
        return fail(ERR_INVALID,
                    "--device %.*s: id=, parent=, deployment=, hostname=, edge_agent= and "
                    "container_auth= are known",
                    SLICE_ARG(word));
    tell_unused(p, key);
    return OK;
}

static enum err read_pair(struct edge_plan *p, struct edge *edge, struct slice word)
{
    struct slice key, value = word;
    slice_split(&value, '=', &key);
    if (slice_is(key, "id"))
        edge->id = value;
    else if (slice_is(key, "parent"))
        edge->parent = value;
    else if (slice_is(key, "deployment"))
        return edge_manifest(p, (const char *)arena_copy(&p->cli->arena, value).ptr,
                             &edge->content);
    else
        return read_setting(p, edge, word);
    return OK;
}

static enum err read_devices(struct edge_plan *p)
{
    struct slice rest = slice_str(cli_value(p->cli, "device")), line, word;
    while (slice_split(&rest, CLI_LINE_END, &line)) {
        struct edge edge = {0};
        while (cli_next_word(&line, &word)) TRY(read_pair(p, &edge, word));
        TRY(edge_add(p, &edge));
    }
    return OK;
}

/* ---- the tree */

static void draw_below(const struct edge_plan *p, struct slice parent, struct buf *indent,
                       struct buf *out);

/* `last` of those below one parent. */
static void draw_one(const struct edge_plan *p, const struct edge *edge, bool last,
                     struct buf *indent, struct buf *out)
{
    size_t before = buf_size(indent);
    bool far = edge->parent.len && edge_find(p, edge->parent) == NULL;
    buf_put_slice(out, buf_slice(indent));
    buf_printf(out, "%s%.*s", last ? "└── " : "├── ", SLICE_ARG(edge->id));
    if (far) buf_printf(out, " (below %.*s)", SLICE_ARG(edge->parent));
    buf_put_u8(out, '\n');
    buf_put_str(indent, last ? "    " : "│   ");
    draw_below(p, edge->id, indent, out);
    indent->len = indent->off + before;
}

static bool is_below(const struct edge_plan *p, const struct edge *edge, struct slice parent)
{
    return parent.len ? slice_eq(edge->parent, parent) : edge_find(p, edge->parent) == NULL;
}

/* `parent` empty: those that are below nobody else here. */
static void draw_below(const struct edge_plan *p, struct slice parent, struct buf *indent,
                       struct buf *out)
{
    const struct edge *last = NULL;
    for (const struct edge *e = p->edges; e; e = e->next)
        if (is_below(p, e, parent)) last = e;
    for (const struct edge *e = last ? p->edges : NULL; e; e = e->next)
        if (is_below(p, e, parent)) draw_one(p, e, e == last, indent, out);
}

void edge_draw(const struct edge_plan *p, struct buf *out)
{
    struct buf indent = {0};
    buf_put_str(out, "Devices\n");
    draw_below(p, SLICE_NONE, &indent, out);
    buf_free(&indent);
}

/* ---- all of it */

static enum err read_options(struct edge_plan *p)
{
    const char *method = cli_value(p->cli, "device-auth-type");
    p->folder = cli_value(p->cli, "output-path");
    p->root_cert = cli_value(p->cli, "root-cert");
    p->root_key = cli_value(p->cli, "root-key");
    p->image = slice_str(cli_value(p->cli, "default-edge-agent"));
    p->template_path = cli_value(p->cli, "device-config-template");
    return method ? edge_method(p, slice_str(method)) : OK;
}

/* Whether what was said about certificates is enough, and of use. */
static enum err check_papers(const struct edge_plan *p)
{
    if ((p->root_cert == NULL) != (p->root_key == NULL))
        return fail(ERR_INVALID, "--root-cert and --root-key go together");
    if (p->folder) return OK;
    if (p->by_certificate)
        return fail(ERR_INVALID, "x509_thumbprint needs --output-path: the devices' certificates "
                                 "and keys are written there, and nowhere else");
    if (p->root_cert || p->image.ptr || p->template_path)
        return fail(
            ERR_INVALID,
            "--root-cert, --root-key, --default-edge-agent and --device-config-template are "
            "for what --output-path writes");
    return OK;
}

static enum err check_circle(const struct edge_plan *p, const struct edge *edge)
{
    unsigned steps = 0;
    for (const struct edge *e = edge; e && e->parent.len; e = edge_find(p, e->parent))
        if (steps++ == p->count)
            return fail(ERR_INVALID, "edge device '%.*s' is below itself", SLICE_ARG(edge->id));
    return OK;
}

enum err edge_read(struct edge_plan *p)
{
    const char *file = cli_value(p->cli, "config-file");
    if ((file == NULL) == (cli_value(p->cli, "device") == NULL))
        return fail(ERR_INVALID, "--device or --config-file says which, and not both");
    TRY(read_options(p));
    TRY(file ? edge_read_file(p, file) : read_devices(p));
    TRY(check_papers(p));
    for (const struct edge *e = p->edges; e; e = e->next) TRY(check_circle(p, e));
    return OK;
}
