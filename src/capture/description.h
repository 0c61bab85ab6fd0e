/* description.h - what is captured where to: Azure's captureDescription.  Private to capture/.
 *
 *   {"enabled":true,"encoding":"Avro","intervalInSeconds":300,"sizeLimitInBytes":314572800,
 *    "skipEmptyArchives":false,
 *    "destination":{"name":"EventHubArchive.AzureBlockBlob",
 *     "properties":{"connectionString":"...","blobContainer":"events","archiveNameFormat":"..."}}}
 *
 * Ours are: the connection string of the storage account (Azure finds it by storageAccountResourceId,
 * which is kept and shown), the destination "Azimuth.Folder" with a "folder" below the server's own, and
 * the encoding AvroSnappy.  Members of `properties` may also stand in `destination` itself, as the SDKs
 * write them.
 */
#ifndef CAPTURE_DESCRIPTION_H
#define CAPTURE_DESCRIPTION_H

#include "archive/archive.h"
#include "capture/capture.h"

enum { DESCRIPTION_RESOURCE_MAX = 512 };

struct description {
    bool enabled;
    struct archive_settings archive;
    char format[CAPTURE_FORMAT_MAX + 1];
    char resource[DESCRIPTION_RESOURCE_MAX + 1];
};

/* What a name is made of, besides the time. */
struct description_place {
    const char *space, *event_hub;
    unsigned partition;
};

/* ERR_INVALID with a text for people.  `old` (may be NULL) has the connection string that a description
 * without one for the same container keeps. */
enum err description_parse(struct slice json, const struct description *old,
                           struct description *out) MUST_USE;

/* `with_secret`: for the store only. */
void description_write(struct buf *out, const struct description *d, bool with_secret);

/* May it be put in place for that event hub?  A template that is short enough for most may make names that are too
 * long of a long name, and a folder has parts of CAPTURE_PART_MAX bytes at most.  Unknown fields and names that
 * Azure has for no container are refused here, so that what is kept can be read.  ERR_INVALID with a text. */
enum err description_check(const struct description *d,
                           const struct description_place *place) MUST_USE;

/* The name of a file, ".avro" included; CAPTURE_NAME_MAX + 1 bytes.  ERR_INVALID: it would be longer. */
enum err description_name(const struct description *d, const struct description_place *place,
                          int64_t wall_us, char *out) MUST_USE;

#endif
