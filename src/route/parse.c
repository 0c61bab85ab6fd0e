/* parse.c - conditions to trees: src/lang, with the paths of routing. */
#include "lang/parse.h"

#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "route/program.h"

static bool is_name(struct slice name, const char *text)
{
    return name.ptr && slice_is_nocase(name, text);
}

/* ---- paths */

/* Only these parts of a twin are for routes. */
static bool is_twin_path(const struct step *s)
{
    if (s == NULL || is_name(s->name, "tags")) return s != NULL;
    if (!is_name(s->name, "properties") || s->next == NULL) return false;
    return is_name(s->next->name, "desired") || is_name(s->next->name, "reported");
}

static enum err check_path(const struct parser *p, size_t at, const struct step *path)
{
    unsigned steps = 0;
    for (const struct step *s = path->next; s; s = s->next) steps++;
    if (steps > ROUTE_BODY_DEPTH_MAX)
        return lex_fail(&p->lex, at, "a path of more than %d names", ROUTE_BODY_DEPTH_MAX);
    if (is_name(path->name, "$twin") && !is_twin_path(path->next))
        return lex_fail(&p->lex, at,
                        "$twin.tags, $twin.properties.desired or .reported was expected");
    return OK;
}

static bool has_name(const struct step *s)
{
    while (s && s->name.ptr == NULL) s = s->next;
    return s != NULL;
}

/* $body and $twin; the whole body, or an element of it, is not for conditions: undefined. */
static enum err read_document(struct parser *p, struct expr *e)
{
    size_t at = p->lex.word.at;
    bool body = is_name(p->lex.word.text, "$body");
    struct step **end = parse_add_step(p, &e->path, p->lex.word.text);
    TRY(lex_next(&p->lex));
    TRY(parse_steps(p, end));
    TRY(check_path(p, at, e->path));
    if (body && !has_name(e->path->next)) *e = (struct expr){.kind = EXPR_CONST, .height = 1};
    return OK;
}

/* A property's name may have dots. */
static enum err read_property(struct parser *p, struct expr *e)
{
    struct buf name = {0};
    struct slice member;
    enum err err;
    buf_put_slice(&name, p->lex.word.text);
    err = lex_next(&p->lex);
    while (err == OK && parse_is_sign(p, ".")) {
        err = lex_member(&p->lex, &member);
        buf_put_u8(&name, '.');
        if (err == OK) buf_put_slice(&name, member);
    }
    parse_add_step(p, &e->path, arena_copy(p->lex.arena, buf_slice(&name)));
    buf_free(&name);
    if (err == OK && parse_is_sign(p, "["))
        return lex_fail(&p->lex, p->lex.word.at, "only $body and $twin have elements");
    return err;
}

static enum err read_path(struct parser *p, struct expr **out)
{
    struct slice name = p->lex.word.text;
    bool document = is_name(name, "$body") || is_name(name, "$twin");
    *out = expr_new(p, EXPR_PATH);
    return document ? read_document(p, *out) : read_property(p, *out);
}

/* ---- conditions */

static const char *const reserved[] = {"and", "or", "not", "in", "nin", NULL};

static const struct language language = {.text_is = "condition",
                                         .depth_max = ROUTE_DEPTH_MAX,
                                         .reserved = reserved,
                                         .substring_length = true,
                                         .path = read_path};

static enum err parse_whole(struct parser *p, struct expr **out)
{
    if (!text_is_utf8(p->lex.text)) return lex_fail(&p->lex, 0, "a condition is UTF-8");
    if (p->lex.text.len > ROUTE_CONDITION_MAX) {
        (void)lex_fail(&p->lex, 0, "a condition has at most %d bytes", ROUTE_CONDITION_MAX);
        return ERR_TOO_BIG;
    }
    TRY(lex_next(&p->lex));
    if (p->lex.word.kind == WORD_END) {
        *out = expr_new(p, EXPR_CONST);
        (*out)->value = value_bool(true);
        return OK;
    }
    TRY(parse_expr(p, out));
    if (p->lex.word.kind != WORD_END) return parse_unexpected(p, "the end of the condition");
    if (p->nodes <= ROUTE_NODES_MAX) return OK;
    (void)lex_fail(&p->lex, 0, "a condition has at most %d parts", ROUTE_NODES_MAX);
    return ERR_TOO_BIG;
}

static struct parser begin(struct arena *a, struct slice text, struct lex_mistake *mistake)
{
    return (struct parser){
        .lex = {.arena = a, .text = arena_copy(a, text), .hyphens = true, .mistake = mistake},
        .language = &language};
}

enum err route_parse(struct arena *a, struct slice text, struct expr **out,
                     struct route_mistake *mistake)
{
    struct lex_mistake m = {0};
    struct parser p = begin(a, slice_head(text, ROUTE_CONDITION_MAX + 1), &m);
    enum err err = parse_whole(&p, out);
    if (err == OK || mistake == NULL) return err;
    *mistake = (struct route_mistake){m.start.line, m.start.column, m.end.line, m.end.column, ""};
    snprintf(mistake->text, sizeof mistake->text, "%s", m.why);
    return err;
}

enum err route_parse_twin_path(struct arena *a, struct slice text, struct step **out)
{
    struct parser p = begin(a, text, NULL);
    struct expr *e = expr_new(&p, EXPR_PATH);
    TRY(lex_next(&p.lex));
    if (!is_name(p.lex.word.text, "$twin") || p.lex.word.kind != WORD_NAME) return ERR_INVALID;
    TRY(read_document(&p, e));
    if (p.lex.word.kind != WORD_END) return ERR_INVALID;
    assert(e->path);
    *out = e->path->next;
    return OK;
}
