/* auth.h - may the bearer of this token do that?  Shared access policies, and the one check.
 *
 * A token is signed with a key of an identity (a device's, a module's) or, when it names one, of a
 * shared access policy.  auth_by_keys() and auth_by_policy() answer with a cause, so that an
 * administrator can be told why a client was refused; the client itself is told "unauthorized" and
 * no more.
 *
 * Runs on: any thread.  `struct policies` is immutable once made; a change makes a new one.
 * Limits:  AUTH_POLICIES_MAX policies, AUTH_KEY_MAX bytes per key.
 * Source:  "Control access to IoT Hub using shared access signatures" (policies and permissions);
 *          .NET SDK AccessRights (bits); observed: a missing right is 401, not 403.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/sas.h"

struct json;

enum {
    AUTH_POLICIES_MAX = 64,
    AUTH_KEY_MAX = 64, /* bytes; IoT Hub: keys of 16 to 64 bytes */
    AUTH_KEY_MIN = 16,
    AUTH_KEY_TEXT_MAX = 88, /* the same in base64 */
    AUTH_KEY_MADE = 32,     /* bytes of a key that we make */
};

enum auth_right {
    AUTH_REGISTRY_READ = 1,
    AUTH_REGISTRY_WRITE = 2, /* "RegistryWrite" in a policy also gives AUTH_REGISTRY_READ */
    AUTH_SERVICE_CONNECT = 4,
    AUTH_DEVICE_CONNECT = 8,
    AUTH_SERVICE_CONFIG = 16, /* this and those below: DPS */
    AUTH_ENROLLMENT_READ = 32,
    AUTH_ENROLLMENT_WRITE = 64,
    AUTH_REGISTRATION_READ = 128,
    AUTH_REGISTRATION_WRITE = 256,
};

enum auth_cause {
    AUTH_OK,
    AUTH_MALFORMED, /* sas_parse() said no */
    AUTH_EXPIRED,
    AUTH_WRONG_RESOURCE, /* another host, device or path than was asked for */
    AUTH_UNKNOWN_POLICY, /* no such policy, or none named where one is needed */
    AUTH_BAD_SIGNATURE,
    AUTH_MISSING_RIGHT, /* the policy does not allow it */
    AUTH_SAS_REFUSED,   /* identities of that kind may not use tokens on this hub */
    AUTH_TOO_LONG,      /* it would be good for longer than the hub allows devices */
    /* of a client certificate (x509.h) */
    AUTH_CERTIFICATE_EXPIRED, /* itself or one that it rests on; so is the next */
    AUTH_CERTIFICATE_NOT_YET_VALID,
    AUTH_CERTIFICATE_WRONG_THUMBPRINT,
    AUTH_CERTIFICATE_WRONG_NAME, /* its common name is another device's */
    AUTH_CERTIFICATE_UNKNOWN_CA, /* no CA of the hub has issued it, or an intermediate is missing */
    AUTH_CERTIFICATE_BAD_CHAIN,  /* a signature, a purpose, a path length, too many links */
    AUTH_CAUSES,
};

const char *auth_cause_name(enum auth_cause c); /* "bad-signature": for logs and metrics */
const char *auth_cause_text(enum auth_cause c); /* a sentence for administrators */

struct auth_ask {
    struct slice path; /* what for, ids as they are: "devices/d/modules/m", "hub/Partitions/0" */
    unsigned rights;   /* enum auth_right; a policy must have all of them */
    int64_t now_us;    /* wall time */
    bool (*is_host)(const void *ctx, struct slice host); /* one of ours?  May carry a port */
    const void *ctx;
};

/* A token without a policy, signed with one of an identity's two keys (bytes; either may be empty). */
enum auth_cause auth_by_keys(const struct sas *t, const struct auth_ask *ask,
                             const struct slice keys[2]);

/* ---- policies */

struct auth_key {
    char text[AUTH_KEY_TEXT_MAX + 1]; /* base64 */
    uint8_t bytes[AUTH_KEY_MAX];
    size_t len;
};

/* ERR_INVALID unless `text` is base64 of AUTH_KEY_MIN to AUTH_KEY_MAX bytes. */
enum err auth_key_set(struct auth_key *key, struct slice text) MUST_USE;
void auth_key_make(struct auth_key *key); /* a random one */

struct policy {
    char name[SAS_POLICY_MAX + 1];
    unsigned rights;
    struct auth_key keys[2]; /* primary, secondary */
};

struct policies {
    size_t count;
    struct policy items[AUTH_POLICIES_MAX];
};

/* iothubowner, service, device, registryRead, registryReadWrite (the defaults of an Azure hub) and
 * provisioningserviceowner, with random keys. */
void policies_make(struct policies *p);

const struct policy *policies_find(const struct policies *p, struct slice name); /* or NULL */

/* "RegistryRead, ServiceConnect", in any case.  ERR_INVALID with a text when it names one that there is not,
 * or none at all. */
enum err rights_read(struct slice text, unsigned *out) MUST_USE;

/* [{"keyName","primaryKey","secondaryKey","rights":"RegistryRead, ..."}], as in Azure's management
 * API; the same with one policy.  Reading is ERR_INVALID with a text. */
void policies_write(struct buf *out, const struct policies *p);
void policies_write_names(struct buf *out, const struct policies *p); /* without the keys */
void policy_write(struct buf *out, const struct policy *p);
enum err policies_read(struct slice text, struct policies *out) MUST_USE;

enum auth_cause auth_by_policy(const struct sas *t, const struct auth_ask *ask,
                               const struct policies *p);

/* Is it signed as IoT clients do, with the bytes of a policy's key, and not with the text as Event Hubs clients do? */
bool auth_signed_with_bytes(const struct sas *t, const struct policies *p);

#endif
