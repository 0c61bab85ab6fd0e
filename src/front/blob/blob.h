/* blob.h - the hub's own upload target, spoken to as Azure Blob Storage: Put Blob, Put Block, Put Block
 * List, Get Blob and its properties, Delete Blob.
 *
 * It lies at the root of the HTTPS port, /{container}/{blob}, and all container names begin with
 * "azimuth-"; no other path of the server does.  Who comes needs a shared access signature in the
 * URI (auth/blob_sas).  Bodies go to the disk as they come, one piece at a time, and are read from it
 * the same way.
 *
 * Runs on: the core that holds the connection.
 * Life:    one service per core, made before the lanes run and freed after they stopped.
 * Limits:  the constants below, and those of src/blob.
 * Source:  "Blob service REST API", version 2021-12-02; @azure/storage-blob, azure-storage-blob, the C
 *          device SDK; README.md.
 */
#ifndef FRONT_BLOB_BLOB_H
#define FRONT_BLOB_BLOB_H

#include "auth/blob_sas.h"
#include "post/post.h"

enum {
    BLOB_PUT_MAX = 256 << 20, /* a body: Put Blob or Put Block; 413 */
    BLOB_LIST_MAX = 8 << 20,  /* a block list; 413 */
};
#define BLOB_JOIN_WAIT_US (600 * 1000000ll) /* blocks are copied meanwhile */
#define BLOB_PREFIX       "/azimuth-"

struct rest_service;
struct blobs;
struct blob_service;

struct blob_config {
    struct blobs *blobs;
    const struct blob_account *account;
    const char *container; /* "azimuth-..." */
};

/* `cfg` outlives it. */
struct blob_service *blob_service_new(const struct blob_config *cfg, struct lane *lane,
                                      struct rest_service *rest);
void blob_service_free(struct blob_service *s); /* NULL is fine */

#endif
