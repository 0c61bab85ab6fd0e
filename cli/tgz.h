/* tgz.h - a few small files as one .tgz, in memory: an archive of tar within gzip.
 *
 *     struct tgz t = {0};
 *     TRY(tgz_add(&t, &(struct tgz_file){"install.sh", 0700, now_us, content}));  ...
 *     TRY(tgz_pack(&t, &bytes));
 *     tgz_free(&t);
 *
 * Runs on: any thread.
 * Life:    {0} is an archive of nothing; tgz_free() wipes it, for there may be keys in it.
 * Limits:  TGZ_NAME_MAX bytes of a name, TGZ_CONTENT_MAX of a file; 4 GiB in all, of which the caller is far.
 * Errors:  ERR_TOO_BIG for more than that.
 * Source:  POSIX.1-2017, pax, "ustar Interchange Format"; RFC 1952 by zlib.
 */
#ifndef CLI_TGZ_H
#define CLI_TGZ_H

#include "base/buf.h"
#include "base/err.h"

enum { TGZ_NAME_MAX = 100, TGZ_CONTENT_MAX = 16 << 20 };

struct tgz {
    struct buf tar;
};

/* A regular file of root's, which belongs to whoever unpacks it unless that is root. */
struct tgz_file {
    const char *name;
    unsigned mode;
    int64_t wall_us; /* when it was written */
    struct slice content;
};

enum err tgz_add(struct tgz *t, const struct tgz_file *file) MUST_USE;

/* Appends the whole .tgz to `out`; nothing is added afterwards. */
enum err tgz_pack(struct tgz *t, struct buf *out) MUST_USE;

void tgz_free(struct tgz *t);

#endif
