/* amqp_test.c - every AMQP type both ways, what is malformed, and messages cut into sections. */
#include "base/test.h"

#include "base/amqp.h"
#include "base/text.h"

/* Hex digits with spaces between them, as bytes. */
static struct buf hex(const char *text)
{
    struct buf packed = {0}, bytes = {0};
    for (; *text; text++)
        if (*text != ' ') buf_put_u8(&packed, (uint8_t)*text);
    assert_int_equal(text_unhex(&bytes, buf_slice(&packed)), OK);
    buf_free(&packed);
    return bytes;
}

static void assert_bytes(const struct buf *got, const char *want)
{
    struct buf bytes = hex(want);
    struct buf text = {0};
    text_hex(&text, buf_slice(got));
    if (!slice_eq(buf_slice(got), buf_slice(&bytes)))
        fail_msg("got %s\nnot %s", buf_cstr(&text), want);
    buf_free(&bytes);
    buf_free(&text);
}

struct read_row {
    const char *bytes;
    enum amqp_type type;
    uint64_t u;
    int64_t i;
    double f;
    const char *text; /* expected `bytes`, in hex */
    uint32_t count;
    uint8_t element;
};

static const struct read_row readable[] = {
    {.bytes = "40", .type = AMQP_NULL},
    {.bytes = "41", .type = AMQP_BOOL, .u = 1},
    {.bytes = "42", .type = AMQP_BOOL},
    {.bytes = "56 00", .type = AMQP_BOOL},
    {.bytes = "56 01", .type = AMQP_BOOL, .u = 1},
    {.bytes = "50 ff", .type = AMQP_UBYTE, .u = 255},
    {.bytes = "51 80", .type = AMQP_BYTE, .i = -128},
    {.bytes = "60 fffe", .type = AMQP_USHORT, .u = 65534},
    {.bytes = "61 8000", .type = AMQP_SHORT, .i = -32768},
    {.bytes = "43", .type = AMQP_UINT},
    {.bytes = "52 ff", .type = AMQP_UINT, .u = 255},
    {.bytes = "70 ffffffff", .type = AMQP_UINT, .u = UINT32_MAX},
    {.bytes = "54 ff", .type = AMQP_INT, .i = -1},
    {.bytes = "71 80000000", .type = AMQP_INT, .i = INT32_MIN},
    {.bytes = "44", .type = AMQP_ULONG},
    {.bytes = "53 ff", .type = AMQP_ULONG, .u = 255},
    {.bytes = "80 ffffffffffffffff", .type = AMQP_ULONG, .u = UINT64_MAX},
    {.bytes = "55 fe", .type = AMQP_LONG, .i = -2},
    {.bytes = "81 8000000000000000", .type = AMQP_LONG, .i = INT64_MIN},
    {.bytes = "72 3fc00000", .type = AMQP_FLOAT, .f = 1.5},
    {.bytes = "82 c004000000000000", .type = AMQP_DOUBLE, .f = -2.5},
    {.bytes = "73 0001f600", .type = AMQP_CHAR, .u = 0x1f600},
    {.bytes = "83 ffffffffffffffff", .type = AMQP_TIMESTAMP, .i = -1},
    {.bytes = "74 01020304", .type = AMQP_DECIMAL, .text = "01020304"},
    {.bytes = "84 0102030405060708", .type = AMQP_DECIMAL, .text = "0102030405060708"},
    {.bytes = "94 000102030405060708090a0b0c0d0e0f",
     .type = AMQP_DECIMAL,
     .text = "000102030405060708090a0b0c0d0e0f"},
    {.bytes = "98 000102030405060708090a0b0c0d0e0f",
     .type = AMQP_UUID,
     .text = "000102030405060708090a0b0c0d0e0f"},
    {.bytes = "a0 02 beef", .type = AMQP_BINARY, .text = "beef"},
    {.bytes = "b0 00000002 beef", .type = AMQP_BINARY, .text = "beef"},
    {.bytes = "a1 00", .type = AMQP_STRING, .text = ""},
    {.bytes = "a1 02 6869", .type = AMQP_STRING, .text = "6869"},
    {.bytes = "b1 00000002 6869", .type = AMQP_STRING, .text = "6869"},
    {.bytes = "a3 01 61", .type = AMQP_SYMBOL, .text = "61"},
    {.bytes = "b3 00000001 61", .type = AMQP_SYMBOL, .text = "61"},
    {.bytes = "45", .type = AMQP_LIST, .text = ""},
    {.bytes = "c0 01 00", .type = AMQP_LIST, .text = ""},
    {.bytes = "c0 03 02 40 41", .type = AMQP_LIST, .text = "4041", .count = 2},
    {.bytes = "d0 00000006 00000002 40 41", .type = AMQP_LIST, .text = "4041", .count = 2},
    {.bytes = "c1 03 02 43 41", .type = AMQP_MAP, .text = "4341", .count = 2},
    {.bytes = "d1 00000006 00000002 43 41", .type = AMQP_MAP, .text = "4341", .count = 2},
    {.bytes = "e0 04 02 50 07 08", .type = AMQP_ARRAY, .text = "0708", .count = 2, .element = 0x50},
    {.bytes = "f0 00000007 00000002 50 07 08",
     .type = AMQP_ARRAY,
     .text = "0708",
     .count = 2,
     .element = 0x50},
    {.bytes = "e0 07 02 00 53 05 50 07 08",
     .type = AMQP_ARRAY,
     .text = "0708",
     .count = 2,
     .element = 0x50},
    {.bytes = "e0 02 ff 41", .type = AMQP_ARRAY, .text = "", .count = 255, .element = 0x41},
    {.bytes = "00 53 24 45", .type = AMQP_DESCRIBED, .text = "532445"},
    {.bytes = "00 a3 01 61 c0 02 01 40", .type = AMQP_DESCRIBED, .text = "a30161c0020140"},
    {.bytes = "00 00 53 01 40 00 53 02 41", .type = AMQP_DESCRIBED, .text = "0053014000530241"},
};

static void assert_text(struct slice got, const char *want)
{
    struct buf bytes = hex(want ? want : "");
    assert_true(slice_eq(got, buf_slice(&bytes)));
    buf_free(&bytes);
}

static void every_constructor_is_read(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof readable / sizeof *readable; n++) {
        const struct read_row *row = &readable[n];
        struct buf b = hex(row->bytes);
        struct cur c = cur_of(buf_slice(&b));
        struct amqp_value v;
        assert_int_equal(amqp_get(&c, &v), OK);
        assert_int_equal(v.type, row->type);
        assert_true(v.u == row->u && v.i == row->i && v.f == row->f);
        assert_int_equal(v.count, row->count);
        assert_int_equal(v.element, row->element);
        assert_text(v.bytes, row->text);
        assert_true(slice_eq(v.whole, buf_slice(&b)));
        assert_int_equal(cur_left(&c), 0);
        assert_int_equal(amqp_check(&v), OK);
        buf_free(&b);
    }
}

/* The bytes end in the middle of a value at every place where they can. */
static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof readable / sizeof *readable; n++) {
        struct buf b = hex(readable[n].bytes);
        for (size_t len = 0; len < buf_size(&b); len++) {
            /* An exact copy, so that the sanitizer sees a read behind the end. */
            uint8_t *copy = malloc(len ? len : 1);
            memcpy(copy, b.ptr, len);
            struct cur c = cur_of(slice_of(copy, len));
            struct amqp_value v;
            assert_int_equal(amqp_get(&c, &v), ERR_PROTOCOL);
            free(copy);
        }
        buf_free(&b);
    }
}

static void what_is_no_value_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "46",                      /* no such constructor */
        "ff 00",                   /* likewise, with bytes */
        "56 02",                   /* a boolean that is neither */
        "c0 00",                   /* no room for the count */
        "d0 00000003 000000",      /* likewise */
        "c0 01 01",                /* one element, no bytes */
        "c0 02 05 40",             /* more elements than bytes */
        "c1 04 03 43 43 43",       /* a map of three */
        "d0 ffffffff 00000001 40", /* longer than the input */
        "b0 ffffffff",             /* likewise */
        "b1 80000000 00",          /* likewise */
        "e0 01 00",                /* an array without a constructor */
        "e0 02 01 46",             /* an array of nothing known */
        "e0 04 01 00 53 24",       /* descriptor of the elements, then nothing */
        "e0 03 05 50 01",          /* more elements than bytes */
        "f0 00000005 00000100 41", /* 256 elements without width */
        "00 53",                   /* half a descriptor */
        "00 53 24",                /* a descriptor of nothing */
        "00 53 24 46",             /* likewise */
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct buf b = hex(rows[n]);
        struct cur c = cur_of(buf_slice(&b));
        struct amqp_value v;
        if (amqp_get(&c, &v) != ERR_PROTOCOL) fail_msg("%s was read", rows[n]);
        buf_free(&b);
    }
}

static void a_check_finds_what_is_wrong_inside(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "c0 02 01 46",          /* an element that is none */
        "c0 03 01 40 40",       /* bytes after the last element */
        "c0 04 01 c0 01 01",    /* two levels down */
        "c1 05 02 43 a1 05 61", /* string longer than the map */
        "e0 04 01 a1 02 61",    /* array element too short */
        "e0 04 01 50 01 02",    /* bytes after the last element */
        "00 53 24 c0 02 01 46", /* in a described value */
        "c0 11 01 f0 00 00 00 0b 00 00 00 01 00 c0 02 01 99 50 07", /* in the descriptor of an array */
        "00 c0 02 01 46 40",                                        /* in a descriptor */
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct buf b = hex(rows[n]);
        struct cur c = cur_of(buf_slice(&b));
        struct amqp_value v;
        assert_int_equal(amqp_get(&c, &v), OK);
        if (amqp_check(&v) != ERR_PROTOCOL) fail_msg("%s passed", rows[n]);
        buf_free(&b);
    }
}

/* `levels` lists, each the only element of the one around it. */
static enum err nested_lists(unsigned levels)
{
    struct buf b = {0};
    struct amqp_open open[64];
    struct amqp_value v;
    for (unsigned i = 0; i < levels; i++) open[i] = amqp_open_list(&b);
    for (unsigned i = levels; i > 0; i--) amqp_close(&b, open[i - 1], i < levels);
    struct cur c = cur_of(buf_slice(&b));
    assert_int_equal(amqp_get(&c, &v), OK);
    enum err e = amqp_check(&v);
    buf_free(&b);
    return e;
}

/* Arrays whose only element is the next array. */
static enum err nested_arrays(unsigned levels)
{
    struct buf b = {0}, inner = {0};
    buf_put(&inner, "\x02\x00\x50", 3); /* size, count 0, of ubytes */
    for (unsigned i = 1; i < levels; i++) {
        struct buf outer = {0};
        buf_put_u8(&outer, (uint8_t)(buf_size(&inner) + 2));
        buf_put(&outer, "\x01\xe0", 2);
        buf_put_slice(&outer, buf_slice(&inner));
        buf_free(&inner);
        inner = outer;
    }
    buf_put_u8(&b, 0xe0);
    buf_put_slice(&b, buf_slice(&inner));
    struct cur c = cur_of(buf_slice(&b));
    struct amqp_value v;
    assert_int_equal(amqp_get(&c, &v), OK);
    enum err e = amqp_check(&v);
    buf_free(&b);
    buf_free(&inner);
    return e;
}

/* Descriptors of descriptors: the reader itself has to follow them. */
static enum err nested_descriptors(unsigned levels)
{
    struct buf b = {0};
    for (unsigned i = 1; i < levels; i++) buf_put_u8(&b, 0x00);
    for (unsigned i = 0; i < levels; i++) amqp_put_null(&b);
    struct cur c = cur_of(buf_slice(&b));
    struct amqp_value v;
    enum err e = amqp_get(&c, &v);
    buf_free(&b);
    return e;
}

static void nesting_ends_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(nested_lists(AMQP_DEPTH_MAX), OK);
    assert_int_equal(nested_lists(AMQP_DEPTH_MAX + 1), ERR_PROTOCOL);
    assert_int_equal(nested_arrays(AMQP_DEPTH_MAX), OK);
    assert_int_equal(nested_arrays(AMQP_DEPTH_MAX + 1), ERR_PROTOCOL);
    assert_int_equal(nested_descriptors(AMQP_DEPTH_MAX), OK);
    assert_int_equal(nested_descriptors(AMQP_DEPTH_MAX + 1), ERR_PROTOCOL);
    assert_int_equal(nested_descriptors(100000), ERR_PROTOCOL);
}

static void write_scalars(struct buf *b)
{
    amqp_put_null(b);
    amqp_put_bool(b, true);
    amqp_put_bool(b, false);
    amqp_put_ubyte(b, 200);
    amqp_put_ushort(b, 1);
    amqp_put_uint(b, 0);
    amqp_put_uint(b, 255);
    amqp_put_uint(b, 256);
    amqp_put_ulong(b, 0);
    amqp_put_ulong(b, 255);
    amqp_put_ulong(b, 256);
    amqp_put_short(b, -2);
    amqp_put_int(b, -128);
    amqp_put_int(b, 128);
    amqp_put_long(b, 127);
    amqp_put_long(b, -129);
    amqp_put_double(b, 1.0);
    amqp_put_timestamp(b, 1000);
}

static void scalars_take_the_smallest_form(void **state)
{
    (void)state;
    struct buf b = {0};
    write_scalars(&b);
    assert_bytes(&b,
                 "40 41 42 50c8 600001 43 52ff 7000000100 44 53ff 800000000000000100 61fffe 5480"
                 "7100000080 557f 81ffffffffffffff7f 823ff0000000000000 8300000000000003e8");
    buf_free(&b);
}

static void bytes_and_text_take_the_smallest_form(void **state)
{
    (void)state;
    struct buf b = {0};
    char long_text[257];
    memset(long_text, 'x', 256);
    long_text[256] = '\0';
    amqp_put_uuid(&b, (const uint8_t *)"0123456789abcdef");
    amqp_put_binary(&b, SLICE_LIT("\x01"));
    amqp_put_str(&b, "a");
    amqp_put_sym(&b, "b");
    amqp_put_data(&b, SLICE_LIT("c"));
    assert_bytes(&b, "98 30313233343536373839616263646566 a00101 a10161 a30162 005375a00163");
    buf_clear(&b);
    amqp_put_string(&b, slice_of(long_text, 255));
    assert_bytes(&(struct buf){b.ptr, 0, 2, 0}, "a1ff");
    buf_clear(&b);
    amqp_put_str(&b, long_text);
    assert_bytes(&(struct buf){b.ptr, 0, 5, 0}, "b100000100");
    buf_free(&b);
}

static void containers_close_in_the_form_that_fits(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_put(&b, "xx", 2);
    buf_consume(&b, 1); /* positions count from the content's start, wherever it lies */
    struct amqp_open list = amqp_open_list(&b);
    amqp_put_uint(&b, 1);
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_sym(&b, "k");
    amqp_put_int(&b, 2);
    amqp_close(&b, map, 2);
    amqp_close(&b, list, 2);
    assert_bytes(&b, "78 c00b 02 5201 c106 02 a3016b 5402");
    buf_free(&b);
}

/* The 8-bit form holds 254 bytes of elements; one more takes the 32-bit form. */
static void a_container_grows_wide_at_the_255th_byte(void **state)
{
    (void)state;
    for (size_t len = 254; len <= 255; len++) {
        struct buf b = {0};
        struct amqp_value v;
        struct amqp_open list = amqp_open_list(&b);
        for (size_t i = 0; i < len; i++) amqp_put_null(&b);
        amqp_close(&b, list, (uint32_t)len);
        assert_int_equal(b.ptr[0], len == 254 ? 0xc0 : 0xd0);
        struct cur c = cur_of(buf_slice(&b));
        assert_int_equal(amqp_get(&c, &v), OK);
        assert_int_equal(v.count, len);
        assert_int_equal(amqp_check(&v), OK);
        buf_free(&b);
    }
}

static void symbol_arrays_are_read_back(void **state)
{
    (void)state;
    struct buf b = {0};
    char wide[300];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    const char *names[] = {"MSSBCBS", "PLAIN", wide};
    amqp_put_symbol_array(&b, names, 2);
    assert_bytes(&b, "e010 02 a3 07 4d535342434253 05 504c41494e");
    amqp_put_symbol_array(&b, names, 3);
    struct cur c = cur_of(buf_slice(&b)), elements;
    struct amqp_value array, name;
    for (uint32_t count = 2; count <= 3; count++) {
        assert_int_equal(amqp_get(&c, &array), OK);
        assert_int_equal(array.count, count);
        elements = cur_of(array.bytes);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(amqp_get_element(&elements, &array, &name), OK);
            assert_true(slice_is(amqp_text(&name), names[i]));
        }
        assert_int_equal(amqp_get_element(&elements, &array, &name), ERR_PROTOCOL);
    }
    buf_free(&b);
}

static void integers_of_any_width_are_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool fits;
        int64_t value;
    } rows[] = {
        {"50ff", true, 255},
        {"51ff", true, -1},
        {"43", true, 0},
        {"5307", true, 7},
        {"807fffffffffffffff", true, INT64_MAX},
        {"808000000000000000", false, 0},
        {"818000000000000000", true, INT64_MIN},
        {"830000000000000001", false, 0},
        {"a10131", false, 0},
        {"41", false, 0},
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct buf b = hex(rows[n].bytes);
        struct cur c = cur_of(buf_slice(&b));
        struct amqp_value v;
        int64_t got;
        assert_int_equal(amqp_get(&c, &v), OK);
        assert_int_equal(amqp_integer(&v, &got), rows[n].fits);
        if (rows[n].fits) assert_true(got == rows[n].value);
        assert_null(amqp_text(&(struct amqp_value){.type = AMQP_INT}).ptr);
        buf_free(&b);
    }
}

static void maps_are_searched_by_string_or_symbol(void **state)
{
    (void)state;
    struct buf b = hex("c1 0f 06 5201 41  a1016b 5402  a3016c a10178");
    struct cur c = cur_of(buf_slice(&b));
    struct amqp_value map, v;
    assert_int_equal(amqp_get(&c, &map), OK);
    assert_true(amqp_map_find(&map, "k", &v) && v.i == 2);
    assert_true(amqp_map_find(&map, "l", &v) && slice_is(v.bytes, "x"));
    assert_false(amqp_map_find(&map, "m", &v));
    assert_false(amqp_map_find(&v, "k", &v));
    struct buf broken = hex("c1 04 02 a1 05 6b");
    c = cur_of(buf_slice(&broken));
    assert_int_equal(amqp_get(&c, &map), OK);
    assert_false(amqp_map_find(&map, "k", &v));
    buf_free(&b);
    buf_free(&broken);
}

static void a_value_is_copied_as_it_came(void **state)
{
    (void)state;
    struct buf in = hex("b1 00000001 61"), out = {0}; /* not the smallest form, and it stays */
    struct cur c = cur_of(buf_slice(&in));
    struct amqp_value v;
    assert_int_equal(amqp_get(&c, &v), OK);
    amqp_put_value(&out, &v);
    amqp_put_value(&out, &(struct amqp_value){0});
    assert_bytes(&out, "b100000001 61 40");
    buf_free(&in);
    buf_free(&out);
}

static void sections_may_come_in_any_order(void **state)
{
    (void)state;
    struct buf b = hex("005370 c00201 41"
                       "005371 c10702 a30164 a10165"
                       "005373 c00903 5307 a00175 a10174"
                       "005374 c10702 a10161 a10162"
                       "005372 c10602 a3016b 5409"
                       "005375 a00401020304"
                       "005378 c10100");
    struct amqp_message m;
    struct amqp_value v;
    assert_int_equal(amqp_message_parse(buf_slice(&b), &m), OK);
    assert_int_equal(m.header.len, 7);
    assert_int_equal(m.delivery_annotations.len, 12);
    assert_true(m.properties[AMQP_MESSAGE_ID].u == 7);
    assert_true(slice_is(amqp_text(&m.properties[AMQP_USER_ID]), "u"));
    assert_true(slice_is(amqp_text(&m.properties[AMQP_TO]), "t"));
    assert_int_equal(m.properties[AMQP_SUBJECT].type, AMQP_NULL);
    assert_true(amqp_map_find(&m.application, "a", &v) && slice_is(v.bytes, "b"));
    assert_true(amqp_map_find(&m.annotations, "k", &v) && v.i == 9);
    assert_int_equal(m.body_kind, AMQP_DATA);
    assert_int_equal(m.body_count, 1);
    assert_true(slice_is(m.data, "\x01\x02\x03\x04"));
    assert_int_equal(m.body.len, 9);
    assert_int_equal(m.footer.len, 6);
    buf_free(&b);
}

static void bodies_come_in_three_kinds_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t count;
        enum amqp_section kind;
    } rows[] = {
        {"", 0, 0},
        {"005375 a000", 1, AMQP_DATA},
        {"005375 a00101 005375 a00102", 2, AMQP_DATA},
        {"005375 40", 1, AMQP_DATA}, /* JavaScript's null */
        {"005376 45 005376 c0020140", 2, AMQP_SEQUENCE},
        {"005377 a10161", 1, AMQP_AMQP_VALUE},
        {"005372 40 005377 40", 1, AMQP_AMQP_VALUE},
        {"00 80 0000000000000077 40", 1, AMQP_AMQP_VALUE}, /* a wide descriptor */
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct buf b = hex(rows[n].bytes);
        struct amqp_message m;
        assert_int_equal(amqp_message_parse(buf_slice(&b), &m), OK);
        assert_int_equal(m.body_count, rows[n].count);
        assert_int_equal(m.body_kind, rows[n].kind);
        buf_free(&b);
    }
}

static void malformed_messages_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a10161",                                     /* no section */
        "00 a30161 40",                               /* a symbol names it */
        "005324 45",                                  /* not a section's code */
        "005379 45",                                  /* likewise, just above */
        "005370 c10100",                              /* header that is a map */
        "005372 45",                                  /* annotations that are a list */
        "005375 a10161",                              /* data that is a string */
        "005376 c10100",                              /* sequence that is a map */
        "005377",                                     /* a value that is missing */
        "005370 45 005370 45",                        /* two headers */
        "005375 a000 005377 40",                      /* two kinds of body */
        "005377 40 005377 40",                        /* two values */
        "005373 c00f0e 4040404040404040404040404040", /* 14 properties */
        "005374 c10502 a10146 46",                    /* a broken property */
        "005377 c0020146",                            /* a broken value */
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        struct buf b = hex(rows[n]);
        struct amqp_message m;
        if (amqp_message_parse(buf_slice(&b), &m) != ERR_PROTOCOL) fail_msg("%s parsed", rows[n]);
        buf_free(&b);
    }
}

static void the_sections_of_a_batch_are_walked(void **state)
{
    (void)state;
    struct buf b = hex("005372 c10100 005375 a00141 005375 a00142");
    struct cur c = cur_of(buf_slice(&b));
    struct amqp_value v;
    struct slice whole;
    uint64_t code;
    assert_int_equal(amqp_next_section(&c, &code, &v, &whole), OK);
    assert_int_equal(code, AMQP_MESSAGE_ANNOTATIONS);
    assert_int_equal(whole.len, 6);
    for (uint8_t i = 0; i < 2; i++) {
        assert_int_equal(amqp_next_section(&c, &code, &v, &whole), OK);
        assert_int_equal(code, AMQP_DATA);
        assert_int_equal(v.bytes.ptr[0], 'A' + i);
    }
    assert_int_equal(amqp_next_section(&c, &code, &v, &whole), ERR_NOT_FOUND);
    buf_free(&b);
}

static void a_transfer_is_a_message_or_a_batch_of_them(void **state)
{
    (void)state;
    struct buf b = hex("005372 c10100 005375 a00141 005375 a00142");
    struct cur one = cur_of(buf_slice(&b)), many = one;
    struct slice m;
    assert_int_equal(amqp_next_message(&one, false, &m), OK);
    assert_int_equal(m.len, buf_size(&b));
    assert_int_equal(amqp_next_message(&one, false, &m), ERR_NOT_FOUND);
    for (uint8_t i = 0; i < 2; i++) {
        assert_int_equal(amqp_next_message(&many, true, &m), OK);
        assert_int_equal(m.ptr[0], 'A' + i);
    }
    assert_int_equal(amqp_next_message(&many, true, &m), ERR_NOT_FOUND);
    buf_free(&b);
}

static void what_is_not_given_is_null(void **state)
{
    (void)state;
    struct buf b = {0};
    amqp_put_given_binary(&b, SLICE_NONE);
    amqp_put_given_string(&b, SLICE_NONE);
    amqp_put_given_symbol(&b, SLICE_NONE);
    assert_bytes(&b, "40 40 40");
    buf_clear(&b);
    amqp_put_given_binary(&b, SLICE_LIT("a"));
    amqp_put_given_string(&b, SLICE_LIT(""));
    amqp_put_given_symbol(&b, SLICE_LIT("c"));
    assert_bytes(&b, "a00161 a100 a30163");
    buf_free(&b);
}

/* Nothing but a verdict may come of a damaged message. */
static void a_flipped_bit_anywhere_does_no_harm(void **state)
{
    (void)state;
    struct buf b =
        hex("005370 c00201 41 005373 c00903 5307 a00175 a10174 005374 c10702 a10161 a10162"
            "005372 c10c02 a3016b e00602 a3 0161 0162 005375 a00401020304");
    for (size_t bit = 0; bit < 8 * buf_size(&b); bit++) {
        size_t len = buf_size(&b);
        uint8_t *copy = malloc(len);
        memcpy(copy, b.ptr, len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct amqp_message m;
        enum err e = amqp_message_parse(slice_of(copy, len), &m);
        assert_true(e == OK || e == ERR_PROTOCOL);
        free(copy);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_constructor_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(a_check_finds_what_is_wrong_inside),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(scalars_take_the_smallest_form),
        cmocka_unit_test(bytes_and_text_take_the_smallest_form),
        cmocka_unit_test(containers_close_in_the_form_that_fits),
        cmocka_unit_test(a_container_grows_wide_at_the_255th_byte),
        cmocka_unit_test(symbol_arrays_are_read_back),
        cmocka_unit_test(integers_of_any_width_are_numbers),
        cmocka_unit_test(maps_are_searched_by_string_or_symbol),
        cmocka_unit_test(a_value_is_copied_as_it_came),
        cmocka_unit_test(sections_may_come_in_any_order),
        cmocka_unit_test(bodies_come_in_three_kinds_or_not_at_all),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(the_sections_of_a_batch_are_walked),
        cmocka_unit_test(a_transfer_is_a_message_or_a_batch_of_them),
        cmocka_unit_test(what_is_not_given_is_null),
        cmocka_unit_test(a_flipped_bit_anywhere_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
