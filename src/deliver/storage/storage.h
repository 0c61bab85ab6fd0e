/* storage.h - endpoints of the kind "storageContainers": messages in files, in a container or a folder.
 *
 *   first core ──the endpoints that there are──▶ lane of archives ──health──▶ every core
 *
 * What archive does with a stream's records is done with those that have the endpoint's bit, so this kind
 * has no part in the engine of the others: its cursors read on the lane of archives, which may block.
 *
 * Runs on: the lane of archives, but for storages_tell().
 * Life:    storages_new() before the lanes run, storages_free() after they stopped, before the archives.
 * Limits:  those of archive/archive.h.
 */
#ifndef DELIVER_STORAGE_STORAGE_H
#define DELIVER_STORAGE_STORAGE_H

#include "archive/archive.h"
#include "hub/routing/routing.h"

struct storages;

struct storages_config {
    const struct hub *hub;
    struct lane *lane; /* attached to the store */
    struct archives *archives;
    bool ephemeral; /* nobody finds what is on the disk: endpoints with folders are unhealthy */
};

struct storages *storages_new(const struct storages_config *cfg);
void storages_free(struct storages *ss); /* NULL is fine */

extern const struct routing_kind storage_kind;

/* On the first core: which endpoints there are now.  What is not among them any more is forgotten, with
 * its place in the log. */
void storages_tell(struct lane *core, struct lane *to, const struct routing *r);

#endif
