/* cbs.c - $cbs: claims-based security, tokens put by clients (AMQP CBS draft, as Azure speaks it). */
#include "base/metrics.h"
#include "base/say.h"
#include "front/amqp/rpc.h"

COUNTER(put, "azimuth_amqp_tokens_put_total", "CBS tokens accepted");
COUNTER(refused, "azimuth_amqp_tokens_refused_total", "CBS tokens refused");

/* The token, as an AMQP value (all SDKs) or as data. */
static struct slice token_of(const struct amqp_message *m)
{
    return m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
}

static struct rpc_answer put_token(struct peer *p, const struct amqp_message *m)
{
    struct slice audience = rpc_property(m, "name"), token = token_of(m);
    struct rpc_answer no = {.code = 401, .condition = AMQP_UNAUTHORIZED};
    if (!slice_eq_nocase(rpc_property(m, "operation"), SLICE_LIT("put-token"))) {
        no.code = 400;
        no.description = "the operation is not put-token";
        no.condition = "com.microsoft:argument-error";
    } else if (p->token_count >= AMQP_PEER_TOKENS_MAX) {
        no.code = 403;
        no.description = "too many tokens on one connection";
        no.condition = AMQP_RESOURCE_LIMIT;
    } else if (!sas_is(token)) {
        no.description = "only SharedAccessSignature tokens are taken";
    } else {
        enum auth_cause cause = peer_put_token(p, audience, token);
        if (cause == AUTH_OK) return (struct rpc_answer){.code = 200, .description = "OK"};
        say_debug("cbs.refused", "peer=%s audience=%.*s cause=%s", conn_peer(p->conn),
                  SLICE_ARG(audience), auth_cause_name(cause));
        no.description = "unauthorized";
    }
    return no;
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct amqp_message m;
    rpc_accept(l, d);
    if (amqp_message_parse(d->payload, &m) != OK) {
        peer_detach(l, AMQP_DECODE_ERROR, "the request is not an AMQP message");
        return;
    }
    struct rpc_answer a = put_token(l->peer, &m);
    metric_inc(a.code == 200 ? &put : &refused);
    a.correlation_id = rpc_message_id(&m);
    rpc_answer(l, &a);
}

const struct node node_cbs = {
    .name = "$cbs",
    .size = sizeof(struct rpc_link),
    .sender = true,
    .receiver = true,
    .attach = rpc_attach,
    .flow = rpc_flow,
    .delivery = on_delivery,
    .detached = rpc_detached,
};
