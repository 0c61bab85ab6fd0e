/* section_test.c - merging against a simple model, stamps, differences. */
#include "base/test.h"

#include <inttypes.h>

#include "base/mem.h"
#include "hub/twin/section.h"

static struct arena arena;

static struct json *parse(const char *text)
{
    struct json *j;
    assert_int_equal(json_parse(&arena, slice_str(text), &j), OK);
    return j;
}

static struct section *section(const char *text)
{
    struct section *s;
    assert_int_equal(section_read(&arena, slice_str(text), SLICE_NONE, &s), OK);
    return s;
}

static const char *text_of(const struct section *s)
{
    static struct buf out;
    buf_clear(&out);
    section_write(&out, s);
    return buf_cstr(&out);
}

static int reset(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* ---- cases */

static void a_patch_merges(void **state)
{
    (void)state;
    static const struct {
        const char *name, *before, *patch, *after;
    } rows[] = {
        {"adds", "{}", "{\"a\":1}", "{\"a\":1}"},
        {"replaces in its place", "{\"a\":1,\"b\":2}", "{\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"null deletes", "{\"a\":1,\"b\":2}", "{\"a\":null}", "{\"b\":2}"},
        {"null for what is absent does nothing", "{\"b\":2}", "{\"a\":null}", "{\"b\":2}"},
        {"objects merge", "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":null,\"z\":3}}",
         "{\"a\":{\"x\":1,\"z\":3}}"},
        {"an object replaces a scalar", "{\"a\":1}", "{\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}"},
        {"a scalar replaces an object", "{\"a\":{\"b\":2}}", "{\"a\":1}", "{\"a\":1}"},
        {"an object replaces an array", "{\"a\":[1]}", "{\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}"},
        {"arrays replace whole", "{\"a\":[1,2,3]}", "{\"a\":[{\"b\":[]}]}", "{\"a\":[{\"b\":[]}]}"},
        {"null below what is absent", "{}", "{\"a\":{\"b\":null}}", "{\"a\":{}}"},
        {"null below a scalar", "{\"a\":1}", "{\"a\":{\"b\":null}}", "{\"a\":{}}"},
        {"the last leaf leaves an object", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":null}}",
         "{\"a\":{}}"},
        {"numbers keep their text", "{}",
         "{\"a\":1.0,\"b\":1e0,\"c\":-0,\"d\":0.10000000000000000555}",
         "{\"a\":1.0,\"b\":1e0,\"c\":-0,\"d\":0.10000000000000000555}"},
        {"the last of two keys", "{}", "{\"a\":1,\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}"},
        {"empty and other keys", "{}", "{\"\":1,\"gr\\u00fcn\":{\"\":{}}}",
         "{\"\":1,\"gr\xc3\xbcn\":{\"\":{}}}"},
        {"what the hub wrote is not taken", "{}", "{\"$version\":7,\"$metadata\":{},\"a\":1}",
         "{\"a\":1}"},
        {"strings", "{}", "{\"a\":\"\\u0001\\\"\\\\\\n\"}", "{\"a\":\"\\u0001\\\"\\\\\\n\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct section *s = section(rows[i].before);
        section_merge(&arena, s, parse(rows[i].patch), (struct section_stamp){1, 1});
        if (strcmp(text_of(s), rows[i].after) != 0) fail_msg("%s: %s", rows[i].name, text_of(s));
    }
}

static void stamps_say_what_was_written_when(void **state)
{
    (void)state;
    static const char *const patches[] = {"{\"a\":1,\"b\":{\"c\":2,\"d\":[3]}}",
                                          "{\"b\":{\"c\":4}}", "{\"b\":{\"e\":{}}}"};
    struct buf stamps = {0}, metadata = {0};
    struct section *s = section_new(&arena, (struct section_stamp){0, 0});
    for (int i = 0; i < 3; i++)
        section_merge(&arena, s, parse(patches[i]), (struct section_stamp){i + 1, i + 2});
    section_write_stamps(&stamps, s);
    assert_string_equal(buf_cstr(&stamps), "[3,4,[[1,2],[3,4,[[2,3],[1,2],[3,4]]]]]");
    assert_int_equal(section_read(&arena, slice_str(text_of(s)), buf_slice(&stamps), &s), OK);
    section_write_metadata(&metadata, s);
    assert_string_equal(
        buf_cstr(&metadata),
        "{\"$lastUpdated\":\"1970-01-01T00:00:00.0000030Z\",\"$lastUpdatedVersion\":4,"
        "\"a\":{\"$lastUpdated\":\"1970-01-01T00:00:00.0000010Z\",\"$lastUpdatedVersion\":2},"
        "\"b\":{\"$lastUpdated\":\"1970-01-01T00:00:00.0000030Z\",\"$lastUpdatedVersion\":4,"
        "\"c\":{\"$lastUpdated\":\"1970-01-01T00:00:00.0000020Z\",\"$lastUpdatedVersion\":3},"
        "\"d\":{\"$lastUpdated\":\"1970-01-01T00:00:00.0000010Z\",\"$lastUpdatedVersion\":2},"
        "\"e\":{\"$lastUpdated\":\"1970-01-01T00:00:00.0000030Z\",\"$lastUpdatedVersion\":4}}}");
    buf_free(&stamps);
    buf_free(&metadata);
}

static void damaged_texts_are_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *json, *stamps;
    } rows[] = {
        {"[]", ""},
        {"{", ""},
        {"{\"a\":1}", "[1,1]"},
        {"{\"a\":1}", "[1,1,[[1,1],[1,1]]]"},
        {"{\"a\":1}", "[1,1,[[1]]]"},
        {"{\"a\":1}", "[1,1,[[1,\"x\"]]]"},
        {"{\"a\":1}", "{}"},
        {"{}", "[1,1,[[1,1]]]"},
        {"{}", "[1,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct section *s;
        assert_int_equal(
            section_read(&arena, slice_str(rows[i].json), slice_str(rows[i].stamps), &s),
            ERR_CORRUPT);
    }
}

/* ---- against a model */

static uint64_t seed;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void put_any_object(struct buf *out, unsigned depth, bool nulls);

static void put_any_value(struct buf *out, unsigned depth, bool nulls)
{
    static const char *const scalars[] = {"1",  "1.0", "true", "\"x\"", "[1,{\"a\":2}]",
                                          "[]", "-7e3"};
    if (nulls && any(4) == 0)
        buf_put_str(out, "null");
    else if (depth < 4 && any(3) == 0)
        put_any_object(out, depth + 1, nulls);
    else
        buf_put_str(out, scalars[any(sizeof scalars / sizeof *scalars)]);
}

/* At the top there are more keys than a list is searched for. */
static void put_any_object(struct buf *out, unsigned depth, bool nulls)
{
    unsigned count = any(depth == 0 ? 12 : 4), keys = depth == 0 ? 40 : 6;
    buf_put_u8(out, '{');
    for (unsigned i = 0; i < count; i++) {
        buf_printf(out, "%s\"k%u\":", i ? "," : "", any(keys));
        put_any_value(out, depth, nulls);
    }
    buf_put_u8(out, '}');
}

/* RFC 7396, as the RFC writes it down, on trees of struct json; what is replaced keeps its place. */
static struct json *model_merge(const struct json *target, const struct json *patch)
{
    struct json *out = json_new(&arena, JSON_OBJECT);
    for (const struct json *j = target && target->type == JSON_OBJECT ? target->child : NULL; j;
         j = j->next) {
        struct json *copy = arena_zero(&arena, sizeof *copy);
        *copy = *j;
        copy->next = NULL;
        json_append(out, copy);
    }
    for (const struct json *p = patch->child; p; p = p->next) {
        struct json **at = &out->child;
        while (*at && !slice_eq((*at)->key, p->key)) at = &(*at)->next;
        if (p->type == JSON_NULL) {
            if (*at) *at = (*at)->next;
            continue;
        }
        struct json *value = arena_zero(&arena, sizeof *value);
        *value = p->type == JSON_OBJECT ? *model_merge(*at, p) : *p;
        value->key = p->key;
        value->next = *at ? (*at)->next : NULL;
        *at = value;
    }
    return out;
}

static struct json *again(const char *text, struct arena *into)
{
    struct json *j;
    assert_int_equal(json_parse(into, slice_str(text), &j), OK);
    return j;
}

static void merging_equals_the_model(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 60; run++) {
        seed = run;
        struct buf now = {0}, stamps = {0}, patch = {0}, wanted = {0};
        buf_put_str(&now, "{}");
        for (int64_t version = 1; version <= 60; version++) {
            struct section *s;
            arena_reset(&arena);
            buf_clear(&patch);
            buf_clear(&wanted);
            put_any_object(&patch, 0, true);
            struct json *p = parse(buf_cstr(&patch));
            json_write(&wanted, model_merge(parse(buf_cstr(&now)), p));
            assert_int_equal(section_read(&arena, buf_slice(&now), buf_slice(&stamps), &s), OK);
            section_merge(&arena, s, p, (struct section_stamp){version * 10, version});
            if (strcmp(text_of(s), buf_cstr(&wanted)) != 0)
                fail_msg("seed %" PRIu64 ": %s + %s = %s, not %s", run, buf_cstr(&now),
                         buf_cstr(&patch), buf_cstr(&wanted), text_of(s));
            buf_clear(&now);
            section_write(&now, s);
            buf_clear(&stamps);
            section_write_stamps(&stamps, s);
        }
        buf_free(&now);
        buf_free(&stamps);
        buf_free(&patch);
        buf_free(&wanted);
    }
}

/* Equal whatever the order of members. */
static bool same(const struct json *a, const struct json *b)
{
    if (a->type != b->type || !slice_eq(a->text, b->text) || a->truth != b->truth) return false;
    size_t left = 0, right = 0;
    for (const struct json *j = a->child, *k = b->child; j; j = j->next, left++) {
        const struct json *other = k;
        if (a->type == JSON_OBJECT)
            for (other = b->child; other && !slice_eq(other->key, j->key);) other = other->next;
        if (other == NULL || !same(j, other)) return false;
        if (a->type == JSON_ARRAY) k = k->next;
    }
    for (const struct json *k = b->child; k; k = k->next) right++;
    return left == right;
}

static void a_difference_makes_one_into_the_other(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 3000; run++) {
        struct buf a = {0}, b = {0};
        seed = run;
        arena_reset(&arena);
        put_any_object(&a, 0, false);
        put_any_object(&b, 0, false);
        struct json *from = parse(buf_cstr(&a)), *to = parse(buf_cstr(&b));
        struct section *s = section(buf_cstr(&a));
        struct json *patch = section_diff(&arena, from, to);
        if (patch) section_merge(&arena, s, patch, (struct section_stamp){1, 1});
        if (!same(again(text_of(s), &arena), to))
            fail_msg("seed %" PRIu64 ": %s to %s", run, buf_cstr(&a), buf_cstr(&b));
        assert_null(section_diff(&arena, from, from));
        buf_free(&a);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_patch_merges, reset),
        cmocka_unit_test_teardown(stamps_say_what_was_written_when, reset),
        cmocka_unit_test_teardown(damaged_texts_are_noticed, reset),
        cmocka_unit_test_teardown(merging_equals_the_model, reset),
        cmocka_unit_test_teardown(a_difference_makes_one_into_the_other, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
