/* explain.c - what was refused or cut off, for hub/refusal: MQTT 3.1.1 has one byte for it, or none. */
#include "base/clock.h"
#include "front/device_mqtt/device.h"

void device_explain(const struct device *d, struct refusal *r)
{
    struct lane *lane = conn_lane(d->conn);
    r->protocol = "mqtt";
    r->port = (uint16_t)conn_local_port(d->conn);
    r->peer = slice_str(conn_peer(d->conn));
    r->sni = slice_str(conn_local_name(d->conn));
    if (d->session.who[0]) r->who = slice_str(d->session.who);
    r->known = d->session.granted;
    refusal_note(d->service->telemetry.hub->refusals, lane, r);
}

void device_reject_for(struct device *d, enum refusal_cause cause, const char *reason,
                       const char *expected)
{
    struct refusal r = {
        .cause = cause, .observed = slice_str(reason), .expected = slice_str(expected)};
    device_explain(d, &r);
    device_reject_unnoted(d, reason);
}

void device_reject(struct device *d, const char *reason)
{
    device_reject_for(d, REFUSAL_PROTOCOL, reason, NULL);
}

/* Home has noted a takeover itself, with both clients. */
void device_reject_by_home(struct device *d, enum session_cause cause)
{
    static const struct {
        enum refusal_cause cause;
        const char *observed;
    } words[SESSION_CAUSES] = {
        [SESSION_UNKNOWN] = {REFUSAL_UNKNOWN_ID, "it was deleted while it was connected"},
        [SESSION_DISABLED] = {REFUSAL_DISABLED, "it was disabled while it was connected"},
        [SESSION_KEY_CHANGED] = {REFUSAL_WE_CLOSED, "its keys were changed"},
    };
    if (words[cause].observed)
        device_reject_for(d, words[cause].cause, words[cause].observed, NULL);
    else
        device_reject_unnoted(d, session_cause_name(cause));
}

/* The connection is gone, and the device has not said goodbye. */
void device_explain_end(const struct device *d, enum err why)
{
    static const char *const texts[] = {"the peer closed the connection, or reset it",
                                        "the peer did not read for 30 s", "a fault in TLS",
                                        "the server is being stopped"};
    bool ours = why == OK;
    struct refusal r = {.cause = ours ? REFUSAL_WE_CLOSED : REFUSAL_PEER_GONE,
                        .observed = slice_str(texts[ours                  ? 3
                                                    : why == ERR_TIMEOUT  ? 1
                                                    : why == ERR_PROTOCOL ? 2
                                                                          : 0])};
    device_explain(d, &r);
}
