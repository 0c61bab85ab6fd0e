/* amqp_bench.c - AMQP alone: the engine on one core, no network, no TLS, no log.
 *
 * usage: amqp_bench send [SIZE [MILLIONS]]     stored events to one reader, pre-settled
 *        amqp_bench receive [SIZE [MILLIONS]]  telemetry from one sender, a disposition for each
 *
 * Prints one line of JSON.  `send` is the part of goal A5 that is ours: annotations, frame and one copy
 * of the stored bytes for each event.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "front/amqp/event.h"
#include "proto/amqp/amqp.h"

enum { CREDIT = 1 << 30, WRITE = 64 << 10, BATCH = 100 };

struct pair {
    struct amqp client, server;
    struct buf to_server, to_client;
    struct amqp_link *sender, *receiver; /* the client's */
    struct amqp_link *server_sender, *server_receiver;
    uint64_t delivered;
};

static const char *const mechanisms[] = {"ANONYMOUS", NULL};
static const struct amqp_config server_config = {
    .role = AMQP_SERVER, .container_id = "server", .mechanisms = mechanisms};
static const struct amqp_config client_config = {.role = AMQP_CLIENT, .container_id = "client"};

static void answer(struct pair *p, const struct amqp_event *ev)
{
    if (ev->kind == AMQP_ON_OPEN) amqp_send_open(&p->server);
    if (ev->kind != AMQP_ON_ATTACH) return;
    amqp_answer_attach(ev->link, &(struct amqp_link_answer){0});
    if (ev->link->sender) {
        p->server_sender = ev->link;
    } else {
        p->server_receiver = ev->link;
        amqp_send_flow(ev->link, CREDIT, false);
    }
}

/* Each delivery is accepted, as after a commit. */
static void serve(struct pair *p)
{
    struct amqp_event ev;
    amqp_feed(&p->server, buf_slice(&p->to_server), clock_mono_us());
    while (amqp_next(&p->server, &ev) == OK) {
        answer(p, &ev);
        if (ev.kind != AMQP_ON_DELIVERY) continue;
        struct amqp_disposition d = {.from_receiver = true, .settled = true};
        d.outcome = AMQP_ACCEPTED;
        d.first = d.last = ev.delivery.id;
        amqp_send_disposition(ev.session, &d);
        p->delivered++;
    }
    buf_clear(&p->to_server);
}

static void hear(struct pair *p)
{
    struct amqp_event ev;
    amqp_feed(&p->client, buf_slice(&p->to_client), clock_mono_us());
    while (amqp_next(&p->client, &ev) == OK) {
    }
    buf_clear(&p->to_client);
}

static void attach(struct pair *p)
{
    amqp_init(&p->server, &server_config, &p->to_client, clock_mono_us());
    amqp_init(&p->client, &client_config, &p->to_server, clock_mono_us());
    amqp_send_open(&p->client);
    struct amqp_session *s = amqp_send_begin(&p->client);
    struct amqp_link_config link = {.name = SLICE_LIT("in"), .source = SLICE_LIT("x")};
    p->receiver = amqp_send_attach(s, &link);
    link.sender = true;
    p->sender = amqp_send_attach(s, &link);
    amqp_send_flow(p->receiver, CREDIT, false);
    serve(p);
    hear(p);
}

/* A record as the log gives it: eight annotations of a device's telemetry, a body of that size. */
static struct record make_record(struct buf *pairs, struct buf *sections, size_t size)
{
    static const char *const names[] = {
        "iothub-connection-device-id", "iothub-connection-auth-method", "iothub-message-source",
        "iothub-connection-auth-generation-id", "iothub-enqueuedtime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        amqp_put_sym(pairs, names[i]);
        amqp_put_str(pairs, "{\"scope\":\"device\"}");
    }
    struct buf body = {0};
    memset(buf_reserve(&body, size), 'x', size);
    buf_commit(&body, size);
    amqp_put_data(sections, buf_slice(&body));
    buf_free(&body);
    return (struct record){.sequence = 123456789,
                           .enqueued_us = 1767225600000000,
                           .pair_count = 5,
                           .pairs = buf_slice(pairs),
                           .sections = buf_slice(sections)};
}

static void send_events(struct pair *p, size_t size, uint64_t count)
{
    struct buf pairs = {0}, sections = {0};
    struct record record = make_record(&pairs, &sections, size);
    for (uint64_t i = 0; i < count; i++) {
        if (buf_size(&p->to_client) >= WRITE) buf_clear(&p->to_client);
        struct amqp_link *l = p->server_sender;
        if (!amqp_can_send(l)) l->session->outgoing_window = CREDIT;
        event_put(amqp_transfer_begin(l, &(struct amqp_transfer){.settled = true}), &record);
        amqp_transfer_end(l);
        record.sequence++;
    }
    buf_free(&pairs);
    buf_free(&sections);
}

static void receive_messages(struct pair *p, size_t size, uint64_t count)
{
    struct buf pairs = {0}, sections = {0};
    make_record(&pairs, &sections, size);
    while (p->delivered < count) {
        for (int i = 0; i < BATCH; i++) {
            struct buf *out = amqp_transfer_begin(p->sender, &(struct amqp_transfer){0});
            buf_put_slice(out, buf_slice(&sections));
            amqp_transfer_end(p->sender);
        }
        serve(p);
        hear(p);
    }
    buf_free(&pairs);
    buf_free(&sections);
}

int main(int argc, char **argv)
{
    bool sends = argc > 1 && strcmp(argv[1], "send") == 0;
    if (!sends && (argc < 2 || strcmp(argv[1], "receive") != 0)) return 2;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    uint64_t count = (argc > 3 ? strtoul(argv[3], NULL, 10) : 10) * 1000000;
    struct pair p = {0};
    attach(&p);
    int64_t from_us = clock_mono_us();
    if (sends)
        send_events(&p, size, count);
    else
        receive_messages(&p, size, count);
    double seconds = (double)(clock_mono_us() - from_us) / 1e6;
    printf("{\"case\":\"amqp_%s\",\"size\":%zu,\"messages\":%" PRIu64
           ",\"cpu_s_per_million\":%.3f,\"per_second\":%.0f}\n",
           argv[1], size, count, seconds * 1e6 / (double)count, (double)count / seconds);
    amqp_fini(&p.client);
    amqp_fini(&p.server);
    buf_free(&p.to_client);
    buf_free(&p.to_server);
    return 0;
}
