/* cmd_backup.c - azimuth backup create | verify | restore. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd_backup.h"
#include "cli/file.h"
#include "cli/http.h"

enum { MANIFEST_MAX = 256 << 20, SNAPSHOT_WAIT_S = 3600 };

#define RESTORING "restoring" /* the file of a restored directory that is not whole */

const struct cli_option backup_create_options[] = {
    {"to t", "DIR", "where to; it must not be there, or be empty"}, {"", NULL, NULL}};
const struct cli_option backup_verify_options[] = {{"from f", "DIR", "the backup"},
                                                   {"", NULL, NULL}};
const struct cli_option backup_restore_options[] = {
    {"from f", "DIR", "the backup; --data is where it goes: not there, or empty"},
    {"", NULL, NULL}};

static void show(void *ctx, const struct backup_progress *p, bool ended)
{
    progress_show(
        ctx,
        &(struct progress_at){
            .step = p->what, .unit = "bytes", .done = p->done, .total = p->all, .ended = ended});
}

/* ---- the manifest */

static enum err read_manifest(struct cli *c, const char *root, const struct json **files)
{
    char path[BACKUP_PATH_MAX];
    struct slice text;
    struct json *doc;
    int64_t version = 0;
    TRY(backup_join(path, root, BACKUP_MANIFEST));
    if (access(path, F_OK))
        return fail(ERR_NOT_FOUND,
                    "%s has no " BACKUP_MANIFEST ": it is no backup, or one that was not finished",
                    root);
    TRY(file_load_max(c, path, MANIFEST_MAX, &text));
    if (json_parse(&c->arena, text, &doc) != OK) return fail(ERR_CORRUPT, "%s is damaged", path);
    const struct json *v = json_get(doc, "version");
    if (v == NULL || json_i64(v, &version) != OK || version > BACKUP_MANIFEST_VERSION)
        return fail(
            ERR_VERSION,
            "%s is of version %lld, this program knows up to %d; restore it with the newer program",
            path, (long long)version, BACKUP_MANIFEST_VERSION);
    *files = json_get(doc, "files");
    bool some = *files && (*files)->type == JSON_ARRAY && (*files)->child;
    return some && version > 0 ? OK : fail(ERR_CORRUPT, "%s is damaged", path);
}

/* ---- create */

/* What nobody else may have meanwhile. */
struct locks {
    int backup;
    int server; /* held while no server runs, so that none starts; -1: one runs */
};

static enum err take_locks(const char *data, struct locks *l)
{
    char path[BACKUP_PATH_MAX];
    *l = (struct locks){.backup = -1, .server = -1};
    TRY(backup_join(path, data, "lock"));
    l->server = open(path, O_RDWR | O_CLOEXEC);
    if (l->server < 0 && errno != ENOENT) return fail_errno("cannot open %s", path);
    if (l->server < 0)
        return fail(ERR_NOT_FOUND, "%s is no data directory of a server; name it with --data",
                    data);
    TRY(backup_lock_open(data, &l->backup));
    TRY(backup_lock_take(l->backup));
    if (flock(l->server, LOCK_EX | LOCK_NB) == 0) return OK;
    close(l->server);
    l->server = -1;
    return OK;
}

static void leave_locks(struct locks *l)
{
    if (l->server >= 0) close(l->server);
    if (l->backup >= 0) close(l->backup);
}

static enum err copy_store_of_idle(struct backup_copies *x)
{
    static const char *const names[] = {BACKUP_STORE, BACKUP_STORE "-wal"};
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        TRY(backup_join(from, x->from, names[i]));
        TRY(backup_join(to, x->to, names[i]));
        enum err e = backup_copy_file(from, to, &x->progress, NULL);
        if (e != OK && !(i == 1 && e == ERR_NOT_FOUND)) return e;
    }
    return OK;
}

static enum err copy_store_of_server(struct cli *c, struct backup_copies *x)
{
    struct target t;
    struct json *made;
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    TRY(target_of_directory(c, x->from, &t));
    const struct http_call call = {
        .method = "POST", .path = "/admin/v1/backup/snapshot", .wait_s = SNAPSHOT_WAIT_S};
    TRY(http_json(&t, &call, "the store's snapshot", &made));
    TRY(backup_join(from, x->from, BACKUP_SNAPSHOT));
    TRY(backup_join(to, x->to, BACKUP_STORE));
    enum err e = backup_copy_file(from, to, &x->progress, NULL);
    if (e == ERR_NOT_FOUND)
        e = fail(
            ERR_NOT_FOUND,
            "the server at %s keeps nothing on disk (--ephemeral): there is nothing to back up",
            x->from);
    unlink(from);
    return e;
}

/* It shows when the last backup was. */
static void tell_server(struct cli *c, const char *data)
{
    struct target t;
    struct http_answer a;
    const struct http_call call = {.method = "POST", .path = "/admin/v1/backup/finished"};
    if (target_of_directory(c, data, &t) == OK && http_do(&t, &call, &a) == OK)
        http_answer_free(&a);
}

static enum err copy_all(struct cli *c, struct backup_copies *x, int lock)
{
    struct backup_size size;
    TRY(backup_room(x->from, x->to, lock < 0, 0));
    TRY(backup_measure(x->from, &size));
    x->progress.all = size.copied;
    TRY(lock >= 0 ? copy_store_of_idle(x) : copy_store_of_server(c, x));
    TRY(backup_walk(x->from, "", backup_copy_other, x));
    return backup_copy_log(x->from, x->to, &x->progress);
}

static enum err print_done(struct cli *c, const char *place, const char *what, unsigned count,
                           uint64_t bytes)
{
    struct json *o = json_new(&c->arena, JSON_OBJECT);
    json_set(&c->arena, o, SLICE_LIT("path"), json_new_string(&c->arena, slice_str(place)));
    json_set(&c->arena, o, SLICE_LIT("status"), json_new_string(&c->arena, slice_str(what)));
    json_set(&c->arena, o, SLICE_LIT("files"), json_new_i64(&c->arena, count));
    json_set(&c->arena, o, SLICE_LIT("bytes"), json_new_i64(&c->arena, (int64_t)bytes));
    return output_value(&c->output, &c->arena, o, "path status files bytes");
}

/* In the data directory it would be copied into itself, and into the next one. */
static enum err make_place(const struct backup_copies *x)
{
    TRY(backup_make_dir(x->to));
    if (!backup_lies_in(x->to, x->from)) return OK;
    rmdir(x->to);
    return fail(ERR_INVALID, "--to %s: it lies in the data directory", x->to);
}

/* Copied, checked, and noted. */
static enum err create(struct cli *c, struct backup_copies *x, int lock)
{
    TRY(make_place(x));
    TRY(copy_all(c, x, lock));
    backup_shown(&x->progress);
    struct backup_progress progress = {
        .show = show, .ctx = &c->progress, .what = "checking", .all = x->progress.done};
    struct backup_files f = {.root = x->to, .progress = &progress};
    enum err e = backup_write_manifest(&f);
    buf_free(&f.text);
    TRY(e);
    backup_shown(&progress);
    if (backup_note(x->from, x->to, f.count, f.bytes) != OK)
        fprintf(stderr, "the backup is good; that there is one is not noted: %s\n", fail_text());
    if (lock < 0) tell_server(c, x->from);
    return print_done(c, x->to, "created", f.count, f.bytes);
}

enum err backup_create(struct cli *c)
{
    struct slice to;
    struct locks locks;
    struct backup_copies x = {.from = target_directory(c, true),
                              .progress = {.show = show, .ctx = &c->progress, .what = "copying"}};
    TRY(cli_need(c, "to", &to));
    x.to = cli_value(c, "to");
    umask(0077);
    enum err e = take_locks(x.from, &locks);
    if (e == OK) e = create(c, &x, locks.server);
    leave_locks(&locks);
    return e;
}

/* ---- verify, restore */

/* A path that leads out of the backup is nobody's of ours. */
static bool is_inside(struct slice path)
{
    struct slice part;
    if (path.len == 0 || path.len >= BACKUP_PATH_MAX / 2 || path.ptr[0] == '/') return false;
    while (slice_split(&path, '/', &part))
        if (part.len == 0 || slice_is(part, ".") || slice_is(part, "..") ||
            memchr(part.ptr, 0, part.len))
            return false;
    return true;
}

static enum err make_parents(const char *path)
{
    char part[BACKUP_PATH_MAX];
    for (const char *at = path; (at = strchr(at + 1, '/')) != NULL;) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (mkdir(part, 0700) && errno != EEXIST) return fail_errno("cannot make %s", part);
    }
    return OK;
}

struct taking {
    const char *from, *to; /* `to` NULL: it is only looked at */
    struct backup_progress progress;
    unsigned count;
    uint64_t bytes;
};

/* `to` NULL: likewise. */
static enum err copy_checked(struct taking *t, const struct json *j, const char *from,
                             const char *to)
{
    uint8_t digest[BACKUP_DIGEST_LEN];
    struct buf hex = {0};
    uint64_t before = t->progress.done;
    TRY(backup_copy_file(from, to, &t->progress, digest));
    t->bytes += t->progress.done - before;
    text_hex(&hex, slice_of(digest, sizeof digest));
    bool same = slice_eq(buf_slice(&hex), json_str(j, "sha256"));
    buf_free(&hex);
    return same ? OK : fail(ERR_CORRUPT, "%s is not what was backed up: its SHA-256 differs", from);
}

/* It has its name when it is whole. */
static enum err put_back(struct taking *t, const struct json *j, const char *from, const char *path)
{
    char part[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    TRY(backup_join(part, t->to, RESTORING));
    TRY(backup_join(to, t->to, path));
    TRY(make_parents(to));
    enum err e = copy_checked(t, j, from, part);
    if (e == OK && rename(part, to)) e = fail_errno("cannot make %s", to);
    if (e != OK) unlink(part);
    return e;
}

static enum err take_file(struct taking *t, const struct json *j)
{
    char from[BACKUP_PATH_MAX], below[BACKUP_PATH_MAX / 2];
    struct slice path = json_str(j, "path");
    if (!is_inside(path))
        return fail(ERR_CORRUPT, "%s: the manifest names a path outside of it", t->from);
    snprintf(below, sizeof below, "%.*s", SLICE_ARG(path));
    TRY(backup_join(from, t->from, below));
    t->count++;
    return t->to ? put_back(t, j, from, below) : copy_checked(t, j, from, NULL);
}

/* No server starts on a stream without its store: so none takes for a hub what was not restored to its end. */
enum turn { TURN_STREAM, TURN_OTHERS, TURN_STORE };

static enum turn turn_of(const struct json *j)
{
    struct slice path = json_str(j, "path");
    return slice_is(path, "log.meta")     ? TURN_STREAM
           : slice_is(path, BACKUP_STORE) ? TURN_STORE
                                          : TURN_OTHERS;
}

static enum err take_turn(struct taking *t, const struct json *files, enum turn turn)
{
    for (const struct json *j = files->child; j; j = j->next)
        if (turn_of(j) == turn) TRY(take_file(t, j));
    return OK;
}

static enum err sync_directory(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    const struct taking *t = ctx;
    char whole[BACKUP_PATH_MAX];
    (void)size;
    TRY(backup_join(whole, t->to, path));
    return is_dir ? backup_sync_dir(whole) : OK;
}

static enum err sync_all(struct taking *t)
{
    if (t->to == NULL) return OK;
    TRY(backup_walk(t->to, "", sync_directory, t));
    return backup_sync_dir(t->to);
}

static enum err take_all(struct cli *c, const char *from, const char *to, const char *what)
{
    const struct json *files;
    struct taking t = {
        .from = from, .to = to, .progress = {.show = show, .ctx = &c->progress, .what = what}};
    int64_t size;
    TRY(read_manifest(c, from, &files));
    for (const struct json *j = files->child; j; j = j->next)
        if (json_get(j, "size") && json_i64(json_get(j, "size"), &size) == OK)
            t.progress.all += (uint64_t)size;
    for (enum turn turn = TURN_STREAM; turn <= TURN_STORE; turn++) {
        TRY(take_turn(&t, files, turn));
        TRY(sync_all(&t));
    }
    backup_shown(&t.progress);
    return print_done(c, to ? to : from, to ? "restored" : "good", t.count, t.bytes);
}

enum err backup_verify(struct cli *c)
{
    struct slice from;
    TRY(cli_need(c, "from", &from));
    return take_all(c, cli_value(c, "from"), NULL, "checking");
}

enum err backup_restore(struct cli *c)
{
    struct slice from;
    const char *data = target_directory(c, false);
    TRY(cli_need(c, "from", &from));
    umask(0077);
    TRY(backup_make_dir(data));
    return take_all(c, cli_value(c, "from"), data, "restoring");
}
