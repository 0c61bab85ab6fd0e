/* list.c - block lists: <BlockList> with <Latest>, <Uncommitted> or <Committed> ids in base64.
 *
 * Blocks are not kept once a list made a blob of them, so a committed one is not found.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "front/blob/transfer.h"

struct scan {
    struct slice rest;
    struct buf *space;
    size_t *lens; /* of the ids, in order */
    size_t count;
};

static bool is_blank(struct slice s)
{
    return slice_trim(s).len == 0;
}

/* The next tag's name, "/name" at its end, and the text before it; "?" and "!" are passed over. */
static enum err next_tag(struct scan *s, struct slice *before, struct slice *tag)
{
    do {
        if (!slice_split(&s->rest, '<', before) || s->rest.ptr == NULL ||
            slice_find(s->rest, '>') == s->rest.len)
            return fail(ERR_INVALID, "the block list ends too early");
        slice_split(&s->rest, '>', tag);
        if (s->rest.ptr == NULL) s->rest = slice_of("", 0);
    } while (tag->len && (tag->ptr[0] == '?' || tag->ptr[0] == '!'));
    *tag = slice_trim(*tag);
    return OK;
}

static enum err take_id(struct scan *s, struct slice text)
{
    size_t before = buf_size(s->space);
    enum err e = text_unbase64(s->space, slice_trim(text));
    size_t len = buf_size(s->space) - before;
    if (e != OK || len == 0 || len > BLOBS_BLOCK_ID_MAX)
        return fail(ERR_INVALID, "a block's id is not base64 of 1 to %d bytes", BLOBS_BLOCK_ID_MAX);
    s->lens[s->count++] = len;
    return OK;
}

static bool is_kind(struct slice tag)
{
    return slice_is(tag, "Latest") || slice_is(tag, "Uncommitted") || slice_is(tag, "Committed");
}

static enum err read_item(struct scan *s, struct slice opened)
{
    struct slice text, tag;
    if (!is_kind(opened)) return fail(ERR_INVALID, "a block list has an unknown element");
    if (s->count == BLOBS_BLOCKS_MAX)
        return fail(ERR_TOO_BIG, "more than %d blocks", BLOBS_BLOCKS_MAX);
    TRY(next_tag(s, &text, &tag));
    if (tag.len == 0 || tag.ptr[0] != '/' || !slice_eq(slice_from(tag, 1), opened))
        return fail(ERR_INVALID, "an element of the block list is not closed");
    return take_id(s, text);
}

static enum err read_all(struct scan *s)
{
    struct slice before, tag;
    TRY(next_tag(s, &before, &tag));
    if (slice_is(tag, "BlockList/") || slice_is(tag, "BlockList /")) return OK;
    if (!slice_is(tag, "BlockList")) return fail(ERR_INVALID, "it is not a block list");
    for (;;) {
        TRY(next_tag(s, &before, &tag));
        if (!is_blank(before)) return fail(ERR_INVALID, "the block list has text between elements");
        if (slice_is(tag, "/BlockList")) return OK;
        TRY(read_item(s, tag));
    }
}

enum err block_list_read(struct slice xml, struct buf *space, struct slice **ids, size_t *count)
{
    struct scan s = {.rest = xml, .space = space};
    s.lens = mem_new(BLOBS_BLOCKS_MAX * sizeof *s.lens);
    buf_reserve(space, xml.len);
    enum err e = read_all(&s);
    *count = s.count;
    *ids = mem_new((s.count + 1) * sizeof **ids);
    const uint8_t *at = buf_slice(space).ptr;
    for (size_t i = 0; i < s.count; at += s.lens[i++]) (*ids)[i] = slice_of(at, s.lens[i]);
    free(s.lens);
    return e;
}
