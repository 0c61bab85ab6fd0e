/* endpoint_members.c - what the kinds of endpoints are told, by options named as az names them. */
#include "cli/endpoint_members.h"

#include <string.h>

#include "cli/file.h"
#include "cli/message_routing.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "endpoint-name endpoint en n", "NAME", "the endpoint"                                      \
    }
#define TYPE_OPTION(help)                                                                          \
    {                                                                                              \
        "endpoint-type type t", "TYPE", help                                                       \
    }
#define CONNECTION                                                                                 \
    {                                                                                              \
        "connection-string c", "STRING", "Endpoint=sb://...;...;EntityPath=NAME"                   \
    }
#define RESOURCE                                                                                   \
    {"endpoint-resource-group erg r", "NAME", "kept, and not looked at"},                          \
    {                                                                                              \
        "endpoint-subscription-id s", "ID", "likewise"                                             \
    }
#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }

const struct cli_option message_endpoint_options[] = {NAME_OPTION, END};
const struct cli_option message_endpoint_list_options[] = {TYPE_OPTION("only those: eventhub, ..."),
                                                           END};
const struct cli_option message_endpoint_delete_options[] = {
    NAME_OPTION,
    TYPE_OPTION("all of that type"),
    {"force f", NULL, "also routes to it, and enrichments that only it has"},
    {"yes y", NULL, "as in az; nothing is asked anyway"},
    END};
const struct cli_option endpoint_cosmos_options[] = {
    NAME_OPTION,
    {"connection-string c", "STRING", "AccountEndpoint=https://...;AccountKey=..."},
    {"endpoint-uri", "URI", "https://HOST/ of the account, instead, with its keys"},
    {"primary-key", "KEY", "of the account"},
    {"secondary-key", "KEY", "tried when the primary one is refused"},
    {"database-name db", "NAME", "its database"},
    {"container-name container", "NAME", "the container in it"},
    {"partition-key-name pk-name", "NAME", "the member that the container is partitioned by"},
    {"partition-key-template pkt", "TEMPLATE", "[{deviceid}-{YYYY}-{MM}]"},
    RESOURCE,
    END};

const struct cli_option endpoint_kafka_options[] = {
    NAME_OPTION,
    {"bootstrap-servers", "HOST:PORT,...", "the cluster"},
    {"topic", "NAME", "the topic; it must be there"},
    {"security-protocol", "WORD", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL [PLAINTEXT]"},
    {"sasl-mechanism", "WORD", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 [PLAIN]"},
    {"user", "NAME", "for SASL"},
    {"password", "TEXT", "likewise"},
    {"broker-ca", "FILE", "CA of the brokers' certificates (PEM) [the server's --outgoing-ca]"},
    END};

const struct cli_option endpoint_eventhub_options[] = {
    NAME_OPTION,
    {"endpoint-uri", "URI", "sb://HOST/ of this server [that of the hub]"},
    {"entity-path", "NAME", "the event hub"},
    {"identity", "ID", "[system]: as which the hub goes there [[system]]"},
    {"connection-string c", "STRING",
     "of one elsewhere, instead: Endpoint=sb://...;EntityPath=NAME"},
    RESOURCE,
    END};
const struct cli_option endpoint_service_bus_options[] = {NAME_OPTION, CONNECTION, RESOURCE, END};
const struct cli_option endpoint_webhook_options[] = {
    NAME_OPTION,
    {"endpoint-uri", "URL", "an https address"},
    {"event-delivery-schema schema", "SCHEMA",
     "EventGridSchema or CloudEventSchemaV1_0 [the first]"},
    {"max-events-per-batch", "N", "1 to 5000 [100]"},
    {"preferred-batch-size-in-kilobytes", "N", "1 to 1024 [64]"},
    END};

const struct cli_option endpoint_mqtt_options[] = {
    NAME_OPTION,
    {"url", "URL", "mqtts://HOST[:PORT], or mqtt:// at this machine"},
    {"client-id", "ID", "[azimuth-HUB-ENDPOINT]"},
    {"user", "NAME", "for the broker"},
    {"password", "TEXT", "likewise"},
    {"broker-ca", "FILE", "CA of the broker's certificate (PEM) [the server's --outgoing-ca]"},
    {"topic", "TEMPLATE", "with {iothub}, {deviceid}, {source} [all three]"},
    {"envelope", "true|false", "JSON with properties and body, not the bare body [false]"},
    END};

const struct cli_option endpoint_storage_options[] = {
    NAME_OPTION,
    {"connection-string c", "TEXT", "of the storage account"},
    {"container-name container", "NAME", "its container"},
    {"folder", "PATH", "instead of both: files go to DATA/storage/PATH of the server"},
    {"batch-frequency b", CLI_DURATION, "the oldest that a file becomes, 60 s to 720 s [5m]"},
    {"chunk-size w", "MB", "the largest, 10 to 500 [300]"},
    {"encoding", "NAME", "avro, avrodeflate or json; fixed once it is there [avro]"},
    {"file-name-format ff", "TEMPLATE", "[{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}]"},
    RESOURCE,
    END};

/* ---- members that options name; they mean the same in each kind that has them */

struct member {
    const char *option, *name;
    enum { TEXT, NUMBER, SECONDS } kind;
    int64_t min, max; /* of those; the hub has the same */
};

static const struct member members[] = {
    {"endpoint-uri", "endpointUri", TEXT, 0, 0},
    {"entity-path", "entityPath", TEXT, 0, 0},
    {"connection-string", "connectionString", TEXT, 0, 0},
    {"endpoint-resource-group", "resourceGroup", TEXT, 0, 0},
    {"endpoint-subscription-id", "subscriptionId", TEXT, 0, 0},
    {"event-delivery-schema", "schema", TEXT, 0, 0},
    {"max-events-per-batch", "maxEventsPerBatch", NUMBER, 1, 5000},
    {"preferred-batch-size-in-kilobytes", "preferredBatchSizeInKilobytes", NUMBER, 1, 1024},
    {"url", "url", TEXT, 0, 0},
    {"client-id", "clientId", TEXT, 0, 0},
    {"topic", "topic", TEXT, 0, 0},
    {"bootstrap-servers", "bootstrapServers", TEXT, 0, 0},
    {"security-protocol", "securityProtocol", TEXT, 0, 0},
    {"sasl-mechanism", "saslMechanism", TEXT, 0, 0},
    {"primary-key", "primaryKey", TEXT, 0, 0},
    {"secondary-key", "secondaryKey", TEXT, 0, 0},
    {"database-name", "databaseName", TEXT, 0, 0},
    {"partition-key-name", "partitionKeyName", TEXT, 0, 0},
    {"partition-key-template", "partitionKeyTemplate", TEXT, 0, 0},
    {"container-name", "containerName", TEXT, 0, 0},
    {"folder", "folder", TEXT, 0, 0},
    {"batch-frequency", "batchFrequencyInSeconds", SECONDS, 60, 720},
    {"encoding", "encoding", TEXT, 0, 0},
    {"file-name-format", "fileNameFormat", TEXT, 0, 0},
};

/* Azure's text for the hub's own identity; another one is a resource's id. */
static void set_identity(struct cli *c, struct json *endpoint)
{
    const char *id = cli_value(c, "identity");
    if (id == NULL) return;
    cli_set_text(c, endpoint, "authenticationType", SLICE_LIT("identityBased"));
    struct json *identity = json_new(&c->arena, JSON_OBJECT);
    if (slice_is(slice_str(id), "[system]"))
        identity->type = JSON_NULL;
    else
        cli_set_text(c, identity, "userAssignedIdentity", slice_str(id));
    json_set(&c->arena, endpoint, SLICE_LIT("identity"), identity);
}

/* Kafka has words of its own for who comes, and for whom to trust. */
static enum err set_login(struct cli *c, const char *list, struct json *endpoint)
{
    bool kafka = strcmp(list, "kafka") == 0;
    struct slice ca;
    message_routing_text(c, endpoint, "user", kafka ? "saslUsername" : "user");
    message_routing_text(c, endpoint, "password", kafka ? "saslPassword" : "password");
    if (!cli_given(c, "broker-ca")) return OK;
    TRY(file_load(c, cli_value(c, "broker-ca"), &ca));
    cli_set_text(c, endpoint, kafka ? "sslCaPem" : "ca", ca);
    return OK;
}

static enum err set_envelope(struct cli *c, struct json *endpoint)
{
    struct slice envelope = slice_str(cli_value(c, "envelope"));
    if (envelope.len == 0) return OK;
    if (!slice_is(envelope, "true") && !slice_is(envelope, "false"))
        return fail(ERR_INVALID, "--envelope is true or false");
    struct json *value = json_new(&c->arena, JSON_BOOL);
    value->truth = slice_is(envelope, "true");
    json_set(&c->arena, endpoint, SLICE_LIT("envelope"), value);
    return OK;
}

/* As az does, the parts of an account's string are what is kept. */
static enum err set_account(struct cli *c, struct json *endpoint)
{
    struct slice rest = json_str(endpoint, "connectionString"), part;
    if (rest.len == 0) return OK;
    json_remove(endpoint, json_get(endpoint, "connectionString"));
    while (slice_split(&rest, ';', &part)) {
        struct slice key = slice_head(part, slice_find(part, '=')),
                     value = slice_from(part, key.len + 1);
        if (slice_is_nocase(key, "AccountEndpoint"))
            cli_set_text(c, endpoint, "endpointUri", value);
        else if (slice_is_nocase(key, "AccountKey"))
            cli_set_text(c, endpoint, "primaryKey", value);
        else if (part.len)
            return fail(
                ERR_INVALID,
                "--connection-string: '%.*s' is no part of AccountEndpoint=...;AccountKey=...",
                SLICE_ARG(slice_head(key, 64)));
    }
    return OK;
}

enum { CHUNK_MB_MIN = 10, CHUNK_MB_MAX = 500 };

/* az tells megabytes. */
static enum err set_chunk(struct cli *c, struct json *endpoint)
{
    int64_t number;
    const int64_t unit = 1 << 20;
    if (!cli_given(c, "chunk-size")) return OK;
    TRY(cli_number(c, "chunk-size", CHUNK_MB_MIN, CHUNK_MB_MAX, 0, &number));
    json_set(&c->arena, endpoint, SLICE_LIT("maxChunkSizeInBytes"),
             json_new_i64(&c->arena, number * unit));
    return OK;
}

enum err endpoint_members_set(struct cli *c, const char *list, struct json *endpoint)
{
    TRY(set_chunk(c, endpoint));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct member *m = &members[i];
        if (!cli_given(c, m->option)) continue;
        if (m->kind == NUMBER)
            TRY(cli_set_number(c, endpoint, m->name, m->option, m->min, m->max));
        else if (m->kind == SECONDS)
            TRY(cli_set_seconds(c, endpoint, m->name, m->option, m->min, m->max));
        else
            message_routing_text(c, endpoint, m->option, m->name);
    }
    set_identity(c, endpoint);
    TRY(set_login(c, list, endpoint));
    TRY(set_envelope(c, endpoint));
    return strcmp(list, "cosmosDBSqlContainers") == 0 ? set_account(c, endpoint) : OK;
}
