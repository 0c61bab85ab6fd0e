/* cmd_edge.c - azimuth edge devices create: hierarchies of edge devices, as az iot edge devices create.
 *
 * Parents are made before their children, since a child names its parent's scope.  All is looked at before anything is
 * made, on the hub too: what is there already, and parents that are not among the new.  What az packs for each device besides (certificates, config.toml) is not made.
 */
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/edge_plan.h"
#include "cli/identity.h"

const struct cli_option edge_create_options[] = {
    {"device", "KEY=VALUE...", "id=ID [parent=ID] [deployment=FILE]; once for each device"},
    {"config-file config cfg", "FILE", "what az takes: edgeDevices, with children"},
    {"", NULL, NULL}};
const char edge_create_help[] =
    "    edge devices create --device id=top deployment=top.json --device id=low parent=top\n"
    "    edge devices create --cfg hierarchy.yaml\n"
    "A parent may be on the hub already. Of a file count edgeDevices with deviceId, deployment and "
    "children.";

/* ---- looked at */

static enum err check_new(struct edge_plan *p, const struct edge *edge)
{
    struct json *there;
    enum err e = identity_get(&p->target, edge->id, SLICE_NONE, &there);
    if (e == OK)
        return fail(ERR_EXISTS, "device '%.*s' exists already on %s", SLICE_ARG(edge->id),
                    p->target.name);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err no_edge_device(struct slice id)
{
    return fail(ERR_INVALID, "device '%.*s' is no edge device and can have no children",
                SLICE_ARG(id));
}

static enum err check_parent(struct edge_plan *p, struct edge *edge)
{
    struct json *parent;
    if (edge->parent.len == 0 || edge_find(p, edge->parent)) return OK;
    TRY(identity_get(&p->target, edge->parent, SLICE_NONE, &parent));
    edge->scope = json_str(parent, "deviceScope");
    return edge->scope.len ? OK : no_edge_device(edge->parent);
}

/* ---- made */

static struct json *described(struct edge_plan *p, const struct edge *edge)
{
    struct arena *a = &p->cli->arena;
    struct json *out = json_new(a, JSON_OBJECT), *on = json_new(a, JSON_BOOL);
    on->truth = true;
    cli_set_text(p->cli, out, "deviceId", edge->id);
    json_set(a, json_set(a, out, SLICE_LIT("capabilities"), json_new(a, JSON_OBJECT)),
             SLICE_LIT("iotEdge"), on);
    if (edge->scope.len)
        json_append(json_set(a, out, SLICE_LIT("parentScopes"), json_new(a, JSON_ARRAY)),
                    json_new_string(a, edge->scope));
    return out;
}

static enum err make(struct edge_plan *p, struct edge *edge)
{
    struct edge *above = edge_find(p, edge->parent);
    if (edge->made) return OK;
    if (above) {
        TRY(make(p, above));
        edge->scope = json_str(above->made, "deviceScope");
        if (edge->scope.len == 0) return no_edge_device(above->id);
    }
    TRY(identity_put(&p->target, described(p, edge), NULL, &edge->made));
    return edge->content ? edge_deploy(p->cli, &p->target, edge->id, edge->content) : OK;
}

static enum err print(const struct edge_plan *p)
{
    struct json *list = json_new(&p->cli->arena, JSON_ARRAY);
    for (const struct edge *e = p->edges; e; e = e->next) {
        if (e->parent.len) cli_set_text(p->cli, e->made, "parent", e->parent);
        json_append(list, e->made);
    }
    return output_value(&p->cli->output, &p->cli->arena, list,
                        "id=deviceId parent status scope=deviceScope");
}

enum err edge_create(struct cli *c)
{
    struct edge_plan p = {.cli = c};
    p.end = &p.edges;
    TRY(edge_read(&p));
    TRY(target_find(c, &p.target));
    for (struct edge *e = p.edges; e; e = e->next) {
        TRY(check_new(&p, e));
        TRY(check_parent(&p, e));
    }
    for (struct edge *e = p.edges; e; e = e->next) TRY(make(&p, e));
    return print(&p);
}
