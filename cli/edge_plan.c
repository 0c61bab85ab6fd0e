/* edge_plan.c - see edge_plan.h. */
#include "cli/edge_plan.h"

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
    struct slice text;
    struct json *content;
    TRY(file_load(p->cli, path, &text));
    if (json_parse(&p->cli->arena, text, &content) != OK) return file_blame(ERR_INVALID, path);
    const struct json *inner = json_get(content, "content");
    *out = inner ? inner : content;
    if (json_get(*out, "modulesContent")) return OK;
    return fail(ERR_INVALID, "%s: a manifest has modulesContent", path);
}

/* ---- --device */

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
        return fail(ERR_INVALID, "--device %.*s: id=, parent= and deployment= are known",
                    SLICE_ARG(word));
    return OK;
}

static enum err read_options(struct edge_plan *p)
{
    struct slice rest = slice_str(cli_value(p->cli, "device")), line, word;
    while (slice_split(&rest, '\n', &line)) {
        struct edge edge = {0};
        while (slice_split(&line, ' ', &word))
            if (word.len) TRY(read_pair(p, &edge, word));
        TRY(edge_add(p, &edge));
    }
    return OK;
}

/* ---- all of it */

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
    TRY(file ? edge_read_file(p, file) : read_options(p));
    for (const struct edge *e = p->edges; e; e = e->next) TRY(check_circle(p, e));
    return OK;
}
