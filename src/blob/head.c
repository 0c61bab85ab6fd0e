/* head.c - what is known of a blob, in front of its bytes.
 *
 *   0   8  "azmblob1"
 *   8   4  CRC-32C of what follows, up to its end
 *   12  4  length of what follows
 *   16  8  size of the content, which begins at BLOBS_HEAD_SIZE
 *   24  8  created, microseconds since 1970
 *   32  8  modified
 *   40     the name, then each text: 4 bytes of length, bytes
 *
 * All little-endian.  A file without a whole head is no blob: it is written below new/ and gets its
 * name only after it is on disk.
 */
#include "base/crc32c.h"
#include "blob/internal.h"

#define MAGIC     "azmblob1"
#define LATEST_US INT64_C(253402300799999999) /* the end of year 9999 */

enum { AT_BODY = 16 };

static void put_text(struct buf *out, struct slice text)
{
    buf_put_le32(out, (uint32_t)text.len);
    buf_put_slice(out, text);
}

static void put_body(struct buf *out, struct blob_name name, const struct blobs_props *p)
{
    buf_put_le64(out, p->size);
    buf_put_le64(out, (uint64_t)p->created_us);
    buf_put_le64(out, (uint64_t)p->modified_us);
    put_text(out, name.name);
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) put_text(out, p->text[i]);
}

enum err head_write(struct io_file *f, struct blob_name name, const struct blobs_props *p)
{
    struct buf body = {0}, head = {0};
    put_body(&body, name, p);
    bool fits = AT_BODY + buf_size(&body) <= BLOBS_HEAD_SIZE;
    buf_put_str(&head, MAGIC);
    buf_put_le32(&head, crc32c(0, buf_slice(&body).ptr, buf_size(&body)));
    buf_put_le32(&head, (uint32_t)buf_size(&body));
    buf_put_slice(&head, buf_slice(&body));
    enum err e = fits ? io_write_at(f, 0, buf_slice(&head))
                      : fail(ERR_TOO_BIG, "name, headers and metadata are longer than %d bytes",
                             BLOBS_HEAD_SIZE - AT_BODY);
    buf_free(&body);
    buf_free(&head);
    return e;
}

static struct slice take_text(struct cur *c)
{
    return cur_take(c, cur_le32(c));
}

/* What the hub has written is; a larger size or a later time would overflow when it is reckoned with. */
static bool can_be(const struct blobs_props *p)
{
    return p->size <= BLOBS_SIZE_MAX && p->created_us >= 0 && p->created_us <= LATEST_US &&
           p->modified_us >= 0 && p->modified_us <= LATEST_US;
}

static enum err read_body(struct slice body, struct blob_name name, struct blobs_props *out)
{
    struct cur c = cur_of(body);
    out->size = cur_le64(&c);
    out->created_us = (int64_t)cur_le64(&c);
    out->modified_us = (int64_t)cur_le64(&c);
    struct slice found = take_text(&c);
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) out->text[i] = take_text(&c);
    if (c.bad || !can_be(out)) return fail(ERR_CORRUPT, "the head of a blob is damaged");
    return slice_eq(found, name.name) ? OK : ERR_NOT_FOUND;
}

static enum err head_read(struct io_file *f, struct blob_name name, uint8_t space[BLOBS_HEAD_SIZE],
                          struct blobs_props *out)
{
    size_t got;
    TRY(io_read_at(f, 0, space, BLOBS_HEAD_SIZE, &got));
    struct slice head = slice_of(space, got);
    struct cur c = cur_of(slice_from(head, strlen(MAGIC)));
    uint32_t sum = cur_le32(&c);
    struct slice body = cur_take(&c, cur_le32(&c));
    if (c.bad || !slice_starts(head, SLICE_LIT(MAGIC)) || crc32c(0, body.ptr, body.len) != sum)
        return fail(ERR_CORRUPT, "the head of a blob is damaged");
    return read_body(body, name, out);
}

enum err blob_file_open(struct blobs *b, struct blob_name name, uint8_t space[BLOBS_HEAD_SIZE],
                        struct io_file **file, struct blobs_props *out)
{
    char path[PATH_MAX_LEN];
    path_of_blob(name, path);
    TRY(io_open_file(b->io, path, IO_READ, file));
    enum err e = head_read(*file, name, space, out);
    if (e != OK) io_close(*file);
    return e;
}
