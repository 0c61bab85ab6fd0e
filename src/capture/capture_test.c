/* capture_test.c - windows become files, each event in one of them, whatever fails when. */
#include "capture/capture_rig.h"

#include "archive/archive_sql.h"
#include "capture/capture_sql.h"

static void assert_each_once(const struct capture_rig *r, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        if (r->seen[i] != 1) fail_msg("event %u is in %u files", i, r->seen[i]);
    assert_int_equal(r->events, last + 1 - first);
}

static void send_many(struct capture_rig *r, unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++) capture_rig_send(r, 0, size);
}

static void pass(struct capture_rig *r, int64_t us)
{
    cursor_rig_run(&r->base, us);
}

static struct capture_rig rig; /* of one partition */

static int set_up(void **state)
{
    (void)state;
    return (int)capture_rig_init(&rig, 1);
}

static int tear_down(void **state)
{
    (void)state;
    capture_rig_fini(&rig);
    return 0;
}

#define FOLDER_OF(format)                                                                          \
    "{\"destination\":{\"name\":\"Azimuth.Folder\",\"archiveNameFormat\":\"" format "\"}}"

/* ---- rows */

static void what_is_enqueued_from_now_on_is_in_a_file_when_the_window_ends(void **state)
{
    (void)state;
    send_many(&rig, 3, 10);
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    send_many(&rig, 5, 10);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 0);
    pass(&rig, RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
    assert_each_once(&rig, 3, 7);
    assert_string_equal(buf_cstr(&rig.names), "capture/hub/hub/0/2023/11/14/22/13/20.avro\n");
    pass(&rig, 3 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
}

static void an_empty_window_is_an_empty_file_unless_they_are_skipped(void **state)
{
    static struct capture_rig r;
    (void)state;
    assert_int_equal(capture_rig_init(&r, 2), OK);
    assert_int_equal(capture_rig_put(&r, FOLDER("")), STATUS_OK);
    pass(&r, 4 * RIG_WINDOW_US);
    capture_rig_look(&r);
    assert_true(r.files >= 4);
    assert_int_equal(r.empty, r.files);
    capture_rig_fini(&r);
}

static void a_window_ends_when_it_is_large_enough(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    send_many(&rig, 204, 50 << 10);
    pass(&rig, RIG_READ_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 0);
    send_many(&rig, 1, 50 << 10);
    pass(&rig, RIG_READ_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
    assert_each_once(&rig, 0, 204);
}

/* More than is written at a time, of records that do not end where blocks do; and the rest. */
static void a_large_window_is_one_file_with_each_event_once(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    send_many(&rig, 1800, 1111);
    pass(&rig, RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
    assert_each_once(&rig, 0, 1799);
}

/* Larger than all that a part keeps: its memory grows, and is as it was for the next window. */
static void an_event_that_is_larger_than_the_memory_of_a_window_is_in_its_file(void **state)
{
    (void)state;
    capture_rig_close(&rig);
    rig.base.log.journal_bytes = 16 << 20;
    assert_int_equal(capture_rig_open(&rig), OK);
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    for (int window = 0; window < 3; window++) {
        send_many(&rig, 100, 1111);
        if (window < 2) send_many(&rig, 1, RECORD_MAX - 1000);
        send_many(&rig, 500, 1111);
        pass(&rig, RIG_WINDOW_US);
    }
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 3);
    assert_each_once(&rig, 0, 3 * 600 + 2 - 1);
}

static void remove_folder_of_file(struct capture_rig *r)
{
    char path[IO_NAME_MAX];
    snprintf(path, sizeof path, "%.*s", (int)(buf_size(&r->names) - 1), buf_cstr(&r->names));
    assert_int_equal(io_remove(r->base.io, path), OK);
    *strrchr(path, '/') = '\0';
    assert_int_equal(io_remove(r->base.io, path), OK);
}

static void a_folder_that_is_removed_is_made_again(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    send_many(&rig, 2, 10);
    pass(&rig, RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
    remove_folder_of_file(&rig);
    send_many(&rig, 3, 10);
    pass(&rig, 2 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 1);
    assert_int_equal(rig.events, 3);
}

static void a_restart_keeps_the_place(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    send_many(&rig, 5, 10);
    pass(&rig, RIG_WINDOW_US);
    send_many(&rig, 5, 10);
    for (int i = 0; i < 3; i++) {
        capture_rig_close(&rig);
        assert_int_equal(capture_rig_open(&rig), OK);
    }
    pass(&rig, 2 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_each_once(&rig, 0, 9);
}

static void names_go_on_when_the_clock_is_set_back(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    for (int i = 0; i < 5; i++) {
        send_many(&rig, 3, 10);
        rig_wall_us -= 3600000000;
        pass(&rig, RIG_WINDOW_US);
    }
    pass(&rig, RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_true(rig.files >= 5);
    assert_each_once(&rig, 0, 14);
}

/* Somebody has made files of all names from the next second on. */
static void take_names(struct capture_rig *r, unsigned count)
{
    const char *folder = CAPTURE_FOLDER "/hub/hub/0/2023/11/14/22";
    char path[IO_NAME_MAX];
    struct io_file *f;
    for (const char *slash = folder; (slash = strchr(slash, '/')) != NULL; slash++) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - folder), folder);
        assert_int_equal(io_make_dir(r->base.io, path), OK);
    }
    assert_int_equal(io_make_dir(r->base.io, folder), OK);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = 13 * 60 + 20 + i; /* seconds of that hour */
        snprintf(path, sizeof path, "%s/%02u", folder, at / 60);
        assert_int_equal(io_make_dir(r->base.io, path), OK);
        snprintf(path, sizeof path, "%s/%02u/%02u.avro", folder, at / 60, at % 60);
        assert_int_equal(io_open_file(r->base.io, path, IO_WRITE | IO_CREATE, &f), OK);
        io_close(f);
    }
}

static const char *shown(void)
{
    lane_running = rig.core;
    capture_get(rig.captures, rig.core, rig_hub, &rig.wait);
    pass(&rig, 0);
    return buf_cstr(&rig.body);
}

static void so_many_names_that_are_taken_are_passed_over_and_not_one_more(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        tear_down(state);
        set_up(state);
        take_names(&rig, ARCHIVE_TAKEN_MAX - 1 + over);
        assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
        send_many(&rig, 3, 10);
        pass(&rig, 60 * RIG_SECOND_US);
        bool all_taken = strstr(shown(), "files of all names that were tried") != NULL;
        assert_int_equal(all_taken, over);
        pass(&rig, 2 * RIG_WINDOW_US); /* the next try has the next names */
        assert_non_null(strstr(shown(), "\"files\":1,\"events\":3"));
    }
}

static enum status put_named(size_t len, const char *json)
{
    char name[EVENT_HUB_NAME_MAX + 1] = {0};
    memset(name, 'n', len);
    lane_running = rig.core;
    rig.wait.fn = capture_rig_note;
    capture_put(rig.captures, rig.core, (struct capture_hub){0, slice_str(name)}, slice_str(json),
                &rig.wait);
    pass(&rig, 0);
    return rig.status;
}

/* Of an event hub with the longest name that there is, if it is not the name of a directory. */
static void names_of_event_hubs_are_as_long_as_a_folder_takes_them(void **state)
{
    static const char twice[] = FOLDER_OF("{EventHub}/" CAPTURE_FORMAT_DEFAULT);
    assert_int_equal(put_named(EVENT_HUB_NAME_MAX, CONTAINER), STATUS_OK);
    tear_down(state);
    set_up(state);
    assert_int_equal(put_named(CAPTURE_PART_MAX + 1, FOLDER("")), STATUS_ARGUMENT_INVALID);
    assert_non_null(strstr(buf_cstr(&rig.body), "parts of more than 255 bytes"));
    assert_int_equal(put_named(160, twice), STATUS_OK);
    assert_int_equal(put_named(170, twice), STATUS_ARGUMENT_INVALID);
    assert_non_null(strstr(buf_cstr(&rig.body), "names of more than 368 bytes"));
    tear_down(state);
    set_up(state);
    assert_int_equal(put_named(CAPTURE_PART_MAX, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    send_many(&rig, 3, 10);
    pass(&rig, RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_each_once(&rig, 0, 2);
}

static void a_change_or_a_stop_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    for (int i = 0; i < 6; i++) {
        send_many(&rig, 3, 10);
        pass(&rig, RIG_WINDOW_US / 2);
        assert_int_equal(
            capture_rig_put(&rig, i % 2 ? FOLDER("") : FOLDER(",\"encoding\":\"AvroDeflate\"")),
            STATUS_OK);
    }
    pass(&rig, 2 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_each_once(&rig, 0, 17);
}

static void disabled_nothing_is_captured_and_enabled_what_comes_then(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    send_many(&rig, 2, 10);
    pass(&rig, RIG_WINDOW_US);
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"enabled\":false")), STATUS_OK);
    send_many(&rig, 2, 10);
    pass(&rig, 2 * RIG_WINDOW_US);
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    send_many(&rig, 2, 10);
    pass(&rig, 2 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.events, 4);
    assert_int_equal(rig.seen[2] + rig.seen[3], 0);
}

static void deleted_it_is_not_there_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
    lane_running = rig.core;
    capture_delete(rig.captures, rig.core, rig_hub, &rig.wait);
    pass(&rig, 0);
    assert_int_equal(rig.status, STATUS_OK);
    capture_rig_close(&rig);
    assert_int_equal(capture_rig_open(&rig), OK);
    lane_running = rig.core;
    capture_list(rig.captures, rig.core, &rig.wait);
    pass(&rig, 0);
    assert_string_equal(buf_cstr(&rig.body), "[]");
}

static void who_asks_for_nonsense_is_told_so(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, "{"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(capture_rig_put(&rig, "{}"), STATUS_ARGUMENT_INVALID);
    lane_running = rig.core;
    capture_put(rig.captures, rig.core, (struct capture_hub){9, SLICE_LIT("other")},
                SLICE_LIT(FOLDER("")), &rig.wait);
    pass(&rig, 0);
    assert_int_equal(rig.status, STATUS_HUB_NOT_FOUND);
    lane_running = rig.core;
    capture_get(rig.captures, rig.core, rig_hub, &rig.wait);
    pass(&rig, 0);
    assert_int_equal(rig.status, STATUS_HUB_NOT_FOUND);
    capture_rig_close(&rig);
    rig.ephemeral = true;
    assert_int_equal(capture_rig_open(&rig), OK);
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_ARGUMENT_INVALID);
    assert_non_null(strstr(buf_cstr(&rig.body), "an ephemeral server keeps no files"));
}

static void changes_that_wait_have_a_limit(void **state)
{
    static struct capture_wait waits[CAPTURE_ASKS_MAX];
    (void)state;
    lane_running = rig.core;
    for (int i = 0; i < CAPTURE_ASKS_MAX; i++) {
        waits[i].fn = capture_rig_note;
        capture_put(rig.captures, rig.core, rig_hub, SLICE_LIT(FOLDER("")), &waits[i]);
        capture_forget(rig.core, &waits[i]);
    }
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_SERVICE_UNAVAILABLE);
    assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
}

static void an_event_hub_that_goes_takes_its_capture_with_it(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(capture_rig_put(&rig, FOLDER("")), STATUS_OK);
        send_many(&rig, 2, 10);
        lane_running = rig.core;
        capture_gone(rig.captures, rig.core, 0);
        pass(&rig, 2 * RIG_WINDOW_US);
        lane_running = rig.core;
        capture_get(rig.captures, rig.core, rig_hub, &rig.wait);
        pass(&rig, 0);
        assert_int_equal(rig.status, STATUS_HUB_NOT_FOUND);
        capture_rig_close(&rig);
        assert_int_equal(capture_rig_open(&rig), OK);
    }
}

/* Its rows are there and no event hub: the server died between the two. */
static void what_is_left_of_an_event_hub_that_went_goes_at_the_start(void **state)
{
    struct store_request u;
    (void)state;
    rig.wait.fn = capture_rig_note;
    pass(&rig, 0);
    capture_rig_stop(&rig);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_capture_put, 1);
    store_put_int(&u, "stream", 7);
    store_put_text(&u, "description", SLICE_LIT(FOLDER("")));
    archive_add_row(&u, SLICE_LIT("capture/7"), 0, 0);
    assert_int_equal(store_now_unit(rig.base.store, &u), OK);
    for (int i = 0; i < 2; i++) {
        capture_rig_close(&rig);
        assert_int_equal(capture_rig_open(&rig), OK);
        pass(&rig, RIG_WINDOW_US);
        lane_running = rig.core;
        capture_list(rig.captures, rig.core, &rig.wait);
        pass(&rig, 0);
        assert_string_equal(buf_cstr(&rig.body), "[]");
    }
}

/* A file that was begun is ended in the old folder: it is not in both. */
static void a_change_of_the_folder_in_the_middle_of_a_file_leaves_it_in_one(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 12; step++) {
        static struct capture_rig r;
        assert_int_equal(capture_rig_init(&r, 1), OK);
        assert_int_equal(capture_rig_put(&r, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
        send_many(&r, 3, 10);
        io_mem_fail(r.base.io, IO_CALL_OPEN, step, ERR_IO, false);
        pass(&r, RIG_WINDOW_US);
        lane_running = r.core;
        capture_put(r.captures, r.core, rig_hub, SLICE_LIT(ELSEWHERE), &r.wait);
        pass(&r, 70 * RIG_WINDOW_US);
        capture_rig_look(&r);
        assert_each_once(&r, 0, 2);
        capture_rig_fini(&r);
    }
}

/* ---- the disk is full, and has room again */

static void what_the_store_cannot_read_or_write_now_is_tried_again(void **state)
{
    static const enum io_call calls[] = {IO_CALL_READ, IO_CALL_ALLOCATE, IO_CALL_OPEN};
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    unsigned sent = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        io_mem_fail(rig.base.io, calls[i], 1, ERR_FULL, true);
        capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true,\"encoding\":\"AvroSnappy\""));
        pass(&rig, RIG_WINDOW_US);
        io_mem_fail(rig.base.io, calls[i], 0, OK, false);
        send_many(&rig, 3, 10);
        sent += 3;
        pass(&rig, 70 * RIG_WINDOW_US);
        capture_rig_look(&rig);
        assert_each_once(&rig, 0, sent - 1);
    }
}

static void a_full_disk_delays_files_and_loses_nothing(void **state)
{
    (void)state;
    assert_int_equal(capture_rig_put(&rig, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    send_many(&rig, 10, 10);
    io_mem_fail(rig.base.io, IO_CALL_OPEN, 1, ERR_FULL, true);
    pass(&rig, 3 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_int_equal(rig.files, 0);
    lane_running = rig.core;
    capture_get(rig.captures, rig.core, rig_hub, &rig.wait);
    pass(&rig, 0);
    assert_non_null(strstr(buf_cstr(&rig.body), "\"state\":\"waiting\""));
    io_mem_fail(rig.base.io, IO_CALL_OPEN, 0, OK, false);
    send_many(&rig, 10, 10);
    pass(&rig, 10 * RIG_WINDOW_US);
    capture_rig_look(&rig);
    assert_each_once(&rig, 0, 19);
}

/* ---- the power goes at every point between two changes of the disk */

/* False: it was all done before the power went. */
static bool live_until_power_goes(struct capture_rig *r, uint64_t n)
{
    io_mem_cut_power(r->base.io, n);
    for (int i = 0; i < 4; i++) {
        send_many(r, 3, 300);
        pass(r, RIG_WINDOW_US);
    }
    return !log_healthy(r->base.rig->log) || !store_healthy(r->base.store);
}

static unsigned durable(struct capture_rig *r)
{
    return (unsigned)rig_ends(r->base.rig, 0).next_sequence;
}

static void a_crash_at_any_point_puts_no_event_into_two_files_or_none(void **state)
{
    bool cut = true;
    unsigned tried = 0;
    (void)state;
    for (uint64_t n = 1; cut; n++) {
        static struct capture_rig r;
        assert_int_equal(capture_rig_init(&r, 1), OK);
        say_level_max = SAY_ERROR;
        assert_int_equal(capture_rig_put(&r, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
        cut = live_until_power_goes(&r, n);
        capture_rig_close(&r);
        io_mem_cut_power(r.base.io, 0);
        io_mem_crash(r.base.io, n * 7919);
        assert_int_equal(capture_rig_open(&r), OK);
        pass(&r, 3 * RIG_WINDOW_US);
        capture_rig_look(&r);
        if (durable(&r)) assert_each_once(&r, 0, durable(&r) - 1);
        capture_rig_fini(&r);
        tried++;
    }
    assert_true(tried > 30);
}

/* As if the power had gone before the store heard that the first file is there; and the log has taken its
 * events since. */
static void forget_the_first_file(struct capture_rig *r, uint64_t until, const char *name)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    archive_add_row(&u, SLICE_LIT("capture/0"), 0, 0);
    store_add(&u, &sql_archive_seal, 1);
    store_put_text(&u, "owner", SLICE_LIT("capture/0"));
    store_put_int(&u, "partition", 0);
    store_put_int(&u, "until", (int64_t)until);
    store_put_text(&u, "name", slice_str(name));
    store_put_int(&u, "named_us", rig_wall_us);
    store_put_int(&u, "from", 0);
    assert_int_equal(store_now_unit(r->base.store, &u), OK);
}

static void open_with_retention(struct capture_rig *r)
{
    assert_int_equal(capture_rig_init(r, 1), OK);
    capture_rig_close(r);
    r->base.log.retention_bytes = 128 << 10;
    assert_int_equal(capture_rig_open(r), OK);
}

static void lose_the_first_events(struct capture_rig *r, uint64_t until, const char *name)
{
    send_many(r, 300, 2000);
    pass(r, 30000000);
    assert_true(rig_ends(r->base.rig, 0).first_ordinal > until);
    capture_rig_stop(r);
    forget_the_first_file(r, until, name);
    capture_rig_close(r);
    assert_int_equal(capture_rig_open(r), OK);
}

static void a_file_whose_events_the_log_has_taken_since_stays_as_it_is(void **state)
{
    static struct capture_rig r;
    (void)state;
    open_with_retention(&r);
    assert_int_equal(capture_rig_put(&r, FOLDER(",\"skipEmptyArchives\":true")), STATUS_OK);
    send_many(&r, 3, 10);
    pass(&r, RIG_WINDOW_US);
    capture_rig_look(&r);
    assert_int_equal(r.files, 1);
    lose_the_first_events(&r, 3, "hub/hub/0/2023/11/14/22/13/20.avro");
    pass(&r, RIG_WINDOW_US);
    capture_rig_look(&r);
    assert_int_equal(r.seen[0] + r.seen[1] + r.seen[2], 3);
    capture_rig_fini(&r);
}

static void so_does_a_blob(void **state)
{
    static struct capture_rig r;
    (void)state;
    for (int there = 0; there < 2; there++) {
        open_with_retention(&r);
        assert_int_equal(capture_rig_put(&r, CONTAINER), STATUS_OK);
        send_many(&r, 3, 10);
        pass(&r, RIG_WINDOW_US);
        assert_int_equal(r.account.commits, 1);
        assert_int_equal(r.account.looks, 1);
        lose_the_first_events(&r, 3, "first.avro");
        r.account.has_all = there;
        r.account.looks = r.account.stages = r.account.commits = 0;
        pass(&r, 0);
        assert_int_equal(r.account.looks, 1);
        assert_int_equal(r.account.commits, !there);
        assert_int_equal(r.account.stages, !there);
        capture_rig_fini(&r);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_enqueued_from_now_on_is_in_a_file_when_the_window_ends),
        cmocka_unit_test(an_empty_window_is_an_empty_file_unless_they_are_skipped),
        TEST(a_window_ends_when_it_is_large_enough),
        TEST(a_large_window_is_one_file_with_each_event_once),
        TEST(an_event_that_is_larger_than_the_memory_of_a_window_is_in_its_file),
        TEST(a_folder_that_is_removed_is_made_again),
        TEST(so_many_names_that_are_taken_are_passed_over_and_not_one_more),
        TEST(names_of_event_hubs_are_as_long_as_a_folder_takes_them),
        TEST(a_restart_keeps_the_place),
        TEST(names_go_on_when_the_clock_is_set_back),
        TEST(a_change_or_a_stop_in_the_middle_loses_nothing),
        TEST(disabled_nothing_is_captured_and_enabled_what_comes_then),
        TEST(deleted_it_is_not_there_after_a_restart),
        TEST(who_asks_for_nonsense_is_told_so),
        TEST(changes_that_wait_have_a_limit),
        TEST(an_event_hub_that_goes_takes_its_capture_with_it),
        TEST(what_is_left_of_an_event_hub_that_went_goes_at_the_start),
        cmocka_unit_test(a_change_of_the_folder_in_the_middle_of_a_file_leaves_it_in_one),
        TEST(what_the_store_cannot_read_or_write_now_is_tried_again),
        TEST(a_full_disk_delays_files_and_loses_nothing),
        cmocka_unit_test(a_file_whose_events_the_log_has_taken_since_stays_as_it_is),
        cmocka_unit_test(so_does_a_blob),
        cmocka_unit_test(a_crash_at_any_point_puts_no_event_into_two_files_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
