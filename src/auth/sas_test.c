/* sas_test.c - tokens as each SDK writes them, and what is none. */
#include "base/test.h"

#include "auth/hmac.h"
#include "auth/sas.h"
#include "base/text.h"

#define KEY_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SIG43    "rH5kXG3qSIs%2F%2BbWuxx1OSDTgL95b8y%2BewlK1ssPKY7g"

static uint8_t key_bytes[32];
#define KEY slice_of(key_bytes, sizeof key_bytes)

static int make_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof key_bytes; i++) key_bytes[i] = (uint8_t)i;
    return 0;
}

static struct sas parse(const char *token)
{
    struct sas t;
    if (sas_parse(slice_str(token), &t) != OK) fail_msg("%s: %s", token, fail_text());
    return t;
}

static void reference_vectors_verify_however_the_signature_is_encoded(void **state)
{
    (void)state;
    static const char *const tokens[] = {
        "SharedAccessSignature sr=hub1.example.test/devices/dev1"
        "&sig=rH5kXG3qSIs%2f%2bbWuxx1OSDTgL95b8y%2bewlK1ssPKY7g%3d&se=1900000000",
        "SharedAccessSignature sr=hub1.example.test%2Fdevices%2Fdev1"
        "&sig=RNdxU%2BJrmHOn2xU4e8nJcPpxn0K%2FNw1GTfCK6SFanPk%3D&se=1900000000",
        "SharedAccessSignature sr=hub1.example.test%2fdevices%2fdev1%2fmodules%2fm1"
        "&sig=9fxw80jKcY%2beDuyy%2bBb1QVF7ku0C7uW9UZvFilVOGq8%3d&se=1900000000",
        /* sig with nothing encoded, fields in another order, an unknown field, no skn's value */
        "SharedAccessSignature sig=rH5kXG3qSIs/+bWuxx1OSDTgL95b8y+ewlK1ssPKY7g=&se=1900000000"
        "&skn=&later=1&sr=hub1.example.test/devices/dev1",
        /* Python: quote() leaves '/' alone */
        "SharedAccessSignature sr=hub1.example.test%2Fdevices%2Fdev1"
        "&sig=RNdxU%2BJrmHOn2xU4e8nJcPpxn0K/Nw1GTfCK6SFanPk%3D&se=1900000000",
        /* a CBS body with spaces around it */
        "sharedaccesssignature  sr=hub1.example.test/devices/dev1"
        "&sig=rH5kXG3qSIs/+bWuxx1OSDTgL95b8y+ewlK1ssPKY7g=&se=1900000000 ",
    };
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct sas t = parse(tokens[i]);
        if (!sas_verify(&t, KEY)) fail_msg("%s", tokens[i]);
        assert_false(sas_verify(&t, SLICE_LIT("another key of some length......")));
        assert_false(sas_verify(&t, SLICE_LIT(KEY_TEXT)));
        assert_false(sas_verify(&t, SLICE_NONE));
        assert_int_equal(t.expires_us, 1900000000ll * 1000000);
        assert_int_equal(sas_ends_us(&t), 1900000300ll * 1000000);
        assert_string_equal(t.policy, "");
    }
}

/* A token with `sr` as sent, signed over `signed_sr`; it lives until the next call. */
static const char *token_of(const char *sr, const char *signed_sr, struct slice key)
{
    static char token[512];
    uint8_t mac[HMAC_SHA256_LEN];
    struct buf sig = {0}, encoded = {0};
    const struct slice parts[] = {slice_str(signed_sr), SLICE_LIT("\n1900000000")};
    hmac_sha256(key, parts, 2, mac);
    text_base64(&sig, slice_of(mac, sizeof mac));
    text_percent(&encoded, buf_slice(&sig));
    snprintf(token, sizeof token, "SharedAccessSignature sr=%s&sig=%s&se=1900000000&skn=service",
             sr, buf_cstr(&encoded));
    buf_free(&sig);
    buf_free(&encoded);
    return token;
}

static void tokens_signed_over_another_form_of_sr_verify(void **state)
{
    (void)state;
    static const char *const forms[] = {"h/devices/d!", "h%2Fdevices%2Fd%21", "h%2fdevices%2fd%21"};
    for (size_t sent = 0; sent < 3; sent++) {
        for (size_t form = 0; form < 3; form++) {
            struct sas t = parse(token_of(forms[sent], forms[form], KEY));
            assert_true(sas_verify(&t, KEY));
        }
        struct sas t = parse(token_of(forms[sent], "h/devices/e!", KEY));
        assert_false(sas_verify(&t, KEY));
    }
}

static void event_hubs_clients_sign_with_the_text_of_the_key(void **state)
{
    (void)state;
    const char *sr = "sb%3A%2F%2Flocalhost%2Fhub";
    struct sas t = parse(token_of(sr, sr, SLICE_LIT(KEY_TEXT)));
    assert_true(sas_verify(&t, SLICE_LIT(KEY_TEXT)));
    assert_false(sas_verify(&t, KEY));
    assert_string_equal(t.policy, "service");
}

static void what_is_no_token_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *token, *why;
    } rows[] = {
        {"", "begin with"},
        {"Bearer eyJ0", "begin with"},
        {"SharedAccessSignature", "begin with"},
        {"SharedAccessSignature ", "no sr"},
        {"SharedAccessSignature sr=&sig=" SIG43 "%3D&se=1", "no sr"},
        {"SharedAccessSignature sig=" SIG43 "%3D&se=1", "no sr"},
        {"SharedAccessSignature sr=h&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=AAAA&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "AAA%3D&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=rH5kXG3qSIs/ bWuxx1OSDTgL95b8y+ewlK1ssPKY7g=&se=1", "sig"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D", "se"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=", "se"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=-5", "se"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=1.5", "se"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=99999999999999999999", "se"},
        {"SharedAccessSignature sr=h&sr=g&sig=" SIG43 "%3D&se=1", "sr twice"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=1&se=2", "se twice"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=1&skn=a&skn=b", "skn twice"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=1&skn=%", "skn"},
        {"SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=1&skn=a%00", "skn"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sas t;
        if (sas_parse(slice_str(rows[i].token), &t) != ERR_INVALID) fail_msg("%s", rows[i].token);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].token, fail_text());
    }
}

static void an_expiry_beyond_our_clock_is_the_end_of_time(void **state)
{
    (void)state;
    struct sas t = parse("SharedAccessSignature sr=h&sig=" SIG43 "%3D&se=18446744073709551615");
    assert_true(t.expires_us == INT64_MAX && sas_ends_us(&t) == INT64_MAX);
}

static void token_and_policy_lengths_are_limited(void **state)
{
    (void)state;
    static const struct {
        size_t sr, skn;
        enum err expected;
    } rows[] = {
        {1, SAS_POLICY_MAX, OK},
        {1, SAS_POLICY_MAX + 1, ERR_INVALID},
        {SAS_TOKEN_MAX - 91, 1, OK}, /* 91: the rest of the token */
        {SAS_TOKEN_MAX - 90, 1, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf token = {0};
        struct sas t;
        buf_put_str(&token, "SharedAccessSignature sr=");
        for (size_t n = 0; n < rows[i].sr; n++) buf_put_u8(&token, 'h');
        buf_put_str(&token, "&sig=" SIG43 "=&se=1&skn=");
        for (size_t n = 0; n < rows[i].skn; n++) buf_put_u8(&token, 'p');
        assert_int_equal(sas_parse(buf_slice(&token), &t), rows[i].expected);
        buf_free(&token);
    }
}

/* Reads `sr` in every way and tells whether one of them is `host` and `path`. */
static bool means(const char *sr, const char *host, const char *path)
{
    struct buf token = {0};
    buf_printf(&token, "SharedAccessSignature sr=%s", sr);
    buf_put_str(&token, "&sig=" SIG43 "%3D&se=1");
    struct sas t = parse(buf_cstr(&token));
    bool found = false;
    for (unsigned reading = 0; reading < SAS_READINGS; reading++) {
        struct sas_resource r;
        if (sas_resource(&t, reading, &r))
            found = found || (slice_is(r.host, host) && slice_is(r.path, path));
    }
    buf_free(&token);
    return found;
}

static void the_resource_is_understood_in_every_sdk_s_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *sr, *host, *path;
    } rows[] = {
        /* devices; ids with characters that encoders differ on */
        {"hub.test%2Fdevices%2Fd", "hub.test", "devices/d"},                     /* Python */
        {"hub.test%2Fdevices%2Fa%21%27%28%29%2a", "hub.test", "devices/a!'()*"}, /* Node */
        {"hub.test/devices/d/modules/m", "hub.test", "devices/d/modules/m"},     /* C */
        {"hub.test/devices/a+b=c#d", "hub.test", "devices/a+b=c#d"},             /* C */
        {"hub.test/devices/100%", "hub.test", "devices/100%"},                   /* C */
        {"hub.test/devices/a%41", "hub.test", "devices/a%41"},                   /* C */
        {"hub.test/devices/a%2Bb", "hub.test", "devices/a+b"},                   /* Java */
        {"hub.test%2Fdevices%2Fa%252Bb", "hub.test", "devices/a+b"},             /* .NET */
        {"hub.test%2Fdevices%2Fa%252Bb%2Fmodules%2Fm", "hub.test", "devices/a+b/modules/m"},
        {"hub.test%2fdevices%2fd%2f", "hub.test", "devices/d"},
        /* services */
        {"hub.test", "hub.test", ""},
        {"HUB.test%2Fdevices", "HUB.test", "devices"},
        {"hub.test%2Fmessages%2Fevents", "hub.test", "messages/events"}, /* Explorer */
        {"https%3A%2F%2Fhub.test%2F", "hub.test", ""},
        {"https://hub.test", "hub.test", ""},
        /* Event Hubs */
        {"sb%3A%2F%2Flocalhost%3A5671%2Fhub", "localhost:5671", "hub"}, /* JS */
        {"sb%3A%2F%2Flocalhost%2Fhub%2FConsumerGroups%2F%24Default%2FPartitions%2F0", "localhost",
         "hub/ConsumerGroups/$Default/Partitions/0"},
        {"amqps%3A%2F%2Flocalhost%2Fhub", "localhost", "hub"}, /* Go */
        {"sb%3a%2f%2flocalhost%2fhub%2f%24management", "localhost", "hub/$management"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!means(rows[i].sr, rows[i].host, rows[i].path)) fail_msg("%s", rows[i].sr);
    assert_false(means("hub.test%2Fdevices%2Fd", "hub.test", "devices/e"));
}

static void a_path_covers_what_lies_below_it_segment_by_segment(void **state)
{
    (void)state;
    static const struct {
        const char *have, *want;
        bool covers;
    } rows[] = {
        {"", "devices/d", true},
        {"", "", true},
        {"devices", "devices/d", true},
        {"devices/d", "devices/d", true},
        {"devices/d", "devices/d/modules/m", true},
        {"devices/d/modules/m", "devices/d/modules/m", true},
        {"devices/d/modules/m", "devices/d", false},
        {"devices/d/modules/m", "devices/d/modules/n", false},
        {"devices/d", "devices/dd", false},
        {"devices/dd", "devices/d", false},
        {"devices/d", "devices/D", false},
        {"Devices/d/MODULES/m", "devices/d/modules/m", true},
        {"devices/d/modules/m", "devices/d/modules/M", false},
        {"devices/d/api-version=2016-11-14", "devices/d", true},
        {"devices/d/other", "devices/d", false},
        {"messages/events", "devices/d", false},
        {"Messages/Events", "messages/events/$management", true},
        {"hub", "HUB/ConsumerGroups/$Default/Partitions/0", true},
        {"hub/consumergroups/$default/partitions/0", "hub/ConsumerGroups/$Default/Partitions/0",
         true},
        {"hub/ConsumerGroups/$Default/Partitions/0", "hub/ConsumerGroups/$Default/Partitions/1",
         false},
        {"devices", "device", false},
        {"devices//d", "devices/d", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sas_path_covers(slice_str(rows[i].have), slice_str(rows[i].want)) != rows[i].covers)
            fail_msg("%s covers %s", rows[i].have, rows[i].want);
}

static void ids_are_found_in_a_path(void **state)
{
    (void)state;
    struct slice device, module;
    assert_true(sas_path_ids(SLICE_LIT("devices/d"), &device, &module));
    assert_true(slice_is(device, "d") && module.ptr == NULL);
    assert_true(sas_path_ids(SLICE_LIT("Devices/d/Modules/m/x"), &device, &module));
    assert_true(slice_is(device, "d") && slice_is(module, "m"));
    assert_true(sas_path_ids(SLICE_LIT("devices/d/messages/events"), &device, &module));
    assert_null(module.ptr);
    assert_false(sas_path_ids(SLICE_LIT("devices"), &device, &module));
    assert_false(sas_path_ids(SLICE_LIT("messages/events"), &device, &module));
    assert_false(sas_path_ids(SLICE_LIT(""), &device, &module));
}

static void a_token_that_we_make_verifies_and_reads_back(void **state)
{
    (void)state;
    struct buf token = {0};
    sas_make(&token, SLICE_LIT("hub1.example.test/devices/dev1"), KEY, NULL, 1900000000);
    assert_string_equal(buf_cstr(&token),
                        "SharedAccessSignature sr=hub1.example.test%2Fdevices%2Fdev1"
                        "&sig=RNdxU%2BJrmHOn2xU4e8nJcPpxn0K%2FNw1GTfCK6SFanPk%3D&se=1900000000");
    buf_clear(&token);
    sas_make(&token, SLICE_LIT("h/devices/a%b"), KEY, "pol icy", 5);
    struct sas t = parse(buf_cstr(&token));
    assert_true(sas_verify(&t, KEY));
    assert_string_equal(t.policy, "pol icy");
    struct sas_resource r;
    assert_true(sas_resource(&t, 0, &r));
    assert_true(slice_is(r.path, "devices/a%b"));
    buf_free(&token);
}

/* The documentation's own examples: "Symmetric key attestation", "How to use custom allocation policies". */
static void keys_of_devices_follow_from_their_groups(void **state)
{
    (void)state;
    static const char plant[] =
        "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
    static const struct {
        const char *group, *id, *derived;
    } rows[] = {
        {"8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
         "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="},
        {plant, "breakroom499-contoso-tstrsd-007", "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs="},
        {plant, "mainbuilding167-contoso-hpsd-088", "6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf key = {0}, text = {0};
        uint8_t mac[SAS_SIGNATURE_LEN];
        assert_int_equal(text_unbase64(&key, slice_str(rows[i].group)), OK);
        sas_derive_key(buf_slice(&key), slice_str(rows[i].id), mac);
        text_base64(&text, slice_of(mac, sizeof mac));
        assert_string_equal(buf_cstr(&text), rows[i].derived);
        buf_free(&key);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_vectors_verify_however_the_signature_is_encoded),
        cmocka_unit_test(tokens_signed_over_another_form_of_sr_verify),
        cmocka_unit_test(event_hubs_clients_sign_with_the_text_of_the_key),
        cmocka_unit_test(what_is_no_token_is_refused_with_a_reason),
        cmocka_unit_test(an_expiry_beyond_our_clock_is_the_end_of_time),
        cmocka_unit_test(token_and_policy_lengths_are_limited),
        cmocka_unit_test(the_resource_is_understood_in_every_sdk_s_spelling),
        cmocka_unit_test(a_path_covers_what_lies_below_it_segment_by_segment),
        cmocka_unit_test(ids_are_found_in_a_path),
        cmocka_unit_test(a_token_that_we_make_verifies_and_reads_back),
        cmocka_unit_test(keys_of_devices_follow_from_their_groups),
    };
    return cmocka_run_group_tests(tests, make_key, NULL);
}
