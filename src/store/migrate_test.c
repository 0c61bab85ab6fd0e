/* migrate_test.c - from an older version to a newer one, and never the other way. */
#include "base/test.h"

#include "base/io_mem.h"
#include "base/say.h"
#include "store/sqlite/sqlite.h"

static const struct store_migration first[] = {
    {1, "one", "CREATE TABLE one (id BIGINT PRIMARY KEY); INSERT INTO one VALUES (1)"},
    {0, NULL, NULL},
};
static const struct store_migration both[] = {
    {1, "one", "CREATE TABLE one (id BIGINT PRIMARY KEY); INSERT INTO one VALUES (1)"},
    {2, "two", "INSERT INTO one VALUES (2); CREATE TABLE two (id BIGINT PRIMARY KEY)"},
    {0, NULL, NULL},
};
static const struct store_migration broken[] = {
    {1, "one", "CREATE TABLE one (id BIGINT PRIMARY KEY); INSERT INTO one VALUES (1)"},
    {2, "two", "INSERT INTO one VALUES (2); CREATE TABLE two (id BIGINT PRIMARY KEY)"},
    {3, "broken", "INSERT INTO one VALUES (3); INSERT INTO one VALUES (3)"},
    {0, NULL, NULL},
};

static enum err migrate(struct io *io, const struct store_migration *list)
{
    struct engine *e;
    assert_int_equal(store_sqlite.open(io, &e), OK);
    enum err err = store_migrate(&store_sqlite, e, list);
    store_sqlite.close(e);
    return err;
}

/* Does the script run on what is there?  It is rolled back. */
static bool runs(struct io *io, const char *sql)
{
    struct engine *e;
    assert_int_equal(store_sqlite.open(io, &e), OK);
    assert_int_equal(store_sqlite.begin(e), OK);
    bool ran = store_sqlite.script(e, sql) == OK;
    store_sqlite.rollback(e);
    store_sqlite.close(e);
    return ran;
}

static void an_older_store_is_brought_up_to_date(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    assert_int_equal(migrate(io, first), OK);
    assert_false(runs(io, "INSERT INTO two VALUES (1)"));
    assert_int_equal(migrate(io, both), OK);
    assert_true(runs(io, "INSERT INTO two VALUES (1)"));
    assert_int_equal(migrate(io, both), OK); /* nothing to do */
    assert_false(runs(io, "INSERT INTO one VALUES (2)"));
    io_free(io);
}

static void a_new_store_gets_all_of_them(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    assert_int_equal(migrate(io, both), OK);
    assert_true(runs(io, "INSERT INTO two VALUES (1)"));
    io_free(io);
}

static void a_newer_store_is_refused_by_both_numbers(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    assert_int_equal(migrate(io, both), OK);
    assert_int_equal(migrate(io, first), ERR_VERSION);
    assert_string_equal(fail_text(), "the store has schema version 2, this program knows up to 1");
    assert_true(runs(io, "INSERT INTO two VALUES (1)"));
    io_free(io);
}

static void one_that_fails_leaves_the_store_as_it_was(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    assert_int_equal(migrate(io, first), OK);
    assert_int_equal(migrate(io, broken), ERR_CONFLICT);
    assert_true(runs(io, "INSERT INTO one VALUES (2); INSERT INTO one VALUES (3)"));
    assert_false(runs(io, "INSERT INTO two VALUES (1)"));
    assert_int_equal(migrate(io, both), OK);
    io_free(io);
}

static void a_power_cut_in_the_middle_leaves_all_or_nothing(void **state)
{
    (void)state;
    for (uint64_t cut = 1; cut <= 20; cut++) {
        struct io *io = io_mem_new();
        assert_int_equal(migrate(io, first), OK);
        struct engine *e;
        assert_int_equal(store_sqlite.open(io, &e), OK);
        io_mem_fail(io, IO_CALL_WRITE, cut, ERR_IO, true);
        enum err err = store_migrate(&store_sqlite, e, both);
        io_mem_crash(io, cut);
        store_sqlite.close(e);
        io_mem_fail(io, IO_CALL_WRITE, 0, OK, false);
        if (err == OK) assert_true(runs(io, "INSERT INTO two VALUES (1)"));
        assert_int_equal(runs(io, "INSERT INTO one VALUES (2)"),
                         !runs(io, "INSERT INTO two VALUES (1)"));
        assert_int_equal(migrate(io, both), OK);
        io_free(io);
    }
}

static void the_programs_own_list_makes_its_tables(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    assert_int_equal(migrate(io, store_migrations), OK);
    assert_true(runs(io, "SELECT * FROM identity"));
    io_free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_store_is_brought_up_to_date),
        cmocka_unit_test(a_new_store_gets_all_of_them),
        cmocka_unit_test(a_newer_store_is_refused_by_both_numbers),
        cmocka_unit_test(one_that_fails_leaves_the_store_as_it_was),
        cmocka_unit_test(a_power_cut_in_the_middle_leaves_all_or_nothing),
        cmocka_unit_test(the_programs_own_list_makes_its_tables),
    };
    say_level_max = SAY_WARN;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
