/* redirect.c - messages/events on the IoT host name: where the stream's own endpoint is.
 *
 * Back ends that know only the hub log in with SASL PLAIN, attach a receiver here and are detached
 * with amqp:link:redirect to the Event Hubs-compatible endpoint, which is the host they dialled.  The
 * detach follows the attach by a moment: rhea-promise registers its listeners in between.
 */
#include <stdio.h>

#include "base/clock.h"
#include "front/amqp/peer.h"

struct redirect {
    struct peer_link base;
    struct timer timer;
};

static void put_info(struct buf *b, const struct peer *p)
{
    const char *host = peer_host(p);
    unsigned port = conn_local_port(p->conn);
    char address[HUB_HOST_LEN_MAX + HUB_NAME_LEN_MAX + 64];
    snprintf(address, sizeof address, "amqps://%s:%u/%s/$management", host, port,
             p->service->hub->name);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_sym(b, "hostname");
    amqp_put_str(b, host);
    amqp_put_sym(b, "network-host");
    amqp_put_str(b, host);
    amqp_put_sym(b, "port");
    amqp_put_uint(b, port);
    amqp_put_sym(b, "address");
    amqp_put_str(b, address);
    amqp_close(b, map, 8);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct redirect *r = CONTAINER_OF(t, struct redirect, timer);
    struct buf info = {0};
    (void)now_us;
    put_info(&info, r->base.peer);
    struct amqp_error error = amqp_error_of(AMQP_REDIRECT, "the stream is read at another address");
    error.info = buf_slice(&info);
    peer_detach_with(&r->base, &error);
    buf_free(&info);
}

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct redirect *r = CONTAINER_OF(l, struct redirect, base);
    struct lane *lane = l->peer->service->lane;
    (void)ev;
    amqp_answer_attach(l->link, &(struct amqp_link_answer){0});
    timer_init(&r->timer, on_timer);
    timer_set(&lane->timers, &r->timer, clock_mono_us() + AMQP_REDIRECT_WAIT_MS * 1000ll);
}

static void on_detached(struct peer_link *l)
{
    struct redirect *r = CONTAINER_OF(l, struct redirect, base);
    timer_stop(&r->timer);
}

const struct node node_redirect = {
    .name = "redirect",
    .size = sizeof(struct redirect),
    .sender = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .detached = on_detached,
};
