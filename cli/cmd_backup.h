/* cmd_backup.h - verbs about backups (backup/backup.h). */
#ifndef CLI_CMD_BACKUP_H
#define CLI_CMD_BACKUP_H

#include "cli/command.h"

extern const struct cli_option backup_create_options[], backup_verify_options[],
    backup_restore_options[];
enum err backup_create(struct cli *c) MUST_USE;
enum err backup_verify(struct cli *c) MUST_USE;
enum err backup_restore(struct cli *c) MUST_USE;

#endif
