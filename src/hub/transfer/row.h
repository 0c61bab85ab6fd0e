/* row.h - a job as a row and as JSON.  Private to hub/transfer. */
#ifndef HUB_TRANSFER_ROW_H
#define HUB_TRANSFER_ROW_H

#include "base/arena.h"
#include "hub/transfer/transfer.h"
#include "store/store.h"

enum transfer_type { TRANSFER_IMPORT, TRANSFER_EXPORT };

enum transfer_status {
    TRANSFER_ENQUEUED,
    TRANSFER_RUNNING,
    TRANSFER_COMPLETED,
    TRANSFER_FAILED,
    TRANSFER_CANCELLED,
    TRANSFER_STATUSES
};

struct transfer_row {
    struct slice id;
    enum transfer_type type;
    enum transfer_status status;
    int64_t created_us, start_us, end_us;
    int64_t progress; /* 0 to 100 */
    int64_t lines, failed;
    bool exclude_keys, configurations;
    struct slice input_uri, input_blob, output_uri, output_blob, configurations_blob;
    struct slice reason;
};

/* A JobProperties as clients send it, in the arena.  ERR_INVALID: with a text. */
enum err transfer_row_of_request(struct arena *a, struct slice json,
                                 struct transfer_row *out) MUST_USE;

struct transfer_row transfer_row_copy(struct arena *a, const struct transfer_row *row);

void transfer_row_read(const struct store_value *col, struct transfer_row *out); /* borrows */

/* A unit's statement that makes the row be as `row` says. */
void transfer_row_put_insert(struct store_request *u, const struct transfer_row *row);
void transfer_row_put_update(struct store_request *u, const struct transfer_row *row);

void transfer_row_write(struct buf *out, const struct transfer_row *row); /* a JobProperties */

#endif
