/* json_fuzz.c - base/json.h: what is read is written as something that reads the same, and so is
 * what is made piece by piece. */
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "fuzz.h"

/* Every member is found by its name, as far as a C string can say it; numbers that fit are numbers. */
static void check_access(const struct json *value)
{
    int64_t number;
    if (json_i64(value, &number) == OK) assert(value->type == JSON_NUMBER);
    for (struct json *j = value->child; j; j = j->next) {
        bool plain =
            value->type == JSON_OBJECT && !(j->key.len && memchr(j->key.ptr, 0, j->key.len));
        char *name = slice_dup(j->key);
        if (plain) assert(json_get(value, name) == j && json_get_nocase(value, name) != NULL);
        if (plain && j->type == JSON_STRING) assert(slice_eq(json_str(value, name), j->text));
        free(name);
        check_access(j);
    }
}

/* The same value, made piece by piece. */
static struct json *made(struct arena *a, const struct json *value)
{
    int64_t number;
    if (value->type == JSON_STRING) return json_new_string(a, value->text);
    struct json *copy = json_new(a, value->type);
    copy->text = value->text;
    copy->truth = value->truth;
    if (json_i64(value, &number) == OK) {
        int64_t again;
        enum err e = json_i64(json_new_i64(a, number), &again);
        assert(e == OK && again == number);
    }
    for (const struct json *j = value->child; j; j = j->next) {
        if (value->type == JSON_OBJECT)
            json_set(a, copy, j->key, made(a, j));
        else
            json_append(copy, made(a, j));
    }
    return copy;
}

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
        check_access(value);
        buf_clear(&twice);
        json_write(&twice, made(&arena, value));
        assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
}
