/* apply_enrollments.c - enrollments and enrollment groups of a file, in the words of DPS's service API. */
#include <stdio.h>

#include "auth/x509.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/apply.h"
#include "cli/http.h"

/* Members of both that a file may set. */
#define SHARED                                                                                     \
    "attestation", "attestation.type", "attestation.symmetricKey",                                 \
        "attestation.symmetricKey.primaryKey", "attestation.symmetricKey.secondaryKey",            \
        "attestation.x509", CERTIFICATES("signingCertificates"), "capabilities",                   \
        "capabilities.iotEdge", "iotHubHostName", "iotHubs", "initialTwin.*", "modelTwins.*",      \
        "provisioningStatus", "reprovisionPolicy", "reprovisionPolicy.updateHubAssignment",        \
        "reprovisionPolicy.migrateDeviceData", "allocationPolicy", "customAllocationDefinition",   \
        "customAllocationDefinition.webhookUrl", "customAllocationDefinition.apiVersion",          \
        "credentialPolicyName"
#define CERTIFICATES(set)                                                                          \
    "attestation.x509." set, "attestation.x509." set ".primary",                                   \
        "attestation.x509." set ".primary.certificate", "attestation.x509." set ".secondary",      \
        "attestation.x509." set ".secondary.certificate"

static const char *const individual_members[] = {SHARED,
                                                 CERTIFICATES("clientCertificates"),
                                                 "registrationId",
                                                 "deviceId",
                                                 "optionalDeviceInformation.*",
                                                 "attestation.tpm",
                                                 "attestation.tpm.endorsementKey",
                                                 "attestation.tpm.storageRootKey",
                                                 NULL};
/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): the names of CERTIFICATES are put together. */
static const char *const group_members[] = {SHARED,
                                            "enrollmentGroupId",
                                            "attestation.x509.caReferences",
                                            "attestation.x509.caReferences.primary",
                                            "attestation.x509.caReferences.secondary",
                                            NULL};

/* What lies below these is the user's: a text that looks like a number is one. */
static enum err put_free_form(struct apply *a, const struct yaml *item, struct json *want)
{
    static const char *const names[] = {"initialTwin", "modelTwins", "optionalDeviceInformation"};
    for (size_t i = 0; i < 3; i++) {
        const struct yaml *part = item->kind == YAML_MAP ? yaml_get(item, names[i]) : NULL;
        struct json *value;
        if (part == NULL || yaml_is_null(part)) continue;
        TRY(apply_value(a, part, &value));
        json_set(&a->cli->arena, want, slice_str(names[i]), value);
    }
    return OK;
}

static enum err want_of(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                        struct slice id, struct json **out)
{
    if (item->kind == YAML_MAP) {
        TRY(apply_json(a, item, out));
        return put_free_form(a, item, *out);
    }
    *out = json_new(&a->cli->arena, JSON_OBJECT);
    cli_set_text(a->cli, *out, k->id, id);
    return OK;
}

/* ---- certificates: the service shows what they say, not themselves */

static enum err show_certificate(struct arena *a, struct json *holder)
{
    struct x509_certificate facts;
    struct x509_info info = {0};
    struct buf der = {0}, hex = {0};
    struct json *shown = json_new(a, JSON_OBJECT);
    enum err e = x509_certificate_read(json_str(holder, "certificate"), &der, &facts);
    if (e == OK) e = x509_info_read(buf_slice(&der), &info);
    if (e == OK) {
        text_hex(&hex, slice_of(info.sha256, sizeof info.sha256));
        json_set(a, shown, SLICE_LIT("sha256Thumbprint"), json_new_string(a, buf_slice(&hex)));
        json_remove(holder, json_get(holder, "certificate"));
        json_set(a, holder, SLICE_LIT("info"), shown);
    }
    buf_free(&der);
    buf_free(&hex);
    return e;
}

/* Of what is wanted, what the service shows once it has it. */
static enum err as_shown(struct apply *a, struct json *want)
{
    static const char *const sets[] = {"clientCertificates", "signingCertificates"};
    const struct json *x509 = json_get(json_get(want, "attestation"), "x509");
    for (size_t i = 0; i < 2; i++) {
        const struct json *set = json_get(x509, sets[i]);
        for (struct json *m = set ? set->child : NULL; m; m = m->next)
            if (json_given(m, "certificate")) TRY(show_certificate(&a->cli->arena, m));
    }
    return OK;
}

static enum err check(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                      struct slice id)
{
    struct json *want;
    TRY(want_of(a, k, item, id, &want));
    return apply_blame(a, item, as_shown(a, want));
}

/* ---- one of them */

struct place {
    const struct apply_kind *kind;
    const char *path;
    char what[192]; /* of an error */
};

static enum err put(struct apply *a, const struct place *p, const char *etag,
                    const struct json *body)
{
    return apply_send(a, &(struct http_call){.method = "PUT", .path = p->path, .if_match = etag},
                      p->what, body);
}

/* Keys are shown only to who asks for them. */
static enum err get_keys(struct apply *a, const struct place *p, struct json *have)
{
    struct json *attestation;
    struct buf path = {0};
    buf_printf(&path, "%s/attestationmechanism", p->path);
    const struct http_call call = {.method = "POST", .path = buf_cstr(&path)};
    enum err e = http_json(&a->target, &call, p->what, &attestation);
    buf_free(&path);
    if (e == OK && attestation == NULL)
        e = fail(ERR_PROTOCOL, "%s answered %s with nothing", a->target.name, p->what);
    if (e == OK) json_set(&a->cli->arena, have, SLICE_LIT("attestation"), attestation);
    return e;
}

static enum err add(struct apply *a, const struct place *p, struct json *want, struct slice id)
{
    if (json_given(want, "attestation") == NULL) {
        struct json *keys = json_new(&a->cli->arena, JSON_OBJECT);
        cli_set_text(a->cli, keys, "type", SLICE_LIT("symmetricKey"));
        json_set(&a->cli->arena, want, SLICE_LIT("attestation"), keys);
    }
    if (!a->dry) TRY(put(a, p, NULL, want));
    apply_note(a, "added", p->kind->row, id, SLICE_NONE);
    return OK;
}

static bool is_as(const struct json *have, struct json *shown, struct buf *where)
{
    static const char *const words[] = {"provisioningStatus", "allocationPolicy"};
    for (size_t i = 0; i < 2; i++) apply_word(have, shown, words[i]);
    apply_word(json_get(have, "attestation"), json_get(shown, "attestation"), "type");
    const struct json *policy = json_get(shown, "credentialPolicyName"); /* "": none */
    if (policy && policy->type == JSON_STRING && policy->text.len == 0 &&
        json_given(have, "credentialPolicyName") == NULL)
        json_remove(shown, policy);
    return apply_covers(have, shown, where);
}

/* An attestation that differs is replaced; the service keeps the keys that it does not name. */
static enum err change(struct apply *a, const struct place *p, struct json *have,
                       const struct json *want)
{
    const struct json *attestation = json_given(want, "attestation");
    struct slice etag = arena_copy(&a->cli->arena, json_str(have, "etag"));
    if (attestation) json_remove(have, json_get(have, "attestation"));
    apply_merge(&a->cli->arena, have, want);
    return put(a, p, (const char *)etag.ptr, have);
}

static enum err compare(struct apply *a, const struct place *p, const struct yaml *item,
                        struct slice id, struct json *have)
{
    struct json *want, *shown;
    struct buf where = {0};
    TRY(want_of(a, p->kind, item, id, &want));
    TRY(want_of(a, p->kind, item, id, &shown));
    TRY(as_shown(a, shown));
    if (json_given(json_get(want, "attestation"), "symmetricKey")) TRY(get_keys(a, p, have));
    enum err e = OK;
    if (!is_as(have, shown, &where)) {
        if (!a->dry) e = change(a, p, have, want);
        if (e == OK) apply_note(a, "changed", p->kind->row, id, buf_slice(&where));
    }
    buf_free(&where);
    return e;
}

static enum err apply_one(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                          struct slice id)
{
    struct place p = {.kind = k, .path = http_path(a->cli, k->path, id)};
    struct json *have, *want;
    snprintf(p.what, sizeof p.what, "%s '%.*s'", k->what, SLICE_ARG(slice_head(id, 128)));
    enum err e = http_get(&a->target, p.path, p.what, &have);
    if (e == OK) return compare(a, &p, item, id, have);
    if (e != ERR_NOT_FOUND) return e;
    TRY(want_of(a, k, item, id, &want));
    return add(a, &p, want, id);
}

static const struct apply_kind individuals = {.id = "registrationId",
                                              .row = "enrollment",
                                              .what = "enrollment",
                                              .of = "an enrollment",
                                              .many = "enrollments",
                                              .path = "/enrollments/",
                                              .max = APPLY_ENROLLMENTS_MAX,
                                              .members = individual_members,
                                              .check = check,
                                              .apply = apply_one};
static const struct apply_kind groups = {.id = "enrollmentGroupId",
                                         .row = "enrollmentGroup",
                                         .what = "enrollment group",
                                         .of = "an enrollment group",
                                         .many = "enrollment groups",
                                         .path = "/enrollmentGroups/",
                                         .max = APPLY_ENROLLMENT_GROUPS_MAX,
                                         .members = group_members,
                                         .check = check,
                                         .apply = apply_one};

enum err apply_check_enrollments(struct apply *a, const struct yaml *list)
{
    return apply_list_check(a, &individuals, list);
}

enum err apply_enrollments(struct apply *a, const struct yaml *list)
{
    return apply_list(a, &individuals, list);
}

enum err apply_check_enrollment_groups(struct apply *a, const struct yaml *list)
{
    return apply_list_check(a, &groups, list);
}

enum err apply_enrollment_groups(struct apply *a, const struct yaml *list)
{
    return apply_list(a, &groups, list);
}
