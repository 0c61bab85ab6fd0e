/* lock.c - who makes a backup of a data directory, so that no two do at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup/backup.h"

enum err backup_lock_open(const char *data, int *lock)
{
    char path[BACKUP_PATH_MAX];
    *lock = -1;
    TRY(backup_join(path, data, BACKUP_LOCK));
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*lock < 0) return fail_errno("cannot open %s", path);
    backup_give_to_owner_of(data, *lock);
    return OK;
}

enum err backup_lock_take(int lock)
{
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0) return OK;
    if (errno != EWOULDBLOCK) return fail_errno("cannot lock " BACKUP_LOCK);
    return fail(ERR_CONFLICT, "another backup is under way; try again when it has ended");
}

void backup_lock_give(int lock)
{
    if (lock >= 0) (void)!flock(lock, LOCK_UN);
}
