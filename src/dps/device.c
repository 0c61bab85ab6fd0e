/* device.c - what devices ask: may I, register me, how far is it, what became of me. */
#include <stdio.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "base/text.h"
#include "dps/attempts.h"
#include "dps/diagnose.h"
#include "dps/explain.h"
#include "dps/issue.h"
#include "dps/operation.h"
#include "dps/tpm.h"
#include "hub/session/session.h"

LIMIT_REACHED(too_large, "dps-request")

static void answer_accepted(struct call *c, struct slice operation_id)
{
    struct buf body = {0};
    registration_write_operation(&body, operation_id, NULL);
    dps_call_answer(c, &(struct dps_answer){.code = DPS_ACCEPTED,
                                            .body = buf_slice(&body),
                                            .operation_id = operation_id});
    buf_free(&body);
}

static void begin(struct call *c, const struct attested *who, struct slice payload, bool resumed)
{
    struct operation *o;
    char id[DPS_OPERATION_ID_MAX + 1];
    if (operation_begin(c, who, payload, resumed, &o) != DPS_OK) {
        const char *text = "too many devices register at the same time";
        attempt_note_throttled(c, who, text);
        dps_count_registration(&c->dps->counters, c->dps->hub, SLICE_NONE, DPS_THROTTLED);
        dps_call_fail(c, DPS_THROTTLED, text);
        return;
    }
    snprintf(id, sizeof id, "%.*s", SLICE_ARG(o->next.operation_id));
    answer_accepted(c, slice_str(id));
}

/* ---- register */

/* "payload":{"modelId":"dtmi:..."}, as Plug and Play has it; what else a payload may be is the webhook's. */
static struct slice model_of(const struct json *payload)
{
    struct slice model = json_str(payload, "modelId");
    bool fits = slice_starts(model, SLICE_LIT("dtmi:")) && session_model_id_valid(model);
    return fits ? model : SLICE_NONE;
}

/* False: the call has ended. */
static bool read_registration(struct call *c, struct attested *who, struct slice *payload)
{
    struct buf text = {0};
    *payload = SLICE_NONE;
    if (slice_trim(c->json).len == 0) return true;
    const struct json *doc = dps_call_doc(c);
    if (doc == NULL || doc->type != JSON_OBJECT) {
        dps_call_fail(c, DPS_BAD_ARGUMENT, "a registration is a JSON object");
        return false;
    }
    struct slice id = json_str(doc, "registrationId");
    if (id.len && !slice_eq_nocase(id, c->id)) {
        dps_call_fail(c, DPS_BAD_REGISTRATION_ID,
                      "the registrationId of the body is another device's");
        return false;
    }
    if (issue_certificate(c, doc, who) != DPS_OK) {
        dps_call_fail(c, DPS_BAD_ARGUMENT, fail_text());
        return false;
    }
    const struct json *value = json_get(doc, "payload");
    who->model_id = model_of(value);
    if (value && value->type != JSON_NULL) json_write(&text, value);
    *payload = arena_copy(&c->arena, buf_slice(&text));
    buf_free(&text);
    return true;
}

/* Whoever asks twice at once gets the same operation. */
static void do_register(struct call *c, struct attested *who)
{
    struct slice payload;
    struct operation *o = operation_find(c->dps, c->id_lower);
    if (o)
        answer_accepted(c, o->next.operation_id);
    else if (read_registration(c, who, &payload))
        begin(c, who, payload, false);
}

/* ---- poll */

static void answer_final(struct call *c)
{
    struct buf body = {0};
    registration_write_operation(&body, c->text, &c->registration);
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_free(&body);
}

static void go_on(struct call *c, struct attested *who)
{
    issue_take_up(c, who);
    if (who->identity.len) /* the keys of a TPM come with registering only */
        begin(c, who, SLICE_NONE, true);
    else
        dps_call_fail(c, DPS_NO_OPERATION, "that operation has ended; register again");
}

/* An operation that nobody works on was under way when the server was killed. */
static void do_poll(struct call *c, struct attested *who)
{
    struct operation *o = operation_find(c->dps, c->id_lower);
    bool goes_on = o && slice_eq(o->next.operation_id, c->text);
    bool known = c->has_registration && slice_eq(c->registration.operation_id, c->text);
    if (!goes_on && !known)
        dps_call_fail(c, DPS_NO_OPERATION, "there is no such operation");
    else if (!goes_on && c->registration.status != REGISTRATION_ASSIGNING)
        answer_final(c);
    else if (o)
        answer_accepted(c, c->text);
    else
        go_on(c, who);
}

static void do_lookup(struct call *c)
{
    struct buf body = {0};
    if (!c->has_registration) {
        dps_call_fail(c, DPS_NO_REGISTRATION, "that device has not registered");
        return;
    }
    registration_write(&body, &c->registration, true);
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_free(&body);
}

/* ---- challenges for TPMs */

/* What the SDKs look for is authenticationKey. */
static void put_challenge(struct buf *out, struct slice blob)
{
    char id[RAND_GUID_LEN + 1], iso[CLOCK_ISO_LEN + 1];
    rand_guid(id);
    clock_iso(clock_wall_us(), iso);
    buf_printf(out,
               "{\"errorCode\":%u,\"trackingId\":\"%s\",\"message\":\"Authorization required\","
               "\"authenticationKey\":\"",
               DPS_UNAUTHORIZED, id);
    text_base64(out, blob);
    buf_printf(out, "\",\"keyName\":\"registration\",\"timestampUtc\":\"%s\"}", iso);
}

static void challenge(struct call *c)
{
    struct buf blob = {0}, body = {0};
    unsigned code = tpm_challenge(c, &blob);
    if (code != DPS_OK) {
        dps_call_fail(c, code, code == DPS_UNAUTHORIZED ? "Unauthorized" : fail_text());
    } else if (c->head->verb == VERB_CHALLENGE) {
        dps_call_answer_json(c, DPS_OK, buf_slice(&blob));
    } else {
        put_challenge(&body, buf_slice(&blob));
        dps_call_answer_json(c, DPS_UNAUTHORIZED, buf_slice(&body));
    }
    buf_free(&blob);
    buf_free(&body);
}

static bool wants_challenge(struct call *c)
{
    enum verb verb = c->head->verb;
    return verb == VERB_CHALLENGE ||
           (verb == VERB_REGISTER && c->token.len == 0 && tpm_is_shown(c));
}

/* ---- all of them */

static void on_loaded(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct attested who;
    if (!dps_call_loaded(c, a)) return;
    if (wants_challenge(c)) {
        challenge(c);
        return;
    }
    unsigned code = attest(c, &who);
    const char *why = code == DPS_OK ? "" : explain_attestation(c, code);
    dps_diagnose_attestation(c, code, why);
    if (code != DPS_OK) {
        dps_call_fail(c, code, why);
        return;
    }
    switch (c->head->verb) {
    case VERB_REGISTER: do_register(c, &who); break;
    case VERB_POLL: do_poll(c, &who); break;
    case VERB_LOOKUP: do_lookup(c); break;
    default: dps_call_answer_json(c, DPS_OK, SLICE_NONE); break;
    }
    mem_wipe(&who, sizeof who);
}

void device_verb(struct call *c)
{
    if (c->json.len <= DPS_REGISTER_MAX && c->tpm.len <= DPS_TPM_MAX) {
        dps_call_load(c, on_loaded);
        return;
    }
    metric_inc(&too_large);
    dps_call_fail(c, DPS_TOO_LARGE, "a registration has at most 96 KB, a TPM's keys 4 KiB");
}
