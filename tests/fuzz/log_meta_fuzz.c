/* log_meta_fuzz.c - log.meta as a start finds it: it is refused, or says what can be, is written again the same, and
 * a log whose journal is there opens with it.
 *
 * Input: the file.
 */
#include "base/io_mem.h"
#include "base/say.h"
#include "fuzz.h"
#include "log/log_rig.h"
#include "log/own/own.h"

enum { OPENED_PLACES_MAX = 8 };

static void check_streams(const struct meta *m)
{
    assert(m->stream_count < LOG_STREAMS_MAX && m->next_stream <= LOG_STREAM_IDS_MAX + 1);
    assert(meta_places(m) <= LOG_PLACES_MAX);
    for (unsigned i = 0; i < m->stream_count; i++) {
        const struct meta_stream *s = &m->streams[i];
        assert(s->id > 0 && s->id < m->next_stream && meta_find(m, s->id) == s);
        assert(i == 0 || s[-1].id < s->id);
        assert(s->partitions > 0 && s->partitions <= LOG_PARTITIONS_MAX);
        assert(!meta_was_dropped(m, s->id));
    }
}

static bool same(const struct meta *a, const struct meta *b)
{
    return a->partitions == b->partitions && a->created_us == b->created_us &&
           a->journal_bytes == b->journal_bytes && a->epoch == b->epoch &&
           a->next_stream == b->next_stream && a->stream_count == b->stream_count &&
           memcmp(a->streams, b->streams, a->stream_count * sizeof *a->streams) == 0;
}

static void check_round(struct io *io, const struct meta *m)
{
    struct meta again;
    enum err e = meta_store(io, m);
    if (e == OK) e = meta_load(io, &again);
    assert(e == OK && same(m, &again));
}

/* As when a stream goes and another one comes. */
static void check_change(struct io *io, struct meta *m)
{
    unsigned gone = m->stream_count ? m->streams[m->stream_count / 2].id : 0;
    meta_remove(m, gone);
    assert(meta_was_dropped(m, gone) == (gone != 0));
    if (m->next_stream <= LOG_STREAM_IDS_MAX && m->stream_count < LOG_STREAMS_MAX - 1 &&
        meta_places(m) < LOG_PLACES_MAX)
        meta_add(m, m->next_stream, 1);
    check_streams(m);
    check_round(io, m);
}

static void check_opens(struct io *io, const struct meta *m)
{
    struct log_config cfg = {
        .io = io, .partitions = m->partitions, .journal_bytes = LOG_JOURNAL_MIN};
    if (m->journal_bytes > 2 * LOG_JOURNAL_MIN || meta_places(m) > OPENED_PLACES_MAX) return;
    enum err e = journal_create(io, m->journal_bytes);
    assert(e == OK);
    for (unsigned starts = 0; starts < 2; starts++) {
        struct rig *r = rig_new();
        e = rig_open(r, &cfg);
        assert(e == OK);
        for (unsigned i = 0; i < m->stream_count; i++)
            assert(log_partitions(r->log, m->streams[i].id) == m->streams[i].partitions);
        rig_free(r);
    }
}

void fuzz_one(struct slice input)
{
    struct io *io = io_mem_new();
    struct meta m;
    say_level_max = SAY_ERROR;
    enum err e = io_store(io, "log.meta", input);
    assert(e == OK);
    e = meta_load(io, &m);
    assert(e == OK || e == ERR_CORRUPT || e == ERR_VERSION);
    if (e == OK) {
        check_streams(&m);
        check_round(io, &m);
        check_opens(io, &m);
        check_change(io, &m);
    }
    io_free(io);
}
