/* connstr_test.c - connection strings in and out. */
#include "base/test.h"

#include "auth/connstr.h"

static void connection_strings_come_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum connstr_kind kind;
    } rows[] = {
        {"HostName=h.test;SharedAccessKeyName=iothubowner;SharedAccessKey=QUJD=", CONNSTR_SERVICE},
        {"HostName=h.test;DeviceId=d;SharedAccessKey=QUJD", CONNSTR_DEVICE},
        {"HostName=h.test;DeviceId=d;ModuleId=m;SharedAccessKey=QUJD;GatewayHostName=localhost",
         CONNSTR_DEVICE},
        {"HostName=h.test;DeviceId=d;x509=true", CONNSTR_DEVICE},
        {"HostName=h.test;DeviceId=d;SharedAccessKeyName=device;SharedAccessKey=QUJD",
         CONNSTR_DEVICE},
        {"Endpoint=sb://localhost/;SharedAccessKeyName=service;SharedAccessKey=QUJD;EntityPath=hub",
         CONNSTR_EVENT_HUBS},
        {"Endpoint=sb://localhost:5672/;SharedAccessKeyName=service;SharedAccessKey=QUJD;"
         "EntityPath=hub;UseDevelopmentEmulator=true",
         CONNSTR_EVENT_HUBS},
        {"Endpoint=sb://[fd00::5]:5672/;SharedAccessKeyName=service;SharedAccessKey=QUJD",
         CONNSTR_EVENT_HUBS},
        {"Endpoint=sb://[::1]/;SharedAccessKeyName=service;SharedAccessKey=QUJD",
         CONNSTR_EVENT_HUBS},
        {"Endpoint=sb://localhost/;SharedAccessSignature=SharedAccessSignature sr=h&sig=x&se=1",
         CONNSTR_EVENT_HUBS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct connstr c;
        struct buf out = {0};
        if (connstr_parse(slice_str(rows[i].text), &c) != OK) fail_msg("%s", fail_text());
        assert_int_equal(c.kind, rows[i].kind);
        connstr_write(&out, &c);
        assert_string_equal(buf_cstr(&out), rows[i].text);
        buf_free(&out);
    }
}

static void spelling_is_free_where_sdks_leave_it_free(void **state)
{
    (void)state;
    struct connstr c;
    assert_int_equal(connstr_parse(SLICE_LIT(" hostname = h.test;; DEVICEID=a=b;Later=1;"
                                             "SharedAccessKey=QUJD==\n"),
                                   &c),
                     OK);
    assert_true(slice_is(c.host, "h.test"));
    assert_true(slice_is(c.device_id, "a=b"));
    assert_true(slice_is(c.key, "QUJD=="));
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "no host name"},
        {"rubbish", "without '='"},
        {"DeviceId=d;SharedAccessKey=k", "no host name"},
        {"HostName=;DeviceId=d;SharedAccessKey=k", "no host name"},
        {"HostName=h;DeviceId=d", "no SharedAccessKey"},
        {"HostName=h;SharedAccessKey=k", "no SharedAccessKeyName"},
        {"HostName=h;ModuleId=m;SharedAccessKeyName=p;SharedAccessKey=k", "no DeviceId"},
        {"HostName=h;HostName=g;DeviceId=d;SharedAccessKey=k", "HostName twice"},
        {"HostName=h;Endpoint=sb://h/;SharedAccessKeyName=p;SharedAccessKey=k", "both"},
        {"HostName=h\x01;DeviceId=d;SharedAccessKey=k", "no host name has"},
        {"HostName=h;GatewayHostName=a b;DeviceId=d;SharedAccessKey=k", "no host name has"},
        {"Endpoint=h;SharedAccessKeyName=p;SharedAccessKey=k", "sb://host/"},
        {"Endpoint=sb://;SharedAccessKeyName=p;SharedAccessKey=k", "no host name"},
        {"Endpoint=sb://h:x/;SharedAccessKeyName=p;SharedAccessKey=k", "port"},
        {"Endpoint=sb://h:65536/;SharedAccessKeyName=p;SharedAccessKey=k", "port"},
        {"Endpoint=sb://[::1]5671/;SharedAccessKeyName=p;SharedAccessKey=k", "port"},
        {"Endpoint=sb://[::1]:/;SharedAccessKeyName=p;SharedAccessKey=k", "port"},
        {"Endpoint=sb://a]b:1:5672/;SharedAccessKeyName=p;SharedAccessKey=k", "bracket"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct connstr c;
        if (connstr_parse(slice_str(rows[i].text), &c) != ERR_INVALID) fail_msg("%s", rows[i].text);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].text, fail_text());
    }
}

static void length_is_limited(void **state)
{
    (void)state;
    for (size_t len = CONNSTR_MAX; len <= CONNSTR_MAX + 1; len++) {
        struct connstr c;
        struct buf text = {0};
        buf_put_str(&text, "HostName=h;DeviceId=d;SharedAccessKey=");
        while (buf_size(&text) < len) buf_put_u8(&text, 'A');
        assert_int_equal(connstr_parse(buf_slice(&text), &c), len > CONNSTR_MAX ? ERR_INVALID : OK);
        buf_free(&text);
    }
}

static void a_gateway_is_dialled_instead_of_the_host(void **state)
{
    (void)state;
    struct connstr c;
    assert_int_equal(
        connstr_parse(SLICE_LIT("HostName=azimuth.localhost;DeviceId=d;SharedAccessKey=k;"
                                "GatewayHostName=localhost"),
                      &c),
        OK);
    assert_true(slice_is(connstr_dial(&c), "localhost"));
    assert_true(slice_is(c.host, "azimuth.localhost"));
    c.gateway = SLICE_NONE;
    assert_true(slice_is(connstr_dial(&c), "azimuth.localhost"));
}

static void secrets_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"HostName=h;DeviceId=d;SharedAccessKey=k", "HostName=h;DeviceId=d;SharedAccessKey=****"},
        {"HostName=h:5;SharedAccessKeyName=p;SharedAccessKey=k",
         "HostName=h:5;SharedAccessKeyName=p;SharedAccessKey=****"},
        {"HostName=h;DeviceId=d;x509=true", "HostName=h;DeviceId=d;x509=true"},
        {"no connection string", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf shown = {0};
        connstr_write_masked(&shown, slice_str(rows[i].text));
        assert_string_equal(buf_cstr(&shown), rows[i].shown);
        assert_false(connstr_is_masked(slice_str(rows[i].text)));
        assert_int_equal(connstr_is_masked(buf_slice(&shown)),
                         strstr(rows[i].shown, "****") != NULL);
        buf_free(&shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_strings_come_back_as_they_were),
        cmocka_unit_test(spelling_is_free_where_sdks_leave_it_free),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(length_is_limited),
        cmocka_unit_test(a_gateway_is_dialled_instead_of_the_host),
        cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
