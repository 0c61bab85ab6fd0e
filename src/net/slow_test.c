/* slow_test.c - peers that read slowly, or not at all: a core that runs only when the test turns it. */
#include "base/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "net/net.h"
#include "net/socket.h"

/* ---- time is what the test says */

static int64_t test_now_us = INT64_C(1000) * 1000;

static int64_t mono_us(void)
{
    return test_now_us;
}

/* ---- a front that answers with much, in pieces when it may go on */

enum { ANSWER = 4 << 20, PIECE = 32 << 10, NUDGE = POST_TEST };

static struct {
    struct conn *conn;
    size_t put;
    unsigned drained;
    bool closed;
    enum err why;
} talk;

static uint8_t byte_at(size_t at)
{
    return (uint8_t)(at * 2654435761u >> 13);
}

static void go_on(void)
{
    while (talk.put < ANSWER && !conn_congested(talk.conn))
        for (size_t end = talk.put + PIECE; talk.put < end; talk.put++)
            buf_put_u8(conn_out(talk.conn), byte_at(talk.put));
}

static void *on_open(struct conn *c, void *ctx, int64_t now_us)
{
    (void)ctx, (void)now_us;
    memset(&talk, 0, sizeof talk);
    talk.conn = c;
    return &talk;
}

static void on_feed(void *self, struct slice bytes, int64_t now_us)
{
    (void)self, (void)bytes, (void)now_us;
    go_on();
}

static void on_drained(void *self, int64_t now_us)
{
    (void)self, (void)now_us;
    talk.drained++;
    go_on();
}

static void on_closed(void *self, enum err why, int64_t now_us)
{
    (void)self, (void)now_us;
    talk.closed = true;
    talk.why = why;
}

static const struct front front = {
    .name = "talk", .open = on_open, .feed = on_feed, .drained = on_drained, .closed = on_closed};

/* ---- a core, and a peer whose kernel and ours keep `kept` bytes each */

struct house {
    struct office office;
    struct core *core;
    struct net_port port;
    int peer;
    size_t got;
};

static void on_nudge(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx, (void)lane, (void)m;
}

/* There is mail: the turn does not sleep. */
static void turn(struct house *h)
{
    struct lane *lane = core_lane(h->core);
    post(lane, lane_addr(lane), lane_addr(lane), msg_new(NUDGE, 0));
    core_turn(h->core);
}

static void call(struct house *h, int kept)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)h->port.port)};
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    h->peer = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(h->peer, SOL_SOCKET, SO_RCVBUF, &kept, sizeof kept);
    assert_int_equal(connect(h->peer, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(write(h->peer, "go", 2), 2);
    while (talk.put == 0 || conn_waiting(talk.conn) == 0) turn(h);
}

static void build(struct house *h, int kept)
{
    static const struct clock_source clock = {mono_us, mono_us};
    struct net_listener spec = {.front = &front};
    clock_use(&clock);
    memset(&talk, 0, sizeof talk);
    *h = (struct house){0};
    h->core = core_new(&h->office, 0, 10);
    lane_running = core_lane(h->core);
    lane_on(core_lane(h->core), NUDGE, on_nudge, NULL);
    assert_int_equal(net_bind("127.0.0.1", 0, 1, &h->port), OK);
    setsockopt(h->port.fds[0], SOL_SOCKET, SO_SNDBUF, &kept, sizeof kept);
    assert_int_equal(core_listen(h->core, h->port.fds[0], false, &spec), OK);
    call(h, kept);
}

static void leave(struct house *h)
{
    close(h->peer);
    while (!talk.closed) turn(h);
    core_free(h->core);
    lane_running = NULL;
    close(h->port.lock);
    clock_use(NULL);
}

/* What the peer's kernel has of ours, as ours knows it. */
static uint64_t taken(void)
{
    return talk.conn->transport->taken(talk.conn);
}

/* The peer reads that much, as it comes; all of it is what was sent, in order. */
static void read_some(struct house *h, size_t len)
{
    uint8_t piece[4096];
    while (len) {
        ssize_t n = recv(h->peer, piece, MIN(len, sizeof piece), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            turn(h);
            continue;
        }
        if (n <= 0) fail_msg("cut after %zu bytes", h->got);
        for (ssize_t i = 0; i < n; i++)
            if (piece[i] != byte_at(h->got + (size_t)i)) fail_msg("byte %zu", h->got + (size_t)i);
        h->got += (size_t)n;
        len -= (size_t)n;
    }
    turn(h);
}

/* As little as makes its kernel say that there is room again. */
static void read_a_little(struct house *h)
{
    uint64_t before = taken();
    while (taken() == before && h->got < ANSWER) read_some(h, 16 << 10);
}

/* In steps of what timers count in, so that each fires when it is due. */
static void pass(struct house *h, int64_t us)
{
    for (int64_t end = test_now_us + us; test_now_us < end && !talk.closed;) {
        test_now_us += MIN(end - test_now_us, CONN_STALL_LOOK_US / 2);
        turn(h);
    }
}

/* Not before 30 s in which nothing was taken, and soon after. */
static void expect_cut(struct house *h)
{
    uint64_t last = taken();
    int64_t since_us = test_now_us;
    while (!talk.closed) {
        if (taken() != last) since_us = test_now_us;
        last = taken();
        pass(h, CONN_STALL_LOOK_US / 2);
    }
    assert_in_range(test_now_us - since_us, CONN_STALL_US - CONN_STALL_LOOK_US,
                    CONN_STALL_US + 2 * CONN_STALL_LOOK_US);
    assert_int_equal(talk.why, ERR_TIMEOUT);
}

/* ---- */

static void who_reads_slowly_gets_all(void **state)
{
    (void)state;
    struct house h;
    build(&h, 64 << 10);
    while (h.got < ANSWER) {
        read_a_little(&h);
        pass(&h, 20 * 1000000ll);
        assert_false(talk.closed);
    }
    assert_int_equal(talk.put, ANSWER);
    assert_true(talk.drained > 1);
    leave(&h);
    assert_int_equal(talk.why, ERR_CLOSED);
}

/* Never enough at once for the kernel to say that there is room. */
static void who_reads_a_little_of_what_the_kernel_keeps_is_not_cut(void **state)
{
    (void)state;
    struct house h;
    build(&h, 512 << 10);
    for (int i = 0; i < 5; i++) {
        read_a_little(&h);
        pass(&h, 20 * 1000000ll);
        assert_false(talk.closed);
    }
    leave(&h);
}

static void who_reads_nothing_is_cut_after_30_s(void **state)
{
    (void)state;
    struct house h;
    build(&h, 64 << 10);
    expect_cut(&h);
    leave(&h);
}

static void who_stops_reading_is_cut_30_s_later(void **state)
{
    (void)state;
    struct house h;
    build(&h, 64 << 10);
    pass(&h, 20 * 1000000ll);
    read_a_little(&h);
    expect_cut(&h);
    leave(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_slowly_gets_all),
        cmocka_unit_test(who_reads_a_little_of_what_the_kernel_keeps_is_not_cut),
        cmocka_unit_test(who_reads_nothing_is_cut_after_30_s),
        cmocka_unit_test(who_stops_reading_is_cut_30_s_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
