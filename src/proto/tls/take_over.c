/* take_over.c - from OpenSSL's handshake to records of our own.
 *
 * Secrets, keys and IVs of the two directions are overheard as OpenSSL derives them (schedule.h).  Its
 * records under our key are the tickets, which only the last call of the handshake writes: they are
 * counted where they were written.  Nothing of the client's comes before its Finished, so that count
 * is 0. */
#include <openssl/ssl.h>

#include "base/mem.h"
#include "proto/tls/records.h"
#include "proto/tls/schedule.h"
#include "proto/tls/wire.h"

static const struct suite *suite_of(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    return cipher ? suite_find(SSL_CIPHER_get_protocol_id(cipher)) : NULL;
}

static void note_secret(struct tls *t, bool reads, struct slice secret)
{
    const struct suite *suite = suite_of(t->ssl);
    if (suite == NULL) return;
    struct records *r = t->records ? t->records : (t->records = NEW(struct records));
    traffic_begin(reads ? &r->read : &r->write, suite, secret, !reads);
}

/* The direction whose secret that is, or NULL. */
static struct traffic *direction(struct records *r, struct slice secret)
{
    if (r && traffic_is_of(&r->write, secret)) return &r->write;
    return r && traffic_is_of(&r->read, secret) ? &r->read : NULL;
}

static void note_part(struct traffic *of, struct slice label, struct slice out)
{
    if (of == NULL) return;
    if (slice_is(label, "key")) traffic_key(of, out);
    if (slice_is(label, "iv")) traffic_iv(of, out);
}

void schedule_derived(struct slice label, struct slice secret, struct slice out)
{
    struct tls *t = tls_wire_current();
    bool reads = slice_is(label, "c ap traffic");
    if (reads || slice_is(label, "s ap traffic"))
        note_secret(t, reads, out);
    else
        note_part(direction(t->records, secret), label, out);
}

/* How many records; SIZE_MAX: there is one that is not under our key. */
static size_t count_records(struct slice bytes)
{
    size_t count = 0;
    for (; bytes.len >= TRAFFIC_HEAD; count++) {
        size_t len = TRAFFIC_HEAD + ((size_t)bytes.ptr[3] << 8 | bytes.ptr[4]);
        if (bytes.ptr[0] != CONTENT_DATA || len > bytes.len) return SIZE_MAX;
        bytes = slice_from(bytes, len);
    }
    return bytes.len ? SIZE_MAX : count;
}

/* The limit that the client asked for (RFC 6066 section 4), or the protocol's. */
static uint16_t fragment_max_of(const SSL *ssl)
{
    unsigned code = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl));
    return (uint16_t)(code ? 256u << code : TLS_RECORD_MAX);
}

static bool take(struct records *r, const SSL *ssl, size_t written)
{
    if (written == SIZE_MAX || !traffic_is_whole(&r->read) || !traffic_is_whole(&r->write))
        return false;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    r->write.count = written;
    r->write_left = TLS_KEY_RECORDS_MAX;
    r->sni = name ? mem_str(name) : NULL;
    r->fragment_max = fragment_max_of(ssl);
    return true;
}

void records_take_over(struct tls *t, struct slice last)
{
    if (t->records == NULL) return;
    if (SSL_version(t->ssl) == TLS1_3_VERSION && take(t->records, t->ssl, count_records(last))) {
        SSL_set_quiet_shutdown(t->ssl, 1);
        SSL_free(t->ssl);
        t->ssl = NULL;
    } else {
        records_free(t->records);
        t->records = NULL;
    }
}
