/* room.c - whether the disks have room for a backup, before anything is written. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "backup/backup.h"

/* The store's old copies and what says that somebody is here are in no backup. */
static bool is_left_out(const char *path)
{
    static const char *const names[] = {"lock",          BACKUP_STORE "-shm",
                                        BACKUP_SNAPSHOT, BACKUP_SNAPSHOT "-new",
                                        BACKUP_LOCK,     BACKUP_LAST};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0) return true;
    return false;
}

static enum err add_size(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    struct backup_size *s = ctx;
    if (is_dir || is_left_out(path)) return OK;
    s->copied += size;
    if (strcmp(path, BACKUP_STORE) == 0 || strcmp(path, BACKUP_STORE "-wal") == 0) s->store += size;
    return OK;
}

enum err backup_measure(const char *data, struct backup_size *size)
{
    *size = (struct backup_size){0};
    return backup_walk(data, "", add_size, size);
}

enum err backup_room_for(const char *where, uint64_t room, uint64_t bytes, uint64_t reserve)
{
    if (room >= bytes && room - bytes >= reserve) return OK;
    return fail(ERR_FULL, "%s: %llu MiB are free; a backup needs %llu, and %llu are kept back",
                where, (unsigned long long)(room >> 20), (unsigned long long)(bytes >> 20),
                (unsigned long long)(reserve >> 20));
}

static enum err check(const char *where, uint64_t bytes, uint64_t reserve)
{
    struct statvfs disk;
    if (statvfs(where, &disk)) return fail_errno("cannot look at the disk of %s", where);
    return backup_room_for(where, (uint64_t)disk.f_bavail * disk.f_frsize, bytes, reserve);
}

enum err backup_room(const char *data, const char *to, bool with_snapshot, uint64_t reserve)
{
    struct backup_size size;
    struct stat here, there;
    TRY(backup_measure(data, &size));
    uint64_t beside = with_snapshot ? size.store : 0;
    if (stat(data, &here)) return fail_errno("cannot look at %s", data);
    if (stat(to, &there)) return fail_errno("cannot look at %s", to);
    if (here.st_dev == there.st_dev) return check(to, size.copied + beside, reserve);
    TRY(check(data, beside, reserve));
    return check(to, size.copied, reserve);
}
