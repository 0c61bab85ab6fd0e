/* replay_blobs.h - a container of Azure Blob Storage as a folder: its list, and pieces of its blobs.
 *
 * Runs on: the main thread; waits for answers, HTTP_WAIT_S at most, and tries REPLAY_BLOB_TRIES times.
 * Errors:  with a text that never has the signature: ERR_NOT_FOUND, ERR_DENIED, ERR_CLOSED, ERR_TIMEOUT,
 *          ERR_PROTOCOL (the answer is no list), ERR_TOO_BIG (it is longer than a list, or than what was asked for).
 * Source:  "List Blobs", "Get Blob" of the Blob service's REST API; a SAS with read and list.
 */
#ifndef CLI_REPLAY_BLOBS_H
#define CLI_REPLAY_BLOBS_H

#include "base/buf.h"

enum {
    REPLAY_BLOB_TRIES = 3,
    REPLAY_BLOB_URL_MAX = 4096,
    REPLAY_BLOB_PIECE = 1 << 20,
    REPLAY_BLOB_LIST_MAX = 16 << 20, /* bytes of a page of the list */
};

struct replay_blobs;

/* `url`: http(s)://ACCOUNT/CONTAINER?SAS; `ca`: a file of certificates to trust, NULL: the system's. */
enum err replay_blobs_open(const char *url, const char *ca, struct replay_blobs **out) MUST_USE;
void replay_blobs_free(struct replay_blobs *b); /* NULL is fine */

typedef enum err (*replay_blob_fn)(void *ctx, const char *name, int64_t size);
enum err replay_blobs_list(struct replay_blobs *b, replay_blob_fn fn, void *ctx) MUST_USE;

/* Up to `len` bytes of a blob from `offset`, appended. */
enum err replay_blobs_read(struct replay_blobs *b, const char *name, int64_t offset, size_t len,
                           struct buf *out) MUST_USE;

/* The next blob of a list: name and size; false: there is none.  For tests, too. */
bool replay_blobs_next(struct slice *list, struct buf *name, int64_t *size);

#endif
