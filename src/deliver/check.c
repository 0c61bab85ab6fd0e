/* check.c - see check.h. */
#include "deliver/check.h"

#include "base/text.h"

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return false;
    return text_is_utf8(text);
}

enum err check_text(const struct json *e, const char *key, size_t max)
{
    struct slice text = json_str(e, key);
    if (json_given(e, key) == NULL) return fail(ERR_INVALID, "%s is missing", key);
    if (text.len < 1 || text.len > max || !is_plain(text))
        return fail(ERR_INVALID, "%s is not a text of 1 to %zu bytes", key, max);
    return OK;
}

enum err check_secret(struct arena *a, struct json *e, const struct json *before, const char *key,
                      size_t max)
{
    if (json_given(e, key) == NULL) return OK;
    TRY(check_text(e, key, max));
    if (!slice_is(json_str(e, key), CHECK_MASK)) return OK;
    struct slice kept = json_str(before, key);
    if (kept.len == 0) return fail(ERR_INVALID, "%s is masked, and there is none to keep", key);
    json_set(a, e, slice_str(key), json_new_string(a, kept));
    return OK;
}

void check_mask(struct arena *a, struct json *e, const char *key)
{
    if (json_given(e, key) == NULL) return;
    json_set(a, e, slice_str(key), json_new_string(a, SLICE_LIT(CHECK_MASK)));
}

void check_mask_part(struct arena *a, struct json *e, const char *key, check_put_masked put)
{
    struct buf masked = {0};
    if (json_given(e, key) == NULL) return;
    put(&masked, json_str(e, key));
    json_set(a, e, slice_str(key), json_new_string(a, buf_slice(&masked)));
    buf_free(&masked);
}

bool check_is_masked(struct slice shown, struct slice kept, check_put_masked put)
{
    struct buf masked = {0};
    put(&masked, kept);
    bool same = kept.len && slice_eq(shown, buf_slice(&masked));
    buf_free(&masked);
    return same;
}

enum err check_key_based(struct arena *a, struct json *e)
{
    const struct json *given = json_given(e, "authenticationType");
    if (given && !slice_is_nocase(json_str(e, "authenticationType"), CHECK_KEY_BASED))
        return fail(ERR_INVALID, "authenticationType is not " CHECK_KEY_BASED
                                 ": there are no identities of Azure here");
    json_set(a, e, SLICE_LIT("authenticationType"), json_new_string(a, SLICE_LIT(CHECK_KEY_BASED)));
    return OK;
}
