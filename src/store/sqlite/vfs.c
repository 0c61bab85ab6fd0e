/* vfs.c - SQLite's file methods, one by one onto base/io.h. */
#include "store/sqlite/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

enum { SECTOR_SIZE = 4096 };

static struct vfs_file *file_of(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

static struct vfs *vfs_of(sqlite3_vfs *base)
{
    return base->pAppData;
}

/* ---- files */

static int file_close(sqlite3_file *file)
{
    struct vfs_file *f = file_of(file);
    io_close(f->io);
    if (f->shared) vfs_unshare(f->vfs, f->shared);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset)
{
    size_t got;
    if (io_read_at(file_of(file)->io, (uint64_t)offset, out, (size_t)len, &got) != OK)
        return SQLITE_IOERR_READ;
    if (got == (size_t)len) return SQLITE_OK;
    memset((char *)out + got, 0, (size_t)len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(file);
    if (atomic_load(&f->vfs->failed)) return SQLITE_IOERR_WRITE;
    enum err err = io_write_at(f->io, (uint64_t)offset, slice_of(bytes, (size_t)len));
    if (err == OK) return SQLITE_OK;
    return err == ERR_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct vfs_file *f = file_of(file);
    if (atomic_load(&f->vfs->failed)) return SQLITE_IOERR_TRUNCATE;
    return io_truncate(f->io, (uint64_t)size) == OK ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

/* A file that was made is durable only together with its name. */
static enum err sync_file_and_name(struct vfs_file *f)
{
    TRY(io_sync(f->io));
    if (!f->made) return OK;
    TRY(io_sync_dir(f->vfs->io, ""));
    f->made = false;
    return OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct vfs_file *f = file_of(file);
    (void)flags;
    if (atomic_load(&f->vfs->failed)) return SQLITE_IOERR_FSYNC;
    if (sync_file_and_name(f) == OK) return SQLITE_OK;
    atomic_store(&f->vfs->failed, true);
    return SQLITE_IOERR_FSYNC;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    uint64_t bytes;
    if (io_size(file_of(file)->io, &bytes) != OK) return SQLITE_IOERR_FSTAT;
    *size = (sqlite3_int64)bytes;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_SIZE;
}

/* A write that is cut short by a power loss does not harm the bytes beside it. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2, /* with shared memory, without memory-mapped reads */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* ---- names */

static enum err open_or_make(struct vfs_file *f, const char *path, int flags)
{
    int how = flags & SQLITE_OPEN_READWRITE ? IO_READ | IO_WRITE : IO_READ;
    enum err err = io_open_file(f->vfs->io, path, how, &f->io);
    if (err != ERR_NOT_FOUND || !(flags & SQLITE_OPEN_CREATE)) return err;
    f->made = true;
    return io_open_file(f->vfs->io, path, how | IO_CREATE, &f->io);
}

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *file, int flags,
                    int *got_flags)
{
    struct vfs_file *f = file_of(file);
    *f = (struct vfs_file){.vfs = vfs_of(base)};
    assert(path != NULL && !(flags & SQLITE_OPEN_DELETEONCLOSE));
    if (open_or_make(f, path, flags) != OK) return SQLITE_CANTOPEN;
    if (flags & SQLITE_OPEN_MAIN_DB && (f->shared = vfs_share(f->vfs, path, f->io)) == NULL) {
        io_close(f->io);
        return SQLITE_BUSY;
    }
    f->base.pMethods = &file_methods;
    if (got_flags) *got_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_dir)
{
    struct vfs *v = vfs_of(base);
    if (atomic_load(&v->failed)) return SQLITE_IOERR_DELETE;
    enum err err = io_remove(v->io, path);
    if (err == ERR_NOT_FOUND) return SQLITE_IOERR_DELETE_NOENT;
    if (err == OK && sync_dir) err = io_sync_dir(v->io, "");
    return err == OK ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *out)
{
    struct io_file *f = NULL;
    (void)flags;
    enum err err = io_open_file(vfs_of(base)->io, path, IO_READ, &f);
    *out = err == OK;
    io_close(f);
    return err == OK || err == ERR_NOT_FOUND ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

static int vfs_full_path(sqlite3_vfs *base, const char *path, int size, char *out)
{
    (void)base;
    return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* ---- the world */

static int vfs_randomness(sqlite3_vfs *base, int size, char *out)
{
    (void)base;
    rand_bytes(out, (size_t)size);
    return size;
}

/* SQLite waits like this only for another thread in the middle of writing the index's header. */
static int vfs_sleep(sqlite3_vfs *base, int us)
{
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L};
    (void)base;
    nanosleep(&ts, NULL);
    return us;
}

/* Milliseconds since the Julian epoch, noon of 24 November 4714 BC. */
static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *ms)
{
    (void)base;
    *ms = clock_wall_us() / 1000 + 210866760000000;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *out)
{
    (void)base;
    if (size > 0) snprintf(out, (size_t)size, "%s", fail_text());
    return 0;
}

/* ---- life */

/* Temporary files would need a place outside of `io`; there are none if journals stay in memory. */
static void configure_library(void)
{
    int rc = sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    assert(rc == SQLITE_OK);
}

enum err vfs_new(struct io *io, struct vfs **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static atomic_uint number;
    pthread_once(&once, configure_library);
    struct vfs *v = NEW(struct vfs);
    v->io = io;
    list_init(&v->shared);
    pthread_mutex_init(&v->lock, NULL);
    snprintf(v->name, sizeof v->name, "azimuth-%u", atomic_fetch_add(&number, 1));
    v->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = IO_NAME_MAX,
        .zName = v->name,
        .pAppData = v,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time,
    };
    *out = v;
    if (sqlite3_vfs_register(&v->base, 0) == SQLITE_OK) return OK;
    vfs_free(v);
    return fail(ERR_IO, "SQLite does not take the file layer");
}

void vfs_free(struct vfs *v)
{
    if (v == NULL) return;
    assert(list_empty(&v->shared));
    sqlite3_vfs_unregister(&v->base);
    pthread_mutex_destroy(&v->lock);
    free(v);
}
