/* certificate.h - the certification authorities whose devices the hub lets in.
 *
 * Somebody uploads the certificate of a CA, root or intermediate, and proves that its key is at hand:
 * the hub makes a code, and a certificate with that code as its common name, signed by the CA, is the
 * proof.  (Whoever may do all this may also declare the certificate verified.)  From then on a device
 * whose authentication is of type certificateAuthority may show any chain that leads to it.
 *
 * Every core has its own copy, so that a certificate is judged without asking anybody.  The first core
 * makes the changes, one after the other: store, then every core's copy, then the answer; once a
 * change is answered, every core goes by it.  Sessions that were opened before live on until they end
 * by themselves, as in IoT Hub.
 *
 * Runs on: the core's lane.
 * Life:    certificates_new() after store_open(), before the lanes run; certificates_free() after they
 *          stopped.
 * Limits:  X509_CAS_MAX CAs (IoT Hub: 25), X509_UPLOAD_MAX bytes of an upload, the constants below.
 * Source:  ARM Microsoft.Devices/IotHubs/{hub}/certificates, 2023-06-30; "Tutorial: Create and upload
 *          certificates for testing" (proof of possession).
 */
#ifndef HUB_CERTIFICATE_CERTIFICATE_H
#define HUB_CERTIFICATE_CERTIFICATE_H

#include "auth/x509.h"
#include "hub/etag.h"
#include "hub/hub.h"

enum {
    CERTIFICATE_NAME_MAX = 64, /* ARM: letters, digits, '-', '.', '_' */
    CERTIFICATE_CODE_LEN = 48, /* hex digits of a verification code */
    CERTIFICATE_THUMBPRINT_LEN = 2 * X509_SHA1_LEN,
    CERTIFICATE_CHANGES_MAX = 100,           /* that wait for the store; ERR_THROTTLED */
    CERTIFICATE_IF_MATCH_MAX = 2 * ETAG_MAX, /* bytes; a longer one matches nothing */
};

struct certificates;

enum err certificates_new(const struct hub *hub, struct lane *lane,
                          struct certificates **out) MUST_USE;
void certificates_free(struct certificates *c);

/* The verified ones; borrowed during the call or message at hand. */
const struct x509_cas *certificates_cas(const struct certificates *c);

/* ---- what there is; borrowed likewise */

struct certificate {
    char name[CERTIFICATE_NAME_MAX + 1];
    char subject[X509_SUBJECT_MAX + 1];
    char thumbprint[CERTIFICATE_THUMBPRINT_LEN + 1]; /* SHA-1, upper case */
    char code[CERTIFICATE_CODE_LEN + 1];             /* "": none is awaited */
    bool verified;
    uint64_t etag; /* see etag_of_number() */
    int64_t created_us, updated_us, until_us;
    uint32_t der_len;
    uint8_t der[];
};

const struct certificate *certificate_find(const struct certificates *c, struct slice name);

/* The i-th by name, or NULL. */
const struct certificate *certificate_at(const struct certificates *c, unsigned i);

/* ---- changes, from any core */

/* Who waits.  Embedded in its owner; `fn` is called once, unless forgotten.  `text` is for people, and
 * empty when the result is OK.
 * ERR_INVALID: a name or an upload that is none; ERR_NOT_FOUND; ERR_PRECONDITION: If-Match is missing
 * or another's; ERR_EXISTS: the same certificate under another name; ERR_FULL: X509_CAS_MAX;
 * ERR_DENIED: the proof is none; ERR_THROTTLED; what the store says. */
struct certificate_wait {
    void (*fn)(struct certificate_wait *w, enum err result, const char *text);
    struct addr slot;
};

/* In each, `if_match` is the header's value, or SLICE_NONE: there was none.  It is required, except to
 * create. */
void certificate_put(struct certificates *c, struct slice name, struct slice if_match,
                     struct slice upload, bool verified, struct certificate_wait *w);
void certificate_delete(struct certificates *c, struct slice name, struct slice if_match,
                        struct certificate_wait *w);
void certificate_make_code(struct certificates *c, struct slice name, struct slice if_match,
                           struct certificate_wait *w);
void certificate_verify(struct certificates *c, struct slice name, struct slice if_match,
                        struct slice proof, struct certificate_wait *w);

void certificate_forget(struct certificates *c, struct certificate_wait *w);

#endif
