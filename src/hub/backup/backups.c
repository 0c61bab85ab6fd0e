/* backups.c - backups that the server makes: one at a time, into the directory that it was started with. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "hub/backup/backup.h"

COUNTER(made, "azimuth_backups_total", "Backups that the server made by itself");
COUNTER(failed, "azimuth_backups_failed_total", "Backups of the server's own that failed");
LIMIT_REACHED(at_once, "backups")

enum { BACKUPS_BEGIN = HUB_BACKUP, BACKUPS_LOOK, ERROR_MAX = 512 };

/* The lock: a core tells how far it is while the lane is at its copying and reads no mail.  It is held for a few
 * assignments. */
struct backups {
    struct backups_config cfg;
    struct backup_wait snapshot;
    struct watch progress;
    pthread_mutex_t lock;
    bool running;
    char name[BACKUPS_NAME_MAX], began[CLOCK_ISO_LEN + 1], error[ERROR_MAX];
    struct buf last; /* JSON; empty: there was none */
};

/* ---- what the last one was */

static void copy_text(struct buf *out, const char *name, const struct json *from)
{
    buf_printf(out, "\"%s\":", name);
    text_json_string(out, json_str(from, name));
}

static void copy_number(struct buf *out, const char *name, const struct json *from)
{
    const struct json *number = json_get(from, name);
    int64_t n = 0;
    if (number) (void)!json_i64(number, &n);
    buf_printf(out, ",\"%s\":%lld", name, (long long)n);
}

static void look(struct backups *b)
{
    struct buf text = {0}, last = {0};
    struct arena arena = {0};
    struct json *doc;
    if (io_load(b->cfg.files, BACKUP_LAST, &text) == OK &&
        json_parse(&arena, buf_slice(&text), &doc) == OK) {
        buf_put_u8(&last, '{');
        copy_text(&last, "path", doc);
        buf_put_u8(&last, ',');
        copy_text(&last, "createdAt", doc);
        copy_number(&last, "files", doc);
        copy_number(&last, "bytes", doc);
        buf_put_u8(&last, '}');
    }
    arena_free(&arena);
    buf_free(&text);
    pthread_mutex_lock(&b->lock);
    buf_free(&b->last);
    b->last = last;
    pthread_mutex_unlock(&b->lock);
}

static void on_look(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane, (void)m;
    look(ctx);
}

/* ---- one of them */

static void end(struct backups *b, enum err e)
{
    if (e == OK) {
        metric_inc(&made);
        say_info("backup.made", "name=%s bytes=%llu", b->name,
                 (unsigned long long)b->progress.done);
        look(b);
    } else {
        metric_inc(&failed);
        say_warn("backup.failed", "name=%s reason=\"%s\"", b->name, fail_text());
    }
    backup_lock_give(b->cfg.lock);
    pthread_mutex_lock(&b->lock);
    b->running = false;
    if (e != OK) snprintf(b->error, sizeof b->error, "%s", fail_text());
    pthread_mutex_unlock(&b->lock);
}

static void on_snapshot(struct backup_wait *w, enum err e)
{
    struct backups *b = CONTAINER_OF(w, struct backups, snapshot);
    struct backup_progress p = {.what = "copying", .watch = &b->progress};
    char to[BACKUPS_PATH_MAX + BACKUPS_NAME_MAX];
    snprintf(to, sizeof to, "%s/%s", b->cfg.dir, b->name);
    end(b, e == OK
               ? b->cfg.copy(b->cfg.data, to, &p)
               : fail(e, "the store could not write a copy of itself: is there room on the disk?"));
}

static void on_begin(void *ctx, struct lane *lane, struct msg *m)
{
    struct backups *b = ctx;
    (void)m;
    say_info("backup.begun", "name=%s", b->name);
    b->snapshot.fn = on_snapshot;
    enum err e = b->cfg.room(b->cfg.data, b->cfg.dir, true, b->cfg.reserve_bytes);
    if (e == OK)
        backup_snapshot(b->cfg.hub, lane, &b->snapshot);
    else
        end(b, e);
}

/* 2026-11-27T18:46:48.123Z: azimuth-20261127T184648Z. */
static void name_it(struct backups *b)
{
    clock_iso(clock_wall_us(), b->began);
    size_t len = (size_t)snprintf(b->name, sizeof b->name, "azimuth-");
    for (const char *at = b->began; *at && *at != '.' && len + 2 < sizeof b->name; at++)
        if (*at != '-' && *at != ':' && *at != 'Z') b->name[len++] = *at;
    snprintf(b->name + len, sizeof b->name - len, "Z");
}

static void post_to_lane(struct backups *b, struct lane *core, unsigned kind)
{
    post(core, lane_addr(core), lane_addr(b->cfg.lane), msg_new(kind, 0));
}

static enum err begin(struct backups *b)
{
    pthread_mutex_lock(&b->lock);
    enum err e = b->running ? fail(ERR_CONFLICT, "another backup is under way")
                            : backup_lock_take(b->cfg.lock);
    if (e == OK) {
        b->running = true;
        b->error[0] = '\0';
        b->progress.done = b->progress.all = 0;
        name_it(b);
    }
    pthread_mutex_unlock(&b->lock);
    return e;
}

enum err backups_begin(struct backups *b, struct lane *core)
{
    if (b->cfg.dir == NULL)
        return fail(ERR_UNSUPPORTED, "this server was not told where backups may go: start it with "
                                     "--backup-dir DIR, or use 'azimuth backup create --to DIR'");
    enum err e = begin(b);
    if (e == ERR_CONFLICT) metric_inc(&at_once);
    TRY(e);
    post_to_lane(b, core, BACKUPS_BEGIN);
    return OK;
}

void backups_look(struct backups *b, struct lane *core)
{
    post_to_lane(b, core, BACKUPS_LOOK);
}

/* ---- what is told */

static void put_text(struct buf *json, const char *name, const char *text)
{
    buf_printf(json, "\"%s\":", name);
    if (text && *text)
        text_json_string(json, slice_str(text));
    else
        buf_put_str(json, "null");
}

static void put_running(const struct backups *b, struct buf *json)
{
    buf_put_str(json, ",\"running\":");
    if (!b->running) {
        buf_put_str(json, "null");
        return;
    }
    buf_put_u8(json, '{');
    put_text(json, "name", b->name);
    buf_put_u8(json, ',');
    put_text(json, "startedAt", b->began);
    buf_printf(json, ",\"bytes\":%llu,\"totalBytes\":%llu}", (unsigned long long)b->progress.done,
               (unsigned long long)b->progress.all);
}

void backups_put(struct backups *b, struct buf *json)
{
    buf_put_u8(json, '{');
    put_text(json, "directory", b->cfg.dir);
    pthread_mutex_lock(&b->lock);
    put_running(b, json);
    buf_put_str(json, ",\"last\":");
    buf_put_slice(json, buf_size(&b->last) ? buf_slice(&b->last) : SLICE_LIT("null"));
    buf_put_u8(json, ',');
    put_text(json, "error", b->error);
    pthread_mutex_unlock(&b->lock);
    buf_put_u8(json, '}');
}

/* ---- life */

/* What a stop or a kill left while the store wrote it: nobody will take it away. */
static void remove_snapshot(const struct backups_config *cfg)
{
    if (cfg->lock < 0 || backup_lock_take(cfg->lock) != OK) return;
    (void)!io_remove(cfg->files, STORE_SNAPSHOT);
    (void)!io_remove(cfg->files, STORE_SNAPSHOT_NEW);
    backup_lock_give(cfg->lock);
}

struct backups *backups_new(const struct backups_config *cfg)
{
    struct backups *b = NEW(struct backups);
    b->cfg = *cfg;
    pthread_mutex_init(&b->lock, NULL);
    lane_on(cfg->lane, BACKUPS_BEGIN, on_begin, b);
    lane_on(cfg->lane, BACKUPS_LOOK, on_look, b);
    remove_snapshot(cfg);
    look(b);
    return b;
}

void backups_stop(struct backups *b)
{
    if (b) b->progress.stop = true;
}

void backups_free(struct backups *b)
{
    if (b == NULL) return;
    if (b->cfg.lock >= 0) close(b->cfg.lock);
    pthread_mutex_destroy(&b->lock);
    buf_free(&b->last);
    free(b);
}
