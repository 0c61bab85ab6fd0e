/* diagnose.c - deviceConnect and deviceDisconnect of the category Connections. */
#include "hub/session/diagnose.h"

#include "base/mem.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/refusal/refusal.h"

static void put_properties(struct buf *b, const struct session_open_msg *open,
                           const struct session_opened *answer)
{
    struct slice who = open_who(open);
    diagnostic_put_who(b, who);
    diagnostic_put_text(b, "sdkVersion", open_sdk(open));
    diagnostic_put_text(b, "protocol", slice_str(hub_protocol_name(open->protocol)));
    diagnostic_put_auth(b, "authType", session_scope(answer, who), answer->certified);
    diagnostic_put_peer(b, open_peer(open));
}

char *diagnose_connected(const struct hub *hub, struct lane *home,
                         const struct session_open_msg *open, const struct session_opened *answer)
{
    struct buf properties = {0};
    if (!diagnostic_wanted(hub, DIAGNOSTIC_CONNECTIONS)) return NULL;
    put_properties(&properties, open, answer);
    diagnostic_note(hub, home,
                    &(struct diagnostic){.category = DIAGNOSTIC_CONNECTIONS,
                                         .operation = "deviceConnect",
                                         .properties = &properties});
    char *told = slice_dup(buf_slice(&properties));
    buf_free(&properties);
    return told;
}

char *diagnose_auth(const struct hub *hub, const struct session_open_msg *open,
                    const struct session_opened *answer)
{
    struct buf member = {0};
    if (!diagnostic_wanted(hub, DIAGNOSTIC_D2C_TWIN_OPERATIONS)) return NULL;
    diagnostic_put_auth(&member, "authenticationType", session_scope(answer, open_who(open)),
                        answer->certified);
    char *text = slice_dup(buf_slice(&member));
    buf_free(&member);
    return text;
}

char *diagnose_sdk(const struct hub *hub, const struct session_open_msg *open)
{
    bool wanted = diagnostic_wanted(hub, DIAGNOSTIC_D2C_TWIN_OPERATIONS) ||
                  diagnostic_wanted(hub, DIAGNOSTIC_C2D_TWIN_OPERATIONS) ||
                  diagnostic_wanted(hub, DIAGNOSTIC_DIRECT_METHODS);
    return wanted && open->sdk_len ? slice_dup(open_sdk(open)) : NULL;
}

/* ---- the end */

/* Two of them SDKs never see as a status of ours. */
static const struct {
    unsigned number;
    const char *name;
} taken_over = {400027, "ConnectionForcefullyClosedOnNewConnection"},
  closed_remotely = {404104, "DeviceConnectionClosedRemotely"};

static void set_cause(struct diagnostic *d, enum session_cause why)
{
    if (why == SESSION_TAKEN_OVER) {
        d->number = taken_over.number;
        d->description = slice_str(taken_over.name);
    } else {
        diagnostic_set_status(d, why == SESSION_UNKNOWN ? STATUS_DEVICE_NOT_FOUND
                                                        : STATUS_UNAUTHORIZED);
    }
}

/* What the front said of it before it ended. */
static void set_noted(struct diagnostic *d, enum refusal_cause cause)
{
    switch (cause) {
    case REFUSAL_KEEPALIVE:
    case REFUSAL_PEER_GONE:
        d->number = closed_remotely.number;
        d->description = slice_str(closed_remotely.name);
        break;
    case REFUSAL_TOKEN_RENEWAL: diagnostic_set_status(d, STATUS_UNAUTHORIZED); break;
    case REFUSAL_PROTOCOL: diagnostic_set_status(d, STATUS_FORMAT_ERROR); break;
    case REFUSAL_WE_CLOSED: diagnostic_set_status(d, STATUS_SERVICE_UNAVAILABLE); break;
    case REFUSAL_THROTTLED: diagnostic_set_status(d, STATUS_THROTTLING); break;
    case REFUSAL_QUOTA: diagnostic_set_status(d, STATUS_QUOTA_EXCEEDED); break;
    default: break; /* it left of its own accord */
    }
}

void diagnose_disconnected(const struct hub *hub, struct lane *home, struct slice who,
                           const char *told, enum session_cause why, int64_t since_us)
{
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_CONNECTIONS,
                           .operation = "deviceDisconnect",
                           .properties = &properties};
    if (!diagnostic_wanted(hub, DIAGNOSTIC_CONNECTIONS)) return;
    if (why == SESSION_GRANTED)
        set_noted(&d, refusal_home_last(hub->refusals, home, who, since_us));
    else
        set_cause(&d, why);
    if (told)
        buf_put_str(&properties, told);
    else
        diagnostic_put_who(&properties, who);
    diagnostic_note(hub, home, &d);
    buf_free(&properties);
}
