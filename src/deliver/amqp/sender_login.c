/* sender_login.c - who we are: SASL, then a token for $cbs.
 *
 *   MSSBCBS offered        ─▶ MSSBCBS, token      Event Hubs, Service Bus
 *   PLAIN, no MSSBCBS      ─▶ PLAIN, no token     brokers that are not Azure's
 *   only ANONYMOUS         ─▶ ANONYMOUS, token    emulators
 *
 * A token is for the entity, signed with the key as it is written in the connection string. */
#include <stdio.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "deliver/amqp/sender_peer.h"

COUNTER(tokens_put, "azimuth_deliver_tokens_total",
        "Tokens that were put to Event Hubs and Service Bus elsewhere");

#define NODE       "$cbs"
#define REPLY_TO   "azimuth-cbs"
#define TOKEN_TYPE "servicebus.windows.net:sastoken"

enum { ANSWERS = 10 };

/* ---- SASL */

static void greet_plain(struct amqp_sender_peer *p)
{
    struct buf response = BUF_SECRET;
    buf_put_u8(&response, 0);
    buf_put_str(&response, p->sender->policy);
    buf_put_u8(&response, 0);
    buf_put_str(&response, p->sender->key);
    amqp_send_sasl_init(&p->engine, "PLAIN", buf_slice(&response));
    buf_wipe(&response);
}

void amqp_sender_greet(struct amqp_sender_peer *p, const struct amqp_value *mechanisms)
{
    bool cbs = amqp_has_capability(mechanisms, "MSSBCBS");
    p->cbs = true;
    if (cbs) {
        amqp_send_sasl_init(&p->engine, "MSSBCBS", SLICE_NONE);
    } else if (amqp_has_capability(mechanisms, "PLAIN")) {
        p->cbs = false;
        greet_plain(p);
    } else if (amqp_has_capability(mechanisms, "ANONYMOUS")) {
        amqp_send_sasl_init(&p->engine, "ANONYMOUS", SLICE_LIT("azimuth"));
    } else {
        amqp_sender_fail_text(p, DELIVER_SLOW,
                              "offers none of MSSBCBS, PLAIN and ANONYMOUS to log in");
    }
}

/* ---- the links to $cbs */

static struct amqp_link *attach_cbs(struct amqp_sender_peer *p, bool sender)
{
    struct amqp_link_config config = {.name = sender ? SLICE_LIT("cbs-out") : SLICE_LIT("cbs-in"),
                                      .sender = sender,
                                      .source = sender ? SLICE_LIT(REPLY_TO) : SLICE_LIT(NODE),
                                      .target = sender ? SLICE_LIT(NODE) : SLICE_LIT(REPLY_TO)};
    return amqp_send_attach(p->session, &config);
}

void amqp_sender_begun(struct amqp_sender_peer *p)
{
    if (!p->cbs) {
        amqp_sender_attach(p);
        return;
    }
    p->step = AMQP_SENDER_TOKEN;
    p->cbs_out = attach_cbs(p, true);
    p->cbs_in = attach_cbs(p, false);
}

/* ---- the token */

static void put_audience(const struct amqp_sender *s, struct buf *out)
{
    buf_put_str(out, "sb://");
    text_url_host(out, s->host);
    buf_printf(out, "/%s", s->entity);
}

static void put_request(struct amqp_sender_peer *p, struct buf *out, int64_t expires_s)
{
    const struct amqp_sender *s = p->sender;
    struct buf audience = {0}, token = BUF_SECRET;
    put_audience(s, &audience);
    sas_make(&token, buf_slice(&audience), slice_str(s->key), s->policy, expires_s);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_ulong(out, ++p->requests);
    amqp_put_null(out);
    amqp_put_str(out, NODE);
    amqp_put_null(out);
    amqp_put_str(out, REPLY_TO);
    amqp_close(out, list, 5);
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_str(out, "operation");
    amqp_put_str(out, "put-token");
    amqp_put_str(out, "type");
    amqp_put_str(out, TOKEN_TYPE);
    amqp_put_str(out, "name");
    amqp_put_string(out, buf_slice(&audience));
    amqp_put_str(out, "expiration");
    amqp_put_timestamp(out, expires_s * 1000);
    amqp_close(out, map, 8);
    amqp_put_descriptor(out, AMQP_AMQP_VALUE);
    amqp_put_string(out, buf_slice(&token));
    buf_free(&audience);
    buf_wipe(&token);
}

void amqp_sender_put_token(struct amqp_sender_peer *p)
{
    bool wanted = p->step == AMQP_SENDER_TOKEN || p->renew_us <= clock_mono_us();
    if (!p->cbs || !wanted || p->asked || p->cbs_out == NULL || p->cbs_in == NULL) return;
    if (!amqp_can_send(p->cbs_out)) return;
    if (p->cbs_in->credit == 0) amqp_send_flow(p->cbs_in, ANSWERS, false);
    int64_t expires_s = clock_wall_us() / 1000000 + AMQP_SENDER_TOKEN_S;
    put_request(p, amqp_transfer_begin(p->cbs_out, &(struct amqp_transfer){.settled = true}),
                expires_s);
    amqp_transfer_end(p->cbs_out);
    p->asked = true;
    p->due_us = clock_mono_us() + AMQP_SENDER_ANSWER_US;
    metric_inc(&tokens_put);
}

static int64_t status_of(const struct amqp_message *m, const char *key)
{
    struct amqp_value v;
    int64_t status = 0;
    bool found = m->application.type == AMQP_MAP && amqp_map_find(&m->application, key, &v);
    return found && amqp_integer(&v, &status) ? status : 0;
}

static struct slice words_of(const struct amqp_message *m)
{
    struct amqp_value v;
    bool found =
        m->application.type == AMQP_MAP && amqp_map_find(&m->application, "status-description", &v);
    return found ? amqp_text(&v) : SLICE_NONE;
}

static void refused(struct amqp_sender_peer *p, int64_t status, struct slice words)
{
    char said[AMQP_SENDER_TEXT_MAX + 1] = "";
    bool busy = status == 0 || status == 408 || status == 429 || status >= 500;
    amqp_sender_put_clean(said, sizeof said, words);
    amqp_sender_fail_text(p, busy ? DELIVER_AGAIN : DELIVER_SLOW,
                          "does not take the token that the key of policy '%.64s' makes: %d %s",
                          p->sender->policy, (int)status, said);
}

void amqp_sender_token_answered(struct amqp_sender_peer *p, const struct amqp_delivery *d)
{
    struct amqp_message m;
    bool fine = amqp_message_parse(d->payload, &m) == OK;
    int64_t status = fine ? status_of(&m, "status-code") : 0;
    if (!p->asked) return;
    p->asked = false;
    if (status < 200 || status >= 300) {
        refused(p, status, fine ? words_of(&m) : SLICE_NONE);
        return;
    }
    p->renew_us = clock_mono_us() + AMQP_SENDER_RENEW_S * INT64_C(1000000);
    p->due_us = INT64_MAX;
    if (p->step == AMQP_SENDER_TOKEN) amqp_sender_attach(p);
}
