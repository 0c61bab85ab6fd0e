/* backup.h - a data directory copied while its server runs, checked, and put back.
 *
 * What is copied must be what a crash could have left at one moment, because the next start takes it for that:
 *
 *   store        the server writes a whole copy of one moment, BACKUP_SNAPSHOT (POST /admin/v1/backup/snapshot)
 *   streams/     segments only grow; each has a beginning that is durable, and more is cut at the start
 *   journal      what is not in the segments yet.  It is read backwards: a commit that is written meanwhile is
 *                then torn or missing, and nothing newer lies behind it.  Should a section be begun again while
 *                it is read, it is read again
 *   streams/     what has grown since: all that the journal has let go by then
 *   log.meta     last, and not changed meanwhile, or the backup is none
 *
 * So a backup has all that was acknowledged before it began, and perhaps some of what came later.  Other files
 * (certificates, keys, uploads, captures) are copied as they are.  MANIFEST.json has the SHA-256 of each and is
 * written last: a directory without it is no backup.
 *
 * Both make backups with it: the command from outside, the server on a lane of its own (hub/backup).
 *
 * Runs on: the main thread of the command; the server's lane `backup`.  It blocks on the disk.
 * Limits:  BACKUP_PATH_MAX bytes in a path with its end, BACKUP_FILES_MAX files, BACKUP_TRIES looks at the journal.
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/watch.h"

enum {
    BACKUP_PATH_MAX = 4096,
    BACKUP_FILES_MAX = 1000000,
    BACKUP_DEPTH_MAX = 16,
    BACKUP_TRIES = 20,
    BACKUP_DIGEST_LEN = 32,
    BACKUP_MANIFEST_VERSION = 1,
};

#define BACKUP_MANIFEST "MANIFEST.json"
#define BACKUP_STORE    "store.db"
#define BACKUP_SNAPSHOT "store-snapshot.db" /* the store's copy of itself, in the data directory */
#define BACKUP_LOCK     "backup.lock" /* in the data directory: whoever makes a backup of it holds it */
#define BACKUP_LAST     "last-backup.json" /* in the data directory: when and where; in no backup */

/* One backup of a directory at a time, whoever makes it, or each would take the store's copy from the other.  The
 * descriptor is the caller's to close, which gives the lock back, as does the end of the process.
 * backup_lock_take() does not wait, for the disk neither: ERR_CONFLICT.  A lock that is -1 is nobody's. */
enum err backup_lock_open(const char *data, int *lock) MUST_USE;
enum err backup_lock_take(int lock) MUST_USE;
void backup_lock_give(int lock);

/* Whoever makes the backup may be root: the server, which owns the directory, must be able to open the file. */
void backup_give_to_owner_of(const char *data, int file);

/* How much a backup of that directory takes, and how much of that is the store, which is as large once more beside the
 * directory while its copy is taken away. */
struct backup_size {
    uint64_t copied, store; /* bytes; the store is in the first, too */
};

enum err backup_measure(const char *data, struct backup_size *size) MUST_USE;

/* Is there room on the disks of `data` and of `to`, which is there, before anything is written?  ERR_FULL: less than
 * `reserve` bytes would be left.  Without `with_snapshot` no server runs, whose store would be copied first. */
enum err backup_room(const char *data, const char *to, bool with_snapshot,
                     uint64_t reserve) MUST_USE;

/* Of `room` bytes that are free at `where`; ERR_FULL likewise. */
enum err backup_room_for(const char *where, uint64_t room, uint64_t bytes,
                         uint64_t reserve) MUST_USE;

/* How far it is. */
struct backup_progress {
    /* NULL: nobody is told */
    void (*show)(void *ctx, const struct backup_progress *p, bool ended);
    void *ctx;
    const char *what; /* "copying" */
    uint64_t done, all;
    struct watch *watch; /* NULL: nobody looks on */
};

void backup_show(struct backup_progress *p, uint64_t more);
bool backup_stopped(const struct backup_progress *p); /* with the text of a failure */
void backup_shown(struct backup_progress *p);         /* it has ended */

/* ROOT/PATH.  ERR_INVALID: it has more than BACKUP_PATH_MAX bytes with its end; then `out` is not to be used. */
enum err backup_join(char out[BACKUP_PATH_MAX], const char *root, const char *path) MUST_USE;

/* One file from `offset` on, as long as it is when it is opened; synced.  `digest`, if not NULL, gets
 * the SHA-256 of what was copied.  ERR_NOT_FOUND: it is not there (any more). */
enum err backup_copy_file(const char *from, const char *to, struct backup_progress *p,
                          uint8_t *digest) MUST_USE;
enum err backup_digest(const char *path, struct backup_progress *p, uint64_t *size,
                       uint8_t digest[BACKUP_DIGEST_LEN]) MUST_USE;

/* Each regular file below `root`, depth first, names in order; `path` is relative and borrowed.  Directories
 * come with `is_dir`, before what is in them. */
typedef enum err (*backup_file_fn)(void *ctx, const char *path, bool is_dir, uint64_t size);
enum err backup_walk(const char *root, const char *below, backup_file_fn fn, void *ctx) MUST_USE;

enum err backup_make_dir(const char *path) MUST_USE; /* ERR_EXISTS: there is something in it */
enum err backup_sync_dir(const char *path) MUST_USE;

/* Does the first, which is there, lie in the second, or is it that? */
bool backup_lies_in(const char *path, const char *directory);

/* What a manifest will say of the files below `root`. */
struct backup_files {
    const char *root;
    struct buf text; /* members of its list; the caller's to free */
    unsigned count;
    uint64_t bytes;
    struct backup_progress *progress;
};

/* A backup_file_fn for a struct backup_files: reads the file and appends it.  ERR_TOO_BIG: there are
 * BACKUP_FILES_MAX. */
enum err backup_list_file(void *ctx, const char *path, bool is_dir, uint64_t size) MUST_USE;

/* The list of what is below f->root, written last and durable with everything before it. */
enum err backup_write_manifest(struct backup_files *f) MUST_USE;

/* From a data directory into a backup. */
struct backup_copies {
    const char *from, *to;
    struct backup_progress progress;
};

/* A backup_file_fn for a struct backup_copies: copies what is neither the store's nor the log's. */
enum err backup_copy_other(void *ctx, const char *path, bool is_dir, uint64_t size) MUST_USE;

/* Puts BACKUP_LAST into the data directory: now, `to` has a backup of it. */
enum err backup_note(const char *data, const char *to, unsigned files, uint64_t bytes) MUST_USE;

/* The log's files, from `from` to `to`, while it grows. */
enum err backup_copy_log(const char *from, const char *to, struct backup_progress *p) MUST_USE;

/* Of a server that runs and whose store has written BACKUP_SNAPSHOT: the directory `from` copied to `to`, which is
 * not there, and noted.  On failure nothing is left of `to`; nor is the store's copy, whatever came of it.
 * ERR_CLOSED: p->watch said stop. */
enum err backup_online(const char *from, const char *to, const struct backup_progress *p) MUST_USE;

#endif
