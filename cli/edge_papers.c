/* edge_papers.c - see edge_papers.h. */
#include "cli/edge_papers.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/x509_make.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

enum { EARLY_S = 3600 };

struct edge_root {
    X509 *cert;
    EVP_PKEY *key;
    struct buf pem, key_pem;
};

/* ---- making */

static X509 *begin(EVP_PKEY *key, struct slice name, int days)
{
    X509 *cert = X509_new();
    time_t now = (time_t)(clock_wall_us() / 1000000);
    X509_set_version(cert, X509_VERSION_3);
    x509_set_serial(cert);
    X509_time_adj_ex(X509_getm_notBefore(cert), 0, -EARLY_S, &now);
    X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, name.ptr,
                               (int)name.len, -1, 0);
    X509_set_pubkey(cert, key);
    return cert;
}

/* `issuer` NULL: by itself. */
static void finish(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, bool ca)
{
    X509 *by = issuer ? issuer : cert;
    X509_set_issuer_name(cert, X509_get_subject_name(by));
    x509_add(cert, by, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    x509_add(cert, by, NID_key_usage,
             ca ? "critical,digitalSignature,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (!ca) x509_add(cert, by, NID_ext_key_usage, "clientAuth");
    x509_add(cert, by, NID_subject_key_identifier, "hash");
    if (issuer) x509_add(cert, by, NID_authority_key_identifier, "keyid,issuer");
    X509_sign(cert, issuer_key, EVP_sha256());
}

/* ---- the root */

struct edge_root *edge_root_make(void)
{
    char name[40];
    struct edge_root *root = NEW(struct edge_root);
    snprintf(name, sizeof name, "azimuth edge root %08x", (unsigned)rand_u64());
    root->key = EVP_EC_gen("P-256");
    root->cert = begin(root->key, slice_str(name), EDGE_ROOT_DAYS);
    finish(root->cert, NULL, root->key, true);
    x509_put_pem(&root->pem, root->cert);
    x509_put_key_pem(&root->key_pem, root->key);
    return root;
}

static const char *fault_of(const struct edge_root *root)
{
    if (root->cert == NULL) return "the root certificate is no certificate in PEM";
    if (root->key == NULL) return "the root's key is no key in PEM, or has another password";
    if (X509_check_private_key(root->cert, root->key) != 1)
        return "the root certificate and the key do not belong together";
    if (X509_check_ca(root->cert) != 1) return "the root certificate is no CA's";
    if (X509_cmp_current_time(X509_get0_notAfter(root->cert)) < 0)
        return "the root certificate has expired";
    return NULL;
}

enum err edge_root_load(struct slice cert, struct slice key, const char *password,
                        struct edge_root **out)
{
    struct edge_root *root = NEW(struct edge_root);
    root->cert = x509_read_pem(cert);
    root->key = x509_read_key_pem(key, password);
    buf_put_slice(&root->pem, cert);
    const char *fault = fault_of(root);
    ERR_clear_error();
    if (fault) {
        edge_root_free(root);
        return fail(ERR_INVALID, "%s", fault);
    }
    *out = root;
    return OK;
}

void edge_root_free(struct edge_root *root)
{
    if (root == NULL) return;
    X509_free(root->cert);
    EVP_PKEY_free(root->key);
    buf_free(&root->pem);
    buf_wipe(&root->key_pem);
    free(root);
}

struct slice edge_root_cert(const struct edge_root *root)
{
    return buf_slice(&root->pem);
}

struct slice edge_root_key(const struct edge_root *root)
{
    return buf_size(&root->key_pem) ? buf_slice(&root->key_pem) : SLICE_NONE;
}

/* ---- a device's */

static void make_ca(const struct edge_root *root, struct slice id, struct edge_papers *out)
{
    char name[EDGE_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s" EDGE_CA_SUFFIX, SLICE_ARG(id));
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = begin(key, slice_str(name), EDGE_DAYS);
    finish(cert, root->cert, root->key, true);
    x509_put_pem(&out->chain, cert);
    buf_put_slice(&out->chain, buf_slice(&root->pem));
    x509_put_key_pem(&out->ca_key, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void make_login(struct slice id, struct edge_papers *out)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = sizeof hash;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = begin(key, id, EDGE_DAYS);
    finish(cert, NULL, key, false);
    x509_put_pem(&out->login, cert);
    x509_put_key_pem(&out->login_key, key);
    X509_digest(cert, EVP_sha256(), hash, &len);
    text_hex(&out->thumbprint, slice_of(hash, len));
    X509_free(cert);
    EVP_PKEY_free(key);
}

void edge_papers_make(const struct edge_root *root, struct slice id, bool login,
                      struct edge_papers *out)
{
    assert(id.len <= EDGE_ID_MAX);
    *out = (struct edge_papers){0};
    make_ca(root, id, out);
    if (login) make_login(id, out);
}

void edge_papers_free(struct edge_papers *p)
{
    buf_free(&p->chain);
    buf_wipe(&p->ca_key);
    buf_free(&p->login);
    buf_wipe(&p->login_key);
    buf_free(&p->thumbprint);
}
