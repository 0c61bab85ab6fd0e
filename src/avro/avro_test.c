/* avro_test.c - files of ours and of others, whole, in pieces, old, odd and damaged. */
#include "base/test.h"

#include "avro/avro.h"
#include "base/mem.h"
#include "base/num.h"

static const char event_schema[] =
    "{\"type\":\"record\",\"name\":\"EventData\",\"namespace\":\"Microsoft.ServiceBus.Messaging\","
    "\"fields\":[{\"name\":\"SequenceNumber\",\"type\":\"long\"},"
    "{\"name\":\"Properties\",\"type\":{\"type\":\"map\",\"values\":[\"long\",\"double\","
    "\"string\",\"bytes\",\"null\"]}},"
    "{\"name\":\"Body\",\"type\":[\"null\",\"bytes\"]}]}";

static const struct avro_note note = {AVRO_NOTE_SOURCE, SLICE_LIT("0ne1.5/events")};
static const uint8_t sync[AVRO_SYNC_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void put_record(struct avro_writer *w, int64_t n, size_t body, struct buf *out)
{
    struct buf *b = avro_writer_record(w, out);
    struct buf bytes = {0};
    memset(buf_reserve(&bytes, body), 'x', body);
    buf_commit(&bytes, body);
    avro_put_long(b, n);
    avro_put_map(b, 3);
    avro_put_bytes(b, SLICE_LIT("count"));
    avro_put_long(b, 0);
    avro_put_long(b, -n);
    avro_put_bytes(b, SLICE_LIT("ratio"));
    avro_put_long(b, 1);
    avro_put_double(b, 0.5);
    avro_put_bytes(b, SLICE_LIT("nothing"));
    avro_put_long(b, 4);
    avro_put_map_end(b);
    avro_put_long(b, 1);
    avro_put_bytes(b, buf_slice(&bytes));
    avro_writer_end(w, out);
    buf_free(&bytes);
}

static struct buf file_of(enum avro_codec codec, int64_t records, size_t body)
{
    struct buf out = {0};
    struct avro_writer w;
    avro_writer_begin(&w, event_schema, codec, sync, note, &out);
    for (int64_t n = 0; n < records; n++) put_record(&w, n, body, &out);
    avro_writer_flush(&w, &out);
    avro_writer_fini(&w);
    return out;
}

static void check_record(const struct avro_reader *r, int64_t n, size_t body)
{
    struct avro_value v, entry;
    struct slice key;
    int64_t left = 0;
    assert_true(avro_field(r, "SequenceNumber", &v));
    assert_int_equal(v.number, n);
    assert_true(avro_field(r, "Body", &v));
    assert_int_equal(v.type, AVRO_BYTES);
    assert_int_equal(v.bytes.len, body);
    assert_false(avro_field(r, "body", &v));
    assert_true(avro_field(r, "Properties", &v));
    struct cur at = cur_of(v.bytes);
    assert_true(avro_map_next(&v, &at, &left, &key, &entry));
    assert_true(slice_is(key, "count"));
    assert_int_equal(entry.number, -n);
    assert_true(avro_map_next(&v, &at, &left, &key, &entry));
    assert_true(entry.type == AVRO_DOUBLE && entry.real == 0.5);
    assert_true(avro_map_next(&v, &at, &left, &key, &entry));
    assert_int_equal(entry.type, AVRO_NULL);
    assert_false(avro_map_next(&v, &at, &left, &key, &entry));
}

/* Fed in pieces of that size; how many records came. */
static int64_t read_in(struct slice file, size_t piece, size_t body, enum err *end)
{
    struct avro_reader *r = avro_reader_new();
    int64_t n = 0;
    enum err e;
    for (;;) {
        while ((e = avro_reader_next(r)) == OK) check_record(r, n++, body);
        if (e != ERR_AGAIN || file.len == 0) break;
        avro_reader_feed(r, slice_head(file, piece));
        file = slice_from(file, piece);
    }
    *end = e == ERR_AGAIN ? avro_reader_end(r) : e;
    avro_reader_free(r);
    return n;
}

static void what_is_written_is_read_with_every_codec_in_any_pieces(void **state)
{
    static const size_t pieces[] = {1, 7, 1000, 1 << 20};
    (void)state;
    for (int codec = 0; codec < AVRO_CODECS; codec++) {
        struct buf file = file_of((enum avro_codec)codec, 1500, 100);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            enum err end;
            assert_int_equal(read_in(buf_slice(&file), pieces[i], 100, &end), 1500);
            assert_int_equal(end, OK);
        }
        buf_free(&file);
    }
}

static void a_file_without_records_is_a_header(void **state)
{
    enum err end;
    (void)state;
    struct buf file = file_of(AVRO_NULL_CODEC, 0, 0);
    struct avro_reader *r = avro_reader_new();
    assert_true(avro_reader_note(r, AVRO_NOTE_SOURCE).ptr == NULL);
    avro_reader_feed(r, buf_slice(&file));
    assert_int_equal(avro_reader_next(r), ERR_AGAIN);
    assert_true(slice_is(avro_reader_note(r, AVRO_NOTE_SOURCE), "0ne1.5/events"));
    assert_true(slice_is(avro_reader_note(r, "avro.codec"), "null"));
    assert_true(avro_reader_note(r, "azimuth.else").ptr == NULL);
    avro_reader_free(r);
    assert_int_equal(read_in(buf_slice(&file), 10, 0, &end), 0);
    assert_int_equal(end, OK);
    buf_free(&file);
}

static void the_same_records_make_the_same_file(void **state)
{
    (void)state;
    for (int codec = 0; codec < AVRO_CODECS; codec++) {
        struct buf a = file_of((enum avro_codec)codec, 300, 500);
        struct buf b = file_of((enum avro_codec)codec, 300, 500);
        assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
        buf_free(&a);
        buf_free(&b);
    }
}

static void a_file_that_was_cut_off_anywhere_is_not_whole(void **state)
{
    (void)state;
    struct buf file = file_of(AVRO_DEFLATE, 3, 20);
    struct buf header = file_of(AVRO_DEFLATE, 0, 0);
    for (size_t len = 0; len < buf_size(&file); len++) {
        enum err end;
        int64_t n = read_in(slice_head(buf_slice(&file), len), 64, 20, &end);
        assert_int_equal(n, 0);
        assert_int_equal(end, len == buf_size(&header) ? OK : ERR_CORRUPT);
    }
    buf_free(&file);
    buf_free(&header);
}

static void a_flipped_bit_is_no_crash_and_in_a_packed_block_no_record(void **state)
{
    (void)state;
    struct buf file = file_of(AVRO_SNAPPY, 3, 20);
    struct buf header = file_of(AVRO_SNAPPY, 0, 0);
    for (size_t at = buf_size(&header) + 3; at < buf_size(&file); at++) {
        enum err end;
        file.ptr[at] ^= 0x10;
        int64_t n = read_in(buf_slice(&file), 100, 20, &end);
        file.ptr[at] ^= 0x10;
        assert_int_equal(n, 0);
        assert_true(end == ERR_CORRUPT || end == ERR_TOO_BIG);
    }
    buf_free(&file);
    buf_free(&header);
}

/* ---- schemas of others */

static struct buf file_with(const char *schema, struct slice record, int64_t count)
{
    struct buf out = {0};
    struct avro_writer w;
    avro_writer_begin(&w, schema, AVRO_NULL_CODEC, sync, (struct avro_note){0}, &out);
    buf_put_slice(avro_writer_record(&w, &out), record);
    w.count = count;
    avro_writer_flush(&w, &out);
    avro_writer_fini(&w);
    return out;
}

static struct avro_reader *reader_of(const char *schema, struct slice record, int64_t count)
{
    struct avro_reader *r = avro_reader_new();
    struct buf file = file_with(schema, record, count);
    avro_reader_feed(r, buf_slice(&file));
    buf_free(&file);
    return r;
}

static enum err verdict(const char *schema, struct slice record, int64_t count)
{
    struct avro_reader *r = reader_of(schema, record, count);
    enum err e = avro_reader_next(r);
    assert_int_equal(avro_reader_next(r) == OK ? OK : e, e);
    avro_reader_free(r);
    return e;
}

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define RECORD2(fields)   "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" fields "]}"

static void any_type_can_lie_between_fields_that_are_wanted(void **state)
{
    static const char schema[] = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"int\"}") "," FIELD(
        "b",
        "\"boolean"
        "\"") "," FIELD("e",
                        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"x\",\"y\"]"
                        "}") "," FIELD("f",
                                       "\"float\"") "," FIELD("x",
                                                              "{\"type\":\"fixed\","
                                                              "\"name\":\"n.F\","
                                                              "\"size\":"
                                                              "2}") "," FIELD("again",
                                                                              "\"n."
                                                                              "F\"") "," FIELD("in",
                                                                                               RECORD2(FIELD(
                                                                                                   "u",
                                                                                                   "[\"nu"
                                                                                                   "ll\","
                                                                                                   "\"str"
                                                                                                   "ing\""
                                                                                                   "]"))) "," FIELD("wanted",
                                                                                                                    "{\"type\":\"long\"}"));
    /* the array in two blocks, the second with its size in bytes */
    static const uint8_t bytes[] = {2,    2,    3,   4,   8,   10,  0, 1, 2,   0,   0,
                                    0x80, 0x3f, 'h', 'i', 'y', 'o', 2, 4, 'o', 'k', 14};
    struct avro_value v;
    (void)state;
    struct avro_reader *r = reader_of(schema, slice_of(bytes, sizeof bytes), 1);
    assert_int_equal(avro_reader_next(r), OK);
    assert_true(avro_field(r, "wanted", &v));
    assert_int_equal(v.number, 7);
    assert_true(avro_field(r, "f", &v));
    assert_true(v.real == 1.0);
    assert_true(avro_field(r, "again", &v));
    assert_true(slice_is(v.bytes, "yo"));
    assert_int_equal(avro_reader_next(r), ERR_AGAIN);
    assert_int_equal(avro_reader_end(r), OK);
    avro_reader_free(r);
}

/* Also while what was written before is taken away. */
static void a_block_has_its_numbers_in_their_shortest_form(void **state)
{
    static const struct {
        int64_t count;
        size_t size;
    } rows[] = {{1, 1},    {1, 63},    {1, 64},    {63, 100},
                {64, 100}, {64, 9000}, {1, 70000}, {9000, 9000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0}, wanted = {0}, records = {0};
        struct avro_writer w;
        avro_writer_begin(&w, event_schema, AVRO_NULL_CODEC, sync, note, &out);
        buf_consume(&out, buf_size(&out) - 1);
        memset(buf_reserve(&records, rows[i].size), 'r', rows[i].size);
        buf_commit(&records, rows[i].size);
        buf_put_slice(&wanted, buf_slice(&out));
        avro_put_long(&wanted, rows[i].count);
        avro_put_bytes(&wanted, buf_slice(&records));
        buf_put(&wanted, sync, sizeof sync);
        buf_put_slice(avro_writer_record(&w, &out), buf_slice(&records));
        assert_true(avro_writer_is_open(&w));
        w.count = rows[i].count;
        avro_writer_flush(&w, &out);
        assert_false(avro_writer_is_open(&w));
        assert_true(slice_eq(buf_slice(&out), buf_slice(&wanted)));
        avro_writer_record(&w, &out);
        avro_writer_flush(&w, &out);
        assert_true(slice_eq(buf_slice(&out), buf_slice(&wanted)));
        avro_writer_fini(&w);
        buf_free(&out);
        buf_free(&wanted);
        buf_free(&records);
    }
}

static void schemas_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *schema;
        enum err err;
    } rows[] = {
        {"", ERR_CORRUPT},
        {"{", ERR_INVALID},
        {"\"long\"", ERR_INVALID},
        {"[\"null\"]", ERR_INVALID},
        {"{\"type\":\"record\",\"name\":\"R\"}", ERR_INVALID},
        {"{\"type\":\"record\",\"fields\":[]}", ERR_INVALID},
        {RECORD("{\"name\":\"a\"}"), ERR_INVALID},
        {RECORD(FIELD("a", "\"Unknown\"")), ERR_INVALID},
        {RECORD(FIELD("a", "[[\"null\"]]")), ERR_INVALID},
        {RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}")), ERR_INVALID},
        {RECORD(FIELD("a", "{\"type\":\"map\"}")), ERR_INVALID},
        {RECORD(FIELD("a", "{\"type\":\"enum\",\"name\":\"e\"}")), ERR_INVALID},
        {RECORD(FIELD("a", "7")), ERR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(verdict(rows[i].schema, SLICE_LIT("\2"), 1), rows[i].err);
}

static struct buf nested(unsigned levels)
{
    struct buf b = {0};
    buf_put_str(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":");
    for (unsigned i = 0; i < levels; i++) buf_put_str(&b, "{\"type\":\"array\",\"items\":");
    buf_put_str(&b, "\"int\"");
    for (unsigned i = 0; i < levels; i++) buf_put_u8(&b, '}');
    buf_put_str(&b, "}]}");
    return b;
}

static struct buf wide(unsigned fields)
{
    struct buf b = {0};
    buf_put_str(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (unsigned i = 0; i < fields; i++)
        buf_printf(&b, "%s{\"name\":\"f%u\",\"type\":\"null\"}", i ? "," : "", i);
    buf_put_str(&b, "]}");
    return b;
}

/* Each branch is a type, and so are the union and the record. */
static struct buf branched(unsigned branches)
{
    struct buf b = {0};
    buf_put_str(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[");
    for (unsigned i = 0; i < branches; i++) buf_put_str(&b, i ? ",\"null\"" : "\"null\"");
    buf_put_str(&b, "]}]}");
    return b;
}

static void schemas_have_limits(void **state)
{
    (void)state;
    static const struct {
        struct buf (*make)(unsigned n);
        unsigned most;
    } rows[] = {
        {nested, AVRO_DEPTH_MAX - 1}, {wide, AVRO_FIELDS_MAX}, {branched, AVRO_NODES_MAX - 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned over = 0; over < 2; over++) {
            struct buf schema = rows[i].make(rows[i].most + over);
            enum err e = verdict(buf_cstr(&schema), SLICE_LIT("\0"), 1);
            assert_int_equal(e == ERR_TOO_BIG, over);
            buf_free(&schema);
        }
}

static struct buf field_named(unsigned len)
{
    struct buf b = {0};
    buf_put_str(&b,
                "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"null\",\"name\":\"");
    for (unsigned i = 0; i < len; i++) buf_put_u8(&b, 'n');
    buf_put_str(&b, "\"}]}");
    return b;
}

/* With the dot between namespace and name. */
static struct buf type_named(unsigned len)
{
    struct buf b = {0};
    buf_put_str(&b, "{\"type\":\"record\",\"namespace\":\"space\",\"fields\":[],\"name\":\"");
    for (unsigned i = 0; i < len - strlen("space."); i++) buf_put_u8(&b, 'n');
    buf_put_str(&b, "\"}");
    return b;
}

static void names_have_a_limit(void **state)
{
    static struct buf (*const makers[])(unsigned len) = {field_named, type_named};
    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        for (unsigned over = 0; over < 2; over++) {
            struct buf schema = makers[i](AVRO_NAME_MAX + over);
            enum err e = verdict(buf_cstr(&schema), SLICE_LIT("\0"), 1);
            assert_int_equal(e == ERR_INVALID, over);
            buf_free(&schema);
        }
}

/* A header whose schema has that many spaces behind it, and nothing more. */
static size_t put_header(struct buf *file, size_t spaces)
{
    struct buf schema = {0};
    struct avro_writer w;
    buf_put_str(&schema, RECORD(FIELD("a", "\"null\"")));
    memset(buf_reserve(&schema, spaces), ' ', spaces);
    buf_commit(&schema, spaces);
    buf_clear(file);
    avro_writer_begin(&w, buf_cstr(&schema), AVRO_NULL_CODEC, sync, (struct avro_note){0}, file);
    avro_writer_fini(&w);
    buf_free(&schema);
    return buf_size(file);
}

static void a_header_has_a_limit(void **state)
{
    struct buf file = {0};
    const size_t some = AVRO_HEADER_MAX - 4096;
    size_t spaces = some + AVRO_HEADER_MAX - put_header(&file, some);
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct avro_reader *r = avro_reader_new();
        assert_int_equal(put_header(&file, spaces + over), AVRO_HEADER_MAX + over);
        avro_reader_feed(r, buf_slice(&file));
        assert_int_equal(avro_reader_next(r), over ? ERR_TOO_BIG : ERR_AGAIN);
        avro_reader_free(r);
    }
    buf_free(&file);
}

/* What takes no bytes is free for whoever wrote it: it must not be work without end for us. */
static void values_without_bytes_have_an_end(void **state)
{
    static const char chain[] = RECORD(
        FIELD("a", "{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD("x", "\"A\"") "]}"));
    static const char nulls[] = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"null\"}"));
    static const char empty[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}";
    static const uint8_t huge[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};
    (void)state;
    assert_int_equal(verdict(chain, SLICE_LIT("\0"), 1), ERR_CORRUPT);
    assert_int_equal(verdict(nulls, slice_of(huge, sizeof huge), 1), ERR_TOO_BIG);
    assert_int_equal(verdict(empty, SLICE_NONE, INT64_MAX), ERR_CORRUPT);
}

/* An array is a part, and so is each of its items. */
static void a_record_has_so_many_parts_and_not_one_more(void **state)
{
    static const char schema[] = RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"null\"}"));
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf record = {0};
        avro_put_long(&record, AVRO_STEPS_MAX - 1 + over);
        avro_put_long(&record, 0);
        assert_int_equal(verdict(schema, buf_slice(&record), 1), over ? ERR_TOO_BIG : OK);
        buf_free(&record);
    }
}

static void a_block_has_a_limit_before_and_after_it_is_unpacked(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct buf file = {0}, plain = {0};
        struct avro_writer w;
        struct avro_reader *r = avro_reader_new();
        size_t body = AVRO_BLOCK_MAX - 4 + over; /* with its length before it: the limit */
        avro_writer_begin(&w, RECORD(FIELD("b", "\"bytes\"")), AVRO_DEFLATE, sync,
                          (struct avro_note){0}, &file);
        memset(buf_reserve(&plain, body), 0, body);
        buf_commit(&plain, body);
        avro_put_bytes(avro_writer_record(&w, &file), buf_slice(&plain));
        avro_writer_end(&w, &file);
        avro_reader_feed(r, buf_slice(&file));
        assert_int_equal(avro_reader_next(r), over ? ERR_TOO_BIG : OK);
        avro_reader_free(r);
        avro_writer_fini(&w);
        buf_free(&plain);
        buf_free(&file);
    }
}

static void codecs_are_known_by_name(void **state)
{
    enum avro_codec codec;
    (void)state;
    assert_int_equal(avro_codec_of(SLICE_LIT("snappy"), &codec), OK);
    assert_int_equal(codec, AVRO_SNAPPY);
    assert_int_equal(avro_codec_of(SLICE_LIT("zstandard"), &codec), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_with_every_codec_in_any_pieces),
        cmocka_unit_test(a_file_without_records_is_a_header),
        cmocka_unit_test(the_same_records_make_the_same_file),
        cmocka_unit_test(a_file_that_was_cut_off_anywhere_is_not_whole),
        cmocka_unit_test(a_flipped_bit_is_no_crash_and_in_a_packed_block_no_record),
        cmocka_unit_test(any_type_can_lie_between_fields_that_are_wanted),
        cmocka_unit_test(a_block_has_its_numbers_in_their_shortest_form),
        cmocka_unit_test(schemas_that_are_none_are_refused),
        cmocka_unit_test(schemas_have_limits),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(a_header_has_a_limit),
        cmocka_unit_test(values_without_bytes_have_an_end),
        cmocka_unit_test(a_record_has_so_many_parts_and_not_one_more),
        cmocka_unit_test(a_block_has_a_limit_before_and_after_it_is_unpacked),
        cmocka_unit_test(codecs_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
