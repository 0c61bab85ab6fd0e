/* fake_conn_test.h - time and a connection that do what a test says. */
#ifndef FRONT_REST_FAKE_CONN_TEST_H
#define FRONT_REST_FAKE_CONN_TEST_H

#include "base/clock.h"
#include "front/rest/fake_door_test.h"

/* ---- time */

static int64_t mono_us = 1000000;

static int64_t fake_mono(void)
{
    return mono_us;
}

static int64_t fake_wall(void)
{
    return EPOCH_S * INT64_C(1000000) + mono_us - 1000000;
}

static const struct clock_source fake_clock = {fake_mono, fake_wall};

/* ---- the connection */

struct conn {
    struct lane *lane;
    struct buf out;
    bool admin, closed, paused, congested;
    const struct front *upgraded; /* to this, with that */
    void *upgraded_ctx;
    char upgraded_rest[64];
};

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
    return c->congested;
}

void conn_close(struct conn *c)
{
    assert_false(c->closed);
    c->closed = true;
}

void conn_upgrade(struct conn *c, const struct front *front, void *listener_ctx, struct slice rest,
                  int64_t now_us)
{
    assert_null(c->upgraded);
    assert_int_equal(now_us, mono_us);
    c->upgraded = front;
    c->upgraded_ctx = listener_ctx;
    snprintf(c->upgraded_rest, sizeof c->upgraded_rest, "%.*s", SLICE_ARG(rest));
}

void conn_abort(struct conn *c)
{
    conn_close(c);
}

const struct x509_facts *conn_peer_certificate(const struct conn *c)
{
    (void)c;
    return NULL;
}

void conn_pause(struct conn *c)
{
    assert_false(c->paused);
    c->paused = true;
}

void conn_resume(struct conn *c)
{
    assert_true(c->paused);
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

const char *conn_local_name(const struct conn *c)
{
    (void)c;
    return "";
}

unsigned conn_local_port(const struct conn *c)
{
    (void)c;
    return 443;
}

bool conn_is_socket_admin(const struct conn *c)
{
    return c->admin;
}

#endif
