/* place.h - a blob in a container, ours or somebody's, written and read in pieces.  Private to
 * hub/transfer.
 *
 * Ours is src/blob's lane; others' are spoken to by its neighbour src/blob/remote.h, over HTTP.  Both
 * answer a struct blobs_wait.
 */
#ifndef HUB_TRANSFER_PLACE_H
#define HUB_TRANSFER_PLACE_H

#include "base/arena.h"
#include "blob/blob.h"
#include "hub/transfer/transfer.h"

enum { PLACE_PIECE = BLOBS_PIECE_MAX };

struct place {
    const struct transfer_config *cfg;
    struct lane *lane;
    bool own;
    struct slice name; /* of the blob */
    struct slice uri;  /* of the blob, signature and all; others' only */
};

/* The blob `name` in the container at `uri`.  `rights` is what the signature must allow (enum
 * blob_right); others' judge that themselves.  ERR_INVALID: it is no container's address; ERR_DENIED:
 * it does not open ours; with a text.  What is in *out lives in the arena. */
enum err place_read(struct arena *a, const struct hub *hub, const struct transfer_config *cfg,
                    struct lane *lane, struct slice uri, struct slice name, unsigned rights,
                    struct place *out) MUST_USE;

/* ---- writing: begin, append, end */

struct sink {
    const struct place *place;
    uint64_t writer; /* ours: 0: not begun */
    unsigned blocks; /* others' */
};

/* Also tells whether the container can be written to. */
void sink_begin(struct sink *s, const struct place *place, struct blobs_wait *w);
void sink_begun(struct sink *s, const struct blobs_answer *a); /* its answer was OK */
void sink_append(struct sink *s, struct slice piece, struct blobs_wait *w);
void sink_end(struct sink *s, struct blobs_wait *w); /* now the blob is there */
void sink_abort(struct sink *s);                     /* harmless when it has ended */

/* ---- reading */

/* Its size and change; `probes`: somebody waits, so it is not tried for long. */
void source_open(const struct place *p, bool probes, struct blobs_wait *w);

/* At most PLACE_PIECE bytes; ERR_CONFLICT: it was changed since. */
void source_read(const struct place *p, int64_t modified_us, uint64_t offset, uint32_t len,
                 struct blobs_wait *w);

#endif
