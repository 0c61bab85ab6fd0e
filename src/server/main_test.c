/* main_test.c - what the program does before anything else: its maps get a seed. */
#include "base/test.h"

int azimuth_main(int argc, char **argv);
#define main azimuth_main
#include "server/main.c" /* NOLINT(bugprone-suspicious-include): main() is all of it that is seen */
#undef main

enum { KEYS = 64 };

/* The keys of a map, in the order in which they lie in it: that is by their hashes. */
static void put_order(char out[KEYS + 1])
{
    static char keys[KEYS][2];
    struct map m = {0};
    const char *key;
    for (int i = 0; i < KEYS; i++) {
        keys[i][0] = (char)('0' + i);
        map_put(&m, slice_of(keys[i], 1), keys[i]);
    }
    for (size_t i = 0; (key = map_next(&m, &i)) != NULL;) *out++ = *key;
    *out = '\0';
    map_free(&m);
}

static void start(void)
{
    char name[] = "azimuth", version[] = "--version";
    char *argv[] = {name, version, NULL};
    assert_int_equal(azimuth_main(2, argv), 0);
}

static void each_start_has_a_seed_of_its_own_for_its_maps(void **state)
{
    (void)state;
    char unseeded[KEYS + 1], first[KEYS + 1], second[KEYS + 1];
    put_order(unseeded);
    start();
    put_order(first);
    start();
    put_order(second);
    assert_string_not_equal(first, unseeded);
    assert_string_not_equal(second, unseeded);
    assert_string_not_equal(second, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_start_has_a_seed_of_its_own_for_its_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
