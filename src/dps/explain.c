/* explain.c - attestations and allocations that failed, as causes; keys of groups that devices mistake
 * for their own. */
#include "dps/explain.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limit.h"
#include "dps/attempts.h"
#include "hub/refusal/refusal.h"

LIMIT_REACHED(not_tried, "dps-guesses")

static bool any_group_has_keys(const struct dps *d)
{
    const struct group *g;
    for (size_t i = 0; (g = map_next(&d->groups.by_id, &i)) != NULL;)
        if (g->enrollment.attestation == ATTESTATION_SYMMETRIC_KEY) return true;
    return false;
}

static enum refusal_cause cause_of(const struct call *c, unsigned code)
{
    if (code == DPS_NO_ENROLLMENT) return REFUSAL_DPS_NO_ENROLLMENT;
    if (c->has_enrollment) return c->token.len ? REFUSAL_DPS_KEY : REFUSAL_DPS_CERTIFICATE;
    if (c->token.len)
        return any_group_has_keys(c->dps) ? REFUSAL_DPS_KEY : REFUSAL_DPS_NO_ENROLLMENT;
    return c->certificate ? REFUSAL_DPS_CERTIFICATE : REFUSAL_DPS_KEY;
}

static bool is_signed_by(const struct sas *t, const struct group *g)
{
    const struct auth_key *keys = g->enrollment.keys;
    return sas_verify(t, slice_of(keys[0].bytes, keys[0].len)) ||
           sas_verify(t, slice_of(keys[1].bytes, keys[1].len));
}

/* The commonest mistake with groups: the device got the group's key and not one derived from it. */
static bool put_mistake(const struct call *c, struct buf *out)
{
    struct buf group = {0};
    struct sas t;
    bool mistaken =
        c->token.len && sas_parse(c->token, &t) == OK && dps_is_group_key(c->dps, &t, &group);
    if (mistaken)
        buf_printf(out,
                   "it is signed with the key of the enrollment group %.*s itself: derive the "
                   "device's key from it",
                   SLICE_ARG(buf_slice(&group)));
    buf_free(&group);
    return mistaken;
}

static void put_certificate(struct buf *out, const struct x509_facts *f)
{
    struct x509_info leaf;
    if (f == NULL || x509_info_read(slice_of(f->chain, f->chain_len), &leaf) != OK) return;
    buf_printf(out, "leaf %.80s, issued by %.80s, came %s", leaf.subject, leaf.issuer,
               f->shown > 1 ? "with its chain" : "alone");
}

/* How long ago the token ran out; 0: it did not, or there is none. */
static int64_t ended_s(const struct call *c)
{
    struct sas t;
    if (c->token.len == 0 || sas_parse(c->token, &t) != OK) return 0;
    int64_t ago_us = clock_wall_us() - sas_ends_us(&t);
    return ago_us > 0 ? ago_us / 1000000 : 0;
}

const char *explain_attestation(struct call *c, unsigned code)
{
    struct buf observed = {0};
    struct refusal r = {.cause = cause_of(c, code),
                        .protocol = "dps",
                        .known = c->has_enrollment,
                        .who = c->id,
                        .peer = c->peer};
    char why[256];
    snprintf(why, sizeof why, "%s", fail_text());
    if (r.cause != REFUSAL_DPS_KEY || !put_mistake(c, &observed)) buf_put_str(&observed, why);
    if (r.cause == REFUSAL_DPS_CERTIFICATE || r.cause == REFUSAL_DPS_NO_ENROLLMENT) {
        if (c->certificate) buf_put_str(&observed, "; ");
        put_certificate(&observed, c->certificate);
    }
    r.observed = buf_slice(&observed);
    if (r.cause == REFUSAL_DPS_KEY) r.number = ended_s(c);
    refusal_note(c->dps->hub->refusals, c->dps->lane, &r);
    attempt_note_refused(c, refusal_text(r.cause)->code, r.observed);
    buf_free(&observed);
    if (code == DPS_UNAUTHORIZED) return "Unauthorized";
    return (const char *)arena_copy(&c->arena, slice_str(why)).ptr;
}

static struct refusal of_operation(const struct operation *o, enum refusal_cause cause)
{
    return (struct refusal){
        .cause = cause, .protocol = "dps", .known = true, .who = o->next.id, .peer = o->peer};
}

void explain_disabled(const struct operation *o)
{
    struct refusal r = of_operation(o, REFUSAL_DPS_DISABLED);
    struct buf observed = {0}, next = {0};
    bool group = o->who.enrollment.kind == DPS_GROUP;
    buf_printf(&observed, "the %s %.*s is disabled",
               group ? "enrollment group" : "individual enrollment",
               SLICE_ARG(o->who.enrollment.id));
    buf_printf(&next, "azimuth dps enrollment%s update --%s %.*s --provisioning-status enabled",
               group ? "-group" : "", group ? "gid" : "eid", SLICE_ARG(o->who.enrollment.id));
    r.observed = buf_slice(&observed);
    r.next = buf_slice(&next);
    refusal_note(o->dps->hub->refusals, o->dps->lane, &r);
    buf_free(&observed);
    buf_free(&next);
}

void explain_failed(const struct operation *o, unsigned code, struct slice text)
{
    bool webhook = code == DPS_ALLOCATION_FAILED || code == DPS_ALLOCATION_NO_HUB ||
                   code == DPS_ALLOCATION_UNAUTHORIZED ||
                   slice_starts(text, SLICE_LIT("custom allocation"));
    struct refusal r = of_operation(o, webhook ? REFUSAL_DPS_WEBHOOK : REFUSAL_DPS_NO_HUB);
    r.observed = text;
    refusal_note(o->dps->hub->refusals, o->dps->lane, &r);
}

bool dps_is_group_key(const struct dps *d, const struct sas *t, struct buf *group)
{
    const struct group *g;
    unsigned looked = 0;
    for (size_t i = 0; (g = map_next(&d->groups.by_id, &i)) != NULL;) {
        if (g->enrollment.attestation != ATTESTATION_SYMMETRIC_KEY) continue;
        if (looked++ == DPS_GUESSES_MAX) {
            metric_inc(&not_tried);
            return false;
        }
        if (!is_signed_by(t, g)) continue;
        buf_put_slice(group, g->enrollment.id);
        return true;
    }
    return false;
}
