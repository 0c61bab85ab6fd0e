/* streams.c - streams that come and go while the log runs.
 *
 *   make:  directories (logread lane) ──▶ log.meta ──▶ answered: it is there
 *   drop:  log.meta ──▶ not found any more, directories removed (logread lane) ──▶ answered
 *
 * log.meta decides: a crash before it was replaced leaves directories that belong to nothing, which
 * the next start removes; what the journal has of a stream that is not there is passed over.  The
 * number of a stream is never given again, so those records cannot come up in another one.
 */
#include <stdlib.h>

#include "base/say.h"
#include "log/own/own.h"

static void publish_count(struct log *l, unsigned stream, unsigned partitions)
{
    atomic_store_explicit(&l->counts[stream], (uint16_t)partitions, memory_order_relaxed);
}

/* The stream is there from now on, with what the archive has of it; before the lanes run. */
static void start_stream(struct log *l, unsigned stream, unsigned partitions)
{
    struct tail_stream *s = tails_add_stream(&l->tails, stream, partitions);
    for (unsigned i = 0; i < partitions; i++) {
        const struct shelf *shelf = archive_shelf(&l->archive, s->partitions[i].id);
        tails_start(&s->partitions[i], shelf_first(shelf), shelf->next);
    }
    publish_count(l, stream, partitions);
}

/* ---- one change at a time */

static void answer(struct log *l, const struct msg *m, enum err err, unsigned stream)
{
    struct log_stream_done done = {err, (uint16_t)stream};
    struct msg *reply = msg_new(LOG_STREAM_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(l->lane, m, reply);
}

static struct log_stream stream_of(const struct msg *m)
{
    struct log_stream_msg body;
    memcpy(&body, m->body, sizeof body);
    return body.stream;
}

static void finish(struct log *l, enum err err, unsigned stream)
{
    struct msg *m = l->change;
    l->change = NULL;
    answer(l, m, err, stream);
    msg_free(m);
}

static void ask_files(struct log *l, unsigned kind, const struct log_stream *s)
{
    struct files_msg body = {kind, *s};
    struct msg *m = msg_new(LOG_FILES, sizeof body);
    memcpy(m->body, &body, sizeof body);
    post(l->lane, lane_addr(l->lane), lane_addr(l->read_lane), m);
}

static enum err check_make(const struct log *l, const struct log_stream *s)
{
    if (s->partitions == 0 || s->partitions > LOG_PARTITIONS_MAX) return ERR_INVALID;
    bool full = l->meta.stream_count + 1 >= LOG_STREAMS_MAX ||
                l->meta.next_stream > LOG_STREAM_IDS_MAX ||
                meta_places(&l->meta) + s->partitions > LOG_PLACES_MAX;
    return full ? ERR_FULL : OK;
}

static enum err make(struct log *l, struct log_stream *s)
{
    TRY(check_make(l, s));
    s->stream = (uint16_t)l->meta.next_stream;
    struct log_stream_msg body = {*s};
    memcpy(l->change->body, &body, sizeof body);
    ask_files(l, LOG_STREAM_MAKE, s);
    return OK;
}

static enum err keep(struct log *l, const struct log_stream *s)
{
    if (meta_find(&l->meta, s->stream) == NULL) return ERR_NOT_FOUND;
    ask_files(l, LOG_STREAM_KEEP, s);
    return OK;
}

/* As with any other failed write or sync, nothing is promised from now on. */
static enum err note_failure(struct log *l, enum err err)
{
    if (err != OK && err != ERR_FULL) own_poison(l);
    return err;
}

static enum err drop(struct log *l, const struct log_stream *s)
{
    struct meta without = l->meta;
    if (meta_find(&l->meta, s->stream) == NULL) return ERR_NOT_FOUND;
    meta_remove(&without, s->stream);
    TRY(note_failure(l, meta_store(l->cfg.io, &without)));
    l->meta = without;
    publish_count(l, s->stream, 0);
    l->leaving = tails_take_stream(&l->tails, s->stream);
    reads_refuse(l, l->leaving);
    ask_files(l, LOG_STREAM_DROP, s);
    return OK;
}

static enum err begin(struct log *l, unsigned kind)
{
    struct log_stream s = stream_of(l->change);
    if (!log_healthy(l)) return ERR_IO;
    switch (kind) {
    case LOG_STREAM_MAKE: return make(l, &s);
    case LOG_STREAM_KEEP: return keep(l, &s);
    default: return drop(l, &s);
    }
}

static void on_change(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    if (l->change) {
        answer(l, m, ERR_THROTTLED, stream_of(m).stream);
        return;
    }
    msg_keep(m);
    l->change = m;
    enum err err = begin(l, m->kind);
    if (err != OK) finish(l, err, stream_of(m).stream);
}

/* The directories are there. */
static enum err made(struct log *l, const struct log_stream *s)
{
    struct meta with = l->meta;
    meta_add(&with, s->stream, s->partitions);
    l->meta.next_stream = with.next_stream; /* the file may have it even after an error */
    enum err err = note_failure(l, meta_store(l->cfg.io, &with));
    if (err != OK) {
        ask_files(l, LOG_STREAM_DROP, s);
        return err;
    }
    l->meta = with;
    tails_add_stream(&l->tails, s->stream, s->partitions);
    publish_count(l, s->stream, s->partitions);
    return OK;
}

/* What was taken back after an error: its answer is the second one. */
static bool is_undone(const struct log *l, const struct log_stream *s)
{
    return l->change->kind == LOG_STREAM_MAKE && s->stream < l->meta.next_stream;
}

static void on_files_done(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    struct log *l = ctx;
    struct files_done done;
    struct log_stream s = stream_of(l->change);
    memcpy(&done, m->body, sizeof done);
    if (l->leaving) {
        tails_free_stream(&l->tails, l->leaving);
        l->leaving = NULL;
    }
    if (note_failure(l, done.err) != OK && l->change->kind == LOG_STREAM_DROP)
        done.err = OK; /* log.meta does not have it any more */
    else if (is_undone(l, &s))
        done.err = log_healthy(l) ? ERR_FULL : ERR_IO; /* what else there is poisons */
    else if (done.err == OK && l->change->kind == LOG_STREAM_MAKE && (done.err = made(l, &s)) != OK)
        return;
    finish(l, done.err, s.stream);
}

/* ---- before the lanes run */

static bool is_wanted(unsigned stream, const struct log_stream *streams, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (streams[i].stream == stream) return true;
    return false;
}

static enum err drop_unwanted(struct log *l, const struct meta *old)
{
    for (unsigned i = 0; i < old->stream_count; i++) {
        unsigned stream = old->streams[i].id;
        if (meta_find(&l->meta, stream)) continue;
        say_info("log.stream_dropped", "stream=%u reason=\"it belongs to nothing\"", stream);
        publish_count(l, stream, 0);
        tails_free_stream(&l->tails, tails_take_stream(&l->tails, stream));
        TRY(archive_remove(&l->archive, stream));
    }
    return OK;
}

/* What the log is to have besides stream 0. */
static enum err plan(const struct meta *old, const struct log_stream *streams, unsigned count,
                     struct meta *out)
{
    *out = *old;
    for (unsigned i = 0; i < old->stream_count; i++)
        if (!is_wanted(old->streams[i].id, streams, count)) meta_remove(out, old->streams[i].id);
    for (unsigned i = 0; i < count; i++) {
        const struct log_stream *s = &streams[i];
        const struct meta_stream *there = meta_find(out, s->stream);
        if (there && there->partitions != s->partitions)
            return fail(ERR_CORRUPT, "stream %u was made with %u partitions, not %u", s->stream,
                        there->partitions, s->partitions);
        if (there == NULL && out->stream_count + 1 >= LOG_STREAMS_MAX)
            return fail(ERR_FULL, "the log has at most %d streams", LOG_STREAMS_MAX);
        if (there == NULL) meta_add(out, s->stream, s->partitions);
    }
    return OK;
}

static bool same_streams(const struct meta *a, const struct meta *b)
{
    return a->next_stream == b->next_stream && a->stream_count == b->stream_count &&
           memcmp(a->streams, b->streams, a->stream_count * sizeof *a->streams) == 0;
}

static enum err add_missing(struct log *l, const struct meta *wanted)
{
    for (unsigned i = 0; i < wanted->stream_count; i++) {
        const struct meta_stream *s = &wanted->streams[i];
        if (meta_find(&l->meta, s->id)) continue;
        TRY(archive_add(&l->archive, s->id, s->partitions));
        start_stream(l, s->id, s->partitions);
    }
    return OK;
}

enum err log_streams_set(struct log *l, const struct log_stream *streams, unsigned count)
{
    struct meta wanted, old = l->meta;
    TRY(plan(&old, streams, count, &wanted));
    TRY(add_missing(l, &wanted));
    if (!same_streams(&old, &wanted)) TRY(meta_store(l->cfg.io, &wanted));
    l->meta = wanted;
    TRY(drop_unwanted(l, &old));
    for (unsigned i = 0; i < count; i++) files_keep(l, streams[i].stream, &streams[i].keep);
    return OK;
}

void streams_init(struct log *l)
{
    l->counts = mem_zero((LOG_STREAM_IDS_MAX + 1) * sizeof *l->counts);
    start_stream(l, 0, l->meta.partitions);
    for (unsigned i = 0; i < l->meta.stream_count; i++)
        start_stream(l, l->meta.streams[i].id, l->meta.streams[i].partitions);
    lane_on(l->lane, LOG_STREAM_MAKE, on_change, l);
    lane_on(l->lane, LOG_STREAM_KEEP, on_change, l);
    lane_on(l->lane, LOG_STREAM_DROP, on_change, l);
    lane_on(l->lane, LOG_FILES_DONE, on_files_done, l);
}

void streams_fini(struct log *l)
{
    if (l->leaving) tails_free_stream(&l->tails, l->leaving);
    if (l->change) msg_free(l->change);
    free(l->counts);
}
