/* sender_fuzz.c - endpoints over AMQP (deliver) against any peer.
 *
 *     byte 0    bit 0 a queue, else an event hub; bits 1 to 4 messages, of three devices; bit 5 time passes before the
 *               peer hangs up; bit 6 what was asked is forgotten; bit 7 the rest is a connection string
 *     byte 1    how much of the rest comes at a time; 0: all of it
 *     byte 2..  what the peer says; then it hangs up
 *
 * What must hold: each question gets one answer, at the latest when the peer is gone. */
#include <stdlib.h>

#include "base/amqp.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deliver/amqp/amqp.h"
#include "fuzz.h"
#include "net/dialer.h"
#include "net/transport_rig.h"

enum { NOW = 1000000, QUEUE = 1, TIME_PASSES = 1 << 5, FORGOTTEN = 1 << 6, DOCUMENT = 1 << 7 };

struct question {
    struct deliver_call call;
    unsigned answers;
};

static struct transport_rig wire;
static bool is_open;
static const struct deliver_kind *kind;

static int64_t stopped(void)
{
    return NOW;
}

static const struct clock_source stopped_clock = {stopped, stopped};

/* There is one connection; another one is refused. */
static void net_connect(struct dialer *dr, struct dial *d, int64_t now_us)
{
    if (is_open) {
        dial_failed(d, ERR_IO, "refused");
        return;
    }
    is_open = true;
    conn_init(&wire.conn, dr->host, &rig_transport, d->to.front, d->to.front_ctx, NULL);
    dial_connected(d, &wire.conn, now_us);
}

static void net_stop(struct dialer *dr, struct dial *d)
{
    (void)dr, (void)d;
}

static void on_answer(struct deliver_call *c, const struct deliver_result *r)
{
    struct question *q = CONTAINER_OF(c, struct question, call);
    assert(r->outcome == DELIVER_TAKEN || r->text);
    assert(q->answers++ == 0);
}

static struct deliver_target *open_target(const struct deliver_place *place)
{
    static const char text[] =
        "{\"connectionString\":\"Endpoint=sb://h/;SharedAccessKeyName=p;SharedAccessKey=a2V5;"
        "EntityPath=e;UseDevelopmentEmulator=true\"}";
    struct arena a = {0};
    struct json *endpoint;
    enum err e = json_parse(&a, slice_str(text), &endpoint);
    assert(e == OK);
    struct deliver_target *t = kind->open(place, endpoint);
    arena_free(&a);
    return t;
}

static void add(struct deliver_target *t, struct buf *batch, unsigned n)
{
    struct buf pairs = {0}, sections = {0};
    const char *const devices[] = {"a", "b", "c"};
    amqp_put_sym(&pairs, "iothub-connection-device-id");
    amqp_put_str(&pairs, devices[n % 3]);
    amqp_put_data(&sections, slice_str(devices[n % 3]));
    struct record r = {.ordinal = n,
                       .pair_count = 1,
                       .pairs = buf_slice(&pairs),
                       .sections = buf_slice(&sections)};
    enum err e = kind->add(t, &r, batch, n);
    assert(e == OK);
    buf_free(&pairs);
    buf_free(&sections);
}

static void say(struct lane *lane, struct slice bytes, size_t piece)
{
    while (bytes.len && is_open && !wire.shut) {
        struct slice now = slice_head(bytes, piece);
        uint8_t *copy = mem_new(now.len);
        memcpy(copy, now.ptr, now.len);
        conn_received(&wire.conn, slice_of(copy, now.len), NOW);
        free(copy);
        lane_run_once(lane, NOW);
        bytes = slice_from(bytes, now.len);
    }
}

static void hang_up(struct lane *lane)
{
    if (!wire.shut) conn_ended(&wire.conn, ERR_CLOSED);
    conn_gone(&wire.conn, NOW);
    lane_run_once(lane, NOW + TIMER_TICK_US);
    lane_run_once(lane, NOW + 2 * TIMER_TICK_US);
}

static void talk(struct lane *lane, struct dialer *dr, struct slice input)
{
    struct question connecting = {.call.fn = on_answer}, sending = {.call.fn = on_answer};
    struct deliver_place place = {.lane = lane, .dialer = dr, .name = "n", .bit = 1};
    struct buf batch = {0};
    unsigned count = input.ptr[0] >> 1 & 15;
    size_t piece = input.ptr[1] ? input.ptr[1] : input.len;
    kind = input.ptr[0] & QUEUE ? &service_bus_queues_kind : &amqp_event_hubs_kind;
    struct deliver_target *t = open_target(&place);
    kind->connect(t, &connecting.call);
    for (unsigned n = 0; n < count; n++) add(t, &batch, n);
    if (count) kind->send(t, &batch, &sending.call);
    buf_free(&batch);
    say(lane, slice_from(input, 2), piece);
    bool forgotten = input.ptr[0] & FORGOTTEN;
    if (forgotten && connecting.answers == 0) kind->forget(t, &connecting.call);
    if (forgotten && count && sending.answers == 0) kind->forget(t, &sending.call);
    for (int s = 1; input.ptr[0] & TIME_PASSES && s < 120; s++) lane_run_once(lane, NOW * (1 + s));
    hang_up(lane);
    assert(forgotten || connecting.answers == 1);
    assert(forgotten || sending.answers == (count > 0));
    kind->close(t);
    dialer_close(dr);
}

/* What is taken is taken again, and with the mask in its place it is what it was. */
static void check_document(struct slice text)
{
    const struct routing_kind *routing = &service_bus_queues_kind.routing;
    static const struct hub hub;
    struct arena a = {0};
    struct json *kept = json_new(&a, JSON_OBJECT), *shown = json_new(&a, JSON_OBJECT);
    json_set(&a, kept, SLICE_LIT("connectionString"), json_new_string(&a, text));
    json_set(&a, shown, SLICE_LIT("connectionString"), json_new_string(&a, text));
    if (routing->check(&hub, &a, kept, NULL) == OK) {
        routing->mask(&a, shown);
        enum err e = routing->check(&hub, &a, shown, kept);
        assert(e == OK);
        assert(slice_eq(json_str(shown, "connectionString"), json_str(kept, "connectionString")));
    }
    arena_free(&a);
}

void fuzz_one(struct slice input)
{
    static struct office office;
    static struct lane lane;
    struct conn_host host;
    struct dialer dr = {.connect = net_connect, .stop = net_stop};
    if (input.len < 2) return;
    if (input.ptr[0] & DOCUMENT) {
        check_document(slice_from(input, 2));
        return;
    }
    clock_use(&stopped_clock);
    office = (struct office){0};
    wire = (struct transport_rig){0};
    is_open = false;
    lane_init(&lane, &office, "core");
    conn_host_init(&host, &lane);
    dialer_init(&dr, &host);
    talk(&lane, &dr, input);
    conn_host_fini(&host);
    lane_fini(&lane);
    buf_free(&wire.sent);
}
