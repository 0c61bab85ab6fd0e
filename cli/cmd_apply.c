/* cmd_apply.c - azimuth apply, azimuth diff: see apply.h. */
#include "base/json.h"
#include "cli/apply.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"

const struct cli_option apply_options[] = {
    {"file f", "FILE", "devices, event hubs, routes and more, as `serve --seed` has them"},
    {"dry-run", NULL, "only says what would change"},
    {"", NULL, NULL}};
const struct cli_option diff_options[] = {
    {"file f", "FILE", "devices, event hubs, routes and more, as `serve --seed` has them"},
    {"", NULL, NULL}};
const char apply_help[] = "    azimuth diff -f hub.yaml\n"
                          "    azimuth apply -f hub.yaml\n"
                          "What the file does not name stays; its `routing` is the whole of it. A "
                          "second run changes nothing.";
const char diff_help[] = "Ends with 0 if nothing differs, with 1 if something does.";

/* ---- for the sections */

void apply_note(struct apply *a, const char *change, const char *what, struct slice name,
                struct slice member)
{
    struct json *row = json_new(&a->cli->arena, JSON_OBJECT);
    cli_set_text(a->cli, row, "change", slice_str(change));
    cli_set_text(a->cli, row, "what", slice_str(what));
    cli_set_text(a->cli, row, "name", name);
    if (member.len) cli_set_text(a->cli, row, "member", member);
    json_append(a->changes, row);
    a->count++;
}

enum err apply_bad(const struct apply *a, const struct yaml *at, const char *what)
{
    return yaml_bad(a->path, at, what);
}

enum err apply_blame(const struct apply *a, const struct yaml *at, enum err e)
{
    struct buf place = {0};
    if (e == OK) return OK;
    if (slice_starts(slice_str(fail_text()), slice_str(a->path))) return e; /* it has a line */
    buf_printf(&place, "%s:%zu", a->path, at->line);
    e = file_blame(e, buf_cstr(&place));
    buf_free(&place);
    return e;
}

static enum err parse(struct apply *a, const struct yaml *item, const char *const *texts,
                      struct json **out)
{
    struct buf json = BUF_SECRET;
    yaml_put_json(&json, item, texts);
    enum err e = json_parse(&a->cli->arena, arena_copy(&a->cli->arena, buf_slice(&json)), out);
    buf_wipe(&json);
    return apply_blame(a, item, e);
}

enum err apply_value(struct apply *a, const struct yaml *item, struct json **out)
{
    static const char *const none[] = {NULL};
    return parse(a, item, none, out);
}

enum err apply_json(struct apply *a, const struct yaml *item, struct json **out)
{
    static const char *const texts[] = {"name",
                                        "condition",
                                        "key",
                                        "value",
                                        "deviceId",
                                        "status",
                                        "statusReason",
                                        "deviceScope",
                                        "type",
                                        "primaryKey",
                                        "primaryThumbprint",
                                        "secondaryKey",
                                        "secondaryThumbprint",
                                        "registrationId",
                                        "enrollmentGroupId",
                                        "primary",
                                        "secondary",
                                        "certificate",
                                        "endorsementKey",
                                        "storageRootKey",
                                        "credentialPolicyName",
                                        NULL};
    return parse(a, item, texts, out);
}

enum err apply_name(const struct apply *a, const struct yaml *item, const char *member,
                    struct slice *out)
{
    const struct yaml *name = item->kind == YAML_MAP ? yaml_get(item, member) : item;
    if (name == NULL || name->kind != YAML_TEXT || name->text.len == 0 || yaml_is_null(name))
        return apply_bad(a, item, "it has no name");
    *out = name->text;
    return OK;
}

enum err apply_get(struct apply *a, const char *path, struct json **out)
{
    return http_get(&a->target, path, path, out);
}

enum err apply_send(struct apply *a, const struct http_call *call, const char *what,
                    const struct json *body)
{
    struct json *nothing;
    struct buf json = BUF_SECRET;
    struct http_call whole = *call;
    if (body) json_write(&json, body);
    whole.body = body ? buf_slice(&json) : SLICE_NONE;
    enum err e = http_json(&a->target, &whole, what, &nothing);
    buf_wipe(&json);
    return e;
}

enum err apply_put(struct apply *a, const char *path, const char *what, const struct json *body)
{
    return apply_send(a, &(struct http_call){.method = "PUT", .path = path}, what, body);
}

/* ---- routing */

static enum err put_routing(struct apply *a, const struct json *document, const char *etag,
                            bool dry, struct json **answer)
{
    struct buf body = BUF_SECRET;
    json_write(&body, document);
    const struct http_call call = {.method = "PUT",
                                   .path =
                                       dry ? "/admin/v1/routing?dryRun=true" : "/admin/v1/routing",
                                   .if_match = etag,
                                   .body = buf_slice(&body)};
    enum err e = http_json(&a->target, &call, "routing", answer);
    buf_wipe(&body);
    if (e == OK && *answer == NULL)
        e = fail(ERR_PROTOCOL, "%s answered routing with nothing", a->target.name);
    return e;
}

static struct json *copy_row(struct apply *a, const struct json *row)
{
    static const char *const members[] = {"change", "what", "name"};
    struct json *copy = json_new(&a->cli->arena, JSON_OBJECT);
    for (size_t i = 0; i < 3; i++)
        cli_set_text(a->cli, copy, members[i], json_str(row, members[i]));
    a->count++;
    return copy;
}

/* The hub says what differs; it is changed only if nobody else has changed it meanwhile. */
static enum err apply_routing(struct apply *a, const struct yaml *section)
{
    struct json *want, *had, *answer;
    if (section->kind != YAML_MAP) return apply_bad(a, section, "names and values were expected");
    TRY(apply_json(a, section, &want));
    TRY(apply_get(a, "/admin/v1/routing", &had));
    struct slice etag = arena_copy(&a->cli->arena, json_str(had, "etag"));
    TRY(apply_blame(a, section, put_routing(a, want, (const char *)etag.ptr, true, &answer)));
    const struct json *diff = json_get(answer, "diff");
    if (diff && diff->child && !a->dry)
        TRY(apply_blame(a, section, put_routing(a, want, (const char *)etag.ptr, false, &answer)));
    for (const struct json *row = diff ? diff->child : NULL; row; row = row->next)
        json_append(a->changes, copy_row(a, row));
    return OK;
}

/* ---- the file */

static const struct section {
    const char *name;
    enum err (*apply)(struct apply *a, const struct yaml *section);
    enum err (*check)(struct apply *a, const struct yaml *section); /* before any; NULL: none */
} sections[] = {/* in this order: routes lead to event hubs */
                {"devices", apply_devices, apply_check_devices},
                {"enrollments", apply_enrollments, apply_check_enrollments},
                {"enrollmentGroups", apply_enrollment_groups, apply_check_enrollment_groups},
                {"configurations", apply_configurations, apply_check_configurations},
                {"eventHubs", apply_event_hubs, NULL},
                {"consumerGroups", apply_groups, NULL},
                {"capture", apply_capture, NULL},
                {"diagnosticSettings", apply_diagnostics, NULL},
                {"routing", apply_routing, NULL}};

enum { SECTIONS = sizeof sections / sizeof *sections };

static enum err check_sections(struct apply *a, const struct yaml *top)
{
    if (top->kind != YAML_MAP) return apply_bad(a, top, "the file is no map of sections");
    for (const struct yaml *item = top->child; item; item = item->next) {
        bool known = false;
        for (size_t i = 0; i < SECTIONS; i++)
            known = known || slice_is(item->name, sections[i].name);
        if (slice_is(item->name, "twins"))
            return apply_bad(a, item, "tags and properties are said with each device");
        if (!known) return apply_bad(a, item, "there is no such section");
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct yaml *section = yaml_get(top, sections[i].name);
        if (section && !yaml_is_null(section) && sections[i].check)
            TRY(sections[i].check(a, section));
    }
    return OK;
}

static enum err run(struct apply *a)
{
    struct slice path;
    struct yaml *top;
    TRY(cli_need(a->cli, "file", &path));
    a->path = file_name(cli_value(a->cli, "file"));
    a->changes = json_new(&a->cli->arena, JSON_ARRAY);
    TRY(file_yaml(a->cli, cli_value(a->cli, "file"), APPLY_FILE_MAX, &top));
    TRY(check_sections(a, top));
    TRY(target_find(a->cli, &a->target));
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct yaml *section = yaml_get(top, sections[i].name);
        if (section && !yaml_is_null(section)) TRY(sections[i].apply(a, section));
    }
    return OK;
}

static enum err print(const struct apply *a)
{
    return output_value(&a->cli->output, &a->cli->arena, a->changes, "change what name member");
}

enum err apply_file(struct cli *c)
{
    struct apply a = {.cli = c, .dry = cli_given(c, "dry-run")};
    enum err e = run(&a);
    if (e != OK && a.count == 0) return e;
    enum err printed = print(&a);
    return e == OK ? printed : e;
}

enum err diff_file(struct cli *c)
{
    struct apply a = {.cli = c, .dry = true, .diff = true};
    TRY(run(&a));
    TRY(print(&a));
    if (a.count == 0) return OK;
    bool one = a.count == 1;
    return fail(ERR_PROTOCOL, "%u thing%s not as %s says: '%s apply -f %s' makes %s so", a.count,
                one ? " is" : "s are", a.path, c->program, cli_value(c, "file"),
                one ? "it" : "them");
}
