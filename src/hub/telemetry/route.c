/* route.c - an envelope as conditions see it. */
#include "hub/telemetry/route.h"

#include "base/clock.h"
#include "hub/session/session.h"
#include "route/route.h"

static void put_properties(const struct envelope *m, struct route_property *space,
                           struct route_message *out)
{
    for (size_t i = 0; i < m->property_count; i++)
        space[i] = (struct route_property){m->properties[i].name, m->properties[i].value};
    out->properties = space;
    out->property_count = m->property_count;
}

static void put_system(const struct telemetry_sender *s, const struct envelope *m,
                       struct slice time, struct route_message *out)
{
    out->system[ROUTE_CONTENT_TYPE] = m->content_type;
    out->system[ROUTE_CONTENT_ENCODING] = m->content_encoding;
    out->system[ROUTE_CONNECTION_DEVICE_ID] = s->device_id;
    out->system[ROUTE_CONNECTION_MODULE_ID] = s->module_id;
    out->system[ROUTE_ENQUEUED_TIME] = time;
    out->system[ROUTE_MESSAGE_ID] = m->message_id;
    out->system[ROUTE_CORRELATION_ID] = m->correlation_id;
    out->system[ROUTE_USER_ID] = m->user_id;
    out->system[ROUTE_MESSAGE_SOURCE] = SLICE_LIT("Telemetry");
    out->system[ROUTE_DT_DATASCHEMA] = s->model_id;
    out->system[ROUTE_DT_SUBJECT] = m->subject;
}

void telemetry_route(const struct telemetry *t, const struct telemetry_sender *s,
                     const struct envelope *m, int64_t wall_us, struct routing_choice *out)
{
    struct route_property properties[TELEMETRY_PROPERTIES_MAX];
    char time[CLOCK_ISO_LEN + 1];
    struct route_message view = {.source = RECORD_TELEMETRY, .body = m->body};
    clock_iso(wall_us, time);
    if (s->session && routing_wants_twin(t->routing, RECORD_TELEMETRY))
        view.twin = session_twin(s->session);
    put_properties(m, properties, &view);
    put_system(s, m, slice_of(time, CLOCK_ISO_LEN), &view);
    routing_choose(t->routing, &view, telemetry_size(m), out);
}
