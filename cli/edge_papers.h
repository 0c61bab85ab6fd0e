/* edge_papers.h - the certificates of edge devices: a root, below it a CA for each device, and one of its own for a device
 * that logs in with it.
 *
 *   root ─▶ "ID.deviceca", of which the edge runtime makes the certificates of its modules and its hub
 *   "ID", signed by itself: the device at its hub, which knows the thumbprint
 *
 * Runs on: the main thread.
 * Life:    edge_root_load() or edge_root_make() .. edge_root_free().
 * Limits:  EDGE_ID_MAX bytes of a device's id; keys are P-256, EDGE_DAYS and EDGE_ROOT_DAYS of
 *          validity, from an hour ago.
 * Source:  "Manage IoT Edge certificates" (edge CA); RFC 5280, appendix A.1 (ub-common-name).
 */
#ifndef CLI_EDGE_PAPERS_H
#define CLI_EDGE_PAPERS_H

#include "base/buf.h"

#define EDGE_CA_SUFFIX ".deviceca"

enum {
    EDGE_NAME_MAX = 64,                                      /* RFC 5280: of a common name */
    EDGE_ID_MAX = EDGE_NAME_MAX - sizeof EDGE_CA_SUFFIX + 1, /* what is left of it */
    EDGE_DAYS = 365,                                         /* as az makes them */
    EDGE_ROOT_DAYS = 3650,
};

struct edge_root;

/* PEM, with a password or NULL.  ERR_INVALID: they are none, do not belong together, or are no CA's. */
enum err edge_root_load(struct slice cert, struct slice key, const char *password,
                        struct edge_root **out) MUST_USE;
struct edge_root *edge_root_make(void) MUST_USE;
void edge_root_free(struct edge_root *root); /* NULL is fine */

/* What was loaded, or made; of a key only where it was made, else SLICE_NONE. */
struct slice edge_root_cert(const struct edge_root *root);
struct slice edge_root_key(const struct edge_root *root);

/* PEM.  `login` and its key: empty unless asked for. */
struct edge_papers {
    struct buf chain, ca_key, login, login_key;
    struct buf thumbprint; /* of `login`, SHA-256 in hex */
};

/* `id` has at most EDGE_ID_MAX bytes. */
void edge_papers_make(const struct edge_root *root, struct slice id, bool login,
                      struct edge_papers *out);
void edge_papers_free(struct edge_papers *p);

#endif
