/* target.h - where files go: a folder of the server, or a container of a storage account.
 *
 * Runs on: any thread; no I/O.
 * Limits:  the constants below.
 * Errors:  ERR_INVALID with a text for people that never has a key. */
#ifndef ARCHIVE_TARGET_H
#define ARCHIVE_TARGET_H

#include "auth/blob_sas.h"

enum {
    ARCHIVE_FOLDER_MAX = 120,
    ARCHIVE_SECRET_MAX = 1024, /* of a connection string */
};

struct archive_target {
    bool is_folder;
    char folder[ARCHIVE_FOLDER_MAX + 1]; /* below the kind's root; empty: that itself */
    char container[BLOB_ACCOUNT_NAME_MAX + 1];
    char secret[ARCHIVE_SECRET_MAX + 1]; /* the connection string */
    struct blob_account account;
    bool plain; /* http, not https */
};

/* UseDevelopmentStorage=true: Azurite with its well-known account, on this machine ("Configure Azure
 * Storage connection strings"). */
bool archive_is_emulator(struct slice given);

/* Of `secret`, account and whether it is plain: an emulator's string names an http endpoint. */
enum err archive_target_read_account(struct archive_target *t) MUST_USE;

/* Leads nowhere but down, in a folder and in a URL. */
bool archive_is_path(struct slice path);

/* Such a path without a slash. */
bool archive_is_part(struct slice name);

/* A name that Azure has for containers: 3 to 63 lower-case letters, digits and single hyphens between
 * those ("Naming and referencing containers, blobs, and metadata"). */
bool archive_is_container(struct slice name);
#define ARCHIVE_CONTAINER_RULE "3 to 63 lower-case letters, digits and single hyphens between those"

#endif
