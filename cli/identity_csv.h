/* identity_csv.h - devices of a CSV file, as lines of an import job (Azure's devices.txt).
 *
 *     deviceId,status,primaryKey,secondaryKey,tags.line,desired.interval
 *     press-1,enabled,,,4,30
 *
 * The first line names the columns, in any order and in upper or lower case: deviceId (or id), status, statusReason, edge,
 * primaryKey and secondaryKey, primaryThumbprint, secondaryThumbprint, importMode, tags.X and desired.X (or
 * properties.desired.X), with dots for what lies deeper.  What the console's CSV only shows is passed over.  An empty
 * cell says nothing.  Cells have commas, semicolons or tabs between them, as the first line has.  Values of tags and
 * desired properties are numbers, true, false and JSON where they look so, else text.
 *
 * Runs on: the main thread.
 * Limits:  IDENTITY_CSV_MAX bytes, IDENTITY_CSV_COLUMNS_MAX columns; IDENTITY_CSV_TOLD mistakes are told.
 * Source:  RFC 4180; what the console reads (console/src/fleet/read.js).
 */
#ifndef CLI_IDENTITY_CSV_H
#define CLI_IDENTITY_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    IDENTITY_CSV_MAX = 256 << 20,
    IDENTITY_CSV_COLUMNS_MAX = 256,
    IDENTITY_CSV_TOLD = 20,
    IDENTITY_CSV_ID_MAX = 128, /* IoT Hub: of a device id */
};

struct identity_csv {
    struct buf lines; /* a line of JSON for each device; it has keys */
    size_t *at;       /* where each stands in the file: its line */
    size_t count;
    struct buf
        told; /* of a file that cannot be: "PATH:LINE: reason", a line each, up to IDENTITY_CSV_TOLD */
};

/* All of the file or nothing: ERR_INVALID, and `told` may say more.  identity_csv_free() it in any case. */
enum err identity_csv_read(struct arena *a, const char *path, struct slice text,
                           struct identity_csv *out) MUST_USE;
void identity_csv_free(struct identity_csv *csv); /* the keys are overwritten */

/* ERR_INVALID: how a file begins says that it is in UTF-16, or no text. */
enum err identity_csv_check_wide(const char *path, struct slice begin) MUST_USE;

#endif
