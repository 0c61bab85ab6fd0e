/* words.c - options of many words, "--names A B" and "--set a.b=1 c=2". */
#include "base/num.h"
#include "cli/command.h"

static bool is_one_of(uint8_t c, struct slice set)
{
    return slice_find(set, c) < set.len;
}

static bool next(struct slice *rest, struct slice between, struct slice *out)
{
    size_t begin = 0, end;
    while (begin < rest->len && is_one_of(rest->ptr[begin], between)) begin++;
    for (end = begin; end < rest->len && !is_one_of(rest->ptr[end], between);) end++;
    *out = slice_of(rest->ptr + begin, end - begin);
    *rest = slice_from(*rest, end);
    return out->len > 0;
}

bool cli_next_word(struct slice *rest, struct slice *word)
{
    static const uint8_t between[] = {CLI_WORD_END, CLI_LINE_END};
    return next(rest, slice_of(between, sizeof between), word);
}

bool cli_next_name(struct slice *rest, struct slice *name)
{
    static const uint8_t between[] = {CLI_WORD_END, CLI_LINE_END, ' ', ',', '\n'};
    return next(rest, slice_of(between, sizeof between), name);
}

struct json *cli_object(struct cli *c, struct json *parent, struct slice name)
{
    struct json *found = parent->child;
    while (found && !slice_eq(found->key, name)) found = found->next;
    if (found && found->type == JSON_OBJECT) return found;
    return json_set(&c->arena, parent, name, json_new(&c->arena, JSON_OBJECT));
}

static enum err assign_one(struct cli *c, struct json *object, struct slice assignment)
{
    struct slice value = assignment, path, name;
    struct json *node;
    slice_split(&value, '=', &path);
    if (value.ptr == NULL || path.len == 0)
        return fail(ERR_INVALID, "--set %.*s: PATH=VALUE was expected", SLICE_ARG(assignment));
    slice_split(&path, '.', &name);
    while (path.ptr) {
        object = cli_object(c, object, name);
        slice_split(&path, '.', &name);
    }
    if (json_parse(&c->arena, value, &node) != OK) node = json_new_string(&c->arena, value);
    json_set(&c->arena, object, name, node);
    return OK;
}

enum err cli_assign(struct cli *c, struct json *object)
{
    struct slice rest = slice_str(cli_value(c, "set")), word;
    while (cli_next_word(&rest, &word)) TRY(assign_one(c, object, word));
    return OK;
}
