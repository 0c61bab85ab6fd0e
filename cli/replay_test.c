/* Tests of what a replay reads, chooses, marks and keeps back. */
#include "base/test.h"

#include <dirent.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "cli/replay_avro.h"
#include "cli/replay_back.h"
#include "cli/replay_blobs.h"
#include "cli/replay_files.h"
#include "cli/replay_filter.h"
#include "cli/replay_resume.h"
#include "cli/replay_rig.h"
#include "cli/replay_target.h"
#include "out/curl_rig.h"

#define MINUTE_US 1795698420000000ll /* 2026-11-26T13:07:00Z */

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/azm-replay-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void drop_folder(void)
{
    char path[400];
    DIR *dir = opendir(folder);
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        remove(path);
    }
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- times */

static void times_are_dotnets_or_iso(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"11/26/2026 1:07:00 PM", MINUTE_US},
                {"11/26/2026 01:07:00 PM", MINUTE_US},
                {"11/26/2026 12:00:00 AM", MINUTE_US - 47220000000},
                {"1/1/1970 12:00:01 AM", 1000000},
                {"2/29/2024 11:59:59 PM", 1709251199000000},
                {"3/1/2100 12:00:00 AM", 4107542400000000},
                {"2026-11-26T13:07:00.0000000Z", MINUTE_US}};
    static const char *const bad[] = {"",
                                      "11/26/2026",
                                      "11/26/2026 1:07:00",
                                      "13/26/2026 1:07:00 PM",
                                      "x",
                                      "11/26/2026 13:07:00 PM",
                                      "11/26/2026 1:07:00 XM",
                                      "11/26/2026 1:07:00 PM "};
    int64_t us;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(replay_avro_time(slice_str(good[i].text), &us), OK);
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(replay_avro_time(slice_str(bad[i]), &us), ERR_INVALID);
}

/* ---- an event of a file */

static struct avro_reader *reader_of(const struct rig_event *e)
{
    struct buf bytes = rig_bytes(e, 1, NULL);
    struct avro_reader *r = avro_reader_new();
    avro_reader_feed(r, buf_slice(&bytes));
    buf_free(&bytes);
    assert_int_equal(avro_reader_next(r), OK);
    return r;
}

static struct slice text_in(const struct amqp_value *map, const char *key)
{
    struct amqp_value v;
    return amqp_map_find(map, key, &v) ? amqp_text(&v) : SLICE_NONE;
}

static void a_time_is_not_moved_beyond_all_numbers(void **state)
{
    (void)state;
    assert_int_equal(replay_shifted_ms(INT64_MAX - 1, 1000), INT64_MAX);
    assert_int_equal(replay_shifted_ms(INT64_MAX, 1000), INT64_MAX);
    assert_int_equal(replay_shifted_ms(INT64_MIN, -1000), INT64_MIN);
    assert_int_equal(replay_shifted_ms(5, -60000000), -59995);
}

static void an_event_keeps_what_it_was_and_carries_its_marks(void **state)
{
    struct avro_reader *r = reader_of(&(struct rig_event){41, 5, "d1", "hello"});
    struct replay_event e = {0};
    struct replay_head h;
    struct amqp_message m;
    struct amqp_value v;
    struct buf out = {0};
    (void)state;
    assert_int_equal(replay_avro_head(r, &h), OK);
    assert_true(slice_is(h.device, "d1") && h.sequence == 41);
    assert_int_equal(h.enqueued_us, MINUTE_US + 5000000);
    assert_int_equal(h.due_us, MINUTE_US + 5500000); /* the hub said it more exactly */
    assert_int_equal(replay_avro_build(r, 60000000, &e), OK);
    replay_event_set_head(&e, &h);
    replay_event_put(&out, &e, &(struct replay_mark){.run = SLICE_LIT("run")}, false);
    assert_int_equal(amqp_message_parse(buf_slice(&out), &m), OK);
    assert_true(slice_is(m.data, "hello"));
    assert_true(slice_is(text_in(&m.annotations, "x-opt-partition-key"), "d1"));
    assert_true(amqp_map_find(&m.annotations, "iothub-enqueuedtime", &v));
    assert_int_equal(v.i, (MINUTE_US + 65500000) / 1000); /* shifted */
    assert_true(slice_is(amqp_text(&m.properties[AMQP_MESSAGE_ID]), "m1"));
    assert_int_equal(m.properties[AMQP_CREATION_TIME].i, (MINUTE_US - 360000000) / 1000);
    assert_true(slice_is(text_in(&m.application, REPLAY_MARK), "run")); /* not "earlier" */
    assert_true(
        slice_is(text_in(&m.application, REPLAY_MARK_TIME), "2026-11-26T13:07:05.0000000Z"));
    assert_true(amqp_map_find(&m.application, REPLAY_MARK_SEQUENCE, &v) && v.i == 41);
    assert_int_equal(m.application.count, 8);
    replay_event_free(&e);
    avro_reader_free(r);
    buf_free(&out);
}

static void an_event_without_a_body_has_none_and_a_device_says_no_annotations(void **state)
{
    struct avro_reader *r = reader_of(&(struct rig_event){41, 5, "", NULL});
    struct replay_event e = {0};
    struct amqp_message m;
    struct buf out = {0};
    (void)state;
    assert_int_equal(replay_avro_head(r, &e.head), OK);
    assert_int_equal(replay_avro_build(r, 0, &e), OK);
    assert_true(slice_is(replay_event_key(&e), "old"));
    replay_event_put(&out, &e, &(struct replay_mark){.run = SLICE_LIT("run")}, true);
    assert_int_equal(amqp_message_parse(buf_slice(&out), &m), OK);
    assert_int_equal(m.annotations.type, AMQP_NULL);
    assert_true(m.body_kind == AMQP_AMQP_VALUE && m.value.type == AMQP_NULL);
    replay_event_free(&e);
    avro_reader_free(r);
    buf_free(&out);
}

/* ---- files */

static void read_all(struct replay_files *f, char *out)
{
    struct replay_source s;
    struct replay_head h;
    enum err e;
    replay_files_source(f, &s);
    for (*out = '\0'; (e = s.peek(s.ctx, &h)) == OK;) {
        out += sprintf(out, "%lld ", (long long)h.sequence);
        assert_int_equal(s.take(s.ctx), OK);
    }
    assert_int_equal(e, ERR_NOT_FOUND);
    assert_true(s.progress(s.ctx) > 0.999);
}

static void files_are_merged_by_time_and_parts_of_a_second_stay_in_order(void **state)
{
    const struct rig_event a[] = {{1, 1, "d", "x"}, {2, 5, "d", "x"}};
    const struct rig_event b[] = {{3, 5, "d", "x"}, {4, 5, "d", "x"}, {5, 9, "d", "x"}};
    const struct rig_event c[] = {{100, 2, "e", "x"}, {101, 8, "e", "x"}};
    struct replay_files *f;
    char order[200];
    (void)state;
    make_folder();
    rig_write(folder, "z", a, 2, "s1/x");
    rig_write(folder, "a", b, 3, "s1/x"); /* its name would come first */
    rig_write(folder, "c", c, 2, "s2/x");
    rig_write(folder, "empty", NULL, 0, NULL);
    assert_int_equal(replay_files_open(folder, NULL, &f), OK);
    assert_int_equal(replay_files_count(f), 4);
    assert_non_null(replay_files_identity(f, 1));
    assert_null(replay_files_identity(f, 2));
    read_all(f, order);
    assert_string_equal(order, "1 100 2 3 4 101 5 ");
    replay_files_free(f);
    assert_int_equal(replay_files_open(folder, NULL, &f), OK);
    replay_files_skip(f, 0, 1); /* of "z" */
    replay_files_skip(f, 1, 2); /* all of "c" */
    read_all(f, order);
    assert_string_equal(order, "2 3 4 5 ");
    replay_files_free(f);
    drop_folder();
}

static void what_is_no_capture_file_is_named(void **state)
{
    struct replay_files *f;
    char path[100];
    (void)state;
    make_folder();
    snprintf(path, sizeof path, "%s/odd.avro", folder);
    assert_int_equal(replay_files_open(path, NULL, &f), ERR_NOT_FOUND);
    assert_int_equal(replay_files_open(folder, NULL, &f), ERR_NOT_FOUND);
    FILE *out = fopen(path, "we");
    fputs("not avro", out);
    fclose(out);
    assert_int_equal(replay_files_open(folder, NULL, &f), ERR_CORRUPT);
    assert_non_null(strstr(fail_text(), "odd.avro"));
    drop_folder();
}

static void a_list_of_blobs_is_read(void **state)
{
    struct slice list =
        SLICE_LIT("<EnumerationResults><Blobs><Blob><Name>a/b &amp; "
                  "&lt;c.avro</Name><Properties><Content-Length>12"
                  "</Content-Length></Properties></Blob><Blob><Name>d</Name><Content-Length>0</"
                  "Content-Length></Blob>"
                  "<Blob><Name>no size</Name></Blob></Blobs><NextMarker/></EnumerationResults>");
    struct buf name = {0};
    int64_t size;
    (void)state;
    assert_true(replay_blobs_next(&list, &name, &size));
    assert_string_equal(buf_cstr(&name), "a/b & <c.avro");
    assert_int_equal(size, 12);
    assert_true(replay_blobs_next(&list, &name, &size));
    assert_true(strcmp(buf_cstr(&name), "d") == 0 && size == 0);
    assert_false(replay_blobs_next(&list, &name, &size));
    assert_false(replay_blobs_next(&list, &name, &size));
    buf_free(&name);
}

static enum err open_url(size_t len)
{
    struct buf url = {0};
    struct replay_blobs *b = NULL;
    buf_put_str(&url, "https://a.test/c?");
    while (buf_size(&url) < len) buf_put_u8(&url, 's');
    enum err e = replay_blobs_open(buf_cstr(&url), NULL, &b);
    replay_blobs_free(b);
    buf_free(&url);
    return e;
}

static void a_containers_address_has_a_length(void **state)
{
    (void)state;
    curl_rig_use();
    assert_int_equal(open_url(REPLAY_BLOB_URL_MAX), OK);
    assert_int_equal(open_url(REPLAY_BLOB_URL_MAX + 1), ERR_INVALID);
    curl_use(NULL);
}

static size_t page; /* of the list, in bytes */

static void answer_page(struct curl_rig_handle *h)
{
    static char list[] = "<EnumerationResults>";
    h->body(list, 1, sizeof list - 1, h->body_ctx);
    h->code = curl_rig_give(h->body, h->body_ctx, page - (sizeof list - 1));
}

static enum err no_blob(void *ctx, const char *name, int64_t size)
{
    (void)ctx, (void)name, (void)size;
    return ERR_INVALID;
}

static void a_page_of_a_list_has_a_size(void **state)
{
    struct replay_blobs *b;
    (void)state;
    curl_rig_use();
    curl_rig.performs = answer_page;
    assert_int_equal(replay_blobs_open("https://a.test/c?s", NULL, &b), OK);
    page = REPLAY_BLOB_LIST_MAX;
    assert_int_equal(replay_blobs_list(b, no_blob, NULL), OK);
    page = REPLAY_BLOB_LIST_MAX + 1;
    assert_int_equal(replay_blobs_list(b, no_blob, NULL), ERR_TOO_BIG);
    replay_blobs_free(b);
    curl_use(NULL);
}

/* How a folder looks that has a file in its `depth`-th folder. */
static enum err open_depth(unsigned depth)
{
    const struct rig_event e = {1, 1, "d", "x"};
    struct replay_files *f;
    char path[400];
    size_t len = (size_t)snprintf(path, sizeof path, "%s", folder);
    for (unsigned i = 0; i < depth; i++) {
        len += (size_t)snprintf(path + len, sizeof path - len, "/d");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    rig_write(path, "f", &e, 1, NULL);
    enum err found = replay_files_open(folder, NULL, &f);
    if (found == OK) replay_files_free(f);
    snprintf(path + len, sizeof path - len, "/f.avro");
    assert_int_equal(remove(path), 0);
    for (path[len] = '\0'; depth; depth--, *strrchr(path, '/') = '\0')
        assert_int_equal(rmdir(path), 0);
    return found;
}

static void folders_lie_in_so_many_others(void **state)
{
    (void)state;
    make_folder();
    assert_int_equal(open_depth(REPLAY_FOLDER_DEPTH_MAX), OK);
    assert_int_equal(open_depth(REPLAY_FOLDER_DEPTH_MAX + 1), ERR_TOO_BIG);
    drop_folder();
}

/* Of nothing but zeros: what is read is not JSON. */
static void a_file_of_resume_has_a_size(void **state)
{
    char path[100];
    (void)state;
    make_folder();
    snprintf(path, sizeof path, "%s/state", folder);
    for (int over = 0; over < 2; over++) {
        struct cli c = {0};
        struct replay_resume r;
        FILE *f = fopen(path, "we");
        assert_int_equal(ftruncate(fileno(f), REPLAY_RESUME_FILE_MAX + over), 0);
        fclose(f);
        enum err e = replay_resume_load(&c, path, &r);
        assert_int_not_equal(e, OK);
        assert_int_equal(strstr(fail_text(), "is no file of --resume") != NULL, !over);
        arena_free(&c.arena);
    }
    drop_folder();
}

static unsigned write_overlapping(unsigned count)
{
    const struct rig_event e[] = {{1, 1, "d", "x"}, {2, 50, "d", "x"}};
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%05u", i);
        rig_write(folder, name, e, 2, NULL);
    }
    return count;
}

static enum err first_peek(void)
{
    struct replay_files *f;
    struct replay_source s;
    struct replay_head h;
    assert_int_equal(replay_files_open(folder, NULL, &f), OK);
    replay_files_source(f, &s);
    enum err e = s.peek(s.ctx, &h);
    replay_files_free(f);
    return e;
}

#define RESUME_RUN "\"run\":\"0d9b1e52-5d3c-4c1e-9a53-0a0c36a1e0f2\","

/* What was lost of it would be sent a second time, or at other times. */
static void a_file_of_resume_is_whole_or_refused(void **state)
{
    static const struct {
        const char *text;
        enum err wanted;
    } rows[] = {
        {"{" RESUME_RUN "\"events\":3,\"target\":\"t\",\"lanes\":{\"0\":7}}", OK},
        {"{" RESUME_RUN "\"events\":3,\"shiftMicroseconds\":null,\"lanes\":{}}", OK},
        {"{\"run\":\"a\\\"b\",\"events\":3,\"lanes\":{\"0\":7}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":-1,\"lanes\":{\"0\":7}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"lanes\":{\"0\":\"7\"}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"lanes\":{\"0\":-7}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"lanes\":{\"0\\u0000\":7}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"shiftMicroseconds\":\"5\",\"lanes\":{}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"source\":5,\"lanes\":{}}", ERR_INVALID},
        {"{" RESUME_RUN "\"events\":3,\"target\":\"t\\u0000\",\"lanes\":{}}", ERR_INVALID},
        {"[]", ERR_INVALID},
    };
    char path[100];
    (void)state;
    make_folder();
    snprintf(path, sizeof path, "%s/state", folder);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cli c = {0};
        struct replay_resume r;
        FILE *f = fopen(path, "we");
        fputs(rows[i].text, f);
        fclose(f);
        if (replay_resume_load(&c, path, &r) != rows[i].wanted) fail_msg("%s", rows[i].text);
        arena_free(&c.arena);
    }
    drop_folder();
}

static void so_many_files_are_open_at_a_time(void **state)
{
    const struct rig_event e = {1, 1, "d", "x"};
    (void)state;
    make_folder();
    write_overlapping(REPLAY_OPEN_MAX);
    assert_int_equal(first_peek(), OK);
    rig_write(folder, "one more", &e, 1, NULL);
    assert_int_equal(first_peek(), ERR_FULL);
    drop_folder();
}

static void files_of_so_many_event_hubs_are_told_apart(void **state)
{
    const struct rig_event e = {1, 1, "d", "x"};
    struct replay_files *f;
    char name[16];
    (void)state;
    make_folder();
    for (int i = 0; i < REPLAY_SOURCES_MAX - 1; i++) {
        snprintf(name, sizeof name, "s/%d", i);
        char file[16];
        snprintf(file, sizeof file, "f%d", i);
        rig_write(folder, file, &e, 1, name);
    }
    assert_int_equal(replay_files_open(folder, NULL, &f), OK);
    replay_files_free(f);
    rig_write(folder, "more", &e, 1, "s/more");
    assert_int_equal(replay_files_open(folder, NULL, &f), ERR_TOO_BIG);
    drop_folder();
}

/* None of them is an Avro file: what is counted is not what is read. */
static void there_are_so_many_files_and_not_one_more(void **state)
{
    struct replay_files *f;
    char path[100];
    (void)state;
    make_folder();
    for (unsigned i = 0; i <= REPLAY_FILES_MAX; i++) {
        snprintf(path, sizeof path, "%s/%u.avro", folder, i);
        assert_int_equal(symlink("/proc/self/comm", path), 0); /* a file that is there */
        if (i + 1 == REPLAY_FILES_MAX)
            assert_int_equal(replay_files_open(folder, NULL, &f), ERR_CORRUPT);
    }
    assert_int_equal(replay_files_open(folder, NULL, &f), ERR_TOO_BIG);
    assert_non_null(strstr(fail_text(), "more than 100000 files"));
    drop_folder();
}

/* ---- filters */

static void patterns_match(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {{"*", "", true},          {"a*c", "abc", true},    {"a*c", "abcd", false},
                {"", "", true},           {"a", "b", false},       {"*-1", "press-1-1", true},
                {"a*b*c", "axbxc", true}, {"a*b*c", "acb", false}, {"press-*", "press-", true}};
    struct buf text = {0}, pattern = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(replay_matches(slice_str(rows[i].pattern), slice_str(rows[i].text)),
                         rows[i].match);
    for (int i = 0; i < 100000; i++) buf_put_u8(&text, 'a'); /* of no pattern's making slow */
    for (int i = 0; i < 30; i++) buf_put_str(&pattern, "*a");
    buf_put_str(&pattern, "*b");
    assert_false(replay_matches(buf_slice(&pattern), buf_slice(&text)));
    buf_free(&text);
    buf_free(&pattern);
}

static void a_filter_has_so_many_patterns(void **state)
{
    struct replay_filter f;
    struct buf ids = {0};
    (void)state;
    for (int i = 0; i < REPLAY_PATTERNS_MAX; i++) buf_put_str(&ids, "d,");
    assert_int_equal(replay_filter_init(&f, buf_cstr(&ids), NULL, NULL, NULL), OK);
    replay_filter_fini(&f);
    buf_put_str(&ids, "d");
    assert_int_equal(replay_filter_init(&f, buf_cstr(&ids), NULL, NULL, NULL), ERR_INVALID);
    replay_filter_fini(&f);
    buf_free(&ids);
}

static void conditions_see_the_event(void **state)
{
    static const struct {
        const char *where;
        bool passes;
    } rows[] = {{"as_number(n) = 41", true}, {"$connectionDeviceId = 'd1'", true},
                {"$messageId = 'm1'", true}, {"n = '42'", false},
                {"nothing = 'a'", false},    {"$enqueuedTime > '2026-11-26T13:07:04Z'", true}};
    struct avro_reader *r = reader_of(&(struct rig_event){41, 5, "d1", "{\"a\":1}"});
    struct replay_event e = {0};
    struct replay_head h;
    struct replay_filter f;
    (void)state;
    assert_int_equal(replay_avro_head(r, &h), OK);
    assert_int_equal(replay_avro_build(r, 0, &e), OK);
    replay_event_set_head(&e, &h);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(replay_filter_init(&f, NULL, NULL, NULL, rows[i].where), OK);
        assert_int_equal(replay_filter_passes(&f, &e), rows[i].passes);
        replay_filter_fini(&f);
    }
    assert_int_equal(replay_filter_init(&f, NULL, NULL, NULL, "a = "), ERR_INVALID);
    replay_filter_fini(&f);
    replay_event_free(&e);
    avro_reader_free(r);
}

/* The last of so many properties. */
static bool sees(unsigned number)
{
    struct replay_event e = {0};
    struct replay_filter f;
    char name[16], where[32];
    for (unsigned i = 0; i < number; i++) {
        snprintf(name, sizeof name, "p%u", i);
        amqp_put_str(&e.application, name);
        amqp_put_str(&e.application, "x");
    }
    snprintf(where, sizeof where, "%s = 'x'", name);
    assert_int_equal(replay_filter_init(&f, NULL, NULL, NULL, where), OK);
    bool passes = replay_filter_passes(&f, &e);
    replay_filter_fini(&f);
    replay_event_free(&e);
    return passes;
}

static void conditions_see_so_many_properties(void **state)
{
    (void)state;
    assert_true(sees(REPLAY_PROPERTIES_MAX));
    assert_false(sees(REPLAY_PROPERTIES_MAX + 1));
}

/* ---- batches */

static struct replay_mark mark = {.run = SLICE_LIT("run")};

static void begin(struct replay_target *t)
{
    *t = (struct replay_target){.mark = &mark, .line.fd = -1};
    list_init(&t->groups);
    list_init(&t->flying);
}

static void make(struct replay_event *e, const char *device, size_t body)
{
    struct buf bytes = {0};
    memset(buf_reserve(&bytes, body), 'x', body);
    buf_commit(&bytes, body);
    replay_event_clear(e);
    amqp_put_data(&e->body, buf_slice(&bytes));
    replay_event_set_head(e, &(struct replay_head){.index = 7, .device = slice_str(device)});
    buf_free(&bytes);
}

static void a_batch_has_so_many_events(void **state)
{
    struct replay_target t;
    struct replay_event e = {0};
    int64_t next[1] = {9};
    (void)state;
    begin(&t);
    t.devices = true;
    make(&e, "d1", 10);
    for (int i = 0; i < REPLAY_BATCH_EVENTS; i++) assert_int_equal(replay_target_put(&t, &e), OK);
    assert_int_equal(replay_target_put(&t, &e), ERR_AGAIN);
    replay_target_floor(&t, next, 1);
    assert_int_equal(next[0], 7);
    replay_target_close(&t);
    replay_event_free(&e);
}

static void a_batch_has_so_many_bytes(void **state)
{
    struct replay_target t;
    struct replay_event e = {0};
    size_t held = 0;
    (void)state;
    begin(&t);
    make(&e, "d1", 300);
    while (replay_target_put(&t, &e) == OK) {
        assert_true(held < REPLAY_BATCH_BYTES);
        held = t.held;
    }
    assert_true(held >= REPLAY_BATCH_BYTES);
    replay_target_close(&t);
    replay_event_free(&e);
}

/* As long as another one of its group is on its way; nothing else has to go then. */
static void a_batch_that_waits_grows_to_the_largest_event(void **state)
{
    struct replay_target t;
    struct replay_event e = {0};
    size_t held = 0;
    (void)state;
    begin(&t);
    make(&e, "d1", 300);
    assert_int_equal(replay_target_put(&t, &e), OK);
    assert_true(replay_target_hurries(&t));
    struct replay_group *g = CONTAINER_OF(t.groups.next, struct replay_group, node);
    list_push(&t.flying, &g->flight);
    while (replay_target_put(&t, &e) == OK) held = t.held;
    assert_in_range(held, REPLAY_EVENT_MAX - 2048, REPLAY_EVENT_MAX);
    assert_false(replay_target_hurries(&t));
    t.held += REPLAY_HELD_MAX / 2;
    assert_true(replay_target_hurries(&t));
    list_remove(&g->flight);
    assert_int_equal(replay_target_put(&t, &e), ERR_AGAIN);
    replay_target_close(&t);
    replay_event_free(&e);
}

static void so_many_batches_are_begun(void **state)
{
    struct replay_target t;
    struct replay_event e = {0};
    char id[16];
    (void)state;
    begin(&t);
    for (int i = 0; i <= REPLAY_BATCHES_MAX; i++) {
        snprintf(id, sizeof id, "d%d", i);
        make(&e, id, 10);
        assert_int_equal(replay_target_put(&t, &e), i < REPLAY_BATCHES_MAX ? OK : ERR_AGAIN);
    }
    replay_target_close(&t);
    replay_event_free(&e);
}

static void what_waits_has_a_limit_and_so_has_an_event(void **state)
{
    struct replay_target t;
    struct replay_event e = {0};
    char id[16];
    (void)state;
    begin(&t);
    make(&e, "d", REPLAY_EVENT_MAX - 521); /* 512 for the marks, 8 before the body, the id */
    assert_int_equal(replay_target_put(&t, &e), OK);
    assert_int_equal(t.refused, 0);
    make(&e, "d", REPLAY_EVENT_MAX - 520);
    assert_int_equal(replay_target_put(&t, &e), OK);
    assert_int_equal(t.refused, 1);
    for (int i = 0; t.held + REPLAY_EVENT_MAX - 1000 <= REPLAY_HELD_MAX; i++) {
        snprintf(id, sizeof id, "d%d", i);
        make(&e, id, REPLAY_EVENT_MAX - 2000);
        assert_int_equal(replay_target_put(&t, &e), OK);
    }
    make(&e, "last", REPLAY_EVENT_MAX - 1000);
    assert_int_equal(replay_target_put(&t, &e), ERR_AGAIN);
    replay_target_close(&t);
    replay_event_free(&e);
}

/* Half a second, 1, 2, 4, 8, 10, 10 ...: the last try is when the time is over. */
static void a_lost_connection_is_tried_for_so_long_without_progress(void **state)
{
    struct replay_back b = {.give_up_us = REPLAY_GIVE_UP_US};
    int64_t now_us = 1000;
    unsigned tries = 0;
    (void)state;
    assert_false(replay_back_lost(&b, ERR_DENIED, 0, 0));
    assert_false(replay_back_try(&b, INT64_MAX));
    while (replay_back_lost(&b, tries % 2 ? ERR_CLOSED : ERR_TIMEOUT, 7, now_us)) {
        int64_t pause_us = tries < 5 ? REPLAY_PAUSE_US << tries : REPLAY_PAUSE_MAX_US;
        now_us = MIN(now_us + pause_us, 1000 + REPLAY_GIVE_UP_US);
        assert_int_equal(b.at_us, now_us);
        assert_false(replay_back_try(&b, now_us - 1));
        assert_true(replay_back_try(&b, now_us));
        assert_false(replay_back_try(&b, INT64_MAX)); /* it is there */
        tries++;
    }
    assert_int_equal(now_us, 1000 + REPLAY_GIVE_UP_US);
    assert_int_equal(tries, 34);
    assert_true(replay_back_lost(&b, ERR_CLOSED, 8, now_us));
    assert_int_equal(b.at_us, now_us + REPLAY_PAUSE_US);
}

/* Between two events may be an hour: a connection that lasted is as good as an event. */
static void a_connection_that_lasted_begins_the_time_anew(void **state)
{
    struct replay_back b = {.give_up_us = REPLAY_GIVE_UP_US};
    int64_t now_us = 1000;
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(replay_back_lost(&b, ERR_CLOSED, 7, now_us));
        assert_int_equal(b.at_us, now_us + REPLAY_PAUSE_US);
        assert_true(replay_back_try(&b, b.at_us));
        replay_back_there(&b, now_us);
        now_us += REPLAY_STEADY_US;
    }
    assert_true(replay_back_lost(&b, ERR_CLOSED, 7, now_us));
    replay_back_there(&b, now_us);
    assert_true(replay_back_lost(&b, ERR_CLOSED, 7, now_us + REPLAY_STEADY_US - 1));
    assert_int_equal(b.tries, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_lasted_begins_the_time_anew),
        cmocka_unit_test(times_are_dotnets_or_iso),
        cmocka_unit_test(a_time_is_not_moved_beyond_all_numbers),
        cmocka_unit_test(an_event_keeps_what_it_was_and_carries_its_marks),
        cmocka_unit_test(an_event_without_a_body_has_none_and_a_device_says_no_annotations),
        cmocka_unit_test(files_are_merged_by_time_and_parts_of_a_second_stay_in_order),
        cmocka_unit_test(what_is_no_capture_file_is_named),
        cmocka_unit_test(a_list_of_blobs_is_read),
        cmocka_unit_test(a_containers_address_has_a_length),
        cmocka_unit_test(a_page_of_a_list_has_a_size),
        cmocka_unit_test(folders_lie_in_so_many_others),
        cmocka_unit_test(a_file_of_resume_has_a_size),
        cmocka_unit_test(a_file_of_resume_is_whole_or_refused),
        cmocka_unit_test(so_many_files_are_open_at_a_time),
        cmocka_unit_test(files_of_so_many_event_hubs_are_told_apart),
        cmocka_unit_test(there_are_so_many_files_and_not_one_more),
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(a_filter_has_so_many_patterns),
        cmocka_unit_test(conditions_see_the_event),
        cmocka_unit_test(conditions_see_so_many_properties),
        cmocka_unit_test(a_batch_has_so_many_events),
        cmocka_unit_test(a_batch_has_so_many_bytes),
        cmocka_unit_test(a_batch_that_waits_grows_to_the_largest_event),
        cmocka_unit_test(so_many_batches_are_begun),
        cmocka_unit_test(a_lost_connection_is_tried_for_so_long_without_progress),
        cmocka_unit_test(what_waits_has_a_limit_and_so_has_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
