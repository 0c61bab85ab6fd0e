/* event_test.c - what a record of the log is in a file of Capture. */
#include "capture/event.h"

#include "avro/avro.h"
#include "base/amqp.h"
#include "base/test.h"

enum { MANY = 200 };

struct event {
    struct buf pairs, sections, file, scratch;
    struct record record;
    struct avro_reader *reader;
};

static void free_event(struct event *e)
{
    buf_free(&e->pairs);
    buf_free(&e->sections);
    buf_free(&e->file);
    buf_free(&e->scratch);
    avro_reader_free(e->reader);
}

/* Into a file and out of it. */
static void capture(struct event *e)
{
    static const uint8_t sync[AVRO_SYNC_LEN] = "0123456789abcde";
    struct avro_writer w;
    e->record.pairs = buf_slice(&e->pairs);
    e->record.sections = buf_slice(&e->sections);
    avro_writer_begin(&w, capture_event_schema, AVRO_NULL_CODEC, sync, (struct avro_note){0},
                      &e->file);
    assert_int_equal(capture_event_put(avro_writer_record(&w, &e->file), &e->scratch, &e->record),
                     OK);
    avro_writer_end(&w, &e->file);
    avro_writer_flush(&w, &e->file);
    avro_writer_fini(&w);
    e->reader = avro_reader_new();
    avro_reader_feed(e->reader, buf_slice(&e->file));
    assert_int_equal(avro_reader_next(e->reader), OK);
}

static struct avro_value field(const struct event *e, const char *name)
{
    struct avro_value v;
    assert_true(avro_field(e->reader, name, &v));
    return v;
}

static bool in_map(const struct event *e, const char *map, const char *name, struct avro_value *out)
{
    struct avro_value all = field(e, map);
    struct cur at = cur_of(all.bytes);
    struct slice key;
    for (int64_t left = 0; avro_map_next(&all, &at, &left, &key, out);)
        if (slice_is(key, name)) return true;
    return false;
}

static unsigned entries(const struct event *e, const char *map)
{
    struct avro_value all = field(e, map), v;
    struct cur at = cur_of(all.bytes);
    struct slice key;
    unsigned count = 0;
    for (int64_t left = 0; avro_map_next(&all, &at, &left, &key, &v);) count++;
    return count;
}

/* ---- rows */

static void sequence_offset_and_time_are_as_azure_writes_them(void **state)
{
    static const struct {
        int64_t sequence, enqueued_us;
        const char *offset, *time;
    } rows[] = {
        {0, 0, "0", "1/1/1970 12:00:00 AM"},
        {-1, INT64_C(1795698425123456), "-1", "11/26/2026 1:07:05 PM"},
        {INT64_MAX, INT64_C(1709164800000000), "9223372036854775807", "2/29/2024 12:00:00 AM"},
        {1234567, INT64_C(1735646399999999), "1234567", "12/31/2024 11:59:59 AM"},
        {7, INT64_C(1735689600000000), "7", "1/1/2025 12:00:00 AM"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event e = {
            .record = {.sequence = rows[i].sequence, .enqueued_us = rows[i].enqueued_us}};
        capture(&e);
        assert_int_equal(field(&e, "SequenceNumber").number, rows[i].sequence);
        assert_true(slice_is(field(&e, "Offset").bytes, rows[i].offset));
        assert_true(slice_is(field(&e, "EnqueuedTimeUtc").bytes, rows[i].time));
        assert_int_equal(field(&e, "Body").type, AVRO_NULL);
        free_event(&e);
    }
}

static void annotations_and_properties_are_system_properties(void **state)
{
    struct event e = {0};
    struct avro_value v;
    (void)state;
    amqp_put_sym(&e.pairs, "iothub-connection-device-id");
    amqp_put_str(&e.pairs, "press-1");
    amqp_put_sym(&e.pairs, "iothub-enqueuedtime");
    amqp_put_timestamp(&e.pairs, 1763870706123);
    amqp_put_sym(&e.pairs, "x-opt-nothing");
    amqp_put_null(&e.pairs);
    amqp_put_descriptor(&e.sections, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(&e.sections);
    amqp_put_str(&e.sections, "m1");
    amqp_close(&e.sections, list, 1);
    amqp_put_data(&e.sections, SLICE_LIT("hello"));
    capture(&e);
    assert_int_equal(entries(&e, "SystemProperties"), 3);
    assert_true(in_map(&e, "SystemProperties", "iothub-connection-device-id", &v));
    assert_true(slice_is(v.bytes, "press-1"));
    assert_true(in_map(&e, "SystemProperties", "iothub-enqueuedtime", &v));
    assert_true(slice_is(v.bytes, "2025-11-23T04:05:06.1230000Z"));
    assert_true(in_map(&e, "SystemProperties", "message-id", &v));
    assert_int_equal(entries(&e, "Properties"), 0);
    assert_true(slice_is(field(&e, "Body").bytes, "hello"));
    free_event(&e);
}

static void a_map_has_as_many_entries_as_it_says(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < MANY; count++) {
        struct event e = {0};
        struct avro_value v;
        char name[16];
        amqp_put_descriptor(&e.sections, AMQP_APPLICATION_PROPERTIES);
        struct amqp_open map = amqp_open_map(&e.sections);
        for (uint32_t i = 0; i < count; i++) {
            snprintf(name, sizeof name, "p%u", i);
            amqp_put_str(&e.sections, name);
            amqp_put_uint(&e.sections, i);
        }
        amqp_close(&e.sections, map, 2 * count);
        amqp_put_data(&e.sections, SLICE_LIT("body"));
        capture(&e);
        assert_int_equal(entries(&e, "Properties"), count);
        if (count) assert_true(in_map(&e, "Properties", name, &v));
        if (count) assert_int_equal(v.number, count - 1);
        assert_true(slice_is(field(&e, "Body").bytes, "body"));
        free_event(&e);
    }
}

/* What the hub does not write itself: in another order, in several sections, as a value, not at all. */
static void every_message_has_its_body(void **state)
{
    static const struct {
        struct slice sections;
        const char *body; /* NULL: none */
        unsigned system, application;
    } rows[] = {
        {SLICE_LIT("\x00\x53\x75\xa0\x01"
                   "a"),
         "a", 0, 0},
        {SLICE_LIT("\x00\x53\x75\xa0\x01"
                   "a"
                   "\x00\x53\x75\xa0\x01"
                   "b"),
         "ab", 0, 0},
        {SLICE_LIT("\x00\x53\x75\xa0\x01"
                   "a"
                   "\x00\x53\x73\xc0\x04\x01\xa1\x01m"),
         "a", 1, 0},
        {SLICE_LIT("\x00\x53\x73\xc0\x04\x01\xa1\x01m"
                   "\x00\x53\x74\xc1\x05\x02\xa1\x01k\x40"
                   "\x00\x53\x75\xa0\x01"
                   "a"),
         "a", 1, 1},
        {SLICE_LIT("\x00\x53\x74\xc1\x05\x02\xa1\x01k\x40"
                   "\x00\x53\x73\xc0\x04\x01\xa1\x01m"
                   "\x00\x53\x75\xa0\x01"
                   "a"),
         "a", 1, 1},
        {SLICE_LIT("\x00\x53\x77\xa1\x02hi"), "hi", 0, 0},
        {SLICE_LIT("\x00\x53\x77\x40"), NULL, 0, 0},
        {SLICE_LIT("\x00\x53\x73\x45"), NULL, 0, 0},
        {SLICE_LIT(""), NULL, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event e = {0};
        buf_put_slice(&e.sections, rows[i].sections);
        capture(&e);
        struct avro_value body = field(&e, "Body");
        assert_int_equal(body.type, rows[i].body ? AVRO_BYTES : AVRO_NULL);
        if (rows[i].body) assert_true(slice_is(body.bytes, rows[i].body));
        assert_int_equal(entries(&e, "SystemProperties"), rows[i].system);
        assert_int_equal(entries(&e, "Properties"), rows[i].application);
        free_event(&e);
    }
}

/* Lengths of one byte and two in Avro, of one and four in AMQP. */
static void texts_of_any_length_come_through(void **state)
{
    static const size_t lengths[] = {0, 1, 63, 64, 127, 128, 255, 256, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct event e = {0};
        struct avro_value v;
        struct buf text = {0};
        memset(buf_reserve(&text, lengths[i] + 1), 't', lengths[i]);
        buf_commit(&text, lengths[i]);
        amqp_put_sym(&e.pairs, "text");
        amqp_put_string(&e.pairs, buf_slice(&text));
        amqp_put_symbol(&e.pairs, buf_slice(&text));
        amqp_put_long(&e.pairs, -5);
        amqp_put_sym(&e.pairs, "last");
        amqp_put_string(&e.pairs, SLICE_LIT("x"));
        capture(&e);
        assert_int_equal(entries(&e, "SystemProperties"), 3);
        assert_true(in_map(&e, "SystemProperties", "text", &v));
        assert_true(slice_eq(v.bytes, buf_slice(&text)));
        assert_true(in_map(&e, "SystemProperties", buf_cstr(&text), &v));
        assert_int_equal(v.number, -5);
        assert_true(in_map(&e, "SystemProperties", "last", &v));
        buf_free(&text);
        free_event(&e);
    }
}

/* One after the other with one scratch, whose texts are those of the last second. */
static void times_that_follow_each_other_are_each_its_own(void **state)
{
    static const struct {
        int64_t ms;
        const char *iso, *dotnet;
    } rows[] = {{1763870706123, "2025-11-23T04:05:06.1230000Z", "11/23/2025 4:05:06 AM"},
                {1763870706999, "2025-11-23T04:05:06.9990000Z", "11/23/2025 4:05:06 AM"},
                {1763870707000, "2025-11-23T04:05:07.0000000Z", "11/23/2025 4:05:07 AM"},
                {0, "1970-01-01T00:00:00.0000000Z", "1/1/1970 12:00:00 AM"},
                {-1, "1969-12-31T23:59:59.9990000Z", "1/1/1970 12:00:00 AM"},
                {7, "1970-01-01T00:00:00.0070000Z", "1/1/1970 12:00:00 AM"},
                {-999, "1969-12-31T23:59:59.0010000Z", "1/1/1970 12:00:00 AM"},
                {5, "1970-01-01T00:00:00.0050000Z", "1/1/1970 12:00:00 AM"},
                {INT64_MAX, "9999-12-31T23:59:59.9990000Z", "1/1/1970 12:00:00 AM"}};
    struct buf scratch = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event e = {.scratch = scratch};
        struct avro_value v;
        e.record.enqueued_us = rows[i].ms == INT64_MAX ? 0 : rows[i].ms * 1000;
        amqp_put_sym(&e.pairs, "at");
        amqp_put_timestamp(&e.pairs, rows[i].ms);
        capture(&e);
        assert_true(in_map(&e, "SystemProperties", "at", &v));
        assert_true(slice_is(v.bytes, rows[i].iso));
        assert_true(slice_is(field(&e, "EnqueuedTimeUtc").bytes, rows[i].dotnet));
        scratch = e.scratch;
        e.scratch = (struct buf){0};
        free_event(&e);
    }
    buf_free(&scratch);
}

static void what_is_no_message_is_refused(void **state)
{
    static const struct slice rows[] = {
        SLICE_LIT("\x00\x53\x75\xa0\x09"
                  "short"),
        SLICE_LIT("\x00\x53\x73\xc0\x04\x02\xa1\x01m"
                  "\x00\x53\x75\xa0\x01"
                  "a"),
        SLICE_LIT("\x00\x53\x73\xc0\x04\x01\xa1\x09m"
                  "\x00\x53\x75\xa0\x01"
                  "a"),
        SLICE_LIT("\x00\x53\x73\xc0\x03\x01\x56\x02"
                  "\x00\x53\x75\xa0\x01"
                  "a"),
        SLICE_LIT("\x00\x53\x74\xc1\x05\x02\xa1\x01k\xff"
                  "\x00\x53\x75\xa0\x01"
                  "a"),
        SLICE_LIT("\x00\x53\x74\xc1\x08\x02\xa1\x01k\xc0\x02\x01\xff"
                  "\x00\x53\x75\xa0\x01"
                  "a"),
        SLICE_LIT("\x00\x53\x75\xa0\x01"
                  "a"
                  "\x00\x53\x77\x40"),
    };
    struct buf out = {0}, scratch = {0};
    (void)state;
    buf_put_str(&out, "before");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct record r = {.sections = rows[i]};
        assert_int_equal(capture_event_put(&out, &scratch, &r), ERR_CORRUPT);
        assert_true(slice_is(buf_slice(&out), "before"));
    }
    buf_free(&out);
    buf_free(&scratch);
}

/* ---- messages that are like those before */

static uint32_t random_state = 1;

static uint32_t below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static void put_random_text(struct buf *out, unsigned kinds, size_t len_max)
{
    char text[512];
    size_t len = below(20) ? 4 + below(8) : below((uint32_t)len_max);
    memset(text, 'a' + (char)below(kinds), len);
    amqp_put_string(out, slice_of(text, len));
}

static void put_random_pairs(struct buf *out)
{
    char name[32];
    amqp_put_sym(out, "iothub-connection-device-id");
    snprintf(name, sizeof name, "device-%u", below(300));
    amqp_put_str(out, name);
    for (uint32_t i = 0, more = below(4); i < more; i++) {
        amqp_put_sym(out, below(2) ? "iothub-enqueuedtime" : "iothub-message-source");
        if (below(3))
            amqp_put_timestamp(out, 1763870706123 + below(3000));
        else if (below(30))
            put_random_text(out, 2, 300);
        else
            amqp_put_long(out, -5);
    }
    if (below(300) == 0) buf_put_u8(out, 0xff);
}

static void put_random_properties(struct buf *out)
{
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (unsigned i = 0; i < 3; i++)
        if (below(2))
            amqp_put_null(out);
        else
            put_random_text(out, 2, 200);
    amqp_close(out, list, 3);
}

static void put_random_sections(struct buf *out)
{
    for (uint32_t i = 0, lists = below(40) ? below(2) : 2; i < lists; i++)
        put_random_properties(out);
    if (below(3) == 0) {
        amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
        struct amqp_open map = amqp_open_map(out);
        amqp_put_str(out, "p");
        amqp_put_uint(out, below(9));
        amqp_close(out, map, 2);
    }
    for (uint32_t i = 0, bodies = below(40) ? 1 : below(3); i < bodies; i++)
        amqp_put_data(out, SLICE_LIT("hello"));
}

/* By one who remembers and by one who does not. */
static void what_is_known_is_what_would_be_made_anew(void **state)
{
    enum { MESSAGES = 4000 };
    struct buf memory = {0};
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        struct buf pairs = {0}, sections = {0}, known = {0}, anew = {0}, none = {0};
        put_random_pairs(&pairs);
        put_random_sections(&sections);
        const struct record r = {.sequence = i,
                                 .enqueued_us = INT64_C(1763870706123000) + i,
                                 .pairs = buf_slice(&pairs),
                                 .sections = buf_slice(&sections)};
        enum err e = capture_event_put(&anew, &none, &r);
        assert_int_equal(capture_event_put(&known, &memory, &r), e);
        assert_true(slice_eq(buf_slice(&known), buf_slice(&anew)));
        struct buf *all[] = {&pairs, &sections, &known, &anew, &none};
        for (size_t n = 0; n < sizeof all / sizeof *all; n++) buf_free(all[n]);
    }
    buf_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_offset_and_time_are_as_azure_writes_them),
        cmocka_unit_test(annotations_and_properties_are_system_properties),
        cmocka_unit_test(a_map_has_as_many_entries_as_it_says),
        cmocka_unit_test(every_message_has_its_body),
        cmocka_unit_test(texts_of_any_length_come_through),
        cmocka_unit_test(times_that_follow_each_other_are_each_its_own),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(what_is_known_is_what_would_be_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
