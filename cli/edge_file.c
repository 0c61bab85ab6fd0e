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

static void leave_out(const struct edge_plan *p, const char *file, const struct yaml *m)
{
    if (!cli_given(p->cli, "quiet"))
        fprintf(stderr, "%s:%zu: %.*s is left out\n", file, m->line, SLICE_ARG(m->name));
}

static enum err read_devices(struct edge_plan *p, const char *file, const struct yaml *list,
                             struct slice parent);

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
        else if (m != id && m != children)
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

enum err edge_read_file(struct edge_plan *p, const char *file)
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
