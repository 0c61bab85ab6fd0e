/* sas_fuzz.c - auth/sas.h, auth/blob_sas.h and auth/connstr.h: any text is read or refused, and what is read holds
 * together. */
#include "auth/blob_sas.h"
#include "auth/connstr.h"
#include "auth/sas.h"
#include "fuzz.h"

static void check_token(struct slice text)
{
    struct sas t;
    if (sas_parse(text, &t) != OK) return;
    assert(sas_is(text) && t.resource.len > 0 && strlen(t.policy) <= SAS_POLICY_MAX);
    assert(!sas_verify(&t, SLICE_LIT("a key that nobody has signed with")));
    for (unsigned reading = 0; reading < SAS_READINGS; reading++) {
        struct sas_resource r;
        struct slice device, module;
        if (!sas_resource(&t, reading, &r)) continue;
        assert(sas_path_covers(r.path, r.path) && sas_path_covers(SLICE_NONE, r.path));
        if (sas_path_ids(r.path, &device, &module)) assert(device.len > 0);
    }
}

static void check_connection_string(struct slice text)
{
    struct connstr c, again;
    if (connstr_parse(text, &c) != OK) return;
    struct buf out = {0};
    connstr_write(&out, &c);
    enum err e = connstr_parse(buf_slice(&out), &again);
    assert(e == OK && again.kind == c.kind && slice_eq(again.host, c.host));
    assert(slice_eq(again.key, c.key) && slice_eq(again.device_id, c.device_id));
    buf_free(&out);
}

static void check_making(struct slice text)
{
    struct buf token = {0};
    struct sas t;
    struct sas_resource r;
    size_t half = text.len / 2;
    sas_make(&token, slice_head(text, half), slice_from(text, half), "policy", 1900000000);
    if (half > 0 && sas_parse(buf_slice(&token), &t) == OK) {
        assert(sas_verify(&t, slice_from(text, half)));
        assert(sas_resource(&t, 0, &r));
    }
    buf_free(&token);
}

/* Nobody guesses a signature; what we sign opens its blob. */
static void check_blobs(struct slice text)
{
    static const struct blob_account account = {.name = "a", .key = {1, 2, 3}, .key_len = 3};
    struct blob_account parsed;
    struct buf sas = {0};
    unsigned rights;
    size_t half = text.len / 2;
    struct slice container = slice_head(text, half), blob = slice_from(text, half);
    if (blob_account_parse(text, &parsed) == OK) assert(parsed.key_len > 0 && *parsed.endpoint);
    assert(blob_sas_check(text, &account, container, blob, 1, &rights) != BLOB_SAS_OK);
    blob_sas_make(&sas, &account, container, blob, 0, 2000000);
    struct slice query = slice_from(buf_slice(&sas), 1);
    assert(blob_sas_check(query, &account, container, blob, 1, &rights) == BLOB_SAS_OK);
    buf_free(&sas);
}

void fuzz_one(struct slice input)
{
    check_blobs(input);
    check_token(input);
    check_connection_string(input);
    if (input.len > 1) check_making(input);
}
