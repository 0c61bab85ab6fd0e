/* read.c - a file comes in pieces of any size; records come out of it one by one.
 *
 * What waits is at most a header or a block that is not whole yet, and the block that is being read.
 * A block is unpacked as a whole, so it has a limit; its records are then read where they lie. */
#include <stdlib.h>

#include "avro/codec.h"
#include "avro/schema.h"
#include "base/mem.h"
#include "base/num.h"

struct avro_reader {
    struct buf in;    /* fed and not used */
    struct buf plain; /* the block in hand */
    struct arena arena;
    bool has_header;
    enum avro_codec codec;
    struct slice metadata; /* in the arena, as are the next two */
    const struct avro_node *schema;
    uint8_t sync[AVRO_SYNC_LEN];
    struct cur at; /* in `plain` */
    int64_t left;  /* records of the block */
    struct avro_value fields[AVRO_FIELDS_MAX];
    enum err broken; /* said before; stays so */
};

struct avro_reader *avro_reader_new(void)
{
    return NEW(struct avro_reader);
}

void avro_reader_free(struct avro_reader *r)
{
    if (r == NULL) return;
    buf_free(&r->in);
    buf_free(&r->plain);
    arena_free(&r->arena);
    free(r);
}

void avro_reader_feed(struct avro_reader *r, struct slice bytes)
{
    buf_put_slice(&r->in, bytes);
}

/* ---- the header */

static bool starts_like_avro(struct slice in)
{
    static const uint8_t magic[] = {'O', 'b', 'j', 1};
    return memcmp(in.ptr, magic, MIN(in.len, sizeof magic)) == 0;
}

/* Past the map; *found: the value of `key`, if it is there.  c->bad: not all of it is there. */
static void read_metadata(struct cur *c, const char *key, struct slice *found)
{
    *found = SLICE_NONE;
    for (int64_t left; (left = value_long(c)) != 0 && !c->bad;) {
        if (left < 0) value_long(c);
        for (int64_t i = left < 0 ? left : -left; i < 0 && !c->bad; i++) {
            struct slice name = value_bytes(c), value = value_bytes(c);
            if (slice_is(name, key)) *found = value;
        }
    }
}

static struct slice note_of(const struct avro_reader *r, const char *key)
{
    struct cur c = cur_of(r->metadata);
    struct slice found;
    read_metadata(&c, key, &found);
    return found;
}

static enum err take_header(struct avro_reader *r, struct slice metadata)
{
    r->metadata = arena_copy(&r->arena, metadata);
    struct slice codec = note_of(r, "avro.codec");
    r->codec = AVRO_NULL_CODEC;
    if (codec.len) TRY(avro_codec_of(codec, &r->codec));
    struct slice text = note_of(r, "avro.schema");
    if (text.len == 0) return fail(ERR_CORRUPT, "there is no schema in the file's header");
    return schema_parse(&r->arena, text, &r->schema);
}

static enum err read_header(struct avro_reader *r)
{
    struct slice in = buf_slice(&r->in), unused;
    if (in.len == 0) return ERR_AGAIN;
    if (!starts_like_avro(in)) return fail(ERR_CORRUPT, "this is no Avro container file");
    struct cur c = cur_of(slice_head(in, AVRO_HEADER_MAX));
    cur_take(&c, 4);
    const uint8_t *start = c.at;
    read_metadata(&c, "", &unused);
    size_t len = (size_t)(c.at - start);
    struct slice sync = cur_take(&c, AVRO_SYNC_LEN);
    if (c.bad)
        return in.len >= AVRO_HEADER_MAX
                   ? fail(ERR_TOO_BIG, "a header of more than %d bytes", AVRO_HEADER_MAX)
                   : ERR_AGAIN;
    TRY(take_header(r, slice_of(start, len)));
    memcpy(r->sync, sync.ptr, AVRO_SYNC_LEN);
    r->has_header = true;
    buf_consume(&r->in, (size_t)(c.at - in.ptr));
    return OK;
}

struct slice avro_reader_note(const struct avro_reader *r, const char *key)
{
    return r->has_header ? note_of(r, key) : SLICE_NONE;
}

/* ---- a block */

/* How long the numbers before a block can be; not more are waited for. */
enum { BLOCK_HEAD_MAX = 20 };

static enum err take_block(struct avro_reader *r, int64_t count, struct slice packed)
{
    buf_clear(&r->plain);
    TRY(codec_unpack(r->codec, packed, &r->plain));
    if (count < 0 || (uint64_t)count > buf_size(&r->plain))
        return fail(ERR_CORRUPT, "a block has more records than bytes");
    r->at = cur_of(buf_slice(&r->plain));
    r->left = count;
    return OK;
}

static enum err read_block(struct avro_reader *r)
{
    struct slice in = buf_slice(&r->in);
    struct cur c = cur_of(in);
    int64_t count = value_long(&c), size = value_long(&c);
    if (c.bad) return in.len < BLOCK_HEAD_MAX ? ERR_AGAIN : fail(ERR_CORRUPT, "no block follows");
    if (size < 0 || count < 0) return fail(ERR_CORRUPT, "a block of a negative size");
    if (size > AVRO_BLOCK_MAX)
        return fail(ERR_TOO_BIG, "a block of more than %d bytes", AVRO_BLOCK_MAX);
    struct slice packed = cur_take(&c, (size_t)size), sync = cur_take(&c, AVRO_SYNC_LEN);
    if (c.bad) return ERR_AGAIN;
    if (memcmp(sync.ptr, r->sync, AVRO_SYNC_LEN) != 0)
        return fail(ERR_CORRUPT, "a block does not end with the file's sync marker");
    enum err e = take_block(r, count, packed);
    buf_consume(&r->in, (size_t)(c.at - in.ptr));
    return e;
}

/* ---- a record */

static enum err read_record(struct avro_reader *r)
{
    unsigned steps = AVRO_STEPS_MAX + 1; /* the last one is too much */
    for (size_t i = 0; i < r->schema->child_count && !r->at.bad; i++)
        value_get(&r->at, r->schema->children[i].node, &steps, &r->fields[i]);
    if (steps == 0) return fail(ERR_TOO_BIG, "a record of more than %d parts", AVRO_STEPS_MAX);
    if (r->at.bad) return fail(ERR_CORRUPT, "a record is not what the schema says");
    if (--r->left == 0 && cur_left(&r->at))
        return fail(ERR_CORRUPT, "a block has more bytes than its records");
    return OK;
}

static enum err next(struct avro_reader *r)
{
    if (!r->has_header) TRY(read_header(r));
    while (r->left == 0) TRY(read_block(r));
    return read_record(r);
}

enum err avro_reader_next(struct avro_reader *r)
{
    if (r->broken != OK) return r->broken;
    enum err e = next(r);
    if (e != OK && e != ERR_AGAIN) {
        r->broken = e;
        r->left = 0;
    }
    return e;
}

enum err avro_reader_end(const struct avro_reader *r)
{
    if (r->broken != OK) return r->broken;
    return r->has_header && r->left == 0 && buf_size(&r->in) == 0
               ? OK
               : fail(ERR_CORRUPT, "the file ends in the middle");
}

bool avro_field(const struct avro_reader *r, const char *name, struct avro_value *out)
{
    struct slice wanted = slice_str(name);
    if (!r->has_header || r->broken != OK) return false;
    for (size_t i = 0; i < r->schema->child_count; i++) {
        if (!slice_eq(r->schema->children[i].name, wanted)) continue;
        *out = r->fields[i];
        return true;
    }
    return false;
}
