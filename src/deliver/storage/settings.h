/* settings.h - a storage endpoint in the routing document.  Private to deliver.
 *
 *   {"name":"cold","connectionString":"...","containerName":"telemetry","encoding":"avro",
 *    "fileNameFormat":"{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}",
 *    "batchFrequencyInSeconds":300,"maxChunkSizeInBytes":314572800}
 *
 * Ours are `folder`, below the server's own, in the place of connectionString and containerName, and
 * `skipEmptyBlobs`.
 */
#ifndef DELIVER_STORAGE_SETTINGS_H
#define DELIVER_STORAGE_SETTINGS_H

#include "archive/archive.h"
#include "hub/routing/routing.h"

enum storage_encoding { STORAGE_AVRO, STORAGE_AVRO_DEFLATE, STORAGE_JSON, STORAGE_ENCODINGS };

enum {
    STORAGE_FREQUENCY_MIN_S = 60, /* IoT Hub */
    STORAGE_FREQUENCY_MAX_S = 720,
    STORAGE_FREQUENCY_DEFAULT_S = 300,
    STORAGE_CHUNK_MIN = 10485760, /* IoT Hub */
    STORAGE_CHUNK_MAX = 524288000,
    STORAGE_CHUNK_DEFAULT = 314572800,
    STORAGE_FORMAT_MAX = 256, /* bytes of fileNameFormat, ours */
    STORAGE_SUFFIX_MAX = 9,   /* "-99999999": files of one minute */
};

#define STORAGE_FORMAT_DEFAULT "{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}"
#define STORAGE_FOLDER         "storage" /* below it, in the io, what goes to folders */

struct storage_settings {
    enum storage_encoding encoding;
    char format[STORAGE_FORMAT_MAX + 1];
    struct archive_settings archive;
};

enum err storage_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                       const struct json *before) MUST_USE;
void storage_mask(struct arena *a, struct json *endpoint);

/* Of one that was checked. */
enum err storage_settings_read(const struct json *endpoint, struct storage_settings *out) MUST_USE;

/* The name of a file.  `named_us`: the minute, and how many files of that minute were before it. */
enum err storage_name(const struct storage_settings *s, const char *hub, unsigned partition,
                      int64_t named_us, char out[ARCHIVE_NAME_MAX + 1]) MUST_USE;
int64_t storage_next_us(int64_t wall_us, int64_t before_us);

#endif
