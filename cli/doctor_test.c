/* doctor_test.c - the probes that need no server. */
#include "base/test.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "cli/doctor.h"

static void findings_are_counted_by_state(void **state)
{
    (void)state;
    struct cli c = {0};
    static struct doctor d;
    d.cli = &c;
    doctor_say(&d, DOCTOR_OK, "a", "", "%d", 1);
    doctor_say(&d, DOCTOR_FAIL, "b", "50% off", "seen");
    doctor_say(&d, DOCTOR_FAIL, "c", "", "seen");
    assert_int_equal(doctor_count(&d, DOCTOR_OK), 1);
    assert_int_equal(doctor_count(&d, DOCTOR_FAIL), 2);
    assert_int_equal(doctor_count(&d, DOCTOR_WARN), 0);
    assert_string_equal(d.findings[0].seen, "1");
    assert_string_equal(d.findings[1].fix, "50% off");
    arena_free(&c.arena);
}

static void a_port_that_somebody_holds_cannot_be_had(void **state)
{
    (void)state;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
    assert_int_equal(doctor_bind("127.0.0.1", ntohs(any.sin_port)), ERR_EXISTS);
    close(fd);
    assert_int_equal(doctor_bind("127.0.0.1", 0), OK);
}

static void addresses_are_placed(void **state)
{
    (void)state;
    assert_int_equal(doctor_place_of("127.0.0.1"), DOCTOR_HERE);
    assert_int_equal(doctor_place_of("::1"), DOCTOR_HERE);
    assert_int_equal(doctor_place_of("192.0.2.1"), DOCTOR_ELSEWHERE);
    assert_int_equal(doctor_place_of("not a name"), DOCTOR_NOWHERE);
}

static void a_way_is_there_or_not(void **state)
{
    struct dial_addresses here;
    struct dial_address foreign = {.bytes.ss_family = AF_UNSPEC};
    (void)state;
    assert_int_equal(dial_resolve("127.0.0.1", 8883, &here), OK);
    assert_true(doctor_has_way(&here.items[0]));
    assert_false(doctor_has_way(&foreign));
}

static const char *proxy_of(const char *proxy, const char *unless, const char *host)
{
    static char out[300];
    setenv("https_proxy", proxy, 1);
    setenv("no_proxy", unless, 1);
    doctor_proxy_of(host, out, sizeof out);
    return out;
}

static void a_proxy_is_shown_without_its_password(void **state)
{
    (void)state;
    assert_string_equal(proxy_of("", "", "hub.example"), "");
    assert_string_equal(proxy_of("http://10.1.1.1:3128", "", "hub.example"),
                        "http://10.1.1.1:3128");
    assert_string_equal(proxy_of("http://me:s3@cret@10.1.1.1:3128", "", "hub.example"),
                        "http://***@10.1.1.1:3128");
    assert_string_equal(proxy_of("me:secret@10.1.1.1:3128", "", "hub.example"),
                        "***@10.1.1.1:3128");
}

static void hosts_that_need_no_proxy_have_none(void **state)
{
    static const char *const those[] = {"*", "hub.example", "10.0.0.1, Hub.Example", "example",
                                        ".example"};
    static const char *const others[] = {"", ",", "ub.example", "other.example", "hub.example.com"};
    (void)state;
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        assert_string_equal(proxy_of("http://proxy:1", those[i], "hub.example"), "");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(proxy_of("http://proxy:1", others[i], "hub.example"), "http://proxy:1");
}

static struct buf certificate_until(int64_t seconds)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    struct buf pem = {0};
    char *text;
    ASN1_TIME_set(X509_getm_notBefore(x), 0);
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)seconds);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    PEM_write_bio_X509(bio, x);
    long len = BIO_get_mem_data(bio, &text);
    buf_put(&pem, text, (size_t)len);
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
    return pem;
}

static void days_of_a_certificate_are_counted(void **state)
{
    (void)state;
    const int64_t day_us = 86400 * 1000000ll;
    struct buf pem = certificate_until(20000 * 86400ll);
    int days;
    assert_int_equal(doctor_days_left(buf_slice(&pem), 19990 * day_us, &days), OK);
    assert_int_equal(days, 10);
    assert_int_equal(doctor_days_left(buf_slice(&pem), 20003 * day_us, &days), OK);
    assert_int_equal(days, -3);
    assert_int_equal(doctor_days_left(SLICE_LIT("rubbish"), 0, &days), ERR_INVALID);
    buf_free(&pem);
}

static void writing_durably_is_timed(void **state)
{
    (void)state;
    char directory[] = "/tmp/doctor-test-XXXXXX";
    int64_t us = -1;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(doctor_sync_us(directory, &us), OK);
    assert_true(us >= 0);
    assert_int_equal(rmdir(directory), 0); /* nothing is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_are_counted_by_state),
        cmocka_unit_test(a_port_that_somebody_holds_cannot_be_had),
        cmocka_unit_test(addresses_are_placed),
        cmocka_unit_test(a_way_is_there_or_not),
        cmocka_unit_test(a_proxy_is_shown_without_its_password),
        cmocka_unit_test(hosts_that_need_no_proxy_have_none),
        cmocka_unit_test(days_of_a_certificate_are_counted),
        cmocka_unit_test(writing_durably_is_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
