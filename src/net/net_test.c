/* net_test.c - a core with an echo front on real sockets of the loopback address. */
#include "base/test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net.h"
#include "net/socket.h"

/* ---- a front that sends back what it gets; "quit" closes after the echo */

struct echo {
    struct conn *conn;
};

static atomic_int echo_closed;
static atomic_bool mail_came, echo_knew; /* had the mail come when bytes were fed? */
static _Atomic(enum err) echo_why;

static void *echo_open(struct conn *c, void *ctx, int64_t now_us)
{
    struct echo *e = NEW(struct echo);
    (void)ctx;
    (void)now_us;
    e->conn = c;
    return e;
}

static void echo_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct echo *e = self;
    (void)now_us;
    atomic_store(&echo_knew, atomic_load(&mail_came));
    buf_put_slice(conn_out(e->conn), bytes);
    if (conn_congested(e->conn)) conn_pause(e->conn);
    if (slice_ends(bytes, SLICE_LIT("quit"))) conn_close(e->conn);
}

static void echo_drained(void *self, int64_t now_us)
{
    struct echo *e = self;
    (void)now_us;
    conn_resume(e->conn);
}

static void echo_gone(void *self, enum err why, int64_t now_us)
{
    (void)now_us;
    atomic_store(&echo_why, why);
    atomic_fetch_add(&echo_closed, 1);
    free(self);
}

static const struct front echo_front = {.name = "echo",
                                        .open = echo_open,
                                        .feed = echo_feed,
                                        .drained = echo_drained,
                                        .closed = echo_gone};

/* ---- one core */

struct server {
    struct office office;
    struct core *core;
    struct net_port port;
};

static void make(struct server *s, unsigned max_connections)
{
    struct net_listener spec = {.front = &echo_front};
    *s = (struct server){0};
    atomic_store(&echo_closed, 0);
    assert_int_equal(net_bind("127.0.0.1", 0, 1, &s->port), OK);
    s->core = core_new(&s->office, 0, max_connections);
    assert_int_equal(core_listen(s->core, s->port.fds[0], false, &spec), OK);
}

static void start(struct server *s, unsigned max_connections)
{
    make(s, max_connections);
    core_start(s->core);
}

static void stop(struct server *s)
{
    core_stop(s->core);
    core_free(s->core);
    close(s->port.lock);
}

static int dial_with(const struct server *s, int fd)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port.port)};
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    return connect(fd, (struct sockaddr *)&sa, sizeof sa);
}

static int call(const struct server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(dial_with(s, fd), 0);
    return fd;
}

static size_t read_all(int fd, uint8_t *out, size_t len)
{
    size_t got = 0;
    ssize_t n;
    while (got < len && (n = read(fd, out + got, len - got)) > 0) got += (size_t)n;
    return got;
}

static void wait_closed(int count)
{
    while (atomic_load(&echo_closed) < count) usleep(500);
}

/* ---- tests */

static void what_is_sent_comes_back_and_close_flushes(void **state)
{
    (void)state;
    struct server s;
    uint8_t got[64];
    start(&s, 10);
    int fd = call(&s);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_int_equal(read_all(fd, got, 5), 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(write(fd, "quit", 4), 4);
    assert_int_equal(read_all(fd, got, sizeof got), 4);
    wait_closed(1);
    assert_int_equal(atomic_load(&echo_why), OK);
    close(fd);
    stop(&s);
}

/* The peer does not read until it has written everything: the front must pause and go on. */
static void a_slow_reader_gets_every_byte_in_order(void **state)
{
    (void)state;
    enum { SIZE = 24 << 20, CHUNK = 1 << 16 };
    struct server s;
    static uint8_t out[CHUNK], in[CHUNK];
    start(&s, 10);
    int fd = call(&s);
    pid_t writer = fork();
    if (writer == 0) {
        for (size_t sent = 0; sent < SIZE; sent += CHUNK) {
            for (size_t i = 0; i < CHUNK; i += 4)
                memcpy(out + i, &(uint32_t){(uint32_t)((sent + i) * 2654435761u)}, 4);
            if (write(fd, out, CHUNK) != CHUNK) _exit(1);
        }
        _exit(0);
    }
    for (size_t got = 0; got < SIZE; got += CHUNK) {
        assert_int_equal(read_all(fd, in, CHUNK), CHUNK);
        for (size_t i = 0; i < CHUNK; i += 4) {
            uint32_t want = (uint32_t)((got + i) * 2654435761u);
            assert_memory_equal(in + i, &want, 4);
        }
    }
    close(fd);
    wait_closed(1);
    assert_int_equal(atomic_load(&echo_why), ERR_CLOSED);
    stop(&s);
}

static void connections_have_a_limit(void **state)
{
    (void)state;
    struct server s;
    uint8_t got[8];
    start(&s, 2);
    int a = call(&s), b = call(&s);
    assert_int_equal(write(a, "a", 1), 1);
    assert_int_equal(write(b, "b", 1), 1);
    assert_int_equal(read_all(a, got, 1) + read_all(b, got, 1), 2);
    int c = call(&s);
    assert_int_equal(read_all(c, got, 1), 0);
    close(a);
    wait_closed(1);
    int d = call(&s);
    assert_int_equal(write(d, "d", 1), 1);
    assert_int_equal(read_all(d, got, 1), 1);
    close(b);
    close(c);
    close(d);
    stop(&s);
}

static void more_than_a_turn_accepts_are_all_served(void **state)
{
    (void)state;
    enum { COUNT = NET_ACCEPTS_MAX + 1 };
    struct server s;
    uint8_t got[1];
    int fds[COUNT];
    start(&s, COUNT);
    for (int i = 0; i < COUNT; i++) fds[i] = call(&s);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(write(fds[i], "a", 1), 1);
        assert_int_equal(read_all(fds[i], got, 1), 1);
        close(fds[i]);
    }
    wait_closed(COUNT);
    stop(&s);
}

/* As `azimuth dev` starts its children while it serves. */
static void a_closed_descriptor_that_a_child_still_has_is_not_heard_of(void **state)
{
    (void)state;
    struct server s;
    uint8_t got[8];
    start(&s, 10);
    int fd = call(&s);
    assert_int_equal(write(fd, "hello", 5), 5);
    assert_int_equal(read_all(fd, got, 5), 5);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(write(fd, "quit", 4), 4);
    assert_int_equal(read_all(fd, got, 4), 4);
    wait_closed(1);
    int other = call(&s);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(fd, "more", 4, MSG_NOSIGNAL), 4);
        assert_int_equal(write(other, "hello", 5), 5);
        assert_int_equal(read_all(other, got, 5), 5);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(fd);
    close(other);
    stop(&s);
}

static void input_and_the_end_behind_it_both_count(void **state)
{
    (void)state;
    struct server s;
    uint8_t got[8];
    start(&s, 10);
    int fd = call(&s);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(read_all(fd, got, sizeof got), 3);
    wait_closed(1);
    assert_int_equal(atomic_load(&echo_why), ERR_CLOSED);
    close(fd);
    stop(&s);
}

/* Every number below the limit is in use, so that the server can accept nothing. */
static int use_up_descriptors(int fds[], int max)
{
    int count = 0;
    while (count < max && (fds[count] = dup(0)) >= 0) count++;
    return count;
}

static void without_descriptors_who_connects_is_sent_away(void **state)
{
    (void)state;
    enum { LIMIT = 64 };
    struct server s;
    struct rlimit before;
    uint8_t got[8];
    int fds[LIMIT];
    start(&s, 10);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){LIMIT, before.rlim_max}), 0);
    int count = use_up_descriptors(fds, LIMIT);
    assert_int_equal(dial_with(&s, fd), 0);
    assert_int_equal(read_all(fd, got, 1), 0);
    while (count) close(fds[--count]);
    setrlimit(RLIMIT_NOFILE, &before);
    close(fd);
    fd = call(&s);
    assert_int_equal(write(fd, "d", 1), 1);
    assert_int_equal(read_all(fd, got, 1), 1);
    close(fd);
    stop(&s);
}

static void a_port_is_held_by_one_server(void **state)
{
    (void)state;
    struct net_port first, second;
    assert_int_equal(net_bind("127.0.0.1", 0, 3, &first), OK);
    assert_int_equal(first.count, 3);
    assert_int_equal(net_bind("127.0.0.1", first.port, 3, &second), ERR_EXISTS);
    assert_int_equal(net_bind("not an address", 0, 1, &second), ERR_INVALID);
    for (unsigned i = 0; i < first.count; i++) close(first.fds[i]);
    assert_int_equal(net_bind("127.0.0.1", first.port, 1, &second), ERR_EXISTS);
    assert_non_null(strstr(fail_text(), "another azimuth"));
    close(first.lock);
}

static void bind_any_port(int times)
{
    for (struct net_port port; times > 0; times--) {
        if (net_bind("127.0.0.1", 0, 2, &port) != OK) _exit(1);
        for (unsigned i = 0; i < port.count; i++) close(port.fds[i]);
        close(port.lock);
    }
    _exit(0);
}

/* They run into each other between the probe and the bind. */
static void servers_that_start_at_once_get_a_port_each(void **state)
{
    (void)state;
    enum { SERVERS = 8, TIMES = 4000 };
    pid_t pids[SERVERS];
    for (int i = 0; i < SERVERS; i++)
        if ((pids[i] = fork()) == 0) bind_any_port(TIMES);
    for (int i = 0, status; i < SERVERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void draining_waits_for_output(void **state)
{
    (void)state;
    struct server s;
    uint8_t got[8];
    start(&s, 10);
    int fd = call(&s);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(read_all(fd, got, 3), 3);
    core_drain(s.core);
    while (!core_drained(s.core)) usleep(500);
    assert_int_equal(read_all(fd, got, 1), 0);
    close(fd);
    stop(&s);
}

/* ---- mail: a core that stands still at the end of a turn finds mail and bytes at once */

enum { TEST_MAIL = POST_TEST, TEST_CALL };

struct gate {
    struct turn_hook hook;
    atomic_bool shut, reached;
};

static void stand(struct turn_hook *hook, int64_t now_us)
{
    struct gate *g = CONTAINER_OF(hook, struct gate, hook);
    (void)now_us;
    if (!atomic_load(&g->shut)) return;
    atomic_store(&g->reached, true);
    while (atomic_load(&g->shut)) usleep(100);
}

static void on_test_mail(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx, (void)lane, (void)m;
    atomic_store(&mail_came, true);
}

static void on_call(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx, (void)lane, (void)m; /* there is a turn */
}

static void stand_still(struct gate *g, struct lane *here, const struct lane *lane)
{
    atomic_store(&g->shut, true);
    post(here, lane_addr(here), lane_addr(lane), msg_new(TEST_CALL, 0));
    while (!atomic_load(&g->reached)) usleep(100);
}

static void expect_echo(int fd, char c)
{
    char got;
    assert_int_equal(read(fd, &got, 1), 1);
    assert_int_equal(got, c);
}

static void mail_is_read_before_the_peers_that_spoke_meanwhile(void **state)
{
    (void)state;
    struct server s;
    static struct lane here;
    struct gate gate = {.hook.fn = stand};
    make(&s, 10);
    struct lane *lane = core_lane(s.core);
    lane_init(&here, &s.office, "here");
    lane_on(lane, TEST_MAIL, on_test_mail, NULL);
    lane_on(lane, TEST_CALL, on_call, NULL);
    lane_on_turn_end(lane, &gate.hook);
    core_start(s.core);
    int fd = call(&s);
    assert_int_equal(write(fd, "a", 1), 1);
    expect_echo(fd, 'a');
    assert_false(atomic_load(&echo_knew));
    stand_still(&gate, &here, lane);
    assert_int_equal(write(fd, "b", 1), 1);
    post(&here, lane_addr(&here), lane_addr(lane), msg_new(TEST_MAIL, 0));
    atomic_store(&gate.shut, false);
    expect_echo(fd, 'b');
    assert_true(atomic_load(&echo_knew));
    close(fd);
    stop(&s);
    lane_fini(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_comes_back_and_close_flushes),
        cmocka_unit_test(a_closed_descriptor_that_a_child_still_has_is_not_heard_of),
        cmocka_unit_test(a_slow_reader_gets_every_byte_in_order),
        cmocka_unit_test(connections_have_a_limit),
        cmocka_unit_test(more_than_a_turn_accepts_are_all_served),
        cmocka_unit_test(input_and_the_end_behind_it_both_count),
        cmocka_unit_test(without_descriptors_who_connects_is_sent_away),
        cmocka_unit_test(a_port_is_held_by_one_server),
        cmocka_unit_test(servers_that_start_at_once_get_a_port_each),
        cmocka_unit_test(draining_waits_for_output),
        cmocka_unit_test(mail_is_read_before_the_peers_that_spoke_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
