/* upload.h - files that devices upload: where to, until when, and who is told.
 *
 *   begin ──▶ under way ──end, well──▶ (gone; a notification for services)
 *                 └──end, badly; SAS expired──▶ (gone; uncommitted blocks are dropped)
 *
 * A device asks for a place, uploads to it over the Azure Blob protocol with the signature that it
 * got, and says how it went.  The place is the hub's own (src/blob, front/blob) or a container of an
 * Azure account that was configured; the hub itself never talks to that.
 *
 * Runs on: any core; what is under way is rows of the store, which a unit keeps within the limit.
 * Life:    a wait is embedded in its owner and called back once, unless forgotten.
 * Limits:  the constants below.
 * Source:  "Upload files with IoT Hub"; "IoT Hub quotas and throttling".
 */
#ifndef HUB_UPLOAD_UPLOAD_H
#define HUB_UPLOAD_UPLOAD_H

#include "auth/blob_sas.h"
#include "base/rand.h"
#include "blob/blob.h"
#include "hub/hub.h"
#include "hub/status.h"
#include "store/store.h"

enum {
    UPLOAD_ACTIVE_MAX = 10, /* of a device (IoT Hub): DeviceMaximumActiveFileUploadLimitExceeded */
    UPLOAD_NAME_MAX = BLOBS_NAME_MAX,       /* with the device's id: ArgumentInvalid */
    UPLOAD_HOST_MAX = HUB_HOST_LEN_MAX + 6, /* with a port */
    UPLOAD_SWEEP_MAX = 100,                 /* expired uploads found at a time */
    UPLOAD_NOTICES_LOCKED_MAX = 64,         /* notifications delivered and not settled */
    UPLOAD_NOTICE_DELIVERIES_MAX = 100,     /* IoT Hub's default; then it is dropped */
};
#define UPLOAD_SAS_US         (3600 * 1000000ll) /* IoT Hub's default of sasTtlAsIso8601 */
#define UPLOAD_SKEW_US        (300 * 1000000ll)  /* a signature is valid that long before now */
#define UPLOAD_SWEEP_US       (60 * 1000000ll)
#define UPLOAD_NOTICE_TTL_US  (3600 * 1000000ll) /* IoT Hub's default */
#define UPLOAD_NOTICE_LOCK_US (60 * 1000000ll)   /* IoT Hub's default */

struct uploads;
struct notices;

/* What all cores share; does not change. */
struct upload_config {
    struct blob_account account;
    const char *container;
    struct blobs *blobs; /* NULL: the container is in an Azure account */
    bool quiet;          /* nobody is notified */
};

/* One per core. */
struct uploads *uploads_new(const struct hub *hub, struct lane *lane,
                            const struct upload_config *cfg);
void uploads_free(struct uploads *u); /* NULL is fine */

struct notices *upload_notices(struct uploads *u);

/* ---- verbs */

struct upload_answer {
    enum status status;
    const char *text; /* why not */
    /* of upload_begin() */
    const char *correlation_id, *host, *container;
    struct slice blob_name, sas; /* "device/name"; "?sv=..." */
};

struct upload_wait {
    void (*fn)(struct upload_wait *w, const struct upload_answer *a);
    /* private */
    struct uploads *uploads;
    struct store_wait store;
    struct blobs_wait blob;
    enum { UPLOAD_WAITS_FOR_NOTHING, UPLOAD_WAITS_FOR_STORE, UPLOAD_WAITS_FOR_BLOB } waits;
    char device_id[HUB_ID_LEN_MAX + 1];
    char correlation_id[RAND_GUID_LEN + 1];
    char host[UPLOAD_HOST_MAX + 1];
    struct buf blob_name;
    uint64_t size;
    int64_t modified_us;
    bool success, again;
};

void upload_forget(struct upload_wait *w);

/* `host` is what the device dialled; it comes back unless the container is in an Azure account.
 * ERR_INVALID: not a name, or a host of more than UPLOAD_HOST_MAX bytes; nothing follows. */
enum err upload_begin(struct uploads *u, struct slice device_id, struct slice name,
                      struct slice host, struct upload_wait *w) MUST_USE;

/* ERR_INVALID: not a correlation id; nothing follows. */
enum err upload_end(struct uploads *u, struct slice device_id, struct slice correlation_id,
                    bool success, struct upload_wait *w) MUST_USE;

#endif
