/* import.c - a file piece by piece, its lines in bulks, and the log of what could not be done.
 *
 *   blob ──pieces──▶ `in` ──lines──▶ bulk being filled ──▶ bulks at the registry ──errors──▶ log ──▶ blob
 *
 * A line whose identity is in a bulk that is not answered yet waits for that: what a file says of one
 * identity happens in its order.  A line that is refused because too much waits is said again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/num.h"
#include "hub/transfer/home.h"
#include "hub/transfer/line.h"

COUNTER(imported_total, "azimuth_transfer_imported_total", "Lines of import jobs that were done");
COUNTER(failed_total, "azimuth_transfer_failed_lines_total", "Lines of import jobs that were not");

enum {
    IMPORT_BULKS = 4,              /* at the registry, or being filled, at a time */
    IMPORT_BULK_BYTES = 768 << 10, /* of its lines */
    IMPORT_TRIES = 120,            /* of a line that is refused because too much waits */
    AROUND_LINE_MAX = 4,           /* bytes that are not its content: a byte order mark, CR */
};
static_assert((int)TRANSFER_LINE_MAX < (int)IMPORT_BULK_BYTES, "a line fits a bulk");
static_assert((int)IMPORT_BULK_BYTES + REGISTRY_BULK_MAX + 2 <= (int)REGISTRY_BULK_BODY_MAX,
              "so does that");

struct item {
    int64_t number;
    struct slice json, device_id, module_id; /* in the bulk's arena */
    uint64_t who;                            /* its hash */
    bool again;
};

struct bulk {
    struct import *import;
    struct registry_wait wait;
    struct timer timer;
    struct arena arena;
    size_t bytes;
    unsigned count, tries;
    bool asks; /* the registry */
    struct item items[REGISTRY_BULK_MAX];
};

struct import {
    struct transfer *t;
    struct buf in, errors;
    uint64_t size, offset; /* of the file; what was read of it */
    int64_t modified_us;
    int64_t line;        /* the number of the newest line */
    uint64_t done_bytes; /* of the file: up to there lines were looked at */
    size_t taken;        /* of `in` */
    bool skips;          /* in the middle of a line that is too long */
    bool ended;          /* all of the file was looked at */
    bool failed;         /* it cannot go on: why */
    char failure[200];
    bool log_failed, pumping;
    bool configures, configured; /* configurations.c has its turn; has had it */
    struct bulk *filling;        /* NULL: none */
    unsigned under_way;
    struct bulk *bulks[IMPORT_BULKS]; /* at the registry; NULL: free */
};

static void pump(struct import *i);

/* ---- life */

static void bulk_free(struct bulk *b)
{
    if (b == NULL) return;
    if (b->asks) registry_forget(b->import->t->all->registry, &b->wait);
    timer_stop(&b->timer);
    arena_wipe(&b->arena);
    free(b);
}

void transfer_import_free(struct transfer *t)
{
    struct import *i = t->import;
    if (i == NULL) return;
    for (int k = 0; k < IMPORT_BULKS; k++) bulk_free(i->bulks[k]);
    bulk_free(i->filling);
    buf_wipe(&i->in);
    buf_free(&i->errors);
    free(i);
    t->import = NULL;
}

static void fail_import(struct import *i, const char *what, const char *why)
{
    if (i->failed) return;
    snprintf(i->failure, sizeof i->failure, "%s: %s", what, why);
    i->failed = true;
}

static void fail_log(struct import *i, const char *why)
{
    fail_import(i, "the log of errors cannot be written", why);
    i->log_failed = true;
}

static bool is_stopping(const struct import *i)
{
    return i->failed || i->t->stopping;
}

/* ---- the log */

static void note_error(struct import *i, const struct line_error *e)
{
    metric_inc(&failed_total);
    i->t->row.failed++;
    transfer_line_put_error(&i->errors, e);
}

static void on_logged(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct import *i = transfer_answered(w)->import;
    if (a->err != OK) fail_log(i, a->text);
    pump(i);
}

static void write_log(struct import *i)
{
    struct slice piece = slice_head(buf_slice(&i->errors), PLACE_PIECE);
    sink_append(&i->t->sink, piece, transfer_wait_blob(i->t, on_logged));
    buf_consume(&i->errors, piece.len);
}

static void finish(struct import *i)
{
    struct transfer *t = i->t;
    sink_abort(&t->sink);
    if (i->failed)
        transfer_end(t, TRANSFER_FAILED, i->failure);
    else
        transfer_end(t, t->stopping ? TRANSFER_CANCELLED : TRANSFER_COMPLETED, NULL);
}

static void on_log_ended(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct import *i = transfer_answered(w)->import;
    if (a->err != OK) fail_log(i, a->text);
    finish(i);
}

/* ---- bulks */

static struct slice member(const struct json *j, const char *key)
{
    struct slice s = json_str(j, key);
    return s.ptr ? s : SLICE_LIT("");
}

static struct item *find_item(struct bulk *b, struct slice device_id, struct slice module_id)
{
    for (unsigned k = 0; k < b->count; k++)
        if (slice_eq(b->items[k].device_id, device_id) &&
            slice_eq(b->items[k].module_id, module_id))
            return &b->items[k];
    return NULL;
}

static bool passes(enum status s)
{
    return s == STATUS_THROTTLING || s == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED ||
           s == STATUS_SERVICE_UNAVAILABLE;
}

static void take_error(struct bulk *b, const struct json *error)
{
    struct item *item = find_item(b, member(error, "deviceId"), member(error, "moduleId"));
    enum status s = status_of_name(member(error, "errorCode"));
    if (item == NULL) return;
    if (passes(s) && b->tries < IMPORT_TRIES && !is_stopping(b->import)) {
        item->again = true;
        return;
    }
    note_error(b->import, &(struct line_error){.line = item->number,
                                               .device_id = item->device_id,
                                               .module_id = item->module_id,
                                               .code = s < STATUSES ? status_number(s) : 0,
                                               .text = member(error, "errorStatus")});
}

/* The identity is there, its twin is not. */
static void take_warning(struct bulk *b, const struct json *warning)
{
    struct buf text = {0};
    struct item *item = find_item(b, member(warning, "deviceId"), member(warning, "moduleId"));
    if (item == NULL) return;
    buf_printf(&text, "DeviceRegisteredWithoutTwin: %.*s",
               SLICE_ARG(member(warning, "warningStatus")));
    note_error(b->import, &(struct line_error){.line = item->number,
                                               .device_id = item->device_id,
                                               .module_id = item->module_id,
                                               .code = status_number(STATUS_ARGUMENT_INVALID),
                                               .text = buf_slice(&text)});
    buf_free(&text);
}

static unsigned keep_again(struct bulk *b)
{
    unsigned kept = 0;
    for (unsigned k = 0; k < b->count; k++)
        if (b->items[k].again) b->items[kept++] = b->items[k];
    return b->count = kept;
}

static void on_again(struct timer *timer, int64_t now_us);
static void send(struct bulk *b);

static void bulk_done(struct bulk *b)
{
    struct import *i = b->import;
    for (int k = 0; k < IMPORT_BULKS; k++)
        if (i->bulks[k] == b) i->bulks[k] = NULL;
    i->under_way--;
    bulk_free(b);
    pump(i);
}

static void take_result(struct bulk *b, const struct registry_answer *a)
{
    struct arena arena = {0};
    struct json *result;
    if (json_parse(&arena, a->body, &result) != OK) {
        fail_import(b->import, "the registry's answer cannot be read", fail_text());
    } else {
        const struct json *errors = json_get(result, "errors");
        const struct json *warnings = json_get(result, "warnings");
        for (const struct json *e = errors ? errors->child : NULL; e; e = e->next) take_error(b, e);
        for (const struct json *w = warnings ? warnings->child : NULL; w; w = w->next)
            take_warning(b, w);
    }
    arena_free(&arena);
}

static void on_bulk(struct registry_wait *w, const struct registry_answer *a)
{
    struct bulk *b = CONTAINER_OF(w, struct bulk, wait);
    struct import *i = b->import;
    unsigned said = b->count;
    int64_t failed = i->t->row.failed;
    b->asks = false;
    for (unsigned k = 0; k < b->count; k++) b->items[k].again = false;
    if (a->body.len)
        take_result(b, a);
    else
        fail_import(i, "the registry refused a bulk", status_name(a->status));
    unsigned again = keep_again(b);
    i->t->row.lines += said - again;
    if (!i->failed) metric_add(&imported_total, said - again - (i->t->row.failed - failed));
    if (again == 0) {
        bulk_done(b);
        return;
    }
    b->tries++;
    timer_set(&i->t->all->lane->timers, &b->timer, clock_mono_us() + TRANSFER_AGAIN_US);
}

static void send(struct bulk *b)
{
    struct transfer *t = b->import->t;
    struct buf json = BUF_SECRET, by = {0};
    buf_printf(&by, "import job %.*s", SLICE_ARG(t->row.id));
    buf_put_u8(&json, '[');
    for (unsigned k = 0; k < b->count; k++) {
        if (k) buf_put_u8(&json, ',');
        buf_put_slice(&json, b->items[k].json);
    }
    buf_put_u8(&json, ']');
    b->wait = (struct registry_wait){.fn = on_bulk, .by = buf_slice(&by)};
    b->asks = true;
    registry_bulk(t->all->registry, buf_slice(&json), &b->wait);
    buf_wipe(&json);
    buf_free(&by);
}

static void on_again(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    send(CONTAINER_OF(timer, struct bulk, timer));
}

static struct bulk *filling(struct import *i)
{
    if (i->filling) return i->filling;
    struct bulk *b = i->filling = NEW(struct bulk);
    b->import = i;
    timer_init(&b->timer, on_again);
    return b;
}

static void send_filled(struct import *i)
{
    struct bulk *b = i->filling;
    for (int k = 0; k < IMPORT_BULKS; k++) {
        if (i->bulks[k]) continue;
        i->bulks[k] = b;
        break;
    }
    i->filling = NULL;
    i->under_way++;
    send(b);
}

static bool bulk_has(const struct bulk *b, uint64_t who)
{
    for (unsigned k = 0; b && k < b->count; k++)
        if (b->items[k].who == who) return true;
    return false;
}

static bool is_under_way(const struct import *i, uint64_t who)
{
    for (int k = 0; k < IMPORT_BULKS; k++)
        if (bulk_has(i->bulks[k], who)) return true;
    return false;
}

/* ---- lines */

static void refuse_line(struct import *i, enum status s, const char *text)
{
    note_error(i, &(struct line_error){.line = i->line,
                                       .device_id = SLICE_LIT(""),
                                       .code = status_number(s),
                                       .text = slice_str(text)});
    i->t->row.lines++;
}

/* What is taken for a line: not an empty one, not a byte order mark, and not the prose that comes first
 * in a file without keys. */
static struct slice content_of(const struct import *i, struct slice line)
{
    if (i->line == 1 && slice_starts(line, SLICE_LIT("\xEF\xBB\xBF"))) line = slice_from(line, 3);
    line = slice_trim(line);
    if (i->line == 1 && line.len && line.ptr[0] != '{' && line.ptr[0] != '[') line.len = 0;
    return line;
}

static uint64_t hash_of(struct slice device_id, struct slice module_id)
{
    struct buf who = {0};
    hub_put_who(&who, device_id, module_id);
    uint64_t hash = map_hash(buf_slice(&who));
    buf_free(&who);
    return hash;
}

/* The list of a bulk will be around it. */
static enum err read_line(struct arena *a, struct slice text, struct json **out)
{
    return json_parse_within(a, text, JSON_DEPTH_MAX - 1, "a line", out);
}

enum took { TOOK, WAITS };

/* Into the bulk that is being filled; WAITS: not yet. */
static enum took take_object(struct import *i, struct slice text)
{
    struct arena arena = {0};
    struct json *j;
    enum took took = TOOK;
    if (read_line(&arena, text, &j) != OK) {
        refuse_line(i, STATUS_DESERIALIZATION_ERROR, fail_text());
    } else if (j->type != JSON_OBJECT || json_str(j, "id").len == 0) {
        refuse_line(i, STATUS_ARGUMENT_INVALID, "a line is an object with an id");
    } else {
        struct slice device_id = member(j, "id"), module_id = member(j, "moduleId");
        uint64_t who = hash_of(device_id, module_id);
        bool fits = i->filling == NULL || i->filling->bytes + text.len <= IMPORT_BULK_BYTES;
        if (!fits || is_under_way(i, who) || bulk_has(i->filling, who)) {
            took = WAITS;
        } else {
            struct bulk *b = filling(i);
            b->bytes += text.len;
            b->items[b->count++] = (struct item){.number = i->line,
                                                 .json = arena_copy(&b->arena, text),
                                                 .device_id = arena_copy(&b->arena, device_id),
                                                 .module_id = arena_copy(&b->arena, module_id),
                                                 .who = who};
        }
    }
    arena_wipe(&arena);
    return took;
}

static bool is_filled(const struct import *i)
{
    const struct bulk *b = i->filling;
    return b && b->count == REGISTRY_BULK_MAX;
}

static void forget_taken(struct import *i)
{
    i->done_bytes += i->taken;
    buf_consume(&i->in, i->taken);
    i->taken = 0;
}

/* One line; false: none is there, or it has to wait (`*waits`). */
static bool take_line(struct import *i, bool *waits)
{
    bool last = i->offset == i->size;
    size_t before = i->taken;
    struct slice line;
    if (!transfer_line_next(buf_slice(&i->in), &i->taken, last, &line)) return false;
    if (i->skips) {
        i->skips = false;
        return true;
    }
    i->line++;
    struct slice text = content_of(i, line);
    if (text.len > TRANSFER_LINE_MAX) {
        refuse_line(i, STATUS_MESSAGE_TOO_LARGE, "a line has at most 512 KiB");
    } else if (text.len && take_object(i, text) == WAITS) {
        i->line--;
        i->taken = before;
        *waits = true;
        return false;
    }
    return true;
}

/* What there is has no end of line and is too long already. */
static void skip_long_line(struct import *i)
{
    if (buf_size(&i->in) - i->taken <= TRANSFER_LINE_MAX + AROUND_LINE_MAX || i->offset == i->size)
        return;
    if (!i->skips) {
        i->line++;
        refuse_line(i, STATUS_MESSAGE_TOO_LARGE, "a line has at most 512 KiB");
    }
    i->skips = true;
    i->taken = buf_size(&i->in);
}

/* ---- the file */

static void on_piece(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct import *i = transfer_answered(w)->import;
    if (a->err != OK) {
        fail_import(i, "the file cannot be read", a->text);
    } else {
        buf_put_slice(&i->in, a->bytes);
        i->offset += a->bytes.len;
    }
    pump(i);
}

static void read_more(struct import *i)
{
    uint64_t left = i->size - i->offset;
    source_read(&i->t->from, i->modified_us, i->offset, (uint32_t)MIN(left, PLACE_PIECE),
                transfer_wait_blob(i->t, on_piece));
}

/* ---- steps */

/* Lines become bulks as long as there is room for them and for what is wrong with them; true: more of the
 * file is wanted. */
static bool take_lines(struct import *i)
{
    bool waits = false;
    while (i->under_way < IMPORT_BULKS && !is_stopping(i) && buf_size(&i->errors) < PLACE_PIECE) {
        if (is_filled(i)) {
            send_filled(i);
            continue;
        }
        if (take_line(i, &waits)) continue;
        if (waits && i->filling == NULL) break; /* for a bulk that is under way */
        if (waits) {
            waits = false;
            send_filled(i);
            continue;
        }
        skip_long_line(i);
        forget_taken(i);
        if (i->offset < i->size) return true;
        i->ended = true;
        if (i->filling) send_filled(i);
        break;
    }
    forget_taken(i);
    return false;
}

static void on_configurations(struct transfer *t, const char *failure)
{
    struct import *i = t->import;
    i->configured = true;
    if (failure) fail_import(i, "the file of configurations cannot be read", failure);
    buf_put_slice(&i->errors, transfer_configurations_errors(t));
    pump(i);
}

/* After the identities.  true: they have their turn. */
static bool configures(struct import *i)
{
    if (i->configures || !i->t->row.configurations || is_stopping(i))
        return i->configures && !i->configured;
    i->configures = true;
    transfer_configurations_begin(i->t, on_configurations);
    return true;
}

/* What is said meanwhile (the registry may answer at once) is seen by the pump that runs. */
static void pump(struct import *i)
{
    if (i->pumping) return;
    i->pumping = true;
    bool wants_more = take_lines(i);
    i->pumping = false;
    transfer_progress(i->t, (int64_t)i->done_bytes, (int64_t)i->size);
    if (i->t->asks_blob) return;
    bool over = i->under_way == 0 && (i->ended || is_stopping(i));
    size_t errors = buf_size(&i->errors);
    if (over && configures(i)) return;
    if (over && i->log_failed)
        finish(i);
    else if (!i->log_failed && (errors >= PLACE_PIECE || (over && errors)))
        write_log(i);
    else if (over)
        sink_end(&i->t->sink, transfer_wait_blob(i->t, on_log_ended));
    else if (wants_more)
        read_more(i);
}

static void on_log_begun(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    if (a->err != OK) {
        fail_log(t->import, a->text);
        finish(t->import);
        return;
    }
    sink_begun(&t->sink, a);
    pump(t->import);
}

static void on_opened(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct transfer *t = transfer_answered(w);
    struct import *i = t->import;
    if (a->err != OK) {
        fail_import(i, "the file cannot be read", a->text);
        finish(i);
        return;
    }
    i->size = a->props.size;
    i->modified_us = a->props.modified_us;
    sink_begin(&t->sink, &t->to, transfer_wait_blob(t, on_log_begun));
}

void transfer_import_begin(struct transfer *t)
{
    t->import = NEW(struct import);
    t->import->t = t;
    t->import->in = BUF_SECRET; /* keys of identities */
    source_open(&t->from, false, transfer_wait_blob(t, on_opened));
}

void transfer_import_stop(struct transfer *t)
{
    pump(t->import);
}
