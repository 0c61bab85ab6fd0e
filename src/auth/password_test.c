/* password_test.c - scrypt as another implementation has it, and what makes it another one. */
#include "base/test.h"

#include <string.h>

#include "auth/password.h"
#include "base/buf.h"
#include "base/text.h"

static void expect_hash(unsigned cost, const char *text, const char *hex)
{
    struct password p = password_new(cost);
    struct buf got = {0};
    memcpy(p.salt, "SodiumChlorideNa", sizeof p.salt);
    assert_int_equal(password_hash(&p, slice_str(text), p.hash), OK);
    text_hex(&got, slice_of(p.hash, sizeof p.hash));
    assert_string_equal(buf_cstr(&got), hex);
    assert_true(password_is(&p, p.hash));
    buf_free(&got);
}

/* By Python's hashlib.scrypt(text, salt=b"SodiumChlorideNa", n=1 << cost, r=8, p=1, dklen=32). */
static void it_is_scrypt(void **state)
{
    (void)state;
    expect_hash(4, "", "8d510fa6b1ea2bade48c138848764b73b1be065ea97034696c4f21773f0b6ff0");
    expect_hash(10, "pleaseletmein",
                "3c90b0d71fac6a5f1b6c94a939cb15db2367edeb25e86cd28a19cfbb63777178");
    expect_hash(PASSWORD_COST, "pleaseletmein",
                "419e3acc8ba3d68a40992941f7390ca0bdfd8110cb0d3e386323b21b26d7cbfc");
}

static void salt_text_and_cost_count(void **state)
{
    (void)state;
    uint8_t other[PASSWORD_HASH];
    struct password p = password_new(4), q = password_new(4);
    assert_memory_not_equal(p.salt, q.salt, sizeof p.salt);
    assert_int_equal(password_hash(&p, SLICE_LIT("a"), p.hash), OK);
    assert_int_equal(password_hash(&q, SLICE_LIT("a"), q.hash), OK);
    assert_false(password_is(&p, q.hash));
    assert_int_equal(password_hash(&p, SLICE_LIT("b"), other), OK);
    assert_false(password_is(&p, other));
    q = p;
    q.cost = 5;
    assert_int_equal(password_hash(&q, SLICE_LIT("a"), other), OK);
    assert_false(password_is(&p, other));
}

static void a_cost_beyond_the_most_is_refused(void **state)
{
    (void)state;
    uint8_t hash[PASSWORD_HASH];
    struct password p = password_new(4);
    p.cost = PASSWORD_COST_MAX + 1;
    assert_int_equal(password_hash(&p, SLICE_LIT("a"), hash), ERR_CORRUPT);
    p.cost = 0;
    assert_int_equal(password_hash(&p, SLICE_LIT("a"), hash), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_scrypt),
        cmocka_unit_test(salt_text_and_cost_count),
        cmocka_unit_test(a_cost_beyond_the_most_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
