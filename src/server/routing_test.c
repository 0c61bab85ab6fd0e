/* routing_test.c - bits of endpoints in a whole hub: what the log still has decides. */
#include "base/test.h"

#include "hub/routing/routing.h"
#include "route/route.h"
#include "server/rig.h"

static struct rig rig;

/* ---- the network hears and says nothing */

static void on_call(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
}

static const struct out_carrier network = {on_call, on_call, NULL};

static int set_up(void **state)
{
    (void)state;
    rig = (struct rig){.events = 1u << RECORD_DEVICE_LIFECYCLE};
    rig_start_with(&rig, &network);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* ---- documents */

struct asker {
    struct routing_wait wait;
    unsigned answers;
    enum err result;
    char text[256];
};

static void note(struct routing_wait *w, enum err result, const char *text)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    snprintf(a->text, sizeof a->text, "%s", text);
}

/* A document with that endpoint alone. */
static struct asker put(const char *name)
{
    struct asker a = {.wait.fn = note};
    char document[200];
    snprintf(document, sizeof document,
             "{\"endpoints\":{\"webhooks\":[{\"name\":\"%s\",\"endpointUri\":"
             "\"https://w.test/x\"}]}}",
             name);
    lane_running = &rig.core;
    routing_put(rig.wire.cores[0].routing, SLICE_LIT("*"), slice_str(document), &a.wait);
    rig_run(&rig);
    assert_int_equal(a.answers, 1);
    rig_wait(&rig, 1000);
    return a;
}

static unsigned bit_of(const char *name)
{
    const struct routing_endpoint *e =
        routing_endpoint_find(rig.wire.cores[0].routing, slice_str(name));
    assert_non_null(e);
    return e->bit;
}

/* ---- tests */

static void put_in_turn(unsigned first, unsigned count)
{
    char name[16];
    for (unsigned i = first; i < first + count; i++) {
        snprintf(name, sizeof name, "w%u", i);
        struct asker a = put(name);
        if (a.result != OK) fail_msg("%s: %s", name, a.text);
        assert_int_equal(bit_of(name), 1 + i % (ROUTE_ENDPOINTS_MAX - 1));
    }
}

static void bits_come_again_while_the_log_has_no_record_that_may_name_them(void **state)
{
    (void)state;
    put_in_turn(0, 2 * ROUTE_ENDPOINTS_MAX);
}

static void a_record_from_before_keeps_bits_from_coming_again(void **state)
{
    (void)state;
    put_in_turn(0, ROUTE_ENDPOINTS_MAX - 1);
    rig_create_device(&rig, "d1");
    struct asker a = put("more");
    assert_int_equal(a.result, ERR_FULL);
    assert_non_null(strstr(a.text, "63 endpoints were there in turn"));
    assert_int_equal(bit_of("w62"), 63);
    assert_int_equal(put("w62").result, OK);
    assert_int_equal(put("more").result, ERR_FULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bits_come_again_while_the_log_has_no_record_that_may_name_them),
        TEST(a_record_from_before_keeps_bits_from_coming_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
