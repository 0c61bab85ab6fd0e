/* sasl_tpm.c - see sasl_tpm.h. */
#include "front/amqp/sasl_tpm.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/num.h"
#include "hub/hub.h"

LIMIT_REACHED(keys_too_long, "tpm-keys")

enum { PART = 0x80, LAST_PART = 0xC0 };

enum stage { WANTS_SRK, ASKS_HOME, SENDS_PARTS, WANTS_TOKEN, DONE };

struct sasl_tpm {
    struct peer *peer;
    enum stage stage;
    struct dps_wait wait;
    struct buf id, keys, blob;
    size_t at; /* of the blob that was sent */
    uint8_t part;
};

static void challenge(struct sasl_tpm *t, uint8_t control, struct slice text)
{
    struct buf bytes = {0};
    buf_put_u8(&bytes, control);
    buf_put_slice(&bytes, text);
    amqp_send_sasl_challenge(&t->peer->engine, buf_slice(&bytes));
    buf_free(&bytes);
}

static void send_part(struct sasl_tpm *t)
{
    struct slice rest = slice_from(buf_slice(&t->blob), t->at);
    struct slice part = slice_head(rest, AMQP_TPM_PART_MAX);
    bool last = part.len == rest.len;
    t->at += part.len;
    t->stage = last ? WANTS_TOKEN : SENDS_PARTS;
    challenge(t, (uint8_t)((last ? LAST_PART : PART) | t->part++), part);
}

static void on_blob(struct dps_wait *w, const struct dps_answer *a)
{
    struct sasl_tpm *t = CONTAINER_OF(w, struct sasl_tpm, wait);
    struct peer *p = t->peer;
    t->stage = DONE;
    if (a->code == DPS_OK) {
        buf_put_slice(&t->blob, a->body);
        send_part(t);
    } else {
        peer_refuse_login(p, SLICE_LIT("TPM"));
    }
    peer_go_on(p);
}

/* ---- init */

/* The first key may be as long as a frame of SASL (AMQP_SASL_FRAME_MAX): with the second one they are judged. */
static bool read_init(struct sasl_tpm *t, struct slice rest)
{
    struct slice first, scope, id;
    if (!slice_split(&rest, '\0', &first) || first.len || !slice_split(&rest, '\0', &scope) ||
        !slice_split(&rest, '\0', &id))
        return false;
    buf_put_slice(&t->id, id);
    buf_put_slice(&t->keys, rest);
    return slice_is_nocase(scope, t->peer->service->hub->id_scope) && id.len <= DPS_ID_MAX &&
           rest.len;
}

enum sasl_tpm_result sasl_tpm_init(struct peer *p, struct slice response)
{
    struct sasl_tpm *t = p->tpm = NEW(struct sasl_tpm);
    t->peer = p;
    t->wait.fn = on_blob;
    if (response.len == 0 || !read_init(t, response)) return SASL_TPM_REFUSED;
    t->stage = WANTS_SRK;
    challenge(t, 0, SLICE_NONE);
    return SASL_TPM_GOES_ON;
}

/* ---- responses */

static enum sasl_tpm_result ask_home(struct sasl_tpm *t, struct slice srk)
{
    if (srk.len == 0) return SASL_TPM_REFUSED;
    if (buf_size(&t->keys) + srk.len > DPS_TPM_MAX) {
        metric_inc(&keys_too_long);
        return SASL_TPM_REFUSED;
    }
    buf_put_slice(&t->keys, srk);
    struct dps_device who = {
        .registration_id = buf_slice(&t->id), .tpm = buf_slice(&t->keys), .protocol = HUB_AMQP};
    t->stage = ASKS_HOME;
    dps_challenge(t->peer->service->doors.dps, &who, &t->wait);
    return SASL_TPM_GOES_ON;
}

enum sasl_tpm_result sasl_tpm_response(struct peer *p, struct slice response)
{
    struct sasl_tpm *t = p->tpm;
    if (t == NULL || response.len == 0 || response.ptr[0] != 0) return SASL_TPM_REFUSED;
    response = slice_from(response, 1);
    switch (t->stage) {
    case WANTS_SRK: return ask_home(t, response);
    case SENDS_PARTS:
        if (response.len) return SASL_TPM_REFUSED;
        send_part(t);
        return SASL_TPM_GOES_ON;
    case WANTS_TOKEN:
        t->stage = DONE;
        return peer_login_to_register(p, response) ? SASL_TPM_WELCOME : SASL_TPM_REFUSED;
    case ASKS_HOME:
    case DONE: break;
    }
    return SASL_TPM_REFUSED;
}

struct slice sasl_tpm_keys(const struct peer *p)
{
    return p->tpm ? buf_slice(&p->tpm->keys) : SLICE_NONE;
}

void sasl_tpm_free(struct peer *p)
{
    struct sasl_tpm *t = p->tpm;
    if (t == NULL) return;
    if (t->stage == ASKS_HOME) dps_forget(p->service->doors.dps, &t->wait);
    buf_free(&t->id);
    buf_free(&t->keys);
    buf_free(&t->blob);
    free(t);
    p->tpm = NULL;
}
