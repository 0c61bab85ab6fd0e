/* diagnose.c - see diagnose.h. */
#include "dps/diagnose.h"

#include "hub/diagnostic/diagnostic.h"

void dps_diagnose_attestation(const struct call *c, unsigned code, const char *text)
{
    const struct hub *hub = c->dps->hub;
    enum verb verb = c->head->verb;
    bool turned_away = verb == VERB_AUTHENTICATE && code != DPS_OK;
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_DEVICE_OPERATIONS,
                           .operation = "AttestationAttempt",
                           .number = code,
                           .description = slice_str(text),
                           .peer = c->peer,
                           .properties = &properties};
    if (verb != VERB_REGISTER && !turned_away) return;
    dps_count_attestation(&c->dps->counters, hub, c->head->protocol, code);
    if (!diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_text(&properties, "id", c->id);
    diagnostic_put_text(&properties, "type", SLICE_LIT("Registration"));
    diagnostic_put_text(&properties, "protocol", slice_str(hub_protocol_name(c->head->protocol)));
    diagnostic_note(hub, c->dps->lane, &d);
    buf_free(&properties);
}
