/* blob_test.c - blobs on a disk that fills up, fails and loses what was not synced. */
#include "base/test.h"

#include "base/io_mem.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/rand.h"
#include "blob/internal.h"

static struct office office;
static struct lane *blob_lane, *core;
static struct io *disk;
static struct blobs *blobs;

/* ---- a lane and a core */

static struct lane *new_lane(const char *name)
{
    struct lane *lane = NEW(struct lane);
    lane_init(lane, &office, name);
    return lane;
}

static void open_blobs(uint64_t reserve)
{
    office = (struct office){0};
    blob_lane = new_lane("blob");
    core = new_lane("core");
    blobs_attach(core);
    struct blobs_config cfg = {disk, blob_lane, reserve};
    assert_int_equal(blobs_open(&cfg, &blobs), OK);
}

static void close_blobs(void)
{
    blobs_close(blobs);
    lane_fini(blob_lane);
    lane_fini(core);
    free(blob_lane);
    free(core);
}

static int set_up(void **state)
{
    (void)state;
    disk = io_mem_new();
    open_blobs(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_blobs();
    io_free(disk);
    return 0;
}

static void run(void)
{
    for (int i = 0; i < 4; i++) {
        lane_run_once(blob_lane, 1);
        while (lane_has_mail(blob_lane)) lane_run_once(blob_lane, 1);
        lane_run_once(core, 1);
    }
    lane_running = core;
}

static struct answer {
    enum err err;
    uint64_t writer, size;
    int64_t modified_us;
    char type[64], bytes[64];
    bool came;
} last;

static void note(struct blobs_wait *w, const struct blobs_answer *a)
{
    (void)w;
    last = (struct answer){.err = a->err,
                           .writer = a->writer,
                           .size = a->props.size,
                           .modified_us = a->props.modified_us,
                           .came = true};
    snprintf(last.type, sizeof last.type, "%.*s", SLICE_ARG(a->props.text[BLOBS_TYPE]));
    snprintf(last.bytes, sizeof last.bytes, "%.*s", SLICE_ARG(slice_head(a->bytes, 63)));
}

static struct blobs_wait wait_ = {.fn = note};

static enum err answered(void)
{
    last.came = false;
    run();
    assert_true(last.came);
    return last.err;
}

static struct blob_name named(const char *name)
{
    return (struct blob_name){SLICE_LIT("azimuth-test"), slice_str(name)};
}

static enum err begin(uint64_t *writer)
{
    lane_running = core;
    blobs_begin(blobs, core, &wait_);
    enum err e = answered();
    *writer = last.writer;
    return e;
}

static enum err append(uint64_t writer, const char *text)
{
    blobs_append(blobs, core, writer, slice_str(text), &wait_);
    return answered();
}

static enum err put(const char *name, const char *text)
{
    uint64_t writer;
    struct blobs_props props = {.text[BLOBS_TYPE] = SLICE_LIT("text/plain")};
    enum err e = begin(&writer);
    if (e == OK) e = append(writer, text);
    if (e != OK) return e;
    blobs_put(blobs, core, writer, named(name), &props, &wait_);
    return answered();
}

static enum err stage(const char *name, const char *id, const char *text)
{
    uint64_t writer;
    enum err e = begin(&writer);
    if (e == OK) e = append(writer, text);
    if (e != OK) return e;
    blobs_stage(blobs, core, writer, named(name), slice_str(id), &wait_);
    return answered();
}

static enum err get(const char *name)
{
    lane_running = core;
    blobs_get(blobs, core, named(name), &wait_);
    return answered();
}

static enum err read_all(const char *name)
{
    enum err e = get(name);
    if (e != OK) return e;
    blobs_read(blobs, core, named(name), last.modified_us, 0, BLOBS_PIECE_MAX, &wait_);
    return answered();
}

static enum err join(const char *name, const char *const *ids, size_t count)
{
    struct slice list[8];
    struct blobs_props props = {0};
    for (size_t i = 0; i < count; i++) list[i] = slice_str(ids[i]);
    lane_running = core;
    blobs_join(blobs, core, named(name), list, count, &props, &wait_);
    return answered();
}

static void count_file(void *ctx, const char *name)
{
    (void)name;
    ++*(unsigned *)ctx;
}

static unsigned files_in(const char *directory)
{
    unsigned count = 0;
    enum err e = io_list(disk, directory, count_file, &count);
    return e == OK ? count : 0;
}

/* ---- */

static void what_was_put_is_there_and_replaced_as_a_whole(void **state)
{
    (void)state;
    assert_int_equal(get("a/b"), ERR_NOT_FOUND);
    assert_int_equal(put("a/b", "first"), OK);
    assert_int_equal(read_all("a/b"), OK);
    assert_string_equal(last.bytes, "first");
    assert_string_equal(last.type, "text/plain");
    int64_t modified = last.modified_us;
    assert_int_equal(put("a/b", "the second"), OK);
    assert_true(last.modified_us > modified);
    blobs_read(blobs, core, named("a/b"), modified, 0, 5, &wait_);
    assert_int_equal(answered(), ERR_CONFLICT);
    assert_int_equal(read_all("a/b"), OK);
    assert_string_equal(last.bytes, "the second");
    assert_int_equal(files_in("blobs/new"), 0);
}

static void no_name_leads_out_of_its_container(void **state)
{
    static const char *const names[] = {"../../store.db", "/etc/passwd", "..", ".",
                                        "a\nb",           "new/1"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(put(names[i], names[i]), OK);
        assert_int_equal(files_in("blobs/azimuth-test"), i + 1);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(read_all(names[i]), OK);
        assert_string_equal(last.bytes, names[i]);
    }
}

static void blocks_become_a_blob_in_the_order_of_the_list(void **state)
{
    (void)state;
    assert_int_equal(stage("x", "1", "one"), OK);
    assert_int_equal(stage("x", "2", "two"), OK);
    assert_int_equal(stage("x", "2", "TWO"), OK);
    assert_int_equal(stage("x", "unused", "three"), OK);
    assert_int_equal(join("x", (const char *const[]){"2", "9"}, 2), ERR_NOT_FOUND);
    assert_int_equal(get("x"), ERR_NOT_FOUND);
    assert_int_equal(join("x", (const char *const[]){"2", "1", "2"}, 3), OK);
    assert_int_equal(last.size, 9);
    assert_int_equal(read_all("x"), OK);
    assert_string_equal(last.bytes, "TWOoneTWO");
    assert_int_equal(join("x", (const char *const[]){"1"}, 1), ERR_NOT_FOUND);
    assert_int_equal(files_in("blobs/azimuth-test"), 1);
    assert_int_equal(files_in("blobs/new"), 0);
}

/* As if all but two had been staged before. */
static void a_blob_has_so_many_blocks(void **state)
{
    size_t at = 0;
    int64_t met = limit_reached("blob-blocks");
    (void)state;
    assert_int_equal(stage("x", "1", "one"), OK);
    struct staging *s = map_next(&blobs->stagings, &at);
    assert_non_null(s);
    s->count = BLOBS_BLOCKS_MAX - 1;
    assert_int_equal(stage("x", "2", "two"), OK);
    assert_int_equal(limit_reached("blob-blocks"), met);
    assert_int_equal(stage("x", "3", "three"), ERR_FULL);
    assert_int_equal(limit_reached("blob-blocks") - met, 1);
    assert_int_equal(stage("x", "2", "TWO"), OK);
}

static void a_writer_that_is_aborted_or_forgotten_leaves_nothing(void **state)
{
    uint64_t writer;
    (void)state;
    assert_int_equal(begin(&writer), OK);
    assert_int_equal(append(writer, "half"), OK);
    assert_int_equal(files_in("blobs/new"), 1);
    blobs_abort(blobs, core, writer);
    run();
    assert_int_equal(files_in("blobs/new"), 0);
    assert_int_equal(append(writer, "more"), ERR_CLOSED);
    blobs_begin(blobs, core, &wait_);
    blobs_forget_begin(blobs, core, &wait_);
    last.came = false;
    run();
    assert_false(last.came);
    assert_int_equal(files_in("blobs/new"), 0);
}

static void writers_have_a_limit(void **state)
{
    uint64_t writers[BLOBS_WRITERS_MAX], more;
    int64_t refused = limit_reached("blob-writers");
    (void)state;
    for (int i = 0; i < BLOBS_WRITERS_MAX; i++) assert_int_equal(begin(&writers[i]), OK);
    assert_int_equal(limit_reached("blob-writers"), refused);
    assert_int_equal(begin(&more), ERR_THROTTLED);
    assert_int_equal(limit_reached("blob-writers") - refused, 1);
    blobs_abort(blobs, core, writers[7]);
    run();
    assert_int_equal(begin(&more), OK);
}

static unsigned throttled;

static void count_throttled(struct blobs_wait *w, const struct blobs_answer *a)
{
    (void)w;
    throttled += a->err == ERR_THROTTLED;
    assert_true(a->err == OK || a->err == ERR_THROTTLED);
}

/* They are begun before one has got its turn. */
static void so_many_lists_are_joined_at_a_time(void **state)
{
    (void)state;
    static struct blobs_wait waits[BLOBS_JOINS_MAX + 1];
    static const struct slice list[] = {{(const uint8_t *)"1", 1}};
    struct blobs_props props = {0};
    char name[32];
    int64_t refused = limit_reached("blob-joins");
    throttled = 0;
    for (int i = 0; i <= BLOBS_JOINS_MAX; i++) {
        snprintf(name, sizeof name, "b%d", i);
        assert_int_equal(stage(name, "1", "x"), OK);
    }
    lane_running = core;
    for (int i = 0; i <= BLOBS_JOINS_MAX; i++) {
        snprintf(name, sizeof name, "b%d", i);
        waits[i].fn = count_throttled;
        blobs_join(blobs, core, named(name), list, 1, &props, &waits[i]);
    }
    for (int i = 0; i < 10; i++) run();
    assert_int_equal(throttled, 1);
    assert_int_equal(limit_reached("blob-joins") - refused, 1);
    assert_int_equal(join("b16", (const char *const[]){"1"}, 1), OK);
}

static void a_full_disk_refuses_and_gives_its_room_back(void **state)
{
    uint64_t writer;
    (void)state;
    assert_int_equal(put("before", "kept"), OK);
    close_blobs();
    open_blobs(1 << 20);
    io_mem_capacity(disk, 4 << 20);
    assert_int_equal(begin(&writer), OK);
    char *piece = mem_zero(BLOBS_PIECE_MAX + 1);
    memset(piece, 'x', BLOBS_PIECE_MAX);
    enum err e = OK;
    for (int i = 0; i < 32 && e == OK; i++) e = append(writer, piece);
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(put("while it is full", "x"), ERR_FULL);
    blobs_abort(blobs, core, writer);
    run();
    assert_int_equal(put("after", "fits again"), OK);
    assert_int_equal(read_all("before"), OK);
    assert_string_equal(last.bytes, "kept");
    free(piece);
}

static void what_was_answered_survives_a_power_cut(void **state)
{
    uint64_t writer;
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        assert_int_equal(put("kept", "bytes"), OK);
        assert_int_equal(stage("staged", "1", "block"), OK);
        assert_int_equal(begin(&writer), OK);
        assert_int_equal(append(writer, "lost"), OK);
        close_blobs();
        io_mem_crash(disk, seed);
        open_blobs(0);
        assert_int_equal(files_in("blobs/new"), 0);
        assert_int_equal(read_all("kept"), OK);
        assert_string_equal(last.bytes, "bytes");
        assert_int_equal(join("staged", (const char *const[]){"1"}, 1), OK);
        assert_int_equal(read_all("staged"), OK);
        assert_string_equal(last.bytes, "block");
        blobs_remove(blobs, core, named("staged"), &wait_);
        assert_int_equal(answered(), OK);
    }
}

static void discarded_blocks_and_removed_blobs_are_gone(void **state)
{
    (void)state;
    assert_int_equal(stage("x", "1", "one"), OK);
    blobs_discard(blobs, core, named("x"));
    assert_int_equal(join("x", (const char *const[]){"1"}, 1), ERR_NOT_FOUND);
    assert_int_equal(put("x", "y"), OK);
    blobs_remove(blobs, core, named("x"), &wait_);
    assert_int_equal(answered(), OK);
    blobs_remove(blobs, core, named("x"), &wait_);
    assert_int_equal(answered(), ERR_NOT_FOUND);
    assert_int_equal(files_in("blobs/azimuth-test"), 0);
}

static void what_does_not_fit_into_the_head_is_refused(void **state)
{
    uint64_t writer;
    char *text = mem_zero(BLOBS_HEAD_SIZE + 1);
    struct blobs_props props = {0};
    (void)state;
    memset(text, 'm', BLOBS_HEAD_SIZE);
    for (int over = 0; over < 2; over++) {
        size_t fixed = 16 + 3 * 8 + 4 + 1 + 4 * BLOBS_TEXTS;
        assert_int_equal(begin(&writer), OK);
        props.text[BLOBS_METADATA] = slice_of(text, BLOBS_HEAD_SIZE - fixed + (size_t)over);
        blobs_put(blobs, core, writer, named("x"), &props, &wait_);
        assert_int_equal(answered(), over ? ERR_TOO_BIG : OK);
    }
    assert_int_equal(get("x"), OK);
    assert_int_equal(files_in("blobs/new"), 0);
    free(text);
}

/* With a sum that fits, so that only what is said in it can be wrong. */
static void write_head(const struct blobs_props *p)
{
    char path[PATH_MAX_LEN];
    struct io_file *file;
    path_of_blob(named("x"), path);
    assert_int_equal(io_open_file(disk, path, IO_READ | IO_WRITE, &file), OK);
    assert_int_equal(head_write(file, named("x"), p), OK);
    io_close(file);
}

static void a_head_that_cannot_be_is_damaged(void **state)
{
    const int64_t latest = INT64_C(253402300799999999);
    const struct {
        struct blobs_props props;
        enum err err;
    } rows[] = {
        {{.size = BLOBS_SIZE_MAX, .created_us = latest, .modified_us = latest}, OK},
        {{.size = BLOBS_SIZE_MAX + 1}, ERR_CORRUPT},
        {{.size = UINT64_MAX}, ERR_CORRUPT},
        {{.created_us = latest + 1}, ERR_CORRUPT},
        {{.created_us = -1}, ERR_CORRUPT},
        {{.modified_us = INT64_MAX}, ERR_CORRUPT}, /* has no next */
        {{.modified_us = -1}, ERR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(put("x", "y"), OK);
        write_head(&rows[i].props);
        assert_int_equal(get("x"), rows[i].err);
    }
    assert_int_equal(put("x", "y"), OK); /* it can be replaced */
    assert_int_equal(get("x"), OK);
}

static void a_blob_is_as_large_as_it_may_be(void **state)
{
    uint64_t writer;
    (void)state;
    assert_int_equal(begin(&writer), OK);
    assert_int_equal(blobs->writers[0].id, writer);
    blobs->writers[0].size = BLOBS_SIZE_MAX - 4; /* as if so much had come */
    int64_t reached = limit_reached("blob-size");
    assert_int_equal(append(writer, "12345"), ERR_TOO_BIG);
    assert_int_equal(limit_reached("blob-size") - reached, 1);
    assert_int_equal(append(writer, "1234"), OK);
    assert_int_equal(append(writer, "5"), ERR_TOO_BIG);
    blobs_abort(blobs, core, writer);
    run();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_there_and_replaced_as_a_whole),
        TEST(no_name_leads_out_of_its_container),
        TEST(blocks_become_a_blob_in_the_order_of_the_list),
        TEST(a_blob_has_so_many_blocks),
        TEST(a_head_that_cannot_be_is_damaged),
        TEST(a_blob_is_as_large_as_it_may_be),
        TEST(a_writer_that_is_aborted_or_forgotten_leaves_nothing),
        TEST(writers_have_a_limit),
        TEST(so_many_lists_are_joined_at_a_time),
        TEST(a_full_disk_refuses_and_gives_its_room_back),
        TEST(what_was_answered_survives_a_power_cut),
        TEST(discarded_blocks_and_removed_blobs_are_gone),
        TEST(what_does_not_fit_into_the_head_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
