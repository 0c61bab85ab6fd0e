/* enrollment.h - one enrollment: as a document, and taken apart.  Private to dps. */
#ifndef DPS_ENROLLMENT_H
#define DPS_ENROLLMENT_H

#include "auth/auth.h"
#include "base/json.h"
#include "dps/dps.h"

/* The list of a bulk, {"enrollments":[...]}, fits around it. */
enum { ENROLLMENT_LEVELS_MAX = JSON_DEPTH_MAX - 2 };

enum attestation {
    ATTESTATION_TPM,
    ATTESTATION_X509,
    ATTESTATION_SYMMETRIC_KEY,
    ATTESTATIONS,
};

const char *attestation_name(enum attestation a); /* "symmetricKey" */

enum allocation {
    ALLOCATION_UNSAID, /* hashed */
    ALLOCATION_HASHED,
    ALLOCATION_GEO_LATENCY,
    ALLOCATION_STATIC,
    ALLOCATION_CUSTOM,
    ALLOCATIONS,
};

/* All slices lie in the arena that it was read into. */
struct enrollment {
    enum dps_kind kind;
    struct slice id;        /* as it was given */
    struct slice device_id; /* of an individual; empty: the registration id */
    enum attestation attestation;
    struct auth_key keys[2];
    bool signs;               /* X.509: the certificates are those of CAs, else the device's own */
    struct slice der[2];      /* primary and secondary; empty: none */
    struct slice ca_names[2]; /* or a certificate of the list, by name */
    struct slice endorsement_key, storage_root_key; /* base64 */
    bool srk_shown; /* by the device, not enrolled: it stands there for people, and binds nobody */
    bool disabled, iot_edge, has_capabilities;
    bool has_reprovisioning, updates_hub, migrates;
    enum allocation allocation;
    struct slice hub; /* iotHubHostName; empty: none */
    struct slice hubs[DPS_HUBS_MAX];
    unsigned hub_count;
    struct slice webhook_url, webhook_version; /* ALLOCATION_CUSTOM */
    struct slice initial_twin;                 /* JSON; ptr NULL: none; so are those below */
    struct slice model_twins;                  /* initial twins by model id */
    struct slice optional_information;
    struct slice credential_policy;
    uint64_t etag;
    int64_t created_us, updated_us;
    unsigned
        levels; /* of the JSON that is stored: older servers took more than ENROLLMENT_LEVELS_MAX */
};

/* Registration ids: letters, digits, '-', '.', '_', ':', the last a letter, a digit or '-'.  Ids of
 * groups likewise. */
bool dps_id_valid(struct slice id);

/* What somebody PUTs, or what is stored.  `old`: the one that it replaces, whose keys and certificates
 * stay where the document does not say others; NULL: none.  ERR_INVALID and ERR_TOO_BIG with a text;
 * *code gets what to answer. */
enum err enrollment_read(struct arena *a, enum dps_kind kind, const struct json *doc,
                         const struct enrollment *old, struct enrollment *out,
                         unsigned *code) MUST_USE;

/* Of a row: document, etag, created_us, updated_us; the last three also on ERR_CORRUPT. */
struct store_value;
enum err enrollment_of_row(struct arena *a, enum dps_kind kind, const struct store_value *col,
                           struct enrollment *out) MUST_USE;

enum enrollment_view {
    ENROLLMENT_STORED,  /* everything */
    ENROLLMENT_CREATED, /* as a PUT answers: with symmetric keys, without certificates */
    ENROLLMENT_SHOWN,   /* without secrets */
    ENROLLMENT_WEBHOOK, /* likewise, and the query of the webhook's address is masked */
};

/* `registration`: JSON of its state, shown with an individual one; empty: none. */
void enrollment_write(struct buf *out, const struct enrollment *e, enum enrollment_view view,
                      struct slice registration);

/* The AttestationMechanism object (attestation.c). */
void attestation_write(struct buf *out, const struct enrollment *e, enum enrollment_view view);
enum err attestation_read(struct arena *a, const struct json *doc, const struct enrollment *old,
                          struct enrollment *out, unsigned *code) MUST_USE;

/* X509CertificateInfo of a certificate in DER. */
void certificate_info_write(struct buf *out, struct slice der);

/* An object's member that may be left out or null; ERR_INVALID if it is of another type. */
enum err member_text(const struct json *object, const char *key, struct slice *out) MUST_USE;
enum err member_bool(const struct json *object, const char *key, bool otherwise,
                     bool *out) MUST_USE;
enum err member_object(const struct json *object, const char *key,
                       const struct json **out) MUST_USE;

#endif
