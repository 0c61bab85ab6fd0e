/* rig.c - cores, connections and the time, all in a test's hands. */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "front/amqp/testing/fake_event_hub.h"
#include "front/amqp/testing/fake_log.h"
#include "front/amqp/testing/testing.h"
#include "proto/amqp/testing/testing.h"

int64_t rig_now_us;

static int64_t wall_us(void)
{
    return RIG_EPOCH_US + rig_now_us;
}

static int64_t mono_us(void)
{
    return rig_now_us;
}

/* ---- net/conn.h, as far as the front uses it */

struct buf *conn_out(struct conn *c)
{
    return &c->out;
}

struct buf *conn_buffer(struct conn *c)
{
    return &c->out;
}

bool conn_congested(struct conn *c)
{
    c->owes_drained = c->owes_drained || c->congested;
    return c->congested;
}

void conn_close(struct conn *c)
{
    c->closing = true;
}

void conn_abort(struct conn *c)
{
    conn_close(c);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
}

void conn_resume(struct conn *c)
{
    c->paused = false;
}

void conn_login_failed(struct conn *c)
{
    (void)c;
}

void conn_login_good(struct conn *c)
{
    (void)c;
}

const char *conn_peer(const struct conn *c)
{
    (void)c;
    return "peer";
}

bool conn_in_websocket(const struct conn *c)
{
    (void)c;
    return false;
}

const char *conn_local_name(const struct conn *c)
{
    return c->sni ? c->sni : "";
}

const struct x509_facts *conn_peer_certificate(const struct conn *c)
{
    (void)c;
    return NULL;
}

unsigned conn_local_port(const struct conn *c)
{
    (void)c;
    return 5671;
}

/* ---- hub/consumer_group */

bool consumer_group_exists(const struct consumer_groups *g, unsigned stream, struct slice name)
{
    (void)g;
    return stream <= FAKE_STREAM &&
           (slice_eq_nocase(name, SLICE_LIT("$Default")) || slice_eq_nocase(name, SLICE_LIT("g2")));
}

/* ---- the office */

void front_rig_init(struct front_rig *r)
{
    static const struct clock_source clock = {mono_us, wall_us};
    *r = (struct front_rig){0};
    rig_now_us = 1000000;
    fake_c2d_init();
    fake_event_hubs = (struct event_hubs){.there = true};
    clock_use(&clock);
    policies_make(&r->policies);
    r->hub.office = &r->office;
    r->hub.policies = &r->policies;
    r->hub.log = &r->log;
    r->hub.created_us = RIG_EPOCH_US;
    snprintf(r->hub.name, sizeof r->hub.name, "hub");
    enum err e = hub_add_host(&r->hub, SLICE_LIT("hub.test"));
    assert(e == OK);
    for (unsigned i = 0; i < RIG_CORES; i++) {
        lane_init(&r->cores[i], &r->office, "core");
        r->hub.cores[r->hub.core_count++] = r->cores[i].id;
        r->desks[i] = (struct session_desk){.hub = &r->hub, .lane = &r->cores[i]};
        r->services[i] = amqp_service_new(&(struct amqp_doors){
            .desk = &r->desks[i], .c2d = &fake_c2d, .event_hubs = &fake_event_hubs});
    }
    fake_log_init(&r->log, &r->office);
}

void front_rig_fini(struct front_rig *r)
{
    for (unsigned i = 0; i < RIG_CORES; i++) {
        amqp_service_free(r->services[i]);
        lane_fini(&r->cores[i]);
    }
    fake_log_fini(&r->log);
    clock_use(NULL);
}

void front_rig_run(struct front_rig *r)
{
    bool mail = true;
    while (mail) {
        mail = false;
        for (unsigned i = 0; i < r->office.count; i++)
            lane_run_once(r->office.lanes[i], rig_now_us);
        for (unsigned i = 0; i < r->office.count; i++)
            mail = mail || lane_has_mail(r->office.lanes[i]);
    }
}

void front_rig_sleep(struct front_rig *r, int64_t us)
{
    rig_now_us += us;
    front_rig_run(r);
}

/* ---- connections */

void rig_open(struct front_rig *r, struct conn *c, unsigned core)
{
    *c = (struct conn){.lane = &r->cores[core]};
    lane_running = c->lane;
    c->self = amqp_front.open(c, r->services[core], rig_now_us);
}

void rig_close(struct front_rig *r, struct conn *c)
{
    lane_running = c->lane;
    c->closing = true;
    amqp_front.closed(c->self, ERR_CLOSED, rig_now_us);
    c->self = NULL;
    buf_free(&c->out);
    front_rig_run(r);
}

void rig_feed_only(struct conn *c, const char *text)
{
    struct buf bytes = {0};
    wire_put(&bytes, text);
    lane_running = c->lane;
    amqp_front.feed(c->self, buf_slice(&bytes), rig_now_us);
    buf_free(&bytes);
}

void rig_feed(struct front_rig *r, struct conn *c, const char *text)
{
    rig_feed_only(c, text);
    front_rig_run(r);
}

void rig_feed_format(struct front_rig *r, struct conn *c, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    rig_feed(r, c, buf_cstr(&text));
    buf_free(&text);
}

void rig_drain(struct front_rig *r, struct conn *c)
{
    c->congested = false;
    lane_running = c->lane;
    if (c->owes_drained) amqp_front.drained(c->self, rig_now_us);
    c->owes_drained = false;
    front_rig_run(r);
}

const char *rig_output(struct conn *c)
{
    static char text[65536];
    struct buf lines = {0};
    wire_text(&lines, buf_slice(&c->out));
    assert(buf_size(&lines) < sizeof text);
    memcpy(text, buf_cstr(&lines), buf_size(&lines) + 1);
    buf_free(&lines);
    buf_clear(&c->out);
    return text;
}

void rig_greet(struct front_rig *r, struct conn *c)
{
    rig_feed(r, c, "AMQP0\n0 open[\"client\" \"hub.test\"]\n0 begin[null 1 1000 1000]");
    rig_output(c);
}

const char *rig_token(struct front_rig *r, const char *policy, const char *resource,
                      int64_t lifetime_us)
{
    static char text[1024];
    const struct policy *p = policies_find(&r->policies, slice_str(policy));
    struct buf token = {0};
    assert(p != NULL);
    sas_make(&token, slice_str(resource), slice_of(p->keys[0].bytes, p->keys[0].len), policy,
             (wall_us() + lifetime_us) / 1000000);
    assert(buf_size(&token) < sizeof text);
    memcpy(text, buf_cstr(&token), buf_size(&token) + 1);
    buf_free(&token);
    return text;
}

void rig_authorise(struct front_rig *r, struct conn *c, const char *token)
{
    rig_feed(r, c,
             "0 attach[\"cbs-in\" 8 false 0b 0b @40 [\"me\"] @41 [\"$cbs\"]]\n"
             "0 attach[\"cbs-out\" 9 true 0b 0b @40 [\"$cbs\"] @41 [\"me\"]]\n"
             "0 flow[1 1000 1 1000 9 0 10]");
    rig_feed_format(
        r, c,
        "0 transfer[8 0 b\"t\" 0 true] @115 [\"id\"] @116 {\"operation\" \"put-token\"} "
        "@119 \"%s\"",
        token);
    assert(strstr(rig_output(c), "\"status-code\" 200i") != NULL);
    rig_feed(r, c, "0 detach[8 true]\n0 detach[9 true]");
    rig_output(c);
}

void rig_welcome(struct front_rig *r, struct conn *c, unsigned core)
{
    rig_open(r, c, core);
    rig_greet(r, c);
    rig_authorise(r, c, rig_token(r, "service", "hub.test/hub", RIG_DAY_US));
}
