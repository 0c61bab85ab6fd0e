/* dps.h - the Device Provisioning Service: enrollments, and devices that register through them.
 *
 * An enrollment says who may register (by symmetric key, certificate or TPM) and what becomes of him:
 * which hub, which id, which initial twin.  It is for one registration id, or for a group whose members
 * have keys derived from the group's or certificates issued by its CA.  A registration is what became
 * of one device.
 *
 * Everything about one registration id (its individual enrollment, its registration, the operation
 * under way) is owned by that id's home core.  Group enrollments are changed on the first core, and
 * every core has a copy to judge by.
 *
 *   front ──verb──▶ home of the id: who is it? ──no──▶ 401, 404
 *                     │ yes: 202, and an operation begins:
 *                     ├─ allocate a hub ─▶ remember it ─▶ identity ─▶ twin ─▶ remember the end
 *                     ▼
 *                   a poll tells how far it is
 *
 * The hub is remembered before the identity is written: whoever was interrupted goes on with the same
 * hub, so that there is one identity in the end, never two.
 *
 * Runs on: the core's lane.  Verbs may be called on any core; they post to the home.
 * Life:    dps_new() after registry_new(), twins_new() and certificates_new(), before the lanes run;
 *          dps_free() after they stopped.
 * Limits:  the constants below, and the codes named beside them.
 * Source:  DPS REST API, device and service, 2021-10-01; "Control access", "Symmetric key attestation",
 *          "X.509 certificate attestation", "Reprovisioning" of its documentation; README.md.
 */
#ifndef DPS_DPS_H
#define DPS_DPS_H

#include "auth/x509.h"
#include "base/arena.h"
#include "hub/hub.h"

enum {
    DPS_ID_MAX = 128,             /* registration and group ids */
    DPS_GROUPS_MAX = 1000,        /* DPS: 100 of each kind; 403: TooManyEnrollments */
    DPS_DOCUMENT_MAX = 128 << 10, /* bytes of an enrollment's JSON; 413 */
    DPS_BULK_MAX = 10,            /* enrollments of a bulk (DPS); 400004 */
    DPS_BULK_BODY_MAX = DPS_BULK_MAX * DPS_DOCUMENT_MAX,
    DPS_REGISTER_MAX = 96 << 10, /* bytes of what a device says (DPS: 96 KB); 413 */
    DPS_HUBS_MAX = 50,           /* hubs of an enrollment, linked hubs (DPS); 403202 */
    DPS_ATTEMPTS_MAX = 50,       /* that are remembered; the oldest goes */
    DPS_REFUSALS_TOLD_MAX =
        DPS_ATTEMPTS_MAX, /* of them refused at one home, in DPS_REFUSALS_TOLD_US */
    DPS_REFUSALS_TOLD_US = 1000000,
    DPS_ERROR_TEXT_MAX = 256,       /* bytes of why a registration failed; the rest is cut off */
    DPS_REPLY_TEXT_MAX = 160,       /* of them what another hub answered; likewise */
    DPS_HUB_DOCUMENT_MAX = 8 << 10, /* bytes of a linked hub's JSON; 413 */
    DPS_URL_MAX = 2048,             /* of a webhook; 400004 */
    DPS_TPM_MAX = 4096,             /* bytes of a TPM's two public keys; 413 */
    DPS_OPERATIONS_MAX = 4096,      /* operations under way at one home; 429001 */
    DPS_OPERATIONS_EACH_MAX =
        1024,                /* of them through one enrollment: a flood leaves room; 429001 */
    DPS_WEBHOOKS_MAX = 2048, /* of them with a webhook to ask; 429001 */
    DPS_CALLS_MAX = 10000,   /* calls under way at one home; 429001 */
    DPS_PAGE_MAX = 1000,     /* items of a query's answer */
    DPS_QUERY_MAX = 4 << 10, /* bytes of a query's JSON; 413 */
    DPS_ETAG_MAX = 64,       /* of an If-Match header; longer ones match nothing */
    DPS_CONTINUATION_MAX = 3 * DPS_ID_MAX, /* 400004 */
    DPS_OPERATION_ID_MAX = 64,             /* a longer one is nobody's: 404 */
    DPS_LATE_US = 50000,                   /* see struct dps_wait */
    DPS_GUESSES_MAX = 64,                  /* groups whose keys are tried for dps_is_group_key() */
    DPS_REVOKED_SHOWN_MAX = 100,           /* devices that the answer to a revocation names */
    DPS_REVOKED_LATE_MAX =
        DPS_OPERATIONS_EACH_MAX, /* of them whose identity is looked for again; others are absent */
    DPS_REVOKED_AGAIN_US = 2 * 1000000, /* after so long */
    DPS_RETRY_AFTER_S = 2,              /* Node would poll at once at 0, .NET takes 2 for less */
};

/* What a verb answers with besides HTTP's own 200, 202 and 204: the number in the body.  A number's
 * first three digits are the HTTP status.  Source: shared error enumeration of the IoT services; the
 * documentation of custom allocation (4002xx); numbers of the rest are ours. */
enum dps_code {
    DPS_OK = 200,
    DPS_ACCEPTED = 202,
    DPS_NO_CONTENT = 204,
    DPS_NO_VERSION = 400001,
    DPS_BAD_ARGUMENT = 400004,
    DPS_BAD_ENDORSEMENT_KEY = 400201,
    DPS_BAD_REGISTRATION_ID = 400202,
    DPS_BAD_STORAGE_ROOT_KEY = 400203,
    DPS_BAD_GROUP_ID = 400204,
    DPS_ID_DEFINED_MULTIPLE_TIMES = 400205,
    DPS_HUB_NOT_LINKED = 400206,
    DPS_ALLOCATION_FAILED = 400207,
    DPS_ALLOCATION_NO_HUB = 400208,
    DPS_ALLOCATION_UNAUTHORIZED = 400209,
    DPS_UNAUTHORIZED = 401002,
    DPS_TOO_MANY_ENROLLMENTS = 403201,
    DPS_TOO_MANY_HUBS = 403202,
    DPS_NO_ENROLLMENT = 404201,
    DPS_NO_REGISTRATION = 404202,
    DPS_NO_OPERATION = 404203,
    DPS_NO_GROUP = 404204,
    DPS_NO_CERTIFICATE = 404205,
    DPS_NO_HUB = 404206,
    DPS_ENROLLMENT_CONFLICT = 409201,
    DPS_GROUP_CONFLICT = 409202,
    DPS_REGISTRATION_CONFLICT = 409203,
    DPS_HUB_CONFLICT = 409204,
    DPS_PRECONDITION = 412001,
    DPS_TOO_LARGE = 413001,
    DPS_THROTTLED = 429001,
    DPS_SERVER_ERROR = 500001,
    DPS_HUB_FAILED = 502001,
    DPS_UNAVAILABLE = 503001,
};

/* {"errorCode","trackingId","message","info","timestampUtc"}, as every surface of DPS has it. */
void dps_error_write(struct buf *out, unsigned code, struct slice text);

struct dps;
struct registry;
struct twins;
struct certificates;
struct out;
struct x509_issuer;

struct dps_doors {
    struct registry *registry;
    struct twins *twins;
    const struct certificates *certificates;
    struct out *out;                  /* for webhooks */
    const struct x509_issuer *issuer; /* of certificates for devices; NULL: none are issued */
    int64_t issued_us;                /* how long they are good */
};

enum err dps_new(const struct hub *hub, struct lane *lane, const struct dps_doors *doors,
                 struct dps **out) MUST_USE;
void dps_free(struct dps *d); /* NULL is fine */

const struct hub *dps_hub(const struct dps *d);

/* The lower case of an id, in the arena: to DPS ids that differ in their case only are one. */
struct slice dps_id_lower(struct arena *a, struct slice id);

/* Borrowed during the call. */
struct dps_answer {
    unsigned code;             /* enum dps_code */
    struct slice body;         /* JSON; of an error: the object of dps_error_write() */
    struct slice etag;         /* bare; empty: none */
    struct slice operation_id; /* with DPS_ACCEPTED */
    struct slice continuation; /* of a query that has more; empty: that was all */
};

/* Who waits.  Embedded in its owner; `fn` is called once, after the verb has returned, unless it was
 * forgotten.
 *
 * Unhurried: its answer comes DPS_LATE_US later.  Azure's SDK for Java sends over MQTT and AMQP, then begins
 * to wait, and never sees an answer that came in between (provisioning-device-client 2.1.3,
 * ContractAPIMqtt.executeProvisioningMessage, ProvisioningAmqpOperations.sendStatusMessage). */
struct dps_wait {
    void (*fn)(struct dps_wait *w, const struct dps_answer *a);
    struct addr slot;
    bool unhurried;
};

void dps_forget(struct dps *d, struct dps_wait *w);

/* ---- for devices */

/* Who says that he is it, and what he shows for it. */
struct dps_device {
    struct slice registration_id;
    struct slice token; /* SAS; empty: none */
    struct slice
        tpm; /* its endorsement key and its storage root key, TPM2B_PUBLIC each; empty: what it
                         says when it registers has them */
    const struct x509_facts *certificate; /* NULL: none */
    struct slice peer; /* where it comes from, for hub/refusal and hub/diagnostic */
    enum hub_protocol protocol;
};

/* Could it register?  DPS_OK, also of a disabled enrollment; DPS_UNAUTHORIZED; DPS_NO_ENROLLMENT: its
 * certificate is good, and nobody has enrolled it. */
void dps_authenticate(struct dps *d, const struct dps_device *who, struct dps_wait *w);

/* With a TPM's keys in `who`: DPS_OK and the blob (auth/tpm.h) of a key with which this TPM can sign a
 * token; DPS_UNAUTHORIZED: it is not that of an enrollment. */
void dps_challenge(struct dps *d, const struct dps_device *who, struct dps_wait *w);

/* DeviceRegistration in, RegistrationOperationStatus out.  Of a TPM without a token: DPS_UNAUTHORIZED, and
 * the error has the same blob in base64 as authenticationKey. */
void dps_register(struct dps *d, const struct dps_device *who, struct slice json,
                  struct dps_wait *w);
void dps_poll(struct dps *d, const struct dps_device *who, struct slice operation_id,
              struct dps_wait *w);

/* DeviceRegistrationResult of what became of it. */
void dps_lookup(struct dps *d, const struct dps_device *who, struct dps_wait *w);

/* For whoever explains a refusal: is a token of a hub's device signed with a group's own key?  `group`
 * gets its id.  The first DPS_GUESSES_MAX groups with keys are tried. */
bool dps_is_group_key(const struct dps *d, const struct sas *t, struct buf *group);

/* ---- for services */

enum dps_kind { DPS_INDIVIDUAL, DPS_GROUP };

/* In each, `if_match` is the header's value, or SLICE_NONE: there was none.  Without it a PUT creates. */
void dps_enrollment_get(struct dps *d, enum dps_kind kind, struct slice id, struct dps_wait *w);
void dps_enrollment_put(struct dps *d, enum dps_kind kind, struct slice id, struct slice if_match,
                        struct slice json, struct dps_wait *w);
void dps_enrollment_delete(struct dps *d, enum dps_kind kind, struct slice id,
                           struct slice if_match, struct dps_wait *w);
void dps_enrollment_attestation(struct dps *d, enum dps_kind kind, struct slice id,
                                struct dps_wait *w);

/* {"enrollments" or "enrollmentGroups":[..],"mode"}; DPS_OK also when entries failed: see the body. */
void dps_enrollment_bulk(struct dps *d, enum dps_kind kind, struct slice json, struct dps_wait *w);

/* One page of a query: `top` items at most (0: DPS_PAGE_MAX), behind that continuation (empty: from the
 * beginning).  A JSON array. */
struct dps_page {
    struct slice json; /* {"query":"SELECT *"} */
    unsigned top;
    struct slice continuation;
};

void dps_enrollment_query(struct dps *d, enum dps_kind kind, const struct dps_page *page,
                          struct dps_wait *w);
void dps_registration_query(struct dps *d, struct slice group_id, const struct dps_page *page,
                            struct dps_wait *w);

/* {"dryRun":bool,"disableDevices":bool}: disables the group, and the identities of those who registered
 * through it; with dryRun it only counts them.  The answer names up to a hundred. */
void dps_group_revoke(struct dps *d, struct slice group_id, struct slice json, struct dps_wait *w);

/* ---- for administrators: the hubs that devices are assigned to, this server's own among them */

void dps_hub_list(struct dps *d, struct dps_wait *w);
void dps_hub_get(struct dps *d, struct slice name, struct dps_wait *w);
void dps_hub_put(struct dps *d, struct slice name, struct slice if_match, struct slice json,
                 struct dps_wait *w);
void dps_hub_delete(struct dps *d, struct slice name, struct slice if_match, struct dps_wait *w);

/* The last attempts, the newest first, without secrets: [{"time","outcome" ("assigned", "failed", "disabled", "refused",
 * "throttled"),"registrationId","peer","enrollment":{"kind","id","attestation"},"hub","deviceId","cause","text"}];
 * what is not known is left out, `enrollment` where none was found. */
void dps_attempts(struct dps *d, struct dps_wait *w);

void dps_registration_get(struct dps *d, struct slice registration_id, struct dps_wait *w);
void dps_registration_delete(struct dps *d, struct slice registration_id, struct slice if_match,
                             struct dps_wait *w);

#endif
