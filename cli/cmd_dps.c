/* cmd_dps.c - azimuth dps enrollment ..., enrollment-group ..., compute-device-key: as `az iot dps`. */
#include <stdio.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"

enum { WHAT_MAX = 192 };

#define INDIVIDUAL_OPTION                                                                          \
    {                                                                                              \
        "enrollment-id eid", "ID", "the registration id of the device"                             \
    }
#define GROUP_OPTION                                                                               \
    {                                                                                              \
        "group-id enrollment-id eid gid", "ID", "the enrollment group"                             \
    }
#define ETAG_OPTION                                                                                \
    {                                                                                              \
        "etag e", "ETAG", "only if it is still this version"                                       \
    }
#define KEYS_OPTION                                                                                \
    {                                                                                              \
        "show-keys keys", NULL, "with the symmetric keys"                                          \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define CONTENT                                                                                    \
    {"primary-key pk", "KEY", "symmetric key in base64"},                                          \
        {"secondary-key sk", "KEY", "the other one"},                                              \
        {"certificate-path cp", "FILE", "primary certificate, .pem or .cer"},                      \
        {"secondary-certificate-path scp", "FILE", "secondary certificate"},                       \
        {"provisioning-status ps", "STATUS", "enabled or disabled [enabled]"},                     \
        {"reprovision-policy rp", "POLICY",                                                        \
         "reprovisionandmigratedata, reprovisionandresetdata or never"},                           \
        {"allocation-policy ap", "POLICY", "hashed, geoLatency, static or custom"},                \
        {"iot-hubs ih", "HOST...", "the hubs to choose from"},                                     \
        {"webhook-url wh", "URL", "who chooses, with --allocation-policy custom"},                 \
        {"api-version av", "VERSION", "of the webhook [2021-10-01]"},                              \
        {"initial-twin-tags tags", "JSON", "tags, or a file with them"},                           \
        {"initial-twin-properties props", "JSON", "desired properties, or a file with them"},      \
        {"model-twins", "JSON", "initial twins by model id, or a file with them"},                 \
        {"edge-enabled ee", "BOOL", "true for an IoT Edge device"},                                \
        {"credential-policy cpn", "NAME",                                                          \
         "default: its devices may ask for certificates; '' for none"},                            \
        ETAG_OPTION

const struct cli_option dps_individual_options[] = {INDIVIDUAL_OPTION, END};
const struct cli_option dps_individual_show_options[] = {INDIVIDUAL_OPTION, KEYS_OPTION, END};
const struct cli_option dps_individual_delete_options[] = {INDIVIDUAL_OPTION, ETAG_OPTION, END};
const struct cli_option dps_individual_create_options[] = {
    INDIVIDUAL_OPTION,
    {"attestation-type at", "TYPE", "symmetricKey, x509 or tpm [symmetricKey]"},
    {"device-id d", "ID", "the device's id at the hub [the registration id]"},
    {"endorsement-key ek", "KEY", "of the TPM, in base64"},
    CONTENT,
    END};
const struct cli_option dps_group_options[] = {GROUP_OPTION, END};
const struct cli_option dps_group_show_options[] = {GROUP_OPTION, KEYS_OPTION, END};
const struct cli_option dps_group_delete_options[] = {GROUP_OPTION, ETAG_OPTION, END};
const struct cli_option dps_group_create_options[] = {
    GROUP_OPTION,
    {"ca-name root-ca-name cn", "NAME", "a certificate of `dps certificate`, instead of a file"},
    {"secondary-ca-name secondary-root-ca-name scn", "NAME", "the other one"},
    CONTENT,
    END};
const struct cli_option dps_group_revoke_options[] = {
    GROUP_OPTION,
    {"disable-devices", NULL, "also those that have registered: they are disconnected"},
    {"dry-run", NULL, "only tell what would be hit"},
    END};
const struct cli_option dps_registration_options[] = {
    {"registration-id rid", "ID", "the device"}, ETAG_OPTION, END};
const struct cli_option dps_key_options[] = {
    {"registration-id rid", "ID", "the device"},
    {"symmetric-key key", "KEY", "of the group, in base64"},
    END};

const struct cli_option dps_group_key_options[] = {
    {"registration-id rid", "ID", "the device"},
    GROUP_OPTION,
    {"symmetric-key key", "KEY", "of the group, in base64 [the service is asked for it]"},
    END};

const char dps_group_help[] =
    "    azimuth dps enrollment-group create --gid line-a --cp line-a.pem\n"
    "    azimuth dps enrollment-group update --gid line-b --ps disabled";

static const char *const columns =
    "id=registrationId group=enrollmentGroupId attestation=attestation.type "
    "status=provisioningStatus device=deviceId";
static const char *const states =
    "registration=registrationId status substatus hub=assignedHub device=deviceId";

/* ---- which one */

static bool of_groups(const struct cli *c)
{
    struct slice words = slice_str(c->verb->words);
    return slice_starts(words, SLICE_LIT("dps enrollment-group")) ||
           slice_starts(words, SLICE_LIT("dps registration"));
}

struct place {
    struct target target;
    struct slice id;
    const char *path;
    char what[WHAT_MAX];
};

static enum err find(struct cli *c, struct place *p)
{
    bool group = of_groups(c);
    TRY(cli_need(c, group ? "group-id" : "enrollment-id", &p->id));
    TRY(target_find(c, &p->target));
    p->path = http_path(c, group ? "/enrollmentGroups/" : "/enrollments/", p->id);
    snprintf(p->what, sizeof p->what, "enrollment%s '%.*s'", group ? " group" : "",
             SLICE_ARG(slice_head(p->id, 128)));
    return OK;
}

static enum err get(struct place *p, struct json **out)
{
    const struct http_call call = {.method = "GET", .path = p->path};
    return http_json(&p->target, &call, p->what, out);
}

/* ---- what an enrollment is to be: options over what is there */

static struct json *text(struct cli *c, const char *value)
{
    return json_new_string(&c->arena, slice_str(value));
}

static void set(struct cli *c, struct json *object, const char *key, struct json *value)
{
    json_set(&c->arena, object, slice_str(key), value);
}

/* The object that is a member, made where there is none. */
static struct json *object_of(struct cli *c, struct json *in, const char *key)
{
    struct json *object = json_get(in, key);
    if (object && object->type == JSON_OBJECT) return object;
    object = json_new(&c->arena, JSON_OBJECT);
    set(c, in, key, object);
    return object;
}

static struct json *truth(struct cli *c, bool value)
{
    struct json *j = json_new(&c->arena, JSON_BOOL);
    j->truth = value;
    return j;
}

static enum err set_twin(struct cli *c, struct json *doc)
{
    struct json *value;
    if (cli_given(c, "initial-twin-tags")) {
        TRY(file_json_option(c, "initial-twin-tags", &value));
        set(c, object_of(c, doc, "initialTwin"), "tags", value);
    }
    if (cli_given(c, "initial-twin-properties")) {
        TRY(file_json_option(c, "initial-twin-properties", &value));
        struct json *twin = object_of(c, doc, "initialTwin");
        set(c, object_of(c, twin, "properties"), "desired", value);
    }
    if (cli_given(c, "model-twins")) {
        TRY(file_json_option(c, "model-twins", &value));
        set(c, doc, "modelTwins", value);
    }
    return OK;
}

static enum err set_reprovisioning(struct cli *c, struct json *doc)
{
    static const struct {
        const char *name;
        bool updates, migrates;
    } policies[] = {{"reprovisionandmigratedata", true, true},
                    {"reprovisionandresetdata", true, false},
                    {"never", false, false}};
    const char *given = cli_value(c, "reprovision-policy");
    if (given == NULL) return OK;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        if (!slice_is_nocase(slice_str(given), policies[i].name)) continue;
        struct json *policy = object_of(c, doc, "reprovisionPolicy");
        set(c, policy, "updateHubAssignment", truth(c, policies[i].updates));
        set(c, policy, "migrateDeviceData", truth(c, policies[i].migrates));
        return OK;
    }
    return fail(ERR_INVALID, "--reprovision-policy is reprovisionandmigratedata, "
                             "reprovisionandresetdata or never");
}

static void set_hubs(struct cli *c, struct json *doc)
{
    const char *given = cli_value(c, "iot-hubs");
    struct slice rest = slice_str(given), host;
    if (given == NULL) return;
    struct json *hubs = json_new(&c->arena, JSON_ARRAY);
    while (cli_next_name(&rest, &host)) json_append(hubs, json_new_string(&c->arena, host));
    set(c, doc, "iotHubs", hubs);
}

static enum err set_allocation(struct cli *c, struct json *doc)
{
    const char *url = cli_value(c, "webhook-url"), *version = cli_value(c, "api-version");
    if (cli_given(c, "allocation-policy"))
        set(c, doc, "allocationPolicy", text(c, cli_value(c, "allocation-policy")));
    set_hubs(c, doc);
    if (url == NULL) return OK;
    struct json *custom = object_of(c, doc, "customAllocationDefinition");
    set(c, custom, "webhookUrl", text(c, url));
    set(c, custom, "apiVersion", text(c, version ? version : "2021-10-01"));
    return OK;
}

/* A file goes as base64, so that it may be PEM or DER. */
static enum err set_certificate(struct cli *c, struct json *set_of, const char *place,
                                const char *option)
{
    const char *path = cli_value(c, option);
    struct slice file;
    struct buf base64 = {0};
    if (path == NULL) return OK;
    TRY(file_load(c, path, &file));
    text_base64(&base64, file);
    struct json *certificate = json_new(&c->arena, JSON_OBJECT);
    set(c, certificate, "certificate", text(c, buf_cstr(&base64)));
    set(c, set_of, place, certificate);
    buf_free(&base64);
    return OK;
}

static enum err set_x509(struct cli *c, struct json *attestation)
{
    struct json *x509 = object_of(c, attestation, "x509");
    const char *primary = of_groups(c) ? cli_value(c, "ca-name") : NULL;
    const char *secondary = of_groups(c) ? cli_value(c, "secondary-ca-name") : NULL;
    set(c, attestation, "type", text(c, "x509"));
    if (primary || secondary) {
        struct json *names = object_of(c, x509, "caReferences");
        if (primary) set(c, names, "primary", text(c, primary));
        if (secondary) set(c, names, "secondary", text(c, secondary));
        return OK;
    }
    struct json *both =
        object_of(c, x509, of_groups(c) ? "signingCertificates" : "clientCertificates");
    TRY(set_certificate(c, both, "primary", "certificate-path"));
    return set_certificate(c, both, "secondary", "secondary-certificate-path");
}

static void set_keys(struct cli *c, struct json *attestation)
{
    struct json *keys = object_of(c, attestation, "symmetricKey");
    set(c, attestation, "type", text(c, "symmetricKey"));
    if (cli_given(c, "primary-key"))
        set(c, keys, "primaryKey", text(c, cli_value(c, "primary-key")));
    if (cli_given(c, "secondary-key"))
        set(c, keys, "secondaryKey", text(c, cli_value(c, "secondary-key")));
}

static bool is_attestation(struct slice type)
{
    return slice_is_nocase(type, "symmetricKey") || slice_is_nocase(type, "x509") ||
           slice_is_nocase(type, "tpm");
}

static enum err set_attestation(struct cli *c, struct json *doc)
{
    struct json *attestation = object_of(c, doc, "attestation");
    bool group = of_groups(c);
    const char *type = group ? NULL : cli_value(c, "attestation-type");
    bool x509 = cli_given(c, "certificate-path") || cli_given(c, "secondary-certificate-path") ||
                (group && (cli_given(c, "ca-name") || cli_given(c, "secondary-ca-name")));
    bool keys = cli_given(c, "primary-key") || cli_given(c, "secondary-key");
    if (type && !is_attestation(slice_str(type)))
        return fail(ERR_INVALID, "--attestation-type %s: symmetricKey, x509 or tpm", type);
    if (!group && cli_given(c, "endorsement-key")) {
        set(c, attestation, "type", text(c, "tpm"));
        set(c, object_of(c, attestation, "tpm"), "endorsementKey",
            text(c, cli_value(c, "endorsement-key")));
        return OK;
    }
    if (x509) return set_x509(c, attestation);
    if (keys || json_get(attestation, "type") == NULL) set_keys(c, attestation);
    if (type && !slice_eq_nocase(json_str(attestation, "type"), slice_str(type)))
        return fail(ERR_INVALID, "--attestation-type %s needs %s", type,
                    slice_is_nocase(slice_str(type), "tpm") ? "--endorsement-key"
                                                            : "--certificate-path");
    return OK;
}

static enum err set_all(struct cli *c, struct json *doc)
{
    TRY(set_attestation(c, doc));
    TRY(set_twin(c, doc));
    TRY(set_reprovisioning(c, doc));
    TRY(set_allocation(c, doc));
    if (cli_given(c, "provisioning-status"))
        set(c, doc, "provisioningStatus", text(c, cli_value(c, "provisioning-status")));
    if (cli_given(c, "edge-enabled"))
        TRY(cli_set_truth(c, object_of(c, doc, "capabilities"), "iotEdge", "edge-enabled"));
    if (cli_given(c, "credential-policy"))
        set(c, doc, "credentialPolicyName", text(c, cli_value(c, "credential-policy")));
    if (!of_groups(c) && cli_given(c, "device-id"))
        set(c, doc, "deviceId", text(c, cli_value(c, "device-id")));
    return OK;
}

static enum err put(struct cli *c, struct place *p, const char *if_match, const struct json *doc)
{
    struct json *answer;
    struct buf body = BUF_SECRET;
    json_write(&body, doc);
    const struct http_call call = {
        .method = "PUT", .path = p->path, .if_match = if_match, .body = buf_slice(&body)};
    enum err e = http_json(&p->target, &call, p->what, &answer);
    buf_wipe(&body);
    return e == OK ? output_value(&c->output, &c->arena, answer, columns) : e;
}

/* ---- verbs */

enum err provisioning_enrollment_create(struct cli *c)
{
    struct place p;
    struct json *doc = json_new(&c->arena, JSON_OBJECT);
    TRY(find(c, &p));
    set(c, doc, of_groups(c) ? "enrollmentGroupId" : "registrationId",
        json_new_string(&c->arena, p.id));
    TRY(set_all(c, doc));
    return put(c, &p, cli_value(c, "etag"), doc);
}

/* What is changed is the version that was read, unless another was named. */
enum err provisioning_enrollment_update(struct cli *c)
{
    struct place p;
    struct json *doc;
    TRY(find(c, &p));
    TRY(get(&p, &doc));
    const char *etag = cli_value(c, "etag");
    if (etag == NULL) etag = (const char *)arena_copy(&c->arena, json_str(doc, "etag")).ptr;
    TRY(set_all(c, doc));
    return put(c, &p, etag, doc);
}

/* With its keys, which the enrollment itself leaves out. */
static enum err get_attestation(struct cli *c, struct place *p, struct json **out)
{
    struct buf path = {0};
    buf_printf(&path, "%s/attestationmechanism", p->path);
    const struct http_call call = {.method = "POST", .path = cli_keep(c, &path)};
    return http_json(&p->target, &call, p->what, out);
}

enum err provisioning_enrollment_show(struct cli *c)
{
    struct place p;
    struct json *doc, *attestation;
    TRY(find(c, &p));
    TRY(get(&p, &doc));
    if (cli_given(c, "show-keys")) {
        TRY(get_attestation(c, &p, &attestation));
        set(c, doc, "attestation", attestation);
    }
    return output_value(&c->output, &c->arena, doc, columns);
}

enum err provisioning_enrollment_delete(struct cli *c)
{
    struct place p;
    struct json *nothing;
    const char *etag = cli_value(c, "etag");
    TRY(find(c, &p));
    TRY(cli_confirm(c, "deletes %s with its keys", p.what));
    const struct http_call call = {
        .method = "DELETE", .path = p.path, .if_match = etag ? etag : "*"};
    return http_json(&p.target, &call, p.what, &nothing);
}

enum { REVOKE_WAIT_S = 620 }; /* the hub takes its time for thousands of devices */

enum err provisioning_group_revoke(struct cli *c)
{
    struct place p;
    struct json *answer;
    struct buf path = {0}, body = {0};
    TRY(find(c, &p));
    buf_printf(&path, "%s/revoke", http_path(c, "/admin/v1/dps/enrollmentGroups/", p.id));
    buf_printf(&body, "{\"dryRun\":%s,\"disableDevices\":%s}",
               cli_given(c, "dry-run") ? "true" : "false",
               cli_given(c, "disable-devices") ? "true" : "false");
    const struct http_call call = {.method = "POST",
                                   .path = buf_cstr(&path),
                                   .body = buf_slice(&body),
                                   .wait_s = REVOKE_WAIT_S};
    enum err e = http_json(&p.target, &call, p.what, &answer);
    buf_free(&path);
    buf_free(&body);
    TRY(e);
    return output_value(&c->output, &c->arena, answer,
                        "group=enrollmentGroupId dryRun registrations disabled absent failed");
}

static enum err list(struct cli *c, struct target *t, const char *path, const char *what,
                     const char *shown)
{
    struct json *items;
    const struct http_call call = {
        .method = "POST", .path = path, .body = SLICE_LIT("{\"query\":\"SELECT *\"}")};
    TRY(http_json(t, &call, what, &items));
    return output_value(&c->output, &c->arena, items, shown);
}

enum err provisioning_enrollment_list(struct cli *c)
{
    struct target t;
    TRY(target_find(c, &t));
    return list(c, &t, of_groups(c) ? "/enrollmentGroups/query" : "/enrollments/query",
                "list of enrollments", columns);
}

enum err provisioning_registration_list(struct cli *c)
{
    struct place p;
    struct buf path = {0};
    TRY(find(c, &p));
    buf_printf(&path, "%s/query", http_path(c, "/registrations/", p.id));
    enum err e = list(c, &p.target, buf_cstr(&path), p.what, states);
    buf_free(&path);
    return e;
}

static enum err call_registration(struct cli *c, const char *method, struct json **out)
{
    struct target t;
    struct slice id;
    char what[WHAT_MAX];
    TRY(cli_need(c, "registration-id", &id));
    TRY(target_find(c, &t));
    snprintf(what, sizeof what, "registration '%.*s'", SLICE_ARG(slice_head(id, 128)));
    const struct http_call call = {.method = method,
                                   .path = http_path(c, "/registrations/", id),
                                   .if_match = cli_value(c, "etag")};
    return http_json(&t, &call, what, out);
}

enum err provisioning_registration_show(struct cli *c)
{
    struct json *state;
    TRY(call_registration(c, "GET", &state));
    return output_value(&c->output, &c->arena, state, states);
}

enum err provisioning_registration_delete(struct cli *c)
{
    struct json *nothing;
    return call_registration(c, "DELETE", &nothing);
}

static enum err group_key(struct cli *c, struct slice *out)
{
    struct place p;
    struct json *attestation;
    if (!of_groups(c) || cli_given(c, "symmetric-key")) return cli_need(c, "symmetric-key", out);
    TRY(find(c, &p));
    TRY(get_attestation(c, &p, &attestation));
    *out = json_str(json_get(attestation, "symmetricKey"), "primaryKey");
    return out->len ? OK : fail(ERR_NOT_FOUND, "%s has no symmetric key", p.what);
}

/* It follows from the group's; who has that need ask nobody. */
enum err provisioning_compute_device_key(struct cli *c)
{
    struct slice id, text_of_key;
    struct auth_key key;
    uint8_t mac[SAS_SIGNATURE_LEN];
    struct buf line = BUF_SECRET;
    TRY(cli_need(c, "registration-id", &id));
    TRY(group_key(c, &text_of_key));
    if (auth_key_set(&key, text_of_key) != OK)
        return fail(ERR_INVALID, "--symmetric-key: not base64 of 16 to 64 bytes");
    sas_derive_key(slice_of(key.bytes, key.len), id, mac);
    text_base64(&line, slice_of(mac, sizeof mac));
    buf_put_u8(&line, '\n');
    enum err e = output_text(buf_slice(&line));
    mem_wipe(&key, sizeof key);
    mem_wipe(mac, sizeof mac);
    buf_wipe(&line);
    return e;
}

/* ---- attempts */

enum err provisioning_attempt_list(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    TRY(http_get(&t, "/admin/v1/dps/attempts", "list of attempts", &list));
    return output_value(&c->output, &c->arena, list,
                        "time registrationId enrollment=enrollment.id kind=enrollment.kind outcome "
                        "hub cause text");
}
