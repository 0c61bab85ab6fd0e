/* yaml_json.c - YAML as JSON, for documents that people write and a hub reads. */
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

bool yaml_is_null(const struct yaml *item)
{
    return item->kind == YAML_TEXT && !item->quoted &&
           (item->text.len == 0 || slice_is(item->text, "null") || slice_is(item->text, "~"));
}

static void put_children(struct buf *out, const struct yaml *item, const char *const *texts)
{
    bool map = item->kind == YAML_MAP;
    buf_put_u8(out, map ? '{' : '[');
    for (const struct yaml *child = item->child; child; child = child->next) {
        if (map) {
            text_json_string(out, child->name);
            buf_put_u8(out, ':');
        }
        yaml_put_json(out, child, texts);
        if (child->next) buf_put_u8(out, ',');
    }
    buf_put_u8(out, map ? '}' : ']');
}

static bool is_text(const struct yaml *item, const char *const *texts)
{
    bool is = item->quoted;
    for (; *texts; texts++) is = is || slice_is(item->name, *texts);
    return is;
}

void yaml_put_json(struct buf *out, const struct yaml *item, const char *const *texts)
{
    bool plain =
        slice_is(item->text, "true") || slice_is(item->text, "false") || json_is_number(item->text);
    if (item->kind != YAML_TEXT)
        put_children(out, item, texts);
    else if (yaml_is_null(item))
        buf_put_str(out, "null");
    else if (plain && !is_text(item, texts))
        buf_put_slice(out, item->text);
    else
        text_json_string(out, item->text);
}
