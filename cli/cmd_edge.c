/* cmd_edge.c - azimuth edge devices create: hierarchies of edge devices, as az iot edge devices create.
 *
 * Parents are made before their children, since a child names its parent's scope.  All is looked at before anything is
 * made, on the hub too: what is there already, and parents that are not among the new.  --clean deletes all devices of the hub after
 * that.  With --output-path each device gets a folder for the machine that is to be it (edge_bundle.c), with the keys
 * that the hub does not keep, so each is written before the next is made.
 */
#include <stdio.h>

#include "base/json.h"
#include "cli/cmd.h"
#include "cli/edge_plan.h"
#include "cli/identity.h"
#include "cli/state.h"

const struct cli_option edge_create_options[] = {
    {"device d", "KEY=VALUE...",
     "id=ID [parent=ID] [deployment=FILE] [hostname=NAME] [edge_agent=IMAGE] "
     "[container_auth=FILE]; "
     "once for each device"},
    {"config-file config cfg", "FILE", "what az takes: edgeDevices, with children"},
    {"device-auth-type device-auth", "METHOD",
     "shared_private_key, or x509_thumbprint [shared_private_key]"},
    {"output-path out", "DIR",
     "writes a folder and a .tgz for each device: certificates, config.toml, install.sh"},
    {"root-cert rc", "FILE", "signs the devices' certificates [one is made]"},
    {"root-key rk", "FILE", "its key"},
    {"root-pass rp", "PASSWORD", "of that key"},
    {"default-edge-agent default-agent dea", "IMAGE", "of devices without edge_agent"},
    {"device-config-template dct", "FILE",
     "a config.toml, of which all stays that no device has of its own"},
    {"clean c", NULL, "deletes all devices of the hub first"},
    {"visualize vis v", NULL, "draws who is below whom"},
    {"", NULL, NULL}};
const char edge_create_help[] =
    "    azimuth edge devices create --device id=top deployment=top.json --device id=low "
    "parent=top\n"
    "    azimuth edge devices create --cfg hierarchy.yaml --visualize\n"
    "    azimuth edge devices create --device id=top hostname=top.lan --device-auth "
    "x509_thumbprint --out "
    "edges\n"
    "A parent may be on the hub already. Without --output-path, of a file count edgeDevices with "
    "deviceId, "
    "deployment and children.";

/* ---- looked at */

static enum err check_new(struct edge_plan *p, const struct edge *edge)
{
    struct json *there;
    if (cli_given(p->cli, "clean")) return OK;
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
    if (cli_given(p->cli, "clean"))
        return fail(ERR_INVALID, "device '%.*s' can be no parent: --clean deletes it",
                    SLICE_ARG(edge->parent));
    TRY(identity_get(&p->target, edge->parent, SLICE_NONE, &parent));
    edge->scope = json_str(parent, "deviceScope");
    return edge->scope.len ? OK : no_edge_device(edge->parent);
}

static void draw(const struct edge_plan *p)
{
    struct buf tree = {0};
    edge_draw(p, &tree);
    fprintf(stderr, "%s", buf_cstr(&tree)); /* stdout has the devices */
    buf_free(&tree);
}

/* ---- made */

static void describe_login(struct edge_plan *p, const struct edge_papers *papers, struct json *out)
{
    struct arena *a = &p->cli->arena;
    struct json *login = json_set(a, out, SLICE_LIT("authentication"), json_new(a, JSON_OBJECT));
    cli_set_text(p->cli, login, "type", SLICE_LIT("selfSigned"));
    cli_set_text(p->cli, json_set(a, login, SLICE_LIT("x509Thumbprint"), json_new(a, JSON_OBJECT)),
                 "primaryThumbprint", buf_slice(&papers->thumbprint));
}

static struct json *described(struct edge_plan *p, const struct edge *edge,
                              const struct edge_papers *papers)
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
    if (p->by_certificate) describe_login(p, papers, out);
    return out;
}

static enum err make_one(struct edge_plan *p, struct edge *edge)
{
    struct edge_papers papers = {0};
    if (p->folder) edge_papers_make(p->root, edge->id, p->by_certificate, &papers);
    enum err e = identity_put(&p->target, described(p, edge, &papers), NULL, &edge->made);
    if (e == OK && p->folder) e = edge_bundle_write(p, edge, &papers);
    edge_papers_free(&papers);
    return e;
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
    TRY(make_one(p, edge));
    return edge->content ? edge_deploy(p->cli, &p->target, edge->id, edge->content) : OK;
}

static enum err clean(struct edge_plan *p)
{
    TRY(cli_confirm(p->cli, "deletes all devices of %s before it makes the new", p->target.name));
    return state_delete_devices(&p->target);
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

static enum err make_all(struct edge_plan *p)
{
    if (p->folder) TRY(edge_bundle_check(p));
    TRY(target_find(p->cli, &p->target));
    for (struct edge *e = p->edges; e; e = e->next) {
        TRY(check_new(p, e));
        TRY(check_parent(p, e));
    }
    if (cli_given(p->cli, "visualize")) draw(p);
    if (cli_given(p->cli, "clean")) TRY(clean(p));
    if (p->folder) TRY(edge_bundle_open(p));
    for (struct edge *e = p->edges; e; e = e->next) TRY(make(p, e));
    return print(p);
}

enum err edge_create(struct cli *c)
{
    struct edge_plan p = {.cli = c};
    p.end = &p.edges;
    TRY(edge_read(&p));
    enum err e = make_all(&p);
    edge_root_free(p.root);
    return e;
}
