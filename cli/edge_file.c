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

/* A plain value; null says nothing. */
static enum err take_text(const char *file, const struct yaml *m, struct slice *out)
{
    if (m->kind != YAML_TEXT) return yaml_bad(file, m, "a plain value was expected");
    if (!yaml_is_null(m)) *out = m->text;
    return OK;
}

/* Names and values, or null. */
static enum err expect_map(const char *file, const struct yaml *m)
{
    if (m->kind == YAML_MAP || yaml_is_null(m)) return OK;
    return yaml_bad(file, m, "names and values were expected");
}

static void leave_out(const struct edge_plan *p, const char *file, const struct yaml *m)
{
    if (!cli_given(p->cli, "quiet"))
        fprintf(stderr, "%s:%zu: %.*s is left out\n", file, m->line, SLICE_ARG(m->name));
}

static enum err read_devices(struct edge_plan *p, const char *file, const struct yaml *list,
                             struct slice parent);

static enum err read_auth(const struct edge_plan *p, const char *file, const struct yaml *auth,
                          struct edge_agent *agent)
{
    TRY(expect_map(file, auth));
    if (yaml_is_null(auth)) return OK;
    for (const struct yaml *m = auth->child; m; m = m->next) {
        struct slice *to = slice_is(m->name, "serverAddress") ? &agent->server
                           : slice_is(m->name, "username")    ? &agent->user
                           : slice_is(m->name, "password")    ? &agent->password
                                                              : NULL;
        if (to)
            TRY(take_text(file, m, to));
        else
            leave_out(p, file, m);
    }
    return agent->server.len ? OK : yaml_bad(file, auth, "serverAddress is missing");
}

/* What only a folder of the device has. */
static enum err read_setting(const struct edge_plan *p, const char *file, const struct yaml *m,
                             struct edge *edge)
{
    if (p->folder && slice_is(m->name, "hostname")) return take_text(file, m, &edge->hostname);
    if (p->folder && slice_is(m->name, "edgeAgent")) return take_text(file, m, &edge->agent.image);
    if (p->folder && slice_is(m->name, "containerAuth")) return read_auth(p, file, m, &edge->agent);
    leave_out(p, file, m);
    return OK;
}

static enum err read_deployment(struct edge_plan *p, const char *file, const struct yaml *m,
                                struct edge *edge)
{
    struct slice path = {0};
    TRY(take_text(file, m, &path));
    return path.len ? edge_manifest(p, beside(p->cli, file, path), &edge->content) : OK;
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
            TRY(read_deployment(p, file, m, &edge));
        else if (m != id && m != children)
            TRY(read_setting(p, file, m, &edge));
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

static enum err read_method(struct edge_plan *p, const char *file, const struct yaml *m)
{
    struct slice method = {0};
    TRY(take_text(file, m, &method));
    if (yaml_is_null(m) || cli_given(p->cli, "device-auth-type") || edge_method(p, method) == OK)
        return OK;
    return yaml_bad(file, m, "symmetricKey or x509Certificate was expected");
}

static enum err read_hub(struct edge_plan *p, const char *file, const struct yaml *m)
{
    if (slice_is(m->name, "authenticationMethod")) return read_method(p, file, m);
    leave_out(p, file, m);
    return OK;
}

/* Beside the file, unless an option has said which. */
static enum err read_path(const struct edge_plan *p, const char *file, const struct yaml *m,
                          const char **at)
{
    struct slice path = {0};
    TRY(take_text(file, m, &path));
    if (path.len && *at == NULL) *at = beside(p->cli, file, path);
    return OK;
}

static enum err read_agent(struct edge_plan *p, const char *file, const struct yaml *m)
{
    struct slice image = {0};
    TRY(take_text(file, m, &image));
    if (image.len && p->image.ptr == NULL) p->image = image;
    return OK;
}

/* What a folder is made of. */
static enum err read_common(struct edge_plan *p, const char *file, const struct yaml *m)
{
    if (p->folder && slice_is(m->name, "rootCACertPath"))
        return read_path(p, file, m, &p->root_cert);
    if (p->folder && slice_is(m->name, "rootCACertKeyPath"))
        return read_path(p, file, m, &p->root_key);
    if (p->folder && slice_is(m->name, "templateConfigPath"))
        return read_path(p, file, m, &p->template_path);
    if (p->folder && slice_is(m->name, "defaultEdgeAgent")) return read_agent(p, file, m);
    leave_out(p, file, m);
    return OK;
}

typedef enum err (*member_fn)(struct edge_plan *p, const char *file, const struct yaml *m);

static enum err read_section(struct edge_plan *p, const char *file, const struct yaml *section,
                             member_fn read)
{
    TRY(expect_map(file, section));
    for (const struct yaml *m = section->child; m; m = m->next) TRY(read(p, file, m));
    return OK;
}

/* configVersion is for az, which knows one. */
static enum err read_top(struct edge_plan *p, const char *file, const struct yaml *m)
{
    struct slice version;
    if (slice_is(m->name, "configVersion")) return take_text(file, m, &version);
    if (slice_is(m->name, "iotHub")) return read_section(p, file, m, read_hub);
    if (slice_is(m->name, "certificates")) return read_section(p, file, m, read_common);
    if (slice_is(m->name, "edgeConfiguration")) return read_section(p, file, m, read_common);
    leave_out(p, file, m);
    return OK;
}

enum err edge_read_file(struct edge_plan *p, const char *file)
{
    struct yaml *top;
    TRY(file_yaml(p->cli, file, EDGE_FILE_MAX, &top));
    file = file_name(file);
    const struct yaml *devices = yaml_get(top, "edgeDevices");
    if (devices == NULL) return yaml_bad(file, top, "the file has no edgeDevices");
    for (const struct yaml *m = top->child; m; m = m->next)
        if (m != devices) TRY(read_top(p, file, m));
    return read_devices(p, file, devices, SLICE_NONE);
}
