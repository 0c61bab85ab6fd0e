/* edge_fuzz.c - what makes a hierarchy of edge devices: the file of `iot edge devices create`, its --device options, a
 * template of config.toml.  It is refused with a reason, or all that it says of each device is in the plan, which drawn
 * has each device once, and written as a file is the same plan; of a template stays what is not the devices' own.
 *
 * Input: a byte of modes, and the text.  Of files there is one manifest; the linker puts this file between the command and
 * others (CMakeLists.txt).
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/edge_plan.h"
#include "cli/file.h"
#include "fuzz.h"

enum { WITH_FOLDER = 1, BY_OPTION = 2, TEMPLATE = 4, MODES = 8 };

#define FILE_NAME "edges.yaml"
#define MANIFEST  "{\"content\":{\"modulesContent\":{\"a\":{}}}}"

static struct slice file;

enum err __wrap_file_load_max(struct cli *c, const char *path, size_t max, struct slice *out);
enum err __wrap_file_yaml(struct cli *c, const char *path, size_t max, struct yaml **out);

enum err __wrap_file_load_max(struct cli *c, const char *path, size_t max, struct slice *out)
{
    (void)max;
    if (!slice_ends(slice_str(path), SLICE_LIT("m.json")))
        return fail(ERR_NOT_FOUND, "there is no file %s", path);
    *out = arena_copy(&c->arena, SLICE_LIT(MANIFEST));
    return OK;
}

enum err __wrap_file_yaml(struct cli *c, const char *path, size_t max, struct yaml **out)
{
    assert(strcmp(path, FILE_NAME) == 0 && file.len <= max);
    return yaml_parse(&c->arena, path, file, out);
}

/* ---- a plan */

/* --device=TEXT is as it is when there were more words and more such options: those have ends of their own in it. */
static void read_options(struct cli *c, unsigned modes, struct slice text)
{
    static const struct cli_verb verb = {.words = "edge devices create",
                                         .options = edge_create_options};
    struct buf device = {0};
    bool help;
    *c = (struct cli){.program = "azimuth", .verb = &verb};
    buf_put_str(&device, "--device=");
    buf_put_slice(&device, text);
    buf_put_u8(&device, '\0');
    char *words[] = {"--quiet", modes & BY_OPTION ? (char *)device.ptr : "--config-file=" FILE_NAME,
                     "--output-path=out"};
    enum err e = cli_read_options(c, modes & WITH_FOLDER ? 3 : 2, words, &help);
    assert(e == OK);
    buf_free(&device);
}

static enum err read_plan(struct edge_plan *p, struct cli *c, unsigned modes, struct slice text)
{
    read_options(c, modes, text);
    *p = (struct edge_plan){.cli = c};
    p->end = &p->edges;
    file = text;
    return edge_read(p);
}

static void check_edges(const struct edge_plan *p)
{
    unsigned count = 0;
    for (const struct edge *e = p->edges; e; e = e->next, count++) {
        assert(e->id.len > 0 && edge_find(p, e->id) == e);
        assert(e->content == NULL || json_get(e->content, "modulesContent"));
    }
    assert(count == p->count && count <= EDGE_DEVICES_MAX);
}

/* A line each, and one above them; an id with an end of line has more. */
static void check_drawn(const struct edge_plan *p)
{
    struct buf out = {0};
    size_t lines = 0, expected = 1 + (size_t)p->count;
    for (const struct edge *e = p->edges; e; e = e->next)
        for (size_t i = 0; i < e->id.len; i++) expected += e->id.ptr[i] == '\n';
    for (const struct edge *e = p->edges; e; e = e->next) {
        bool far = e->parent.len && edge_find(p, e->parent) == NULL;
        for (size_t i = 0; i < e->parent.len && far; i++) expected += e->parent.ptr[i] == '\n';
    }
    edge_draw(p, &out);
    for (size_t i = 0; i < buf_size(&out); i++) lines += out.ptr[i] == '\n';
    assert(lines == expected);
    buf_free(&out);
}

/* ---- nothing of the file is lost */

static bool says(const struct yaml *item, const char *name, struct slice kept)
{
    const struct yaml *m = yaml_get(item, name);
    return m == NULL || (yaml_is_null(m) ? kept.len == 0 : slice_eq(m->text, kept));
}

static void check_said(const struct edge_plan *p, const struct yaml *list)
{
    for (const struct yaml *item = list->child; item; item = item->next) {
        const struct edge *e = edge_find(p, yaml_get(item, "deviceId")->text);
        const struct yaml *children = yaml_get(item, "children");
        const struct yaml *auth = yaml_get(item, "containerAuth");
        const struct yaml *manifest = yaml_get(item, "deployment");
        bool none = manifest == NULL || manifest->text.len == 0 || yaml_is_null(manifest);
        assert(e && none == (e->content == NULL));
        if (p->folder) {
            assert(says(item, "hostname", e->hostname));
            assert(says(item, "edgeAgent", e->agent.image));
            assert(auth == NULL || (says(auth, "serverAddress", e->agent.server) &&
                                    says(auth, "username", e->agent.user) &&
                                    says(auth, "password", e->agent.password)));
        }
        if (children) check_said(p, children);
    }
}

/* ---- the plan as a file */

static void put_member(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

static void put_children(struct buf *out, const struct edge_plan *p, struct slice parent);

static void put_edge(struct buf *out, const struct edge_plan *p, const struct edge *e)
{
    buf_put_str(out, "{\"deviceId\":");
    text_json_string(out, e->id);
    put_member(out, "hostname", e->hostname);
    put_member(out, "edgeAgent", e->agent.image);
    if (e->content) put_member(out, "deployment", SLICE_LIT("m.json"));
    if (e->agent.server.len) {
        buf_put_str(out, ",\"containerAuth\":{\"serverAddress\":");
        text_json_string(out, e->agent.server);
        put_member(out, "username", e->agent.user);
        put_member(out, "password", e->agent.password);
        buf_put_u8(out, '}');
    }
    buf_put_str(out, ",\"children\":[");
    put_children(out, p, e->id);
    buf_put_str(out, "]}");
}

static void put_children(struct buf *out, const struct edge_plan *p, struct slice parent)
{
    const char *gap = "";
    for (const struct edge *e = p->edges; e; e = e->next) {
        if (!slice_eq(e->parent, parent)) continue;
        buf_put_str(out, gap);
        put_edge(out, p, e);
        gap = ",";
    }
}

/* YAML takes no control characters, and few levels; parents that are on the hub are no part of a file. */
static bool fits_in_a_file(const struct edge_plan *p, struct slice text)
{
    bool fits = true;
    for (size_t i = 0; i < text.len; i++) fits = fits && text.ptr[i] >= ' ' && text.ptr[i] <= '~';
    for (const struct edge *e = p->edges; e; e = e->next) {
        unsigned levels = 4;
        for (const struct edge *x = e; x && x->parent.len; x = edge_find(p, x->parent)) {
            levels += 2;
            fits = fits && edge_find(p, x->parent) != NULL;
        }
        fits = fits && levels <= YAML_DEPTH_MAX;
    }
    return fits;
}

static void check_same(const struct edge_plan *a, const struct edge_plan *b)
{
    assert(a->count == b->count);
    for (const struct edge *x = a->edges; x; x = x->next) {
        const struct edge *y = edge_find(b, x->id);
        assert(y && slice_eq(x->parent, y->parent) && slice_eq(x->hostname, y->hostname));
        assert(slice_eq(x->agent.image, y->agent.image));
        assert(slice_eq(x->agent.server, y->agent.server));
        assert(x->agent.server.len == 0 || (slice_eq(x->agent.user, y->agent.user) &&
                                            slice_eq(x->agent.password, y->agent.password)));
        assert(!x->content == !y->content);
    }
}

static void check_written(const struct edge_plan *p, unsigned modes)
{
    struct buf text = {0};
    struct edge_plan again;
    struct cli c;
    buf_put_str(&text, "{\"edgeDevices\":[");
    put_children(&text, p, SLICE_NONE);
    buf_put_str(&text, "]}");
    if (p->folder && fits_in_a_file(p, buf_slice(&text))) {
        enum err e = read_plan(&again, &c, modes & WITH_FOLDER, buf_slice(&text));
        assert(e == OK);
        check_same(p, &again);
        arena_free(&c.arena);
    }
    buf_free(&text);
}

static void try_plan(unsigned modes, struct slice text)
{
    struct cli c;
    struct edge_plan p;
    struct yaml *top;
    enum err e = read_plan(&p, &c, modes, text);
    assert(e == OK || *fail_text());
    if (e == OK) {
        check_edges(&p);
        check_drawn(&p);
        if (!(modes & BY_OPTION)) {
            e = yaml_parse(&c.arena, FILE_NAME, text, &top);
            assert(e == OK);
            check_said(&p, yaml_get(top, "edgeDevices"));
        }
        check_written(&p, modes);
    }
    arena_free(&c.arena);
}

/* ---- a template */

static void put_template(const struct edge_template *t, struct buf *out)
{
    edge_template_put(t, false, true, out);
    edge_template_put(t, true, true, out);
}

/* Once more: nothing of what stayed goes. */
static void try_template(struct slice text)
{
    struct arena arena = {0};
    struct edge_template t, again;
    struct buf stays = {0}, still = {0};
    enum err e = edge_template_read(&arena, "t", text, &t);
    assert(e == OK || (e == ERR_INVALID && slice_starts(slice_str(fail_text()), SLICE_LIT("t:"))));
    if (e == OK) {
        put_template(&t, &stays);
        assert(buf_size(&stays) <= text.len + 1);
        e = edge_template_read(&arena, "t", buf_slice(&stays), &again);
        assert(e == OK && t.has_agent == again.has_agent);
        put_template(&again, &still);
        assert(slice_eq(buf_slice(&stays), buf_slice(&still)));
    }
    buf_free(&stays);
    buf_free(&still);
    arena_free(&arena);
}

void fuzz_one(struct slice input)
{
    unsigned modes = input.len ? input.ptr[0] % MODES : 0;
    if (modes & TEMPLATE)
        try_template(slice_from(input, 1));
    else
        try_plan(modes, slice_from(input, 1));
}
