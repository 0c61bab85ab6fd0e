/* uv_conn.h - connections on libuv streams.  Private to net/. */
#ifndef NET_UV_CONN_H
#define NET_UV_CONN_H

#include <uv.h>

#include "net/net.h"
#include "net/stack.h"

enum { NET_READ_BUFFER = CONN_READ_MAX };

struct core {
    struct lane lane;
    struct conn_host host;
    uv_loop_t loop;
    uv_async_t mail;  /* another lane posted */
    uv_check_t turn;  /* after every round of I/O */
    uv_prepare_t arm; /* before sleeping: set the alarm */
    uv_timer_t alarm;
    uv_thread_t thread;
    struct list listeners, conns;
    atomic_uint conn_count; /* written by the core, read by core_drain() */
    unsigned conn_max;
    uint64_t turn_number;
    atomic_int wish; /* enum core_wish, set by the main thread */
    bool draining, closed;
    uint8_t read_buffer[NET_READ_BUFFER];
};

enum core_wish { CORE_RUN, CORE_DRAIN, CORE_STOP };

struct listener {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    struct core *core;
    struct net_listener spec;
    bool is_unix;
    unsigned port; /* 0: a Unix socket */
    struct list node;
};

/* The uv connection callback of a listener. */
void uv_conn_accept(uv_stream_t *server, int status);

/* Closes all connections of a core: output first, or at once. */
void uv_conn_close_all(struct core *core, bool abort);

#endif
