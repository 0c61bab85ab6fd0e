/* amqp_test.c - event hubs and queues elsewhere that take, refuse, give back, say nothing and hang up; the
 * test is the network, and the peer is our own AMQP engine in the other role. */
#include "deliver/deliver_rig.h"

#include "base/amqp.h"
#include "base/json.h"
#include "base/metrics.h"
#include "deliver/amqp/amqp.h"
#include "deliver/amqp/sender.h"
#include "net/dialer.h"
#include "net/transport_rig.h"
#include "proto/amqp/amqp.h"

enum { PARTITIONS = 2, DEVICES = 4, HEARD_MAX = 4096, S = 1000000 };

/* What becomes of a delivery. */
enum mode { TAKES, SILENT, RELEASES, REJECTS, EVERY_SECOND_BACK };

struct broker {
    const char *const *mechanisms;
    enum mode mode;
    const char *condition; /* of REJECTS */
    int poison;            /* a message with this n is rejected with argument-error; 0: none */
    const char *doubt;     /* ... or with this */
    unsigned rejections;   /* so often; 0: always */
    int status;            /* of tokens; 0: 200 */
    const char *refusal;   /* condition of the attach */
    uint32_t credit;       /* at a time */
    uint64_t message_max;
    bool unreachable, mute;

    struct amqp_config config;
    struct amqp engine;
    struct buf out;
    struct transport_rig *wire; /* NULL: nobody is connected */
    struct amqp_link *link, *replies;
    unsigned dials, tokens, deliveries, batches;
    char mechanism[16], response[128], token[512], name[128], address[128];
    int heard[HEARD_MAX]; /* n of what was accepted, in order */
    unsigned count;
    struct buf last; /* the last message of the entity */
};

static struct fixture {
    struct deliver_rig d;
    struct conn_host host;
    struct dialer dialer;
    struct broker b;
} f;

/* ---- the peer */

static void token(struct broker *b, const struct amqp_message *m)
{
    struct amqp_value v;
    b->tokens++;
    snprintf(b->token, sizeof b->token, "%.*s", SLICE_ARG(amqp_text(&m->value)));
    assert_true(amqp_map_find(&m->application, "name", &v));
    snprintf(b->name, sizeof b->name, "%.*s", SLICE_ARG(amqp_text(&v)));
    assert_true(amqp_can_send(b->replies));
    struct buf *out = amqp_transfer_begin(b->replies, &(struct amqp_transfer){.settled = true});
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "status-code");
    amqp_put_int(out, b->status ? b->status : 202);
    amqp_put_str(out, "status-description");
    amqp_put_str(out, b->status ? "InvalidSignature: \"no\"" : "Accepted");
    amqp_close(out, map, 4);
    amqp_transfer_end(b->replies);
}

static int number_of(struct slice message)
{
    struct amqp_message m;
    char text[32];
    assert_int_equal(amqp_message_parse(message, &m), OK);
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(m.data));
    return atoi(text + strlen("{\"n\":"));
}

/* The numbers of a delivery; how many. */
static unsigned numbers_of(struct broker *b, const struct amqp_delivery *d, int *out)
{
    struct cur c = cur_of(d->payload);
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    unsigned count = 0;
    buf_clear(&b->last);
    buf_put_slice(&b->last, d->payload);
    if (d->format != AMQP_FORMAT_BATCH) return out[0] = number_of(d->payload), 1;
    b->batches++;
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code == AMQP_DATA) out[count++] = number_of(amqp_text(&value));
    return count;
}

static enum amqp_outcome outcome_of(struct broker *b, const int *numbers, unsigned count,
                                    struct amqp_error *error)
{
    for (unsigned i = 0; b->poison && i < count; i++) {
        if (numbers[i] != b->poison) continue;
        *error = amqp_error_of(b->doubt ? b->doubt : "com.microsoft:argument-error", "poison");
        if (b->rejections && --b->rejections == 0) b->poison = 0;
        return AMQP_REJECTED;
    }
    if (b->mode == RELEASES || (b->mode == EVERY_SECOND_BACK && b->deliveries % 2))
        return AMQP_RELEASED;
    if (b->mode != REJECTS) return AMQP_ACCEPTED;
    *error = amqp_error_of(b->condition, "no \"more\"\n");
    return AMQP_REJECTED;
}

static void event_delivery(struct broker *b, const struct amqp_event *ev)
{
    static int numbers[HEARD_MAX];
    unsigned count = numbers_of(b, &ev->delivery, numbers);
    struct amqp_disposition d = {
        .from_receiver = true, .settled = true, .first = ev->delivery.id, .last = ev->delivery.id};
    b->deliveries++;
    if (b->mode == SILENT) return;
    d.outcome = outcome_of(b, numbers, count, &d.error);
    for (unsigned i = 0; d.outcome == AMQP_ACCEPTED && i < count; i++)
        b->heard[b->count++] = numbers[i];
    amqp_send_disposition(ev->session, &d);
    if (b->link->credit == 0) amqp_send_flow(b->link, b->credit, false);
}

static void delivery(struct broker *b, const struct amqp_event *ev)
{
    struct amqp_message m;
    if (ev->link == b->link) {
        event_delivery(b, ev);
        return;
    }
    assert_int_equal(amqp_message_parse(ev->delivery.payload, &m), OK);
    token(b, &m);
}

static void attach(struct broker *b, const struct amqp_event *ev)
{
    struct slice address = ev->link->sender ? ev->attach.source.address : ev->attach.target.address;
    bool cbs = slice_is(address, "$cbs");
    struct amqp_error error = amqp_error_of(b->refusal ? b->refusal : "", "not that");
    if (!cbs && b->refusal) {
        amqp_refuse_attach(ev->link, &error);
        return;
    }
    amqp_answer_attach(ev->link, &(struct amqp_link_answer){.max_message_size = b->message_max});
    if (ev->link->sender) {
        b->replies = ev->link;
        return;
    }
    if (!cbs) b->link = ev->link;
    if (!cbs) snprintf(b->address, sizeof b->address, "%.*s", SLICE_ARG(address));
    if (cbs || b->credit) amqp_send_flow(ev->link, cbs ? 10 : b->credit, false);
}

static void greet(struct broker *b, const struct amqp_sasl *sasl)
{
    snprintf(b->mechanism, sizeof b->mechanism, "%.*s", SLICE_ARG(sasl->mechanism));
    for (size_t i = 0; i < sizeof b->response; i++)
        b->response[i] = (char)(i >= sasl->response.len ? '\0'
                                : sasl->response.ptr[i] ? sasl->response.ptr[i]
                                                        : '|');
    amqp_send_sasl_outcome(&b->engine, true);
}

static void on_event(struct broker *b, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT: greet(b, &ev->sasl); break;
    case AMQP_ON_OPEN: amqp_send_open(&b->engine); break;
    case AMQP_ON_ATTACH: attach(b, ev); break;
    case AMQP_ON_DELIVERY: delivery(b, ev); break;
    default: break;
    }
}

static void end_wire(struct broker *b)
{
    struct transport_rig *w = b->wire;
    b->wire = NULL;
    conn_gone(&w->conn, rig_mono_us);
    buf_free(&w->sent);
    free(w);
    amqp_fini(&b->engine);
    buf_free(&b->out);
    b->link = b->replies = NULL;
}

/* Bytes both ways; false: none moved. */
static bool exchange(struct broker *b)
{
    struct amqp_event ev;
    struct transport_rig *w = b->wire;
    if (w == NULL) return false;
    struct buf in = w->sent, out;
    bool moved = buf_size(&in) || w->shut;
    w->sent = (struct buf){0};
    if (buf_size(&in) && !b->mute) {
        amqp_feed(&b->engine, buf_slice(&in), rig_mono_us);
        while (amqp_next(&b->engine, &ev) == OK) on_event(b, &ev);
    }
    buf_free(&in);
    amqp_tick(&b->engine, rig_mono_us);
    out = b->out;
    b->out = (struct buf){0};
    if (!w->shut && buf_size(&out)) {
        lane_running = &f.d.rig.lane;
        conn_received(&w->conn, buf_slice(&out), rig_mono_us);
        moved = true;
    }
    buf_free(&out);
    if (w->shut) end_wire(b);
    return moved;
}

/* ---- the network */

static void net_connect(struct dialer *dr, struct dial *d, int64_t now_us)
{
    struct broker *b = &f.b;
    (void)dr;
    b->dials++;
    if (b->unreachable || b->wire) {
        dial_failed(d, ERR_IO, "refused the connection");
        return;
    }
    struct transport_rig *w = b->wire = NEW(struct transport_rig);
    b->config = (struct amqp_config){
        .role = AMQP_SERVER, .container_id = "broker", .mechanisms = b->mechanisms};
    amqp_init(&b->engine, &b->config, &b->out, now_us);
    conn_init(&w->conn, &f.host, &rig_transport, d->to.front, d->to.front_ctx, NULL);
    dial_connected(d, &w->conn, now_us);
}

static void net_stop(struct dialer *dr, struct dial *d)
{
    (void)dr, (void)d;
}

static void settle(void)
{
    do {
        cursor_rig_run(&f.d.rig, 0);
        lane_running = &f.d.rig.lane;
        lane_run_once(&f.d.rig.lane, rig_mono_us);
    } while (exchange(&f.b));
}

static void pass(int64_t us)
{
    settle();
    for (int64_t at = 0; at < us; at += CURSOR_RIG_STEP_US) {
        cursor_rig_run(&f.d.rig, CURSOR_RIG_STEP_US);
        settle();
    }
}

static void pass_minutes(int minutes)
{
    for (int i = 0; i < minutes * 6; i++) {
        rig_advance(f.d.rig.rig, 10 * (int64_t)S);
        settle();
    }
}

static void cut(void)
{
    if (f.b.wire == NULL) return;
    lane_running = &f.d.rig.lane;
    conn_ended(&f.b.wire->conn, ERR_CLOSED);
    end_wire(&f.b);
}

/* ---- a hub around it */

static const char *const azure[] = {"MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL", NULL};
static const char *const plain[] = {"PLAIN", "ANONYMOUS", NULL};
static const char *const anonymous[] = {"ANONYMOUS", NULL};
static const char *const external[] = {"EXTERNAL", NULL};

static void furnish(struct deliver_rig *d, struct deliver_doors *doors)
{
    d->hub.created_us = 0;
    conn_host_init(&f.host, &d->rig.lane);
    dialer_init(&f.dialer, &f.host);
    doors->dialer = &f.dialer;
}

static void leave(struct deliver_rig *d)
{
    (void)d;
    dialer_close(&f.dialer);
    cut();
}

static void strip(struct deliver_rig *d)
{
    (void)d;
    conn_host_fini(&f.host);
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.b.mechanisms = azure;
    f.b.credit = 100;
    f.dialer.connect = net_connect;
    f.dialer.stop = net_stop;
    f.d.furnish = furnish;
    f.d.leave = leave;
    f.d.strip = strip;
    deliver_rig_start(&f.d, PARTITIONS);
    settle();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    buf_free(&f.b.last);
    return 0;
}

#define TO(key, entity)                                                                            \
    "Endpoint=sb://far.test/;SharedAccessKeyName=send;SharedAccessKey=" key ";EntityPath=" entity  \
    ";UseDevelopmentEmulator=true"
#define ONE(list, string)                                                                          \
    "{\"endpoints\":{\"" list "\":[{\"name\":\"a\",\"connectionString\":\"" string "\"}]}}"
#define EVENT_HUB ONE("eventHubs", TO("c2VjcmV0", "far"))
#define QUEUE     ONE("serviceBusQueues", TO("c2VjcmV0", "far"))
#define TOPIC     ONE("serviceBusTopics", TO("c2VjcmV0", "far"))

static void use(const char *document)
{
    if (deliver_rig_put(&f.d, document) != OK) fail_msg("%s", f.d.text);
    pass(S);
}

enum { A = 1 << 1 };

/* A message of one of the devices, each of which has its partition. */
static void say_long(int n, size_t filling)
{
    struct log_writer *w = &f.d.rig.rig->cores[0].writer;
    struct buf body = {0};
    lane_running = &f.d.rig.rig->cores[0].lane;
    buf_printf(&body, "{\"n\":%d,\"x\":\"", n);
    for (size_t i = 0; i < filling; i++) buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"}");
    struct buf *b = log_begin(w, 0, (unsigned)n % DEVICES % PARTITIONS, RECORD_TELEMETRY, A);
    amqp_put_sym(b, "iothub-connection-device-id");
    amqp_put_string(b, slice_str((const char *[]){"d0", "d1", "d2", "d3"}[n % DEVICES]));
    log_pairs_done(w, 1);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "level");
    amqp_put_str(b, "hot");
    amqp_close(b, map, 2);
    amqp_put_data(b, buf_slice(&body));
    log_end(w, rig_note, f.d.rig.rig->cores[0].slot, 1);
    buf_free(&body);
    rig_run(f.d.rig.rig);
}

static void say_many(int first, int last)
{
    for (int n = first; n <= last; n++) say_long(n, 0);
}

/* Everything was accepted, each device in its order; what came twice came again from a place before. */
static void assert_heard(int first, int last)
{
    int next[DEVICES];
    for (int d = 0; d < DEVICES; d++) next[d] = first + (d + DEVICES - first % DEVICES) % DEVICES;
    for (unsigned i = 0; i < f.b.count; i++) {
        int *expected = &next[f.b.heard[i] % DEVICES];
        assert_true(f.b.heard[i] <= *expected);
        if (f.b.heard[i] == *expected) *expected += DEVICES;
    }
    for (int d = 0; d < DEVICES; d++) assert_true(next[d] > last);
}

static struct routing_health health(void)
{
    return deliver_rig_health(&f.d);
}

static void expect_unhealthy(const char *error)
{
    struct routing_health h = health();
    assert_int_equal(h.status, ROUTING_UNHEALTHY);
    assert_string_equal(h.error, error);
}

/* ---- login */

static void a_token_is_put_before_the_link_is_attached(void **state)
{
    (void)state;
    use(EVENT_HUB);
    assert_string_equal(f.b.mechanism, "MSSBCBS");
    assert_int_equal(f.b.tokens, 1);
    assert_string_equal(f.b.name, "sb://far.test/far");
    assert_non_null(strstr(f.b.token, "SharedAccessSignature sr=sb%3A%2F%2Ffar.test%2Ffar&sig="));
    assert_non_null(strstr(f.b.token, "&skn=send"));
    assert_string_equal(f.b.address, "far");
    assert_int_equal(health().status, ROUTING_HEALTHY);
}

static void what_is_offered_decides_how_to_log_in(void **state)
{
    static const struct {
        const char *const *offered;
        const char *chosen, *response;
        unsigned tokens;
    } rows[] = {{azure, "MSSBCBS", "", 1},
                {plain, "PLAIN", "|send|c2VjcmV0", 0},
                {anonymous, "ANONYMOUS", "azimuth", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tear_down(state);
        set_up(state);
        f.b.mechanisms = rows[i].offered;
        use(QUEUE);
        assert_string_equal(f.b.mechanism, rows[i].chosen);
        assert_string_equal(f.b.response, rows[i].response);
        assert_int_equal(f.b.tokens, rows[i].tokens);
        assert_string_equal(f.b.address, "far");
    }
}

static void who_offers_nothing_we_have_is_told_of(void **state)
{
    (void)state;
    f.b.mechanisms = external;
    use(QUEUE);
    expect_unhealthy("far.test:5672 offers none of MSSBCBS, PLAIN and ANONYMOUS to log in");
}

static void a_wrong_key_is_named_and_tried_slowly(void **state)
{
    (void)state;
    f.b.status = 401;
    use(EVENT_HUB);
    expect_unhealthy("far.test:5672 does not take the token that the key of policy 'send' makes: "
                     "401 InvalidSignature: 'no'");
    pass(DELIVER_PAUSE_SLOW_S * (int64_t)S - 2 * S);
    assert_int_equal(f.b.dials, 1);
    f.b.status = 0;
    pass(DELIVER_PAUSE_SLOW_S * (int64_t)S / 3);
    assert_int_equal(f.b.dials, 2);
    assert_int_equal(health().status, ROUTING_HEALTHY);
}

static void an_entity_that_is_not_there_is_named(void **state)
{
    (void)state;
    f.b.refusal = AMQP_NOT_FOUND;
    use(EVENT_HUB);
    expect_unhealthy("far.test:5672 (far) says no: amqp:not-found: not that");
    pass(60 * (int64_t)S);
    assert_int_equal(f.b.dials, 1);
}

static void a_host_that_is_not_there_is_tried_again(void **state)
{
    (void)state;
    f.b.unreachable = true;
    use(EVENT_HUB);
    expect_unhealthy("far.test:5672 refused the connection");
    pass(20 * (int64_t)S);
    assert_in_range(f.b.dials, 4, 6);
    f.b.unreachable = false;
    say_many(1, 10);
    pass(60 * (int64_t)S);
    assert_heard(1, 10);
}

static void a_peer_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    f.b.mute = true;
    use(EVENT_HUB);
    pass(AMQP_SENDER_ANSWER_US + S);
    expect_unhealthy("far.test:5672 does not answer to the login");
}

static void a_token_is_replaced_before_it_ends(void **state)
{
    (void)state;
    use(EVENT_HUB);
    say_many(1, 4);
    pass_minutes(46);
    assert_int_equal(f.b.tokens, 2);
    assert_int_equal(f.b.dials, 1);
    f.b.status = 401;
    pass_minutes(46);
    assert_int_equal(f.b.tokens, 3);
    assert_null(f.b.wire);
}

/* ---- messages */

static void an_event_hub_gets_the_message_with_its_devices_key(void **state)
{
    struct amqp_message m;
    struct amqp_value v;
    (void)state;
    use(EVENT_HUB);
    say_many(1, 1);
    pass(S);
    assert_int_equal(f.b.count, 1);
    assert_int_equal(amqp_message_parse(buf_slice(&f.b.last), &m), OK);
    assert_true(amqp_map_find(&m.annotations, "x-opt-partition-key", &v));
    assert_true(slice_is(amqp_text(&v), "d1"));
    assert_true(amqp_map_find(&m.annotations, "iothub-connection-device-id", &v));
    assert_true(amqp_map_find(&m.application, "level", &v));
    assert_true(amqp_map_find(&m.application, ROUTING_PASSED, &v));
    assert_true(slice_is(amqp_text(&v), "plant-00000000/a"));
    assert_int_equal(m.header.len, 0);
}

static void a_queue_gets_a_durable_message(void **state)
{
    static const char *const documents[] = {QUEUE, TOPIC};
    struct amqp_message m;
    struct amqp_value v;
    for (size_t i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        use(documents[i]);
        say_many(1, 1);
        pass(S);
        assert_int_equal(f.b.count, 1);
        assert_int_equal(amqp_message_parse(buf_slice(&f.b.last), &m), OK);
        assert_true(m.header.len > 0);
        assert_false(amqp_map_find(&m.annotations, "x-opt-partition-key", &v));
    }
}

/* Messages that wait when the link comes up. */
static void say_before(const char *document, int last)
{
    f.b.unreachable = true;
    use(document);
    say_many(1, last);
    settle();
    f.b.unreachable = false;
}

static void a_device_has_one_batch_in_an_event_hub_and_deliveries_of_its_own_in_a_queue(
    void **state)
{
    say_before(EVENT_HUB, 200);
    pass(10 * (int64_t)S);
    assert_heard(1, 200);
    assert_int_equal(f.b.count, 200);
    assert_in_range(f.b.deliveries, DEVICES, 4 * DEVICES); /* as the log gives them */
    assert_in_range(f.b.batches, DEVICES, f.b.deliveries);
    tear_down(state);
    set_up(state);
    say_before(QUEUE, 200);
    pass(10 * (int64_t)S);
    assert_heard(1, 200);
    assert_int_equal(f.b.deliveries, 200);
    assert_int_equal(f.b.batches, 0);
}

static void credit_is_respected(void **state)
{
    (void)state;
    f.b.credit = 1;
    say_before(QUEUE, 50);
    pass(10 * (int64_t)S);
    assert_heard(1, 50);
    assert_int_equal(f.b.count, 50);
}

static void without_credit_it_is_given_up_in_time(void **state)
{
    (void)state;
    f.b.credit = 0;
    use(QUEUE);
    say_many(1, 5);
    pass(AMQP_TARGET_PATIENCE_S * (int64_t)S - S);
    assert_int_equal(health().status, ROUTING_HEALTHY);
    f.b.credit = 10;
    pass(S);
    expect_unhealthy("far.test:5672 gives no credit to send");
    pass(5 * (int64_t)S);
    assert_heard(1, 5);
}

/* At the limit, and one byte above it; what comes behind it arrives. */
static void takes_up_to(uint64_t said, size_t most)
{
    char error[128];
    f.b.message_max = said;
    use(QUEUE);
    say_long(1, 100);
    pass(S);
    size_t more = buf_size(&f.b.last) - 100;
    say_long(5, most - more - 3); /* lengths above 255 take three bytes more */
    pass(S);
    assert_int_equal(buf_size(&f.b.last), most);
    say_long(9, most - more - 2);
    say_long(13, 0);
    pass(S);
    assert_int_equal(f.b.count, 3);
    snprintf(error, sizeof error, "a message of %zu bytes is more than the %zu that far takes",
             most + 1, most);
    assert_string_equal(health().error, error);
}

static void a_message_is_as_large_as_the_peer_takes(void **state)
{
    (void)state;
    takes_up_to(4096, 4096);
}

static void or_as_large_as_messages_are_where_it_does_not_say(void **state)
{
    (void)state;
    takes_up_to(0, AMQP_TARGET_MESSAGE_MAX);
}

/* ---- no */

static void what_is_given_back_comes_again_in_order(void **state)
{
    static const char *const documents[] = {EVENT_HUB, QUEUE};
    for (size_t i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        f.b.mode = EVERY_SECOND_BACK;
        say_before(documents[i], 60);
        pass(60 * (int64_t)S);
        f.b.mode = TAKES;
        pass(180 * (int64_t)S);
        assert_heard(1, 60);
        assert_int_equal(f.b.count, 60); /* what was taken of half a batch is not sent again */
        assert_int_equal(health().status, ROUTING_HEALTHY);
    }
}

static void a_rejected_message_alone_is_passed_over(void **state)
{
    static const char *const documents[] = {EVENT_HUB, QUEUE};
    for (size_t i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        f.b.poison = 21;
        say_before(documents[i], 60);
        pass(60 * (int64_t)S);
        assert_int_equal(f.b.count, 59);
        assert_string_equal(
            health().error,
            "far.test:5672 rejects a message: com.microsoft:argument-error: poison");
        say_many(61, 70);
        pass(S);
        assert_int_equal(f.b.count, 69);
    }
}

/* The first time it is in company. */
static void reject_poison(void **state, const char *document, unsigned times)
{
    tear_down(state);
    set_up(state);
    f.b.poison = 21;
    f.b.doubt = "failed";
    f.b.rejections = times;
    say_before(document, 60);
    pass(60 * (int64_t)S);
}

static void a_message_that_is_rejected_for_no_known_reason_has_some_tries(void **state)
{
    static const char *const documents[] = {EVENT_HUB, QUEUE};
    for (size_t i = 0; i < 2; i++) {
        reject_poison(state, documents[i], DELIVER_DOUBTS_MAX);
        assert_heard(1, 60);
        assert_int_equal(f.b.count, 60);
        assert_int_equal(health().status, ROUTING_HEALTHY);
        reject_poison(state, documents[i], DELIVER_DOUBTS_MAX + 1);
        assert_int_equal(f.b.count, 59);
        for (unsigned n = 0; n < f.b.count; n++) assert_int_not_equal(f.b.heard[n], 21);
        assert_string_equal(health().error, "far.test:5672 rejects a message: failed: poison");
        say_many(61, 70);
        pass(S);
        assert_int_equal(f.b.count, 69);
        assert_int_equal(health().status, ROUTING_HEALTHY);
    }
}

static void a_busy_server_is_left_alone_for_a_while(void **state)
{
    (void)state;
    f.b.mode = REJECTS;
    f.b.condition = "com.microsoft:server-busy";
    use(EVENT_HUB);
    say_many(4, 4);
    pass(9 * (int64_t)S);
    assert_int_equal(f.b.deliveries, 1);
    expect_unhealthy("far.test:5672 rejects a message: com.microsoft:server-busy: no 'more' ");
    f.b.mode = TAKES;
    pass(5 * (int64_t)S);
    assert_int_equal(f.b.deliveries, 2);
    assert_int_equal(f.b.count, 1);
}

static void a_full_queue_is_tried_again(void **state)
{
    (void)state;
    f.b.mode = REJECTS;
    f.b.condition = AMQP_RESOURCE_LIMIT;
    use(QUEUE);
    say_many(1, 8);
    pass(5 * (int64_t)S);
    assert_int_equal(health().status, ROUTING_UNHEALTHY);
    f.b.mode = TAKES;
    pass(60 * (int64_t)S);
    assert_heard(1, 8);
}

static void a_connection_may_be_cut_anywhere(void **state)
{
    for (unsigned after = 1; after < 40; after += 3) {
        tear_down(state);
        set_up(state);
        f.b.credit = 3;
        say_before(after % 2 ? EVENT_HUB : QUEUE, 40);
        for (unsigned i = 0; i < after * 4; i++) {
            cursor_rig_run(&f.d.rig, i % 4 ? 0 : CURSOR_RIG_STEP_US);
            lane_running = &f.d.rig.lane;
            lane_run_once(&f.d.rig.lane, rig_mono_us);
            exchange(&f.b);
        }
        cut();
        pass(10 * (int64_t)S);
        assert_heard(1, 40);
    }
}

static void silence_about_what_was_sent_is_given_up_in_time(void **state)
{
    (void)state;
    f.b.mode = SILENT;
    use(EVENT_HUB);
    say_many(1, 6);
    pass(AMQP_TARGET_PATIENCE_S * (int64_t)S + S);
    expect_unhealthy("far.test:5672 says nothing of what was sent");
    f.b.mode = TAKES;
    pass(5 * (int64_t)S);
    assert_heard(1, 6);
}

static void an_idle_link_lives(void **state)
{
    (void)state;
    use(EVENT_HUB);
    pass_minutes(30);
    say_many(1, 4);
    pass(S);
    assert_int_equal(f.b.dials, 1);
    assert_heard(1, 4);
}

/* ---- another version while anything is under way */

static void an_endpoint_may_change_at_any_time(void **state)
{
    for (unsigned after = 0; after < 24; after++) {
        tear_down(state);
        set_up(state);
        f.b.credit = 2;
        assert_int_equal(deliver_rig_put(&f.d, EVENT_HUB), OK);
        say_many(1, 12);
        for (unsigned i = 0; i < after; i++) {
            cursor_rig_run(&f.d.rig, i == 0 ? CURSOR_RIG_STEP_US : 0);
            lane_running = &f.d.rig.lane;
            lane_run_once(&f.d.rig.lane, rig_mono_us);
            exchange(&f.b);
        }
        use(ONE("eventHubs", TO("b3RoZXI=", "far")));
        pass(10 * (int64_t)S);
        assert_heard(1, 12);
    }
}

/* ---- the document */

static void what_is_wrong_with_an_endpoint_is_said(void **state)
{
    static const struct {
        const char *document, *text;
    } rows[] = {
        {"{\"endpoints\":{\"serviceBusQueues\":[{\"name\":\"a\"}]}}",
         "connectionString is missing"},
        {ONE("eventHubs", "HostName=a;SharedAccessKeyName=b;SharedAccessKey=c"),
         "has no Endpoint=sb://HOST/"},
        {ONE("eventHubs", "Endpoint=sb://a/;SharedAccessKeyName=b;SharedAccessKey=c"),
         "has no EntityPath"},
        {ONE("eventHubs", "Endpoint=sb://a/;SharedAccessSignature=c;EntityPath=d"),
         "has a SharedAccessSignature"},
        {ONE("eventHubs", "Endpoint=sb://a/;SharedAccessKey=c;EntityPath=d"),
         "no SharedAccessKeyName"},
        {ONE("serviceBusQueues",
             "Endpoint=sb://a/;SharedAccessKeyName=b;SharedAccessKey=****;EntityPath=d"),
         "is masked: it was another one before"},
        {"{\"endpoints\":{\"serviceBusTopics\":[{\"name\":\"a\",\"connectionString\":\"" TO(
             "c2VjcmV0", "far") "\",\"authenticationType\":\"identityBased\"}]}}",
         "authenticationType is not keyBased"},
        {"{\"endpoints\":{\"serviceBusQueues\":[{\"name\":\"a\",\"connectionString\":\"" TO(
             "c2VjcmV0", "far") "\",\"containerName\":\"x\"}]}}",
         "a queue with a connectionString has no member 'containerName'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(deliver_rig_put(&f.d, rows[i].document), ERR_INVALID);
        if (strstr(f.d.text, rows[i].text) == NULL) fail_msg("%s", f.d.text);
        assert_null(strstr(f.d.text, "c2VjcmV0"));
    }
}

static void a_key_is_masked_and_kept(void **state)
{
    struct buf shown = {0};
    (void)state;
    use(EVENT_HUB);
    cursor_rig_on(&f.d.rig);
    routing_put_document(f.d.routing, &shown);
    assert_non_null(strstr(buf_cstr(&shown), TO("****", "far")));
    assert_null(strstr(buf_cstr(&shown), "c2VjcmV0"));
    buf_free(&shown);
    use(ONE("eventHubs", TO("****", "far")));
    say_many(1, 4);
    pass(S);
    assert_heard(1, 4);
    assert_int_equal(f.b.dials, 1);
    assert_int_equal(deliver_rig_put(&f.d, ONE("eventHubs", TO("****", "other"))), ERR_INVALID);
}

static void another_key_takes_its_place(void **state)
{
    char before[sizeof f.b.token];
    (void)state;
    use(EVENT_HUB);
    pass(S);
    memcpy(before, f.b.token, sizeof before);
    use(ONE("eventHubs", TO("b3RoZXI=", "far")));
    pass(5 * (int64_t)S);
    assert_true(f.b.dials > 1);
    assert_string_not_equal(f.b.token, before);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_token_is_put_before_the_link_is_attached),
        CASE(what_is_offered_decides_how_to_log_in),
        CASE(who_offers_nothing_we_have_is_told_of),
        CASE(a_wrong_key_is_named_and_tried_slowly),
        CASE(an_entity_that_is_not_there_is_named),
        CASE(a_host_that_is_not_there_is_tried_again),
        CASE(a_peer_that_says_nothing_is_given_up),
        CASE(a_token_is_replaced_before_it_ends),
        CASE(an_event_hub_gets_the_message_with_its_devices_key),
        CASE(a_queue_gets_a_durable_message),
        CASE(a_device_has_one_batch_in_an_event_hub_and_deliveries_of_its_own_in_a_queue),
        CASE(credit_is_respected),
        CASE(without_credit_it_is_given_up_in_time),
        CASE(a_message_is_as_large_as_the_peer_takes),
        CASE(or_as_large_as_messages_are_where_it_does_not_say),
        CASE(what_is_given_back_comes_again_in_order),
        CASE(a_rejected_message_alone_is_passed_over),
        CASE(a_message_that_is_rejected_for_no_known_reason_has_some_tries),
        CASE(a_busy_server_is_left_alone_for_a_while),
        CASE(a_full_queue_is_tried_again),
        CASE(a_connection_may_be_cut_anywhere),
        CASE(silence_about_what_was_sent_is_given_up_in_time),
        CASE(an_idle_link_lives),
        CASE(an_endpoint_may_change_at_any_time),
        CASE(what_is_wrong_with_an_endpoint_is_said),
        CASE(a_key_is_masked_and_kept),
        CASE(another_key_takes_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
