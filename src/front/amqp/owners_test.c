/* owners_test.c - owner levels: who reads, who is refused, who is stolen from. */
#include "base/test.h"

#include "front/amqp/owners.h"

enum { READERS_MAX = 3, READERS = 8 };

static struct lane lane;
static struct owners *owners;

/* What each reader was told last. */
static struct told {
    struct owners_claimed claimed;
    bool answered, stolen;
    struct addr addr;
    struct owners_claim claim;
} readers[READERS];

static void on_claimed(void *ctx, struct lane *l, struct msg *m)
{
    (void)ctx;
    struct told *reader = slot_get(l, m->to);
    memcpy(&reader->claimed, m->body, sizeof reader->claimed);
    reader->answered = true;
}

static void on_stolen(void *ctx, struct lane *l, struct msg *m)
{
    (void)ctx;
    struct told *reader = slot_get(l, m->to);
    reader->stolen = true;
}

static void tell(size_t i, unsigned kind)
{
    struct msg *m = msg_new(kind, sizeof readers[i].claim);
    memcpy(m->body, &readers[i].claim, sizeof readers[i].claim);
    post(&lane, readers[i].addr, lane_addr(&lane), m);
    while (lane_has_mail(&lane)) lane_run_once(&lane, 0);
}

static enum err claim(size_t i, const char *group, uint16_t partition, int64_t level)
{
    readers[i].claim = (struct owners_claim){.partition = partition, .level = level};
    snprintf(readers[i].claim.group, sizeof readers[i].claim.group, "%s", group);
    snprintf(readers[i].claim.name, sizeof readers[i].claim.name, "r%zu", i);
    readers[i].answered = readers[i].stolen = false;
    tell(i, OWNERS_CLAIM);
    assert_true(readers[i].answered);
    return readers[i].claimed.err;
}

static int set_up(void **state)
{
    (void)state;
    static struct office office;
    office = (struct office){0};
    lane_init(&lane, &office, "core");
    owners = owners_new(&lane, READERS_MAX);
    lane_on(&lane, OWNERS_CLAIMED, on_claimed, NULL);
    lane_on(&lane, OWNERS_STOLEN, on_stolen, NULL);
    for (size_t i = 0; i < READERS; i++) readers[i].addr = slot_new(&lane, &readers[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    owners_free(owners);
    lane_fini(&lane);
    return 0;
}

static void a_higher_or_equal_level_steals(void **state)
{
    (void)state;
    assert_int_equal(claim(0, "g", 1, 5), OK);
    assert_int_equal(claim(1, "g", 1, 5), OK);
    assert_true(readers[0].stolen);
    assert_int_equal(claim(2, "g", 1, 9), OK);
    assert_true(readers[1].stolen);
    assert_false(readers[2].stolen);
}

static void a_lower_or_missing_level_is_refused_and_told_by_whom(void **state)
{
    (void)state;
    assert_int_equal(claim(0, "g", 1, 5), OK);
    assert_int_equal(claim(1, "g", 1, 4), ERR_DENIED);
    assert_string_equal(readers[1].claimed.by.name, "r0");
    assert_int_equal(claim(2, "g", 1, OWNER_NO_LEVEL), ERR_DENIED);
    assert_false(readers[0].stolen);
}

static void a_level_ends_all_readers_without_one(void **state)
{
    (void)state;
    assert_int_equal(claim(0, "g", 1, OWNER_NO_LEVEL), OK);
    assert_int_equal(claim(1, "G", 1, OWNER_NO_LEVEL), OK);
    assert_int_equal(claim(2, "g", 1, 0), OK);
    assert_true(readers[0].stolen && readers[1].stolen);
}

static void readers_without_a_level_have_a_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < READERS_MAX; i++) assert_int_equal(claim(i, "g", 1, OWNER_NO_LEVEL), OK);
    assert_int_equal(claim(READERS_MAX, "g", 1, OWNER_NO_LEVEL), ERR_FULL);
    tell(0, OWNERS_RELEASE);
    assert_int_equal(claim(READERS_MAX, "g", 1, OWNER_NO_LEVEL), OK);
}

static void other_groups_and_partitions_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(claim(0, "g", 1, 5), OK);
    assert_int_equal(claim(1, "other", 1, OWNER_NO_LEVEL), OK);
    assert_int_equal(claim(2, "g", 2, OWNER_NO_LEVEL), OK);
    assert_int_equal(claim(3, "g", 1 + 256, OWNER_NO_LEVEL), OK);
    assert_false(readers[0].stolen);
}

static void a_released_partition_is_free(void **state)
{
    (void)state;
    assert_int_equal(claim(0, "g", 1, 5), OK);
    tell(0, OWNERS_RELEASE);
    assert_int_equal(claim(1, "g", 1, OWNER_NO_LEVEL), OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_higher_or_equal_level_steals),
        TEST(a_lower_or_missing_level_is_refused_and_told_by_whom),
        TEST(a_level_ends_all_readers_without_one),
        TEST(readers_without_a_level_have_a_limit),
        TEST(other_groups_and_partitions_do_not_matter),
        TEST(a_released_partition_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
