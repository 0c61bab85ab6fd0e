/* path.c - the path to a property: tags.a, devices.tags.a, tags['a b'], configurations.[[c 1]].status,
 * properties.reported.list[0]. */
#include "hub/query/parse.h"

#include <math.h>

static struct step **add_step(struct parser *p, struct step **end, struct slice name)
{
    struct step *step = arena_zero(p->lex.arena, sizeof *step);
    step->name = name.ptr ? name : slice_of("", 0);
    *end = step;
    return &step->next;
}

/* [7] or ['name'] */
static enum err read_brackets(struct parser *p, struct step **end)
{
    struct word word;
    TRY(lex_next(&p->lex));
    word = p->lex.word;
    bool whole = word.kind == WORD_NUMBER && word.number == floor(word.number) &&
                 word.number >= 0 && word.number <= UINT32_MAX;
    if (word.kind != WORD_STRING && !whole)
        return parse_unexpected(p, "the place in an array or a name in quotes");
    add_step(p, end, word.text);
    if (whole) (*end)->name = SLICE_NONE;
    if (whole) (*end)->index = (uint32_t)word.number;
    TRY(lex_next(&p->lex));
    return parse_expect_sign(p, "]");
}

static enum err read_quoted_name(struct parser *p, struct step **end)
{
    struct slice name;
    TRY(lex_quoted_name(&p->lex, &name));
    add_step(p, end, name);
    return OK;
}

/* Behind '.', where [[name]] may stand, too. */
static enum err read_member(struct parser *p, struct step **end)
{
    struct slice name;
    struct lex ahead = p->lex;
    if (lex_next(&ahead) == OK && lex_is_quoted_name(&ahead)) {
        p->lex = ahead;
        return read_quoted_name(p, end);
    }
    TRY(lex_member(&p->lex, &name));
    add_step(p, end, name);
    return OK;
}

static enum err read_steps(struct parser *p, struct step **end)
{
    for (;; end = &(*end)->next) {
        if (parse_is_sign(p, "."))
            TRY(read_member(p, end));
        else if (lex_is_quoted_name(&p->lex))
            TRY(read_quoted_name(p, end));
        else if (parse_is_sign(p, "["))
            TRY(read_brackets(p, end));
        else
            return OK;
    }
}

static bool is_called(const struct step *step, const char *name)
{
    return step && step->name.ptr && slice_is_nocase(step->name, name);
}

/* Without "devices.", "devices.modules." or "devices.jobs." in front. */
static struct step *without_source(const struct parser *p, struct step *path)
{
    const char *second = p->source == QUERY_MODULES ? "modules" : "jobs";
    if (!is_called(path, "devices") || path->next == NULL) return path;
    path = path->next;
    bool named = p->source != QUERY_DEVICES && is_called(path, second) && path->next;
    return named ? path->next : path;
}

enum err parse_path(struct parser *p, struct expr **out)
{
    struct step *path;
    struct expr *e = expr_new(p, EXPR_PATH);
    struct step **end = add_step(p, &path, p->lex.word.text);
    TRY(lex_next(&p->lex));
    TRY(read_steps(p, end));
    e->path = without_source(p, path);
    *out = e;
    return OK;
}
