/* explain.c - what was refused or cut off, for hub/refusal. */
#include "front/amqp/explain.h"

#include "base/clock.h"
#include "front/amqp/device.h"

static void note(const struct peer *p, struct refusal *r)
{
    r->protocol = "amqp";
    r->port = (uint16_t)conn_local_port(p->conn);
    r->peer = slice_str(conn_peer(p->conn));
    r->sni = slice_str(conn_local_name(p->conn));
    refusal_note(p->service->hub->refusals, p->service->lane, r);
}

/* Who a token is for, where that is a device; in `out`. */
static void put_who(const struct sas *sas, struct buf *out)
{
    struct sas_resource own;
    struct slice device_id, module_id;
    if (sas_resource(sas, 0, &own) && sas_path_ids(own.path, &device_id, &module_id))
        hub_put_who(out, device_id, module_id);
}

void explain_token(const struct peer *p, struct slice token, enum auth_cause cause)
{
    static const enum refusal_cause causes[AUTH_CAUSES] = {
        [AUTH_MALFORMED] = REFUSAL_SAS_FORM,          [AUTH_EXPIRED] = REFUSAL_SAS_EXPIRED,
        [AUTH_WRONG_RESOURCE] = REFUSAL_SAS_RESOURCE, [AUTH_UNKNOWN_POLICY] = REFUSAL_POLICY_RIGHT,
        [AUTH_BAD_SIGNATURE] = REFUSAL_SAS_SIGNATURE, [AUTH_MISSING_RIGHT] = REFUSAL_POLICY_RIGHT,
        [AUTH_TOO_LONG] = REFUSAL_SAS_TOO_LONG,
    };
    struct buf who = {0}, observed = {0};
    struct sas sas;
    struct sas_resource own;
    bool parsed = sas_parse(token, &sas) == OK;
    struct refusal r = {.cause = causes[cause] ? causes[cause] : REFUSAL_SAS_FORM};
    if (parsed) put_who(&sas, &who);
    if (parsed && cause == AUTH_EXPIRED) r.number = (clock_wall_us() - sas.expires_us) / 1000000;
    if (parsed && cause == AUTH_WRONG_RESOURCE && sas_resource(&sas, 0, &own))
        buf_printf(&observed, "%.*s/%.*s", SLICE_ARG(own.host), SLICE_ARG(own.path));
    if (parsed && cause != AUTH_EXPIRED && sas.policy[0])
        buf_printf(&observed, "%sa token of the policy '%s'", buf_size(&observed) ? ", " : "",
                   sas.policy);
    r.who = buf_slice(&who);
    r.observed = buf_slice(&observed);
    note(p, &r);
    buf_free(&who);
    buf_free(&observed);
}

void explain_throttled(const struct peer *p, struct slice who)
{
    struct refusal r = {.cause = REFUSAL_THROTTLED,
                        .who = who,
                        .observed = SLICE_LIT("too many connections are opened"),
                        .expected = SLICE_LIT("less than the limit of DeviceConnect")};
    note(p, &r);
}

void explain_expired(const struct peer *p, struct slice who)
{
    struct refusal r = {.cause = REFUSAL_TOKEN_RENEWAL,
                        .known = true,
                        .who = who,
                        .observed = SLICE_LIT("the token has expired")};
    note(p, &r);
}

/* Home has noted a takeover itself. */
void explain_close(const struct peer *p, struct slice who, enum session_cause cause)
{
    static const struct {
        enum refusal_cause cause;
        const char *observed;
    } words[SESSION_CAUSES] = {
        [SESSION_UNKNOWN] = {REFUSAL_UNKNOWN_ID, "it was deleted while it was connected"},
        [SESSION_DISABLED] = {REFUSAL_DISABLED, "it was disabled while it was connected"},
        [SESSION_KEY_CHANGED] = {REFUSAL_WE_CLOSED, "its keys were changed"},
    };
    struct refusal r = {.cause = words[cause].cause,
                        .known = true,
                        .who = who,
                        .observed = slice_str(words[cause].observed)};
    if (words[cause].observed) note(p, &r);
}

void explain_end(const struct peer *p, enum err why)
{
    const struct device *d;
    if (p->over) return;
    for (size_t i = 0; (d = map_next(&p->devices, &i)) != NULL;) {
        struct refusal r = {.cause = why == OK ? REFUSAL_WE_CLOSED : REFUSAL_PEER_GONE,
                            .known = true,
                            .who = slice_str(d->session.who),
                            .observed = why == OK ? SLICE_LIT("the server is being stopped")
                                                  : SLICE_LIT("the peer closed the connection, or "
                                                              "reset it, without an AMQP close")};
        if (d->session.granted) note(p, &r);
    }
}
