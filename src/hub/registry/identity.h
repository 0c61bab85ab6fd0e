/* identity.h - one identity: in memory, as a row, as Azure's JSON.  Private to hub/registry. */
#ifndef HUB_REGISTRY_IDENTITY_H
#define HUB_REGISTRY_IDENTITY_H

#include "base/arena.h"
#include "hub/registry/presence.h"
#include "hub/registry/registry.h"
#include "store/store.h"

struct json;

/* One allocation with all its bytes; free() it. */
struct identity *identity_copy(const struct identity *id);
size_t identity_bytes(const struct identity *id);

void identity_free(struct identity *id); /* of identity_copy(): its keys are wiped */

/* Would a credential of `before` no longer be one of `after`? */
bool identity_same_keys(const struct identity *before, const struct identity *after);

/* Do twins show the same, but for status and what comes with keys? */
bool identity_same_shown(const struct identity *before, const struct identity *after);

const char *identity_auth_name(enum identity_auth auth); /* "sas" */

/* The columns of identity_get and identity_page; slices borrow from the row and the arena. */
enum err identity_of_row(struct arena *a, const struct store_value *col,
                         struct identity *out) MUST_USE;

/* The RegenerateKeyResult object of the service API. */
void identity_write_keys(struct buf *out, const struct identity *id);

/* All parameters that identity_insert and identity_update have in common. */
void identity_put_params(struct store_request *r, const struct identity *id);

void identity_put_model(struct store_request *r, const struct identity *id); /* $model_id */

/* The Device or Module object of the service API. */
void identity_write(struct buf *out, const struct identity *id, const struct presence *p);

/* The ExportImportDevice object of bulks and of their files; `twin`: its members that are of the twin,
 * without braces. */
void identity_write_bulk(struct buf *out, const struct identity *id, bool with_keys,
                         struct slice twin);

/* The members of the Twin object that mirror the identity, without braces. */
void identity_write_twin_members(struct buf *out, const struct identity *id,
                                 const struct presence *p);

/* The writable fields of a Device or ExportImportDevice (`of_bulk`; document.c), for a device that has
 * `old` or none yet (NULL).  What the document leaves out gets its default: a PUT replaces.
 * out->device_id and out->module_id are set by the caller, of a module out->enabled, too.  ERR_INVALID
 * with a text; slices borrow from the arena, the document and `old`. */
enum err document_read(struct arena *a, const struct json *doc, bool of_bulk,
                       const struct identity *old, struct identity *out) MUST_USE;

/* `old` with new keys, by rekey_keys()' bits.  ERR_INVALID with a text: it has none, by its type. */
enum err document_rekey(struct arena *a, const struct identity *old, unsigned keys,
                        struct identity *out) MUST_USE;

/* generationId, etag and statusUpdatedTime, which no document says. */
void document_made_by_server(struct arena *a, const struct identity *old, struct identity *out);

/* deviceScope and parentScopes (scope.c); out->iot_edge is set. */
enum err scope_read(struct arena *a, const struct json *doc, bool of_bulk,
                    const struct identity *old, struct identity *out) MUST_USE;

#endif
