/* door_test.c - who comes and who goes waits for who is in: a core that runs only when the test turns it. */
#include "base/test.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net.h"
#include "net/socket.h"
#include "proto/tls/pair_test.h"

/* ---- a front that sends back what it gets; "slow" takes the door's whole share of a turn first */

static int gone;
static int64_t test_now_us =
    INT64_C(1000) * 1000; /* time is what the test says: no busy machine changes who is served */

static int64_t mono_us(void)
{
    return test_now_us;
}

static void *echo_open(struct conn *c, void *ctx, int64_t now_us)
{
    (void)ctx, (void)now_us;
    return c;
}

static void echo_feed(void *self, struct slice bytes, int64_t now_us)
{
    (void)now_us;
    bool slow = slice_is(bytes, "slow");
    if (slow) test_now_us += NET_DOOR_US + 1;
    buf_put_slice(conn_out(self), bytes);
}

static void echo_gone(void *self, enum err why, int64_t now_us)
{
    (void)self, (void)why, (void)now_us;
    gone++;
}

static const struct front echo_front = {
    .name = "echo", .open = echo_open, .feed = echo_feed, .closed = echo_gone};

/* ---- a core, a port for everybody, one for TLS */

struct house {
    struct office office;
    struct core *core;
    struct net_port plain, secure;
    struct tls_context *tls;
    unsigned callers;
    int failures; /* handshakes */
};

static void on_failure(void *ctx, const struct conn *c, const struct conn_failure *failure)
{
    (void)c, (void)failure;
    ((struct house *)ctx)->failures++;
}

static void listen_at(struct house *h, struct net_port *port, struct tls_context **tls)
{
    struct net_listener spec = {.front = &echo_front, .tls = tls};
    assert_int_equal(net_bind("127.0.0.1", 0, 1, port), OK);
    assert_int_equal(core_listen(h->core, port->fds[0], false, &spec), OK);
}

static void build(struct house *h)
{
    static const struct clock_source clock = {mono_us, mono_us};
    clock_use(&clock);
    *h = (struct house){.tls = server_context(NULL, false)};
    gone = 0;
    h->core = core_new(&h->office, 0, 100);
    lane_running = core_lane(h->core);
    core_watch(h->core, &(struct conn_watch){.failed = on_failure, .ctx = h});
    listen_at(h, &h->plain, NULL);
    listen_at(h, &h->secure, &h->tls);
}

static void leave(struct house *h)
{
    core_free(h->core);
    lane_running = NULL;
    close(h->plain.lock);
    close(h->secure.lock);
    tls_context_drop(h->tls);
}

/* As if all else took no time. */
static void turn(struct house *h)
{
    h->core->others_us = 0;
    core_turn(h->core);
}

static int knock(const struct net_port *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port->port)};
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static int call(struct house *h, const struct net_port *port)
{
    int fd = knock(port);
    h->callers++;
    while (atomic_load(&h->core->conn_count) < h->callers) turn(h);
    turn(h); /* the kernel tells that it can be written to */
    return fd;
}

static void say(int fd, const char *word)
{
    assert_int_equal(write(fd, word, strlen(word)), strlen(word));
}

static void hear(int fd, const char *word)
{
    char got[16] = "";
    assert_int_equal(recv(fd, got, strlen(word), MSG_WAITALL), strlen(word));
    assert_string_equal(got, word);
}

static size_t count_of(const struct list *l)
{
    size_t count = 0;
    LIST_EACH(node, l) count++;
    return count;
}

/* Callers who end their stream behind what takes the door's share of a turn each. */
static void leave_slowly(struct house *h, int *fds, int count)
{
    for (int i = 0; i < count; i++) fds[i] = call(h, &h->plain);
    for (int i = 0; i < count; i++) {
        say(fds[i], "slow");
        shutdown(fds[i], SHUT_WR);
    }
}

/* ---- tests */

static void who_leaves_waits_when_the_share_is_used_up(void **state)
{
    enum { COUNT = 3 };
    struct house h;
    int fds[COUNT];
    (void)state;
    build(&h);
    leave_slowly(&h, fds, COUNT);
    for (int served = 1; served <= COUNT; served++) {
        turn(&h);
        hear(fds[served - 1], "slow");
        assert_int_equal(count_of(&h.core->leaving),
                         COUNT); /* who was served has its end still to be read */
        assert_true(socket_anybody_waits(h.core));
    }
    while (gone < COUNT) turn(&h);
    assert_false(socket_anybody_waits(h.core));
    for (int i = 0; i < COUNT; i++) close(fds[i]);
    leave(&h);
}

static void who_is_in_goes_before_who_leaves(void **state)
{
    struct house h;
    (void)state;
    build(&h);
    int leaves = call(&h, &h.plain), slow = call(&h, &h.plain), stays = call(&h, &h.plain);
    say(slow, "slow"), shutdown(slow, SHUT_WR);
    say(leaves, "last word"), shutdown(leaves, SHUT_WR);
    say(stays, "ping");
    turn(&h);
    hear(stays, "ping");
    assert_int_equal(count_of(&h.core->leaving), 2);
    turn(&h);
    hear(leaves, "last word");
    close(leaves), close(slow), close(stays);
    leave(&h);
}

/* Two callers that speak no TLS: the one who waits for the answer is told, the other has left before its turn. */
static void who_left_before_its_handshake_is_not_greeted(void **state)
{
    struct house h;
    (void)state;
    build(&h);
    int slow = call(&h, &h.plain), waits = call(&h, &h.secure), gave_up = call(&h, &h.secure);
    say(slow, "slow"), shutdown(slow, SHUT_WR);
    say(waits, "GET / HTTP/1.1\r\n\r\n");
    say(gave_up, "GET / HTTP/1.1\r\n\r\n");
    turn(&h);
    assert_int_equal(count_of(&h.core->greeting), 1); /* one is greeted in each turn */
    close(gave_up);
    while (atomic_load(&h.core->conn_count) > 0) turn(&h);
    assert_int_equal(h.failures, 1);
    close(waits), close(slow);
    leave(&h);
}

static void beside_much_else_the_door_has_half_of_the_time_but_never_a_long_turn(void **state)
{
    enum { COUNT = NET_DOOR_MAX_US / NET_DOOR_US + 4 };
    struct house h;
    int fds[COUNT];
    (void)state;
    build(&h);
    leave_slowly(&h, fds, COUNT);
    h.core->others_us = 2 * (int64_t)NET_DOOR_US;
    core_turn(h.core);
    hear(fds[0], "slow"), hear(fds[1], "slow");
    assert_int_equal(recv(fds[2], (char[4]){0}, 4, MSG_DONTWAIT), -1);
    h.core->others_us = INT64_C(60) * 1000 * 1000;
    core_turn(h.core); /* COUNT - 2 are left: two more than there is time for */
    assert_int_equal(recv(fds[COUNT - 1], (char[4]){0}, 4, MSG_DONTWAIT), -1);
    while (gone < COUNT) turn(&h);
    for (int i = 0; i < COUNT; i++) close(fds[i]);
    leave(&h);
}

/* As when another thread takes the spare one as soon as it is given up: what cannot be answered is not heard for a
 * while, or the core would turn for nothing but that. */
static void a_port_without_any_descriptor_rests(void **state)
{
    struct house h;
    struct rlimit before;
    struct epoll_event ev;
    (void)state;
    build(&h);
    int fd = knock(&h.plain);
    getrlimit(RLIMIT_NOFILE, &before);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max});
    turn(&h);
    int told = epoll_wait(h.core->poll, &ev, 1, 0), spare = h.core->spare;
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(told, 0);
    assert_int_equal(spare, -1);
    test_now_us += NET_REST_US;
    turn(&h); /* it is heard again */
    assert_true(h.core->spare >= 0);
    turn(&h);
    assert_int_equal(atomic_load(&h.core->conn_count), 1);
    say(fd, "ping");
    turn(&h);
    hear(fd, "ping");
    close(fd);
    leave(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leaves_waits_when_the_share_is_used_up),
        cmocka_unit_test(who_is_in_goes_before_who_leaves),
        cmocka_unit_test(who_left_before_its_handshake_is_not_greeted),
        cmocka_unit_test(beside_much_else_the_door_has_half_of_the_time_but_never_a_long_turn),
        cmocka_unit_test(a_port_without_any_descriptor_rests),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
