/* backup.h - the store as it is now, in a file of its own beside it, while everybody goes on writing; and backups that
 * the server makes by itself.
 *
 * Whoever makes a backup copies the log's files as they grow (backup/backup.h says why that is safe); the store's
 * change in place and cannot be copied from outside.  So the store writes a whole and consistent copy of
 * itself to STORE_SNAPSHOT, which whoever asked takes away.
 *
 * Runs on: any core; the work is done on the lane `storecheck`, where nobody waits but a checkpoint.
 * Limits:  one file: two who ask at a time get the later one's.  Free disk must hold it.
 */
#ifndef HUB_BACKUP_BACKUP_H
#define HUB_BACKUP_BACKUP_H

#include "backup/backup.h"
#include "base/io.h"
#include "hub/hub.h"
#include "store/store.h"

struct backup_wait {
    struct store_wait store;
    struct lane *lane;
    void (*fn)(struct backup_wait *w, enum err e); /* e: fail_text() says why */
};

void backup_snapshot(const struct hub *hub, struct lane *lane, struct backup_wait *w);
void backup_forget(struct backup_wait *w); /* `fn` is not called any more */

const char *backup_file(void); /* its name in the data directory */

/* ---- backups.c: begun over the API, made on a lane of their own, which blocks on the disk
 *
 * A backup goes into a new directory below the one that the server was started with (--backup-dir): whoever
 * begins one says neither where to nor what it is called.  What the last one was is in BACKUP_LAST of the data
 * directory, written by whoever made it, a command or this.
 *
 * Runs on: backups_begin(), backups_look() and backups_put() on any core; the work on the lane.
 * Limits:  one at a time of this data directory, whoever makes it (ERR_CONFLICT): BACKUP_LOCK is held meanwhile. */
enum { BACKUPS_PATH_MAX = 4096, BACKUPS_NAME_MAX = 32 };

struct backups;

/* backup_room() and backup_online(), but in tests. */
typedef enum err (*backups_room_fn)(const char *data, const char *to, bool with_snapshot,
                                    uint64_t reserve);
typedef enum err (*backups_copy_fn)(const char *from, const char *to,
                                    const struct backup_progress *p);

struct backups_config {
    const struct hub *hub;
    struct lane *lane;
    struct io *files;       /* the data directory */
    const char *data, *dir; /* borrowed; dir NULL: none is begun here */
    int lock;               /* backup_lock_open(), taken; -1: nobody else makes any */
    uint64_t reserve_bytes;
    backups_room_fn room;
    backups_copy_fn copy;
};

struct backups *backups_new(
    const struct backups_config *
        cfg); /* while no lane runs; reads BACKUP_LAST; removes the store's copy, if nobody makes a backup */
void backups_stop(struct backups *b); /* what is under way ends soon; NULL is fine */
void backups_free(struct backups *b); /* NULL is fine */

/* ERR_UNSUPPORTED: there is no directory for it.  ERR_CONFLICT: one is under way. */
enum err backups_begin(struct backups *b, struct lane *core) MUST_USE;
void backups_look(struct backups *b, struct lane *core); /* BACKUP_LAST has changed */

/* {"directory":..,"running":null|{..},"last":null|{..},"error":null|".."} */
void backups_put(struct backups *b, struct buf *json);

#endif
