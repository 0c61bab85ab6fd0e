/* attempts.c - see attempts.h. */
#include "dps/attempts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/text.h"

/* Of refused ones, that the list passes over. */
LIMIT_REACHED(untold, "provisioning-attempts")

/* ---- an attempt as JSON, where it ended */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    text_json_untrusted(out, text);
}

static void begin(struct buf *out, struct slice id, const char *outcome, struct slice peer)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), iso);
    buf_printf(out, "{\"time\":\"%s\",\"outcome\":\"%s\"", iso, outcome);
    put_text(out, "registrationId", id);
    put_text(out, "peer", peer);
}

static void put_enrollment(struct buf *out, const struct enrollment *e)
{
    buf_printf(out, ",\"enrollment\":{\"kind\":\"%s\"",
               e->kind == DPS_GROUP ? "group" : "individual");
    put_text(out, "id", e->id);
    put_text(out, "attestation", slice_str(attestation_name(e->attestation)));
    buf_put_u8(out, '}');
}

/* Ends it, and sends it on its way. */
static void tell(const struct dps *d, struct buf *text)
{
    buf_put_u8(text, '}');
    struct msg *m = msg_new(DPS_ATTEMPT, buf_size(text));
    memcpy(m->body, text->ptr, buf_size(text));
    post(d->lane, lane_addr(d->lane), (struct addr){.lane = d->hub->cores[0]}, m);
    buf_free(text);
}

/* A stranger may be refused as often as he asks; the first core has more to do. */
static bool may_tell_refusal(struct dps *d)
{
    int64_t now_us = clock_mono_us();
    if (now_us - d->refusals.since_us >= DPS_REFUSALS_TOLD_US) {
        d->refusals.since_us = now_us;
        d->refusals.told = 0;
    }
    if (d->refusals.told == DPS_REFUSALS_TOLD_MAX) {
        metric_inc(&untold);
        return false;
    }
    d->refusals.told++;
    return true;
}

void attempt_note_refused(const struct call *c, const char *cause, struct slice text)
{
    enum verb verb = c->head->verb;
    struct buf out = {0};
    if (verb != VERB_REGISTER && verb != VERB_AUTHENTICATE) return;
    if (!may_tell_refusal(c->dps)) return;
    begin(&out, c->id, "refused", c->peer);
    if (c->has_enrollment) put_enrollment(&out, &c->enrollment);
    put_text(&out, "cause", slice_str(cause));
    put_text(&out, "text", text);
    tell(c->dps, &out);
}

void attempt_note_throttled(const struct call *c, const struct attested *who, const char *text)
{
    struct buf out = {0};
    if (!may_tell_refusal(c->dps)) return;
    begin(&out, c->id, "throttled", c->peer);
    put_enrollment(&out, &who->enrollment);
    put_text(&out, "text", slice_str(text));
    tell(c->dps, &out);
}

void attempt_note_end(const struct operation *o)
{
    const struct registration *r = &o->next;
    struct buf out = {0};
    begin(&out, r->id, registration_status_name(r->status), o->peer);
    put_enrollment(&out, &o->who.enrollment);
    put_text(&out, "hub", r->hub);
    if (r->status == REGISTRATION_ASSIGNED) put_text(&out, "deviceId", r->device_id);
    put_text(&out, "text", r->error_message);
    tell(o->dps, &out);
}

/* ---- on the first core */

void attempts_on_note(void *ctx, struct lane *lane, struct msg *m)
{
    struct dps *d = ctx;
    struct attempts *a = &d->attempts;
    struct buf *place = &a->items[a->next];
    (void)lane;
    a->next = (a->next + 1) % DPS_ATTEMPTS_MAX;
    a->count += a->count < DPS_ATTEMPTS_MAX;
    buf_clear(place);
    buf_put(place, m->body, m->len);
}

void attempts_verb(struct call *c)
{
    const struct attempts *a = &c->dps->attempts;
    struct buf body = {0};
    buf_put_u8(&body, '[');
    for (unsigned i = 1; i <= a->count; i++) {
        if (i > 1) buf_put_u8(&body, ',');
        unsigned at = (a->next + DPS_ATTEMPTS_MAX - i) % DPS_ATTEMPTS_MAX;
        buf_put_slice(&body, buf_slice(&a->items[at]));
    }
    buf_put_u8(&body, ']');
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_free(&body);
}

void attempts_free(struct attempts *a)
{
    for (unsigned i = 0; i < DPS_ATTEMPTS_MAX; i++) buf_free(&a->items[i]);
}
