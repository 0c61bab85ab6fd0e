/* list_test.c - block lists as SDKs write them, and as they should not. */
#include "base/test.h"

#include "base/mem.h"
#include "base/text.h"
#include "front/blob/transfer.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"utf-8\"?>"

/* The ids, separated by blanks. */
static enum err read(struct slice xml, struct buf *out, size_t *count)
{
    struct buf space = {0};
    struct slice *ids;
    enum err e = block_list_read(xml, &space, &ids, count);
    for (size_t i = 0; i < *count; i++) buf_printf(out, "%.*s ", SLICE_ARG(ids[i]));
    free(ids);
    buf_free(&space);
    return e;
}

static void lists_become_ids(void **state)
{
    static const struct {
        const char *xml, *ids; /* NULL: ERR_INVALID */
    } rows[] = {
        /* @azure/storage-blob */
        {HEAD "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>", "a b "},
        /* the C SDK */
        {HEAD "\n<BlockList>\n<Latest>MDAwMDAw</Latest>\n<Latest>MDAwMDAx</Latest>\n</BlockList>",
         "000000 000001 "},
        /* azure-storage-blob of Python */
        {"<?xml version='1.0' encoding='utf-8'?>\n<BlockList><Latest>YQ==</Latest></BlockList>",
         "a "},
        {"<BlockList><Uncommitted>YQ==</Uncommitted><Committed>Yg==</Committed></BlockList>",
         "a b "},
        {"<BlockList />", ""},
        {"<BlockList></BlockList>", ""},
        {"<!-- all --><BlockList><!-- one --><Latest> YQ== </Latest></BlockList>", "a "},
        {"", NULL},
        {"YQ==", NULL},
        {"<BlockList>", NULL},
        {"<BlockList><Latest>YQ==</Latest>", NULL},
        {"<BlockList><Latest>YQ==</BlockList>", NULL},
        {"<BlockList><Latest>YQ==</Uncommitted></BlockList>", NULL},
        {"<BlockList><Oldest>YQ==</Oldest></BlockList>", NULL},
        {"<BlockList>text<Latest>YQ==</Latest></BlockList>", NULL},
        {"<BlockList><Latest></Latest></BlockList>", NULL},
        {"<BlockList><Latest>*</Latest></BlockList>", NULL},
        {"<BlockList><Latest>YQ==", NULL},
        {"<BlockList><Latest", NULL},
        {"<Blocks></Blocks>", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf ids = {0};
        size_t count;
        enum err e = read(slice_str(rows[i].xml), &ids, &count);
        assert_int_equal(e, rows[i].ids ? OK : ERR_INVALID);
        if (e == OK) assert_string_equal(buf_cstr(&ids), rows[i].ids);
        buf_free(&ids);
    }
}

static enum err list_of(size_t count, size_t id_size)
{
    struct buf xml = {0}, id = {0}, ids = {0};
    uint8_t bytes[BLOBS_BLOCK_ID_MAX + 1] = {0};
    size_t found;
    text_base64(&id, slice_of(bytes, id_size));
    buf_put_str(&xml, "<BlockList>");
    for (size_t i = 0; i < count; i++) buf_printf(&xml, "<Latest>%s</Latest>", buf_cstr(&id));
    buf_put_str(&xml, "</BlockList>");
    enum err e = read(buf_slice(&xml), &ids, &found);
    if (e == OK) assert_int_equal(found, count);
    buf_free(&xml);
    buf_free(&id);
    buf_free(&ids);
    return e;
}

static void lists_have_limits(void **state)
{
    (void)state;
    assert_int_equal(list_of(BLOBS_BLOCKS_MAX, 1), OK);
    assert_int_equal(list_of(BLOBS_BLOCKS_MAX + 1, 1), ERR_TOO_BIG);
    assert_int_equal(list_of(1, BLOBS_BLOCK_ID_MAX), OK);
    assert_int_equal(list_of(1, BLOBS_BLOCK_ID_MAX + 1), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_become_ids),
        cmocka_unit_test(lists_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
