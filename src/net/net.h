/* net.h - cores: one epoll set each, listeners, accepted connections.
 *
 * The only room that sees sockets.  A core is a lane whose thread runs a loop: after every round of
 * I/O it takes one turn (lane_run_once), whose last act sends what connections have to say.
 *
 * Runs on: net_bind, core_init, core_listen, core_start on the main thread before the cores run;
 *          core_drain, core_drained and core_stop from the main thread while they do.
 * Limits:  max_connections per process (shared evenly by the cores): more are accepted and closed at
 *          once, counted in azimuth_connections_refused_total.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/conn.h"

enum { NET_BACKLOG = 4096, NET_CHOICES_MAX = 16 };

struct core;
struct dialer;
struct tls_context;

/* A port held by this process, with one listening socket for each core. */
struct net_port {
    unsigned port; /* the one bound, when 0 was asked for */
    int lock;      /* abstract socket named after address and port; held for life */
    int fds[LANES_MAX];
    unsigned count;
};

/* Binds `address` (IPv4 or IPv6 text) for `cores` cores.  A bind without SO_REUSEPORT must succeed
 * first, and an abstract socket named after address and port is held, so that a second process
 * cannot share the port unnoticed.  Port 0 is any free one: NET_CHOICES_MAX are tried when others
 * are as fast.  ERR_EXISTS: somebody holds it; ERR_DENIED: not allowed (ports below 1024);
 * fail_text() says who and what to do. */
enum err net_bind(const char *address, unsigned port, unsigned cores,
                  struct net_port *out) MUST_USE;

/* A Unix socket (mode 0600) for administration, on one core. */
enum err net_bind_unix(const char *path, struct net_port *out) MUST_USE;

bool net_has_address(const char *address); /* does this machine have it? */

struct net_listener {
    const struct front *front;
    void *front_ctx;                /* per core */
    struct tls_context *const *tls; /* where the core finds the current context; NULL: plain */
    bool admin;                     /* whoever connects is administrator */
};

struct core *core_new(struct office *office, unsigned index, unsigned max_connections);
struct lane *core_lane(struct core *core);
struct dialer *core_dialer(struct core *core); /* dial.h */
enum err core_listen(struct core *core, int fd, bool is_unix,
                     const struct net_listener *l) MUST_USE;
void core_admit_all(struct core *core); /* addresses are not barred (guard.h) */
/* Tells the others, before it starts, from which addresses somebody was let in; `cores` are kept. */
void core_meet(struct core *core, struct lane *const *cores, unsigned count);
void core_watch(struct core *core, const struct conn_watch *watch); /* `watch` is copied */
void core_start(struct core *core);                                 /* its thread */

/* From now on refuses new connections and closes the ones there are, output first. */
void core_drain(struct core *core);
bool core_drained(struct core *core); /* no connection is left */

void core_stop(struct core *core); /* ends and joins its thread */

/* Once no thread posts to this core any more: cuts its connections, whose fronts are closed.  What
 * fronts rely on may be freed after it, the core itself last. */
void core_close(struct core *core);
void core_free(struct core *core);

#endif
