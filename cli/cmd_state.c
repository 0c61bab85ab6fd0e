/* cmd_state.c - azimuth hub state {export,import}: a hub's devices and configurations in one JSON file, as az
 * has it.
 *
 *   {"configurations":{"admConfigurations":{ID:{..}},"edgeDeployments":{ID:{..}}},
 *    "devices":{ID:{"identity":{..},"twin":{..},"parent":ID,"modules":{ID:{"identity","twin"}}}}}
 *
 * Everything over the service API, so that either hub may be one of Azure's: twins by pages of a query,
 * identities one by one, and back in bulks of 100, modules after all devices.  An export holds one page
 * and leaves out what goes while it is read; an import holds the file.
 */
#include "cli/cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/state.h"

enum { PAGE = 100, BULK_BYTES = 700 << 10, STATE_MAX = 1 << 30 };

#define ASPECTS                                                                                    \
    {                                                                                              \
        "aspects", "NAMES", "what of the hub: devices, configurations [all there are]"             \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option state_export_options[] = {
    {"state-file f", "FILE", "where to"},
    ASPECTS,
    {"replace r", NULL, "a file that is there already"},
    END};
const struct cli_option state_import_options[] = {
    {"state-file f", "FILE", "what 'hub state export' or az wrote"},
    ASPECTS,
    {"replace r", NULL, "delete what is on the hub first"},
    END};

struct aspects {
    bool devices, configurations;
};

static enum err read_aspects(const struct cli *c, struct aspects *out)
{
    const char *value = cli_value(c, "aspects");
    *out = (struct aspects){.devices = value == NULL, .configurations = value == NULL};
    struct slice left = slice_str(value ? value : ""), word;
    while (left.len) {
        size_t end = 0;
        while (end < left.len && left.ptr[end] != ' ' && left.ptr[end] != ',') end++;
        word = slice_head(left, end);
        left = slice_from(left, end < left.len ? end + 1 : end);
        if (slice_is(word, "devices"))
            out->devices = true;
        else if (slice_is(word, "configurations"))
            out->configurations = true;
        else if (word.len)
            return fail(ERR_INVALID, "--aspects %.*s: devices and configurations can be moved",
                        SLICE_ARG(word));
    }
    if (out->devices || out->configurations) return OK;
    return fail(ERR_INVALID, "--aspects names nothing: devices, configurations");
}

static void show(const char *what, unsigned long count, bool last)
{
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\r%s: %lu devices\033[K%s", what, count, last ? "\n" : "");
    fflush(stderr);
}

/* ---- pages of device twins */

struct pages {
    struct target *t;
    struct buf next;
    bool begun;
};

/* NULL: there are no more. */
static enum err next_page(struct pages *p, struct json **out)
{
    struct http_answer a;
    const struct http_call call = {.method = "POST",
                                   .path = "/devices/query",
                                   .body = SLICE_LIT("{\"query\":\"SELECT * FROM devices\"}"),
                                   .max_items = PAGE,
                                   .continuation = p->begun ? buf_cstr(&p->next) : NULL};
    *out = NULL;
    if (p->begun && buf_size(&p->next) == 0) return OK;
    TRY(http_do(p->t, &call, &a));
    enum err e = a.status >= 300 ? http_refusal(p->t, &a, "the query") : OK;
    if (e == OK && (a.json == NULL || a.json->type != JSON_ARRAY))
        e = fail(ERR_PROTOCOL, "%s answered the query with something else than rows", p->t->name);
    p->begun = true;
    buf_clear(&p->next);
    buf_put_slice(&p->next, http_answer_header(&a, "x-ms-continuation"));
    http_answer_free(&a);
    if (e == OK) *out = a.json;
    return e;
}

/* ---- export */

static void put_member(struct buf *out, const char *name, const struct json *value)
{
    uint8_t last = out->ptr[out->len - 1];
    if (last != '{') buf_put_u8(out, ',');
    buf_printf(out, "\"%s\":", name);
    json_write(out, value);
}

static enum err get_twin(struct target *t, struct slice device, struct slice module,
                         struct json **out)
{
    struct buf path = {0};
    buf_printf(&path, "%s%s", http_path(t->cli, "/twins/", device),
               http_path(t->cli, "/modules/", module));
    enum err e = http_json(t, &(struct http_call){.method = "GET", .path = buf_cstr(&path)},
                           "module twin", out);
    buf_free(&path);
    return e;
}

/* One that has gone since it was listed is left out. */
static enum err put_modules(struct target *t, struct slice device, struct buf *out)
{
    struct json *modules, *twin;
    unsigned count = 0;
    TRY(identity_modules(t, device, &modules));
    buf_put_str(out, ",\"modules\":{");
    for (struct json *m = modules->child; m; m = m->next) {
        struct slice id = json_str(m, "moduleId");
        enum err e = get_twin(t, device, id, &twin);
        if (e == ERR_NOT_FOUND) continue;
        TRY(e);
        if (count++) buf_put_u8(out, ',');
        text_json_string(out, id);
        buf_put_str(out, ":{");
        put_member(out, "identity", m);
        put_member(out, "twin", twin);
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, '}');
    return OK;
}

/* ms-azure-iot-edge://PARENT-TICKS */
static void put_parent(struct cli *c, const struct json *identity, struct buf *out)
{
    const struct json *scopes = json_get(identity, "parentScopes");
    struct slice scope = scopes && scopes->child ? scopes->child->text : SLICE_NONE;
    size_t slash = slice_rfind(scope, '/');
    if (slash >= scope.len) return;
    scope = slice_from(scope, slash + 1);
    scope = slice_head(scope, slice_rfind(scope, '-'));
    put_member(out, "parent", json_new_string(&c->arena, scope));
}

static enum err put_device(struct cli *c, struct target *t, const struct json *twin,
                           struct buf *out)
{
    struct slice id = json_str(twin, "deviceId");
    struct json *identity;
    TRY(identity_get(t, id, SLICE_NONE, &identity));
    text_json_string(out, id);
    buf_put_str(out, ":{");
    put_member(out, "identity", identity);
    put_member(out, "twin", twin);
    put_parent(c, identity, out);
    TRY(put_modules(t, id, out));
    buf_put_u8(out, '}');
    return OK;
}

static enum err write_device(struct cli *c, struct target *t, const struct json *twin, FILE *file,
                             unsigned long *count)
{
    struct buf out = {0};
    buf_put_str(&out, *count ? ",\n" : "");
    enum err e = put_device(c, t, twin, &out);
    struct slice text = buf_slice(&out);
    if (e == OK && fwrite(text.ptr, 1, text.len, file) != text.len)
        e = fail_errno("the file cannot be written");
    if (e == OK) ++*count;
    buf_free(&out);
    return e == ERR_NOT_FOUND ? OK : e; /* it has gone since the page was read */
}

static enum err write_page(struct cli *c, struct pages *pages, FILE *file, unsigned long *count,
                           bool *more)
{
    struct json *page;
    TRY(next_page(pages, &page));
    *more = page != NULL;
    for (struct json *twin = page ? page->child : NULL; twin; twin = twin->next)
        TRY(write_device(c, pages->t, twin, file, count));
    show("export", *count, page == NULL);
    return OK;
}

/* What a page takes of memory goes with it. */
static enum err write_devices(struct cli *c, struct target *t, FILE *file, unsigned long *count)
{
    struct pages pages = {.t = t};
    struct arena kept = c->arena;
    bool more = true;
    enum err e = fputs("\"devices\":{\n", file) < 0 ? fail_errno("the file cannot be written") : OK;
    while (e == OK && more) {
        c->arena = (struct arena){0};
        e = write_page(c, &pages, file, count, &more);
        arena_wipe(&c->arena);
    }
    c->arena = kept;
    if (e == OK && fputs("\n}", file) < 0) e = fail_errno("the file cannot be written");
    buf_free(&pages.next);
    return e;
}

struct counts {
    unsigned long devices, configurations;
};

static enum err write_state(struct cli *c, struct target *t, const struct aspects *aspects,
                            FILE *file, struct counts *counts)
{
    enum err e = OK;
    bool wrote = fputc('{', file) >= 0;
    if (aspects->configurations) {
        wrote = wrote && fputs("\"configurations\":", file) >= 0;
        e = state_write_configurations(c, t, file, &counts->configurations);
        if (aspects->devices) wrote = wrote && fputs(",\n", file) >= 0;
    }
    if (e == OK && aspects->devices) e = write_devices(c, t, file, &counts->devices);
    wrote = wrote && fputs("}\n", file) >= 0;
    return e == OK && !wrote ? fail_errno("the file cannot be written") : e;
}

static enum err print_counts(struct cli *c, const struct aspects *aspects,
                             const struct counts *counts)
{
    struct arena *a = &c->arena;
    struct json *told = json_new(a, JSON_OBJECT);
    if (aspects->devices)
        json_set(a, told, SLICE_LIT("devices"), json_new_i64(a, (int64_t)counts->devices));
    if (aspects->configurations)
        json_set(a, told, SLICE_LIT("configurations"),
                 json_new_i64(a, (int64_t)counts->configurations));
    return output_value(&c->output, a, told, NULL);
}

enum err state_export(struct cli *c)
{
    struct target t;
    struct slice path;
    struct aspects aspects;
    struct counts counts = {0};
    TRY(cli_need(c, "state-file", &path));
    TRY(read_aspects(c, &aspects));
    TRY(target_find(c, &t));
    const char *name = cli_value(c, "state-file");
    if (!cli_given(c, "replace") && access(name, F_OK) == 0)
        return fail(ERR_EXISTS, "%s is there already: --replace writes it anew", name);
    struct file_new file;
    TRY(file_begin(name, &file));
    enum err e = file_finish(name, &file, write_state(c, &t, &aspects, file.out, &counts));
    return e == OK ? print_counts(c, &aspects, &counts) : e;
}

/* ---- import */

struct bulk {
    struct target *t;
    struct buf json;
    unsigned count, failed;
};

static void tell(struct bulk *b, const struct json *list, const char *why)
{
    for (const struct json *j = list ? list->child : NULL; j; j = j->next, b->failed++)
        fprintf(stderr, "%.*s %.*s: %.*s\n", SLICE_ARG(json_str(j, "deviceId")),
                SLICE_ARG(json_str(j, "moduleId")), SLICE_ARG(json_str(j, why)));
}

static enum err send_bulk(struct bulk *b)
{
    struct http_answer a;
    if (b->count == 0) return OK;
    buf_put_u8(&b->json, ']');
    const struct http_call call = {
        .method = "POST", .path = "/devices", .body = buf_slice(&b->json)};
    TRY(http_do(b->t, &call, &a));
    const struct json *errors = json_get(a.json, "errors");
    bool told = errors && errors->type == JSON_ARRAY;
    enum err e = a.status >= 300 && !told ? http_refusal(b->t, &a, "the devices") : OK;
    if (told) tell(b, errors, "errorStatus");
    if (e == OK)
        tell(b, json_get(a.json, "warnings"), "warningStatus"); /* there, without its twin */
    http_answer_free(&a);
    buf_clear(&b->json);
    b->count = 0;
    return e;
}

static void copy_member(struct buf *out, const struct json *from, const char *name)
{
    const struct json *j = json_get(from, name);
    if (j && j->type != JSON_NULL) put_member(out, name, j);
}

/* An ExportImportDevice of an identity and its twin; `mode` NULL: createOrUpdate. */
static enum err add(struct bulk *b, struct slice id, struct slice module,
                    const struct json *identity, const struct json *twin, const char *mode)
{
    static const char *const members[] = {"managedBy",    "statusReason", "authentication",
                                          "capabilities", "deviceScope",  "parentScopes"};
    if (b->count == IDENTITY_BULK_MAX || buf_size(&b->json) >= BULK_BYTES) TRY(send_bulk(b));
    buf_put_u8(&b->json, b->count++ ? ',' : '[');
    buf_put_str(&b->json, "{\"id\":");
    text_json_string(&b->json, id);
    if (module.len) {
        buf_put_str(&b->json, ",\"moduleId\":");
        text_json_string(&b->json, module);
    }
    struct slice status = json_str(identity, "status");
    buf_printf(&b->json, ",\"importMode\":\"%s\",\"status\":\"%.*s\"",
               mode ? mode : "createOrUpdate",
               SLICE_ARG(status.len ? status : SLICE_LIT("enabled")));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy_member(&b->json, identity, members[i]);
    copy_member(&b->json, twin, "tags");
    copy_member(&b->json, twin, "properties");
    buf_put_u8(&b->json, '}');
    return OK;
}

static enum err add_devices(struct bulk *b, const struct json *devices, unsigned long *count)
{
    for (const struct json *d = devices->child; d; d = d->next) {
        TRY(add(b, d->key, SLICE_NONE, json_get(d, "identity"), json_get(d, "twin"), NULL));
        if (++*count % IDENTITY_BULK_MAX == 0) show("import", *count, false);
    }
    show("import", *count, true);
    return send_bulk(b);
}

/* The hub's own modules of edge devices are there with their devices. */
static enum err add_modules(struct bulk *b, const struct json *devices)
{
    for (const struct json *d = devices->child; d; d = d->next) {
        const struct json *modules = json_get(d, "modules");
        for (const struct json *m = modules ? modules->child : NULL; m; m = m->next)
            TRY(add(b, d->key, m->key, json_get(m, "identity"), json_get(m, "twin"), NULL));
    }
    return send_bulk(b);
}

static enum err delete_all(struct bulk *b)
{
    struct json *page;
    for (;;) {
        struct pages pages = {.t = b->t};
        TRY(next_page(&pages, &page));
        buf_free(&pages.next);
        if (page == NULL || page->child == NULL) return OK;
        for (struct json *twin = page->child; twin; twin = twin->next)
            TRY(add(b, json_str(twin, "deviceId"), SLICE_NONE, NULL, NULL, "delete"));
        TRY(send_bulk(b));
        if (b->failed) return fail(ERR_PROTOCOL, "not all devices could be deleted");
    }
}

/* Members that are not there, or not asked for, are NULL. */
struct state {
    const struct json *devices, *configurations;
};

static enum err read_state(struct cli *c, const char *path, const struct aspects *aspects,
                           struct state *out)
{
    struct slice text;
    struct json *doc;
    *out = (struct state){0};
    TRY(file_load_max(c, path, STATE_MAX, &text));
    if (json_parse(&c->arena, text, &doc) != OK) return file_blame(ERR_INVALID, path);
    for (const struct json *j = doc->type == JSON_OBJECT ? doc->child : NULL; j; j = j->next) {
        if (aspects->devices && slice_is(j->key, "devices"))
            out->devices = j;
        else if (aspects->configurations && slice_is(j->key, "configurations"))
            out->configurations = j;
        else
            fprintf(stderr, "%s: '%.*s' is left out\n", path, SLICE_ARG(j->key));
    }
    if (aspects->devices && !out->devices && !out->configurations)
        return fail(ERR_INVALID, "%s has no devices", path);
    if (!out->devices && !out->configurations)
        return fail(ERR_INVALID, "%s has no configurations", path);
    return OK;
}

static enum err delete_first(struct cli *c, struct bulk *b, const struct state *state)
{
    if (state->configurations) TRY(state_delete_configurations(c, b->t));
    return state->devices ? delete_all(b) : OK;
}

static enum err add_state(struct cli *c, struct bulk *b, const struct state *state,
                          struct counts *counts)
{
    if (state->devices) {
        TRY(add_devices(b, state->devices, &counts->devices));
        TRY(add_modules(b, state->devices));
    }
    if (state->configurations == NULL) return OK;
    return state_add_configurations(c, b->t, state->configurations, &counts->configurations,
                                    &b->failed);
}

enum err state_import(struct cli *c)
{
    struct target t;
    struct slice path;
    struct state state;
    struct aspects aspects;
    struct bulk b = {.t = &t};
    struct counts counts = {0};
    TRY(cli_need(c, "state-file", &path));
    TRY(read_aspects(c, &aspects));
    TRY(target_find(c, &t));
    TRY(read_state(c, cli_value(c, "state-file"), &aspects, &state));
    enum err e = cli_given(c, "replace") ? delete_first(c, &b, &state) : OK;
    if (e == OK) e = add_state(c, &b, &state, &counts);
    buf_free(&b.json);
    if (e != OK) return e;
    TRY(print_counts(c, &aspects, &counts));
    return b.failed ? fail(ERR_PROTOCOL, "%u of them could not be imported", b.failed) : OK;
}
