/* twin_test.c - twins at home: verbs, etags and versions, writers side by side, restarts, limits. */
#include "base/limit.h"
#include "hub/twin/fixture_test.h"
#include "hub/twin/home.h"

static enum status get(struct reply *r, const char *who)
{
    twin_get(asking(r), slice_str(who), &r->wait);
    return answered(r);
}

static enum status read_own(struct reply *r, const char *who)
{
    twin_read(asking(r), slice_str(who), (struct addr){0}, &r->wait);
    return answered(r);
}

/* The JSON at a path like "properties.desired.a". */
static const char *at(const struct reply *r, const char *path)
{
    static struct buf texts[4];
    static unsigned next;
    struct buf *out = &texts[next++ % 4];
    struct slice rest = slice_str(path), key;
    const struct json *j = r->body;
    buf_clear(out);
    while (j && slice_split(&rest, '.', &key)) {
        char *name = slice_dup(key);
        j = json_get(j, name);
        free(name);
    }
    if (j)
        json_write(out, j);
    else
        buf_put_str(out, "absent");
    return buf_cstr(out);
}

/* ---- tests */

static void everybody_has_a_fresh_twin(void **state)
{
    (void)state;
    struct reply r = {0};
    assert_int_equal(get(&r, "d1"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(read_own(&r, "d1"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, "{}"), STATUS_DEVICE_NOT_FOUND);
    create("d1");
    assert_int_equal(get(&r, "d1"), STATUS_OK);
    assert_string_equal(r.etag, "AAAAAAAAAAE=");
    assert_string_equal(at(&r, "deviceId"), "\"d1\"");
    assert_string_equal(at(&r, "etag"), "\"AAAAAAAAAAE=\"");
    assert_string_equal(at(&r, "version"), "2");
    assert_string_equal(at(&r, "tags"), "{}");
    assert_string_equal(at(&r, "status"), "\"enabled\"");
    assert_string_equal(at(&r, "connectionState"), "\"Disconnected\"");
    assert_string_equal(at(&r, "capabilities"), "{\"iotEdge\":false}");
    assert_string_equal(at(&r, "moduleId"), "absent");
    assert_string_equal(at(&r, "properties.desired.$version"), "1");
    assert_string_equal(at(&r, "properties.reported.$version"), "1");
    assert_memory_equal(at(&r, "properties.desired.$metadata.$lastUpdated"), "\"2023-11-14T", 12);
    assert_string_equal(at(&r, "properties.desired.$metadata.$lastUpdatedVersion"), "absent");
    assert_int_equal(read_own(&r, "d1"), STATUS_OK);
    assert_string_equal(at(&r, "desired"), "{\"$version\":1}");
    assert_string_equal(at(&r, "reported"), "{\"$version\":1}");
    assert_string_equal(at(&r, "tags"), "absent");
    reply_free(&r);
}

static void each_section_has_its_version_and_writer(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, "{\"fan\":1.0}"), STATUS_OK);
    assert_int_equal(r.version, 2);
    assert_int_equal(
        change(&r, "d1", TWIN_MERGE, NULL,
               "{\"tags\":{\"place\":\"hall\"},\"properties\":{\"desired\":{\"fan\":2},"
               "\"reported\":{\"fan\":9}},\"status\":\"disabled\"}"),
        STATUS_OK);
    assert_string_equal(at(&r, "version"), "4");
    assert_string_equal(r.etag, "AAAAAAAAAAI=");
    assert_string_equal(at(&r, "tags"), "{\"place\":\"hall\"}");
    assert_string_equal(at(&r, "status"), "\"enabled\"");
    assert_string_equal(at(&r, "properties.desired.fan"), "2");
    assert_string_equal(at(&r, "properties.desired.$version"), "2");
    assert_string_equal(at(&r, "properties.desired.$metadata.fan.$lastUpdatedVersion"), "2");
    assert_string_equal(at(&r, "properties.reported.fan"), "1.0");
    assert_string_equal(at(&r, "properties.reported.$version"), "2");
    assert_string_equal(at(&r, "properties.reported.$metadata.fan.$lastUpdatedVersion"), "absent");
    assert_int_equal(report(&r, "d1", 2, "{\"fan\":null,\"speed\":[1,2]}"), STATUS_OK);
    assert_int_equal(r.version, 3);
    assert_int_equal(get(&r, "d1"), STATUS_OK);
    assert_string_equal(r.etag, "AAAAAAAAAAI="); /* reports leave it alone */
    assert_int_equal(read_own(&r, "d1"), STATUS_OK);
    assert_string_equal(at(&r, "desired"), "{\"fan\":2,\"$version\":2}");
    assert_string_equal(at(&r, "reported"), "{\"speed\":[1,2],\"$version\":3}");
    reply_free(&r);
}

static void replacing_leaves_nothing(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    change(&r, "d1", TWIN_MERGE, NULL,
           "{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"b\":2}}}");
    change(&r, "d1", TWIN_REPLACE, NULL,
           "{\"tags\":null,\"properties\":{\"desired\":{\"c\":{\"e\":1}}}}");
    assert_int_equal(r.status, STATUS_OK);
    assert_string_equal(at(&r, "tags"), "{}");
    assert_string_equal(at(&r, "properties.desired.b"), "absent");
    assert_string_equal(at(&r, "properties.desired.c"), "{\"e\":1}");
    assert_string_equal(at(&r, "properties.desired.$version"), "3");
    change(&r, "d1", TWIN_REPLACE_TAGS, NULL, "{\"t\":1}");
    assert_string_equal(at(&r, "tags"), "{\"t\":1}");
    assert_string_equal(at(&r, "properties.desired.$version"), "3");
    change(&r, "d1", TWIN_MERGE_DESIRED, NULL, "{\"f\":2}");
    assert_string_equal(at(&r, "properties.desired.c"), "{\"e\":1}");
    change(&r, "d1", TWIN_REPLACE_DESIRED, NULL, "{\"g\":2}");
    assert_string_equal(at(&r, "properties.desired.c"), "absent");
    assert_string_equal(at(&r, "properties.desired.g"), "2");
    assert_string_equal(at(&r, "tags"), "{\"t\":1}");
    assert_string_equal(at(&r, "version"), "7");
    change(&r, "d1", TWIN_IMPORT, NULL, "{\"properties\":{\"reported\":{\"h\":1}}}");
    assert_string_equal(at(&r, "properties.reported.h"), "1");
    assert_string_equal(at(&r, "properties.desired.g"), "2");
    reply_free(&r);
}

/* Where everything is replaced, null has nothing to take away. */
static void a_put_with_a_null_inside_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum twin_write how;
        const char *json;
    } rows[] = {{TWIN_REPLACE, "{\"tags\":{\"a\":null}}"},
                {TWIN_REPLACE, "{\"properties\":{\"desired\":{\"b\":{\"c\":null}}}}"},
                {TWIN_REPLACE_TAGS, "{\"a\":null}"},
                {TWIN_REPLACE_DESIRED, "{\"a\":null}"}};
    struct reply r = {0};
    create("d1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(change(&r, "d1", rows[i].how, NULL, rows[i].json),
                         STATUS_ARGUMENT_INVALID);
    assert_int_equal(change(&r, "d1", TWIN_IMPORT, NULL, "{\"tags\":{\"a\":null,\"b\":1}}"),
                     STATUS_OK);
    assert_string_equal(at(&r, "tags"), "{\"b\":1}");
    assert_int_equal(
        change(&r, "d1", TWIN_REPLACE, NULL, "{\"tags\":null,\"properties\":{\"desired\":null}}"),
        STATUS_OK);
    assert_string_equal(at(&r, "tags"), "{}");
    reply_free(&r);
}

static void a_write_that_says_nothing_changes_nothing(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    assert_int_equal(change(&r, "d1", TWIN_MERGE, NULL, "{\"tags\":null,\"properties\":{}}"),
                     STATUS_OK);
    assert_string_equal(at(&r, "version"), "2");
    assert_string_equal(r.etag, "AAAAAAAAAAE=");
    reply_free(&r);
}

static void preconditions_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *if_match;
        enum status status;
    } rows[] = {{"*", STATUS_OK},
                {"\"*\"", STATUS_OK},
                {"\"AAAAAAAAAAM=\"", STATUS_OK},
                {"AAAAAAAAAAQ=", STATUS_OK},
                {"W/\"AAAAAAAAAAU=\"", STATUS_OK},
                {"\"AAAAAAAAAAE=\"", STATUS_PRECONDITION_FAILED},
                {"\"\"", STATUS_PRECONDITION_FAILED},
                {"", STATUS_PRECONDITION_FAILED}};
    struct reply r = {0};
    create("d1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(change(&r, "d1", TWIN_MERGE, rows[i].if_match, "{\"tags\":{\"a\":1}}"),
                         rows[i].status);
    assert_int_equal(report(&r, "d1", 2, "{\"a\":1}"), STATUS_PRECONDITION_FAILED);
    assert_int_equal(report(&r, "d1", 1, "{\"a\":1}"), STATUS_OK);
    assert_int_equal(report(&r, "d1", 1, "{\"a\":1}"), STATUS_PRECONDITION_FAILED);
    reply_free(&r);
}

static void bad_writes_are_refused_whole(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum status status;
    } rows[] = {
        {"", STATUS_DESERIALIZATION_ERROR},
        {"{", STATUS_DESERIALIZATION_ERROR},
        {"[]", STATUS_ARGUMENT_INVALID},
        {"{\"properties\":[]}", STATUS_ARGUMENT_INVALID},
        {"{\"properties\":{\"desired\":1}}", STATUS_ARGUMENT_INVALID},
        {"{\"tags\":\"x\"}", STATUS_ARGUMENT_INVALID},
        {"{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"b.c\":1}}}", STATUS_ARGUMENT_INVALID},
    };
    struct reply r = {0};
    create("d1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(change(&r, "d1", TWIN_MERGE, NULL, rows[i].json), rows[i].status);
        assert_true(strlen(r.text) > 0);
    }
    assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, "{\"a\":1,\"$b\":2}"),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(get(&r, "a b"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(get(&r, "d1"), STATUS_OK);
    assert_string_equal(at(&r, "version"), "2");
    reply_free(&r);
}

static void what_was_answered_survives(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    report(&r, "d1", TWIN_ANY_VERSION, "{\"n\":0.10000000000000000555,\"o\":{\"p\":[{}]}}");
    change(&r, "d1", TWIN_MERGE, NULL,
           "{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"b\":2}}}");
    struct reply before = {0}, after = {0};
    get(&before, "d1");
    restart();
    get(&after, "d1");
    struct buf a = {0}, b = {0};
    json_write(&a, before.body);
    json_write(&b, after.body);
    assert_string_equal(buf_cstr(&a), buf_cstr(&b));
    buf_free(&a);
    buf_free(&b);
    reply_free(&r), reply_free(&before), reply_free(&after);
}

/* ---- power cuts */

enum { CUT_DEVICES = 3, CUT_REPORTS = 40 };

static uint64_t random_state;

static unsigned any(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

/* Report k of a device sets "n" to k and adds "k<k>". */
static void report_and_cut(struct reply r[CUT_DEVICES][CUT_REPORTS])
{
    unsigned asked[CUT_DEVICES] = {0};
    for (unsigned i = 0; i < CUT_DEVICES * CUT_REPORTS; i++) {
        unsigned d = any(CUT_DEVICES);
        char id[8], json[64];
        if (asked[d] == CUT_REPORTS) continue;
        unsigned k = asked[d]++;
        snprintf(id, sizeof id, "d%u", d);
        snprintf(json, sizeof json, "{\"n\":%u,\"k%u\":true}", k + 1, k + 1);
        twin_report(asking(&r[d][k]), slice_str(id), TWIN_ANY_VERSION, slice_str(json),
                    &r[d][k].wait);
        while (any(3) != 0) lane_run_once(f.rig.office.lanes[any(f.rig.office.count)], rig_mono_us);
    }
    fleet_close(&f);
    io_mem_crash(f.rig.io, any(3) ? random_state : 0);
    rig_restart(&f.rig);
    fleet_open(&f);
}

/* So many reports are there, without a gap; all that were answered are among them. */
static unsigned check_reports(unsigned d, const struct reply *asked)
{
    struct reply now = {0};
    unsigned answers = 0;
    char id[8];
    snprintf(id, sizeof id, "d%u", d);
    assert_int_equal(read_own(&now, id), STATUS_OK);
    unsigned there = (unsigned)strtoul(at(&now, "reported.$version"), NULL, 10) - 1;
    for (unsigned k = 0; k < CUT_REPORTS; k++) {
        char key[32];
        snprintf(key, sizeof key, "reported.k%u", k + 1);
        assert_string_equal(at(&now, key), k < there ? "true" : "absent");
        if (asked[k].answers == 0) continue;
        assert_int_equal(asked[k].status, STATUS_OK);
        assert_int_equal(asked[k].version, k + 2);
        assert_true(k < there);
        answers++;
    }
    assert_int_equal(strtoul(at(&now, "reported.n"), NULL, 10), there);
    reply_free(&now);
    return answers;
}

static void what_was_answered_survives_power_cuts(void **state)
{
    static struct reply r[CUT_DEVICES][CUT_REPORTS];
    unsigned answers = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        random_state = seed;
        memset(r, 0, sizeof r);
        set_up(state);
        create("d0"), create("d1"), create("d2");
        report_and_cut(r);
        for (unsigned d = 0; d < CUT_DEVICES; d++) answers += check_reports(d, r[d]);
        tear_down(state);
    }
    assert_in_range(answers, 25 * CUT_REPORTS / 4, 25 * CUT_DEVICES * CUT_REPORTS - 1);
}

static void a_device_made_again_starts_afresh(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    report(&r, "d1", TWIN_ANY_VERSION, "{\"a\":1}");
    change(&r, "d1", TWIN_MERGE, NULL, "{\"tags\":{\"a\":1}}");
    for (int cached = 0; cached <= 1; cached++) {
        drop("d1");
        if (!cached) restart();
        assert_int_equal(get(&r, "d1"), STATUS_DEVICE_NOT_FOUND);
        create("d1");
        assert_int_equal(get(&r, "d1"), STATUS_OK);
        assert_string_equal(at(&r, "version"), "2");
        assert_string_equal(at(&r, "tags"), "{}");
        report(&r, "d1", 1, "{\"a\":1}");
        assert_int_equal(r.status, STATUS_OK);
        if (cached) continue;
        drop("d1"); /* and again without anybody having looked meanwhile */
        create("d1");
        assert_int_equal(report(&r, "d1", 1, "{\"b\":1}"), STATUS_OK);
        assert_int_equal(read_own(&r, "d1"), STATUS_OK);
        assert_string_equal(at(&r, "reported"), "{\"b\":1,\"$version\":2}");
    }
    reply_free(&r);
}

/* A deletion overtakes a write on its way to the store. */
static void a_write_does_not_reach_the_next_identity(void **state)
{
    (void)state;
    struct reply r = {0};
    struct identity_reply gone = {.wait.fn = take_identity}, made = gone;
    create("d1");
    report(&r, "d1", TWIN_ANY_VERSION, "{\"a\":1}");
    rig_on(f.rig.cores[0]);
    registry_delete(f.registries[0], SLICE_LIT("d1"), SLICE_LIT("*"), &gone.wait);
    registry_put(f.registries[0], SLICE_LIT("d1"), SLICE_NONE, SLICE_LIT("{}"), &made.wait);
    assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, "{\"b\":1}"), STATUS_OK);
    assert_int_equal(made.status, STATUS_OK);
    assert_int_equal(made.answers, 1);
    assert_int_equal(r.version, 2);
    assert_int_equal(read_own(&r, "d1"), STATUS_OK);
    assert_string_equal(at(&r, "reported"), "{\"b\":1,\"$version\":2}");
    reply_free(&r);
}

enum { WRITERS = 40 };

static void writers_side_by_side_lose_nothing(void **state)
{
    (void)state;
    static struct reply r[WRITERS];
    bool seen[WRITERS + 1] = {false};
    create("d1");
    rig_on(f.rig.cores[0]);
    for (unsigned i = 0; i < WRITERS; i++) {
        char json[40];
        snprintf(json, sizeof json, "{\"k%u\":%u}", i, i);
        asking(&r[i]);
        rig_on(f.rig.cores[i % 2]);
        twin_report(f.twins[i % 2], SLICE_LIT("d1"), TWIN_ANY_VERSION, slice_str(json), &r[i].wait);
    }
    rig_run(&f.rig);
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(r[i].answers, 1);
        assert_int_equal(r[i].status, STATUS_OK);
        assert_in_range(r[i].version, 2, WRITERS + 1);
        assert_false(seen[r[i].version - 2]);
        seen[r[i].version - 2] = true;
    }
    get(&r[0], "d1");
    for (unsigned i = 0; i < WRITERS; i++) {
        char path[40], value[12];
        snprintf(path, sizeof path, "properties.reported.k%u", i);
        snprintf(value, sizeof value, "%u", i);
        assert_string_equal(at(&r[0], path), value);
    }
    reply_free(&r[0]);
}

/* Of writers with the same precondition one wins. */
static void a_version_is_given_once(void **state)
{
    (void)state;
    static struct reply r[WRITERS];
    unsigned won = 0;
    create("d1");
    for (unsigned i = 0; i < WRITERS; i++)
        twin_report(asking(&r[i]), SLICE_LIT("d1"), 1, SLICE_LIT("{\"a\":1}"), &r[i].wait);
    rig_run(&f.rig);
    for (unsigned i = 0; i < WRITERS; i++) {
        won += r[i].status == STATUS_OK;
        if (r[i].status != STATUS_OK) assert_int_equal(r[i].status, STATUS_PRECONDITION_FAILED);
    }
    assert_int_equal(won, 1);
}

static void a_reader_sees_nothing_that_is_not_on_disk(void **state)
{
    (void)state;
    struct reply w = {0}, r = {0};
    create("d1");
    read_own(&r, "d1");
    twin_report(asking(&w), SLICE_LIT("d1"), TWIN_ANY_VERSION, SLICE_LIT("{\"a\":1}"), &w.wait);
    twin_read(asking(&r), SLICE_LIT("d1"), (struct addr){0}, &r.wait);
    for (int turn = 0; turn < 4; turn++)
        for (unsigned i = 0; i < f.rig.core_count; i++) lane_run_once(f.rig.cores[i], rig_mono_us);
    assert_int_equal(w.answers, 0);
    assert_int_equal(r.answers, 0);
    rig_run(&f.rig);
    assert_int_equal(w.answers, 1);
    assert_string_equal(at(&r, "reported"), "{\"a\":1,\"$version\":2}");
    reply_free(&r);
}

static void a_store_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    report(&r, "d1", TWIN_ANY_VERSION, "{\"a\":1}");
    io_mem_fail(f.rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, "{\"a\":2}"), STATUS_SERVICE_UNAVAILABLE);
    read_own(&r, "d1");
    assert_string_equal(at(&r, "reported"), "{\"a\":1,\"$version\":2}");
    reply_free(&r);
}

static void a_home_lets_so_many_wait(void **state)
{
    (void)state;
    struct reply *r = mem_zero((TWIN_WAITING_MAX + 1) * sizeof *r);
    unsigned refused = 0;
    create("d1");
    for (unsigned i = 0; i <= TWIN_WAITING_MAX; i++)
        twin_read(asking(&r[i]), SLICE_LIT("d1"), (struct addr){0}, &r[i].wait);
    rig_run(&f.rig);
    for (unsigned i = 0; i <= TWIN_WAITING_MAX; i++) {
        assert_int_equal(r[i].answers, 1);
        if (r[i].status == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED) refused++;
        reply_free(&r[i]);
    }
    assert_int_equal(refused, 1);
    free(r);
}

static void bodies_have_a_size(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    for (size_t over = 0; over <= 1; over++) {
        struct buf json = {0};
        int64_t met = limit_reached("twin-json");
        buf_put_str(&json, "{\"a\":1}");
        while (buf_size(&json) < TWIN_PATCH_BYTES_MAX + over) buf_put_u8(&json, ' ');
        assert_int_equal(report(&r, "d1", TWIN_ANY_VERSION, buf_cstr(&json)),
                         over ? STATUS_MESSAGE_TOO_LARGE : STATUS_OK);
        while (buf_size(&json) < TWIN_BODY_BYTES_MAX + over) buf_put_u8(&json, ' ');
        assert_int_equal(change(&r, "d1", TWIN_MERGE, NULL, buf_cstr(&json)),
                         over ? STATUS_MESSAGE_TOO_LARGE : STATUS_OK);
        assert_int_equal(limit_reached("twin-json") - met, 2 * over);
        buf_free(&json);
    }
    reply_free(&r);
}

static void waiting_json_has_an_end(void **state)
{
    (void)state;
    enum { MANY = TWIN_WAITING_BYTES_MAX / TWIN_BODY_BYTES_MAX + 2 };
    static struct reply r[MANY];
    struct buf json = {0};
    unsigned refused = 0;
    create("d1");
    buf_put_str(&json, "{}");
    while (buf_size(&json) < TWIN_BODY_BYTES_MAX) buf_put_u8(&json, ' ');
    for (unsigned i = 0; i < MANY; i++)
        twin_write(asking(&r[i]), SLICE_LIT("d1"), TWIN_REPLACE, SLICE_NONE, buf_slice(&json),
                   &r[i].wait);
    rig_run(&f.rig);
    for (unsigned i = 0; i < MANY; i++) {
        refused += r[i].status == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED;
        reply_free(&r[i]);
    }
    assert_int_equal(refused, 3); /* the headers of the messages count, too */
    assert_int_equal(f.twins[0]->waiting + f.twins[1]->waiting, 0);
    assert_int_equal(f.twins[0]->waiting_bytes + f.twins[1]->waiting_bytes, 0);
    buf_free(&json);
}

static void the_cache_is_bounded(void **state)
{
    (void)state;
    struct reply r = {0};
    for (unsigned i = 0; i < 2; i++) twins_limit_cache(f.twins[i], 2000);
    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%u", i);
        create(id);
        assert_int_equal(report(&r, id, TWIN_ANY_VERSION, "{\"some\":\"thing\"}"), STATUS_OK);
        for (unsigned k = 0; k < 2; k++) assert_true(f.twins[k]->bytes <= 2000);
    }
    assert_true(rig_metric("azimuth_twin_evictions_total") > 0);
    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%u", i);
        read_own(&r, id);
        assert_string_equal(at(&r, "reported"), "{\"some\":\"thing\",\"$version\":2}");
    }
    reply_free(&r);
}

/* What devices missed takes so much room; the note that is over it is dropped. */
static void notes_of_what_was_missed_have_an_end(void **state)
{
    (void)state;
    struct missed *m = &f.twins[0]->missed;
    const struct addr session = {0};
    const struct slice who = SLICE_LIT("d1"), before = SLICE_LIT("{}");
    char *now = malloc(MISSED_BYTES_MAX);
    memset(now, ' ', MISSED_BYTES_MAX);
    memcpy(now, "{}", 2);
    for (size_t over = 0; over <= 1; over++) {
        struct buf patch = {0};
        int64_t version = 0;
        twin_missed_read(m, who, session);
        twin_missed_changed(m, who, session, before,
                            slice_of(now, MISSED_BYTES_MAX - before.len + over), 2);
        assert_int_equal(m->bytes, over ? 0 : MISSED_BYTES_MAX);
        assert_int_equal(twin_missed_take(m, who, session, &patch, &version), !over);
        assert_int_equal(version, over ? 0 : 2);
        assert_int_equal(m->bytes, 0);
        buf_free(&patch);
    }
    free(now);
}

static void who_left_is_not_called(void **state)
{
    (void)state;
    struct reply r = {0};
    create("d1");
    twin_report(asking(&r), SLICE_LIT("d1"), TWIN_ANY_VERSION, SLICE_LIT("{\"a\":1}"), &r.wait);
    twin_forget(f.twins[0], &r.wait);
    rig_run(&f.rig);
    assert_int_equal(r.answers, 0);
    twin_report(asking(&r), SLICE_LIT("d1"), TWIN_ANY_VERSION, SLICE_LIT("{\"a\":1}"), &r.wait);
    lane_run_once(f.rig.cores[0], rig_mono_us); /* tear_down() finds it under way */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(everybody_has_a_fresh_twin),
        TEST(each_section_has_its_version_and_writer),
        TEST(replacing_leaves_nothing),
        TEST(a_put_with_a_null_inside_is_refused),
        TEST(a_write_that_says_nothing_changes_nothing),
        TEST(preconditions_are_kept),
        TEST(bad_writes_are_refused_whole),
        TEST(what_was_answered_survives),
        cmocka_unit_test(what_was_answered_survives_power_cuts),
        TEST(a_device_made_again_starts_afresh),
        TEST(a_write_does_not_reach_the_next_identity),
        TEST(writers_side_by_side_lose_nothing),
        TEST(a_version_is_given_once),
        TEST(a_reader_sees_nothing_that_is_not_on_disk),
        TEST(a_store_that_fails_changes_nothing),
        TEST(a_home_lets_so_many_wait),
        TEST(bodies_have_a_size),
        TEST(waiting_json_has_an_end),
        TEST(the_cache_is_bounded),
        TEST(notes_of_what_was_missed_have_an_end),
        TEST(who_left_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
