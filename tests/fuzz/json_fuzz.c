/* json_fuzz.c - base/json.h: what is read is written as something that reads the same. */
#include "base/json.h"
#include "base/text.h"
#include "fuzz.h"

void fuzz_one(struct slice input)
{
    struct arena arena = {0};
    struct buf once = {0}, twice = {0};
    struct json *value, *again;
    if (json_parse(&arena, input, &value) == OK) {
        assert(text_is_utf8(input));
        json_write(&once, value);
        enum err e = json_parse(&arena, buf_slice(&once), &again);
        assert(e == OK);
        json_write(&twice, again);
        assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
}
