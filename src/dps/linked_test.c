/* linked_test.c - a core's copy of the linked hubs, as rows come and go. */
#include "base/test.h"

#include "dps/linked.h"
#include "hub/hub.h"

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static struct hub hub;
static struct linked linked;

static int set_up(void **state)
{
    (void)state;
    hub = (struct hub){.hosts = {"hub.test"}, .host_count = 1};
    linked = (struct linked){.hub = &hub};
    linked_apply(&linked, &(struct group_row){.id_lower = SLICE_LIT(LINKED_OWN),
                                              .document = SLICE_LIT("{\"name\":\"hub.test\"}"),
                                              .etag = 1});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    linked_fini(&linked);
    linked = (struct linked){0};
    return 0;
}

static void apply_b(void)
{
    static const char document[] = "{\"name\":\"b.test\",\"connectionString\":\"HostName=b.test;"
                                   "SharedAccessKeyName=p;SharedAccessKey=" KEY "\"}";
    linked_apply(&linked, &(struct group_row){.id_lower = SLICE_LIT("b.test"),
                                              .document = slice_str(document),
                                              .etag = 7});
}

static void a_row_makes_a_hub_and_one_without_a_document_takes_it_away(void **state)
{
    (void)state;
    apply_b();
    const struct linked_hub *b = linked_find(&linked, SLICE_LIT("B.test"));
    assert_non_null(b);
    assert_false(b->own);
    assert_int_equal(b->etag, 7);
    linked_apply(&linked, &(struct group_row){.id_lower = SLICE_LIT("b.test")});
    assert_null(linked_find(&linked, SLICE_LIT("b.test")));
}

static void a_row_whose_host_became_our_own_does_not_count(void **state)
{
    (void)state;
    apply_b();
    snprintf(hub.hosts[hub.host_count++], sizeof hub.hosts[0], "b.test");
    apply_b();
    assert_true(linked_find(&linked, SLICE_LIT("b.test"))->own);
    assert_int_equal(linked.by_id.count, 1);
    hub.host_count--;
    apply_b();
    assert_false(linked_find(&linked, SLICE_LIT("b.test"))->own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_makes_a_hub_and_one_without_a_document_takes_it_away),
        TEST(a_row_whose_host_became_our_own_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
