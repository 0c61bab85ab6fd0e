/* configurations.c - the second file of a job with includeConfigurations: a line for each configuration.
 *
 *   export: list ─▶ begin the blob ─▶ piece ─▶ piece ... ─▶ end the blob
 *   import: open the blob ─▶ piece ─▶ line ─▶ line ... ─▶ piece ...
 *
 * One of them is under way at any time; a cancellation takes effect when it is answered.  A line is what GET
 * /configurations/{id} answers; an import makes it a configuration or updates the one that is there.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/metrics.h"
#include "base/num.h"
#include "hub/configuration/configuration.h"
#include "hub/transfer/home.h"
#include "hub/transfer/line.h"

COUNTER(exported_total, "azimuth_transfer_configurations_exported_total",
        "Configurations written by export jobs");
COUNTER(imported_total, "azimuth_transfer_configurations_imported_total",
        "Configurations made or updated by import jobs");
COUNTER(given_up_total, "azimuth_transfer_configurations_given_up_total",
        "Files of configurations that were given up: too many of their lines were wrong");

struct configuration_file {
    struct transfer *t;
    void (*fn)(struct transfer *t, const char *failure);
    struct configuration_wait wait;
    bool asks;                 /* the configurations */
    struct buf out;            /* export: lines that are not on their way yet */
    struct buf in;             /* import: of the file, from the line that is under way */
    struct buf errors;         /* import: lines of the log */
    unsigned wrong;            /* so many */
    struct buf json, id, etag; /* of the line under way */
    uint64_t size, offset;
    int64_t modified_us, line;
    bool skips;   /* in the middle of a line that is too long */
    bool updates; /* the configuration is there */
};

static void free_file(struct configuration_file *f)
{
    buf_free(&f->out);
    buf_free(&f->in);
    buf_free(&f->errors);
    buf_free(&f->json);
    buf_free(&f->id);
    buf_free(&f->etag);
    free(f);
}

void transfer_configurations_free(struct transfer *t)
{
    struct configuration_file *f = t->file;
    if (f == NULL) return;
    if (f->asks) configuration_forget(t->all->configurations, &f->wait);
    free_file(f);
    t->file = NULL;
}

struct slice transfer_configurations_errors(const struct transfer *t)
{
    return buf_slice(&t->file->errors);
}

static void end(struct configuration_file *f, const char *failure)
{
    f->fn(f->t, failure);
}

/* ---- export */

static void write_on(struct configuration_file *f);

static void on_written(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct configuration_file *f = transfer_answered(w)->file;
    if (a->err != OK)
        end(f, a->text);
    else
        write_on(f);
}

static void on_ended(struct blobs_wait *w, const struct blobs_answer *a)
{
    end(transfer_answered(w)->file, a->err == OK ? NULL : a->text);
}

static void write_on(struct configuration_file *f)
{
    struct transfer *t = f->t;
    struct slice piece = slice_head(buf_slice(&f->out), PLACE_PIECE);
    if (t->stopping) {
        end(f, NULL);
    } else if (piece.len) {
        sink_append(&t->sink, piece, transfer_wait_blob(t, on_written));
        buf_consume(&f->out, piece.len);
    } else {
        sink_end(&t->sink, transfer_wait_blob(t, on_ended));
    }
}

static void on_begun(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK) {
        end(t->file, a->text);
        return;
    }
    sink_begun(&t->sink, a);
    write_on(t->file);
}

static enum err take_list(struct configuration_file *f, struct slice body)
{
    struct arena arena = {0};
    struct json *list;
    enum err e = json_parse(&arena, body, &list);
    for (const struct json *j = e == OK ? list->child : NULL; j; j = j->next) {
        json_write(&f->out, j);
        buf_put_u8(&f->out, '\n');
        f->t->row.lines++;
        metric_inc(&exported_total);
    }
    arena_free(&arena);
    return e;
}

static void on_listed(struct configuration_wait *w, const struct configuration_answer *a)
{
    struct configuration_file *f = CONTAINER_OF(w, struct configuration_file, wait);
    struct transfer *t = f->t;
    f->asks = false;
    if (a->status != STATUS_OK || take_list(f, a->body) != OK)
        end(f, "the configurations cannot be listed now");
    else
        sink_begin(&t->sink, &t->configurations, transfer_wait_blob(t, on_begun));
}

/* ---- import: a line */

static void read_on(struct configuration_file *f);

static void note_error(struct configuration_file *f, enum status s, struct slice text)
{
    struct slice id = buf_size(&f->id) ? buf_slice(&f->id) : SLICE_LIT("");
    f->t->row.failed++;
    f->wrong++;
    transfer_line_put_error(&f->errors, &(struct line_error){.line = f->line,
                                                             .configuration_id = id,
                                                             .code = status_number(s),
                                                             .text = text});
}

static void put(struct configuration_file *f);

static void on_put(struct configuration_wait *w, const struct configuration_answer *a)
{
    struct configuration_file *f = CONTAINER_OF(w, struct configuration_file, wait);
    f->asks = false;
    if (a->status == STATUS_CONFIGURATION_ALREADY_EXISTS && !f->updates) {
        f->updates = true;
        put(f);
        return;
    }
    if (a->status == STATUS_OK)
        metric_inc(&imported_total);
    else
        note_error(f, a->status, a->text);
    read_on(f);
}

static void put(struct configuration_file *f)
{
    struct slice etag = buf_size(&f->etag) ? buf_slice(&f->etag) : SLICE_LIT("*");
    f->wait = (struct configuration_wait){.fn = on_put};
    f->asks = true;
    configuration_put(f->t->all->configurations, buf_slice(&f->id), f->updates ? etag : SLICE_NONE,
                      buf_slice(&f->json), &f->wait);
}

static void keep(struct buf *out, struct slice text)
{
    buf_clear(out);
    buf_put_slice(out, text);
}

/* ERR_INVALID: with a text. */
static enum err read_line(struct configuration_file *f, struct slice text)
{
    struct arena arena = {0};
    struct json *j;
    enum err e = json_parse(&arena, text, &j);
    if (e == OK && (j->type != JSON_OBJECT || json_str(j, "id").len == 0))
        e = fail(ERR_INVALID, "a line is an object with an id");
    if (e == OK) {
        struct slice mode = json_str(j, "importMode");
        bool matches = slice_is_nocase(mode, "createOrUpdateIfMatchETag");
        keep(&f->id, json_str(j, "id"));
        keep(&f->json, text);
        keep(&f->etag, matches ? json_str(j, "etag") : SLICE_NONE);
        if (mode.len && !matches && !slice_is_nocase(mode, "createOrUpdate"))
            e = fail(ERR_INVALID, "importMode of a configuration is createOrUpdate or "
                                  "createOrUpdateIfMatchETag");
    }
    arena_free(&arena);
    return e;
}

/* false: the line has had its turn. */
static bool begin_line(struct configuration_file *f, struct slice text)
{
    text = slice_trim(text);
    f->line++;
    if (text.len == 0) return false;
    f->t->row.lines++;
    f->updates = false;
    buf_clear(&f->id);
    if (text.len > CONFIGURATION_BODY_MAX)
        note_error(f, STATUS_MESSAGE_TOO_LARGE, SLICE_LIT("a configuration has at most 256 KiB"));
    else if (read_line(f, text) != OK)
        note_error(f, STATUS_ARGUMENT_INVALID, slice_str(fail_text()));
    else
        return true;
    return false;
}

/* ---- import: the file */

static void on_piece(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct configuration_file *f = transfer_answered(w)->file;
    if (a->err != OK) {
        end(f, a->text);
        return;
    }
    buf_put_slice(&f->in, a->bytes);
    f->offset += a->bytes.len;
    read_on(f);
}

/* What there is has no end of line and is too long already. */
static void skip_long_line(struct configuration_file *f)
{
    if (buf_size(&f->in) <= TRANSFER_LINE_MAX) return;
    if (!f->skips) begin_line(f, buf_slice(&f->in));
    f->skips = true;
    buf_clear(&f->in);
}

static void read_more(struct configuration_file *f)
{
    skip_long_line(f);
    source_read(&f->t->configurations, f->modified_us, f->offset,
                (uint32_t)MIN(f->size - f->offset, PLACE_PIECE),
                transfer_wait_blob(f->t, on_piece));
}

/* What is said of them is in memory. */
static bool is_hopeless(const struct configuration_file *f)
{
    return f->wrong > TRANSFER_WRONG_CONFIGURATIONS_MAX;
}

static void give_up(struct configuration_file *f)
{
    static_assert(TRANSFER_WRONG_CONFIGURATIONS_MAX == 1000, "the text says so");
    metric_inc(&given_up_total);
    end(f, "more than 1000 of its lines are wrong");
}

static void read_on(struct configuration_file *f)
{
    struct slice line;
    size_t taken = 0;
    bool begun = false;
    while (!f->t->stopping && !begun && !is_hopeless(f) &&
           transfer_line_next(buf_slice(&f->in), &taken, f->offset == f->size, &line)) {
        begun = !f->skips && begin_line(f, line);
        f->skips = false;
    }
    buf_consume(&f->in, taken);
    if (is_hopeless(f))
        give_up(f);
    else if (begun)
        put(f);
    else if (f->t->stopping || f->offset == f->size)
        end(f, NULL);
    else
        read_more(f);
}

static void on_opened(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct configuration_file *f = transfer_answered(w)->file;
    if (a->err != OK) {
        end(f, a->text);
        return;
    }
    f->size = a->props.size;
    f->modified_us = a->props.modified_us;
    read_on(f);
}

/* ---- either */

void transfer_configurations_begin(struct transfer *t,
                                   void (*fn)(struct transfer *t, const char *failure))
{
    struct configuration_file *f = t->file = NEW(struct configuration_file);
    f->t = t;
    f->fn = fn;
    if (t->row.type == TRANSFER_IMPORT) {
        source_open(&t->configurations, false, transfer_wait_blob(t, on_opened));
        return;
    }
    f->wait = (struct configuration_wait){.fn = on_listed};
    f->asks = true;
    configuration_list(t->all->configurations, &f->wait);
}
