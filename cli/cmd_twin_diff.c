/* cmd_twin_diff.c - azimuth twin diff: where what is desired of a twin is not what is reported. */
#include "cli/twin_diff.h"

#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/query_tree.h"

const struct cli_option twin_diff_options[] = {
    {"device-id d", "ID", "the device; may also stand alone behind the verb"},
    {"module-id m", "ID", "a module of it"},
    {"all", NULL, "also what is in sync, and what is reported only"},
    {"", NULL, NULL}};

const char twin_diff_help[] = "    azimuth twin diff dev1\n"
                              "    azimuth twin diff dev1 -m module1 --all -o json";

/* One look at both sections, key by key; a key's words are joined by dots. */
struct diff {
    struct arena *arena;
    struct json *rows;
    bool all;
};

static bool is_note(const struct json *member)
{
    return slice_is(member->key, "$metadata") || slice_is(member->key, "$version");
}

static bool is_object(const struct json *v)
{
    return v && v->type == JSON_OBJECT;
}

static void set(struct diff *d, struct json *row, const char *name, const struct json *value)
{
    struct buf text = {0};
    struct json *copy = NULL;
    if (value) json_write(&text, value);
    enum err e = value ? json_parse(d->arena, arena_copy(d->arena, buf_slice(&text)), &copy) : OK;
    buf_free(&text);
    assert(e == OK); /* it was just written */
    json_set(d->arena, row, slice_str(name), copy ? copy : json_new(d->arena, JSON_NULL));
}

static void note(struct diff *d, struct slice key, const struct json *desired,
                 const struct json *reported, const struct json *times)
{
    struct arena *a = d->arena;
    bool same = desired && reported && query_equal(desired, reported);
    const char *state = same ? "in sync" : desired ? "pending" : "reported only";
    if (!d->all && (same || desired == NULL)) return;
    struct json *row = json_append(d->rows, json_new(a, JSON_OBJECT));
    struct slice since = json_str(times, "$lastUpdated");
    json_set(a, row, SLICE_LIT("key"), json_new_string(a, key));
    set(d, row, "desired", desired);
    set(d, row, "reported", reported);
    json_set(a, row, SLICE_LIT("state"), json_new_string(a, slice_str(state)));
    if (since.len) json_set(a, row, SLICE_LIT("desiredSince"), json_new_string(a, since));
}

static struct slice join(struct arena *a, struct slice prefix, struct slice key)
{
    struct buf text = {0};
    buf_printf(&text, "%.*s%s%.*s", SLICE_ARG(prefix), prefix.len ? "." : "", SLICE_ARG(key));
    struct slice kept = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return kept;
}

/* Objects on both sides are looked into; all else is one value.  Twins are ten levels deep at most. */
static void compare(struct diff *d, struct slice prefix, const struct json *desired,
                    const struct json *reported, const struct json *times)
{
    for (const struct json *m = is_object(desired) ? desired->child : NULL; m; m = m->next) {
        if (is_note(m)) continue;
        const struct json *there = json_find(reported, m->key), *then = json_find(times, m->key);
        struct slice key = join(d->arena, prefix, m->key);
        if (is_object(m) && is_object(there))
            compare(d, key, m, there, then);
        else
            note(d, key, m, there, then);
    }
    for (const struct json *m = is_object(reported) ? reported->child : NULL; m; m = m->next)
        if (!is_note(m) && json_find(desired, m->key) == NULL)
            note(d, join(d->arena, prefix, m->key), NULL, m, NULL);
}

struct json *twin_diff_rows(struct arena *a, const struct json *twin, bool all)
{
    const struct json *properties = json_get(twin, "properties");
    const struct json *desired = json_get(properties, "desired");
    struct diff d = {.arena = a, .rows = json_new(a, JSON_ARRAY), .all = all};
    compare(&d, SLICE_NONE, desired, json_get(properties, "reported"),
            json_get(desired, "$metadata"));
    return d.rows;
}

static enum err fetch(struct cli *c, struct json **twin)
{
    struct target t;
    struct slice device, module;
    TRY(identity_option_either(c, &device, &module));
    TRY(target_find(c, &t));
    return http_get(&t, identity_path(c, "/twins/", device, module),
                    identity_name(c, device, module), twin);
}

enum err twin_diff(struct cli *c)
{
    struct json *twin;
    TRY(fetch(c, &twin));
    return output_value(&c->output, &c->arena, twin_diff_rows(&c->arena, twin, cli_given(c, "all")),
                        "key desired reported state desiredSince");
}
