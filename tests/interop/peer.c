/* peer.c - a plain blocking socket. */
#include "peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

int peer_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void peer_send(int fd, struct buf *out)
{
    while (buf_size(out) > 0) {
        struct slice rest = buf_slice(out);
        ssize_t sent = send(fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        buf_consume(out, (size_t)sent);
    }
}

struct slice peer_receive(int fd, uint8_t *room, size_t size)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PEER_WAIT_MS), 1);
    ssize_t got = read(fd, room, size);
    assert_true(got >= 0);
    return slice_of(room, (size_t)got);
}
