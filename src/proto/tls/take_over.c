/* take_over.c - from OpenSSL's handshake to records of our own.
 *
 * OpenSSL hands out the two traffic secrets by its key log, before it uses them.  Its records under
 * our key are the tickets, which only the last call of the handshake writes: they are counted where
 * they were written.  Nothing of the client's comes before its Finished, so that count is 0. */
#include <openssl/ssl.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/tls/records.h"
#include "proto/tls/wire.h"

static void note_secret(struct slice hex, uint8_t secret[TRAFFIC_SECRET_MAX], uint8_t *len)
{
    struct buf bytes = {0};
    if (text_unhex(&bytes, hex) == OK && buf_size(&bytes) <= TRAFFIC_SECRET_MAX) {
        *len = (uint8_t)buf_size(&bytes);
        memcpy(secret, bytes.ptr, *len);
    }
    mem_wipe(bytes.ptr, bytes.len);
    buf_free(&bytes);
}

/* "LABEL client-random secret", in hex. */
static void on_secret(const SSL *ssl, const char *line)
{
    struct tls *t = tls_wire_current();
    struct slice rest = slice_str(line), label, random;
    (void)ssl;
    if (!slice_split(&rest, ' ', &label) || !slice_split(&rest, ' ', &random)) return;
    bool reads = slice_is(label, "CLIENT_TRAFFIC_SECRET_0");
    if (!reads && !slice_is(label, "SERVER_TRAFFIC_SECRET_0")) return;
    struct records *r = t->records ? t->records : (t->records = NEW(struct records));
    if (reads)
        note_secret(rest, r->read.secret, &r->read_secret_len);
    else
        note_secret(rest, r->write.secret, &r->write_secret_len);
}

void records_setup(struct ssl_ctx_st *ctx)
{
    SSL_CTX_set_keylog_callback(ctx, on_secret);
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

static enum err begin_traffic(struct traffic *t, const struct suite *suite, size_t len,
                              bool sealing)
{
    uint8_t secret[TRAFFIC_SECRET_MAX];
    memcpy(secret, t->secret, sizeof secret);
    enum err e = traffic_init(t, suite, slice_of(secret, len), sealing);
    mem_wipe(secret, sizeof secret);
    return e;
}

static bool take(struct records *r, const SSL *ssl, size_t written)
{
    const struct suite *suite = suite_find(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
    if (suite == NULL || written == SIZE_MAX) return false;
    if (begin_traffic(&r->read, suite, r->read_secret_len, false) != OK ||
        begin_traffic(&r->write, suite, r->write_secret_len, true) != OK)
        return false;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    r->write.count = written;
    r->write_left = TLS_KEY_RECORDS_MAX;
    r->sni = name ? mem_str(name) : NULL;
    r->resumed = SSL_session_reused(ssl);
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
