/* c2d_bench.c - cloud to device: messages a second from back ends on AMQP to devices on MQTT.
 *
 * usage: c2d_bench AMQP_PORT MQTT_PORT HUB SERVICE_TOKEN DEVICE_TOKEN DEVICES WINDOW SECONDS
 *
 * SENDERS plain AMQP connections keep WINDOW messages each under way (closed loop), to the devices in
 * turn, which acknowledge what they get (QoS 1).  A message is accepted when it is on disk; it counts
 * once for its sender and once for its device.  Prints one line of JSON.
 */
#include "lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/amqp/amqp.h"

enum { SENDERS = 4, WARMUP_S = 1, TIMES_MAX = 4 << 20 };

struct sender {
    struct line line;
    struct amqp amqp;
    struct amqp_link *link;
    unsigned unsettled;
};

static struct line *devices;
static struct sender senders[SENDERS];
static unsigned device_count, next_device, window;
static uint64_t accepted, refused, delivered;
static struct times times; /* from a sender to its device */
static int64_t measure_from_us, end_us;
static const char *hub, *service_token;

static bool is_measured(int64_t now_us)
{
    return now_us >= measure_from_us && now_us < end_us;
}

/* ---- devices */

static struct line *device_line(unsigned number)
{
    return &devices[number];
}

/* The payload is the time at which it was sent. */
static void on_packet(struct line *l, const struct mqtt_event *ev)
{
    int64_t now_us = clock_mono_us(), sent_us;
    if (ev->kind != MQTT_PUBLISH) return;
    mqtt_send_puback(&l->mqtt, ev->publish.packet_id);
    if (!is_measured(now_us) || ev->publish.payload.len != sizeof sent_us) return;
    memcpy(&sent_us, ev->publish.payload.ptr, sizeof sent_us);
    times_add(&times, now_us - sent_us);
    delivered++;
}

/* ---- senders */

static void put_message(struct buf *out, unsigned number)
{
    char to[64];
    int64_t now_us = clock_mono_us();
    snprintf(to, sizeof to, "/devices/dev%06u/messages/devicebound", number);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_null(out); /* message-id */
    amqp_put_null(out); /* user-id */
    amqp_put_str(out, to);
    amqp_close(out, list, 3);
    amqp_put_data(out, slice_of((const uint8_t *)&now_us, sizeof now_us));
}

static void send_what_fits(struct sender *s)
{
    while (s->link && s->unsettled < window && amqp_can_send(s->link) && clock_mono_us() < end_us) {
        put_message(amqp_transfer_begin(s->link, &(struct amqp_transfer){0}),
                    next_device++ % device_count);
        amqp_transfer_end(s->link);
        s->unsettled++;
    }
}

static void on_mechanisms(struct sender *s)
{
    struct buf response = {0};
    buf_put_u8(&response, 0);
    buf_printf(&response, "service@sas.root.%s", hub);
    buf_put_u8(&response, 0);
    buf_put_str(&response, service_token);
    amqp_send_sasl_init(&s->amqp, "PLAIN", buf_slice(&response));
    buf_free(&response);
}

static void on_outcome(struct sender *s, uint8_t outcome)
{
    if (outcome != 0) lines_stop("SASL");
    amqp_send_open(&s->amqp);
    const struct amqp_link_config link = {.name = SLICE_LIT("c2d"),
                                          .sender = true,
                                          .source = SLICE_LIT("bench"),
                                          .target = SLICE_LIT("/messages/devicebound")};
    s->link = amqp_send_attach(amqp_send_begin(&s->amqp), &link);
}

static void on_disposition(struct sender *s, const struct amqp_disposition *d)
{
    unsigned count = d->last - d->first + 1;
    s->unsettled -= count;
    if (d->outcome != AMQP_ACCEPTED && refused++ == 0)
        fprintf(stderr, "%.*s\n", SLICE_ARG(d->error.description));
    if (d->outcome == AMQP_ACCEPTED && is_measured(clock_mono_us())) accepted += count;
}

static void on_event(struct sender *s, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: on_mechanisms(s); break;
    case AMQP_ON_SASL_OUTCOME: on_outcome(s, ev->outcome); break;
    case AMQP_ON_DISPOSITION: on_disposition(s, &ev->disposition); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: lines_stop("the server ended the link"); break;
    default: break;
    }
}

static void hear_sender(struct line *l, struct slice bytes)
{
    struct sender *s = CONTAINER_OF(l, struct sender, line);
    struct amqp_event ev;
    amqp_feed(&s->amqp, bytes, clock_mono_us());
    while (amqp_next(&s->amqp, &ev) == OK) on_event(s, &ev);
    send_what_fits(s);
    line_flush(l);
}

static void sender_open(struct sender *s, unsigned port)
{
    static const struct amqp_config config = {
        .role = AMQP_CLIENT, .container_id = "bench", .sasl = true};
    s->line.hear = hear_sender;
    line_open_port(&s->line, port);
    amqp_init(&s->amqp, &config, &s->line.out, clock_mono_us());
    line_flush(&s->line);
}

int main(int argc, char **argv)
{
    if (argc != 9) return 2;
    const struct device_plan plan = {.count = (unsigned)atoi(argv[6]),
                                     .port = (unsigned)atoi(argv[2]),
                                     .token = argv[5],
                                     .filter = "devices/{id}/messages/devicebound/#",
                                     .qos = 1,
                                     .line = device_line,
                                     .packet = on_packet};
    unsigned seconds = (unsigned)atoi(argv[8]);
    hub = argv[3], service_token = argv[4];
    device_count = plan.count, window = (unsigned)atoi(argv[7]);
    devices = mem_zero(plan.count * sizeof *devices);
    times_init(&times, TIMES_MAX);
    devices_open(&plan);
    measure_from_us = clock_mono_us() + WARMUP_S * 1000000ll;
    end_us = measure_from_us + (int64_t)seconds * 1000000;
    for (unsigned i = 0; i < SENDERS; i++) sender_open(&senders[i], (unsigned)atoi(argv[1]));
    while (clock_mono_us() < end_us) lines_turn(LINES_WAIT_US);
    times_sort(&times);
    printf("{\"devices\":%u,\"window\":%u,\"accepted_per_s\":%.0f,\"delivered_per_s\":%.0f,"
           "\"refused\":%" PRIu64 ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 "}\n",
           device_count, window, (double)accepted / seconds, (double)delivered / seconds, refused,
           times_at(&times, 0.5), times_at(&times, 0.99));
    return refused > 0;
}
