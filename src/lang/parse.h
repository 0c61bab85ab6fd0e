/* parse.h - expressions out of words. */
#ifndef LANG_PARSE_H
#define LANG_PARSE_H

#include "lang/expr.h"
#include "lang/lex.h"

struct parser;

/* What is different between who uses it. */
struct language {
    const char *text_is;         /* "query": for what is said of a mistake */
    unsigned depth_max;          /* expressions in each other */
    const char *const *reserved; /* words that are no names, up to NULL */
    bool substring_length;       /* see function_find() */
    /* A path, of which the word is the first name. */
    enum err (*path)(struct parser *p, struct expr **out);
};

struct parser {
    struct lex lex;
    const struct language *language;
    unsigned source; /* the language's: what its paths are from */
    unsigned depth;
    unsigned nodes; /* made so far */
};

bool parse_is_sign(const struct parser *p, const char *sign);
bool parse_is_word(const struct parser *p, const char *word);

/* Goes on if that is the next word. */
enum err parse_accept_sign(struct parser *p, const char *sign, bool *found) MUST_USE;
enum err parse_accept_word(struct parser *p, const char *word, bool *found) MUST_USE;
enum err parse_expect_sign(struct parser *p, const char *sign) MUST_USE;
enum err parse_expect_word(struct parser *p, const char *word) MUST_USE;
enum err parse_unexpected(const struct parser *p, const char *expected);

enum err parse_expr(struct parser *p, struct expr **out) MUST_USE;

/* .a, ['a'], .[[any name]], [0] ...: as many as there are, put at *end. */
enum err parse_steps(struct parser *p, struct step **end) MUST_USE;

/* A step of that name at *end; returns where the next one goes. */
struct step **parse_add_step(struct parser *p, struct step **end, struct slice name);

struct expr *expr_new(struct parser *p, enum expr_kind kind);

#endif
