/* edge_file.c - the file of `az iot edge devices create`: a hierarchy of edge devices. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/yaml.h"
#include "cli/edge_plan.h"
#include "cli/file.h"

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

static struct slice text_of(const struct yaml *map, const char *name)
{
    const struct yaml *m = yaml_get(map, name);
    return m && m->kind == YAML_TEXT && !yaml_is_null(m) ? m->text : SLICE_NONE;
}

static void leave_out(const struct edge_plan *p, const char *file, const struct yaml *m)
{
    if (!cli_given(p->cli, "quiet"))
        fprintf(stderr, "%s:%zu: %.*s is left out\n", file, m->line, SLICE_ARG(m->name));
}

static enum err read_devices(struct edge_plan *p, const char *file, const struct yaml *list,
                             struct slice parent);

/* What only a folder of the device has; false: it is nothing of that. */
static bool take_setting(struct edge *edge, const struct yaml *m)
{
    bool known = true;
    if (slice_is(m->name, "hostname"))
        edge->hostname = m->text;
    else if (slice_is(m->name, "edgeAgent"))
        edge->agent.image = m->text;
    else if (slice_is(m->name, "containerAuth"))
        edge->agent = (struct edge_agent){.image = edge->agent.image,
                                          .server = text_of(m, "serverAddress"),
                                          .user = text_of(m, "username"),
                                          .password = text_of(m, "password")};
    else
        known = false;
    return known;
}

static enum err read_device(struct edge_plan *p, const char *file, const struct yaml *item,
                            struct slice parent)
{
    struct edge edge = {.parent = parent};
    const struct yaml *id = yaml_get(item, "deviceId"), *children = yaml_get(item, "children");
    if (id == NULL || id->kind != YAML_TEXT || yaml_is_null(id))
        return yaml_bad(file, item, "deviceId is missing");
    edge.id = id->text;
    for (const struct yaml *m = item->child; m; m = m->next) {
        if (slice_is(m->name, "deployment"))
            TRY(edge_manifest(p, beside(p->cli, file, m->text), &edge.content));
        else if (m != id && m != children && !(p->folder && take_setting(&edge, m)))
            leave_out(p, file, m);
    }
    TRY(edge_add(p, &edge));
    return children ? read_devices(p, file, children, edge.id) : OK;
}

static enum err read_devices(struct edge_plan *p, const char *file, const struct yaml *list,
                             struct slice parent)
{
    if (list->kind != YAML_LIST) return yaml_bad(file, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next)
        TRY(read_device(p, file, item, parent));
    return OK;
}

/* ---- what holds for all of them, unless an option says otherwise */

static enum err read_method(struct edge_plan *p, const char *file, const struct yaml *hub)
{
    const struct yaml *way = hub ? yaml_get(hub, "authenticationMethod") : NULL;
    if (way == NULL || cli_given(p->cli, "device-auth-type") || edge_method(p, way->text) == OK)
        return OK;
    return yaml_bad(file, way, "symmetricKey or x509Certificate was expected");
}

static void read_root(struct edge_plan *p, const char *file, const struct yaml *certificates)
{
    struct slice cert = text_of(certificates, "rootCACertPath"),
                 key = text_of(certificates, "rootCACertKeyPath");
    if (p->folder == NULL) {
        leave_out(p, file, certificates);
        return;
    }
    if (cert.len && p->root_cert == NULL) p->root_cert = beside(p->cli, file, cert);
    if (key.len && p->root_key == NULL) p->root_key = beside(p->cli, file, key);
}

static void read_runtime(struct edge_plan *p, const char *file, const struct yaml *runtime)
{
    for (const struct yaml *m = runtime->child; m; m = m->next) {
        bool agent = slice_is(m->name, "defaultEdgeAgent");
        if (!(agent || slice_is(m->name, "templateConfigPath")) || p->folder == NULL)
            leave_out(p, file, m);
        else if (agent && p->image.ptr == NULL && m->text.len)
            p->image = m->text;
        else if (!agent && p->template_path == NULL && m->text.len)
            p->template_path = beside(p->cli, file, m->text);
    }
}

enum err edge_read_file(struct edge_plan *p, const char *file)
{
    struct yaml *top;
    TRY(file_yaml(p->cli, file, EDGE_FILE_MAX, &top));
    file = file_name(file);
    const struct yaml *devices = yaml_get(top, "edgeDevices");
    const struct yaml *root = yaml_get(top, "certificates");
    const struct yaml *runtime = yaml_get(top, "edgeConfiguration");
    TRY(read_method(p, file, yaml_get(top, "iotHub")));
    if (root) read_root(p, file, root);
    if (runtime) read_runtime(p, file, runtime);
    if (devices == NULL) return yaml_bad(file, top, "the file has no edgeDevices");
    return read_devices(p, file, devices, SLICE_NONE);
}
