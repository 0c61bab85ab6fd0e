/* threads_test.c - the log's lanes on threads of their own: what the simulator cannot show.
 *
 * Two cores append while a third follows a partition of each, reading bytes of chunks that the log
 * lane is still appending to.  Worth most under the thread sanitizer.
 */
#include "base/test.h"

#include <sched.h>

#include "base/io_mem.h"
#include "log/log.h"
#include "post/thread.h"

enum {
    WRITERS = 2,
    LANES = WRITERS + 3,
    RECORDS = 6000,
    WINDOW = 50,
    BODY = 120,
    BEGIN = POST_TEST
};

struct writing {
    struct lane lane;
    struct log_writer writer;
    struct addr self;
    unsigned partition;
    uint64_t appended, answered;
    atomic_bool *finished;
};

struct following {
    struct lane lane;
    uint64_t next[WRITERS];
    struct log *log;
    atomic_bool *finished;
};

struct city {
    struct office office;
    struct writing writers[WRITERS];
    struct following reader;
    struct lane log_lane, read_lane;
    atomic_bool finished[WRITERS + 1];
};

static void append(struct writing *w);

static void on_done(struct lane *lane, struct addr who, uint64_t cookie, enum err result)
{
    struct writing *w = slot_get(lane, who);
    assert_int_equal(result, OK);
    assert_int_equal(cookie, w->answered);
    if (++w->answered == RECORDS) atomic_store(w->finished, true);
    if (w->appended < RECORDS) append(w);
}

static void append(struct writing *w)
{
    struct buf *b = log_begin(&w->writer, 0, w->partition, RECORD_TELEMETRY, RECORD_TO_STREAM);
    log_pairs_done(&w->writer, 0);
    memset(buf_reserve(b, BODY), (int)w->appended & 0xff, BODY);
    buf_commit(b, BODY);
    log_end(&w->writer, on_done, w->self, w->appended++);
}

static void begin_writing(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    (void)m;
    for (int i = 0; i < WINDOW; i++) append(ctx);
}

static void ask(struct following *f, uint16_t partition)
{
    struct log_read_msg body = {.partition = partition, .max_bytes = 20000, .wait = true};
    body.from_ordinal = f->next[partition];
    struct msg *m = msg_new(LOG_READ, sizeof body);
    memcpy(m->body, &body, sizeof body);
    post(&f->lane, lane_addr(&f->lane), log_addr(f->log), m);
}

static void begin_following(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    (void)m;
    for (unsigned p = 0; p < WRITERS; p++) ask(ctx, (uint16_t)p);
}

static void check_records(struct following *f, const struct log_read_done *d)
{
    struct slice rest = slice_head(slice_from(blob_slice(d->blob), d->offset), d->len);
    struct record r;
    for (; rest.len; rest = slice_from(rest, r.frame.len)) {
        assert_int_equal(record_parse(rest, &r), OK);
        assert_true(record_check(r.frame));
        assert_int_equal(r.ordinal, f->next[d->partition]++);
        assert_int_equal(r.sections.ptr[0], r.ordinal & 0xff);
    }
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct following *f = ctx;
    struct log_read_done d;
    memcpy(&d, m->body, sizeof d);
    assert_int_equal(d.err, OK);
    check_records(f, &d);
    blob_drop(d.blob);
    if (f->next[d.partition] < RECORDS) ask(f, d.partition);
    bool all = true;
    for (int p = 0; p < WRITERS; p++) all &= f->next[p] == RECORDS;
    if (all) atomic_store(f->finished, true);
}

static void make_lanes(struct city *c)
{
    for (int i = 0; i < WRITERS; i++) lane_init(&c->writers[i].lane, &c->office, "writer");
    lane_init(&c->reader.lane, &c->office, "reader");
    lane_init(&c->log_lane, &c->office, "log");
    lane_init(&c->read_lane, &c->office, "logread");
}

static void prepare(struct city *c, struct log *log)
{
    for (int i = 0; i < WRITERS; i++) {
        struct writing *w = &c->writers[i];
        w->partition = (unsigned)i;
        w->finished = &c->finished[i];
        w->self = slot_new(&w->lane, w);
        log_writer_init(&w->writer, log, &w->lane);
        lane_on(&w->lane, BEGIN, begin_writing, w);
    }
    c->reader.log = log;
    c->reader.finished = &c->finished[WRITERS];
    lane_on(&c->reader.lane, BEGIN, begin_following, &c->reader);
    lane_on(&c->reader.lane, LOG_READ_DONE, on_read, &c->reader);
}

/* Lanes in an order in which none outlives those it still writes to. */
static void run(struct city *c)
{
    struct lane_thread *threads[LANES] = {0};
    for (unsigned i = 0; i < LANES; i++) threads[i] = lane_thread_start(c->office.lanes[i]);
    for (unsigned i = 0; i <= WRITERS; i++)
        post(&c->log_lane, lane_addr(&c->log_lane), lane_addr(c->office.lanes[i]),
             msg_new(BEGIN, 0));
    for (int i = 0; i <= WRITERS; i++)
        while (!atomic_load(&c->finished[i])) sched_yield();
    for (unsigned i = 0; i < LANES; i++) lane_thread_stop(threads[i]);
}

static void cores_append_and_follow_at_the_same_time(void **state)
{
    (void)state;
    static struct city c;
    struct log *log;
    struct log_config cfg = {.io = io_mem_new(),
                             .partitions = WRITERS,
                             .journal_bytes = LOG_JOURNAL_MIN,
                             .segment_bytes = 200 << 10,
                             .tail_bytes = 100 << 10};
    make_lanes(&c);
    assert_int_equal(log_open(&cfg, &c.log_lane, &c.read_lane, &log), OK);
    prepare(&c, log);
    run(&c);
    log_close(log);
    for (int i = 0; i < WRITERS; i++) log_writer_fini(&c.writers[i].writer);
    for (unsigned i = 0; i < c.office.count; i++) lane_fini(c.office.lanes[i]);
    struct log_check check;
    assert_int_equal(log_check(cfg.io, &check), OK);
    assert_int_equal(check.records, WRITERS * RECORDS);
    io_free(cfg.io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cores_append_and_follow_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
