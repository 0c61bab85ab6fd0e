/* tpm.c - see tpm.h. */
#include "dps/tpm.h"

#include "auth/tpm.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "base/text.h"

COUNTER(challenges, "azimuth_dps_tpm_challenges_total",
        "Keys sent to devices that shall prove that they have their TPM");

/* What a device shows: TPM2B_PUBLIC of both keys, in the call's arena. */
struct shown {
    struct slice ek, srk;
    struct tpm_public ek_public, srk_public;
};

/* ---- what is shown, and what is enrolled */

static struct slice decode(struct call *c, struct slice base64)
{
    struct buf bytes = {0};
    struct slice kept = SLICE_NONE;
    if (base64.len && text_unbase64(&bytes, base64) == OK)
        kept = arena_copy(&c->arena, buf_slice(&bytes));
    buf_free(&bytes);
    return kept;
}

static bool find_shown(struct call *c, struct shown *out)
{
    const struct json *doc;
    *out = (struct shown){0};
    if (c->tpm.len) {
        out->ek = slice_head(c->tpm, tpm_sized_len(c->tpm));
        out->srk = slice_from(c->tpm, out->ek.len);
    } else if ((doc = dps_call_doc(c)) != NULL) {
        const struct json *tpm = json_get(doc, "tpm");
        out->ek = decode(c, json_str(tpm, "endorsementKey"));
        out->srk = decode(c, json_str(tpm, "storageRootKey"));
    }
    return out->ek.len && out->srk.len;
}

bool tpm_is_shown(struct call *c)
{
    struct shown shown;
    return c->has_enrollment && c->enrollment.attestation == ATTESTATION_TPM &&
           find_shown(c, &shown);
}

/* The endorsement key is the device's identity; a storage root key counts where the enrollment has one. */
static unsigned read_shown(struct call *c, struct shown *out)
{
    const struct enrollment *e = &c->enrollment;
    if (!c->has_enrollment || e->attestation != ATTESTATION_TPM)
        return attest_deny(c, "no enrollment wants a TPM");
    if (!find_shown(c, out)) return attest_deny(c, "the keys of its TPM are not shown");
    if (!slice_eq(out->ek, decode(c, e->endorsement_key)))
        return attest_deny(c, "the endorsement key is another TPM's");
    if (tpm_public_read(out->ek, &out->ek_public) != OK) return attest_deny(c, fail_text());
    if (tpm_public_read(out->srk, &out->srk_public) != OK) return DPS_BAD_STORAGE_ROOT_KEY;
    if (e->storage_root_key.len && !e->srk_shown &&
        !slice_eq(out->srk, decode(c, e->storage_root_key)))
        return attest_deny(c, "the storage root key is not that of the enrollment");
    return DPS_OK;
}

enum err tpm_check_text(struct slice base64)
{
    struct buf bytes = {0};
    struct tpm_public unused;
    enum err e = text_unbase64(&bytes, base64);
    if (e == OK)
        e = tpm_public_read(buf_slice(&bytes), &unused);
    else
        e = fail(ERR_INVALID, "a TPM's key is not base64");
    buf_free(&bytes);
    return e;
}

/* ---- the key of an hour */

static void key_of_hour(const struct call *c, struct slice ek, int64_t hour,
                        uint8_t out[TPM_KEY_LEN])
{
    struct buf text = {0};
    buf_put_be64(&text, (uint64_t)hour);
    buf_put_slice(&text, c->id_lower);
    buf_put_u8(&text, 0);
    buf_put_slice(&text, ek);
    _Static_assert((int)TPM_KEY_LEN == (int)SAS_SIGNATURE_LEN, "a key is one digest");
    sas_derive_key(slice_of(c->dps->secret, sizeof c->dps->secret), buf_slice(&text), out);
    buf_free(&text);
}

static int64_t hour_now(void)
{
    return clock_wall_us() / DPS_TPM_HOUR_US;
}

unsigned tpm_challenge(struct call *c, struct buf *blob)
{
    uint8_t key[TPM_KEY_LEN];
    struct shown shown;
    unsigned code = read_shown(c, &shown);
    if (code != DPS_OK) return code;
    key_of_hour(c, shown.ek, hour_now(), key);
    enum err e = tpm_protect(&shown.ek_public, &shown.srk_public, key, blob);
    mem_wipe(key, sizeof key);
    if (e != OK) return attest_deny(c, fail_text());
    metric_inc(&challenges);
    return DPS_OK;
}

static bool is_signed(struct call *c, const struct sas *t)
{
    uint8_t key[TPM_KEY_LEN];
    struct slice ek = decode(c, c->enrollment.endorsement_key);
    bool fits = false;
    for (int ago = 0; ago < 2 && !fits; ago++) {
        key_of_hour(c, ek, hour_now() - ago, key);
        fits = sas_verify(t, slice_of(key, sizeof key));
    }
    mem_wipe(key, sizeof key);
    return fits;
}

/* ---- the key of the hub */

static void set_key(struct auth_key *out, const uint8_t bytes[TPM_KEY_LEN])
{
    struct buf text = BUF_SECRET;
    text_base64(&text, slice_of(bytes, TPM_KEY_LEN));
    enum err e = auth_key_set(out, buf_slice(&text));
    assert(e == OK);
    buf_wipe(&text);
}

/* "tpm":{"authenticationKey":..} */
static struct slice proof_of(struct call *c, struct slice blob)
{
    struct buf text = {0};
    buf_put_str(&text, "\"tpm\":{\"authenticationKey\":\"");
    text_base64(&text, blob);
    buf_put_str(&text, "\"}");
    return attest_keep(c, &text);
}

/* The second key is nobody's: it is there because an identity has two. */
static unsigned give_keys(struct call *c, const struct shown *shown, struct attested *out)
{
    uint8_t key[TPM_KEY_LEN];
    struct auth_key keys[2];
    struct buf blob = {0};
    rand_bytes(key, sizeof key);
    enum err e = tpm_protect(&shown->ek_public, &shown->srk_public, key, &blob);
    if (e == OK) {
        set_key(&keys[0], key);
        auth_key_make(&keys[1]);
        attest_note_keys(c, keys, out);
        out->proof = proof_of(c, buf_slice(&blob));
        mem_wipe(keys, sizeof keys);
    }
    mem_wipe(key, sizeof key);
    buf_free(&blob);
    return e == OK ? DPS_OK : attest_deny(c, fail_text());
}

/* Its enrollment shows the storage root key that the TPM had last, where nobody has enrolled one. */
static void note_storage_root_key(struct call *c, const struct shown *shown, struct attested *out)
{
    const struct enrollment *e = &c->enrollment;
    struct buf text = {0};
    text_base64(&text, shown->srk);
    if ((e->storage_root_key.len == 0 || e->srk_shown) &&
        !slice_eq(e->storage_root_key, buf_slice(&text)))
        out->storage_root_key = arena_copy(&c->arena, buf_slice(&text));
    buf_free(&text);
}

unsigned tpm_attest(struct call *c, const struct sas *t, struct attested *out)
{
    struct shown shown = {0};
    if (!is_signed(c, t))
        return attest_deny(c, "the token is not signed with the key that its TPM was sent");
    out->enrollment = c->enrollment;
    if (c->head->verb != VERB_REGISTER) return DPS_OK;
    unsigned code = read_shown(c, &shown);
    if (code == DPS_OK) code = give_keys(c, &shown, out);
    if (code == DPS_OK) note_storage_root_key(c, &shown, out);
    return code;
}
