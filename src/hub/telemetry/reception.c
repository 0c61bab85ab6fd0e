/* reception.c - see reception.h. */
#include "hub/telemetry/reception.h"

#include "base/metrics.h"

#define COUNTER_OF(name_, help_, labels_)                                                          \
    {                                                                                              \
        .name = name_, .help = help_, .labels = labels_, .kind = METRIC_COUNTER                    \
    }

#define BY_TRANSPORT(name, help, more)                                                             \
    {                                                                                              \
        [HUB_MQTT] = COUNTER_OF(name, help, "t=\"mqtt\"" more),                                    \
        [HUB_AMQP] = COUNTER_OF(name, help, "t=\"amqp\"" more),                                    \
        [HUB_HTTP] = COUNTER_OF(name, help, "t=\"https\"" more),                                   \
    }

static struct metric arrived[HUB_PROTOCOLS] =
    BY_TRANSPORT("azimuth_d2c_telemetry_ingress_allProtocol_total",
                 "Messages that devices tried to send, whatever became of them", "");

static struct metric fates[TELEMETRY_FATES][HUB_PROTOCOLS] = {
    [TELEMETRY_STORED] =
        BY_TRANSPORT("azimuth_d2c_telemetry_ingress_success_total", "Messages taken in", ""),
    [TELEMETRY_THROTTLED] = BY_TRANSPORT("azimuth_d2c_telemetry_ingress_sendThrottle_total",
                                         "Messages refused because devices send too much", ""),
    [TELEMETRY_REFUSED] =
        BY_TRANSPORT("azimuth_d2c_telemetry_ingress_refused_total",
                     "Messages refused because of what they are, or of the day's quota", ""),
};

#define HAD(property)                                                                              \
    BY_TRANSPORT("azimuth_d2c_telemetry_property_total",                                           \
                 "Messages taken in that had this system property", ",property=\"" property "\"")

/* In the order of `had` below. */
static struct metric properties[][HUB_PROTOCOLS] = {HAD("mid"), HAD("cid"), HAD("uid"),
                                                    HAD("to"),  HAD("ct"),  HAD("ce"),
                                                    HAD("exp"), HAD("sub"), HAD("ifid")};
enum { PROPERTIES = sizeof properties / sizeof *properties };

__attribute__((constructor)) static void register_all(void)
{
    for (int t = 0; t < HUB_PROTOCOLS; t++) {
        metric_register(&arrived[t]);
        for (int fate = 0; fate < TELEMETRY_FATES; fate++) metric_register(&fates[fate][t]);
        for (int p = 0; p < PROPERTIES; p++) metric_register(&properties[p][t]);
    }
}

void telemetry_arrived(enum hub_protocol t, unsigned messages)
{
    metric_add(&arrived[t], messages);
}

void telemetry_turned_away(enum hub_protocol t, enum telemetry_fate fate, unsigned messages)
{
    metric_add(&fates[fate][t], messages);
}

void reception_stored(enum hub_protocol t, const struct envelope *m)
{
    const bool had[PROPERTIES] = {
        m->message_id.ptr != NULL, m->correlation_id.ptr != NULL, m->user_id.ptr != NULL,
        m->to.ptr != NULL,         m->content_type.ptr != NULL,   m->content_encoding.ptr != NULL,
        m->expiry_ms != 0,         m->subject.len != 0,           m->interface_id.len != 0};
    metric_inc(&fates[TELEMETRY_STORED][t]);
    for (int p = 0; p < PROPERTIES; p++)
        if (had[p]) metric_inc(&properties[p][t]);
}
