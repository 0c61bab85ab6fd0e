/* backup.h - the store as it is now, in a file of its own beside it, while everybody goes on writing.
 *
 * Whoever makes a backup copies the log's files as they grow (cli/backup.h says why that is safe); the store's
 * change in place and cannot be copied from outside.  So the store writes a whole and consistent copy of
 * itself to STORE_SNAPSHOT, which whoever asked takes away.
 *
 * Runs on: any core; the work is done on the lane `storecheck`, where nobody waits but a checkpoint.
 * Limits:  one file: two who ask at a time get the later one's.  Free disk must hold it.
 */
#ifndef HUB_BACKUP_BACKUP_H
#define HUB_BACKUP_BACKUP_H

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

#endif
