/* log_rig.c - lanes, writers and readers for tests. */
#include "log/log_rig.h"

#include <stdlib.h>

#include "base/clock.h"

int64_t rig_mono_us, rig_wall_us;

static int64_t read_mono(void)
{
    return rig_mono_us;
}

static int64_t read_wall(void)
{
    return rig_wall_us;
}

static const struct clock_source rig_clock = {read_mono, read_wall};

/* ---- answers */

static void keep_read(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct rig *r = ctx;
    struct log_read_done done;
    memcpy(&done, m->body, sizeof done);
    r->read_count++;
    if (r->read)
        blob_drop(r->read->blob);
    else
        r->read = NEW(struct log_read_done);
    *r->read = done;
}

static void keep_seek(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct rig *r = ctx;
    if (r->seek == NULL) r->seek = NEW(struct log_seek_done);
    memcpy(r->seek, m->body, sizeof *r->seek);
}

static void keep_change(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct rig *r = ctx;
    r->change_count++;
    memcpy(&r->changed, m->body, sizeof r->changed);
}

static void drop_read(struct rig *r)
{
    if (r->read) blob_drop(r->read->blob);
    free(r->read);
    r->read = NULL;
}

static void drop_seek(struct rig *r)
{
    free(r->seek);
    r->seek = NULL;
}

void rig_note(struct lane *lane, struct addr who, uint64_t cookie, enum err result)
{
    struct rig_core *core = slot_get(lane, who);
    struct rig_done d = {(unsigned)(core - core->rig->cores), cookie, result};
    buf_put(&core->rig->done, &d, sizeof d);
}

static void note_relief(void *ctx)
{
    struct rig_core *core = ctx;
    core->reliefs++;
}

/* ---- life */

struct rig *rig_new(void)
{
    clock_use(&rig_clock);
    return NEW(struct rig);
}

static void start_core(struct rig *r, struct rig_core *core)
{
    core->rig = r;
    core->reliefs = 0;
    core->slot = slot_new(&core->lane, core);
    log_writer_init(&core->writer, r->log, &core->lane);
    core->writer.on_relief = note_relief;
    core->writer.relief_ctx = core;
    lane_on(&core->lane, LOG_READ_DONE, keep_read, r);
    lane_on(&core->lane, LOG_SEEK_DONE, keep_seek, r);
    lane_on(&core->lane, LOG_STREAM_DONE, keep_change, r);
}

static void end_lanes(struct rig *r)
{
    for (unsigned i = 0; i < RIG_CORES; i++) lane_fini(&r->cores[i].lane);
    lane_fini(&r->log_lane);
    lane_fini(&r->read_lane);
}

enum err rig_open(struct rig *r, const struct log_config *cfg)
{
    r->cfg = *cfg;
    r->office = (struct office){0};
    for (unsigned i = 0; i < RIG_CORES; i++) lane_init(&r->cores[i].lane, &r->office, "core");
    lane_init(&r->log_lane, &r->office, "log");
    lane_init(&r->read_lane, &r->office, "logread");
    enum err err = log_open(cfg, &r->log_lane, &r->read_lane, &r->log);
    if (err != OK) {
        r->log = NULL;
        end_lanes(r);
        return err;
    }
    for (unsigned i = 0; i < RIG_CORES; i++) start_core(r, &r->cores[i]);
    return OK;
}

void rig_close(struct rig *r)
{
    rig_run(r); /* answers hold references */
    log_close(r->log);
    r->log = NULL;
    for (unsigned i = 0; i < RIG_CORES; i++) log_writer_fini(&r->cores[i].writer);
    end_lanes(r);
    drop_read(r);
    drop_seek(r);
}

void rig_free(struct rig *r)
{
    if (r->log) rig_close(r);
    buf_free(&r->done);
    free(r);
    clock_use(NULL);
}

/* ---- time */

void rig_turn(struct lane *lane)
{
    lane_run_once(lane, rig_mono_us);
}

static bool busy(const struct rig *r)
{
    bool mail = false;
    for (unsigned i = 0; i < r->office.count; i++) mail |= lane_has_mail(r->office.lanes[i]);
    return mail;
}

void rig_run(struct rig *r)
{
    do
        for (unsigned i = 0; i < r->office.count; i++) rig_turn(r->office.lanes[i]);
    while (busy(r));
}

void rig_advance(struct rig *r, int64_t us)
{
    rig_mono_us += us;
    rig_wall_us += us;
    rig_run(r);
}

/* ---- writing */

static uint8_t filler(uint64_t id, size_t at)
{
    return (uint8_t)(id * 31 + at * 7 + (at >> 8));
}

void rig_append(struct rig *r, unsigned core, unsigned partition, uint64_t id, size_t size,
                uint64_t destinations)
{
    struct rig_core *c = &r->cores[core];
    lane_running = &c->lane;
    struct buf *b = log_begin(&c->writer, r->stream, partition, RECORD_TELEMETRY, destinations);
    log_pairs_done(&c->writer, 0);
    uint8_t *body = buf_reserve(b, size);
    memcpy(body, &id, RIG_BODY_MIN);
    for (size_t i = RIG_BODY_MIN; i < size; i++) body[i] = filler(id, i);
    buf_commit(b, size);
    log_end(&c->writer, rig_note, c->slot, id);
}

uint64_t rig_id(const struct record *rec)
{
    uint64_t id;
    if (!record_check(rec->frame) || rec->sections.len < RIG_BODY_MIN) return 0;
    memcpy(&id, rec->sections.ptr, sizeof id);
    for (size_t i = RIG_BODY_MIN; i < rec->sections.len; i++)
        if (rec->sections.ptr[i] != filler(id, i)) return 0;
    return id;
}

size_t rig_done_count(const struct rig *r)
{
    return buf_size(&r->done) / sizeof(struct rig_done);
}

const struct rig_done *rig_done_at(const struct rig *r, size_t index)
{
    return (const struct rig_done *)(const void *)r->done.ptr + index;
}

/* ---- reading */

static void send(struct rig *r, unsigned kind, const void *body, size_t len)
{
    struct msg *m = msg_new(kind, len);
    memcpy(m->body, body, len);
    post(&r->cores[0].lane, r->cores[0].slot, log_addr(r->log), m);
}

static void ask(struct rig *r, unsigned kind, const void *body, size_t len)
{
    send(r, kind, body, len);
    rig_run(r);
}

const struct log_read_done *rig_read(struct rig *r, unsigned partition, uint64_t from, uint32_t max,
                                     bool wait)
{
    struct log_read_msg body = {.stream = (uint16_t)r->stream,
                                .partition = (uint16_t)partition,
                                .max_bytes = max,
                                .wait = wait};
    body.from_ordinal = from;
    drop_read(r);
    ask(r, LOG_READ, &body, sizeof body);
    return r->read;
}

void rig_cancel(struct rig *r, unsigned partition)
{
    struct log_cancel_msg body = {.stream = (uint16_t)r->stream,
                                  .partition = (uint16_t)partition,
                                  .reader = r->cores[0].slot};
    ask(r, LOG_CANCEL, &body, sizeof body);
}

const struct log_seek_done *rig_seek(struct rig *r, unsigned partition, enum log_where where,
                                     int64_t value)
{
    struct log_seek_msg body = {.stream = (uint16_t)r->stream,
                                .partition = (uint16_t)partition,
                                .where = where,
                                .value = value};
    drop_seek(r);
    ask(r, LOG_SEEK, &body, sizeof body);
    return r->seek;
}

struct log_ends rig_ends(struct rig *r, unsigned partition)
{
    struct log_seek_msg body = {.stream = (uint16_t)r->stream, .partition = (uint16_t)partition};
    drop_seek(r);
    ask(r, LOG_ENDS, &body, sizeof body);
    return r->seek->ends;
}

/* One answer's records; the number of the next one, or 0 if something is wrong with them. */
static enum err give_records(const struct log_read_done *d, rig_record_fn fn, void *ctx)
{
    struct slice rest = slice_head(slice_from(blob_slice(d->blob), d->offset), d->len);
    uint64_t ordinal = d->first;
    struct record rec;
    for (; rest.len; rest = slice_from(rest, rec.frame.len), ordinal++) {
        TRY(record_parse(rest, &rec));
        if (rec.ordinal != ordinal) return fail(ERR_CORRUPT, "ordinals are not in a row");
        fn(ctx, &rec);
    }
    return ordinal == d->next && ordinal > d->first ? OK : fail(ERR_CORRUPT, "next is wrong");
}

enum err rig_read_all(struct rig *r, unsigned partition, uint64_t from, uint32_t max,
                      rig_record_fn fn, void *ctx)
{
    while (true) {
        const struct log_read_done *d = rig_read(r, partition, from, max, false);
        if (d == NULL) return fail(ERR_TIMEOUT, "a read was not answered");
        if (d->err == ERR_AGAIN) return from == d->ends.next_ordinal ? OK : ERR_CORRUPT;
        TRY(d->err);
        TRY(give_records(d, fn, ctx));
        from = d->next;
    }
}

/* ---- streams */

void rig_send_change(struct rig *r, unsigned kind, const struct log_stream *s)
{
    struct log_stream_msg body = {*s};
    send(r, kind, &body, sizeof body);
}

struct log_stream_done rig_change(struct rig *r, unsigned kind, const struct log_stream *s)
{
    r->changed = (struct log_stream_done){.err = ERR_TIMEOUT};
    rig_send_change(r, kind, s);
    rig_run(r);
    return r->changed;
}
