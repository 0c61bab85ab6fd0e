/* path.c - the path to a property, without what is in front of it: devices.tags.a is tags.a. */
#include "hub/query/parse.h"

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

enum err query_read_path(struct parser *p, struct expr **out)
{
    struct step *path;
    struct expr *e = expr_new(p, EXPR_PATH);
    struct step **end = parse_add_step(p, &path, p->lex.word.text);
    TRY(lex_next(&p->lex));
    TRY(parse_steps(p, end));
    e->path = without_source(p, path);
    *out = e;
    return OK;
}
