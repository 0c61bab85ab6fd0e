/* blob_sas_test.c - signatures of Azure's SDKs and of ours; connection strings of accounts. */
#include "base/test.h"

#include "auth/blob_sas.h"
#include "base/clock.h"
#include "base/text.h"

#define KEY                                                                                        \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

static const int64_t now_us = 1900000000ll * 1000000;

static struct blob_account account(void)
{
    struct blob_account a;
    assert_int_equal(blob_account_parse(SLICE_LIT("AccountName=azimuth;AccountKey=" KEY), &a), OK);
    return a;
}

/* Made with azure-storage-blob 12.31.1: generate_blob_sas(), generate_container_sas(). */
#define OF_BLOB                                                                                    \
    "st=2020-01-01T00%3A00%3A00Z&se=2033-05-18T03%3A33%3A20Z&sp=rw&sv=2026-10-06&sr=b&"            \
    "sig=vU4I%2BnzLpuY%2BspJ5VOZENteiyYi/yXFeXFGVJ4F9W4k%3D"
#define OF_CONTAINER                                                                               \
    "se=2033-05-18T03%3A33%3A20Z&sp=rd&sv=2026-10-06&sr=c&"                                        \
    "sig=nDYfpoQXBAzFeDILeiZNjZFy1ewwCw/d8Gihsb5jnrs%3D"

static void signatures_of_sdks_are_checked(void **state)
{
    static const struct {
        const char *query, *blob;
        int64_t now_s;
        enum blob_sas_cause cause;
        unsigned rights;
    } rows[] = {
        {OF_BLOB, "d1/a b.txt", 1900000000, BLOB_SAS_OK, BLOB_READ | BLOB_WRITE},
        {OF_BLOB "&comp=block&blockid=MQ%3D%3D", "d1/a b.txt", 1900000000, BLOB_SAS_OK,
         BLOB_READ | BLOB_WRITE},
        {OF_CONTAINER, "anything", 1900000000, BLOB_SAS_OK, BLOB_READ | BLOB_DELETE},
        {OF_BLOB, "d1/other", 1900000000, BLOB_SAS_BAD_SIGNATURE, 0},
        {OF_BLOB, "d1/a b.txt", 2000000000, BLOB_SAS_EXPIRED, 0},
        {OF_BLOB, "d1/a b.txt", 1999999999, BLOB_SAS_OK, BLOB_READ | BLOB_WRITE},
        {OF_BLOB, "d1/a b.txt", 1500000000, BLOB_SAS_NOT_YET, 0},
        {OF_BLOB "&sp=rwd", "d1/a b.txt", 1900000000, BLOB_SAS_MALFORMED, 0},
        {OF_BLOB "&sip=1.2.3.4", "d1/a b.txt", 1900000000, BLOB_SAS_MALFORMED, 0},
        {OF_BLOB "&rscc=x", "d1/a b.txt", 1900000000, BLOB_SAS_BAD_SIGNATURE, 0},
        {"", "x", 1900000000, BLOB_SAS_MISSING, 0},
        {"comp=block", "x", 1900000000, BLOB_SAS_MISSING, 0},
        {"sig=%zz", "x", 1900000000, BLOB_SAS_MALFORMED, 0},
        {"sv=2015-04-05&sr=b&se=2033-05-18&sp=r&sig=AAAA", "x", 1900000000, BLOB_SAS_MALFORMED, 0},
        {"sv=2021-12-02&sr=d&se=2033-05-18&sp=r&sig=AAAA", "x", 1900000000, BLOB_SAS_MALFORMED, 0},
        {"sv=2021-12-02&sr=b&se=2033-05-18&sp=r&sig=AAAA****", "x", 1900000000, BLOB_SAS_MALFORMED,
         0},
    };
    const struct blob_account a = account();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned rights = 0;
        assert_int_equal(blob_sas_check(slice_str(rows[i].query), &a, SLICE_LIT("azimuth-uploads"),
                                        slice_str(rows[i].blob), rows[i].now_s * 1000000, &rights),
                         rows[i].cause);
        if (rows[i].cause == BLOB_SAS_OK) assert_int_equal(rights, rows[i].rights);
    }
}

static void ours_open_what_they_were_made_for(void **state)
{
    const struct blob_account a = account();
    struct buf sas = {0};
    unsigned rights;
    (void)state;
    blob_sas_make(&sas, &a, SLICE_LIT("c"), SLICE_LIT("d/\xc3\xbc & co"), now_us - 300000000,
                  now_us + 1000000);
    assert_true(slice_starts(buf_slice(&sas), SLICE_LIT("?sv=2021-12-02&sr=b&st=")));
    struct slice query = slice_from(buf_slice(&sas), 1);
    assert_int_equal(
        blob_sas_check(query, &a, SLICE_LIT("c"), SLICE_LIT("d/\xc3\xbc & co"), now_us, &rights),
        BLOB_SAS_OK);
    assert_int_equal(rights, BLOB_READ | BLOB_WRITE);
    assert_int_equal(blob_sas_check(query, &a, SLICE_LIT("other"), SLICE_LIT("d/\xc3\xbc & co"),
                                    now_us, &rights),
                     BLOB_SAS_BAD_SIGNATURE);
    assert_int_equal(blob_sas_check(query, &a, SLICE_LIT("c"), SLICE_LIT("d/\xc3\xbc & co"),
                                    now_us + 1000000, &rights),
                     BLOB_SAS_EXPIRED);
    buf_free(&sas);
}

static void a_query_has_a_limit(void **state)
{
    const struct blob_account a = account();
    struct buf query = {0};
    unsigned rights;
    (void)state;
    buf_put_str(&query, OF_BLOB "&x=");
    while (buf_size(&query) < BLOB_SAS_MAX) buf_put_u8(&query, 'x');
    for (int over = 0; over < 2; over++) {
        assert_int_equal(blob_sas_check(buf_slice(&query), &a, SLICE_LIT("azimuth-uploads"),
                                        SLICE_LIT("d1/a b.txt"), now_us, &rights),
                         over ? BLOB_SAS_MALFORMED : BLOB_SAS_OK);
        buf_put_u8(&query, 'x');
    }
    buf_free(&query);
}

static void connection_strings_name_an_account(void **state)
{
    static const struct {
        const char *text, *endpoint; /* NULL: ERR_INVALID */
    } rows[] = {
        {"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" KEY
         ";EndpointSuffix=core.windows.net",
         "acct.blob.core.windows.net"},
        {"AccountName=acct;AccountKey=" KEY, "acct.blob.core.windows.net"},
        {"accountname=acct;accountkey=" KEY ";EndpointSuffix=core.chinacloudapi.cn;",
         "acct.blob.core.chinacloudapi.cn"},
        {"AccountName=a;AccountKey=" KEY ";BlobEndpoint=https://127.0.0.1:10000/a/",
         "127.0.0.1:10000/a"},
        {"AccountName=a;AccountKey=" KEY ";BlobEndpoint=http://127.0.0.1:10000/a", NULL},
        {"AccountName=a;AccountKey=" KEY ";BlobEndpoint=https://", NULL},
        {"AccountName=a", NULL},
        {"AccountName=a;AccountKey=*", NULL},
        {"AccountKey=" KEY, NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct blob_account a;
        enum err e = blob_account_parse(slice_str(rows[i].text), &a);
        assert_int_equal(e, rows[i].endpoint ? OK : ERR_INVALID);
        if (e == OK) assert_string_equal(a.endpoint, rows[i].endpoint);
        if (e != OK) assert_null(strstr(fail_text(), "AAECAw"));
    }
}

/* `head`, so many a and `tail`. */
static enum err parse_long(const char *head, size_t count, const char *tail)
{
    struct blob_account a;
    struct buf text = {0};
    buf_put_str(&text, head);
    while (count--) buf_put_u8(&text, 'a');
    buf_put_str(&text, tail);
    enum err e = blob_account_parse(slice_str(buf_cstr(&text)), &a);
    buf_free(&text);
    return e;
}

static void names_keys_and_endpoints_have_limits(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        enum err expected = over ? ERR_INVALID : OK;
        struct buf key = {0};
        static const uint8_t bytes[BLOB_ACCOUNT_KEY_MAX + 1];
        assert_int_equal(
            parse_long("AccountName=", BLOB_ACCOUNT_NAME_MAX + over, ";AccountKey=" KEY), expected);
        assert_int_equal(parse_long("AccountName=a;AccountKey=" KEY ";BlobEndpoint=https://",
                                    BLOB_ENDPOINT_MAX + over, ""),
                         expected);
        buf_put_str(&key, "AccountName=a;AccountKey=");
        text_base64(&key, slice_of(bytes, BLOB_ACCOUNT_KEY_MAX + over));
        assert_int_equal(parse_long(buf_cstr(&key), 0, ""), expected);
        buf_free(&key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_sdks_are_checked),
        cmocka_unit_test(ours_open_what_they_were_made_for),
        cmocka_unit_test(a_query_has_a_limit),
        cmocka_unit_test(connection_strings_name_an_account),
        cmocka_unit_test(names_keys_and_endpoints_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
