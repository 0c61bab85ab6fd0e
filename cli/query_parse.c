/* query_parse.c - JMESPath to a tree: top-down operator precedence, as its specification draws it. */
#include <stdlib.h>

#include "base/num.h"
#include "cli/query_tree.h"

/* Binding powers; what binds less than PROJECTION_STOPS ends the right side of a projection. */
enum power {
    POWER_PIPE = 1,
    POWER_OR,
    POWER_AND,
    POWER_COMPARE = 5,
    POWER_FLATTEN = 9,
    PROJECTION_STOPS = 10,
    POWER_STAR = 20,
    POWER_FILTER,
    POWER_DOT = 40,
    POWER_NOT = 45,
    POWER_BRACKET = 55,
};

struct parser {
    struct arena *arena;
    struct slice text;
    size_t at; /* of the current token */
    struct slice token;
    unsigned depth;
};

static struct query *parse(struct parser *p, int power);

/* ---- tokens: punctuation of one or two characters, names, numbers, 'raw', "quoted", `json` */

static bool is_name(uint8_t c, bool first)
{
    uint8_t lower = c | 0x20;
    return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The length of what a quote character opens, both quotes included; 0 if it is not closed. */
static size_t quoted_len(struct slice s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == s.ptr[0])
            return i + 1;
    }
    return 0;
}

static size_t token_len(struct slice s)
{
    static const char *const pairs[] = {"||", "&&", "==", "!=", "<=", ">=", "[?", "[]"};
    size_t len = 1;
    if (strchr("'\"`", s.ptr[0])) return quoted_len(s);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (slice_starts(s, slice_str(pairs[i]))) return 2;
    if (is_name(s.ptr[0], true)) {
        while (len < s.len && is_name(s.ptr[len], false)) len++;
    } else if (s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9')) {
        while (len < s.len && s.ptr[len] >= '0' && s.ptr[len] <= '9') len++;
    }
    return len;
}

static void advance(struct parser *p)
{
    p->at += p->token.len;
    while (p->at < p->text.len && strchr(" \t\r\n", p->text.ptr[p->at])) p->at++;
    struct slice rest = slice_from(p->text, p->at);
    p->token = slice_head(rest, rest.len ? token_len(rest) : 0);
}

static bool is(const struct parser *p, const char *token)
{
    return slice_is(p->token, token);
}

static bool accept(struct parser *p, const char *token)
{
    if (!is(p, token)) return false;
    advance(p);
    return true;
}

static struct query *bad(struct parser *p, const char *what)
{
    if (p->depth <= QUERY_DEPTH_MAX)
        (void)!fail(ERR_INVALID, "--query: %s at character %zu of %.*s", what, p->at + 1,
                    SLICE_ARG(p->text));
    p->depth = QUERY_DEPTH_MAX + 1; /* the first complaint is the one that helps */
    return NULL;
}

static struct query *make(struct parser *p, enum query_kind kind, struct query *left,
                          struct query *right)
{
    struct query *q = arena_zero(p->arena, sizeof *q);
    q->kind = kind;
    q->left = left;
    q->right = right;
    return q;
}

/* ---- leaves */

static struct query *field(struct parser *p)
{
    struct query *q = make(p, QUERY_FIELD, NULL, NULL);
    q->text = p->token;
    if (p->token.ptr[0] == '"') {
        struct json *name;
        if (json_parse(p->arena, p->token, &name) != OK) return bad(p, "not a quoted name");
        q->text = name->text;
    }
    advance(p);
    return q;
}

/* 'as it stands', with \' for a quote. */
static struct query *raw_string(struct parser *p)
{
    struct query *q = make(p, QUERY_LITERAL, NULL, NULL);
    struct buf text = {0};
    for (size_t i = 1; i + 1 < p->token.len; i++) {
        bool escape = p->token.ptr[i] == '\\' && p->token.ptr[i + 1] == '\'';
        buf_put_u8(&text, p->token.ptr[escape ? ++i : i]);
    }
    q->value = json_new_string(p->arena, buf_slice(&text));
    buf_free(&text);
    advance(p);
    return q;
}

static struct query *json_literal(struct parser *p)
{
    struct query *q = make(p, QUERY_LITERAL, NULL, NULL);
    struct slice inner = slice_of(p->token.ptr + 1, p->token.len - 2);
    if (json_parse(p->arena, inner, &q->value) != OK) return bad(p, "not JSON between ` and `");
    advance(p);
    return q;
}

/* ---- lists of parts: [a, b]   {x: a}   f(a, b) */

static struct query *parse_part(struct parser *p, bool hash)
{
    struct slice key = SLICE_NONE;
    if (hash) {
        if (p->token.len == 0 || !(is_name(p->token.ptr[0], true) || p->token.ptr[0] == '"'))
            return bad(p, "a name was expected");
        struct query *name = field(p);
        if (name == NULL) return NULL;
        key = name->text;
        if (!accept(p, ":")) return bad(p, "':' was expected");
    }
    struct query *part = parse(p, 0);
    if (part == NULL) return NULL;
    struct query *holder = make(p, QUERY_CURRENT, part, NULL);
    holder->key = key;
    return holder;
}

static struct query *parse_parts(struct parser *p, enum query_kind kind, const char *end)
{
    struct query *q = make(p, kind, NULL, NULL), **tail = &q->parts;
    if (kind == QUERY_CALL && accept(p, end)) return q;
    for (;;) {
        struct query *part = parse_part(p, kind == QUERY_HASH);
        if (part == NULL) return NULL;
        *tail = part;
        tail = &part->next;
        if (accept(p, end)) return q;
        if (!accept(p, ",")) return bad(p, "',' or an end was expected");
    }
}

/* ---- projections */

static struct query *after_dot(struct parser *p, int power)
{
    if (accept(p, "[")) return parse_parts(p, QUERY_LIST, "]");
    if (accept(p, "{")) return parse_parts(p, QUERY_HASH, "}");
    return parse(p, power);
}

static int power_of(const struct parser *p)
{
    static const struct {
        const char *token;
        int power;
    } powers[] = {
        {"|", POWER_PIPE},     {"||", POWER_OR},      {"&&", POWER_AND},     {"==", POWER_COMPARE},
        {"!=", POWER_COMPARE}, {"<", POWER_COMPARE},  {"<=", POWER_COMPARE}, {">", POWER_COMPARE},
        {">=", POWER_COMPARE}, {"[]", POWER_FLATTEN}, {"[?", POWER_FILTER},  {".", POWER_DOT},
        {"[", POWER_BRACKET},
    };
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        if (is(p, powers[i].token)) return powers[i].power;
    return 0;
}

/* What is done with each element. */
static struct query *projected(struct parser *p, int power)
{
    if (power_of(p) < PROJECTION_STOPS) return make(p, QUERY_CURRENT, NULL, NULL);
    if (is(p, "[") || is(p, "[?")) return parse(p, power);
    if (accept(p, ".")) return after_dot(p, power);
    return bad(p, "'.' was expected");
}

static struct query *project(struct parser *p, enum query_kind kind, struct query *left, int power)
{
    struct query *q = make(p, kind, left, NULL);
    q->right = projected(p, power);
    return q->right ? q : NULL;
}

static struct query *filter(struct parser *p, struct query *left)
{
    struct query *condition = parse(p, 0);
    if (condition == NULL) return NULL;
    if (!accept(p, "]")) return bad(p, "']' was expected");
    struct query *q = project(p, QUERY_FILTER, left, POWER_FILTER);
    if (q) q->condition = condition;
    return q;
}

static struct query *values(struct parser *p, struct query *left)
{
    struct query *q = project(p, QUERY_PROJECTION, left, POWER_STAR);
    if (q) q->number = 1;
    return q;
}

/* [0] and [*] behind something. */
static struct query *bracket(struct parser *p, struct query *left)
{
    if (accept(p, "*")) {
        if (!accept(p, "]")) return bad(p, "']' was expected");
        return project(p, QUERY_PROJECTION, left, POWER_STAR);
    }
    struct query *index = make(p, QUERY_INDEX, NULL, NULL);
    if (num_i64(p->token, &index->number) != OK) return bad(p, "an index or '*' was expected");
    advance(p);
    if (!accept(p, "]")) return bad(p, "']' was expected");
    return make(p, QUERY_CHAIN, left, index);
}

static struct query *flatten(struct parser *p, struct query *left)
{
    return project(p, QUERY_PROJECTION, make(p, QUERY_FLATTEN, left, NULL), POWER_FLATTEN);
}

/* ---- expressions */

static struct query *prefix_operator(struct parser *p)
{
    struct query *here = make(p, QUERY_CURRENT, NULL, NULL);
    bool later = is(p, "&");
    if (accept(p, "@")) return here;
    if (accept(p, "*")) return values(p, here);
    if (accept(p, "[]")) return flatten(p, here);
    if (accept(p, "[?")) return filter(p, here);
    if (accept(p, "{")) return parse_parts(p, QUERY_HASH, "}");
    if (accept(p, "[")) {
        bool index = is(p, "*") || (p->token.len && strchr("-0123456789", p->token.ptr[0]));
        return index ? bracket(p, here) : parse_parts(p, QUERY_LIST, "]");
    }
    if (accept(p, "(")) {
        struct query *inner = parse(p, 0);
        return inner == NULL || accept(p, ")") ? inner : bad(p, "')' was expected");
    }
    if (accept(p, "!") || accept(p, "&")) {
        struct query *operand = parse(p, later ? 0 : POWER_NOT);
        return operand ? make(p, later ? QUERY_LATER : QUERY_NOT, operand, NULL) : NULL;
    }
    return bad(p, p->token.len ? "something else was expected" : "something is missing");
}

static struct query *prefix(struct parser *p)
{
    uint8_t first = p->token.len ? p->token.ptr[0] : 0;
    if (first == '\'') return raw_string(p);
    if (first == '`') return json_literal(p);
    if (first != '"' && !is_name(first, true)) return prefix_operator(p);
    struct query *name = field(p);
    if (name == NULL || first == '"' || !accept(p, "(")) return name;
    struct query *call = parse_parts(p, QUERY_CALL, ")");
    if (call) call->text = name->text;
    return call;
}

static struct query *binary(struct parser *p, enum query_kind kind, struct query *left, int power)
{
    struct slice op = p->token;
    advance(p);
    struct query *right = parse(p, power);
    if (right == NULL) return NULL;
    struct query *q = make(p, kind, left, right);
    q->text = op;
    return q;
}

static struct query *infix(struct parser *p, struct query *left)
{
    int power = power_of(p);
    switch (power) {
    case POWER_PIPE: return binary(p, QUERY_CHAIN, left, power);
    case POWER_OR: return binary(p, QUERY_OR, left, power);
    case POWER_AND: return binary(p, QUERY_AND, left, power);
    case POWER_COMPARE: return binary(p, QUERY_COMPARE, left, power);
    default: break;
    }
    advance(p);
    switch (power) {
    case POWER_FLATTEN: return flatten(p, left);
    case POWER_FILTER: return filter(p, left);
    case POWER_BRACKET: return bracket(p, left);
    default: break;
    }
    if (accept(p, "*")) return values(p, left);
    struct query *right = after_dot(p, POWER_DOT);
    return right ? make(p, QUERY_CHAIN, left, right) : NULL;
}

static struct query *parse(struct parser *p, int power)
{
    if (++p->depth > QUERY_DEPTH_MAX) {
        p->depth = QUERY_DEPTH_MAX;
        return bad(p, "too many levels");
    }
    struct query *left = prefix(p);
    while (left && power_of(p) > power) left = infix(p, left);
    if (left) p->depth--;
    return left;
}

enum err query_parse(struct arena *a, const char *text, struct query **out)
{
    struct parser p = {.arena = a, .text = arena_copy(a, slice_str(text))};
    advance(&p);
    *out = parse(&p, 0);
    if (*out && p.at < p.text.len) *out = bad(&p, "nothing more was expected");
    return *out ? OK : ERR_INVALID;
}
