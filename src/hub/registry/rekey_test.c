/* rekey_test.c - new keys for many identities in one call. */
#include "hub/registry/fixture.h"

#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZg=="
#define KEY_B "ZmVkY2JhOTg3NjU0MzIxMA=="
#define KEYS                                                                                       \
    "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B \
    "\"}}"

static enum status rekey(struct fixture *f, struct reply *r, const char *json)
{
    registry_rekey(asking(f, r), slice_str(json), &r->wait);
    rig_run(&f->rig);
    assert_int_equal(r->answers, 1);
    return r->status;
}

static const struct json *nth(const struct json *result, const char *list, unsigned n)
{
    const struct json *j = json_get(result, list)->child;
    while (j && n--) j = j->next;
    return j;
}

static void expect_error(const struct json *result, unsigned n, const char *id, const char *module,
                         const char *code)
{
    const struct json *e = nth(result, "errors", n);
    assert_non_null(e);
    assert_string_equal(text_at(e, "id"), id);
    assert_string_equal(text_at(e, "moduleId"), module);
    assert_string_equal(text_at(e, "errorCode"), code);
    assert_true(json_str(e, "errorStatus").len > 0);
}

/* ---- */

static void the_keys_that_were_named_are_new_and_all_else_stays(void **state)
{
    static const struct {
        const char *word, *named;
        bool fresh[2];
    } rows[] = {{"primaryKey", "primaryKey", {true, false}},
                {"SecondaryKey", "secondaryKey", {false, true}},
                {"both", "both", {true, true}}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply before, r, after;
        char json[128], id[4] = {'d', (char)('0' + i)};
        put(f, &before, id, NULL, "{\"status\":\"disabled\",\"statusReason\":\"why\"," KEYS "}");
        snprintf(json, sizeof json, "{\"policyKey\":\"%s\",\"devices\":[{\"id\":\"%s\"}]}",
                 rows[i].word, id);
        assert_int_equal(rekey(f, &r, json), STATUS_OK);
        assert_false(nth(r.body, "errors", 0));
        assert_string_equal(text_at(r.body, "policyKey"), rows[i].named);
        const struct json *keys = nth(r.body, "rotatedKeys", 0);
        assert_string_equal(text_at(keys, "id"), id);
        assert_string_equal(text_at(keys, "moduleId"), "null");
        get(f, &after, id);
        const struct json *now = at(after.body, "authentication.symmetricKey");
        assert_string_equal(text_at(now, "primaryKey"), text_at(keys, "primaryKey"));
        assert_string_equal(text_at(now, "secondaryKey"), text_at(keys, "secondaryKey"));
        assert_int_equal(strcmp(text_at(now, "primaryKey"), KEY_A) != 0, rows[i].fresh[0]);
        assert_int_equal(strcmp(text_at(now, "secondaryKey"), KEY_B) != 0, rows[i].fresh[1]);
        assert_string_not_equal(before.etag, after.etag);
        assert_string_equal(text_at(after.body, "status"), "disabled");
        assert_string_equal(text_at(after.body, "statusReason"), "why");
        assert_string_equal(text_at(after.body, "generationId"),
                            text_at(before.body, "generationId"));
        reply_free(&before);
        reply_free(&r);
        reply_free(&after);
    }
}

static void entries_are_independent_and_each_that_failed_says_why(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "there", NULL, "{}");
    put_only(f, "there/m", NULL, "{}");
    put_only(f, "edge", NULL, "{\"capabilities\":{\"iotEdge\":true}}");
    put_only(f, "ca", NULL, "{\"authentication\":{\"type\":\"certificateAuthority\"}}");
    rekey(f, &r,
          "{\"policyKey\":\"both\",\"devices\":[{\"id\":\"absent\"},{\"id\":\"there\"},"
          "{\"id\":\"ca\"},{\"id\":\"there\",\"moduleId\":\"m\"},{\"id\":\"a/b\"},{},7,"
          "{\"id\":\"edge\"},{\"id\":\"edge\"},{\"id\":\"there\",\"moduleId\":\"absent\"},"
          "{\"id\":\"edge\",\"moduleId\":\"$edgeHub\"}]}");
    assert_int_equal(r.status, STATUS_OK);
    assert_true(r.partly);
    assert_string_equal(text_at(nth(r.body, "rotatedKeys", 0), "id"), "there");
    assert_string_equal(text_at(nth(r.body, "rotatedKeys", 0), "moduleId"), "null");
    assert_string_equal(text_at(nth(r.body, "rotatedKeys", 1), "moduleId"), "m");
    assert_null(nth(r.body, "rotatedKeys", 2));
    expect_error(r.body, 0, "absent", "null", "DeviceNotFound");
    expect_error(r.body, 1, "ca", "null", "ArgumentInvalid");
    expect_error(r.body, 2, "a/b", "null", "ArgumentInvalid");
    expect_error(r.body, 3, "", "null", "ArgumentInvalid");
    expect_error(r.body, 4, "", "null", "ArgumentInvalid");
    expect_error(r.body, 5, "edge", "null", "DeviceDefinedMultipleTimes");
    expect_error(r.body, 6, "edge", "null", "DeviceDefinedMultipleTimes");
    expect_error(r.body, 7, "there", "absent", "ModuleNotFound");
    expect_error(r.body, 8, "edge", "$edgeHub", "ArgumentInvalid");
    assert_null(nth(r.body, "errors", 9));
    reply_free(&r);
}

static void if_none_has_new_keys_the_call_failed(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    assert_int_equal(
        rekey(f, &r, "{\"policyKey\":\"primaryKey\",\"devices\":[{\"id\":\"absent\"}]}"),
        STATUS_BULK_REGENERATE_KEY_FAILURE);
    assert_false(r.partly);
    expect_error(r.body, 0, "absent", "null", "DeviceNotFound");
    reply_free(&r);
    assert_int_equal(rekey(f, &r, "{\"policyKey\":\"primaryKey\",\"devices\":[]}"), STATUS_OK);
    reply_free(&r);
}

static void a_call_names_at_most_100_identities(void **state)
{
    struct fixture *f = *state;
    for (int entries = REGISTRY_BULK_MAX; entries <= REGISTRY_BULK_MAX + 1; entries++) {
        struct buf json = {0};
        struct reply r;
        buf_put_str(&json, "{\"policyKey\":\"primaryKey\",\"devices\":[");
        for (int i = 0; i < entries; i++) {
            char id[16];
            snprintf(id, sizeof id, "d%d", i);
            put_only(f, id, NULL, "{}");
            buf_printf(&json, "%s{\"id\":\"%s\"}", i ? "," : "", id);
        }
        buf_put_str(&json, "]}");
        enum status status = rekey(f, &r, buf_cstr(&json));
        assert_int_equal(status, entries > REGISTRY_BULK_MAX ? STATUS_ARGUMENT_INVALID : STATUS_OK);
        if (status == STATUS_OK)
            assert_string_equal(text_at(nth(r.body, "rotatedKeys", 99), "id"), "d99");
        reply_free(&r);
        buf_free(&json);
    }
}

static void what_is_no_call_is_refused(void **state)
{
    static const struct {
        const char *json;
        enum status status;
    } rows[] = {
        {"{", STATUS_DESERIALIZATION_ERROR},
        {"[]", STATUS_INVALID_POLICY_KEY},
        {"{\"devices\":[]}", STATUS_INVALID_POLICY_KEY},
        {"{\"policyKey\":\"Unknown\",\"devices\":[]}", STATUS_INVALID_POLICY_KEY},
        {"{\"policyKey\":\"both\"}", STATUS_ARGUMENT_INVALID},
        {"{\"policyKey\":\"both\",\"devices\":null}", STATUS_ARGUMENT_INVALID},
        {"{\"policyKey\":\"both\",\"devices\":{}}", STATUS_ARGUMENT_INVALID},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        assert_int_equal(rekey(f, &r, rows[i].json), rows[i].status);
        assert_null(r.body);
        assert_true(strlen(r.text) > 0);
        reply_free(&r);
    }
}

struct heard {
    struct registry_listener listener;
    unsigned rekeyed, other;
    char old_key[64];
};

static void hear(struct registry_listener *l, struct slice who, enum registry_change change)
{
    struct heard *h = CONTAINER_OF(l, struct heard, listener);
    (void)who;
    if (change == REGISTRY_KEYS_CHANGED)
        h->rekeyed++;
    else
        h->other++;
}

static void hear_rekeying(struct registry_listener *l, const struct identity *old)
{
    struct heard *h = CONTAINER_OF(l, struct heard, listener);
    snprintf(h->old_key, sizeof h->old_key, "%.*s", SLICE_ARG(old->key_texts[0]));
}

/* Sessions end by that (hub/session), as after a PUT with other keys. */
static void who_relies_on_the_keys_is_told(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.listener = {.changed = hear, .rekeying = hear_rekeying}};
    struct reply r;
    put_only(f, "d", NULL, "{" KEYS "}");
    registry_listen(f->registries[0], &heard.listener);
    rekey(f, &r, "{\"policyKey\":\"primaryKey\",\"devices\":[{\"id\":\"d\"}]}");
    assert_int_equal(heard.rekeyed, 1);
    assert_int_equal(heard.other, 0);
    assert_string_equal(heard.old_key, KEY_A);
    reply_free(&r);
}

#define CASE(name)          cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CASE_OF_THREE(name) cmocka_unit_test_setup_teardown(name, set_up_three_cores, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_keys_that_were_named_are_new_and_all_else_stays),
        CASE_OF_THREE(entries_are_independent_and_each_that_failed_says_why),
        CASE(if_none_has_new_keys_the_call_failed),
        CASE_OF_THREE(a_call_names_at_most_100_identities),
        CASE(what_is_no_call_is_refused),
        CASE(who_relies_on_the_keys_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
