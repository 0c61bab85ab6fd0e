/* recover.c - from what a stop or a crash left to an empty journal and whole segments.
 *
 * Records are written to segments only after they were committed, and the journal keeps a record
 * until it is durable in a segment.  So each partition's segments end at or before the journal's
 * newest record, and never begin after its oldest needed one: replaying is skipping what segments
 * have and appending the rest.  When that is durable a new epoch empties the journal.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/say.h"
#include "log/own/own.h"

/* Replayed frames gather per partition, to be written in larger pieces. */
struct replay {
    struct log *log;
    struct buf *frames;
    struct mark *next; /* behind them */
    uint64_t found, records;
};

static enum err write_frames(struct replay *r, struct shelf *s)
{
    struct buf *b = &r->frames[archive_place(&r->log->archive, s->id)];
    if (buf_size(b) == 0) return OK;
    TRY(archive_write(&r->log->archive, s, buf_slice(b)));
    buf_clear(b);
    return OK;
}

static enum err replay_record(void *ctx, const struct record *rec)
{
    struct replay *r = ctx;
    r->found++;
    struct archive *a = &r->log->archive;
    struct shelf *s = archive_shelf(a, (struct shelf_id){rec->stream, rec->partition});
    if (s == NULL && meta_was_dropped(&r->log->meta, rec->stream)) return OK;
    if (s == NULL)
        return fail(ERR_CORRUPT, "journal: a record of partition %u/%u", rec->stream,
                    rec->partition);
    unsigned place = archive_place(a, s->id);
    struct mark *next = &r->next[place];
    if (rec->ordinal < next->ordinal) return OK;
    if (!mark_takes(next, rec))
        return fail(ERR_CORRUPT, "journal: record %llu of partition %u/%u follows %llu",
                    (unsigned long long)rec->ordinal, rec->stream, rec->partition,
                    (unsigned long long)next->ordinal);
    mark_pass(next, rec);
    r->records++;
    buf_put_slice(&r->frames[place], rec->frame);
    return buf_size(&r->frames[place]) < CHUNK_MAX ? OK : write_frames(r, s);
}

static enum err replay_all(struct replay *r)
{
    TRY(journal_replay(&r->log->journal, replay_record, r));
    const struct archive *a = &r->log->archive;
    for (unsigned i = 0; i < a->rack_count; i++)
        for (unsigned p = 0; p < a->racks[i].partitions; p++)
            TRY(write_frames(r, &a->racks[i].shelves[p]));
    return archive_sync(&r->log->archive);
}

/* Behind what the segments have. */
static void put_marks(const struct archive *a, struct mark *next)
{
    for (unsigned i = 0; i < a->rack_count; i++)
        for (unsigned p = 0; p < a->racks[i].partitions; p++) *next++ = a->racks[i].shelves[p].next;
}

static enum err replay(struct log *l, bool *found)
{
    unsigned count = archive_places(&l->archive);
    struct replay r = {.log = l};
    r.frames = mem_zero(count * sizeof *r.frames);
    r.next = mem_zero(count * sizeof *r.next);
    put_marks(&l->archive, r.next);
    int64_t began = clock_mono_us();
    enum err err = replay_all(&r);
    if (err == OK && r.found)
        say_info("log.recovered", "records=%llu in_journal=%llu ms=%lld",
                 (unsigned long long)r.records, (unsigned long long)r.found,
                 (long long)(clock_mono_us() - began) / 1000);
    for (unsigned i = 0; i < count; i++) buf_free(&r.frames[i]);
    free(r.frames);
    free(r.next);
    *found = r.found > 0;
    return err;
}

/* The file is never shorter than log.meta says. */
static enum err resize_journal(struct log *l)
{
    uint64_t bytes = l->cfg.journal_bytes;
    if (bytes < l->meta.journal_bytes) {
        l->meta.journal_bytes = bytes;
        l->meta.epoch = rand_u64();
        TRY(meta_store(l->cfg.io, &l->meta));
    }
    journal_close(&l->journal);
    TRY(journal_create(l->cfg.io, bytes));
    l->meta.journal_bytes = bytes;
    return journal_open(&l->journal, l->cfg.io, bytes, l->meta.epoch);
}

/* Everything is durable in segments: what the journal holds is history. */
static enum err renew_epoch(struct log *l)
{
    if (l->meta.journal_bytes != l->cfg.journal_bytes) TRY(resize_journal(l));
    l->meta.epoch = rand_u64();
    TRY(meta_store(l->cfg.io, &l->meta));
    journal_restart(&l->journal, l->meta.epoch);
    return OK;
}

static enum err open_journal(struct log *l)
{
    enum err err = journal_open(&l->journal, l->cfg.io, l->meta.journal_bytes, l->meta.epoch);
    return err == ERR_NOT_FOUND ? fail(ERR_CORRUPT, "the log's journal is missing") : err;
}

static enum err replay_into_archive(struct log *l)
{
    bool found;
    TRY(open_journal(l));
    TRY(replay(l, &found));
    return found || l->meta.journal_bytes != l->cfg.journal_bytes ? renew_epoch(l) : OK;
}

enum err recover(struct log *l)
{
    struct log_retention keep = {l->cfg.retention_us, l->cfg.retention_bytes};
    TRY(archive_open(&l->archive, l->cfg.io, &l->meta, l->cfg.segment_bytes, false));
    archive_keep(&l->archive, 0, &keep);
    enum err err = replay_into_archive(l);
    if (err == OK) return OK;
    journal_close(&l->journal);
    archive_close(&l->archive);
    return err;
}

enum err settle(struct log *l)
{
    bool written = false;
    for (struct partition *p = NULL; (p = tails_next(&l->tails, p)) != NULL;) {
        struct shelf *s = archive_shelf(&l->archive, p->id);
        struct slice frames;
        p->requested = s->next.ordinal;
        while (tails_next_write(p, true, &frames)) TRY(archive_write(&l->archive, s, frames));
    }
    written = l->journal.commit > 1;
    TRY(archive_sync(&l->archive));
    return written ? renew_epoch(l) : OK;
}
