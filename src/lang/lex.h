/* lex.h - an expression as words. */
#ifndef LANG_LEX_H
#define LANG_LEX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum word_kind {
    WORD_END,
    WORD_NAME, /* a keyword, the name of a function, the first name of a path */
    WORD_STRING,
    WORD_NUMBER,
    WORD_SIGN, /* = != < > <= >= ( ) [ ] , . + - * / %; <> is != */
};

struct word {
    enum word_kind kind;
    struct slice text; /* as it stands there; of a string what it says */
    double number;     /* WORD_NUMBER */
    size_t at;         /* where it begins */
};

/* Lines and columns count from 1, columns in characters. */
struct lex_place {
    unsigned line, column;
};

enum { LEX_WHY_MAX = 200 };

/* The last thing that lex_fail() said, from where to before where it is meant. */
struct lex_mistake {
    struct lex_place start, end;
    char why[LEX_WHY_MAX];
};

struct lex {
    struct arena *arena;
    struct slice text;
    size_t at; /* behind `word` */
    struct word word;
    bool hyphens;                /* '-' and a letter go on with a name: dt-subject */
    struct lex_mistake *mistake; /* if not NULL */
};

/* Reads the next word.  ERR_INVALID with a text. */
enum err lex_next(struct lex *l) MUST_USE;

/* What follows the '.' that is the word: a name of any letters and digits, also one that is a keyword.
 * The word is then the one after it. */
enum err lex_member(struct lex *l, struct slice *out) MUST_USE;

/* What stands between [[ and ]], of which the first '[' is the word. */
bool lex_is_quoted_name(const struct lex *l);
enum err lex_quoted_name(struct lex *l, struct slice *out) MUST_USE;

/* Fails with the line and the column of the byte `at`: the word's, if it begins there. */
enum err lex_fail(const struct lex *l, size_t at, const char *fmt, ...) PRINTF(3, 4);

#endif
