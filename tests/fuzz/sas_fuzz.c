/* sas_fuzz.c - auth/sas.h and auth/connstr.h: any text is read or refused, and what is read holds
 * together. */
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

void fuzz_one(struct slice input)
{
    check_token(input);
    check_connection_string(input);
    if (input.len > 1) check_making(input);
}
