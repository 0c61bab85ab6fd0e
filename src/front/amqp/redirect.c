/* redirect.c - messages/events on the IoT host name: where the stream's own endpoint is.
 *
 * Back ends that know only the hub attach a receiver here and are detached with amqp:link:redirect to the Event
 * Hubs-compatible endpoint, which is the host and the port they dialled.  The detach follows the attach by a moment:
 * rhea-promise registers its listeners in between.  The address is what was asked for, under the event hub's name:
 * Microsoft's samples cut that name out between the port and /$management (JavaScript, .NET) or /ConsumerGroups
 * (Python's iot_hub_connection_string_receive_async.py).
 *
 * createFromIotHubConnectionString() of older JavaScript asks $management with a pair of links: its sender is
 * refused with the same error, which is the only place where it looks for it.
 */
#include "base/clock.h"
#include "base/net.h"
#include "base/text.h"
#include "front/amqp/peer.h"

struct redirect {
    struct peer_link base;
    struct timer timer;
};

/* The stream itself is where its $management is asked. */
static void put_address(struct buf *out, const struct peer_link *l, const char *host, unsigned port)
{
    const struct amqp_service *s = l->peer->service;
    struct address there = l->address;
    if (there.kind == ADDRESS_STREAM) there.kind = ADDRESS_MANAGEMENT;
    buf_put_str(out, "amqps://");
    text_url_host(out, host);
    buf_printf(out, ":%u/", port);
    address_path(s->hub, s->doors.event_hubs, &there, false, out);
}

/* What the client dialled is not what we listen on where a port is mapped (docker run -p).  If it knows, it says
 * so in the link's address, amqps://host:port/messages/events, or in its open's hostname. */
static unsigned port_of(const struct peer_link *l)
{
    static const struct slice scheme = {(const uint8_t *)"amqps://", 8};
    struct slice path = slice_str(l->path), host, digits = SLICE_NONE;
    unsigned port;
    if (slice_starts_nocase(path, scheme)) {
        path = slice_from(path, scheme.len);
        net_split(slice_head(path, slice_find(path, '/')), &host, &digits);
        if (!hub_is_host(l->peer->service->hub, host)) digits = SLICE_NONE;
    }
    if ((port = net_port(digits)) != 0) return port;
    return l->peer->port ? l->peer->port : conn_local_port(l->peer->conn);
}

static void put_info(struct buf *b, const struct peer_link *l)
{
    const char *host = peer_host(l->peer);
    unsigned port = port_of(l);
    struct buf address = {0};
    put_address(&address, l, host, port);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_sym(b, "hostname");
    amqp_put_str(b, host);
    amqp_put_sym(b, "network-host");
    amqp_put_str(b, host);
    amqp_put_sym(b, "port");
    amqp_put_uint(b, port);
    amqp_put_sym(b, "address");
    amqp_put_string(b, buf_slice(&address));
    amqp_close(b, map, 8);
    buf_free(&address);
}

static void redirect(struct peer_link *l,
                     void (*end)(struct peer_link *l, const struct amqp_error *error))
{
    struct buf info = {0};
    put_info(&info, l);
    struct amqp_error error = amqp_error_of(AMQP_REDIRECT, "the stream is read at another address");
    error.info = buf_slice(&info);
    end(l, &error);
    buf_free(&info);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    (void)now_us;
    redirect(&CONTAINER_OF(t, struct redirect, timer)->base, peer_detach_with);
}

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    struct redirect *r = CONTAINER_OF(l, struct redirect, base);
    struct lane *lane = l->peer->service->lane;
    (void)ev;
    timer_init(&r->timer, on_timer);
    if (!l->link->sender) {
        redirect(l, peer_refuse_with);
        return;
    }
    amqp_answer_attach(l->link, &(struct amqp_link_answer){0});
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

const struct node node_management_redirect = {
    .name = "redirect",
    .size = sizeof(struct redirect),
    .sender = true,
    .receiver = true,
    .right = AUTH_SERVICE_CONNECT,
    .attach = on_attach,
    .detached = on_detached,
};
