/* turn_test.c - what one turn of a core takes from the kernel: a core that runs only when the test turns it. */
#include "base/test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/net.h"
#include "net/socket.h"

/* Something that the kernel tells of in so many rounds, one after the other. */
struct noise {
    struct source source;
    int fd;
    unsigned heard, wanted;
};

static void on_noise(struct source *s, uint32_t events, int64_t now_us)
{
    struct noise *n = CONTAINER_OF(s, struct noise, source);
    (void)events, (void)now_us;
    if (++n->heard < n->wanted) return;
    uint64_t value;
    assert_int_equal(read(n->fd, &value, sizeof value), sizeof value); /* silent from now on */
}

static void make_noise(struct core *core, struct noise *n, unsigned rounds)
{
    *n = (struct noise){.source.ready = on_noise, .fd = eventfd(1, 0), .wanted = rounds};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &n->source};
    assert_int_equal(epoll_ctl(core->poll, EPOLL_CTL_ADD, n->fd, &ev), 0);
}

static bool is_silent(const struct core *core)
{
    struct epoll_event ev;
    return epoll_wait(core->poll, &ev, 1, 0) == 0;
}

/* So many that each round is a full one. */
static void turn_takes(unsigned rounds, unsigned taken)
{
    static struct noise noises[NET_EVENTS_MAX];
    struct office office = {0};
    struct core *core = core_new(&office, 0, 1);
    lane_running = core_lane(core);
    for (size_t i = 0; i < NET_EVENTS_MAX; i++) make_noise(core, &noises[i], rounds);
    core_turn(core);
    for (size_t i = 0; i < NET_EVENTS_MAX; i++) assert_int_equal(noises[i].heard, taken);
    if (taken < rounds) core_turn(core);
    for (size_t i = 0; i < NET_EVENTS_MAX; i++) {
        assert_int_equal(noises[i].heard, rounds);
        socket_drop(core, noises[i].fd);
    }
    assert_true(is_silent(core));
    core_free(core);
    lane_running = NULL;
}

static void a_turn_has_so_many_rounds_and_leaves_the_rest_to_the_next(void **state)
{
    (void)state;
    turn_takes(NET_ROUNDS_MAX, NET_ROUNDS_MAX);
    turn_takes(NET_ROUNDS_MAX + 1, NET_ROUNDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_has_so_many_rounds_and_leaves_the_rest_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
