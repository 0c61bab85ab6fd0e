/* vfs.h - SQLite's files over base/io.h, for several connections in one process.
 *
 * Runs on: any thread; a connection stays on one lane.
 * Life:    vfs_new() before the first connection, vfs_free() after the last was closed.
 *
 * Locks and the shared memory of the write-ahead log's index live on the heap, so a second process
 * would not see them: whoever opens a data directory keeps other servers out (server/), and the first
 * connection to a database keeps out whatever opens its file with SQLite's own methods.
 * After a failed sync nothing is written any more: what the disk holds is unknown, and a second
 * sync that succeeds would prove nothing.
 * There are no temporary files: temp_store is MEMORY and statement journals do not spill.
 */
#ifndef STORE_SQLITE_VFS_H
#define STORE_SQLITE_VFS_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/io.h"
#include "base/list.h"

enum { VFS_NAME_MAX = 32, VFS_SHM_LOCKS = SQLITE_SHM_NLOCK };

struct vfs {
    sqlite3_vfs base;
    char name[VFS_NAME_MAX];
    struct io *io;
    atomic_bool failed;   /* a sync failed */
    pthread_mutex_t lock; /* over the list and all that is in struct vfs_shared */
    struct list shared;   /* struct vfs_shared, one per open database file */
};

/* What the connections to one database file share: the state of its locks, the index of its
 * write-ahead log.  Connections are on different lanes and SQLite's calls return at once, hence a
 * mutex and not a message. */
struct vfs_shared {
    struct list node;
    char path[IO_NAME_MAX];
    unsigned opens;
    unsigned readers;     /* connections at SHARED or above */
    const void *reserved; /* the connection at RESERVED or above */
    bool pending;         /* no new readers: `reserved` waits to be alone */
    unsigned shm_users;
    int shm_locks[VFS_SHM_LOCKS]; /* readers; -1: one writer */
    void **regions;
    int region_count;
};

struct vfs_file {
    sqlite3_file base;
    struct vfs *vfs;
    struct io_file *io;
    struct vfs_shared *shared; /* of a database file, else NULL */
    int level;                 /* SQLITE_LOCK_NONE ... SQLITE_LOCK_EXCLUSIVE */
    bool made;                 /* its directory entry is not durable yet */
    bool uses_shm;
    unsigned shm_shared, shm_exclusive; /* bit per lock that this connection holds */
};

enum err vfs_new(struct io *io, struct vfs **out) MUST_USE;
void vfs_free(struct vfs *v);

/* lock.c: the methods that concern several connections. */
int vfs_lock(sqlite3_file *file, int level);
int vfs_unlock(sqlite3_file *file, int level);
int vfs_check_reserved(sqlite3_file *file, int *reserved);
int vfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out);
int vfs_shm_lock(sqlite3_file *file, int offset, int count, int flags);
void vfs_shm_barrier(sqlite3_file *file);
int vfs_shm_unmap(sqlite3_file *file, int delete_it);

/* The first connection to a database, whose file `f` is, keeps other programs' out as long as it is open: they would
 * copy a log that they believe to be nobody's into the database and remove it.  NULL: one is there. */
struct vfs_shared *vfs_share(struct vfs *v, const char *path, struct io_file *f);
void vfs_unshare(struct vfs *v, struct vfs_shared *s);

#endif
