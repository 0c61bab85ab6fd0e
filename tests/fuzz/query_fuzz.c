/* query_fuzz.c - cli/query.h: an expression, a newline, a value; either is refused or has an answer. */
#include "cli/query.h"
#include "fuzz.h"

void fuzz_one(struct slice input)
{
    struct arena arena = {0};
    struct slice text;
    struct query *query;
    struct json *value, *answer;
    if (!slice_split(&input, '\n', &text) || memchr(text.ptr, '\0', text.len)) return;
    const char *expression = (const char *)arena_copy(&arena, text).ptr;
    if (query_parse(&arena, expression, &query) == OK && json_parse(&arena, input, &value) == OK &&
        query_run(&arena, query, value, &answer) == OK) {
        struct buf out = {0};
        json_write(&out, answer);
        buf_free(&out);
    }
    arena_free(&arena);
}
