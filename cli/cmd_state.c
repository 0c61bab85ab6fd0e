/* cmd_state.c - azimuth hub state export: a hub in one JSON file, as az has it.
 *
 *   {"configurations":{"admConfigurations":{ID:{..}},"edgeDeployments":{ID:{..}}},
 *    "devices":{ID:{"identity":{..},"twin":{..},"parent":ID,"modules":{ID:{"identity","twin"}}}},
 *    "arm":{"resources":[..]}}
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

enum { PAGE = 100 };

#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option state_export_options[] = {
    {"state-file f", "PATH", "where to"},
    STATE_ASPECTS,
    {"replace r", NULL, "a file that is there already"},
    END};
enum err state_aspects(const struct cli *c, struct aspects *out)
{
    const char *value = cli_value(c, "aspects");
    bool all = value == NULL;
    *out = (struct aspects){.devices = all, .configurations = all, .arm = all, .all = all};
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
        else if (slice_is(word, "arm"))
            out->arm = true;
        else if (word.len)
            return fail(ERR_INVALID, "--aspects %.*s: devices, configurations and arm can be moved",
                        SLICE_ARG(word));
    }
    if (out->devices || out->configurations || out->arm) return OK;
    return fail(ERR_INVALID, "--aspects names nothing: devices, configurations, arm");
}

void state_show(struct cli *c, const char *step, unsigned long count, bool last)
{
    progress_show(&c->progress, &(struct progress_at){
                                    .step = step, .unit = "devices", .done = count, .ended = last});
}

/* ---- pages of device twins */

enum err state_next_page(struct state_pages *p, struct json **out)
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
    return http_get(t, identity_path(t->cli, "/twins/", device, module), "module twin", out);
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
    struct buf out = BUF_SECRET;
    buf_put_str(&out, *count ? ",\n" : "");
    enum err e = put_device(c, t, twin, &out);
    struct slice text = buf_slice(&out);
    if (e == OK && fwrite(text.ptr, 1, text.len, file) != text.len)
        e = fail_errno("the file cannot be written");
    if (e == OK) ++*count;
    buf_wipe(&out);
    return e == ERR_NOT_FOUND ? OK : e; /* it has gone since the page was read */
}

static enum err write_page(struct cli *c, struct state_pages *pages, FILE *file,
                           unsigned long *count, bool *more)
{
    struct json *page;
    TRY(state_next_page(pages, &page));
    *more = page != NULL;
    for (struct json *twin = page ? page->child : NULL; twin; twin = twin->next)
        TRY(write_device(c, pages->t, twin, file, count));
    state_show(c, "export", *count, page == NULL);
    return OK;
}

/* What a page takes of memory goes with it. */
static enum err write_devices(struct cli *c, struct target *t, FILE *file, unsigned long *count)
{
    struct state_pages pages = {.t = t};
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

static enum err put_gap(FILE *file, bool *wrote, const char *name)
{
    bool fine = !*wrote || fputs(",\n", file) >= 0;
    *wrote = true;
    return fine && fputs(name, file) >= 0 ? OK : fail_errno("the file cannot be written");
}

/* What is wanted only because nobody said what is may be out of reach: the service API has no `arm`. */
static enum err write_arm(struct cli *c, struct target *t, const struct aspects *aspects,
                          FILE *file, bool *wrote)
{
    struct buf arm = {0};
    enum err e = state_arm(c, t, &arm);
    if (e != OK && aspects->all) {
        fprintf(stderr, "arm is left out: %s\n", fail_text());
        buf_free(&arm);
        return OK;
    }
    if (e == OK) e = put_gap(file, wrote, "\"arm\":");
    if (e == OK && fputs(buf_cstr(&arm), file) < 0) e = fail_errno("the file cannot be written");
    buf_free(&arm);
    return e;
}

static enum err write_aspects(struct cli *c, struct target *t, const struct aspects *aspects,
                              FILE *file, struct state_counts *counts)
{
    bool wrote = false;
    if (aspects->configurations) {
        TRY(put_gap(file, &wrote, "\"configurations\":"));
        TRY(state_write_configurations(c, t, file, &counts->configurations));
    }
    if (aspects->devices) {
        TRY(put_gap(file, &wrote, ""));
        TRY(write_devices(c, t, file, &counts->devices));
    }
    return aspects->arm ? write_arm(c, t, aspects, file, &wrote) : OK;
}

enum err state_write(struct cli *c, struct target *t, const struct aspects *aspects, FILE *file,
                     struct state_counts *counts)
{
    bool wrote = fputc('{', file) >= 0;
    enum err e = write_aspects(c, t, aspects, file, counts);
    wrote = wrote && fputs("}\n", file) >= 0;
    return e == OK && !wrote ? fail_errno("the file cannot be written") : e;
}

enum err state_print_counts(struct cli *c, const struct aspects *aspects,
                            const struct state_counts *counts)
{
    const struct {
        const char *name;
        bool shown;
        unsigned long count;
    } rows[] = {
        {"devices", aspects->devices, counts->devices},
        {"modules", counts->modules, counts->modules},
        {"configurations", aspects->configurations, counts->configurations},
        {"endpoints", counts->endpoints, counts->endpoints},
        {"routes", counts->routes, counts->routes},
        {"enrichments", counts->enrichments, counts->enrichments},
        {"consumerGroups", counts->groups, counts->groups},
        {"certificates", counts->certificates, counts->certificates},
        {"leftOut", counts->left_out, counts->left_out},
    };
    struct arena *a = &c->arena;
    struct json *told = json_new(a, JSON_OBJECT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].shown)
            json_set(a, told, slice_str(rows[i].name), json_new_i64(a, (int64_t)rows[i].count));
    return output_value(&c->output, a, told, NULL);
}

enum err state_export(struct cli *c)
{
    struct target t;
    struct slice path;
    struct aspects aspects;
    struct state_counts counts = {0};
    TRY(cli_need(c, "state-file", &path));
    TRY(state_aspects(c, &aspects));
    TRY(target_find(c, &t));
    const char *name = cli_value(c, "state-file");
    if (!cli_given(c, "replace") && access(name, F_OK) == 0)
        return fail(ERR_EXISTS, "%s is there already: --replace writes it anew", name);
    struct file_new file;
    TRY(file_begin(name, &file));
    enum err e = file_finish(name, &file, state_write(c, &t, &aspects, file.out, &counts));
    return e == OK ? state_print_counts(c, &aspects, &counts) : e;
}
