/* parse.h - expressions out of words.  Private to hub/query. */
#ifndef HUB_QUERY_PARSE_H
#define HUB_QUERY_PARSE_H

#include "hub/query/lex.h"
#include "hub/query/tree.h"

struct parser {
    struct lex lex;
    enum query_source source; /* what "devices.modules." in front of a path means */
    unsigned depth;
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

/* path.c: the word is its first name. */
enum err parse_path(struct parser *p, struct expr **out) MUST_USE;

struct expr *expr_new(struct parser *p, enum expr_kind kind);
void expr_add(struct expr *e, struct expr *arg); /* at the end of its arguments */

#endif
