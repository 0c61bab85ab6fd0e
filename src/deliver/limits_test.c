/* limits_test.c - how long the texts of an endpoint may be: as long as is said, and not a byte longer. */
#include "deliver/deliver_rig.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "archive/target.h"
#include "deliver/amqp/sender.h"
#include "deliver/bridge/check.h"
#include "deliver/cosmos/cosmos.h"
#include "deliver/kafka/kafka.h"
#include "deliver/storage/settings.h"

static struct deliver_rig d;

static void begin(void *ctx, struct out_call *call)
{
    (void)ctx;
    out_call_end(call, &(struct out_answer){.err = ERR_CLOSED, .text = "nobody is there"});
}

static int set_up(void **state)
{
    (void)state;
    deliver_rig_init(&d, 1, begin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&d);
    return 0;
}

/* Of an endpoint of `list`: members, text that is repeated, members. */
struct limit {
    const char *list, *before;
    char fill;
    const char *after;
    size_t most; /* how often */
};

static enum err put_with(const struct limit *l, size_t count)
{
    struct buf document = {0};
    buf_printf(&document, "{\"endpoints\":{\"%s\":[{\"name\":\"a\",%s", l->list, l->before);
    for (size_t i = 0; i < count; i++) buf_put_u8(&document, (uint8_t)l->fill);
    buf_printf(&document, "%s}]}}", l->after);
    enum err e = deliver_rig_put(&d, buf_cstr(&document));
    buf_free(&document);
    return e;
}

static void assert_limit(const struct limit *l)
{
    if (put_with(l, l->most) != OK) fail_msg("%s %s: %s", l->list, l->before, d.text);
    if (put_with(l, l->most + 1) != ERR_INVALID) fail_msg("%s %s", l->list, l->before);
}

#define LEN(text)          (sizeof(text) - 1)
#define CONNECTION(parts)  "\"connectionString\":\"Endpoint=sb://" parts
#define COSMOS(uri, names) "\"endpointUri\":\"https://" uri "/\"," names
#define COSMOS_KEY         "\"primaryKey\":\"a2V5\""
#define COSMOS_NAMES       "\"databaseName\":\"d\",\"containerName\":\"c\""
#define KAFKA(more)        "\"bootstrapServers\":\"k:9092\",\"topic\":\"t\"," more
#define KAFKA_SASL         "\"securityProtocol\":\"SASL_SSL\","
#define STORAGE_FORMAT     "{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}"
#define STORAGE_SECRET     "AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.test"

static void texts_are_as_long_as_they_may_be(void **state)
{
    static const struct limit limits[] = {
        {"serviceBusQueues", CONNECTION(""), 'h',
         "/;SharedAccessKeyName=p;SharedAccessKey=k;EntityPath=e\"", DIAL_HOST_MAX},
        {"serviceBusQueues", CONNECTION("h/;SharedAccessKeyName="), 'p',
         ";SharedAccessKey=k;EntityPath=e\"", AMQP_SENDER_POLICY_MAX},
        {"serviceBusTopics", CONNECTION("h/;SharedAccessKeyName=p;SharedAccessKey="), 'k',
         ";EntityPath=e\"", AMQP_SENDER_KEY_MAX},
        {"eventHubs", CONNECTION("h/;SharedAccessKeyName=p;SharedAccessKey=k;EntityPath="), 'e',
         "\"", AMQP_SENDER_ENTITY_MAX},
        {"cosmosDBSqlContainers", "\"endpointUri\":\"https://", 'h',
         "/\"," COSMOS_KEY "," COSMOS_NAMES, COSMOS_URI_MAX - LEN("https:///")},
        {"cosmosDBSqlContainers", COSMOS("h", COSMOS_NAMES) ",\"primaryKey\":\"", 'k', "\"",
         COSMOS_KEY_MAX},
        {"cosmosDBSqlContainers",
         COSMOS("h", COSMOS_KEY) ",\"containerName\":\"c\",\"databaseName\":\"", 'd', "\"",
         COSMOS_NAME_MAX},
        {"cosmosDBSqlContainers",
         COSMOS("h", COSMOS_KEY) ",\"databaseName\":\"d\",\"containerName\":\"", 'c', "\"",
         COSMOS_NAME_MAX},
        {"cosmosDBSqlContainers",
         COSMOS("h", COSMOS_KEY) "," COSMOS_NAMES ",\"partitionKeyName\":\"", 'm', "\"",
         COSMOS_MEMBER_MAX},
        {"cosmosDBSqlContainers",
         COSMOS("h",
                COSMOS_KEY) "," COSMOS_NAMES
                            ",\"partitionKeyName\":\"m\",\"partitionKeyTemplate\":\"{deviceid}",
         't', "\"", COSMOS_TEMPLATE_MAX - LEN("{deviceid}")},
        {"kafka", "\"topic\":\"t\",\"bootstrapServers\":\"", 'h', "\"", KAFKA_SERVERS_MAX},
        {"kafka", "\"bootstrapServers\":\"k:9092\",\"topic\":\"", 't', "\"", KAFKA_TOPIC_MAX},
        {"kafka", KAFKA(KAFKA_SASL "\"saslPassword\":\"p\",\"saslUsername\":\""), 'u', "\"",
         KAFKA_USER_MAX},
        {"kafka", KAFKA(KAFKA_SASL "\"saslUsername\":\"u\",\"saslPassword\":\""), 'p', "\"",
         KAFKA_PASSWORD_MAX},
        {"kafka", KAFKA("\"securityProtocol\":\"SSL\",\"sslCaPem\":\"-----BEGIN CERT"), 'x', "\"",
         KAFKA_CA_MAX - LEN("-----BEGIN CERT")},
        {"storageContainers", "\"folder\":\"", 'f', "\"", ARCHIVE_FOLDER_MAX},
        {"storageContainers", "\"folder\":\"f\",\"fileNameFormat\":\"" STORAGE_FORMAT, 'n', "\"",
         STORAGE_FORMAT_MAX - LEN(STORAGE_FORMAT)},
        {"storageContainers", "\"connectionString\":\"" STORAGE_SECRET ";", ';',
         "\",\"containerName\":\"logs\"", ARCHIVE_SECRET_MAX - LEN(STORAGE_SECRET ";")},
        {"storageContainers", "\"connectionString\":\"" STORAGE_SECRET "\",\"containerName\":\"",
         'c', "\"", BLOB_ACCOUNT_NAME_MAX},
        {"webhooks", "\"endpointUri\":\"https://h/", 'p', "\"", OUT_URL_MAX - LEN("https://h/")},
        /* Of a port the zeros before it are nothing. */
        {"mqtt", "\"url\":\"mqtts://h:", '0', "1883\"", BRIDGE_URL_MAX - LEN("mqtts://h:1883")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) assert_limit(&limits[i]);
}

/* A certificate, as JSON has it, without the quotation mark at its end. */
static size_t put_certificate(struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    char *pem;
    assert_true(X509_set_version(x, X509_VERSION_3) && X509_set_pubkey(x, key));
    assert_true(X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
                X509_gmtime_adj(X509_getm_notAfter(x), 86400));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    assert_true(PEM_write_bio_X509(bio, x));
    size_t len = (size_t)BIO_get_mem_data(bio, &pem);
    for (size_t i = 0; i < len; i++)
        if (pem[i] == '\n')
            buf_put_str(out, "\\n");
        else
            buf_put_u8(out, (uint8_t)pem[i]);
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return len;
}

static void so_are_a_brokers_certificates(void **state)
{
    struct buf before = {0};
    (void)state;
    buf_put_str(&before, "\"url\":\"mqtts://h\",\"ca\":\"");
    size_t len = put_certificate(&before);
    assert_limit(&(struct limit){"mqtt", buf_cstr(&before), ' ', "\"", BRIDGE_CA_MAX - len});
    buf_free(&before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(texts_are_as_long_as_they_may_be),
        TEST(so_are_a_brokers_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
