/* document_test.c - twins as digital twins, and JSON Patches as patches of desired properties. */
#include "base/test.h"

#include "hub/digital_twin/document.h"

static struct json *parse(struct arena *a, const char *text)
{
    struct json *j;
    assert_int_equal(json_parse(a, slice_str(text), &j), OK);
    return j;
}

static void expect_view(const char *twin, const char *expected)
{
    struct arena a = {0};
    struct buf out = {0};
    json_write(&out, document_view(&a, parse(&a, twin)));
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    arena_free(&a);
}

static void a_device_without_a_model_shows_an_empty_one(void **state)
{
    (void)state;
    expect_view(
        "{\"deviceId\":\"d\",\"modelId\":\"\",\"properties\":{\"desired\":{\"$metadata\":{},"
        "\"$version\":1},\"reported\":{\"$metadata\":{},\"$version\":1}}}",
        "{\"$dtId\":\"d\",\"$metadata\":{\"$model\":\"\"}}");
}

static void properties_show_what_the_device_reported(void **state)
{
    (void)state;
    expect_view(
        "{\"deviceId\":\"d\",\"modelId\":\"dtmi:x;1\",\"properties\":{\"desired\":{},"
        "\"reported\":{\"serial\":\"s1\",\"$metadata\":{\"serial\":{\"$lastUpdated\":\"T\"}}}}}",
        "{\"$dtId\":\"d\",\"$metadata\":{\"$model\":\"dtmi:x;1\",\"serial\":{"
        "\"lastUpdateTime\":\"T\"}},\"serial\":\"s1\"}");
}

static void acknowledged_properties_show_their_value_and_what_was_answered(void **state)
{
    (void)state;
    expect_view(
        "{\"deviceId\":\"d\",\"modelId\":\"m\",\"properties\":{\"desired\":{\"w\":2,\"$metadata\":{"
        "\"w\":{\"$lastUpdated\":\"D\",\"$lastUpdatedVersion\":4}}},\"reported\":{\"w\":{\"value\":"
        "1,"
        "\"ac\":200,\"av\":3,\"ad\":\"ok\"},\"$metadata\":{\"w\":{\"$lastUpdated\":\"R\"}}}}}",
        "{\"$dtId\":\"d\",\"$metadata\":{\"$model\":\"m\",\"w\":{\"desiredValue\":2,"
        "\"desiredVersion\":4,\"ackVersion\":3,\"ackCode\":200,\"ackDescription\":\"ok\","
        "\"lastUpdateTime\":\"R\"}},\"w\":1}");
}

static void properties_that_are_only_desired_are_there(void **state)
{
    (void)state;
    expect_view(
        "{\"deviceId\":\"d\",\"modelId\":\"m\",\"properties\":{\"desired\":{\"w\":2,\"$metadata\":{"
        "\"w\":{\"$lastUpdated\":\"D\",\"$lastUpdatedVersion\":4}}},\"reported\":{}}}",
        "{\"$dtId\":\"d\",\"$metadata\":{\"$model\":\"m\",\"w\":{\"desiredValue\":2,"
        "\"desiredVersion\":4,\"lastUpdateTime\":\"D\"}},\"w\":2}");
}

static void components_are_objects_with_metadata_of_their_own(void **state)
{
    (void)state;
    expect_view(
        "{\"deviceId\":\"d\",\"modelId\":\"m\",\"properties\":{\"desired\":{\"c\":{\"__t\":\"c\","
        "\"w\":2}},\"reported\":{\"c\":{\"__t\":\"c\",\"r\":1},\"o\":{\"p\":1}}}}",
        "{\"$dtId\":\"d\",\"$metadata\":{\"$model\":\"m\",\"o\":{}},\"c\":{\"$metadata\":{\"r\":{},"
        "\"w\":{\"desiredValue\":2}},\"r\":1,\"w\":2},\"o\":{\"p\":1}}");
}

/* ---- patches */

static const char twin_text[] =
    "{\"properties\":{\"desired\":{\"p\":1,\"o\":{\"x\":1,\"y\":2},\"c\":{\"__t\":\"c\",\"w\":1},"
    "\"$metadata\":{},\"$version\":7},\"reported\":{\"told\":{\"a\":1},\"there\":{\"__t\":\"c\"}}}"
    "}";

static enum err patch(const char *ops, struct buf *out, struct document_refusal *why)
{
    struct arena a = {0};
    struct json *merge = NULL;
    enum err e = document_patch(&a, parse(&a, twin_text), parse(&a, ops), &merge, why);
    if (e == OK && merge) json_write(out, merge);
    arena_free(&a);
    return e;
}

static void patches_become_merge_patches(void **state)
{
    (void)state;
    static const struct {
        const char *ops, *merge;
    } rows[] = {
        {"[]", ""},
        {"[{\"op\":\"add\",\"path\":\"/n\",\"value\":5}]", "{\"n\":5}"},
        {"[{\"op\":\"replace\",\"path\":\"/n\",\"value\":\"x\"}]", "{\"n\":\"x\"}"},
        {"[{\"op\":\"add\",\"path\":\"/p\",\"value\":1}]", ""},
        {"[{\"op\":\"remove\",\"path\":\"/p\"}]", "{\"p\":null}"},
        {"[{\"op\":\"add\",\"path\":\"/p\",\"value\":null}]", "{\"p\":null}"},
        {"[{\"op\":\"remove\",\"path\":\"/absent\"}]", ""},
        {"[{\"op\":\"remove\",\"path\":\"/absent/x\"}]", ""},
        {"[{\"op\":\"replace\",\"path\":\"/o\",\"value\":{\"y\":3}}]",
         "{\"o\":{\"x\":null,\"y\":3}}"},
        {"[{\"op\":\"replace\",\"path\":\"/o/x\",\"value\":9}]", "{\"o\":{\"x\":9}}"},
        {"[{\"op\":\"replace\",\"path\":\"/told/a\",\"value\":9}]", "{\"told\":{\"a\":9}}"},
        {"[{\"op\":\"add\",\"path\":\"/c/w\",\"value\":2}]", "{\"c\":{\"w\":2,\"__t\":\"c\"}}"},
        {"[{\"op\":\"add\",\"path\":\"/there/w\",\"value\":2}]",
         "{\"there\":{\"__t\":\"c\",\"w\":2}}"},
        {"[{\"op\":\"add\",\"path\":\"/new/w\",\"value\":2}]", "{\"new\":{\"__t\":\"c\",\"w\":2}}"},
        {"[{\"op\":\"add\",\"path\":\"/k\",\"value\":{\"w\":1,\"$metadata\":{}}}]",
         "{\"k\":{\"__t\":\"c\",\"w\":1}}"},
        {"[{\"op\":\"remove\",\"path\":\"/c\"}]", "{\"c\":null}"},
        {"[{\"op\":\"add\",\"path\":\"/a~1b~0\",\"value\":[1,{\"z\":2}]}]",
         "{\"a/b~\":[1,{\"z\":2}]}"},
        {"[{\"op\":\"add\",\"path\":\"/n\",\"value\":1},{\"op\":\"remove\",\"path\":\"/n\"}]", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct document_refusal why = {0};
        assert_int_equal(patch(rows[i].ops, &out, &why), OK);
        assert_string_equal(buf_cstr(&out), rows[i].merge);
        buf_free(&out);
    }
}

static void bad_patches_are_refused_by_azures_names(void **state)
{
    (void)state;
    static const struct {
        const char *ops, *error;
    } rows[] = {
        {"{}", "InvalidDigitalTwinJsonPatch"},
        {"[1]", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"test\",\"path\":\"/p\",\"value\":1}]", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"add\",\"path\":\"/p\"}]", "InvalidDigitalTwinJsonPatch"},
        {"[{\"op\":\"add\",\"path\":\"p\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/$metadata/p\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
        {"[{\"op\":\"add\",\"path\":\"/p/x\",\"value\":1}]", "InvalidDigitalTwinPatchPath"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        struct document_refusal why = {0};
        assert_int_equal(patch(rows[i].ops, &out, &why), ERR_INVALID);
        assert_string_equal(why.error, rows[i].error);
        assert_true(why.text[0] != '\0');
    }
}

static void a_patch_has_at_most_so_many_operations_and_a_path_so_many_segments(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf ops = {0}, out = {0}, path = {0};
        struct document_refusal why = {0};
        buf_put_u8(&ops, '[');
        for (int i = 0; i < DIGITAL_TWIN_OPS_MAX + over; i++)
            buf_printf(&ops, "%s{\"op\":\"remove\",\"path\":\"/n\"}", i ? "," : "");
        buf_put_u8(&ops, ']');
        assert_int_equal(patch(buf_cstr(&ops), &out, &why), over ? ERR_INVALID : OK);
        for (int i = 0; i < TWIN_DEPTH_MAX + over; i++) buf_put_str(&path, "/z");
        buf_clear(&ops);
        buf_printf(&ops, "[{\"op\":\"add\",\"path\":\"%s\",\"value\":1}]", buf_cstr(&path));
        assert_int_equal(patch(buf_cstr(&ops), &out, &why), over ? ERR_INVALID : OK);
        buf_free(&ops);
        buf_free(&out);
        buf_free(&path);
    }
}

/* As many elements as a body has room for: what looks at all before it for each takes minutes. */
static void a_value_may_have_as_many_parts_as_fit_into_a_patch(void **state)
{
    static const char *const heads[] = {"[{\"op\":\"add\",\"path\":\"/l\",\"value\":[1",
                                        "[{\"op\":\"replace\",\"path\":\"/o\",\"value\":{\"a\":1"};
    struct document_refusal why;
    (void)state;
    for (int object = 0; object < 2; object++) {
        struct arena a = {0};
        struct buf text = {0};
        struct json *out;
        unsigned parts = 1, found = 0;
        buf_put_str(&text, heads[object]);
        for (; buf_size(&text) < DIGITAL_TWIN_PATCH_MAX - 16; parts++)
            buf_printf(&text, object ? ",\"%x\":1" : ",1", parts);
        buf_put_str(&text, object ? "}}]" : "]}]");
        struct json *patch = parse(&a, buf_cstr(&text));
        assert_int_equal(document_patch(&a, parse(&a, twin_text), patch, &out, &why), OK);
        for (const struct json *j = out->child->child; j; j = j->next)
            found += j->type != JSON_NULL;
        assert_true(found >= parts - 1);
        buf_free(&text);
        arena_free(&a);
    }
}

static void commands_of_components_are_methods_with_a_star(void **state)
{
    (void)state;
    struct buf name = {0};
    digital_twin_put_method(&name, SLICE_NONE, SLICE_LIT("reboot"));
    assert_string_equal(buf_cstr(&name), "reboot");
    buf_clear(&name);
    digital_twin_put_method(&name, SLICE_LIT("thermostat1"), SLICE_LIT("report"));
    assert_string_equal(buf_cstr(&name), "thermostat1*report");
    buf_free(&name);
}

/* ---- changes */

static void expect_change(const char *before, const char *after, const char *expected)
{
    struct buf out = {0};
    bool any = digital_twin_put_change(&out, slice_str(before), slice_str(after));
    assert_int_equal(any, expected != NULL);
    assert_string_equal(buf_size(&out) ? buf_cstr(&out) : "", expected ? expected : "");
    buf_free(&out);
}

#define TWIN(reported, metadata)                                                                   \
    "{\"deviceId\":\"d\",\"modelId\":\"m\",\"properties\":{\"desired\":{},\"reported\":{" reported \
    "\"$metadata\":{" metadata "}}}}"

static void a_change_is_a_patch_from_view_to_view(void **state)
{
    (void)state;
    static const char none[] = TWIN("", "");
    static const char one[] = TWIN("\"t\":1,", "\"t\":{\"$lastUpdated\":\"A\"}");
    static const char two[] = TWIN("\"t\":{\"x\":2},", "\"t\":{\"$lastUpdated\":\"B\"}");
    expect_change(one, one, NULL);
    expect_change(
        none, one,
        "[{\"op\":\"add\",\"path\":\"/$metadata/t\",\"value\":{\"lastUpdateTime\":\"A\"}},"
        "{\"op\":\"add\",\"path\":\"/t\",\"value\":1}]");
    expect_change(one, two,
                  "[{\"op\":\"replace\",\"path\":\"/$metadata/t/lastUpdateTime\",\"value\":\"B\"},"
                  "{\"op\":\"replace\",\"path\":\"/t\",\"value\":{\"x\":2}}]");
    expect_change(
        two, none,
        "[{\"op\":\"remove\",\"path\":\"/$metadata/t\"},{\"op\":\"remove\",\"path\":\"/t\"}]");
    expect_change("{", one, NULL);
}

static void components_come_whole_and_change_in_part(void **state)
{
    (void)state;
    static const char none[] = TWIN("", "");
    static const char one[] =
        TWIN("\"c\":{\"__t\":\"c\",\"a/b\":1},", "\"c\":{\"a/b\":{\"$lastUpdated\":\"A\"}}");
    static const char two[] =
        TWIN("\"c\":{\"__t\":\"c\",\"a/b\":2},", "\"c\":{\"a/b\":{\"$lastUpdated\":\"A\"}}");
    expect_change(none, one,
                  "[{\"op\":\"add\",\"path\":\"/c\",\"value\":{\"$metadata\":{\"a/b\":{"
                  "\"lastUpdateTime\":\"A\"}},\"a/b\":1}}]");
    expect_change(one, two, "[{\"op\":\"replace\",\"path\":\"/c/a~1b\",\"value\":2}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_without_a_model_shows_an_empty_one),
        cmocka_unit_test(properties_show_what_the_device_reported),
        cmocka_unit_test(acknowledged_properties_show_their_value_and_what_was_answered),
        cmocka_unit_test(properties_that_are_only_desired_are_there),
        cmocka_unit_test(components_are_objects_with_metadata_of_their_own),
        cmocka_unit_test(patches_become_merge_patches),
        cmocka_unit_test(bad_patches_are_refused_by_azures_names),
        cmocka_unit_test(a_patch_has_at_most_so_many_operations_and_a_path_so_many_segments),
        cmocka_unit_test(a_value_may_have_as_many_parts_as_fit_into_a_patch),
        cmocka_unit_test(commands_of_components_are_methods_with_a_star),
        cmocka_unit_test(a_change_is_a_patch_from_view_to_view),
        cmocka_unit_test(components_come_whole_and_change_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
