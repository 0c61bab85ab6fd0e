/* sas.c - see sas.h. */
#include "sas.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util.h"

static size_t decode_base64(const char *text, unsigned char *out, size_t max)
{
    size_t len = strlen(text), pad = 0;
    while (pad < len && text[len - 1 - pad] == '=') pad++;
    if (len % 4 || len / 4 * 3 > max) die("bad base64 key '%s'", text);
    int n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    if (n < 0) die("bad base64 key '%s'", text);
    return (size_t)n - pad;
}

static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void encode_url(char *out, size_t max, const char *text)
{
    size_t n = 0;
    for (; *text && n + 4 < max; text++) {
        unsigned char c = (unsigned char)*text;
        if (is_plain(c))
            out[n++] = (char)c;
        else
            n += (size_t)sprintf(out + n, "%%%02X", c);
    }
    out[n] = 0;
}

void sas_derive(const char *master, const char *id, char key[SAS_KEY_MAX])
{
    unsigned char secret[256], mac[32];
    unsigned mac_len = sizeof mac;
    size_t secret_len = decode_base64(master, secret, sizeof secret);
    if (!HMAC(EVP_sha256(), secret, (int)secret_len, (const unsigned char *)id, strlen(id), mac,
              &mac_len))
        die("HMAC failed");
    EVP_EncodeBlock((unsigned char *)key, mac, sizeof mac);
}

char *sas_token(const char *host, const char *id, const char *key, long ttl_s)
{
    static long expiry;
    char plain[512], resource[1024], to_sign[1100], mac[SAS_KEY_MAX], signature[256];
    if (!expiry) expiry = (long)time(NULL) + ttl_s;
    snprintf(plain, sizeof plain, "%s/devices/%s", host, id);
    encode_url(resource, sizeof resource, plain);
    snprintf(to_sign, sizeof to_sign, "%s\n%ld", resource, expiry);
    sas_derive(key, to_sign, mac); /* a signature is made as a key is */
    encode_url(signature, sizeof signature, mac);
    return xprintf("SharedAccessSignature sr=%s&sig=%s&se=%ld", resource, signature, expiry);
}
