/* online.h - a backup of the running server, made by itself with what the command makes them with (cli/backup.h).
 *
 * Runs on: the lane `backup`, which blocks on the disk meanwhile.
 */
#ifndef SERVER_ONLINE_H
#define SERVER_ONLINE_H

#include "hub/backup/backup.h"

/* A backups_copy_fn. */
enum err online_backup(const char *from, const char *to, uint64_t reserve,
                       struct watch *watch) MUST_USE;

#endif
