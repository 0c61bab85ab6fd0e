/* certs.c - making and checking X.509 certificates with OpenSSL. */
#include "server/certs.h"

#include <arpa/inet.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <time.h>

#include "auth/x509_issuer.h"
#include "auth/x509_make.h"
#include "base/mem.h"
#include "base/rand.h"

static const struct {
    const char *chain, *key;
} file_names[CERTS_KINDS] = {
    [CERTS_EC] = {"server-ec.pem", "server-ec.key"},
    [CERTS_RSA] = {"server-rsa.pem", "server-rsa.key"},
};

static const char *const always[] = {"localhost", "azimuth.localhost", "127.0.0.1", "::1"};
enum { ALWAYS = sizeof always / sizeof *always };

int64_t certs_pair_until_s(const struct certs_pair *pair)
{
    X509 *cert = x509_read_pem(buf_slice(&pair->chain));
    struct tm tm;
    bool fine = cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1;
    X509_free(cert);
    return fine ? (int64_t)timegm(&tm) : 0;
}

void certs_pair_free(struct certs_pair *pair)
{
    buf_wipe(&pair->key);
    buf_free(&pair->chain);
}

/* ---- building a certificate */

static void set_validity(X509 *cert, int64_t wall_us, int days)
{
    time_t now = (time_t)(wall_us / 1000000);
    X509_time_adj_ex(X509_getm_notBefore(cert), -CERTS_EARLY_DAYS, 0, &now);
    X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now);
}

static void set_name(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"azimuth", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0);
}

static X509 *new_cert(EVP_PKEY *key, const char *common_name, int64_t wall_us, int days)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2); /* X.509 version 3 */
    x509_set_serial(cert);
    set_validity(cert, wall_us, days);
    set_name(cert, common_name);
    X509_set_pubkey(cert, key);
    return cert;
}

static atomic_bool abandoned;

void certs_abandon(void)
{
    atomic_store(&abandoned, true);
}

static int still_wanted(EVP_PKEY_CTX *ctx)
{
    (void)ctx;
    return !atomic_load(&abandoned);
}

/* NULL when it was abandoned: on a busy machine the search for primes takes many seconds. */
static EVP_PKEY *new_rsa_key(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, CERTS_RSA_BITS);
    EVP_PKEY_CTX_set_cb(ctx, still_wanted);
    if (EVP_PKEY_keygen(ctx, &key) <= 0) key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *new_key(enum certs_kind kind)
{
    return kind == CERTS_RSA ? new_rsa_key() : EVP_EC_gen("P-256");
}

/* ---- the CA */

struct ca {
    X509 *cert;
    EVP_PKEY *key;
};

static void ca_free(struct ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
}

static enum err damaged(const char *what)
{
    return fail(ERR_CORRUPT,
                "%s; restore both from a backup, or remove both to make a new CA, which every "
                "client must be told of",
                what);
}

/* One half without the other is a loss, unless the first start was interrupted: the key is written
 * first, and server certificates come after both. */
static enum err judge_missing(struct io *files, enum err chain, enum err key)
{
    struct buf leaf = {0};
    if (chain == OK) return damaged("ca.key is missing beside ca.pem");
    enum err made = io_load(files, file_names[CERTS_EC].chain, &leaf);
    buf_free(&leaf);
    if (made == OK && key == OK) return damaged("ca.pem is missing beside ca.key");
    return ERR_NOT_FOUND;
}

static enum err ca_parse(const struct certs_pair *pair, struct ca *out)
{
    out->cert = x509_read_pem(buf_slice(&pair->chain));
    out->key = x509_read_key_pem(buf_slice(&pair->key), NULL);
    if (out->cert && out->key && X509_check_private_key(out->cert, out->key) == 1 &&
        X509_verify(out->cert, out->key) == 1)
        return OK;
    ca_free(out);
    return damaged("ca.pem and ca.key do not belong together");
}

static enum err ca_load(struct io *files, struct ca *out)
{
    struct certs_pair pair = {0};
    *out = (struct ca){0};
    enum err chain = io_load(files, "ca.pem", &pair.chain);
    enum err key = io_load(files, "ca.key", &pair.key);
    enum err e = chain ? chain : key;
    if (chain == ERR_NOT_FOUND || key == ERR_NOT_FOUND)
        e = judge_missing(files, chain, key);
    else if (e == OK)
        e = ca_parse(&pair, out);
    certs_pair_free(&pair);
    return e;
}

static enum err ca_make(struct io *files, int64_t wall_us)
{
    char name[32];
    struct certs_pair pair = {0};
    EVP_PKEY *key = new_key(CERTS_EC);
    snprintf(name, sizeof name, "azimuth CA %08x", (unsigned)rand_u64());
    X509 *cert = new_cert(key, name, wall_us, CERTS_CA_DAYS);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    x509_add(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    x509_add(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    x509_add(cert, cert, NID_subject_key_identifier, "hash");
    X509_sign(cert, key, EVP_sha256());
    x509_put_pem(&pair.chain, cert);
    x509_put_key_pem(&pair.key, key);
    enum err e = io_store(files, "ca.key", buf_slice(&pair.key));
    if (e == OK) e = io_store(files, "ca.pem", buf_slice(&pair.chain));
    certs_pair_free(&pair);
    X509_free(cert);
    EVP_PKEY_free(key);
    return e;
}

enum err certs_prepare(struct io *files, int64_t wall_us)
{
    struct ca ca;
    enum err e = ca_load(files, &ca);
    if (e == ERR_NOT_FOUND) return ca_make(files, wall_us);
    if (e == OK) ca_free(&ca);
    return e;
}

/* ---- server certificates */

static bool is_address(const char *name)
{
    uint8_t raw[16];
    return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

/* "DNS:hub.example,IP:127.0.0.1,..." without repetition. */
static void list_names(struct buf *out, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count + ALWAYS; i++) {
        const char *name = i < count ? names[i] : always[i - count];
        bool seen = false;
        for (unsigned j = 0; j < i && !seen; j++)
            seen = strcasecmp(name, j < count ? names[j] : always[j - count]) == 0;
        if (seen) continue;
        if (buf_size(out)) buf_put_u8(out, ',');
        buf_printf(out, "%s:%s", is_address(name) ? "IP" : "DNS", name);
    }
}

static bool same_names(X509 *cert, const char *names)
{
    X509_EXTENSION *want = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
    X509_EXTENSION *have = at >= 0 ? X509_get_ext(cert, at) : NULL;
    bool same =
        want && have &&
        ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(want), X509_EXTENSION_get_data(have)) == 0;
    X509_EXTENSION_free(want);
    return same;
}

/* Ours, for these names, and good for a while. */
static bool still_fits(const struct ca *ca, const struct certs_pair *pair, const char *names,
                       int64_t wall_us)
{
    X509 *cert = x509_read_pem(buf_slice(&pair->chain));
    EVP_PKEY *key = x509_read_key_pem(buf_slice(&pair->key), NULL);
    time_t renewal = (time_t)(wall_us / 1000000) + (time_t)CERTS_RENEW_DAYS * 86400;
    bool fits = cert && key && X509_check_private_key(cert, key) == 1 &&
                X509_verify(cert, X509_get0_pubkey(ca->cert)) == 1 &&
                X509_cmp_time(X509_get0_notAfter(cert), &renewal) > 0 && same_names(cert, names);
    X509_free(cert);
    EVP_PKEY_free(key);
    return fits;
}

static enum err server_make(const struct ca *ca, enum certs_kind kind, const char *common_name,
                            const char *names, int64_t wall_us, struct certs_pair *out)
{
    EVP_PKEY *key = new_key(kind);
    if (key == NULL) return fail(ERR_CLOSED, "no key was made: the server stops");
    X509 *cert = new_cert(key, common_name, wall_us, CERTS_SERVER_DAYS);
    X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
    x509_add(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
    x509_add(cert, ca->cert, NID_key_usage,
             kind == CERTS_RSA ? "critical,digitalSignature,keyEncipherment"
                               : "critical,digitalSignature");
    x509_add(cert, ca->cert, NID_ext_key_usage, "serverAuth");
    x509_add(cert, ca->cert, NID_subject_key_identifier, "hash");
    x509_add(cert, ca->cert, NID_authority_key_identifier, "keyid:always");
    x509_add(cert, ca->cert, NID_subject_alt_name, names);
    X509_sign(cert, ca->key, EVP_sha256());
    x509_put_pem(&out->chain, cert);
    x509_put_key_pem(&out->key, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return OK;
}

static enum err load_or_make(struct io *files, const struct ca *ca, enum certs_kind kind,
                             const char *common_name, const char *names, int64_t wall_us,
                             struct certs_pair *out)
{
    enum err e = io_load(files, file_names[kind].chain, &out->chain);
    if (e == OK) e = io_load(files, file_names[kind].key, &out->key);
    if (e != OK && e != ERR_NOT_FOUND) return e;
    if (e == OK && still_fits(ca, out, names, wall_us)) return OK;
    certs_pair_free(out);
    TRY(server_make(ca, kind, common_name, names, wall_us, out));
    TRY(io_store(files, file_names[kind].key, buf_slice(&out->key)));
    return io_store(files, file_names[kind].chain, buf_slice(&out->chain));
}

enum err certs_server(struct io *files, enum certs_kind kind, const char *const *names,
                      unsigned name_count, int64_t wall_us, struct certs_pair *out)
{
    struct ca ca;
    struct buf list = {0};
    *out = (struct certs_pair){0};
    TRY(ca_load(files, &ca));
    list_names(&list, names, name_count);
    const char *common_name = name_count ? names[0] : always[0];
    if (strlen(common_name) > 64) common_name = "azimuth"; /* X.520: at most 64 characters */
    enum err e = load_or_make(files, &ca, kind, common_name, buf_cstr(&list), wall_us, out);
    if (e != OK) certs_pair_free(out);
    buf_free(&list);
    ca_free(&ca);
    return e;
}

enum err certs_issuer(struct io *files, int64_t wall_us, struct x509_issuer **out)
{
    struct certs_pair pair = {0};
    TRY(certs_prepare(files, wall_us));
    enum err e = io_load(files, "ca.pem", &pair.chain);
    if (e == OK) e = io_load(files, "ca.key", &pair.key);
    if (e == OK) e = x509_issuer_new(buf_slice(&pair.chain), buf_slice(&pair.key), out);
    certs_pair_free(&pair);
    return e;
}
