/* former_test.c - tokens signed with keys that were replaced. */
#include "base/test.h"

#include "hub/session/former.h"

static struct identity of(const char *device_id, const char *key)
{
    return (struct identity){.device_id = slice_str(device_id), .keys = {slice_str(key)}};
}

static int64_t signed_with(const struct formers *f, const char *who, const char *key)
{
    struct buf text = {0};
    struct sas t;
    sas_make(&text, SLICE_LIT("hub.test/devices/d"), slice_str(key), NULL, 2000000000);
    assert_int_equal(sas_parse(buf_slice(&text), &t), OK);
    int64_t when = formers_signed(f, slice_str(who), &t);
    buf_free(&text);
    return when;
}

static void a_replaced_key_is_known_until_others_push_it_out(void **state)
{
    struct formers f;
    struct identity old = of("d", "first key of them");
    char name[16];
    (void)state;
    formers_init(&f);
    formers_add(&f, &old, 7);
    assert_int_equal(signed_with(&f, "d", "first key of them"), 7);
    assert_int_equal(signed_with(&f, "d", "another key"), 0);
    assert_int_equal(signed_with(&f, "e", "first key of them"), 0);
    for (int i = 1; i < FORMER_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        struct identity other = of(name, "some other key");
        formers_add(&f, &other, 8);
    }
    assert_int_equal(signed_with(&f, "d", "first key of them"), 7);
    struct identity last = of("last", "some other key");
    formers_add(&f, &last, 9);
    assert_int_equal(signed_with(&f, "d", "first key of them"), 0);
    assert_int_equal(signed_with(&f, "last", "some other key"), 9);
    formers_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_key_is_known_until_others_push_it_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
