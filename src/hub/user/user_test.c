/* user_test.c - users are made, changed and checked, and outlive the server. */
#include "base/limit.h"
#include "store/rig.h"

#include "hub/user/user.h"

enum { QUICK = 4 }; /* cost */

#define GOOD SLICE_LIT("correct horse")
#define NEXT SLICE_LIT("battery staple")

struct fixture {
    struct rig rig;
    struct hub hub;
    struct users *users;
    struct lane *hashing;
};

static void open_users(struct fixture *f)
{
    struct lane *core = f->rig.cores[0];
    f->hub = (struct hub){.office = &f->rig.office, .store = f->rig.store};
    f->hashing = rig_lane(&f->rig, "password");
    assert_int_equal(users_new(&f->hub, core, f->hashing, QUICK, &f->users), OK);
}

static void restart(struct fixture *f)
{
    users_free(f->users);
    rig_restart(&f->rig);
    open_users(f);
}

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    rig_init(&f->rig, io_mem_new());
    open_users(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    users_free(f->users);
    rig_fini(&f->rig);
    free(f);
    return 0;
}

struct asker {
    struct user_wait wait;
    unsigned answers;
    enum err result;
};

static void note(struct user_wait *w, enum err result)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
}

static struct users *on_core(struct fixture *f, struct asker *a)
{
    *a = (struct asker){.wait.fn = note};
    rig_on(f->rig.cores[0]);
    return f->users;
}

/* What was said at once or, if it was OK, later. */
static enum err result_of(struct fixture *f, struct asker *a, enum err at_once)
{
    rig_run(&f->rig);
    assert_int_equal(a->answers, at_once == OK);
    return at_once == OK ? a->result : at_once;
}

static enum err create(struct fixture *f, const char *name, enum user_role role,
                       struct slice password)
{
    struct asker a;
    struct users *u = on_core(f, &a);
    return result_of(f, &a, users_create(u, slice_str(name), role, password, &a.wait));
}

static enum err change(struct fixture *f, const char *name, struct user_change change)
{
    struct asker a;
    struct users *u = on_core(f, &a);
    return result_of(f, &a, users_change(u, slice_str(name), &change, &a.wait));
}

static enum err delete(struct fixture *f, const char *name) {
    struct asker a; struct users *u = on_core(f, &a);
    return result_of(f, &a, users_delete(u, slice_str(name), &a.wait));
}

static enum err check(struct fixture *f, const char *name, struct slice password)
{
    struct asker a;
    struct users *u = on_core(f, &a);
    return result_of(f, &a, users_check(u, slice_str(name), password, &a.wait));
}

static uint64_t edition(struct fixture *f, const char *name)
{
    return users_find(f->users, slice_str(name))->edition;
}

#define PASSWORD(text)                                                                             \
    (struct user_change)                                                                           \
    {                                                                                              \
        .password = text, .role = USER_ROLES                                                       \
    }
#define ROLE(r)                                                                                    \
    (struct user_change)                                                                           \
    {                                                                                              \
        .role = r                                                                                  \
    }
#define ENABLED(yes)                                                                               \
    (struct user_change)                                                                           \
    {                                                                                              \
        .role = USER_ROLES, .sets_enabled = true, .enabled = yes                                   \
    }

static void a_user_signs_in_with_his_password_also_after_a_restart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "Maria.K", USER_OPERATOR, GOOD), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(check(f, "maria.k", GOOD), OK);
        assert_int_equal(check(f, "MARIA.K", NEXT), ERR_DENIED);
        assert_int_equal(check(f, "mario", GOOD), ERR_DENIED);
        assert_int_equal(check(f, "", SLICE_NONE), ERR_DENIED);
        const struct user *user = users_at(f->users, 0);
        assert_string_equal(user->name, "Maria.K");
        assert_int_equal(user->role, USER_OPERATOR);
        assert_true(user->enabled && user->created_us > 0 && user->password_us > 0);
        restart(f);
    }
}

static void names_and_passwords_have_rules(void **state)
{
    struct fixture *f = *state;
    char longest[USER_NAME_MAX + 1] = {0}, longer[USER_NAME_MAX + 2] = {0};
    char most[USER_PASSWORD_MAX + 2] = {0};
    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    memset(most, 'p', sizeof most - 1);
    assert_int_equal(create(f, longest, USER_READER, GOOD), OK);
    assert_int_equal(create(f, longer, USER_READER, GOOD), ERR_INVALID);
    assert_int_equal(create(f, "", USER_READER, GOOD), ERR_INVALID);
    assert_int_equal(create(f, "a b", USER_READER, GOOD), ERR_INVALID);
    assert_int_equal(create(f, "a", USER_READER, slice_of(most, USER_PASSWORD_MIN - 1)),
                     ERR_INVALID);
    assert_int_equal(create(f, "a", USER_READER, slice_of(most, USER_PASSWORD_MAX + 1)),
                     ERR_INVALID);
    assert_int_equal(create(f, "a", USER_READER, slice_of(most, USER_PASSWORD_MIN)), OK);
    assert_int_equal(change(f, "a", PASSWORD(slice_of(most, USER_PASSWORD_MAX + 1))), ERR_INVALID);
    assert_int_equal(change(f, "a", PASSWORD(slice_of(most, USER_PASSWORD_MAX))), OK);
    assert_int_equal(check(f, "a", slice_of(most, USER_PASSWORD_MAX)), OK);
    assert_int_equal(check(f, "a", slice_of(most, USER_PASSWORD_MAX + 1)), ERR_DENIED);
    assert_int_equal(create(f, "A", USER_READER, GOOD), ERR_EXISTS);
}

static void what_is_changed_makes_another_edition_and_is_kept(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "ann", USER_READER, GOOD), OK);
    assert_int_equal(create(f, "bob", USER_READER, GOOD), OK);
    uint64_t ann = edition(f, "ann"), bob = edition(f, "bob");
    assert_non_null(users_standing(f->users, ann));
    assert_int_equal(change(f, "ann", ROLE(USER_ADMINISTRATOR)), OK);
    assert_null(users_standing(f->users, ann));
    assert_ptr_equal(users_standing(f->users, bob), users_find(f->users, SLICE_LIT("BOB")));
    assert_int_equal(change(f, "ann", PASSWORD(NEXT)), OK);
    assert_int_equal(check(f, "ann", GOOD), ERR_DENIED);
    assert_int_equal(change(f, "bob", ENABLED(false)), OK);
    assert_null(users_standing(f->users, edition(f, "bob")));
    assert_int_equal(check(f, "bob", GOOD), ERR_DENIED);
    restart(f);
    assert_int_equal(users_find(f->users, SLICE_LIT("ann"))->role, USER_ADMINISTRATOR);
    assert_int_equal(check(f, "ann", NEXT), OK);
    assert_int_equal(check(f, "bob", GOOD), ERR_DENIED);
    assert_int_equal(change(f, "bob", ENABLED(true)), OK);
    assert_int_equal(check(f, "bob", GOOD), OK);
    assert_int_equal(change(f, "bob", (struct user_change){.role = USER_ROLES}), ERR_INVALID);
    assert_int_equal(change(f, "eve", ROLE(USER_READER)), ERR_NOT_FOUND);
}

static void who_is_deleted_is_gone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "ann", USER_READER, GOOD), OK);
    assert_int_equal(delete (f, "ANN"), OK);
    assert_int_equal(delete (f, "ann"), ERR_NOT_FOUND);
    assert_int_equal(check(f, "ann", GOOD), ERR_DENIED);
    restart(f);
    assert_int_equal(users_count(f->users), 0);
}

/* While the password is hashed the name is taken, or the user deleted. */
static void who_was_faster_counts(void **state)
{
    struct fixture *f = *state;
    struct asker a, b, c;
    struct users *u = on_core(f, &a);
    on_core(f, &b);
    assert_int_equal(users_create(u, SLICE_LIT("x"), USER_READER, GOOD, &a.wait), OK);
    assert_int_equal(users_create(u, SLICE_LIT("X"), USER_OPERATOR, NEXT, &b.wait), OK);
    rig_run(&f->rig);
    assert_int_equal(a.result, OK);
    assert_int_equal(b.result, ERR_EXISTS);
    on_core(f, &a);
    on_core(f, &b);
    on_core(f, &c);
    assert_int_equal(users_change(u, SLICE_LIT("x"), &PASSWORD(NEXT), &a.wait), OK);
    assert_int_equal(users_check(u, SLICE_LIT("x"), GOOD, &b.wait), OK);
    assert_int_equal(users_delete(u, SLICE_LIT("x"), &c.wait), OK);
    rig_run(&f->rig);
    assert_int_equal(c.result, OK);
    assert_int_equal(a.result, ERR_NOT_FOUND);
    assert_int_equal(a.answers + b.answers + c.answers, 3);
}

/* He was changed before, while the password is hashed, or when the store has not yet said so. */
static void who_must_be_as_he_was_is_not_changed_otherwise(void **state)
{
    struct fixture *f = *state;
    struct asker a, b;
    assert_int_equal(create(f, "ann", USER_ADMINISTRATOR, GOOD), OK);
    struct user_change own = PASSWORD(NEXT);
    own.edition = edition(f, "ann");
    assert_int_equal(change(f, "ann", ROLE(USER_OPERATOR)), OK);
    assert_int_equal(change(f, "ann", own), ERR_CONFLICT);
    for (int hashed = 0; hashed < 2; hashed++) {
        own.edition = edition(f, "ann");
        struct users *u = on_core(f, &a);
        on_core(f, &b);
        assert_int_equal(users_change(u, SLICE_LIT("ann"), &own, &a.wait), OK);
        if (hashed) lane_run_once(f->hashing, rig_mono_us);
        rig_on(f->rig.cores[0]);
        assert_int_equal(users_change(u, SLICE_LIT("Ann"), &ROLE(USER_READER), &b.wait), OK);
        rig_run(&f->rig);
        assert_int_equal(b.result, OK);
        assert_int_equal(a.answers, 1);
        assert_int_equal(a.result, ERR_CONFLICT);
        assert_int_equal(check(f, "ann", GOOD), OK);
    }
    own.edition = edition(f, "ann");
    assert_int_equal(change(f, "ann", own), OK);
    assert_int_equal(check(f, "ann", NEXT), OK);
}

static void so_many_passwords_wait_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct asker a[USER_HASHES_MAX + 1];
    int64_t reached = limit_reached("password-hashes");
    for (size_t i = 0; i <= USER_HASHES_MAX; i++) {
        struct users *u = on_core(f, &a[i]);
        enum err e = users_check(u, SLICE_LIT("x"), GOOD, &a[i].wait);
        assert_int_equal(e, i < USER_HASHES_MAX ? OK : ERR_THROTTLED);
    }
    assert_int_equal(limit_reached("password-hashes") - reached, 1);
    rig_run(&f->rig);
    for (size_t i = 0; i < USER_HASHES_MAX; i++) assert_int_equal(a[i].answers, 1);
    assert_int_equal(check(f, "x", GOOD), ERR_DENIED);
}

static void there_are_so_many_users(void **state)
{
    struct fixture *f = *state;
    char name[16];
    int64_t reached = limit_reached("users");
    for (int i = 0; i < USERS_MAX; i++) {
        snprintf(name, sizeof name, "u%d", i);
        assert_int_equal(create(f, name, USER_READER, GOOD), OK);
    }
    assert_int_equal(create(f, "more", USER_READER, GOOD), ERR_FULL);
    assert_int_equal(limit_reached("users") - reached, 1);
    restart(f);
    assert_int_equal(users_count(f->users), USERS_MAX);
    assert_int_equal(delete (f, "u7"), OK);
    assert_int_equal(create(f, "more", USER_READER, GOOD), OK);
}

static void what_the_store_refuses_is_not_known(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, "ann", USER_READER, GOOD), OK);
    uint64_t before = edition(f, "ann");
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(create(f, "bob", USER_READER, GOOD), ERR_IO);
    assert_int_equal(change(f, "ann", ROLE(USER_OPERATOR)), ERR_IO);
    assert_int_equal(edition(f, "ann"), before);
    assert_int_equal(users_count(f->users), 1);
}

static void who_has_gone_is_not_told_and_it_happens_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct asker a;
    struct users *u = on_core(f, &a);
    assert_int_equal(users_create(u, SLICE_LIT("ann"), USER_READER, GOOD, &a.wait), OK);
    users_forget(&a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.answers, 0);
    assert_int_equal(check(f, "ann", GOOD), OK);
    u = on_core(f, &a);
    assert_int_equal(users_check(u, SLICE_LIT("ann"), GOOD, &a.wait), OK);
    restart(f); /* in the middle */
    assert_int_equal(a.answers, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_user_signs_in_with_his_password_also_after_a_restart),
        CASE(names_and_passwords_have_rules),
        CASE(what_is_changed_makes_another_edition_and_is_kept),
        CASE(who_is_deleted_is_gone),
        CASE(who_was_faster_counts),
        CASE(who_must_be_as_he_was_is_not_changed_otherwise),
        CASE(so_many_passwords_wait_and_no_more),
        CASE(there_are_so_many_users),
        CASE(what_the_store_refuses_is_not_known),
        CASE(who_has_gone_is_not_told_and_it_happens_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
