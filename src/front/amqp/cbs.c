/* cbs.c - $cbs: claims-based security, tokens put by clients (AMQP CBS draft, as Azure speaks it).
 *
 * What a token is and what it is for stands in the token: `type` says jwt for a shared access
 * signature (Python), `name` comes with any scheme and port, or without a module. */
#include "base/metrics.h"
#include "front/amqp/rpc.h"

COUNTER(put, "azimuth_amqp_tokens_put_total", "CBS tokens accepted");

/* The token, as an AMQP value (all SDKs) or as data. */
static struct slice token_of(const struct amqp_message *m)
{
    return m->body_kind == AMQP_DATA ? m->data : amqp_text(&m->value);
}

/* 200 and not 202: Node takes nothing else. */
static struct rpc_answer put_token(struct peer *p, struct slice token)
{
    if (!sas_is(token))
        return (struct rpc_answer){401, "only SharedAccessSignature tokens are taken",
                                   AMQP_UNAUTHORIZED, SLICE_NONE};
    switch (peer_put_token(p, token)) {
    case OK: metric_inc(&put); return (struct rpc_answer){200, "OK", NULL, SLICE_NONE};
    case ERR_FULL:
        return (struct rpc_answer){403, "too many tokens on one connection", AMQP_RESOURCE_LIMIT,
                                   SLICE_NONE};
    default:
        return (struct rpc_answer){401,
                                   "InvalidSignature: the token has an invalid signature, has "
                                   "expired or is for another host",
                                   AMQP_UNAUTHORIZED, SLICE_NONE};
    }
}

static void on_request(struct rpc_ticket *t, const struct amqp_message *m)
{
    struct slice operation = rpc_property(m, "operation");
    struct rpc_answer a = {400, "the operation is neither put-token nor delete-token",
                           "com.microsoft:argument-error", SLICE_NONE};
    if (slice_eq_nocase(operation, SLICE_LIT("put-token")))
        a = put_token(rpc_peer(t), token_of(m));
    else if (slice_eq_nocase(operation, SLICE_LIT("delete-token")))
        a = (struct rpc_answer){501, "a token stays until it ends, or the connection does",
                                AMQP_NOT_IMPLEMENTED, SLICE_NONE};
    rpc_answer(t, &a);
}

const struct node node_cbs = {
    .name = "$cbs",
    .size = sizeof(struct rpc_link),
    .sender = true,
    .receiver = true,
    .attach = rpc_attach,
    .flow = rpc_flow,
    .delivery = rpc_delivery,
    .detached = rpc_detached,
    .request = on_request,
};
