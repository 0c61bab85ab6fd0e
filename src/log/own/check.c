/* check.c - reads a whole log that nobody has open, changing nothing. */
#include "log/own/archive.h"
#include "log/own/journal.h"
#include "log/own/meta.h"

struct check {
    const struct meta *meta;
    struct log_check *out;
    struct mark next[LOG_PARTITIONS_MAX];
};

static void count(struct check *c, const struct record *r)
{
    c->out->records++;
    c->out->bytes += r->frame.len;
    mark_pass(&c->next[r->partition], r);
}

static enum err check_segment_record(void *ctx, const struct record *r)
{
    struct check *c = ctx;
    if (r->partition >= c->meta->partitions)
        return fail(ERR_CORRUPT, "record %llu belongs to partition %u",
                    (unsigned long long)r->ordinal, r->partition);
    count(c, r);
    return OK;
}

/* What the journal has and the segments do not yet. */
static enum err check_journal_record(void *ctx, const struct record *r)
{
    struct check *c = ctx;
    if (r->stream != 0 || r->partition >= c->meta->partitions)
        return fail(ERR_CORRUPT, "journal: a record of partition %u/%u", r->stream, r->partition);
    if (r->ordinal < c->next[r->partition].ordinal) return OK;
    if (!mark_takes(&c->next[r->partition], r))
        return fail(ERR_CORRUPT, "journal: record %llu of partition %u follows %llu",
                    (unsigned long long)r->ordinal, r->partition,
                    (unsigned long long)c->next[r->partition].ordinal);
    count(c, r);
    return OK;
}

static enum err check_archive(struct check *c, struct archive *a)
{
    for (unsigned i = 0; i < c->meta->partitions; i++) {
        struct mark first = c->next[i] = archive_first(a, i);
        TRY(archive_walk(a, i, check_segment_record, c));
        c->out->ends[i].first_ordinal = first.ordinal;
        c->out->ends[i].first_sequence = first.sequence;
    }
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
    struct check c = {.meta = &meta, .out = out};
    *out = (struct log_check){0};
    TRY(meta_load(io, &meta));
    TRY(archive_open(&archive, io, meta.partitions, LOG_SEGMENT_MAX, true));
    enum err err = check_archive(&c, &archive);
    if (err == OK) err = check_journal(&c, io);
    for (unsigned i = 0; i < meta.partitions; i++) {
        out->ends[i].next_ordinal = c.next[i].ordinal;
        out->ends[i].next_sequence = c.next[i].sequence;
        out->ends[i].last_enqueued_us = c.next[i].visible_us;
    }
    archive_close(&archive);
    return err;
}
