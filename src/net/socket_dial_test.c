/* socket_dial_test.c - a core that dials itself and others on the loopback address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/dial.h"
#include "net/net.h"
#include "proto/tls/pair_test.h"

/* ---- the server's side echoes, the dialing side says "hello" and hangs up when it hears it */

static struct conn *echo_conn[64];

static void *echo_open(struct conn *c, void *ctx, int64_t now_us)
{
    (void)ctx, (void)now_us;
    for (size_t i = 0; i < 64; i++)
        if (echo_conn[i] == NULL) return echo_conn[i] = c, &echo_conn[i];
    return NULL;
}

static void echo_feed(void *self, struct slice bytes, int64_t now_us)
{
    (void)now_us;
    buf_put_slice(conn_out(*(struct conn **)self), bytes);
}

static void echo_closed(void *self, enum err why, int64_t now_us)
{
    (void)why, (void)now_us;
    *(struct conn **)self = NULL;
}

static const struct front echo_front = {
    .name = "echo", .open = echo_open, .feed = echo_feed, .closed = echo_closed};

struct call {
    struct dial dial;
    struct dial_to to;
    struct dialer *dialer;
    struct conn *conn;
    char text[DIAL_TEXT_MAX + 1];
    enum err why;
    bool heard;
    atomic_bool over;
};

static void *hello_open(struct conn *c, void *ctx, int64_t now_us)
{
    struct call *call = ctx;
    (void)now_us;
    call->conn = c;
    buf_put_str(conn_out(c), "hello");
    return call;
}

static void hello_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct call *call = self;
    (void)now_us;
    call->heard = slice_is(bytes, "hello");
    conn_close(call->conn);
}

static void hello_closed(void *self, enum err why, int64_t now_us)
{
    struct call *call = self;
    (void)now_us;
    call->why = why;
    atomic_store(&call->over, true);
}

static const struct front hello_front = {
    .name = "hello", .open = hello_open, .feed = hello_feed, .closed = hello_closed};

static void on_failed(struct dial *d, enum err e, const char *text)
{
    struct call *call = CONTAINER_OF(d, struct call, dial);
    call->why = e;
    snprintf(call->text, sizeof call->text, "%s", text);
    atomic_store(&call->over, true);
}

/* ---- one core with an echo, plain and with TLS */

enum { TEST_DIAL = POST_TEST };

struct server {
    struct office office;
    struct core *core;
    struct lane here;
    struct net_port plain, secret;
    struct tls_context *server_ctx, *client_ctx;
};

static void on_dial(void *ctx, struct lane *lane, struct msg *m)
{
    struct call *call;
    (void)ctx, (void)lane;
    memcpy(&call, m->body, sizeof call);
    dial(call->dialer, &call->to, &call->dial);
}

static void start_with(struct server *s, const struct papers *shown, unsigned max_connections)
{
    struct tls_identity id = identity(shown);
    struct tls_server_config config = {.identities = &id, .identity_count = 1};
    *s = (struct server){.client_ctx = client_context(&ec)};
    assert_int_equal(tls_server_context(&config, NULL, &s->server_ctx), OK);
    assert_int_equal(net_bind("127.0.0.1", 0, 1, &s->plain), OK);
    assert_int_equal(net_bind("127.0.0.1", 0, 1, &s->secret), OK);
    s->core = core_new(&s->office, 0, max_connections);
    lane_init(&s->here, &s->office, "here");
    lane_on(core_lane(s->core), TEST_DIAL, on_dial, NULL);
    struct net_listener plain = {.front = &echo_front},
                        secret = {.front = &echo_front, .tls = &s->server_ctx};
    assert_int_equal(core_listen(s->core, s->plain.fds[0], false, &plain), OK);
    assert_int_equal(core_listen(s->core, s->secret.fds[0], false, &secret), OK);
    core_start(s->core);
}

static void start(struct server *s)
{
    start_with(s, &ec, 16);
}

static void stop(struct server *s)
{
    core_stop(s->core);
    core_free(s->core);
    lane_fini(&s->here);
    close(s->plain.lock);
    close(s->secret.lock);
    tls_context_drop(s->server_ctx);
    tls_context_drop(s->client_ctx);
}

static void begin_call(struct server *s, struct call *call, const char *host, unsigned port,
                       bool tls)
{
    *call = (struct call){.dial.failed = on_failed, .dialer = core_dialer(s->core)};
    call->to = (struct dial_to){.host = host,
                                .port = port,
                                .tls = tls ? s->client_ctx : NULL,
                                .front = &hello_front,
                                .front_ctx = call};
    struct msg *m = msg_new(TEST_DIAL, sizeof call);
    memcpy(m->body, &call, sizeof call);
    post(&s->here, lane_addr(&s->here), lane_addr(core_lane(s->core)), m);
}

static void wait_over(struct call *call)
{
    while (!atomic_load(&call->over)) usleep(500);
}

static void expect_hello(struct server *s, const char *host, unsigned port, bool tls)
{
    struct call call;
    begin_call(s, &call, host, port, tls);
    wait_over(&call);
    assert_string_equal(call.text, "");
    assert_true(call.heard);
    assert_int_equal(call.why, OK);
}

static void expect_failure(struct server *s, const char *host, unsigned port, bool tls,
                           enum err why, const char *reason)
{
    struct call call;
    char text[256];
    begin_call(s, &call, host, port, tls);
    wait_over(&call);
    snprintf(text, sizeof text, "%s:%u %s", host, port, reason);
    assert_string_equal(call.text, text);
    assert_int_equal(call.why, why);
}

/* A port of the loopback address, bound; who connects is accepted by the kernel once it listens. */
static int bound(unsigned *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

/* ---- tests */

static void names_and_addresses_are_called_with_tls_or_without(void **state)
{
    (void)state;
    struct server s;
    start(&s);
    expect_hello(&s, "127.0.0.1", s.plain.port, false);
    expect_hello(&s, "localhost", s.plain.port, false);
    expect_hello(&s, "127.0.0.1", s.secret.port, true);
    expect_hello(&s, "localhost", s.secret.port, true);
    stop(&s);
}

static void who_is_not_there_is_named(void **state)
{
    (void)state;
    struct server s;
    unsigned port;
    int fd = bound(&port);
    start(&s);
    expect_failure(&s, "127.0.0.1", port, false, ERR_IO,
                   "refused the connection: nobody listens there");
    expect_failure(&s, "localhost", port, true, ERR_IO,
                   "refused the connection: nobody listens there");
    expect_failure(&s, "no such name", 5671, true, ERR_NOT_FOUND,
                   "has no address: Name or service not known");
    stop(&s);
    close(fd);
}

static void a_certificate_is_for_the_name_that_was_called(void **state)
{
    (void)state;
    struct server s;
    struct papers other = {0};
    make_papers(&other, EVP_EC_gen("P-256"), "DNS:elsewhere");
    start_with(&s, &other, 16);
    expect_failure(&s, "localhost", s.secret.port, true, ERR_DENIED,
                   "cannot be trusted: the peer's certificate is refused: self-signed certificate");
    tls_context_drop(s.client_ctx);
    s.client_ctx = client_context(&other);
    expect_failure(&s, "localhost", s.secret.port, true, ERR_DENIED,
                   "cannot be trusted: the peer's certificate is refused: hostname mismatch");
    expect_failure(&s, "127.0.0.1", s.secret.port, true, ERR_DENIED,
                   "cannot be trusted: the peer's certificate is refused: IP address mismatch");
    stop(&s);
    buf_free(&other.chain);
    buf_free(&other.key);
}

static void who_speaks_no_tls_is_told_from_who_hangs_up(void **state)
{
    (void)state;
    struct server s;
    struct call call;
    unsigned port;
    int fd = bound(&port), peer;
    assert_int_equal(listen(fd, 4), 0);
    start(&s);
    begin_call(&s, &call, "127.0.0.1", port, true);
    assert_true((peer = accept(fd, NULL, NULL)) >= 0);
    assert_int_equal(write(peer, "AMQP\0\1\0\0", 8), 8);
    wait_over(&call);
    assert_int_equal(call.why, ERR_PROTOCOL);
    close(peer);
    begin_call(&s, &call, "127.0.0.1", port, true);
    assert_true((peer = accept(fd, NULL, NULL)) >= 0);
    close(peer);
    wait_over(&call);
    assert_int_equal(call.why, ERR_IO);
    stop(&s);
    close(fd);
}

static void dialed_connections_count(void **state)
{
    (void)state;
    struct server s;
    struct call calls[3];
    unsigned port;
    int fd = bound(&port);
    assert_int_equal(listen(fd, 4), 0);
    start_with(&s, &ec, 2);
    for (int i = 0; i < 2; i++) begin_call(&s, &calls[i], "127.0.0.1", port, true);
    begin_call(&s, &calls[2], "127.0.0.1", port, true);
    wait_over(&calls[2]);
    assert_int_equal(calls[2].why, ERR_THROTTLED);
    core_drain(s.core);
    for (int i = 0; i < 2; i++) wait_over(&calls[i]);
    assert_int_equal(calls[0].why, ERR_CLOSED);
    assert_int_equal(calls[1].why, ERR_CLOSED);
    while (!core_drained(s.core)) usleep(500);
    stop(&s);
    close(fd);
}

static void a_core_may_stop_while_names_are_looked_up(void **state)
{
    (void)state;
    struct server s;
    struct call call;
    start(&s);
    begin_call(&s, &call, "localhost", s.plain.port, false);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_are_called_with_tls_or_without),
        cmocka_unit_test(who_is_not_there_is_named),
        cmocka_unit_test(a_certificate_is_for_the_name_that_was_called),
        cmocka_unit_test(who_speaks_no_tls_is_told_from_who_hangs_up),
        cmocka_unit_test(dialed_connections_count),
        cmocka_unit_test(a_core_may_stop_while_names_are_looked_up),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
