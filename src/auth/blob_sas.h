/* blob_sas.h - shared access signatures of Azure Blob Storage: what a device shows when it uploads.
 *
 *   ?sv=2021-12-02&sr=b&st=...&se=...&sp=rw&sig=...
 *
 * A service SAS: signed with the account's key over its fields and over the blob's (or container's)
 * name.  We make them for our own upload target and for a configured account, and check our own;
 * whoever has the key of our account may make them with any of Azure's SDKs.
 *
 * Runs on: any thread.
 * Limits:  BLOB_SAS_MAX bytes of query.
 * Errors:  blob_account_parse: ERR_INVALID with a text that never has a key.
 * Source:  "Create a service SAS", versions 2018-11-09 and 2020-12-06; "Configure Azure Storage
 *          connection strings".
 */
#ifndef AUTH_BLOB_SAS_H
#define AUTH_BLOB_SAS_H

#include "base/buf.h"

enum {
    BLOB_SAS_MAX = 2048,
    BLOB_ACCOUNT_NAME_MAX = 63,
    BLOB_ACCOUNT_KEY_MAX = 64, /* bytes */
    BLOB_ENDPOINT_MAX = 255,
};

struct blob_account {
    char name[BLOB_ACCOUNT_NAME_MAX + 1];
    char endpoint[BLOB_ENDPOINT_MAX + 1]; /* host[:port][/path]; empty: ours */
    uint8_t key[BLOB_ACCOUNT_KEY_MAX];
    size_t key_len;
};

/* AccountName=..;AccountKey=..[;BlobEndpoint=..][;EndpointSuffix=..][;DefaultEndpointsProtocol=https] */
enum err blob_account_parse(struct slice text, struct blob_account *out) MUST_USE;

enum blob_right {
    BLOB_READ = 1,
    BLOB_ADD = 2,
    BLOB_CREATE = 4,
    BLOB_WRITE = 8,
    BLOB_DELETE = 16,
};

/* Appends "?sv=...&sig=..." for reading and writing one blob (IoT Hub: sp=rw). */
void blob_sas_make(struct buf *out, const struct blob_account *a, struct slice container,
                   struct slice blob, int64_t from_us, int64_t until_us);

/* For reading, writing and deleting all of a container (sp=racwd). */
void blob_sas_make_container(struct buf *out, const struct blob_account *a, struct slice container,
                             int64_t from_us, int64_t until_us);

enum blob_sas_cause {
    BLOB_SAS_OK,
    BLOB_SAS_MISSING,   /* no signature */
    BLOB_SAS_MALFORMED, /* a field that cannot be read, or that we do not serve */
    BLOB_SAS_NOT_YET,
    BLOB_SAS_EXPIRED,
    BLOB_SAS_BAD_SIGNATURE,
};

const char *blob_sas_cause_text(enum blob_sas_cause cause);

/* Does `query` (raw) open that blob of that container?  `rights` gets what it allows. */
enum blob_sas_cause blob_sas_check(struct slice query, const struct blob_account *a,
                                   struct slice container, struct slice blob, int64_t now_us,
                                   unsigned *rights);

#endif
