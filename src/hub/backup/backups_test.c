/* backups_test.c - who may begin a backup, how many at a time, and what is told of the last one. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/backup/backup.h"

static enum err copy(const char *from, const char *to, const struct backup_progress *p)
{
    (void)from, (void)to, (void)p;
    return OK;
}

/* There is none: nobody is asked for the store's copy then (the rig has no store). */
static enum err room(const char *data, const char *to, bool with_snapshot, uint64_t reserve)
{
    (void)data;
    assert_true(with_snapshot);
    return backup_room_for(to, 0, 1, reserve);
}

struct rig {
    struct office office;
    struct lane core, lane;
    struct io *io;
    struct backups *backups;
};

static void rig_init_locked(struct rig *r, const char *dir, const char *last, int lock)
{
    *r = (struct rig){.io = io_mem_new()};
    lane_init(&r->core, &r->office, "core");
    lane_init(&r->lane, &r->office, "backup");
    assert_int_equal(io_store(r->io, BACKUP_SNAPSHOT, SLICE_LIT("of one that was killed")), OK);
    if (last) assert_int_equal(io_store(r->io, BACKUP_LAST, slice_str(last)), OK);
    r->backups = backups_new(&(struct backups_config){.lane = &r->lane,
                                                      .files = r->io,
                                                      .data = "/data",
                                                      .dir = dir,
                                                      .lock = lock,
                                                      .room = room,
                                                      .copy = copy});
}

static void rig_init(struct rig *r, const char *dir, const char *last)
{
    rig_init_locked(r, dir, last, -1);
}

static void rig_fini(struct rig *r)
{
    backups_free(r->backups);
    lane_fini(&r->lane);
    lane_fini(&r->core);
    io_free(r->io);
}

static void tells(struct rig *r, const char *text)
{
    struct buf json = {0};
    backups_put(r->backups, &json);
    assert_non_null(strstr(buf_cstr(&json), text));
    buf_free(&json);
}

static void without_a_directory_none_is_begun(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL, NULL);
    assert_int_equal(backups_begin(r.backups, &r.core), ERR_UNSUPPORTED);
    assert_false(lane_has_mail(&r.lane));
    tells(&r, "\"directory\":null,\"running\":null,\"last\":null,\"error\":null");
    rig_fini(&r);
}

static void one_is_made_at_a_time(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "/backups", NULL);
    assert_int_equal(backups_begin(r.backups, &r.core), OK);
    assert_int_equal(backups_begin(r.backups, &r.core), ERR_CONFLICT);
    tells(&r, "\"running\":{\"name\":\"azimuth-2");
    rig_fini(&r);
}

static void one_that_somebody_else_makes_is_one(void **state)
{
    char data[] = "/tmp/backups-test-XXXXXX", path[64];
    struct rig r;
    int ours, theirs;
    (void)state;
    assert_non_null(mkdtemp(data));
    assert_int_equal(backup_lock_open(data, &ours), OK);
    assert_int_equal(backup_lock_open(data, &theirs), OK);
    rig_init_locked(&r, "/backups", NULL, ours);
    assert_int_equal(backup_lock_take(theirs), OK);
    assert_int_equal(backups_begin(r.backups, &r.core), ERR_CONFLICT);
    assert_non_null(strstr(fail_text(), "another backup is under way"));
    tells(&r, "\"running\":null");
    close(theirs);
    assert_int_equal(backup_lock_open(data, &theirs), OK);
    assert_int_equal(backups_begin(r.backups, &r.core), OK);
    assert_int_equal(backup_lock_take(theirs), ERR_CONFLICT);
    lane_run_once(&r.lane, 0); /* it ends: there is no room */
    assert_int_equal(backup_lock_take(theirs), OK);
    rig_fini(&r);
    close(theirs);
    snprintf(path, sizeof path, "%s/" BACKUP_LOCK, data);
    unlink(path);
    rmdir(data);
}

static void without_room_nothing_is_written(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "/backups", NULL);
    assert_int_equal(backups_begin(r.backups, &r.core), OK);
    lane_run_once(&r.lane, 0);
    tells(&r, "\"running\":null");
    tells(&r, "\"error\":\"/backups: 0 MiB are free");
    rig_fini(&r);
}

static void what_a_killed_one_left_goes_at_the_start_unless_somebody_may_take_it_away(void **state)
{
    char data[] = "/tmp/backups-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(data));
    for (int held = 0; held < 2; held++) {
        struct buf found = {0};
        struct rig r;
        int ours, theirs;
        assert_int_equal(backup_lock_open(data, &ours), OK);
        assert_int_equal(backup_lock_open(data, &theirs), OK);
        if (held) assert_int_equal(backup_lock_take(theirs), OK);
        rig_init_locked(&r, "/backups", NULL, ours);
        assert_int_equal(io_load(r.io, BACKUP_SNAPSHOT, &found), held ? OK : ERR_NOT_FOUND);
        buf_free(&found);
        close(theirs);
        rig_fini(&r);
    }
    snprintf(path, sizeof path, "%s/" BACKUP_LOCK, data);
    unlink(path);
    rmdir(data);
}

static void the_last_one_is_read_and_read_again_when_it_changes(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL,
             "{\"path\":\"/a\\\"b\",\"createdAt\":\"2026\",\"files\":3,\"bytes\":9,\"x\":1}");
    tells(&r, "\"last\":{\"path\":\"/a\\\"b\",\"createdAt\":\"2026\",\"files\":3,\"bytes\":9}");
    assert_int_equal(io_store(r.io, BACKUP_LAST, SLICE_LIT("{\"path\":\"/c\"}")), OK);
    tells(&r, "/a");
    backups_look(r.backups, &r.core);
    lane_run_once(&r.lane, 0);
    tells(&r, "\"path\":\"/c\",\"createdAt\":\"\",\"files\":0");
    assert_int_equal(io_store(r.io, BACKUP_LAST, SLICE_LIT("half a li")), OK);
    backups_look(r.backups, &r.core);
    lane_run_once(&r.lane, 0);
    tells(&r, "\"last\":null");
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_directory_none_is_begun),
        cmocka_unit_test(one_is_made_at_a_time),
        cmocka_unit_test(one_that_somebody_else_makes_is_one),
        cmocka_unit_test(without_room_nothing_is_written),
        cmocka_unit_test(what_a_killed_one_left_goes_at_the_start_unless_somebody_may_take_it_away),
        cmocka_unit_test(the_last_one_is_read_and_read_again_when_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
