/* policy_test.c - what a hub is born with is what it keeps, until its policies are changed. */
#include <ctype.h>

#include "store/rig.h"

#include "base/limit.h"
#include "hub/policy/policy.h"
#include "hub/policy/test_sql.h"

struct fixture {
    struct rig rig;
    struct hub hub;
    struct policies policies;
};

static enum err load(struct fixture *f)
{
    f->hub = (struct hub){.store = f->rig.store, .name = "hub"};
    memset(&f->policies, 0, sizeof f->policies);
    return policy_load(&f->hub, &f->policies);
}

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    rig_init(&f->rig, io_mem_new());
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    free(f);
    return 0;
}

static void a_new_hub_has_six_policies(void **state)
{
    struct fixture *f = *state;
    enum {
        HUB = AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT
    };
    static const struct {
        const char *name;
        unsigned rights, none_of;
    } rows[] = {
        {"iothubowner", HUB, AUTH_ENROLLMENT_READ},
        {"service", AUTH_SERVICE_CONNECT, AUTH_DEVICE_CONNECT | AUTH_REGISTRY_READ},
        {"device", AUTH_DEVICE_CONNECT, AUTH_SERVICE_CONNECT | AUTH_REGISTRY_READ},
        {"registryRead", AUTH_REGISTRY_READ, AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT},
        {"registryReadWrite", AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE, AUTH_SERVICE_CONNECT},
        {"provisioningserviceowner", AUTH_ENROLLMENT_WRITE | AUTH_SERVICE_CONFIG, HUB},
    };
    assert_int_equal(load(f), OK);
    assert_int_equal(f->policies.count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < f->policies.count; i++) {
        const struct policy *p = policies_find(&f->policies, slice_str(rows[i].name));
        assert_non_null(p);
        assert_int_equal(p->rights & rows[i].rights, rows[i].rights);
        assert_int_equal(p->rights & rows[i].none_of, 0);
        assert_int_equal(p->keys[0].len, AUTH_KEY_MADE);
        assert_string_not_equal(p->keys[0].text, p->keys[1].text);
    }
    assert_ptr_equal(f->hub.policies, &f->policies);
}

static void no_host_is_called_like_the_id_scope(void **state)
{
    struct fixture *f = *state;
    char scope[HUB_ID_SCOPE_MAX + 1];
    assert_int_equal(load(f), OK);
    snprintf(scope, sizeof scope, "%s", f->hub.id_scope);
    for (char *c = scope; *c; c++) *c = (char)tolower((unsigned char)*c);
    f->hub = (struct hub){.store = f->rig.store, .name = "hub"};
    assert_int_equal(hub_add_host(&f->hub, SLICE_LIT("hub.example")), OK);
    assert_int_equal(policy_load(&f->hub, &f->policies), OK);
    assert_int_equal(hub_add_host(&f->hub, slice_str(scope)), OK);
    assert_int_equal(policy_load(&f->hub, &f->policies), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "--hostname"));
}

static void keys_scope_and_birthday_stay(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f), OK);
    struct policies first = f->policies;
    struct hub hub = f->hub;
    assert_int_equal(hub.created_us, clock_wall_us());
    assert_int_equal(strlen(hub.id_scope), 11);
    assert_int_equal(strncmp(hub.id_scope, "0ne", 3), 0);
    rig_pass(&f->rig, 5000000);
    io_mem_crash(f->rig.io, 0); /* a first start that was answered is durable */
    rig_restart(&f->rig);
    assert_int_equal(load(f), OK);
    assert_memory_equal(&f->policies, &first, sizeof first);
    assert_string_equal(f->hub.id_scope, hub.id_scope);
    assert_int_equal(f->hub.created_us, hub.created_us);
}

static void two_hubs_share_no_key(void **state)
{
    struct fixture *f = *state, other;
    rig_init(&other.rig, io_mem_new());
    assert_int_equal(load(f), OK);
    assert_int_equal(load(&other), OK);
    for (size_t i = 0; i < f->policies.count; i++)
        assert_string_not_equal(f->policies.items[i].keys[0].text,
                                other.policies.items[i].keys[0].text);
    assert_string_not_equal(f->hub.id_scope, other.hub.id_scope);
    rig_fini(&other.rig);
}

static void damaged_policies_are_not_replaced_by_new_ones(void **state)
{
    struct fixture *f = *state;
    struct store_request u;
    assert_int_equal(load(f), OK);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_damage, 1);
    assert_int_equal(store_now_unit(f->rig.store, &u), OK);
    assert_int_equal(load(f), ERR_INVALID);
}

static void a_store_that_fails_makes_no_hub(void **state)
{
    struct fixture *f = *state;
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(load(f), ERR_IO);
    assert_null(f->hub.policies);
}

/* ---- changes */

struct asker {
    struct policy_wait wait;
    unsigned answers;
    enum err result;
};

static void note_result(struct policy_wait *w, enum err result)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
}

static struct policy_keys *changes(struct fixture *f)
{
    assert_int_equal(load(f), OK);
    return policy_keys_new(&f->hub, rig_on(f->rig.cores[0]));
}

/* What became of it: at once, or when the store has answered. */
static enum err outcome(struct fixture *f, struct asker *a, enum err begun)
{
    if (begun != OK) return begun;
    rig_run(&f->rig);
    rig_on(f->rig.cores[0]);
    assert_int_equal(a->answers, 1);
    return a->result;
}

static enum err add(struct fixture *f, struct policy_keys *k, struct slice name)
{
    struct asker a = {.wait.fn = note_result};
    return outcome(f, &a, policy_add(k, name, AUTH_REGISTRY_READ, &a.wait));
}

static void a_new_policy_has_a_name_and_the_name_of_no_other(void **state)
{
    struct fixture *f = *state;
    struct policy_keys *k = changes(f);
    char name[SAS_POLICY_MAX + 2] = "";
    memset(name, 'n', SAS_POLICY_MAX + 1);
    assert_int_equal(add(f, k, SLICE_NONE), ERR_INVALID);
    assert_int_equal(add(f, k, SLICE_LIT("a b")), ERR_INVALID);
    assert_int_equal(add(f, k, slice_str(name)), ERR_INVALID);
    assert_int_equal(add(f, k, slice_of(name, SAS_POLICY_MAX)), OK);
    assert_int_equal(add(f, k, SLICE_LIT("Service")), ERR_EXISTS);
    assert_int_equal(f->hub.policies->count, 7);
    policy_keys_free(k);
}

static void there_are_so_many_policies_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    struct policy_keys *k = changes(f);
    struct asker a = {.wait.fn = note_result};
    char name[16];
    int64_t refused = limit_reached("policies");
    for (size_t i = f->hub.policies->count; i < AUTH_POLICIES_MAX; i++) {
        snprintf(name, sizeof name, "p%zu", i);
        assert_int_equal(add(f, k, slice_str(name)), OK);
    }
    assert_int_equal(add(f, k, SLICE_LIT("more")), ERR_FULL);
    assert_int_equal(limit_reached("policies") - refused, 1);
    enum err gone = policy_remove(k, SLICE_LIT("p7"), &a.wait);
    assert_int_equal(outcome(f, &a, gone), OK);
    assert_int_equal(add(f, k, SLICE_LIT("more")), OK);
    policy_keys_free(k);
}

static void of_two_changes_at_once_the_second_is_refused_and_harms_none(void **state)
{
    struct fixture *f = *state;
    struct policy_keys *k = changes(f);
    struct asker first = {.wait.fn = note_result}, second = first;
    struct slice reader = SLICE_LIT("registryRead");
    assert_int_equal(policy_add(k, SLICE_LIT("a"), AUTH_REGISTRY_READ, &first.wait), OK);
    const enum err refused[] = {
        policy_add(k, SLICE_LIT("b"), AUTH_REGISTRY_READ, &second.wait),
        policy_set_rights(k, reader, AUTH_SERVICE_CONNECT, &second.wait),
        policy_remove(k, reader, &second.wait),
        policy_renew(k, reader, 0, &second.wait),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(refused[i], ERR_THROTTLED);
    assert_int_equal(outcome(f, &first, OK), OK);
    assert_int_equal(second.answers, 0);
    assert_int_equal(add(f, k, SLICE_LIT("b")), OK);
    policy_keys_free(k);
    rig_restart(&f->rig);
    assert_int_equal(load(f), OK);
    assert_int_equal(f->policies.count, 8);
    assert_non_null(policies_find(&f->policies, SLICE_LIT("a")));
    assert_non_null(policies_find(&f->policies, SLICE_LIT("b")));
    assert_int_equal(policies_find(&f->policies, reader)->rights, AUTH_REGISTRY_READ);
}

static void a_change_that_the_store_refuses_has_not_happened(void **state)
{
    struct fixture *f = *state;
    struct policy_keys *k = changes(f);
    const struct policies *before = f->hub.policies;
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(add(f, k, SLICE_LIT("a")), ERR_IO);
    assert_ptr_equal(f->hub.policies, before);
    policy_keys_free(k);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_new_hub_has_six_policies),
        CASE(keys_scope_and_birthday_stay),
        CASE(two_hubs_share_no_key),
        CASE(damaged_policies_are_not_replaced_by_new_ones),
        CASE(a_store_that_fails_makes_no_hub),
        CASE(a_new_policy_has_a_name_and_the_name_of_no_other),
        CASE(there_are_so_many_policies_and_not_one_more),
        CASE(of_two_changes_at_once_the_second_is_refused_and_harms_none),
        CASE(a_change_that_the_store_refuses_has_not_happened),
        CASE(no_host_is_called_like_the_id_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
