/* part.c - a partition's windows, one after the other, each of them one file.
 *
 * How no event is in two files, or in none, whatever crashes when:
 *
 *   1. The store has `from`: everything below is in files.  A window reads on from there.
 *   2. When it ends, the store gets `until` and the file's name, before there is such a file.
 *   3. The file is made durable under that name, as a whole: renamed, or blocks committed.
 *   4. The store gets from = until, and no name.
 *
 * A start that finds a name makes the file again, of the events from `from` to `until` and none more:
 * the same events, so that writing it twice is writing it once.  A start that finds no name has no
 * file beyond `from`.  Names have the time of step 2, and each a later one than the name before, also
 * when the clock was set back.
 */
#include "capture/part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "capture/capture_sql.h"
#include "capture/event.h"
#include "capture/home.h"

enum { SPOOL_WRITE = 256 << 10, SECOND_US = 1000000 };

COUNTER(files_total, "azimuth_capture_files_total", "Files of captured events.");
COUNTER(events_total, "azimuth_capture_events_total", "Events in files.");
COUNTER(bytes_total, "azimuth_capture_bytes_total", "Bytes of files of captured events.");
COUNTER(failures_total, "azimuth_capture_failures_total",
        "Files that could not be made; tried again.");
COUNTER(damaged_total, "azimuth_capture_events_damaged_total",
        "Events that are not in files because they cannot be read.");
GAUGE(failing_now, "azimuth_capture_failing_partitions",
      "Partitions whose file cannot be made now.");

static void pump(struct part *p);
static void seal(struct part *p);
static void place(struct part *p);
static void commit(struct part *p);

static struct captures *home_of(const struct part *p)
{
    return p->capture->cs;
}

static bool is_rebuilding(const struct part *p)
{
    return p->name[0] != '\0';
}

/* ---- the window */

/* The same for the same events, so that a file that is made again is the same file. */
static void make_sync(const struct part *p, uint8_t out[AVRO_SYNC_LEN])
{
    uint64_t words[2] = {map_hash(slice_str(p->capture->event_hub)) ^
                             p->partition * UINT64_C(0x9e3779b97f4a7c15),
                         (p->from + 1) * UINT64_C(0xbf58476d1ce4e5b9)};
    memcpy(out, words, AVRO_SYNC_LEN);
}

static int64_t seconds_us(const struct part *p, uint32_t seconds)
{
    return seconds * (home_of(p)->cfg.second_us ? home_of(p)->cfg.second_us : SECOND_US);
}

static void begin_window(struct part *p)
{
    uint8_t sync[AVRO_SYNC_LEN];
    int64_t now_us = clock_mono_us();
    struct buf source = {0};
    make_sync(p, sync);
    hub_stream_identity(home_of(p)->cfg.hub, slice_str(p->capture->event_hub), &source);
    avro_writer_fini(&p->writer);
    buf_clear(&p->out);
    spool_drop(p);
    avro_writer_begin(&p->writer, capture_event_schema, p->capture->description.codec, sync,
                      (struct avro_note){AVRO_NOTE_SOURCE, buf_slice(&source)}, &p->out);
    buf_free(&source);
    p->written = 0;
    p->events = 0;
    p->state = PART_FILLING;
    p->until_us = now_us + seconds_us(p, p->capture->description.interval_s);
    if (!is_rebuilding(p)) timer_set(&home_of(p)->cfg.lane->timers, &p->timer, p->until_us);
}

static uint64_t window_bytes(const struct part *p)
{
    return p->written + buf_size(&p->out) + buf_size(&p->writer.block);
}

/* ---- failures */

static const char *destination_of(const struct part *p)
{
    return p->capture->description.is_folder ? "folder" : p->capture->description.container;
}

/* Said when it begins, and when it becomes another one. */
static void complain(struct part *p, enum err e, const char *text)
{
    char why[PART_ERROR_MAX + 1];
    bool is_container = !p->capture->description.is_folder && p->state == PART_PLACING;
    if (is_container && e == ERR_NOT_FOUND)
        snprintf(why, sizeof why, "the container '%s' is not there (deleted?): %s",
                 p->capture->description.container, text);
    else if (is_container && e == ERR_DENIED)
        snprintf(why, sizeof why, "the account '%s' does not let us write to '%s': %s",
                 p->capture->description.account.name, p->capture->description.container, text);
    else
        snprintf(why, sizeof why, "%s", text[0] ? text : err_name(e));
    if (p->error[0] == '\0') metric_add(&failing_now, 1);
    if (strcmp(why, p->error) != 0)
        say_warn("capture.failing",
                 "event_hub=%s partition=%u destination=%s reason=\"%s\" next=\"tried again, the "
                 "events stay in the log\"",
                 p->capture->event_hub, p->partition, destination_of(p), why);
    snprintf(p->error, sizeof p->error, "%s", why);
}

static void wait_before(struct part *p, enum part_state again, enum err e, const char *text)
{
    uint32_t pause_s = (uint32_t)CAPTURE_RETRY_MIN_S << MIN(p->tries, 10u);
    metric_inc(&failures_total);
    complain(p, e, text);
    p->tries++;
    p->again = again;
    p->state = PART_WAITING;
    timer_set(&home_of(p)->cfg.lane->timers, &p->timer,
              clock_mono_us() + seconds_us(p, MIN(pause_s, (uint32_t)CAPTURE_RETRY_MAX_S)));
}

static void all_is_well(struct part *p)
{
    p->tries = 0;
    if (p->error[0] == '\0') return;
    p->error[0] = '\0';
    metric_add(&failing_now, -1);
    say_info("capture.recovered", "event_hub=%s partition=%u destination=%s", p->capture->event_hub,
             p->partition, destination_of(p));
}

/* ---- step 4: what was placed is done */

static void ask(struct part *p, struct store_request *u,
                void (*fn)(struct store_wait *, struct store_answer *))
{
    store_put_int(u, "stream", p->capture->stream);
    store_put_int(u, "partition", p->partition);
    p->store_wait.fn = fn;
    p->storing = true;
    store_ask(home_of(p)->cfg.hub->store, home_of(p)->cfg.lane, u, &p->store_wait);
}

static void count_file(struct part *p)
{
    p->files++;
    p->captured += (uint64_t)p->events;
    p->file_us = clock_wall_us();
    metric_inc(&files_total);
    metric_add(&events_total, p->events);
    metric_add(&bytes_total, (int64_t)p->written);
    say_debug("capture.file", "event_hub=%s partition=%u name=%s events=%" PRId64 " bytes=%" PRIu64,
              p->capture->event_hub, p->partition, p->name, p->events, p->written);
}

static void on_committed(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, store_wait);
    p->storing = false;
    if (a->err != OK) {
        wait_before(p, PART_COMMITTING, a->err, "the store does not take the position");
        return;
    }
    if (p->name[0]) count_file(p);
    all_is_well(p);
    p->from = p->until;
    p->name[0] = '\0';
    cursor_done(p->cursor, p->until);
    begin_window(p);
    pump(p);
}

static void commit(struct part *p)
{
    struct store_request u;
    p->state = PART_COMMITTING;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_capture_partition_commit, 1);
    store_put_int(&u, "ordinal", (int64_t)p->until);
    store_put_int(&u, "from", (int64_t)p->from);
    ask(p, &u, on_committed);
}

/* ---- step 3: the file */

void part_placed(struct part *p, enum err e)
{
    if (e != OK)
        wait_before(p, PART_PLACING, e, fail_text());
    else
        commit(p);
}

/* Retention took events of a file that a life before may have made as a whole: what is there stays. */
static bool has_lost(const struct part *p)
{
    struct cursor_status s;
    cursor_status(p->cursor, &s);
    return s.lost > 0;
}

static void place(struct part *p)
{
    p->state = PART_PLACING;
    if (!p->capture->description.is_folder)
        container_begin(p, has_lost(p));
    else if (has_lost(p) && spool_is_placed(p))
        commit(p);
    else
        part_placed(p, spool_place(p));
}

static void finish(struct part *p)
{
    avro_writer_flush(&p->writer, &p->out);
    enum err e = spool_finish(p);
    if (e != OK)
        wait_before(p, PART_FILLING, e, fail_text());
    else
        place(p);
}

/* ---- step 2: the name */

static void on_sealed(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, store_wait);
    p->storing = false;
    if (a->err != OK) {
        p->name[0] = '\0';
        wait_before(p, PART_SEALING, a->err, "the store does not take the file's name");
    } else {
        finish(p);
    }
}

static enum err choose_name(struct part *p)
{
    const struct description_place place = {home_of(p)->cfg.hub->name, p->capture->event_hub,
                                            p->partition};
    int64_t second = clock_wall_us() / SECOND_US, last = p->named_us / SECOND_US;
    p->named_us = MAX(second, last + 1) * SECOND_US;
    return description_name(&p->capture->description, &place, p->named_us, p->name);
}

static uint64_t pulled(const struct part *p)
{
    struct cursor_status s;
    cursor_status(p->cursor, &s);
    return s.pulled;
}

static void seal(struct part *p)
{
    struct store_request u;
    p->until = MAX(p->from, pulled(p));
    if (p->events == 0 && p->capture->description.skip_empty) {
        if (p->until > p->from)
            commit(p);
        else
            begin_window(p);
        return;
    }
    if (choose_name(p) != OK) { /* its length was looked at with the description */
        wait_before(p, PART_SEALING, ERR_INVALID, fail_text());
        return;
    }
    p->state = PART_SEALING;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_capture_partition_seal, 1);
    store_put_int(&u, "until", (int64_t)p->until);
    store_put_text(&u, "name", slice_str(p->name));
    store_put_int(&u, "named_us", p->named_us);
    store_put_int(&u, "from", (int64_t)p->from);
    ask(p, &u, on_sealed);
}

/* ---- step 1: events */

/* False: the window cannot go on. */
static bool take(struct part *p, const struct record *rec)
{
    struct buf *b = avro_writer_record(&p->writer);
    size_t before = buf_size(b);
    if (capture_event_put(b, &p->scratch, rec) == OK) {
        p->events++;
        avro_writer_end(&p->writer, &p->out);
    } else {
        b->len = b->off + before;
        metric_inc(&damaged_total);
    }
    if (buf_size(&p->out) < SPOOL_WRITE) return true;
    enum err e = spool_write(p);
    if (e != OK) wait_before(p, PART_FILLING, e, fail_text());
    return e == OK;
}

/* The file is to end before this record: it comes again for the next one. */
static bool is_beyond(struct part *p, const struct record *rec)
{
    if (!is_rebuilding(p) || rec->ordinal < p->until) return false;
    cursor_done(p->cursor, p->until);
    cursor_rewind(p->cursor);
    return true;
}

static void pump(struct part *p)
{
    struct record rec;
    uint64_t limit = p->capture->description.size_limit;
    while (p->state == PART_FILLING && cursor_next(p->cursor, &rec) == OK) {
        if (is_beyond(p, &rec)) {
            finish(p);
            return;
        }
        if (!take(p, &rec)) return;
        if (!is_rebuilding(p) && window_bytes(p) >= limit) seal(p);
    }
    if (p->state == PART_FILLING && is_rebuilding(p) && pulled(p) >= p->until) finish(p);
}

static void on_something(struct cursor *c, void *ctx)
{
    struct part *p = ctx;
    (void)c;
    if (p->state == PART_FILLING) pump(p);
}

/* ---- life */

static void read_from(struct part *p)
{
    cursor_free(p->cursor);
    p->cursor =
        cursor_new(home_of(p)->cursors, &(struct cursor_config){.name = SLICE_LIT("capture"),
                                                                .stream = p->capture->stream,
                                                                .partition = p->partition,
                                                                .start = CURSOR_AT,
                                                                .at = p->from,
                                                                .destinations = RECORD_TO_STREAM,
                                                                .fn = on_something,
                                                                .ctx = p});
    begin_window(p);
    pump(p);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct part *p = CONTAINER_OF(t, struct part, timer);
    (void)now_us;
    if (p->state == PART_FILLING) {
        seal(p);
        return;
    }
    if (p->state != PART_WAITING) return;
    if (p->again == PART_FILLING)
        read_from(p);
    else if (p->again == PART_SEALING)
        seal(p);
    else if (p->again == PART_PLACING)
        place(p);
    else
        commit(p);
}

void part_start(struct part *p)
{
    timer_init(&p->timer, on_timer);
    read_from(p);
}

void part_stop(struct part *p)
{
    struct lane *lane = home_of(p)->cfg.lane;
    timer_stop(&p->timer);
    if (p->storing) store_forget(lane, &p->store_wait);
    container_forget(p);
    cursor_free(p->cursor);
    spool_drop(p);
    avro_writer_fini(&p->writer);
    buf_free(&p->out);
    buf_free(&p->scratch);
    if (p->error[0]) metric_add(&failing_now, -1);
}
