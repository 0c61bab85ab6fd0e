/* saved_query_test.c - what is kept, what is not, and how many. */
#include "base/limit.h"
#include "store/rig.h"

#include "hub/saved_query/saved_query.h"

struct fixture {
    struct rig rig;
    struct hub hub;
};

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    rig_init_cores(&f->rig, io_mem_new(), 1);
    f->hub = (struct hub){.office = &f->rig.office, .core_count = 1, .store = f->rig.store};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rig_fini(&f->rig);
    free(f);
    return 0;
}

struct asker {
    struct saved_query_wait wait;
    unsigned answers;
    enum err result;
    struct buf json;
};

static void note(struct saved_query_wait *w, enum err result, struct slice json)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    buf_put_slice(&a->json, json);
}

static struct lane *begin(struct fixture *f, struct asker *a)
{
    *a = (struct asker){.wait.fn = note};
    rig_on(f->rig.cores[0]);
    return f->rig.cores[0];
}

static enum err end(struct fixture *f, struct asker *a)
{
    rig_run(&f->rig);
    assert_int_equal(a->answers, 1);
    buf_free(&a->json);
    return a->result;
}

static enum err put(struct fixture *f, const char *name, const char *json)
{
    struct asker a;
    struct lane *lane = begin(f, &a);
    TRY(saved_query_put(&f->hub, lane, slice_str(name), slice_str(json), &a.wait));
    return end(f, &a);
}

static enum err drop(struct fixture *f, const char *name)
{
    struct asker a;
    saved_query_delete(&f->hub, begin(f, &a), slice_str(name), &a.wait);
    return end(f, &a);
}

/* With "now" for the times. */
static void expect_list(struct fixture *f, const char *expected)
{
    struct asker a;
    struct buf shown = {0};
    saved_query_list(&f->hub, begin(f, &a), &a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.result, OK);
    for (const char *at = buf_cstr(&a.json); *at;) {
        if (strncmp(at, "Time\":\"", 7) == 0) {
            buf_put_str(&shown, "Time\":\"now");
            at = strchr(at + 7, '"');
        } else {
            buf_put_u8(&shown, (uint8_t)*at++);
        }
    }
    assert_string_equal(buf_cstr(&shown), expected);
    buf_free(&shown);
    assert_int_equal(end(f, &a), OK);
}

static void they_come_are_changed_and_go(void **state)
{
    struct fixture *f = *state;
    expect_list(f, "[]");
    assert_int_equal(drop(f, "Line 4"), ERR_NOT_FOUND);
    assert_int_equal(put(f, "Line 4", "{\"condition\":\"tags.line = '4'\"}"), OK);
    assert_int_equal(put(f, "All \xc3\xbc/;", "{\"columns\":[\"tags.line\",\"deviceId\"],\"x\":1}"),
                     OK);
    assert_int_equal(put(f, "Line 4", "{\"name\":\"other\",\"condition\":\"tags.line = '5'\"}"),
                     OK);
    rig_restart(&f->rig);
    f->hub.store = f->rig.store;
    expect_list(
        f,
        "[{\"name\":\"All \xc3\xbc/;\",\"condition\":\"\",\"columns\":[\"tags.line\",\"deviceId\"],"
        "\"updatedTime\":\"now\"},"
        "{\"name\":\"Line 4\",\"condition\":\"tags.line = '5'\",\"columns\":[],"
        "\"updatedTime\":\"now\"}]");
    assert_int_equal(drop(f, "All \xc3\xbc/;"), OK);
    assert_int_equal(drop(f, "Line 4"), OK);
    expect_list(f, "[]");
}

static void what_is_none_is_not_kept(void **state)
{
    struct fixture *f = *state;
    char longest[SAVED_QUERY_NAME_MAX + 1] = {0}, longer[SAVED_QUERY_NAME_MAX + 2] = {0};
    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    const struct {
        const char *name, *json;
        enum err err;
    } rows[] = {
        {longest, "{}", OK},
        {longer, "{}", ERR_INVALID},
        {"", "{}", ERR_INVALID},
        {"a\nb", "{}", ERR_INVALID},
        {"a\x7f", "{}", ERR_INVALID},
        {"\xc3", "{}", ERR_INVALID},
        {"a", "[]", ERR_INVALID},
        {"a", "no", ERR_INVALID},
        {"a", "{\"condition\":1}", ERR_INVALID},
        {"a", "{\"condition\":null,\"columns\":null}", OK},
        {"a", "{\"columns\":{}}", ERR_INVALID},
        {"a", "{\"columns\":[1]}", ERR_INVALID},
        {"a", "{\"columns\":[\"\"]}", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(put(f, rows[i].name, rows[i].json), rows[i].err);
}

static enum err put_columns(struct fixture *f, unsigned count)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"columns\":[\"a\"");
    for (unsigned i = 1; i < count; i++) buf_put_str(&json, ",\"a\"");
    buf_put_str(&json, "]}");
    enum err e = put(f, "columns", buf_cstr(&json));
    buf_free(&json);
    return e;
}

static enum err put_bytes(struct fixture *f, size_t bytes)
{
    static const char around[] = "{\"name\":\"b\",\"condition\":\"\",\"columns\":[],"
                                 "\"updatedTime\":\"2023-11-14T22:13:20.0000000Z\"}";
    struct buf json = {0};
    buf_put_str(&json, "{\"condition\":\"");
    for (size_t i = sizeof around - 1; i < bytes; i++) buf_put_u8(&json, 'c');
    buf_put_str(&json, "\"}");
    enum err e = put(f, "b", buf_cstr(&json));
    buf_free(&json);
    return e;
}

static void a_query_has_16_columns_and_8_kib(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_columns(f, SAVED_QUERY_COLUMNS_MAX), OK);
    assert_int_equal(put_columns(f, SAVED_QUERY_COLUMNS_MAX + 1), ERR_INVALID);
    int64_t reached = limit_reached("saved-query-bytes");
    assert_int_equal(put_bytes(f, SAVED_QUERY_BYTES_MAX), OK);
    assert_int_equal(put_bytes(f, SAVED_QUERY_BYTES_MAX + 1), ERR_TOO_BIG);
    assert_int_equal(limit_reached("saved-query-bytes") - reached, 1);
}

static void there_are_100(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < SAVED_QUERIES_MAX; i++) {
        snprintf(name, sizeof name, "q%d", i);
        assert_int_equal(put(f, name, "{}"), OK);
    }
    int64_t reached = limit_reached("saved-queries");
    assert_int_equal(put(f, "more", "{}"), ERR_FULL);
    assert_int_equal(limit_reached("saved-queries") - reached, 1);
    assert_int_equal(put(f, "q7", "{\"condition\":\"a = 1\"}"), OK); /* it is there */
    assert_int_equal(drop(f, "q8"), OK);
    assert_int_equal(put(f, "more", "{}"), OK);
}

static void who_goes_away_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct asker a;
    struct lane *lane = begin(f, &a);
    assert_int_equal(saved_query_put(&f->hub, lane, SLICE_LIT("q"), SLICE_LIT("{}"), &a.wait), OK);
    saved_query_forget(lane, &a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.answers, 0);
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(put(f, "r", "{}"), ERR_IO);
}

/* Before migration 25. */
static void those_that_were_settings_are_kept(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct io *io = io_mem_new();
    rig_before(io, 25,
               "INSERT INTO setting VALUES ('savedQuery:b', '{\"name\":\"b\"}'), "
               "('savedQuery::', '{\"name\":\":\"}'), ('savedQuery', '1'), ('savedQuery;', '2')");
    rig_init(&f.rig, io);
    f.hub = (struct hub){.office = &f.rig.office, .core_count = 1, .store = f.rig.store};
    expect_list(&f, "[{\"name\":\":\"},{\"name\":\"b\"}]");
    assert_int_equal(drop(&f, "b"), OK);
    expect_list(&f, "[{\"name\":\":\"}]");
    rig_fini(&f.rig);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(they_come_are_changed_and_go),     CASE(what_is_none_is_not_kept),
        CASE(a_query_has_16_columns_and_8_kib), CASE(there_are_100),
        CASE(who_goes_away_is_not_told),        cmocka_unit_test(those_that_were_settings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
