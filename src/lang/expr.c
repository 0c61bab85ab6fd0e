/* expr.c - expressions, from what binds least to what binds most:
 *
 *   OR   AND   NOT   = != < > <= >= IN NIN   + -   * / %   -x   constants, paths, calls, ( )
 */
#include <assert.h>
#include <stdio.h>

#include "lang/parse.h"

/* ---- words */

bool parse_is_sign(const struct parser *p, const char *sign)
{
    return p->lex.word.kind == WORD_SIGN && slice_is(p->lex.word.text, sign);
}

bool parse_is_word(const struct parser *p, const char *word)
{
    return p->lex.word.kind == WORD_NAME && slice_is_nocase(p->lex.word.text, word);
}

enum err parse_accept_sign(struct parser *p, const char *sign, bool *found)
{
    *found = parse_is_sign(p, sign);
    return *found ? lex_next(&p->lex) : OK;
}

enum err parse_accept_word(struct parser *p, const char *word, bool *found)
{
    *found = parse_is_word(p, word);
    return *found ? lex_next(&p->lex) : OK;
}

enum err parse_unexpected(const struct parser *p, const char *expected)
{
    const struct word *w = &p->lex.word;
    if (w->kind == WORD_END)
        return lex_fail(&p->lex, w->at, "the %s ends where %s was expected", p->language->text_is,
                        expected);
    return lex_fail(&p->lex, w->at, "'%.*s' where %s was expected",
                    SLICE_ARG(slice_head(w->text, 40)), expected);
}

static enum err expect(struct parser *p, bool there, const char *what)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", what);
    return there ? lex_next(&p->lex) : parse_unexpected(p, quoted);
}

enum err parse_expect_sign(struct parser *p, const char *sign)
{
    return expect(p, parse_is_sign(p, sign), sign);
}

enum err parse_expect_word(struct parser *p, const char *word)
{
    return expect(p, parse_is_word(p, word), word);
}

/* ---- nodes */

struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
    struct expr *e = arena_zero(p->lex.arena, sizeof *e);
    p->nodes++;
    e->kind = kind;
    e->height = 1;
    return e;
}

/* At the end of its arguments. */
static void expr_add(struct expr *e, struct expr *arg)
{
    struct expr **end = &e->args;
    while (*end) end = &(*end)->next;
    *end = arg;
    e->arg_count++;
    if (arg->height >= e->height) e->height = arg->height + 1;
}

/* Left-hand chains grow without the parser going deeper. */
static enum err check_height(const struct parser *p, const struct expr *e)
{
    if (e->height <= p->language->depth_max) return OK;
    return lex_fail(&p->lex, p->lex.word.at, "more than %u expressions in each other",
                    p->language->depth_max);
}

static struct expr *pair(struct parser *p, enum expr_kind kind, struct expr *a, struct expr *b)
{
    struct expr *e = expr_new(p, kind);
    expr_add(e, a);
    expr_add(e, b);
    return e;
}

/* ---- what binds most */

static enum err parse_sum(struct parser *p, struct expr **out);

static enum err read_args(struct parser *p, struct expr *e, const char *close, unsigned max)
{
    struct expr *arg, **end = &e->args;
    bool more = !parse_is_sign(p, close);
    while (more) {
        if (e->arg_count == max) return lex_fail(&p->lex, p->lex.word.at, "too many arguments");
        TRY(parse_expr(p, &arg));
        *end = arg;
        end = &arg->next;
        e->arg_count++;
        if (arg->height >= e->height) e->height = arg->height + 1;
        TRY(parse_accept_sign(p, ",", &more));
    }
    return parse_expect_sign(p, close);
}

static enum err parse_call(struct parser *p, struct word name, struct expr **out)
{
    struct expr *e = expr_new(p, EXPR_CALL);
    e->function = function_find(name.text, p->language->substring_length);
    if (e->function == NULL)
        return lex_fail(&p->lex, name.at, "there is no function %.*s()",
                        SLICE_ARG(slice_head(name.text, 40)));
    TRY(parse_expect_sign(p, "("));
    TRY(read_args(p, e, ")", e->function->max));
    if (e->arg_count < e->function->min)
        return lex_fail(&p->lex, name.at, "%s() has %u arguments at least", e->function->name,
                        e->function->min);
    *out = e;
    return check_height(p, e);
}

/* true, false, null and undefined; false: it is none of them. */
static bool read_constant_name(const struct parser *p, struct value *out)
{
    if (parse_is_word(p, "true") || parse_is_word(p, "false"))
        *out = value_bool(parse_is_word(p, "true"));
    else if (parse_is_word(p, "null"))
        *out = (struct value){.type = VALUE_NULL};
    else if (parse_is_word(p, "undefined"))
        *out = UNDEFINED;
    else
        return false;
    return true;
}

static enum err parse_name(struct parser *p, struct expr **out)
{
    struct word name = p->lex.word;
    struct lex ahead = p->lex;
    struct value constant;
    if (read_constant_name(p, &constant)) {
        *out = expr_new(p, EXPR_CONST);
        (*out)->value = constant;
        return lex_next(&p->lex);
    }
    for (const char *const *word = p->language->reserved; *word; word++)
        if (parse_is_word(p, *word)) return parse_unexpected(p, "an expression");
    TRY(lex_next(&ahead));
    bool call = ahead.word.kind == WORD_SIGN && slice_is(ahead.word.text, "(");
    if (!call) return p->language->path(p, out);
    TRY(lex_next(&p->lex));
    return parse_call(p, name, out);
}

static enum err parse_literal(struct parser *p, struct expr **out)
{
    struct expr *e = expr_new(p, EXPR_CONST);
    const struct word *w = &p->lex.word;
    e->value = w->kind == WORD_NUMBER ? value_number(w->number) : value_string(w->text);
    *out = e;
    return lex_next(&p->lex);
}

static enum err parse_primary(struct parser *p, struct expr **out)
{
    bool found;
    if (p->lex.word.kind == WORD_NAME) return parse_name(p, out);
    if (p->lex.word.kind == WORD_NUMBER || p->lex.word.kind == WORD_STRING)
        return parse_literal(p, out);
    TRY(parse_accept_sign(p, "(", &found));
    if (found) {
        TRY(parse_expr(p, out));
        return parse_expect_sign(p, ")");
    }
    TRY(parse_accept_sign(p, "[", &found));
    if (!found) return parse_unexpected(p, "an expression");
    *out = expr_new(p, EXPR_ARRAY);
    TRY(read_args(p, *out, "]", UINT32_MAX));
    return check_height(p, *out);
}

/* ---- arithmetic */

static enum err enter(struct parser *p)
{
    if (++p->depth <= p->language->depth_max) return OK;
    return lex_fail(&p->lex, p->lex.word.at, "more than %u expressions in each other",
                    p->language->depth_max);
}

static enum err parse_signed(struct parser *p, struct expr **out)
{
    struct expr *e, *arg = NULL;
    bool minus, plus;
    TRY(parse_accept_sign(p, "-", &minus));
    TRY(parse_accept_sign(p, "+", &plus));
    if (!minus) return parse_primary(p, out);
    TRY(parse_primary(p, &arg));
    assert(arg);
    e = expr_new(p, EXPR_NEGATE);
    expr_add(e, arg);
    if (arg->kind == EXPR_CONST && arg->value.type == VALUE_NUMBER) {
        e = arg;
        e->value.number = -e->value.number;
    }
    *out = e;
    return check_height(p, e);
}

static enum err parse_math(struct parser *p, const char *signs,
                           enum err (*operand)(struct parser *, struct expr **), struct expr **out)
{
    TRY(operand(p, out));
    while (p->lex.word.kind == WORD_SIGN && p->lex.word.text.len == 1 &&
           strchr(signs, p->lex.word.text.ptr[0])) {
        struct expr *right;
        char sign = (char)p->lex.word.text.ptr[0];
        TRY(lex_next(&p->lex));
        TRY(operand(p, &right));
        *out = pair(p, EXPR_MATH, *out, right);
        (*out)->sign = sign;
        TRY(check_height(p, *out));
    }
    return OK;
}

static enum err parse_product(struct parser *p, struct expr **out)
{
    return parse_math(p, "*/%", parse_signed, out);
}

static enum err parse_sum(struct parser *p, struct expr **out)
{
    return parse_math(p, "+-", parse_product, out);
}

/* ---- comparisons */

static bool read_compare(const struct parser *p, enum compare *out)
{
    static const char *const signs[] = {[CMP_EQ] = "=", [CMP_NE] = "!=", [CMP_LT] = "<",
                                        [CMP_GT] = ">", [CMP_LE] = "<=", [CMP_GE] = ">="};
    for (*out = CMP_EQ; *out <= CMP_GE; ++*out)
        if (parse_is_sign(p, signs[*out])) return true;
    return false;
}

/* [a, b] or (a, b) */
static enum err parse_in(struct parser *p, struct expr *what, bool negated, struct expr **out)
{
    bool round;
    struct expr *e = expr_new(p, EXPR_IN);
    expr_add(e, what);
    TRY(parse_accept_sign(p, "(", &round));
    if (!round) TRY(parse_expect_sign(p, "["));
    /* The list follows `what`, which must not be walked for each of its elements. */
    struct expr *list = expr_new(p, EXPR_ARRAY);
    TRY(read_args(p, list, round ? ")" : "]", UINT32_MAX));
    what->next = list->args;
    e->arg_count += list->arg_count;
    if (list->height >= e->height) e->height = list->height + 1;
    e->negated = negated;
    *out = e;
    return check_height(p, e);
}

static enum err parse_not_in(struct parser *p, bool *found)
{
    struct lex ahead = p->lex;
    *found = false;
    if (!parse_is_word(p, "not")) return OK;
    TRY(lex_next(&ahead));
    *found = ahead.word.kind == WORD_NAME && slice_is_nocase(ahead.word.text, "in");
    if (*found) p->lex = ahead;
    return *found ? lex_next(&p->lex) : OK;
}

static enum err parse_comparison(struct parser *p, struct expr **out)
{
    enum compare compare;
    struct expr *right;
    bool found;
    TRY(parse_sum(p, out));
    TRY(parse_accept_word(p, "in", &found));
    if (found) return parse_in(p, *out, false, out);
    TRY(parse_accept_word(p, "nin", &found));
    if (!found) TRY(parse_not_in(p, &found));
    if (found) return parse_in(p, *out, true, out);
    if (!read_compare(p, &compare)) return OK;
    TRY(lex_next(&p->lex));
    TRY(parse_sum(p, &right));
    *out = pair(p, EXPR_COMPARE, *out, right);
    (*out)->compare = compare;
    return check_height(p, *out);
}

/* ---- NOT, AND, OR */

static enum err parse_not(struct parser *p, struct expr **out)
{
    bool found;
    TRY(parse_accept_word(p, "not", &found));
    if (!found) return parse_comparison(p, out);
    TRY(enter(p));
    struct expr *arg, *e = expr_new(p, EXPR_NOT);
    TRY(parse_not(p, &arg));
    p->depth--;
    expr_add(e, arg);
    *out = e;
    return check_height(p, e);
}

static enum err parse_chain(struct parser *p, enum expr_kind kind, const char *word,
                            enum err (*operand)(struct parser *, struct expr **), struct expr **out)
{
    struct expr *last, *e;
    bool more;
    TRY(operand(p, out));
    TRY(parse_accept_word(p, word, &more));
    if (!more) return OK;
    e = expr_new(p, kind);
    last = *out;
    expr_add(e, last);
    while (more) {
        TRY(operand(p, &last->next));
        last = last->next;
        e->arg_count++;
        if (last->height >= e->height) e->height = last->height + 1;
        TRY(parse_accept_word(p, word, &more));
    }
    *out = e;
    return check_height(p, e);
}

static enum err parse_and(struct parser *p, struct expr **out)
{
    return parse_chain(p, EXPR_AND, "and", parse_not, out);
}

enum err parse_expr(struct parser *p, struct expr **out)
{
    TRY(enter(p));
    TRY(parse_chain(p, EXPR_OR, "or", parse_and, out));
    p->depth--;
    return OK;
}
