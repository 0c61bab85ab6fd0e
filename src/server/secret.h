/* secret.h - keys: what the operator's files have, and what the server makes for itself in its directory.
 *
 * Runs on: the main thread, at start and when the configuration is read again.
 * Errors:  ERR_IO and its like, with the file's name.
 */
#ifndef SERVER_SECRET_H
#define SERVER_SECRET_H

#include "base/io.h"

/* Appends a file, anywhere; no copy of it stays behind. */
enum err secret_read(const char *path, struct buf *out) MUST_USE;

/* metrics.token: what a scraper of /metrics shows.  The bytes are the caller's, to be wiped. */
enum err secret_metrics_token(struct io *files, struct buf *out) MUST_USE;

/* upload.key: what signatures of upload URIs are made with; AccountKey for Azure's tools.  Likewise. */
enum err secret_upload_key(struct io *files, struct buf *out) MUST_USE;

#endif
