/* path.c - the path to a property: tags.a, tags['a b'], configurations.[[c 1]].status, list[0]. */
#include <math.h>

#include "lang/parse.h"

struct step **parse_add_step(struct parser *p, struct step **end, struct slice name)
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
    parse_add_step(p, end, word.text);
    if (whole) (*end)->name = SLICE_NONE;
    if (whole) (*end)->index = (uint32_t)word.number;
    TRY(lex_next(&p->lex));
    return parse_expect_sign(p, "]");
}

static enum err read_quoted_name(struct parser *p, struct step **end)
{
    struct slice name;
    TRY(lex_quoted_name(&p->lex, &name));
    parse_add_step(p, end, name);
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
    parse_add_step(p, end, name);
    return OK;
}

enum err parse_steps(struct parser *p, struct step **end)
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
