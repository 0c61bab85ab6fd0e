/* socket.h - a core's epoll set and what is in it.  Private to net/. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <pthread.h>

#include "net/dialer.h"
#include "net/lookup.h"
#include "net/net.h"
#include "net/stack.h"

enum {
    NET_READ_BUFFER = CONN_READ_MAX,
    NET_EVENTS_MAX = 256,    /* taken from the kernel at a time */
    NET_ROUNDS_MAX = 256,    /* so often per turn */
    NET_ACCEPTS_MAX = 128,   /* connections accepted per listener and turn */
    NET_DOOR_MAX_US = 20000, /* ... and never longer: what the door lets in counts as all else */
    NET_DOOR_US = 2000, /* per turn for who comes or goes; longer only if all else took longer */
    NET_REST_US =
        100000, /* so long a listener is not heard for which there is no descriptor at all */
};

/* Something in the epoll set; its address is the event's. */
struct source {
    void (*ready)(struct source *s, uint32_t events, int64_t now_us);
};

struct core {
    struct lane lane;
    struct conn_host host;
    int poll;  /* epoll: everything but listeners is edge-triggered */
    int mail;  /* eventfd, never read: each write is an edge */
    int spare; /* a descriptor to give up when there is no other */
    struct source mail_source;
    atomic_bool asleep; /* in epoll_wait, or about to: posting must write to `mail` */
    atomic_int wish;    /* enum core_wish, set by the main thread */
    pthread_t thread;
    struct list listeners, conns;
    struct list calling;  /* listeners that somebody waits at */
    struct list unread;   /* connections with input that has not been taken: who is in and stays, */
    struct list greeting; /* whose TLS handshake has not begun, */
    struct list shaking;  /* whose TLS handshake has, */
    struct list leaving;  /* who has ended its stream */
    struct list gone;     /* closed sockets whose connections have not been told */
    uint64_t turn;        /* how many there have been */
    int64_t woke_us;      /* when this turn began */
    int64_t door_us;      /* what those who come or go took in this turn */
    int64_t others_us;    /* what all else took in the last one */
    struct dialer dialer;
    struct lookups *lookups;
    struct list attempts_gone; /* of dials, not freed yet */
    atomic_uint conn_count;    /* written by the core, read by core_drain() */
    unsigned conn_max;
    bool draining, stopped, closed;
    uint8_t read_buffer[NET_READ_BUFFER];
};

enum core_wish { CORE_RUN, CORE_DRAIN, CORE_STOP };

struct listener {
    struct source source;
    int fd;
    struct core *core;
    struct net_listener spec;
    bool is_unix;
    unsigned port; /* 0: a Unix socket */
    struct list node;
    struct list calling; /* in core->calling */
    struct timer rest;   /* it is heard again */
};

/* Takes a descriptor that is watched out of the core's set, and closes it. */
void socket_drop(struct core *core, int fd);

/* The `ready` of a listener: its callers are accepted behind those who are in. */
void socket_called(struct source *s, uint32_t events, int64_t now_us);
void socket_rested(struct timer *t, int64_t now_us); /* the fn of its `rest` */

/* A dial has its stream: `fd` becomes a connection, which opens once TLS is up. */
void socket_begin_dialed(struct core *core, int fd, const struct sockaddr_storage *peer,
                         struct dial *d, int64_t now_us);

void socket_dialer_init(struct core *core);
void socket_bury_attempts(struct core *core);

/* One read for each connection that is in and has input; then those who come or go, for their share of the turn. */
void socket_read_all(struct core *core, int64_t now_us);

/* Somebody waits for the next turn. */
bool socket_anybody_waits(const struct core *core);

/* What the kernel has to tell, the main thread's wishes, and the lane's turn.  The core's thread does nothing else. */
void core_turn(struct core *core);

/* Tells closed connections' fronts and frees them. */
void socket_bury(struct core *core, int64_t now_us);

/* Closes all connections of a core: output first, or at once. */
void socket_close_all(struct core *core, bool abort);

#endif
