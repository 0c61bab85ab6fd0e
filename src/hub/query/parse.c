/* parse.c - whole queries: SELECT [TOP n] list FROM source [WHERE condition] [GROUP BY paths]. */
#include "hub/query/parse.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

/* ---- FROM */

static enum err read_source(struct parser *p)
{
    bool dot, found;
    TRY(parse_expect_word(p, "devices"));
    p->source = QUERY_DEVICES;
    TRY(parse_accept_sign(p, ".", &dot));
    if (!dot) return OK;
    TRY(parse_accept_word(p, "modules", &found));
    p->source = QUERY_MODULES;
    if (found) return OK;
    p->source = QUERY_JOBS;
    if (!parse_is_word(p, "jobs")) return parse_unexpected(p, "'modules' or 'jobs'");
    return lex_next(&p->lex);
}

/* The select list stands before the source, which decides what its paths mean: found beforehand.  What
 * is wrong with the words is said when they are read. */
static void look_for_source(struct parser *p)
{
    struct parser ahead = *p;
    while (ahead.lex.word.kind != WORD_END && !parse_is_word(&ahead, "from"))
        if (lex_next(&ahead.lex) != OK) return;
    if (ahead.lex.word.kind == WORD_END || lex_next(&ahead.lex) != OK) return;
    if (read_source(&ahead) == OK) p->source = ahead.source;
}

/* ---- SELECT */

static enum err read_top(struct parser *p, struct query *q)
{
    bool found;
    TRY(parse_accept_word(p, "top", &found));
    if (!found) return OK;
    const struct word *w = &p->lex.word;
    if (w->kind != WORD_NUMBER || w->number != floor(w->number) || w->number < 1 ||
        w->number > UINT32_MAX)
        return parse_unexpected(p, "a number of rows");
    q->has_top = true;
    q->top = (uint64_t)w->number;
    return lex_next(&p->lex);
}

static enum aggregate aggregate_of(const struct parser *p)
{
    static const char *const names[] = {[AGG_COUNT] = "count",
                                        [AGG_SUM] = "sum",
                                        [AGG_AVG] = "avg",
                                        [AGG_MIN] = "min",
                                        [AGG_MAX] = "max"};
    struct lex ahead = p->lex;
    for (enum aggregate a = AGG_COUNT; a <= AGG_MAX; a++)
        if (parse_is_word(p, names[a]) && lex_next(&ahead) == OK && ahead.word.kind == WORD_SIGN &&
            slice_is(ahead.word.text, "("))
            return a;
    return AGG_NONE;
}

/* COUNT(), COUNT(*), COUNT(path), SUM(path) ... */
static enum err read_aggregate(struct parser *p, struct column *c)
{
    bool star = false;
    TRY(lex_next(&p->lex));
    TRY(parse_expect_sign(p, "("));
    if (c->aggregate == AGG_COUNT) TRY(parse_accept_sign(p, "*", &star));
    bool empty = c->aggregate == AGG_COUNT && parse_is_sign(p, ")");
    if (!star && !empty) TRY(parse_expr(p, &c->expr));
    return parse_expect_sign(p, ")");
}

/* Without AS: the last name of the path, or the place in the list. */
static struct slice default_name(struct parser *p, const struct column *c, unsigned place)
{
    char text[16];
    struct slice name = SLICE_NONE;
    bool path = c->aggregate == AGG_NONE && c->expr->kind == EXPR_PATH;
    for (const struct step *s = path ? c->expr->path : NULL; s; s = s->next)
        if (s->name.ptr) name = s->name;
    if (name.ptr) return name;
    snprintf(text, sizeof text, "$%u", place);
    return arena_copy(p->lex.arena, slice_str(text));
}

static enum err read_name(struct parser *p, struct column *c, unsigned place)
{
    bool as;
    TRY(parse_accept_word(p, "as", &as));
    c->name = as ? p->lex.word.text : default_name(p, c, place);
    if (!as) return OK;
    if (lex_is_quoted_name(&p->lex)) return lex_quoted_name(&p->lex, &c->name);
    if (p->lex.word.kind != WORD_NAME && p->lex.word.kind != WORD_STRING)
        return parse_unexpected(p, "a name");
    return lex_next(&p->lex);
}

static enum err read_column(struct parser *p, struct query *q, unsigned place, struct column **out)
{
    struct column *c = arena_zero(p->lex.arena, sizeof *c);
    c->aggregate = aggregate_of(p);
    if (c->aggregate)
        TRY(read_aggregate(p, c));
    else
        TRY(parse_expr(p, &c->expr));
    if (c->aggregate) q->aggregates = true;
    *out = c;
    return read_name(p, c, place);
}

static enum err read_columns(struct parser *p, struct query *q)
{
    struct column **end = &q->columns;
    unsigned place = 0;
    bool more;
    TRY(parse_accept_sign(p, "*", &more));
    for (more = !more; more; end = &(*end)->next) {
        TRY(read_column(p, q, ++place, end));
        TRY(parse_accept_sign(p, ",", &more));
    }
    return OK;
}

/* ---- WHERE, GROUP BY */

static enum err read_where(struct parser *p, struct query *q)
{
    bool found;
    TRY(parse_accept_word(p, "where", &found));
    return found ? parse_expr(p, &q->where) : OK;
}

bool expr_same_path(const struct expr *a, const struct expr *b)
{
    if (a->kind != EXPR_PATH || b->kind != EXPR_PATH) return false;
    const struct step *s = a->path, *t = b->path;
    for (; s && t; s = s->next, t = t->next)
        if (s->index != t->index || !slice_eq(s->name, t->name)) return false;
    return s == NULL && t == NULL;
}

static bool is_group(const struct query *q, const struct expr *e)
{
    for (const struct expr *g = q->groups; g; g = g->next)
        if (expr_same_path(g, e)) return true;
    return false;
}

static enum err read_groups(struct parser *p, struct query *q)
{
    struct expr **end = &q->groups;
    bool more;
    TRY(parse_accept_word(p, "group", &more));
    if (more) TRY(parse_expect_word(p, "by"));
    for (; more; end = &(*end)->next) {
        if (p->lex.word.kind != WORD_NAME) return parse_unexpected(p, "the path of a property");
        TRY(query_read_path(p, end));
        q->aggregates = true;
        TRY(parse_accept_sign(p, ",", &more));
    }
    return OK;
}

/* What the parts must be to each other. */
static enum err check_whole(struct parser *p, const struct query *q)
{
    size_t end = p->lex.word.at;
    if (p->lex.word.kind != WORD_END) return parse_unexpected(p, "the end of the query");
    if (q->source == QUERY_JOBS && (q->columns || q->aggregates))
        return lex_fail(&p->lex, end, "of devices.jobs only SELECT * can be asked");
    if (!q->aggregates) return OK;
    if (q->columns == NULL) return lex_fail(&p->lex, end, "SELECT * has no groups");
    for (const struct column *c = q->columns; c; c = c->next)
        if (c->aggregate == AGG_NONE && !is_group(q, c->expr))
            return lex_fail(&p->lex, end, "'%.*s' is no aggregate and not in GROUP BY",
                            SLICE_ARG(slice_head(c->name, 40)));
    return OK;
}

static enum err read_rest(struct parser *p, struct query *q)
{
    TRY(read_source(p));
    q->source = p->source;
    TRY(read_where(p, q));
    TRY(read_groups(p, q));
    return check_whole(p, q);
}

static enum err read_select(struct parser *p, struct query *q)
{
    TRY(parse_expect_word(p, "select"));
    look_for_source(p);
    TRY(read_top(p, q));
    TRY(read_columns(p, q));
    TRY(parse_expect_word(p, "from"));
    return read_rest(p, q);
}

/* ---- doors */

static const char *const reserved[] = {"select", "from", "where", "group", "by", "and", "or",
                                       "not",    "in",   "nin",   "top",   "as", NULL};

static const struct language language = {.text_is = "query",
                                         .depth_max = QUERY_DEPTH_MAX,
                                         .reserved = reserved,
                                         .path = query_read_path};

static enum err begin(struct arena *a, struct slice text, struct parser *p, struct query **out)
{
    if (text.len > QUERY_TEXT_MAX)
        return fail(ERR_TOO_BIG, "a query has at most %d bytes", QUERY_TEXT_MAX);
    if (!text_is_utf8(text)) return fail(ERR_INVALID, "a query is UTF-8");
    *p = (struct parser){.lex = {.arena = a, .text = arena_copy(a, text)}, .language = &language};
    *out = arena_zero(a, sizeof **out);
    (*out)->mark = (uint32_t)map_hash(text);
    return lex_next(&p->lex);
}

enum err query_read(struct arena *a, struct slice text, struct query **out)
{
    struct parser p;
    TRY(begin(a, text, &p, out));
    return read_select(&p, *out);
}

enum err query_target(struct arena *a, struct slice text, struct query **out)
{
    struct parser p;
    bool found;
    TRY(begin(a, text, &p, out));
    if (parse_is_word(&p, "select")) return read_select(&p, *out);
    TRY(parse_accept_sign(&p, "*", &found));
    if (found) return check_whole(&p, *out);
    TRY(parse_accept_word(&p, "from", &found));
    if (found) return read_rest(&p, *out);
    TRY(parse_expr(&p, &(*out)->where));
    return check_whole(&p, *out);
}

enum err query_names_whom(const struct query *q)
{
    if (q->columns || q->aggregates)
        return fail(ERR_INVALID, "whom it concerns is said by SELECT *");
    if (q->source == QUERY_JOBS)
        return fail(ERR_INVALID, "devices or modules can be meant, not jobs");
    return OK;
}

enum query_source query_source(const struct query *q)
{
    return q->source;
}
