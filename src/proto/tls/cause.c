/* cause.c - why a handshake or a record failed. */
#include "proto/tls/cause.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { RECORD_HANDSHAKE = 22 }; /* RFC 8446 section 5.1 */

const char *tls_cause_name(enum tls_cause cause)
{
    static const char *const names[TLS_CAUSES] = {
        [TLS_CAUSE_NONE] = "none",       [TLS_CAUSE_NOT_TLS] = "not-tls",
        [TLS_CAUSE_VERSION] = "version", [TLS_CAUSE_NO_COMMON] = "no-common",
        [TLS_CAUSE_ALERT] = "alert",     [TLS_CAUSE_CERT] = "certificate",
        [TLS_CAUSE_RECORD] = "record",   [TLS_CAUSE_PROTOCOL] = "protocol",
    };
    return (unsigned)cause < TLS_CAUSES ? names[cause] : "unknown";
}

bool tls_cause_looks_like_tls(struct slice first)
{
    return first.ptr[0] == RECORD_HANDSHAKE;
}

/* What a client that forgot TLS is likely to speak. */
static const char *guess(struct slice first)
{
    static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS "};
    if (slice_starts(first, SLICE_LIT("AMQP"))) return "plain AMQP";
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_starts(first, slice_str(methods[i]))) return "plain HTTP";
    if (first.len && first.ptr[0] == 0x10) return "plain MQTT"; /* CONNECT */
    if (first.len && first.ptr[0] & 0x80) return "SSL 2.0 or something unknown";
    return "something unknown";
}

void tls_cause_not_tls(struct slice first, struct tls_event *ev)
{
    *ev = (struct tls_event){.kind = TLS_FAILED, .cause = TLS_CAUSE_NOT_TLS};
    fail(ERR_PROTOCOL, "the peer speaks %s where TLS is expected", guess(first));
}

static enum tls_cause cause_of(int reason)
{
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL: return TLS_CAUSE_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return TLS_CAUSE_NO_COMMON;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return TLS_CAUSE_CERT;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_DECRYPTION_FAILED:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG: return TLS_CAUSE_RECORD;
    default: return TLS_CAUSE_PROTOCOL;
    }
}

static bool is_too_much(int reason)
{
    return reason == SSL_R_EXCESSIVE_MESSAGE_SIZE || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
           reason == SSL_R_ENCRYPTED_LENGTH_TOO_LONG || reason == SSL_R_DATA_LENGTH_TOO_LONG;
}

static const char *reason_text(unsigned long code)
{
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    return text ? text : "no reason given";
}

void tls_cause_alert(uint8_t number, struct tls_event *ev)
{
    *ev = (struct tls_event){.kind = TLS_FAILED, .cause = TLS_CAUSE_ALERT, .alert = number};
    fail(ERR_PROTOCOL, "the peer sent TLS alert %u: %s", number,
         SSL_alert_desc_string_long(number));
}

void tls_cause_take(const struct ssl_st *ssl, struct tls_event *ev)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    *ev = (struct tls_event){
        .kind = TLS_FAILED, .cause = cause_of(reason), .too_much = is_too_much(reason)};
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET) {
        tls_cause_alert((uint8_t)(reason - SSL_AD_REASON_OFFSET), ev);
    } else if (ev->cause == TLS_CAUSE_CERT) {
        fail(ERR_DENIED, "the peer's certificate is refused: %s",
             X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
    } else {
        fail(ERR_PROTOCOL, "TLS: %s", reason_text(code));
    }
    ERR_clear_error();
}

enum err tls_cause_fail(enum err code, const char *what)
{
    fail(code, "%s: %s", what, reason_text(ERR_peek_last_error()));
    ERR_clear_error();
    return code;
}
