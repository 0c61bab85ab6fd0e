/* transfer.h - whole fleets in and out: import and export jobs with blob containers, in Azure's files.
 *
 *   enqueued ──▶ running ──all lines had their turn──▶ completed
 *                   ├──a container does not answer, the server stopped──▶ failed
 *                   └──────────────────────────────────────────────────▶ cancelled
 *
 * An export writes devices.txt, a line of JSON for each identity, modules behind their device.  An import
 * reads such a file, does what each line says, and writes importErrors.log with a line for each that
 * could not be done.  With includeConfigurations a second file, configurations.txt, has a line for each
 * configuration.  Files pass through in pieces: memory holds a few of them, whatever their length.
 *
 * The first core runs them, one at a time.  A blob appears when it is complete.  After a restart an
 * export starts again; an import that had begun has failed, and says how far it had come.
 *
 * Runs on: struct transfers on each core; verbs may be called on any.
 * Life:    transfers_new() after registry_new() and configurations_new(), before the lanes run; transfers_free() before it, after
 *          they stopped.  A wait is called once, never before the verb has returned, unless forgotten.
 * Limits:  the constants below, each with what is said when it is reached.
 * Source:  "Import and export IoT Hub device identities in bulk"; service REST API 2021-04-12; the
 *          behaviour of a real hub where those are silent; README.md.
 */
#ifndef HUB_TRANSFER_TRANSFER_H
#define HUB_TRANSFER_TRANSFER_H

#include "hub/hub.h"
#include "hub/status.h"

enum {
    TRANSFER_BODY_MAX = 16 << 10,  /* bytes of a request: MessageTooLarge */
    TRANSFER_URI_MAX = 4 << 10,    /* bytes of a container's URI: ArgumentInvalid */
    TRANSFER_LINE_MAX = 512 << 10, /* bytes of a line; a longer one is an error of that line */
    TRANSFER_WRONG_CONFIGURATIONS_MAX = 1000, /* lines of their file; with one more the job fails */
    TRANSFER_LIST_MAX = 1000,                 /* jobs of a list, the newest */
    TRANSFER_ASKS_MAX = 1000,                 /* verbs under way: ThrottleBacklogLimitExceeded */
};
#define TRANSFER_SAS_US       (24 * INT64_C(3600) * 1000000)
#define TRANSFER_RETENTION_US (30 * INT64_C(86400) * 1000000) /* of a job that has ended */

struct registry;
struct configurations;
struct blobs;
struct blob_account;
struct remote;
struct transfers;

/* Where containers can be; does not change. */
struct transfer_config {
    struct blobs *blobs; /* the hub's own; NULL: it has none */
    const struct blob_account *account;
    const char *container;
    struct remote *remote; /* others'; NULL: they are not spoken to */
};

/* One per core; `cfg` outlives it.  Reads from the store what has not ended. */
enum err transfers_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                       struct configurations *configurations, const struct transfer_config *cfg,
                       struct transfers **out) MUST_USE;
void transfers_free(struct transfers *t); /* NULL is fine */

/* Borrowed during the call. */
struct transfer_answer {
    enum status status;
    struct slice body; /* a JobProperties, of a list an array of them */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

/* Who waits.  Embedded in its owner. */
struct transfer_wait {
    void (*fn)(struct transfer_wait *w, const struct transfer_answer *a);
    struct addr slot;
};

/* `json` is a JobProperties.  Answered when the containers were found usable and the job is on disk:
 * JobQuotaExceeded, BlobContainerValidationError, ArgumentInvalid. */
void transfer_create(struct transfers *t, struct slice json, struct transfer_wait *w);

void transfer_get(struct transfers *t, struct slice id, struct transfer_wait *w); /* JobNotFound */
void transfer_list(struct transfers *t, struct transfer_wait *w);

/* Answered when nothing happens for it any more; JobNotFound, also when it has ended. */
void transfer_cancel(struct transfers *t, struct slice id, struct transfer_wait *w);

/* Appends the URI of the hub's own container at that host ("name[:port]"), which opens it for
 * TRANSFER_SAS_US; false: it has none. */
bool transfer_put_container(const struct transfers *t, struct slice host, struct buf *out);

void transfer_forget(struct transfers *t, struct transfer_wait *w); /* the answer finds nobody */

#endif
