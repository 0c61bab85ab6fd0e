/* conn.h - the connections: their sockets, what waits to be sent, and the one epoll set that they are in.
 *
 * Subscribers come first in `conns`, publishers behind them.  What comes in goes to ws.h and mqtt.h; a connection that
 * can write again is told to publish.h.
 */
#ifndef MQTTLOAD_CONN_H
#define MQTTLOAD_CONN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

enum state { ST_NONE, ST_TCP, ST_TLS, ST_UPGRADE, ST_CONNACK, ST_SUBACK, ST_UP, ST_DEAD };

struct conn {
    int fd;
    enum state st;
    bool is_sub;
    bool blocked; /* the socket takes no more now */
    unsigned idx; /* among its like */
    uint64_t t_start, t_last;
    char *client, *user, *pass, *topic; /* who.c; user and pass may be NULL */
    size_t topic_len;
    SSL *ssl;          /* NULL: plain */
    SSL_SESSION *sess; /* --resume: for the next handshake */
    char *out;         /* what waits to be sent, from out_off on */
    size_t out_len, out_off, out_cap;
    char *left; /* the beginning of a packet */
    size_t left_len, left_cap;
    /* ws.c: of the frame that is being read */
    unsigned char ws_head[10];
    unsigned ws_head_len;
    uint64_t ws_left; /* of its payload */
    /* publish.c */
    bool queued, pong;
    uint16_t next_pid;
    unsigned inflight;
    struct slot *slots;
    uint64_t sent, acked; /* messages, whole life */
    uint64_t due;         /* rate mode: may be sent */
    uint64_t sched_seq;   /* rate mode: number within phase */
};

extern struct conn *conns;
extern unsigned conn_count;
extern volatile sig_atomic_t stopped; /* by a signal: all loops end */

/* Makes `conns`, and none of them is connected. */
void conns_init(void);

void conn_start(struct conn *k);
void conn_up(struct conn *k); /* it may publish, or has its subscription */
void conn_close(struct conn *k, bool failed);
void conn_fail(struct conn *k, const char *what); /* closes it and notes why */

/* Sends what fits now and keeps a copy of the rest. */
void conn_write(struct conn *k, const char *p, size_t n);

/* Keeps a copy, for the end of the read that is going on. */
void conn_write_later(struct conn *k, const char *p, size_t n);

/* Waits that long at most for events, and handles them. */
void conns_poll(uint64_t wait_ns);

/* Keeps quiet connections alive; cheap enough to be called always. */
void conns_keep_alive(void);

/* Opens conns[from..to), some at once, until all are up or failed; how long that took. */
double conns_open_s(unsigned from, unsigned to);

#endif
