/* diagnose.c - refusals as resource logs have them: who could not connect, and what a device may not send now.
 *
 * Azure's codes say less than our causes: the description has the cause's name as well. */
#include "hub/diagnostic/diagnostic.h"
#include "hub/refusal/journal.h"

static enum status status_of(enum refusal_cause cause)
{
    switch (cause) {
    case REFUSAL_UNKNOWN_ID: return STATUS_DEVICE_NOT_FOUND;
    case REFUSAL_POLICY_RIGHT: return STATUS_UNAUTHORIZED_ACCESS;
    case REFUSAL_MQTT_LEVEL: return STATUS_INVALID_PROTOCOL_VERSION;
    case REFUSAL_THROTTLED: return STATUS_THROTTLING;
    case REFUSAL_QUOTA: return STATUS_QUOTA_EXCEEDED;
    case REFUSAL_WE_CLOSED: return STATUS_SERVICE_UNAVAILABLE;
    default: return STATUS_UNAUTHORIZED;
    }
}

/* Of what is sent, not of who connects. */
static bool is_of_traffic(enum refusal_cause cause)
{
    return cause == REFUSAL_THROTTLED || cause == REFUSAL_QUOTA;
}

/* Who got no further than TLS has no name; what was connected and is cut off ends with its session; DPS has logs
 * of its own in Azure. */
static bool is_of_connecting(const struct refusal *r)
{
    const struct refusal_text *t = refusal_text(r->cause);
    bool provisioning = r->cause >= REFUSAL_DPS_NO_ENROLLMENT && r->cause <= REFUSAL_DPS_KEY;
    bool closed = t->severity != SEVERITY_REFUSED && r->cause != REFUSAL_WE_CLOSED;
    return r->who.len && !provisioning && !closed && t->stage <= STAGE_SESSION;
}

static const char *protocol_of(const struct refusal *r)
{
    for (enum hub_protocol p = 0; r->protocol && p < HUB_PROTOCOLS; p++)
        if (strcmp(r->protocol, hub_protocol_word(p)) == 0) return hub_protocol_name(p);
    return r->protocol;
}

static void put_properties(struct buf *b, const struct refusal *r)
{
    diagnostic_put_who(b, r->who);
    diagnostic_put_text(b, "sdkVersion", r->sdk);
    diagnostic_put_text(b, "protocol", slice_str(protocol_of(r)));
    diagnostic_put_text(b, "authType", SLICE_NONE);
    diagnostic_put_peer(b, r->peer);
}

void refusal_diagnose(const struct hub *hub, struct lane *home, const struct refusal *r)
{
    bool traffic = is_of_traffic(r->cause);
    struct buf properties = {0}, words = {0};
    struct diagnostic d = {.category =
                               traffic ? DIAGNOSTIC_DEVICE_TELEMETRY : DIAGNOSTIC_CONNECTIONS,
                           .operation = traffic ? "ingress" : "deviceConnect",
                           .properties = &properties};
    if (!traffic && !is_of_connecting(r)) return;
    if (!diagnostic_wanted(hub, d.category)) return;
    enum status status = status_of(r->cause);
    if (traffic)
        diagnostic_put_ingress(&properties, hub, r->who, protocol_of(r), 1);
    else
        put_properties(&properties, r);
    buf_printf(&words, "%s: %s (%s)", status_name(status), refusal_text(r->cause)->name,
               refusal_text(r->cause)->code);
    d.number = status_number(status);
    d.description = buf_slice(&words);
    diagnostic_note(hub, home, &d);
    buf_free(&properties);
    buf_free(&words);
}
