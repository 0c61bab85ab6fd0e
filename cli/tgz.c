/* tgz.c - see tgz.h. */
#include "cli/tgz.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { BLOCK = 512, GZIP = 16, RECORD = 20 * BLOCK /* as tar writes them */ };

/* Texts end with a NUL where there is room, numbers are octal. */
struct header {
    char name[TGZ_NAME_MAX];
    char mode[8], user[8], group[8], size[12], modified[12], checksum[8];
    char kind, link[100];
    char magic[6], version[2];
    char user_name[32], group_name[32];
    char major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* Of all bytes, its own counted as spaces. */
static unsigned sum(const struct header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    unsigned total = 0;
    for (size_t i = 0; i < sizeof *h; i++) total += bytes[i];
    return total;
}

static void fill(struct header *h, const struct tgz_file *f)
{
    *h = (struct header){.kind = '0', .magic = "ustar", .version = {'0', '0'}};
    memcpy(h->name, f->name, strlen(f->name));
    snprintf(h->mode, sizeof h->mode, "%07o", f->mode & 0777u);
    snprintf(h->user, sizeof h->user, "%07o", 0u);
    snprintf(h->group, sizeof h->group, "%07o", 0u);
    snprintf(h->size, sizeof h->size, "%011zo", f->content.len);
    snprintf(h->modified, sizeof h->modified, "%011" PRIo64, f->wall_us / 1000000 & 077777777777);
    snprintf(h->user_name, sizeof h->user_name, "root");
    snprintf(h->group_name, sizeof h->group_name, "root");
    memset(h->checksum, ' ', sizeof h->checksum);
    snprintf(h->checksum, sizeof h->checksum, "%06o", sum(h)); /* a NUL and a space behind it */
}

static void put_zeros(struct buf *out, size_t len)
{
    memset(buf_reserve(out, len), 0, len);
    buf_commit(out, len);
}

static void pad(struct buf *out, size_t multiple)
{
    size_t over = buf_size(out) % multiple;
    if (over) put_zeros(out, multiple - over);
}

enum err tgz_add(struct tgz *t, const struct tgz_file *file)
{
    struct header h;
    if (strlen(file->name) > TGZ_NAME_MAX)
        return fail(ERR_TOO_BIG, "%s: a name in an archive has at most %d bytes", file->name,
                    TGZ_NAME_MAX);
    if (file->content.len > TGZ_CONTENT_MAX)
        return fail(ERR_TOO_BIG, "%s: a file in an archive has at most %d bytes", file->name,
                    TGZ_CONTENT_MAX);
    fill(&h, file);
    buf_put(&t->tar, &h, sizeof h);
    buf_put_slice(&t->tar, file->content);
    pad(&t->tar, BLOCK);
    return OK;
}

enum err tgz_pack(struct tgz *t, struct buf *out)
{
    z_stream z = {0};
    put_zeros(&t->tar, 2 * (size_t)BLOCK);
    pad(&t->tar, RECORD);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(ERR_NOMEM, "zlib has no memory");
    struct slice tar = buf_slice(&t->tar);
    assert(tar.len <= UINT_MAX);
    size_t most = deflateBound(&z, tar.len);
    z.next_in = (uint8_t *)tar.ptr;
    z.avail_in = (unsigned)tar.len;
    z.next_out = buf_reserve(out, most);
    z.avail_out = (unsigned)most;
    int done = deflate(&z, Z_FINISH);
    buf_commit(out, z.total_out);
    deflateEnd(&z);
    return done == Z_STREAM_END ? OK : fail(ERR_PROTOCOL, "zlib did not end: %d", done);
}

void tgz_free(struct tgz *t)
{
    buf_wipe(&t->tar);
}
