/* dps_test.c - device provisioning against a whole hub: over HTTPS and MQTT, and after a crash. */
#include "base/test.h"

#include <openssl/x509.h>

#include "auth/sas.h"
#include "auth/x509.h"
#include "auth/x509_issuer.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/text.h"
#include "dps/dps.h"
#include "dps/dps_sql.h"
#include "hub/registry/registry.h"
#include "proto/mqtt/mqtt.h"
#include "server/certs.h"
#include "server/dps_client_test.h"

/* ---- what the hub has */

struct shown {
    struct registry_wait wait;
    enum status status;
    struct json *body;
};

static void on_shown(struct registry_wait *w, const struct registry_answer *a)
{
    struct shown *s = CONTAINER_OF(w, struct shown, wait);
    s->status = a->status;
    if (a->body.len) assert_int_equal(json_parse(&arena, a->body, &s->body), OK);
}

static struct shown identity(const char *device_id)
{
    struct shown s = {.wait.fn = on_shown, .status = STATUSES};
    lane_running = &rig.core;
    registry_get(rig.wire.cores[0].registry, slice_str(device_id), &s.wait);
    rig_run(&rig);
    assert_true(s.status != STATUSES);
    return s;
}

static const struct json *twin_of(const char *device_id)
{
    char path[256];
    struct buf token = {0};
    rig_token(&rig, "iothubowner", "", &token);
    snprintf(path, sizeof path, "/twins/%s", device_id);
    struct reply r = ask("GET", path, buf_cstr(&token), "", "");
    assert_int_equal(r.status, 200);
    buf_free(&token);
    return r.body;
}

/* A token of a device of a group with KEY. */
static const char *group_token(const char *id)
{
    uint8_t mac[SAS_SIGNATURE_LEN];
    struct buf key = {0};
    assert_int_equal(text_unbase64(&key, SLICE_LIT(KEY)), OK);
    sas_derive_key(buf_slice(&key), slice_str(id), mac);
    buf_free(&key);
    return device_token(id, slice_of(mac, sizeof mac));
}

/* ---- tests */

static void a_device_is_assigned_and_its_identity_has_its_key(void **state)
{
    (void)state;
    put_enrollment("Dev-1", ",\"deviceId\":\"thing\",\"capabilities\":{\"iotEdge\":true}");
    const struct json *end = provision("dev-1", own_token("dev-1"));
    assert_text(end, "status", "assigned");
    assert_text(end, "assignedHub", "hub.test");
    assert_text(end, "deviceId", "thing");
    assert_text(end, "registrationId", "Dev-1");
    assert_text(end, "substatus", "initialAssignment");
    struct shown s = identity("thing");
    assert_int_equal(s.status, STATUS_OK);
    const struct json *keys = json_get(json_get(s.body, "authentication"), "symmetricKey");
    assert_text(keys, "primaryKey", KEY);
    assert_true(json_get(json_get(s.body, "capabilities"), "iotEdge")->truth);
}

static void enrollments_keep_the_rules_of_if_match(void **state)
{
    (void)state;
    static const char body[] = "{\"registrationId\":\"e1\"," BY_KEY "}";
    assert_code(serve("GET", "/enrollments/e1", "", ""), DPS_NO_ENROLLMENT);
    assert_code(serve("PUT", "/enrollments/e1", "If-Match: *\r\n", body), DPS_NO_ENROLLMENT);
    struct reply made = serve("PUT", "/enrollments/e1/", "", body);
    assert_int_equal(made.status, 200);
    assert_code(serve("PUT", "/enrollments/e1", "", body), DPS_ENROLLMENT_CONFLICT);
    assert_code(serve("PUT", "/enrollments/e1", "If-Match: \"x\"\r\n", body), DPS_PRECONDITION);
    char match[128];
    snprintf(match, sizeof match, "If-Match: %s\r\n", text_of(made.body, "etag"));
    assert_int_equal(serve("PUT", "/enrollments/E1", match, body).status, 200);
    assert_code(serve("PUT", "/enrollments/e1", match, body), DPS_PRECONDITION);
    assert_code(serve("DELETE", "/enrollments/e1", match, ""), DPS_PRECONDITION);
    assert_int_equal(serve("DELETE", "/enrollments/e1", "If-Match: *\r\n", "").status, 204);
    assert_code(serve("DELETE", "/enrollments/e1", "", ""), DPS_NO_ENROLLMENT);
}

/* Whoever finds it: the front that looks at tokens, or provisioning. */
static void every_error_has_the_envelope_of_provisioning(void **state)
{
    static const char *const paths[] = {"/enrollments/e1", "/enrollmentGroups/g1",
                                        "/registrations/r1"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply r = ask("GET", paths[i], "SharedAccessSignature sr=x", "", "");
        assert_code(r, DPS_UNAUTHORIZED);
        assert_non_null(strstr(r.head, "x-ms-error-code: 401002\r\n"));
        assert_non_null(strstr(r.head, "www-authenticate: SharedAccessSignature\r\n"));
        assert_null(strstr(r.head, "iothub-errorcode"));
    }
    assert_code(serve("GET", "/enrollments/e1?api-version=&x", "", ""), DPS_NO_VERSION);
}

static void a_body_for_another_id_is_refused(void **state)
{
    (void)state;
    assert_code(serve("PUT", "/enrollments/e2", "", "{\"registrationId\":\"e3\"," BY_KEY "}"),
                DPS_BAD_ARGUMENT);
    assert_code(serve("PUT", "/enrollments/e2", "", "{"), DPS_BAD_ARGUMENT);
    assert_code(serve("GET", "/enrollments/a%2Fb", "", ""), DPS_BAD_REGISTRATION_ID);
}

static void keys_come_from_the_attestation_mechanism_only(void **state)
{
    (void)state;
    put_enrollment("k1", "");
    struct reply got = serve("GET", "/enrollments/k1", "", "");
    const struct json *attestation = json_get(got.body, "attestation");
    assert_text(attestation, "type", "symmetricKey");
    assert_null(json_get(attestation, "symmetricKey"));
    struct reply secret = serve("POST", "/enrollments/k1/attestationmechanism", "", "");
    assert_text(json_get(secret.body, "symmetricKey"), "primaryKey", KEY);
}

/* "registration outcome enrollment cause;" of each attempt, the newest first. */
static const char *attempts(void)
{
    struct buf said = {0};
    struct reply r = administer_at("GET", "/attempts", "", "");
    assert_int_equal(r.status, 200);
    assert_null(strstr(r.head, KEY));
    for (const struct json *a = r.body->child; a; a = a->next) {
        const struct json *e = json_get(a, "enrollment");
        buf_printf(&said, "%s %s %s %s %s;", text_of(a, "registrationId"), text_of(a, "outcome"),
                   text_of(e, "kind"), text_of(e, "id"), text_of(a, "cause"));
    }
    struct slice kept = arena_copy(&arena, slice_str(buf_cstr(&said)));
    buf_free(&said);
    return (const char *)kept.ptr;
}

static void attempts_say_by_which_enrollment_and_how_they_ended(void **state)
{
    (void)state;
    assert_string_equal(attempts(), "");
    put_enrollment("Dev-1", "");
    put_enrollment("off", ",\"provisioningStatus\":\"disabled\"");
    put_enrollment("lost", ",\"iotHubs\":[\"elsewhere.test\"]");
    put_group("line", "");
    provision("dev-1", own_token("dev-1"));
    assert_string_equal(attempts(), "Dev-1 assigned individual Dev-1 ;");
    provision("off", own_token("off"));
    provision("lost", own_token("lost"));
    provision("d2", group_token("d2"));
    assert_string_equal(attempts(), "d2 assigned group line ;lost failed individual lost ;"
                                    "off disabled individual off ;"
                                    "Dev-1 assigned individual Dev-1 ;");
    say_register("dev-1", own_token("d2"), "{}");
    assert_non_null(strstr(attempts(), "dev-1 refused individual Dev-1 C175;d2 assigned"));
    say_register("nobody", own_token("nobody"), "{}");
    assert_non_null(strstr(attempts(), "nobody refused   C175;dev-1 refused"));
}

static int64_t counted(const char *name, const char *labels)
{
    char all[256];
    snprintf(all, sizeof all, "ProvisioningServiceName=\"hub\",%s", labels);
    return metric_value(metric_of(METRIC_COUNTER, name, all, ""));
}

static void attempts_and_assignments_count_by_the_services_own_names(void **state)
{
    static const struct {
        const char *name, *labels;
        int64_t more;
    } rows[] = {
        {"azimuth_AttestationAttempts_total", "Status=\"Success\",Protocol=\"Http\"", 3},
        {"azimuth_AttestationAttempts_total", "Status=\"ClientError\",Protocol=\"Http\"", 1},
        {"azimuth_RegistrationAttempts_total", "IotHubName=\"hub.test\",Status=\"Success\"", 1},
        {"azimuth_RegistrationAttempts_total", "IotHubName=\"\",Status=\"ClientError\"", 2},
        {"azimuth_DeviceAssignments_total", "IotHubName=\"hub.test\"", 1},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    int64_t before[ROWS];
    (void)state;
    for (unsigned i = 0; i < ROWS; i++) before[i] = counted(rows[i].name, rows[i].labels);
    put_enrollment("counted", "");
    put_enrollment("off", ",\"provisioningStatus\":\"disabled\"");
    put_enrollment("lost", ",\"iotHubs\":[\"elsewhere.test\"]");
    provision("counted", own_token("counted"));
    provision("off", own_token("off"));
    provision("lost", own_token("lost"));
    say_register("counted", own_token("off"), "{}");
    for (unsigned i = 0; i < ROWS; i++)
        if (counted(rows[i].name, rows[i].labels) - before[i] != rows[i].more)
            fail_msg("%s{%s}: %d more", rows[i].name, rows[i].labels,
                     (int)(counted(rows[i].name, rows[i].labels) - before[i]));
}

static void fifty_attempts_are_remembered_and_not_one_more(void **state)
{
    (void)state;
    put_enrollment("first", "");
    provision("first", own_token("first"));
    for (unsigned i = 1; i < DPS_ATTEMPTS_MAX; i++) say_register("later", own_token("later"), "{}");
    assert_non_null(strstr(attempts(), "first assigned"));
    say_register("later", own_token("later"), "{}");
    assert_null(strstr(attempts(), "first"));
    assert_int_equal(strlen(attempts()), DPS_ATTEMPTS_MAX * strlen("later refused   C170;"));
}

static void so_many_refusals_are_told_in_a_second_and_every_end(void **state)
{
    (void)state;
    int64_t untold = limit_reached("provisioning-attempts");
    put_enrollment("well", "");
    rig_wait(&rig, DPS_REFUSALS_TOLD_US);
    for (unsigned i = 1; i < DPS_REFUSALS_TOLD_MAX; i++) say_register("a", own_token("a"), "{}");
    say_register("last", own_token("last"), "{}");
    assert_non_null(strstr(attempts(), "last refused"));
    assert_int_equal(limit_reached("provisioning-attempts"), untold);
    say_register("over", own_token("over"), "{}");
    assert_null(strstr(attempts(), "over"));
    assert_int_equal(limit_reached("provisioning-attempts"), untold + 1);
    provision("well", own_token("well"));
    assert_non_null(strstr(attempts(), "well assigned"));
    rig_wait(&rig, DPS_REFUSALS_TOLD_US);
    say_register("after", own_token("after"), "{}");
    assert_non_null(strstr(attempts(), "after refused"));
}

static void who_does_not_have_the_key_is_not_let_in(void **state)
{
    (void)state;
    put_enrollment("s1", "");
    assert_code(say_register("s1", device_token("s1", SLICE_LIT("another key of 16")), "{}"),
                DPS_UNAUTHORIZED);
    assert_code(say_register("s1", own_token("s2"), "{}"), DPS_UNAUTHORIZED);
    assert_code(say_register("nobody", own_token("nobody"), "{}"), DPS_UNAUTHORIZED);
    assert_code(say_register("s1", "", "{}"), DPS_UNAUTHORIZED);
    assert_code(ask("PUT", "/0neFFFFFFFF/registrations/s1/register", own_token("s1"), "", "{}"),
                DPS_UNAUTHORIZED);
    assert_int_equal(identity("s1").status, STATUS_DEVICE_NOT_FOUND);
}

static void a_registration_id_has_legal_characters_and_128_of_them(void **state)
{
    (void)state;
    char longest[DPS_ID_MAX + 2] = {0};
    memset(longest, 'n', DPS_ID_MAX);
    for (int over = 0; over < 2; over++) {
        unsigned code = over ? DPS_BAD_REGISTRATION_ID : DPS_UNAUTHORIZED; /* nobody enrolled it */
        assert_code(say_register(longest, own_token(longest), "{}"), code);
        longest[DPS_ID_MAX] = 'n';
    }
    static const char *const ids[] = {"a%20b", "a%2Fb", "a%00", "a.", "%C3%A4"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_code(say_register(ids[i], own_token("a"), "{}"), DPS_BAD_REGISTRATION_ID);
}

static void an_operation_is_its_devices_and_ends_with_the_next(void **state)
{
    (void)state;
    put_enrollment("o1", "");
    put_enrollment("o2", "");
    const char *operation = text_of(say_register("o1", own_token("o1"), "{}").body, "operationId");
    assert_code(say_poll("o2", own_token("o2"), operation), DPS_NO_OPERATION);
    assert_int_equal(say_poll("o1", own_token("o1"), operation).status, 200);
    assert_int_equal(say_register("o1", own_token("o1"), "{}").status, 202);
    assert_code(say_poll("o1", own_token("o1"), operation), DPS_NO_OPERATION);
}

static void a_disabled_enrollment_says_so_and_makes_nothing(void **state)
{
    (void)state;
    put_enrollment("d1", ",\"provisioningStatus\":\"disabled\"");
    assert_text(provision("d1", own_token("d1")), "status", "disabled");
    assert_int_equal(identity("d1").status, STATUS_DEVICE_NOT_FOUND);
}

static void a_hub_that_is_not_linked_is_a_failure(void **state)
{
    (void)state;
    put_enrollment("h1", ",\"iotHubs\":[\"elsewhere.test\"]");
    const struct json *end = provision("h1", own_token("h1"));
    assert_text(end, "status", "failed");
    assert_true(json_get(end, "errorCode") != NULL);
}

static void a_device_that_was_deleted_comes_back_with_its_initial_twin(void **state)
{
    (void)state;
    put_enrollment("b1", "");
    provision("b1", own_token("b1"));
    rig_delete(&rig, "b1");
    assert_text(provision("b1", own_token("b1")), "substatus", "reprovisionedToInitialAssignment");
    assert_int_equal(identity("b1").status, STATUS_OK);
}

static void a_reset_makes_the_identity_anew(void **state)
{
    (void)state;
    put_enrollment("r1", ",\"reprovisionPolicy\":{\"updateHubAssignment\":true,"
                         "\"migrateDeviceData\":false}");
    provision("r1", own_token("r1"));
    const char *before = text_of(identity("r1").body, "generationId");
    rig_wait(&rig, 1000000); /* generations are named after the time */
    assert_text(provision("r1", own_token("r1")), "substatus", "deviceDataReset");
    assert_string_not_equal(text_of(identity("r1").body, "generationId"), before);
}

/* What it says of itself is in its twin before it has ever connected. */
static void the_model_that_a_device_says_chooses_its_initial_twin(void **state)
{
    (void)state;
    static const struct {
        const char *id, *body, *model, *site;
    } rows[] = {
        {"m1", "{\"payload\":{\"modelId\":\"dtmi:x:pump;1\"}}", "dtmi:x:pump;1", "pumps"},
        {"m2", "{\"payload\":{\"modelId\":\"dtmi:x:valve;1\"}}", "dtmi:x:valve;1", "all"},
        {"m3", "{\"payload\":{\"modelId\":\"no model\"}}", "", "all"},
        {"m4", "{\"payload\":\"dtmi:x:pump;1\"}", "", "all"},
    };
    put_group("plant", ",\"initialTwin\":{\"tags\":{\"site\":\"all\"}},\"modelTwins\":{"
                       "\"dtmi:x:pump;1\":{\"tags\":{\"site\":\"pumps\"},"
                       "\"properties\":{\"desired\":{\"rpm\":900}}}}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *token = group_token(rows[i].id);
        struct reply r = say_register(rows[i].id, token, rows[i].body);
        assert_int_equal(r.status, 202);
        say_poll(rows[i].id, token, text_of(r.body, "operationId"));
        const struct json *twin = twin_of(rows[i].id);
        assert_text(twin, "modelId", rows[i].model);
        assert_text(json_get(twin, "tags"), "site", rows[i].site);
        assert_int_equal(json_get(json_get(json_get(twin, "properties"), "desired"), "rpm") != NULL,
                         i == 0);
    }
}

static bool left_behind;

static void on_left_behind(struct store_wait *w, struct store_answer *a)
{
    (void)w;
    assert_int_equal(a->err, OK);
    left_behind = true;
}

/* What a server that was killed between the choice of a hub and the identity leaves behind. */
/* `proof`: JSON members; NULL: none. */
static void leave_behind_with(const char *id, const char *operation, const char *proof)
{
    struct store_wait wait = {.fn = on_left_behind};
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_dps_registration_put, 1);
    const char *const texts[][2] = {
        {"id_lower", id},
        {"registration_id", id},
        {"group_lower", ""},
        {"operation_id", operation},
        {"status", "assigning"},
        {"substatus", "initialAssignment"},
        {"hub", "hub.test"},
        {"device_id", id},
        {"error_message", ""},
        {"work", "{\"work\":\"create\",\"from\":\"\",\"twin\":{\"tags\":{\"a\":1}},"
                 "\"modelId\":\"dtmi:x;1\"}"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        store_put_text(&u, texts[i][0], slice_str(texts[i][1]));
    static const char *const numbers[] = {"error_code", "etag", "created_us", "updated_us"};
    for (size_t i = 0; i < 4; i++) store_put_int(&u, numbers[i], 0);
    store_put_null(&u, "payload");
    if (proof)
        store_put_text(&u, "proof", slice_str(proof));
    else
        store_put_null(&u, "proof");
    lane_running = &rig.core;
    store_ask(rig.wire.store, &rig.core, &u, &wait);
    rig_run(&rig);
    assert_true(left_behind);
    left_behind = false;
}

static void leave_behind(const char *id, const char *operation)
{
    leave_behind_with(id, operation, NULL);
}

static void a_registration_that_was_cut_off_is_finished_by_whoever_polls(void **state)
{
    (void)state;
    put_enrollment("cut", "");
    leave_behind("cut", "4.1.2");
    assert_int_equal(say_poll("cut", own_token("cut"), "4.1.2").status, 202);
    struct reply end = say_poll("cut", own_token("cut"), "4.1.2");
    assert_text(end.body, "status", "assigned");
    assert_text(json_get(end.body, "registrationState"), "substatus", "initialAssignment");
    assert_text(twin_of("cut"), "modelId", "dtmi:x;1");
}

static void a_registration_that_was_cut_off_is_finished_by_the_next(void **state)
{
    (void)state;
    put_enrollment("cut", "");
    leave_behind("cut", "4.1.2");
    const struct json *end = provision("cut", own_token("cut"));
    assert_text(end, "status", "assigned");
    assert_text(end, "substatus", "initialAssignment");
    assert_int_equal(identity("cut").status, STATUS_OK);
    assert_text(provision("cut", own_token("cut")), "substatus",
                "reprovisionedToInitialAssignment");
}

/* ---- certificates that are issued */

#define BY_POLICY ",\"credentialPolicyName\":\"default\""

static struct x509_issuer *issuer;

/* {"csr":..} of a new key. */
static const char *request_of(const char *name)
{
    static char body[2048];
    struct buf text = {0};
    unsigned char *der = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *r = X509_REQ_new();
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_REQ_set_pubkey(r, key);
    assert_true(X509_REQ_sign(r, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(r, &der);
    text_base64(&text, slice_of(der, (size_t)len));
    snprintf(body, sizeof body, "{\"csr\":\"%s\"}", buf_cstr(&text));
    OPENSSL_free(der);
    X509_REQ_free(r);
    EVP_PKEY_free(key);
    buf_free(&text);
    return body;
}

static struct json *provision_with(const char *id, const char *body)
{
    struct reply r = say_register(id, own_token(id), body);
    assert_int_equal(r.status, 202);
    r = say_poll(id, own_token(id), text_of(r.body, "operationId"));
    assert_int_equal(r.status, 200);
    return json_get(r.body, "registrationState");
}

/* The thumbprint of the first of the chain. */
static const char *issued(const struct json *state)
{
    struct buf der = {0}, hex = {0};
    struct x509_info info;
    const struct json *chain = json_get(state, "issuedCertificateChain");
    assert_non_null(chain);
    assert_int_equal(text_unbase64(&der, chain->child->text), OK);
    assert_int_equal(x509_info_read(buf_slice(&der), &info), OK);
    text_hex(&hex, slice_of(info.sha256, sizeof info.sha256));
    const char *kept = (const char *)arena_copy(&arena, slice_str(buf_cstr(&hex))).ptr;
    buf_free(&der);
    buf_clear(&der);
    assert_int_equal(text_unbase64(&der, chain->child->next->text), OK);
    assert_true(slice_eq(buf_slice(&der), x509_issuer_der(issuer)));
    buf_free(&der);
    buf_free(&hex);
    return kept;
}

static const struct json *thumbprints_of(const char *id)
{
    const struct json *authentication = json_get(identity(id).body, "authentication");
    assert_text(authentication, "type", "selfSigned");
    return json_get(authentication, "x509Thumbprint");
}

static void a_request_gets_a_certificate_and_the_next_does_not_cut_it_off(void **state)
{
    (void)state;
    put_enrollment("c1", BY_POLICY);
    const char *first = issued(provision_with("c1", request_of("c1")));
    assert_text(thumbprints_of("c1"), "primaryThumbprint", first);
    const char *second = issued(provision_with("c1", request_of("C1")));
    assert_string_not_equal(first, second);
    assert_text(thumbprints_of("c1"), "primaryThumbprint", second);
    assert_text(thumbprints_of("c1"), "secondaryThumbprint", first);
}

static void what_was_issued_counts_after_an_interruption(void **state)
{
    (void)state;
    struct buf proof = {0};
    put_enrollment("c1", BY_POLICY);
    put_enrollment("c2", BY_POLICY);
    struct json *first = provision_with("c1", request_of("c1"));
    buf_put_str(&proof, "\"symmetricKey\":{},\"issuedCertificateChain\":");
    json_write(&proof, json_get(first, "issuedCertificateChain"));
    leave_behind_with("c2", "4.1.2", buf_cstr(&proof));
    assert_int_equal(say_poll("c2", own_token("c2"), "4.1.2").status, 202);
    struct reply end = say_poll("c2", own_token("c2"), "4.1.2");
    const char *kept = issued(json_get(end.body, "registrationState"));
    assert_string_equal(kept, issued(first));
    assert_text(thumbprints_of("c2"), "primaryThumbprint", kept);
    buf_free(&proof);
}

static void requests_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    put_enrollment("c1", BY_POLICY);
    put_enrollment("c2", "");
    put_enrollment("c3", BY_POLICY ",\"provisioningStatus\":\"disabled\"");
    assert_code(say_register("c1", own_token("c1"), "{\"csr\":\"AAAA\"}"), DPS_BAD_ARGUMENT);
    assert_code(say_register("c1", own_token("c1"), "{\"csr\":\"!\"}"), DPS_BAD_ARGUMENT);
    assert_code(say_register("c1", own_token("c1"), request_of("c2")), DPS_BAD_ARGUMENT);
    assert_code(say_register("c2", own_token("c2"), request_of("c2")), DPS_BAD_ARGUMENT);
    assert_null(json_get(provision_with("c3", request_of("c3")), "issuedCertificateChain"));
    assert_int_equal(serve("PUT", "/enrollments/c4", "",
                           "{\"registrationId\":\"c4\"," BY_KEY
                           ",\"credentialPolicyName\":\"another\"}")
                         .status,
                     400);
    assert_int_equal(identity("c1").status, STATUS_DEVICE_NOT_FOUND);
}

/* TPM2B_PUBLIC of an endorsement key. */
#define TPM_KEY                                                                                    \
    "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxQ=="

#define TPM_SHOWN                                                                                  \
    "{\"tpm\":{\"endorsementKey\":\"" TPM_KEY "\",\"storageRootKey\":\"" TPM_KEY "\"}}"

/* That a TPM can open what it is sent, and sign, is shown with one: tests/conformance. */
static void only_the_tpm_that_is_enrolled_is_challenged(void **state)
{
    (void)state;
    assert_int_equal(serve("PUT", "/enrollments/t1", "",
                           "{\"registrationId\":\"t1\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"
                           "\"endorsementKey\":\"" TPM_KEY "\"}}}")
                         .status,
                     200);
    put_enrollment("t2", "");
    struct reply r = say_register("t1", "", TPM_SHOWN);
    assert_code(r, DPS_UNAUTHORIZED);
    assert_text(r.body, "keyName", "registration");
    assert_true(strlen(text_of(r.body, "authenticationKey")) > 1000);
    static const struct {
        const char *id, *body;
    } others[] = {
        {"t1", "{}"},
        {"t1", "{\"tpm\":{\"endorsementKey\":\"AAAA\",\"storageRootKey\":\"" TPM_KEY "\"}}"},
        {"t2", TPM_SHOWN},
        {"nobody", TPM_SHOWN},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        r = say_register(others[i].id, "", others[i].body);
        assert_code(r, DPS_UNAUTHORIZED);
        assert_text(r.body, "authenticationKey", "");
    }
    assert_code(say_register("t1", "",
                             "{\"tpm\":{\"endorsementKey\":\"" TPM_KEY
                             "\",\"storageRootKey\":\"AAAA\"}}"),
                DPS_BAD_STORAGE_ROOT_KEY);
    assert_code(say_register("t1", own_token("t1"), TPM_SHOWN), DPS_UNAUTHORIZED);
    assert_int_equal(identity("t1").status, STATUS_DEVICE_NOT_FOUND);
}

/* ---- webhooks: the test is the network */

static const char *begin_registration(const char *id, const char *body)
{
    struct reply r = say_register(id, own_token(id), body);
    assert_int_equal(r.status, 202);
    return text_of(r.body, "operationId");
}

static struct json *end_of(const char *id, const char *operation)
{
    struct reply r = say_poll(id, own_token(id), operation);
    assert_int_equal(r.status, 200);
    return json_get(r.body, "registrationState");
}

static void a_webhook_is_told_of_the_device_and_chooses(void **state)
{
    (void)state;
    struct out_request r;
    struct json *asked;
    put_enrollment("w1", WEBHOOK);
    const char *operation = begin_registration("w1", "{\"payload\":{\"model\":7}}");
    assert_int_equal(say_poll("w1", own_token("w1"), operation).status, 202);
    out_call_request(called, &r);
    assert_string_equal(r.method, "POST");
    assert_true(slice_is(r.url, "https://f.test/x?code=secret"));
    assert_int_equal(json_parse(&arena, r.body, &asked), OK);
    const struct json *context = json_get(asked, "deviceRuntimeContext");
    const struct json *enrollment = json_get(asked, "individualEnrollment");
    assert_text(enrollment, "registrationId", "w1");
    assert_text(json_get(enrollment, "customAllocationDefinition"), "webhookUrl",
                "https://f.test/x?****");
    assert_null(json_get(json_get(enrollment, "attestation"), "symmetricKey"));
    assert_text(context, "registrationId", "w1");
    assert_non_null(json_get(context, "symmetricKey"));
    assert_null(json_get(context, "currentIotHubHostName"));
    assert_non_null(json_get(json_get(context, "payload"), "model"));
    assert_true(slice_is(json_get(asked, "linkedHubs")->child->text, "hub.test"));
    answer_call(200, "{\"iotHubHostName\":\"HUB.test\",\"payload\":[1]}");
    const struct json *end = end_of("w1", operation);
    assert_text(end, "status", "assigned");
    assert_text(end, "assignedHub", "hub.test");
    assert_int_equal(json_get(end, "payload")->type, JSON_ARRAY);
    begin_registration("w1", "");
    out_call_request(called, &r);
    assert_int_equal(json_parse(&arena, r.body, &asked), OK);
    assert_text(json_get(asked, "deviceRuntimeContext"), "currentIotHubHostName", "hub.test");
    assert_text(json_get(asked, "deviceRuntimeContext"), "currentDeviceId", "w1");
}

static void what_a_webhook_may_get_wrong_fails_the_registration(void **state)
{
    (void)state;
    static const struct {
        unsigned http;
        const char *body;
        unsigned code;
    } rows[] = {
        {200, "", DPS_ALLOCATION_FAILED},
        {200, "[]", DPS_ALLOCATION_FAILED},
        {200, "{\"iotHubHostName\":", DPS_ALLOCATION_FAILED},
        {200, "{\"iotHubHostName\":7}", DPS_ALLOCATION_FAILED},
        {200, "{\"iotHubHostName\":\"elsewhere.test\"}", DPS_ALLOCATION_FAILED},
        {200, "{\"iotHubHostName\":\"hub.test\",\"initialTwin\":[]}", DPS_ALLOCATION_FAILED},
        {200, "{\"iotHubHostName\":\"hub.test\",\"initialTwin\":{\"tags\":1}}",
         DPS_ALLOCATION_FAILED},
        {200, "{}", DPS_ALLOCATION_NO_HUB},
        {200, "{\"iotHubHostName\":null}", DPS_ALLOCATION_NO_HUB},
        {200, "{\"iotHubHostName\":\"\"}", DPS_ALLOCATION_NO_HUB},
        {201, "{\"iotHubHostName\":\"hub.test\"}", DPS_ALLOCATION_FAILED},
        {302, "", DPS_ALLOCATION_FAILED},
        {401, "", DPS_ALLOCATION_UNAUTHORIZED},
        {403, "", DPS_ALLOCATION_FAILED},
        {404, "", DPS_ALLOCATION_FAILED},
    };
    put_enrollment("w2", WEBHOOK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t code = 0;
        const char *operation = begin_registration("w2", "{}");
        answer_call(rows[i].http, rows[i].body);
        const struct json *end = end_of("w2", operation);
        assert_text(end, "status", "failed");
        assert_int_equal(json_i64(json_get(end, "errorCode"), &code), OK);
        assert_int_equal(code, rows[i].code);
    }
    assert_int_equal(identity("w2").status, STATUS_DEVICE_NOT_FOUND);
}

/* The network stops reading (out/courier.c); no other try would be better. */
static void a_webhook_that_says_more_than_128_kilobytes_fails_the_registration(void **state)
{
    (void)state;
    struct out_request r;
    int64_t code = 0;
    put_enrollment("w10", WEBHOOK);
    const char *operation = begin_registration("w10", "{}");
    unsigned before = calls;
    out_call_request(called, &r);
    assert_int_equal(r.answer_max, 128 << 10);
    answer_with(&(struct out_answer){.err = ERR_TOO_BIG, .text = "the answer is too long"});
    const struct json *end = end_of("w10", operation);
    assert_text(end, "status", "failed");
    assert_int_equal(json_i64(json_get(end, "errorCode"), &code), OK);
    assert_int_equal(code, DPS_ALLOCATION_FAILED);
    assert_int_equal(calls, before);
}

static void a_webhook_that_fails_leaves_a_device_where_it_is(void **state)
{
    (void)state;
    put_enrollment("w3", WEBHOOK);
    begin_registration("w3", "{}");
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    begin_registration("w3", "{}");
    answer_call(404, "");
    const char *operation = begin_registration("w3", "{}");
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    assert_text(end_of("w3", operation), "substatus", "reprovisionedToInitialAssignment");
}

static void a_webhook_that_is_busy_is_asked_ten_times_more(void **state)
{
    (void)state;
    put_enrollment("w4", WEBHOOK);
    put_enrollment("w5", "");
    const char *operation = begin_registration("w4", "{}");
    unsigned before = calls;
    for (unsigned i = 0; i < 10; i++) {
        if (i % 3)
            answer_call(i % 2 ? 429 : 503, "");
        else
            answer_with(&(struct out_answer){.err = ERR_CLOSED, .text = "refused"});
        assert_int_equal(say_poll("w4", own_token("w4"), operation).status, 202);
        rig_wait(&rig, (1 + 9 * (int64_t)i) * 1000000 - 1000);
        assert_int_equal(calls, before + i);
        rig_wait(&rig, 2000);
        assert_int_equal(calls, before + i + 1);
    }
    assert_text(provision("w5", own_token("w5")), "status", "assigned");
    answer_call(503, "");
    assert_text(end_of("w4", operation), "status", "failed");
}

/* ---- many at once */

/* Both have read the same version; one of them changes it, the other is told. */
static void of_two_changes_at_once_one_is_refused(void **state)
{
    (void)state;
    static const enum dps_kind kinds[] = {DPS_INDIVIDUAL, DPS_GROUP};
    put_enrollment("race", "");
    put_group("race", "");
    for (int kind = 0; kind < 2; kind++) {
        struct heard both[2] = {{.wait.fn = on_heard}, {.wait.fn = on_heard}};
        struct reply now =
            serve("GET", kind ? "/enrollmentGroups/race" : "/enrollments/race", "", "");
        struct slice etag = json_str(now.body, "etag");
        lane_running = &rig.core;
        for (int i = 0; i < 2; i++)
            dps_enrollment_put(rig.wire.cores[0].dps, kinds[kind], SLICE_LIT("race"), etag,
                               kind ? SLICE_LIT("{\"enrollmentGroupId\":\"race\"," BY_KEY "}")
                                    : SLICE_LIT("{\"registrationId\":\"race\"," BY_KEY "}"),
                               &both[i].wait);
        rig_run(&rig);
        assert_int_equal(both[0].code + both[1].code, DPS_OK + DPS_PRECONDITION);
    }
}

/* Two make it at once: one did, the other hears that it is there. */
static void of_two_that_create_at_once_one_is_refused(void **state)
{
    (void)state;
    struct heard both[2] = {{.wait.fn = on_heard}, {.wait.fn = on_heard}};
    lane_running = &rig.core;
    for (int i = 0; i < 2; i++)
        dps_enrollment_put(rig.wire.cores[0].dps, DPS_INDIVIDUAL, SLICE_LIT("race"), SLICE_NONE,
                           SLICE_LIT("{\"registrationId\":\"race\"," BY_KEY "}"), &both[i].wait);
    rig_run(&rig);
    assert_int_equal(both[0].code + both[1].code, DPS_OK + DPS_ENROLLMENT_CONFLICT);
}

static void a_group_has_1024_registrations_under_way_and_leaves_room_for_others(void **state)
{
    (void)state;
    assert_int_equal(serve("PUT", "/enrollmentGroups/flood", "",
                           "{\"enrollmentGroupId\":\"flood\"," BY_KEY WEBHOOK "}")
                         .status,
                     200);
    put_enrollment("calm", "");
    int64_t met = limit_reached("dps-registrations-of-group");
    for (unsigned i = 0; i < DPS_OPERATIONS_EACH_MAX; i++)
        assert_int_equal(register_in_group("flood", i), DPS_ACCEPTED);
    assert_int_equal(limit_reached("dps-registrations-of-group"), met);
    assert_int_equal(register_in_group("flood", DPS_OPERATIONS_EACH_MAX), DPS_THROTTLED);
    assert_int_equal(limit_reached("dps-registrations-of-group") - met, 1);
    assert_int_equal(register_in_group("flood", 0), DPS_ACCEPTED); /* it is under way already */
    assert_text(provision("calm", own_token("calm")), "status", "assigned");
    answer_call(404, ""); /* one ends, one may begin */
    assert_int_equal(register_in_group("flood", DPS_OPERATIONS_EACH_MAX), DPS_ACCEPTED);
}

#define OTHER_KEY "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

static void only_so_many_webhooks_are_asked_at_a_time(void **state)
{
    (void)state;
    _Static_assert(DPS_WEBHOOKS_MAX == 2 * DPS_OPERATIONS_EACH_MAX, "two groups ask all of them");
    put_group("one", WEBHOOK);
    assert_int_equal(serve("PUT", "/enrollmentGroups/two", "",
                           "{\"enrollmentGroupId\":\"two\",\"attestation\":{\"type\":"
                           "\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" OTHER_KEY
                           "\",\"secondaryKey\":\"" OTHER_KEY "\"}}" WEBHOOK "}")
                         .status,
                     200);
    put_enrollment("last", WEBHOOK);
    put_enrollment("calm", "");
    int64_t met = limit_reached("dps-registrations-by-webhook");
    for (unsigned i = 0; i < DPS_OPERATIONS_EACH_MAX; i++) {
        assert_int_equal(register_in_group("one", i), DPS_ACCEPTED);
        assert_int_equal(register_with(SLICE_LIT(OTHER_KEY), "two", i), DPS_ACCEPTED);
    }
    assert_int_equal(limit_reached("dps-registrations-by-webhook"), met);
    assert_int_equal(register_quickly("last", own_token("last")), DPS_THROTTLED);
    assert_int_equal(limit_reached("dps-registrations-by-webhook") - met, 1);
    assert_text(provision("calm", own_token("calm")), "status", "assigned");
    answer_call(404, ""); /* one ends, one may begin */
    assert_int_equal(register_quickly("last", own_token("last")), DPS_ACCEPTED);
}

static void a_registration_of_the_same_id_at_once_is_the_same_operation(void **state)
{
    (void)state;
    put_enrollment("twice", WEBHOOK);
    const char *operation = begin_registration("twice", "{}");
    assert_string_equal(begin_registration("TWICE", "{}"), operation);
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    assert_text(end_of("twice", operation), "status", "assigned");
    assert_text(end_of("twice", operation), "status", "assigned");
    assert_code(say_poll("twice", own_token("twice"), "4.0.0"), DPS_NO_OPERATION);
}

static void a_webhook_that_is_silent_is_asked_again(void **state)
{
    (void)state;
    put_enrollment("w6", WEBHOOK);
    const char *operation = begin_registration("w6", "{}");
    unsigned before = calls;
    rig_wait(&rig, 5001000);
    assert_null(called);
    rig_wait(&rig, 1001000);
    assert_int_equal(calls, before + 1);
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    assert_text(end_of("w6", operation), "status", "assigned");
}

static void a_webhook_is_https_and_speaks_2019_03_31_or_later(void **state)
{
    (void)state;
    static const struct {
        const char *url, *version;
        int status;
    } rows[] = {
        {"http://f.test/", "2021-10-01", 400},  {"http://localhost:7071/", "2021-10-01", 400},
        {"https://f.test/", "2018-11-01", 400}, {"https://f.test/", "x", 400},
        {"https://f.test/", "2019-03-31", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"registrationId\":\"w7\"," BY_KEY ",\"allocationPolicy\":\"custom\","
                 "\"customAllocationDefinition\":{\"webhookUrl\":\"%s\",\"apiVersion\":\"%s\"}}",
                 rows[i].url, rows[i].version);
        assert_int_equal(serve("PUT", "/enrollments/w7", "", body).status, rows[i].status);
    }
}

/* ---- linked hubs: other ones are the test, too */

#define OTHER(host)                                                                                \
    "{\"connectionString\":\"HostName=" host                                                       \
    ";SharedAccessKeyName=iothubowner;SharedAccessKey=" KEY "\""

static struct reply administer(const char *method, const char *path, const char *headers,
                               const char *body)
{
    char whole[256];
    snprintf(whole, sizeof whole, "/linkedHubs%s", path);
    return administer_at(method, whole, headers, body);
}

/* ---- a line is cut off */

static const char *member_token(const char *id)
{
    uint8_t mac[SAS_SIGNATURE_LEN];
    struct buf key = {0};
    assert_int_equal(text_unbase64(&key, SLICE_LIT(KEY)), OK);
    sas_derive_key(buf_slice(&key), slice_str(id), mac);
    buf_free(&key);
    return device_token(id, slice_of(mac, sizeof mac));
}

static unsigned number_of(const struct json *object, const char *key)
{
    int64_t number = -1;
    const struct json *member = json_get(object, key);
    assert_non_null(member);
    assert_int_equal(json_i64(member, &number), OK);
    return (unsigned)number;
}

static void a_revoked_group_takes_its_devices_with_it_and_no_others(void **state)
{
    (void)state;
    static const char *const members[] = {"line-1", "line-2", "line-3"};
    static const char path[] = "/enrollmentGroups/line/revoke";
    put_enrollment("other", "");
    provision("other", own_token("other"));
    put_group("line", "");
    for (int i = 0; i < 3; i++)
        assert_text(provision(members[i], member_token(members[i])), "status", "assigned");
    rig_delete(&rig, "line-3");
    struct reply r = administer_at("POST", path, "", "{\"dryRun\":true,\"disableDevices\":true}");
    assert_int_equal(r.status, 200);
    assert_int_equal(number_of(r.body, "registrations"), 3);
    assert_int_equal(number_of(r.body, "disabled"), 0);
    assert_text(json_get(r.body, "devices")->child, "deviceId", "line-1");
    assert_text(identity("line-1").body, "status", "enabled");
    assert_text(provision("line-1", member_token("line-1")), "status", "assigned");
    r = administer_at("POST", path, "", "{\"disableDevices\":true}");
    assert_int_equal(number_of(r.body, "disabled"), 2);
    assert_int_equal(number_of(r.body, "absent"), 1);
    assert_int_equal(number_of(r.body, "failed"), 0);
    assert_text(identity("line-1").body, "status", "disabled");
    assert_text(identity("line-2").body, "status", "disabled");
    assert_text(serve("GET", "/enrollmentGroups/line", "", "").body, "provisioningStatus",
                "disabled");
    assert_text(provision("line-4", member_token("line-4")), "status", "disabled");
    assert_text(identity("other").body, "status", "enabled");
    assert_text(provision("other", own_token("other")), "status", "assigned");
    assert_code(administer_at("POST", "/enrollmentGroups/nobody/revoke", "", ""), DPS_NO_GROUP);
    assert_code(administer_at("POST", path, "", "{\"dryRun\":1}"), DPS_BAD_ARGUMENT);
}

static void a_device_on_its_way_through_a_revoked_group_does_not_arrive(void **state)
{
    (void)state;
    put_group("line", WEBHOOK);
    struct reply r = say_register("late", member_token("late"), "{}");
    const char *operation = text_of(r.body, "operationId");
    assert_int_equal(administer_at("POST", "/enrollmentGroups/line/revoke", "", "").status, 200);
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    struct reply end = say_poll("late", member_token("late"), operation);
    assert_text(json_get(end.body, "registrationState"), "status", "disabled");
    assert_int_equal(identity("late").status, STATUS_DEVICE_NOT_FOUND);
}

static void hubs_are_linked_listed_changed_and_unlinked(void **state)
{
    (void)state;
    struct reply r = administer("GET", "", "", "");
    assert_int_equal(r.status, 200);
    assert_text(r.body->child, "name", "hub.test");
    assert_true(json_get(r.body->child, "own")->truth);
    r = administer("PUT", "/b.test", "", OTHER("B.test") ",\"allocationWeight\":3}");
    assert_int_equal(r.status, 200);
    assert_text(r.body, "connectionString",
                "HostName=B.test;SharedAccessKeyName=iothubowner;SharedAccessKey=****");
    assert_code(administer("PUT", "/b.test", "", OTHER("b.test") "}"), DPS_HUB_CONFLICT);
    assert_code(administer("PUT", "/b.test", "If-Match: \"x\"\r\n", "{}"), DPS_PRECONDITION);
    r = administer("PUT", "/B.TEST", "If-Match: *\r\n",
                   "{\"applyAllocationPolicy\":false,\"latencyMs\":9}");
    assert_int_equal(r.status, 200);
    assert_false(json_get(r.body, "applyAllocationPolicy")->truth);
    assert_true(slice_is(json_get(r.body, "allocationWeight")->text, "3"));
    r = administer("PUT", "/localhost", "If-Match: *\r\n", "{\"allocationWeight\":7}");
    assert_text(r.body, "name", "hub.test");
    assert_code(administer("DELETE", "/hub.test", "If-Match: *\r\n", ""), DPS_BAD_ARGUMENT);
    assert_int_equal(administer("DELETE", "/b.test", "If-Match: *\r\n", "").status, 204);
    assert_code(administer("GET", "/b.test", "", ""), DPS_NO_HUB);
    static const char *const bad[] = {"{}",
                                      "[]",
                                      OTHER("hub.test") "}",
                                      OTHER("c.test") "}",
                                      "{\"connectionString\":\"HostName=b.test\"}",
                                      OTHER("b.test") ",\"allocationWeight\":0}",
                                      OTHER("b.test") ",\"allocationWeight\":1001}",
                                      OTHER("b.test") ",\"latencyMs\":60001}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_code(administer("PUT", "/b.test", "", bad[i]), DPS_BAD_ARGUMENT);
}

static void put_hub_row(const char *id, const char *document)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_dps_linked_hub_insert, 1);
    store_put_text(&u, "id_lower", slice_str(id));
    store_put_text(&u, "document", slice_str(document));
    store_put_int(&u, "etag", 1);
    store_put_int(&u, "created_us", 1);
    store_put_int(&u, "updated_us", 1);
    assert_int_equal(store_now_unit(rig.wire.store, &u), OK);
}

static void a_linked_hub_that_cannot_be_read_can_be_deleted(void **state)
{
    (void)state;
    static const char *const damaged[] = {"{", "[]", "{\"allocationWeight\":0}"};
    static const char *const deletes[] = {"", "If-Match: *\r\n", "If-Match: \"MQ==\"\r\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put_hub_row("b.test", damaged[i]);
        assert_code(administer("GET", "/b.test", "", ""), DPS_NO_HUB);
        assert_code(administer("PUT", "/b.test", "", OTHER("b.test") "}"), DPS_HUB_CONFLICT);
        assert_code(administer("DELETE", "/b.test", "If-Match: \"x\"\r\n", ""), DPS_PRECONDITION);
        assert_int_equal(administer("DELETE", "/B.test", deletes[i], "").status, 204);
        assert_code(administer("DELETE", "/b.test", deletes[i], ""), DPS_NO_HUB);
        assert_int_equal(administer("PUT", "/b.test", "", OTHER("b.test") "}").status, 200);
        assert_int_equal(administer("DELETE", "/b.test", "", "").status, 204);
    }
}

struct numbered_hub {
    char path[32], body[256];
};

static struct numbered_hub numbered(unsigned number)
{
    struct numbered_hub h;
    snprintf(h.path, sizeof h.path, "/linkedHubs/h%u.test", number);
    snprintf(h.body, sizeof h.body,
             "{\"connectionString\":\"HostName=h%u.test;SharedAccessKeyName=p;"
             "SharedAccessKey=" KEY "\"}",
             number);
    return h;
}

static void fifty_hubs_are_linked_and_not_one_more(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= DPS_HUBS_MAX; i++) {
        struct numbered_hub h = numbered(i);
        int64_t met = limit_reached("linked-hubs");
        struct reply r = administer_at("PUT", h.path, "", h.body);
        assert_int_equal(limit_reached("linked-hubs") - met, i == DPS_HUBS_MAX);
        if (i < DPS_HUBS_MAX)
            assert_int_equal(r.status, 200);
        else
            assert_code(r, DPS_TOO_MANY_HUBS);
    }
}

static void link_b(void)
{
    assert_int_equal(administer("PUT", "/b.test", "", OTHER("b.test") "}").status, 200);
}

/* All of them are at home before the store has answered one. */
static void fifty_hubs_are_linked_at_once_and_not_one_more(void **state)
{
    (void)state;
    enum { ASKED = DPS_HUBS_MAX + 10 };
    struct rig_conn *conns[ASKED];
    unsigned linked = 0, refused = 0, shown = 0;
    for (unsigned i = 0; i < ASKED; i++) conns[i] = rig_dial(&rig, WIRE_CONSOLE);
    for (unsigned i = 0; i < ASKED; i++) {
        struct numbered_hub h = numbered(i);
        struct buf request = {0};
        put_request(&request, "PUT", h.path, "", h.body);
        lane_running = &rig.core;
        conn_received(&conns[i]->conn, buf_slice(&request), rig.now_us);
        buf_free(&request);
    }
    rig_run(&rig);
    for (unsigned i = 0; i < ASKED; i++) {
        struct reply r = reply_of(conns[i]);
        linked += r.status == 200;
        if (r.status != 200) {
            assert_code(r, DPS_TOO_MANY_HUBS);
            refused++;
        }
        rig_free(conns[i]);
    }
    assert_int_equal(linked, DPS_HUBS_MAX - 1);
    assert_int_equal(refused, ASKED - linked);
    struct reply all = administer("GET", "", "", "");
    for (const struct json *h = all.body->child; h; h = h->next) shown++;
    assert_int_equal(shown, DPS_HUBS_MAX);
}

/* A hub is linked and unlinked again and again, while devices are on their way to it. */
static void devices_end_somewhere_while_their_hub_comes_and_goes(void **state)
{
    (void)state;
    enum { DEVICES = 20 };
    unsigned at_b = 0, at_home = 0;
    for (unsigned i = 0; i < DEVICES; i++) {
        char id[32];
        snprintf(id, sizeof id, "torn-%u", i);
        put_enrollment(id, ",\"iotHubs\":[\"b.test\",\"hub.test\"]");
        link_b();
        const char *operation = begin_registration(id, "");
        bool chose_b = called != NULL;
        assert_int_equal(administer("DELETE", "/b.test", "If-Match: *\r\n", "").status, 204);
        if (chose_b) answer_call(404, "");
        rig_wait(&rig, 2000);
        const struct json *end = end_of(id, operation);
        if (strcmp(text_of(end, "status"), "assigned") != 0) {
            assert_text(end, "status", "failed");
            end = provision(id, own_token(id));
            at_b++;
        } else {
            at_home++;
        }
        assert_text(end, "assignedHub", "hub.test");
    }
    assert_true(at_b && at_home);
}

/* What the other hub is asked next. */
static void assert_asked(const char *method, const char *url)
{
    struct out_request r;
    assert_non_null(called);
    out_call_request(called, &r);
    assert_string_equal(r.method, method);
    assert_true(slice_is(r.url, url));
    assert_true(slice_is(r.headers[0].name, "Authorization"));
    assert_true(slice_starts(r.headers[0].value, SLICE_LIT("SharedAccessSignature sr=b.test&")));
}

#define AT_B(path) "https://b.test:443" path "?api-version=2021-04-12"

static void a_device_is_made_at_another_hub_over_its_rest_api(void **state)
{
    (void)state;
    struct out_request r;
    struct json *made;
    link_b();
    put_enrollment("r1", ",\"allocationPolicy\":\"static\",\"iotHubs\":[\"b.test\"],"
                         "\"initialTwin\":{\"tags\":{\"a\":1}}");
    const char *operation = begin_registration("r1", "");
    assert_asked("GET", AT_B("/devices/r1"));
    answer_call(404, "{}");
    assert_asked("POST", AT_B("/devices"));
    out_call_request(called, &r);
    assert_int_equal(json_parse(&arena, r.body, &made), OK);
    assert_text(made->child, "id", "r1");
    assert_text(json_get(json_get(made->child, "authentication"), "symmetricKey"), "primaryKey",
                KEY);
    assert_non_null(json_get(json_get(made->child, "tags"), "a"));
    answer_call(200, "{\"isSuccessful\":true,\"errors\":[],\"warnings\":[]}");
    const struct json *end = end_of("r1", operation);
    assert_text(end, "status", "assigned");
    assert_text(end, "assignedHub", "b.test");
    assert_int_equal(identity("r1").status, STATUS_DEVICE_NOT_FOUND);
}

static void a_device_moves_with_its_twin_and_leaves_nothing_behind(void **state)
{
    (void)state;
    struct out_request r;
    struct json *made;
    link_b();
    put_enrollment("m2", ",\"iotHubs\":[\"hub.test\"],\"initialTwin\":{\"tags\":{\"a\":1}}");
    provision("m2", own_token("m2"));
    assert_int_equal(serve("PUT", "/enrollments/m2", "If-Match: *\r\n",
                           "{\"registrationId\":\"m2\"," BY_KEY ",\"iotHubs\":[\"b.test\"]}")
                         .status,
                     200);
    const char *operation = begin_registration("m2", "");
    assert_asked("GET", AT_B("/devices/m2"));
    answer_call(404, "");
    assert_asked("POST", AT_B("/devices"));
    out_call_request(called, &r);
    assert_int_equal(json_parse(&arena, r.body, &made), OK);
    assert_non_null(json_get(json_get(made->child, "tags"), "a"));
    assert_int_equal(identity("m2").status, STATUS_OK);
    answer_call(200, "{\"isSuccessful\":true}");
    assert_text(end_of("m2", operation), "substatus", "deviceDataMigrated");
    assert_int_equal(identity("m2").status, STATUS_DEVICE_NOT_FOUND);
    /* what fails on the way back leaves it where it is */
    operation = begin_registration("m2", "");
    answer_call(500, "");
    assert_text(end_of("m2", operation), "status", "failed");
    /* and back: the other hub is asked for the twin, and then to forget the device */
    assert_int_equal(serve("PUT", "/enrollments/m2", "If-Match: *\r\n",
                           "{\"registrationId\":\"m2\"," BY_KEY ",\"iotHubs\":[\"hub.test\"]}")
                         .status,
                     200);
    operation = begin_registration("m2", "");
    assert_asked("GET", AT_B("/twins/m2"));
    answer_call(200, "{\"tags\":{\"b\":2},\"properties\":{\"desired\":{}}}");
    assert_asked("DELETE", AT_B("/devices/m2"));
    assert_int_equal(say_poll("m2", own_token("m2"), operation).status, 202);
    answer_call(204, "");
    assert_text(end_of("m2", operation), "assignedHub", "hub.test");
}

static void a_hub_that_does_not_answer_fails_the_registration_and_is_asked_again(void **state)
{
    (void)state;
    struct out_request r;
    link_b();
    put_enrollment("x1", ",\"iotHubs\":[\"b.test\"]");
    const char *operation = begin_registration("x1", "");
    answer_with(&(struct out_answer){.err = ERR_CLOSED, .text = "nobody is there"});
    const struct json *end = end_of("x1", operation);
    assert_text(end, "status", "failed");
    assert_text(end, "errorMessage", "the hub b.test did not answer: nobody is there");
    operation = begin_registration("x1", "");
    out_call_request(called, &r);
    assert_int_equal(r.answer_max, 256 << 10); /* out/courier.c keeps to it */
    answer_with(&(struct out_answer){.err = ERR_TOO_BIG, .text = "the answer is too long"});
    assert_text(end_of("x1", operation), "errorMessage",
                "the hub b.test did not answer: the answer is too long");
    operation = begin_registration("x1", "");
    answer_call(404, "");
    answer_call(503, "busy");
    assert_text(end_of("x1", operation), "status", "failed");
    operation = begin_registration("x1", "");
    answer_call(404, "");
    answer_call(200, "{\"isSuccessful\":true}");
    assert_text(end_of("x1", operation), "status", "assigned");
}

/* What is told of a hub that answers so to "make this device". */
static struct slice told_of_failure(unsigned http, const char *answer)
{
    const char *operation = begin_registration("x2", "");
    answer_call(404, "");
    answer_call(http, answer);
    return json_str(end_of("x2", operation), "errorMessage");
}

/* Whole characters of it, and JSON also if the hub speaks no UTF-8. */
static void of_what_another_hub_complains_of_the_first_part_is_told(void **state)
{
    (void)state;
    static const char prefix[] = "the hub b.test answered 503: ";
    char why[DPS_ERROR_TEXT_MAX + 2], answer[DPS_ERROR_TEXT_MAX + 80];
    link_b();
    put_enrollment("x2", ",\"iotHubs\":[\"b.test\"]");
    for (size_t over = 0; over < 2; over++) {
        size_t len = DPS_ERROR_TEXT_MAX + over;
        memset(why, 'x', len);
        memcpy(why + len - 2, "\u00fc", 3);
        snprintf(answer, sizeof answer,
                 "{\"isSuccessful\":false,\"errors\":[{\"errorStatus\":\"%s\"}]}", why);
        assert_int_equal(told_of_failure(400, answer).len, DPS_ERROR_TEXT_MAX - over);
        memset(why, 'x', DPS_REPLY_TEXT_MAX + over);
        why[DPS_REPLY_TEXT_MAX + over] = '\0';
        assert_int_equal(told_of_failure(503, why).len, sizeof prefix - 1 + DPS_REPLY_TEXT_MAX);
    }
    assert_true(slice_is(told_of_failure(503, "\xfc"
                                              "berlastet"),
                         "the hub b.test answered 503: ?berlastet"));
}

/* Work that was begun at a hub is not waited for once the hub is unlinked. */
static void a_hub_that_is_unlinked_gives_its_devices_up(void **state)
{
    (void)state;
    link_b();
    put_enrollment("u1", ",\"iotHubs\":[\"b.test\",\"hub.test\"]");
    assert_int_equal(
        administer("PUT", "/b.test", "If-Match: *\r\n", "{\"allocationWeight\":1000}").status, 200);
    begin_registration("u1", "");
    answer_call(404, "");
    answer_call(500, "");
    assert_int_equal(administer("DELETE", "/b.test", "If-Match: *\r\n", "").status, 204);
    assert_text(provision("u1", own_token("u1")), "assignedHub", "hub.test");
    assert_int_equal(identity("u1").status, STATUS_OK);
}

static void a_hub_with_three_times_the_weight_gets_three_times_the_devices(void **state)
{
    (void)state;
    enum { DEVICES = 400 };
    unsigned at_b = 0;
    assert_int_equal(
        administer("PUT", "/b.test", "", OTHER("b.test") ",\"allocationWeight\":3}").status, 200);
    for (unsigned i = 0; i < DEVICES; i++) {
        char id[32];
        snprintf(id, sizeof id, "weighed-%u", i);
        put_enrollment(id, "");
        begin_registration(id, "");
        if (called == NULL) continue;
        at_b++;
        answer_call(500, "");
    }
    assert_in_range(at_b, DEVICES * 65 / 100, DEVICES * 85 / 100);
}

static void the_nearest_hub_is_the_one_with_the_least_latency(void **state)
{
    (void)state;
    put_enrollment("n1", ",\"allocationPolicy\":\"geoLatency\"");
    assert_int_equal(administer("PUT", "/b.test", "", OTHER("b.test") ",\"latencyMs\":20}").status,
                     200);
    assert_int_equal(administer("PUT", "/hub.test", "If-Match: *\r\n", "{\"latencyMs\":30}").status,
                     200);
    begin_registration("n1", "");
    assert_asked("GET", AT_B("/devices/n1"));
    answer_call(500, "");
    assert_int_equal(administer("PUT", "/hub.test", "If-Match: *\r\n", "{\"latencyMs\":10}").status,
                     200);
    put_enrollment("n2", ",\"allocationPolicy\":\"geoLatency\"");
    assert_text(provision("n2", own_token("n2")), "assignedHub", "hub.test");
}

/* Until it is known a hub comes last; what nobody has set is measured, and measured again a minute later. */
static void a_hub_whose_latency_nobody_has_set_is_measured(void **state)
{
    (void)state;
    administer("PUT", "/b.test", "", OTHER("b.test") "}");
    administer("PUT", "/hub.test", "If-Match: *\r\n", "{\"latencyMs\":30}");
    put_group("n", ",\"allocationPolicy\":\"geoLatency\"");
    assert_text(provision("n1", group_token("n1")), "assignedHub", "hub.test");
    assert_asked("GET", AT_B("/devices/azimuth-latency"));
    rig_wait(&rig, 8000);
    answer_call(404, "");
    struct reply r = administer("GET", "/b.test", "", "");
    int64_t ms = 0;
    assert_int_equal(json_i64(json_get(r.body, "measuredLatencyMs"), &ms), OK);
    assert_int_equal(ms, 8);
    say_register("n2", group_token("n2"), "{}"); /* b is the nearest now */
    assert_asked("GET", AT_B("/devices/n2"));
    answer_call(500, "");
    rig_wait(&rig, 61 * 1000000);
    say_register("n3", group_token("n3"), "{}"); /* it is asked how far it is, and for n3 */
    unsigned before = calls;
    answer_call(500, "");
    assert_int_equal(calls, before);
}

static void a_device_that_is_never_moved_is_offered_its_own_hub(void **state)
{
    (void)state;
    struct out_request r;
    put_enrollment("w8", WEBHOOK ",\"reprovisionPolicy\":{\"updateHubAssignment\":false,"
                                 "\"migrateDeviceData\":false}");
    begin_registration("w8", "{}");
    answer_call(200, "{\"iotHubHostName\":\"hub.test\"}");
    const char *operation = begin_registration("w8", "{}");
    out_call_request(called, &r);
    answer_call(200, "{\"iotHubHostName\":\"hub.test\",\"payload\":\"again\"}");
    assert_text(end_of("w8", operation), "payload", "again");
}

static void a_bulk_has_ten_enrollments_and_not_one_more(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        struct buf body = {0};
        buf_put_str(&body, "{\"mode\":\"create\",\"enrollments\":[");
        for (unsigned i = 0; i < DPS_BULK_MAX + more; i++)
            buf_printf(&body, "%s{\"registrationId\":\"bulk-%u-%u\"," BY_KEY "}", i ? "," : "",
                       more, i);
        buf_put_str(&body, "]}");
        struct reply r = serve("POST", "/enrollments", "", buf_cstr(&body));
        assert_int_equal(r.status, more ? 400 : 200);
        if (!more) assert_true(json_get(r.body, "isSuccessful")->truth);
        buf_free(&body);
    }
    assert_int_equal(serve("GET", "/enrollments/bulk-0-9", "", "").status, 200);
    assert_int_equal(serve("GET", "/enrollments/bulk-1-0", "", "").status, 404);
}

static void a_bulk_refuses_an_id_that_is_named_twice(void **state)
{
    (void)state;
    struct reply r = serve("POST", "/enrollments", "",
                           "{\"mode\":\"create\",\"enrollments\":[{\"registrationId\":\"t\"," BY_KEY
                           "},{\"registrationId\":\"T\"," BY_KEY "}]}");
    assert_int_equal(r.status, 200);
    assert_false(json_get(r.body, "isSuccessful")->truth);
    assert_int_equal(serve("GET", "/enrollments/t", "", "").status, 404);
}

static void lists_come_in_pages(void **state)
{
    (void)state;
    put_enrollment("p1", "");
    put_enrollment("p2", "");
    put_enrollment("p3", "");
    struct reply r = serve("POST", "/enrollments/query", "x-ms-max-item-count: 2\r\n",
                           "{\"query\":\"SELECT * FROM enrollments\"}");
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.head, "x-ms-item-type: enrollment\r\n"));
    assert_non_null(strstr(r.head, "x-ms-max-item-count: 2\r\n"));
    assert_non_null(strstr(r.head, "x-ms-continuation: p2\r\n"));
    assert_text(r.body->child, "registrationId", "p1");
    r = serve("POST", "/enrollments/query", "x-ms-max-item-count: 2\r\nx-ms-continuation: p2\r\n",
              "{\"query\":\"SELECT *\"}");
    assert_text(r.body->child, "registrationId", "p3");
    assert_null(r.body->child->next);
    assert_null(strstr(r.head, "x-ms-continuation"));
    assert_code(serve("POST", "/enrollments/query", "", "{\"query\":\"DELETE everything\"}"),
                DPS_BAD_ARGUMENT);
    assert_code(serve("POST", "/enrollments/query", "",
                      "{\"query\":\"select * from enrollments where iotHubHostName=`a.b`\"}"),
                DPS_BAD_ARGUMENT);
    assert_code(serve("POST", "/registrations/nobody/query", "", "{}"), DPS_NO_GROUP);
}

static void registrations_are_listed_whatever_they_are_called(void **state)
{
    (void)state;
    static const char *const names[] = {"registrations", "deviceRegistrations", "enrollmentGroups",
                                        "enrollments"};
    char query[100];
    put_group("listed", "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(query, sizeof query, "{\"query\":\"SELECT * FROM %s\"}", names[i]);
        struct reply r = serve("POST", "/registrations/listed/query", "", query);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.head, "x-ms-item-type: deviceRegistration\r\n"));
        assert_non_null(strstr(r.head, "x-ms-max-item-count: 1000\r\n"));
    }
    assert_code(
        serve("POST", "/registrations/listed/query", "", "{\"query\":\"SELECT * FROM devices\"}"),
        DPS_BAD_ARGUMENT);
}

static void registrations_are_shown_and_forgotten(void **state)
{
    (void)state;
    put_enrollment("f1", "");
    assert_code(serve("GET", "/registrations/f1", "", ""), DPS_NO_REGISTRATION);
    provision("f1", own_token("f1"));
    assert_text(serve("GET", "/registrations/f1", "", "").body, "status", "assigned");
    assert_int_equal(serve("DELETE", "/registrations/f1", "", "").status, 204);
    assert_code(serve("GET", "/registrations/f1", "", ""), DPS_NO_REGISTRATION);
    assert_int_equal(identity("f1").status, STATUS_OK);
    assert_text(provision("f1", own_token("f1")), "substatus", "initialAssignment");
}

static void a_device_of_a_group_has_the_derived_key(void **state)
{
    (void)state;
    uint8_t mac[SAS_SIGNATURE_LEN];
    struct buf key = {0}, text = {0};
    assert_int_equal(
        serve("PUT", "/enrollmentGroups/Line", "", "{\"enrollmentGroupId\":\"Line\"," BY_KEY "}")
            .status,
        200);
    assert_int_equal(text_unbase64(&key, SLICE_LIT(KEY)), OK);
    sas_derive_key(buf_slice(&key), SLICE_LIT("g1"), mac);
    text_base64(&text, slice_of(mac, sizeof mac));
    const char *token = device_token("g1", slice_of(mac, sizeof mac));
    assert_text(provision("g1", token), "status", "assigned");
    struct shown s = identity("g1");
    assert_text(json_get(json_get(s.body, "authentication"), "symmetricKey"), "primaryKey",
                buf_cstr(&text));
    assert_int_equal(serve("DELETE", "/enrollmentGroups/line", "", "").status, 204);
    assert_code(say_register("g1", token, "{}"), DPS_UNAUTHORIZED);
    assert_code(serve("GET", "/registrations/g1", "", ""), DPS_NO_REGISTRATION);
    buf_free(&key);
    buf_free(&text);
}

static void a_registration_is_at_most_96_kilobytes(void **state)
{
    (void)state;
    put_enrollment("big", "");
    for (size_t more = 0; more < 2; more++) {
        size_t len = DPS_REGISTER_MAX + more;
        char *body = malloc(len + 1);
        int head = snprintf(body, len + 1, "{\"payload\":\"");
        memset(body + head, 'x', len - (size_t)head);
        memcpy(body + len - 2, "\"}", 3);
        struct reply r = say_register("big", own_token("big"), body);
        assert_int_equal(r.status, more ? 413 : 202);
        free(body);
    }
}

/* ---- MQTT */

static void over_mqtt_the_answers_have_rid_and_retry_after(void **state)
{
    (void)state;
    struct rig_conn *c = rig_dial(&rig, WIRE_MQTT);
    struct mqtt m;
    struct mqtt_event ev;
    struct buf out = {0};
    char user[256];
    put_enrollment("m1", "");
    snprintf(user, sizeof user, "%s/registrations/m1/api-version=2019-03-31&ClientVersion=x",
             rig.wire.hub.id_scope);
    mqtt_init(&m, &(struct mqtt_config){MQTT_CLIENT, &out, 0}, rig.now_us);
    struct mqtt_connect hello = {.client_id = SLICE_LIT("m1"),
                                 .user_name = slice_str(user),
                                 .password = slice_str(own_token("m1")),
                                 .keep_alive_s = 60,
                                 .has_user_name = true,
                                 .has_password = true};
    struct mqtt_publish put = {.topic =
                                   SLICE_LIT("$dps/registrations/PUT/iotdps-register/?$rid=7f"),
                               .payload = SLICE_LIT("{\"registrationId\":\"m1\"}"),
                               .packet_id = 9,
                               .qos = 1};
    assert_int_equal(mqtt_send_connect(&m, &hello), OK);
    assert_int_equal(mqtt_send_publish(&m, &put), OK); /* nobody has to wait for CONNACK */
    rig_say(c, buf_slice(&out));
    rig_wait(&rig, DPS_LATE_US);
    mqtt_feed(&m, buf_slice(&c->heard), rig.now_us);
    assert_int_equal(mqtt_next(&m, &ev), OK);
    assert_int_equal(ev.kind, MQTT_CONNACK);
    assert_int_equal(ev.connack.code, MQTT_ACCEPTED);
    assert_int_equal(mqtt_next(&m, &ev), OK);
    assert_int_equal(ev.kind, MQTT_PUBACK);
    assert_int_equal(mqtt_next(&m, &ev), OK);
    assert_int_equal(ev.kind, MQTT_PUBLISH);
    assert_true(slice_is(ev.publish.topic, "$dps/registrations/res/202/?$rid=7f&retry-after=2"));
    rig_free(c);
    mqtt_fini(&m);
    buf_free(&out);
}

static int start(void **state)
{
    (void)state;
    called = NULL;
    rig.issuer = issuer;
    rig_start_with(&rig, &network);
    return 0;
}

/* One CA for all: it takes a while to make. */
static int make_issuer(void **state)
{
    (void)state;
    struct io *disk = io_mem_new();
    assert_int_equal(certs_issuer(disk, INT64_C(1800000000000000), &issuer), OK);
    io_free(disk);
    return 0;
}

static int free_issuer(void **state)
{
    (void)state;
    x509_issuer_free(issuer);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    arena_free(&arena);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_device_is_assigned_and_its_identity_has_its_key),
        TEST(enrollments_keep_the_rules_of_if_match),
        TEST(every_error_has_the_envelope_of_provisioning),
        TEST(a_body_for_another_id_is_refused),
        TEST(keys_come_from_the_attestation_mechanism_only),
        TEST(who_does_not_have_the_key_is_not_let_in),
        TEST(attempts_say_by_which_enrollment_and_how_they_ended),
        TEST(attempts_and_assignments_count_by_the_services_own_names),
        TEST(fifty_attempts_are_remembered_and_not_one_more),
        TEST(so_many_refusals_are_told_in_a_second_and_every_end),
        TEST(a_registration_id_has_legal_characters_and_128_of_them),
        TEST(an_operation_is_its_devices_and_ends_with_the_next),
        TEST(a_disabled_enrollment_says_so_and_makes_nothing),
        TEST(a_hub_that_is_not_linked_is_a_failure),
        TEST(a_device_that_was_deleted_comes_back_with_its_initial_twin),
        TEST(a_reset_makes_the_identity_anew),
        TEST(the_model_that_a_device_says_chooses_its_initial_twin),
        TEST(a_registration_that_was_cut_off_is_finished_by_whoever_polls),
        TEST(a_registration_that_was_cut_off_is_finished_by_the_next),
        TEST(only_the_tpm_that_is_enrolled_is_challenged),
        TEST(a_request_gets_a_certificate_and_the_next_does_not_cut_it_off),
        TEST(what_was_issued_counts_after_an_interruption),
        TEST(requests_that_break_a_rule_are_refused),
        TEST(a_webhook_is_told_of_the_device_and_chooses),
        TEST(what_a_webhook_may_get_wrong_fails_the_registration),
        TEST(a_webhook_that_says_more_than_128_kilobytes_fails_the_registration),
        TEST(a_webhook_that_fails_leaves_a_device_where_it_is),
        TEST(a_webhook_that_is_busy_is_asked_ten_times_more),
        TEST(a_group_has_1024_registrations_under_way_and_leaves_room_for_others),
        TEST(of_two_changes_at_once_one_is_refused),
        TEST(of_two_that_create_at_once_one_is_refused),
        TEST(only_so_many_webhooks_are_asked_at_a_time),
        TEST(a_registration_of_the_same_id_at_once_is_the_same_operation),
        TEST(a_webhook_that_is_silent_is_asked_again),
        TEST(a_webhook_is_https_and_speaks_2019_03_31_or_later),
        TEST(a_device_that_is_never_moved_is_offered_its_own_hub),
        TEST(a_revoked_group_takes_its_devices_with_it_and_no_others),
        TEST(a_device_on_its_way_through_a_revoked_group_does_not_arrive),
        TEST(hubs_are_linked_listed_changed_and_unlinked),
        TEST(a_linked_hub_that_cannot_be_read_can_be_deleted),
        TEST(fifty_hubs_are_linked_and_not_one_more),
        TEST(fifty_hubs_are_linked_at_once_and_not_one_more),
        TEST(devices_end_somewhere_while_their_hub_comes_and_goes),
        TEST(a_device_is_made_at_another_hub_over_its_rest_api),
        TEST(a_device_moves_with_its_twin_and_leaves_nothing_behind),
        TEST(a_hub_that_does_not_answer_fails_the_registration_and_is_asked_again),
        TEST(of_what_another_hub_complains_of_the_first_part_is_told),
        TEST(a_hub_that_is_unlinked_gives_its_devices_up),
        TEST(a_hub_with_three_times_the_weight_gets_three_times_the_devices),
        TEST(the_nearest_hub_is_the_one_with_the_least_latency),
        TEST(a_hub_whose_latency_nobody_has_set_is_measured),
        TEST(a_bulk_has_ten_enrollments_and_not_one_more),
        TEST(a_bulk_refuses_an_id_that_is_named_twice),
        TEST(lists_come_in_pages),
        TEST(registrations_are_listed_whatever_they_are_called),
        TEST(registrations_are_shown_and_forgotten),
        TEST(a_device_of_a_group_has_the_derived_key),
        TEST(a_registration_is_at_most_96_kilobytes),
        TEST(over_mqtt_the_answers_have_rid_and_retry_after),
    };
    return cmocka_run_group_tests(tests, make_issuer, free_issuer);
}
