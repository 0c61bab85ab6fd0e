/* rig.c - the test's hub. */
#include "server/rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io_mem.h"
#include "hub/registry/registry.h"

static struct rig *current; /* whose time it is */

static int64_t mono_us(void)
{
    return current->now_us;
}

static int64_t wall_us(void)
{
    return current->now_us + current->wall_us;
}

void rig_start(struct rig *r)
{
    rig_start_with(r, NULL);
}

void rig_start_with(struct rig *r, const struct out_carrier *carrier)
{
    static const struct clock_source source = {mono_us, wall_us};
    static const char *const hosts[] = {"hub.test"};
    struct wire_config cfg = {.hub_name = "hub",
                              .hosts = hosts,
                              .host_count = 1,
                              .partitions = 2,
                              .carrier = carrier,
                              .ephemeral = true,
                              .password_cost = 4};
    struct lane *cores[] = {&r->core};
    *r = (struct rig){.disk = r->disk ? r->disk : io_mem_new(),
                      .now_us = 1000000,
                      .wall_us = 1800000000000000,
                      .events = r->events,
                      .issuer = r->issuer,
                      .oidc = r->oidc};
    cfg.events = r->events;
    cfg.issuer = r->issuer;
    cfg.oidc = r->oidc;
    cfg.issued_us = 3600 * 1000000ll;
    current = r;
    clock_use(&source);
    cfg.io = r->disk;
    wire_init(&r->wire);
    lane_init(&r->core, &r->wire.office, "core");
    conn_host_init(&r->host, &r->core);
    enum err e = wire_open(&r->wire, &cfg, cores, 1);
    assert(e == OK);
}

void rig_stop(struct rig *r)
{
    io_free(rig_stop_keeping(r));
}

struct io *rig_stop_keeping(struct rig *r)
{
    struct io *disk = r->disk;
    wire_close(&r->wire);
    conn_host_fini(&r->host);
    lane_fini(&r->core);
    clock_use(NULL);
    r->disk = NULL;
    return disk;
}

void rig_run(struct rig *r)
{
    bool mail = true;
    while (mail) {
        mail = false;
        for (uint16_t i = 0; i < r->wire.office.count; i++) {
            struct lane *lane = r->wire.office.lanes[i];
            lane_run_once(lane, r->now_us);
        }
        for (uint16_t i = 0; i < r->wire.office.count; i++)
            mail = mail || lane_has_mail(r->wire.office.lanes[i]);
    }
}

void rig_wait(struct rig *r, int64_t us)
{
    r->now_us += us;
    rig_run(r);
}

/* ---- identities and tokens */

struct put {
    struct registry_wait wait;
    bool done;
};

static void on_put(struct registry_wait *w, const struct registry_answer *a)
{
    assert(a->status == STATUS_OK);
    CONTAINER_OF(w, struct put, wait)->done = true;
}

void rig_put_device(struct rig *r, const char *who, const char *json, const char *if_match)
{
    struct put p = {.wait = {.fn = on_put}};
    lane_running = &r->core;
    registry_put(r->wire.cores[0].registry, slice_str(who), slice_str(if_match), slice_str(json),
                 &p.wait);
    rig_run(r);
    assert(p.done);
}

void rig_delete(struct rig *r, const char *who)
{
    struct put p = {.wait = {.fn = on_put}};
    lane_running = &r->core;
    registry_delete(r->wire.cores[0].registry, slice_str(who), SLICE_LIT("*"), &p.wait);
    rig_run(r);
    assert(p.done);
}

void rig_create_device(struct rig *r, const char *device_id)
{
    char json[256];
    snprintf(json, sizeof json, "{\"deviceId\":\"%s\"}", device_id);
    rig_put_device(r, device_id, json, NULL);
}

void rig_token(struct rig *r, const char *policy, const char *path, struct buf *out)
{
    const struct policy *p = policies_find(&r->wire.policies, slice_str(policy));
    char resource[512];
    snprintf(resource, sizeof resource, "%s%s%s", r->wire.hub.hosts[0], *path ? "/" : "", path);
    sas_make(out, slice_str(resource), slice_of(p->keys[0].bytes, p->keys[0].len), policy,
             wall_us() / 1000000 + 3600);
}

/* ---- connections */

static struct rig_conn *of(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct rig_conn, conn);
}

static void on_write(struct conn *c, struct slice bytes)
{
    buf_put_slice(&of(c)->heard, bytes);
}

static size_t waiting(const struct conn *c)
{
    return of(c)->unread;
}

static void ignore(struct conn *c)
{
    (void)c;
}

static void on_shut(struct conn *c, bool abort)
{
    of(c)->aborted = abort;
    of(c)->shut = true;
}

static const struct transport rig_transport = {on_write, waiting, ignore, ignore,
                                               on_shut,  NULL,    NULL};

static void settle(struct rig_conn *c)
{
    rig_run(c->rig);
    if (!c->shut || c->gone) return;
    c->gone = true;
    lane_running = &c->rig->core;
    conn_gone(&c->conn, c->rig->now_us);
    rig_run(c->rig);
}

struct rig_conn *rig_dial(struct rig *r, enum wire_protocol protocol)
{
    struct rig_conn *c = NEW(struct rig_conn);
    const struct front *front;
    void *ctx;
    c->rig = r;
    lane_running = &r->core;
    wire_front(&r->wire.cores[0], protocol, &front, &ctx);
    conn_init(&c->conn, &r->host, &rig_transport, front, ctx, NULL);
    conn_begin(&c->conn, r->now_us);
    settle(c);
    return c;
}

void rig_say(struct rig_conn *c, struct slice bytes)
{
    lane_running = &c->rig->core;
    conn_received(&c->conn, bytes, c->rig->now_us);
    settle(c);
}

void rig_hang_up(struct rig_conn *c)
{
    lane_running = &c->rig->core;
    conn_ended(&c->conn, ERR_CLOSED);
    settle(c);
}

void rig_free(struct rig_conn *c)
{
    settle(c);
    if (!c->gone) rig_hang_up(c);
    buf_free(&c->heard);
    free(c);
}
