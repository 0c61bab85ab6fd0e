/* blob_head_fuzz.c - a blob's file full of anything: its head is refused, or says what can be, and the blob can be
 * replaced, which says the same of when it was made.
 *
 * Input: a byte whose bit 0 says that magic, sum and length are put right, and the file.  The file lies where a blob
 * of the name that it has in it belongs, or of another one.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "base/num.h"
#include "blob/internal.h"
#include "fuzz.h"

enum { REPAIR = 1, AT_SUM = 8, AT_LENGTH = 12, AT_BODY = 16, AT_NAME = 40 };

#define LATEST_US INT64_C(253402300799999999) /* what rises has an end */

static const struct slice container = SLICE_LIT("azimuth-test");

static struct blob_name name_in(struct slice file)
{
    struct cur c = cur_of(slice_from(file, AT_NAME));
    struct slice name = cur_take(&c, cur_le32(&c));
    return (struct blob_name){container, name.len ? name : SLICE_LIT("a")};
}

static void put_le32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, sizeof v);
}

static void repair(struct buf *file)
{
    if (buf_size(file) < AT_BODY) return;
    uint32_t len = (uint32_t)(MIN(buf_size(file), (size_t)BLOBS_HEAD_SIZE) - AT_BODY);
    memcpy(file->ptr, "azmblob1", AT_SUM);
    put_le32(file->ptr + AT_SUM, crc32c(0, file->ptr + AT_BODY, len));
    put_le32(file->ptr + AT_LENGTH, len);
}

static void store(struct io *io, struct slice bytes, bool repaired)
{
    char path[PATH_MAX_LEN];
    struct buf file = {0};
    buf_put_slice(&file, bytes);
    if (repaired) repair(&file);
    path_of_blob(name_in(bytes), path);
    enum err e = io_make_dir(io, "blobs/new");
    if (e == OK) e = io_make_dir(io, "blobs/azimuth-test");
    if (e == OK) e = io_store(io, path, buf_slice(&file));
    assert(e == OK);
    buf_free(&file);
}

static void check_props(const struct blobs_props *p, const uint8_t space[BLOBS_HEAD_SIZE])
{
    assert(p->size <= BLOBS_SIZE_MAX && p->created_us >= 0 && p->modified_us >= 0);
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) {
        struct slice t = p->text[i];
        assert(t.len == 0 || (t.ptr >= space && t.ptr + t.len <= space + BLOBS_HEAD_SIZE));
    }
}

static void open_blob(struct blobs *b, struct blob_name name, uint8_t space[BLOBS_HEAD_SIZE],
                      struct blobs_props *out)
{
    struct io_file *file;
    enum err e = blob_file_open(b, name, space, &file, out);
    assert(e == OK);
    io_close(file);
}

/* With the same texts, which have fitted once. */
static void replace(struct blobs *b, struct blob_name name, const struct blobs_props *before)
{
    static uint8_t space[BLOBS_HEAD_SIZE];
    struct blobs_props props = *before, after;
    uint64_t writer;
    enum err e = writer_begin(b, (struct addr){0}, &writer);
    if (e == OK) e = writer_append(b, writer, SLICE_LIT("new"));
    if (e == OK) e = writer_put(b, writer, name, &props);
    assert(e == OK);
    open_blob(b, name, space, &after);
    assert(after.size == 3 && after.created_us == before->created_us);
    assert(after.modified_us > before->modified_us);
    for (unsigned i = 0; i < BLOBS_TEXTS; i++) assert(slice_eq(after.text[i], before->text[i]));
}

void fuzz_one(struct slice input)
{
    static uint8_t space[BLOBS_HEAD_SIZE];
    struct blobs *b = NEW(struct blobs);
    struct slice bytes = slice_from(input, 1);
    struct blob_name name = name_in(bytes);
    struct io_file *file;
    struct blobs_props props;
    b->io = io_mem_new();
    store(b->io, bytes, input.len && input.ptr[0] & REPAIR);
    enum err e = blob_file_open(b, name, space, &file, &props);
    assert(e == OK || e == ERR_NOT_FOUND || e == ERR_CORRUPT);
    if (e == OK) {
        io_close(file);
        check_props(&props, space);
        if (props.modified_us < LATEST_US) replace(b, name, &props);
    }
    map_free(&b->stagings);
    io_free(b->io);
    free(b);
}
