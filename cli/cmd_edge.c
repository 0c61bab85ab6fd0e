/* cmd_edge.c - azimuth edge devices create: hierarchies of edge devices, as az iot edge devices create.
 *
 * Parents are made before their children, since a child names its parent's scope.  All is looked at before anything is
 * made, on the hub too: what is there already, and parents that are not among the new.  What az packs for each device besides (certificates, config.toml) is not made.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/yaml.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/identity.h"

enum { EDGE_DEVICES_MAX = 1000, EDGE_FILE_MAX = 1 << 20 };

const struct cli_option edge_create_options[] = {
    {"device", "KEY=VALUE...", "id=ID [parent=ID] [deployment=FILE]; once for each device"},
    {"config-file config cfg", "FILE", "what az takes: edgeDevices, with children"},
    {"", NULL, NULL}};
const char edge_create_help[] =
    "    edge devices create --device id=top deployment=top.json --device id=low parent=top\n"
    "    edge devices create --cfg hierarchy.yaml\n"
    "A parent may be on the hub already. Of a file count edgeDevices with deviceId, deployment and "
    "children.";

struct edge {
    struct slice id, parent; /* parent empty: none */
    struct slice scope;      /* of a parent that is on the hub already */
    const struct json *content;
    struct json *made;
    struct edge *next;
};

struct plan {
    struct cli *cli;
    struct target target;
    struct edge *edges, **end;
    unsigned count;
};

static struct edge *find(const struct plan *p, struct slice id)
{
    struct edge *e = p->edges;
    while (e && !slice_eq(e->id, id)) e = e->next;
    return e;
}

static enum err add(struct plan *p, const struct edge *edge)
{
    if (edge->id.len == 0) return fail(ERR_INVALID, "an edge device has no id");
    if (find(p, edge->id))
        return fail(ERR_INVALID, "edge device '%.*s' is there twice", SLICE_ARG(edge->id));
    if (p->count++ == EDGE_DEVICES_MAX)
        return fail(ERR_INVALID, "there are more than %d edge devices", EDGE_DEVICES_MAX);
    struct edge *copy = arena_zero(&p->cli->arena, sizeof *copy);
    *copy = *edge;
    *p->end = copy;
    p->end = &copy->next;
    return OK;
}

static enum err load_manifest(struct plan *p, const char *path, const struct json **out)
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

static enum err read_pair(struct plan *p, struct edge *edge, struct slice word)
{
    struct slice key, value = word;
    slice_split(&value, '=', &key);
    if (slice_is(key, "id"))
        edge->id = value;
    else if (slice_is(key, "parent"))
        edge->parent = value;
    else if (slice_is(key, "deployment"))
        return load_manifest(p, (const char *)arena_copy(&p->cli->arena, value).ptr,
                             &edge->content);
    else
        return fail(ERR_INVALID, "--device %.*s: id=, parent= and deployment= are known",
                    SLICE_ARG(word));
    return OK;
}

static enum err read_options(struct plan *p)
{
    struct slice rest = slice_str(cli_value(p->cli, "device")), line, word;
    while (slice_split(&rest, '\n', &line)) {
        struct edge edge = {0};
        while (slice_split(&line, ' ', &word))
            if (word.len) TRY(read_pair(p, &edge, word));
        TRY(add(p, &edge));
    }
    return OK;
}

/* ---- --config-file */

/* From where the file is; a pipe is nowhere, and what it names is looked for from here. */
static const char *beside(struct cli *c, const char *file, struct slice path)
{
    struct buf whole = {0};
    struct stat st;
    size_t end = slice_rfind(slice_str(file), '/');
    bool here = stat(file, &st) != 0 || !S_ISREG(st.st_mode);
    if (!slice_starts(path, SLICE_LIT("/")) && end < strlen(file) && !here)
        buf_put(&whole, file, end + 1);
    buf_put_slice(&whole, path);
    struct slice kept = arena_copy(&c->arena, buf_slice(&whole));
    buf_free(&whole);
    return (const char *)kept.ptr;
}

static void leave_out(const struct plan *p, const char *file, const struct yaml *m)
{
    if (!cli_given(p->cli, "quiet"))
        fprintf(stderr, "%s:%zu: %.*s is left out\n", file, m->line, SLICE_ARG(m->name));
}

static enum err read_devices(struct plan *p, const char *file, const struct yaml *list,
                             struct slice parent);

static enum err read_device(struct plan *p, const char *file, const struct yaml *item,
                            struct slice parent)
{
    struct edge edge = {.parent = parent};
    const struct yaml *id = yaml_get(item, "deviceId"), *children = yaml_get(item, "children");
    if (id == NULL || id->kind != YAML_TEXT || yaml_is_null(id))
        return yaml_bad(file, item, "deviceId is missing");
    edge.id = id->text;
    for (const struct yaml *m = item->child; m; m = m->next) {
        if (slice_is(m->name, "deployment"))
            TRY(load_manifest(p, beside(p->cli, file, m->text), &edge.content));
        else if (m != id && m != children)
            leave_out(p, file, m);
    }
    TRY(add(p, &edge));
    return children ? read_devices(p, file, children, edge.id) : OK;
}

static enum err read_devices(struct plan *p, const char *file, const struct yaml *list,
                             struct slice parent)
{
    if (list->kind != YAML_LIST) return yaml_bad(file, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next)
        TRY(read_device(p, file, item, parent));
    return OK;
}

static enum err read_file(struct plan *p, const char *file)
{
    struct yaml *top;
    TRY(file_yaml(p->cli, file, EDGE_FILE_MAX, &top));
    file = file_name(file);
    const struct yaml *hub = yaml_get(top, "iotHub"), *devices = yaml_get(top, "edgeDevices");
    const struct yaml *way = hub ? yaml_get(hub, "authenticationMethod") : NULL;
    if (way && !slice_is_nocase(way->text, "symmetricKey"))
        return fail(ERR_UNSUPPORTED, "%s:%zu: devices are made with keys here: symmetricKey", file,
                    way->line);
    if (devices == NULL) return yaml_bad(file, top, "the file has no edgeDevices");
    return read_devices(p, file, devices, SLICE_NONE);
}

/* ---- looked at */

static enum err check_circle(const struct plan *p, const struct edge *edge)
{
    unsigned steps = 0;
    for (const struct edge *e = edge; e && e->parent.len; e = find(p, e->parent))
        if (steps++ == p->count)
            return fail(ERR_INVALID, "edge device '%.*s' is below itself", SLICE_ARG(edge->id));
    return OK;
}

static enum err check_new(struct plan *p, const struct edge *edge)
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

static enum err check_parent(struct plan *p, struct edge *edge)
{
    struct json *parent;
    if (edge->parent.len == 0 || find(p, edge->parent)) return OK;
    TRY(identity_get(&p->target, edge->parent, SLICE_NONE, &parent));
    edge->scope = json_str(parent, "deviceScope");
    return edge->scope.len ? OK : no_edge_device(edge->parent);
}

static enum err read_all(struct plan *p)
{
    const char *file = cli_value(p->cli, "config-file");
    if ((file == NULL) == (cli_value(p->cli, "device") == NULL))
        return fail(ERR_INVALID, "--device or --config-file says which, and not both");
    TRY(file ? read_file(p, file) : read_options(p));
    for (const struct edge *e = p->edges; e; e = e->next) TRY(check_circle(p, e));
    return OK;
}

/* ---- made */

static struct json *described(struct plan *p, const struct edge *edge)
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

static enum err make(struct plan *p, struct edge *edge)
{
    struct edge *above = find(p, edge->parent);
    if (edge->made) return OK;
    if (above) {
        TRY(make(p, above));
        edge->scope = json_str(above->made, "deviceScope");
        if (edge->scope.len == 0) return no_edge_device(above->id);
    }
    TRY(identity_put(&p->target, described(p, edge), NULL, &edge->made));
    return edge->content ? edge_deploy(p->cli, &p->target, edge->id, edge->content) : OK;
}

static enum err print(const struct plan *p)
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
    struct plan p = {.cli = c};
    p.end = &p.edges;
    TRY(read_all(&p));
    TRY(target_find(c, &p.target));
    for (struct edge *e = p.edges; e; e = e->next) {
        TRY(check_new(&p, e));
        TRY(check_parent(&p, e));
    }
    for (struct edge *e = p.edges; e; e = e->next) TRY(make(&p, e));
    return print(&p);
}
