/* apply_configurations.c - configurations and deployments of a file, in the words of the service API. */
#include <stdio.h>

#include "base/json.h"
#include "cli/apply.h"
#include "cli/http.h"

static const char *const members[] = {
    "id",      "targetCondition",   "priority",      "labels.*", "content.*",
    "metrics", "metrics.queries.*", "schemaVersion", NULL};

enum { WHAT_MAX = 192 };

/* ---- what the file says */

static bool is_text(struct slice name)
{
    return slice_is(name, "id") || slice_is(name, "targetCondition") ||
           slice_is(name, "schemaVersion");
}

/* A label is a text, whatever it looks like. */
static enum err put_labels(struct apply *a, const struct yaml *item, struct json *want)
{
    struct json *labels = json_new(&a->cli->arena, JSON_OBJECT);
    if (item->kind != YAML_MAP) return apply_bad(a, item, "names and values were expected");
    for (const struct yaml *m = item->child; m; m = m->next) {
        if (m->kind != YAML_TEXT) return apply_bad(a, m, "a plain value was expected");
        json_set(&a->cli->arena, labels, m->name, json_new_string(&a->cli->arena, m->text));
    }
    json_set(&a->cli->arena, want, SLICE_LIT("labels"), labels);
    return OK;
}

static enum err put_member(struct apply *a, const struct yaml *m, struct json *want)
{
    struct json *value;
    if (yaml_is_null(m)) return OK;
    if (slice_is(m->name, "labels")) return put_labels(a, m, want);
    if (is_text(m->name)) {
        if (m->kind != YAML_TEXT) return apply_bad(a, m, "a plain value was expected");
        value = json_new_string(&a->cli->arena, m->text);
    } else {
        TRY(apply_value(a, m, &value));
    }
    json_set(&a->cli->arena, want, m->name, value);
    return OK;
}

static enum err want_of(struct apply *a, const struct yaml *item, struct json **out)
{
    *out = json_new(&a->cli->arena, JSON_OBJECT);
    if (item->kind != YAML_MAP) return apply_bad(a, item, "id and content were expected");
    for (const struct yaml *m = item->child; m; m = m->next) TRY(put_member(a, m, *out));
    if (json_given(*out, "content")) return OK;
    return apply_bad(a, item, "a configuration has a content");
}

static enum err check(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                      struct slice id)
{
    struct json *want;
    (void)k;
    (void)id;
    return want_of(a, item, &want);
}

/* ---- one of them */

static enum err put(struct apply *a, const char *path, const char *what, const char *etag,
                    const struct json *body)
{
    return apply_send(a, &(struct http_call){.method = "PUT", .path = path, .if_match = etag}, what,
                      body);
}

/* What a configuration writes stays what it was when it was made. */
static enum err check_content(const struct apply *a, const struct json *have,
                              const struct json *want, struct slice id)
{
    struct buf where = {0};
    bool same = apply_covers(json_get(have, "content"), json_get(want, "content"), &where);
    buf_free(&where);
    if (same || a->diff) return OK;
    return fail(
        ERR_CONFLICT,
        "configuration '%.*s' has another content, which is fixed: give this one another id",
        SLICE_ARG(slice_head(id, 128)));
}

static enum err compare(struct apply *a, const char *path, const char *what, struct json *have,
                        const struct json *want, struct slice id)
{
    struct buf where = {0};
    struct slice etag = arena_copy(&a->cli->arena, json_str(have, "etag"));
    TRY(check_content(a, have, want, id));
    if (apply_covers(have, want, &where)) return OK;
    enum err e = OK;
    if (!a->dry) {
        apply_merge(&a->cli->arena, have, want);
        e = put(a, path, what, (const char *)etag.ptr, have);
    }
    if (e == OK) apply_note(a, "changed", "configuration", id, buf_slice(&where));
    buf_free(&where);
    return e;
}

static enum err apply_one(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                          struct slice id)
{
    char what[WHAT_MAX];
    struct json *have, *want;
    const char *path = http_path(a->cli, k->path, id);
    snprintf(what, sizeof what, "%s '%.*s'", k->what, SLICE_ARG(slice_head(id, 128)));
    TRY(want_of(a, item, &want));
    enum err e = http_get(&a->target, path, what, &have);
    if (e == OK) return compare(a, path, what, have, want, id);
    if (e != ERR_NOT_FOUND) return e;
    if (!a->dry) TRY(put(a, path, what, NULL, want));
    apply_note(a, "added", k->row, id, SLICE_NONE);
    return OK;
}

static const struct apply_kind configurations = {.id = "id",
                                                 .row = "configuration",
                                                 .what = "configuration",
                                                 .of = "a configuration",
                                                 .many = "configurations",
                                                 .path = "/configurations/",
                                                 .max = APPLY_CONFIGURATIONS_MAX,
                                                 .members = members,
                                                 .check = check,
                                                 .apply = apply_one};

enum err apply_check_configurations(struct apply *a, const struct yaml *list)
{
    return apply_list_check(a, &configurations, list);
}

enum err apply_configurations(struct apply *a, const struct yaml *list)
{
    return apply_list(a, &configurations, list);
}
