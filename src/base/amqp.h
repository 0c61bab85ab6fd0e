/* amqp.h - AMQP 1.0 types on bytes (specification part 1), shared by the wire engine and by the log,
 * whose records are stored in this encoding so that consumers get a copy of stored bytes.
 *
 * Writing: amqp_put_* append one value with its constructor, smallest form that fits.  Containers
 * are opened with amqp_open_* and closed with amqp_close, which fills in size and count; they nest.
 * Reading: amqp_get reads one value of any type; compound values come back as a slice over their
 * elements plus a count and are read with a new cursor.  Nothing is allocated.  What lies inside a
 * compound value is looked at when it is read; amqp_check() looks at all of it at once, which whoever
 * hands a peer's value on to another peer does first.  Text is not checked to be UTF-8.
 *
 * Runs on: any thread.
 * Owns:    nothing.  What is read borrows from the bytes it was read from.
 * Errors:  ERR_PROTOCOL: the bytes are not AMQP; ERR_NOT_FOUND where a function says so: the end.
 * Limits:  AMQP_DEPTH_MAX levels of nesting; AMQP_WIDTHLESS_MAX elements of an array whose elements
 *          take no bytes (nulls, trues), since their count costs the sender nothing.
 */
#ifndef BASE_AMQP_H
#define BASE_AMQP_H

#include "base/buf.h"
#include "base/cur.h"

enum { AMQP_DEPTH_MAX = 32, AMQP_WIDTHLESS_MAX = 255 };

enum amqp_type {
    AMQP_NULL,
    AMQP_BOOL,
    AMQP_UBYTE,
    AMQP_USHORT,
    AMQP_UINT,
    AMQP_ULONG,
    AMQP_BYTE,
    AMQP_SHORT,
    AMQP_INT,
    AMQP_LONG,
    AMQP_FLOAT,
    AMQP_DOUBLE,
    AMQP_DECIMAL, /* 4, 8 or 16 raw bytes in `bytes` */
    AMQP_CHAR,
    AMQP_TIMESTAMP, /* i: milliseconds since 1970 */
    AMQP_UUID,      /* bytes: 16 */
    AMQP_BINARY,
    AMQP_STRING,
    AMQP_SYMBOL,
    AMQP_LIST,
    AMQP_MAP,
    AMQP_ARRAY,
    AMQP_DESCRIBED, /* bytes: descriptor then value, both complete */
};

struct amqp_value {
    enum amqp_type type;
    uint64_t u;         /* bool, unsigned, char */
    int64_t i;          /* signed, timestamp */
    double f;           /* float, double */
    struct slice bytes; /* text, binary, uuid, decimal; the elements of a compound value */
    uint32_t count;     /* list, array: elements; map: keys + values */
    uint8_t element;    /* array: constructor byte of every element */
    struct slice whole; /* the value with its constructor, for copying it as it is */
};

/* ---- reading */

/* One value.  ERR_PROTOCOL when the bytes are not one. */
enum err amqp_get(struct cur *c, struct amqp_value *out) MUST_USE;

/* The descriptor code of a described value whose descriptor is a ulong, and a cursor after it. */
enum err amqp_get_descriptor(struct cur *c, uint64_t *code) MUST_USE;

/* Next element of an array value: `c` runs over array->bytes.  Elements have no `whole`, and those
 * of a described array come without their descriptor. */
enum err amqp_get_element(struct cur *c, const struct amqp_value *array,
                          struct amqp_value *out) MUST_USE;

/* Everything inside a value is well-formed, to the last byte and not deeper than AMQP_DEPTH_MAX. */
enum err amqp_check(const struct amqp_value *v) MUST_USE;

/* Whole value if it is a string, symbol or binary: its bytes; SLICE_NONE otherwise. */
struct slice amqp_text(const struct amqp_value *v);

/* Integer of any width and sign as int64; false if it is none or does not fit. */
bool amqp_integer(const struct amqp_value *v, int64_t *out);

/* Value of a string or symbol key in a map value; false if absent. */
bool amqp_map_find(const struct amqp_value *map, const char *key, struct amqp_value *out);

/* ---- writing */

void amqp_put_null(struct buf *b);
void amqp_put_bool(struct buf *b, bool v);
void amqp_put_ubyte(struct buf *b, uint8_t v);
void amqp_put_ushort(struct buf *b, uint16_t v);
void amqp_put_uint(struct buf *b, uint32_t v);
void amqp_put_ulong(struct buf *b, uint64_t v);
void amqp_put_short(struct buf *b, int16_t v);
void amqp_put_int(struct buf *b, int32_t v);
void amqp_put_long(struct buf *b, int64_t v);
void amqp_put_double(struct buf *b, double v);
void amqp_put_timestamp(struct buf *b, int64_t ms);
void amqp_put_uuid(struct buf *b, const uint8_t uuid[16]);
void amqp_put_binary(struct buf *b, struct slice v);
void amqp_put_string(struct buf *b, struct slice v);
void amqp_put_symbol(struct buf *b, struct slice v);
/* The same of what may be absent (ptr NULL), which is null. */
void amqp_put_given_binary(struct buf *b, struct slice v);
void amqp_put_given_string(struct buf *b, struct slice v);
void amqp_put_given_symbol(struct buf *b, struct slice v);
void amqp_put_str(struct buf *b, const char *v); /* C string as string */
void amqp_put_sym(struct buf *b, const char *v); /* C string as symbol */
void amqp_put_symbol_array(struct buf *b, const char *const *names, size_t count);
void amqp_put_string_array(struct buf *b, const char *const *texts, size_t count);
void amqp_put_value(struct buf *b, const struct amqp_value *v); /* copy of v->whole, or null */

/* Descriptor 0x00 0x53 code (smallulong, the only form Python's decoder takes); the value follows. */
void amqp_put_descriptor(struct buf *b, uint8_t code);

/* A container under construction: where its header lies in the buf. */
struct amqp_open {
    size_t at;
};

struct amqp_open amqp_open_list(struct buf *b);
struct amqp_open amqp_open_map(struct buf *b);
struct amqp_open amqp_open_array(struct buf *b); /* then the constructor byte, then bare elements */
void amqp_close(struct buf *b, struct amqp_open open, uint32_t count); /* map: keys + values */

/* ---- message sections (part 3) */

enum amqp_section {
    AMQP_HEADER = 0x70,
    AMQP_DELIVERY_ANNOTATIONS = 0x71,
    AMQP_MESSAGE_ANNOTATIONS = 0x72,
    AMQP_PROPERTIES = 0x73,
    AMQP_APPLICATION_PROPERTIES = 0x74,
    AMQP_DATA = 0x75,
    AMQP_SEQUENCE = 0x76,
    AMQP_AMQP_VALUE = 0x77,
    AMQP_FOOTER = 0x78,
};

/* A message cut into its sections, in whatever order they came (senders vary).  Slices are whole
 * sections, descriptor included; `body` is the first body section, `body_count` how many there are.
 * properties[] are the fields of the properties section; absent ones are AMQP_NULL. */
enum { AMQP_PROPERTY_COUNT = 13 };

enum amqp_property {
    AMQP_MESSAGE_ID,
    AMQP_USER_ID,
    AMQP_TO,
    AMQP_SUBJECT,
    AMQP_REPLY_TO,
    AMQP_CORRELATION_ID,
    AMQP_CONTENT_TYPE,
    AMQP_CONTENT_ENCODING,
    AMQP_ABSOLUTE_EXPIRY_TIME,
    AMQP_CREATION_TIME,
    AMQP_GROUP_ID,
    AMQP_GROUP_SEQUENCE,
    AMQP_REPLY_TO_GROUP_ID,
};

struct amqp_message {
    struct slice header, delivery_annotations, message_annotations, properties_section;
    struct slice application_properties, body, footer;
    struct amqp_value annotations; /* AMQP_MAP, or AMQP_NULL when absent */
    struct amqp_value application; /* AMQP_MAP, or AMQP_NULL when absent */
    struct amqp_value properties[AMQP_PROPERTY_COUNT];
    enum amqp_section body_kind;
    uint32_t body_count;
    struct slice data;       /* body_kind AMQP_DATA: bytes of the first data section */
    struct amqp_value value; /* body_kind AMQP_AMQP_VALUE */
};

/* Every section is well-formed to its depth when this says OK, so it can be handed on as it is.  No
 * body at all is fine (Node sends none for undefined); a section twice or bodies of two kinds are not. */
enum err amqp_message_parse(struct slice bytes, struct amqp_message *out) MUST_USE;

/* Sections one after the other, for batches: ERR_NOT_FOUND at the end. */
enum err amqp_next_section(struct cur *c, uint64_t *code, struct amqp_value *value,
                           struct slice *whole) MUST_USE;

/* The next message of a transfer, which is one, or the data sections of a batch are (message format 0x80013700
 * of Event Hubs and IoT Hub); ERR_NOT_FOUND at the end. */
enum err amqp_next_message(struct cur *c, bool batch, struct slice *out) MUST_USE;

/* 0x00 0x53 0x75 + binary. */
void amqp_put_data(struct buf *b, struct slice body);

#endif
