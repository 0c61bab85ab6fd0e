/* replay_files.h - Capture files, or a folder or a container with some, as a source of a replay.
 *
 * Every file is looked into first: what is no Avro file of events ends the run before anything is sent, one
 * without events is passed over.  A file is opened when its first event is due, so as many are open as there
 * are partitions.  Memory: a block of each open file.
 */
#ifndef CLI_REPLAY_FILES_H
#define CLI_REPLAY_FILES_H

#include "cli/replay.h"

struct replay_files;

/* A file, a folder (with all folders below), or a container by its URL with a SAS (`ca` as in replay_blobs.h); ERR_NOT_FOUND, and with a text that names the file:
 * ERR_CORRUPT, ERR_TOO_BIG, ERR_UNSUPPORTED. */
enum err replay_files_open(const char *path, const char *ca, struct replay_files **out) MUST_USE;
void replay_files_free(struct replay_files *f); /* NULL is fine */

void replay_files_source(struct replay_files *f, struct replay_source *out);

unsigned replay_files_count(const struct replay_files *f);

/* Of that file so many events were replayed before; for all lanes, before the first peek. */
void replay_files_skip(struct replay_files *f, unsigned lane, int64_t count);

/* Which event hub the files say that they are of; NULL at the end. */
const char *replay_files_identity(const struct replay_files *f, unsigned i);

#endif
