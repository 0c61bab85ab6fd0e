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

static enum err parse(struct slice text, struct meta *out)
{
    uint64_t version, partitions, created;
    if (!number_line(&text, "azimuth-log", &version))
        return fail(ERR_CORRUPT, "%s: not a log's", meta_path);
    if (version > META_VERSION)
        return fail(ERR_VERSION, "%s: written in format %llu, this program knows up to %d",
                    meta_path, (unsigned long long)version, META_VERSION);
    if (!number_line(&text, "partitions", &partitions) || partitions == 0 ||
        partitions > LOG_PARTITIONS_MAX || !number_line(&text, "created", &created) ||
        !number_line(&text, "journal", &out->journal_bytes) || !epoch_line(&text, &out->epoch))
        return fail(ERR_CORRUPT, "%s: damaged", meta_path);
    out->partitions = (unsigned)partitions;
    out->created_us = (int64_t)created;
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

enum err meta_store(struct io *io, const struct meta *m)
{
    struct buf text = {0};
    buf_printf(&text, "azimuth-log %d\npartitions %u\ncreated %lld\njournal %llu\nepoch ",
               META_VERSION, m->partitions, (long long)m->created_us,
               (unsigned long long)m->journal_bytes);
    text_hex(&text, slice_of(&m->epoch, sizeof m->epoch));
    buf_put_u8(&text, '\n');
    enum err err = io_store(io, meta_path, buf_slice(&text));
    buf_free(&text);
    return err;
}
