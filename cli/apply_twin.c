/* apply_twin.c - the twin of a device: the tags and desired properties that the file names. */
#include "base/json.h"
#include "cli/apply.h"
#include "cli/http.h"

static const struct yaml *member_of(const struct yaml *map, const char *name)
{
    const struct yaml *part = map && map->kind == YAML_MAP ? yaml_get(map, name) : NULL;
    return part == NULL || yaml_is_null(part) ? NULL : part;
}

static const struct yaml *desired_in(const struct yaml *item)
{
    return member_of(member_of(item, "properties"), "desired");
}

/* In a twin's patch a null takes something away; in the file it would say nothing. */
static enum err check_no_null(const struct apply *a, const struct yaml *at, const char *why)
{
    if (at->kind == YAML_TEXT) return yaml_is_null(at) ? apply_bad(a, at, why) : OK;
    for (const struct yaml *m = at->child; m; m = m->next) TRY(check_no_null(a, m, why));
    return OK;
}

static enum err check_section(const struct apply *a, const struct yaml *section, const char *why)
{
    if (section == NULL) return OK;
    if (section->kind != YAML_MAP) return apply_bad(a, section, "names and values were expected");
    return check_no_null(a, section, why);
}

enum err apply_twin_check(const struct apply *a, const struct yaml *item)
{
    const struct yaml *properties = member_of(item, "properties");
    if (properties && properties->kind != YAML_MAP)
        return apply_bad(a, properties, "names and values were expected");
    TRY(check_section(a, member_of(item, "tags"), "a tag has a value"));
    return check_section(a, desired_in(item), "a desired property has a value");
}

static enum err put_section(struct apply *a, const struct yaml *section, const char *name,
                            struct json *into)
{
    struct json *wanted;
    if (section == NULL || section->child == NULL) return OK;
    TRY(apply_value(a, section, &wanted));
    json_set(&a->cli->arena, into, slice_str(name), wanted);
    return OK;
}

enum err apply_twin_of(struct apply *a, const struct yaml *item, struct json **out)
{
    struct json *twin = json_new(&a->cli->arena, JSON_OBJECT);
    struct json *properties = json_new(&a->cli->arena, JSON_OBJECT);
    *out = NULL;
    TRY(put_section(a, member_of(item, "tags"), "tags", twin));
    TRY(put_section(a, desired_in(item), "desired", properties));
    if (properties->child) json_set(&a->cli->arena, twin, SLICE_LIT("properties"), properties);
    if (twin->child) *out = twin;
    return OK;
}

enum err apply_twin_compare(struct apply *a, struct slice id, const struct json *want,
                            struct buf *where)
{
    struct json *twin;
    TRY(apply_get(a, http_path(a->cli, "/twins/", id), &twin));
    (void)apply_covers(twin, want, where);
    return OK;
}

enum err apply_twin_put(struct apply *a, struct slice id, const struct json *want)
{
    struct buf what = {0};
    buf_printf(&what, "the twin of device '%.*s'", SLICE_ARG(id));
    enum err e = apply_send(
        a, &(struct http_call){.method = "PATCH", .path = http_path(a->cli, "/twins/", id)},
        buf_cstr(&what), want);
    buf_free(&what);
    return e;
}
