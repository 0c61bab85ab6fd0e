/* line_test.c - a name with several addresses: who dials goes on until somebody listens. */
#include "base/test.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/line.h"

enum { WAIT_MS = 20000 };

/* A socket of this machine's; nobody answers at its port until it listens. */
static int hold_port(struct dial_address *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->bytes;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    out->len = sizeof *in;
    assert_int_equal(bind(fd, (struct sockaddr *)in, sizeof *in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)in, &out->len), 0);
    return fd;
}

/* Of a family that this machine has not, as IPv6 may be. */
static struct dial_address foreign(void)
{
    return (struct dial_address){.bytes.ss_family = AF_UNSPEC, .len = sizeof(struct sockaddr_in6)};
}

static enum err open_line(struct line *l, const struct line_to *to)
{
    enum err e = line_open(l, to);
    while (e == OK && !l->up) {
        struct pollfd fd = {.fd = l->fd, .events = line_wants(l)};
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        e = line_ready(l, fd.revents);
    }
    return e;
}

static void the_next_address_is_dialled_where_nobody_listens(void **state)
{
    struct line_to to = {.name = "hub.test", .port = 5671, .addresses.count = 3};
    struct line l;
    int silent = hold_port(&to.addresses.items[1]), listening = hold_port(&to.addresses.items[2]);
    (void)state;
    to.addresses.items[0] = foreign();
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(open_line(&l, &to), OK);
    buf_put_str(&l.out, "hello");
    assert_int_equal(line_flush(&l), OK);
    int peer = accept(listening, NULL, NULL);
    char heard[6] = "";
    assert_int_equal(recv(peer, heard, 5, MSG_WAITALL), 5);
    assert_string_equal(heard, "hello");
    line_close(&l);
    close(peer);
    close(silent);
    close(listening);
}

static void that_nobody_listens_anywhere_is_said_of_the_last_address(void **state)
{
    struct line_to to = {.name = "hub.test", .port = 5671, .addresses.count = 2};
    struct line l;
    char port[16];
    int silent[] = {hold_port(&to.addresses.items[0]), hold_port(&to.addresses.items[1])};
    (void)state;
    assert_int_equal(open_line(&l, &to), ERR_CLOSED);
    snprintf(port, sizeof port, "127.0.0.1:%u",
             ntohs(((struct sockaddr_in *)&to.addresses.items[1].bytes)->sin_port));
    assert_non_null(strstr(fail_text(), "no hub answers at hub.test:5671"));
    assert_non_null(strstr(fail_text(), port));
    buf_put_str(&l.out, "what was to be said");
    line_close(&l);
    close(silent[0]);
    close(silent[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_address_is_dialled_where_nobody_listens),
        cmocka_unit_test(that_nobody_listens_anywhere_is_said_of_the_last_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
