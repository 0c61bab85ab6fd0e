/* ticket.c - session tickets: sealed with a key of the context, opened with that or the one before.
 *
 * RFC 5077 section 4 layout: key name, IV, AES-256-CBC, HMAC-SHA256.  OpenSSL does the sealing; we
 * choose the keys.  A key lives as long as two snapshots of its context, then it is wiped, and
 * tickets from that time cannot be opened by anyone. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "base/rand.h"
#include "proto/tls/cause.h"
#include "proto/tls/context.h"
#include "proto/tls/wire.h"

/* What OpenSSL wants to hear about a ticket. */
enum { TICKET_NONE = 0, TICKET_GOOD = 1, TICKET_RENEW = 2, TICKET_ERROR = -1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes; /* fetched once: a fetch by name per handshake costs a microsecond or two */

static void fetch(void)
{
    aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
}

static bool start_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_END,
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(const struct ticket_key *key, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac)
{
    /* A resumed session has no certificate to show, so who showed one gets no ticket. */
    if (tls_wire_current()->has_shown) return TICKET_NONE;
    memcpy(name, key->name, sizeof key->name);
    rand_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(aes));
    if (!EVP_EncryptInit_ex2(cipher, aes, key->aes, iv, NULL) || !start_mac(mac, key))
        return TICKET_ERROR;
    return TICKET_GOOD;
}

static int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int sealing)
{
    (void)ssl;
    const struct ticket_key *keys = tls_wire_current()->ctx->keys;
    if (sealing) return seal(&keys[0], name, iv, cipher, mac);
    int which = 0;
    while (which < 2 && memcmp(name, keys[which].name, sizeof keys[which].name) != 0) which++;
    if (which == 2) return TICKET_NONE;
    if (!EVP_DecryptInit_ex2(cipher, aes, keys[which].aes, iv, NULL) ||
        !start_mac(mac, &keys[which]))
        return TICKET_ERROR;
    return which == 0 ? TICKET_GOOD : TICKET_RENEW;
}

enum err tls_ticket_setup(struct tls_context *ctx, const struct tls_context *previous)
{
    pthread_once(&once, fetch);
    if (aes == NULL) return tls_cause_fail(ERR_UNSUPPORTED, "OpenSSL has no AES-256-CBC");
    rand_bytes(&ctx->keys[0], sizeof ctx->keys[0]);
    if (previous)
        ctx->keys[1] = previous->keys[0];
    else
        rand_bytes(&ctx->keys[1], sizeof ctx->keys[1]);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx->ssl_ctx, on_ticket);
    SSL_CTX_set_timeout(ctx->ssl_ctx, TLS_TICKET_LIFE_S);
    /* One ticket per full handshake.  TLS 1.3 clients that use each ticket only once get their next
     * one with the next full handshake; ours are reused by every client we know. */
    SSL_CTX_set_num_tickets(ctx->ssl_ctx, 1);
    return OK;
}
