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
 * when the clock was set back; before step 2 it is looked whether there is a file of that name, of whoever
 * made it, and then the next one is taken.
 */
#include "archive/part.h"

#include <inttypes.h>
#include <stdio.h>

#include "archive/archive_sql.h"
#include "archive/home.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/say.h"

static void pump(struct part *p);
static void seal(struct part *p);
static void look(struct part *p);
static void place(struct part *p);
static void commit(struct part *p);

static struct archives *home_of(const struct part *p)
{
    return p->archive->as;
}

static const struct archive_kind *kind_of(const struct part *p)
{
    return p->archive->cfg.kind;
}

static const struct archive_settings *settings_of(const struct part *p)
{
    return &p->archive->settings;
}

static bool is_rebuilding(const struct part *p)
{
    return p->name[0] != '\0';
}

static void set_timer(struct part *p, int64_t due_us)
{
    timer_set(&home_of(p)->cfg.lane->timers, &p->timer, due_us);
}

const char *part_state_name(enum part_state state)
{
    static const char *const names[PART_STATES] = {"filling", "sealing",    "sealing",
                                                   "placing", "committing", "waiting"};
    return names[state];
}

/* What waits is not: it failed, and may go on failing. */
bool part_is_busy(const struct part *p)
{
    return p->state != PART_WAITING && (p->state != PART_FILLING || is_rebuilding(p));
}

static void news(struct part *p, enum archive_news what, const struct record_tally *records,
                 const char *text)
{
    if (kind_of(p)->news) kind_of(p)->news(p->archive, what, records, text);
}

/* ---- the window */

/* The same for the same events, so that a file that is made again is the same file. */
static void make_sync(const struct part *p, uint8_t out[AVRO_SYNC_LEN])
{
    uint64_t words[2] = {map_hash(slice_str(p->archive->label)) ^
                             p->partition * UINT64_C(0x9e3779b97f4a7c15),
                         (p->from + 1) * UINT64_C(0xbf58476d1ce4e5b9)};
    memcpy(out, words, AVRO_SYNC_LEN);
}

static void begin_file(struct part *p)
{
    uint8_t sync[AVRO_SYNC_LEN];
    struct buf source = {0};
    if (kind_of(p)->schema == NULL) return;
    make_sync(p, sync);
    if (kind_of(p)->source) kind_of(p)->source(p->archive, &source);
    avro_writer_begin(
        &p->writer, kind_of(p)->schema, settings_of(p)->codec, sync,
        (struct avro_note){kind_of(p)->source ? AVRO_NOTE_SOURCE : NULL, buf_slice(&source)},
        &p->out);
    buf_free(&source);
}

static void begin_window(struct part *p)
{
    avro_writer_fini(&p->writer);
    buf_clear(&p->out);
    if (p->out.cap != SPOOL_ROOM) { /* a large event may have made it grow, and moved it */
        buf_free(&p->out);
        buf_align(&p->out, SPOOL_ROOM, SPOOL_ROOM); /* to a folder it goes from there */
        p->has_large_pages = false;
    }
    spool_drop(p);
    begin_file(p);
    p->written = p->events = 0;
    p->taken = p->damaged = (struct record_tally){0};
    p->names_taken = 0;
    p->state = PART_FILLING;
    p->until_us = clock_mono_us() + archive_seconds_us(home_of(p), settings_of(p)->interval_s);
    if (!is_rebuilding(p)) set_timer(p, p->until_us);
    archive_settle_look(p->archive);
}

static uint64_t window_bytes(const struct part *p)
{
    return p->written + buf_size(&p->out) + buf_size(&p->writer.block);
}

/* ---- failures */

static const char *destination_of(const struct part *p)
{
    const struct archive_target *t = &settings_of(p)->target;
    return t->is_folder ? "folder" : t->container;
}

static void say_why(const struct part *p, enum err e, const char *text, char *out, size_t size)
{
    const struct archive_target *t = &settings_of(p)->target;
    bool asked = !t->is_folder && (p->state == PART_PLACING || p->state == PART_NAMING);
    if (asked && e == ERR_NOT_FOUND)
        snprintf(out, size, "the container '%s' is not there (deleted?): %s", t->container, text);
    else if (asked && e == ERR_DENIED)
        snprintf(out, size, "the account '%s' does not let us write to '%s': %s", t->account.name,
                 t->container, text);
    else
        snprintf(out, size, "%s", text[0] ? text : err_name(e));
}

/* Said when it begins, and when it becomes another one. */
static void complain(struct part *p, enum err e, const char *text)
{
    char why[ARCHIVE_ERROR_MAX + 1];
    say_why(p, e, text, why, sizeof why);
    if (p->error[0] == '\0') metric_add(kind_of(p)->counters.failing, 1);
    if (strcmp(why, p->error) != 0)
        say_warn(kind_of(p)->failing,
                 "%s=%s partition=%u destination=%s reason=\"%s\" next=\"tried again, the events "
                 "stay in the log\"",
                 kind_of(p)->label, p->archive->label, p->partition, destination_of(p), why);
    snprintf(p->error, sizeof p->error, "%s", why);
}

static void wait_before(struct part *p, enum part_state again, enum err e, const char *text)
{
    uint32_t pause_s = (uint32_t)ARCHIVE_RETRY_MIN_S << MIN(p->tries, 10u);
    metric_inc(kind_of(p)->counters.failures);
    complain(p, e, text);
    p->tries++;
    p->again = again;
    p->state = PART_WAITING;
    set_timer(p, clock_mono_us() +
                     archive_seconds_us(home_of(p), MIN(pause_s, (uint32_t)ARCHIVE_RETRY_MAX_S)));
    news(p, ARCHIVE_FAILED, &p->taken, p->error);
    archive_settle_look(p->archive);
}

static void all_is_well(struct part *p)
{
    p->tries = 0;
    if (p->error[0] == '\0') return;
    p->error[0] = '\0';
    metric_add(kind_of(p)->counters.failing, -1);
    say_info(kind_of(p)->recovered, "%s=%s partition=%u destination=%s", kind_of(p)->label,
             p->archive->label, p->partition, destination_of(p));
}

/* ---- step 4: what was placed is done */

static void ask(struct part *p, struct store_request *u,
                void (*fn)(struct store_wait *, struct store_answer *))
{
    store_put_text(u, "owner", slice_str(p->archive->owner));
    store_put_int(u, "partition", p->partition);
    p->store_wait.fn = fn;
    p->storing = true;
    store_ask(home_of(p)->cfg.store, home_of(p)->cfg.lane, u, &p->store_wait);
}

static void count_file(struct part *p)
{
    const struct archive_counters *c = &kind_of(p)->counters;
    p->files++;
    p->archived += p->events;
    p->file_us = clock_wall_us();
    metric_inc(c->files);
    metric_add(c->events, (int64_t)p->events);
    metric_add(c->bytes, (int64_t)p->written);
    say_debug(kind_of(p)->file, "%s=%s partition=%u name=%s events=%" PRIu64 " bytes=%" PRIu64,
              kind_of(p)->label, p->archive->label, p->partition, p->name, p->events, p->written);
    if (record_tally_count(&p->damaged))
        news(p, ARCHIVE_DAMAGED, &p->damaged, "messages that cannot be read");
    news(p, ARCHIVE_PLACED, &p->taken, "");
}

static void on_committed(struct store_wait *w, struct store_answer *a)
{
    struct part *p = CONTAINER_OF(w, struct part, store_wait);
    p->storing = false;
    if (a->err != OK) {
        wait_before(p, PART_COMMITTING, a->err, "the store does not take the position");
        return;
    }
    all_is_well(p);
    if (p->name[0]) count_file(p);
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
    store_add(&u, &sql_archive_commit, 1);
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
    if (!settings_of(p)->target.is_folder)
        container_begin(p, has_lost(p));
    else if (has_lost(p) && spool_is_placed(p))
        commit(p);
    else
        part_placed(p, spool_place(p));
}

static void finish(struct part *p)
{
    if (kind_of(p)->schema) avro_writer_flush(&p->writer, &p->out);
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

static void store_name(struct part *p)
{
    struct store_request u;
    p->state = PART_SEALING;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_archive_seal, 1);
    store_put_int(&u, "until", (int64_t)p->until);
    store_put_text(&u, "name", slice_str(p->name));
    store_put_int(&u, "named_us", p->named_us);
    store_put_int(&u, "from", (int64_t)p->from);
    ask(p, &u, on_sealed);
}

/* Its own name is only another's while it is not stored. */
void part_looked(struct part *p, enum err e)
{
    bool taken = e == OK || archive_is_made(p, p->name);
    if (!taken && e == ERR_NOT_FOUND) {
        store_name(p);
        return;
    }
    p->name[0] = '\0';
    if (!taken)
        wait_before(p, PART_SEALING, e, fail_text());
    else if (++p->names_taken < ARCHIVE_TAKEN_MAX)
        look(p);
    else
        wait_before(p, PART_SEALING, ERR_EXISTS, "there are files of all names that were tried");
}

static enum err choose_name(struct part *p)
{
    p->named_us = kind_of(p)->next_us(clock_wall_us(), p->named_us);
    return kind_of(p)->name(p->archive, p->partition, p->named_us, p->name);
}

static void look(struct part *p)
{
    p->state = PART_NAMING;
    if (choose_name(p) != OK) { /* its length was looked at with the settings */
        p->name[0] = '\0';
        wait_before(p, PART_SEALING, ERR_INVALID, fail_text());
    } else if (settings_of(p)->target.is_folder) {
        part_looked(p, spool_is_placed(p) ? OK : ERR_NOT_FOUND);
    } else {
        container_look(p);
    }
}

static uint64_t pulled(const struct part *p)
{
    struct cursor_status s;
    cursor_status(p->cursor, &s);
    return s.pulled;
}

static void seal(struct part *p)
{
    p->until = MAX(p->from, pulled(p));
    p->names_taken = 0;
    if (p->events > 0 || !settings_of(p)->skip_empty)
        look(p);
    else if (p->until > p->from)
        commit(p);
    else
        begin_window(p);
}

/* ---- step 1: events */

static enum err put(struct part *p, const struct record *rec)
{
    bool is_avro = kind_of(p)->schema != NULL;
    struct buf *b = is_avro ? avro_writer_record(&p->writer, &p->out) : &p->out;
    size_t before = buf_size(b);
    enum err e = kind_of(p)->put(p->archive, rec, &p->scratch, b);
    if (e != OK)
        b->len = b->off + before;
    else if (is_avro)
        avro_writer_end(&p->writer, &p->out);
    return e;
}

/* False: the window cannot go on. */
static bool take(struct part *p, const struct record *rec)
{
    if (put(p, rec) == OK) {
        p->events++;
        record_tally_add(&p->taken, rec);
    } else {
        record_tally_add(&p->damaged, rec);
        metric_inc(kind_of(p)->counters.damaged);
    }
    if (buf_size(&p->out) < SPOOL_WRITE || avro_writer_is_open(&p->writer)) return true;
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

/* While the archive settles, only what was begun is finished. */
static bool may_fill(const struct part *p)
{
    return p->state == PART_FILLING && (p->archive->settled == NULL || is_rebuilding(p));
}

static void pump(struct part *p)
{
    struct record rec;
    uint64_t limit = settings_of(p)->size_limit;
    while (may_fill(p) && cursor_next(p->cursor, &rec) == OK) {
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

/* A file has a minute or more: records are read in whole chunks of the log, not commit by commit. */
static uint32_t gather_us(const struct part *p)
{
    return (uint32_t)(archive_seconds_us(home_of(p), 1) / ARCHIVE_READS_A_SECOND);
}

static void read_from(struct part *p)
{
    cursor_free(p->cursor);
    p->cursor = cursor_new(home_of(p)->cursors,
                           &(struct cursor_config){.name = slice_str(p->archive->owner),
                                                   .stream = p->archive->cfg.stream,
                                                   .partition = p->partition,
                                                   .start = CURSOR_AT,
                                                   .at = p->from,
                                                   .destinations = p->archive->cfg.destinations,
                                                   .gather_us = gather_us(p),
                                                   .fn = on_something,
                                                   .ctx = p});
    begin_window(p);
    pump(p);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct part *p = CONTAINER_OF(t, struct part, timer);
    (void)now_us;
    if (may_fill(p)) {
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
    if (p->error[0]) metric_add(kind_of(p)->counters.failing, -1);
}
