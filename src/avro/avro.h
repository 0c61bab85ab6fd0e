/* avro.h - Avro object container files: written record by record, read with whatever schema they have.
 *
 * File: "Obj" 1, a map of metadata (avro.schema, avro.codec), 16 bytes of sync marker; then blocks: how
 * many records, how many bytes, the records (compressed), the sync marker.
 *
 * Writing: avro_writer_begin() puts the header; each record is put with avro_put_* between
 * avro_writer_record() and avro_writer_end(); a block is put when it is large enough, and by
 * avro_writer_flush().  The same records with the same sync marker make the same file.
 * Reading: bytes are fed in any pieces; avro_reader_next() gives a record as its fields, found by name
 * (avro_field), so the order of fields, unions and fields that we do not know do not matter.
 *
 * Runs on: any thread; no I/O.
 * Life:    what a value borrows lives until the next call on its reader.
 * Limits:  the constants below.  ERR_TOO_BIG: over one of them; ERR_CORRUPT: not Avro, or damaged;
 *          ERR_UNSUPPORTED: a codec that we do not have.  The text says where.
 * Source:  "Apache Avro 1.11.1 Specification".
 */
#ifndef AVRO_AVRO_H
#define AVRO_AVRO_H

#include "base/buf.h"
#include "base/cur.h"

enum {
    AVRO_SYNC_LEN = 16,
    AVRO_BLOCK_TARGET = 64 << 10, /* of a block that we write, before it is compressed */
    AVRO_BLOCK_MAX = 32 << 20,    /* of a block that we read, compressed or not */
    AVRO_HEADER_MAX = 1 << 20,    /* bytes before the first block */
    AVRO_NODES_MAX = 512,         /* types in a schema */
    AVRO_DEPTH_MAX = 32,          /* of a schema, and of a value of a type that contains itself */
    AVRO_FIELDS_MAX = 64,         /* of the record that a file consists of */
    AVRO_NAME_MAX = 255,          /* bytes of a type's full name or a field's name */
    AVRO_STEPS_MAX = 1 << 20,     /* parts of a record: what takes no bytes is counted, too */
};

enum avro_codec { AVRO_NULL_CODEC, AVRO_DEFLATE, AVRO_SNAPPY, AVRO_CODECS };

const char *avro_codec_name(enum avro_codec codec); /* "null", "deflate", "snappy" */
enum err avro_codec_of(struct slice name, enum avro_codec *out) MUST_USE;

/* ---- values, in binary */

void avro_put_long_of(struct buf *b, int64_t v); /* of any length */

/* Also int, the branch of a union, a count. */
static inline void avro_put_long(struct buf *b, int64_t v)
{
    enum { OF_A_BYTE = 64 };
    if (v >= 0 && v < OF_A_BYTE)
        buf_put_u8(b, (uint8_t)(v << 1));
    else
        avro_put_long_of(b, v);
}

void avro_put_double(struct buf *b, double v);
void avro_put_bytes(struct buf *b, struct slice v); /* also string */

/* A map of `count` entries, which follow as key and value; then avro_put_map_end(). */
void avro_put_map(struct buf *b, size_t count);
void avro_put_map_end(struct buf *b);

/* ---- writing */

struct avro_writer {
    enum avro_codec codec;
    uint8_t sync[AVRO_SYNC_LEN];
    struct buf block;  /* records that are in no block yet, and are to be compressed */
    struct buf packed; /* room to compress into */
    int64_t count;     /* of them */
    size_t
        open; /* without a codec: records of `out` that are in no block yet begin there; else 0 */
    void *deflate;
};

/* What Capture notes in its files, for a replay: which event hub they are of (hub_stream_identity()). */
#define AVRO_NOTE_SOURCE "azimuth.source"

/* One more entry of the metadata; `key` NULL: none. */
struct avro_note {
    const char *key;
    struct slice value;
};

void avro_writer_begin(struct avro_writer *w, const char *schema, enum avro_codec codec,
                       const uint8_t sync[AVRO_SYNC_LEN], struct avro_note note, struct buf *out);

/* Where the next record's fields are put, in the schema's order: perhaps `out` itself. */
struct buf *avro_writer_record(struct avro_writer *w, struct buf *out);

/* Nothing may be taken from `out` now: its end is a block that is not whole. */
static inline bool avro_writer_is_open(const struct avro_writer *w)
{
    return w->open != 0;
}

void avro_writer_end(struct avro_writer *w, struct buf *out);   /* the record is whole */
void avro_writer_flush(struct avro_writer *w, struct buf *out); /* what is in no block yet */
void avro_writer_fini(struct avro_writer *w);

/* ---- reading */

enum avro_type {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_ENUM,
    AVRO_FIXED,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_RECORD,
    AVRO_UNION, /* only in schemas: a value is one of its branches */
};

struct avro_node;

struct avro_value {
    enum avro_type type;
    int64_t number;     /* boolean, int, long, enum (its place) */
    double real;        /* float, double */
    struct slice bytes; /* bytes, string, fixed; array, map, record: encoded */
    const struct avro_node *node;
};

struct avro_reader;

struct avro_reader *avro_reader_new(void);
void avro_reader_free(struct avro_reader *r); /* NULL is fine */

/* Bytes of the file; copied.  Not more than a block at a time is kept: feed when next() says ERR_AGAIN. */
void avro_reader_feed(struct avro_reader *r, struct slice bytes);

/* The next record.  ERR_AGAIN: more bytes are needed. */
enum err avro_reader_next(struct avro_reader *r) MUST_USE;

/* After the last byte and ERR_AGAIN: is the file whole?  ERR_CORRUPT: it ends in the middle. */
enum err avro_reader_end(const struct avro_reader *r) MUST_USE;

/* Of the record that next() gave.  False: the schema has no such field. */
bool avro_field(const struct avro_reader *r, const char *name, struct avro_value *out);

/* Entries of a map value, one after the other: `at` begins as cur_of(map->bytes), *left as 0.
 * False at the end. */
bool avro_map_next(const struct avro_value *map, struct cur *at, int64_t *left, struct slice *key,
                   struct avro_value *value);

/* An entry of the file's metadata, once the header was read (next() has said OK, or ERR_AGAIN after the whole of it);
 * SLICE_NONE: there is none of that name. */
struct slice avro_reader_note(const struct avro_reader *r, const char *key);

#endif
