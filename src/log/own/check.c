/* check.c - reads a whole log that nobody has open, changing nothing. */
#include <stdlib.h>

#include "base/mem.h"
#include "log/own/archive.h"
#include "log/own/journal.h"
#include "log/own/meta.h"

struct check {
    const struct meta *meta;
    struct log_check *out;
    struct archive *archive;
    struct mark *next; /* by archive_place() */
};

static struct mark *next_of(struct check *c, const struct record *r)
{
    return &c->next[archive_place(c->archive, (struct shelf_id){r->stream, r->partition})];
}

static void count(struct check *c, const struct record *r)
{
    c->out->records++;
    c->out->bytes += r->frame.len;
    mark_pass(next_of(c, r), r);
}

static enum err check_segment_record(void *ctx, const struct record *r)
{
    struct check *c = ctx;
    if (archive_shelf(c->archive, (struct shelf_id){r->stream, r->partition}) == NULL)
        return fail(ERR_CORRUPT, "record %llu belongs to partition %u/%u",
                    (unsigned long long)r->ordinal, r->stream, r->partition);
    count(c, r);
    return OK;
}

/* What the journal has and the segments do not yet. */
static enum err check_journal_record(void *ctx, const struct record *r)
{
    struct check *c = ctx;
    const struct shelf *s = archive_shelf(c->archive, (struct shelf_id){r->stream, r->partition});
    if (s == NULL && meta_was_dropped(c->meta, r->stream)) return OK;
    if (s == NULL)
        return fail(ERR_CORRUPT, "journal: a record of partition %u/%u", r->stream, r->partition);
    const struct mark *next = next_of(c, r);
    if (r->ordinal < next->ordinal) return OK;
    if (!mark_takes(next, r))
        return fail(ERR_CORRUPT, "journal: record %llu of partition %u/%u follows %llu",
                    (unsigned long long)r->ordinal, r->stream, r->partition,
                    (unsigned long long)next->ordinal);
    count(c, r);
    return OK;
}

static enum err check_rack(struct check *c, const struct rack *r)
{
    for (unsigned p = 0; p < r->partitions; p++) {
        struct shelf *s = &r->shelves[p];
        struct mark first = c->next[archive_place(c->archive, s->id)] = shelf_first(s);
        TRY(archive_walk(c->archive, s, check_segment_record, c));
        if (r->stream) continue;
        c->out->ends[p].first_ordinal = first.ordinal;
        c->out->ends[p].first_sequence = first.sequence;
    }
    return OK;
}

static enum err check_archive(struct check *c)
{
    for (unsigned i = 0; i < c->archive->rack_count; i++) TRY(check_rack(c, &c->archive->racks[i]));
    return OK;
}

static enum err check_journal(struct check *c, struct io *io)
{
    struct journal j;
    TRY(journal_open(&j, io, c->meta->journal_bytes, c->meta->epoch));
    enum err err = journal_replay(&j, check_journal_record, c);
    journal_close(&j);
    return err;
}

enum err log_check(struct io *io, struct log_check *out)
{
    struct meta meta;
    struct archive archive;
    struct check c = {.meta = &meta, .out = out, .archive = &archive};
    *out = (struct log_check){0};
    TRY(meta_load(io, &meta));
    TRY(archive_open(&archive, io, &meta, LOG_SEGMENT_MAX, true));
    c.next = mem_zero(archive_places(&archive) * sizeof *c.next);
    enum err err = check_archive(&c);
    if (err == OK) err = check_journal(&c, io);
    for (unsigned i = 0; i < meta.partitions; i++) {
        out->ends[i].next_ordinal = c.next[i].ordinal;
        out->ends[i].next_sequence = c.next[i].sequence;
        out->ends[i].last_enqueued_us = c.next[i].visible_us;
    }
    free(c.next);
    archive_close(&archive);
    return err;
}
