/* base_test.c - the small tools. */
#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/cur.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "base/text.h"

static void a_buf_grows_consumes_and_slides(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 10000; i++) {
        buf_printf(&b, "%d,", i);
        if (i % 3 == 0) buf_consume(&b, 2);
    }
    assert_true(buf_size(&b) > 40000);
    assert_true(slice_ends(buf_slice(&b), SLICE_LIT("9999,")));
    buf_consume(&b, buf_size(&b));
    assert_int_equal(buf_size(&b), 0);
    buf_free(&b);
    assert_null(b.ptr);
}

static void room_for_nothing_is_somewhere(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_non_null(buf_reserve(&b, 0));
    buf_commit(&b, 0);
    assert_int_equal(buf_size(&b), 0);
    buf_free(&b);
}

/* How often a secret was overwritten: CMakeLists.txt has mem_wipe() lead here. */
#define SECRET "of nobody's business"
static unsigned overwritten;

void __real_mem_wipe(void *ptr, size_t len);
void __wrap_mem_wipe(void *ptr, size_t len);

void __wrap_mem_wipe(void *ptr, size_t len)
{
    if (memmem(ptr, len, SECRET, strlen(SECRET))) overwritten++;
    __real_mem_wipe(ptr, len);
}

static void a_secret_leaves_no_copy_where_its_buf_grows(void **state)
{
    (void)state;
    struct buf b = BUF_SECRET;
    overwritten = 0;
    for (unsigned life = 0; life < 2; life++) {
        buf_put_str(&b, SECRET);
        for (unsigned growth = 0; growth < 4; growth++) {
            assert_int_equal(overwritten, 5 * life + growth);
            size_t room = b.cap - b.len;
            memset(buf_reserve(&b, room), 'x', room);
            buf_commit(&b, room);
            assert_int_equal(overwritten, 5 * life + growth);
            buf_put_u8(&b, 'y');
        }
        assert_true(slice_starts(buf_slice(&b), SLICE_LIT(SECRET "x")));
        buf_wipe(&b);
        assert_int_equal(overwritten, 5 * life + 5);
        assert_null(b.ptr);
    }
}

static void a_secret_is_consumed_and_freed_like_anything(void **state)
{
    (void)state;
    struct buf b = BUF_SECRET;
    buf_wipe(&b);
    for (int i = 0; i < 10000; i++) {
        buf_printf(&b, "%d,", i);
        if (i % 3 == 0) buf_consume(&b, 2);
    }
    assert_true(buf_size(&b) > 40000);
    assert_true(slice_ends(buf_slice(&b), SLICE_LIT("9999,")));
    assert_string_equal(buf_cstr(&b) + buf_size(&b) - 5, "9999,");
    buf_free(&b);
    assert_null(b.ptr);
}

static void an_arena_is_overwritten_in_each_block(void **state)
{
    (void)state;
    enum { COPIES = 3, BLOCK = 4096 };
    struct arena a = {0};
    overwritten = 0;
    arena_wipe(&a);
    for (unsigned i = 0; i < COPIES; i++) {
        arena_copy(&a, SLICE_LIT(SECRET));
        arena_alloc(&a, BLOCK);
    }
    arena_wipe(&a);
    assert_int_equal(overwritten, COPIES);
    assert_null(a.block);
}

static void cursor_errors_stick(void **state)
{
    (void)state;
    struct cur c = cur_of(SLICE_LIT("\x01\x02\x03"));
    assert_int_equal(cur_be16(&c), 0x0102);
    assert_int_equal(cur_be32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cur_u8(&c), 0);
}

static void a_map_behaves_like_a_plain_table(void **state)
{
    (void)state;
    struct map m = {0};
    static char keys[5000][16];
    bool present[5000] = {false};
    srand(3);
    for (int i = 0; i < 5000; i++) snprintf(keys[i], sizeof keys[i], "k%d", i);
    for (int step = 0; step < 60000; step++) {
        int i = rand() % 5000;
        struct slice key = slice_str(keys[i]);
        assert_ptr_equal(map_get(&m, key), present[i] ? keys[i] : NULL);
        if (rand() % 2)
            map_put(&m, key, keys[i]), present[i] = true;
        else
            map_remove(&m, key), present[i] = false;
    }
    size_t pos = 0, seen = 0;
    while (map_next(&m, &pos)) seen++;
    assert_int_equal(seen, m.count);
    map_free(&m);
}

enum { CHOSEN = 96, CHOSEN_MASK = 127 }; /* as many as fit a table of 128 */

/* How far they are from their places, all together. */
static size_t steps_to_find(const struct map *m)
{
    size_t steps = 0;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].value) steps += (i - m->entries[i].hash) & (m->cap - 1);
    return steps;
}

static void keys_that_were_chosen_to_collide_do_not_with_a_seed(void **state)
{
    (void)state;
    char keys[CHOSEN][16];
    unsigned number = 0;
    for (int i = 0; i < CHOSEN; i++) do
            snprintf(keys[i], sizeof keys[i], "%u", number++);
        while (map_hash(slice_str(keys[i])) & CHOSEN_MASK);
    for (int seeded = 0; seeded < 2; seeded++) {
        struct map m = {0};
        map_seed(seeded ? UINT64_C(0x9e3779b97f4a7c15) : 0);
        for (int i = 0; i < CHOSEN; i++) map_put(&m, slice_str(keys[i]), keys[i]);
        assert_int_equal(m.cap, CHOSEN_MASK + 1);
        for (int i = 0; i < CHOSEN; i++) assert_ptr_equal(map_get(&m, slice_str(keys[i])), keys[i]);
        assert_int_equal(steps_to_find(&m) == CHOSEN * (CHOSEN - 1) / 2, !seeded);
        if (seeded) assert_in_range(steps_to_find(&m), 0, 5 * CHOSEN);
        map_free(&m);
    }
    map_seed(0);
}

static void base64_round_trips_and_refuses_rubbish(void **state)
{
    (void)state;
    uint8_t bytes[40];
    for (size_t n = 0; n < sizeof bytes; n++) {
        struct buf text = {0}, back = {0};
        for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 37 + n);
        text_base64(&text, slice_of(bytes, n));
        assert_int_equal(text_unbase64(&back, buf_slice(&text)), OK);
        assert_true(slice_eq(buf_slice(&back), slice_of(bytes, n)));
        buf_free(&text);
        buf_free(&back);
    }
    struct buf out = {0};
    assert_int_equal(text_unbase64(&out, SLICE_LIT("AA=A")), ERR_INVALID);
    assert_int_equal(text_unbase64(&out, SLICE_LIT("A")), ERR_INVALID);
    assert_int_equal(text_unbase64(&out, SLICE_LIT("A A=")), ERR_INVALID);
    buf_free(&out);
}

static void percent_decoding_leaves_plus_alone(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(text_unpercent(&out, SLICE_LIT("a%20b+c%2F%7e")), OK);
    assert_true(slice_is(buf_slice(&out), "a b+c/~"));
    assert_int_equal(text_unpercent(&out, SLICE_LIT("a%2")), ERR_INVALID);
    assert_int_equal(text_unpercent(&out, SLICE_LIT("a%zz")), ERR_INVALID);
    buf_clear(&out);
    text_percent(&out, SLICE_LIT("a b/\xc3\xa9"));
    assert_true(slice_is(buf_slice(&out), "a%20b%2F%C3%A9"));
    buf_clear(&out);
    text_percent_with(&out, SLICE_LIT("a:%"), "+#");
    text_percent_with(&out, SLICE_LIT("a:#"), "+#");
    assert_true(slice_is(buf_slice(&out), "a:%a%3A%23"));
    buf_free(&out);
}

static void utf8_is_checked_strictly(void **state)
{
    (void)state;
    assert_true(text_is_utf8(SLICE_LIT("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
    assert_false(text_is_utf8(SLICE_LIT("\xc0\xaf")));
    assert_false(text_is_utf8(SLICE_LIT("\xed\xa0\x80")));
    assert_false(text_is_utf8(SLICE_LIT("\xf5\x80\x80\x80")));
    assert_false(text_is_utf8(SLICE_LIT("\xe2\x82")));
}

static void a_time_is_a_member_of_an_object(void **state)
{
    (void)state;
    struct buf b = {0};
    text_json_time(&b, "at", INT64_C(1763870706000001));
    assert_string_equal(buf_cstr(&b), ",\"at\":\"2025-11-23T04:05:06.0000010Z\"");
    buf_free(&b);
}

static void a_terminal_is_shown_no_controls(void **state)
{
    (void)state;
    struct buf out = {0};
    text_shown(&out,
               SLICE_LIT("a\x1b]0;x\x07\n\x7f\xc2\x9b\xc2\xa0gr\xc3\xbc\xc3\x9f\x9b\xe2\x82"));
    assert_string_equal(buf_cstr(&out), "a ]0;x    \xc2\xa0gr\xc3\xbc\xc3\x9f???");
    buf_clear(&out);
    text_json_shown(&out, SLICE_LIT("{\n\"a\x7f\": \"\xc2\x80\xc2\x9f\xc2\xa0\x9b\"}"));
    assert_string_equal(buf_cstr(&out), "{\n\"a\\u007f\": \"\\u0080\\u009f\xc2\xa0?\"}");
    buf_clear(&out);
    text_shown(&out, SLICE_NONE);
    assert_int_equal(buf_size(&out), 0);
    buf_free(&out);
}

static void iso_times_round_trip(void **state)
{
    (void)state;
    char text[CLOCK_ISO_LEN + 1];
    int64_t us;
    clock_iso(1763870706123456, text);
    assert_string_equal(text, "2025-11-23T04:05:06.1234560Z");
    assert_int_equal(clock_parse_iso(slice_str(text), &us), OK);
    assert_int_equal(us, 1763870706123456);
    assert_int_equal(clock_parse_iso(SLICE_LIT("2025-11-23T05:05:06+01:00"), &us), OK);
    assert_int_equal(us, 1763870706000000);
    assert_int_equal(clock_parse_iso(SLICE_LIT("2025-13-23T05:05:06Z"), &us), ERR_INVALID);
    assert_int_equal(clock_parse_iso(SLICE_LIT("2025-00-23T05:05:06Z"), &us), ERR_INVALID);
    assert_int_equal(clock_parse_iso(SLICE_LIT("yesterday"), &us), ERR_INVALID);
}

static void a_time_that_there_is_not_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err expected;
    } rows[] = {
        {"2024-02-29T12:00:00Z", OK},         {"2025-02-29T12:00:00Z", ERR_INVALID},
        {"2000-02-29T12:00:00Z", OK},         {"2100-02-29T12:00:00Z", ERR_INVALID},
        {"2025-04-30T12:00:00Z", OK},         {"2025-04-31T12:00:00Z", ERR_INVALID},
        {"2025-12-31T12:00:00Z", OK},         {"2025-12-32T12:00:00Z", ERR_INVALID},
        {"2025-11-23T24:00:00Z", OK},         {"2025-11-23T24:00:01Z", ERR_INVALID},
        {"2025-11-23T23:59:60Z", OK},         {"2025-11-23T24:30:00Z", ERR_INVALID},
        {"2025-11-23T12:00:00+14:00", OK},    {"2025-11-23T24:00:00.1Z", ERR_INVALID},
        {"2025-11-23T12:00:00-12:45", OK},    {"2025-11-23T12:00:00+15:00", ERR_INVALID},
        {"2025-11-23T12:00:00.0000000Z", OK}, {"2025-11-23T12:00:00+01:60", ERR_INVALID},
    };
    int64_t us;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (clock_parse_iso(slice_str(rows[i].text), &us) != rows[i].expected)
            fail_msg("%s", rows[i].text);
}

/* As the C library has it, in both directions. */
static void the_calendar_is_that_of_the_c_library(void **state)
{
    const int64_t first_s = INT64_C(-62167219200), last_s = INT64_C(253402300799);
    (void)state;
    for (int64_t s = first_s; s <= last_s; s += INT64_C(86400) * 17 + 12345) {
        struct tm tm;
        struct clock_date d = clock_date(s * 1000000 + 999999);
        time_t seconds = (time_t)s;
        gmtime_r(&seconds, &tm);
        if (d.year != tm.tm_year + 1900 || d.month != tm.tm_mon + 1 || d.day != tm.tm_mday ||
            d.hour != tm.tm_hour || d.minute != tm.tm_min || d.second != tm.tm_sec)
            fail_msg("second %lld is another one", (long long)s);
        int64_t days = clock_days(d.year, d.month, d.day);
        assert_int_equal(days * 86400 + d.hour * INT64_C(3600) + d.minute * INT64_C(60) + d.second,
                         s);
    }
    assert_int_equal(clock_days(2026, 2, 29), clock_days(2026, 3, 1));
}

static void times_that_have_no_text_are_the_nearest_that_do(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{INT64_MIN, "0000-01-01T00:00:00.0000000Z"},
                {-1, "1969-12-31T23:59:59.9999990Z"},
                {0, "1970-01-01T00:00:00.0000000Z"},
                {INT64_C(951782400000001), "2000-02-29T00:00:00.0000010Z"},
                {INT64_MAX, "9999-12-31T23:59:59.9999990Z"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CLOCK_ISO_LEN + 1];
        clock_iso(rows[i].us, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void dates_of_http_are_read(void **state)
{
    static const char *const bad[] = {"",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 CET",
                                      "Sun, 06 Nox 1994 08:49:37 GMT",
                                      "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 31 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "1994-11-06T08:49:37Z"};
    int64_t us;
    (void)state;
    assert_int_equal(clock_parse_http(SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), &us), OK);
    assert_int_equal(us, INT64_C(784111777000000));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(clock_parse_http(slice_str(bad[i]), &us), ERR_INVALID);
}

static void a_time_from_outside_may_be_any(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{1763870706123, "2025-11-23T04:05:06.1230000Z"},
                {INT64_MAX, "9999-12-31T23:59:59.9990000Z"},
                {INT64_MIN, "1000-01-01T00:00:00.0000000Z"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CLOCK_ISO_LEN + 1];
        clock_iso_ms(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void a_guid_has_its_bytes_in_order(void **state)
{
    char text[TEXT_GUID_LEN + 1];
    (void)state;
    text_guid((const uint8_t *)"\x01\x23\x45\x67\x89\xab\xcd\xef"
                               "ghijklm\xff",
              text);
    assert_string_equal(text, "01234567-89ab-cdef-6768-696a6b6c6dff");
}

static void numbers_are_checked(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_int_equal(num_u64(SLICE_LIT("18446744073709551615"), &u), OK);
    assert_int_equal(num_u64(SLICE_LIT("18446744073709551616"), &u), ERR_INVALID);
    assert_int_equal(num_i64(SLICE_LIT("-9223372036854775808"), &i), OK);
    assert_int_equal(num_i64(SLICE_LIT("9223372036854775808"), &i), ERR_INVALID);
    assert_int_equal(num_bytes(SLICE_LIT("2GiB"), &u), OK);
    assert_int_equal(u, 2ull << 30);
    assert_int_equal(num_duration_us(SLICE_LIT("12h"), &i), OK);
    assert_int_equal(i, 12ll * 3600 * 1000000);
    assert_int_equal(num_duration_us(SLICE_LIT("12x"), &i), ERR_INVALID);
    assert_int_equal(num_duration_us(SLICE_LIT("0.25"), &i), OK);
    assert_int_equal(i, 250000);
    assert_int_equal(num_duration_us(SLICE_LIT("1.5m"), &i), OK);
    assert_int_equal(i, 90ll * 1000000);
    assert_int_equal(num_duration_us(SLICE_LIT("0.0015ms"), &i), OK);
    assert_int_equal(i, 1);
    assert_int_equal(num_duration_us(SLICE_LIT("0.123456d"), &i), OK);
    assert_int_equal(i, 123456ll * 86400);
    assert_int_equal(num_duration_us(SLICE_LIT("0.1234567"), &i), ERR_INVALID);
    static const char *const none[] = {"",    ".",  "1.",     ".5",  "1..5",
                                       "1.s", "-1", "1.5.5s", "5 s", "106751992d"};
    for (size_t k = 0; k < sizeof none / sizeof *none; k++)
        assert_int_equal(num_duration_us(slice_str(none[k]), &i), ERR_INVALID);
    assert_int_equal(num_share_since(11, 100, 200, 100), 11);
    assert_int_equal(num_share_since(11, 100, 200, 150), 6);
    assert_int_equal(num_share_since(11, 100, 200, 151), 5);
    assert_int_equal(num_share_since(11, 100, 200, 200), 1);
    assert_int_equal(num_share_since(11, 100, 200, 201), 0);
    assert_int_equal(num_share_since(1, 100, 100, 100), 1);
    assert_int_equal(num_share_since(1, 100, 100, 101), 0);
}

static void sums_and_products_end_at_the_last_number(void **state)
{
    (void)state;
    int64_t v;
    assert_true(num_add_i64(INT64_MAX - 1, 1, &v));
    assert_int_equal(v, INT64_MAX);
    assert_false(num_add_i64(INT64_MAX, 1, &v));
    assert_true(num_add_i64(INT64_MIN + 1, -1, &v));
    assert_int_equal(v, INT64_MIN);
    assert_false(num_add_i64(INT64_MIN, -1, &v));
    assert_true(num_mul_i64(INT64_MIN / 2, 2, &v));
    assert_int_equal(v, INT64_MIN);
    assert_false(num_mul_i64(INT64_MIN / 2 - 1, 2, &v));
    assert_false(num_mul_i64(INT64_MIN, -1, &v));
    size_t n;
    assert_true(num_add(SIZE_MAX - 1, 1, &n));
    assert_false(num_add(SIZE_MAX, 1, &n));
    assert_true(num_mul(SIZE_MAX / 3, 3, &n));
    assert_false(num_mul(SIZE_MAX / 3 + 1, 3, &n));
}

static void numbers_have_a_text(void **state)
{
    static const uint64_t rows[] = {0, 9, 10, 1234567890, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUM_TEXT_MAX];
        uint64_t back;
        size_t len = num_text(rows[i], text);
        assert_int_equal(num_u64(slice_of(text, len), &back), OK);
        assert_int_equal(back, rows[i]);
        assert_true(len == 1 || text[0] != '0');
    }
}

static void an_arena_survives_many_rounds(void **state)
{
    (void)state;
    struct arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t n = 1; n < 9000; n += 97) memset(arena_alloc(&a, n), 0xee, n);
        struct slice s = arena_copy(&a, SLICE_LIT("kept"));
        assert_true(slice_is(s, "kept"));
        arena_reset(&a);
    }
    arena_free(&a);
}

static void slices_split_and_trim(void **state)
{
    (void)state;
    struct slice s = SLICE_LIT("a;b;;c"), part;
    const char *want[] = {"a", "b", "", "c"};
    int n = 0;
    while (slice_split(&s, ';', &part)) assert_true(slice_is(part, want[n++]));
    assert_int_equal(n, 4);
    assert_true(slice_is(slice_trim(SLICE_LIT(" \tx y\n")), "x y"));
    assert_true(slice_starts_nocase(SLICE_LIT("Devices/x"), SLICE_LIT("devices/")));
    assert_int_equal(slice_rfind(SLICE_LIT("a/b/c"), '/'), 3);
    assert_true(slice_has(SLICE_LIT("a#b"), "+#"));
    assert_false(slice_has(SLICE_LIT("a-b"), "+#"));
    assert_false(slice_has(SLICE_NONE, "+#"));
}

static void slices_are_searched_and_copied(void **state)
{
    (void)state;
    struct slice text = SLICE_LIT("one two two");
    uint8_t copy[4] = "....";
    assert_ptr_equal(slice_search(text, SLICE_LIT("two")), text.ptr + 4);
    assert_ptr_equal(slice_search(text, SLICE_NONE), text.ptr);
    assert_null(slice_search(text, SLICE_LIT("twos")));
    assert_null(slice_search(SLICE_NONE, SLICE_LIT("two")));
    assert_ptr_equal(slice_copy(copy, slice_head(text, 3)), copy + 3);
    assert_memory_equal(copy, "one.", 4);
    assert_ptr_equal(slice_copy(copy, SLICE_NONE), copy);
    assert_memory_equal(copy, "one.", 4);
}

static void a_list_gives_its_members_in_order(void **state)
{
    (void)state;
    struct list head, members[3];
    list_init(&head);
    assert_null(list_shift(&head));
    for (size_t i = 0; i < 3; i++) list_push(&head, &members[i]);
    assert_ptr_equal(list_take(&head), &members[0]);
    assert_false(list_linked(&members[0]));
    assert_ptr_equal(head.next->prev, &head);
    assert_ptr_equal(list_shift(&head), &members[1]);
    assert_ptr_equal(list_take(&head), &members[2]);
    assert_true(list_empty(&head));
    assert_ptr_equal(head.prev, &head);
}

static void hosts_of_this_machine_are_known(void **state)
{
    static const struct {
        const char *host;
        bool loopback;
    } rows[] = {{"localhost", true},
                {"LocalHost", true},
                {"127.0.0.1", true},
                {"127.9.8.7", true},
                {"::1", true},
                {"[::1]", true},
                {"0:0:0:0:0:0:0:1", true},
                {"", false},
                {"localhost.test", false},
                {"127.test", false},
                {"127.0.0.1.test", false},
                {"128.0.0.1", false},
                {"::2", false},
                {"[localhost", false},
                {"[]", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (net_is_loopback(slice_str(rows[i].host)) != rows[i].loopback)
            fail_msg("%s", rows[i].host);
}

static void a_peer_counts_by_its_address_or_by_its_network_of_ipv6(void **state)
{
    static const struct {
        const char *peer, *other;
        bool same;
    } rows[] = {
        {"192.0.2.7:1", "192.0.2.7:2", true},
        {"192.0.2.7:1", "192.0.2.8:1", false},
        {"192.0.2.7:1", "[::1]:1", false},
        {"192.0.2.7:1", "unix", false},
        {"[::1]:1", "unix", false},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff:ffff:ffff:ffff]:2", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
    };
    static const uint8_t nobody[NET_NETWORK_LEN];
    uint8_t one[NET_NETWORK_LEN], other[NET_NETWORK_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net_network(slice_str(rows[i].peer), one);
        net_network(slice_str(rows[i].other), other);
        if ((memcmp(one, other, sizeof one) == 0) != rows[i].same) fail_msg("%s", rows[i].other);
    }
    net_network(SLICE_LIT("unix"), one);
    assert_memory_equal(one, nobody, sizeof one);
}

static void an_authority_has_a_host_and_perhaps_a_port(void **state)
{
    static const struct {
        const char *authority;
        size_t end;
    } rows[] = {{"a.test", 6}, {"a.test:1", 6}, {"[::1]:99", 5},
                {"[::1]", 5},  {"[::1", 4},     {"", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(net_host_end(slice_str(rows[i].authority)), rows[i].end);
}

static void an_authority_is_split_and_may_be_none(void **state)
{
    static const struct {
        const char *authority, *host, *port;
        bool valid;
    } rows[] = {{"a.test", "a.test", "", true},
                {"a.test:1", "a.test", "1", true},
                {"a.test:65535", "a.test", "65535", true},
                {"a.test:65536", "a.test", "65536", false},
                {"a.test:0", "a.test", "0", false},
                {"a.test:", "a.test", "", false},
                {"[2001:db8::1]:99", "2001:db8::1", "99", true},
                {"[::1]", "::1", "", true},
                {"[::1]99", "::1", "9", false},
                {"[::g]", "::g", "", false},
                {"[::1", "[::1", "", false},
                {"2001:db8::1", "2001:db8::1", "", false},
                {"", "", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice host, port;
        net_split(slice_str(rows[i].authority), &host, &port);
        if (!slice_is(host, rows[i].host) || !slice_is(port, rows[i].port) ||
            net_authority_valid(slice_str(rows[i].authority)) != rows[i].valid)
            fail_msg("%s", rows[i].authority);
    }
}

static void ones(void *out, size_t len)
{
    memset(out, 0x11, len);
}

static void twos(void *out, size_t len)
{
    memset(out, 0x22, len);
}

/* However many were drawn from the source before. */
static void guids_are_of_the_source_in_use(void **state)
{
    char guid[RAND_GUID_LEN + 1], before[RAND_GUID_LEN + 1] = "";
    (void)state;
    rand_use(ones);
    rand_guid(guid);
    assert_string_equal(guid, "11111111-1111-4111-9111-111111111111");
    rand_use(twos);
    for (int i = 0; i < 40; i++) rand_guid(guid);
    assert_string_equal(guid, "22222222-2222-4222-a222-222222222222");
    rand_use(NULL);
    for (int i = 0; i < 40; i++) {
        rand_guid(guid);
        assert_string_not_equal(guid, before);
        memcpy(before, guid, sizeof before);
    }
}

static void secrets_are_compared_to_the_last_byte(void **state)
{
    uint8_t a[40], b[40];
    (void)state;
    memset(a, 'x', sizeof a);
    for (size_t len = 0; len <= sizeof a; len++) {
        memcpy(b, a, sizeof a);
        assert_true(slice_eq_secret(slice_of(a, len), slice_of(b, len)));
        assert_false(len && slice_eq_secret(slice_of(a, len), slice_of(b, len - 1)));
        for (size_t i = 0; i < len; i++) {
            b[i] ^= 0x80;
            assert_false(slice_eq_secret(slice_of(a, len), slice_of(b, len)));
            b[i] ^= 0x80;
        }
    }
}

/* ---- no more memory */

/* The sanitizer would end the process itself, with words of its own. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static volatile size_t too_much = SIZE_MAX / 4; /* the compiler must not know */

static void ask_anew(void)
{
    free(mem_new(too_much));
}

static void ask_cleared(void)
{
    free(mem_zero(too_much));
}

static void ask_for_more(void)
{
    free(mem_grow(mem_new(1), too_much));
}

static void ask_aligned(void)
{
    free(mem_aligned(4096, too_much / 4096 * 4096));
}

/* What a child that calls `ask` says before it ends; returns its status. */
static int last_words(void (*ask)(void), char *text, size_t size)
{
    int status, ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        dup2(ends[1], STDERR_FILENO);
        ask();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], text + len, size - 1 - len)) > 0) len += (size_t)n;
    text[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void without_memory_the_process_ends_with_a_line_that_says_so(void **state)
{
    (void)state;
    static void (*const asks[])(void) = {ask_anew, ask_cleared, ask_for_more, ask_aligned};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char text[8192]; /* warnings of a sanitizer come first */
        int status = last_words(asks[i], text, sizeof text);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_non_null(strstr(text, "azimuth: out of memory ("));
        assert_int_equal(text[strlen(text) - 1], '\n');
    }
}

static void say_what_a_peer_said(void)
{
    say_info("test", "name=%s",
             "\x1b[31m\x7f\xc2\x9b"
             "1m\nfake\xc2\x85 \xc2\xb0 \xc3\xa9");
}

static void lines_of_the_log_have_no_control_characters(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(last_words(say_what_a_peer_said, text, sizeof text), 0);
    assert_non_null(strstr(text, " info test name= [31m  1m fake  \xc2\xb0 \xc3\xa9\n"));
}

static void fill_pipe(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, "........", 8) > 0) continue;
    fcntl(fd, F_SETFL, flags);
}

/* Into a pipe that nobody reads, and then somebody does. */
static void say_to_a_full_pipe(void)
{
    static char rest[1 << 20];
    int ends[2], outside = dup(STDERR_FILENO);
    if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0) _exit(1);
    alarm(60); /* it waits */
    fill_pipe(STDERR_FILENO);
    for (int i = 0; i < 3; i++) say_info("test.unheard", "i=%d", i);
    if (read(ends[0], rest, sizeof rest) <= 0) _exit(1);
    say_info("test.heard", "i=%d", 3);
    say_info("test.heard", "i=%d", 4);
    ssize_t n = read(ends[0], rest, sizeof rest);
    if (n <= 0 || write(outside, rest, (size_t)n) != n) _exit(1);
}

static void nothing_waits_for_who_reads_the_log(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(last_words(say_to_a_full_pipe, text, sizeof text), 0);
    assert_null(strstr(text, "test.unheard"));
    assert_non_null(strstr(text, " info test.heard i=3 lost=3\n"));
    assert_non_null(strstr(text, " info test.heard i=4\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_for_who_reads_the_log),
        cmocka_unit_test(without_memory_the_process_ends_with_a_line_that_says_so),
        cmocka_unit_test(lines_of_the_log_have_no_control_characters),
        cmocka_unit_test(guids_are_of_the_source_in_use),
        cmocka_unit_test(secrets_are_compared_to_the_last_byte),
        cmocka_unit_test(hosts_of_this_machine_are_known),
        cmocka_unit_test(a_peer_counts_by_its_address_or_by_its_network_of_ipv6),
        cmocka_unit_test(an_authority_has_a_host_and_perhaps_a_port),
        cmocka_unit_test(an_authority_is_split_and_may_be_none),
        cmocka_unit_test(a_buf_grows_consumes_and_slides),
        cmocka_unit_test(room_for_nothing_is_somewhere),
        cmocka_unit_test(a_secret_leaves_no_copy_where_its_buf_grows),
        cmocka_unit_test(a_secret_is_consumed_and_freed_like_anything),
        cmocka_unit_test(an_arena_is_overwritten_in_each_block),
        cmocka_unit_test(cursor_errors_stick),
        cmocka_unit_test(a_map_behaves_like_a_plain_table),
        cmocka_unit_test(keys_that_were_chosen_to_collide_do_not_with_a_seed),
        cmocka_unit_test(base64_round_trips_and_refuses_rubbish),
        cmocka_unit_test(percent_decoding_leaves_plus_alone),
        cmocka_unit_test(utf8_is_checked_strictly),
        cmocka_unit_test(a_time_is_a_member_of_an_object),
        cmocka_unit_test(a_terminal_is_shown_no_controls),
        cmocka_unit_test(iso_times_round_trip),
        cmocka_unit_test(a_time_that_there_is_not_is_none),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(times_that_have_no_text_are_the_nearest_that_do),
        cmocka_unit_test(dates_of_http_are_read),
        cmocka_unit_test(a_time_from_outside_may_be_any),
        cmocka_unit_test(a_guid_has_its_bytes_in_order),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(sums_and_products_end_at_the_last_number),
        cmocka_unit_test(numbers_have_a_text),
        cmocka_unit_test(an_arena_survives_many_rounds),
        cmocka_unit_test(slices_split_and_trim),
        cmocka_unit_test(slices_are_searched_and_copied),
        cmocka_unit_test(a_list_gives_its_members_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
