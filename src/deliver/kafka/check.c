/* check.c - what a topic may be: the words of Kafka's own configuration.
 *
 * With PLAIN a password is shown to whoever is the server: a masked one is kept for those servers and that
 * protocol only for which it was given. */
#include "deliver/kafka/check.h"

#include "base/json.h"
#include "base/member.h"
#include "deliver/check.h"
#include "deliver/kafka/kafka.h"

static const char *const members[] = {CHECK_MEMBERS_OF_ALL, "bootstrapServers", "topic",
                                      "securityProtocol",   "saslMechanism",    "saslUsername",
                                      "saslPassword",       "sslCaPem",         NULL};

static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};

static bool is_letter(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool has_only(struct slice text, const char *more)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_letter(text.ptr[i]) && !memchr(more, text.ptr[i], strlen(more))) return false;
    return true;
}

static enum err check_servers(const struct json *e)
{
    TRY(check_text(e, "bootstrapServers", KAFKA_SERVERS_MAX));
    struct slice rest = json_str(e, "bootstrapServers"), server;
    while (slice_split(&rest, ',', &server)) {
        server = slice_trim(server);
        if (server.len == 0 || !has_only(server, ".-_:[]"))
            return fail(ERR_INVALID, "bootstrapServers is not a list HOST:PORT,HOST:PORT");
    }
    return OK;
}

static enum err check_topic(const struct json *e)
{
    TRY(check_text(e, "topic", KAFKA_TOPIC_MAX));
    struct slice topic = json_str(e, "topic");
    if (!has_only(topic, "._-") || slice_is(topic, ".") || slice_is(topic, ".."))
        return fail(ERR_INVALID, "topic is no name: letters, digits and . _ -");
    return OK;
}

/* One of some words, in any case; completed. */
static enum err check_word(struct arena *a, struct json *e, const char *key,
                           const char *const *words)
{
    const struct json *given = json_given(e, key);
    struct slice word = given ? json_str(e, key) : slice_str(words[0]);
    unsigned i = 0;
    while (words[i] && !slice_is_nocase(word, words[i])) i++;
    if (words[i] == NULL)
        return fail(ERR_INVALID, "%s is none of %s, %s, %s%s%s", key, words[0], words[1], words[2],
                    words[3] ? ", " : "", words[3] ? words[3] : "");
    json_set(a, e, slice_str(key), json_new_string(a, slice_str(words[i])));
    return OK;
}

static bool is_same(const struct json *e, const struct json *before, const char *key)
{
    return slice_eq(json_str(e, key), json_str(before, key));
}

static enum err check_password(struct arena *a, struct json *e, const struct json *before)
{
    bool masked = slice_is(json_str(e, "saslPassword"), CHECK_MASK);
    bool same = is_same(e, before, "bootstrapServers") && is_same(e, before, "securityProtocol");
    if (masked && before && !same)
        return fail(ERR_INVALID, "saslPassword is masked: with other bootstrapServers or another "
                                 "securityProtocol it must be given");
    return check_secret(a, e, before, "saslPassword", KAFKA_PASSWORD_MAX);
}

static enum err check_sasl(struct arena *a, struct json *e, const struct json *before)
{
    static const char *const words[] = {"saslMechanism", "saslUsername", "saslPassword"};
    bool sasl = slice_starts(json_str(e, "securityProtocol"), SLICE_LIT("SASL"));
    for (unsigned i = 0; i < 3 && !sasl; i++)
        if (json_given(e, words[i]))
            return fail(ERR_INVALID, "%s wants securityProtocol SASL_SSL or SASL_PLAINTEXT",
                        words[i]);
    if (!sasl) return OK;
    TRY(check_word(a, e, "saslMechanism", mechanisms));
    TRY(check_text(e, "saslUsername", KAFKA_USER_MAX));
    if (json_given(e, "saslPassword") == NULL) return fail(ERR_INVALID, "saslPassword is missing");
    return check_password(a, e, before);
}

/* Certificates have lines, which other texts here do not. */
static enum err check_ca(const struct json *e)
{
    struct slice pem = json_str(e, "sslCaPem");
    if (json_given(e, "sslCaPem") == NULL) return OK;
    if (!slice_ends(json_str(e, "securityProtocol"), SLICE_LIT("SSL")))
        return fail(ERR_INVALID, "sslCaPem wants securityProtocol SSL or SASL_SSL");
    if (pem.len > KAFKA_CA_MAX || !slice_starts(slice_trim(pem), SLICE_LIT("-----BEGIN CERT")))
        return fail(ERR_INVALID, "sslCaPem is not certificates in PEM, of %d bytes at most",
                    KAFKA_CA_MAX);
    for (size_t i = 0; i < pem.len; i++)
        if (pem.ptr[i] == 0) return fail(ERR_INVALID, "sslCaPem has a zero byte in it");
    return OK;
}

enum err kafka_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                     const struct json *before)
{
    (void)hub;
    TRY(member_only(endpoint, "a topic of Kafka", members));
    TRY(check_servers(endpoint));
    TRY(check_topic(endpoint));
    TRY(check_word(a, endpoint, "securityProtocol", protocols));
    TRY(check_sasl(a, endpoint, before));
    return check_ca(endpoint);
}

void kafka_mask(struct arena *a, struct json *endpoint)
{
    check_mask(a, endpoint, "saslPassword");
}
