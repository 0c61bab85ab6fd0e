/* apply_tags.c - the tags of a device's twin: those that the file names. */
#include "base/json.h"
#include "cli/apply.h"
#include "cli/http.h"

static const struct yaml *tags_in(const struct yaml *item)
{
    const struct yaml *tags = item->kind == YAML_MAP ? yaml_get(item, "tags") : NULL;
    return tags == NULL || yaml_is_null(tags) ? NULL : tags;
}

/* In a twin's patch a null takes a tag away; in the file it would say nothing. */
static enum err check_no_null(const struct apply *a, const struct yaml *at)
{
    if (at->kind == YAML_TEXT) return yaml_is_null(at) ? apply_bad(a, at, "a tag has a value") : OK;
    for (const struct yaml *m = at->child; m; m = m->next) TRY(check_no_null(a, m));
    return OK;
}

enum err apply_tags_check(const struct apply *a, const struct yaml *item)
{
    const struct yaml *tags = tags_in(item);
    if (tags == NULL) return OK;
    if (tags->kind != YAML_MAP) return apply_bad(a, tags, "names and values were expected");
    return check_no_null(a, tags);
}

enum err apply_tags_of(struct apply *a, const struct yaml *item, struct json **out)
{
    const struct yaml *tags = tags_in(item);
    struct json *wanted;
    *out = NULL;
    if (tags == NULL || tags->child == NULL) return OK;
    TRY(apply_value(a, tags, &wanted));
    *out = json_new(&a->cli->arena, JSON_OBJECT);
    json_set(&a->cli->arena, *out, SLICE_LIT("tags"), wanted);
    return OK;
}

enum err apply_tags_compare(struct apply *a, struct slice id, const struct json *tags,
                            struct buf *where)
{
    struct json *twin;
    TRY(apply_get(a, http_path(a->cli, "/twins/", id), &twin));
    (void)apply_covers(twin, tags, where);
    return OK;
}

enum err apply_tags_put(struct apply *a, struct slice id, const struct json *tags)
{
    struct buf what = {0};
    buf_printf(&what, "the tags of device '%.*s'", SLICE_ARG(id));
    enum err e = apply_send(
        a, &(struct http_call){.method = "PATCH", .path = http_path(a->cli, "/twins/", id)},
        buf_cstr(&what), tags);
    buf_free(&what);
    return e;
}
