/* capture.h - Event Hubs Capture: every event of a stream is archived in Avro files, without code.
 *
 *   log ──cursor──▶ window of a partition ──time or size──▶ file ──▶ folder, or a container elsewhere
 *
 * A description (Azure's captureDescription) says where to and how often.  Each partition has windows of
 * its own: one ends when it is old or large enough, and becomes one file with a name from its template.
 * No event is in two files and none is in none, whatever crashes when: archive/part.c says how.
 *
 * Runs on: a lane of its own, which may block on the disk; the verbs on any lane that was attached
 *          (capture_attach); the answer comes there.
 * Life:    capture_open() before the lanes run, capture_close() after they stopped, before its archives.
 * Limits:  the constants below.
 * Source:  "Capture events through Azure Event Hubs", @azure/arm-eventhub 5.2 (CaptureDescription).
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "archive/archive.h"
#include "hub/event_hub/event_hub.h"
#include "hub/hub.h"
#include "hub/status.h"

enum {
    CAPTURE_INTERVAL_MIN_S = 60, /* Event Hubs */
    CAPTURE_INTERVAL_MAX_S = 900,
    CAPTURE_INTERVAL_DEFAULT_S = 300,
    CAPTURE_SIZE_MIN = 10485760, /* Event Hubs */
    CAPTURE_SIZE_MAX = 524288000,
    CAPTURE_SIZE_DEFAULT = 314572800,
    CAPTURE_BODY_MAX = 16 << 10,         /* of a description */
    CAPTURE_FORMAT_MAX = 256,            /* bytes of archiveNameFormat, ours */
    CAPTURE_NAME_MAX = ARCHIVE_NAME_MAX, /* of a file's name; what a format can make is checked */
    CAPTURE_PART_MAX = 255, /* of a part of it between slashes, in a folder (NAME_MAX) */
    CAPTURE_ASKS_MAX = 100, /* changes that wait: STATUS_SERVICE_UNAVAILABLE */
};

#define CAPTURE_FORMAT_DEFAULT                                                                     \
    "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"
#define CAPTURE_FOLDER "capture" /* below it, in the io, what goes to folders */

struct captures;

struct capture_config {
    const struct hub *hub;
    struct lane *lane;         /* initialised, not running yet; attached to the store */
    struct archives *archives; /* of that lane */
    bool ephemeral;            /* nobody finds what is in the io: folders are refused */
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

/* The event hub that is meant: the name as it was made, and its stream; whoever asks knows both. */
struct capture_hub {
    unsigned stream;
    struct slice name; /* at most EVENT_HUB_NAME_MAX bytes */
};

/* `json` is a captureDescription. */
void capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub, struct slice json,
                 struct capture_wait *w);
void capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                 struct capture_wait *w);
void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w);
void capture_delete(struct captures *cs, struct lane *lane, struct capture_hub hub,
                    struct capture_wait *w);

/* The event hub is about to go, with its records.  Nobody waits for an answer. */
void capture_gone(struct captures *cs, struct lane *lane, unsigned stream);
void capture_forget(struct lane *lane, struct capture_wait *w); /* the answer finds nobody */

#endif
