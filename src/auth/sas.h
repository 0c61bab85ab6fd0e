/* sas.h - shared access signature tokens: read, verify, make.
 *
 *   SharedAccessSignature sr=<resource>&sig=<signature>&se=<epoch seconds>[&skn=<policy>]
 *
 * The signature is HMAC-SHA256 over `sr` exactly as it was sent, a newline and `se` exactly as it
 * was sent.  Every SDK spells `sr` in its own way (percent-encoded whole, in parts or not at all,
 * ids encoded twice), so the bytes on the wire are kept and signed, and only the comparison with
 * what is asked for decodes them.
 *
 * Runs on: any thread; each keeps one HMAC context.
 * Limits:  SAS_TOKEN_MAX bytes per token, SAS_POLICY_MAX per policy name.
 * Errors:  sas_parse: ERR_INVALID with a text for administrators; peers are told nothing of it.
 * Source:  "Control access to IoT Hub using shared access signatures"; the SDKs' token builders.
 */
#ifndef AUTH_SAS_H
#define AUTH_SAS_H

#include "base/buf.h"

enum {
    SAS_TOKEN_MAX = 4096,
    SAS_POLICY_MAX = 64, /* IoT Hub: length of a policy's name */
    SAS_SIGNATURE_LEN = 32,
    SAS_READINGS = 3,
};

/* A token is good for this long after `se`: the device's clock may be five minutes off, and IoT Hub
 * disconnects about five minutes after expiry. */
#define SAS_GRACE_US (300 * 1000000ll)

struct sas {
    struct slice resource;           /* `sr` as sent; borrowed from the token, as is `expiry` */
    struct slice expiry;             /* `se` as sent */
    int64_t expires_us;              /* `se` as wall time, without the grace */
    char policy[SAS_POLICY_MAX + 1]; /* `skn` decoded; "" when signed with an identity's own key */
    uint8_t signature[SAS_SIGNATURE_LEN];
};

/* Does that text mean to be such a token?  (CBS clients mislabel its type.) */
bool sas_is(struct slice text);

enum err sas_parse(struct slice token, struct sas *out) MUST_USE;

/* Is `t` signed with `key`, the bytes of the key?  IoT clients decode a key's base64 first, Event
 * Hubs clients sign with the base64 text itself.  Falls back to the decoded and re-encoded forms of
 * `sr`, since some tools sign one form and send another. */
bool sas_verify(const struct sas *t, struct slice key);

/* When a connection that rests on `t` must end, wall time. */
static inline int64_t sas_ends_us(const struct sas *t)
{
    return t->expires_us > INT64_MAX - SAS_GRACE_US ? INT64_MAX : t->expires_us + SAS_GRACE_US;
}

/* `sr` as host and path.  Nearly everybody means the reading 0, decoded once; the C SDK sends ids
 * with their '%' undecoded (reading 1, as sent) and .NET encodes ids twice (reading 2). */
struct sas_resource {
    struct slice host;           /* may carry a port; case does not matter */
    struct slice path;           /* without slashes at its ends, "" for everything on that host */
    uint8_t text[SAS_TOKEN_MAX]; /* both point into it: do not copy this struct */
};

/* False when there is no such reading or it is the same as an earlier one. */
bool sas_resource(const struct sas *t, unsigned reading, struct sas_resource *out);

/* Does `have` cover `want`, segment by segment?  Case matters in device and module ids only.  What
 * old tools put behind the resource ("/api-version=...") is ignored. */
bool sas_path_covers(struct slice have, struct slice want);

/* The ids in devices/{d}[/modules/{m}][/...]; false if the path is none.  No module: SLICE_NONE. */
bool sas_path_ids(struct slice path, struct slice *device, struct slice *module);

/* The key of one device of a group: HMAC-SHA256 of its registration id under the group's key (bytes).
 * Source: "Symmetric key attestation" (DPS), group enrollments. */
void sas_derive_key(struct slice group_key, struct slice registration_id,
                    uint8_t out[SAS_SIGNATURE_LEN]);

/* Appends a token.  `resource` is plain text ("host/devices/d") and is encoded here; `policy` NULL
 * or "" for none. */
void sas_make(struct buf *out, struct slice resource, struct slice key, const char *policy,
              int64_t expires_s);

#endif
