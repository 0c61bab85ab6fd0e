/* meta.c - log.meta, line by line. */
#include "log/own/meta.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/text.h"
#include "log/log.h"

static const char meta_path[] = "log.meta";

/* The value of the next line, which begins with `key`. */
static bool line(struct slice *rest, const char *key, struct slice *value)
{
    struct slice text, name;
    if (!slice_split(rest, '\n', &text) || !slice_split(&text, ' ', &name)) return false;
    *value = text;
    return slice_is(name, key);
}

static bool number_line(struct slice *rest, const char *key, uint64_t *out)
{
    struct slice value;
    return line(rest, key, &value) && num_u64(value, out) == OK;
}

static bool epoch_line(struct slice *rest, uint64_t *out)
{
    struct slice value;
    struct buf bytes = {0};
    bool fine = line(rest, "epoch", &value) && text_unhex(&bytes, value) == OK &&
                buf_size(&bytes) == sizeof *out;
    if (fine) memcpy(out, bytes.ptr, sizeof *out);
    buf_free(&bytes);
    return fine;
}

/* ---- streams besides 0 */

const struct meta_stream *meta_find(const struct meta *m, unsigned stream)
{
    for (unsigned i = 0; i < m->stream_count; i++)
        if (m->streams[i].id == stream) return &m->streams[i];
    return NULL;
}

void meta_add(struct meta *m, unsigned stream, unsigned partitions)
{
    assert(m->stream_count < LOG_STREAMS_MAX - 1 && meta_find(m, stream) == NULL);
    unsigned at = m->stream_count++;
    for (; at && m->streams[at - 1].id > stream; at--) m->streams[at] = m->streams[at - 1];
    m->streams[at] = (struct meta_stream){(uint16_t)stream, (uint16_t)partitions};
    m->next_stream = MAX(m->next_stream, stream + 1);
}

void meta_remove(struct meta *m, unsigned stream)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->stream_count; i++)
        if (m->streams[i].id != stream) m->streams[kept++] = m->streams[i];
    m->stream_count = kept;
}

bool meta_was_dropped(const struct meta *m, unsigned stream)
{
    return stream != 0 && stream < m->next_stream && meta_find(m, stream) == NULL;
}

unsigned meta_places(const struct meta *m)
{
    unsigned places = m->partitions;
    for (unsigned i = 0; i < m->stream_count; i++) places += m->streams[i].partitions;
    return places;
}

static bool stream_line(struct slice *rest, struct meta *out)
{
    struct slice value, word;
    uint64_t id, partitions;
    if (!line(rest, "stream", &value) || !slice_split(&value, ' ', &word) ||
        num_u64(word, &id) != OK || num_u64(value, &partitions) != OK)
        return false;
    if (id == 0 || id >= out->next_stream || partitions == 0 || partitions > LOG_PARTITIONS_MAX ||
        out->stream_count == LOG_STREAMS_MAX - 1 || meta_find(out, (unsigned)id) ||
        meta_places(out) + partitions > LOG_PLACES_MAX)
        return false;
    meta_add(out, (unsigned)id, (unsigned)partitions);
    return true;
}

static bool stream_lines(struct slice rest, struct meta *out)
{
    uint64_t next;
    if (!number_line(&rest, "next-stream", &next) || next == 0 || next > LOG_STREAM_IDS_MAX + 1)
        return false;
    out->next_stream = (unsigned)next;
    while (rest.len)
        if (!stream_line(&rest, out)) return false;
    return true;
}

/* What every format has.  A journal said to be smaller than any is would be passed over, with all that it holds. */
static bool fixed_lines(struct slice *rest, struct meta *out)
{
    uint64_t partitions, created;
    if (!number_line(rest, "partitions", &partitions) || partitions == 0 ||
        partitions > LOG_PARTITIONS_MAX || !number_line(rest, "created", &created) ||
        created > INT64_MAX || !number_line(rest, "journal", &out->journal_bytes) ||
        out->journal_bytes < LOG_JOURNAL_MIN || !epoch_line(rest, &out->epoch))
        return false;
    out->partitions = (unsigned)partitions;
    out->created_us = (int64_t)created;
    return true;
}

/* Streams in a file of format 1 are of a damaged number: their directories would be removed as nobody's. */
static enum err parse(struct slice text, struct meta *out)
{
    uint64_t version;
    *out = (struct meta){.next_stream = 1};
    if (!number_line(&text, "azimuth-log", &version) || version == 0)
        return fail(ERR_CORRUPT, "%s: not a log's", meta_path);
    if (version > META_VERSION)
        return fail(ERR_VERSION, "%s: written in format %llu, this program knows up to %d",
                    meta_path, (unsigned long long)version, META_VERSION);
    if (!fixed_lines(&text, out) || (version > 1 ? !stream_lines(text, out) : text.len != 0))
        return fail(ERR_CORRUPT, "%s: damaged", meta_path);
    return OK;
}

enum err meta_load(struct io *io, struct meta *out)
{
    struct buf text = {0};
    enum err err = io_load(io, meta_path, &text);
    if (err == OK) err = parse(buf_slice(&text), out);
    buf_free(&text);
    return err;
}

static void put_streams(struct buf *text, const struct meta *m)
{
    buf_printf(text, "next-stream %u\n", m->next_stream);
    for (unsigned i = 0; i < m->stream_count; i++)
        buf_printf(text, "stream %u %u\n", m->streams[i].id, m->streams[i].partitions);
}

enum err meta_store(struct io *io, const struct meta *m)
{
    struct buf text = {0};
    buf_printf(&text, "azimuth-log %d\npartitions %u\ncreated %lld\njournal %llu\nepoch ",
               m->next_stream > 1 ? 2 : 1, m->partitions, (long long)m->created_us,
               (unsigned long long)m->journal_bytes);
    text_hex(&text, slice_of(&m->epoch, sizeof m->epoch));
    buf_put_u8(&text, '\n');
    if (m->next_stream > 1) put_streams(&text, m);
    enum err err = io_store(io, meta_path, buf_slice(&text));
    buf_free(&text);
    return err;
}
