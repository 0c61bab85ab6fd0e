/* remote.h - blobs in containers elsewhere, spoken to as Azure Blob Storage over HTTP or HTTPS.
 *
 * A blob is named by its URI with the signature that opens it.  It is written in blocks, which become the
 * blob when they are committed, and read in pieces.  What passes (no answer, 408, 429, 5xx) is tried
 * again.
 *
 * A container has a few requests under way at a time; the others to it wait, and none waits for another
 * container that is slow or dead.
 *
 * Runs on: a lane of its own, whose thread waits for the network (remote_start).  Everything else here on
 *          the lane that asks, which is attached (blobs_attach).
 * Errors:  ERR_NOT_FOUND, ERR_DENIED, ERR_CONFLICT (it has changed), ERR_CLOSED (nobody answers),
 *          ERR_PROTOCOL; the text never has a signature.
 * Limits:  the constants below; BLOBS_PIECE_MAX bytes of a block or piece, BLOBS_BLOCKS_MAX blocks.
 * Source:  "Blob service REST API", version 2021-12-02.
 */
#ifndef BLOB_REMOTE_H
#define BLOB_REMOTE_H

#include "blob/blob.h"

enum {
    REMOTE_CONNECT_S = 10,
    REMOTE_STALL_S = 30, /* without a byte either way */
    REMOTE_TRIES = 4,
    REMOTE_PROBE_S = 8,       /* all tries of a look at a container for which somebody waits */
    REMOTE_CARRIED_MAX = 256, /* requests under way at a time; the others wait */
    REMOTE_CONTAINER_CARRIED_MAX =
        2, /* of them to one container; what has REMOTE_PROBE_S to end goes at once */
    REMOTE_ERROR_BODY_MAX = 8 << 10, /* of an answer that is no blob; the rest is dropped */
};

struct remote;

/* `lane` is initialised and does not run yet.  `ca_path`: a PEM file with the CAs that are trusted, borrowed;
 * NULL: the system's. */
struct remote *remote_new(struct lane *lane, const char *ca_path);
void remote_start(struct remote *r); /* the thread of its lane, */
void remote_stop(struct remote *r); /* ... which ends; what is under way is not answered any more */
void remote_free(struct remote *r); /* then, or without either; NULL is fine */

/* What the thread does again and again, without the wait: true, a request ended.  For tests. */
bool remote_turn(struct remote *r, int64_t *due_us);

/* Can the blob be written to?  Says so within REMOTE_PROBE_S; leaves a block that nobody commits. */
void remote_probe(struct remote *r, struct lane *core, struct slice uri, struct blobs_wait *w);

void remote_stage(struct remote *r, struct lane *core, struct slice uri, unsigned block,
                  struct slice piece, struct blobs_wait *w);

/* Blocks 0 to count - 1 become the blob. */
void remote_commit(struct remote *r, struct lane *core, struct slice uri, unsigned count,
                   struct blobs_wait *w);

/* Its size; `modified_us` is a mark that changes with the blob, not a time.  `probes`: as remote_probe(),
 * within REMOTE_PROBE_S. */
void remote_get(struct remote *r, struct lane *core, struct slice uri, bool probes,
                struct blobs_wait *w);
void remote_read(struct remote *r, struct lane *core, struct slice uri, int64_t modified_us,
                 uint64_t offset, uint32_t len, struct blobs_wait *w);

#endif
