/* seed_fields.c - from what the file says of a thing to JSON, member by member. */
#include "server/seed_fields.h"

#include "base/text.h"
#include "base/yaml.h"
#include "server/seed.h"

/* In a twin's patch a null takes something away; in the file it would say nothing. */
static enum err check_no_null(const struct seed *s, const struct yaml *at)
{
    if (at->kind == YAML_TEXT)
        return yaml_is_null(at) ? seed_bad(s, at, "a value was expected") : OK;
    for (const struct yaml *m = at->child; m; m = m->next) TRY(check_no_null(s, m));
    return OK;
}

static enum err put_free(struct buf *out, const struct yaml *item)
{
    static const char *const no_texts[] = {NULL};
    yaml_put_json(out, item, no_texts);
    return OK;
}

static enum err put_section(const struct seed *s, struct buf *out, const struct yaml *item)
{
    if (item->kind != YAML_MAP) return seed_bad(s, item, "names and values were expected");
    TRY(check_no_null(s, item));
    return put_free(out, item);
}

static enum err put_texts(const struct seed *s, struct buf *out, const struct yaml *item)
{
    const char *gap = "{";
    if (item->kind != YAML_MAP) return seed_bad(s, item, "names and values were expected");
    for (const struct yaml *m = item->child; m; m = m->next, gap = ",") {
        if (m->kind != YAML_TEXT) return seed_bad(s, m, "a plain value was expected");
        buf_put_str(out, gap);
        text_json_string(out, m->name);
        buf_put_u8(out, ':');
        text_json_string(out, m->text);
    }
    buf_put_str(out, item->child ? "}" : "{}");
    return OK;
}

static enum err put_plain(const struct seed *s, struct buf *out, const struct yaml *item,
                          enum seed_field_kind kind)
{
    if (item->kind != YAML_TEXT) return seed_bad(s, item, "a plain value was expected");
    if (kind == SEED_TEXT) {
        text_json_string(out, item->text);
        return OK;
    }
    if (!slice_is(item->text, "true") && !slice_is(item->text, "false"))
        return seed_bad(s, item, "true or false was expected");
    buf_put_slice(out, item->text);
    return OK;
}

static enum err put_member(const struct seed *s, struct buf *out, const struct yaml *item,
                           const struct seed_field *f)
{
    text_json_string(out, slice_str(f->name));
    buf_put_u8(out, ':');
    if (f->kind == SEED_OBJECT) return seed_put_object(s, out, item, f->members);
    if (f->kind == SEED_FREE) return put_free(out, item);
    if (f->kind == SEED_TEXTS) return put_texts(s, out, item);
    if (f->kind == SEED_SECTION) return put_section(s, out, item);
    return put_plain(s, out, item, f->kind);
}

enum err seed_put_object(const struct seed *s, struct buf *out, const struct yaml *map,
                         const struct seed_field *fields)
{
    const char *gap = "";
    if (map->kind != YAML_MAP) return seed_bad(s, map, "names and values were expected");
    buf_put_u8(out, '{');
    for (const struct yaml *item = map->child; item; item = item->next) {
        const struct seed_field *f = fields;
        while (f->name && !slice_is(item->name, f->name)) f++;
        if (f->name == NULL) return seed_bad(s, item, "there is no such setting");
        if (yaml_is_null(item) || f->kind == SEED_ELSEWHERE) continue;
        buf_put_str(out, gap);
        TRY(put_member(s, out, item, f));
        gap = ",";
    }
    buf_put_u8(out, '}');
    return OK;
}

enum err seed_put_members(const struct seed *s, struct buf *out, const struct yaml *map,
                          const struct seed_field *fields)
{
    const char *gap = "{";
    for (const struct seed_field *f = fields; f->name; f++) {
        const struct yaml *item = yaml_get(map, f->name);
        if (item == NULL || yaml_is_null(item)) continue;
        buf_put_str(out, gap);
        TRY(put_member(s, out, item, f));
        gap = ",";
    }
    if (*gap == ',') buf_put_u8(out, '}');
    return OK;
}
