/* linked_test.c - what a linked hub's document may say, how it is shown, and the copies that cores keep. */
#include "base/test.h"

#include "dps/linked.h"
#include "hub/hub.h"

static struct arena arena;
static struct hub hub;
static struct linked linked;

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define AT(host)                                                                                   \
    "\"connectionString\":\"HostName=" host ";SharedAccessKeyName=p;SharedAccessKey=" KEY "\""
#define MASKED(h)                                                                                  \
    "\"connectionString\":\"HostName=" h ";SharedAccessKeyName=p;SharedAccessKey=****\""

static int set_up(void **state)
{
    (void)state;
    arena = (struct arena){0};
    hub = (struct hub){0};
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("hub.test")), OK);
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("localhost")), OK);
    linked = (struct linked){.hub = &hub};
    linked_apply(&linked, &(struct group_row){.id_lower = SLICE_LIT(LINKED_OWN)});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    linked_fini(&linked);
    arena_free(&arena);
    return 0;
}

static enum err read_over(const char *text, const struct linked_hub *old, struct linked_hub *out)
{
    struct json *doc;
    assert_int_equal(json_parse(&arena, slice_str(text), &doc), OK);
    return linked_read(&arena, &hub, doc, old, out);
}

static struct linked_hub good(const char *text, const struct linked_hub *old)
{
    struct linked_hub h;
    if (read_over(text, old, &h) != OK) fail_msg("%s", fail_text());
    return h;
}

static const char *shown(const struct linked_hub *h, bool stored)
{
    static struct buf text;
    buf_clear(&text);
    linked_write(&text, h, stored);
    return buf_cstr(&text);
}

static void put(const char *id, const char *document)
{
    linked_apply(&linked, &(struct group_row){.id_lower = slice_str(id),
                                              .document = slice_str(document),
                                              .etag = 5,
                                              .created_us = 1,
                                              .updated_us = 2});
}

static void a_hub_is_known_by_its_name_in_lower_case_and_its_port(void **state)
{
    (void)state;
    struct linked_hub h = good("{" AT("B.Test:8443") "}", NULL);
    assert_true(slice_is(h.id, "b.test"));
    assert_true(slice_is(h.name, "B.Test"));
    assert_true(slice_is(h.policy, "p"));
    assert_int_equal(h.port, 8443);
    assert_int_equal(good("{" AT("b.test") "}", NULL).port, LINKED_PORT);
    assert_int_equal(h.key.len, 32);
}

static void what_is_not_said_is_one_share_of_the_devices(void **state)
{
    (void)state;
    struct linked_hub h = good("{" AT("b.test") "}", NULL);
    assert_true(h.applies);
    assert_int_equal(h.weight, 1);
    assert_int_equal(h.latency_ms, 0);
    assert_int_equal(h.location.len, 0);
}

static void the_key_is_kept_in_the_store_and_shown_to_nobody(void **state)
{
    (void)state;
    struct linked_hub h = good("{" AT("b.test") "}", NULL);
    assert_non_null(strstr(shown(&h, true), KEY));
    assert_null(strstr(shown(&h, false), KEY));
    assert_non_null(strstr(shown(&h, false), MASKED("b.test")));
}

static void what_was_shown_may_be_put_back(void **state)
{
    (void)state;
    struct linked_hub old = good("{" AT("b.test") ",\"location\":\"west\",\"latencyMs\":9}", NULL);
    struct linked_hub h =
        good("{" MASKED("b.test") ",\"allocationWeight\":4,\"applyAllocationPolicy\":false}", &old);
    assert_non_null(strstr(shown(&h, true), KEY));
    assert_true(slice_is(h.location, "west"));
    assert_int_equal(h.weight, 4);
    assert_int_equal(h.latency_ms, 9);
    assert_false(h.applies);
}

static void a_mask_alone_links_nothing(void **state)
{
    (void)state;
    struct linked_hub h;
    assert_int_equal(read_over("{" MASKED("b.test") "}", NULL, &h), ERR_INVALID);
}

static void numbers_and_names_have_limits(void **state)
{
    (void)state;
    char location[LINKED_LOCATION_MAX + 2], text[512];
    static const struct {
        const char *member;
        enum err expected;
    } rows[] = {
        {"\"allocationWeight\":1", OK},
        {"\"allocationWeight\":1000", OK},
        {"\"allocationWeight\":0", ERR_INVALID},
        {"\"allocationWeight\":1001", ERR_INVALID},
        {"\"allocationWeight\":1.5", ERR_INVALID},
        {"\"allocationWeight\":\"1\"", ERR_INVALID},
        {"\"allocationWeight\":null", OK},
        {"\"latencyMs\":0", OK},
        {"\"latencyMs\":60000", OK},
        {"\"latencyMs\":60001", ERR_INVALID},
        {"\"latencyMs\":-1", ERR_INVALID},
        {"\"applyAllocationPolicy\":1", ERR_INVALID},
        {"\"location\":7", ERR_INVALID},
    };
    struct linked_hub h;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{" AT("b.test") ",%s}", rows[i].member);
        if (read_over(text, NULL, &h) != rows[i].expected) fail_msg("%s", rows[i].member);
    }
    memset(location, 'x', sizeof location);
    for (int more = 0; more < 2; more++) {
        snprintf(text, sizeof text, "{" AT("b.test") ",\"location\":\"%.*s\"}",
                 LINKED_LOCATION_MAX + more, location);
        assert_int_equal(read_over(text, NULL, &h), more ? ERR_INVALID : OK);
    }
}

static void only_a_policy_of_another_hub_links_it(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"connectionString\":7}",
        "{\"connectionString\":\"HostName=b.test\"}",
        "{\"connectionString\":\"HostName=b.test;DeviceId=d;SharedAccessKey=" KEY "\"}",
        "{\"connectionString\":\"HostName=b.test;SharedAccessKeyName=p;SharedAccessKey=?\"}",
        "{" AT("b.test:0") "}",
        "{" AT("b.test:65536") "}",
        "{" AT("b.test:x") "}",
        "{" AT("-.") "}",
        "{" AT(LINKED_OWN) "}",
        "{" AT("-b.test") "}",
        "{" AT("hub.test") "}",
        "{" AT("LOCALHOST") "}",
    };
    struct linked_hub h;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_over(bad[i], NULL, &h) != ERR_INVALID) fail_msg("%s", bad[i]);
    assert_int_equal(read_over("{" AT("localhost:8443") "}", NULL, &h), OK);
}

static void our_own_is_found_by_each_of_its_names_and_has_no_connection(void **state)
{
    (void)state;
    struct linked_hub h;
    const struct linked_hub *own = linked_find(&linked, SLICE_LIT("hub.test"));
    assert_true(own && own->own);
    assert_ptr_equal(linked_find(&linked, SLICE_LIT("LocalHost")), own);
    assert_null(linked_find(&linked, SLICE_LIT("b.test")));
    assert_null(linked_find(&linked, SLICE_LIT("")));
    assert_null(strstr(shown(own, false), "connectionString"));
    assert_int_equal(read_over("{" AT("b.test") "}", own, &h), ERR_INVALID);
}

static void a_row_takes_the_place_of_what_was_there(void **state)
{
    (void)state;
    put("b.test", "{" AT("b.test") "}");
    put("b.test", "{" AT("b.test") ",\"allocationWeight\":7}");
    const struct linked_hub *h = linked_find(&linked, SLICE_LIT("B.TEST"));
    assert_int_equal(h->weight, 7);
    assert_int_equal(h->etag, 5);
    assert_int_equal(linked.by_id.count, 2);
    put(LINKED_OWN, "{\"allocationWeight\":3}");
    assert_int_equal(linked_find(&linked, SLICE_LIT("hub.test"))->weight, 3);
}

static void an_empty_row_unlinks_and_makes_our_own_as_it_was(void **state)
{
    (void)state;
    put("b.test", "{" AT("b.test") "}");
    put("b.test", "");
    put("b.test", "");
    assert_null(linked_find(&linked, SLICE_LIT("b.test")));
    put(LINKED_OWN, "{\"applyAllocationPolicy\":false}");
    put(LINKED_OWN, "");
    assert_true(linked_find(&linked, SLICE_LIT("hub.test"))->applies);
    assert_int_equal(linked_find(&linked, SLICE_LIT("hub.test"))->etag, 0);
}

/* Somebody gave this server the name of a hub that was linked. */
static void a_row_that_is_our_own_name_now_is_left_out(void **state)
{
    (void)state;
    put("b.test", "{" AT("b.test") "}");
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("c.test")), OK);
    put("c.test", "{" AT("c.test") "}");
    assert_int_equal(linked.by_id.count, 2);
    assert_true(linked_find(&linked, SLICE_LIT("c.test"))->own);
}

static void a_damaged_row_is_left_out_and_the_others_stay(void **state)
{
    static const char *const damaged[] = {"{", "[]", "{\"connectionString\":7}",
                                          "{\"allocationWeight\":0}"};
    (void)state;
    put("c.test", "{" AT("c.test") "}");
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put("b.test", "{" AT("b.test") "}");
        put(LINKED_OWN, "{\"allocationWeight\":3}");
        put("b.test", damaged[i]);
        put(LINKED_OWN, damaged[i]);
        assert_null(linked_find(&linked, SLICE_LIT("b.test")));
        assert_non_null(linked_find(&linked, SLICE_LIT("c.test")));
        const struct linked_hub *own = linked_find(&linked, SLICE_LIT("hub.test"));
        assert_true(own && own->own && own->weight == 1 && own->etag == 5); /* so it can be put */
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hub_is_known_by_its_name_in_lower_case_and_its_port),
        TEST(what_is_not_said_is_one_share_of_the_devices),
        TEST(the_key_is_kept_in_the_store_and_shown_to_nobody),
        TEST(what_was_shown_may_be_put_back),
        TEST(a_mask_alone_links_nothing),
        TEST(numbers_and_names_have_limits),
        TEST(only_a_policy_of_another_hub_links_it),
        TEST(our_own_is_found_by_each_of_its_names_and_has_no_connection),
        TEST(a_row_takes_the_place_of_what_was_there),
        TEST(an_empty_row_unlinks_and_makes_our_own_as_it_was),
        TEST(a_row_that_is_our_own_name_now_is_left_out),
        TEST(a_damaged_row_is_left_out_and_the_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
