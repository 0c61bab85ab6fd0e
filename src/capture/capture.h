/* capture.h - Event Hubs Capture: every event of a stream is archived in Avro files, without code.
 *
 *   log ──cursor──▶ window of a partition ──time or size──▶ file ──▶ folder, or a container elsewhere
 *
 * A description (Azure's captureDescription) says where to and how often.  Each partition has windows of
 * its own: one ends when it is old or large enough, and becomes one file with a name from its template.
 * No event is in two files and none is in none, whatever crashes when: part.c says how.
 *
 * Runs on: a lane of its own, which may block on the disk; the verbs on any lane that was attached
 *          (capture_attach); the answer comes there.
 * Life:    capture_open() before the lanes run, capture_close() after they stopped.  An open window is
 *          not kept over a restart: its events are read from the log again.
 * Limits:  the constants below.
 * Source:  "Capture events through Azure Event Hubs", @azure/arm-eventhub 5.2 (CaptureDescription).
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "base/io.h"
#include "hub/hub.h"
#include "hub/status.h"

enum {
    CAPTURE_INTERVAL_MIN_S = 60, /* Event Hubs */
    CAPTURE_INTERVAL_MAX_S = 900,
    CAPTURE_INTERVAL_DEFAULT_S = 300,
    CAPTURE_SIZE_MIN = 10485760, /* Event Hubs */
    CAPTURE_SIZE_MAX = 524288000,
    CAPTURE_SIZE_DEFAULT = 314572800,
    CAPTURE_BODY_MAX = 16 << 10, /* of a description */
    CAPTURE_FORMAT_MAX = 256,    /* bytes of archiveNameFormat, ours */
    CAPTURE_NAME_MAX = 368,      /* of a file's name; what a format can make is checked */
    CAPTURE_ASKS_MAX = 100,      /* changes that wait: STATUS_SERVICE_UNAVAILABLE */
    CAPTURE_RETRY_MIN_S = 1,     /* after a failure, then twice as long each time */
    CAPTURE_RETRY_MAX_S = 60,
    CAPTURE_SAS_S = 3600, /* what opens a container is good for so long */
};

#define CAPTURE_FORMAT_DEFAULT                                                                     \
    "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"
#define CAPTURE_FOLDER "capture" /* below it, in the io, what goes to folders */

struct captures;
struct remote;

struct capture_config {
    const struct hub *hub;
    struct lane *lane; /* initialised, not running yet; attached to the store and to blobs */
    struct io *io;
    struct remote *remote; /* for containers elsewhere; NULL: there are none */
    int64_t second_us; /* how long a second of intervals and pauses is; 0: a second; for tests */
    bool ephemeral;    /* nobody finds what is in the io: folders are refused */
};

/* Reads what is to be captured.  Fails with what the store says. */
enum err capture_open(const struct capture_config *cfg, struct captures **out) MUST_USE;
void capture_close(struct captures *cs); /* NULL is fine */

/* ---- from any lane */

void capture_attach(struct lane *lane); /* once */

/* Borrowed during the call. */
struct capture_answer {
    enum status status;
    struct slice body; /* JSON: one event hub's capture, or a list of them */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

/* Who waits.  Embedded in its owner. */
struct capture_wait {
    void (*fn)(struct capture_wait *w, const struct capture_answer *a);
    struct addr slot;
};

/* `event_hub`: the name of a stream; the built-in one has the hub's.  `json` is a captureDescription. */
void capture_put(struct captures *cs, struct lane *lane, struct slice event_hub, struct slice json,
                 struct capture_wait *w);
void capture_get(struct captures *cs, struct lane *lane, struct slice event_hub,
                 struct capture_wait *w);
void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w);
void capture_delete(struct captures *cs, struct lane *lane, struct slice event_hub,
                    struct capture_wait *w);
void capture_forget(struct lane *lane, struct capture_wait *w); /* the answer finds nobody */

#endif
