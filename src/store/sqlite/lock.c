/* lock.c - who of several connections in this process may do what.
 *
 * File locks, in SQLite's order (lockingv3): any number of connections are SHARED, one of them may
 * be RESERVED (it will write), then PENDING (nobody new may read), then EXCLUSIVE (alone).
 * Shared-memory locks: VFS_SHM_LOCKS independent ones, each held by readers or by one writer.
 * Neither waits: what is taken is SQLITE_BUSY.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite/vfs.h"

/* PENDING, RESERVED and SHARED of SQLite's own files (os.h): who cannot lock them reads nothing. */
enum { LOCK_BYTES_AT = 0x40000000, LOCK_BYTES = 512 };

static struct vfs_file *file_of(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

/* ---- the shared state of one database file */

static struct vfs_shared *new_shared(struct vfs *v, const char *path)
{
    struct vfs_shared *s = NEW(struct vfs_shared);
    strncpy(s->path, path, sizeof s->path - 1);
    list_push(&v->shared, &s->node);
    return s;
}

struct vfs_shared *vfs_share(struct vfs *v, const char *path, struct io_file *f)
{
    struct vfs_shared *found = NULL;
    pthread_mutex_lock(&v->lock);
    LIST_EACH(node, &v->shared)
    {
        struct vfs_shared *s = CONTAINER_OF(node, struct vfs_shared, node);
        if (strcmp(s->path, path) == 0) found = s;
    }
    if (found == NULL && io_lock(f, LOCK_BYTES_AT, LOCK_BYTES) == OK) found = new_shared(v, path);
    if (found) found->opens++;
    pthread_mutex_unlock(&v->lock);
    return found;
}

static void drop_regions(struct vfs_shared *s)
{
    for (int i = 0; i < s->region_count; i++) free(s->regions[i]);
    free(s->regions);
    s->regions = NULL;
    s->region_count = 0;
}

void vfs_unshare(struct vfs *v, struct vfs_shared *s)
{
    pthread_mutex_lock(&v->lock);
    if (--s->opens == 0) {
        list_remove(&s->node);
        drop_regions(s);
        free(s);
    }
    pthread_mutex_unlock(&v->lock);
}

/* ---- file locks */

/* May `f` go up to `level`?  SQLite asks for SHARED, RESERVED and EXCLUSIVE only. */
static bool may_raise(const struct vfs_file *f, int level)
{
    const struct vfs_shared *s = f->shared;
    bool others_write = s->reserved && s->reserved != f;
    if (level == SQLITE_LOCK_SHARED) return !s->pending;
    return !others_write;
}

static int raise_level(struct vfs_file *f, int level)
{
    struct vfs_shared *s = f->shared;
    if (!may_raise(f, level)) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) s->readers++;
    if (level >= SQLITE_LOCK_RESERVED) s->reserved = f;
    f->level = level;
    if (level != SQLITE_LOCK_EXCLUSIVE) return SQLITE_OK;
    s->pending = true;
    if (s->readers == 1) return SQLITE_OK;
    f->level = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
}

int vfs_lock(sqlite3_file *file, int level)
{
    struct vfs_file *f = file_of(file);
    pthread_mutex_lock(&f->vfs->lock);
    int rc = f->level >= level ? SQLITE_OK : raise_level(f, level);
    pthread_mutex_unlock(&f->vfs->lock);
    return rc;
}

int vfs_unlock(sqlite3_file *file, int level)
{
    struct vfs_file *f = file_of(file);
    struct vfs_shared *s = f->shared;
    pthread_mutex_lock(&f->vfs->lock);
    if (f->level > level) {
        if (s->reserved == f) {
            s->reserved = NULL;
            s->pending = false;
        }
        if (level == SQLITE_LOCK_NONE) s->readers--;
        f->level = level;
    }
    pthread_mutex_unlock(&f->vfs->lock);
    return SQLITE_OK;
}

int vfs_check_reserved(sqlite3_file *file, int *reserved)
{
    struct vfs_file *f = file_of(file);
    pthread_mutex_lock(&f->vfs->lock);
    *reserved = f->shared->reserved != NULL;
    pthread_mutex_unlock(&f->vfs->lock);
    return SQLITE_OK;
}

/* ---- shared memory */

static void add_regions(struct vfs_shared *s, int count, int size)
{
    if (count <= s->region_count) return;
    s->regions = mem_grow(s->regions, (size_t)count * sizeof *s->regions);
    while (s->region_count < count) s->regions[s->region_count++] = mem_zero((size_t)size);
}

/* A region stays where it is until the last connection lets go of it. */
int vfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    struct vfs_file *f = file_of(file);
    struct vfs_shared *s = f->shared;
    pthread_mutex_lock(&f->vfs->lock);
    if (!f->uses_shm) s->shm_users++;
    f->uses_shm = true;
    if (extend) add_regions(s, region + 1, size);
    *out = region < s->region_count ? s->regions[region] : NULL;
    pthread_mutex_unlock(&f->vfs->lock);
    return SQLITE_OK;
}

static void release(struct vfs_file *f, unsigned mask)
{
    for (unsigned i = 0; i < VFS_SHM_LOCKS; i++) {
        if (f->shm_exclusive & mask & 1u << i) f->shared->shm_locks[i] = 0;
        if (f->shm_shared & mask & 1u << i) f->shared->shm_locks[i]--;
    }
    f->shm_exclusive &= ~mask;
    f->shm_shared &= ~mask;
}

/* All locks of the mask or none. */
static int take_exclusive(struct vfs_file *f, unsigned mask)
{
    for (unsigned i = 0; i < VFS_SHM_LOCKS; i++)
        if (mask & 1u << i && f->shared->shm_locks[i] != 0) return SQLITE_BUSY;
    for (unsigned i = 0; i < VFS_SHM_LOCKS; i++)
        if (mask & 1u << i) f->shared->shm_locks[i] = -1;
    f->shm_exclusive |= mask;
    return SQLITE_OK;
}

static int take_shared(struct vfs_file *f, unsigned mask, int offset)
{
    if (f->shm_shared & mask) return SQLITE_OK;
    if (f->shared->shm_locks[offset] < 0) return SQLITE_BUSY;
    f->shared->shm_locks[offset]++;
    f->shm_shared |= mask;
    return SQLITE_OK;
}

int vfs_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    struct vfs_file *f = file_of(file);
    unsigned mask = ((1u << count) - 1) << offset;
    int rc = SQLITE_OK;
    pthread_mutex_lock(&f->vfs->lock);
    if (flags & SQLITE_SHM_UNLOCK)
        release(f, mask);
    else if (flags & SQLITE_SHM_EXCLUSIVE)
        rc = take_exclusive(f, mask);
    else
        rc = take_shared(f, mask, offset);
    pthread_mutex_unlock(&f->vfs->lock);
    return rc;
}

/* What any connection wrote before its barrier, every other sees after its own. */
void vfs_shm_barrier(sqlite3_file *file)
{
    struct vfs_file *f = file_of(file);
    atomic_thread_fence(memory_order_seq_cst);
    pthread_mutex_lock(&f->vfs->lock);
    pthread_mutex_unlock(&f->vfs->lock);
}

int vfs_shm_unmap(sqlite3_file *file, int delete_it)
{
    struct vfs_file *f = file_of(file);
    (void)delete_it; /* heap memory goes with its last user either way */
    pthread_mutex_lock(&f->vfs->lock);
    if (f->uses_shm) {
        release(f, (1u << VFS_SHM_LOCKS) - 1);
        f->uses_shm = false;
        if (--f->shared->shm_users == 0) drop_regions(f->shared);
    }
    pthread_mutex_unlock(&f->vfs->lock);
    return SQLITE_OK;
}
