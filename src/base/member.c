/* member.c - see member.h. */
#include "base/member.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

enum { NAME_SHOWN_MAX = 64 };

enum err member_only(const struct json *object, const char *what, const char *const *known)
{
    if (object->type != JSON_OBJECT) return fail(ERR_INVALID, "%s is not an object", what);
    for (const struct json *m = object->child; m; m = m->next) {
        size_t i = 0;
        while (known[i] && !slice_is(m->key, known[i])) i++;
        if (known[i] == NULL && m->type != JSON_NULL)
            return fail(ERR_INVALID, "%s has no member '%.*s'", what,
                        SLICE_ARG(slice_head(m->key, NAME_SHOWN_MAX)));
    }
    return OK;
}

enum err member_read_text(const struct json *object, const char *name, char *out, size_t size)
{
    const struct json *v = json_given(object, name);
    if (v == NULL) return OK;
    if (v->type != JSON_STRING || v->text.len >= size || !text_is_utf8(v->text) ||
        slice_find(v->text, '\0') < v->text.len)
        return fail(ERR_INVALID, "%s is text of at most %zu bytes", name, size - 1);
    snprintf(out, size, "%.*s", SLICE_ARG(v->text));
    return OK;
}

enum err member_read_number(const struct json *object, const char *name, int64_t least,
                            int64_t most, int64_t *out)
{
    const struct json *v = json_given(object, name);
    if (v == NULL) return OK;
    if (v->type != JSON_NUMBER || json_i64(v, out) != OK || *out < least || *out > most)
        return fail(ERR_INVALID, "%s is a number from %" PRId64 " to %" PRId64, name, least, most);
    return OK;
}

enum err member_read_truth(const struct json *object, const char *name, bool *out)
{
    const struct json *v = json_given(object, name);
    if (v == NULL) return OK;
    if (v->type != JSON_BOOL) return fail(ERR_INVALID, "%s is true or false", name);
    *out = v->truth;
    return OK;
}
