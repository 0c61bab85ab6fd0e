/* block_list_fuzz.c - front/blob: the body of Put Block List.  What is read is the same again when it
 * is written as plainly as can be. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "front/blob/transfer.h"
#include "fuzz.h"

struct list_read {
    struct buf space;
    struct slice *ids;
    size_t count;
};

static enum err read_list(struct slice xml, struct list_read *l)
{
    *l = (struct list_read){0};
    enum err e = block_list_read(xml, &l->space, &l->ids, &l->count);
    assert(e == OK || e == ERR_INVALID || e == ERR_TOO_BIG);
    assert(l->count <= BLOBS_BLOCKS_MAX);
    for (size_t i = 0; i < l->count; i++)
        assert(l->ids[i].len > 0 && l->ids[i].len <= BLOBS_BLOCK_ID_MAX);
    return e;
}

static void write_list(struct buf *out, const struct list_read *l)
{
    buf_put_str(out, "<BlockList>");
    for (size_t i = 0; i < l->count; i++) {
        buf_put_str(out, "<Latest>");
        text_base64(out, l->ids[i]);
        buf_put_str(out, "</Latest>");
    }
    buf_put_str(out, "</BlockList>");
}

static void free_list(struct list_read *l)
{
    buf_free(&l->space);
    free(l->ids);
}

static void check_again(const struct list_read *l)
{
    struct list_read again;
    struct buf xml = {0};
    write_list(&xml, l);
    enum err e = read_list(buf_slice(&xml), &again);
    assert(e == OK && again.count == l->count);
    for (size_t i = 0; i < l->count; i++) assert(slice_eq(again.ids[i], l->ids[i]));
    free_list(&again);
    buf_free(&xml);
}

void fuzz_one(struct slice input)
{
    struct list_read l;
    if (read_list(input, &l) == OK) check_again(&l);
    free_list(&l);
}
