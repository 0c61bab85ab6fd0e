/* person_test.c - roles of claims, and names that people give themselves. */
#include "base/test.h"

#include <string.h>

#include "base/arena.h"
#include "front/console/person.h"

static struct arena arena;

static const struct json *claims(const char *text)
{
    struct json *j;
    assert_int_equal(json_parse(&arena, slice_str(text), &j), OK);
    return j;
}

static void the_strongest_role_of_a_claim_counts(void **state)
{
    (void)state;
    static const char *const roles[] = {"iot=reader", "ops=operator", "a=b=administrator"};
    const struct rest_oidc mapped = {.role_claim = "groups", .roles = roles, .role_count = 3};
    const struct rest_oidc plain = {.role_claim = "roles"};
    static const struct {
        bool mapped;
        const char *claims;
        enum user_role role;
    } rows[] = {
        {false, "{\"roles\":\"operator\"}", USER_OPERATOR},
        {false, "{\"roles\":[\"x\",\"reader\",\"Administrator\",\"operator\"]}",
         USER_ADMINISTRATOR},
        {false, "{\"roles\":[]}", USER_ROLES},
        {false, "{\"roles\":[7,null,{\"a\":\"reader\"}]}", USER_ROLES},
        {false, "{\"roles\":{\"reader\":true}}", USER_ROLES},
        {false, "{\"groups\":\"reader\"}", USER_ROLES},
        {true, "{\"groups\":[\"iot\",\"ops\"]}", USER_OPERATOR},
        {true, "{\"groups\":\"a=b\"}", USER_ADMINISTRATOR},
        {true, "{\"groups\":\"IOT\"}", USER_ROLES},
        {true, "{\"groups\":\"administrator\"}", USER_ROLES},
        {true, "{\"roles\":\"ops\"}", USER_ROLES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (person_role(rows[i].mapped ? &mapped : &plain, claims(rows[i].claims)) != rows[i].role)
            fail_msg("%s", rows[i].claims);
    arena_free(&arena);
}

static void a_name_is_shown_as_it_is_as_far_as_it_is_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *name;
    } rows[] = {
        {"{\"sub\":\"7\"}", "7"},
        {"{\"sub\":\"7\",\"name\":\"Jos\xc3\xa9 M.\"}", "Jos\xc3\xa9 M."},
        {"{\"sub\":\"7\",\"name\":\"n\",\"preferred_username\":\"p\"}", "p"},
        {"{\"sub\":\"7\",\"preferred_username\":\"p\",\"email\":\"e@x\"}", "e@x"},
        {"{\"sub\":\"7\",\"email\":\"\",\"name\":7}", "7"},
        {"{\"sub\":\"a\\\" b\\n\\\\c\\u007f\"}", "a? b??c?"},
    };
    char name[PERSON_NAME_MAX + 1], longest[128] = "{\"sub\":\"";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        person_name(claims(rows[i].claims), name);
        assert_string_equal(name, rows[i].name);
    }
    memset(longest + strlen(longest), 'a', PERSON_NAME_MAX - 1);
    strcat(longest, "\xc3\xa9\"}"); /* its second byte would be one too many */
    person_subject(claims(longest), name);
    assert_int_equal(strlen(name), PERSON_NAME_MAX - 1);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_role_of_a_claim_counts),
        cmocka_unit_test(a_name_is_shown_as_it_is_as_far_as_it_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
