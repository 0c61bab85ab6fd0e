/* deliver_rig.h - a hub that delivers, in one thread; for *_test.c files only.
 *
 * The test is the network: `begin` gets each request.  Messages are told apart by their number, the "n" of
 * their body. */
#ifndef DELIVER_DELIVER_RIG_H
#define DELIVER_DELIVER_RIG_H

#include "cursor/cursor_rig.h"

#include "base/amqp.h"
#include "base/json.h"
#include "base/metrics.h"
#include "deliver/deliver.h"
#include "out/carrier.h"

enum { RIG_S = 1000000, RIG_A = 1 << 1 }; /* a second; the bit of the first endpoint */

struct deliver_rig {
    struct cursor_rig rig;
    struct lane out_lane;
    struct hub hub;
    struct out *out;
    struct routing *routing;
    struct deliver *deliver;
    void (*begin)(void *ctx, struct out_call *call); /* NULL: nobody asks over HTTP */

    /* What else a kind needs, NULL: nothing.  `furnish` opens it and fills in the doors, before the routing
     * document is read; `leave` comes before deliver_free(), `strip` behind it. */
    void (*furnish)(struct deliver_rig *f, struct deliver_doors *doors);
    void (*leave)(struct deliver_rig *f);
    void (*strip)(struct deliver_rig *f);

    struct routing_wait wait;
    bool came;
    enum err err;
    char text[512];
};

static inline void deliver_rig_abandon(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
}

static inline void deliver_rig_no_http(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
    fail_msg("nobody asks over HTTP");
}

static inline void deliver_rig_open(struct deliver_rig *f)
{
    const struct routing_config config = {.kinds = deliver_kinds, .kind_count = deliver_kind_count};
    const struct out_carrier carrier = {f->begin ? f->begin : deliver_rig_no_http,
                                        deliver_rig_abandon, NULL};
    struct deliver_doors doors = {0};
    assert_int_equal(cursor_rig_open(&f->rig), OK);
    lane_init(&f->out_lane, &f->rig.rig->office, "out");
    f->out = out_new(&f->out_lane, &carrier);
    out_attach(&f->rig.lane);
    f->hub = (struct hub){.office = &f->rig.rig->office,
                          .core_count = 1,
                          .cores = {f->rig.lane.id},
                          .log = f->rig.rig->log,
                          .store = f->rig.store,
                          .name = "plant",
                          .https_port = 8443,
                          .mqtt_port = 18883,
                          .plain_mqtt_port = 11883,
                          .created_us = INT64_C(1700000000000000)};
    assert_int_equal(hub_add_host(&f->hub, SLICE_LIT("plant.test")), OK);
    if (f->furnish) f->furnish(f, &doors);
    assert_int_equal(routing_new(&f->hub, &f->rig.lane, &config, &f->routing), OK);
    doors.routing = f->routing;
    doors.cursors = f->rig.cursors;
    doors.out = f->out;
    f->deliver = deliver_new(&f->hub, &f->rig.lane, &doors);
    cursor_rig_run(&f->rig, 0);
}

static inline void deliver_rig_close(struct deliver_rig *f)
{
    lane_running = &f->rig.lane;
    if (f->leave) f->leave(f);
    deliver_free(f->deliver);
    if (f->strip) f->strip(f);
    routing_free(f->routing);
    cursor_rig_close(&f->rig);
    out_free(f->out);
    lane_fini(&f->out_lane);
}

/* `f` is cleared but for what is to be known: `begin`, `furnish` ... */
static inline void deliver_rig_start(struct deliver_rig *f, unsigned partitions)
{
    cursor_rig_init(&f->rig, partitions);
    f->rig.log.journal_bytes = 16 << 20;
    deliver_rig_open(f);
}

static inline void deliver_rig_init(struct deliver_rig *f, unsigned partitions,
                                    void (*begin)(void *ctx, struct out_call *call))
{
    memset(f, 0, sizeof *f);
    f->begin = begin;
    deliver_rig_start(f, partitions);
}

static inline void deliver_rig_fini(struct deliver_rig *f)
{
    deliver_rig_close(f);
    cursor_rig_fini(&f->rig);
}

/* ---- the document */

static inline void deliver_rig_on_put(struct routing_wait *w, enum err e, const char *text)
{
    struct deliver_rig *f = CONTAINER_OF(w, struct deliver_rig, wait);
    f->came = true;
    f->err = e;
    snprintf(f->text, sizeof f->text, "%s", text);
}

/* ERR_INVALID: f->text says why. */
static inline enum err deliver_rig_put(struct deliver_rig *f, const char *document)
{
    f->wait.fn = deliver_rig_on_put;
    f->came = false;
    cursor_rig_on(&f->rig);
    routing_put(f->routing, SLICE_LIT("*"), slice_str(document), &f->wait);
    cursor_rig_run(&f->rig, 0);
    assert_true(f->came);
    return f->err;
}

static inline void deliver_rig_use(struct deliver_rig *f, const char *document)
{
    if (deliver_rig_put(f, document) != OK) fail_msg("%s", f->text);
    cursor_rig_run(&f->rig, RIG_S);
}

/* Each row: members of an endpoint of `list`, and what is said of them; NULL: they are fine. */
struct deliver_rig_row {
    const char *members, *error;
};

static inline void deliver_rig_check(struct deliver_rig *f, const char *list,
                                     const struct deliver_rig_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf document = {0};
        buf_printf(&document, "{\"endpoints\":{\"%s\":[{\"name\":\"a\",%s}]}}", list,
                   rows[i].members);
        enum err e = deliver_rig_put(f, buf_cstr(&document));
        if (rows[i].error == NULL && e != OK) fail_msg("%s: %s", rows[i].members, f->text);
        if (rows[i].error && (e == OK || !strstr(f->text, rows[i].error)))
            fail_msg("%s: %s", rows[i].members, f->text);
        buf_free(&document);
    }
}

/* ---- messages */

static inline void deliver_rig_say(struct deliver_rig *f, unsigned partition, const char *device,
                                   const char *type, const char *body)
{
    struct log_writer *w = &f->rig.rig->cores[0].writer;
    lane_running = &f->rig.rig->cores[0].lane;
    struct buf *b = log_begin(w, 0, partition, RECORD_TELEMETRY, RIG_A);
    amqp_put_sym(b, "iothub-connection-device-id");
    amqp_put_str(b, device);
    log_pairs_done(w, 1);
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (unsigned i = 0; i < 6; i++) amqp_put_null(b);
    amqp_put_sym(b, type);
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, 8);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "level");
    amqp_put_str(b, "hot");
    amqp_close(b, map, 2);
    amqp_put_data(b, slice_str(body));
    log_end(w, rig_note, f->rig.rig->cores[0].slot, 1);
    rig_run(f->rig.rig);
}

static inline void deliver_rig_say_n(struct deliver_rig *f, unsigned partition, const char *device,
                                     int n)
{
    char body[32];
    snprintf(body, sizeof body, "{\"n\":%d}", n);
    deliver_rig_say(f, partition, device, "application/json", body);
}

/* ---- how it stands */

static inline struct routing_health deliver_rig_health(struct deliver_rig *f)
{
    struct buf text = {0};
    struct arena a = {0};
    struct json *all;
    struct routing_health h = {0};
    static const char *const words[] = {"unknown", "healthy", "degraded", "unhealthy", "dead"};
    cursor_rig_on(&f->rig);
    routing_put_health(f->routing, &text);
    assert_int_equal(json_parse(&a, buf_slice(&text), &all), OK);
    const struct json *e = json_get(all, "value")->child->next;
    while (!slice_is(json_str(e, "healthStatus"), words[h.status])) h.status++;
    snprintf(h.error, sizeof h.error, "%.*s", SLICE_ARG(json_str(e, "lastKnownError")));
    int64_t rate = 0;
    if (json_i64(json_get(e, "allowedRequestsPerMinute"), &rate) == OK) h.rate = (uint64_t)rate;
    buf_free(&text);
    arena_free(&a);
    return h;
}

static inline int64_t deliver_rig_count(const char *result)
{
    char labels[128];
    snprintf(labels, sizeof labels, "endpoint=\"a\",result=\"%s\"", result);
    return metric_value(metric_of(METRIC_COUNTER, "azimuth_routing_deliveries_total", labels, ""));
}

/* Nothing that is shown has the secret in it. */
static inline void deliver_rig_assert_hidden(struct deliver_rig *f, const char *secret)
{
    struct buf shown = {0};
    cursor_rig_on(&f->rig);
    routing_put_document(f->routing, &shown);
    assert_null(memmem(shown.ptr, shown.len, secret, strlen(secret)));
    assert_non_null(memmem(shown.ptr, shown.len, "****", 4));
    buf_free(&shown);
}

#endif
