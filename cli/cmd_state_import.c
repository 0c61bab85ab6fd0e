/* cmd_state_import.c - azimuth hub state {import,migrate}, azimuth import azure-state: what az, 'hub state export' or a
 * job of a hub wrote, back onto a hub.
 *
 * Everything is made or brought up to date, so that a run that was interrupted is run again.  Instead of a state the
 * file may have the lines of an import or export job (devices.txt).
 */
#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/file.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/state.h"

enum { STATE_MAX = 1 << 30 };

#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define IMPORT_OPTIONS                                                                             \
    STATE_ASPECTS, {"replace r", NULL, "delete what is on the hub first"},                         \
    {                                                                                              \
        "dry-run", NULL, "only says what there is, and what has no meaning here"                   \
    }

const struct cli_option state_import_options[] = {
    {"state-file f", "FILE", "what 'hub state export' or az wrote, or devices.txt of a job"},
    IMPORT_OPTIONS,
    END};
const struct cli_option state_migrate_options[] = {
    {"origin-hub-login ol", "CONNECTION_STRING", "the hub that it comes from"},
    STATE_ASPECTS,
    {"replace r", NULL, "delete what is on the hub first"},
    END};
const char state_import_help[] = "    az iot hub state export -n HUB -f state.json\n"
                                 "    azimuth import azure-state state.json --dry-run\n"
                                 "    azimuth import azure-state state.json\n"
                                 "Devices keep their keys. Run it again after an interruption: "
                                 "what is there is brought up to date.";

static enum err add_devices(struct state_bulk *b, const struct json *devices, unsigned long *count)
{
    for (const struct json *d = devices->child; d; d = d->next) {
        TRY(state_bulk_add(b, d->key, SLICE_NONE, json_get(d, "identity"), json_get(d, "twin"),
                           NULL));
        if (++*count % IDENTITY_BULK_MAX == 0) state_show(b->t->cli, "import", *count, false);
    }
    TRY(state_bulk_send(b));
    state_show(b->t->cli, "import", *count, true);
    return OK;
}

/* The hub's own modules of edge devices are there with their devices. */
static enum err add_modules(struct state_bulk *b, const struct json *devices, unsigned long *count)
{
    for (const struct json *d = devices->child; d; d = d->next) {
        const struct json *modules = json_get(d, "modules");
        for (const struct json *m = modules ? modules->child : NULL; m; m = m->next, ++*count)
            TRY(state_bulk_add(b, d->key, m->key, json_get(m, "identity"), json_get(m, "twin"),
                               NULL));
    }
    return state_bulk_send(b);
}

/* ---- lines of a job */

static enum err add_line(struct cli *c, struct state_bulk *b, struct slice line,
                         struct state_counts *counts)
{
    struct arena kept = c->arena;
    struct json *doc;
    c->arena = (struct arena){0};
    enum err e = json_parse(&c->arena, line, &doc);
    if (e == OK && json_str(doc, "id").len == 0) e = fail(ERR_INVALID, "a line has no id");
    if (e == OK && !cli_given(c, "dry-run"))
        e = state_bulk_add_line(b, line, json_get(doc, "importMode") != NULL);
    if (e == OK) ++*(json_str(doc, "moduleId").len ? &counts->modules : &counts->devices);
    arena_wipe(&c->arena);
    c->arena = kept;
    return e;
}

/* Modules behind all devices, wherever they stand. */
static enum err add_lines(struct cli *c, struct state_bulk *b, struct slice text, bool modules,
                          struct state_counts *counts)
{
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        line = slice_trim(line);
        bool is_module = false;
        for (size_t i = 0; i + 11 <= line.len && !is_module; i++)
            is_module = memcmp(line.ptr + i, "\"moduleId\":", 11) == 0;
        if (line.len == 0 || is_module != modules) continue;
        TRY(add_line(c, b, line, counts));
        if (counts->devices % IDENTITY_BULK_MAX == 0)
            state_show(c, "import", counts->devices, false);
    }
    return state_bulk_send(b);
}

static enum err import_lines(struct cli *c, struct state_bulk *b, struct slice text,
                             struct state_counts *counts)
{
    TRY(add_lines(c, b, text, false, counts));
    TRY(add_lines(c, b, text, true, counts));
    state_show(c, "import", counts->devices, true);
    return OK;
}

/* ---- a state */

/* Members that are not there, or not asked for, are NULL. */
struct state {
    struct slice lines; /* or, of a job; ptr NULL: it is a state */
    const struct json *devices, *configurations, *arm;
};

static enum err check_state(const char *path, const struct aspects *aspects, const struct state *s)
{
    if (s->devices || s->configurations || s->arm) return OK;
    return fail(ERR_INVALID, "%s has no %s", path,
                aspects->devices          ? "devices"
                : aspects->configurations ? "configurations"
                                          : "arm");
}

/* `path`: what it is called. */
static enum err read_state(struct cli *c, const char *path, struct slice text,
                           const struct aspects *aspects, struct state *out)
{
    struct json *doc;
    *out = (struct state){0};
    struct slice first = slice_trim(slice_head(text, slice_find(text, '\n')));
    bool whole = json_parse(&c->arena, text, &doc) == OK;
    if ((!whole && json_parse(&c->arena, first, &doc) == OK && json_str(doc, "id").len) ||
        (whole && json_str(doc, "id").len)) {
        out->lines = text;
        return OK;
    }
    if (!whole) {
        (void)!json_parse(&c->arena, text, &doc);
        return file_blame(ERR_INVALID, path);
    }
    for (const struct json *j = doc->type == JSON_OBJECT ? doc->child : NULL; j; j = j->next) {
        if (aspects->devices && slice_is(j->key, "devices"))
            out->devices = j;
        else if (aspects->configurations && slice_is(j->key, "configurations"))
            out->configurations = j;
        else if (aspects->arm && slice_is(j->key, "arm"))
            out->arm = j;
        else
            fprintf(stderr, "%s: '%.*s' is left out\n", path, SLICE_ARG(j->key));
    }
    return check_state(path, aspects, out);
}

static unsigned long children(const struct json *of)
{
    unsigned long count = 0;
    for (const struct json *j = of ? of->child : NULL; j; j = j->next) count++;
    return count;
}

/* --dry-run: what there is. */
static void count_state(const struct state *s, struct state_counts *counts)
{
    counts->devices = children(s->devices);
    counts->configurations = children(json_get(s->configurations, "admConfigurations")) +
                             children(json_get(s->configurations, "edgeDeployments"));
    for (const struct json *d = s->devices ? s->devices->child : NULL; d; d = d->next)
        counts->modules += children(json_get(d, "modules"));
}

static enum err delete_first(struct cli *c, struct state_bulk *b, const struct state *state)
{
    if (state->configurations) TRY(state_delete_configurations(c, b->t));
    return state->devices || state->lines.ptr ? state_delete_devices(b->t) : OK;
}

static bool is_dry(const struct cli *c)
{
    return cli_has(c, "dry-run") && cli_given(c, "dry-run");
}

/* Endpoints and routes come last: nothing that devices send meanwhile is kept from where it went before. */
static enum err add_state(struct cli *c, struct state_bulk *b, const struct state *state,
                          struct state_counts *counts)
{
    bool dry = is_dry(c);
    if (state->lines.ptr) return import_lines(c, b, state->lines, counts);
    if (dry) {
        count_state(state, counts);
    } else {
        if (state->devices) {
            TRY(add_devices(b, state->devices, &counts->devices));
            TRY(add_modules(b, state->devices, &counts->modules));
        }
        if (state->configurations)
            TRY(state_add_configurations(c, b->t, state->configurations, &counts->configurations,
                                         &b->failed));
    }
    return state->arm ? state_add_arm(c, b->t, state->arm, dry, counts) : OK;
}

static bool replaces(const struct cli *c)
{
    return cli_given(c, "replace") && !is_dry(c);
}

static enum err ask(struct cli *c, const struct target *t)
{
    return replaces(c) ? cli_confirm(c, "deletes what is on %s first", t->name) : OK;
}

static enum err import_state(struct cli *c, struct target *t, const struct state *state,
                             const struct aspects *aspects)
{
    struct state_bulk b = {.t = t, .json = BUF_SECRET};
    struct state_counts counts = {0};
    enum err e = replaces(c) ? delete_first(c, &b, state) : OK;
    if (e == OK) e = add_state(c, &b, state, &counts);
    buf_wipe(&b.json);
    if (e != OK) return e;
    TRY(state_print_counts(c, aspects, &counts));
    return b.failed ? fail(ERR_PROTOCOL, "%u of them could not be imported", b.failed) : OK;
}

enum err state_import(struct cli *c)
{
    struct slice path, text;
    struct aspects aspects;
    struct target t;
    struct state state;
    TRY(cli_need(c, "state-file", &path));
    TRY(state_aspects(c, &aspects));
    TRY(target_find(c, &t));
    TRY(file_load_max(c, cli_value(c, "state-file"), STATE_MAX, &text));
    TRY(read_state(c, cli_value(c, "state-file"), text, &aspects, &state));
    TRY(ask(c, &t));
    return import_state(c, &t, &state, &aspects);
}

/* ---- from hub to hub, in memory: there are keys in it */

/* `*text` is freed by the caller, also after an error. */
static enum err fetch_origin(struct cli *c, const struct aspects *aspects, char **text, size_t *len)
{
    struct target origin;
    struct state_counts counts = {0};
    TRY(target_login(c, cli_value(c, "origin-hub-login"), "--origin-hub-login", &origin));
    FILE *file = open_memstream(text, len);
    if (file == NULL) return fail_errno("the state of %s cannot be kept", origin.name);
    enum err e = state_write(c, &origin, aspects, file, &counts);
    if (fclose(file) != 0 && e == OK) e = fail_errno("the state of %s cannot be kept", origin.name);
    return e;
}

enum err state_migrate(struct cli *c)
{
    struct slice login;
    struct aspects aspects;
    struct target t;
    struct state state;
    char *text = NULL;
    size_t len = 0;
    TRY(cli_need(c, "origin-hub-login", &login));
    TRY(state_aspects(c, &aspects));
    TRY(target_find(c, &t));
    TRY(ask(c, &t));
    enum err e = fetch_origin(c, &aspects, &text, &len);
    if (e == OK) e = read_state(c, "the origin's state", slice_of(text, len), &aspects, &state);
    if (e == OK) e = import_state(c, &t, &state, &aspects);
    if (text) mem_wipe(text, len);
    free(text);
    return e;
}
