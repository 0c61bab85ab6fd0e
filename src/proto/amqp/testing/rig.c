/* rig.c - an engine with a plain caller around it. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/test.h"
#include "proto/amqp/testing/testing.h"

unsigned wire_rig_met[AMQP_LIMITS];

static void count(enum amqp_limit limit)
{
    wire_rig_met[limit]++;
}

void wire_rig_init(struct wire_rig *r, const struct amqp_config *cfg)
{
    *r = (struct wire_rig){.cfg = *cfg, .now_us = 1000000};
    memset(wire_rig_met, 0, sizeof wire_rig_met);
    r->cfg.limit_met = count;
    amqp_init(&r->a, &r->cfg, &r->out, r->now_us);
}

void wire_rig_fini(struct wire_rig *r)
{
    amqp_fini(&r->a);
    buf_free(&r->out);
    buf_free(&r->events);
}

static void answer(struct wire_rig *r, const struct amqp_event *ev)
{
    if (ev->kind == AMQP_ON_SASL_INIT && slice_is(ev->sasl.mechanism, "ASKS"))
        amqp_send_sasl_challenge(&r->a, SLICE_LIT("who?"));
    else if (ev->kind == AMQP_ON_SASL_INIT || ev->kind == AMQP_ON_SASL_RESPONSE)
        amqp_send_sasl_outcome(&r->a, !slice_is(ev->sasl.response, "no"));
    if (ev->kind == AMQP_ON_OPEN && !r->a.open_sent) amqp_send_open(&r->a);
    if (ev->kind != AMQP_ON_ATTACH) return;
    amqp_answer_attach(ev->link, &(struct amqp_link_answer){.max_message_size = 1000});
    if (!ev->link->sender) amqp_send_flow(ev->link, 10, false);
}

void wire_rig_pull(struct wire_rig *r)
{
    struct amqp_event ev;
    while ((r->last = amqp_next(&r->a, &ev)) == OK) {
        wire_event_text(&r->events, &ev);
        if (ev.session) r->session = ev.session;
        if (ev.kind == AMQP_ON_ATTACH) r->link = ev.link;
        if (!r->silent) answer(r, &ev);
    }
}

void wire_rig_bytes(struct wire_rig *r, struct slice bytes)
{
    uint8_t *copy = mem_new(bytes.len ? bytes.len : 1);
    if (bytes.len) memcpy(copy, bytes.ptr, bytes.len);
    amqp_feed(&r->a, slice_of(copy, bytes.len), r->now_us);
    wire_rig_pull(r);
    free(copy);
}

void wire_rig_feed(struct wire_rig *r, const char *text)
{
    struct buf bytes = {0};
    wire_put(&bytes, text);
    wire_rig_bytes(r, buf_slice(&bytes));
    buf_free(&bytes);
}

const char *wire_rig_events(struct wire_rig *r)
{
    static char text[65536];
    struct slice noted = buf_slice(&r->events);
    assert(noted.len < sizeof text);
    if (noted.len) memcpy(text, noted.ptr, noted.len);
    text[noted.len] = '\0';
    buf_clear(&r->events);
    return text;
}

const char *wire_rig_output(struct wire_rig *r)
{
    static char text[65536];
    struct buf lines = {0};
    wire_text(&lines, buf_slice(&r->out));
    assert(buf_size(&lines) < sizeof text);
    memcpy(text, buf_cstr(&lines), buf_size(&lines) + 1);
    buf_free(&lines);
    buf_clear(&r->out);
    return text;
}

void wire_rig_expect(struct wire_rig *r, const char *events, const char *output)
{
    assert_string_equal(wire_rig_events(r), events);
    assert_string_equal(wire_rig_output(r), output);
}
