/* lookup_test.c - how many names are looked up at a time, by a resolver that answers when it may. */
#include "net/lookup.h"

#include <netdb.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "net/stack.h"

static atomic_bool may_answer;

/* In place of the C library's. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    (void)host, (void)service, (void)hints, (void)found;
    while (!atomic_load(&may_answer)) usleep(500);
    return EAI_NONAME;
}

static void on_resolved(void *ctx, struct lane *lane, struct msg *m)
{
    const struct resolved *r = (const void *)m->body;
    (void)lane;
    assert_int_equal(r->error, EAI_NONAME);
    ++*(unsigned *)ctx;
}

static void so_many_names_are_looked_up_and_not_one_more(void **state)
{
    (void)state;
    struct office office = {0};
    struct lane lane;
    unsigned answers = 0;
    lane_init(&lane, &office, "core");
    lane_on(&lane, NET_RESOLVED, on_resolved, &answers);
    struct lookups *l = lookups_new(&lane);
    for (unsigned i = 0; i < LOOKUPS_MAX; i++)
        assert_int_equal(lookup_name(l, "a.test", 1, lane_addr(&lane)), OK);
    assert_int_equal(lookup_name(l, "a.test", 1, lane_addr(&lane)), ERR_THROTTLED);
    atomic_store(&may_answer, true);
    for (; answers < LOOKUPS_MAX; usleep(500)) lane_run_once(&lane, clock_mono_us());
    assert_int_equal(lookup_name(l, "a.test", 1, lane_addr(&lane)), OK);
    for (; answers <= LOOKUPS_MAX; usleep(500)) lane_run_once(&lane, clock_mono_us());
    lookups_close(l);
    lane_fini(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_names_are_looked_up_and_not_one_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
